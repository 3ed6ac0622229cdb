//! The work of a job on a node: an attempt at a trial. It knows the sweep by its folder alone, writes into the trial's, and
//! nobody else writes those files.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use crate::disk;
use crate::learn::study::TrainingData;
use crate::store::now_ms;
use crate::sweep::engine::attempts::{AttemptEnd, TrialFolder, TrialPlace};
use crate::sweep::engine::curve::StepValue;
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::record::ATTEMPT;
use crate::sweep::engine::trial::{TrialEnd, TrialReport, TrialWatch, Verdict};
use crate::sweep::header::SweepHeader;
use crate::sweep::objective::Objective as _;
use crate::sweep::objective::command::{Guarded, MARK, Start, begin_log, end_leftovers};
use crate::sweep::objective::launch::{AssignedWork, Assignment};
use crate::sweep::objective::tabular::{Tabular, TabularPlan, reports_file};

/// Between looks whether the job is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// How long a signal may be on its way.
const MOMENT: Duration = Duration::from_millis(500);
/// The same, where the command ended of such a signal.
const LONG_MOMENT: Duration = Duration::from_secs(5);
/// The tags of a script's runs.
const CONTEXT: &str = "MLFLOW_RUN_CONTEXT";

/// What a job is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Its time is nearly over.
    TimeIsNearlyOver,
    /// It is not wanted any more, or not here.
    Unwanted,
}

impl Told {
    /// How an attempt ends that is told so.
    fn end(self) -> AttemptEnd {
        match self {
            Self::TimeIsNearlyOver => AttemptEnd::OutOfTime,
            Self::Unwanted => AttemptEnd::Stopped,
        }
    }
}

/// Carries an attempt out, and returns the exit code of the job.
///
/// # Errors
/// Where it cannot be read what to do, or not be written what came of it.
pub fn trial_job(folder: &Path, trial: usize, attempt: u32) -> io::Result<u8> {
    let told = listen()?;
    let sweep = SweepFolder { path: folder.to_owned() };
    sweep.check()?;
    let folder = sweep.trial_folder(trial);
    let assignment = Assignment::read(&folder, attempt)?
        .ok_or_else(|| io::Error::other(format!("nothing is known of attempt {attempt} at trial {trial}")))?;
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let restarts = number("SLURM_RESTART_COUNT").unwrap_or(0);
    for earlier in attempt..attempt.saturating_add(restarts) {
        let end = folder.end_of(earlier)?.filter(|end| end.is_final() && !is_of_a_queue(end));
        if end.is_some_and(|end| end == AttemptEnd::Exited(0) || folder.is_over(earlier)) {
            // It came to its end, and the queue did not learn of it.
            return Ok(0);
        }
    }
    let attempt = attempt.saturating_add(restarts);
    let job = job();
    if let Some(other) = folder.claim(attempt, &job)? {
        // A submission that was taken for lost came late: the trial has two jobs, and one of them is at it.
        tracing::warn!(other, trial, attempt, "another job is at the attempt");
        return Ok(0);
    }
    // Of an earlier attempt on this node, whose job died alone.
    end_leftovers(&folder)?;
    folder.set_place(&TrialPlace {
        attempt,
        job,
        node: std::env::var("SLURMD_NODENAME").unwrap_or_default(),
        since: now_ms(),
        log_start: folder.log().metadata().map_or(0, |metadata| metadata.len()),
    })?;
    let end = match &assignment.work {
        AssignedWork::Command { .. } => command(&folder, attempt, &assignment, &told)?,
        AssignedWork::Fit { is_best, .. } => fit(&sweep, &folder, attempt, &assignment, *is_best, told)?,
    };
    folder.set_over(attempt)?;
    Ok(match end {
        AttemptEnd::Exited(code) => u8::try_from(code).unwrap_or(1),
        _ => 1,
    })
}

/// Whether a command ended as a queue ends it that carries its job out again.
fn is_of_a_queue(end: &AttemptEnd) -> bool {
    *end == AttemptEnd::Signalled(rustix::process::Signal::TERM.as_raw())
}

/// The job's id, as the commands of Slurm take it.
fn job() -> String {
    let of = |name: &str| std::env::var(name).ok();
    match (of("SLURM_ARRAY_JOB_ID"), of("SLURM_ARRAY_TASK_ID")) {
        (Some(job), Some(at)) => format!("{job}_{at}"),
        _ => of("SLURM_JOB_ID").unwrap_or_default(),
    }
}

/// Takes note of signals from here on.
fn listen() -> io::Result<Receiver<Told>> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut user) = {
        let _within = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::user_defined1())?)
    };
    let (sender, told) = channel();
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let what = tokio::select! {
                    _ = terminate.recv() => Told::Unwanted,
                    _ = user.recv() => Told::TimeIsNearlyOver,
                };
                if sender.send(what).is_err() {
                    return;
                }
            }
        });
    });
    Ok(told)
}

/// Runs a command in the care of a guard.
fn command(
    folder: &TrialFolder,
    attempt: u32,
    assignment: &Assignment,
    told: &Receiver<Told>,
) -> io::Result<AttemptEnd> {
    let AssignedWork::Command { command, working_folder, variables, grace, timeout } = &assignment.work
    else {
        return Err(io::Error::other("no command"));
    };
    if !working_folder.is_dir() {
        let node = std::env::var("SLURMD_NODENAME").unwrap_or_else(|_| "its node".into());
        let end = AttemptEnd::Unstarted(format!(
            "{} is not there on {node}; nodes have to see the folder that trials run in under the same path",
            working_folder.display()
        ));
        folder.set_end(attempt, &end)?;
        return Ok(end);
    }
    let mut guarded = Guarded::start(Start {
        folder: &folder.path,
        attempt,
        grace: *grace,
        command,
        working_folder,
        variables: variables.iter().map(|(name, value)| of_attempt(name, value, attempt)).collect(),
        removed: Vec::new(),
        log: begin_log(folder, attempt)?,
    })?;
    let timeout = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let begun = Instant::now();
    let mut stopped = None;
    while !guarded.is_over_in(LOOK) {
        if stopped.is_some() {
            continue;
        }
        stopped = match told.try_recv() {
            Ok(told) => Some(told.end()),
            Err(_) if timeout.is_some_and(|timeout| begun.elapsed() >= timeout) => Some(AttemptEnd::TimedOut),
            Err(_) => None,
        };
        if stopped.is_some() {
            guarded.stop();
        }
    }
    drop(guarded);
    end_leftovers(folder)?;
    let end = folder.end_of(attempt)?;
    if end == Some(AttemptEnd::Exited(0)) {
        return Ok(AttemptEnd::Exited(0));
    }
    // A cluster tells all processes of a job at once: the command may have ended of it before this one knew why.
    let moment = if end.as_ref().is_some_and(is_of_a_queue) { LONG_MOMENT } else { MOMENT };
    let stopped = stopped.or_else(|| told.recv_timeout(moment).ok().map(Told::end));
    let end = match (end, stopped) {
        (_, Some(why)) => why,
        (Some(end), None) => return Ok(end),
        (None, _) => AttemptEnd::Unstarted("the process that watches over it was killed".into()),
    };
    folder.set_end(attempt, &end)?;
    Ok(end)
}

/// A variable of a command, where the queue carries it out again: its runs are those of another attempt.
fn of_attempt(name: &str, value: &str, attempt: u32) -> (String, String) {
    let changed = match name {
        CONTEXT => serde_json::from_str::<Map<String, Json>>(value).ok().map(|mut tags| {
            tags.insert(ATTEMPT.to_owned(), Json::String(attempt.to_string()));
            Json::Object(tags).to_string()
        }),
        MARK => value.rsplit_once('/').map(|(trial, _)| format!("{trial}/{attempt}")),
        _ => None,
    };
    (name.to_owned(), changed.unwrap_or_else(|| value.to_owned()))
}

/// Fits an estimator.
fn fit(
    sweep: &SweepFolder,
    folder: &TrialFolder,
    attempt: u32,
    assignment: &Assignment,
    is_best: bool,
    told: Receiver<Told>,
) -> io::Result<AttemptEnd> {
    let leaving = folder.clone();
    // What is reported by then is kept, and a fit is not waited for.
    std::thread::spawn(move || {
        let Ok(told) = told.recv() else { return };
        if let Err(error) = leaving.set_end(attempt, &told.end()).and_then(|()| leaving.set_over(attempt)) {
            tracing::error!(%error, "how the attempt ended is not written down");
        }
        std::process::exit(1);
    });
    let fitted = match estimators(sweep) {
        Ok(tabular) => {
            let watch = Reporting {
                reports: disk::open_to_append(&folder.own(&reports_file(attempt)))?.into(),
                step: assignment.trial().reports.len().into(),
            };
            let trial = assignment.trial();
            if is_best {
                tabular.finish(&trial, &watch).map(|()| TrialEnd::Finished)?
            } else {
                tabular.run(&trial, &watch)?
            }
        }
        Err(why) => TrialEnd::Failed(why),
    };
    let end = match fitted {
        TrialEnd::Finished => AttemptEnd::Exited(0),
        TrialEnd::Failed(why) => AttemptEnd::Failed(why),
        TrialEnd::Pruned | TrialEnd::Cancelled => AttemptEnd::Stopped,
    };
    folder.set_end(attempt, &end)?;
    Ok(end)
}

/// The estimators of a sweep, on its data as this node sees them; in words why that cannot be.
fn estimators(sweep: &SweepFolder) -> Result<Tabular, String> {
    let header = sweep.header().map_err(|error| error.to_string())?;
    let plan = header.plan.trial.tabular().cloned().ok_or("its trials are runs of a command")?;
    let data = data(&header, &plan)?;
    Ok(Tabular::new(&header.plan, plan, data, sweep.clone()))
}

fn data(header: &SweepHeader, plan: &TabularPlan) -> Result<TrainingData, String> {
    let data = plan.training_data(header.plan.rules.seed).map_err(|error| error.to_string())?;
    let is_same = header.dataset.as_ref().is_none_or(|dataset| dataset.digest == data.frame.digest)
        && header.fingerprint.as_ref().is_none_or(|fingerprint| *fingerprint == data.fingerprint());
    if is_same { Ok(data) } else { Err(format!("{} has changed since the sweep began", plan.data)) }
}

/// Writes reports down, whole lines each.
struct Reporting {
    reports: Mutex<std::fs::File>,
    step: AtomicUsize,
}

impl TrialWatch for Reporting {
    fn verdict(&self) -> io::Result<Verdict> {
        // Whoever prunes ends the job.
        Ok(Verdict::Continue)
    }

    fn is_called_off(&self) -> bool {
        // Its process ends then.
        false
    }

    fn is_unwanted(&self) -> bool {
        false
    }

    fn is_at(&self, _: u32, _: Option<i64>) -> io::Result<()> {
        Ok(())
    }

    fn is_lowest(&self) -> bool {
        true
    }

    fn is_ahead(&self, _: usize) -> bool {
        false
    }

    fn steps(&self, _: u32, _: &[StepValue], _: bool) -> io::Result<Verdict> {
        Ok(Verdict::Continue)
    }

    fn report(&self, report: TrialReport) -> io::Result<()> {
        let step = match &report {
            TrialReport::Step(_) => self.step.fetch_add(1, Ordering::Relaxed),
            TrialReport::Last(_) => self.step.load(Ordering::Relaxed),
        };
        let mut line = serde_json::to_vec(&(step, report)).map_err(io::Error::other)?;
        line.push(b'\n');
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::sweep::search::Proposal;

    #[test]
    fn a_folder_that_a_node_does_not_see_is_told() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(0);
        folder.make().unwrap();
        let assignment = Assignment {
            trial: 0,
            attempt: 1,
            proposal: Proposal::new("trial", Params::default()),
            work: AssignedWork::Command {
                command: vec!["true".into()],
                working_folder: here.path().join("elsewhere"),
                variables: Vec::new(),
                grace: 1.0,
                timeout: None,
            },
        };
        assignment.write(&folder).unwrap();
        assert_eq!(trial_job(here.path(), 0, 1).unwrap(), 1);
        let Some(AttemptEnd::Unstarted(why)) = folder.end_of(1).unwrap() else { panic!("it was started") };
        assert!(why.contains("elsewhere is not there on ") && why.contains("under the same path"), "{why}");
        assert!(folder.is_over(1));
    }
}
