#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Mutex;

use super::*;
use crate::sweep::engine::curve::StepValue;
use crate::sweep::request::SweepRequest;

/// Says the same after each report, and keeps them.
struct Watcher {
    verdicts: Mutex<Vec<Verdict>>,
    reports: Mutex<Vec<TrialReport>>,
}

impl TrialWatch for Watcher {
    fn verdict(&self) -> io::Result<Verdict> {
        Ok(self.verdicts.lock().unwrap().pop().unwrap_or(Verdict::Continue))
    }

    fn is_called_off(&self) -> bool {
        false
    }

    fn is_unwanted(&self) -> bool {
        false
    }

    fn is_at(&self, _: u32, _: Option<i64>) -> io::Result<()> {
        Ok(())
    }

    fn is_lowest(&self) -> bool {
        true
    }

    fn is_ahead(&self, _: usize) -> bool {
        false
    }

    fn steps(&self, _: u32, _: &[StepValue], _: bool) -> io::Result<Verdict> {
        self.verdict()
    }

    fn report(&self, report: TrialReport) -> io::Result<()> {
        self.reports.lock().unwrap().push(report);
        Ok(())
    }
}

fn watcher(verdicts: &[Verdict]) -> Watcher {
    let verdicts = verdicts.iter().rev().copied().collect();
    Watcher { verdicts: Mutex::new(verdicts), reports: Mutex::new(Vec::new()) }
}

#[test]
fn a_trial_is_its_folds_and_a_model_and_ends_as_it_is_told() {
    let here = tempfile::tempdir().unwrap();
    let request = SweepRequest {
        data: "iris".into(),
        families: vec!["naive_bayes".into()],
        folds: Some(3),
        ..SweepRequest::default()
    };
    let (plan, data) = request.decide().unwrap();
    let params = plan.rules.spaces[0].defaults();
    let of_table = plan.trial.tabular().unwrap().clone();
    let tabular = Tabular::new(&plan, of_table, data, SweepFolder { path: here.path().to_owned() });
    let trial = |family: &str, reports: &[Values]| Trial {
        number: 4,
        proposal: crate::sweep::search::Proposal::new(family, params.clone()),
        reports: reports.to_vec(),
        has_last: false,
        retries: 0,
    };
    let run = |trial: &Trial, verdicts: &[Verdict]| {
        let watcher = watcher(verdicts);
        let end = tabular.run(trial, &watcher).unwrap();
        (end, watcher.reports.into_inner().unwrap())
    };
    let (end, whole) = run(&trial("naive_bayes", &[]), &[]);
    assert_eq!(end, TrialEnd::Finished);
    assert!(matches!(
        whole[..],
        [TrialReport::Step(_), TrialReport::Step(_), TrialReport::Step(_), TrialReport::Last(_)]
    ));
    assert!(here.path().join("trials/4/model.onnx").is_file());
    // It goes on behind what is reported already.
    let TrialReport::Step(first) = &whole[0] else { panic!() };
    let (end, rest) = run(&trial("naive_bayes", std::slice::from_ref(&first.values)), &[]);
    assert_eq!((end, rest.len()), (TrialEnd::Finished, 3));
    let (end, none) = run(&trial("naive_bayes", &[]), &[Verdict::Continue, Verdict::Prune]);
    assert_eq!((end, none.len()), (TrialEnd::Pruned, 1));
    let (end, none) = run(&trial("naive_bayes", &[]), &[Verdict::Cancel]);
    assert_eq!((end, none.len()), (TrialEnd::Cancelled, 0));
    let (end, _) = run(&trial("x", &[]), &[]);
    assert_eq!(end, TrialEnd::Failed("no family \"x\"".into()));
}

#[test]
fn an_ensemble_is_weighed_once_and_ends_wherever_it_is_called_off() {
    let here = tempfile::tempdir().unwrap();
    let request = SweepRequest {
        data: "iris".into(),
        families: vec!["naive_bayes".into(), "decision_tree".into()],
        folds: Some(3),
        ..SweepRequest::default()
    };
    let (plan, data) = request.decide().unwrap();
    let of_table = plan.trial.tabular().unwrap().clone();
    let members = plan.rules.spaces.iter().enumerate().map(|(trial, space)| {
        let (family, params) = (space.family.clone(), space.defaults());
        crate::sweep::search::Member { trial, family, params }
    });
    let proposal = crate::sweep::search::Proposal::ensemble(members.collect());
    let tabular = Tabular::new(&plan, of_table, data, SweepFolder { path: here.path().to_owned() });
    let trial = Trial { number: 2, proposal, reports: Vec::new(), has_last: false, retries: 0 };
    let run = |verdicts: &[Verdict]| {
        let watcher = watcher(verdicts);
        let end = tabular.run(&trial, &watcher).unwrap();
        let left = watcher.verdicts.into_inner().unwrap().len();
        (end, watcher.reports.into_inner().unwrap().len(), verdicts.len() - left)
    };
    let most = [Verdict::Continue; 50];
    // Before each of two fits of three folds.
    let (end, reports, asked) = run(&most);
    assert_eq!((end, reports), (TrialEnd::Finished, 4));
    let (end, _, again) = run(&most);
    assert_eq!((end, asked - again), (TrialEnd::Finished, 6), "what members say is kept");
    // Weights of each fold and of the model, the reports, and those members that count.
    assert!((8..=9).contains(&again), "{again}");
    for at in 0..again {
        let (end, reports, _) = run(&[&most[..at], &[Verdict::Cancel]].concat());
        assert_eq!(end, TrialEnd::Cancelled, "{at}");
        assert_eq!(reports, at.saturating_sub(4).min(3), "{at}");
    }
}
