//! The table of runs: which rows and columns, where the cursor is, and the sparklines of what is on the screen.

mod faces;
pub mod view;

use std::collections::HashMap;
use std::sync::Arc;

use super::Cursor;
use crate::catalog::sort::SortKey;
use crate::catalog::{Catalog, ColumnSpec, Row};
use crate::mlflow::filter::{Direction, same_number};
use crate::mlflow::{ExperimentId, MetricPoint, RunId};
use crate::store::StoreError;

/// Points of a sparkline that are asked for: two for each of its cells.
pub const SPARK_POINTS: usize = 24;

#[derive(Debug, Clone, PartialEq)]
pub struct Spark {
    pub points: Vec<MetricPoint>,
    /// The latest value when the history was asked for; another one now means that the history is out of date.
    pub latest: Option<f64>,
}

#[derive(Debug, Default)]
pub struct Runs {
    pub experiment: Option<ExperimentId>,
    pub name: String,
    /// Counts the experiments that were opened; answers for an earlier one are dropped.
    pub generation: u64,
    /// What the rows belong to; they are replaced together.
    pub catalog: Arc<Catalog>,
    pub rows: Arc<Vec<Row>>,
    /// The newest catalogue, whose rows are perhaps still being sorted.
    pub newest: Option<Arc<Catalog>>,
    pub newest_complete: bool,
    /// Whether anything was ever shown of this experiment, and whether that is all.
    pub loaded: bool,
    pub complete: bool,
    pub error: Option<StoreError>,
    pub sort: Option<SortKey>,
    /// Words that all have to occur in a run to be shown.
    pub words: String,
    pub projection: u64,
    pub cursor: Cursor,
    /// The id of the run under the cursor: the cursor follows it through refresh and sort.
    pub selected: Option<String>,
    pub columns: Vec<ColumnSpec>,
    /// The chosen column, and the first of those that scroll.
    pub column: usize,
    pub first_column: usize,
    pub spark_key: Option<String>,
    pub sparks: HashMap<String, Spark>,
    pub spark_generation: u64,
    /// Whether histories were asked for and not answered yet.
    pub sparks_pending: bool,
}

impl Runs {
    /// Starts on another experiment.
    pub fn open(&mut self, experiment: ExperimentId, name: String) {
        *self = Self {
            experiment: Some(experiment),
            name,
            generation: self.generation + 1,
            projection: self.projection + 1,
            spark_generation: self.spark_generation + 1,
            ..Self::default()
        };
    }

    /// Takes a sorted view of a catalogue; the cursor stays on its run, or else where it is.
    pub fn show(
        &mut self,
        catalog: Arc<Catalog>,
        complete: bool,
        rows: Arc<Vec<Row>>,
        position: Option<usize>,
        height: usize,
    ) {
        let keys = (self.catalog.metrics.len(), self.catalog.params.len());
        let is_new = !self.loaded || keys != (catalog.metrics.len(), catalog.params.len());
        self.catalog = catalog;
        self.rows = rows;
        self.loaded = true;
        self.complete = complete;
        self.error = None;
        if is_new {
            self.choose_columns();
        }
        if let Some(at) = position.filter(|at| self.id_at(*at) == self.selected.as_deref()) {
            // The view does not move either: the run stays on its line, as far as the list allows.
            let line = self.cursor.at.saturating_sub(self.cursor.top);
            self.cursor = Cursor { at, top: at.saturating_sub(line) };
        }
        self.cursor.show(self.rows.len(), height);
        self.selected = self.id_at(self.cursor.at).map(str::to_owned);
    }

    pub fn id_at(&self, at: usize) -> Option<&str> {
        self.rows.get(at).map(|row| self.catalog.run_id(*row))
    }

    pub fn selected_row(&self) -> Option<Row> {
        self.rows.get(self.cursor.at).copied()
    }

    pub fn moved(&mut self) {
        self.selected = self.id_at(self.cursor.at).map(str::to_owned);
    }

    /// The columns of an experiment: attributes, metrics (the validation ones first), params.
    fn choose_columns(&mut self) {
        let chosen = self.columns.get(self.column).cloned();
        let texts = &self.catalog.texts;
        let mut metrics: Vec<(&str, usize)> = self.catalog.metrics.keys(texts).collect();
        let system = |key: &str| key.starts_with("system/");
        let validation =
            |key: &str| ["val", "eval", "test"].iter().any(|word| key.to_lowercase().contains(word));
        metrics.sort_by(|(a, runs_a), (b, runs_b)| {
            let order = |key: &str| (system(key), !validation(key));
            order(a).cmp(&order(b)).then(runs_b.cmp(runs_a)).then(a.cmp(b))
        });
        let mut params: Vec<&str> = self.catalog.params.keys(texts).map(|(key, _)| key).collect();
        params.sort_unstable();
        let mut columns = vec![ColumnSpec::RunName, ColumnSpec::Status, ColumnSpec::StartTime];
        columns.extend(metrics.iter().map(|(key, _)| ColumnSpec::Metric((*key).to_owned())));
        columns.extend(params.iter().map(|key| ColumnSpec::Param((*key).to_owned())));
        columns.push(ColumnSpec::Duration);
        columns.push(ColumnSpec::User);
        let position = |column: &ColumnSpec| columns.iter().position(|known| known == column);
        let first_metric = if metrics.is_empty() { 0 } else { 3 };
        self.column = chosen.as_ref().and_then(position).unwrap_or(first_metric);
        if self.spark_key.is_none() {
            self.spark_key = metrics.first().map(|(key, _)| (*key).to_owned());
        }
        self.columns = columns;
    }

    /// Chooses a column by steps; a metric becomes the one whose trend is drawn.
    pub fn step_column(&mut self, by: isize) {
        self.choose_column(self.column.saturating_add_signed(by));
    }

    pub fn choose_column(&mut self, column: usize) {
        self.column = column.min(self.columns.len().saturating_sub(1));
        if let Some(ColumnSpec::Metric(key)) = self.columns.get(self.column)
            && self.spark_key.as_deref() != Some(key)
        {
            self.spark_key = Some(key.clone());
            self.sparks.clear();
        }
    }

    /// Goes on from ascending to descending to newest first, on the chosen column.
    pub fn cycle_sort(&mut self) {
        let Some(column) = self.columns.get(self.column).cloned() else { return };
        self.sort = match self.sort.take() {
            Some(key) if key.column == column && key.direction == Direction::Ascending => {
                Some(SortKey { column, direction: Direction::Descending })
            }
            Some(key) if key.column == column => None,
            _ => Some(SortKey { column, direction: Direction::Ascending }),
        };
        self.projection += 1;
    }

    /// The runs on the screen.
    pub fn visible(&self, height: usize) -> impl Iterator<Item = Row> + '_ {
        self.rows[self.cursor.window(self.rows.len(), height)].iter().copied()
    }

    /// The runs on the screen whose sparkline is missing or out of date; they count as asked for from now on.
    pub fn missing_sparks(&mut self, height: usize) -> Option<(String, Vec<RunId>)> {
        let key = self.spark_key.clone()?;
        let column = Arc::clone(self.catalog.metrics.column(&self.catalog.texts, &key)?);
        let mut missing = Vec::new();
        for row in self.visible(height).collect::<Vec<_>>() {
            let latest = column.get(row);
            let id = self.catalog.run_id(row);
            let is_current = self.sparks.get(id).is_some_and(|spark| match (spark.latest, latest) {
                (Some(a), Some(b)) => same_number(a, b),
                (a, b) => a.is_none() && b.is_none(),
            });
            if !is_current && latest.is_some() {
                let points = self.sparks.remove(id).map(|spark| spark.points).unwrap_or_default();
                missing.push(RunId(id.to_owned()));
                self.sparks.insert(id.to_owned(), Spark { points, latest });
            }
        }
        if missing.is_empty() {
            return None;
        }
        self.spark_generation += 1;
        self.sparks_pending = true;
        Some((key, missing))
    }

    pub fn running(&self) -> usize {
        self.catalog.rows().filter(|row| self.catalog.run(*row).status.is_active()).count()
    }
}
