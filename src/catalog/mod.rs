//! What is known of an experiment's runs, in memory: a columnar table with every text kept once.
//!
//! One [`Builder`] changes it and hands out snapshots. A [`Catalog`] snapshot is cheap to make (its columns are
//! shared until one of them changes), never changes, and can be read from any thread. Knows stores only as the
//! givers of batches; knows no terminal.

mod builder;
pub mod columns;
pub mod filter;
pub mod gather;
pub mod search;
pub mod sort;
pub mod summaries;
pub mod sync;
mod texts;
pub mod view;

use std::fmt;
use std::sync::Arc;

pub use builder::Builder;
pub use columns::{Bound, ColumnSpec, Value};
pub use texts::{Sym, Texts};

use crate::mlflow::{LifecycleStage, RunStatus};
pub use crate::store::batch::NO_TIME;
use crate::store::batch::RUN_ID;

/// A run's place in the catalogue; it stays the same as long as the run is known.
pub type Row = u32;

/// What a run is besides its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunRow {
    pub run_id: Sym,
    pub experiment_id: Sym,
    pub name: Sym,
    pub user: Sym,
    /// The artifact address with the run's id replaced by U+0001, so that runs share it.
    pub artifact_pattern: Sym,
    pub status: RunStatus,
    pub stage: LifecycleStage,
    /// False once the run was removed from the store or from the view.
    pub present: bool,
    pub start_time: i64,
    /// As MLflow keeps it, and filters by it: see [`Self::ended`].
    pub end_time: i64,
}

impl RunRow {
    /// When the run ended. MLflow keeps the end of a run that was resumed, but while it goes on it has none.
    pub fn ended(&self) -> i64 {
        if self.status.is_active() { NO_TIME } else { self.end_time }
    }
}

/// The values of one key: rows in ascending order, and a value for each.
#[derive(Debug, Clone)]
pub struct Column<T> {
    rows: Vec<Row>,
    values: Vec<T>,
    sorted: bool,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), values: Vec::new(), sorted: true }
    }
}

/// Of rows in ascending order.
impl<T: Copy> FromIterator<(Row, T)> for Column<T> {
    fn from_iter<I: IntoIterator<Item = (Row, T)>>(values: I) -> Self {
        let mut column = Self::default();
        values.into_iter().for_each(|value| column.push(value));
        column
    }
}

impl<T: Copy> Column<T> {
    pub fn get(&self, row: Row) -> Option<T> {
        // Most columns are full, or full but for a gap: the row itself is the first guess.
        if self.rows.get(row as usize) == Some(&row) {
            return Some(self.values[row as usize]);
        }
        self.rows.binary_search(&row).ok().map(|i| self.values[i])
    }

    /// Adds the value of a row behind all others.
    fn push(&mut self, (row, value): (Row, T)) {
        self.rows.push(row);
        self.values.push(value);
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Row, T)> + '_ {
        self.rows.iter().copied().zip(self.values.iter().copied())
    }
}

/// All columns of a kind, by key.
#[derive(Debug, Clone)]
pub struct Keyed<T> {
    keys: Vec<Sym>,
    columns: Vec<Arc<Column<T>>>,
    /// The places of the keys, in the order of their texts.
    by_text: Arc<Vec<u32>>,
}

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Self { keys: Vec::new(), columns: Vec::new(), by_text: Arc::default() }
    }
}

impl<T: Copy> Keyed<T> {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that some run has a value for, in alphabetical order, with how many have one.
    pub fn keys<'a>(&'a self, texts: &'a Texts) -> impl Iterator<Item = (&'a str, usize)> {
        let places = self.by_text.iter().map(|at| *at as usize);
        places
            .filter(|at| !self.columns[*at].is_empty())
            .map(|at| (texts.get(self.keys[at]), self.columns[at].len()))
    }

    /// All columns with their keys.
    pub fn columns<'a>(&'a self, texts: &'a Texts) -> impl Iterator<Item = (&'a str, &'a Column<T>)> {
        self.keys.iter().zip(&self.columns).map(|(key, column)| (texts.get(*key), column.as_ref()))
    }

    /// What a run has, by key.
    pub fn of<'a>(&'a self, texts: &'a Texts, row: Row) -> impl Iterator<Item = (&'a str, T)> {
        let values = self.keys.iter().zip(&self.columns);
        values.filter_map(move |(key, column)| Some((texts.get(*key), column.get(row)?)))
    }

    /// The number of a key.
    pub fn sym(&self, texts: &Texts, key: &str) -> Option<Sym> {
        let found = self.by_text.binary_search_by(|at| texts.get(self.keys[*at as usize]).cmp(key)).ok()?;
        Some(self.keys[self.by_text[found] as usize])
    }

    /// The column of a key.
    pub fn column(&self, texts: &Texts, key: &str) -> Option<&Arc<Column<T>>> {
        let found = self.by_text.binary_search_by(|at| texts.get(self.keys[*at as usize]).cmp(key)).ok()?;
        Some(&self.columns[self.by_text[found] as usize])
    }
}

/// A snapshot of all that is known.
#[derive(Clone, Default)]
pub struct Catalog {
    pub texts: Texts,
    pub runs: Arc<Vec<RunRow>>,
    pub metrics: Keyed<f64>,
    pub params: Keyed<Sym>,
    pub tags: Keyed<Sym>,
    /// Of the data sets that runs were given: their names, digests and contexts, by [`DatasetField::as_str`]. Only where
    /// somebody asked for them.
    ///
    /// [`DatasetField::as_str`]: crate::mlflow::filter::DatasetField::as_str
    pub inputs: Keyed<Sym>,
    /// What the histories of some metrics come to.
    pub summaries: summaries::Summaries,
    /// Runs that are present.
    pub count: usize,
    /// The rows of runs that are present: the newest first, and of several that started together by id.
    pub newest_first: Arc<Vec<Row>>,
    /// Those of them that go on.
    pub active: Arc<Vec<Row>>,
}

/// Its size only: messages that carry a catalogue are logged, and its content would drown the log.
impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Catalog({} runs, {} metrics, {} params)",
            self.count,
            self.metrics.len(),
            self.params.len()
        )
    }
}

impl Catalog {
    pub fn run(&self, row: Row) -> &RunRow {
        &self.runs[row as usize]
    }

    pub fn run_id(&self, row: Row) -> &str {
        self.texts.get(self.run(row).run_id)
    }

    pub fn run_name(&self, row: Row) -> &str {
        self.texts.get(self.run(row).name)
    }

    pub fn artifact_uri(&self, row: Row) -> String {
        self.texts.get(self.run(row).artifact_pattern).replace(RUN_ID, self.run_id(row))
    }

    /// The rows of runs that are present.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.runs.len() as Row).filter(|row| self.run(*row).present)
    }

    /// The row of a run that is present, by its id; a walk over all ids.
    pub fn find(&self, run_id: &str) -> Option<Row> {
        self.rows().find(|row| self.run_id(*row) == run_id)
    }
}

#[cfg(test)]
mod filter_tests;
#[cfg(test)]
mod tests;
