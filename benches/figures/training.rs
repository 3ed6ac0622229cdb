//! Training beside scikit-learn: a grid as a whole process, and the scores of every family on the same folds.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mltui::learn::data::{ReadOptions, Target, Task, bundled};
use mltui::learn::families::{FAMILIES, Family};
use mltui::learn::scores::scores;
use mltui::learn::study::TrainingData;
use mltui::params::defaults;
use serde_json::{Value, json};

use crate::support::V3;
use crate::support::terminal::Terminal;

/// 48 decision trees, five folds, two jobs, the best one fitted again: what `mltui sweep` does too.
const GRID: &str = "import sys
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
data, target, task = sys.argv[1:4]
frame = pd.read_csv(data)
x, y = frame.drop(columns=[target]).to_numpy(), frame[target].to_numpy()
grid = {'max_depth': [2, 4, 6, 8, 10, 12], 'min_samples_leaf': [1, 4, 16, 64]}
if task == 'classification':
    model, grid['criterion'], scoring = DecisionTreeClassifier(random_state=0), ['gini', 'entropy'], 'accuracy'
else:
    model, grid['min_samples_split'], scoring = DecisionTreeRegressor(random_state=0), [2, 32], 'neg_root_mean_squared_error'
search = GridSearchCV(model, grid, cv=5, n_jobs=2, scoring=scoring).fit(x, y)
print(search.best_score_)";

const MAKE: &str = "import sys
import numpy as np
from sklearn.datasets import make_classification
rows, path = int(sys.argv[1]), sys.argv[2]
x, y = make_classification(rows, 20, n_informative=10, n_redundant=4, flip_y=0.05, class_sep=0.8, random_state=1)
header = ','.join([f'x{i}' for i in range(20)] + ['y'])
np.savetxt(path, np.column_stack([x, y]), delimiter=',', header=header, comments='', fmt=['%.7g'] * 20 + ['%d'])";

pub fn training(folder: &Path) {
    println!(
        "\na grid of 48 trees x 5 folds, whole processes, 2 jobs: mltui sweep (with its runs logged) and GridSearchCV"
    );
    let unpack = |name: &str| {
        let path = folder.join(format!("{name}.csv"));
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("assets/data/{name}.csv.gz"));
        let text = Command::new("gzip").args(["-dc"]).arg(packed).output().unwrap().stdout;
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut cases = vec![
        (unpack("iris"), "species", "classification", "at least 5 times"),
        (unpack("breast-cancer"), "diagnosis", "classification", "at least 5 times"),
        (unpack("diabetes"), "progression", "regression", "at least 5 times"),
        (unpack("wine-quality"), "quality", "regression", "at least 5 times"),
    ];
    for (rows, bar) in [(10_000, "at least 2 times"), (100_000, "not slower")] {
        let path = folder.join(format!("made-{rows}.csv"));
        if !path.exists() {
            V3.run(MAKE, &[&rows.to_string(), path.to_str().unwrap()]);
        }
        cases.push((path, "y", "classification", bar));
    }
    for (path, target, task, bar) in cases {
        let rounds = if path.ends_with("made-100000.csv") { 1 } else { 3 };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(sweep(&path, target, task));
            theirs
                .push(watched(Command::new(V3.python()).args(["-c", GRID]).arg(&path).args([target, task])));
        }
        let best = |all: &[(f64, f64)]| all.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        let (ours, theirs) = (best(&ours), best(&theirs));
        println!(
            "  {:<20} {:.2} s, {:.0} MB; scikit-learn {:.2} s, {:.0} MB: {:.1} times as fast (bar: {bar}), {:.2} of the memory (bar 0.33)",
            path.file_stem().unwrap().to_string_lossy(),
            ours.0,
            ours.1 / 1e6,
            theirs.0,
            theirs.1 / 1e6,
            theirs.0 / ours.0,
            ours.1 / theirs.1
        );
    }
}

/// From an empty folder: one key, until the first trial has a row, and until the sweep is over and the best one marked.
pub fn first_run() {
    println!("\na first run: an empty folder, T");
    for _ in 0..3 {
        let home = tempfile::tempdir().unwrap();
        let mut screen = Terminal::start(home.path(), (120, 36), &[], &[("USER", "ana")]);
        screen.wait_for("trains a first sweep");
        let begin = Instant::now();
        screen.type_keys("T");
        screen.wait_closely(|screen| screen.contains("ridge-0"));
        let row = begin.elapsed().as_secs_f64();
        screen.wait("the end", |screen| screen.contains("is finished after 20 trials"));
        screen.wait("the star", |screen| screen.contains('\u{2605}'));
        let end = begin.elapsed().as_secs_f64();
        println!("  first row {row:.2} s (bar 2), 20 trials and the star {end:.1} s (bar 30)");
    }
}

/// The frames of the explorer, while a sweep is at work in the background as a key starts it.
pub fn beside_a_sweep(folder: &Path) {
    let path = folder.join("made-10000.csv");
    if !path.exists() {
        V3.run(MAKE, &["10000", path.to_str().unwrap()]);
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command
        .env("HOME", home.path())
        .current_dir(home.path())
        .args(["sweep", "--background", "--data"])
        .arg(&path);
    command.args(["--target", "y", "--family", "gradient_boosting", "--trials", "1000"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    println!("\nbeside a sweep on all cores but one (bar: 99 % within 16 ms)");
    crate::keys::keys(folder);
    assert!(child.try_wait().unwrap().is_none(), "the sweep went on meanwhile");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn sweep(path: &Path, target: &str, task: &str) -> (f64, f64) {
    let home = tempfile::tempdir().unwrap();
    let other = if task == "classification" { "criterion=gini,entropy" } else { "min_samples_split=2,32" };
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.env("HOME", home.path()).current_dir(home.path()).args(["sweep", "--data"]).arg(path).args([
        "--target",
        target,
        "--task",
        task,
        "--family",
        "decision_tree",
        "--space",
        "decision_tree.max_depth=2,4,6,8,10,12",
        "--space",
        "decision_tree.min_samples_leaf=1,4,16,64",
        "--space",
        &format!("decision_tree.{other}"),
        "--method",
        "grid",
        "--jobs",
        "2",
        "--models",
        "best",
    ]);
    watched(&mut command)
}

/// The seconds that a process takes, and the most memory that it and its children have at a time (each shared page by
/// its share).
pub fn watched(command: &mut Command) -> (f64, f64) {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0.0_f64;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{command:?}");
            return (begin.elapsed().as_secs_f64(), peak);
        }
        peak = peak.max(memory(&child));
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn memory(child: &Child) -> f64 {
    let mut all = vec![child.id().to_string()];
    let mut at = 0;
    while at < all.len() {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", all[at])).into_iter().flatten().flatten();
        for task in tasks {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().map(str::to_owned));
        }
        at += 1;
    }
    let share = |process: &String| {
        let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()).unwrap_or(0.0)
    };
    all.iter().map(share).sum::<f64>() * 1024.0
}

/// scikit-learn's model of a family, with our names of hyper-parameters.
pub const MODELS: &str = "
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import *
from sklearn.linear_model import *
from sklearn.cross_decomposition import PLSRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import *
from sklearn.kernel_approximation import Nystroem
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.tree import *
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
def scaled(model): return make_pipeline(StandardScaler(), model)
def both(model): return TransformedTargetRegressor(scaled(model), transformer=StandardScaler())
def make(task, family, p):
    c = task == 'classification'
    p = dict(p)
    if family == 'decision_tree': return (DecisionTreeClassifier if c else DecisionTreeRegressor)(random_state=0, **p)
    if family == 'random_forest': return (RandomForestClassifier if c else RandomForestRegressor)(random_state=0, **p)
    if family == 'extra_trees': return (ExtraTreesClassifier if c else ExtraTreesRegressor)(random_state=0, **p)
    if family == 'ada_boost': return AdaBoostClassifier(DecisionTreeClassifier(max_depth=p.pop('max_depth')), random_state=0, **p)
    if family == 'hist_gradient_boosting':
        p['max_iter'] = p.pop('n_estimators')
        assert p.pop('subsample') == 1.0
        return (HistGradientBoostingClassifier if c else HistGradientBoostingRegressor)(random_state=0, early_stopping=False, **p)
    if family == 'gradient_boosting': return (GradientBoostingClassifier if c else GradientBoostingRegressor)(random_state=0, **p)
    if family == 'k_neighbors': return scaled((KNeighborsClassifier if c else KNeighborsRegressor)(**p))
    if family == 'logistic': return scaled(LogisticRegression(max_iter=5000, **p))
    if family == 'naive_bayes': return scaled(GaussianNB(**p))
    if p.get('kernel') == 'nystroem':
        part = Nystroem(gamma=p['gamma'], n_components=500, random_state=0)
        plane = LinearSVC(C=p['C'], loss='hinge') if c else LinearSVR(C=p['C'], epsilon=p['epsilon'])
        return (scaled if c else both)(make_pipeline(part, plane))
    if family == 'svm': return scaled(SVC(**p))
    if family == 'svr': return both(SVR(**p))
    if family == 'linear': return LinearRegression()
    if family == 'ridge': return scaled(Ridge(**p))
    if family == 'lasso': return both(Lasso(max_iter=10000, **p))
    if family == 'elastic_net': return both(ElasticNet(max_iter=10000, **p))
    if family == 'pls': return PLSRegression(**p)";

/// Every family on every bundled set, beside scikit-learn's on the same folds.
const SCORES: &str = "import json, sys
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, root_mean_squared_error
case = json.load(open(sys.argv[1]))
frame = pd.read_csv(case['data'])
x, y = frame.drop(columns=[case['target']]).to_numpy(float), frame[case['target']].to_numpy()
out = {}
for family, params in case['families'].items():
    scores = []
    for train, validation in case['folds']:
        predicted = make(case['task'], family, params).fit(x[train], y[train]).predict(x[validation]).ravel()
        score = accuracy_score if case['task'] == 'classification' else root_mean_squared_error
        scores.append(float(score(y[validation], predicted)))
    out[family] = scores
print(json.dumps(out))";

pub fn table(folder: &Path) {
    println!("\nscores of every family with its defaults, on scikit-learn's own folds");
    let mut text = String::from(
        "# Scores beside scikit-learn's\n\nEvery family with its defaults on the bundled sets, by five folds that both were given: mean and standard \
         deviation over the folds\n(accuracy, or RMSE). Written by `cargo bench --bench figures -- scores`; scikit-learn 1.9.1.\n\n\
         | data | family | mltui | scikit-learn | difference, in its deviations |\n| --- | --- | --- | --- | --- |\n",
    );
    for set in bundled::SETS {
        let frame = set.frame(&ReadOptions::default()).unwrap();
        let target = Target::new(&frame, set.target, Some(set.task)).unwrap();
        let study = TrainingData::new(frame, target, 0.2, 5, 1).unwrap();
        let shape = study.shape();
        let mut ours = Vec::new();
        let mut params = serde_json::Map::new();
        // Boosting on histograms is for larger tables, and measured on these all the same.
        let is_wanted = |family: &&dyn Family| {
            family.supports(shape.task)
                && (family.is_suggested(shape) || family.name() == "hist_gradient_boosting")
        };
        for family in FAMILIES.into_iter().filter(is_wanted) {
            let defaults = defaults(&family.search_space(shape));
            let of_folds: Vec<f64> = (0..study.folds())
                .map(|fold| study.fold(fold).unwrap().fit_and_score(family, &defaults, 1).unwrap().scores[0])
                .collect();
            params.insert(family.name().to_owned(), json!(defaults));
            ours.push((family.name(), of_folds));
        }
        let data = folder.join(format!("{}.csv", set.name));
        let packed = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("assets/data/{}.csv.gz", set.name.trim_end_matches("-class")));
        let unpacked = Command::new("gzip").args(["-dc"]).arg(packed).output().unwrap().stdout;
        std::fs::write(&data, unpacked).unwrap();
        let folds: Vec<_> =
            study.split.folds.iter().map(|fold| json!([fold.train, fold.validation])).collect();
        let case = json!({
            "data": data, "target": set.target, "task": set.task.as_str(), "families": params, "folds": folds,
        });
        let path = folder.join("scores.json");
        std::fs::write(&path, case.to_string()).unwrap();
        let theirs: Value =
            serde_json::from_str(&V3.run(&format!("{MODELS}\n{SCORES}"), &[path.to_str().unwrap()])).unwrap();
        let better = if set.task == Task::Classification { 1.0 } else { -1.0 };
        for (family, ours) in ours {
            let theirs: Vec<f64> =
                theirs[family].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let ((mean, deviation), (known, spread)) = (moments(&ours), moments(&theirs));
            let difference = (mean - known) * better / spread;
            let line = format!(
                "| {} | {family} | {mean:.4} ± {deviation:.4} | {known:.4} ± {spread:.4} | {difference:+.2} |",
                set.name
            );
            println!("  {line}");
            writeln!(text, "{line}").unwrap();
            assert!(difference > -1.0, "{family} is worse than scikit-learn's spread");
        }
        assert_eq!(scores(set.task)[0].greater_is_better, better > 0.0);
    }
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scores.md"), text).unwrap();
}

pub fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt())
}
