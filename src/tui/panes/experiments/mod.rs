//! The list of experiments.

pub mod view;

use super::Cursor;
use crate::mlflow::ExperimentId;
use crate::store::StoreError;
use crate::tui::msg::ListedExperiment;

#[derive(Debug, Default)]
pub struct Experiments {
    pub list: Vec<ListedExperiment>,
    pub cursor: Cursor,
    /// Whether the list was ever read.
    pub loaded: bool,
    /// Why the last try to read it failed.
    pub error: Option<StoreError>,
}

impl Experiments {
    pub fn selected(&self) -> Option<&ListedExperiment> {
        self.list.get(self.cursor.at)
    }

    pub fn find(&self, id: &ExperimentId) -> Option<&ListedExperiment> {
        self.list.iter().find(|listed| listed.id() == id)
    }

    /// Takes a new list; the cursor stays on its experiment.
    pub fn replace(&mut self, list: Vec<ListedExperiment>, height: usize) {
        let selected = self.selected().map(|listed| listed.id().clone());
        self.list = list;
        if let Some(at) = selected.and_then(|id| self.list.iter().position(|listed| *listed.id() == id)) {
            self.cursor.at = at;
        }
        self.cursor.show(self.list.len(), height);
        self.loaded = true;
        self.error = None;
    }

    /// The experiment to open first: the wanted one by name or id, else the newest that has runs, else the newest.
    pub fn first(&self, wanted: Option<&str>) -> Option<usize> {
        let by = |name: &str| {
            let by_name = self.list.iter().position(|listed| listed.experiment.name == name);
            by_name.or_else(|| self.list.iter().position(|listed| listed.id().as_str() == name))
        };
        wanted
            .and_then(by)
            .or_else(|| self.list.iter().position(|listed| listed.runs.is_some_and(|runs| runs > 0)))
            .or(if self.list.is_empty() { None } else { Some(0) })
    }

    /// Whether the store is known to hold no run at all.
    pub fn is_empty_store(&self) -> bool {
        self.loaded && self.list.iter().all(|listed| listed.runs == Some(0))
    }
}
