//! Support vector machines beside scikit-learn's.

use std::fmt::Write as _;
use std::fs;

use mltui::learn::data::{Task, bundled};
use mltui::learn::families;
use mltui::params::{ParamValue, defaults};
use serde_json::json;

use crate::support::V3;
use crate::training::{beside, beside_with, study};

#[test]
fn probabilities_of_support_vectors_are_as_good_as_those_of_scikit_learn() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<_> = ["iris", "breast-cancer", "wine-quality-class"]
        .into_iter()
        .map(|name| {
            let set = bundled::find(name).unwrap();
            beside(name, &study(name, set.target, Some(set.task), &[]), "svm")
        })
        .collect();
    let path = folder.path().join("cases.json");
    fs::write(&path, json!(cases).to_string()).unwrap();
    let said = V3.run(
        "import json, sys, warnings, numpy as np
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.svm import SVC
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
warnings.filterwarnings('ignore')
for case in json.load(open(sys.argv[1])):
    x, y, new, truth = (np.array(case[key]) for key in ('train', 'target', 'held_out', 'truth'))
    model = make_pipeline(StandardScaler(), SVC(probability=True, random_state=0, **case['params'])).fit(x, y)
    theirs, ours = model.predict_proba(new), np.array(case['predicted'])[:, np.unique(y)]
    apart = np.abs(ours - theirs).mean()
    loss = [log_loss(truth, one, labels=np.unique(y)) for one in (ours, theirs)]
    assert abs(case['scores'][3] - log_loss(truth, np.array(case['predicted']), labels=range(len(case['predicted'][0])))) < 1e-9
    same = (model.predict(new) == case['classes']).mean()
    print(case['name'], loss, apart, same)
    assert apart < 0.02 and loss[0] < loss[1] * 1.1 + 0.01 and same > 0.99, case['name']",
        &[path.to_str().unwrap()],
    );
    assert_eq!(said.lines().count(), 3, "{said}");
}

/// Above some rows the machine is an approximate one: of classes it errs hardly more often than the exact one, of numbers no more
/// than scikit-learn's with the same approximation.
#[test]
fn machines_of_many_rows_are_as_good_as_they_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(21);
    let mut text = String::from("a,b,c,d,e,f,value,kind\n");
    for _ in 0..16_000 {
        let of: [f64; 6] = std::array::from_fn(|_| 4.0 * rng.f64() - 2.0);
        let value = of[0] * of[1] + (2.0 * of[2]).sin() + 0.5 * of[3] + 0.2 * rng.f64();
        let kind = if value < -0.7 {
            "low"
        } else if value < 0.9 {
            "middle"
        } else {
            "high"
        };
        let of = of.map(|value| format!("{value:.4}")).join(",");
        writeln!(text, "{of},{value:.4},{kind}").unwrap();
    }
    let path = folder.path().join("many.csv");
    fs::write(&path, text).unwrap();
    let data = path.to_str().unwrap();
    let mut cases = Vec::new();
    for (target, other, family) in [("kind", "value", "svm"), ("value", "kind", "svr")] {
        let task = if family == "svm" { Task::Classification } else { Task::Regression };
        let study = study(data, target, Some(task), &[other]);
        let space = families::find(family).unwrap().search_space(study.shape());
        assert_eq!(defaults(&space)["kernel"], ParamValue::Text("nystroem".into()), "{family}");
        for kernel in ["nystroem", "linear"] {
            let mut params = defaults(&space);
            params.insert("kernel".into(), ParamValue::Text(kernel.into()));
            let mut case = beside_with(family, &study, family, &params);
            case["kernel"] = json!(kernel);
            cases.push(case);
        }
    }
    let path = folder.path().join("cases.json");
    fs::write(&path, json!(cases).to_string()).unwrap();
    let said = V3.run(
        "import json, sys, numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import log_loss
from sklearn.kernel_approximation import Nystroem
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
for case in json.load(open(sys.argv[1])):
    x, y, new, truth = (np.array(case[key]) for key in ('train', 'target', 'held_out', 'truth'))
    params = {key: value for key, value in case['params'].items() if key != 'kernel'}
    kernel = 'rbf' if case['kernel'] == 'nystroem' else case['kernel']
    if case['name'] == 'svm':
        theirs = make_pipeline(StandardScaler(), SVC(kernel=kernel, **params)).fit(x, y).predict(new)
        errors = [(np.array(case['classes']) != truth).mean(), (theirs != truth).mean()]
        loss = log_loss(truth, np.array(case['predicted']))
        plane = SVC(kernel=kernel, **params) if kernel == 'rbf' else LinearSVC(loss='hinge', max_iter=20000, C=params['C'])
        calibrated = CalibratedClassifierCV(make_pipeline(StandardScaler(), plane), cv=3, ensemble=False).fit(x, y)
        known = log_loss(truth, calibrated.predict_proba(new))
        assert loss < known * 1.05 + 0.01, (loss, known)
    else:
        steps = [SVR(kernel=kernel, **params)]
        if kernel == 'rbf':
            gamma = params.pop('gamma')
            steps = [Nystroem(gamma=gamma, n_components=500, random_state=0), LinearSVR(max_iter=20000, **params)]
        model = TransformedTargetRegressor(make_pipeline(StandardScaler(), *steps), transformer=StandardScaler())
        theirs = model.fit(x, y).predict(new)
        errors = [np.sqrt(np.mean((of - truth) ** 2)) for of in (np.array(case['predicted']), theirs)]
    print(case['name'], case['kernel'], errors)
    assert errors[0] < errors[1] * 1.1 + 0.002, (case['name'], errors)",
        &[path.to_str().unwrap()],
    );
    assert_eq!(said.lines().count(), 4, "{said}");
}
