//! Sweeps that are paused, continued, cancelled, interrupted and resumed.

use std::process::{Command, Stdio};

use serde_json::Value;

use mltui::mlflow::RunStatus;

use crate::support::sweeping::{SMALL, SWEEP, Seen, local, mltui, output, seen, swept, undisturbed};
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
    let uri = local(home.path());
    let mut child = mltui(home.path(), &uri, &SWEEP).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some trials", || seen(&uri, "iris").1.len() >= 3);
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &process]).status().unwrap().success());
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    assert!(said.contains("sweep --resume"), "{said}");
    let (parents, trials) = seen(&uri, "iris");
    assert!(parents.iter().chain(&trials).all(|run| run.ended && !run.status.is_active()));
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
