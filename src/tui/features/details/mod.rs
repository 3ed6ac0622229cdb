//! One run in full: overview, metrics, params, tags, artifacts, data sets, models.
//!
//! State: [`Details`], as `app.details`: the tab, the run that was fetched, its artifacts and models. The core calls `update`;
//! others ask [`Details::run`] which run is shown.

pub mod actions;
pub mod artifacts;
pub mod effects;
pub mod find;
pub mod glance;
mod lines;
pub mod metrics;
pub mod models;
pub mod picturing;
pub mod preview;
pub mod series;
pub mod update;
pub mod view;

use std::sync::Arc;

use ratatui::layout::Rect;

use crate::catalog::Catalog;
use crate::catalog::view::children;
use crate::mlflow::{ModelVersion, Run, RunId};
use crate::sheet::{Cell, Sheet};
use crate::store::{ArtifactList, StoreError};
use crate::text::notes::Words;
use crate::tui::core::app::App;
use crate::tui::core::layout::{Tab, details_body};
use crate::tui::core::remote::{Remote, Ticket};
use crate::tui::widgets::cursor::Cursor;
use artifacts::ArtifactTree;
use find::Find;
use glance::Glanced;
pub use lines::{DetailLine, LineRole, LineTarget};
use models::RunModel;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    Run {
        ticket: Ticket,
        result: Result<Box<Run>, StoreError>,
    },
    Artifacts {
        run: RunId,
        path: String,
        ticket: Ticket,
        result: Result<ArtifactList, StoreError>,
    },
    Preview {
        run: RunId,
        path: String,
        ticket: Ticket,
        result: Result<preview::Preview, StoreError>,
    },
    Models {
        run: RunId,
        ticket: Ticket,
        result: Result<Vec<RunModel>, StoreError>,
    },
    /// What the cursor rests on among the artifacts.
    Glance {
        run: RunId,
        path: String,
        ticket: Ticket,
        result: Result<Glanced, StoreError>,
    },
}

#[derive(Debug, Default)]
pub struct Details {
    pub tab: Tab,
    pub cursor: Cursor,
    /// The run that is wanted; what is shown may still be the one before, under its own name.
    pub wanted: Option<RunId>,
    pub fetched: Remote<Box<Run>>,
    pub artifacts: ArtifactTree,
    pub find: Find,
    /// The file that is looked into was opened from here among the models.
    opened_from: Option<Cursor>,
    /// The models of the run that is shown.
    pub models: Remote<Vec<RunModel>>,
    /// They were asked for with what is in their folders.
    pub asks_whole: bool,
    /// The registered versions of the run that is shown, as far as they are known.
    pub registered: Vec<ModelVersion>,
    /// They are known: there are no others.
    pub knows_registered: bool,
    /// The runs under the one that is shown, and what they were looked up in.
    pub children: Vec<RunId>,
    children_of: Option<(RunId, Arc<Catalog>)>,
    note: NoteLines,
    metrics: MetricOrder,
}

/// The order in which the metrics of a run are told: what decides first, times and the machine last.
#[derive(Debug, Default)]
struct MetricOrder {
    /// For this run, so many metrics, and these first.
    of: Option<(RunId, usize, Vec<String>)>,
    places: Vec<usize>,
}

/// The note of a run, laid out for so many cells.
#[derive(Debug, Default)]
struct NoteLines {
    text: String,
    room: usize,
    lines: Vec<Vec<Words>>,
    /// Lines that have room.
    most: usize,
}

/// Cells of a column of lines, and the most columns.
const COLUMN: u16 = 68;
const MOST_COLUMNS: u16 = 2;

impl Details {
    /// Nothing is known of the experiment that is opened now.
    pub fn clear(&mut self) {
        let fetched = std::mem::take(&mut self.fetched).forgotten();
        let models = std::mem::take(&mut self.models).forgotten();
        *self = Self { tab: self.tab, fetched, models, ..Self::default() };
    }

    /// The run that is shown.
    pub fn run(&self) -> Option<&Run> {
        self.fetched.value().map(AsRef::as_ref)
    }

    /// Takes the run that was asked for, if nothing else was asked for since.
    pub fn take(&mut self, ticket: Ticket, result: Result<Box<Run>, StoreError>, now: i64) {
        let before = self.shown_run().cloned();
        if self.fetched.take(ticket, result, now) && self.shown_run() != before.as_ref() {
            self.cursor = Cursor::default();
            self.artifacts = ArtifactTree::default();
            self.find = Find::default();
            self.models.forget();
        }
    }

    pub fn choose_tab(&mut self, tab: Tab) {
        self.tab = tab;
        self.find = Find::default();
        self.cursor = Cursor::default();
        self.artifacts.preview = None;
        self.opened_from = None;
    }

    /// Closes the file that is looked into, and goes back to where it was opened. Whether there was one.
    pub fn close_file(&mut self) -> bool {
        let was_open = self.artifacts.preview.take().is_some();
        self.find = Find::default();
        if was_open && let Some(cursor) = self.opened_from.take() {
            self.choose_tab(Tab::Models);
            self.cursor = cursor;
        }
        was_open
    }

    /// Columns that the lines stand in: what does not fit goes on beside them, where there is room.
    pub fn columns(&self, body: Rect) -> u16 {
        let is_list = match self.tab {
            Tab::Overview | Tab::Params | Tab::Tags | Tab::Datasets => true,
            Tab::Charts | Tab::Metrics | Tab::Artifacts | Tab::Models => false,
        };
        if !is_list || self.length() <= body.height as usize {
            return 1;
        }
        (body.width / COLUMN).clamp(1, MOST_COLUMNS)
    }

    /// Lines that are on the screen, in a pane.
    pub fn seen(&self, pane: Rect) -> usize {
        let body = self.list_area(details_body(pane));
        (body.height as usize).saturating_sub(self.titles()) * usize::from(self.columns(body))
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

    /// Looks up the runs under the one that is shown, where it is another one or there may be others.
    fn follow_children(&mut self, catalog: &Arc<Catalog>) {
        let Some(run) = self.shown_run().filter(|_| self.tab == Tab::Overview) else { return };
        let is_known =
            self.children_of.as_ref().is_some_and(|(of, known)| of == run && Arc::ptr_eq(known, catalog));
        if is_known {
            return;
        }
        let run = run.clone();
        let rows = catalog.find(run.as_str()).map_or_else(Vec::new, |row| children(catalog, row));
        self.children = rows.into_iter().map(|row| RunId::from(catalog.run_id(row))).collect();
        self.children_of = Some((run, Arc::clone(catalog)));
    }

    /// Whether Enter opens a folder or a file.
    pub fn can_open(&self) -> bool {
        match self.tab {
            Tab::Artifacts => self.artifacts.preview.is_none() && self.artifacts.count() > 0,
            Tab::Models => {
                let target = self.target_under_cursor();
                let opens = |target| {
                    matches!(
                        target,
                        LineTarget::File(_) | LineTarget::FilesBelow(_) | LineTarget::Version(..)
                    )
                };
                target.is_some_and(opens)
            }
            Tab::Charts => false,
            // Asked for every frame: a data set's schema may be long, and is not copied for that.
            Tab::Metrics => self.run().is_some_and(|run| !run.metrics.is_empty()),
            Tab::Params => self.run().is_some_and(|run| !run.params.is_empty()),
            Tab::Tags => self.run().is_some_and(|run| !run.tags.is_empty()),
            Tab::Datasets => self.run().is_some_and(|run| !run.inputs.is_empty()),
            Tab::Overview => self.run().is_some(),
        }
    }

    /// Whether the cursor is on a folder of files.
    pub fn is_on_folder(&self) -> bool {
        match self.tab {
            Tab::Artifacts => {
                let entry = self.artifacts.entry(self.cursor.at);
                let is_folder = matches!(entry, Some(artifacts::ArtifactEntry::Folder { .. }));
                self.artifacts.preview.is_none() && is_folder
            }
            Tab::Models => {
                let target = self.target_under_cursor();
                let is_folder = |target| {
                    matches!(
                        target,
                        LineTarget::Folder(_) | LineTarget::FilesBelow(_) | LineTarget::Version(..)
                    )
                };
                target.is_some_and(is_folder)
            }
            _ => false,
        }
    }

    /// What the line under the cursor is of.
    pub fn target_under_cursor(&self) -> Option<LineTarget> {
        self.window(self.cursor.at..self.cursor.at + 1, "", 0).pop()?.target
    }

    /// The address of the files under the cursor: `runs:/RUN/PATH`, or `models:/…`.
    pub fn address_under_cursor(&self) -> Option<String> {
        let (run, path) = match self.tab {
            Tab::Artifacts => self.artifact_under_cursor()?,
            Tab::Models => match self.target_under_cursor()? {
                LineTarget::Folder(address) => return Some(address),
                LineTarget::Version(model, version) => return Some(format!("models:/{model}/{version}")),
                LineTarget::File(path) | LineTarget::FilesBelow(path) => {
                    return Some(address_of(self.shown_run()?, &path));
                }
                LineTarget::Run(_) => return None,
            },
            _ => return None,
        };
        Some(address_of(run, path))
    }

    /// The run and the path of the file that is looked into, or of what is under the cursor in the tree.
    pub fn artifact_under_cursor(&self) -> Option<(&RunId, &str)> {
        let run = self.shown_run()?;
        if let Some(opened) = &self.artifacts.preview {
            return Some((run, &opened.path));
        }
        Some((run, self.artifacts.path(self.cursor.at)?))
    }

    pub fn shown_run(&self) -> Option<&RunId> {
        self.run().map(|run| &run.info.run_id)
    }
}

/// The address of a path in the tree of artifacts: that of a logged model's file is one already.
fn address_of(run: &RunId, path: &str) -> String {
    if is_of_model(path) { path.to_owned() } else { format!("runs:/{run}/{path}") }
}

/// Whether a path in the tree is that of a logged model, and not of the run.
fn is_of_model(path: &str) -> bool {
    path.starts_with("models:/m-")
}

/// The lines of a tab.
pub fn sheet(app: &App) -> Option<Sheet> {
    app.details.run()?;
    if app.details.tab == Tab::Charts {
        return None;
    }
    let mut sheet = Sheet::new(["key", "value"]);
    for line in app.details.window(0..app.details.length(), &app.runs.name, app.now) {
        sheet.push([Cell::from(line.key.trim()), Cell::Text(line.exact.unwrap_or(line.value))]);
    }
    Some(sheet)
}
