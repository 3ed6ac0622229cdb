//! Where runs live: one trait over a tracking server and a local database file.
//!
//! Knows MLflow's vocabulary and nothing above it. Whatever enters here is cleaned of nothing: texts are kept as
//! the store has them and are made safe where they are drawn or printed.

pub mod address;
pub mod batch;
mod error;
pub mod memory;
pub mod pages;
pub mod rest;
pub mod secrets;
pub mod sqlite;
pub mod uri;

use std::collections::HashMap;

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use batch::RunBatch;
pub use error::{ErrorKind, StoreError};

pub use crate::mlflow::order::by_step;

use crate::mlflow::filter::{Filter, OrderBy};
use crate::mlflow::{
    ArtifactFile, Dataset, DatasetInput, Experiment, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId,
    ModelVersion, Param, Part, RegisteredModel, Run, RunId, RunStatus, Summary, Tag, ViewType,
};

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What a store says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// `MLflow server 3.17.2`, `SQLite store`.
    pub kind: String,
    /// The address without credentials.
    pub location: String,
    /// The schema revision of a database, as far as it is known.
    pub revision: Option<String>,
    /// Whether writing is possible at all.
    pub writable: bool,
    /// What is worth knowing besides, in words.
    pub notes: Vec<String>,
}

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

/// Fewer runs than asked for may be on a page that is not the last; none are on the last only.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    pub runs: Vec<Run>,
    pub next_page_token: Option<String>,
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

/// How far a store's changes have been seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cursor {
    #[default]
    Start,
    Sqlite(sqlite::SqliteCursor),
    Rest(rest::Seen),
}

/// How far a metric's history has been read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum HistoryCursor {
    #[default]
    Start,
    /// Rows of the file's table up to this one.
    Sqlite { file: Option<sqlite::FileId>, rowid: i64 },
    /// So many points, and the first and the last of them in the order of the server: by timestamp, step and value.
    Rest { points: usize, first: MetricPoint, last: MetricPoint },
}

/// The points of a history behind a cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPart {
    /// By step, then timestamp, then value.
    pub points: Vec<MetricPoint>,
    /// These are all points there are: those that were read before are among them.
    pub replaces: bool,
    pub cursor: HistoryCursor,
}

/// The entries of a folder, in name order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArtifactList {
    pub files: Vec<ArtifactFile>,
    /// There are more than these.
    pub is_cut: bool,
}

impl ArtifactList {
    /// Entries that are listed; nobody looks through more.
    pub const MOST: usize = 10_000;
}

/// What is new since a cursor.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    pub batches: Vec<RunBatch>,
    pub removed: Vec<RunId>,
    /// Somebody wrote to the store, if perhaps nothing of this experiment. A server does not tell.
    pub touched: bool,
    /// The store was replaced or shrank: read everything again.
    pub reload: bool,
}

/// A place that keeps experiments, runs and models. Every write is whole or not at all, but for `log_batch`,
/// whose metrics, params and tags a server writes one kind after the other.
#[async_trait]
pub trait TrackingStore: Send + Sync + std::fmt::Debug {
    async fn info(&self) -> Result<StoreInfo>;
    /// Whether there is anything yet: the file of a local store is made by the first write.
    fn is_begun(&self) -> bool {
        true
    }
    /// Makes a store that never was; one that went away is not made anew.
    async fn begin(&self) -> Result<()> {
        Ok(())
    }

    // Experiments
    /// All experiments of a view, the newest first.
    async fn search_experiments(&self, view: ViewType) -> Result<Vec<Experiment>>;
    async fn get_experiment(&self, id: &ExperimentId) -> Result<Experiment>;
    /// How many active runs each experiment has; `None` where counting means reading them all.
    async fn run_counts(&self) -> Result<Option<HashMap<ExperimentId, u64>>>;
    /// The experiment of the run that was created last, where that is known without a search.
    async fn latest_experiment(&self) -> Result<Option<ExperimentId>>;
    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Result<ExperimentId>;
    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Result<()>;
    async fn delete_experiment(&self, id: &ExperimentId) -> Result<()>;
    async fn restore_experiment(&self, id: &ExperimentId) -> Result<()>;
    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Result<()>;
    /// MLflow 2 servers cannot do that: `Unsupported`.
    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Result<()>;

    // Runs
    async fn create_run(&self, run: &NewRun) -> Result<Run>;
    async fn get_run(&self, id: &RunId) -> Result<Run>;
    async fn search_runs(&self, search: &RunSearch) -> Result<RunPage>;
    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Result<()>;
    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Result<()>;
    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Result<()>;
    async fn delete_run(&self, id: &RunId) -> Result<()>;
    async fn restore_run(&self, id: &RunId) -> Result<()>;
    async fn set_tag(&self, id: &RunId, tag: &Tag) -> Result<()>;
    async fn delete_tag(&self, id: &RunId, key: &str) -> Result<()>;

    // Metric histories, ordered by step, then timestamp, then value
    async fn metric_history(&self, id: &RunId, key: &str) -> Result<Vec<MetricPoint>>;
    /// The points that are behind a cursor, or all where that cannot be told.
    async fn history_since(&self, id: &RunId, key: &str, cursor: HistoryCursor) -> Result<HistoryPart>;
    /// At most about `max_points` points a run, evenly spaced, the first and the last among them.
    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Result<Vec<(RunId, Vec<MetricPoint>)>>;

    /// How many runs [`Self::metric_summaries`] takes at a time: all, or as many as are asked for side by side.
    fn summary_batch(&self) -> usize;
    /// What the histories of these runs come to, or a part of them; no entry for a run without such a point.
    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Result<Vec<(RunId, Summary)>>;

    // Artifacts; paths are relative to the run's root
    /// The entries of a folder, in name order; of the root where `path` is empty.
    async fn list_artifacts(&self, id: &RunId, path: &str) -> Result<ArtifactList>;
    /// A file of `most` bytes at most; a longer one is [`ErrorKind::TooMuch`], and not read to its end.
    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Result<Vec<u8>>;
    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Result<()>;
    /// Whether files of new runs of an experiment can be written; the reason where they cannot, as far as it is known.
    async fn check_artifacts(&self, experiment: &ExperimentId) -> Result<()>;

    // The model registry
    async fn create_registered_model(&self, name: &str) -> Result<()>;
    async fn get_registered_model(&self, name: &str) -> Result<RegisteredModel>;
    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Result<ModelVersion>;
    /// All versions of a model, the newest first; none of a model that does not exist.
    async fn model_versions(&self, name: &str) -> Result<Vec<ModelVersion>>;
    /// Deletes a version and the aliases that point to it; its number is not given out again.
    async fn delete_model_version(&self, name: &str, version: u64) -> Result<()>;
    async fn delete_registered_model(&self, name: &str) -> Result<()>;
    /// Whether versions can have aliases: since MLflow 2.3. Yes, where that may not be looked at.
    async fn has_aliases(&self) -> Result<bool>;
    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Result<()>;
    async fn delete_model_alias(&self, name: &str, alias: &str) -> Result<()>;
    /// The version that an alias points to; an unknown alias is `NotFound`.
    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion>;
    async fn get_logged_model(&self, id: &ModelId) -> Result<LoggedModel>;

    // Models as entities of their own, since MLflow 3; before: `Unsupported`
    /// The models that a run made, whether or not they are among its outputs yet.
    async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Result<Vec<LoggedModel>>;
    /// Creates a model that is `PENDING` until it is finished.
    async fn create_logged_model(&self, model: &NewModel) -> Result<LoggedModel>;
    /// Makes a model an output of its run.
    async fn log_model_output(&self, run: &RunId, model: &ModelId) -> Result<()>;
    /// Logs metrics of a run that tell of a model that it made, on a data set.
    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: &Dataset,
    ) -> Result<()>;
    /// Writes a file of a model; the path is relative to the model's root.
    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Result<()>;
    /// Makes a model `READY`, or `FAILED` where its files could not be written.
    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Result<()>;

    // The whole of an experiment, and what changed in it
    /// Sends all runs of an experiment in blocks and returns where [`Self::changes`] goes on. Ends early, without
    /// an error, when the receiver is gone.
    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Result<Cursor>;
    /// What changed since `cursor`, which moves on. `watched` are runs that are looked at anew in any case where
    /// the store cannot tell changes by itself.
    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Result<Changes>;
}

/// The wall clock, in milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |elapsed| elapsed.as_millis() as i64)
}

/// `count` indices out of `0..length`, evenly spaced, with both ends; a single one is the last.
fn sample_indices(length: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.clamp(1, length.max(1)).min(length);
    (0..count).map(move |i| match count {
        1 => length - 1,
        _ => i * (length - 1) / (count - 1),
    })
}
