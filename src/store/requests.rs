//! What is asked of a store, and what is given to it.

use crate::mlflow::filter::{Filter, OrderBy};
use crate::mlflow::{ExperimentId, Param, RunId, RunStatus, Tag, ViewType};

/// A run to be created. Without a name the store invents one, as MLflow does.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    pub experiment_id: ExperimentId,
    pub run_name: Option<String>,
    pub user_id: String,
    /// Milliseconds since the epoch.
    pub start_time: i64,
    pub tags: Vec<Tag>,
}

/// A model to be created by a run.
#[derive(Debug, Clone, PartialEq)]
pub struct NewModel {
    pub experiment_id: ExperimentId,
    pub name: String,
    pub source_run_id: RunId,
    pub params: Vec<Param>,
    pub tags: Vec<Tag>,
}

/// What to change of a run; `None` leaves a field as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunUpdate {
    pub status: Option<RunStatus>,
    pub end_time: Option<i64>,
    pub run_name: Option<String>,
}

/// A search in MLflow's language. The order ends in start time, newest first, and run id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunSearch {
    pub experiment_ids: Vec<ExperimentId>,
    pub filter: Filter,
    pub view: ViewType,
    pub order_by: Vec<OrderBy>,
    /// 1 to 50,000.
    pub max_results: usize,
    pub page_token: Option<String>,
}

/// Which values a scan brings along with the runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ScanValues {
    #[default]
    All,
    /// Only these keys. A server sends everything all the same.
    Only {
        metrics: Vec<String>,
        params: Vec<String>,
        tags: Vec<String>,
        /// Of the runs themselves no more than id, name, status and times: no users, no artifact addresses.
        bare: bool,
    },
}

/// A request for all runs of an experiment, newest first, in blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub experiment_id: ExperimentId,
    pub view: ViewType,
    /// How many of the newest runs come whole, first.
    pub first: usize,
    pub values: ScanValues,
}
