//! The best run: the same as an independent program chooses on MLflow's own client; marked so that MLflow understands it,
//! and whole again after whatever breaks off.

mod broken;
mod checkpoints;
mod choice;
mod directions;
mod gate;
mod keys;
mod marks;
mod promoting;
mod promoting_broken;
mod registering;

use std::path::Path;
use std::process::{Command, Output};

use mltui::mlflow::{ExperimentId, Metric, Run, RunId, RunStatus, Tag};
use mltui::store::uri::RestOptions;
use mltui::store::{NewRun, RunUpdate, Store, uri};
use serde_json::Value;

fn mltui(home: &Path, address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command
        .args(["--tracking-uri", address])
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("USER", "ana")
        .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0");
    command
}

fn run(home: &Path, address: &str, arguments: &[&str]) -> Output {
    mltui(home, address, arguments).output().unwrap()
}

/// What a command prints, which must end well.
fn json_of(home: &Path, address: &str, arguments: &[&str]) -> Value {
    let output = run(home, address, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn open(address: &str) -> Store {
    let location = uri::parse(address, Path::new("/")).unwrap();
    uri::open(&location, &RestOptions { max_retries: 1, ..RestOptions::default() }, false).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// An experiment with two runs that have a model.
async fn experiment(store: &Store, name: &str) -> (ExperimentId, [RunId; 2]) {
    let experiment = store.create_experiment(name, &[]).await.unwrap();
    let mut ids = Vec::new();
    for (run_name, value) in [("old", 0.7), ("new", 0.5)] {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(run_name.into()),
            user_id: "ana".into(),
            start_time: 1,
            tags: Vec::new(),
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metric = Metric { key: "val_rmse".into(), value, timestamp: 1, step: 0 };
        store.log_batch(&id, &[metric], &[], &[]).await.unwrap();
        store.write_artifact(&id, "model/MLmodel", b"flavors: {}\n").await.unwrap();
        let update = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(2), run_name: None };
        store.update_run(&id, &update).await.unwrap();
        ids.push(id);
    }
    (experiment, ids.try_into().unwrap())
}

/// All that a mark can touch.
#[derive(Debug, PartialEq)]
struct State {
    tags: [Vec<Tag>; 2],
    best: String,
    aliases: Vec<(String, u64)>,
    versions: Vec<u64>,
}

async fn state(store: &Store, experiment: &ExperimentId, runs: &[RunId; 2], model: &str) -> State {
    let mut tags = Vec::new();
    for id in runs {
        let run: Run = store.get_run(id).await.unwrap();
        tags.push(run.tags.into_iter().filter(|tag| tag.key.starts_with("mltui.best")).collect::<Vec<_>>());
    }
    let known = store.get_experiment(experiment).await.unwrap();
    let best = known.tags.iter().find(|tag| tag.key == "mltui.best").map(|tag| tag.value.clone());
    let mut aliases = store.get_registered_model(model).await.unwrap().aliases;
    aliases.sort();
    let versions = store.model_versions(model).await.unwrap().iter().map(|version| version.version).collect();
    State { tags: tags.try_into().unwrap(), best: best.unwrap_or_default(), aliases, versions }
}
