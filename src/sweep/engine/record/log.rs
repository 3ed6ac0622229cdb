//! What is logged of a sweep, and under which names: what the recorder has to be told by those who know what its trials are.

use std::fmt::Debug;
use std::sync::Arc;

use super::SWEEP;
use crate::mlflow::{Dataset, ExperimentId, Tag, tags};
use crate::sweep::engine::rules::Aim;
use crate::sweep::engine::trial::Measured;
use crate::sweep::search::Proposal;

/// What made the runs that the program makes itself.
pub(super) const SOURCE: &str = "mltui sweep";

/// What is logged of a sweep and of its trials, under which names. It is known without the data, so that a sweep whose
/// process died can be closed.
pub trait Log: Send + Sync + Debug {
    /// The command that does the same again, short enough for a tag.
    fn command(&self) -> String;
    /// Params of the sweep's own run.
    fn sweep_params(&self) -> Vec<(String, String)>;
    /// Files of the sweep's own run, by their names.
    fn sweep_files(&self) -> Vec<(String, Vec<u8>)>;
    /// The name of a trial's run.
    fn trial_name(&self, number: usize, proposal: &Proposal) -> String;
    /// Params of a trial's run.
    fn trial_params(&self, proposal: &Proposal) -> Vec<(String, String)>;
    /// The metric that is optimised: a trial's result, and on the sweep's own run the best so far by trial.
    fn metric(&self) -> String;
    /// Metrics of a report on the way, logged at its step.
    fn of_step(&self, measured: &Measured) -> Vec<(String, f64)>;
    /// Metrics of what is kept of a trial.
    fn of_last(&self, measured: &Measured) -> Vec<(String, f64)>;
    /// The metric of the [curve](Measured::curve) of what is kept of a trial.
    fn of_curve(&self) -> String {
        String::new()
    }
    /// Metrics of what a trial came to.
    fn of_result(&self, means: &[Option<f64>], deviations: &[Option<f64>]) -> Vec<(String, f64)>;
    /// Whether scripts make the runs of trials, which are found, and not made when a trial begins.
    fn is_of_scripts(&self) -> bool {
        false
    }
    /// Why a trial was pruned after so many reports, by a rule or by hand, in words.
    fn pruned(&self, reports: usize, is_by_hand: bool) -> String;
}

/// What the store is told of a sweep.
#[derive(Debug, Clone)]
pub struct LoggedSweep {
    /// What no other sweep has.
    pub id: String,
    /// The name of its own run.
    pub name: String,
    /// Where its runs go.
    pub experiment: ExperimentId,
    /// Whose runs they are.
    pub user: String,
    /// The git commit of the folder that it was begun in.
    pub commit: Option<String>,
    /// An input of every run, where it is known.
    pub dataset: Option<Dataset>,
    /// What is optimised.
    pub aim: Aim,
    /// Whether trials go on elsewhere when the sweep's process ends.
    pub outlives: bool,
    /// What is logged, under which names.
    pub names: Arc<dyn Log>,
}

impl LoggedSweep {
    /// Where runs and models come from, as their tags say it.
    pub(super) fn origin(&self) -> Vec<Tag> {
        let mut origin = vec![
            Tag::new(SWEEP, self.id.clone()),
            Tag::new("mlflow.user", self.user.clone()),
            Tag::new(tags::SOURCE_NAME, SOURCE),
            Tag::new("mlflow.source.type", "LOCAL"),
        ];
        origin.extend(self.commit.iter().map(|commit| Tag::new(tags::GIT_COMMIT, commit.clone())));
        origin
    }
}
