//! `meta.yaml` of experiments and runs: what it means, in the form of any version.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::files::content;
use super::layout::META;
use super::yaml::{Mapping, int, read, text};
use crate::mlflow::{ExperimentId, LifecycleStage, RunId, RunInfo, RunStatus};
use crate::store::ErrorKind;

/// Bytes of a `meta.yaml`; MLflow's have some hundreds.
const MOST: u64 = 4 << 20;

/// MLflow writes over the file in its place, and reads it again after a while where it is not whole: so is it done here, after
/// so many milliseconds each.
const AGAIN: [u64; 3] = [10, 50, 100];
/// What was written longer ago is not being written.
const SETTLED: Duration = Duration::from_secs(10);

/// Whether somebody may be writing a folder's `meta.yaml` just now.
pub fn is_unsettled(folder: &Path) -> bool {
    let Ok(time) = folder.join(META).metadata().and_then(|metadata| metadata.modified()) else {
        return false;
    };
    let age = SystemTime::now().duration_since(time).unwrap_or_else(|ahead| ahead.duration());
    age < SETTLED
}

/// What `read` makes of a folder's `meta.yaml`, again and again as long as it may be in the middle of being written.
fn when_whole(folder: &Path, read: impl Fn() -> Result<Mapping, String>) -> Result<Mapping, String> {
    let mut found = read();
    for pause in AGAIN {
        if found.is_ok() || !is_unsettled(folder) {
            break;
        }
        std::thread::sleep(Duration::from_millis(pause));
        found = read();
    }
    found
}

/// The content of a folder's `meta.yaml`; why there is none, in words.
pub fn load(folder: &Path) -> Result<Mapping, String> {
    when_whole(folder, || load_once(folder))
}

/// The same of a run, which has to be whole.
pub fn load_run(folder: &Path) -> Result<Mapping, String> {
    when_whole(folder, || load_once(folder).and_then(whole_run))
}

/// Every version of MLflow writes these, almost at the end: without them the end of the file is missing.
pub fn whole_run(meta: Mapping) -> Result<Mapping, String> {
    match ["start_time", "status"].into_iter().find(|key| !meta.contains_key(*key)) {
        Some(key) => Err(format!("{META} is not whole: it says no {key}")),
        None => Ok(meta),
    }
}

fn load_once(folder: &Path) -> Result<Mapping, String> {
    let content = match content(&folder.join(META), MOST) {
        Ok((content, false)) => content,
        Ok((_, true)) => return Err(format!("{META} has more than {} MB", MOST >> 20)),
        Err(ErrorKind::NotFound(_)) => return Err(format!("there is no {META}")),
        Err(error) => return Err(format!("{META} cannot be read: {error}")),
    };
    parse(&content)
}

/// The same of its bytes.
pub fn parse(content: &[u8]) -> Result<Mapping, String> {
    let content = std::str::from_utf8(content).map_err(|_| format!("{META} is not UTF-8"))?;
    read(content).map_err(|why| format!("{META} cannot be understood: {why}"))
}

/// MLflow's numbers of statuses.
pub fn status_number(status: RunStatus) -> i64 {
    match status {
        RunStatus::Running => 1,
        RunStatus::Scheduled => 2,
        RunStatus::Finished => 3,
        RunStatus::Failed => 4,
        RunStatus::Killed => 5,
    }
}

/// A status by its number, or by its name as somebody may have written it.
fn status(meta: &Mapping) -> Result<RunStatus, String> {
    let by_number = int(meta, "status")
        .and_then(|number| RunStatus::ALL.into_iter().find(|status| status_number(*status) == number));
    let found = by_number.or_else(|| text(meta, "status")?.parse().ok());
    found.ok_or_else(|| format!("{META} says no status that MLflow knows"))
}

/// Whether a thing is deleted; without a word it is not, as in the first versions.
pub fn stage(meta: &Mapping) -> LifecycleStage {
    text(meta, "lifecycle_stage").map_or(LifecycleStage::Active, |stage| LifecycleStage::parse(&stage))
}

/// A run of which nothing is known but where it lies. That it ended is not known either.
fn unknown(experiment: &ExperimentId, id: &RunId) -> RunInfo {
    RunInfo {
        run_id: id.clone(),
        experiment_id: experiment.clone(),
        run_name: String::new(),
        user_id: String::new(),
        status: RunStatus::Running,
        start_time: None,
        end_time: None,
        lifecycle_stage: LifecycleStage::Active,
        artifact_uri: String::new(),
    }
}

/// What a run's `meta.yaml` says, and what is wrong with it. The folders say which run it is.
pub fn run_info(
    experiment: &ExperimentId,
    id: &RunId,
    meta: Result<&Mapping, &String>,
    problems: &mut Vec<String>,
) -> RunInfo {
    let meta = match meta {
        Ok(meta) => meta,
        Err(why) => {
            problems.push(why.clone());
            return unknown(experiment, id);
        }
    };
    for (key, own) in [("experiment_id", experiment.as_str()), ("run_id", id.as_str())] {
        // The first versions called it otherwise.
        let said = text(meta, key).or_else(|| text(meta, "run_uuid").filter(|_| key == "run_id"));
        if said.as_deref() != Some(own) {
            let said = said.map_or("nothing".to_owned(), |said| format!("{said:?}"));
            problems.push(format!("{META} says {said} of {key}, and the folder {own:?}"));
        }
    }
    let status = status(meta).unwrap_or_else(|why| {
        problems.push(why);
        RunStatus::Running
    });
    RunInfo {
        run_name: text(meta, "run_name").unwrap_or_default(),
        user_id: text(meta, "user_id").unwrap_or_default(),
        status,
        start_time: int(meta, "start_time"),
        end_time: int(meta, "end_time"),
        lifecycle_stage: stage(meta),
        artifact_uri: text(meta, "artifact_uri").unwrap_or_default(),
        ..unknown(experiment, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(text: &str) -> (RunInfo, Vec<String>) {
        let mut problems = Vec::new();
        let meta = parse(text.as_bytes());
        let info = run_info(&"1".into(), &"ab".into(), meta.as_ref(), &mut problems);
        (info, problems)
    }

    #[test]
    fn every_version_is_understood() {
        // 0.x: numbers for ids, no stage, a name of its own, another word for the run.
        let (run, problems) = info(
            "artifact_uri: ./mlruns/1/ab/artifacts\nend_time: 1530000001000\nentry_point_name: ''\nexperiment_id: 1\n\
             name: ''\nrun_uuid: ab\nsource_name: t.py\nsource_type: 4\nsource_version: null\nstart_time: 1530000000000\n\
             status: 3\ntags: []\nuser_id: ana\n",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!((run.status, run.lifecycle_stage), (RunStatus::Finished, LifecycleStage::Active));
        assert_eq!((run.start_time, run.user_id.as_str()), (Some(1_530_000_000_000), "ana"));
        // 1.x and 2.x
        let (run, problems) = info(
            "artifact_uri: file:///x/1/ab/artifacts\ndeleted_time: 7\nend_time: null\nexperiment_id: '1'\n\
             lifecycle_stage: deleted\nrun_id: ab\nrun_name: 'true'\nrun_uuid: ab\nstart_time: 5\nstatus: 5\nuser_id: ''\n",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!((run.status, run.lifecycle_stage), (RunStatus::Killed, LifecycleStage::Deleted));
        assert_eq!((run.run_name.as_str(), run.end_time), ("true", None));
        assert_eq!(info("experiment_id: '1'\nrun_id: ab\nstatus: FAILED\n").0.status, RunStatus::Failed);
    }

    #[test]
    fn what_is_wrong_is_said_and_the_rest_is_kept() {
        for (text, word) in [
            ("", "cannot be understood"),
            ("run_id: 'a", "cannot be understood"),
            ("experiment_id: '2'\nrun_id: ab\nstatus: 1\nuser_id: ana\n", "\"2\" of experiment_id"),
            ("experiment_id: '1'\nstatus: 1\nuser_id: ana\n", "nothing of run_id"),
            ("experiment_id: '1'\nrun_id: ab\nuser_id: ana\nstatus: 9\n", "no status"),
        ] {
            let (run, problems) = info(text);
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].contains(word), "{text}: {problems:?}");
            assert_eq!((run.run_id.as_str(), run.experiment_id.as_str()), ("ab", "1"));
            assert_eq!(run.user_id == "ana", text.contains("ana"));
            // Nobody who waits for it is told that it failed.
            assert_eq!(run.status, RunStatus::Running, "{text}");
        }
    }

    #[test]
    fn what_is_being_written_is_read_again_and_what_is_cut_is_not_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(META);
        let whole = "experiment_id: '1'\nrun_id: ab\nstart_time: 1\nstatus: 3\nuser_id: ana\n";
        std::fs::write(&path, "").unwrap();
        let reader = std::thread::spawn({
            let folder = home.path().to_owned();
            move || load_run(&folder)
        });
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&path, whole).unwrap();
        assert_eq!(text(&reader.join().unwrap().unwrap(), "user_id").as_deref(), Some("ana"));
        std::fs::write(&path, &whole[..whole.find("status").unwrap()]).unwrap();
        std::fs::File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(load_run(home.path()).unwrap_err().contains("is not whole: it says no status"));
        assert!(load(home.path()).is_ok());
    }
}
