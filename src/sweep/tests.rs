//! The parts of a sweep, each by itself.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::engine::state::Course;
use super::executor::threads::Trainer;
use super::plan::Wish;
use super::search::{LAG, Method, Search, Tried};
use crate::learn::data::Task;
use crate::learn::families::{Shape, find, space};
use crate::params::Value;

#[test]
fn a_proposal_depends_on_what_has_ended_for_sure_and_finds_the_better_half() {
    let shape = Shape { task: Task::Regression, rows: 1000, features: 10 };
    let ridge = space(find("ridge").unwrap(), shape);
    let search = Search::new(Method::Tpe, 4, vec![ridge.clone()], 3);
    let mut tried: Vec<Tried> = Vec::new();
    let mut late = 0.0;
    for number in 0..60_usize {
        let known = &tried[..number.saturating_sub(LAG - 1).min(tried.len())];
        let proposal = search.propose(number, known).unwrap();
        assert_eq!(search.propose(number, known), Some(proposal.clone()), "the same each time");
        let Some(Value::Real(alpha)) = proposal.params.get("alpha") else { panic!("{proposal:?}") };
        // Best at 100.
        let loss = (alpha.ln() - 100_f64.ln()).abs();
        if number >= 40 {
            late += loss / 20.0;
        }
        tried.push(Tried { proposal, loss: Some(loss) });
    }
    assert!(late < 2.0, "by chance it would be 3.6 on average: {late}");
    let grid = Search::new(Method::Grid, 4, vec![ridge], 5);
    assert_eq!(grid.length(), Some(5));
    assert_eq!(grid.propose(5, &[]), None);
}

#[test]
fn where_one_worker_cannot_go_on_none_waits_for_its_trial() {
    use super::engine::journal::{Event, Folder, What};
    let here = tempfile::tempdir().unwrap();
    let folder = Folder { path: here.path().to_owned() };
    let families = vec!["naive_bayes".into()];
    let wish =
        Wish { data: "iris".into(), families, method: Method::Tpe, trials: Some(20), ..Wish::default() };
    let (plan, study) = wish.decide().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    for panics in [false, true] {
        let tell = |event: Event| match event.what {
            What::Started { trial: 1, .. } if panics => panic!("on purpose"),
            What::Started { trial: 1, .. } => Err(std::io::Error::other("no room")),
            _ => Ok(()),
        };
        let trainer = Trainer::new(&plan, &study, &folder, Course::default(), &stop, &tell);
        let error = trainer.run(3).unwrap_err().to_string();
        assert_eq!(error, if panics { "a worker broke down" } else { "no room" });
    }
}

#[test]
fn without_families_those_that_fit_are_tried() {
    let few = Wish { data: "diabetes".into(), ..Wish::default() };
    assert!(few.decide().is_ok_and(|(plan, _)| plan.spaces.len() > 5));
}
