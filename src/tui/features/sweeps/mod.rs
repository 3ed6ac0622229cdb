//! Sweeps: begun with one key or by a plan, listed with their progress, paused, cancelled, resumed.
//!
//! State: [`Sweeps`], as `app.sweeps`: the sweeps of this machine, the plans of experiments; the form of a plan stands in the
//! overlay. The core calls `update`; the greeting of an empty store asks what training would begin.

pub mod actions;
pub mod effects;
pub mod list;
pub mod log;
pub mod plan;
pub mod screen;
pub mod steering;
pub mod update;

use std::collections::HashMap;

use crate::compare::importance::Matters;
use crate::mlflow::ExperimentId;
use crate::select::{Goal, Policy, reason};
use crate::sweep::engine::rules::Mode;
use crate::sweep::executor_plan::SlurmOptions;
use crate::sweep::planned::{PlannedCommand, PlannedSweep};
use crate::sweep::progress::{Progress, SweepStatus};
use crate::sweep::request::SweepRequest;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::remote::Ticket;
use actions::Action;
use log::LogPart;
use plan::command::CheckedCommand;
use screen::SweepNews;
use screen::effects::TrialDetails;

/// The sweeps of this machine, and what is known of how to begin one.
#[derive(Debug, Default)]
pub struct Sweeps {
    pub list: Vec<Progress>,
    /// What of them cannot be read, and why.
    pub unread: Vec<String>,
    /// The plans of experiments.
    pub plans: HashMap<ExperimentId, PlannedSweep>,
    /// The sweep of the settings; without data there is none.
    pub settled: SweepRequest,
    pub jobs: Option<usize>,
    /// What the settings ask of Slurm.
    pub slurm: SlurmOptions,
    /// What was asked for before it was known what is there.
    pub waits: Option<Action>,
    /// One was asked for, and has not begun yet.
    pub is_starting: bool,
    /// When they were asked for last.
    pub asked: i64,
    /// The id of the sweep that the list opens at, until it is known where that is.
    pub listed_at: Option<String>,
    /// To be opened as soon as it is listed.
    pub opens: Option<ExperimentId>,
    /// The sweep that was begun last, until a key is pressed: when it has ended, the cursor goes to the best run.
    pub watched: Option<(String, ExperimentId)>,
}

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A sweep began, or why it did not.
    Trained(Result<Box<StartedSweep>, String>),
    /// What the data of a plan come to.
    Checked {
        ticket: Ticket,
        columns: Vec<String>,
        result: Result<String, String>,
    },
    /// Where the script of a command lies, and how it is run.
    ScriptFound {
        ticket: Ticket,
        planned: Box<PlannedCommand>,
    },
    /// What the plan of a command comes to.
    CommandChecked {
        ticket: Ticket,
        result: Result<CheckedCommand, String>,
    },
    /// What lies in a folder and can be data.
    DataListed {
        folder: String,
        entries: Vec<String>,
    },
    /// The progress of the sweeps of this machine.
    Progress {
        list: Vec<Progress>,
        /// What of them cannot be read, and why.
        unread: Vec<String>,
    },
    Log {
        name: String,
        text: String,
    },
    /// What is new of a sweep.
    Followed {
        sweep: String,
        ticket: Ticket,
        result: Result<SweepNews, String>,
    },
    /// What is known of trials besides the journal.
    Described {
        ticket: Ticket,
        trials: Vec<(usize, TrialDetails)>,
    },
    /// Which params matter.
    Weighed {
        ticket: Ticket,
        matters: Matters,
    },
    /// What is new of the log of a trial.
    LogRead {
        ticket: Ticket,
        result: Result<LogPart, String>,
    },
}

/// A sweep that was begun.
#[derive(Debug, Clone, PartialEq)]
pub struct StartedSweep {
    pub name: String,
    pub experiment: ExperimentId,
    pub experiment_name: String,
    pub planned: PlannedSweep,
    pub trials: Option<usize>,
    /// What it is scored by.
    pub metric: String,
    pub mode: Mode,
}

/// That a sweep in the open experiment is scored by something else than its runs are judged by.
pub fn apart(app: &App, experiment: &ExperimentId, metric: &str, mode: Mode) -> Option<String> {
    reason::apart(policy_of(app, experiment)?, metric, goal_of(mode))
}

/// The same beside what the sweep is scored by.
pub fn judged_otherwise(app: &App, sweep: &Progress) -> Option<String> {
    reason::judged_otherwise(policy_of(app, &sweep.experiment)?, &sweep.metric, goal_of(sweep.mode))
}

/// What the runs of an experiment are judged by; it is known of the open one.
fn policy_of<'a>(app: &'a App, experiment: &ExperimentId) -> Option<&'a Policy> {
    app.best.policy().filter(|_| app.runs.experiment.as_ref() == Some(experiment))
}

fn goal_of(mode: Mode) -> Goal {
    match mode {
        Mode::Min => Goal::Minimize,
        Mode::Max => Goal::Maximize,
    }
}

impl Sweeps {
    /// The place in the list of the sweep of that id.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.list.iter().position(|sweep| sweep.id == id)
    }

    pub fn new(
        settled: SweepRequest,
        jobs: Option<usize>,
        slurm: SlurmOptions,
        plans: HashMap<ExperimentId, PlannedSweep>,
    ) -> Self {
        Self { plans, settled, jobs, slurm, ..Self::default() }
    }

    /// Those that are under way.
    pub fn active(&self) -> impl Iterator<Item = &Progress> {
        self.list.iter().filter(|sweep| sweep.state.is_active())
    }

    /// A few words for the header, while anything is under way.
    pub fn in_words(&self) -> Option<String> {
        let active: Vec<&Progress> = self.active().collect();
        match active.as_slice() {
            [] => None,
            [one] => {
                let of = one.of.map_or(String::new(), |of| format!("/{of}"));
                let paused = if one.state == SweepStatus::Paused { " paused" } else { "" };
                if one.is_logging() {
                    return Some(format!("sweep {}{of}, logging", one.ended()));
                }
                let left = one
                    .left
                    .filter(|left| *left >= 1.0)
                    .map_or(String::new(), |left| format!(", {} left", text::span((left * 1000.0) as i64)));
                Some(format!("sweep{paused} {}{of}{left}", one.ended()))
            }
            several => Some(format!("{} sweeps", several.len())),
        }
    }
}
