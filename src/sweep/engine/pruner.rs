//! Which trials end early.

use serde::{Deserialize, Serialize};

use super::numbers::moments;
use super::rules::Aim;
use super::state::TrialState;
use crate::sweep::search::LAG;

/// What ends a trial early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pruner {
    /// Nothing does.
    None,
    /// Being behind the median of the others after as many reports.
    Median {
        /// So many others have to have come as far.
        min_trials: usize,
        /// And the trial itself has to have so many reports.
        min_reports: usize,
    },
}

impl Pruner {
    /// The median rule as it comes.
    pub const MEDIAN: Self = Self::Median { min_trials: 4, min_reports: 2 };

    /// Whether the trial of that number has no hope. Only trials that are [`LAG`] before it are looked at, as only they have
    /// ended for sure: so the answer is the same however many run side by side.
    pub fn is_hopeless(self, trials: &[TrialState], number: usize, aim: Aim) -> bool {
        let Self::Median { min_trials, min_reports } = self else { return false };
        let count = trials[number].reports.len();
        if count < min_reports {
            return false;
        }
        let so_far = |trial: &TrialState| {
            let reports = trial.reports.get(..count)?;
            aim.value(&moments(reports).0).map(|mean| aim.loss(mean))
        };
        let others = &trials[..number.saturating_sub(LAG - 1)];
        let mut others: Vec<f64> = others.iter().filter_map(so_far).collect();
        others.sort_by(f64::total_cmp);
        let median = others.get(others.len() / 2);
        others.len() >= min_trials
            && so_far(&trials[number]).zip(median).is_some_and(|(mean, median)| mean > *median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::engine::rules::Mode;

    #[test]
    fn the_median_rule_goes_by_trials_that_have_ended_for_sure() {
        let trial = |value: f64| TrialState { reports: vec![vec![Some(value)]; 2], ..TrialState::default() };
        let mut trials: Vec<TrialState> = (1..=5).map(|value| trial(f64::from(value))).collect();
        trials.resize_with(LAG + 4, || trial(100.0));
        let last = trials.len() - 1;
        let ends =
            |trials: &[TrialState], mode| Pruner::MEDIAN.is_hopeless(trials, last, Aim { at: 0, mode });
        assert!(ends(&trials, Mode::Min) && !ends(&trials, Mode::Max));
        // A plan may come from a file that says such a thing.
        let none_needed = Pruner::Median { min_trials: 0, min_reports: 0 };
        assert!(!none_needed.is_hopeless(&trials, 0, Aim { at: 0, mode: Mode::Min }));
        assert!(!Pruner::None.is_hopeless(&trials, last, Aim { at: 0, mode: Mode::Min }));
        // What is 3 is the median, and not behind it.
        trials[last] = trial(3.0);
        assert!(!ends(&trials, Mode::Min) && !ends(&trials, Mode::Max));
        trials[last] = TrialState { reports: vec![vec![Some(100.0)]], ..TrialState::default() };
        assert!(!ends(&trials, Mode::Min), "one report is too few");
    }
}
