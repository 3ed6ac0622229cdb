//! Which trials the last one averages, where a sweep is to end with one that does.

use std::time::Duration;

use super::rules::{Aim, Rules};
use super::state::TrialState;
use crate::sweep::search::{Member, Proposal};

/// So many trials are averaged, at most and at least.
const MOST: usize = 5;
const FEWEST: usize = 2;

impl TrialState {
    /// Whether it averages other trials.
    pub fn is_ensemble(&self) -> bool {
        self.proposal.as_ref().is_some_and(Proposal::is_ensemble)
    }

    /// Whether no rule prunes it: an ensemble has its folds scored when all are fitted.
    pub fn is_spared(&self) -> bool {
        self.is_spared || self.is_ensemble()
    }
}

impl Rules {
    /// Why no ensemble will come of it, where one is wished: what one does, and what of that the sweep does not have.
    pub fn lacks_families(&self) -> Option<String> {
        let families: Vec<&str> = self.spaces.iter().map(|space| space.family.as_str()).collect();
        (self.ensemble && families.len() < FEWEST).then(|| {
            format!(
                "averages the best trials of {FEWEST} families or more; this sweep has {}",
                families.join(", ")
            )
        })
    }
}

/// How many of the trials were searched, and average no others.
pub fn searched(trials: &[TrialState]) -> usize {
    trials.iter().filter(|trial| !trial.is_ensemble()).count()
}

/// The best finished trial of each family, the best of all first: of equal ones the first.
fn best_of_families(trials: &[TrialState], aim: Aim) -> Vec<(usize, &TrialState)> {
    let mut ranked: Vec<(f64, usize, &TrialState)> = trials
        .iter()
        .enumerate()
        .filter(|(_, trial)| trial.is_finished() && !trial.is_ensemble())
        .filter_map(|(number, trial)| Some((aim.loss(trial.mean(aim)?), number, trial)))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut best: Vec<(usize, &TrialState)> = Vec::new();
    let family = |trial: &TrialState| trial.proposal.as_ref().map(|proposal| proposal.family.clone());
    for (_, number, trial) in ranked {
        if best.len() < MOST && best.iter().all(|(_, known)| family(known) != family(trial)) {
            best.push((number, trial));
        }
    }
    best
}

/// The trials that an ensemble averages: the best finished one of each family, five at most.
///
/// # Errors
/// Why there is none, in words.
pub fn members(trials: &[TrialState], aim: Aim) -> Result<Vec<Member>, String> {
    let best = best_of_families(trials, aim);
    if best.len() < FEWEST {
        let families = match best.len() {
            0 => "no trial has finished".to_owned(),
            _ => "only trials of one family have finished".to_owned(),
        };
        return Err(format!(
            "no ensemble: it averages the best trials of {FEWEST} families or more, and {families}"
        ));
    }
    let member = |(number, trial): (usize, &TrialState)| {
        let proposal = trial.proposal.clone()?;
        Some(Member { trial: number, family: proposal.family, params: proposal.params })
    };
    Ok(best.into_iter().filter_map(member).collect())
}

/// How long an ensemble of what has finished so far may take: its members are fitted once more. Pauses of theirs, and waiting
/// in a queue, do not count.
pub fn time(trials: &[TrialState], aim: Aim) -> Duration {
    let best = best_of_families(trials, aim);
    let took: f64 = best.iter().map(|(_, trial)| trial.work()).sum();
    // A journal may say anything.
    if best.len() < FEWEST {
        Duration::ZERO
    } else {
        Duration::try_from_secs_f64(took).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::sweep::engine::journal::TrialOutcome;
    use crate::sweep::engine::rules::Mode;

    fn ended(family: &str, value: Option<f64>) -> TrialState {
        let outcome = match value {
            Some(value) => TrialOutcome::Finished { means: vec![Some(value)], deviations: vec![Some(0.0)] },
            None => TrialOutcome::Pruned { reports: 2, means: vec![Some(9.0)], is_by_hand: false },
        };
        TrialState {
            proposal: Some(Proposal::new(family, Params::new())),
            outcome: Some(outcome),
            seconds: 2.0,
            // It was paused for long.
            started: 1_000,
            ended: 9_003_000,
            ..TrialState::default()
        }
    }

    #[test]
    fn the_best_finished_trial_of_each_family_is_a_member_and_no_ensemble_is() {
        let aim = Aim { at: 0, mode: Mode::Max };
        let mut trials = vec![
            ended("ridge", Some(0.5)),
            ended("tree", Some(0.7)),
            ended("ridge", Some(0.6)),
            ended("forest", None),
            ended("forest", Some(0.1)),
            ended("svm", Some(0.7)),
        ];
        let names = |trials: &[TrialState]| -> Vec<String> {
            members(trials, aim).unwrap().iter().map(Member::name).collect()
        };
        assert_eq!(names(&trials), ["tree-1", "svm-5", "ridge-2", "forest-4"]);
        assert_eq!(time(&trials, aim), Duration::from_secs(8));
        let mut ensemble = ended("ensemble", Some(0.9));
        ensemble.proposal = Some(Proposal::ensemble(members(&trials, aim).unwrap()));
        trials.push(ensemble);
        assert_eq!((searched(&trials), trials.len()), (6, 7));
        assert_eq!(names(&trials), ["tree-1", "svm-5", "ridge-2", "forest-4"]);
        for (number, family) in ["a", "b", "c"].into_iter().enumerate() {
            trials.push(ended(family, Some(0.2 + number as f64)));
        }
        assert_eq!(names(&trials), ["c-9", "b-8", "tree-1", "svm-5", "ridge-2"], "five at most");
    }

    #[test]
    fn of_one_family_there_is_no_ensemble_and_it_is_said_why() {
        let aim = Aim { at: 0, mode: Mode::Min };
        let why = members(&[], aim).unwrap_err();
        assert!(why.contains("no trial has finished"), "{why}");
        let trials = [ended("ridge", Some(0.5)), ended("tree", None)];
        assert!(members(&trials, aim).unwrap_err().contains("one family"));
        assert_eq!(time(&trials, aim), Duration::ZERO);
    }
}
