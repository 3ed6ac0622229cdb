//! The list of experiments: searched, sorted, in folders; and what is written to them by hand.
//!
//! State: [`Experiments`], as `app.experiments`: all experiments, the lines that are shown of them, the cursor. The core calls
//! `update`; others find an experiment by its id in it.

pub mod actions;
pub mod arrange;
pub mod dialogs;
pub mod effects;
pub mod update;
pub mod view;

use crate::sheet::{Cell, Sheet};
use crate::tui::core::app::App;
use std::collections::HashMap;

use crate::marking::MARK;
use crate::mlflow::{Experiment, ExperimentId, LifecycleStage, Tag, tags};
use crate::promotion::is_of_log;
use crate::store::{RunCount, StoreError};
use crate::text;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::input::Input;
use arrange::{Arranged, Folds, ListLine, Order, Wanted, arrange};

/// So many experiments are shown with their folders open.
const FEW: usize = 100;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// All experiments, deleted ones too, without counts yet, and the one of the newest run where that is known; it is tried
    /// again after so many milliseconds.
    Listed {
        result: Result<(Vec<Experiment>, Option<ExperimentId>), StoreError>,
        retry_ms: u64,
    },
    /// How many runs the experiments have; none where the store cannot count them.
    Counted(Option<HashMap<ExperimentId, RunCount>>),
    /// When the newest runs began, where the store does not count.
    Began(HashMap<ExperimentId, i64>),
    /// An experiment has so many runs, or more where the store was not asked for all.
    RunsFound {
        id: ExperimentId,
        runs: Result<(usize, bool), StoreError>,
    },
    Created {
        name: String,
        result: Result<ExperimentId, StoreError>,
        /// The one that has the name already.
        holder: Option<Box<Experiment>>,
    },
    Written {
        write: effects::Write,
        result: Result<(), StoreError>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct ListedExperiment {
    pub experiment: Experiment,
    /// Active runs, where the store can count them.
    pub runs: Option<u64>,
    pub deleted_runs: u64,
    /// When its newest run began, where that is known.
    pub last_start: Option<i64>,
}

impl ListedExperiment {
    pub fn id(&self) -> &ExperimentId {
        &self.experiment.experiment_id
    }

    pub fn is_deleted(&self) -> bool {
        self.experiment.lifecycle_stage == LifecycleStage::Deleted
    }

    /// When something began in it: its newest run, or else itself.
    pub fn activity(&self) -> Option<i64> {
        self.last_start.or(self.experiment.creation_time)
    }

    pub fn tag(&self, key: &str) -> Option<&str> {
        self.experiment.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }
}

#[derive(Debug, Default)]
pub struct Experiments {
    /// All of them, the newest first, deleted ones too.
    pub list: Vec<ListedExperiment>,
    places: HashMap<ExperimentId, usize>,
    pub shown: Arranged,
    /// The line of what is shown.
    pub cursor: Cursor,
    pub order: Order,
    /// Without folders.
    pub is_flat: bool,
    /// Deleted ones are shown too.
    pub deleted: bool,
    pub words: Input,
    pub folds: Folds,
    /// Cells of the longest number behind a name.
    count_cells: usize,
    /// Experiments that are not deleted, and whether all of these are known to hold no run.
    active: usize,
    is_empty: bool,
    /// Whether the list was ever read.
    pub loaded: bool,
    /// Whether runs were counted, as far as the store can.
    pub counted: bool,
    /// Why the last try to read it failed.
    pub error: Option<StoreError>,
    /// What was just created, and is shown once it is listed.
    created: Option<ExperimentId>,
    /// When the newest runs were asked for last, where that takes a search.
    began_asked: Option<i64>,
}

/// What is under the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Experiment(ExperimentId),
    Folder(String),
}

impl Experiments {
    pub fn length(&self) -> usize {
        self.shown.lines.len()
    }

    pub fn line_under_cursor(&self) -> Option<&ListLine> {
        self.shown.lines.get(self.cursor.at)
    }

    pub fn under_cursor(&self) -> Option<&ListedExperiment> {
        self.line_under_cursor().filter(|line| line.folder.is_none()).map(|line| &self.list[line.at])
    }

    /// The path of a line that is a folder.
    pub fn folder(&self, line: &ListLine) -> Option<&str> {
        line.folder.map(|_| &self.list[line.at].experiment.name[..line.end])
    }

    pub fn find(&self, id: &ExperimentId) -> Option<&ListedExperiment> {
        self.places.get(id).map(|at| &self.list[*at])
    }

    fn key(&self, line: &ListLine) -> Key {
        match self.folder(line) {
            Some(path) => Key::Folder(path.to_owned()),
            None => Key::Experiment(self.list[line.at].id().clone()),
        }
    }

    /// Takes a new list; the cursor stays on its experiment, and counts stay until they are counted anew.
    pub fn replace(&mut self, experiments: Vec<Experiment>, height: usize) {
        let is_first = !self.loaded;
        self.loaded = true;
        self.error = None;
        if !is_first && self.list.iter().map(|listed| &listed.experiment).eq(&experiments) {
            return;
        }
        let before = self.line_under_cursor().map(|line| self.key(line));
        let mut known: HashMap<ExperimentId, ListedExperiment> =
            self.list.drain(..).map(|listed| (listed.id().clone(), listed)).collect();
        self.list = experiments
            .into_iter()
            .map(|experiment| match known.remove(&experiment.experiment_id) {
                Some(listed) => ListedExperiment { experiment, ..listed },
                None => ListedExperiment { experiment, runs: None, deleted_runs: 0, last_start: None },
            })
            .collect();
        let ids = self.list.iter().enumerate().map(|(at, listed)| (listed.id().clone(), at));
        self.places = ids.collect();
        self.active = self.list.iter().filter(|listed| !listed.is_deleted()).count();
        if is_first {
            self.folds = Folds::are_all(self.active > FEW);
        }
        self.counts_changed();
        self.arrange_around(before.as_ref(), height);
    }

    pub fn count(&mut self, counts: Option<&HashMap<ExperimentId, RunCount>>, height: usize) {
        self.counted = true;
        let mut is_other = false;
        for listed in &mut self.list {
            let count = counts.map(|counts| counts.get(listed.id()).copied().unwrap_or_default());
            let runs = count.map(|count| count.active);
            let last_start = count.map_or(listed.last_start, |count| count.last_start);
            is_other |= (runs, last_start) != (listed.runs, listed.last_start);
            listed.runs = runs;
            listed.last_start = last_start;
            listed.deleted_runs = count.map_or(0, |count| count.deleted);
        }
        self.counts_changed();
        if is_other {
            self.arrange(height);
        }
    }

    /// Takes that an experiment was deleted or restored, before it is listed anew.
    fn stage(&mut self, id: &ExperimentId, stage: LifecycleStage, height: usize) {
        let Some(at) = self.places.get(id) else { return };
        self.list[*at].experiment.lifecycle_stage = stage;
        self.active = self.list.iter().filter(|listed| !listed.is_deleted()).count();
        self.arrange(height);
    }

    /// Takes when the newest runs began.
    fn began(&mut self, starts: &HashMap<ExperimentId, i64>, height: usize) {
        for listed in &mut self.list {
            listed.last_start = starts.get(listed.id()).copied().or(listed.last_start);
        }
        self.arrange(height);
    }

    fn counts_changed(&mut self) {
        let counts = self.list.iter().filter_map(|listed| listed.runs);
        self.count_cells = counts.max().map_or(0, |most| text::count(most as usize).len());
        let active = self.list.iter().filter(|listed| !listed.is_deleted());
        self.is_empty = active.into_iter().all(|listed| listed.runs == Some(0));
    }

    /// Lays the lines out anew; the cursor stays on what it is on.
    pub fn arrange(&mut self, height: usize) {
        let before = self.line_under_cursor().map(|line| self.key(line));
        self.arrange_around(before.as_ref(), height);
    }

    fn arrange_around(&mut self, before: Option<&Key>, height: usize) {
        let widest = self.shown.widest;
        self.shown = arrange(
            &self.list,
            Wanted {
                order: self.order,
                is_flat: self.is_flat,
                deleted: self.deleted,
                words: self.words.value(),
                folds: &self.folds,
            },
        );
        if !self.words.value().trim().is_empty() {
            // Borders do not move while somebody types.
            self.shown.widest = widest;
        }
        if let Some(key) = before
            && let Some(at) = self.shown.lines.iter().position(|line| self.is(line, key))
        {
            self.cursor.at = at;
        }
        self.cursor.show(self.length(), height);
    }

    fn is(&self, line: &ListLine, key: &Key) -> bool {
        match key {
            Key::Experiment(id) => line.folder.is_none() && self.list[line.at].id() == id,
            Key::Folder(path) => self.folder(line) == Some(path),
        }
    }

    /// Puts the cursor on an experiment, whatever hides it; whether there is one of this id.
    pub fn go_to(&mut self, id: &ExperimentId, height: usize) -> bool {
        let Some(at) = self.places.get(id).copied() else { return false };
        let listed = &self.list[at];
        self.deleted |= listed.is_deleted();
        self.folds.reveal(&listed.experiment.name);
        if !self.words.value().is_empty() {
            self.words.reset();
        }
        self.arrange_around(Some(&Key::Experiment(id.clone())), height);
        true
    }

    /// Opens or closes the folder under the cursor.
    pub fn fold(&mut self, height: usize) {
        let path = self.line_under_cursor().and_then(|line| self.folder(line)).map(str::to_owned);
        if let Some(path) = path {
            self.folds.toggle(&path);
            self.arrange(height);
        }
    }

    /// The line of the folder that a line is in.
    pub fn parent(&self, at: usize) -> Option<usize> {
        let depth = self.shown.lines.get(at)?.depth;
        (0..at).rev().find(|above| self.shown.lines[*above].depth < depth)
    }

    /// The experiment to open first: the wanted one by name or id, else the one of the newest run, else the newest.
    pub fn first(&self, wanted: Option<&str>, latest: Option<&ExperimentId>) -> Option<ExperimentId> {
        let all = || self.list.iter().filter(|listed| !listed.is_deleted());
        let experiments: Vec<&Experiment> = all().map(|listed| &listed.experiment).collect();
        let by = |name: &str| Experiment::position(experiments.iter().copied(), name);
        let latest = || all().position(|listed| Some(listed.id()) == latest);
        let at = wanted.and_then(by).or_else(latest).unwrap_or(0);
        experiments.get(at).map(|experiment| experiment.experiment_id.clone())
    }

    /// Whether all experiments are known to hold no run.
    pub fn are_empty(&self) -> bool {
        self.loaded && self.counted && self.is_empty
    }

    /// The only experiment there is.
    pub fn only(&self) -> Option<&ListedExperiment> {
        self.list.iter().find(|listed| !listed.is_deleted()).filter(|_| self.active == 1)
    }

    /// Whether there is nothing to choose from.
    pub fn are_few(&self) -> bool {
        self.loaded && self.active <= 1 && !self.deleted
    }

    /// Cells that the pane needs.
    pub fn width(&self) -> u16 {
        // The borders, the sign of the open one, that of the champion, and the count between blanks.
        let needed = self.shown.widest + self.count_cells + 7;
        // The title says what else is to be known of the list.
        let said = self.said().iter().map(|words| text::width(words) + 3).sum::<usize>();
        let title = view::TITLE_WIDTH + text::count(self.shown.of).len() + said;
        needed.max(title).max(view::LEAST_WIDTH).min(u16::MAX.into()) as u16
    }

    /// That the list is another one than at first.
    fn said(&self) -> Vec<&'static str> {
        let deleted = self.deleted.then_some("with deleted");
        let order = (self.order != Order::default()).then(|| self.order.in_words());
        deleted.into_iter().chain(order).collect()
    }
}

/// Whether people set a tag: neither MLflow nor our own logs.
pub fn is_own(tag: &Tag) -> bool {
    !tags::is_system(&tag.key) && tag.key != MARK && !is_of_log(&tag.key)
}

/// What is most worth knowing of an experiment: its note and tags, and where its files are.
pub fn in_a_line(listed: &ListedExperiment) -> String {
    let experiment = &listed.experiment;
    let mut parts = vec![format!("experiment {}", listed.id())];
    parts.extend(listed.tag(tags::NOTE).and_then(|note| note.lines().next()).map(str::to_owned));
    let own = experiment.tags.iter().filter(|tag| is_own(tag));
    parts.extend(own.map(|tag| format!("{}={}", tag.key, tag.value)));
    parts.push(experiment.artifact_location.clone());
    parts.join("  ")
}

/// The list as a table.
pub fn sheet(app: &App) -> Sheet {
    let mut sheet = Sheet::new(["experiment_id", "name", "runs", "artifact_location"]);
    // What stands in closed folders is shown as well.
    let Experiments { list, order, deleted, words, folds, .. } = &app.experiments;
    let wanted = Wanted { order: *order, is_flat: true, deleted: *deleted, words: words.value(), folds };
    for listed in arrange(list, wanted).lines.iter().map(|line| &list[line.at]) {
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
