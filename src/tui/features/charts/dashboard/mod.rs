//! The charts of a run's metrics, in a grid: what runs are judged by first, then what else there is by prefix, then single
//! values as tiles, and rates, times and the machine last.

pub mod arranged;
pub mod grid;
pub mod tiles;
pub mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::catalog::{Catalog, Row};
use crate::chart::Options;
use crate::mlflow::{Run, RunId};
use crate::select::Interest;
use crate::text;
use crate::tui::core::selected::{DrawnRun, SelectedRuns};
use crate::tui::features::charts::groups::{Grouping, grouped as put_together};
use crate::tui::features::charts::histories::Histories;
use crate::tui::features::charts::metrics::{ChartMetric, grouped};
use crate::tui::features::charts::series::{Series, series};
use crate::tui::features::charts::standing::Standings;
use crate::tui::widgets::input::Input;
use arranged::Arranged;
use grid::Grid;

/// Sections with fewer charts share their room with those beside them.
const SMALL: usize = 4;

/// Charts that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What stands above them; nothing stands above the first.
    pub title: String,
    /// Places in [`Dashboard::charts`].
    pub charts: std::ops::Range<usize>,
    /// The rows of a tile, where its charts are tiles of single values.
    pub tile: Option<usize>,
}

/// One of the charts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    pub metric: ChartMetric,
    drawn: Arc<[DrawnRun]>,
    /// Made when the chart is first looked at: a run may have ten thousand metrics.
    lines: OnceLock<Vec<Series>>,
    /// Each run has one value as far as is known: it is a tile.
    pub is_single: bool,
}

impl Chart {
    /// In the order of the legend.
    pub fn lines(&self) -> &[Series] {
        self.lines.get_or_init(|| series(&self.metric, &self.drawn))
    }
}

#[derive(Debug, Default)]
pub struct Dashboard {
    pub words: Input,
    pub options: Options,
    /// The metric of the x axis, where that was chosen last.
    pub x_metric: Option<String>,
    /// Charts with a logarithmic y axis, by their names.
    pub log: FxHashSet<String>,
    /// The chosen chart, and the first band on the screen.
    pub at: usize,
    pub top: usize,
    /// The cursor of all charts, on their x axis; at the end where there is none.
    pub cursor: Option<f64>,
    /// Somebody chose it; until then it is the first one, whichever that is.
    is_chosen: bool,
    /// In their order.
    pub charts: Vec<Chart>,
    pub sections: Vec<Section>,
    /// The runs: the selected ones in their order, and the one under the cursor.
    pub runs: Vec<DrawnRun>,
    /// The lines that they are drawn as, in the order of the legend, with their names.
    pub drawn: Vec<DrawnRun>,
    pub names: Vec<String>,
    /// The runs of each line that is of several, in the catalog that the charts were arranged for.
    members: Vec<Vec<Row>>,
    /// The run under the cursor among them.
    pub own: usize,
    /// Where runs stand among those that are shown.
    pub standings: Standings,
    /// When the run under the cursor became another one.
    pub since: i64,
    /// The run whose table of metrics was on the screen last.
    pub table_of: Option<RunId>,
    /// When the cursor has stood there long enough to look.
    pub woken_for: i64,
    /// Metrics of which some run that was looked at has several points, and those of which none has.
    has_line: FxHashMap<String, bool>,
    interests: FxHashMap<String, Interest>,
    /// The histories that were looked at for that.
    looked_at: u64,
    /// What the charts were arranged for.
    arranged: Option<Arranged>,
}

impl Dashboard {
    /// Without any charts yet; how they are to be drawn stays.
    pub fn reset(&mut self) -> Self {
        let (log, x_metric) = (std::mem::take(&mut self.log), self.x_metric.take());
        Self { options: self.options, log, x_metric, ..Self::default() }
    }

    /// How a chart is drawn, by its name.
    pub fn options_of(&self, name: &str) -> Options {
        Options { log_y: self.log.contains(name), ..self.options }
    }

    /// The chosen chart.
    pub fn chosen(&self) -> Option<&Chart> {
        self.charts.get(self.at)
    }

    /// Its name.
    pub fn key(&self) -> Option<&str> {
        self.chosen().map(|chart| chart.metric.name.as_str())
    }

    /// Puts the charts of a run, and of the selected ones, in order, unless they are already. `first` are the metrics
    /// that come before all others; runs are put together by `grouping`.
    pub fn arrange(
        &mut self,
        run: &Run,
        catalog: &Arc<Catalog>,
        selected: &SelectedRuns,
        (first, grouping): (Vec<String>, Option<Grouping>),
        now: i64,
    ) {
        let wanted = Arranged {
            run: run.info.run_id.clone(),
            metrics: run.metrics.len(),
            catalog: (!selected.is_empty() || grouping.is_some()).then(|| Arc::clone(catalog)),
            selected: selected.version,
            words: self.words.value().to_owned(),
            first,
            grouping,
        };
        if self.arranged.as_ref() == Some(&wanted) {
            return;
        }
        if self.arranged.as_ref().is_none_or(|arranged| arranged.run != wanted.run) {
            self.since = now;
        }
        self.draw(run, catalog, selected, wanted.grouping.as_ref());
        let mut rows: Vec<Row> = if selected.is_empty() {
            Vec::new()
        } else {
            catalog.rows().filter(|row| selected.contains(catalog.run_id(*row))).collect()
        };
        rows.extend(self.members.iter().flatten());
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
        let chosen = self.key().filter(|_| self.is_chosen).map(str::to_owned);
        self.put(matching(keys, &wanted.words), &wanted.first, at_zero);
        // What was chosen stays chosen.
        let place = |name: String| self.charts.iter().position(|chart| chart.metric.name == name);
        self.at = chosen.and_then(place).unwrap_or(0);
        self.arranged = Some(wanted);
    }

    /// The runs whose lines are drawn: the selected ones in their order, and the one under the cursor.
    fn draw(&mut self, run: &Run, catalog: &Catalog, selected: &SelectedRuns, grouping: Option<&Grouping>) {
        let own = run.info.run_id.as_str();
        self.runs = selected.drawn_with(&run.info.run_id, &run.info.run_name);
        self.drawn = put_together(&self.runs, catalog, grouping);
        self.own = self.drawn.iter().position(|drawn| drawn.has(own)).unwrap_or(0);
        let several: FxHashSet<&str> =
            self.drawn.iter().flat_map(|drawn| &drawn.members).map(RunId::as_str).collect();
        let rows: FxHashMap<&str, Row> = if several.is_empty() {
            FxHashMap::default()
        } else {
            let ids = catalog.rows().map(|row| (catalog.run_id(row), row));
            ids.filter(|(id, _)| several.contains(id)).collect()
        };
        let found =
            |drawn: &DrawnRun| drawn.members.iter().filter_map(|id| rows.get(id.as_str()).copied()).collect();
        self.members = self.drawn.iter().map(found).collect();
        self.names = self.drawn.iter().map(|drawn| text::clean(&drawn.name).into_owned()).collect();
    }

    /// Takes sorted keys.
    fn put(&mut self, keys: Vec<String>, first: &[String], at_zero: impl Fn(&str) -> bool) {
        let (single, lines): (Vec<String>, Vec<String>) = keys
            .into_iter()
            .partition(|key| self.has_line.get(key).map_or_else(|| at_zero(key), |has_line| !has_line));
        let mut metrics: Vec<(ChartMetric, bool)> =
            grouped(&lines).into_iter().map(|metric| (metric, false)).collect();
        metrics.extend(single.into_iter().map(|key| (ChartMetric::one(key), true)));
        let mut sections: BTreeMap<(Place, String), Vec<Ranked>> = BTreeMap::new();
        let mut has_first_tile = false;
        for (metric, is_single) in metrics {
            let pin =
                metric.parts.iter().filter_map(|part| first.iter().position(|key| *key == part.key)).min();
            let interest = metric.parts.iter().map(|part| self.interest(&part.key)).min();
            let interest = interest.unwrap_or(Interest::Other);
            has_first_tile |= is_single && pin == Some(0);
            let place = match interest {
                _ if is_single => (Place::Tiles, "single values".to_owned()),
                Interest::Judging => (Place::First, String::new()),
                _ if pin.is_some() => (Place::First, String::new()),
                Interest::Other => match metric.name.split_once('/') {
                    Some((prefix, _)) => (Place::Prefixed, format!("{prefix}/")),
                    None => (Place::Others, "other metrics".to_owned()),
                },
                Interest::Beside | Interest::System => (Place::Last, "rates, times, system".to_owned()),
            };
            let rank = (pin.unwrap_or(usize::MAX), interest, metric.name.clone());
            sections.entry(place).or_default().push((rank, metric, is_single));
        }
        self.charts.clear();
        self.sections.clear();
        // What decides comes first, even where it is a tile.
        let (before, after): (Vec<_>, Vec<_>) =
            sections.into_iter().partition(|((place, _), _)| has_first_tile && *place == Place::Tiles);
        for ((place, title), mut ranked) in before.into_iter().chain(after) {
            ranked.sort_by(|a, b| a.0.cmp(&b.0));
            self.push(place, title, ranked);
        }
        if let Some(first) = self.sections.first_mut() {
            first.title.clear();
        }
    }

    /// A section behind the others; small ones join the one before.
    fn push(&mut self, place: Place, title: String, ranked: Vec<Ranked>) {
        let start = self.charts.len();
        let drawn: Arc<[DrawnRun]> = self.drawn.clone().into();
        for (_, metric, is_single) in ranked {
            let (drawn, lines) = (Arc::clone(&drawn), OnceLock::new());
            self.charts.push(Chart { metric, drawn, lines, is_single });
        }
        let end = self.charts.len();
        let tile = (place == Place::Tiles).then(|| tiles::rows(self.drawn.len()));
        let is_small = end - start < SMALL && matches!(place, Place::Others | Place::Prefixed);
        // A heading for every two charts would leave most of the screen empty.
        match self.sections.last_mut().filter(|last| is_small && last.tile.is_none()) {
            Some(last) if last.title.is_empty() || last.charts.len() < SMALL => {
                last.charts.end = end;
                if !last.title.is_empty() {
                    last.title = format!("{}, {title}", last.title);
                }
            }
            Some(_) | None => self.sections.push(Section { title, charts: start..end, tile }),
        }
    }

    fn interest(&mut self, key: &str) -> Interest {
        if let Some(known) = self.interests.get(key) {
            return *known;
        }
        let interest = Interest::of(key);
        self.interests.insert(key.to_owned(), interest);
        interest
    }

    /// Looks which metrics have more than one point. True if the charts are to be arranged anew.
    pub fn learn(&mut self, histories: &Histories) -> bool {
        if self.looked_at == histories.count() {
            return false;
        }
        self.looked_at = histories.count();
        let mut is_news = false;
        // Of charts that nobody has looked at nothing was read.
        let looked_at = self.charts.iter().filter_map(|chart| Some((chart, chart.lines.get()?)));
        for (chart, lines) in looked_at {
            for part in &chart.metric.parts {
                let of_part = lines.iter().filter(|line| line.which.key == part.key);
                let known = of_part.map(|line| histories.get(&line.which).filter(|known| known.is_known()));
                let points: Vec<Option<usize>> =
                    known.map(|known| known.map(|known| known.points.len())).collect();
                let has_line = if points.iter().flatten().any(|points| *points > 1) {
                    Some(true)
                } else {
                    points.iter().all(Option::is_some).then_some(false)
                };
                if let Some(has_line) = has_line
                    && has_line == chart.is_single
                {
                    self.has_line.insert(part.key.clone(), has_line);
                    is_news = true;
                }
            }
        }
        if is_news {
            self.arranged = None;
        }
        is_news
    }

    pub fn grid(&self, width: usize, height: usize) -> Grid {
        Grid::new(&self.sections, width, height)
    }

    /// Moves the choice; the chosen chart is always to be seen.
    pub fn step(&mut self, across: isize, down: isize, width: usize, height: usize) {
        let grid = self.grid(width, height);
        let last = self.charts.len().saturating_sub(1);
        self.choose(self.at.saturating_add_signed(across).min(last));
        self.at = grid.above_or_below(self.at, down);
        self.top = grid.scrolled_to(self.at, self.top);
    }

    /// Chooses a chart.
    pub fn choose(&mut self, at: usize) {
        self.at = at;
        self.is_chosen = true;
    }

    /// The charts on the screen.
    pub fn visible(&self, width: usize, height: usize) -> impl Iterator<Item = &Chart> {
        let placed = self.grid(width, height).placed(self.top);
        placed.into_iter().filter_map(|place| self.charts.get(place.chart?))
    }

    /// Scrolls to the chosen chart.
    pub fn show_chosen(&mut self, width: usize, height: usize) {
        self.top = self.grid(width, height).scrolled_to(self.at, self.top);
    }
}

/// What a chart is sorted by within its section, the chart, and whether it is a tile.
type Ranked = ((usize, Interest, String), ChartMetric, bool);

/// The order of sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    First,
    Others,
    Prefixed,
    Tiles,
    Last,
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

    fn put(
        dashboard: &mut Dashboard,
        keys: &[&str],
        first: &[&str],
        single: &[&str],
    ) -> Vec<(String, Vec<String>)> {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort_unstable();
        let first: Vec<String> = first.iter().map(|key| (*key).to_owned()).collect();
        dashboard.put(keys, &first, |key| single.contains(&key));
        let sections = dashboard.sections.iter().map(|section| {
            let charts = &dashboard.charts[section.charts.clone()];
            (section.title.clone(), charts.iter().map(|chart| chart.metric.name.clone()).collect())
        });
        sections.collect()
    }

    fn expected(sections: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        sections.iter().map(|(title, names)| ((*title).to_owned(), owned(names))).collect()
    }

    #[test]
    fn what_decides_comes_first_and_the_machine_last() {
        let mut dashboard = Dashboard::default();
        let keys = [
            "acc",
            "epoch",
            "grad_norm",
            "lr",
            "system/cpu",
            "test_f1",
            "train/loss",
            "val/auc",
            "val/loss",
            "fit_time",
        ];
        let found = put(&mut dashboard, &keys, &["val/auc", "train/loss"], &["test_f1", "fit_time"]);
        assert_eq!(
            found,
            expected(&[
                ("", &["val/auc", "loss", "acc", "grad_norm"]),
                ("single values", &["test_f1", "fit_time"]),
                ("rates, times, system", &["epoch", "lr", "system/cpu"]),
            ])
        );
        // The column under the cursor comes to the front, whatever it is.
        let found = put(&mut dashboard, &keys, &["acc", "lr"], &[]);
        assert_eq!(found[0].1[..4], ["acc", "lr", "loss", "test_f1"]);
        // What decides is a single value.
        let found = put(&mut dashboard, &["loss", "mae", "rmse"], &["rmse"], &["rmse", "mae"]);
        assert_eq!(found, expected(&[("", &["rmse", "mae"]), ("", &["loss"])]));
    }

    #[test]
    fn what_else_there_is_stands_by_prefix() {
        let mut dashboard = Dashboard::default();
        let many: Vec<String> =
            (0..10).map(|at| format!("{}/{at}", ["a", "b"][at % 2])).chain(["b/t".into()]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let titles: Vec<(String, usize)> =
            put(&mut dashboard, &[&many[..], &["x", "loss"]].concat(), &[], &[])
                .into_iter()
                .map(|(title, names)| (title, names.len()))
                .collect();
        assert_eq!(titles, [(String::new(), 2), ("a/".into(), 5), ("b/".into(), 6)]);
        assert_eq!(
            matching(vec!["loss".into(), "acc".into(), "val/loss".into()], "loss"),
            ["loss", "val/loss"]
        );
    }
}
