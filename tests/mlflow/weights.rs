//! Fits of rows that count by weights, beside scikit-learn's own.

use std::fs;

use mltui::learn::data::{ReadOptions, Target, TargetValues, Task, load};
use mltui::learn::families;
use mltui::learn::features::Matrix;
use mltui::learn::folds::SplitPlan;
use mltui::learn::scores::Prediction;
use mltui::learn::study::TrainingData;
use mltui::learn::weights::WeightPlan;
use mltui::params::{ParamValue, Params};
use serde_json::{Value, json};

use crate::support::V3;

/// Predictions: numbers, or the probability of each class.
const THEIRS: &str = r#"
import json, sys, numpy as np
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.class_weight import compute_sample_weight
checked, wrong = 0, []
for case in json.load(open(sys.argv[1])):
    family, is_class = case["family"], case["task"] == "classification"
    X, T = (np.array(case[key]) for key in ("train", "test"))
    y, ours, count = np.array(case["y"]), np.array(case["ours"]), case["count"]
    w, balanced = np.array(case["by_column"] or np.ones(len(y))), case["balanced"]
    everything = w * compute_sample_weight("balanced", y) if balanced else w
    np.testing.assert_allclose(case["weights"] or np.ones(len(y)), everything, rtol=1e-6)
    # Its own class_weight where a model has one; but with a column logistic regression counts rows by that as well.
    own = {"class_weight": "balanced"} if balanced and not case["by_column"] else {}
    scale = np.sqrt(np.average((y - np.average(y, weights=w)) ** 2, weights=w)) if not is_class else 1.0
    boosted = dict(max_depth=3, n_estimators=40, random_state=1)
    takes_own = {
        "logistic": lambda **own: LogisticRegression(C=0.5, tol=1e-8, max_iter=10000, **own),
        "svm": lambda **own: SVC(C=0.5, gamma=0.2, tol=1e-6, **own),
    }
    if is_class:
        takes_own["decision_tree"] = lambda **own: DecisionTreeClassifier(max_depth=4, random_state=1, **own)
    others = {
        "ridge": lambda: Ridge(alpha=3.0),
        "linear": lambda: LinearRegression(),
        "lasso": lambda: Lasso(alpha=0.05 * scale, tol=1e-10),
        # Ours is of the target in deviations: its L1 has their unit.
        "elastic_net": lambda: ElasticNet(alpha=0.025 * (scale + 1), l1_ratio=scale / (scale + 1), tol=1e-10),
        "naive_bayes": lambda: GaussianNB(var_smoothing=1e-9),
        "decision_tree": lambda: DecisionTreeRegressor(max_depth=4, random_state=1),
        "ada_boost": lambda: AdaBoostClassifier(DecisionTreeClassifier(max_depth=2, random_state=1), n_estimators=20, random_state=1),
        "gradient_boosting": lambda: (GradientBoostingClassifier if is_class else GradientBoostingRegressor)(**boosted),
    }
    if family in takes_own:
        model = takes_own[family](**own).fit(X, y, sample_weight=w if own else everything)
    else:
        model = others[family]().fit(X, y, sample_weight=everything)
    if family == "svm":
        theirs = model.predict(T)
        ours = ours.reshape(-1)
        difference, near = 1 - (theirs == ours).mean(), 0.03
    else:
        theirs = model.predict_proba(T) if is_class else model.predict(T)
        ours = ours.reshape(theirs.shape)
        near = {"logistic": 1e-3, "lasso": 1e-2, "elastic_net": 1e-2}.get(family, 1e-5)
        difference = np.abs(theirs - ours).max() / scale
    if difference > near:
        wrong.append((family, count, balanced, bool(case["by_column"]), difference))
    checked += 1
assert not wrong, wrong
print(checked)
"#;

fn table(count: u32) -> String {
    let mut rng = fastrand::Rng::with_seed(u64::from(count) + 5);
    (0..400).fold("a,b,c,w,y\n".to_owned(), |text, _| {
        let x = [rng.f32() * 4.0, rng.f32() * 4.0, rng.f32() * 4.0];
        let value = x[0] - 0.7 * x[1] + 0.3 * x[2] + rng.f32() * 2.0;
        let y =
            if count == 0 { format!("{value}") } else { (value.max(0.0) as u32).min(count - 1).to_string() };
        let w = [0.25, 1.0, 2.0, 7.5][rng.usize(..4)];
        text + &format!("{},{},{},{w},{y}\n", x[0], x[1], x[2])
    })
}

fn params(family: &str) -> Params {
    let (int, real) = (ParamValue::Int, ParamValue::Real);
    let params = match family {
        "ridge" => vec![("alpha", real(3.0))],
        "logistic" => vec![("C", real(0.5))],
        "lasso" => vec![("alpha", real(0.05))],
        "elastic_net" => vec![("alpha", real(0.05)), ("l1_ratio", real(0.5))],
        "svm" => vec![("C", real(0.5)), ("gamma", real(0.2))],
        "decision_tree" => vec![("max_depth", int(4))],
        "ada_boost" => vec![("max_depth", int(2)), ("n_estimators", int(20))],
        "gradient_boosting" => vec![("max_depth", int(3)), ("n_estimators", int(40))],
        _ => Vec::new(),
    };
    params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn rows(matrix: &Matrix) -> Vec<Vec<f32>> {
    let row = |row: usize| (0..matrix.width()).map(|at| matrix.column(at)[row]).collect();
    (0..matrix.rows).map(row).collect()
}

/// A fit of ours, with what it was fitted to.
fn case(study: &TrainingData, name: &str) -> Value {
    let part = study.whole().unwrap();
    let fitted = part.fit_and_score(families::find(name).unwrap(), &params(name), 1).unwrap();
    let is_of_trees = ["decision_tree", "ada_boost", "gradient_boosting"].contains(&name);
    // Of rows that several features part alike it is chance which of them scikit-learn goes by: other rows may fall elsewhere.
    let is_of_train = name == "gradient_boosting";
    let judged = if is_of_train { &part.train.records } else { &part.held_out };
    let (train, test) = if is_of_trees {
        (json!(rows(&part.train.records.raw)), json!(rows(&judged.raw)))
    } else {
        let scaled = [part.train.records.scaled(), judged.scaled()];
        let [train, test] =
            scaled.map(|rows| json!(rows.outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>()));
        (train, test)
    };
    let y = match &part.train.targets {
        TargetValues::Numbers(values) => json!(values),
        TargetValues::Classes { classes, .. } => json!(classes),
    };
    let ours = match fitted.model.prediction(judged) {
        Prediction::Numbers(values) => json!(values),
        Prediction::Classes { classes, .. } if name == "svm" => json!(classes),
        Prediction::Classes { probabilities, .. } => json!(probabilities),
    };
    let plan = &study.weights.plan;
    let column =
        plan.weight_column.as_ref().map(|name| &study.frame.columns[study.frame.column(name).unwrap()]);
    let by_column = column.map(|column| {
        let mltui::learn::data::ColumnValues::Numbers(of) = &column.values else { panic!("numbers") };
        study.split.train.iter().map(|row| of[*row as usize]).collect::<Vec<f64>>()
    });
    let count = match &part.train.targets {
        TargetValues::Numbers(_) => 0,
        TargetValues::Classes { count, .. } => *count,
    };
    json!({
        "family": name, "task": study.target.task, "count": count, "train": train, "test": test, "y": y, "ours": ours,
        "by_column": by_column, "balanced": plan.class_weight.is_some(), "weights": part.train.weights(),
    })
}

#[test]
fn weighted_fits_are_those_of_scikit_learn() {
    const NUMBERS: [&str; 6] =
        ["ridge", "linear", "lasso", "elastic_net", "decision_tree", "gradient_boosting"];
    const CLASSES: [&str; 6] =
        ["logistic", "naive_bayes", "svm", "decision_tree", "ada_boost", "gradient_boosting"];
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for count in [0, 2, 3] {
        let path = folder.path().join(format!("t{count}.csv"));
        fs::write(&path, table(count)).unwrap();
        for (by_column, is_balanced) in [(false, false), (true, false), (false, true), (true, true)] {
            if count == 0 && is_balanced {
                continue;
            }
            let plan = WeightPlan {
                weight_column: by_column.then(|| "w".to_owned()),
                class_weight: is_balanced.then(|| "balanced".parse().unwrap()),
            };
            // Without weights the column is none.
            let ignored = if by_column { Vec::new() } else { vec!["w".to_owned()] };
            let frame =
                load(path.to_str().unwrap(), &ReadOptions { ignored, ..ReadOptions::default() }).unwrap();
            let task = if count == 0 { Task::Regression } else { Task::Classification };
            let target = Target::new(&frame, "y", Some(task)).unwrap();
            let study = TrainingData::split_by(frame, target, SplitPlan::by_chance(5, 0.3), plan, 1).unwrap();
            cases.extend(if count == 0 { NUMBERS } else { CLASSES }.map(|name| case(&study, name)));
        }
    }
    let path = folder.path().join("cases.json");
    fs::write(&path, json!(cases).to_string()).unwrap();
    let checked: usize = V3.run(THEIRS, &[path.to_str().unwrap()]).trim().parse().unwrap();
    assert_eq!(checked, 6 * 2 + 2 * 6 * 4);
}
