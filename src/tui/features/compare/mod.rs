//! Runs side by side: a table of what differs, parallel coordinates, a scatter plot, and which params matter.
//!
//! State: a [`CompareScreen`] on the stack of screens, with the comparison that was fetched for it. The core calls `update`; nobody
//! else knows it.

pub mod actions;
pub mod effects;
pub mod plots;
pub mod sheets;
pub mod table;
pub mod update;
pub mod view;

use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::catalog::{Catalog, ColumnSpec, Row};
use crate::compare::axes::{Axis, Brush, brushed, parallel};
use crate::compare::importance::Matters;
use crate::compare::{Comparison, Entry, EntryKind};
use crate::mlflow::{ExperimentId, RunId, Statistic};
use crate::select::Goal;
use crate::store::StoreError;
use crate::text::order::natural;
use crate::tui::core::remote::{Remote, Ticket};
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::input::Input;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// Runs that were read to be compared.
    Loaded {
        ticket: Ticket,
        result: Result<Arc<Catalog>, StoreError>,
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
    pub slot: u8,
}

#[derive(Debug, Default)]
pub struct CompareScreen {
    pub runs: Vec<Compared>,
    pub tab: CompareTab,
    /// Runs are rows, keys are columns.
    pub is_turned: bool,
    /// Equal ones are shown too.
    pub shows_equal: bool,
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
    /// Where the runs were found last.
    pub source: Option<Arc<Catalog>>,
    pub fetched: Remote<Arc<Comparison>>,
    /// The entries that are shown, in their order.
    pub shown: Vec<u32>,
    /// The metric that lines and points are coloured by, and that params matter for.
    pub metric: Option<String>,
    /// The axes of the scatter plot.
    pub x: Option<ColumnSpec>,
    pub y: Option<ColumnSpec>,
    pub brushes: Vec<Brush>,
    /// The chosen axis of the parallel coordinates.
    pub axis: usize,
    pub axes: Vec<Axis>,
    /// Which params matter for the metric.
    pub weighed: Remote<Matters>,
}

impl CompareScreen {
    pub fn new(runs: Vec<Compared>, metric: Option<String>) -> Self {
        Self { runs, metric, ..Self::default() }
    }

    /// The rows of the compared runs, where all of them are in a catalogue.
    pub fn rows_in(&self, catalog: &Catalog) -> Option<Vec<Row>> {
        let by_id: rustc_hash::FxHashMap<&str, Row> =
            catalog.rows().map(|row| (catalog.run_id(row), row)).collect();
        self.runs.iter().map(|compared| by_id.get(compared.run.as_str()).copied()).collect()
    }

    pub fn entry(&self, at: usize) -> Option<&Entry> {
        let comparison = self.fetched.value()?;
        comparison.entries.get(*self.shown.get(at)? as usize)
    }

    pub fn chosen_entry(&self) -> Option<&Entry> {
        self.entry(self.key_cursor.at)
    }

    pub fn members(&self) -> usize {
        self.fetched.value().map_or(0, |comparison| comparison.members.len())
    }

    /// Takes a comparison; what was chosen stays chosen.
    pub fn take(&mut self, ticket: Ticket, comparison: Arc<Comparison>, now: i64) {
        let chosen = self.chosen_entry().map(|entry| entry.spec.clone());
        if !self.fetched.take(ticket, Ok(comparison), now) {
            return;
        }
        self.weighed.forget();
        self.choose_defaults();
        self.arrange();
        if let Some(spec) = chosen {
            let at = (0..self.shown.len()).find(|at| self.entry(*at).is_some_and(|entry| entry.spec == spec));
            self.key_cursor.at = at.unwrap_or(0);
        }
        self.lay_axes(now);
    }

    /// A metric to look at, and two columns for the scatter plot, where nobody chose any.
    fn choose_defaults(&mut self) {
        let Some(comparison) = self.fetched.value() else { return };
        let has = |key: &str| {
            comparison
                .entries
                .iter()
                .any(|entry| entry.kind == EntryKind::Metric && entry.spec.title() == key)
        };
        if self.metric.as_deref().is_none_or(|key| !has(key)) {
            let metrics = || comparison.entries.iter().filter(|entry| entry.kind == EntryKind::Metric);
            let wanted = metrics().find(|entry| entry.goal.is_some() && entry.differs);
            self.metric = wanted.or_else(|| metrics().next()).map(|entry| entry.spec.title().to_owned());
        }
        if self.y.is_none() {
            self.y = self.metric.as_ref().map(|key| ColumnSpec::metric(key.as_str()));
        }
        if self.x.is_none() {
            let entries = comparison.entries.iter().filter(|entry| entry.differs);
            let param = entries
                .clone()
                .find(|entry| matches!(&entry.spec, ColumnSpec::Param(key) if !crate::select::is_seed(key)));
            let other = || comparison.entries.iter().find(|entry| Some(&entry.spec) != self.y.as_ref());
            self.x = param.or_else(other).map(|entry| entry.spec.clone());
        }
    }

    pub fn metric_spec(&self) -> Option<ColumnSpec> {
        Some(ColumnSpec::Metric(self.metric.clone()?, Statistic::Latest))
    }

    /// Puts the entries in order that are to be seen.
    pub fn arrange(&mut self) {
        let Some(comparison) = self.fetched.value() else { return };
        let entries = &comparison.entries;
        let pattern = Pattern::parse(self.words.value(), CaseMatching::Smart, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut shown: Vec<u32> = (0..entries.len() as u32)
            .filter(|at| {
                let entry = &entries[*at as usize];
                (self.shows_equal || entry.differs)
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
        self.shown = shown;
        self.key_cursor.at = self.key_cursor.at.min(self.shown.len().saturating_sub(1));
        self.member_cursor.at = self.member_cursor.at.min(self.members().saturating_sub(1));
    }

    /// The axes of the parallel coordinates.
    pub fn lay_axes(&mut self, now: i64) {
        self.axes = match (self.fetched.value(), self.metric_spec()) {
            (Some(comparison), Some(metric)) => parallel(comparison, &metric, now),
            _ => Vec::new(),
        };
        self.axis = self.axis.min(self.axes.len().saturating_sub(1));
    }

    /// The member that holds the baseline.
    pub fn baseline_member(&self) -> Option<usize> {
        let (comparison, baseline) = (self.fetched.value()?, self.baseline.as_ref()?);
        comparison.members.iter().position(|member| {
            member.rows.iter().any(|row| comparison.catalog.run_id(*row) == baseline.as_str())
        })
    }

    /// The number of a member's selection, or else its place.
    pub fn slot(&self, member: usize) -> u8 {
        let Some(comparison) = self.fetched.value() else { return 0 };
        let id = comparison.catalog.run_id(comparison.members[member].rows[0]);
        let known = self.runs.iter().find(|compared| compared.run.as_str() == id);
        known.map(|compared| compared.slot).filter(|slot| *slot > 0).unwrap_or((member % 200 + 1) as u8)
    }

    /// What is wanted of a metric, as far as that is known.
    pub fn goal(&self, metric: &str) -> Option<Goal> {
        self.fetched.value()?.goal(metric)
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
