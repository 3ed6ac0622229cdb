//! The charts of a run's metrics, in a grid: those without a prefix first, then by prefix, the system's own last.

pub mod grid;
pub mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use rustc_hash::FxHashSet;

use crate::catalog::Catalog;
use crate::chart::Options;
use crate::mlflow::{Run, RunId};
use crate::tui::core::selected::{DrawnRun, OVERLAID, SelectedRuns};
use crate::tui::features::charts::histories::{Histories, HistoryKey};
use crate::tui::widgets::input::Input;
use grid::Grid;

/// Sections with fewer charts share their room with those beside them.
const SMALL: usize = 4;

/// Charts that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    /// Places in [`Dashboard::keys`].
    pub charts: std::ops::Range<usize>,
    /// Its metrics have one value as a rule.
    pub is_single: bool,
    /// The rows that its charts need, where they do not take what there is.
    pub rows: Option<usize>,
}

#[derive(Debug, Default)]
pub struct Dashboard {
    pub words: Input,
    pub options: Options,
    /// Metrics with a logarithmic y axis.
    pub log: FxHashSet<String>,
    /// The chosen chart, and the first band on the screen.
    pub at: usize,
    pub top: usize,
    /// The metrics in the order of their charts.
    pub keys: Vec<String>,
    pub sections: Vec<Section>,
    /// The runs whose lines are drawn, the one on top last.
    pub drawn: Vec<DrawnRun>,
    /// When the run under the cursor became another one.
    pub since: i64,
    /// When the cursor has stood there long enough to look.
    pub woken_for: i64,
    /// What the charts were arranged for.
    arranged: Option<Arranged>,
}

#[derive(Debug, Clone)]
struct Arranged {
    run: RunId,
    metrics: usize,
    /// Where the metrics of selected runs were looked up.
    catalog: Option<Arc<Catalog>>,
    selected: u64,
    words: String,
}

impl PartialEq for Arranged {
    fn eq(&self, other: &Self) -> bool {
        let same_catalog = match (&self.catalog, &other.catalog) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        same_catalog
            && (&self.run, self.metrics, self.selected, &self.words)
                == (&other.run, other.metrics, other.selected, &other.words)
    }
}

impl Dashboard {
    /// Without any charts yet; how they are to be drawn stays.
    pub fn reset(&mut self) -> Self {
        Self { options: self.options, log: std::mem::take(&mut self.log), ..Self::default() }
    }

    /// How a metric is drawn.
    pub fn options_of(&self, key: &str) -> Options {
        Options { log_y: self.log.contains(key), ..self.options }
    }

    /// The chosen metric.
    pub fn key(&self) -> Option<&str> {
        self.keys.get(self.at).map(String::as_str)
    }

    /// Puts the charts of a run, and of the selected ones, in order, unless they are already.
    pub fn arrange(&mut self, run: &Run, catalog: &Arc<Catalog>, selected: &SelectedRuns, now: i64) {
        let wanted = Arranged {
            run: run.info.run_id.clone(),
            metrics: run.metrics.len(),
            catalog: (!selected.is_empty()).then(|| Arc::clone(catalog)),
            selected: selected.version,
            words: self.words.value().to_owned(),
        };
        if self.arranged.as_ref() == Some(&wanted) {
            return;
        }
        if self.arranged.as_ref().is_none_or(|arranged| arranged.run != wanted.run) {
            self.since = now;
        }
        let chosen = self.key().map(str::to_owned);
        let own = &run.info.run_id;
        let ticked = selected.in_order();
        self.drawn = ticked
            .iter()
            .filter(|(id, _)| id != own)
            .take(OVERLAID)
            .map(|(id, run)| DrawnRun { run: id.clone(), name: run.name.clone(), slot: run.slot })
            .collect();
        let slot = selected.get(own.as_str()).map_or(0, |run| run.slot);
        self.drawn.push(DrawnRun { run: own.clone(), name: run.info.run_name.clone(), slot });
        let rows: Vec<_> = match ticked.len() {
            0 => Vec::new(),
            _ => catalog.rows().filter(|row| selected.contains(catalog.run_id(*row))).collect(),
        };
        let mut keys: Vec<String> = run.metrics.iter().map(|metric| metric.key.clone()).collect();
        if !rows.is_empty() {
            let of_selected = catalog
                .metrics
                .columns(&catalog.texts)
                .filter(|(_, column)| rows.iter().any(|row| column.get(*row).is_some()));
            keys.extend(of_selected.map(|(key, _)| key.to_owned()));
        }
        keys.sort_unstable();
        keys.dedup();
        let at_zero = |key: &str| {
            let found = run.metrics.binary_search_by(|metric| metric.key.as_str().cmp(key));
            found.is_ok_and(|at| run.metrics[at].step == 0)
        };
        self.put(matching(keys, &wanted.words), at_zero);
        // The chosen chart stays the chosen one.
        self.at = chosen.and_then(|key| self.keys.iter().position(|other| *other == key)).unwrap_or(0);
        self.arranged = Some(wanted);
    }

    /// Takes sorted keys, by section. What has got no further than step 0 has one value as a rule, and stands apart.
    fn put(&mut self, keys: Vec<String>, at_zero: impl Fn(&str) -> bool) {
        const AT_ZERO: u8 = 2;
        let mut sections: BTreeMap<(u8, String), Vec<String>> = BTreeMap::new();
        for key in keys {
            let place = match key.split_once('/') {
                Some(("system", _)) => (3, "system/".to_owned()),
                _ if at_zero(&key) => (AT_ZERO, "at step 0".to_owned()),
                Some((prefix, _)) => (1, format!("{prefix}/")),
                None => (0, "metrics".to_owned()),
            };
            sections.entry(place).or_default().push(key);
        }
        self.keys.clear();
        self.sections.clear();
        let mut was_small = false;
        for ((kind, title), keys) in sections {
            let start = self.keys.len();
            let is_small = kind < AT_ZERO && keys.len() < SMALL;
            self.keys.extend(keys);
            let end = self.keys.len();
            // A heading for every two charts would leave most of the screen empty.
            match self.sections.last_mut().filter(|_| is_small && was_small) {
                Some(last) => {
                    last.charts.end = end;
                    last.title = format!("{}, {title}", last.title);
                }
                None => {
                    let is_single = kind == AT_ZERO;
                    self.sections.push(Section { title, charts: start..end, is_single, rows: None });
                }
            }
            was_small = is_small;
        }
    }

    /// Gives single values no more room than they need: the title, and of several runs a bar for each. Where a history
    /// has more points after all, it is drawn like the others.
    pub fn fit(&mut self, histories: &Histories) {
        let Self { sections, keys, drawn, .. } = self;
        let has_line = |key: &String| {
            drawn.iter().any(|drawn| {
                let which = HistoryKey { run: drawn.run.clone(), key: key.clone() };
                histories.get(&which).is_some_and(|known| known.points.len() > 1)
            })
        };
        for section in sections.iter_mut().filter(|section| section.is_single) {
            let is_line = keys[section.charts.clone()].iter().any(has_line);
            let rows = if drawn.len() > 1 { drawn.len() + 2 } else { 1 };
            section.rows = (!is_line).then_some(rows);
        }
    }

    pub fn grid(&self, width: usize, height: usize) -> Grid {
        Grid::new(&self.sections, width, height)
    }

    /// Moves the choice; the chosen chart is always to be seen.
    pub fn step(&mut self, across: isize, down: isize, width: usize, height: usize) {
        let grid = self.grid(width, height);
        let last = self.keys.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(across).min(last);
        self.at = grid.above_or_below(self.at, down);
        self.top = grid.scrolled_to(self.at, self.top);
    }

    /// The metrics whose charts are on the screen.
    pub fn visible(&self, width: usize, height: usize) -> Vec<&str> {
        let grid = self.grid(width, height);
        let placed = grid.placed(self.top);
        placed.iter().filter_map(|place| self.keys.get(place.chart?)).map(String::as_str).collect()
    }

    /// Scrolls to the chosen chart.
    pub fn show_chosen(&mut self, width: usize, height: usize) {
        self.top = self.grid(width, height).scrolled_to(self.at, self.top);
    }
}

/// The keys with these words in them, in their order.
fn matching(keys: Vec<String>, words: &str) -> Vec<String> {
    let pattern = Pattern::parse(words, CaseMatching::Smart, Normalization::Smart);
    if pattern.atoms.is_empty() {
        return keys;
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    keys.into_iter()
        .filter(|key| pattern.score(Utf32Str::new(key, &mut buffer), &mut matcher).is_some())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_grouped_by_prefix_and_the_systems_come_last() {
        let mut dashboard = Dashboard::default();
        let keys = ["loss", "system/cpu", "train/loss", "val/acc", "val/loss", "acc"];
        let mut keys: Vec<String> = keys.map(str::to_owned).to_vec();
        keys.sort_unstable();
        let not_at_zero = |_: &str| false;
        dashboard.put(matching(keys.clone(), ""), not_at_zero);
        let titles: Vec<(&str, usize)> =
            dashboard.sections.iter().map(|section| (section.title.as_str(), section.charts.len())).collect();
        assert_eq!(titles, [("metrics, train/, val/", 5), ("system/", 1)]);
        let many = (0..9).map(|at| format!("{}/{at}", ["a", "b"][at % 2])).chain(["b/t".into(), "t".into()]);
        let mut many: Vec<String> = many.collect();
        many.sort_unstable();
        dashboard.put(many, |key| key.ends_with('t'));
        let titles: Vec<(&str, usize)> =
            dashboard.sections.iter().map(|section| (section.title.as_str(), section.charts.len())).collect();
        assert_eq!(titles, [("a/", 5), ("b/", 4), ("at step 0", 2)]);
        dashboard.put(matching(keys, "loss"), not_at_zero);
        assert_eq!(dashboard.keys, ["loss", "train/loss", "val/loss"]);
    }
}
