//! Runs side by side: a table of what differs, parallel coordinates, a scatter plot, and which params matter.
//!
//! State: a [`CompareScreen`] on the stack of screens, with the comparison that was fetched for it. The core calls `update`; nobody
//! else knows it.

pub mod actions;
mod choosing;
pub mod effects;
pub mod histories;
mod labels;
pub mod opening;
mod params;
pub mod plots;
pub mod sheets;
pub mod table;
pub mod update;
pub mod versus;
pub mod view;

use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use rustc_hash::FxHashSet;

use crate::catalog::{Catalog, ColumnSpec, Row};
use crate::compare::axes::{Axis, Brush, ParallelAxes, brushed, parallel};
use crate::compare::importance::Matters;
use crate::compare::{Comparison, Entry, EntryKind};
use crate::mlflow::{ExperimentId, ModelId, Part, RunId, Statistic};
use crate::select::Goal;
use crate::store::StoreError;
use crate::text::order::natural;
use crate::tui::core::remote::{Remote, Ticket};
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::input::Input;
use crate::tui::widgets::theme::{LETTERED, NO_LETTER, letter_cells};
use effects::{Gathered, OwnMetrics, ReadHistories};
use histories::Histories;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// Runs that were read to be compared.
    Loaded {
        ticket: Ticket,
        result: Result<Gathered, StoreError>,
    },
    Compared {
        ticket: Ticket,
        comparison: Arc<Comparison>,
    },
    /// Which params matter for the metric.
    Weighed {
        ticket: Ticket,
        matters: Matters,
    },
    /// What histories come to.
    Summarised {
        ticket: Ticket,
        part: Part,
        result: Result<ReadHistories, StoreError>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompareTab {
    #[default]
    Table,
    Parallel,
    Scatter,
    Params,
}

impl CompareTab {
    pub const ALL: [Self; 4] = [Self::Table, Self::Parallel, Self::Scatter, Self::Params];

    pub fn title(self) -> &'static str {
        match self {
            Self::Table => "Table",
            Self::Parallel => "Parallel",
            Self::Scatter => "Scatter",
            Self::Params => "Importance",
        }
    }
}

/// What cells show besides the baseline's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    #[default]
    Values,
    Difference,
    Relative,
}

/// A run that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub run: RunId,
    pub experiment: ExperimentId,
    pub slot: u16,
    /// A logged model of the run, whose own values stand in the place of the run's.
    pub model: Option<ModelId>,
    /// What its row in a catalogue goes by: the id of the run, or of the model where it is compared with another of that run.
    pub row: RunId,
}

impl Compared {
    pub fn of_run(run: RunId, experiment: ExperimentId, slot: u16) -> Self {
        Self { row: run.clone(), run, experiment, slot, model: None }
    }
}

#[derive(Debug, Default)]
pub struct CompareScreen {
    pub runs: Vec<Compared>,
    pub tab: CompareTab,
    /// Runs are rows, keys are columns.
    pub is_turned: bool,
    /// What is the same everywhere is shown too, and on plots what most runs lack, and runs without the metric.
    pub shows_all: bool,
    pub is_grouped: bool,
    /// By name instead of by how much they differ.
    pub by_name: bool,
    pub show: Show,
    /// The run that others are compared with.
    pub baseline: Option<RunId>,
    pub words: Input,
    /// Over keys and over members; which is which depends on how the table is turned.
    pub key_cursor: Cursor,
    pub member_cursor: Cursor,
    /// Metrics whose values are a logged model's own.
    pub own: OwnMetrics,
    /// Where the runs were found last.
    pub source: Option<Arc<Catalog>>,
    pub fetched: Remote<Arc<Comparison>>,
    /// Which value of each metric is compared; the comparison by it, where it is not the latest.
    pub statistic: Statistic,
    pub valued: Option<Arc<Comparison>>,
    pub histories: Histories,
    /// The entries that are shown, in their order; titles that two kinds of them have.
    pub shown: Vec<u32>,
    pub twins: FxHashSet<String>,
    /// The names of the members.
    labels: labels::MemberLabels,
    /// The metric that decides which run is best; it stays on top.
    pub deciding: Option<String>,
    /// The metric that lines and points are coloured by, and that params matter for.
    pub metric: Option<String>,
    /// The axes of the scatter plot, and those of them that were chosen.
    pub x: Option<ColumnSpec>,
    pub y: Option<ColumnSpec>,
    pub chosen_x: Option<ColumnSpec>,
    pub chosen_y: Option<ColumnSpec>,
    pub brushes: Vec<Brush>,
    /// The chosen axis of the parallel coordinates.
    pub axis: usize,
    pub axes: Vec<Axis>,
    /// Params without an axis, and which members are on the plots.
    pub left_out: usize,
    pub drawn: Vec<bool>,
    /// Which params matter for the metric.
    pub weighed: Remote<Matters>,
}

impl CompareScreen {
    pub fn new(mut runs: Vec<Compared>, metric: Option<String>) -> Self {
        // Whoever has no letter yet gets the first that is free.
        let taken: FxHashSet<u16> = runs.iter().map(|compared| compared.slot).collect();
        let mut free = (1..=LETTERED).filter(|slot| !taken.contains(slot));
        let has_none = |compared: &&mut Compared| !(1..=LETTERED).contains(&compared.slot);
        for compared in runs.iter_mut().filter(has_none) {
            compared.slot = free.next().unwrap_or(NO_LETTER);
        }
        Self { runs, metric, ..Self::default() }
    }

    /// The rows of the compared runs, where all of them are in a catalogue.
    pub fn rows_in(&self, catalog: &Catalog) -> Option<Vec<Row>> {
        let by_id: rustc_hash::FxHashMap<&str, Row> =
            catalog.rows().map(|row| (catalog.run_id(row), row)).collect();
        self.runs.iter().map(|compared| by_id.get(compared.row.as_str()).copied()).collect()
    }

    /// Whether the value of a metric of a member is that of a logged model; none where no such value is compared.
    pub fn is_own(&self, member: usize, key: &str) -> Option<bool> {
        let comparison = self.comparison().filter(|_| self.statistic == Statistic::Latest)?;
        let id = comparison.catalog.run_id(comparison.members.get(member)?.rows[0]);
        let has_it = |keys: &FxHashSet<String>| keys.contains(key);
        let is_own = self.own.iter().any(|(row, keys)| row.as_str() == id && has_it(keys));
        self.own.values().any(has_it).then_some(is_own)
    }

    /// Whether logged models are compared.
    pub fn has_models(&self) -> bool {
        self.runs.iter().any(|compared| compared.model.is_some())
    }

    /// The run of a row.
    pub fn run_of(&self, row: &str) -> RunId {
        let compared = self.runs.iter().find(|compared| compared.row.as_str() == row);
        compared.map_or_else(|| row.into(), |compared| compared.run.clone())
    }

    pub fn entry(&self, at: usize) -> Option<&Entry> {
        let comparison = self.comparison()?;
        comparison.entries.get(*self.shown.get(at)? as usize)
    }

    pub fn chosen_entry(&self) -> Option<&Entry> {
        self.entry(self.key_cursor.at)
    }

    pub fn members(&self) -> usize {
        self.comparison().map_or(0, |comparison| comparison.members.len())
    }

    /// Takes a comparison; what was chosen stays chosen.
    pub fn take(&mut self, ticket: Ticket, comparison: Arc<Comparison>, now: i64) {
        if !self.fetched.take(ticket, Ok(comparison), now) {
            return;
        }
        self.weighed.forget();
        self.values_changed(now);
    }

    /// The comparison is another, or its values are.
    pub fn values_changed(&mut self, now: i64) {
        self.keep_chosen(|screen| {
            screen.revalue();
            screen.choose_metric();
            screen.labels.follow(screen.valued.as_ref().or_else(|| screen.fetched.value()));
            screen.arrange();
        });
        self.lay_axes(now);
    }

    /// Changes what is shown; the entry under the cursor stays there.
    fn keep_chosen(&mut self, change: impl FnOnce(&mut Self)) {
        let chosen = self.chosen_entry().map(|entry| (entry.kind, entry.spec.title().to_owned()));
        change(self);
        if let Some((kind, title)) = chosen {
            let is_chosen = |entry: &Entry| entry.kind == kind && entry.spec.title() == title;
            let at = (0..self.shown.len()).find(|at| self.entry(*at).is_some_and(is_chosen));
            self.key_cursor.at = at.unwrap_or(0);
        }
    }

    /// Compares by another value of the metrics.
    pub fn choose_statistic(&mut self, statistic: Statistic, now: i64) {
        self.statistic = statistic;
        for spec in [&mut self.chosen_x, &mut self.chosen_y].into_iter().flatten() {
            if let ColumnSpec::Metric(_, of) = spec {
                *of = statistic;
            }
        }
        // What failed is tried again.
        self.histories.asked.forget();
        self.weighed.forget();
        self.values_changed(now);
    }

    /// A metric to look at, where nobody chose one.
    fn choose_metric(&mut self) {
        let Some(comparison) = self.comparison() else { return };
        if self.metric.as_deref().is_none_or(|key| comparison.metric(key).is_none()) {
            let metrics = || comparison.entries.iter().filter(|entry| entry.kind == EntryKind::Metric);
            let deciding = self.deciding.as_deref().and_then(|key| comparison.metric(key));
            let wanted = || metrics().find(|entry| entry.goal.is_some() && entry.differs && !entry.is_timing);
            let chosen = deciding.or_else(wanted).or_else(|| metrics().next());
            self.metric = chosen.map(|entry| entry.spec.title().to_owned());
        }
    }

    /// The axes of the scatter plot: those that were chosen, else the metric over the param that matters most.
    pub fn choose_axes(&mut self) {
        self.y = self.chosen_y.clone().or_else(|| self.metric_spec());
        if let Some(chosen) = &self.chosen_x {
            self.x = Some(chosen.clone());
            return;
        }
        let Some(comparison) = self.comparison() else { return };
        let has = |spec: &ColumnSpec| comparison.entries.iter().any(|entry| entry.spec == *spec);
        let important = match self.weighed.value() {
            Some(Matters::Ranked { runs, params, .. }) => {
                let told = params.iter().find(|matter| matter.runs * 2 > *runs).or(params.first());
                told.map(|matter| ColumnSpec::Param(matter.param.clone()))
            }
            _ => None,
        };
        if important.is_none() && self.weighed.is_waiting() && self.x.as_ref().is_some_and(has) {
            // What is on the screen stays until more is known.
            return;
        }
        let mut axes = self.axes.iter().map(|axis| &axis.spec);
        let on_axes = axes.find(|spec| matches!(spec, ColumnSpec::Param(_))).cloned();
        let params = || comparison.entries.iter().filter(|entry| entry.kind == EntryKind::Param);
        let differing = || params().find(|entry| entry.differs);
        let other = || comparison.entries.iter().find(|entry| Some(&entry.spec) != self.y.as_ref());
        let found = important.filter(has).or(on_axes);
        self.x = found.or_else(|| differing().or_else(other).map(|entry| entry.spec.clone()));
    }

    pub fn metric_spec(&self) -> Option<ColumnSpec> {
        Some(ColumnSpec::Metric(self.metric.clone()?, self.statistic))
    }

    /// Whether a column is offered to plots: it differs, and most members have it.
    pub fn is_offered(&self, entry: &Entry) -> bool {
        self.shows_all || (entry.differs && entry.present * 2 > self.drawn.iter().filter(|is| **is).count())
    }

    /// Puts the entries in order that are to be seen.
    pub fn arrange(&mut self) {
        let Some(comparison) = self.comparison() else { return };
        let entries = &comparison.entries;
        let stands_in = self.runs.iter().any(|compared| compared.row != compared.run);
        let pattern = Pattern::parse(self.words.value(), CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut shown: Vec<u32> = (0..entries.len() as u32)
            .filter(|at| {
                let entry = &entries[*at as usize];
                (self.shows_all || entry.differs)
                    // What models of one run go by is no run's id.
                    && (entry.spec != ColumnSpec::RunId || !stands_in)
                    && (pattern.atoms.is_empty()
                        || pattern
                            .score(Utf32Str::new(entry.spec.title(), &mut buffer), &mut matcher)
                            .is_some())
            })
            .collect();
        if self.by_name {
            let entry = |at: u32| &entries[at as usize];
            shown.sort_by(|a, b| {
                let (a, b) = (entry(*a), entry(*b));
                a.kind.cmp(&b.kind).then_with(|| natural(a.spec.title(), b.spec.title()))
            });
        }
        let deciding = [self.deciding.as_deref(), self.metric.as_deref()];
        let deciding = deciding.into_iter().flatten().find(|key| comparison.metric(key).is_some());
        let is_deciding =
            |at: &u32| deciding.is_some() && entries[*at as usize].spec.metric_key() == deciding;
        if let Some(at) = shown.iter().position(is_deciding).filter(|_| !self.by_name) {
            shown[..=at].rotate_right(1);
        }
        let twins = labels::twins(shown.iter().map(|at| &entries[*at as usize]));
        self.shown = shown;
        self.twins = twins;
        self.key_cursor.at = self.key_cursor.at.min(self.shown.len().saturating_sub(1));
        self.member_cursor.at = self.member_cursor.at.min(self.members().saturating_sub(1));
    }

    /// The axes of the plots, and the members on them.
    pub fn lay_axes(&mut self, now: i64) {
        let chosen = self.axes.get(self.axis).map(|axis| axis.spec.title().to_owned());
        let (laid, drawn) = match (self.comparison(), self.metric_spec()) {
            (Some(comparison), Some(metric)) => {
                let of_metric = Axis::new(comparison, &metric, now);
                let has =
                    |member: usize| of_metric.as_ref().is_some_and(|axis| axis.places[member].is_some());
                let drawn: Vec<bool> =
                    (0..comparison.members.len()).map(|member| self.shows_all || has(member)).collect();
                (parallel(comparison, &metric, |member| drawn[member], self.shows_all, now), drawn)
            }
            _ => (ParallelAxes::default(), vec![true; self.members()]),
        };
        (self.axes, self.left_out, self.drawn) = (laid.axes, laid.left_out, drawn);
        let is_chosen = |axis: &Axis| chosen.as_deref() == Some(axis.spec.title());
        let at = self.axes.iter().position(is_chosen).unwrap_or(self.axis);
        self.axis = at.min(self.axes.len().saturating_sub(1));
        self.choose_axes();
    }

    /// The member that holds the baseline.
    pub fn baseline_member(&self) -> Option<usize> {
        let (comparison, baseline) = (self.comparison()?, self.baseline.as_ref()?);
        comparison.members.iter().position(|member| {
            member.rows.iter().any(|row| comparison.catalog.run_id(*row) == baseline.as_str())
        })
    }

    /// The number of a member's selection, or the one that it got here.
    pub fn slot(&self, member: usize) -> u16 {
        let Some(comparison) = self.comparison() else { return 0 };
        let id = comparison.catalog.run_id(comparison.members[member].rows[0]);
        let known = self.runs.iter().find(|compared| compared.row.as_str() == id);
        known.map_or(0, |compared| compared.slot)
    }

    /// The cells of the letters before names.
    pub fn letter_cells(&self) -> usize {
        self.runs.iter().map(|compared| letter_cells(compared.slot)).max().unwrap_or(1)
    }

    /// What is wanted of a metric, as far as that is known.
    pub fn goal(&self, metric: &str) -> Option<Goal> {
        self.comparison()?.goal(metric)
    }

    /// Members that pass through the brushes.
    pub fn passing(&self) -> Vec<bool> {
        brushed(&self.axes, &self.brushes, self.members())
    }

    /// Turns the brush of the chosen axis: made where there is none, moved, made wider or narrower.
    pub fn brush(&mut self, moved: f64, wider: f64) {
        let Some(axis) = self.axes.get(self.axis) else { return };
        let known = self.brushes.iter().position(|brush| brush.spec == axis.spec);
        let is_down =
            matches!(&axis.spec, ColumnSpec::Metric(key, _) if self.goal(key) == Some(Goal::Minimize));
        let at = known.unwrap_or_else(|| {
            // The better half, as far as that is known.
            let (low, high) = if is_down { (0.0, 0.5) } else { (0.5, 1.0) };
            self.brushes.push(Brush { spec: axis.spec.clone(), low, high });
            self.brushes.len() - 1
        });
        if known.is_none() {
            return;
        }
        let brush = &mut self.brushes[at];
        let width = (brush.high - brush.low + wider).clamp(0.02, 1.0);
        let middle = f64::midpoint(brush.low, brush.high) + moved;
        brush.low = (middle - width / 2.0).clamp(0.0, 1.0 - width);
        brush.high = brush.low + width;
    }

    pub fn clear_brush(&mut self) {
        let spec = self.axes.get(self.axis).map(|axis| axis.spec.clone());
        let before = self.brushes.len();
        self.brushes.retain(|brush| Some(&brush.spec) != spec.as_ref());
        if self.brushes.len() == before {
            self.brushes.clear();
        }
    }
}
