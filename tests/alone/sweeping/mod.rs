//! Sweeps from outside, into local stores.

mod commands;
mod data;
mod ensembles;
mod folds;
mod killed;
mod slurm;
mod steering;
mod weights;

use std::fs;
use std::path::Path;
use std::process::Command;

use mltui::mlflow::Tag;
use mltui::store::uri;
use mltui::store::uri::RestOptions;

use self::data::found;
use crate::support::sweeping::{
    SMALL, SWEEP, begun, block_on, local, mltui, output, seen, swept, table, undisturbed,
};

#[test]
fn the_same_seed_gives_the_same_trials_whatever_the_jobs() {
    for jobs in ["2", "4", "8"] {
        let home = tempfile::tempdir().unwrap();
        let uri = local(home.path());
        let words: Vec<&str> = SWEEP.into_iter().chain(["--jobs", jobs]).collect();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert_eq!(code, 0, "{error}");
        assert_eq!(seen(&uri, "iris").1, *undisturbed(), "{jobs} jobs");
    }
}

#[test]
fn what_goes_by_no_earlier_trial_takes_any_number_of_jobs() {
    for more in [&["--method", "random", "--no-prune", "--trials", "24"][..], &["--method", "grid"]] {
        let trials = ["1", "24"].map(|jobs| {
            let home = tempfile::tempdir().unwrap();
            let uri = local(home.path());
            let mut words = vec!["sweep", "--data", "iris", "--family", "decision_tree", "--models", "best"];
            words.extend(more);
            words.extend(["--jobs", jobs]);
            let (code, _, error) = output(mltui(home.path(), &uri, &words));
            assert!(code == 0 && !error.contains("earlier trials"), "{error}");
            seen(&uri, "iris").1
        });
        assert!(trials[0].len() >= 18, "{}", trials[0].len());
        assert_eq!(trials[0], trials[1]);
    }
}

#[test]
fn a_sweep_that_is_scored_by_another_metric_than_the_experiment_is_judged_by_says_so() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let told = |metric: &str| {
        let words =
            ["sweep", "--data", "iris", "--family", "naive_bayes", "--trials", "2", "--metric", metric];
        let (code, out, error) = output(mltui(home.path(), &uri, &words));
        assert_eq!(code, 0, "{error}");
        // How the best one did on the rows that were held out is told beside its folds.
        let best = out.lines().find(|line| line.starts_with("best: ")).unwrap();
        assert!(
            best.contains(&format!(", val_{metric} ")) && best.contains(&format!(", test_{metric} ")),
            "{out}"
        );
        // The name of its run and its id lead to each other.
        let place = out.lines().find_map(|line| line.strip_prefix("in the experiment iris as ")).unwrap();
        let (run, id) = place.split_once(", sweep ").unwrap();
        let listed = output(mltui(home.path(), &uri, &["sweeps"])).1;
        assert!(listed.lines().any(|line| line.starts_with(id) && line.contains(run)), "{listed}");
        error
    };
    for (metric, is_told) in [("accuracy", false), ("log_loss", true), ("accuracy", false)] {
        let error = told(metric);
        let words = "\"iris\": runs here are judged by val_accuracy; this sweep is scored by val_log_loss";
        assert_eq!(error.contains(words), is_told, "{error}");
    }
}

#[test]
fn the_printed_command_does_the_same_again() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("it's $HOME \u{1b}]0;x\u{7}\u{202e}!\u{9b}31m");
    fs::create_dir(&folder).unwrap();
    let data = table(&folder, 120).display().to_string();
    let uri = local(home.path());
    let (experiment, mut words) = ("as \"it\" was; 1", vec!["--data", &data, "--target", "sold"]);
    words.extend(["--ignore", "price", "--categorical", "rooms", "--metric", "log_loss", "--folds", "3"]);
    words.extend(["--family", "random_forest", "--family", "logistic", "--seed", "11", "--trials", "6"]);
    words.extend(["--space", "random_forest.max_depth=2..5", "--method", "random", "--test-size", "0.3"]);
    words.extend(["--models", "best", "--experiment", experiment]);
    let said = swept(home.path(), &uri, &words);
    let program = Path::new(env!("CARGO_BIN_EXE_mltui")).parent().unwrap().display().to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let command = said["command"].as_str().unwrap();
    assert!(!command.chars().any(mltui::text::is_hidden), "{command:?} is pasted into a terminal");
    let file = found(home.path(), "command.txt").unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), format!("{command}\n"));
    for name in ["search_space.json", "data.json"] {
        let text = fs::read_to_string(found(home.path(), name).unwrap()).unwrap();
        assert!(text.lines().all(|line| !line.chars().any(mltui::text::is_hidden)), "{text:?} is looked at");
    }
    // In a store of its own, which is empty: it names the one that it was begun in.
    let place = |uri: &str| format!(" --tracking-uri {uri}");
    assert!(command.ends_with(&place(&uri)), "{command}");
    let there = command.replace(&place(&uri), &place(&local(elsewhere.path())));
    let status = Command::new("bash")
        .args(["-c", &there])
        .current_dir(elsewhere.path())
        .env("HOME", elsewhere.path())
        .env("PATH", format!("{program}:/usr/bin:/bin"))
        .status()
        .unwrap();
    assert!(status.success());
    let (before, after) = (seen(&uri, experiment), seen(&local(elsewhere.path()), experiment));
    assert_eq!((before.1.len(), before.1), (6, after.1));
    assert_eq!(before.0[0].points, after.0[0].points);
}

#[test]
fn a_sweep_does_not_go_on_in_a_store_that_is_not_there() {
    let home = tempfile::tempdir().unwrap();
    let (uri, path) = (local(home.path()), home.path().join("mlflow.db"));
    swept(home.path(), &uri, &SMALL[1..]);
    let id = crate::support::sweeping::sweeps(home.path()).remove(0);
    fs::rename(&path, home.path().join("away.db")).unwrap();
    for background in [&[][..], &["--background"]] {
        let words = [&["sweep", "--resume", &id], background].concat();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert!(code != 0 && error.contains("no file"), "{error}");
        assert!(!path.exists());
    }
}

#[test]
fn a_sweep_whose_files_belong_elsewhere_is_refused_before_anything_is_made() {
    let home = tempfile::tempdir().unwrap();
    let (uri, path) = (local(home.path()), home.path().join("mlflow.db"));
    let store = uri::open(&uri::parse(&uri, home.path()).unwrap(), &RestOptions::default(), false).unwrap();
    let id = block_on(store.create_experiment("iris", &[Tag::new("k", "v")])).unwrap();
    for place in ["mlflow-artifacts:/1", "hdfs://host/1", "/somewhere/that/is/not/here/mlruns/1"] {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute(
            "UPDATE experiments SET artifact_location = ?1 WHERE experiment_id = ?2",
            [place, id.as_str()],
        )
        .unwrap();
        let (code, _, error) = output(mltui(home.path(), &uri, &SMALL));
        assert!(code != 0 && error.contains(place), "{error}");
        assert!(error.contains("another experiment"), "it says what to do: {error}");
        assert_eq!(begun(home.path(), &path), (0, 0));
    }
    // An experiment that the sweep makes has its files beside the database.
    let said = swept(home.path(), &uri, &[&SMALL[1..], &["--experiment", "new"]].concat());
    assert_eq!(said["not_kept"]["models"], 0);
    let run = said["best"]["run_id"].as_str().unwrap();
    let files = block_on(store.list_artifacts(&run.into(), "model")).unwrap().files;
    assert!(files.iter().any(|file| file.path == "model/MLmodel"), "{files:?}");
}
