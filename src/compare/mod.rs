//! Runs side by side: what differs between them, how much, and which value is best.
//!
//! Pure: a catalogue and the rows of its runs in, entries and cells out. Knows no store and no terminal. Cells are looked
//! up when they are asked for: of 500 runs and 12,000 metrics a screen shows a few hundred.

pub mod axes;
mod entries;
pub mod export;
pub mod forest;
mod groups;
pub mod importance;

pub use groups::by_seed;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::{Bound, Catalog, Column, ColumnSpec, Row, Value};
use crate::chart::axis::Unit;
use crate::mlflow::{Statistic, Summary};
use crate::select::{Goal, Patterns};

/// Runs that are compared, at most.
pub const MOST: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    Metric,
    Param,
    Attribute,
    Tag,
    /// Metrics that the system logged of itself.
    System,
}

impl EntryKind {
    /// Whether there is more than one value: a metric's.
    pub fn has_history(self) -> bool {
        matches!(self, Self::Metric | Self::System)
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Metric => "metrics",
            Self::Param => "params",
            Self::Attribute => "attributes",
            Self::Tag => "tags",
            Self::System => "system",
        }
    }
}

/// A run, or runs that differ in nothing but their seed or fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub rows: Vec<Row>,
}

/// A param, metric, tag or attribute of the compared runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub kind: EntryKind,
    pub spec: ColumnSpec,
    /// Not all members have the same, or not all have it.
    pub differs: bool,
    /// A metric that tells how long something took.
    pub is_timing: bool,
    /// From 0 (all the same) to 1: of numbers half the range over the greatest size, of texts the share of distinct ones,
    /// times the share of members that have one.
    pub spread: f64,
    /// What is wanted of a metric, where that is known, and the best value there is.
    pub goal: Option<Goal>,
    pub best: Option<f64>,
    /// Members that have a value.
    pub present: usize,
}

impl Entry {
    /// What its numbers are.
    pub fn unit(&self) -> Unit {
        match self.spec {
            ColumnSpec::Duration => Unit::Duration,
            ColumnSpec::StartTime | ColumnSpec::Started | ColumnSpec::EndTime => Unit::Moment,
            _ => Unit::Number,
        }
    }
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum CompareCell<'a> {
    Missing,
    One(Value<'a>),
    /// Of several runs: mean, sample standard deviation (of two and more), and of how many that are not infinite; where
    /// all are, mean and count are of these.
    Mean {
        mean: f64,
        deviation: Option<f64>,
        count: usize,
        infinite: usize,
    },
    /// Several runs have several texts: the first, and how many there are.
    Several {
        first: &'a str,
        distinct: usize,
    },
}

impl CompareCell<'_> {
    /// Values that are infinite, of several runs.
    pub fn infinite(&self) -> usize {
        if let Self::Mean { infinite, .. } = self { *infinite } else { 0 }
    }

    /// The number, where it is one: params that can be read as numbers are.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::One(Value::Number(number) | Value::Point(number, _)) | Self::Mean { mean: number, .. } => {
                Some(*number)
            }
            Self::One(Value::Text(text)) => number(text),
            Self::One(Value::Duration(ms)) => Some(*ms as f64),
            _ => None,
        }
    }
}

/// How much more a cell is than another, absolute, and over the other's size; none where one of them is no finite number.
pub fn difference(cell: &CompareCell<'_>, base: &CompareCell<'_>) -> Option<(f64, Option<f64>)> {
    let (value, base) = (cell.number()?, base.number()?);
    let by = Some(value - base).filter(|by| by.is_finite())?;
    // A percentage has to be a number too.
    Some((by, Some(by / base.abs()).filter(|share| (share * 100.0).is_finite())))
}

/// A text as a finite number.
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

#[derive(Debug, Clone)]
pub struct Comparison {
    pub catalog: Arc<Catalog>,
    pub members: Vec<Member>,
    pub entries: Vec<Entry>,
    /// Whether runs that differ only in seed or fold are one member.
    pub is_grouped: bool,
    pub runs: usize,
    /// Which value of each history it is made of.
    pub statistic: Statistic,
    /// What is known of the histories, by metric; nothing is needed for the latest values.
    histories: FxHashMap<String, Arc<Column<Summary>>>,
}

impl Comparison {
    /// Compares runs, in their order. `now` (milliseconds) is the end of those that go on; the user's `patterns` tell what
    /// is wanted of metrics, as they do where the best run is chosen.
    pub fn new(catalog: Arc<Catalog>, rows: &[Row], is_grouped: bool, now: i64, patterns: &Patterns) -> Self {
        let members = if is_grouped {
            groups::by_seed(&catalog, rows)
        } else {
            rows.iter().map(|row| Member { rows: vec![*row] }).collect()
        };
        let entries = entries::entries(&catalog, &members, now, patterns);
        Self {
            catalog,
            members,
            entries,
            is_grouped,
            runs: rows.len(),
            statistic: Statistic::Latest,
            histories: FxHashMap::default(),
        }
    }

    /// The same runs, compared by another value of their histories, as far as these are known. The order stays, as more
    /// will be known.
    #[must_use]
    pub fn by(&self, statistic: Statistic, histories: FxHashMap<String, Arc<Column<Summary>>>) -> Self {
        let mut by = Self { statistic, histories, ..self.clone() };
        let mut entries = std::mem::take(&mut by.entries);
        for entry in &mut entries {
            if let ColumnSpec::Metric(_, of) = &mut entry.spec {
                *of = statistic;
                by.measure(entry);
            }
        }
        by.entries = entries;
        by
    }

    /// Takes in what has come to be known of histories, by metric.
    pub fn learn(&mut self, histories: FxHashMap<String, Arc<Column<Summary>>>) {
        let keys: FxHashSet<String> = histories.keys().cloned().collect();
        self.histories.extend(histories);
        let mut entries = std::mem::take(&mut self.entries);
        let is_news = |entry: &Entry| entry.spec.metric_key().is_some_and(|key| keys.contains(key));
        entries.iter_mut().filter(|entry| is_news(entry)).for_each(|entry| self.measure(entry));
        self.entries = entries;
    }

    /// Looks anew how much members differ in a metric, as far as its values are known.
    fn measure(&self, entry: &mut Entry) {
        entry.best = None;
        if !self.is_known(entry) {
            return;
        }
        let bound = self.bound(entry);
        let cells: Vec<CompareCell<'_>> =
            (0..self.members.len()).map(|member| self.cell(entry, &bound, member, 0)).collect();
        let numbers: Vec<f64> = cells.iter().filter_map(CompareCell::number).collect();
        let able = cells.iter().filter(|cell| cell.infinite() == 0).filter_map(CompareCell::number);
        let able: Vec<f64> = able.collect();
        entries::measure(entry, &numbers, &able, self.members.len());
    }

    /// Whether the values of an entry are known.
    pub fn is_known(&self, entry: &Entry) -> bool {
        match &entry.spec {
            ColumnSpec::Metric(_, Statistic::Latest) => true,
            ColumnSpec::Metric(key, _) => self.histories.contains_key(key),
            _ => true,
        }
    }

    /// A metric that some member has.
    pub fn metric(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.spec.metric_key() == Some(key))
    }

    /// The run that stands for a member, and how many there are besides.
    pub fn title(&self, member: usize) -> (&str, usize) {
        let rows = &self.members[member].rows;
        (self.catalog.run_name(rows[0]), rows.len() - 1)
    }

    /// The cell of an entry and a member.
    pub fn cell(&self, entry: &Entry, bound: &Bound, member: usize, now: i64) -> CompareCell<'_> {
        let rows = &self.members[member].rows;
        let value = |row: Row| bound.value(&self.catalog, row, now);
        if let [row] = rows.as_slice() {
            return match value(*row) {
                Value::Missing => CompareCell::Missing,
                value => CompareCell::One(value),
            };
        }
        let values: Vec<Value<'_>> =
            rows.iter().map(|row| value(*row)).filter(|value| *value != Value::Missing).collect();
        if matches!(entry.kind, EntryKind::Metric | EntryKind::System)
            || matches!(values.first(), Some(Value::Duration(_)))
        {
            let numbers = values.iter().filter_map(|value| match value {
                Value::Number(number) | Value::Point(number, _) => Some(*number),
                Value::Duration(ms) => Some(*ms as f64),
                _ => None,
            });
            return groups::mean(&numbers.collect::<Vec<f64>>());
        }
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return CompareCell::Missing };
        let others: Vec<Value<'_>> = values.filter(|value| *value != first).collect();
        match (&first, others.is_empty()) {
            (_, true) => CompareCell::One(first),
            (Value::Text(text), _) => {
                let mut texts: Vec<&str> = others
                    .iter()
                    .filter_map(|value| match value {
                        Value::Text(text) => Some(*text),
                        _ => None,
                    })
                    .collect();
                texts.sort_unstable();
                texts.dedup();
                CompareCell::Several { first: text, distinct: texts.len() + 1 }
            }
            _ => CompareCell::One(first),
        }
    }

    pub fn bound(&self, entry: &Entry) -> Bound {
        match &entry.spec {
            ColumnSpec::Metric(key, statistic) if *statistic != Statistic::Latest => self
                .histories
                .get(key)
                .map_or(Bound::Absent, |column| Bound::Summary(Arc::clone(column), *statistic)),
            spec => Bound::new(&self.catalog, spec),
        }
    }

    /// What is wanted of a metric that some member has.
    pub fn goal(&self, metric: &str) -> Option<Goal> {
        self.metric(metric)?.goal
    }

    /// Whether a cell holds the best value of its entry. Several runs of which some have no finite one never do.
    pub fn is_best(&self, entry: &Entry, cell: &CompareCell<'_>) -> bool {
        entry.differs && entry.best.is_some() && cell.infinite() == 0 && cell.number() == entry.best
    }
}

#[cfg(test)]
pub(crate) use {entries::by_spread, importance::by_importance};

#[cfg(test)]
mod tests;
