//! Models that average others, from a sweep to Python.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mltui::learn::data::bundled;
use serde_json::json;

use crate::support::sweeping::swept;
use crate::support::{Server, V3};

/// What the model of an experiment's ensemble says of the test rows, beside what is logged of them.
const THEIRS: &str = r#"
import json, sys, mlflow, numpy as np, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
for name, path, target, wanted in json.loads(sys.argv[2]):
    runs = mlflow.search_runs(experiment_names=[name], filter_string="params.family = 'ensemble'", output_format="list")
    [run] = runs
    id, params = run.info.run_id, run.data.params
    weights = dict(entry.split(": ") for entry in params["weights"].split(", "))
    assert list(weights) == params["members"].split(", "), params
    for family in wanted:
        [weight] = [float(weight) for member, weight in weights.items() if member.rsplit("-", 1)[0] == family]
        assert weight > 0, (family, params["weights"])
    get = lambda file: pd.read_csv(mlflow.artifacts.download_artifacts(run_id=id, artifact_path=file))
    frame = pd.read_csv(path)
    assert sorted(get("permutation_importance.csv").column) == sorted(set(frame.columns) - {target})
    of_folds = get("ensemble_weights.csv")
    assert list(of_folds.columns[1:]) == list(weights) and len(of_folds) == 6
    np.testing.assert_allclose(of_folds.iloc[:, 1:].sum(axis=1), 1)
    model = mlflow.pyfunc.load_model(f"runs:/{id}/model")
    is_class = "test_accuracy" in run.data.metrics
    told = get("predictions.csv" if is_class else "residuals.csv")
    said = model.predict(frame.drop(columns=[target]).iloc[told.row])
    if is_class:
        get("curves.csv"), get("confusion_matrix.csv")
        assert list(said.columns) == list(told.columns[2:]), said.columns
        assert (said.prediction.to_numpy().astype(str) == told.prediction.to_numpy().astype(str)).all()
        shares = said.iloc[:, 1:].to_numpy()
        worst = np.abs(shares - told.iloc[:, 3:].to_numpy()).max()
        assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
        assert (frame[target].iloc[told.row].astype(str).to_numpy() == told.true.astype(str).to_numpy()).all()
    else:
        worst = np.abs(said.prediction.to_numpy() - told.prediction.to_numpy()).max() / np.abs(told.prediction).max()
    assert worst < 2e-6, (name, worst)
    print(name, len(told), worst, params["weights"])
"#;

/// Gaps among numbers and dates, texts of few and of many levels: partly on a line, partly in steps.
fn gaps(folder: &Path) -> String {
    let mut rng = fastrand::Rng::with_seed(21);
    let mut text = String::from("size,weight,colour,town,day,rooms,price,kind\n");
    let effects: Vec<f64> = (0..120).map(|_| rng.f64()).collect();
    for row in 0..700 {
        let (size, weight, town) = (100.0 * rng.f64(), rng.f64(), rng.usize(..120));
        let colour = ["red", "green", "blue"][rng.usize(..3)];
        let (month, rooms) = (rng.u32(1..13), rng.i64(1..7));
        let price = 2.0 * size
            + 30.0 * effects[town]
            + if colour == "red" && rooms > 3 { 60.0 } else { 0.0 }
            + if row % 9 == 0 { 40.0 } else { 0.0 }
            + 3.0 * f64::from(month)
            + 20.0 * rng.f64();
        // What is missing tells something.
        let size = if row % 9 == 0 { String::new() } else { format!("{size:.3}") };
        let weight = if row % 14 == 0 { String::new() } else { format!("{weight:.4}") };
        let colour = if row % 13 == 0 { "" } else { colour };
        let day = if row % 11 == 0 { String::new() } else { format!("2026-{month:02}-11") };
        let kind = ["low", "middle", "high"][((price / 120.0) as usize).min(2)];
        writeln!(text, "{size},{weight},{colour},T{town},{day},{rooms},{price:.2},{kind}").unwrap();
    }
    let path = folder.join("gaps.csv");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn ensembles_predict_in_python_what_they_predict_here() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(V3, home.path());
    let iris = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/data/iris.csv.gz").display().to_string();
    let target = bundled::find("iris").unwrap().target;
    let gaps = gaps(home.path());
    let cases = [
        ("numbers", gaps.as_str(), "price", "kind", "ridge,hist_gradient_boosting,random_forest"),
        ("kinds", &gaps, "kind", "price", "hist_gradient_boosting,logistic,svm,k_neighbors,naive_bayes"),
        ("iris", &iris, target, "none", "logistic,hist_gradient_boosting,svm,naive_bayes"),
    ];
    let mut told = Vec::new();
    for (name, path, target, ignored, families) in cases {
        let count = families.split(',').count().to_string();
        let path =
            if ignored == "none" { path.to_owned() } else { without(home.path(), name, path, ignored) };
        let words = [
            "--experiment",
            name,
            "--data",
            &path,
            "--target",
            target,
            "--family",
            families,
            "--trials",
            &count,
            "--no-prune",
            "--metric",
            if name == "numbers" { "rmse" } else { "log_loss" },
            "--ensemble",
        ];
        let said = swept(home.path(), &server.uri(), &words);
        assert_eq!(said["failed"], 0, "{said}");
        let wanted: &[&str] = if name == "iris" { &[] } else { &["hist_gradient_boosting"] };
        let wanted = if name == "numbers" { &["hist_gradient_boosting", "ridge"] } else { wanted };
        told.push(json!([name, path, target, wanted]));
    }
    let said = V3.run(THEIRS, &[&server.uri(), &json!(told).to_string()]);
    assert_eq!(said.lines().count(), 3, "{said}");
}

/// The table without a column, which would tell the target.
fn without(folder: &Path, name: &str, path: &str, column: &str) -> String {
    let text = fs::read_to_string(path).unwrap();
    let at = text.lines().next().unwrap().split(',').position(|known| known == column).unwrap();
    let line = |line: &str| {
        let cells = line.split(',').enumerate().filter(|(number, _)| *number != at);
        cells.map(|(_, cell)| cell).collect::<Vec<_>>().join(",") + "\n"
    };
    let path = folder.join(format!("{name}.csv"));
    fs::write(&path, text.lines().map(line).collect::<String>()).unwrap();
    path.display().to_string()
}
