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
    assert!(code == 2 && message.contains("mlflow server") && !message.contains("geheim"), "{message}");
    let (code, message) =
        refused(folder.path(), &["--tracking-uri", "sqlite:////nowhere/at/all.db", "experiments"]);
    assert!(code == 3 && message.contains("the folder /nowhere/at does not exist"), "{message}");
    std::fs::write(folder.path().join("bad.toml"), "[tui]\ncolour = 1\n").unwrap();
    let (code, message) = refused(folder.path(), &["--config", "bad.toml", "experiments"]);
    assert!(code == 2 && message.contains("bad.toml:2:1") && message.contains("poll_interval"), "{message}");
    let (code, message) = refused(folder.path(), &["--config", "absent.toml", "experiments"]);
    assert!(code == 2 && message.contains("absent.toml"), "{message}");
    std::fs::create_dir_all(folder.path().join("mlruns/0")).unwrap();
    std::fs::write(folder.path().join("mlruns/0/meta.yaml"), "").unwrap();
    let (code, message) = refused(folder.path(), &["experiments"]);
    assert!(code == 2 && message.contains("migrate-filestore"), "{message}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was created");
}

#[test]
fn a_database_that_is_not_there_is_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    runtime.block_on(fill(&open(&address)));
    let place: &[&str] = &["--tracking-uri", "sqlite:///mlfow.db"];
    for command in [
        &["experiments"] as &[&str],
        &["runs", "wine"],
        &["best", "wine"],
        &["compare", "one", "two"],
        &["mark-best", "wine"],
        &["wait", "--experiment", "wine"],
    ] {
        let (code, message) = refused(folder.path(), &[place, command].concat());
        assert!(code == 3 && message.contains("did you mean") && message.contains("mlflow.db?"), "{message}");
    }
    let doctor = mltui(folder.path(), &[place, &["doctor"]].concat());
    assert_eq!(doctor.status.code(), Some(3));
    assert!(text(&doctor.stderr).contains("did you mean"));
    std::fs::write(folder.path().join("c.toml"), "tracking_uri = \"sqlite:///mlfow.db\"").unwrap();
    assert_eq!(refused(folder.path(), &["--config", "c.toml", "experiments"]).0, 3);
    assert!(!folder.path().join("mlfow.db").exists());
    // Where nobody named a file, an empty store is a beginning.
    let empty = tempfile::tempdir().unwrap();
    assert!(printed(empty.path(), &["experiments"]).contains("Default"));
}

#[test]
fn variables_that_cannot_be_used_are_named() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let tell = |name: &str, value: &[u8]| {
        let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
            .args(["--tracking-uri", "http://127.0.0.1:1", "experiments"])
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .env("MLFLOW_TRACKING_USERNAME", "ana")
            .env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
            .env(name, std::ffi::OsStr::from_bytes(value))
            .output()
            .unwrap();
        (output.status.code().unwrap(), text(&output.stderr))
    };
    for (name, value, word) in [
        ("MLFLOW_TRACKING_URI", b"http://\xff" as &[u8], "no UTF-8 text"),
        ("MLFLOW_TRACKING_SERVER_CERT_PATH", b"/\xff.pem", "no UTF-8 text"),
        ("MLFLOW_TRACKING_TOKEN", b"geheim\n", "a line break"),
        ("MLFLOW_TRACKING_TOKEN", "geheim\u{fc}".as_bytes(), "beyond ASCII"),
        ("MLFLOW_TRACKING_PASSWORD", b"geheim\r\n", "a line break"),
        ("MLFLOW_WORKSPACE", "b\u{fc}ro".as_bytes(), "beyond ASCII"),
    ] {
        let (code, message) = tell(name, value);
        assert!(code == 2 && message.contains(name) && message.contains(word), "{message}");
        assert!(!message.contains("geheim"), "{message}");
    }
    let (code, message) = tell("MLFLOW_TRACKING_PASSWORD", "gehe\u{fc}m".as_bytes());
    assert_eq!(code, 1, "a password may have any letters: {message}");
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
