//! Marks as MLflow's own client finds them.

use std::path::Path;

use serde_json::{Value, json};

use super::{json_of, run};
use crate::support::{Mlflow, Server, V2, V3};

const TRAIN: &str = r#"
import mlflow, sys
import numpy as np
from sklearn.linear_model import LinearRegression
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("wine/red")
x = np.arange(6.0).reshape(-1, 1)
for name, rmse in [("first", 0.7), ("second", 0.5), ("third", 0.6)]:
    with mlflow.start_run(run_name=name):
        mlflow.log_metric("val_rmse", rmse)
        model = LinearRegression().fit(x, x[:, 0] * rmse)
        where = {"name": "model"} if mlflow.__version__ >= "3" else {"artifact_path": "model"}
        if name != "third":
            mlflow.sklearn.log_model(model, pip_requirements=[], **where)
"#;

/// What MLflow's client knows of the marks.
const READ: &str = r#"
import json, mlflow, sys
import numpy as np
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name(sys.argv[2])
ours = lambda tags: {key: value for key, value in tags.items() if key.startswith("mltui.best")}
told = {"experiment": ours(experiment.tags), "runs": {}, "models": {}}
for run in client.search_runs([experiment.experiment_id], max_results=100):
    told["runs"][run.info.run_name] = ours(run.data.tags)
for model in client.search_registered_models():
    versions = client.search_model_versions(f"name='{model.name}'")
    told["models"][model.name] = {
        "aliases": {alias: int(version) for alias, version in model.aliases.items()},
        "versions": sorted(int(version.version) for version in versions),
    }
    if len(sys.argv) > 3:
        loaded = mlflow.pyfunc.load_model(f"models:/{model.name}@champion")
        told["predicts"] = float(loaded.predict(np.array([[2.0]]))[0])
print(json.dumps(told))
"#;

fn read(mlflow: Mlflow, address: &str, loads: bool) -> Value {
    let mut arguments = vec![address, "wine/red"];
    arguments.extend(loads.then_some("load"));
    serde_json::from_str(&mlflow.run(READ, &arguments)).unwrap()
}

/// Marks, marks another, undoes, and looks at each with MLflow's own client.
pub(super) fn marks(mlflow: Mlflow, home: &Path, address: &str) {
    mlflow.run(TRAIN, &[address]);
    let plan = json_of(home, address, &["mark-best", "wine/red", "--dry-run", "--json"]);
    assert_eq!(plan["run"]["run_name"], "second");
    assert!(plan["writes"].as_array().unwrap().iter().any(|line| line == "registry: create model wine-red"));
    let untouched = read(mlflow, address, false);
    assert_eq!(untouched["models"], json!({}), "a dry run writes nothing");
    assert_eq!(untouched["experiment"], json!({}));

    // The first is marked by hand, then the best takes its place.
    let first =
        json_of(home, address, &["best", "wine/red", "--where", "attributes.run_name = 'first'", "--json"]);
    let id = first["best"]["run_id"].as_str().unwrap();
    json_of(home, address, &["mark-best", "wine/red", "--run", id, "--json"]);
    let by_hand = read(mlflow, address, true);
    assert_eq!(by_hand["runs"]["first"]["mltui.best.why"], "chosen by hand");
    assert!((by_hand["predicts"].as_f64().unwrap() - 1.4).abs() < 1e-9);

    // The gate: the best is 0.2 better than the champion.
    let gate = ["mark-best", "wine/red", "--if-better-than", "alias:champion", "--json", "--min-delta"];
    let refused = run(home, address, &[&gate[..], &["0.25"]].concat());
    assert_eq!(refused.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("better by 0.2; 0.25 is required"));
    let marked = json_of(home, address, &[&gate[..], &["0.15"]].concat());
    assert_eq!(marked["run"]["model"]["version"], 2);
    let told = read(mlflow, address, true);
    let tags = &told["runs"]["second"];
    for (key, value) in [
        ("mltui.best", "true"),
        ("mltui.best.metric", "val_rmse"),
        ("mltui.best.value", "0.5"),
        ("mltui.best.direction", "min"),
        ("mltui.best.by", "ana"),
        ("mltui.best.why", "lowest val_rmse of 3 runs, 0.1 (17 %) ahead"),
    ] {
        assert_eq!(tags[key], value, "{key}");
    }
    assert_eq!(told["runs"]["first"], json!({}), "the earlier mark is cleared");
    assert_eq!(told["experiment"]["mltui.best"], marked["run"]["run_id"]);
    assert_eq!(told["models"]["wine-red"]["aliases"], json!({ "champion": 2, "previous-champion": 1 }));
    assert!((told["predicts"].as_f64().unwrap() - 1.0).abs() < 1e-9, "models:/wine-red@champion is the best");

    // Nobody is better than the champion now; one without a model gets the tags and a word about the rest.
    let gate = run(home, address, &["mark-best", "wine/red", "--if-better-than", "alias:champion"]);
    assert_eq!(gate.status.code(), Some(4), "{}", String::from_utf8_lossy(&gate.stderr));
    let third = ["mark-best", "wine/red", "--where", "attributes.run_name = 'third'", "--json"];
    let third = json_of(home, address, &third);
    assert_eq!(third["said"], json!(["third is marked best", "the run has no model"]));
    json_of(home, address, &["mark-best", "wine/red", "--undo", "--json"]);
    assert_eq!(read(mlflow, address, true), told, "undone, everything is as it was");

    json_of(home, address, &["mark-best", "wine/red", "--undo", "--json"]);
    assert_eq!(read(mlflow, address, true), by_hand);
    json_of(home, address, &["mark-best", "wine/red", "--undo", "--json"]);
    let mut bare = read(mlflow, address, false);
    // MLflow 2 servers cannot take the tag of an experiment away: it is empty.
    if bare["experiment"]["mltui.best"] == "" {
        bare["experiment"] = json!({});
    }
    assert_eq!(bare, untouched);
    let nothing = run(home, address, &["mark-best", "wine/red", "--undo"]);
    assert_eq!(nothing.status.code(), Some(3));
    let history = json_of(home, address, &["mark-best", "wine/red", "--history", "--json"]);
    let events: Vec<&str> =
        history.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["mark", "mark", "mark", "undo", "undo", "undo"]);
}

#[test]
fn marks_in_a_local_store_are_mlflows_own() {
    let folder = tempfile::tempdir().unwrap();
    marks(V3, folder.path(), &format!("sqlite:///{}", folder.path().join("mlflow.db").display()));
}

#[test]
fn marks_on_a_server_of_mlflow_3_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    marks(V3, folder.path(), &server.uri());
}

#[test]
fn marks_on_a_server_of_mlflow_2_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V2, folder.path());
    marks(V2, folder.path(), &server.uri());
}
