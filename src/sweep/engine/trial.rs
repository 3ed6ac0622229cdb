//! A trial as the engine sees it: a proposal that is carried out elsewhere, reports numbers on the way, and is told whether to
//! go on.

use std::io;

use serde::{Deserialize, Serialize};

use super::curve::StepValue;
use super::numbers::Values;
use crate::params::Params;
use crate::sweep::search::Proposal;

/// A trial that is to be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Counted from 0.
    pub number: usize,
    /// What is tried.
    pub proposal: Proposal,
    /// The values of its reports so far: a process may have died behind them, and they are not made again.
    pub reports: Vec<Values>,
    /// Whether its [`TrialReport::Last`] is there as well.
    pub has_last: bool,
    /// How often somebody asked for it to be carried out once more: what came of it before does not count.
    pub retries: u32,
}

/// What was measured of a trial at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// In the objective's order.
    #[serde(rename = "scores")]
    pub values: Values,
    /// Seconds that the fit took.
    pub fit_seconds: f64,
    /// Seconds that predictions took.
    pub predict_seconds: f64,
    /// After so many rounds of boosting, what is optimised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<(usize, f64)>,
    /// What was found out of what the trial is, as further params of it.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    pub params: Params,
}

impl Measured {
    /// Seconds that the fit and predictions took: a journal may say anything.
    pub(super) fn seconds(&self) -> f64 {
        self.fit_seconds.max(0.0) + self.predict_seconds.max(0.0)
    }
}

/// What a trial says while it is carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialReport {
    /// On the way, in the order of steps from 0 on; what the trial comes to is the mean over them.
    Step(Measured),
    /// Of what is kept of the trial, whose files lie in its folder by now.
    Last(Measured),
}

/// Whether a trial goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Continue,
    /// It has no hope.
    Prune,
    /// The sweep was called off: the trial is begun anew, behind its reports, when that is resumed.
    Cancel,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialEnd {
    /// All steps are reported.
    Finished,
    /// Why it came to no result, in words.
    Failed(String),
    /// It was told to.
    Pruned,
    /// It was told to.
    Cancelled,
}

/// Who listens to a trial.
pub trait TrialWatch: Sync {
    /// Whether the trial goes on. Waits while the sweep is paused.
    ///
    /// # Errors
    /// Where the journal cannot be written: the trial ends, and with it the sweep.
    fn verdict(&self) -> io::Result<Verdict>;

    /// Whether the sweep was called off. Unlike [`TrialWatch::verdict`] it never waits.
    fn is_called_off(&self) -> bool;

    /// Whether somebody asked that it ends as one that was pruned.
    fn is_unwanted(&self) -> bool;

    /// Takes note of the attempt that the trial is at, and of when that began, where it is known: what is reported from here on
    /// came of it.
    ///
    /// # Errors
    /// As [`TrialWatch::verdict`].
    fn is_at(&self, attempt: u32, since: Option<i64>) -> io::Result<()>;

    /// Whether no trial with a lower number is under way.
    fn is_lowest(&self) -> bool;

    /// Whether another trial is still to be carried out, and nothing of it is known yet: it may be begun with this one.
    fn is_ahead(&self, trial: usize) -> bool;

    /// Takes what an attempt at the trial measured at further steps of its own, with `is_end` the last that there are: whether
    /// it goes on. Never waits.
    ///
    /// # Errors
    /// As [`TrialWatch::verdict`].
    fn steps(&self, attempt: u32, steps: &[StepValue], is_end: bool) -> io::Result<Verdict>;

    /// Takes a report; it is kept when this returns.
    ///
    /// # Errors
    /// As [`TrialWatch::verdict`].
    fn report(&self, report: TrialReport) -> io::Result<()>;
}
