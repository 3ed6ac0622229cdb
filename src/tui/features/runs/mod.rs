//! The table of runs: which lines and columns, where the cursor is, what is selected, the sparklines of what is on the screen;
//! and what is written to runs by hand.
//!
//! State: [`Runs`], as `app.runs`: the newest catalogue, the lines that are shown of it, the view that is wanted. The core calls
//! `update`; others ask [`Runs`] for the run under the cursor and the selected ones.

pub mod actions;
pub mod cells;
pub mod chips;
pub mod column_layout;
pub mod columns;
pub mod dialogs;
pub mod effects;
pub mod filters;
pub mod grouping;
pub mod heat;
pub mod placeholders;
mod projecting;
pub mod row_index;
pub mod selection;
pub mod sparks;
pub mod telling;
pub mod titles;
pub mod update;
pub mod view;
pub mod views;
pub mod watch;

use crate::sheet::{Cell, Sheet};
use crate::tui::core::app::App;
use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::catalog::sort::SortKey;
use crate::catalog::summaries::NeededHistory;
use crate::catalog::sync::Snapshot;
use crate::catalog::view::{Group, LineKey, LineKind, Projection, Shape, View};
use crate::catalog::{Bound, Catalog, ColumnSpec, Row};
use crate::config::DefaultColumn;
use crate::mlflow::filter::Expression;
use crate::mlflow::{ExperimentId, MetricPoint, RunId};
use crate::state::views::NamedView;
use crate::store::StoreError;
use crate::tui::core::memory::{Remembered, RememberedColumn, RememberedShape, sort_text};
use crate::tui::core::remote::{Remote, Ticket};
use crate::tui::core::selected::SelectedRuns;
use crate::tui::core::signs::RunBadges;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::input::Input;
use columns::{LeftOut, TableColumn};
use filters::Filters;
use heat::Heat;
use row_index::RowIndex;
use sparks::Spark;
use telling::{TellingColumns, key_counts};
use views::PickedView;

/// Metric columns whose extremes a group shows.
const MEASURED: usize = 32;

/// What tasks bring back. Answers carry the ticket of their request.
#[derive(Debug, Clone)]
pub enum Msg {
    /// The open experiment's runs, as far as they are read.
    Snapshot {
        ticket: Ticket,
        snapshot: Snapshot,
    },
    /// The store was asked for changes and answered; `touched` when somebody wrote to it.
    Polled {
        ticket: Ticket,
        touched: bool,
        /// How long it took to answer, in milliseconds.
        took: u64,
    },
    /// No answer has come for [`SILENCE`](watch::SILENCE); it may still come.
    Unanswered {
        ticket: Ticket,
    },
    PollFailed {
        ticket: Ticket,
        error: StoreError,
        retry_ms: u64,
    },
    /// The lines of a view in their order, and where the asked-for run stands among them.
    Projected {
        ticket: Ticket,
        catalog: Arc<Catalog>,
        complete: bool,
        view: Box<View>,
        projection: Arc<Projection>,
        position: Option<usize>,
        telling: Option<TellingColumns>,
    },
    Sparks {
        ticket: Ticket,
        key: String,
        histories: Vec<(RunId, Vec<MetricPoint>)>,
    },
    /// Views of a file.
    ViewsRead(Result<Vec<NamedView>, String>),
    Written {
        write: effects::Write,
        result: Result<(), StoreError>,
    },
}

#[derive(Debug, Default)]
pub struct Runs {
    pub experiment: Option<ExperimentId>,
    pub name: String,
    /// Who looks at them.
    pub user: String,
    /// What the lines belong to; they are replaced together.
    pub catalog: Arc<Catalog>,
    pub projection: Arc<Projection>,
    /// The view that the lines show; the one that is wanted may be newer.
    pub shown_view: View,
    /// The newest catalogue, whose rows are perhaps still being sorted: an answer with every change.
    pub newest: Remote<Snapshot>,
    /// When that came, and the catalogue that is shown; polls that find nothing new do not count.
    pub newest_as_of: Option<i64>,
    pub catalog_as_of: Option<i64>,
    /// Whether anything was ever shown of this experiment, and whether that is all.
    pub loaded: bool,
    pub complete: bool,
    pub view: View,
    /// The words as they are typed, and the filter expression as it was.
    pub words: Input,
    /// The words before those that are being typed.
    pub words_before: String,
    pub filter_text: String,
    /// The filters before.
    pub filters: Filters,
    /// The view that was picked.
    pub picked_view: Option<PickedView>,
    /// Deleted runs are shown too.
    pub deleted: bool,
    /// The lines of a view; what came of them is in `projection`.
    pub projecting: Remote<()>,
    /// When they were asked for last.
    pub projected_at: i64,
    pub cursor: Cursor,
    /// The aliases of the registered versions of runs.
    pub badges: RunBadges,
    /// What is under the cursor: once the cursor was moved, it follows that through refresh and sort.
    pub under_cursor: Option<LineKey>,
    /// The user moved the cursor, or did something else about what is under it; until then it stays at the top, whatever
    /// comes there.
    pub is_chosen: bool,
    /// The user moved the cursor; until then another order or filter shows its first rows.
    was_moved: bool,
    /// Ids of runs that came in above the window and were not seen since.
    above: FxHashSet<String>,
    /// Where runs were found.
    row_index: RowIndex,
    /// Selected runs, of this experiment and of others, and where a range that is being selected began.
    pub selected: SelectedRuns,
    pub range_from: Option<usize>,
    pub columns: Vec<TableColumn>,
    /// Whether the user chose the columns.
    pub own_columns: bool,
    /// The columns that the settings want without such a choice.
    pub default_columns: Vec<DefaultColumn>,
    /// Columns that are the same for all runs shown are left out: those, and where they stood.
    pub differing: bool,
    constants: Vec<LeftOut>,
    /// Those that the user has switched on meanwhile are shown all the same.
    kept: FxHashSet<ColumnSpec>,
    /// Metrics are tinted.
    pub heat: Heat,
    /// The metric that the best run is chosen by, and the columns that tell most as they were found last.
    deciding: Option<String>,
    pub telling: Option<TellingColumns>,
    /// Whether those are to be found anew.
    pub awaits_columns: bool,
    /// Somebody chose the column under the cursor, now or at an earlier visit.
    column_is_chosen: bool,
    /// The histories that were asked for last.
    pub asked_histories: Vec<NeededHistory>,
    /// Whether the data sets of runs were asked for.
    pub asked_data_sets: bool,
    /// The chosen column, and the one to choose when it is there.
    pub column: usize,
    pub wanted_column: Option<ColumnSpec>,
    pub spark_key: Option<String>,
    pub sparks: HashMap<String, Spark>,
    /// The histories that sparklines show; what came of them is in `sparks`.
    pub reading_sparks: Remote<()>,
    /// Something that is to be remembered has changed.
    pub changed: bool,
}

impl Runs {
    /// None yet, for a user.
    pub fn of(user: &str, default_columns: Vec<DefaultColumn>) -> Self {
        Self { user: user.to_owned(), default_columns, ..Self::default() }
    }

    /// Starts on another experiment, as it was left.
    pub fn open(&mut self, experiment: ExperimentId, name: String, remembered: &Remembered) {
        *self = Self {
            experiment: Some(experiment),
            name,
            user: std::mem::take(&mut self.user),
            default_columns: std::mem::take(&mut self.default_columns),
            differing: remembered.differing,
            heat: Heat::of(remembered.heat),
            newest: std::mem::take(&mut self.newest).forgotten(),
            projecting: std::mem::take(&mut self.projecting).forgotten(),
            reading_sparks: std::mem::take(&mut self.reading_sparks).forgotten(),
            filters: Filters::of(&remembered.filters),
            deleted: remembered.deleted,
            words: Input::new(remembered.words.clone()),
            under_cursor: remembered.run.clone().map(LineKey::Run),
            is_chosen: remembered.run.is_some(),
            was_moved: remembered.run.is_some(),
            selected: std::mem::take(&mut self.selected),
            wanted_column: remembered.column.as_deref().and_then(|name| ColumnSpec::parse(name).ok()),
            ..Self::default()
        };
        self.view.words.clone_from(&remembered.words);
        self.view.shape = remembered.shape.shape();
        self.view.sort = remembered.sort.iter().filter_map(|text| SortKey::parse(text).ok()).collect();
        if let Ok(filter) = Expression::parse(&remembered.filter) {
            self.view.filter = filter;
            self.filter_text.clone_from(&remembered.filter);
        }
        if let Some(columns) = &remembered.columns {
            self.set_columns(columns.iter().filter_map(RememberedColumn::shown).collect());
            self.own_columns = true;
        }
    }

    /// What of this is to be remembered.
    pub fn remembered(&self) -> Remembered {
        Remembered {
            columns: self.own_columns.then(|| self.all_columns().iter().map(RememberedColumn::of).collect()),
            differing: self.differing,
            heat: self.heat.is_on,
            sort: self.view.sort.iter().map(sort_text).collect(),
            words: self.view.words.clone(),
            filter: self.filter_text.clone(),
            filters: self.filters.applied.clone(),
            view: self.picked_view.as_ref().map(|picked| picked.name.clone()),
            shape: RememberedShape::of(&self.view.shape),
            deleted: self.deleted,
            column: self.chosen_column().map(ColumnSpec::name),
            run: match &self.under_cursor {
                Some(LineKey::Run(id)) => Some(id.clone()),
                _ => None,
            },
        }
    }

    /// The view to ask for.
    pub fn wanted_view(&self) -> View {
        let mut view = self.view.clone();
        view.user.clone_from(&self.user);
        if matches!(view.shape, Shape::Groups(_)) {
            let metrics =
                self.columns.iter().map(|shown| &shown.spec).filter(|spec| spec.metric_key().is_some());
            view.measured = metrics.take(MEASURED).cloned().collect();
        }
        view
    }

    /// Takes the lines of a view; the cursor stays on its run, or else where it is.
    pub fn show(
        &mut self,
        catalog: Arc<Catalog>,
        complete: bool,
        view: View,
        projection: Arc<Projection>,
        position: Option<usize>,
        height: usize,
    ) {
        let came = self.came_with(&catalog);
        let showed_parent = self.parent_line().is_some_and(|parent| parent >= self.cursor.top);
        let began = self.range_from.and_then(|at| Some((at, self.picked(at)?)));
        let is_new = self.has_new_keys(&catalog);
        self.catalog = catalog;
        self.projection = projection;
        // A range begins at its run, wherever that is now.
        self.range_from = began.and_then(|(at, picked)| self.projection.position(&self.catalog, &picked, at));
        let was_loaded = self.loaded;
        self.loaded = true;
        self.complete = complete;
        if is_new || self.telling.is_some() {
            self.follow_keys();
        } else if self.differing {
            self.leave_out_constants();
        }
        let is_other_view = self.shown_view != view;
        self.shown_view = view;
        let is_at_top = self.cursor.top == 0 && !is_other_view;
        let holds = if is_other_view { self.was_moved } else { self.is_chosen };
        let stays_at_top = self.cursor.at == 0 && !holds;
        if let Some(at) = position.filter(|at| self.picked(*at) == self.under_cursor && !stays_at_top) {
            // The view does not move either: the run stays on its line, as far as the list allows. Only at the top it makes
            // room for what comes there.
            // At the first look it shows as much from the top on as there is room for.
            let line = if was_loaded { self.cursor.at.saturating_sub(self.cursor.top) } else { at };
            // In another order the first rows are what is looked for, where the run is seen below them.
            let is_from_top = is_at_top || (is_other_view && at < height);
            self.cursor = Cursor { at, top: if is_from_top { 0 } else { at.saturating_sub(line) } };
        } else if is_other_view {
            self.cursor = Cursor::default();
        }
        self.cursor.show(self.projection.lines.len(), height);
        if showed_parent || is_other_view {
            self.show_parent(height);
        }
        self.above.extend(came);
        self.look_above();
        // A run that was remembered may still be on its way.
        if position.is_some() || complete || self.under_cursor.is_none() {
            self.under_cursor = self.picked(self.cursor.at);
        }
    }

    /// Whether a catalogue has other keys than the one that is shown.
    pub fn has_new_keys(&self, catalog: &Catalog) -> bool {
        !self.loaded || key_counts(&self.catalog) != key_counts(catalog)
    }

    /// The line of the parent of the run under the cursor, in a tree.
    fn parent_line(&self) -> Option<usize> {
        let lines = &self.projection.lines;
        let depth = lines.get(self.cursor.at).filter(|_| self.shown_view.shape == Shape::Tree)?.depth;
        (depth > 0).then(|| lines[..self.cursor.at].iter().rposition(|line| line.depth < depth))?
    }

    /// Scrolls to the parent of the run under the cursor, where both have room: what it belongs to is seen.
    pub fn show_parent(&mut self, height: usize) {
        if let Some(parent) = self.parent_line().filter(|parent| self.cursor.at - parent < height) {
            self.cursor.top = self.cursor.top.min(parent);
        }
    }

    pub fn picked(&self, at: usize) -> Option<LineKey> {
        self.projection.picked(&self.catalog, at)
    }

    pub fn row_under_cursor(&self) -> Option<Row> {
        self.projection.row(self.cursor.at)
    }

    /// The id of the run under the cursor.
    pub fn run_under_cursor(&self) -> Option<RunId> {
        self.row_under_cursor().map(|row| RunId::from(self.catalog.run_id(row)))
    }

    /// The group under the cursor.
    pub fn group_under_cursor(&self) -> Option<&Group> {
        match self.projection.lines.get(self.cursor.at)?.kind {
            LineKind::Group(group) => self.projection.groups.get(group as usize),
            LineKind::Run(_) => None,
        }
    }

    /// The first run of the group under the cursor, in the order of the table.
    pub fn first_of_group(&self) -> Option<RunId> {
        let first = self.group_under_cursor()?.runs.first()?;
        Some(RunId::from(self.catalog.run_id(*first)))
    }

    /// Where a run is in the catalogue.
    pub fn row_of(&mut self, id: &RunId) -> Option<Row> {
        self.row_index.find(&self.catalog, id, self.row_under_cursor())
    }

    pub fn moved(&mut self) {
        self.under_cursor = self.picked(self.cursor.at);
        (self.is_chosen, self.was_moved) = (true, true);
        self.changed = true;
        self.look_above();
    }

    /// The cursor goes to a run once it is among the lines.
    pub fn follow(&mut self, id: &RunId) {
        self.under_cursor = Some(LineKey::Run(id.to_string()));
        (self.is_chosen, self.was_moved) = (true, true);
        self.changed = true;
    }

    /// Opens what a run is folded away under.
    pub fn unfold(&mut self, row: Row) {
        let group = self.projection.groups.iter().find(|group| group.runs.contains(&row));
        if let Some(group) = group {
            let picked = LineKey::Group(group.value.clone());
            // Groups are folded by default.
            if self.view.all_toggled {
                self.view.toggled.remove(&picked);
            } else {
                self.view.toggled.insert(picked);
            }
        } else {
            self.view.toggled.clear();
            self.view.all_toggled = false;
        }
    }

    /// The runs that a newer catalogue has besides those that are shown. Rows stay what they are, unless the store was
    /// read anew.
    fn came_with(&self, newer: &Catalog) -> Vec<String> {
        let known = self.catalog.runs.len();
        let is_same = |row: Row| newer.runs.len() > known && newer.run_id(row) == self.catalog.run_id(row);
        if !self.complete || known == 0 || !is_same(known as Row - 1) {
            return Vec::new();
        }
        (known as Row..newer.runs.len() as Row).map(|row| newer.run_id(row).to_owned()).collect()
    }

    /// Forgets the runs that are not above the window any more.
    fn look_above(&mut self) {
        if self.above.is_empty() {
            return;
        }
        let rows = (0..self.cursor.top).filter_map(|at| self.projection.row(at));
        let ids: FxHashSet<&str> = rows.map(|row| self.catalog.run_id(row)).collect();
        self.above.retain(|id| ids.contains(id.as_str()));
    }

    /// How many runs came in above the window and were not seen since.
    pub fn new_above(&self) -> usize {
        self.above.len()
    }

    /// Whether another view than the one that is shown was asked for, and is on its way.
    pub fn awaits_view(&self) -> bool {
        self.loaded && self.projecting.is_waiting() && self.shown_view != self.wanted_view()
    }

    pub fn length(&self) -> usize {
        self.projection.lines.len()
    }

    /// The runs on the screen.
    pub fn visible(&self, height: usize) -> impl Iterator<Item = Row> + '_ {
        self.cursor.window(self.length(), height).filter_map(|at| self.projection.row(at))
    }

    /// The histories that columns and sort keys need.
    pub fn needed_histories(&self) -> Vec<NeededHistory> {
        let columns = self.columns.iter().map(|shown| &shown.spec);
        let mut wanted = Vec::new();
        // What the order depends on comes first.
        for next in self.view.sort.iter().map(|key| &key.column).chain(columns).filter_map(NeededHistory::of)
        {
            if !wanted.contains(&next) {
                wanted.push(next);
            }
        }
        wanted
    }

    /// Whether columns, order or groups need the data sets of runs.
    pub fn needs_data_sets(&self) -> bool {
        let sorted = self.view.sort.iter().map(|key| &key.column);
        let grouped = if let Shape::Groups(column) = &self.view.shape { Some(column) } else { None };
        let mut all = self.columns.iter().map(|shown| &shown.spec).chain(sorted).chain(grouped);
        all.any(|spec| matches!(spec, ColumnSpec::Dataset(_)))
    }

    /// Whether runs can be grouped by the chosen column.
    pub fn can_group(&self) -> bool {
        use ColumnSpec::{Dataset, Param, Status, Tag, User};
        matches!(self.chosen_column(), Some(Param(_) | Tag(_) | Dataset(_) | Status | User))
    }

    pub fn running(&self) -> usize {
        self.catalog.active.len()
    }
}

/// The runs and columns of the table, in their order; and the run ids, which tell runs of one name apart.
pub fn sheet(app: &App) -> Option<Sheet> {
    let runs = &app.runs;
    if !runs.loaded {
        return None;
    }
    let catalog = &runs.catalog;
    let specs: Vec<_> = runs.columns.iter().map(|shown| &shown.spec).collect();
    let bound: Vec<Bound> = specs.iter().map(|spec| Bound::new(catalog, spec)).collect();
    let mut sheet = Sheet::new(["run_id".to_owned()].into_iter().chain(specs.iter().map(|spec| spec.name())));
    let rows: Vec<Row> = (0..runs.length()).filter_map(|at| runs.projection.row(at)).collect();
    for row in rows {
        let id = Cell::from(catalog.run_id(row));
        sheet.push(
            [id].into_iter().chain(bound.iter().map(|bound| bound.value(catalog, row, app.now).into())),
        );
    }
    Some(sheet)
}
