//! What the program wants done outside of itself. Plain data: it can be printed and compared.

use std::sync::Arc;
use std::time::Duration;

use super::memory::{Layout, Remembered};
use crate::catalog::summaries::Wanted;
use crate::catalog::view::{Picked, View};
use crate::catalog::{Catalog, Row};
use crate::compare::Comparison;
use crate::marking::{Request, Undoing};
use crate::mlflow::{ExperimentId, RunId, Tag};
use crate::select::{Ancestors, Policy};
use crate::sweep::request::SweepRequest;
use crate::tui::features::charts::histories::Want;

#[derive(Debug, Clone)]
pub enum Effect {
    LoadExperiments,
    /// Read an experiment and keep it current, in place of the one before.
    Watch {
        generation: u64,
        experiment: ExperimentId,
        /// Deleted runs too.
        deleted: bool,
    },
    /// The runs to look at anew: the selected one with every poll, the active ones and the others on the screen as often
    /// as they come up. And the histories that columns need, for these runs before all others.
    Attend {
        selected: Option<RunId>,
        active: Vec<RunId>,
        others: Vec<RunId>,
        wanted: Vec<Wanted>,
    },
    /// Poll now.
    Refresh,
    Pause(bool),
    /// Look at the state again after a while.
    Wake(Duration),
    /// Poll so often from now on.
    Pace(Duration),
    Project {
        generation: u64,
        catalog: Arc<Catalog>,
        complete: bool,
        view: Box<View>,
        /// What the position is wanted of, and where it stood.
        selected: Option<(Picked, usize)>,
        now: i64,
    },
    Histories {
        generation: u64,
        ids: Vec<RunId>,
        key: String,
    },
    /// Read runs that are compared and not all of the open experiment.
    LoadCompared {
        generation: u64,
        runs: Vec<(ExperimentId, RunId)>,
    },
    Compare {
        generation: u64,
        catalog: Arc<Catalog>,
        rows: Vec<Row>,
        is_grouped: bool,
        now: i64,
    },
    /// Find out which params matter for a metric.
    Weigh {
        comparison: Arc<Comparison>,
        metric: String,
        now: i64,
    },
    /// Read what is new of histories, in place of what is still being read for charts.
    ReadHistories(Vec<Want>),
    LoadRun {
        generation: u64,
        id: RunId,
    },
    ListArtifacts {
        id: RunId,
        path: String,
    },
    Preview {
        id: RunId,
        path: String,
    },
    LoadModels {
        id: RunId,
        models: Vec<crate::mlflow::ModelId>,
    },
    Write(Write),
    /// Resolve the policy and choose the best run.
    Select {
        generation: u64,
        catalog: Arc<Catalog>,
        tags: Vec<Tag>,
        chosen: Option<Box<Policy>>,
        ancestors: Arc<Ancestors>,
    },
    /// Read runs above others that are not in the table, such as deleted ones.
    ReadAncestors {
        experiment: ExperimentId,
        runs: Vec<RunId>,
    },
    /// Keep a policy for an experiment, or forget the one that there is.
    KeepPolicy {
        experiment: ExperimentId,
        policy: Option<Box<Policy>>,
    },
    /// Decide a plan and start a process that carries it out.
    Train(Box<Training>),
    /// Find out what the data of a plan come to.
    CheckPlan {
        generation: u64,
        wish: Box<SweepRequest>,
    },
    /// List what can be data in a folder, as it was typed.
    ListData(String),
    /// Find out how far the sweeps of this machine are.
    LookAtSweeps,
    Steer {
        sweep: String,
        steering: Steering,
    },
    ReadSweepLog(String),
    /// Find out what a mark would write.
    PlanMark(Box<Request>),
    /// Into the clipboard of whoever sits before the terminal.
    Copy(String),
    /// Into a new file; one that is there already stays as it is.
    Save {
        path: String,
        content: String,
    },
    Browse(String),
    /// Raise attention beyond the screen.
    Notify(String),
    Remember {
        experiment: Option<(ExperimentId, Box<Remembered>)>,
        layout: Layout,
    },
    SwitchProfile(String),
    Suspend,
    Quit,
}

/// A sweep to be begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    pub wish: SweepRequest,
    pub place: Place,
    pub jobs: Option<usize>,
    /// The plan was made by hand, and is the experiment's from now on.
    pub keeps: bool,
}

/// The experiment that a sweep logs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One that there is, with its name.
    Known(ExperimentId, String),
    /// One of this name, which is made if there is none.
    New(String),
}

impl Place {
    pub fn name(&self) -> &str {
        match self {
            Self::Known(_, name) | Self::New(name) => name,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    Pause,
    Continue,
    Cancel,
    Resume,
}

/// Something to be written to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    RenameRun {
        id: RunId,
        name: String,
    },
    RenameExperiment {
        id: ExperimentId,
        name: String,
    },
    DeleteRuns(Vec<RunId>),
    RestoreRuns(Vec<RunId>),
    SetTag {
        ids: Vec<RunId>,
        tag: Tag,
    },
    DeleteTag {
        ids: Vec<RunId>,
        key: String,
    },
    /// Mark a run best, and register its model.
    Mark(Box<Request>),
    UndoMark {
        experiment: ExperimentId,
        undoing: Undoing,
    },
}

impl Write {
    /// What was done, for people.
    pub fn done(&self) -> String {
        let runs = |ids: &[RunId]| match ids {
            [_] => "the run".to_owned(),
            ids => format!("{} runs", ids.len()),
        };
        match self {
            Self::RenameRun { name, .. } => format!("the run is {name} now"),
            Self::RenameExperiment { name, .. } => format!("the experiment is {name} now"),
            Self::DeleteRuns(ids) => {
                format!("deleted {}; g d shows deleted runs, D restores them", runs(ids))
            }
            Self::RestoreRuns(ids) => format!("restored {}", runs(ids)),
            Self::SetTag { ids, tag } => format!("set {} on {}", tag.key, runs(ids)),
            Self::DeleteTag { ids, key } => format!("removed {key} from {}", runs(ids)),
            Self::Mark(_) => "the run is marked best".into(),
            Self::UndoMark { .. } => "the mark is undone".into(),
        }
    }
}
