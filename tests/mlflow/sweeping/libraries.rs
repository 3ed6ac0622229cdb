//! Sweeps of scripts on other libraries that log to MLflow, unchanged: XGBoost, Hydra, and a search of Optuna's within.

use serde_json::Value;

use mltui::mlflow::{Run, RunStatus};

use super::scripts::{World, everywhere, param};

/// As MLflow's own example of XGBoost.
const XGBOOST: &str = r#"
import argparse

import mlflow
import mlflow.xgboost
import xgboost as xgb
from sklearn import datasets
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split


def parse_args():
    parser = argparse.ArgumentParser(description="XGBoost example")
    parser.add_argument("--learning-rate", type=float, default=0.3)
    parser.add_argument("--colsample-bytree", type=float, default=1.0)
    parser.add_argument("--subsample", type=float, default=1.0)
    return parser.parse_args()


def main():
    args = parse_args()
    iris = datasets.load_iris()
    X_train, X_test, y_train, y_test = train_test_split(
        iris.data, iris.target, test_size=0.2, random_state=42
    )
    mlflow.xgboost.autolog()
    dtrain = xgb.DMatrix(X_train, label=y_train)
    dtest = xgb.DMatrix(X_test, label=y_test)
    with mlflow.start_run():
        params = {
            "objective": "multi:softprob",
            "num_class": 3,
            "learning_rate": args.learning_rate,
            "eval_metric": "mlogloss",
            "colsample_bytree": args.colsample_bytree,
            "subsample": args.subsample,
            "seed": 42,
        }
        model = xgb.train(params, dtrain, evals=[(dtrain, "train")])
        y_proba = model.predict(dtest)
        y_pred = y_proba.argmax(axis=1)
        mlflow.log_metrics(
            {"log_loss": log_loss(y_test, y_proba), "accuracy": accuracy_score(y_test, y_pred)}
        )


if __name__ == "__main__":
    main()
"#;

/// A configuration in a folder, and what is changed in it on the command line.
const HYDRA: &str = r#"
import hydra
import mlflow
from omegaconf import DictConfig, OmegaConf


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    with mlflow.start_run(run_name=f"{cfg.model.name}-{cfg.seed}"):
        mlflow.log_params(OmegaConf.to_container(cfg.optim, resolve=True))
        loss = 1.0
        for epoch in range(cfg.epochs):
            loss *= 1 - cfg.optim.lr
            mlflow.log_metric("val_loss", loss + cfg.model.depth, step=epoch)


if __name__ == "__main__":
    main()
"#;
const HYDRA_CONFIG: &str =
    "seed: 7\nepochs: 3\nmodel:\n  name: mlp\n  depth: 2\noptim:\n  name: adam\n  lr: 0.1\n";

/// One run for the study, and one nested in it for each of its trials.
const OPTUNA: &str = r#"
import argparse

import mlflow
import optuna

parser = argparse.ArgumentParser()
parser.add_argument("--layers", type=int)
args = parser.parse_args()


def objective(trial):
    with mlflow.start_run(nested=True, run_name=f"inner-{trial.number}"):
        x = trial.suggest_float("x", -1, 1)
        mlflow.log_params(trial.params)
        loss = x**2 + args.layers
        mlflow.log_metric("loss", loss)
        return loss


with mlflow.start_run(run_name=f"study-{args.layers}"):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=4)
    mlflow.log_metric("loss", study.best_value)
"#;

/// Runs of a study side by side, by the callback that comes with Optuna: none of them is the script's.
const CALLBACK: &str = r#"
import argparse

import mlflow
import optuna
from optuna.integration import MLflowCallback

parser = argparse.ArgumentParser()
parser.add_argument("--layers", type=int)
args = parser.parse_args()
callback = MLflowCallback(metric_name="loss", create_experiment=False)
study = optuna.create_study()
for x in [0.5, -0.1, 0.9]:
    study.enqueue_trial({"x": x})
study.optimize(
    lambda trial: trial.suggest_float("x", -1, 1) ** 2 + args.layers, n_trials=3, callbacks=[callback]
)
"#;

/// What a sweep of a script prints, and its runs; none of them looks as if it ran.
fn swept(
    world: &World,
    experiment: &str,
    script: &str,
    words: &[&str],
    arguments: &[&str],
) -> (Value, Vec<Run>) {
    world.mlflow.python_with_libraries();
    let (code, out, error) = world.sweep_into(experiment, script, words, arguments);
    assert_eq!(code, 0, "{error}");
    let runs = world.runs(experiment);
    assert!(runs.iter().all(|run| run.info.status == RunStatus::Finished), "{runs:?}");
    (serde_json::from_str(&out).unwrap(), runs)
}

fn children<'a>(runs: &'a [Run], parent: &Run) -> Vec<&'a Run> {
    let is_child = |run: &&Run| run.tag("mlflow.parentRunId") == Some(parent.info.run_id.as_str());
    runs.iter().filter(is_child).collect()
}

fn parent(runs: &[Run]) -> &Run {
    runs.iter().find(|run| run.tag("mltui.trial") == Some("parent")).unwrap()
}

#[test]
fn xgboost_that_logs_by_itself_is_swept() {
    everywhere(|world| {
        let params = ["--param", "learning-rate=0.01..0.5:log", "--param", "subsample=0.5..1.0"];
        let more =
            ["--metric", "log_loss:min", "--trials", "2", "--start", "learning-rate=0.3,subsample=1.0"];
        let (said, runs) = swept(world, "xgboost", XGBOOST, &[&params[..], &more].concat(), &[]);
        assert_eq!(runs.len(), 3);
        let trials = children(&runs, parent(&runs));
        assert_eq!(trials.len(), 2);
        for trial in &trials {
            // Its own params are there as it names them, and what the sweep calls them.
            assert_eq!(param(trial, "learning_rate").is_some(), param(trial, "learning-rate").is_some());
            assert_eq!(param(trial, "objective"), Some("multi:softprob"));
            assert!(trial.metrics.iter().any(|metric| metric.key == "train-mlogloss" && metric.step == 9));
        }
        assert!(trials.iter().any(|trial| param(trial, "learning_rate") == Some("0.3")));
        assert!(said["best"]["metrics"]["log_loss"].as_f64().is_some_and(|loss| loss < 0.6), "{said}");
        assert!(trials.iter().any(|trial| said["best"]["run_id"] == trial.info.run_id.as_str()));
    });
}

#[test]
fn a_script_on_hydra_is_swept() {
    everywhere(|world| {
        std::fs::create_dir(world.home.path().join("conf")).unwrap();
        std::fs::write(world.home.path().join("conf/config.yaml"), HYDRA_CONFIG).unwrap();
        let params = ["--param", "optim.lr=0.1,0.5", "--param", "model.depth=1,3", "--param", "epochs=4"];
        let more = ["--metric", "val_loss:min", "--method", "grid", "--jobs", "2"];
        let (said, runs) = swept(world, "hydra", HYDRA, &[&params[..], &more].concat(), &["{hydra}"]);
        let trials = children(&runs, parent(&runs));
        assert_eq!((runs.len(), trials.len()), (5, 4));
        assert_eq!(said["best"]["params"]["optim.lr"], 0.5);
        let value = said["best"]["metrics"]["val_loss"].as_f64().unwrap();
        assert!((value - 1.0625).abs() < 1e-9, "{said}");
        assert!(
            trials.iter().all(|trial| trial.info.run_name == "mlp-7" && param(trial, "name") == Some("adam"))
        );
    });
}

#[test]
fn a_script_that_searches_by_itself_is_swept() {
    everywhere(|world| {
        let words = ["--param", "layers=1,2", "--metric", "loss:min", "--method", "grid"];
        let (said, runs) = swept(world, "study", OPTUNA, &words, &[]);
        let trials = children(&runs, parent(&runs));
        assert_eq!((runs.len(), trials.len()), (1 + 2 + 8, 2));
        for trial in &trials {
            assert!(trial.info.run_name.starts_with("study-"));
            assert_eq!(children(&runs, trial).len(), 4);
        }
        assert_eq!(said["best"]["params"]["layers"], 1);

        let (said, runs) = swept(world, "callback", CALLBACK, &words, &[]);
        assert_eq!(children(&runs, parent(&runs)).len(), 6, "three of each script, side by side");
        let value = said["best"]["metrics"]["loss"].as_f64().unwrap();
        assert!((value - 1.01).abs() < 1e-9, "the best that the script came to, not the last: {said}");
    });
}
