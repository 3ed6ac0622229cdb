//! What the histories of metrics come to, for the columns that ask for it: filled in run by run, and honest about
//! how far that has come.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Bound, Builder, Catalog, Column, ColumnSpec, Row, Sym};
use crate::mlflow::{Part, RunId, Statistic, Summary};
use crate::store::{Result, Store};

/// The histories that a column needs: of a metric, all points or a part of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NeededHistory {
    pub key: String,
    pub part: Part,
}

impl NeededHistory {
    /// What a column needs to be filled in; nothing for one that a store tells by itself.
    pub fn of(column: &ColumnSpec) -> Option<Self> {
        match column {
            ColumnSpec::Metric(_, Statistic::Latest) => None,
            ColumnSpec::Metric(key, statistic) => Some(Self { key: key.clone(), part: statistic.part() }),
            _ => None,
        }
    }
}

/// How many runs a column is known of, of those that have the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    pub known: usize,
    pub of: usize,
}

impl Coverage {
    pub fn is_complete(self) -> bool {
        self.known >= self.of
    }
}

/// The summaries of a metric, and of which runs they are up to date.
#[derive(Debug, Clone, Default)]
struct Series {
    column: Arc<Column<Summary>>,
    fresh: Arc<FxHashSet<Row>>,
}

/// Summaries as a snapshot has them.
#[derive(Debug, Clone, Default)]
pub struct Summaries {
    series: Arc<FxHashMap<(Sym, Part), Series>>,
}

impl Summaries {
    pub fn column(&self, key: Sym, part: Part) -> Option<&Arc<Column<Summary>>> {
        self.series.get(&(key, part)).map(|series| &series.column)
    }
}

impl Catalog {
    /// How far a column is filled in; nothing for one that is always whole.
    pub fn coverage(&self, column: &ColumnSpec) -> Option<Coverage> {
        let NeededHistory { key, part } = NeededHistory::of(column)?;
        let all = self.metrics.column(&self.texts, &key).map_or(0, |column| column.len());
        let known =
            self.metrics.sym(&self.texts, &key).and_then(|sym| self.summaries.series.get(&(sym, part)));
        Some(Coverage { known: known.map_or(0, |series| series.fresh.len()), of: all })
    }
}

/// The summaries as the builder keeps them.
#[derive(Debug, Default)]
pub struct SummaryTracker {
    series: Arc<FxHashMap<(Sym, Part), Series>>,
}

impl SummaryTracker {
    pub fn snapshot(&self) -> Summaries {
        Summaries { series: Arc::clone(&self.series) }
    }

    /// A run has another value of a metric: its summary is to be made anew.
    pub fn outdate(&mut self, key: Sym, row: Row) {
        let is_known = |series: &Series| series.fresh.contains(&row);
        if self.series.is_empty() || !self.series.iter().any(|((k, _), s)| *k == key && is_known(s)) {
            return;
        }
        for ((known, _), series) in Arc::make_mut(&mut self.series) {
            if *known == key {
                Arc::make_mut(&mut series.fresh).remove(&row);
            }
        }
    }

    /// The same for all metrics of a run.
    pub fn outdate_run(&mut self, row: Row) {
        if self.series.values().any(|series| series.fresh.contains(&row)) {
            for series in Arc::make_mut(&mut self.series).values_mut() {
                Arc::make_mut(&mut series.fresh).remove(&row);
            }
        }
    }

    /// Takes in what is known now of `rows`, of which some have no summary; true if a value is another than before.
    fn fill(&mut self, key: (Sym, Part), rows: &[Row], mut found: Vec<(Row, Summary)>) -> bool {
        let series = Arc::make_mut(&mut self.series).entry(key).or_default();
        Arc::make_mut(&mut series.fresh).extend(rows);
        found.sort_by_key(|(row, _)| *row);
        let is_known = |(row, summary): &(Row, Summary)| {
            series.column.get(*row).is_some_and(|known| known.is_same(summary))
        };
        if found.iter().all(is_known) {
            return !rows.is_empty();
        }
        let old = std::mem::take(&mut series.column);
        let mut merged = Column::default();
        let mut new = found.into_iter().peekable();
        for (row, summary) in old.iter() {
            while let Some(first) = new.next_if(|(other, _)| *other < row) {
                merged.push(first);
            }
            merged.push(new.next_if(|(other, _)| *other == row).unwrap_or((row, summary)));
        }
        new.for_each(|last| merged.push(last));
        series.column = Arc::new(merged);
        true
    }
}

impl Builder {
    /// The runs whose histories are still to be asked for: those in `first` before all others, then the newest; no
    /// more than `most`, and none that `skips`.
    pub fn unknown(
        &mut self,
        wanted: &NeededHistory,
        first: &[RunId],
        most: usize,
        skips: impl Fn(&str) -> bool,
    ) -> Vec<RunId> {
        let key = self.intern(&wanted.key);
        let fresh = self.summaries.series.get(&(key, wanted.part)).map(|series| Arc::clone(&series.fresh));
        let first: Vec<Row> = first.iter().filter_map(|id| self.row(id)).collect();
        let is_unknown = |row: &Row| fresh.as_ref().is_none_or(|fresh| !fresh.contains(row));
        let run = |row: Row| &self.runs()[row as usize];
        let mut rows: Vec<Row> = self
            .rows_with_metric(key)
            .filter(|row| run(*row).present && is_unknown(row) && !skips(self.text(run(*row).run_id)))
            .collect();
        if rows.len() > most {
            rows.sort_by_key(|row| (!first.contains(row), std::cmp::Reverse(run(*row).start_time)));
            rows.truncate(most);
        }
        rows.iter().map(|row| RunId::from(self.text(run(*row).run_id))).collect()
    }

    /// Takes in what was read of `ids`; true if that is news.
    pub fn fill(&mut self, wanted: &NeededHistory, ids: &[RunId], summaries: &[(RunId, Summary)]) -> bool {
        let key = self.intern(&wanted.key);
        let rows: Vec<Row> = ids.iter().filter_map(|id| self.row(id)).collect();
        let found = summaries.iter().filter_map(|(id, summary)| Some((self.row(id)?, *summary))).collect();
        self.summaries.fill((key, wanted.part), &rows, found)
    }

    /// Reads what a column needs of all runs.
    pub async fn complete(&mut self, store: &Store, wanted: &NeededHistory) -> Result<()> {
        loop {
            let ids = self.unknown(wanted, &[], store.capabilities().summary_batch(), |_| false);
            if ids.is_empty() {
                return Ok(());
            }
            let summaries = store.metric_summaries(&ids, &wanted.key, wanted.part).await?;
            self.fill(wanted, &ids, &summaries);
        }
    }
}

/// The column of a statistic, ready to give cells.
pub fn bind(catalog: &Catalog, key: &str, statistic: Statistic) -> Bound {
    let column = catalog
        .metrics
        .sym(&catalog.texts, key)
        .and_then(|sym| catalog.summaries.column(sym, statistic.part()));
    column.map_or(Bound::Absent, |column| Bound::Summary(Arc::clone(column), statistic))
}
