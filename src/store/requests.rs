//! What is asked of a store, and what is given to it.

use crate::mlflow::filter::{Filter, OrderBy};
use crate::mlflow::{ExperimentId, Metric, Param, Run, RunId, RunStatus, Tag, ViewType};

/// A run to be created. Without a name the store invents one, as MLflow does.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// An active experiment.
    pub experiment_id: ExperimentId,
    /// None for one that the store invents.
    pub run_name: Option<String>,
    /// Who runs it.
    pub user_id: String,
    /// Milliseconds since the epoch.
    pub start_time: i64,
    /// Tags that it has from the first on.
    pub tags: Vec<Tag>,
}

/// A run as it was in another store, with points of its metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedRun {
    /// The run with its own id, in the experiment that it comes into. Its files go where those of the experiment are, and its
    /// latest values are those of the points.
    pub run: Run,
    /// Points of any of its metrics.
    pub points: Vec<Metric>,
}

/// A model to be created by a run.
#[derive(Debug, Clone, PartialEq)]
pub struct NewModel {
    /// The experiment of its run.
    pub experiment_id: ExperimentId,
    /// A name, which others may have too.
    pub name: String,
    /// What kind of model it is, in its maker's words; empty for none.
    pub model_type: String,
    /// The run that makes it.
    pub source_run_id: RunId,
    /// What it was made with.
    pub params: Vec<Param>,
    /// Tags that it has from the first on.
    pub tags: Vec<Tag>,
}

/// What to change of a run; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunUpdate {
    /// The new status.
    pub status: Option<RunStatus>,
    /// When it ended, in milliseconds since the epoch.
    pub end_time: Option<i64>,
    /// The new name; an empty one changes nothing.
    pub run_name: Option<String>,
}

/// A search in MLflow's language. The order ends in start time, newest first, and run id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunSearch {
    /// The experiments whose runs are looked at; none of any other.
    pub experiment_ids: Vec<ExperimentId>,
    /// What runs have to pass: all of its clauses.
    pub filter: Filter,
    /// Active runs, deleted ones, or both.
    pub view: ViewType,
    /// What is sorted by, the first before the others.
    pub order_by: Vec<OrderBy>,
    /// 1 to 50,000.
    pub max_results: usize,
    /// Where a page before ended; none for the first page.
    pub page_token: Option<String>,
}

/// The runs of an experiment, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunCount {
    /// Runs that are not deleted.
    pub active: u64,
    /// Runs that are, with their experiment or by themselves.
    pub deleted: u64,
    /// When the newest of them all began, in milliseconds since the epoch.
    pub last_start: Option<i64>,
}

/// Which values a scan brings along with the runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ScanValues {
    /// Everything that runs have.
    #[default]
    All,
    /// Only these keys. A server sends everything all the same.
    Only {
        /// Keys of metrics.
        metrics: Vec<String>,
        /// Keys of params.
        params: Vec<String>,
        /// Keys of tags.
        tags: Vec<String>,
        /// Of the runs themselves no more than id, name, status and times: no users, no artifact addresses.
        bare: bool,
    },
}

/// A request for all runs of an experiment, newest first, in blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The experiment that is read.
    pub experiment_id: ExperimentId,
    /// Active runs, deleted ones, or both.
    pub view: ViewType,
    /// How many of the newest runs come whole, first.
    pub first: usize,
    /// Which values come along.
    pub values: ScanValues,
}
