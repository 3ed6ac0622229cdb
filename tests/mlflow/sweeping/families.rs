//! A trial of each family: everything that is logged of it, and its model in Python.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::sweeping::{swept, table};
use crate::support::{Mlflow, Server, V2, V3};

const LOOK: &str = include_str!("../../support/sweeps.py");

fn look(mlflow: Mlflow, uri: &str, experiment: &str, data: &Path, target: &str, load: bool) -> Value {
    let data = data.display().to_string();
    let mut words = vec![uri, experiment, &data, target];
    if load {
        words.push("--load");
    }
    serde_json::from_str(&mlflow.run(LOOK, &words)).unwrap()
}

/// A table in which no value stands twice.
fn distinct(folder: &Path, rows: usize) -> PathBuf {
    let mut rng = fastrand::Rng::with_seed(8);
    let mut order: Vec<usize> = (0..rows).collect();
    rng.shuffle(&mut order);
    let mut text = String::from("left,right,wins\n");
    for (row, other) in order.into_iter().enumerate() {
        let (left, right) = (0.37 * row as f64, 0.41 * other as f64 - 20.0);
        writeln!(text, "{left:.3},{right:.3},{}", if left > right + 5.0 { "yes" } else { "no" }).unwrap();
    }
    let path = folder.join("duels.csv");
    fs::write(&path, text).unwrap();
    path
}

const REGRESSION: [&str; 12] = [
    "ridge",
    "linear",
    "decision_tree",
    "k_neighbors",
    "pls",
    "lasso",
    "elastic_net",
    "svr",
    "random_forest",
    "extra_trees",
    "gradient_boosting",
    "hist_gradient_boosting",
];

const CLASSIFICATION: [&str; 10] = [
    "logistic",
    "decision_tree",
    "k_neighbors",
    "naive_bayes",
    "svm",
    "random_forest",
    "extra_trees",
    "ada_boost",
    "gradient_boosting",
    "hist_gradient_boosting",
];

/// One trial of each family, both tasks, and everything that is logged of them.
fn every_family(mlflow: Mlflow, uri: &str, own_models: bool) {
    let home = tempfile::tempdir().unwrap();
    let houses = table(home.path(), 300);
    for (data, target, other, families) in [
        (&houses, "price", "sold", &REGRESSION[..]),
        (&houses, "sold", "price", &CLASSIFICATION[..]),
        (&distinct(home.path(), 300), "wins", "", &["linfa_tree"]),
    ] {
        let path = data.display().to_string();
        let trials = families.len().to_string();
        let experiment = format!("{target} {}", fastrand::u32(..));
        let mut words = vec!["--data", &path, "--target", target, "--trials", &trials];
        words.extend(["--experiment", &experiment, "--no-prune", "--ignore", other]);
        words.extend(families.iter().flat_map(|family| ["--family", family]));
        let said = swept(home.path(), uri, &words);
        assert_eq!(said["status"], "finished", "{said}");
        assert_eq!(
            (said["finished"].as_u64(), said["failed"].as_u64()),
            (Some(families.len() as u64), Some(0)),
            "{said}"
        );
        let seen = look(mlflow, uri, &experiment, data, target, true);
        let parent = &seen["parents"][0];
        assert_eq!(seen["parents"].as_array().unwrap().len(), 1);
        assert_eq!(parent["run_id"], said["run_id"]);
        assert_eq!(parent["status"], "FINISHED");
        assert_eq!(parent["tags"]["mltui.sweep.best"], said["best"]["run_id"]);
        assert_eq!(parent["tags"]["mlflow.user"], "ana");
        assert!(parent["tags"]["mltui.sweep.command"].as_str().unwrap().starts_with("mltui sweep --data"));
        let metric = said["metric"].as_str().unwrap();
        let bare = metric.strip_prefix("val_").unwrap();
        assert_eq!(seen["experiment"]["mlflow.experiment.primaryMetric.name"], metric);
        assert_eq!(parent["artifacts"], serde_json::json!(["command.txt", "data.json", "search_space.json"]));
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
            assert_eq!(child["inputs"][0][0], data.file_stem().unwrap().to_str().unwrap());
            assert_eq!(
                (child["inputs"][0][2].as_str(), child["inputs"][0][3].as_str()),
                (Some("training"), Some("double"))
            );
            // The model, loaded by Python, with all that is done to its input before.
            assert_eq!(child["rows"], 300);
            assert!(child["artifacts"].as_array().unwrap().contains(&"permutation_importance.csv".into()));
            assert_eq!((child["agree"].as_bool(), child["of_example"].as_u64()), (Some(true), Some(5)));
            assert_eq!(child["columns"][0], "prediction");
            assert_eq!((child["tested"].as_u64(), child["same_truth"].as_bool()), (Some(60), Some(true)));
            assert!(child["worst"].as_f64().unwrap() < 1e-6, "{family}: {}", child["worst"]);
            if target != "price" {
                assert_eq!(child["columns"].as_array().unwrap().len(), 3, "{child}");
                assert!(child["columns"][1].as_str().unwrap().starts_with("probability_"), "{child}");
                for score in ["val_log_loss", "val_roc_auc", "test_log_loss", "test_roc_auc"] {
                    assert!(child["metrics"][score].is_number(), "{family}: {score}");
                }
                assert!(child["artifacts"].as_array().unwrap().contains(&"confusion_matrix.csv".into()));
                assert_eq!(child["curves"], true, "{family}");
            }
            assert!(child["signature"].as_array().unwrap().len() >= 2, "{child}");
        }
        let models = seen["models"].as_array().map_or(&[][..], Vec::as_slice);
        // Once MLflow 3 has looked at a file, it has models as entities of their own.
        let has_own = own_models || (uri.starts_with("sqlite") && target != "price");
        assert_eq!(models.len(), if has_own { families.len() } else { 0 });
        for model in models {
            assert!(
                model["name"] == "model" && model["status"].as_str().unwrap().contains("READY"),
                "{model}"
            );
            assert_eq!(model["tags"]["mlflow.user"], "ana");
            let run = children.iter().find(|child| child["run_id"] == model["run"]).unwrap();
            assert_eq!(model["params"], run["params"]);
            let test = format!("test_{bare}");
            assert_eq!(model["metrics"][&test][0], run["metrics"][&test]);
            assert_eq!(model["metrics"][&test][1], data.file_stem().unwrap().to_str().unwrap());
        }
    }
}

#[test]
fn every_family_is_logged_and_loaded_from_a_server_of_mlflow_3() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    every_family(V3, &server.uri(), true);
}

#[test]
fn every_family_is_logged_and_loaded_from_a_server_of_mlflow_2() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V2, folder.path());
    every_family(V2, &server.uri(), false);
}

#[test]
fn every_family_is_logged_and_loaded_from_a_local_store() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:///{}/mlflow.db", folder.path().display());
    every_family(V3, &uri, false);
    // And where MLflow 3 has been: models are entities of their own then.
    every_family(V3, &uri, true);
}
