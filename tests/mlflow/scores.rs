//! The scores that a sweep can be asked for, beside scikit-learn's own.

use std::fs;

use fastrand::Rng;
use mltui::learn::data::{TargetValues, Task};
use mltui::learn::scores::{Asked, Prediction, evaluate, find, measured, names};
use serde_json::{Map, Value, json};

use crate::support::V3;

/// What scikit-learn says of the same predictions, by its scorers where there is one of the name.
const THEIRS: &str = r#"
import json, sys, warnings, numpy as np
from sklearn import metrics as m
from sklearn.metrics import get_scorer
warnings.filterwarnings("ignore")

class Said:
    """A model that says what it was told to."""
    def __init__(self, case):
        self.case, self.classes_ = case, np.arange(case.get("count", 0))
        self._estimator_type = "classifier" if "count" in case else "regressor"
    def __sklearn_tags__(self):
        from sklearn.base import ClassifierMixin, RegressorMixin, BaseEstimator
        kind = ClassifierMixin if "count" in self.case else RegressorMixin
        return type("Kind", (kind, BaseEstimator), {})().__sklearn_tags__()
    def fit(self, x, y):
        return self
    def predict(self, x):
        return np.array(self.case["predicted"])
    def predict_proba(self, x):
        return np.array(self.case["probabilities"])

PLAIN = {
    "mcc": "matthews_corrcoef", "brier": "neg_brier_score", "d2_log_loss": "d2_log_loss_score", "log_loss": "neg_log_loss",
    "rmse": "neg_root_mean_squared_error", "mae": "neg_mean_absolute_error", "mape": "neg_mean_absolute_percentage_error",
    "mse": "neg_mean_squared_error", "msle": "neg_mean_squared_log_error", "rmsle": "neg_root_mean_squared_log_error",
    "median_absolute_error": "neg_median_absolute_error", "max_error": "neg_max_error",
    "mean_poisson_deviance": "neg_mean_poisson_deviance", "mean_gamma_deviance": "neg_mean_gamma_deviance",
    "d2_absolute_error": "d2_absolute_error_score",
}
checked = 0
for case in json.load(open(sys.argv[1])):
    truth, said = np.array(case["truth"]), Said(case)
    for name, ours in case["scores"].items():
        count = case.get("count")
        if name.startswith("quantile_loss_"):
            theirs = m.mean_pinball_loss(truth, said.predict(None), alpha=float(name.rsplit("_", 1)[1]))
        elif name == "cohen_kappa":
            theirs = m.cohen_kappa_score(truth, said.predict(None))
        elif name == "roc_auc_ovr_weighted" and count == 2 or name.startswith("roc_auc_ovo") and count == 2:
            theirs = m.roc_auc_score(truth, said.predict_proba(None)[:, 1])
        elif name == "roc_auc" and count > 2:
            theirs = get_scorer("roc_auc_ovr")(said, truth, truth)
        elif name.startswith("top_"):
            most = int(name.split("_")[1])
            if count <= most:
                theirs = 1.0
            else:
                theirs = m.top_k_accuracy_score(truth, said.predict_proba(None), k=most, labels=range(count))
        elif name == "d2_log_loss":
            theirs = m.d2_log_loss_score(truth, said.predict_proba(None), labels=range(count))
        elif name == "d2_brier":
            theirs = m.d2_brier_score(truth, said.predict_proba(None), labels=range(count))
        elif name == "log_loss":
            theirs = m.log_loss(truth, said.predict_proba(None), labels=range(count))
        elif name == "average_precision" and count > 2:
            theirs = m.average_precision_score(np.eye(count)[truth], said.predict_proba(None))
        elif name == "brier" and count > 2:
            theirs = ((np.eye(count)[truth] - said.predict_proba(None)) ** 2).sum(axis=1).mean()
        else:
            scorer = PLAIN.get(name, name)
            theirs = get_scorer(scorer)(said, truth[:, None], truth)
            theirs = -theirs if scorer.startswith("neg_") else theirs
        assert abs(ours - theirs) <= 1e-9 * max(1, abs(theirs)), (name, count, ours, theirs)
        checked += 1
print(checked)
"#;

fn told(task: Task, truth: &TargetValues, prediction: &Prediction, are_two: bool) -> Map<String, Value> {
    let usual = measured(task, "").into_iter().map(|score| score.name).zip(evaluate(truth, prediction));
    let asked = names(task).filter_map(|name| Asked::new(task, name).map(|asked| (name, asked)));
    let asked = asked.filter(|(_, asked)| are_two || !asked.is_of_two());
    let asked = asked.map(|(name, asked)| (name, asked.of(truth, prediction)));
    usual.chain(asked).map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

fn numbers(rng: &mut Rng) -> Value {
    let truth: Vec<f64> = (0..40).map(|_| 0.1 + 9.0 * rng.f64()).collect();
    let predicted: Vec<f64> = truth.iter().map(|value| (value + rng.f64() - 0.4).max(0.05)).collect();
    let (values, said) = (TargetValues::Numbers(truth.clone()), Prediction::Numbers(predicted.clone()));
    let scores = told(Task::Regression, &values, &said, false);
    json!({"truth": truth, "predicted": predicted, "scores": scores})
}

fn classes(rng: &mut Rng, count: usize) -> Value {
    // Each class is met; tenths make equal ones.
    let truth: Vec<u32> =
        (0..50).map(|at| if at < count { at as u32 } else { rng.u32(..count as u32) }).collect();
    let rows: Vec<Vec<f64>> = truth
        .iter()
        .map(|class| {
            let mut row: Vec<f64> = (0..count).map(|_| f64::from(rng.u32(1..6))).collect();
            row[*class as usize] += f64::from(rng.u32(0..4));
            let sum: f64 = row.iter().sum();
            row.iter().map(|value| value / sum).collect()
        })
        .collect();
    let likeliest = |row: &Vec<f64>| (0..count).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap() as u32;
    let predicted: Vec<u32> = rows.iter().map(likeliest).collect();
    let said = Prediction::Classes { probabilities: rows.concat(), classes: predicted.clone(), count };
    let scores = told(
        Task::Classification,
        &TargetValues::Classes { classes: truth.clone(), count },
        &said,
        count == 2,
    );
    json!({"truth": truth, "predicted": predicted, "probabilities": rows, "count": count, "scores": scores})
}

/// A fold whose target is the same everywhere, and one without any row of the second class.
fn degenerate() -> Vec<Value> {
    let (truth, predicted) = (vec![0.5; 6], vec![0.4, 0.5, 0.6, 0.5, 0.7, 0.5]);
    let mut cases: Vec<Value> = [predicted, truth.clone()]
        .into_iter()
        .map(|predicted| {
            let (values, said) =
                (TargetValues::Numbers(truth.clone()), Prediction::Numbers(predicted.clone()));
            let mut scores = told(Task::Regression, &values, &said, false);
            scores
                .retain(|name, _| ["r2", "explained_variance", "d2_absolute_error"].contains(&name.as_str()));
            json!({"truth": truth, "predicted": predicted, "scores": scores})
        })
        .collect();
    let rows = vec![vec![0.7, 0.3], vec![0.4, 0.6], vec![0.9, 0.1]];
    let said = Prediction::Classes { probabilities: rows.concat(), classes: vec![0, 1, 0], count: 2 };
    let truth = vec![0, 0, 0];
    let mut scores =
        told(Task::Classification, &TargetValues::Classes { classes: truth.clone(), count: 2 }, &said, true);
    scores.retain(|name, _| {
        ["average_precision", "f1", "recall", "precision", "mcc", "accuracy"].contains(&name.as_str())
    });
    cases.push(
        json!({"truth": truth, "predicted": [0, 1, 0], "probabilities": rows, "count": 2, "scores": scores}),
    );
    cases
}

#[test]
fn every_score_is_that_of_scikit_learn() {
    let mut rng = Rng::with_seed(11);
    let cases = (0..60)
        .map(|at| match at % 4 {
            0 => numbers(&mut rng),
            1 => classes(&mut rng, 2),
            count => classes(&mut rng, count + 1 + 2 * (at % 3)),
        })
        .chain(degenerate());
    let cases: Vec<Value> = cases.collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.json");
    fs::write(&path, json!(cases).to_string()).unwrap();
    let checked: usize = V3.run(THEIRS, &[path.to_str().unwrap()]).trim().parse().unwrap();
    let told = cases.iter().map(|case| case["scores"].as_object().unwrap().len());
    assert_eq!(checked, told.sum::<usize>());
}

#[test]
fn scorers_are_found_by_the_names_that_scikit_learn_has_for_them() {
    let said =
        V3.run("from sklearn.metrics import get_scorer_names\nprint('\\n'.join(get_scorer_names()))", &[]);
    let is_found = |name: &str| {
        [Task::Regression, Task::Classification].into_iter().any(|task| find(task, name).is_some())
    };
    let mut lost: Vec<&str> = said.lines().filter(|name| !is_found(name)).collect();
    // Those of clusters, of several labels, and of ratios and costs of two classes.
    lost.retain(|name| {
        ![
            "_samples",
            "rand_score",
            "mutual_info",
            "homogeneity",
            "completeness",
            "v_measure",
            "fowlkes",
            "likelihood_ratio",
        ]
        .iter()
        .any(|part| name.contains(part))
    });
    assert!(lost.is_empty(), "{lost:?}");
}
