//! Which of several models of the best run is registered.

use std::path::Path;

use super::{json_of, run};
use crate::support::{Server, V3};

/// A run with checkpoints as logged models, of which the third is the best; the last diverged.
const CHECKPOINTS: &str = r#"
import mlflow, numpy, sys
from mlflow.entities import LoggedModelOutput
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
values = [0.5, 0.4, 0.2, 0.3, float("nan")]
for name, logs in [("by metric", True), ("by step", False)]:
    mlflow.set_experiment(name)
    with mlflow.start_run(run_name="train") as run:
        for step, value in enumerate(values):
            model = mlflow.initialize_logged_model(name=f"ckpt-{step}")
            mlflow.finalize_logged_model(model.model_id, "READY")
            client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step)])
            mlflow.log_metric("val_loss", value, step=step, **({"model_id": model.model_id} if logs else {}))
        mlflow.initialize_logged_model(name="never ready")
        mlflow.log_metric("val_loss", 0.25, step=9)
mlflow.set_experiment("by data set")
with mlflow.start_run(run_name="train") as run:
    data = {name: mlflow.data.from_numpy(numpy.full(3, at), name=name) for at, name in enumerate(["test", "val"])}
    for step, (test, val) in enumerate([(0.1, 0.9), (0.2, 0.5), (0.3, 0.7)]):
        model = mlflow.initialize_logged_model(name=f"ckpt-{step}")
        mlflow.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])
        for name, value in [("test", test), ("val", val)]:
            mlflow.log_metric("loss", value, step=step, model_id=model.model_id, dataset=data[name])
"#;

/// Marks in each of the experiments, and looks with MLflow's own client which model was registered.
fn registers_checkpoints(home: &Path, address: &str) {
    V3.run(CHECKPOINTS, &[address]);
    let registered = |name: &str| {
        let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\nclient = mlflow.MlflowClient()\n\
                       version = client.get_model_version_by_alias(sys.argv[2], 'champion')\n\
                       print(client.get_logged_model(version.source.split('/')[-1]).name)";
        V3.run(program, &[address, name]).trim().to_owned()
    };
    for (name, metric, model, why) in [
        (
            "by metric",
            "val_loss",
            "ckpt-2",
            "the lowest val_loss of the 5 ready ones of 6 logged models: 0.2; 1 without such a number",
        ),
        (
            "by step",
            "val_loss",
            "ckpt-4",
            "the one of the greatest step, 4, of the 5 ready ones of 6 logged models",
        ),
        (
            "by data set",
            "loss",
            "ckpt-1",
            "the lowest loss of 3 logged models: 0.5 on data set val (1 of 2; ",
        ),
    ] {
        let arguments = ["mark-best", name, "--metric", metric];
        let preview = run(home, address, &[&arguments[..], &["--dry-run"]].concat());
        let preview = String::from_utf8(preview.stdout).unwrap();
        let line = preview.lines().find(|line| line.trim_start().starts_with("model: ")).unwrap_or(&preview);
        assert!(line.contains(model) && line.contains(why), "{address} {name}: {line}");
        let marked = json_of(home, address, &[&arguments[..], &["--json"]].concat());
        assert!(marked["run"]["model"]["why"].as_str().unwrap().contains(why), "{marked}");
        assert!(marked["said"][1].as_str().unwrap().contains(why), "{marked}");
        assert_eq!(registered(name), model, "{address} {name}");
        // By hand it is the same model: the experiment tells by what.
        let id = marked["run"]["run_id"].as_str().unwrap();
        let by_hand = json_of(home, address, &["mark-best", name, "--run", id, "--dry-run", "--json"]);
        assert_eq!(by_hand["run"]["model"]["version"], 1, "{address} {name}: {by_hand}");
    }
}

#[test]
fn of_several_models_of_a_run_the_best_is_registered() {
    let folder = tempfile::tempdir().unwrap();
    registers_checkpoints(folder.path(), &format!("sqlite:///{}", folder.path().join("local.db").display()));
    let server = Server::start(V3, folder.path());
    registers_checkpoints(folder.path(), &server.uri());
}
