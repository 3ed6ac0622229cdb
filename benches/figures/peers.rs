//! Every family with its defaults beside scikit-learn's, and boosting beside LightGBM and XGBoost too, on made tables of 20
//! columns: a process each, with its peak of memory. `benches/peers.md` has a table of these.

use std::path::Path;
use std::process::Command;

use mltui::learn::data::{ReadOptions, Target, Task, load};
use mltui::learn::families::{self, Family};
use mltui::learn::study::TrainingData;
use mltui::params::{Params, defaults};
use serde_json::{Value, json};

use crate::boosting::MAKE;
use crate::peak_memory;
use crate::support::{V3, installed};
use crate::training::{MODELS, moments};

/// A fold that takes a peer longer is the only one.
const LONG: f64 = 15.0;

/// Of one family or library: of each fold the seconds of fit and prediction, and the score; and the peak in megabytes.
const PEER: &str = "import json, sys, time, warnings
import numpy as np
warnings.filterwarnings('ignore')
case = json.load(open(sys.argv[1]))
c = case['task'] == 'classification'
x, y = np.load(case['x']), np.load(case['y'])
threads = case['threads']
def model():
    if case['library'] == 'LightGBM':
        from lightgbm import LGBMClassifier, LGBMRegressor
        return (LGBMClassifier if c else LGBMRegressor)(n_jobs=threads, verbose=-1)
    if case['library'] == 'XGBoost':
        from xgboost import XGBClassifier, XGBRegressor
        return (XGBClassifier if c else XGBRegressor)(n_jobs=threads)
    family, p = case['family'], case['params']
    if family in ('random_forest', 'extra_trees', 'k_neighbors'): p['n_jobs'] = threads
    return make(case['task'], family, p)
out = []
for train, validation in case['folds']:
    train, validation = np.load(train), np.load(validation)
    xs, ys, held, truth = x[train], y[train], x[validation], y[validation]
    begin = time.perf_counter()
    fitted = model().fit(xs, ys)
    middle = time.perf_counter()
    predicted = fitted.predict(held).ravel()
    end = time.perf_counter()
    score = float((predicted == truth).mean()) if c else float(np.sqrt(np.mean((predicted - truth) ** 2)))
    out.append([middle - begin, end - middle, score])
    if end - begin > case['long']: break
peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1]
print(json.dumps([out, int(peak) / 1000]))";

/// The table as arrays, as Python reads them soonest, and the rows of each fold.
const ARRAYS: &str = "import json, sys
import numpy as np, pandas as pd
case = json.load(open(sys.argv[1]))
frame = pd.read_csv(case['data'])
np.save(case['x'], frame.drop(columns=['y']).to_numpy('f4' if case['single'] else 'f8'))
np.save(case['y'], frame['y'].to_numpy())
for (train, validation), rows in zip(case['folds'], case['rows']):
    np.save(train, np.array(rows[0])); np.save(validation, np.array(rows[1]))";

fn study(path: &str, task: Task) -> TrainingData {
    let frame = load(path, &ReadOptions::default()).unwrap();
    let target = Target::new(&frame, "y", Some(task)).unwrap();
    TrainingData::new(frame, target, 0.2, 5, 1).unwrap()
}

fn task_of(name: &str) -> Task {
    if name == "regression" { Task::Regression } else { Task::Classification }
}

/// What a process of ours prints: of each fold the seconds of fit and prediction, and the score; and the peak in megabytes.
pub fn one_family(case: &Path) {
    let case: Value = serde_json::from_str(&std::fs::read_to_string(case).unwrap()).unwrap();
    let study = study(case["data"].as_str().unwrap(), task_of(case["task"].as_str().unwrap()));
    let family = families::find(case["family"].as_str().unwrap()).unwrap();
    let params: Params = defaults(&family.search_space(study.shape()));
    let count = case["folds"].as_array().unwrap().len();
    let mut out = Vec::new();
    for fold in 0..count {
        let fitted = study.fold(fold).unwrap().fit_and_score(family, &params, 1).unwrap();
        out.push([fitted.fit_seconds, fitted.predict_seconds, fitted.scores[0]]);
    }
    println!("{}", json!([out, peak_memory("self")]));
}

struct Figures {
    fit: f64,
    predict: f64,
    scores: Vec<f64>,
    megabytes: f64,
}

fn figures(text: &str) -> Figures {
    let value: Value = serde_json::from_str(text).unwrap();
    let folds: Vec<Vec<f64>> = serde_json::from_value(value[0].clone()).unwrap();
    let least = |at: usize| folds.iter().map(|fold| fold[at]).fold(f64::INFINITY, f64::min);
    Figures {
        fit: least(0),
        predict: least(1),
        scores: folds.iter().map(|fold| fold[2]).collect(),
        megabytes: value[1].as_f64().unwrap(),
    }
}

/// `peers` measures all sizes; `peers 10000 ridge` chooses sizes and families.
pub fn wanted(folder: &Path, arguments: &[String]) {
    let Some((_, chosen)) = arguments.split_first().filter(|(first, _)| *first == "peers") else { return };
    let (sizes, names): (Vec<&String>, _) = chosen.iter().partition(|word| word.parse::<usize>().is_ok());
    let sizes: Vec<usize> = sizes.into_iter().map(|word| word.parse().unwrap()).collect();
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    let all = [1_000, 10_000, 100_000, 1_000_000];
    peers(folder, if sizes.is_empty() { &all } else { &sizes }, &names);
}

fn peers(folder: &Path, wanted: &[usize], names: &[&str]) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let libraries = installed("peers", &["lightgbm==4.7.0", "narwhals", "xgboost-cpu"]);
    let title = "| rows | task | family | peer | fit, s | its | ratio | predict, s | its | score | its | in its deviations | memory, MB | its | ratio |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    print!("\nevery family with its defaults, {threads} threads, the soonest of five folds\n{title}");
    for rows in wanted {
        for classes in [0, 2, 10] {
            let path = folder.join(format!("boosting-{rows}-{classes}.csv"));
            if !path.exists() {
                V3.run(MAKE, &[&rows.to_string(), &classes.to_string(), path.to_str().unwrap()]);
            }
            let task = if classes == 0 { Task::Regression } else { Task::Classification };
            let table = study(path.to_str().unwrap(), task);
            let shape = table.shape();
            let file = |name: &str| folder.join(format!("peers-{rows}-{classes}-{name}"));
            let names_of =
                |fold: usize| [file(&format!("{fold}-train.npy")), file(&format!("{fold}-validation.npy"))];
            let case = json!({
                "data": path, "task": task.as_str(), "x": file("x.npy"), "y": file("y.npy"), "single": false,
                "folds": (0..5).map(names_of).collect::<Vec<_>>(), "threads": threads, "long": LONG,
            });
            let mut with_rows = case.clone();
            with_rows["rows"] =
                table.split.folds.iter().map(|fold| json!([fold.train, fold.validation])).collect();
            let case_file = file("case.json");
            std::fs::write(&case_file, with_rows.to_string()).unwrap();
            V3.run(ARRAYS, &[case_file.to_str().unwrap()]);
            drop(table);
            let is_wanted = |family: &&&dyn Family| {
                let known =
                    family.name() != "linfa_tree" && (names.is_empty() || names.contains(&family.name()));
                known && family.supports(task) && family.is_suggested(shape)
            };
            for family in families::FAMILIES.iter().filter(is_wanted) {
                let mut case = case.clone();
                case["family"] = json!(family.name());
                case["params"] = json!(defaults(&family.search_space(shape)));
                let mut theirs = Vec::new();
                let others: &[&str] = match family.name() {
                    "hist_gradient_boosting" => &["scikit-learn", "LightGBM", "XGBoost"],
                    _ => &["scikit-learn"],
                };
                for library in others {
                    case["library"] = json!(library);
                    std::fs::write(&case_file, case.to_string()).unwrap();
                    let mut command = Command::new(V3.python());
                    command.env("PYTHONPATH", &libraries).env("OMP_NUM_THREADS", threads.to_string());
                    command.arg("-c").arg(format!("{MODELS}\n{PEER}")).arg(&case_file);
                    let output = command.output().unwrap();
                    let errors = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{} {library}: {errors}", family.name());
                    theirs.push((*library, figures(std::str::from_utf8(&output.stdout).unwrap())));
                }
                let folds = theirs[0].1.scores.len();
                case["folds"].as_array_mut().unwrap().truncate(folds);
                std::fs::write(&case_file, case.to_string()).unwrap();
                let mut command = Command::new(std::env::current_exe().unwrap());
                let output = command.arg("one-family").arg(&case_file).output().unwrap();
                assert!(
                    output.status.success(),
                    "{}: {}",
                    family.name(),
                    String::from_utf8_lossy(&output.stderr)
                );
                let ours = figures(std::str::from_utf8(&output.stdout).unwrap());
                for (library, theirs) in theirs {
                    let line = line(*rows, classes, family.name(), library, &ours, &theirs);
                    println!("{line}");
                }
            }
        }
    }
}

fn line(
    rows: usize,
    classes: usize,
    family: &str,
    library: &str,
    ours: &Figures,
    theirs: &Figures,
) -> String {
    let task = if classes == 0 { "regression".to_owned() } else { format!("{classes} classes") };
    let ((mean, _), (known, spread)) = (moments(&ours.scores), moments(&theirs.scores));
    let better = if classes == 0 { known - mean } else { mean - known };
    // A single fold has none.
    let difference = if spread > 0.0 { format!("{:+.2}", better / spread) } else { "one fold".to_owned() };
    format!(
        "| {rows} | {task} | {family} | {library} | {:.3} | {:.3} | {:.2} | {:.3} | {:.3} | {mean:.4} | {known:.4} | {difference} | {:.0} | {:.0} | {:.2} |",
        ours.fit,
        theirs.fit,
        (ours.fit + ours.predict) / (theirs.fit + theirs.predict),
        ours.predict,
        theirs.predict,
        ours.megabytes,
        theirs.megabytes,
        ours.megabytes / theirs.megabytes
    )
}
