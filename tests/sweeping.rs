//! Sweeps from outside: the real program, the real MLflow, and whatever can break off in between.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::proxy::{Fault, Proxy};
use support::{Mlflow, Server, V2, V3};

const LOOK: &str = include_str!("support/sweeps.py");

fn mltui(home: &Path, uri: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"))
        .env("USER", "ana")
        .env_remove("MLFLOW_TRACKING_URI")
        .args(["--tracking-uri", uri])
        .args(words)
        .stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// What a sweep prints as JSON.
fn swept(home: &Path, uri: &str, words: &[&str]) -> Value {
    let words: Vec<&str> = ["sweep", "--json"].into_iter().chain(words.iter().copied()).collect();
    let (code, out, error) = output(mltui(home, uri, &words));
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&out).unwrap()
}

fn look(mlflow: Mlflow, uri: &str, experiment: &str, data: &Path, target: &str, load: bool) -> Value {
    let data = data.display().to_string();
    let mut words = vec![uri, experiment, &data, target];
    if load {
        words.push("--load");
    }
    serde_json::from_str(&mlflow.run(LOOK, &words)).unwrap()
}

/// A table with everything in it: gaps, texts, truth values, whole numbers.
fn table(folder: &Path, rows: usize) -> std::path::PathBuf {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut text = String::from("size,colour,is_new,rooms,price,sold\n");
    for row in 0..rows {
        let size = 20.0 + 180.0 * rng.f64();
        let colour = ["red", "green", "blue"][rng.usize(..3)];
        let (is_new, rooms) = (rng.bool(), rng.i64(1..7));
        let price = 3.0 * size + if is_new { 40.0 } else { 0.0 } + 9.0 * rooms as f64 + 30.0 * rng.f64();
        let size = if row % 11 == 0 { String::new() } else { format!("{size:.3}") };
        let colour = if row % 13 == 0 { "" } else { colour };
        let sold = if price > 400.0 { "yes" } else { "no" };
        text.push_str(&format!("{size},{colour},{is_new},{rooms},{price:.2},{sold}\n"));
    }
    let path = folder.join("houses.csv");
    fs::write(&path, text).unwrap();
    path
}

const REGRESSION: [&str; 10] = [
    "random_forest",
    "gradient_boosting",
    "decision_tree",
    "ridge",
    "k_neighbors",
    "svr",
    "linear",
    "lasso",
    "elastic_net",
    "pls",
];
const CLASSIFICATION: [&str; 7] =
    ["random_forest", "gradient_boosting", "decision_tree", "logistic", "k_neighbors", "svm", "naive_bayes"];

/// One trial of each family, both tasks, and everything that is logged of them.
fn every_family(mlflow: Mlflow, uri: &str) {
    let home = tempfile::tempdir().unwrap();
    let data = table(home.path(), 300);
    for (target, other, families) in
        [("price", "sold", &REGRESSION[..]), ("sold", "price", &CLASSIFICATION[..])]
    {
        let path = data.display().to_string();
        let trials = families.len().to_string();
        let experiment = format!("{target} {}", fastrand::u32(..));
        let said = swept(
            home.path(),
            uri,
            &[
                "--data",
                &path,
                "--target",
                target,
                "--ignore",
                other,
                "--trials",
                &trials,
                "--experiment",
                &experiment,
                "--no-prune",
            ],
        );
        assert_eq!(said["status"], "finished", "{said}");
        assert_eq!(
            (said["finished"].as_u64(), said["failed"].as_u64()),
            (Some(families.len() as u64), Some(0)),
            "{said}"
        );
        let seen = look(mlflow, uri, &experiment, &data, target, true);
        let parent = &seen["parents"][0];
        assert_eq!(seen["parents"].as_array().unwrap().len(), 1);
        assert_eq!(parent["run_id"], said["run_id"]);
        assert_eq!(parent["status"], "FINISHED");
        assert_eq!(parent["tags"]["mltui.sweep.best"], said["best"]["run_id"]);
        assert_eq!(parent["tags"]["mlflow.user"], "ana");
        assert!(parent["tags"]["mltui.sweep.command"].as_str().unwrap().starts_with("mltui sweep --data"));
        let metric = said["metric"].as_str().unwrap();
        assert_eq!(seen["experiment"]["mlflow.experiment.primaryMetric.name"], metric);
        assert_eq!(parent["artifacts"], serde_json::json!(["command.txt", "search_space.json"]));
        let best: Vec<f64> =
            parent["best"][metric].as_array().unwrap().iter().map(|p| p[1].as_f64().unwrap()).collect();
        assert_eq!(best.len(), families.len());
        assert_eq!(best.last().copied(), said["best"]["metrics"][metric].as_f64());
        let children = parent["children"].as_array().unwrap();
        assert_eq!(children.len(), families.len());
        for (number, (child, family)) in children.iter().zip(families).enumerate() {
            assert_eq!(child["name"], format!("{family}-{number}"));
            assert_eq!((child["status"].as_str(), child["ended"].as_bool()), (Some("FINISHED"), Some(true)));
            assert_eq!(child["params"]["family"], *family);
            let bare = metric.strip_prefix("val_").unwrap();
            let folds = child["histories"][format!("fold_{bare}")].as_array().unwrap();
            assert_eq!(folds.len(), 5);
            let values: Vec<f64> = folds.iter().map(|point| point[1].as_f64().unwrap()).collect();
            let mean = values.iter().sum::<f64>() / 5.0;
            assert!(
                (mean - child["metrics"][metric].as_f64().unwrap()).abs() < 1e-12 * mean.abs().max(1.0),
                "{child}"
            );
            assert!(
                child["metrics"][format!("{metric}_std")].is_number()
                    && child["metrics"]["fit_seconds"].is_number()
            );
            assert!(child["metrics"][format!("test_{bare}")].is_number(), "{child}");
            assert_eq!(child["inputs"][0][0], "houses");
            assert_eq!(
                (child["inputs"][0][2].as_str(), child["inputs"][0][3].as_str()),
                (Some("training"), Some("double"))
            );
            // The model, loaded by Python, with all that is done to its input before.
            assert_eq!(child["rows"], 300);
            assert_eq!(child["columns"][0], "prediction");
            if target == "price" {
                assert!(child["worst"].as_f64().unwrap() < 1e-6, "{family}: {}", child["worst"]);
            } else {
                assert_eq!(child["columns"].as_array().unwrap().len(), 3, "{child}");
                assert!(child["artifacts"].as_array().unwrap().contains(&"confusion_matrix.csv".into()));
            }
            assert!(child["signature"].as_array().unwrap().len() >= 4, "{child}");
        }
        if let Some(models) = seen["models"].as_array().filter(|_| uri.starts_with("http")) {
            assert_eq!(models.len(), families.len());
            assert!(
                models
                    .iter()
                    .all(|model| model[0] == "model" && model[1].as_str().unwrap().contains("READY"))
            );
        }
    }
}

#[test]
fn every_family_is_logged_and_loaded_from_a_server_of_mlflow_3() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    every_family(V3, &server.uri());
}

#[test]
fn every_family_is_logged_and_loaded_from_a_server_of_mlflow_2() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V2, folder.path());
    every_family(V2, &server.uri());
}

#[test]
fn every_family_is_logged_and_loaded_from_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:///{}/mlflow.db", folder.path().display());
    every_family(V3, &uri);
    // And where MLflow 3 has been: models are entities of their own then.
    every_family(V3, &uri);
}
