//! Other values of the compared metrics than the latest: what is known of their histories, and what is still to be read.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

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
    /// Metrics that are known of all runs, of what is compared now.
    whole: WholeHistories,
}

/// Metrics of which nothing is missing, for one comparison.
#[derive(Debug, Default)]
struct WholeHistories {
    of: Option<(Arc<Comparison>, Part)>,
    keys: FxHashSet<String>,
}

impl WholeHistories {
    /// Forgets what is of another comparison.
    fn follow(&mut self, comparison: &Arc<Comparison>, part: Part) {
        let is_same =
            self.of.as_ref().is_some_and(|(known, of)| Arc::ptr_eq(known, comparison) && *of == part);
        if !is_same {
            *self = Self { of: Some((Arc::clone(comparison), part)), ..Self::default() };
        }
    }
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
        let keys = self.known.keys().filter(|(_, of)| *of == part).map(|(key, _)| key.as_str());
        self.columns_of(keys, part, catalog, rows)
    }

    fn columns_of<'a>(
        &self,
        keys: impl Iterator<Item = &'a str>,
        part: Part,
        catalog: &Catalog,
        rows: &[Row],
    ) -> FxHashMap<String, Arc<Column<Summary>>> {
        let column = |key: &str| {
            let runs = self.known.get(&(key.to_owned(), part))?;
            let summary = |row: &Row| Some((*row, runs.get(catalog.run_id(*row))?.summary?));
            Some(Arc::new(rows.iter().filter_map(summary).collect()))
        };
        keys.filter_map(|key| Some((key.to_owned(), column(key)?))).collect()
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

    /// Takes in histories that were read: of all that is compared, only these metrics are looked at anew.
    pub fn read(&mut self, part: Part, read: ReadHistories, now: i64) {
        let keys: Vec<String> = read.iter().map(|(wanted, _)| wanted.key.clone()).collect();
        self.histories.fill(part, read);
        if part != self.statistic.part() {
            return;
        }
        let (Some(base), Some(valued)) = (self.fetched.value(), &mut self.valued) else {
            return self.values_changed(now);
        };
        let names = keys.iter().map(String::as_str);
        let columns = self.histories.columns_of(names, part, &base.catalog, &rows(base));
        Arc::make_mut(valued).learn(columns);
        let on_plots = [self.x.as_ref(), self.y.as_ref()];
        let on_plots = on_plots.into_iter().flatten().filter_map(ColumnSpec::metric_key);
        let is_plotted =
            self.metric.as_deref().into_iter().chain(on_plots).any(|key| keys.iter().any(|read| read == key));
        self.keep_chosen(Self::arrange);
        if is_plotted {
            self.weighed.forget();
            self.lay_axes(now);
        }
    }

    /// The histories that what is on the screen needs, and that nobody has asked for: of `height` lines of keys.
    pub fn wanted_histories(&mut self, height: usize) -> Vec<WantedHistory> {
        let Some(base) = self.fetched.value().filter(|_| self.statistic != Statistic::Latest).cloned() else {
            return Vec::new();
        };
        let part = self.statistic.part();
        self.histories.whole.follow(&base, part);
        let keys = self.keys_on_screen(height).into_iter();
        let keys = keys.filter(|key| !self.histories.whole.keys.contains(*key));
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        let mut wanted = Vec::new();
        if keys.is_empty() {
            return wanted;
        }
        let rows = rows(&base);
        let mut count = 0;
        for key in keys {
            let runs = self.histories.missing(part, &key, &base.catalog, &rows);
            if runs.is_empty() {
                self.histories.whole.keys.insert(key);
                continue;
            }
            count += runs.len();
            wanted.push(WantedHistory { key, runs });
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
