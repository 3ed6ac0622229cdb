//! What a store answers with.

use super::{HistoryCursor, RunBatch};
use crate::mlflow::{ArtifactFile, Dataset, MetricPoint, RegisteredModel, Run, RunId};

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

/// Fewer runs than asked for may be on a page that is not the last; none are on the last only.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// The runs, in the order that was requested.
    pub runs: Vec<Run>,
    /// Where the next page begins; none behind the last.
    pub next_page_token: Option<String>,
}

/// A data set that runs of an experiment were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedDataset {
    /// What it is; one of this name and digest.
    pub dataset: Dataset,
    /// The runs that were given it.
    pub uses: Vec<DatasetUse>,
}

/// A run that was given a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetUse {
    /// The run.
    pub run: RunId,
    /// What for: training, eval, …; empty where that was not said.
    pub context: String,
}

/// Registered models, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelPage {
    /// The models of the page.
    pub models: Vec<RegisteredModel>,
    /// Bytes that they take.
    pub weight: usize,
    /// Where the next page begins; none behind the last.
    pub next_page_token: Option<String>,
}

/// Some of the points of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPage {
    /// In an order of the store's own.
    pub points: Vec<MetricPoint>,
    /// Where the next page begins; none behind the last.
    pub next: Option<HistoryCursor>,
}

/// The points of a history behind a cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPart {
    /// By step, then timestamp, then value.
    pub points: Vec<MetricPoint>,
    /// These are all points there are: those that were read before are among them.
    pub replaces: bool,
    /// Behind these points.
    pub cursor: HistoryCursor,
}

/// The entries of a folder, in name order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArtifactList {
    /// Files and folders, with paths from the root.
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
    /// Runs that are new or others than before, whole.
    pub batches: Vec<RunBatch>,
    /// Runs that are in view no more.
    pub removed: Vec<RunId>,
    /// Somebody wrote to the store, if perhaps nothing of this experiment. A server does not tell.
    pub touched: bool,
    /// The store was replaced or shrank: read everything again.
    pub reload: bool,
}
