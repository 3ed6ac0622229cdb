//! The headless commands as scripts call them, and a store for them.

use std::path::Path;
use std::process::{Command, Output};

use mltui::mlflow::{ExperimentId, Metric, Param, RunStatus, Tag};
use mltui::store::uri::RestOptions;
use mltui::store::{NewRun, RunUpdate, Store, uri};
use serde_json::Value;

pub fn mltui(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .output()
        .unwrap()
}

pub fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

/// What a command prints; it must succeed and say nothing else.
pub fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = mltui(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

pub fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(folder, arguments)).unwrap()
}

/// What a command complains of, and its exit code; it prints nothing else.
pub fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = mltui(folder, arguments);
    assert_eq!(text(&output.stdout), "");
    (output.status.code().unwrap(), text(&output.stderr))
}

pub async fn fill(store: &Store) -> ExperimentId {
    let experiment = store.create_experiment("wine", &[]).await.unwrap();
    for (i, (name, rmse)) in
        [("one", 0.7), ("two", 0.5), ("three", f64::NAN), ("\u{1b}[31mfour", 0.6)].into_iter().enumerate()
    {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(name.into()),
            user_id: "ana".into(),
            start_time: 1_000 * (i as i64 + 1),
            tags: vec![Tag::new("team", "red, blue")],
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metric = Metric { key: "val_rmse".into(), value: rmse, timestamp: 1, step: 3 };
        store.log_batch(&id, &[metric], &[Param::new("lr", ["10", "9", "1e-3", "x"][i])], &[]).await.unwrap();
        let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9_000), run_name: None };
        store.update_run(&id, &end).await.unwrap();
    }
    experiment
}

pub fn open(address: &str) -> Store {
    uri::open(&uri::parse(address, Path::new("/")).unwrap(), &RestOptions::default(), false).unwrap()
}

pub fn names(runs: &Value) -> Vec<&str> {
    runs.as_array().unwrap().iter().map(|run| run["run_name"].as_str().unwrap()).collect()
}
