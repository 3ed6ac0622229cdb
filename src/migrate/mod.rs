//! Everything of one store, copied into another: experiments, runs with their histories, data sets and files, models and
//! the registry. The first is never written to.
//!
//! Where the second takes ids from outside (a database, a folder) everything keeps its own; a server gives new ones out, and
//! what names a run or a model by its id is told the new one. What is done stands in the second store itself, in tags
//! ([`marks`]): whoever begins anew, on whatever machine, goes on there. A run that is not whole is marked and running; the
//! mark goes last. At the end both stores are read again and compared ([`check`]).

mod check;
mod compare;
mod error;
mod experiments;
mod files;
mod histories;
mod ids;
mod job;
mod known;
mod marks;
mod models;
mod plan;
mod progress;
mod registry;
mod runs;
mod same;
mod sums;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use error::{MigrateError, Problem, Result};
pub use marks::{FROM, UNFINISHED};
pub use plan::{Preview, PreviewedExperiment, preview};
pub use progress::{Phase, Progress, Snapshot};
pub use sums::{Kind, Sums, Tally};

use crate::store::Store;
use error::of_one;
use job::Job;

/// What is copied, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names or ids of experiments; all, where there is none.
    pub experiments: Vec<String>,
    /// Files of runs and models.
    pub artifacts: bool,
    /// Models as entities of their own (MLflow 3).
    pub models: bool,
    /// Registered models.
    pub registry: bool,
    /// What is deleted, and not yet removed for good.
    pub deleted: bool,
    /// Experiments and models of the same names that came from elsewhere are copied into.
    pub merges: bool,
    /// Files are read again on both sides.
    pub verifies: bool,
    /// The address of the first store, as marks name it.
    pub origin: String,
    /// Files on their way from one service to another are kept here.
    pub stage: PathBuf,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// How many of what were copied now, by the names of their kinds.
    pub copied: Copied,
    /// Each experiment by its name and its id here and there.
    pub experiments: Vec<(String, String, String)>,
    /// What both stores have of what was to be copied.
    pub from: Sums,
    pub to: Sums,
    /// What could not be copied, or is not the same.
    pub problems: Vec<Problem>,
    /// Problems that are not among these.
    pub more_problems: usize,
    /// What is worth knowing besides.
    pub notes: Vec<String>,
}

/// What was copied now.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub experiments: u64,
    pub runs: u64,
    pub points: u64,
    pub files: u64,
    pub bytes: u64,
    pub models: u64,
    pub versions: u64,
}

impl Report {
    /// Whether all that was to be copied is there, and the same.
    pub fn is_same(&self) -> bool {
        self.problems.is_empty() && self.more_problems == 0 && self.from == self.to
    }
}

/// Copies what there is in one store into another, and compares.
///
/// Ended early, it leaves what came so far, and the next one goes on with that.
///
/// # Errors
/// If a store does not answer, or something is in the way. What a store does not take, or does not have any more, is no error
/// but a [`Problem`].
pub async fn migrate(from: &Store, to: &Store, request: &Request, progress: &Progress) -> Result<Report> {
    let plan = plan::plan(from, to, request).await?;
    if plan.begins_for_models {
        to.begin_for_logged_models().await?;
    }
    to.begin().await?;
    let job = Job::new(from, to, request, progress);
    progress.begin(Phase::Copying, plan.runs);
    let mut placed = Vec::with_capacity(plan.experiments.len());
    for experiment in &plan.experiments {
        match of_one(job.experiment(experiment).await)? {
            Ok(done) => placed.push(done),
            Err(why) => job.problem(format!("experiment {:?}", experiment.source.name), why),
        }
    }
    for (model, versions) in &plan.models {
        job.registered_model(model, versions).await?;
    }
    progress.begin(Phase::Checking, plan.runs);
    for experiment in &placed {
        if let Err(why) = of_one(job.check_experiment(experiment).await)? {
            job.problem(format!("experiment {:?}", experiment.source.name), why);
        }
    }
    for (model, versions) in &plan.models {
        job.check_model(model, versions).await?;
    }
    Ok(job.report(plan, &placed))
}
