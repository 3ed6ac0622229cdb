//! `mltui migrate` as scripts call it, killed in the middle and called again.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use mltui::mlflow::{Metric, Param, RunStatus, Tag, ViewType};
use mltui::store::pages::each_page;
use mltui::store::uri::{self, RestOptions};
use mltui::store::{RunSearch, RunUpdate, Store};
use serde_json::Value;

use crate::support::commands::{json, mltui, printed, refused, text};
use crate::support::stores::{block_on, new_run, open};
use crate::support::wait_until;

const RUNS: usize = 40;

/// A database with runs that have points and files.
fn filled(folder: &Path) {
    let store = open(&format!("sqlite:///{}", folder.join("mlflow.db").display()));
    block_on(async {
        let experiment = store.create_experiment("wine", &[Tag::new("k", "v")]).await.unwrap();
        for number in 0..RUNS {
            let new = new_run(&experiment, &format!("run-{number}"), number as i64);
            let id = store.create_run(&new).await.unwrap().info.run_id;
            let point = |step: i64| Metric { key: "loss".into(), value: 0.5, timestamp: step, step };
            let points: Vec<Metric> = (0..100).map(point).collect();
            store.log_batch(&id, &points, &[Param::new("lr", number.to_string())], &[]).await.unwrap();
            if number % 2 == 0 {
                store.write_artifact(&id, "plots/a.txt", &vec![b'a'; 5_000]).await.unwrap();
            }
            let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9), run_name: None };
            store.update_run(&id, &end).await.unwrap();
        }
    });
}

fn runs(store: &Store) -> Vec<mltui::mlflow::Run> {
    looked_for(store).unwrap()
}

/// The same while somebody makes the store.
fn looked_for(store: &Store) -> mltui::store::Result<Vec<mltui::mlflow::Run>> {
    block_on(async {
        let mut found = Vec::new();
        for experiment in store.search_experiments(ViewType::All).await? {
            let search = RunSearch {
                experiment_ids: vec![experiment.experiment_id],
                view: ViewType::All,
                max_results: 1_000,
                ..RunSearch::default()
            };
            each_page(store, search, usize::MAX, |runs| found.extend(runs)).await?;
        }
        Ok(found)
    })
}

fn started(folder: &Path, to: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.args(["migrate", "sqlite:///mlflow.db", to, "--json"]);
    command.current_dir(folder).env_clear().env("HOME", folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_copy_that_is_killed_goes_on_and_copies_nothing_twice() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    for to in ["./mlruns-copy", "sqlite:///copy.db"] {
        let path = home.path().join(to.trim_start_matches("sqlite:///"));
        let there = || {
            // It may be about to be made.
            let place = uri::parse(&path.display().to_string(), Path::new("/")).ok();
            let store = place.filter(|_| path.exists());
            let store = store.and_then(|place| uri::open(&place, &RestOptions::default(), false).ok());
            store.and_then(|store| looked_for(&store).ok()).map_or(0, |runs| runs.len())
        };
        for count in [1, 12, 27] {
            let mut child = started(home.path(), to);
            wait_until("some runs", || there() >= count || child.try_wait().unwrap().is_some());
            child.kill().unwrap();
            child.wait().unwrap();
            for run in runs(&open(&path.display().to_string())) {
                // The mark goes last: in a folder that is a step of its own.
                let is_whole = run.tag("mltui.migrating").is_none();
                assert!(!is_whole || run.info.status == RunStatus::Finished, "{run:?}");
            }
        }
        let before = runs(&open(&path.display().to_string()));
        let whole = before.iter().filter(|run| run.tag("mltui.migrating").is_none()).count();
        let report = json(home.path(), &["migrate", "sqlite:///mlflow.db", to, "--json", "--verify"]);
        assert_eq!(report["copied"]["runs"], RUNS - whole, "{report}");
        assert_eq!((&report["same"], &report["problems"]), (&Value::from(true), &serde_json::json!([])));
        let count = |kind: &str| {
            let checked = report["checked"].as_array().unwrap().iter().find(|it| it["what"] == kind);
            checked.unwrap()["to"]["count"].as_u64().unwrap() as usize
        };
        assert_eq!((count("runs"), count("metric points"), count("files")), (RUNS, RUNS * 100, RUNS / 2));
        let again = json(home.path(), &["migrate", "sqlite:///mlflow.db", to, "--json"]);
        assert_eq!(again["copied"]["runs"], 0);
        assert_eq!(again["copied"]["files"], 0);
        assert_eq!(runs(&open(&path.display().to_string())).len(), RUNS);
    }
    // The copy beside it has files of its own.
    let source = open(&format!("sqlite:///{}", home.path().join("mlflow.db").display()));
    let copy = open(&format!("sqlite:///{}", home.path().join("copy.db").display()));
    for run in runs(&source) {
        let _ = std::fs::remove_dir_all(&run.info.artifact_uri);
    }
    let has_file = |run: &mltui::mlflow::Run| {
        let read = block_on(copy.read_artifact(&run.info.run_id, "plots/a.txt", 9_000));
        read.is_ok_and(|content| content.len() == 5_000)
    };
    assert_eq!(runs(&copy).iter().filter(|run| has_file(run)).count(), RUNS / 2);
}

#[test]
fn what_would_be_copied_and_what_stands_in_the_way_is_said() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path());
    let words = ["migrate", "sqlite:///mlflow.db", "./copy"];
    let preview = json(home.path(), &[&words[..], &["--dry-run", "--json"]].concat());
    let wine = preview["experiments"].as_array().unwrap().iter().find(|it| it["name"] == "wine").unwrap();
    assert_eq!((&wine["runs"], &wine["files"], &wine["there"]), (&40.into(), &20.into(), &"new".into()));
    assert_eq!(wine["bytes"], 100_000);
    assert!(!home.path().join("copy").exists(), "nothing was made");
    let told = printed(home.path(), &[&words[..], &["--dry-run"]].concat());
    assert!(told.contains("nothing was written") && told.contains("wine"), "{told}");
    let told = printed(home.path(), &[&words[..], &["--no-artifacts", "--experiment", "wine"]].concat());
    assert!(told.contains("40 runs") && told.contains("metric points") && told.contains("same"), "{told}");
    // Files that were left out come later.
    let later = json(home.path(), &[&words[..], &["--json"]].concat());
    assert_eq!((&later["copied"]["files"], &later["same"]), (&20.into(), &true.into()));
    // Something else by then.
    let store = open(&home.path().join("copy").display().to_string());
    let id = runs(&store)[0].info.run_id.clone();
    block_on(store.set_tag(&id, &Tag::new("team", "another"))).unwrap();
    let output = mltui(home.path(), &words);
    assert_eq!(output.status.code(), Some(6));
    let error = text(&output.stderr);
    assert!(error.contains(id.as_str()) && error.contains("tags"), "{error}");
    assert!(text(&output.stdout).contains("differs"));
    // A name that others have.
    let other = open(&format!("sqlite:///{}", home.path().join("other.db").display()));
    block_on(other.create_experiment("wine", &[])).unwrap();
    let (code, error) = refused(home.path(), &["migrate", "sqlite:///mlflow.db", "sqlite:///other.db"]);
    assert!(code == 2 && error.contains("--merge") && error.contains("\"wine\""), "{code}: {error}");
    let (code, error) = refused(home.path(), &["migrate", "sqlite:///mlflow.db", "sqlite:///./mlflow.db"]);
    assert!(code == 2 && error.contains("itself"), "{code}: {error}");
    let (code, error) = refused(home.path(), &["migrate", "sqlite:///absent.db", "./copy"]);
    assert!(code == 3 && error.contains("absent.db"), "{code}: {error}");
    let none = ["migrate", "sqlite:///mlflow.db", "./copy", "--experiment", "beer"];
    assert_eq!(refused(home.path(), &none).0, 3);
}
