//! Which trials end early.
//!
//! Trials are compared at a step by the best that each has had as far as it: so a single bad step ends none, and steps may be
//! sparse and differ between trials. Folds, which are parts of one value, are compared by their mean.

use serde::{Deserialize, Serialize};

use super::journal::TrialOutcome;
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
    /// Being behind the median of the others at the same step.
    Median {
        /// So many others have to have come as far.
        min_trials: usize,
        /// And the trial itself has to be at this step.
        #[serde(rename = "min_reports")]
        min_steps: i64,
    },
    /// Not being among the best of those that have come to a rung: asynchronous successive halving (Li 2020), by which a trial
    /// is judged once at each rung, with those that are there by then.
    Asha {
        /// The step of the first rung.
        min_steps: i64,
        /// One in so many goes on, and so many times further on lies the next rung.
        reduction: u32,
    },
}

/// The rules by which trials are pruned, by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PruneRule {
    /// Prune what is behind the median of the others at the same step
    Median,
    /// Prune by asynchronous successive halving
    Asha,
}

impl PruneRule {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::Asha => "asha",
        }
    }
}

/// Others that have to have come as far before the median counts.
const MIN_TRIALS: usize = 4;
/// One in so many goes on, where nobody says.
pub const REDUCTION: u32 = 4;
/// One in so many goes on, at most.
const MOST_REDUCTION: u32 = 1_000;

impl Pruner {
    /// The median rule as it comes, for folds.
    pub const MEDIAN: Self = Self::Median { min_trials: MIN_TRIALS, min_steps: 2 };

    /// A rule with its numbers.
    pub fn new(rule: PruneRule, min_steps: i64, reduction: Option<u32>) -> Self {
        match rule {
            PruneRule::Median => Self::Median { min_trials: MIN_TRIALS, min_steps },
            PruneRule::Asha => Self::Asha { min_steps, reduction: reduction.unwrap_or(REDUCTION) },
        }
    }

    /// Whether it can be kept to: it may come from a file.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(self) -> Result<(), String> {
        match self {
            Self::Asha { min_steps, .. } if min_steps < 1 => {
                Err(format!("--min-steps {min_steps}: use at least 1 with asha"))
            }
            Self::Asha { reduction, .. } if !(2..=MOST_REDUCTION).contains(&reduction) => {
                Err(format!("--reduction {reduction}: use 2 to {MOST_REDUCTION}"))
            }
            Self::Median { min_steps, .. } if min_steps < 0 => {
                Err(format!("--min-steps {min_steps}: use at least 0"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a trial that reports folds has no hope after as many as it has. Only trials that are [`LAG`] before it are
    /// looked at, as only they have ended for sure: so the answer is the same however many run side by side.
    pub fn is_hopeless(self, trials: &[TrialState], number: usize, aim: Aim) -> bool {
        let by = |trial: &TrialState, count: i64| {
            let reports = trial.reports.get(..usize::try_from(count).ok()?)?;
            aim.value(&moments(reports).0).map(|mean| aim.loss(mean))
        };
        let count = trials[number].reports.len() as i64;
        // An ensemble is better than what it averages, and is none of those that are searched.
        let others = || trials[..number.saturating_sub(LAG - 1)].iter().filter(|trial| !trial.is_ensemble());
        self.falls_behind(
            (count - 1, count),
            |step| by(&trials[number], step),
            |step| others().filter_map(|trial| by(trial, step)).collect(),
        )
    }

    /// Whether a trial that has a curve has no hope at its last step, having been judged at an earlier one. All others are
    /// looked at that have come as far, whether or not they have ended; none that failed.
    pub fn is_hopeless_on_its_way(
        self,
        trials: &[TrialState],
        number: usize,
        aim: Aim,
        judged: Option<i64>,
    ) -> bool {
        let Some((now, latest)) = trials[number].curve.last() else { return false };
        let others = |step| {
            let all = trials.iter().enumerate().filter(|(other, trial)| {
                *other != number && !matches!(trial.outcome, Some(TrialOutcome::Failed { .. }))
            });
            all.filter_map(|(_, trial)| trial.curve.loss_by(step, aim)).collect()
        };
        // What has diverged does not live on what it was.
        let own = |step| match latest {
            Some(_) => trials[number].curve.loss_by(step, aim),
            None => Some(f64::INFINITY),
        };
        self.falls_behind((judged.unwrap_or(i64::MIN), now), own, others)
    }

    /// Judges at all that lies behind one step, as far as another, by the losses as far as a step.
    fn falls_behind(
        self,
        (judged, now): (i64, i64),
        own: impl Fn(i64) -> Option<f64>,
        others: impl Fn(i64) -> Vec<f64>,
    ) -> bool {
        match self {
            Self::None => false,
            Self::Median { min_steps, .. } if now < min_steps => false,
            Self::Median { min_trials, .. } => {
                let mut others = others(now);
                others.sort_by(f64::total_cmp);
                let median = others.get(others.len() / 2);
                others.len() >= min_trials && own(now).zip(median).is_some_and(|(own, median)| own > *median)
            }
            Self::Asha { min_steps, reduction } => rungs(min_steps, reduction)
                .skip_while(|rung| *rung <= judged)
                .take_while(|rung| *rung <= now)
                .any(|rung| {
                    let Some(own) = own(rung) else { return false };
                    let others = others(rung);
                    let better = others.iter().filter(|other| **other < own).count();
                    better >= ((others.len() + 1) / reduction.max(2) as usize).max(1)
                }),
        }
    }
}

/// The steps at which trials are judged.
fn rungs(first: i64, reduction: u32) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(first.max(1)), move |rung| rung.checked_mul(i64::from(reduction.max(2))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::sweep::engine::rules::Mode;
    use crate::sweep::search::{Member, Proposal};

    const LESS: Aim = Aim { at: 0, mode: Mode::Min };
    const MORE: Aim = Aim { at: 0, mode: Mode::Max };

    #[test]
    fn the_median_rule_goes_by_trials_that_have_ended_for_sure() {
        let trial = |value: f64| TrialState { reports: vec![vec![Some(value)]; 2], ..TrialState::default() };
        let mut trials: Vec<TrialState> = (1..=5).map(|value| trial(f64::from(value))).collect();
        trials.resize_with(LAG + 4, || trial(100.0));
        let last = trials.len() - 1;
        let ends = |trials: &[TrialState], aim| Pruner::MEDIAN.is_hopeless(trials, last, aim);
        assert!(ends(&trials, LESS) && !ends(&trials, MORE));
        // A plan may come from a file that says such a thing.
        let none_needed = Pruner::Median { min_trials: 0, min_steps: 0 };
        assert!(!none_needed.is_hopeless(&trials, 0, LESS));
        assert!(!Pruner::None.is_hopeless(&trials, last, LESS));
        // An ensemble is not one of the others: without it there are too few.
        let member = Member { trial: 0, family: "a".into(), params: Params::new() };
        let mut averaged = trials.clone();
        averaged[3].proposal = Some(Proposal::ensemble(vec![member]));
        assert!(!ends(&averaged, LESS));
        // What is 3 is the median, and not behind it.
        trials[last] = trial(3.0);
        assert!(!ends(&trials, LESS) && !ends(&trials, MORE));
        trials[last] = TrialState { reports: vec![vec![Some(100.0)]], ..TrialState::default() };
        assert!(!ends(&trials, LESS), "one report is too few");
    }

    fn trial(steps: &[(i64, f64)]) -> TrialState {
        let mut trial = TrialState::default();
        let steps: Vec<_> = steps.iter().map(|(step, value)| (*step, Some(*value))).collect();
        trial.curve.learn(1, &steps);
        trial
    }

    #[test]
    fn the_median_of_all_that_came_as_far_counts_whatever_steps_they_have() {
        let rule = Pruner::new(PruneRule::Median, 2, None);
        let mut trials = vec![
            trial(&[(1, 9.0), (3, 1.0), (9, 0.5)]),
            trial(&[(2, 2.0), (3, 3.0)]),
            trial(&[(0, 9.0), (10, 3.0)]),
            trial(&[(3, 4.0)]),
            trial(&[(1, 0.1), (2, 0.1)]),
            trial(&[(1, 3.0), (3, 8.0)]),
        ];
        let ends = |trials: &[TrialState], aim| rule.is_hopeless_on_its_way(trials, 5, aim, None);
        // Their best as far as 3: 1, 2, 9, 4; the fifth has not come so far. Its own is 3.
        assert!(!ends(&trials, LESS));
        trials[5] = trial(&[(1, 4.5), (3, 8.0)]);
        assert!(ends(&trials, LESS) && !ends(&trials, MORE));
        trials[3].outcome = Some(TrialOutcome::Failed { message: String::new() });
        assert!(!ends(&trials, LESS), "three others are too few");
        trials[3].outcome = None;
        trials[5] = trial(&[(1, 9.0)]);
        assert!(!ends(&trials, LESS), "it is too early");
        trials[5] = trial(&[(1, 0.5)]);
        trials[5].curve.learn(1, &[(3, None)]);
        assert!(ends(&trials, LESS), "it has diverged");
    }

    #[test]
    fn successive_halving_judges_once_at_each_rung() {
        let rule = Pruner::new(PruneRule::Asha, 2, Some(3));
        assert_eq!(rungs(2, 3).take(4).collect::<Vec<_>>(), [2, 6, 18, 54]);
        assert!(rungs(i64::MAX, 2).eq([i64::MAX]));
        let mut trials: Vec<TrialState> = Vec::new();
        for value in [5.0, 4.0, 6.0] {
            trials.push(trial(&[(1, value), (2, value)]));
        }
        let ends = |trials: &[TrialState], number, judged, aim| {
            rule.is_hopeless_on_its_way(trials, number, aim, judged)
        };
        assert!(!ends(&trials[..1], 0, None, LESS), "the first goes on");
        assert!(!ends(&trials[..2], 1, Some(1), LESS) && ends(&trials, 2, Some(1), LESS));
        assert!(ends(&trials[..2], 1, Some(1), MORE) && !ends(&trials, 2, Some(1), MORE));
        assert!(!ends(&trials, 2, Some(2), LESS), "it was judged there");
        // Of six the best two go on.
        trials.extend([trial(&[(2, 7.0)]), trial(&[(2, 8.0)]), trial(&[(2, 4.5)])]);
        assert!(!ends(&trials, 5, None, LESS));
        trials[5] = trial(&[(2, 5.5)]);
        assert!(ends(&trials, 5, None, LESS));
        // Whoever leaps over a rung is judged at it all the same, by what was known there.
        trials[5] = trial(&[(2, 9.0), (40, 0.0)]);
        assert!(ends(&trials, 5, None, LESS) && !ends(&trials, 5, Some(2), LESS));
    }

    #[test]
    fn folds_are_halved_as_well() {
        let trial = |value: f64| TrialState { reports: vec![vec![Some(value)]; 4], ..TrialState::default() };
        let mut trials: Vec<TrialState> = (1..=4).map(|value| trial(f64::from(value))).collect();
        trials.resize_with(LAG + 4, || trial(2.5));
        let last = trials.len() - 1;
        let rule = Pruner::new(PruneRule::Asha, 1, None);
        assert!(rule.is_hopeless(&trials, last, LESS), "one in four goes on");
        trials[last] = trial(1.0);
        assert!(!rule.is_hopeless(&trials, last, LESS));
        trials[last].reports = vec![vec![Some(9.0)]; 3];
        assert!(!rule.is_hopeless(&trials, last, LESS), "3 is no rung");
    }

    #[test]
    fn a_rule_that_cannot_be_kept_to_is_told() {
        for (rule, why) in [
            (Pruner::new(PruneRule::Asha, 0, None), "--min-steps 0: use at least 1"),
            (Pruner::new(PruneRule::Asha, 1, Some(1)), "--reduction 1: use 2 to"),
            (Pruner::new(PruneRule::Median, -1, None), "--min-steps -1"),
        ] {
            assert!(rule.check().unwrap_err().contains(why));
        }
        assert!(Pruner::MEDIAN.check().is_ok() && Pruner::None.check().is_ok());
    }
}
