//! What is asked of a sweep, as the queue takes it and as the journal has it.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::sweep::engine::asked::Asked;
use crate::sweep::engine::journal::{Change, TrialOutcome};
use crate::sweep::engine::pruner::PruneRule;
use crate::sweep::engine::trial::Verdict;

#[test]
fn what_is_asked_is_taken_once_and_known_to_whoever_goes_on() {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let pruner = Pruner::new(PruneRule::Asha, 1, Some(2));
    let rules = Rules { trials: Some(2), jobs: 1, proposals: Proposals::Steady, pruner, ..rules() };
    let (stop, told) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let tell = |event: Event| {
        told.lock().unwrap().push(event);
        Ok(())
    };
    let aim = Aim { at: 0, mode: Mode::Min };
    let queue = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    assert!(!queue.take_changes().unwrap());
    let (first, second) = (queue.take().unwrap().unwrap(), queue.take().unwrap().unwrap());
    assert!(queue.take().unwrap().is_none());
    assert_eq!(queue.watch(0).verdict().unwrap(), Verdict::Continue);
    for change in [
        Change::Prune { trial: 0 },
        Change::Retry { trial: 0 },
        Change::Trials { most: 3 },
        Change::Jobs { jobs: 100 },
    ] {
        folder.ask(change).unwrap();
    }
    assert!(queue.take_changes().unwrap() && !queue.take_changes().unwrap());
    assert_eq!((queue.watch(0).verdict().unwrap(), queue.jobs()), (Verdict::Prune, LAG));
    queue.end(first.number, TrialEnd::Pruned).unwrap();
    queue.end(second.number, TrialEnd::Failed("exit code 1".into())).unwrap();
    assert_eq!(queue.take().unwrap().unwrap().number, 2);
    folder.ask(Change::Retry { trial: 1 }).unwrap();
    folder.ask(Change::Retry { trial: 0 }).unwrap();
    queue.take_changes().unwrap();
    // The first that was begun anew was pruned, and is judged by no rule.
    let again = queue.take().unwrap().unwrap();
    assert_eq!((again.number, again.retries), (0, 1));
    let watch = queue.watch(0);
    assert_eq!(watch.steps(2, &[(1, Some(9.0))], false).unwrap(), Verdict::Continue);
    assert_eq!(queue.watch(2).steps(1, &[(1, Some(10.0))], false).unwrap(), Verdict::Prune);
    // A process that goes on knows the same, and takes nothing twice.
    let known = SweepState::of(&told.lock().unwrap());
    assert_eq!(known.asked, Asked { taken: 6, trials: Some(3), jobs: Some(100) });
    assert_eq!(known.trials.iter().filter(|trial| trial.is_under_way()).count(), 3);
    let before = told.lock().unwrap().len();
    let queue = Queue::new(&rules, aim, &folder, known, &stop, &tell);
    assert!(!queue.take_changes().unwrap() && told.lock().unwrap().len() == before);
    let left: Vec<(usize, u32)> =
        std::iter::from_fn(|| queue.take().unwrap()).map(|trial| (trial.number, trial.retries)).collect();
    assert_eq!(left, [(0, 1), (1, 1), (2, 0)], "and no fourth");
}

#[test]
fn a_trial_counts_from_its_last_attempt_and_its_end_tells_which_that_was() {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let rules = Rules { trials: Some(2), jobs: 1, max_failures: None, ..rules() };
    let (stop, told) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let tell = |event: Event| {
        // As a process that goes on reads it.
        let line = serde_json::to_string(&event).unwrap();
        told.lock().unwrap().push(serde_json::from_str::<Event>(&line).unwrap());
        Ok(())
    };
    let aim = Aim { at: 0, mode: Mode::Min };
    let queue = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    let trial = queue.take().unwrap().unwrap().number;
    queue.watch(trial).is_at(1, Some(5)).unwrap();
    assert_eq!(told.lock().unwrap().len(), 1, "the first goes without saying");
    queue.watch(trial).is_at(2, Some(7)).unwrap();
    queue.watch(trial).is_at(2, Some(7)).unwrap();
    assert_eq!(SweepState::of(&told.lock().unwrap()).trials[trial].started, 7);
    assert!(!queue.has_failed(), "it is under way");
    queue.end(trial, TrialEnd::Failed("exit code 1".into())).unwrap();
    assert!(queue.has_failed());
    folder.ask(Change::Prune { trial: 1 }).unwrap();
    folder.ask(Change::Retry { trial }).unwrap();
    let second = queue.take().unwrap().unwrap().number;
    queue.take_changes().unwrap();
    queue.end(second, TrialEnd::Pruned).unwrap();
    let events = told.lock().unwrap();
    let ended = |event: &Event| match &event.kind {
        EventKind::Ended { trial, attempt, outcome } => Some((*trial, *attempt, outcome.clone())),
        _ => None,
    };
    let ended: Vec<_> = events.iter().filter_map(ended).collect();
    assert_eq!((ended[0].0, ended[0].1), (trial, Some(2)));
    let pruned = TrialOutcome::Pruned { reports: 0, means: Vec::new(), is_by_hand: true };
    assert_eq!(ended[1], (second, None, pruned));
    let state = SweepState::of(&events);
    assert!(state.trials[trial].started > 7, "it waits for the next attempt from there on");
    // Older versions told neither.
    let old = r#"{"at":9,"event":"ended","trial":0,"outcome":"pruned","folds":2,"means":[1.0]}"#;
    let outcome = TrialOutcome::Pruned { reports: 2, means: vec![Some(1.0)], is_by_hand: false };
    let expected = Event { at: 9, kind: EventKind::Ended { trial: 0, attempt: None, outcome } };
    assert_eq!(serde_json::from_str::<Event>(old).unwrap(), expected);
}
