//! A sweep that ends with a trial that averages the best of several families, from the command line to the store.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::data::found;
use crate::documents::check;
use crate::support::sweeping::{STATE, Seen, local, mltui, output, seen, sweeps, swept, table};

const FAMILIES: [&str; 9] = [
    "--data",
    "diabetes",
    "--family",
    "ridge,decision_tree,gradient_boosting",
    "--trials",
    "6",
    "--no-prune",
    "--ensemble",
    "--metric=mae",
];

fn param<'a>(trial: &'a Seen, name: &str) -> &'a str {
    let found = trial.params.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}

/// The best of each family, the best first.
fn best_of_families(trials: &[Seen]) -> Vec<&Seen> {
    let mut best: Vec<&Seen> = Vec::new();
    let mut ranked: Vec<&Seen> = trials.iter().collect();
    ranked.sort_by(|a, b| point(a, "val_mae").total_cmp(&point(b, "val_mae")));
    for trial in ranked {
        if best.iter().all(|known| param(known, "family") != param(trial, "family")) {
            best.push(trial);
        }
    }
    best
}

fn point(trial: &Seen, name: &str) -> f64 {
    trial.points.iter().find(|(known, ..)| known == name).unwrap().2
}

/// The lines of a file with a row for each fold and one for the model: their weights.
fn weights(home: &Path) -> (Vec<String>, Vec<(String, Vec<f64>)>) {
    let text = fs::read_to_string(found(home, "ensemble_weights.csv").unwrap()).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap().split_off(1);
    let rows = lines.map(|mut line| {
        let weights = line.split_off(1).iter().map(|weight| weight.parse().unwrap()).collect();
        (line.remove(0), weights)
    });
    (names, rows.collect())
}

#[test]
fn the_best_of_each_family_are_averaged_at_the_end_and_told_as_any_trial() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let said = swept(home.path(), &uri, &FAMILIES);
    check("sweep", &said);
    assert_eq!(said["finished"], 7, "six, and one that averages");
    let command = said["command"].as_str().unwrap();
    assert!(command.contains(" --ensemble") && command.contains(" --trials 6"), "{command}");
    let (parents, trials) = seen(&uri, "diabetes");
    assert_eq!(param(&parents[0], "ensemble"), "true");
    assert_eq!(trials.len(), 7);
    let (ensemble, others) = trials.split_last().unwrap();
    assert_eq!((ensemble.name.as_str(), param(ensemble, "family")), ("ensemble-6", "ensemble"));
    let best = best_of_families(others);
    let names: Vec<&str> = best.iter().map(|trial| trial.name.as_str()).collect();
    assert_eq!(param(ensemble, "members"), names.join(", "));
    let (members, rows) = weights(home.path());
    assert_eq!(members, names);
    assert_eq!(
        rows.iter().map(|(fold, _)| fold.as_str()).collect::<Vec<_>>(),
        ["0", "1", "2", "3", "4", "model"]
    );
    assert!(rows.iter().all(|(_, weights)| (weights.iter().sum::<f64>() - 1.0).abs() < 1e-9));
    let told: Vec<String> = names
        .iter()
        .zip(&rows[5].1)
        .map(|(name, weight)| format!("{name}: {}", (weight * 1000.0).round() / 1000.0))
        .collect();
    assert_eq!(param(ensemble, "weights"), told.join(", "));
    // It is scored on each fold and on the test part, and its model is kept.
    let folds = ensemble.points.iter().filter(|(name, ..)| name == "fold_mae").count();
    assert_eq!(folds, 5);
    for name in ["val_mae", "val_rmse", "test_mae", "test_r2"] {
        assert!(point(ensemble, name).is_finite());
    }
    let least = best.iter().map(|trial| point(trial, "val_mae")).fold(f64::INFINITY, f64::min);
    assert!(point(ensemble, "val_mae") < least * 1.02, "{} {least}", point(ensemble, "val_mae"));
    // Nothing is left of what members said of the folds.
    let id = sweeps(home.path()).remove(0);
    assert!(!home.path().join(STATE).join(&id).join("trials").exists());
    // Further trials are counted without it, and another follows where the members are others.
    let set = |trials: &str| output(mltui(home.path(), &uri, &["sweeps", "set", &id, "--trials", trials]));
    let (code, _, error) = set("5");
    assert!(code == 2 && error.contains("6 trials have begun already"), "{error}");
    assert_eq!(set("7").0, 0);
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    let (_, more) = seen(&uri, "diabetes");
    assert_eq!(more[..7], trials);
    let searched: Vec<Seen> =
        more.iter().filter(|trial| param(trial, "family") != "ensemble").cloned().collect();
    assert_eq!(searched.len(), 7);
    let now: Vec<&str> = best_of_families(&searched).iter().map(|trial| trial.name.as_str()).collect();
    let is_other = now != names;
    assert_eq!(more.len(), if is_other { 9 } else { 8 }, "{now:?} {names:?}");
    let last = more.iter().rev().find(|trial| param(trial, "family") == "ensemble").unwrap();
    assert_eq!((param(last, "members"), last == ensemble), (now.join(", ").as_str(), !is_other));
}

/// Kills a sweep when its last trial has made so many fits; whether that was so.
fn killed_at(home: &Path, uri: &str, words: &[&str], fitted: usize) -> bool {
    let mut command = mltui(home, uri, words);
    let mut sweep = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while sweep.try_wait().unwrap().is_none() {
        let id = sweeps(home).pop();
        let folder = id.map(|id| home.join(STATE).join(id).join("trials/6/out_of_fold"));
        let count = folder.and_then(|folder| fs::read_dir(folder).ok()).map_or(0, Iterator::count);
        if count >= fitted {
            sweep.kill().unwrap();
            sweep.wait().unwrap();
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

#[test]
fn an_ensemble_that_is_killed_goes_on_and_comes_to_the_same() {
    let whole = tempfile::tempdir().unwrap();
    let uri = local(whole.path());
    swept(whole.path(), &uri, &FAMILIES);
    let (_, expected) = seen(&uri, "diabetes");
    let mut killed = 0;
    for (fitted, models) in [(1, "all"), (9, "best"), (15, "all")] {
        let home = tempfile::tempdir().unwrap();
        let uri = local(home.path());
        let words = [&["sweep"][..], &FAMILIES, &["--models", models]].concat();
        if !killed_at(home.path(), &uri, &words, fitted) {
            // It was over too soon to be killed in between.
            continue;
        }
        killed += 1;
        let id = sweeps(home.path()).remove(0);
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
        assert_eq!(code, 0, "{error}");
        let (_, trials) = seen(&uri, "diabetes");
        if models == "all" {
            assert_eq!(trials, expected, "killed with {fitted} fits");
        } else {
            let of = |trials: &[Seen]| -> Vec<f64> {
                trials.iter().map(|trial| point(trial, "val_mae")).collect()
            };
            assert_eq!(of(&trials), of(&expected));
            let kept = trials.iter().filter(|trial| trial.points.iter().any(|(name, ..)| name == "test_mae"));
            assert_eq!(kept.count(), 1, "only the best one's model is kept");
        }
    }
    assert!(killed > 0, "all were over too soon");
}

#[test]
fn without_two_families_it_is_said_why_there_is_no_ensemble() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let one = ["--data", "iris", "--family", "naive_bayes", "--trials", "2"];
    let words = [&["sweep", "--ensemble"][..], &one].concat();
    let (code, _, error) = output(mltui(home.path(), &uri, &words));
    let why = "--ensemble averages the best trials of 2 families or more; this sweep has naive_bayes";
    assert!(code == 2 && error.contains(why), "{error}");
    fs::write(home.path().join("c.toml"), "[sweep]\nensemble = true\n").unwrap();
    let averages = "no ensemble: it averages the best trials of 2 families or more";
    for (more, is_told) in [(&[][..], true), (&["--no-ensemble"], false)] {
        let words = [&["--config", "c.toml", "sweep", "--json"][..], &one, more].concat();
        let (code, said, error) = output(mltui(home.path(), &uri, &words));
        let before = format!("{averages}; this sweep has naive_bayes");
        let after = format!("{averages}, and only trials of one family have finished");
        let told = (error.contains(&before), error.contains(&after));
        assert!(code == 0 && told == (is_told, is_told), "{error}");
        let of_list = output(mltui(home.path(), &uri, &["sweeps", "--json"])).1;
        for (schema, said) in [("sweep", said), ("sweeps", of_list)] {
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            check(schema, &said);
            let newest = said.get(0).unwrap_or(&said);
            assert_eq!(newest["no_ensemble"].as_str(), is_told.then_some(after.as_str()), "{newest}");
        }
    }
    let words = ["sweep", "--ensemble", "--param", "x=0..1", "--metric", "loss:min", "--", "true"];
    let (code, _, error) = output(mltui(home.path(), &uri, &words));
    assert!(code == 2 && error.contains("'--ensemble' cannot be used with"), "{error}");
}

#[test]
fn when_the_time_is_over_what_there_is_is_averaged() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let path = table(home.path(), 300).display().to_string();
    let words = [
        "--data",
        &path,
        "--target",
        "price",
        "--ignore",
        "sold",
        "--family",
        "ridge,hist_gradient_boosting",
        "--time",
        "1s",
        "--ensemble",
        "--repeats",
        "2",
        "--folds",
        "3",
        "--jobs",
        "1",
    ];
    let said = swept(home.path(), &uri, &words);
    let (_, trials) = seen(&uri, "houses");
    let last = trials.last().unwrap();
    assert_eq!(param(last, "family"), "ensemble", "{said}");
    let (_, rows) = weights(home.path());
    assert_eq!(rows.len(), 7, "a fold each, of both times, and the model");
}
