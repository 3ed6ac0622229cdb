//! A sweep over all families beside FLAML in the same time, on tables of 100,000 rows: both are judged on rows that neither has
//! seen.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::boosting::MAKE;
use crate::support::{V3, installed};

/// What 50 trials may take.
const BAR: f64 = 300.0;

/// The first four fifths of the rows, and the others.
const PARTS: &str = "import sys
lines = open(sys.argv[1]).readlines()
cut = 1 + (len(lines) - 1) * 4 // 5
open(sys.argv[2], 'w').writelines(lines[:cut])
open(sys.argv[3], 'w').writelines(lines[:1] + lines[cut:])";

/// The score of our model, and of the one that FLAML finds in so many seconds, on the other rows.
const JUDGE: &str = "import json, logging, sys, warnings
import numpy as np, pandas as pd
warnings.filterwarnings('ignore'); logging.disable(logging.WARNING)
case = json.load(open(sys.argv[1]))
train, test = pd.read_csv(case['train']), pd.read_csv(case['test'])
x, y, new, truth = train.drop(columns=['y']), train['y'], test.drop(columns=['y']), test['y']
is_number = case['task'] == 'regression'
def score(predicted):
    predicted = np.asarray(predicted).ravel()
    return float(np.sqrt(np.mean((predicted - truth) ** 2))) if is_number else float((predicted == truth).mean())
import mlflow
mlflow.set_tracking_uri(case['uri'])
ours = score(mlflow.pyfunc.load_model(case['model']).predict(new)['prediction'])
from flaml import AutoML
automl = AutoML()
automl.fit(x, y, task=case['task'], metric='rmse' if is_number else 'accuracy', time_budget=case['seconds'], n_jobs=case['threads'], seed=1, verbose=0)
print(json.dumps([ours, score(automl.predict(new)), automl.best_estimator]))";

pub fn flaml(folder: &Path) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\na sweep of 50 trials over all families, 100,000 x 20, {threads} jobs; FLAML in the same time"
    );
    let libraries = installed("flaml", &["flaml==2.8.0", "lightgbm==4.7.0", "narwhals", "xgboost-cpu"]);
    for classes in [0, 2, 10] {
        let path = folder.join(format!("boosting-100000-{classes}.csv"));
        if !path.exists() {
            V3.run(MAKE, &["100000", &classes.to_string(), path.to_str().unwrap()]);
        }
        let home = tempfile::tempdir().unwrap();
        let [train, test, file] = ["train.csv", "test.csv", "case.json"].map(|name| home.path().join(name));
        let names = [&path, &train, &test].map(|path| path.to_str().unwrap());
        V3.run(PARTS, &names);
        let task = if classes == 0 { "regression" } else { "classification" };
        let metric = if classes == 0 { "rmse" } else { "accuracy" };
        let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
        command.env("HOME", home.path()).current_dir(home.path()).args(["sweep", "--data"]).arg(&train);
        command.args(["--target", "y", "--task", task, "--metric", metric, "--trials", "50", "--json"]);
        // All rows are to be learnt from: others judge.
        command.args(["--test-size", "0.01", "--models", "best", "--ensemble", "--time", "5m", "--jobs"]);
        let begin = Instant::now();
        let output = command.arg(threads.to_string()).output().unwrap();
        let seconds = begin.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let run = said["best"]["run_id"].as_str().unwrap();
        let case = json!({
            "train": train, "test": test, "task": task, "seconds": seconds, "threads": threads,
            "uri": format!("sqlite:///{}/mlflow.db", home.path().display()), "model": format!("runs:/{run}/model"),
        });
        std::fs::write(&file, case.to_string()).unwrap();
        let mut command = Command::new(V3.python());
        let command = command.env("PYTHONPATH", &libraries).args(["-c", JUDGE]).arg(&file);
        let output = command.current_dir(home.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let found: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        let what = if classes == 0 { "numbers".to_owned() } else { format!("{classes} classes") };
        println!(
            "  {what}: {} trials ended in {seconds:.0} s (bar {BAR}); on other rows {metric} {:.4} ({}), FLAML {:.4} ({})",
            said["finished"],
            found[0].as_f64().unwrap(),
            said["best"]["params"]["family"],
            found[1].as_f64().unwrap(),
            found[2]
        );
    }
}
