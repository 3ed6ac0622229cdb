//! Sweeps that are paused, continued, cancelled, interrupted and resumed.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use mltui::mlflow::RunStatus;
use mltui::mlflow::filter::parse;
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, RunUpdate, Store, uri};

use crate::support::sweeping::{
    SMALL, STATE, SWEEP, Seen, block_on, local, mltui, output, seen, swept, undisturbed,
};
use crate::support::wait_until;

#[test]
fn a_sweep_is_paused_continued_cancelled_and_resumed() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let words: Vec<&str> = SWEEP.into_iter().chain(["--detach"]).collect();
    let (code, id, error) = output(mltui(home.path(), &uri, &words));
    assert_eq!(code, 0, "{error}");
    let id = id.trim().to_owned();
    let steer = |word: &str| {
        let (code, _, error) = output(mltui(home.path(), &uri, &["sweeps", word, &id]));
        assert_eq!(code, 0, "{word}: {error}");
    };
    let status = || {
        let (_, out, _) = output(mltui(home.path(), &uri, &["sweeps", "--json"]));
        let list: Value = serde_json::from_str(&out).unwrap();
        list[0].clone()
    };
    wait_until("its beginning", || status()["finished"].as_u64() >= Some(1));
    steer("pause");
    wait_until("the pause", || status()["status"] == "paused");
    // In the time of two whole sweeps the fits that are under way end, and then nothing goes on.
    let another = || {
        let home = tempfile::tempdir().unwrap();
        swept(home.path(), &local(home.path()), &SMALL[1..]);
    };
    another();
    let before = status();
    another();
    assert_eq!(status()["finished"], before["finished"], "nothing goes on");
    steer("continue");
    wait_until("more trials", || status()["finished"].as_u64() > before["finished"].as_u64());
    steer("cancel");
    wait_until("its end", || status()["status"] == "cancelled");
    wait_until("its word to the store", || status()["unsent"] == 0);
    assert!(seen(&uri, "iris").1.iter().all(|run| run.ended));
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweeps", "pause", &id]));
    assert!(code == 2 && error.contains("is cancelled"), "{error}");
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&uri, "iris").1, *undisturbed());
}

#[test]
fn an_interrupt_closes_the_runs_and_says_how_to_go_on() {
    let home = tempfile::tempdir().unwrap();
    // A shell would take it for two words.
    let here = home.path().join("it's here");
    std::fs::create_dir(&here).unwrap();
    let uri = local(&here);
    let mut child = mltui(&here, &uri, &SWEEP).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 3);
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    let (parents, trials) = seen(&uri, "iris");
    assert!(parents.iter().chain(&trials).all(|run| run.ended && !run.status.is_active()));
    // A shell that knows of no store carries it out as it was printed.
    let told = said.split('`').nth(1).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_mltui")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", told]).current_dir("/").env_clear().env("HOME", &here).env("USER", "ana");
    shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    let (code, _, error) = output(shell);
    assert_eq!(code, 0, "{told}: {error}");
    assert_eq!(seen(&uri, "iris").1, *undisturbed());
}

/// A sweep of one trial more than it has, its id, and how to resume it.
fn unfinished(home: &Path, uri: &str) -> (String, impl Fn() -> (i32, String)) {
    let said = swept(home, uri, &SMALL[1..]);
    let id = said["sweep"].as_str().unwrap().to_owned();
    let (code, _, error) = output(mltui(home, uri, &["sweeps", "set", &id, "--trials", "3"]));
    assert_eq!(code, 0, "{error}");
    let (home, uri, of) = (home.to_owned(), uri.to_owned(), id.clone());
    let resume = move || {
        let (code, _, error) = output(mltui(&home, &uri, &["sweep", "--resume", &of]));
        (code, error)
    };
    (id, resume)
}

fn opened(uri: &str) -> Store {
    uri::open(&uri::parse(uri, Path::new("/")).unwrap(), &RestOptions::default(), false).unwrap()
}

#[test]
fn a_sweep_whose_run_was_deleted_is_not_resumed() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let (_, resume) = unfinished(home.path(), &uri);
    let store = opened(&uri);
    let parent = block_on(store.search_runs(&RunSearch {
        experiment_ids: vec!["1".into()],
        filter: parse("tags.`mltui.trial` = 'parent'").unwrap(),
        max_results: 10,
        ..RunSearch::default()
    }));
    let parent = parent.unwrap().runs[0].info.run_id.clone();
    block_on(store.delete_run(&parent)).unwrap();
    let (code, error) = resume();
    assert!(code == 1 && error.contains(&format!("the run {parent} of the sweep")), "{error}");
    assert!(error.contains("was deleted; to go on, restore it first"), "{error}");
    assert_eq!(seen(&uri, "iris").1.len(), 2, "nothing is trained");
    block_on(store.restore_run(&parent)).unwrap();
    let (code, error) = resume();
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&uri, "iris").1.len(), 3);
}

#[test]
fn a_sweep_whose_journal_is_lost_does_not_start_over() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let (id, resume) = unfinished(home.path(), &uri);
    let store = opened(&uri);
    let runs = || {
        let search = RunSearch { experiment_ids: vec!["1".into()], max_results: 10, ..RunSearch::default() };
        block_on(store.search_runs(&search)).unwrap().runs
    };
    // As a process leaves one that is killed.
    let left = runs()[0].info.run_id.clone();
    let running = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
    block_on(store.update_run(&left, &running)).unwrap();
    std::fs::remove_file(home.path().join(STATE).join(&id).join("events.jsonl")).unwrap();
    let (code, error) = resume();
    assert!(
        code == 1 && error.contains("has no events, though the store has 3 runs of the sweep"),
        "{error}"
    );
    assert!(error.contains("(1 run that was left running is now KILLED); start a new sweep: "), "{error}");
    assert_eq!(runs().len(), 3, "nothing is trained");
    assert!(runs().iter().all(|run| !run.info.status.is_active()));
}

#[test]
fn a_trial_that_was_pruned_is_carried_on_with_when_somebody_asks() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let said = swept(home.path(), &uri, &SWEEP[1..]);
    let id = said["sweep"].as_str().unwrap();
    let number = undisturbed().iter().position(|trial| trial.status == RunStatus::Killed).unwrap();
    let words = ["sweeps", "retry", id, &number.to_string()];
    let (code, _, error) = output(mltui(home.path(), &uri, &words));
    assert!(code == 0 && error.contains("is finished; this takes effect with"), "{error}");
    let (code, _, error) = output(mltui(home.path(), &uri, &["sweep", "--resume", id]));
    assert_eq!(code, 0, "{error}");
    let trials = seen(&uri, "iris").1;
    let folds = trials[number].points.iter().filter(|(key, _, _)| key == "fold_accuracy").count();
    assert!(trials[number].status == RunStatus::Finished && folds == 5, "{:?}", trials[number]);
    let others = |all: &[Seen]| [&all[..number], &all[number + 1..]].concat();
    assert_eq!(others(&trials), others(undisturbed()));
}
