//! The parts of a sweep, each by itself.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod begin;
mod changing;
mod ensembles;
mod halving;

use crate::learn::data::Task;
use crate::learn::families::{DataShape, find};
use crate::params::{Dimension, ParamValue, Params};
use crate::sweep::engine::journal::{Event, EventKind, SweepFolder};
use crate::sweep::engine::pruner::Pruner;
use crate::sweep::engine::queue::Queue;
use crate::sweep::engine::rules::{Aim, Mode, Proposals, Rules};
use crate::sweep::engine::state::SweepState;
use crate::sweep::engine::trial::{Measured, Trial, TrialEnd, TrialReport, TrialWatch};
use crate::sweep::executor::{Executor, Threads};
use crate::sweep::objective::tabular::Tabular;
use crate::sweep::request::SweepRequest;
use crate::sweep::search::{
    FamilyChoice, FamilySpace, LAG, Method, Observation, Proposal, Proposer, Startup,
};

#[test]
fn a_proposal_depends_on_what_has_ended_for_sure_and_finds_the_better_half() {
    let shape = DataShape { task: Task::Regression, rows: 1000, features: 10 };
    let dimensions = find("ridge").unwrap().search_space(shape);
    let ridge = FamilySpace { family: "ridge".into(), dimensions };
    let search = Proposer::new(Method::Tpe, 4, vec![ridge.clone()], 3);
    let mut tried: Vec<(Proposal, f64)> = Vec::new();
    let mut late = 0.0;
    for number in 0..60_usize {
        let known = &tried[..number.saturating_sub(LAG - 1).min(tried.len())];
        let known = known.iter().map(|(proposal, loss)| Observation { proposal, loss: Some(*loss) });
        let known: Vec<Observation<'_>> = known.collect();
        let proposal = search.propose(number, &known).unwrap();
        assert_eq!(search.propose(number, &known), Some(proposal.clone()), "the same each time");
        let Some(ParamValue::Real(alpha)) = proposal.params.get("alpha") else { panic!("{proposal:?}") };
        // Best at 100.
        let loss = (alpha.ln() - 100_f64.ln()).abs();
        if number >= 40 {
            late += loss / 20.0;
        }
        tried.push((proposal, loss));
    }
    assert!(late < 2.0, "by chance it would be 3.6 on average: {late}");
    let grid = Proposer::new(Method::Grid, 4, vec![ridge], 5);
    assert_eq!(grid.length(), Some(5));
    assert_eq!(grid.propose(5, &[]), None);
}

#[test]
fn where_one_worker_cannot_go_on_none_waits_for_its_trial() {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let families = vec!["naive_bayes".into()];
    let request = SweepRequest {
        data: "iris".into(),
        families,
        method: Method::Tpe,
        trials: Some(20),
        ..SweepRequest::default()
    };
    let (mut plan, data) = request.decide().unwrap();
    plan.rules.jobs = 3;
    let of_table = plan.trial.tabular().unwrap().clone();
    let objective = Tabular::new(&plan, of_table, data, folder.clone());
    let stop = std::sync::atomic::AtomicBool::new(false);
    for panics in [false, true] {
        let tell = |event: Event| match event.kind {
            EventKind::Started { trial: 1, .. } if panics => panic!("on purpose"),
            EventKind::Started { trial: 1, .. } => Err(std::io::Error::other("no room")),
            _ => Ok(()),
        };
        let queue = Queue::new(&plan.rules, plan.aim(), &folder, SweepState::default(), &stop, &tell);
        let error = Threads.run(&queue, &objective).unwrap_err().to_string();
        assert_eq!(error, if panics { "a worker panicked" } else { "no room" });
    }
}

/// Of a command with one param.
fn rules() -> Rules {
    let dimension = Dimension::real("lr", 1e-4, 1.0, 0.5).log();
    Rules {
        metric: "loss".into(),
        mode: Mode::Min,
        spaces: vec![FamilySpace { family: "trial".into(), dimensions: vec![dimension] }],
        method: Method::Tpe,
        grid_points: 3,
        trials: None,
        seconds: None,
        seed: 3,
        pruner: Pruner::None,
        jobs: 32,
        ensemble: false,
        proposals: Proposals::Eager,
        startup: Startup::Random,
        families: FamilyChoice::Ranked,
        max_failures: Some(2),
    }
}

#[test]
fn eager_proposals_wait_for_nobody_and_differ_from_what_is_under_way() {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let rules = rules();
    let (stop, tell) = (std::sync::atomic::AtomicBool::new(false), |_: Event| Ok(()));
    let aim = Aim { at: 0, mode: Mode::Min };
    let queue = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    let lr = |trial: &Trial| match trial.proposal.params["lr"] {
        ParamValue::Real(value) => value.log10(),
        _ => f64::NAN,
    };
    for _ in 0..30 {
        let trial = queue.take().unwrap().unwrap();
        let values = vec![Some((lr(&trial) + 2.0).abs())];
        let measured = Measured {
            values,
            fit_seconds: 0.0,
            predict_seconds: 0.0,
            curve: Vec::new(),
            params: Params::new(),
        };
        queue.watch(trial.number).report(TrialReport::Step(measured)).unwrap();
        queue.end(trial.number, TrialEnd::Finished).unwrap();
    }
    // So many at once, where the built-in search would wait for the first of them.
    let under_way: Vec<f64> = (0..LAG * 2).map(|_| lr(&queue.take().unwrap().unwrap())).collect();
    let mut apart = under_way.clone();
    apart.sort_by(f64::total_cmp);
    assert!(apart.windows(2).all(|pair| pair[0] < pair[1]), "{apart:?}");
    let near = under_way.iter().filter(|lr| (*lr + 2.0).abs() < 1.0).count();
    assert!(near > LAG, "by chance it would be half of them: {under_way:?}");
    for (number, message) in [(30, "exit code 1: lr 0.5 is bad"), (31, "exit code 1: lr 1e-3 is bad")] {
        queue.end(number, TrialEnd::Failed(message.into())).unwrap();
    }
    assert!(!queue.is_given_up(), "others came to something");
    let queue = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    for message in ["exit code 1: lr 0.5 is bad\nmore", "exit code 1: lr 0.25 is bad\nother"] {
        let trial = queue.take().unwrap().unwrap();
        queue.end(trial.number, TrialEnd::Failed(message.into())).unwrap();
    }
    assert!(queue.is_given_up() && queue.take().unwrap().is_none());
}

#[test]
fn without_families_those_that_fit_are_tried() {
    let few = SweepRequest { data: "diabetes".into(), ..SweepRequest::default() };
    assert!(few.decide().is_ok_and(|(plan, _)| plan.rules.spaces.len() > 5));
}
