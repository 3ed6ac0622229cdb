//! Folds in the order of time and by groups, beside scikit-learn's own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mltui::learn::data::{ReadOptions, Target, TargetValues, Task, load};
use mltui::learn::folds::{Split, SplitPlan};
use serde_json::{Value, json};

use crate::support::V3;

const THEIRS: &str = r#"
import json, sys, numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, TimeSeriesSplit
checked = 0
for case in json.load(open(sys.argv[1])):
    y, by, rows = (np.array(case[key]) for key in ("y", "by", "train"))
    if case["kind"] == "time":
        rows = rows[np.argsort(by[rows], kind="stable")]
        folds, splitter = sorted(case["folds"], key=lambda fold: len(fold[0])), TimeSeriesSplit(case["count"])
    elif case["kind"] == "group":
        folds, splitter = case["folds"], GroupKFold(case["count"])
    else:
        folds, splitter = case["folds"], StratifiedGroupKFold(case["count"])
    theirs = [[sorted(rows[part].tolist()) for part in fold] for fold in splitter.split(rows, y[rows], by[rows])]
    assert theirs == folds, case["kind"]
    checked += len(theirs)
print(checked)
"#;

/// Sizes that all differ: of equal ones it is chance which is first.
fn case(folder: &Path, kind: &str, count: usize, seed: u64) -> Value {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut by: Vec<u32> = if kind == "time" {
        (0..300).collect()
    } else {
        (0..24_u32).flat_map(|group| std::iter::repeat_n(group * 7 % 24, 3 + group as usize)).collect()
    };
    rng.shuffle(&mut by);
    let draw = |rng: &mut fastrand::Rng| -> Vec<u32> {
        by.iter().map(|group| (group % 3 + rng.u32(..2)) % 3).collect()
    };
    let mut y = draw(&mut rng);
    while kind == "stratified" && !are_told_apart(&by, &y) {
        y = draw(&mut rng);
    }
    let rows = by.iter().zip(&y).enumerate().map(|(at, (by, y))| format!("{at},{by},{y}\n"));
    let path = folder.join(format!("{kind}.csv"));
    fs::write(&path, format!("x,by,y\n{}", rows.collect::<String>())).unwrap();
    let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
    let task = if kind == "stratified" { Task::Classification } else { Task::Regression };
    let target = Target::new(&frame, "y", Some(task)).unwrap();
    assert!(matches!(&target.values, TargetValues::Numbers(_)) || kind == "stratified");
    let column = |of: &str| (kind == of || (kind == "stratified" && of == "group")).then(|| "by".to_owned());
    let plan = SplitPlan {
        time_column: column("time"),
        group_column: column("group"),
        ..SplitPlan::by_chance(count, 0.2)
    };
    let split = Split::new(&frame, &target, &plan, seed).unwrap();
    let folds: Vec<_> = split.folds.iter().map(|fold| (&fold.train, &fold.validation)).collect();
    json!({"kind": kind, "count": count, "y": y, "by": by, "train": split.train, "folds": folds})
}

/// Whether the groups differ in how unevenly they have the classes, by which they are dealt.
fn are_told_apart(by: &[u32], y: &[u32]) -> bool {
    let spread = |group: u32| {
        let count = |class: u32| by.iter().zip(y).filter(|both| *both == (&group, &class)).count();
        let counts = [0, 1, 2].map(count);
        3 * counts.iter().map(|count| count * count).sum::<usize>() - counts.iter().sum::<usize>().pow(2)
    };
    let all: BTreeSet<usize> = (0..24).map(spread).collect();
    all.len() == 24
}

#[test]
fn folds_are_those_of_scikit_learn() {
    let folder = tempfile::tempdir().unwrap();
    let counts = [2, 3, 5, 8];
    let cases: Vec<Value> = ["time", "group", "stratified"]
        .into_iter()
        .flat_map(|kind| counts.map(|count| case(folder.path(), kind, count, count as u64)))
        .collect();
    let path = folder.path().join("cases.json");
    fs::write(&path, json!(cases).to_string()).unwrap();
    let checked: usize = V3.run(THEIRS, &[path.to_str().unwrap()]).trim().parse().unwrap();
    assert_eq!(checked, 3 * counts.iter().sum::<usize>());
}
