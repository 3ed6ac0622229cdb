//! Sweeps whose trials are jobs of a real Slurm: of a command and of estimators, left alone and disturbed in every way.

mod accounting;
mod apart;
mod changing;
mod ending;
mod holding;

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use mltui::mlflow::RunStatus;
use serde_json::Value;

use crate::support::slurm::Cluster;
use crate::support::sweeping::{STATE, SWEEP, Seen, local, mltui, output, seen, sweeps, undisturbed};
use crate::support::wait_until;

/// Prints what follows from its param; those that wait go on when they are told to.
const TRAIN: &str = r#"
echo "on $SLURMD_NODENAME" >> "$MLTUI_TRIAL_DIR/nodes"
for step in 1 2 3; do
  echo "{\"step\": $step, \"val_loss\": $(awk -v lr="$MLTUI_PARAM_LR" -v s=$step 'BEGIN { print lr * lr + 1 / s }')}"
done
case " $WAITING " in *" $MLTUI_TRIAL "*|" all ") until [ -e go ]; do sleep 0.1; done;; esac
"#;

/// 40 trials that go by no other.
const WORDS: [&str; 13] = [
    "sweep",
    "--param",
    "lr=0.01..1.0",
    "--metric",
    "val_loss:min",
    "--method",
    "random",
    "--trials",
    "40",
    "--jobs",
    "6",
    "--grace",
    "1s",
];
const COMMAND: [&str; 3] = ["--", "bash", "train.sh"];

struct World {
    cluster: Arc<Cluster>,
    home: tempfile::TempDir,
    uri: String,
    waiting: &'static str,
}

impl World {
    fn new(waiting: &'static str) -> Self {
        Self::on(Cluster::start(), waiting)
    }

    fn on(cluster: impl Into<Arc<Cluster>>, waiting: &'static str) -> Self {
        Self::in_home(tempfile::tempdir().unwrap(), cluster, waiting)
    }

    fn in_home(home: tempfile::TempDir, cluster: impl Into<Arc<Cluster>>, waiting: &'static str) -> Self {
        fs::write(home.path().join("train.sh"), TRAIN).unwrap();
        let uri = local(home.path());
        Self { cluster: cluster.into(), home, uri, waiting }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = mltui(self.home.path(), &self.uri, words);
        command.env("SLURM_CONF", self.cluster.conf()).env("WAITING", self.waiting);
        command
    }

    fn spawn(&self, words: &[&str]) -> Child {
        let said = fs::File::options().create(true).append(true).open(self.home.path().join("said")).unwrap();
        self.command(words).stderr(said).stdout(Stdio::null()).spawn().unwrap()
    }

    fn id(&self) -> String {
        sweeps(self.home.path()).pop().unwrap()
    }

    fn trial(&self, number: usize) -> PathBuf {
        self.home.path().join(STATE).join(self.id()).join("trials").join(number.to_string())
    }

    /// The job that a trial runs in, if it does.
    fn job(&self, number: usize) -> Option<String> {
        if sweeps(self.home.path()).is_empty() {
            return None;
        }
        let place = fs::read(self.trial(number).join(".mltui/place.json")).ok()?;
        let place: Value = serde_json::from_slice(&place).ok()?;
        Some(place["job"].as_str()?.to_owned())
    }

    /// Whether a trial has printed all that it prints.
    fn has_said_all(&self, trial: usize) -> bool {
        let log = || fs::read_to_string(self.trial(trial).join("trial.log")).unwrap_or_default();
        self.job(trial).is_some() && log().contains("\"step\": 3")
    }

    /// Lets those go on that wait.
    fn go(&self) {
        fs::write(self.home.path().join("go"), "").unwrap();
    }

    /// A file of the sweep's own.
    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(STATE).join(self.id()).join(name)
    }

    /// Steers the sweep.
    fn steer(&self, words: &[&str]) {
        let id = self.id();
        let (word, more) = words.split_first().unwrap();
        let words = [&["sweeps", word, &id], more].concat();
        let (code, _, error) = output(self.command(&words));
        assert_eq!(code, 0, "{words:?}: {error}");
    }

    /// The jobs of so many trials, without the places in their arrays.
    fn submissions(&self, trials: usize) -> HashSet<String> {
        (0..trials).map(|trial| self.job(trial).unwrap().split('_').next().unwrap().to_owned()).collect()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.home.path().join("said")).unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "the driver:\n{}", self.said());
        }
    }
}

/// What a sweep of this machine comes to.
fn on_this_machine(words: &[&str], experiment: &str) -> Vec<Seen> {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("train.sh"), TRAIN).unwrap();
    let uri = local(home.path());
    let (code, _, error) = output(mltui(home.path(), &uri, words));
    assert_eq!(code, 0, "{error}");
    seen(&uri, experiment).1
}

/// Waits until no process and no job of a sweep is left.
fn assert_nothing_is_left(world: &World) {
    let mark = format!("MLTUI_ATTEMPT_ID={}", world.id());
    wait_until("all jobs to end", || world.cluster.active().is_empty());
    wait_until("all processes to end", || {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let has = |path: &Path| {
            fs::read(path.join("environ")).is_ok_and(|text| String::from_utf8_lossy(&text).contains(&mark))
        };
        entries.into_iter().filter(|entry| has(&entry.path())).count() == 0
    });
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_sweep_on_slurm_comes_to_what_it_comes_to_here() {
    let world = World::new("");
    let words = [&WORDS[..], &["--executor", "slurm", "--json"], &COMMAND].concat();
    let (code, out, error) = output(world.command(&words));
    assert_eq!(code, 0, "{error}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert!(said["command"].as_str().unwrap().contains("--executor slurm"), "{said}");
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    assert_eq!(trials, on_this_machine(&[&WORDS[..], &COMMAND].concat(), "train"));
    let nodes: HashSet<String> =
        (0..40).map(|trial| fs::read_to_string(world.trial(trial).join("nodes")).unwrap()).collect();
    assert_eq!(nodes, HashSet::from(["on n1\n".to_owned(), "on n2\n".to_owned()]), "each ran once");
    assert_nothing_is_left(&world);
    // They went as arrays, in pieces of the 26 that this Slurm takes; one that is the first at the database went alone.
    let jobs = world.submissions(40);
    assert!((2..=4).contains(&jobs.len()), "{jobs:?}");
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn estimators_on_slurm_come_to_what_they_come_to_here() {
    let world = World::new("");
    let words = [&SWEEP[..], &["--executor", "slurm"]].concat();
    let (code, _, error) = output(world.command(&words));
    assert_eq!(code, 0, "{error}");
    let (parents, trials) = seen(&world.uri, "iris");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    assert_eq!(trials, *undisturbed());
    // Known beforehand, with the model of the best alone.
    let words = ["sweep", "--data", "iris", "--family", "decision_tree", "--method", "random", "--no-prune"];
    let words = [&words[..], &["--trials", "40", "--models", "best", "--experiment", "many"]].concat();
    let (code, _, error) = output(world.command(&[&words[..], &["--executor", "slurm"]].concat()));
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&world.uri, "many").1, on_this_machine(&words, "many"));
    wait_until("all jobs to end", || world.cluster.active().is_empty());
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn an_ensemble_is_a_job_of_its_own_and_comes_to_what_it_comes_to_here() {
    let world = World::new("");
    let words = ["sweep", "--data", "iris", "--family", "naive_bayes,decision_tree,logistic", "--ensemble"];
    for (experiment, more) in [
        ("known", &["--method", "random", "--no-prune", "--trials", "8", "--metric", "log_loss"][..]),
        ("best", &["--trials", "5", "--models", "best", "--metric", "log_loss"]),
    ] {
        let words = [&words[..], more, &["--experiment", experiment]].concat();
        let (code, _, error) = output(world.command(&[&words[..], &["--executor", "slurm"]].concat()));
        assert_eq!(code, 0, "{error}");
        let (_, trials) = seen(&world.uri, experiment);
        assert!(trials.last().unwrap().name.starts_with("ensemble-"), "{trials:?}");
        assert_eq!(trials, on_this_machine(&words, experiment));
    }
    wait_until("all jobs to end", || world.cluster.active().is_empty());
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn an_ensemble_takes_nothing_of_a_trial_that_was_submitted_ahead_under_its_number() {
    let world = World::new("");
    let words = [
        "sweep",
        "--data=iris",
        "--family=naive_bayes,decision_tree,logistic",
        "--ensemble",
        "--method=random",
        "--no-prune",
        "--metric=log_loss",
        "--experiment=fewer",
    ];
    let more = ["--trials=9", "--jobs=1", "--executor=slurm"];
    let mut driver = world.spawn(&[&words[..], &more].concat());
    let has_submitted = || {
        let lines = || fs::read_to_string(world.file("jobs.jsonl")).unwrap_or_default();
        !sweeps(world.home.path()).is_empty() && lines().contains("answered")
    };
    wait_until("all to be submitted", has_submitted);
    driver.kill().unwrap();
    driver.wait().unwrap();
    wait_until("all jobs to end", || world.cluster.active().is_empty());
    assert!(world.job(5).is_some(), "it was submitted ahead");
    world.steer(&["set", "--trials", "5"]);
    let (code, _, error) = output(world.command(&["sweep", "--resume", &world.id()]));
    assert_eq!(code, 0, "{error}");
    let (_, trials) = seen(&world.uri, "fewer");
    assert_eq!(trials.last().unwrap().name, "ensemble-5");
    assert_eq!(trials, on_this_machine(&[&words[..], &["--trials=5"]].concat(), "fewer"));
    wait_until("all jobs to end", || world.cluster.active().is_empty());
}

#[test]
#[ignore = "needs Debian's slurm packages: apt-get install slurmctld slurmd slurm-client slurm-wlm-basic-plugins, and root"]
fn a_sweep_that_is_disturbed_in_every_way_comes_to_the_same() {
    let world = World::new("20 21 22 23");
    let words = [&WORDS[..], &["--executor", "slurm", "--slurm", "time=10"], &COMMAND].concat();
    let mut driver = world.spawn(&words);
    wait_until("those that wait", || (20..24).all(|trial| world.has_said_all(trial)));
    driver.kill().unwrap();
    driver.wait().unwrap();
    let job = |trial| world.job(trial).unwrap();
    let (requeued, cancelled, late) = (job(20), job(21), job(22));
    world.cluster.tell("scontrol", &["requeue", &requeued]);
    world.cluster.tell("scancel", &[&cancelled]);
    world.cluster.tell("scontrol", &["update", &format!("JobId={late}"), "TimeLimit=1"]);
    let state = |job: &str| world.cluster.ask("squeue", &["-h", "-t", "all", "-o", "%T", "-j", job]);
    wait_until("the queue to do so", || {
        state(&requeued).trim() == "PENDING" && state(&cancelled).trim() == "CANCELLED"
    });
    world.cluster.kill_node("n1");
    let id = world.id();
    let mut driver = world.spawn(&["sweep", "--resume", &id]);
    world.cluster.stop_controller();
    wait_until("a word of that", || world.said().contains("waiting, jobs go on"));
    world.cluster.start_controller();
    world.cluster.start_node("n1");
    let is_back =
        |said: &str| said.contains("Slurm answers again") || said.contains("Slurm takes jobs again");
    wait_until("another word", || is_back(&world.said()));
    driver.kill().unwrap();
    driver.wait().unwrap();
    let mut driver = world.spawn(&["sweep", "--resume", &id]);
    let is_late = || {
        fs::read_to_string(world.trial(22).join(".mltui/end-1.json"))
            .is_ok_and(|end| end.contains("out_of_time"))
    };
    wait_until("the time of one to be over", is_late);
    wait_until("one to run again", || {
        world.cluster.hurry(&requeued);
        fs::read_to_string(world.trial(20).join("nodes")).is_ok_and(|nodes| nodes.lines().count() == 2)
    });
    driver.kill().unwrap();
    driver.wait().unwrap();
    world.go();
    let (code, _, error) = output(world.command(&["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}\n{}", world.said());
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), parents[0].status), (1, RunStatus::Finished));
    let expected = on_this_machine(&[&WORDS[..], &COMMAND].concat(), "train");
    assert_eq!(trials.len(), 40);
    for (at, (trial, expected)) in trials.iter().zip(&expected).enumerate() {
        let status = match at {
            21 => RunStatus::Killed,
            22 => RunStatus::Failed,
            _ => RunStatus::Finished,
        };
        assert_eq!(*trial, Seen { status, ..expected.clone() }, "trial {at}");
    }
    let (_, listed, _) = output(world.command(&["sweeps", "--json"]));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["finished"], &listed[0]["failed"]), (&38.into(), &2.into()), "{listed}");
    assert_nothing_is_left(&world);
}

#[test]
fn what_would_be_submitted_is_printed_and_nothing_is_begun() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let more =
        ["--executor", "slurm", "--slurm", "partition=gpu", "--slurm", "setup=module load cuda", "--dry-run"];
    let (code, out, error) = output(mltui(home.path(), &uri, &[&WORDS[..], &more, &COMMAND].concat()));
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("bash train.sh --lr 0.505\n"), "{out}");
    assert!(out.contains("#!/bin/bash\nmodule load cuda\nexec "), "{out}");
    assert!(out.contains(" trial-job ") && out.contains("--array=0-39%6 "), "{out}");
    assert!(out.contains("--partition=gpu"), "{out}");
    assert!(!home.path().join("mlflow.db").exists() && sweeps(home.path()).is_empty());
    // What cannot be is told before anything is.
    for (more, why) in [
        (&["--executor", "slurm", "--slurm", "nodes=2"][..], "no such key"),
        (&["--slurm", "partition=gpu"], "needs --executor slurm"),
        (&["--driver", "slurm"], "--driver slurm is for sweeps with --executor slurm"),
        (&["--executor", "slurm", "--gpus", "0,1"], "gres=gpu:1"),
    ] {
        let (code, _, error) = output(mltui(home.path(), &uri, &[&WORDS[..11], more, &COMMAND].concat()));
        assert!(code == 2 && error.contains(why), "{more:?}: {error}");
    }
    assert!(!home.path().join("mlflow.db").exists() && sweeps(home.path()).is_empty());
}
