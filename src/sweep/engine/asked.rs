//! What somebody asked of a sweep while it runs, and what becomes of it.

use super::journal::{Change, TrialOutcome};
use super::state::TrialState;

/// What is in force of all that was asked and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// How much of it is taken: the rest is not known yet.
    pub taken: usize,
    /// The maximum number of trials, where another was asked for.
    pub trials: Option<usize>,
    /// Trials side by side, where another number was asked for.
    pub jobs: Option<usize>,
}

impl Asked {
    /// Takes the next change. One that has no meaning by now changes nothing, and neither does one that is not understood.
    /// Comes back with the number of the trial that is to be carried out once more.
    pub fn take(&mut self, change: Option<Change>, trials: &mut [TrialState]) -> Option<usize> {
        self.taken += 1;
        match change? {
            Change::Prune { trial } => {
                let known = trials.get_mut(trial).filter(|trial| trial.is_under_way())?;
                known.is_unwanted = true;
                None
            }
            Change::Retry { trial } => trials.get_mut(trial)?.retry().then_some(trial),
            Change::Trials { most } => {
                self.trials = Some(most.max(1));
                None
            }
            Change::Jobs { jobs } => {
                self.jobs = Some(jobs.max(1));
                None
            }
        }
    }
}

impl TrialState {
    /// Begun and not ended.
    pub fn is_under_way(&self) -> bool {
        self.proposal.is_some() && self.outcome.is_none()
    }

    /// Takes a trial up once more that failed or was pruned. What was pruned by a rule would be so again, and is spared.
    fn retry(&mut self) -> bool {
        let was_pruned = match self.outcome {
            Some(TrialOutcome::Pruned { .. }) => true,
            Some(TrialOutcome::Failed { .. }) => false,
            Some(TrialOutcome::Finished { .. }) | None => return false,
        };
        self.outcome = None;
        self.is_unwanted = false;
        self.is_spared |= was_pruned;
        self.retries = self.retries.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::sweep::search::Proposal;

    #[test]
    fn a_change_has_a_meaning_only_for_trials_that_it_fits() {
        let begun =
            || TrialState { proposal: Some(Proposal::new("trial", Params::new())), ..TrialState::default() };
        let ended = |outcome| TrialState { outcome: Some(outcome), ..begun() };
        let failed = TrialOutcome::Failed { message: "x".into() };
        let pruned = TrialOutcome::Pruned { reports: 2, means: vec![None], is_by_hand: false };
        let finished = TrialOutcome::Finished { means: vec![Some(1.0)], deviations: vec![Some(0.0)] };
        let mut trials = vec![begun(), ended(failed), ended(pruned), ended(finished)];
        let mut asked = Asked::default();
        for (trial, again) in [(0, None), (1, Some(1)), (2, Some(2)), (3, None), (9, None), (1, None)] {
            assert_eq!(asked.take(Some(Change::Retry { trial }), &mut trials), again, "{trial}");
        }
        assert_eq!((trials[1].retries, trials[1].is_spared, trials[2].is_spared), (1, false, true));
        for trial in [0, 3, 9] {
            assert_eq!(asked.take(Some(Change::Prune { trial }), &mut trials), None);
        }
        assert!(trials[0].is_unwanted && !trials[3].is_unwanted);
        asked.take(Some(Change::Trials { most: 0 }), &mut trials);
        asked.take(None, &mut trials);
        assert_eq!(asked, Asked { taken: 11, trials: Some(1), jobs: None });
    }
}
