//! The headless commands, as scripts use them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use mltui::mlflow::{ExperimentId, Metric, Param, RunStatus, Tag};
use mltui::store::rest::RestOptions;
use mltui::store::{NewRun, RunUpdate, TrackingStore, uri};
use serde_json::Value;
use support::{Server, V3};

fn mltui(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mltui"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .output()
        .unwrap()
}

fn text(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).unwrap()
}

/// What a command prints; it must succeed and say nothing else.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = mltui(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(folder, arguments)).unwrap()
}

/// What a command complains of, and its exit code; it prints nothing else.
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = mltui(folder, arguments);
    assert_eq!(text(&output.stdout), "");
    (output.status.code().unwrap(), text(&output.stderr))
}

async fn fill(store: &Arc<dyn TrackingStore>) -> ExperimentId {
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

fn open(address: &str) -> Arc<dyn TrackingStore> {
    uri::open(&uri::parse(address, Path::new("/")).unwrap(), &RestOptions::default(), false).unwrap()
}

fn names(runs: &Value) -> Vec<&str> {
    runs.as_array().unwrap().iter().map(|run| run["run_name"].as_str().unwrap()).collect()
}

/// The same questions to any store get the same answers.
fn questions(folder: &Path, place: &[&str]) {
    let with = |arguments: &[&'static str]| [place, &[], arguments].concat();
    let runs = json(folder, &with(&["runs", "wine", "--json"]));
    assert_eq!(names(&runs), ["\u{1b}[31mfour", "three", "two", "one"], "newest first");
    assert_eq!(runs[1]["metrics"]["val_rmse"], "NaN");
    assert_eq!(runs[2]["params"]["lr"], "9");
    assert_eq!(runs[2]["tags"]["team"], "red, blue");
    assert_eq!((runs[2]["status"].as_str(), runs[2]["end_time"].as_i64()), (Some("FINISHED"), Some(9_000)));
    let sorted =
        json(folder, &with(&["runs", "wine", "--sort", "metrics.val_rmse", "--limit", "3", "--json"]));
    assert_eq!(names(&sorted), ["two", "\u{1b}[31mfour", "one"]);
    let sorted = json(folder, &with(&["runs", "wine", "--sort", "params.lr desc", "--json"]));
    assert_eq!(names(&sorted), ["one", "two", "three", "\u{1b}[31mfour"], "numbers as numbers, texts behind");
    let filter = ["runs", "wine", "--filter", "metrics.val_rmse < 0.65 AND params.lr = '9'", "--json"];
    assert_eq!(names(&json(folder, &with(&filter))), ["two"]);
    let csv = printed(
        folder,
        &with(&[
            "runs",
            "wine",
            "--columns",
            "run_name,metrics.val_rmse,tags.team",
            "--sort",
            "start_time",
            "--csv",
        ]),
    );
    assert_eq!(
        csv.lines().take(3).collect::<Vec<_>>(),
        ["run_name,metrics.val_rmse,tags.team", "one,0.7,\"red, blue\"", "two,0.5,\"red, blue\""]
    );
    let table = printed(folder, &with(&["runs", "wine", "--columns", "run_name,metrics.val_rmse"]));
    assert_eq!(
        table,
        "Run    val_rmse\nfour        0.6\nthree       NaN\ntwo         0.5\none         0.7\n"
    );
    let (code, message) = refused(folder, &with(&["runs", "vine"]));
    assert!(code == 3 && message.contains("no experiment \"vine\""), "{message}");
    let (code, message) = refused(folder, &with(&["runs", "wine", "--filter", "metrics.val_rmse ~ 1"]));
    assert!(code == 2 && message.contains("                 ^"), "{message}");
    let (code, message) = refused(folder, &with(&["runs", "wine", "--sort", "colour"]));
    assert!(code == 2 && message.contains("metrics.NAME"), "{message}");
    let experiments = json(folder, &with(&["experiments", "--json", "--columns", "name", "--sort", "name"]));
    assert_eq!(experiments, serde_json::json!([{ "name": "Default" }, { "name": "wine" }]));
    assert!(printed(folder, &with(&["doctor"])).contains("2 experiments"));
}

#[test]
fn a_local_store_answers() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()))));
    questions(folder.path(), &[]);
    let counts =
        json(folder.path(), &["experiments", "--json", "--columns", "name,runs", "--filter", "WINE"]);
    assert_eq!(counts, serde_json::json!([{ "name": "wine", "runs": 4.0 }]));
}

#[test]
fn a_server_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&server.uri())));
    questions(folder.path(), &["--tracking-uri", &server.uri()]);
}

#[test]
fn messages_go_to_standard_error_with_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (code, message) = refused(folder.path(), &[]);
    assert!(code == 2 && message.contains("needs a terminal"), "{message}");
    let (code, message) =
        refused(folder.path(), &["--tracking-uri", "postgresql://u:geheim@h/db", "experiments"]);
    assert!(code == 1 && message.contains("mlflow server") && !message.contains("geheim"), "{message}");
    let (code, message) =
        refused(folder.path(), &["--tracking-uri", "sqlite:////nowhere/at/all.db", "experiments"]);
    assert!(code == 1 && message.contains("does not exist"), "{message}");
    std::fs::write(folder.path().join("bad.toml"), "[tui]\ncolour = 1\n").unwrap();
    let (code, message) = refused(folder.path(), &["--config", "bad.toml", "experiments"]);
    assert!(code == 2 && message.contains("bad.toml:2:1") && message.contains("poll_interval"), "{message}");
    let (code, message) = refused(folder.path(), &["--config", "absent.toml", "experiments"]);
    assert!(code == 2 && message.contains("absent.toml"), "{message}");
    std::fs::create_dir_all(folder.path().join("mlruns/0")).unwrap();
    std::fs::write(folder.path().join("mlruns/0/meta.yaml"), "").unwrap();
    let (code, message) = refused(folder.path(), &["experiments"]);
    assert!(code == 1 && message.contains("migrate-filestore"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was created");
}

#[test]
fn settings_completions_and_the_manual_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    assert!(printed(folder.path(), &["config", "path"]).trim_end().ends_with("config.toml"));
    assert!(printed(folder.path(), &["config", "show"]).contains("poll_interval = 2.0"));
    assert!(printed(folder.path(), &["completions", "bash"]).contains("_mltui()"));
    assert!(printed(folder.path(), &["man"]).contains(".TH mltui"));
    assert!(printed(folder.path(), &["--help"]).contains("experiments"));
}

#[test]
fn a_damaged_store_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&format!("sqlite:///{}", path.display()))));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (code, message) = refused(folder.path(), &["runs", "wine", "--json"]);
    assert!(code == 1 && message.contains("damaged"), "{message}");
    std::fs::write(&path, b"").unwrap();
    assert!(printed(folder.path(), &["experiments"]).contains("Default"), "an empty file is a store to be");
}

#[test]
fn columns_have_heads_that_tell_them_apart_and_keys_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&address);
    let experiment = runtime.block_on(store.create_experiment("heads", &[])).unwrap();
    let run = NewRun {
        experiment_id: experiment,
        run_name: Some("one".into()),
        user_id: "ana".into(),
        start_time: 1_000,
        tags: Vec::new(),
    };
    let id = runtime.block_on(store.create_run(&run)).unwrap().info.run_id;
    let values =
        [("m", 3.0, 0), ("m", 1.0, 1), ("m", 2.0, 2), ("a", 1.0, 0), ("a ", 2.0, 0), ("a b", 4.0, 0)];
    let metrics: Vec<Metric> = values
        .into_iter()
        .map(|(key, value, step)| Metric { key: key.into(), value, timestamp: 1, step })
        .collect();
    runtime.block_on(store.log_batch(&id, &metrics, &[Param::new("m", "x")], &[])).unwrap();
    let asked = |columns: &str, more: &[&str]| {
        let list = ["--tracking-uri", &address, "runs", "heads", "--columns", columns];
        printed(folder.path(), &[&list, more].concat())
    };
    let heads = |text: String| text.lines().next().unwrap().to_owned();
    assert_eq!(heads(asked("min(metrics.m),max(metrics.m)", &[])), "min(m)  max(m)");
    assert_eq!(heads(asked("metrics.m,params.m,last(metrics.m, 2)", &[])), "metrics.m  params.m  last(m, 2)");
    assert_eq!(
        asked("min(metrics.m),max(metrics.`m`),at(metrics.\"m\", 0),metrics.'m'", &["--csv"]),
        "min(metrics.m),max(metrics.m),\"at(metrics.m, 0)\",metrics.m\n1,3,3,2\n"
    );
    let row: Value = serde_json::from_str(&asked("min(metrics.m),max(metrics.m)", &["--json"])).unwrap();
    assert_eq!(row, serde_json::json!([{ "min(metrics.m)": 1.0, "max(metrics.m)": 3.0 }]));
    for columns in ["metrics.a ", "metrics.`a `", " metrics.a ", "max(metrics.a )", "max(metrics.`a `)"] {
        assert_eq!(asked(columns, &["--csv"]).lines().last(), Some("2"), "{columns:?}");
    }
    assert_eq!(asked("metrics.a, metrics.`a b`,run_name ", &["--csv"]).lines().last(), Some("1,4,one"));
    assert_eq!(asked("metrics.a ", &["--csv", "--sort", "metrics.a  desc"]).lines().last(), Some("2"));
}

#[test]
fn a_column_that_no_run_has_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    tokio::runtime::Runtime::new().unwrap().block_on(fill(&open(&address)));
    let said = |more: &[&str]| {
        let list = ["--tracking-uri", &address, "runs", "wine"];
        let output = mltui(folder.path(), &[&list, more].concat());
        assert!(output.status.success() && !output.stdout.is_empty(), "{more:?}");
        text(&output.stderr)
    };
    for column in ["metrics.val_rmsle", "max(metrics.val_rmsle)", "params.val_rmse", "tags.`a b`"] {
        let message = said(&["--columns", column]);
        assert!(message.contains("none of these runs has \"") && message.lines().count() == 1, "{message}");
    }
    let message = said(&["--sort", "metrics.typo"]);
    assert_eq!(message, "mltui: no run has \"metrics.typo\": nothing is sorted by it\n");
    assert_eq!(said(&["--columns", "metrics.val_rmse,user_id", "--sort", "params.lr"]), "");
}

#[test]
fn a_run_that_was_resumed_has_no_end_and_its_duration_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&address);
    let experiment = runtime.block_on(fill(&store));
    let ids = json(folder.path(), &["--tracking-uri", &address, "runs", "wine", "--json"]);
    let resumed = ids[0]["run_id"].as_str().unwrap();
    let update = RunUpdate { status: Some(RunStatus::Running), end_time: None, run_name: None };
    runtime.block_on(store.update_run(&resumed.into(), &update)).unwrap();
    drop(experiment);
    let runs = json(folder.path(), &["--tracking-uri", &address, "runs", "wine", "--json"]);
    assert_eq!((&runs[0]["run_id"], &runs[0]["end_time"]), (&Value::from(resumed), &Value::Null));
    assert_eq!(runs[1]["end_time"], 9_000);
    let columns = ["--columns", "end_time,duration", "--json"];
    let runs = json(folder.path(), &[&["--tracking-uri", &address, "runs", "wine"][..], &columns].concat());
    assert_eq!(runs[0]["end_time"], Value::Null);
    assert!(runs[0]["duration"].as_i64().unwrap() > 1_000_000_000_000, "since 1970, and on");
    assert_eq!(runs[1], serde_json::json!({ "end_time": 9_000, "duration": 6_000 }));
}
