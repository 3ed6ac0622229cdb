//! What happens to the program: input, time, and what tasks bring back.

use std::collections::HashMap;
use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use super::effect::Write;
use super::histories::Want;
use super::panes::details::preview::Preview;
use super::sweeps::Began;
use crate::catalog::Catalog;
use crate::catalog::sync::Snapshot;
use crate::catalog::view::{Projection, View};
use crate::compare::Comparison;
use crate::compare::importance::Matters;
use crate::marking::Plan;
use crate::mlflow::{Experiment, ExperimentId, LoggedModel, MetricPoint, Run, RunId};
use crate::select::{Objective, Resolved, Selection};
use crate::store::{ArtifactList, HistoryPart, StoreError};
use crate::sweep::progress::Progress;

/// A mark that was not made or not undone.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmarked {
    pub error: StoreError,
    pub is_undo: bool,
    /// Some of it may be written, and the next start finishes it.
    pub is_begun: bool,
}

/// Answers carry the generation of their request; those to an older one are dropped.
#[derive(Debug, Clone)]
pub enum Msg {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// A text that the terminal pasted.
    Paste(String),
    /// The terminal got or lost the focus.
    Focused(bool),
    Resize {
        columns: u16,
        rows: u16,
    },
    /// The time, in milliseconds since the epoch.
    Tick {
        now: i64,
    },
    /// The program is asked to end: a signal, or the terminal went away.
    Terminate,
    /// The experiments, without counts yet, and the one of the newest run where that is known.
    Experiments(Result<(Vec<Experiment>, Option<ExperimentId>), StoreError>),
    /// How many runs the experiments have; none where the store cannot count them.
    Counts(Option<HashMap<ExperimentId, u64>>),
    /// The open experiment's runs, as far as they are read.
    Snapshot {
        generation: u64,
        snapshot: Snapshot,
    },
    /// The store was asked for changes and answered; `touched` when somebody wrote to it.
    Polled {
        generation: u64,
        touched: bool,
        /// How long it took to answer, in milliseconds.
        took: u64,
    },
    PollFailed {
        generation: u64,
        error: StoreError,
        retry_ms: u64,
    },
    /// The lines of a view in their order, and where the asked-for run stands among them.
    Projected {
        generation: u64,
        catalog: Arc<Catalog>,
        complete: bool,
        view: Box<View>,
        projection: Arc<Projection>,
        position: Option<usize>,
    },
    Histories {
        generation: u64,
        key: String,
        histories: Vec<(RunId, Vec<MetricPoint>)>,
    },
    /// Runs that were read to be compared.
    LoadedCompared {
        generation: u64,
        result: Result<Arc<Catalog>, StoreError>,
    },
    Compared {
        generation: u64,
        comparison: Arc<Comparison>,
    },
    /// Which params matter for a metric.
    Weighed {
        comparison: Arc<Comparison>,
        metric: String,
        matters: Matters,
    },
    /// What is new of a history.
    History {
        want: Want,
        result: Result<HistoryPart, StoreError>,
    },
    Run {
        generation: u64,
        result: Result<Box<Run>, StoreError>,
    },
    Artifacts {
        run: RunId,
        path: String,
        result: Result<ArtifactList, StoreError>,
    },
    Preview {
        run: RunId,
        path: String,
        result: Result<Preview, StoreError>,
    },
    Models {
        run: RunId,
        result: Result<Vec<LoggedModel>, StoreError>,
    },
    Written {
        write: Write,
        result: Result<(), StoreError>,
    },
    /// The policy, and what came of it.
    Selected {
        generation: u64,
        catalog: Arc<Catalog>,
        told: Vec<Objective>,
        resolved: Box<Resolved>,
        selection: Option<Arc<Selection>>,
        /// Runs above others that nobody has looked for.
        missing: Vec<RunId>,
    },
    /// Runs above others that were looked for.
    Ancestors {
        experiment: ExperimentId,
        asked: Vec<RunId>,
        result: Result<Arc<Catalog>, StoreError>,
    },
    /// A mark was made or undone: what is to be said of it.
    Marked(Result<Vec<String>, Unmarked>),
    /// What a mark would write.
    Planned(Result<Box<Plan>, StoreError>),
    /// A sweep began, or why it did not.
    Trained(Result<Box<Began>, String>),
    /// What the data of a plan come to.
    Checked {
        generation: u64,
        columns: Vec<String>,
        result: Result<String, String>,
    },
    /// What lies in a folder and can be data.
    DataListed {
        folder: String,
        entries: Vec<String>,
    },
    /// How far the sweeps of this machine are.
    Sweeps {
        list: Vec<Progress>,
        /// What of them cannot be read, and why.
        unread: Vec<String>,
    },
    SweepLog {
        name: String,
        text: String,
    },
    /// Something outside did not work out, or did and says so.
    Said(String),
    /// A task broke off with a panic.
    TaskFailed(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ListedExperiment {
    pub experiment: Experiment,
    /// Active runs, where the store can count them.
    pub runs: Option<u64>,
}

impl ListedExperiment {
    pub fn id(&self) -> &ExperimentId {
        &self.experiment.experiment_id
    }
}
