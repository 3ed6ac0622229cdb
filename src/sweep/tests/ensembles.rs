//! A trial that averages others: when it comes, and what is counted.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::sweep::engine::ensemble::searched;
use crate::sweep::engine::journal::Change;
use crate::sweep::engine::trial::Verdict;
use crate::sweep::search::{ENSEMBLE, Member};

fn spaces() -> Vec<FamilySpace> {
    ["a", "b", "c"]
        .map(|family| {
            let dimension = Dimension::real("x", 0.0, 1.0, 0.5);
            FamilySpace { family: family.into(), dimensions: vec![dimension] }
        })
        .to_vec()
}

fn measured(value: f64) -> Measured {
    let (values, curve, params) = (vec![Some(value)], Vec::new(), Params::new());
    Measured { values, fit_seconds: 0.0, predict_seconds: 0.0, curve, params }
}

/// Takes all trials that there are, and ends each with its place in the alphabet.
fn work(queue: &Queue<'_>) -> Vec<Trial> {
    let mut done = Vec::new();
    while let Some(trial) = queue.take().unwrap() {
        let value = f64::from(trial.proposal.family.as_bytes()[0]);
        queue.watch(trial.number).report(TrialReport::Step(measured(value))).unwrap();
        queue.end(trial.number, TrialEnd::Finished).unwrap();
        done.push(trial);
    }
    done
}

#[test]
fn an_ensemble_comes_behind_all_others_once_and_takes_no_place_of_theirs() {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let rules = Rules {
        method: Method::Random,
        spaces: spaces(),
        trials: Some(4),
        ensemble: true,
        max_failures: None,
        ..rules()
    };
    let (stop, told) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let tell = |event: Event| {
        let line = serde_json::to_string(&event).unwrap();
        told.lock().unwrap().push(serde_json::from_str::<Event>(&line).unwrap());
        Ok(())
    };
    let aim = Aim { at: 0, mode: Mode::Max };
    let queue = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    assert!(!queue.begin_ensemble().unwrap(), "there is nothing to average");
    let first = work(&queue);
    assert_eq!(first.len(), 4);
    assert!(queue.begin_ensemble().unwrap());
    let ensemble = queue.take().unwrap().unwrap();
    assert!(queue.take().unwrap().is_none(), "it is the only one");
    assert_eq!((ensemble.number, ensemble.proposal.family.as_str()), (4, ENSEMBLE));
    let names: Vec<String> = ensemble.proposal.members.iter().map(Member::name).collect();
    assert_eq!(names[0], "c-2");
    assert_eq!(ensemble.proposal.params["members"].to_string(), names.join(", "));
    // What is killed here goes on as it was.
    let known = SweepState::of(&told.lock().unwrap());
    assert_eq!((known.trials.len(), searched(&known.trials)), (5, 4));
    let again = Queue::new(&rules, aim, &folder, known, &stop, &tell);
    assert_eq!(again.take().unwrap().unwrap(), ensemble);
    let found = Params::from([("weights".to_owned(), ParamValue::Text("c-2: 1".into()))]);
    let report =
        Measured { params: found.clone(), fit_seconds: 0.5, predict_seconds: 0.25, ..measured(-9.0) };
    queue.watch(4).report(TrialReport::Step(report)).unwrap();
    assert_eq!(queue.watch(4).verdict().unwrap(), Verdict::Continue);
    queue.end(4, TrialEnd::Finished).unwrap();
    assert!(!queue.begin_ensemble().unwrap(), "the same would come of it");
    let known = SweepState::of(&told.lock().unwrap());
    assert_eq!(known.trials[4].seconds.to_bits(), 0.75_f64.to_bits(), "what is reported adds up");
    assert_eq!(known.trials[4].proposal.as_ref().unwrap().params["weights"], found["weights"]);
    // Further trials are those that would have come anyway, and another ensemble is one of them too.
    folder.ask(Change::Trials { most: 6 }).unwrap();
    assert!(queue.take_changes().unwrap());
    assert!(!queue.watch(3).is_ahead(5), "what it tries is not told by its number");
    let more = work(&queue);
    assert_eq!(more.iter().map(|trial| trial.number).collect::<Vec<_>>(), [5, 6]);
    let proposer = rules.proposer();
    for (trial, number) in more.iter().zip([4, 5]) {
        assert_eq!(trial.proposal, proposer.propose(number, &[]).unwrap());
    }
    assert_eq!(queue.end_of_trials(), Some(7));
}

#[test]
fn no_rule_prunes_an_ensemble_and_without_time_left_nothing_else_begins() {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let pruner = Pruner::Median { min_trials: 2, min_steps: 1 };
    let rules = Rules {
        method: Method::Random,
        spaces: spaces(),
        trials: Some(8),
        pruner,
        ensemble: true,
        seconds: Some(1e-9),
        ..rules()
    };
    let (stop, tell) = (AtomicBool::new(false), |_: Event| Ok(()));
    let aim = Aim { at: 0, mode: Mode::Max };
    let late = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    assert!(late.take().unwrap().is_none() && !late.begin_ensemble().unwrap());
    let rules = Rules { seconds: Some(1000.0), ..rules };
    let queue = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    let done = work(&queue);
    assert_eq!(done.len(), 8);
    assert!(queue.begin_ensemble().unwrap());
    let number = queue.take().unwrap().unwrap().number;
    for _ in 0..2 {
        queue.watch(number).report(TrialReport::Step(measured(-1.0))).unwrap();
        assert_eq!(queue.watch(number).verdict().unwrap(), Verdict::Continue);
    }
    // It is called off as any other.
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(queue.watch(number).verdict().unwrap(), Verdict::Cancel);
    assert!(!queue.begin_ensemble().unwrap());
}

#[test]
fn trials_leave_an_ensemble_the_time_that_its_members_took() {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let rules =
        Rules { method: Method::Random, spaces: spaces(), seconds: Some(100.0), ensemble: true, ..rules() };
    let (stop, tell) = (AtomicBool::new(false), |_: Event| Ok(()));
    let aim = Aim { at: 0, mode: Mode::Max };
    for (took, goes_on) in [(10.0, true), (60.0, false), (f64::MAX, false)] {
        let mut past = SweepState::default();
        for space in spaces().iter().take(2) {
            past.trials.push(crate::sweep::engine::state::TrialState {
                proposal: Some(Proposal::new(space.family.clone(), Params::new())),
                outcome: Some(crate::sweep::engine::journal::TrialOutcome::Finished {
                    means: vec![Some(1.0)],
                    deviations: vec![Some(0.0)],
                }),
                // How long it was paused does not count.
                started: 1,
                ended: 100_000_000,
                seconds: took,
                ..Default::default()
            });
        }
        let queue = Queue::new(&rules, aim, &folder, past.clone(), &stop, &tell);
        assert_eq!(queue.take().unwrap().is_some(), goes_on, "{took}");
        let alone = Rules { ensemble: false, ..rules.clone() };
        let queue = Queue::new(&alone, aim, &folder, past, &stop, &tell);
        assert!(queue.take().unwrap().is_some(), "{took}");
    }
}
