//! The headless commands: a server and a local store are asked the same, and answer the same.

use std::path::Path;

use mltui::mlflow::{Metric, Param, RunStatus};
use mltui::store::{NewRun, RunUpdate, Store};
use serde_json::Value;

use crate::support::commands::{fill, json, names, open, printed, refused};
use crate::support::{Server, V3};

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
