//! The headless commands, as scripts use them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use mltui::mlflow::{ExperimentId, Metric, Param, RunStatus, Tag};
use mltui::store::uri::RestOptions;
use mltui::store::{NewRun, RunUpdate, Store, uri};
use serde_json::Value;
use support::terminal::Terminal;
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

async fn fill(store: &Store) -> ExperimentId {
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

fn open(address: &str) -> Store {
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
        "Run         val_rmse\n^[[31mfour       0.6\nthree            NaN\ntwo              0.5\none              0.7\n"
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

/// Twenty-one names, with which a comparison of numbers as numbers and of all else as texts goes round in circles.
const MIXED: [&str; 21] = [
    "46a", "9", "22a", "19a", "12", "35a", "11", "21", "16", "24a", "43", "2a", "5", "27a", "36", "28a",
    "41", "29a", "25", "47a", "14a",
];

#[test]
fn names_of_digits_and_letters_are_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()));
    runtime.block_on(async {
        for name in MIXED {
            store.create_experiment(name, &[]).await.unwrap();
        }
    });
    let listed = printed(folder.path(), &["experiments", "--sort", "name", "--columns", "name", "--csv"]);
    let expected = "name 5 9 11 12 16 21 25 36 41 43 14a 19a 22a 24a 27a 28a 29a 2a 35a 46a 47a Default";
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>().join(" "), expected);
    let down = printed(folder.path(), &["experiments", "--sort", "name desc", "--columns", "name", "--csv"]);
    assert_eq!(down.split_whitespace().nth(1), Some("Default"));
}

/// Three seeds, of which one diverged, each with curious histories.
async fn fill_infinite(store: &Store) {
    let experiment = store.create_experiment("endless", &[]).await.unwrap();
    let infinite = f64::INFINITY;
    for (seed, loss, accuracy) in [(1, 0.5, 1e300), (2, 0.6, 0.25), (3, -infinite, infinite)] {
        let run = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(format!("seed-{seed}")),
            user_id: "ana".into(),
            start_time: 1_000 * seed,
            tags: Vec::new(),
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metric = |key: &str, value: f64, step: i64| Metric { key: key.into(), value, timestamp: 1, step };
        let metrics = [
            metric("val_loss", loss, 0),
            metric("val_accuracy", accuracy, 0),
            metric("curve", 1.0, 0),
            metric("curve", infinite, 1),
            metric("curve", 2.0, 2),
            metric("l2", f64::NAN, 0),
            metric("l2", 1.0, 0),
        ];
        let params = [Param::new("lr", "0.1"), Param::new("seed", seed.to_string())];
        store.log_batch(&id, &metrics, &params, &[]).await.unwrap();
        let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9_000), run_name: None };
        store.update_run(&id, &end).await.unwrap();
    }
}

/// An infinite value is shown and exported as such, and never best, wherever the runs are.
fn infinities(folder: &Path, place: &[&str]) {
    let with = |arguments: &[&'static str]| [place, &[], arguments].concat();
    let runs = json(folder, &with(&["runs", "endless", "--json"]));
    assert_eq!(runs[0]["metrics"]["val_loss"], "-Infinity");
    assert_eq!(runs[0]["metrics"]["val_accuracy"], "Infinity");
    let columns = "run_name,metrics.val_loss,metrics.val_accuracy,mean(metrics.curve),last(metrics.curve, 3),\
                   max(metrics.curve),metrics.l2,at(metrics.l2, 0),last(metrics.l2, 1)";
    let csv = printed(folder, &with(&["runs", "endless", "--columns", columns, "--csv"]));
    let rows: Vec<&str> = csv.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "seed-3,-inf,inf,inf,inf,inf,1,1,1",
            "seed-2,0.6,0.25,inf,inf,inf,1,1,1",
            "seed-1,0.5,1e300,inf,inf,inf,1,1,1"
        ]
    );
    let table = printed(folder, &with(&["runs", "endless", "--columns", columns]));
    assert!(table.contains(" -inf ") && table.lines().all(|line| line.len() < 200), "{table}");
    let filter = ["runs", "endless", "--filter", "metrics.val_accuracy > 1e307", "--json"];
    assert_eq!(names(&json(folder, &with(&filter))), ["seed-3"]);

    let best = json(folder, &with(&["best", "endless", "--metric", "val_loss", "--min", "--json"]));
    assert_eq!(best["best"]["run_name"], "seed-1");
    assert_eq!(best["left_out"]["infinite"], 1);
    let deviation = best["spread"]["deviation"].as_f64().unwrap();
    assert!((deviation - 0.070_710_678_118_654_74).abs() < 1e-12, "{best}");
    assert_eq!(best["spread"]["of"]["seeds"], 2);

    let runs = runs.as_array().unwrap();
    let ids: Vec<&str> = runs.iter().map(|run| run["run_id"].as_str().unwrap()).collect();
    let compared = |more: &[&str]| printed(folder, &[place, &["compare"], &ids, more].concat());
    let row = |told: &str, name: &str| {
        let told: Value = serde_json::from_str(told).unwrap();
        told["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let told = compared(&["--json"]);
    assert_eq!(row(&told, "val_loss")["values"][0], "-Infinity");
    assert_eq!(row(&told, "val_loss")["best"], serde_json::json!([2]));
    assert_eq!(row(&told, "val_accuracy")["best"], serde_json::json!([2]));
    let group = &row(&compared(&["--json", "--seeds"]), "val_loss")["values"][0];
    assert!((group["mean"].as_f64().unwrap() - 0.55).abs() < 1e-12, "{group}");
    assert!((group["std"].as_f64().unwrap() - deviation).abs() < 1e-12, "{group}");
    assert_eq!(group["runs"], 2);
    assert!(compared(&["--md"]).lines().all(|line| line.len() < 200));
}

#[test]
fn a_local_store_answers() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()))));
    questions(folder.path(), &[]);
    runtime
        .block_on(fill_infinite(&open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()))));
    infinities(folder.path(), &[]);
    let counts =
        json(folder.path(), &["experiments", "--json", "--columns", "name,runs", "--filter", "WINE"]);
    assert_eq!(counts, serde_json::json!([{ "name": "wine", "runs": 4 }]));
}

#[test]
fn a_server_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&server.uri())));
    questions(folder.path(), &["--tracking-uri", &server.uri()]);
    runtime.block_on(fill_infinite(&open(&server.uri())));
    infinities(folder.path(), &["--tracking-uri", &server.uri()]);
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
        ("MLFLOW_TRACKING_URI", b"http://\xff" as &[u8], "not valid UTF-8"),
        ("MLFLOW_TRACKING_SERVER_CERT_PATH", b"/\xff.pem", "not valid UTF-8"),
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
        assert!(message.contains("no run has \"") && message.lines().count() == 1, "{message}");
    }
    let message = said(&["--sort", "metrics.typo"]);
    assert_eq!(message, "mltui: no run has \"metrics.typo\"; not sorted by it\n");
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

/// Shown nowhere but by what it is called.
const HOSTILE: &str = "\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\u{202e}<img src=x>\u{200d}";

fn hostile(folder: &Path) {
    let store = open(&format!("sqlite:///{}", folder.join("mlflow.db").display()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let experiment = store.create_experiment(&format!("e{HOSTILE}"), &[]).await.unwrap();
        let run = NewRun {
            experiment_id: experiment,
            run_name: Some(format!("r{HOSTILE}")),
            user_id: "ana".into(),
            start_time: 1_000,
            tags: vec![Tag::new("team", HOSTILE)],
        };
        let id = store.create_run(&run).await.unwrap().info.run_id;
        let metric = Metric { key: "val_rmse".into(), value: 0.5, timestamp: 1, step: 3 };
        store.log_batch(&id, &[metric], &[Param::new("p", HOSTILE)], &[]).await.unwrap();
        let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9_000), run_name: None };
        store.update_run(&id, &end).await.unwrap();
    });
}

#[test]
fn nothing_that_a_command_prints_steers_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    hostile(folder.path());
    let config = folder.path().join("\u{1b}[31m.toml");
    std::fs::write(&config, "").unwrap();
    for arguments in [
        &["runs", "1", "--csv", "--columns", "run_name,tags.team,params.p"] as &[&str],
        &["runs", "1", "--json", "--columns", "run_name,tags.team,params.p"],
        &["runs", "1"],
        &["experiments", "--csv"],
        &["experiments", "--json"],
        &["best", "1", "--metric", "val_rmse", "--json"],
        &["--config", config.to_str().unwrap(), "config", "path"],
        &["--config", config.to_str().unwrap(), "config", "show"],
        &["--config", config.to_str().unwrap(), "doctor"],
    ] {
        let mut terminal = Terminal::start(folder.path(), (200, 50), arguments, &[]);
        terminal.wait_for_end();
        let written = String::from_utf8(terminal.settled_raw()).unwrap();
        let is_line = |c: char| matches!(c, '\r' | '\n');
        assert!(
            written.chars().all(|c| is_line(c) || !mltui::text::is_hidden(c)),
            "{arguments:?}: {written:?}"
        );
        assert!(written.contains("^[") || written.contains("\\u001b"), "{arguments:?}: {written}");
    }
    // Names that no client takes, but a file can hold; and pages of text are looked at in a pipe.
    let db = rusqlite::Connection::open(folder.path().join("mlflow.db")).unwrap();
    db.execute("UPDATE params SET key = ?1", [format!("k{HOSTILE}")]).unwrap();
    let column = format!("run_name,params.k{HOSTILE}");
    let table = printed(folder.path(), &["runs", "1", "--columns", &column]);
    assert!(table.chars().all(|c| c == '\n' || !mltui::text::is_hidden(c)), "{table:?}");
    assert!(table.contains("k^[]0;x^G<9b>31m"), "{table}");
    db.execute("UPDATE params SET key = 'p'", []).unwrap();
    // Programs get what is there.
    let csv = printed(folder.path(), &["runs", "1", "--csv", "--columns", "run_name,params.p"]);
    assert_eq!(csv, format!("run_name,params.p\nr{HOSTILE},{HOSTILE}\n"));
    let runs = printed(folder.path(), &["runs", "1", "--json", "--columns", "run_name"]);
    assert!(runs.chars().all(|c| c == '\n' || !mltui::text::is_hidden(c)), "{runs:?}");
    assert_eq!(names(&serde_json::from_str(&runs).unwrap()), [format!("r{HOSTILE}")]);
}

#[test]
fn a_command_line_that_is_refused_is_not_repeated_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let spoof = format!("{HOSTILE}\nmltui: all is well");
    for arguments in [
        &[spoof.as_str()] as &[&str],
        &["runs", "x", &format!("--{spoof}")],
        &["--color", &spoof, "runs", "x"],
        &["--tracking-uri", &format!("http://[{spoof}"), "runs", "x"],
        &["experiment\u{202e}s"],
        &["sweeps", "pause", &spoof],
        &["runs", "x", "--limit", &spoof],
    ] {
        let (code, message) = refused(folder.path(), arguments);
        assert!(matches!(code, 2 | 3), "{code}: {message}");
        assert!(message.chars().all(|c| c == '\n' || !mltui::text::is_hidden(c)), "{message:?}");
        let is_spoofed = message.lines().any(|line| line.starts_with("mltui: all"));
        assert!(!is_spoofed && message.contains("202e"), "{message}");
    }
}

/// As `head` does when it has seen enough.
#[test]
fn nobody_who_reads_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()))));
    let runs = json(folder.path(), &["runs", "wine", "--json"]);
    let ids: Vec<&str> = runs.as_array().unwrap().iter().map(|run| run["run_id"].as_str().unwrap()).collect();
    // More than what waits in any buffer.
    let db = rusqlite::Connection::open(folder.path().join("mlflow.db")).unwrap();
    db.execute("UPDATE tags SET value = ?1 WHERE key = 'team'", ["x".repeat(100_000)]).unwrap();
    for arguments in [
        &["runs", "wine"] as &[&str],
        &["runs", "wine", "--csv"],
        &["runs", "wine", "--csv", "--columns", "tags.team"],
        &["runs", "wine", "--json", "--columns", "tags.team"],
        &["experiments", "--csv"],
        &["compare", ids[0], ids[1]],
        &["compare", ids[0], ids[1], "--csv"],
        &["compare", ids[0], ids[1], "--md"],
        &["compare", ids[0], ids[1], "--json"],
        &["best", "wine", "--metric", "val_rmse"],
        &["best", "wine", "--metric", "val_rmse", "--json"],
        &["mark-best", "wine", "--metric", "val_rmse", "--dry-run"],
        &["wait", ids[0]],
        &["sweeps"],
        &["sweeps", "--json"],
        &["sweep", "--families"],
        &["doctor"],
        &["config", "show"],
        &["config", "path"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["help", "runs"],
        &["--version"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_mltui"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("HOME", folder.path())
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
    }
}
