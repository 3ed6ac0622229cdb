//! The list of experiments, and their names.
//!
//! State: [`Experiments`], as `app.experiments`: the list with its cursor. The core calls `update`; others find an experiment by
//! its id in it.

pub mod actions;
pub mod effects;
pub mod update;
pub mod view;

use crate::sheet::{Cell, Sheet};
use crate::tui::core::app::App;
use std::collections::HashMap;

use crate::mlflow::{Experiment, ExperimentId};
use crate::store::StoreError;
use crate::tui::widgets::cursor::Cursor;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// The experiments, without counts yet, and the one of the newest run where that is known; it is tried again after so
    /// many milliseconds.
    Listed {
        result: Result<(Vec<Experiment>, Option<ExperimentId>), StoreError>,
        retry_ms: u64,
    },
    /// How many runs the experiments have; none where the store cannot count them.
    Counted(Option<HashMap<ExperimentId, u64>>),
    Renamed {
        name: String,
        result: Result<(), StoreError>,
    },
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

#[derive(Debug, Default)]
pub struct Experiments {
    pub list: Vec<ListedExperiment>,
    pub cursor: Cursor,
    /// Whether the list was ever read.
    pub loaded: bool,
    /// Whether runs were counted, as far as the store can.
    pub counted: bool,
    /// Why the last try to read it failed.
    pub error: Option<StoreError>,
}

impl Experiments {
    pub fn under_cursor(&self) -> Option<&ListedExperiment> {
        self.list.get(self.cursor.at)
    }

    pub fn find(&self, id: &ExperimentId) -> Option<&ListedExperiment> {
        self.list.iter().find(|listed| listed.id() == id)
    }

    /// Takes a new list; the cursor stays on its experiment, and counts stay until they are counted anew.
    pub fn replace(&mut self, experiments: Vec<Experiment>, height: usize) {
        let before = self.under_cursor().map(|listed| listed.id().clone());
        let known: HashMap<ExperimentId, Option<u64>> =
            self.list.drain(..).map(|listed| (listed.experiment.experiment_id, listed.runs)).collect();
        self.list = experiments
            .into_iter()
            .map(|experiment| {
                let runs = known.get(&experiment.experiment_id).copied().flatten();
                ListedExperiment { experiment, runs }
            })
            .collect();
        if let Some(at) = before.and_then(|id| self.list.iter().position(|listed| *listed.id() == id)) {
            self.cursor.at = at;
        }
        self.cursor.show(self.list.len(), height);
        self.loaded = true;
        self.error = None;
    }

    pub fn count(&mut self, counts: Option<&HashMap<ExperimentId, u64>>) {
        self.counted = true;
        for listed in &mut self.list {
            listed.runs = counts.map(|counts| counts.get(listed.id()).copied().unwrap_or(0));
        }
    }

    /// The experiment to open first: the wanted one by name or id, else the one of the newest run, else the newest.
    pub fn first(&self, wanted: Option<&str>, latest: Option<&ExperimentId>) -> Option<usize> {
        let all = self.list.iter().map(|listed| &listed.experiment);
        let by = |name: &str| Experiment::position(all.clone(), name);
        wanted
            .and_then(by)
            .or_else(|| self.list.iter().position(|listed| Some(listed.id()) == latest))
            .or(if self.list.is_empty() { None } else { Some(0) })
    }

    /// Whether all experiments are known to hold no run.
    pub fn are_empty(&self) -> bool {
        self.loaded && self.counted && self.list.iter().all(|listed| listed.runs == Some(0))
    }
}

/// The list as a table.
pub fn sheet(app: &App) -> Sheet {
    let mut sheet = Sheet::new(["experiment_id", "name", "runs", "artifact_location"]);
    for listed in &app.experiments.list {
        let runs = listed.runs.map_or(Cell::Missing, |runs| Cell::Integer(runs as i64));
        let experiment = &listed.experiment;
        let text = |text: &str| Cell::from(text);
        sheet.push([
            text(experiment.experiment_id.as_str()),
            text(&experiment.name),
            runs,
            text(&experiment.artifact_location),
        ]);
    }
    sheet
}
