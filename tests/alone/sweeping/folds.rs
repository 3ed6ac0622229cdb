//! Folds in the order of time, by groups, and repeated, from the command line to the store.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::data::found;
use crate::documents::check;
use crate::support::sweeping::{STATE, local, mltui, output, seen};

fn patients(folder: &Path) -> PathBuf {
    let rows: String = (0..120_u32).fold(String::from("day,patient,x,y\n"), |text, row| {
        let day = format!("2026-{:02}-{:02}", 1 + row / 28, 1 + row % 28);
        text + &format!(
            "{day},p{},{},{}\n",
            row * 7 % 15,
            row * 13 % 29,
            f64::from(row * 13 % 29) * 0.5 + 1.0
        )
    });
    let path = folder.join("visits.csv");
    fs::write(&path, rows).unwrap();
    path
}

#[test]
fn folds_by_time_and_by_groups_are_told_logged_and_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let data = patients(home.path()).display().to_string();
    let plain = ["--data", &data, "--target", "y", "--family", "ridge", "--trials", "1", "--folds", "3"];
    for (experiment, options, line, params, parts) in [
        (
            "time",
            &["--time-column", "day"][..],
            "3 folds in the order of day, each trained on what was before; the test set is the latest 24 rows, from 2026-04-13 on",
            &[("time_column", "day")][..],
            3,
        ),
        (
            "group",
            &["--group-column", "patient", "--repeats", "2"],
            "3 folds, 2 times by the 15 groups of patient, of which none is divided; the test set has 3 of them, and 24 rows",
            &[("group_column", "patient"), ("repeats", "2")],
            6,
        ),
        ("repeated", &["--repeats", "4"], "3 folds, 4 times", &[("repeats", "4")], 12),
    ] {
        let mut words = vec!["sweep", "--json", "--experiment", experiment];
        words.extend(plain.iter().chain(options));
        let (code, out, error) = output(mltui(home.path(), &uri, &words));
        assert!(code == 0 && error.contains(&format!("visits: {line}\n")), "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        check("sweep", &said);
        assert_eq!(said["data"]["folds"]["folds"], 3);
        let excluded = options[0] != "--repeats";
        assert_eq!(
            error.contains(&format!("visits: {} is excluded: the folds go by it", options[1])),
            excluded
        );
        let (parents, trials) = seen(&uri, experiment);
        for run in parents.iter().chain(&trials) {
            for (name, value) in params {
                assert!(run.params.contains(&((*name).into(), (*value).into())), "{:?}", run.params);
            }
        }
        assert_eq!(trials[0].points.iter().filter(|(name, ..)| name == "fold_rmse").count(), parts);
        // The command that is printed deals the rows in the same way.
        let command = said["command"].as_str().unwrap();
        assert!(options.chunks(2).all(|pair| command.contains(&pair.join(" "))), "{command}");
        let id = said["sweep"].as_str().unwrap();
        assert_eq!(output(mltui(home.path(), &uri, &["sweeps", "set", id, "--trials", "2"])).0, 0);
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", id]));
        assert_eq!(code, 0, "the same folds: {error}");
        // Other folds are another sweep's.
        let plan = home.path().join(STATE).join(id).join("plan.json");
        let mut header: Value = serde_json::from_slice(&fs::read(&plan).unwrap()).unwrap();
        for (name, _) in params {
            header["plan"].as_object_mut().unwrap().remove(*name).unwrap();
        }
        fs::write(&plan, header.to_string()).unwrap();
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", id]));
        assert!(code == 2 && error.contains("trials would not be comparable"), "{error}");
    }
    assert!(found(home.path(), "data.json").is_some());
}

#[test]
fn settings_say_what_folds_go_by_and_other_data_are_not_held_to_it() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let data = patients(home.path()).display().to_string();
    let config =
        format!("[sweep]\ndata = {data:?}\ntarget = 'y'\ngroup_column = 'patient'\nrepeats = 2\nfolds = 3\n");
    fs::write(home.path().join("c.toml"), config).unwrap();
    let sweep = |more: &[&str]| {
        let words = ["--config", "c.toml", "sweep", "--json", "--family", "decision_tree", "--trials", "1"];
        let (code, out, error) = output(mltui(home.path(), &uri, &[&words[..], more].concat()));
        assert_eq!(code, 0, "{error}");
        serde_json::from_str::<Value>(&out).unwrap()["data"]["folds"].clone()
    };
    assert_eq!(
        (&sweep(&[])["by"], &sweep(&["--time-column", "day", "--repeats", "1"])["by"]),
        (&"group".into(), &"time".into())
    );
    assert_eq!(sweep(&["--data", "iris"])["by"], "chance");
    let words =
        ["sweep", "--data", &data, "--target", "y", "--time-column", "day", "--group-column", "patient"];
    let (code, _, error) = output(mltui(home.path(), &uri, &words));
    assert!(code == 2 && error.contains("cannot be used with"), "{error}");
}
