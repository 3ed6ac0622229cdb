//! Weights of rows and of classes, from the command line to the store.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::documents::check;
use crate::support::sweeping::{STATE, local, mltui, output, seen};

fn claims(folder: &Path) -> PathBuf {
    let rows: String = (0..120_u32).fold(String::from("x,z,w,y\n"), |text, row| {
        let (x, z) = (row * 13 % 29, row * 7 % 17);
        let y = if x + row % 7 > 24 { "yes" } else { "no" };
        text + &format!("{x},{z},{},{y}\n", f64::from(row % 4) * 0.5)
    });
    let path = folder.join("claims.csv");
    fs::write(&path, rows).unwrap();
    path
}

#[test]
fn weights_are_told_logged_and_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let data = claims(home.path()).display().to_string();
    let plain = ["--data", &data, "--target", "y", "--family", "logistic", "--trials", "1", "--folds", "3"];
    let mut metrics = Vec::new();
    for (experiment, options, line, params) in [
        ("none", &["--class-weight", "none"][..], None, &[][..]),
        (
            "column",
            &["--weight-column", "w"],
            Some(
                "rows are weighted by w, 0 to 1.5; 30 of weight 0 are scored, but not learnt from; metrics are not weighted",
            ),
            &[("weight_column", "w")],
        ),
        (
            "class",
            &["--class-weight", "balanced"],
            Some("rows are weighted by class, balanced; metrics are not weighted"),
            &[("class_weight", "balanced")],
        ),
        (
            "both",
            &["--weight-column", "w", "--class-weight", "yes=5,no=0.5"],
            Some(
                "rows are weighted by w, 0 to 1.5; 30 of weight 0 are scored, but not learnt from; and by class, yes=5,no=0.5; metrics are not weighted",
            ),
            &[("weight_column", "w"), ("class_weight", "yes=5,no=0.5")],
        ),
    ] {
        let mut words = vec!["sweep", "--json", "--experiment", experiment];
        words.extend(plain.iter().chain(options));
        let (code, out, error) = output(mltui(home.path(), &uri, &words));
        assert_eq!(code, 0, "{error}");
        let told = error.lines().find(|line| line.contains("weighted by") && !line.contains("excluded"));
        assert_eq!(told, line.map(|line| format!("mltui: claims: {line}")).as_deref(), "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        check("sweep", &said);
        assert_eq!(said["data"]["weights"].is_object(), line.is_some());
        assert_eq!(
            error.contains("claims: w is excluded: the rows are weighted by it"),
            options[0] == "--weight-column"
        );
        metrics.push(said["best"]["metrics"]["val_log_loss"].as_f64().unwrap());
        let (parents, trials) = seen(&uri, experiment);
        for run in parents.iter().chain(&trials) {
            for (name, value) in params {
                assert!(run.params.contains(&((*name).into(), (*value).into())), "{:?}", run.params);
            }
            let is_said = run.params.iter().any(|(name, _)| name.contains("weight"));
            assert_eq!(is_said, !params.is_empty(), "{:?}", run.params);
        }
        // The command that is printed weighs the rows in the same way.
        let command = said["command"].as_str().unwrap();
        assert!(
            params.is_empty() || options.chunks(2).all(|pair| command.contains(&pair.join(" "))),
            "{command}"
        );
        let id = said["sweep"].as_str().unwrap();
        assert_eq!(output(mltui(home.path(), &uri, &["sweeps", "set", id, "--trials", "2"])).0, 0);
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", id]));
        assert_eq!(code, 0, "the same weights: {error}");
        // Other weights are another sweep's.
        let plan = home.path().join(STATE).join(id).join("plan.json");
        let mut header: Value = serde_json::from_slice(&fs::read(&plan).unwrap()).unwrap();
        for (name, _) in params {
            header["plan"].as_object_mut().unwrap().remove(*name).unwrap();
            fs::write(&plan, header.to_string()).unwrap();
            let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", id]));
            assert!(code == 2 && error.contains("trials would not be comparable"), "{error}");
        }
    }
    for (at, one) in metrics.iter().enumerate() {
        assert!(metrics[..at].iter().all(|other| (other - one).abs() > 1e-6), "{metrics:?}");
    }
}

#[test]
fn what_cannot_be_weighted_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let data = claims(home.path()).display().to_string();
    for (options, said) in [
        (
            &["--family", "k_neighbors", "--class-weight", "balanced"][..],
            "k_neighbors does not support weights",
        ),
        (&["--class-weight", "yess=2"], "has no class \"yess\" (did you mean yes?); classes are no, yes"),
        (&["--class-weight", "even"], "expected balanced, none, or weights such as yes=5,no=1"),
        (&["--weight-column", "weight"], "no column \"weight\""),
    ] {
        let words = [&["sweep", "--data", &data, "--target", "y"][..], options].concat();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert!(code == 2 && error.contains(said), "{error}");
    }
}

#[test]
fn settings_say_what_rows_are_weighted_by_and_other_data_are_not_held_to_it() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let data = claims(home.path()).display().to_string();
    let config = format!(
        "[sweep]\ndata = {data:?}\ntarget = 'y'\nweight_column = 'w'\nclass_weight = 'yes=2'\nignore = ['w']\nfolds = 3\n"
    );
    fs::write(home.path().join("c.toml"), config).unwrap();
    let sweep = |more: &[&str]| {
        let words = ["--config", "c.toml", "sweep", "--json", "--trials", "1"];
        let (code, out, error) = output(mltui(home.path(), &uri, &[&words[..], more].concat()));
        assert_eq!(code, 0, "{error}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let own = sweep(&[]);
    assert_eq!(own["data"]["weights"]["column"], "w");
    assert_eq!(own["data"]["weights"]["class_weight"], "yes=2");
    // Of all families those that take weights.
    let command = own["command"].as_str().unwrap();
    assert!(command.contains("--family svm") && !command.contains("k_neighbors"), "{command}");
    let other = sweep(&["--class-weight", "balanced"]);
    assert_eq!(other["data"]["weights"]["class_weight"], "balanced");
    assert_eq!(sweep(&["--class-weight", "none"])["data"]["weights"]["class_weight"], Value::Null);
    assert_eq!(sweep(&["--data", "iris"])["data"]["weights"], Value::Null);
}
