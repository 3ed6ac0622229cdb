//! Boosting on histograms beside LightGBM and scikit-learn: a fit of the first fold with all defaults, and a trial of five
//! folds as a whole process.

use std::path::Path;
use std::process::Command;

use mltui::learn::data::{ReadOptions, Target, Task, load};
use mltui::learn::families;
use mltui::learn::study::TrainingData;
use mltui::params::defaults;
use serde_json::{Value, json};

use crate::support::{V3, installed};
use crate::training::{moments, watched};

const LIGHTGBM: &str = "lightgbm==4.7.0";

/// A table of numbers with a curved target, or of so many classes.
pub const MAKE: &str = "import sys
import numpy as np
from sklearn.datasets import make_classification
rows, classes, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
random = np.random.default_rng(0)
if classes == 0:
    x = random.normal(size=(rows, 20)).astype('f4')
    y = 3 * np.sin(2 * x[:, 0]) * x[:, 1] + x[:, 2] ** 2 + 2 * (x[:, 3] > 0.3) * x[:, 4] + np.abs(x[:, 5]) * x[:, 6]
    y = y + 0.5 * x[:, 7:12].sum(1) + random.normal(size=rows)
else:
    x, y = make_classification(rows, 20, n_informative=12, n_redundant=4, n_classes=classes, flip_y=0.05, random_state=1)
header = ','.join([f'x{i}' for i in range(20)] + ['y'])
np.savetxt(path, np.column_stack([x, y]), delimiter=',', header=header, comments='', fmt=['%.7g'] * 20 + ['%.7g' if classes == 0 else '%d'])";

/// Each with its own defaults: seconds of a fit of the first fold, and the score of each fold.
const PEERS: &str = "import json, sys, time, warnings
import numpy as np, pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss
warnings.filterwarnings('ignore')
case = json.load(open(sys.argv[1]))
frame = pd.read_csv(case['data'])
x, y = frame.drop(columns=['y']).to_numpy('f4'), frame['y'].to_numpy()
is_number = case['task'] == 'regression'
def light(): return (LGBMRegressor if is_number else LGBMClassifier)(n_jobs=case['threads'], verbose=-1)
def scikit(): return HistGradientBoostingRegressor(early_stopping=False) if is_number else HistGradientBoostingClassifier(early_stopping=False)
out = {}
for name, make in (('LightGBM', light), ('scikit-learn', scikit)):
    train = case['folds'][0][0]
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        make().fit(x[train], y[train])
        seconds.append(time.perf_counter() - begin)
    scores = []
    for train, validation in case['folds']:
        model = make().fit(x[train], y[train])
        truth = y[validation]
        scores.append(float(np.sqrt(np.mean((model.predict(x[validation]) - truth) ** 2))) if is_number else log_loss(truth, model.predict_proba(x[validation])))
    out[name] = [min(seconds), scores]
print(json.dumps(out))";

/// A trial as `mltui sweep` has one: a table is read, five folds are fitted, and then all of them.
const PROCESS: &str = "import sys
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.model_selection import cross_val_score
frame = pd.read_csv(sys.argv[1])
x, y = frame.drop(columns=['y']).to_numpy(), frame['y'].to_numpy()
cut = len(x) * 4 // 5
is_number = sys.argv[2] == 'regression'
model = (LGBMRegressor if is_number else LGBMClassifier)(verbose=-1)
cross_val_score(model, x[:cut], y[:cut], cv=5, scoring='neg_root_mean_squared_error' if is_number else 'accuracy')
model.fit(x[:cut], y[:cut])";

pub fn boosting(folder: &Path) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\nhist_gradient_boosting with its defaults on {threads} threads, beside LightGBM and scikit-learn"
    );
    let libraries = installed("boosters", &[LIGHTGBM, "narwhals"]);
    let family = families::find("hist_gradient_boosting").unwrap();
    for (rows, classes) in [(100_000, 0), (200_000, 0), (100_000, 2), (200_000, 2), (100_000, 10)] {
        let path = folder.join(format!("boosting-{rows}-{classes}.csv"));
        if !path.exists() {
            V3.run(MAKE, &[&rows.to_string(), &classes.to_string(), path.to_str().unwrap()]);
        }
        let task = if classes == 0 { Task::Regression } else { Task::Classification };
        let read = || {
            let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
            let target = Target::new(&frame, "y", Some(task)).unwrap();
            TrainingData::new(frame, target, 0.2, 5, 1).unwrap()
        };
        let study = read();
        let params = defaults(&family.search_space(study.shape()));
        let at = if classes == 0 { 0 } else { 3 };
        let fit = |study: &TrainingData, fold: usize| {
            let fitted = study.fold(fold).unwrap().fit_and_score(family, &params, 1).unwrap();
            (fitted.fit_seconds, fitted.scores[at])
        };
        let scores: Vec<f64> = (0..5).map(|fold| fit(&study, fold).1).collect();
        // Bins are kept with the fold: each time another one.
        let seconds = (0..3).map(|_| fit(&read(), 0).0).fold(f64::INFINITY, f64::min);
        let folds: Vec<_> =
            study.split.folds.iter().map(|fold| json!([fold.train, fold.validation])).collect();
        let case = json!({"data": path, "task": task.as_str(), "folds": folds, "threads": threads});
        let file = folder.join("boosting.json");
        std::fs::write(&file, case.to_string()).unwrap();
        let mut command = Command::new(V3.python());
        let output = command.env("PYTHONPATH", &libraries).args(["-c", PEERS]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let peers: Value = serde_json::from_slice(&output.stdout).unwrap();
        let (mean, deviation) = moments(&scores);
        println!(
            "  {rows} x 20, {}",
            if classes == 0 { "numbers".into() } else { format!("{classes} classes") }
        );
        println!("    mltui {seconds:.2} s, {mean:.4} ± {deviation:.4}");
        for name in ["LightGBM", "scikit-learn"] {
            let theirs = peers[name][0].as_f64().unwrap();
            let of_folds: Vec<f64> =
                peers[name][1].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let (known, spread) = moments(&of_folds);
            println!(
                "    {name} {theirs:.2} s, {known:.4} ± {spread:.4}: {:.2} of its time (bar 1.0), {:+.2} of its deviations better",
                seconds / theirs,
                (known - mean) / spread
            );
        }
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.env("HOME", home.path()).current_dir(home.path()).args(["sweep", "--data"]).arg(&path);
        command.args(["--target", "y", "--task", task.as_str(), "--family", family.name(), "--trials", "1"]);
        let ours = watched(&mut command);
        let mut command = Command::new(V3.python());
        command.env("PYTHONPATH", &libraries).args(["-c", PROCESS]).arg(&path).arg(task.as_str());
        let theirs = watched(&mut command);
        println!(
            "    a trial as a whole process: {:.2} s, {:.0} MB; LightGBM's {:.2} s, {:.0} MB: {:.2} of its time, {:.2} of its memory (bar 0.5)",
            ours.0,
            ours.1 / 1e6,
            theirs.0,
            theirs.1 / 1e6,
            ours.0 / theirs.0,
            ours.1 / theirs.1
        );
    }
}
