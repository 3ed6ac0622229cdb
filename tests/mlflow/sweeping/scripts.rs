//! Sweeps of scripts that log to MLflow, as they are found in the wild: not a line is changed in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use mltui::mlflow::{Run, RunStatus, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, Store, uri};
use serde_json::Value;

use crate::support::killing::processes;
use crate::support::sweeping::{STATE, block_on, local, mltui, output, seen, sweeps};
use crate::support::{Mlflow, Server, V2, V3, wait_until};

/// Logs a run of its own, with one nested in it.
const PLAIN: &str = r#"
import argparse
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--depth", type=int)
parser.add_argument("--experiment")
arguments = parser.parse_args()
if arguments.experiment:
    mlflow.set_experiment(arguments.experiment)
with mlflow.start_run(run_name=f"mine-{arguments.depth}"):
    mlflow.log_param("lr", arguments.lr)
    for step in range(3):
        mlflow.log_metric("val_loss", arguments.depth + 1 / (step + 1), step=step)
    with mlflow.start_run(run_name="inner", nested=True):
        mlflow.log_metric("val_loss", -1)
print("done")
"#;

/// Logs what scikit-learn's estimators say of themselves.
const AUTOLOG: &str = r#"
import argparse
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float)
mlflow.sklearn.autolog(log_models=False)
LogisticRegression(C=parser.parse_args().C, max_iter=200).fit(*load_iris(return_X_y=True))
"#;

/// Begins a run, and never comes to its end.
const HANGING: &str = r#"
import time
import mlflow

mlflow.start_run()
mlflow.log_metric("val_loss", 1)
print("hanging", flush=True)
time.sleep(600)
"#;

/// Fails within a run.
const FAILING: &str = r#"
import mlflow

with mlflow.start_run():
    mlflow.log_metric("val_loss", 1)
    raise ValueError("no such optimizer")
"#;

/// Waits in the middle of its run.
const WAITING: &str = r#"
import os
import time
import mlflow

with mlflow.start_run():
    mlflow.log_metric("val_loss", 1)
    with mlflow.start_run(nested=True):
        open("begun", "a").close()
        while not os.path.exists("go"):
            time.sleep(0.05)
"#;

/// The better one comes to its end; the other would go on for ever.
const CURVE: &str = r#"
import argparse
import time
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
depth = parser.parse_args().depth
with mlflow.start_run():
    with mlflow.start_run(nested=True):
        mlflow.log_metric("val_loss", -1, step=9)
    for step in range(0, 12, 3):
        mlflow.log_metric("val_loss", depth, step=step)
    while depth > 1:
        time.sleep(0.05)
"#;

/// Prints, and begins a run of its own only when it has waited.
const LATE: &str = r#"
import os
import time
import mlflow

print('{"step": 1, "val_loss": 0.5, "speed": 3}')
while not os.path.exists("go"):
    time.sleep(0.05)
mlflow.set_experiment("theirs")
with mlflow.start_run():
    mlflow.log_metric("val_loss", 0.25, step=2)
print('{"step": 2, "val_loss": 0.25, "speed": 4}')
"#;

/// Forks children that ignore TERM, as it does itself, one of them in a session of its own.
const STUBBORN: &str = r#"
import os
import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
for at in range(2):
    if os.fork() == 0:
        if at:
            os.setsid()
        while True:
            time.sleep(1)
print('{"step": 1, "val_loss": 0.5}')
time.sleep(600)
"#;

pub(super) struct World {
    pub(super) home: tempfile::TempDir,
    uri: String,
    pub(super) mlflow: Mlflow,
    /// What runs its scripts.
    python: PathBuf,
    /// Its experiments have names of their own, as servers are shared.
    number: usize,
}

impl World {
    fn new(mlflow: Mlflow, server: Option<&Server>) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let home = tempfile::tempdir().unwrap();
        let uri = server.map_or_else(|| local(home.path()), Server::uri);
        let python = mlflow.quick_python().to_owned();
        Self { home, uri, mlflow, python, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// The same with the scripts as processes of the sweep's own, whose ends are looked at.
    fn of_processes(mlflow: Mlflow, server: Option<&Server>) -> Self {
        Self { python: mlflow.python(), ..Self::new(mlflow, server) }
    }

    /// How an experiment of this name is really called.
    pub(super) fn experiment(&self, name: &str) -> String {
        format!("{name}-{}", self.number)
    }

    fn store(&self) -> Store {
        let location = uri::parse(&self.uri, Path::new("/")).unwrap();
        uri::open(&location, &RestOptions::default(), true).unwrap()
    }

    /// Sweeps a script into the experiment `train`.
    pub(super) fn sweep(&self, script: &str, words: &[&str], arguments: &[&str]) -> (i32, String, String) {
        self.sweep_into("train", script, words, arguments)
    }

    pub(super) fn sweep_into(
        &self,
        experiment: &str,
        script: &str,
        words: &[&str],
        arguments: &[&str],
    ) -> (i32, String, String) {
        fs::write(self.home.path().join("train.py"), script).unwrap();
        let experiment = self.experiment(experiment);
        let first = ["sweep", "--json", "--experiment", &experiment];
        let command = ["--", self.python.to_str().unwrap(), "train.py"];
        let words = [&first, words, &command, arguments].concat();
        output(mltui(self.home.path(), &self.uri, &words))
    }

    /// All runs of an experiment.
    pub(super) fn runs(&self, experiment: &str) -> Vec<Run> {
        self.runs_in(&self.experiment(experiment))
    }

    fn runs_in(&self, experiment: &str) -> Vec<Run> {
        let store = self.store();
        block_on(async {
            let all = store.search_experiments(ViewType::All).await.unwrap();
            let Some(found) = all.iter().find(|known| known.name == experiment) else { return Vec::new() };
            let experiment_ids = vec![found.experiment_id.clone()];
            let search = RunSearch { experiment_ids, max_results: 1000, ..RunSearch::default() };
            store.search_runs(&search).await.unwrap().runs
        })
    }
}

/// On a local store, and on servers of both versions.
pub(super) fn everywhere(check: impl Fn(&World)) {
    check(&World::new(V3, None));
    for mlflow in [V3, V2] {
        check(&World::new(mlflow, Some(Server::shared(mlflow))));
    }
}

pub(super) fn param<'a>(run: &'a Run, name: &str) -> Option<&'a str> {
    run.params.iter().find(|param| param.key == name).map(|param| param.value.as_str())
}

const DEPTH: [&str; 6] = ["--param", "lr=1e-4..1.0:log", "--param", "depth=2,3", "--metric", "val_loss:min"];

#[test]
fn a_run_that_a_script_makes_becomes_the_sweeps_child_and_keeps_its_own() {
    everywhere(|world| {
        let more = ["--trials", "2", "--jobs", "2", "--method", "grid", "--grid-points", "1"];
        let (code, out, error) = world.sweep(PLAIN, &[&DEPTH[..], &more].concat(), &[]);
        assert_eq!(code, 0, "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        let runs = world.runs("train");
        assert_eq!(runs.len(), 5, "the sweep's, two of the script, and one within each");
        assert!(runs.iter().all(|run| run.info.status == RunStatus::Finished), "{runs:?}");
        let parent = runs.iter().find(|run| run.tag("mltui.trial") == Some("parent")).unwrap();
        for depth in ["2", "3"] {
            let own = runs.iter().find(|run| run.info.run_name == format!("mine-{depth}")).unwrap();
            assert_eq!(own.tag("mlflow.parentRunId"), Some(parent.info.run_id.as_str()));
            assert_eq!(
                (param(own, "depth"), param(own, "lr")),
                (Some(depth), Some("0.01")),
                "what it left out"
            );
            let value = own.metrics.iter().find(|metric| metric.key == "val_loss").unwrap().value;
            assert!((value - depth.parse::<f64>().unwrap() - 1.0 / 3.0).abs() < 1e-9);
            let id = &own.info.run_id;
            let inner = runs.iter().find(|run| run.tag("mlflow.parentRunId") == Some(id.as_str()));
            assert_eq!(inner.map(|run| run.info.run_name.as_str()), Some("inner"));
            let files = block_on(world.store().list_artifacts(id, "logs")).unwrap().files;
            assert_eq!(files[0].path, "logs/trial.log");
        }
        let best = runs.iter().find(|run| run.info.run_name == "mine-2").unwrap();
        assert_eq!(said["best"]["run_id"], best.info.run_id.as_str());
        assert_eq!(said["best"]["params"]["depth"], 2);
        assert_eq!(said["not_kept"]["files"], 0, "{said}");
    });
}

#[test]
fn a_run_in_an_experiment_that_the_script_chose_is_found() {
    everywhere(|world| {
        let (code, out, error) = world.sweep(
            PLAIN,
            &[&DEPTH[..], &["--trials", "2"]].concat(),
            &["{args}", "--experiment", &world.experiment("theirs")],
        );
        assert_eq!(code, 0, "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        let (own, theirs) = (world.runs("train"), world.runs("theirs"));
        assert_eq!((own.len(), theirs.len()), (1, 4), "the sweep's own run, and those of the script");
        let child = |run: &&Run| run.tag("mlflow.parentRunId") == Some(own[0].info.run_id.as_str());
        assert_eq!(theirs.iter().filter(child).count(), 2);
        assert!(theirs.iter().any(|run| said["best"]["run_id"] == run.info.run_id.as_str()), "{said}");
        assert!(theirs.iter().filter(child).all(|run| param(run, "depth").is_some()));
    });
}

#[test]
fn a_script_that_only_prints_gets_runs() {
    everywhere(|world| {
        let script = "for step in 1 2 3; do echo \"{\\\"step\\\": $step, \\\"val_loss\\\": $2}\"; done";
        fs::write(world.home.path().join("train.sh"), script).unwrap();
        let experiment = world.experiment("train");
        let words = ["sweep", "--json", "--experiment", &experiment, "--param", "lr=0.1..1.0"];
        let more = ["--metric", "val_loss:min", "--trials", "3", "--jobs", "2", "--", "bash", "train.sh"];
        let (code, out, error) = output(mltui(world.home.path(), &world.uri, &[&words[..], &more].concat()));
        assert_eq!(code, 0, "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        let runs = world.runs("train");
        assert_eq!(runs.len(), 4);
        assert!(runs.iter().all(|run| run.info.status == RunStatus::Finished), "{runs:?}");
        for run in runs.iter().filter(|run| run.tag("mltui.trial") != Some("parent")) {
            let id = &run.info.run_id;
            let points = block_on(world.store().metric_history(id, "val_loss")).unwrap();
            assert_eq!(points.iter().map(|point| point.step).collect::<Vec<_>>(), [1, 2, 3]);
            let lr: f64 = param(run, "lr").unwrap().parse().unwrap();
            assert!(points.iter().all(|point| (point.value - lr).abs() < 1e-9), "{points:?}");
            assert_eq!(block_on(world.store().list_artifacts(id, "logs")).unwrap().files.len(), 1);
        }
        assert!(runs.iter().any(|run| said["best"]["run_id"] == run.info.run_id.as_str()));
    });
}

#[test]
fn autologging_is_swept() {
    everywhere(|world| {
        let words =
            ["--param", "C=1e-4..1.0:log", "--metric", "training_accuracy_score:max", "--trials", "2"];
        let (code, out, error) = world.sweep(AUTOLOG, &words, &[]);
        assert_eq!(code, 0, "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        assert!(said["best"]["metrics"]["training_accuracy_score"].as_f64() > Some(0.3), "{said}");
        let runs = world.runs("train");
        assert_eq!(runs.len(), 3);
        assert!(runs.iter().all(|run| run.info.status == RunStatus::Finished));
    });
}

#[test]
fn a_run_that_a_script_leaves_open_is_closed() {
    everywhere(|world| {
        let words = ["--metric", "val_loss:min", "--trials", "1", "--timeout", "20s", "--retries", "1"];
        let (code, _, error) = world.sweep(HANGING, &words, &[]);
        assert!(code == 3 && error.contains("timeout after 20.0s: hanging"), "{error}");
        let mut statuses: Vec<_> = world.runs("train").iter().map(|run| run.info.status).collect();
        statuses.sort();
        let expected = [RunStatus::Failed, RunStatus::Failed, RunStatus::Killed];
        assert_eq!(statuses, expected, "the sweep's, and those of the second attempt and of the first");
        let (code, _, error) = world.sweep_into("failing", FAILING, &["--metric", "val_loss:min"], &[]);
        assert!(code == 3 && error.contains("exit code 1: ValueError: no such optimizer"), "{error}");
        let runs = world.runs("failing");
        let failed = runs.iter().find(|run| run.info.status == RunStatus::Failed).unwrap();
        assert!(failed.tag("mltui.sweep.outcome").unwrap().contains("Traceback"), "{failed:?}");
    });
}

#[test]
fn a_trial_is_pruned_by_what_its_run_has_so_far() {
    everywhere(|world| {
        let words =
            ["--param", "depth=1,2", "--method", "grid", "--metric", "val_loss:min", "--timeout", "90s"];
        let rule = ["--prune", "asha", "--min-steps", "4", "--reduction", "2"];
        let (code, out, error) = world.sweep(CURVE, &[&words[..], &rule].concat(), &[]);
        assert_eq!(code, 0, "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&said["finished"], &said["pruned"]), (&1.into(), &1.into()), "{error}");
        assert!(error.contains("trial 1: pruned at step 9"), "{error}");
        let runs = world.runs("train");
        let pruned =
            runs.iter().find(|run| run.tag("mltui.sweep.outcome") == Some("pruned at step 9")).unwrap();
        assert_eq!((pruned.info.status, param(pruned, "depth")), (RunStatus::Killed, Some("2")));
        let points = block_on(world.store().metric_history(&pruned.info.run_id, "val_loss")).unwrap();
        assert_eq!(points.iter().map(|point| point.step).collect::<Vec<_>>(), [0, 3, 6, 9]);
        assert!(
            runs.iter().all(|run| !run.info.status.is_active() && run.info.end_time.is_some()),
            "{runs:?}"
        );
    });
}

#[test]
fn the_run_of_a_trial_that_was_broken_off_is_closed_and_does_not_count() {
    everywhere(|world| {
        fs::write(world.home.path().join("train.py"), WAITING).unwrap();
        let python = world.mlflow.python();
        let experiment = world.experiment("train");
        let words = ["sweep", "--experiment", &experiment, "--metric", "val_loss:min", "--trials", "1"];
        let words = [&words[..], &["--", python.to_str().unwrap(), "train.py"]].concat();
        let mut sweep = mltui(world.home.path(), &world.uri, &words).stderr(Stdio::null()).spawn().unwrap();
        wait_until("its run", || world.home.path().join("begun").exists());
        sweep.kill().unwrap();
        sweep.wait().unwrap();
        fs::write(world.home.path().join("go"), "").unwrap();
        let id = sweeps(world.home.path()).remove(0);
        let resume = mltui(world.home.path(), &world.uri, &["sweep", "--json", "--resume", &id]);
        let (code, out, error) = output(resume);
        assert_eq!(code, 0, "{error}");
        let runs = world.runs("train");
        let of_attempt = |number: &str| -> Vec<RunStatus> {
            let own = runs.iter().filter(|run| run.tag("mltui.attempt") == Some(number));
            own.map(|run| run.info.status).collect()
        };
        assert_eq!(of_attempt("1"), [RunStatus::Killed; 2], "its run, and the one within");
        assert_eq!(of_attempt("2"), [RunStatus::Finished; 2]);
        let said: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&said["finished"], &said["failed"]), (&1.into(), &0.into()));
        let best = runs.iter().find(|run| said["best"]["run_id"] == run.info.run_id.as_str()).unwrap();
        assert_eq!(best.tag("mltui.attempt"), Some("2"));
    });
}

#[test]
fn a_server_that_is_away_while_commands_run_costs_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(V3, folder.path());
    let home = tempfile::tempdir().unwrap();
    let script =
        "touch begun; until [ -e go ]; do sleep 0.02; done; echo \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"";
    fs::write(home.path().join("train.sh"), script).unwrap();
    let words =
        ["sweep", "--param", "lr=0.1..1.0", "--metric", "val_loss:min", "--trials", "5", "--jobs", "2"];
    let words = [&words[..], &["--", "bash", "train.sh"]].concat();
    let said = home.path().join("said");
    let mut sweep = mltui(home.path(), &server.uri(), &words);
    let mut sweep = sweep.stderr(fs::File::create(&said).unwrap()).spawn().unwrap();
    wait_until("a trial", || home.path().join("begun").exists());
    server.stop();
    fs::write(home.path().join("go"), "").unwrap();
    // The command ends, and its run can neither be looked for nor made.
    let end =
        || home.path().join(STATE).join(&sweeps(home.path())[0]).join("trials/0/.mltui/end-1.json").exists();
    wait_until("the end of the first command", end);
    server.restart();
    assert!(sweep.wait().unwrap().success(), "{}", fs::read_to_string(said).unwrap());
    let (parents, trials) = seen(&server.uri(), "train");
    assert_eq!((parents.len(), trials.len()), (1, 5));
    assert!(parents.iter().chain(&trials).all(|run| run.status == RunStatus::Finished));
    assert!(trials.iter().all(|trial| trial.points.len() == 1));
}

#[test]
fn a_script_logs_with_the_credentials_of_the_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let password = "a password of 16";
    let server = Server::start_with_password(V3, folder.path(), password);
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("train.py"), PLAIN).unwrap();
    let python = V3.quick_python();
    let words =
        [&["sweep"], &DEPTH[..], &["--trials", "1", "--", python.to_str().unwrap(), "train.py"]].concat();
    let uri = server.uri().replace("http://", "http://admin:a%20password%20of%2016@");
    // What the environment holds is for another server.
    let mut command = mltui(home.path(), &uri, &words);
    command.env("MLFLOW_TRACKING_TOKEN", "of-another-server");
    let (code, _, error) = output(command);
    assert_eq!(code, 0, "{error}");
    assert!(!error.contains(password));
}

#[test]
fn a_run_that_a_script_begins_late_takes_the_place_of_what_it_printed() {
    let world = World::new(V3, None);
    fs::write(world.home.path().join("train.py"), LATE).unwrap();
    let python = V3.python();
    let experiment = world.experiment("train");
    let words = ["sweep", "--experiment", &experiment, "--param", "lr=1,2", "--metric", "val_loss:min"];
    let words =
        [&words[..], &["--trials", "1", "--json", "--", python.to_str().unwrap(), "train.py"]].concat();
    let mut sweep = mltui(world.home.path(), &world.uri, &words);
    let mut sweep = sweep.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let is_there = || world.home.path().join("mlflow.db").exists() && world.runs("train").len() == 2;
    wait_until("the run of what it prints", is_there);
    fs::write(world.home.path().join("go"), "").unwrap();
    assert!(sweep.wait().unwrap().success());
    let (own, theirs) = (world.runs("train"), world.runs_in("theirs"));
    assert_eq!((own.len(), theirs.len()), (1, 1), "{own:?}");
    assert_eq!(theirs[0].tag("mlflow.parentRunId"), Some(own[0].info.run_id.as_str()));
    let history = |key| block_on(world.store().metric_history(&theirs[0].info.run_id, key)).unwrap().len();
    assert_eq!((history("val_loss"), history("speed")), (1, 2), "what it did not log is added");
    assert_eq!(own[0].tag("mltui.sweep.best"), Some(theirs[0].info.run_id.as_str()));
}

#[test]
fn a_script_that_forks_and_ignores_term_leaves_nothing_and_keeps_what_it_printed() {
    for server in [None, Some(Server::shared(V3))] {
        let world = World::of_processes(V3, server);
        let words = ["--metric", "val_loss:min", "--trials", "1", "--timeout", "2s", "--grace", "100ms"];
        let (code, _, error) = world.sweep(STUBBORN, &words, &[]);
        assert!(code == 3 && error.contains("timeout after 2.0s"), "{error}");
        let runs = world.runs("train");
        assert_eq!(runs.len(), 2);
        for run in &runs {
            assert_eq!((run.info.status, run.info.end_time.is_some()), (RunStatus::Failed, true), "{run:?}");
        }
        let trial = runs.iter().find(|run| run.tag("mltui.trial") == Some("0")).unwrap();
        let points = block_on(world.store().metric_history(&trial.info.run_id, "val_loss")).unwrap();
        assert_eq!(points.len(), 1);
        let mark = format!("MLTUI_TRIAL_DIR={}", world.home.path().display());
        assert_eq!(processes(&mark), Vec::<String>::new());
    }
}
