//! One run in full: overview, metrics, params, tags, artifacts, data sets, models.

pub mod artifacts;
pub mod effects;
mod lines;
pub mod preview;
pub mod update;
pub mod view;

use crate::mlflow::{LoggedModel, Run, RunId};
use crate::sheet::{Cell, Sheet};
use crate::store::{ArtifactList, StoreError};
use crate::tui::core::app::App;
use crate::tui::core::layout::Tab;
use crate::tui::widgets::cursor::Cursor;
use artifacts::ArtifactTree;
pub use lines::{DetailLine, LineRole};

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    Run { generation: u64, result: Result<Box<Run>, StoreError> },
    Artifacts { run: RunId, path: String, result: Result<ArtifactList, StoreError> },
    Preview { run: RunId, path: String, result: Result<preview::Preview, StoreError> },
    Models { run: RunId, result: Result<Vec<LoggedModel>, StoreError> },
}

/// The logged models of a run; none as long as they are on their way.
#[derive(Debug)]
pub struct Models {
    pub run: RunId,
    pub answer: Option<Result<Vec<LoggedModel>, StoreError>>,
}

#[derive(Debug, Default)]
pub struct Details {
    pub tab: Tab,
    pub cursor: Cursor,
    /// The run that is wanted; what is shown may still be the one before, under its own name.
    pub wanted: Option<RunId>,
    pub run: Option<Box<Run>>,
    pub error: Option<StoreError>,
    pub generation: u64,
    pub artifacts: ArtifactTree,
    /// The models of a run, once they were asked for.
    pub models: Option<Models>,
}

impl Details {
    /// Nothing is known of the experiment that is opened now.
    pub fn clear(&mut self) {
        *self = Self { tab: self.tab, generation: self.generation + 1, ..Self::default() };
    }

    /// Takes the run that was requested.
    pub fn show(&mut self, run: Box<Run>) {
        let is_other = self.run.as_ref().is_none_or(|old| old.info.run_id != run.info.run_id);
        if is_other {
            self.cursor = Cursor::default();
            self.artifacts = ArtifactTree::default();
            self.models = None;
        }
        self.run = Some(run);
        self.error = None;
    }

    pub fn choose_tab(&mut self, tab: Tab) {
        self.tab = tab;
        self.cursor = Cursor::default();
        self.artifacts.preview = None;
    }

    pub fn step_tab(&mut self, by: isize) {
        let count = Tab::ALL.len() as isize;
        let at = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0) as isize;
        self.choose_tab(Tab::ALL[(at + by).rem_euclid(count) as usize]);
    }

    pub fn step(&mut self, by: isize, length: usize, height: usize) {
        match &mut self.artifacts.preview {
            Some(preview) if self.tab == Tab::Artifacts => preview.step(by, height),
            _ => self.cursor.step(by, length, height),
        }
    }

    /// Whether Enter opens a folder or a file.
    pub fn can_open(&self) -> bool {
        match self.tab {
            Tab::Artifacts => self.artifacts.preview.is_none() && !self.artifacts.entries().is_empty(),
            _ => false,
        }
    }

    pub fn shown_run(&self) -> Option<&RunId> {
        self.run.as_ref().map(|run| &run.info.run_id)
    }
}

/// The lines of a tab.
pub fn sheet(app: &App) -> Option<Sheet> {
    app.details.run.as_ref()?;
    if app.details.tab == Tab::Charts {
        return None;
    }
    let mut sheet = Sheet::new(["key", "value"]);
    for line in app.details.window(0..app.details.length(), &app.runs.name, app.now) {
        sheet.push([Cell::from(line.key.trim()), Cell::Text(line.exact.unwrap_or(line.value))]);
    }
    Some(sheet)
}
