//! What the program wants done outside of itself. Plain data: it can be printed and compared.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog::sort::SortKey;
use crate::mlflow::{ExperimentId, RunId};

#[derive(Debug, Clone)]
pub enum Effect {
    LoadExperiments,
    /// Read an experiment and keep it current, in place of the one before.
    Watch {
        generation: u64,
        experiment: ExperimentId,
    },
    /// The runs to look at anew: the active ones with every poll, the others on the screen as often as they come up.
    Attend {
        active: Vec<RunId>,
        others: Vec<RunId>,
    },
    /// Poll now.
    Refresh,
    Pause(bool),
    Project {
        generation: u64,
        catalog: Arc<Catalog>,
        complete: bool,
        sort: Option<SortKey>,
        /// Words that all have to occur in a run.
        words: String,
        /// The run whose position is wanted.
        selected: Option<String>,
        now: i64,
    },
    Histories {
        generation: u64,
        ids: Vec<RunId>,
        key: String,
    },
    LoadRun {
        generation: u64,
        id: RunId,
    },
    ListArtifacts {
        id: RunId,
    },
    Quit,
}
