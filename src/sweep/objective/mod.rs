//! What a trial is: what is done with the params of a proposal, what it reports, and what is kept of it.

pub mod command;
pub mod launch;
pub mod tabular;

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::engine::trial::{Trial, TrialEnd, TrialWatch};

/// What keeps trials from being carried out, and is no fault of theirs. It ends the sweep.
#[derive(Debug, Error)]
#[error("trial {trial} cannot be carried out: {cause}")]
pub struct TrialFault {
    trial: usize,
    cause: io::Error,
}

impl TrialFault {
    /// As the error of an objective.
    pub fn of(trial: usize, cause: io::Error) -> io::Error {
        io::Error::new(cause.kind(), Self { trial, cause })
    }

    /// Whether it is one.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().and_then(|cause| cause.downcast_ref::<Self>()).is_some()
    }
}

/// Something that is done with params, and yields numbers.
///
/// What is logged of it, the engine's [`Log`](super::engine::record::Log) says: a sweep whose process died is closed by that
/// alone, without the objective and its data.
pub trait Objective: Send + Sync {
    /// Carries a trial out, and reports step after step from `trial.reports.len()` on; asks for the verdict before each and
    /// ends as it says. Blocks for as long as the trial takes; many run side by side.
    ///
    /// # Errors
    /// Where reports, or what is kept of the trial, cannot be written, which ends the sweep. What is wrong with the trial
    /// alone is [`TrialEnd::Failed`].
    fn run(&self, trial: &Trial, watch: &dyn TrialWatch) -> io::Result<TrialEnd>;

    /// What is still to be done when all trials have ended, with the best of them.
    ///
    /// # Errors
    /// As [`Objective::run`], and where it comes to nothing.
    fn finish(&self, best: &Trial, watch: &dyn TrialWatch) -> io::Result<()>;

    /// How long trials that are called off are waited for: what they leave behind may have to be put away.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}
