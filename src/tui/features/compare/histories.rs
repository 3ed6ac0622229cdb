//! Other values of the compared metrics than the latest: what is known of their histories, and what is still to be read.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::effects::ReadHistories;
use super::{CompareScreen, CompareTab};
use crate::catalog::{Catalog, Column, ColumnSpec, Row};
use crate::compare::Comparison;
use crate::mlflow::{Part, RunId, Statistic, Summary};
use crate::tui::core::remote::Remote;

/// Histories in one request.
const AT_ONCE: usize = 120;
/// Columns beside the cursor that may be on the screen, where keys are columns.
const BESIDE: usize = 40;

/// A metric whose histories are wanted, and of which runs; with each the latest value, which tells whether it is news.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedHistory {
    pub key: String,
    pub runs: Vec<(RunId, u64)>,
}

/// What a history came to when the latest value was this one; nothing where no point of it counts.
#[derive(Debug, Clone, Copy)]
struct KnownHistory {
    latest: u64,
    summary: Option<Summary>,
}

#[derive(Debug, Default)]
pub struct Histories {
    known: FxHashMap<(String, Part), FxHashMap<String, KnownHistory>>,
    pub asked: Remote<()>,
}

impl Histories {
    /// Takes in what was read.
    pub fn fill(&mut self, part: Part, read: ReadHistories) {
        for (wanted, summaries) in read {
            let summaries: FxHashMap<RunId, Summary> = summaries.into_iter().collect();
            let known = self.known.entry((wanted.key, part)).or_default();
            for (run, latest) in wanted.runs {
                let summary = summaries.get(&run).copied();
                known.insert(run.0, KnownHistory { latest, summary });
            }
        }
    }

    /// The columns of a part that are known of some rows.
    fn columns(
        &self,
        part: Part,
        catalog: &Catalog,
        rows: &[Row],
    ) -> FxHashMap<String, Arc<Column<Summary>>> {
        let of_part = self.known.iter().filter(|((_, of), _)| *of == part);
        let column = |runs: &FxHashMap<String, KnownHistory>| {
            let summary = |row: &Row| Some((*row, runs.get(catalog.run_id(*row))?.summary?));
            Arc::new(rows.iter().filter_map(summary).collect())
        };
        of_part.map(|((key, _), runs)| (key.clone(), column(runs))).collect()
    }

    /// The runs whose history of a metric is not known as it is now.
    fn missing(&self, part: Part, key: &str, catalog: &Catalog, rows: &[Row]) -> Vec<(RunId, u64)> {
        let Some(latest) = catalog.metrics.column(&catalog.texts, key) else { return Vec::new() };
        let known = self.known.get(&(key.to_owned(), part));
        let missing = |row: &Row| {
            let latest = latest.get(*row)?.to_bits();
            let id = catalog.run_id(*row);
            let is_known = known.and_then(|runs| runs.get(id)).is_some_and(|known| known.latest == latest);
            (!is_known).then(|| (RunId::from(id), latest))
        };
        rows.iter().filter_map(missing).collect()
    }
}

impl CompareScreen {
    /// The comparison by the statistic that is chosen.
    pub fn comparison(&self) -> Option<&Arc<Comparison>> {
        self.valued.as_ref().or_else(|| self.fetched.value())
    }

    /// Compares anew by the chosen statistic, as far as histories are known.
    pub fn revalue(&mut self) {
        self.valued = match self.fetched.value() {
            Some(base) if self.statistic != Statistic::Latest => {
                let columns = self.histories.columns(self.statistic.part(), &base.catalog, &rows(base));
                Some(Arc::new(base.by(self.statistic, columns)))
            }
            _ => None,
        };
    }

    /// The histories that what is on the screen needs, and that nobody has asked for: of `height` lines of keys.
    pub fn wanted_histories(&self, height: usize) -> Vec<WantedHistory> {
        let Some(base) = self.fetched.value().filter(|_| self.statistic != Statistic::Latest) else {
            return Vec::new();
        };
        let (part, rows) = (self.statistic.part(), rows(base));
        let mut wanted = Vec::new();
        let mut count = 0;
        for key in self.keys_on_screen(height) {
            let runs = self.histories.missing(part, key, &base.catalog, &rows);
            if !runs.is_empty() {
                count += runs.len();
                wanted.push(WantedHistory { key: key.to_owned(), runs });
            }
            if count >= AT_ONCE {
                break;
            }
        }
        wanted
    }

    /// The metrics whose values are seen.
    fn keys_on_screen(&self, height: usize) -> Vec<&str> {
        let chosen = [self.x.as_ref(), self.y.as_ref()];
        let of_plots = chosen.into_iter().flatten().filter_map(ColumnSpec::metric_key);
        let of_plots = of_plots.filter(|_| self.tab == CompareTab::Scatter);
        let mut keys: Vec<&str> = self.metric.as_deref().into_iter().chain(of_plots).collect();
        if self.tab == CompareTab::Table {
            let seen = if self.is_turned {
                self.key_cursor.at.saturating_sub(BESIDE)..self.key_cursor.at + BESIDE
            } else {
                self.key_cursor.top..self.key_cursor.top + height
            };
            keys.extend(seen.filter_map(|at| self.entry(at)?.spec.metric_key()));
        }
        keys
    }
}

/// All rows that are compared, in ascending order.
fn rows(comparison: &Comparison) -> Vec<Row> {
    let mut rows: Vec<Row> = comparison.members.iter().flat_map(|member| &member.rows).copied().collect();
    rows.sort_unstable();
    rows
}
