//! The best runs as a podium: rank, how far behind the best, spread, and the params that differ.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Chosen;
use super::effects::Effect;
use crate::catalog::{Catalog, Row};
use crate::compare::axes::cell_words;
use crate::compare::{Comparison, Entry, EntryKind};
use crate::config::Glyphs;
use crate::mlflow::{MetricPoint, RunId};
use crate::select::{Selection, is_seed, reason, spread};
use crate::text;
use crate::text::by_point;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::go_to_run;
use crate::tui::core::signs::RunSign;
use crate::tui::widgets::bars::{bars, signed};
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::sparkline::in_levels;
use crate::tui::widgets::theme::Symbols;

/// Metrics up to which names are read for folds and params are compared: more take longer than a key may.
const FEW_METRICS: usize = 2_000;
/// Params that are told, and cells of each at most.
const PARAMS: usize = 4;
const PARAM: usize = 24;
/// Cells of the bar of the best.
const BAR: usize = 10;
/// Cells of a trend.
const TREND: usize = 10;
/// Cells between columns, and around the list.
const GAP: usize = 2;
const FRAME: usize = 13;
/// Cells of the name of a metric over its values, at most.
const METRIC: usize = 16;

/// A column beside the names, and how much it matters where not all have room: the least first.
struct Column {
    order: u8,
    title: String,
    cells: Vec<String>,
    is_right: bool,
}

impl Column {
    fn new(order: u8, title: impl Into<String>, cells: Vec<String>, is_right: bool) -> Self {
        Self { order, title: title.into(), cells, is_right }
    }

    /// Numbers, whose decimal points stand under one another.
    fn of_numbers(order: u8, title: impl Into<String>, mut cells: Vec<String>) -> Self {
        by_point(&mut cells);
        Self::new(order, title, cells, true)
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(String::is_empty)
    }

    fn width(&self) -> usize {
        self.cells.iter().chain([&self.title]).map(|cell| text::width(cell)).max().unwrap_or(0)
    }
}

/// What the title of the list begins with.
const TITLE: &str = "Leaderboard";

/// Points of a trend that are asked for: two for each of its cells.
pub const TREND_POINTS: usize = 2 * TREND;

/// How a metric of some runs went.
#[derive(Debug, Clone, Default)]
pub struct Trends {
    key: String,
    points: FxHashMap<String, Vec<MetricPoint>>,
}

impl Trends {
    pub fn new(key: String, points: Vec<(RunId, Vec<MetricPoint>)>) -> Self {
        Self { key, points: points.into_iter().map(|(run, points)| (run.0, points)).collect() }
    }
}

/// The runs that are ranked: those that are shown, where they are fewer.
fn ranked(app: &App) -> Option<(&Arc<Catalog>, &Selection)> {
    let Chosen { catalog, selection, shown, .. } = app.best.chosen()?;
    Some((catalog, shown.as_ref().or(selection.as_ref())?))
}

pub fn open(app: &mut App, effects: &mut Effects) {
    let Some((catalog, selection)) = ranked(app) else { return };
    if selection.ranking.is_empty() {
        return app.say("none of the runs is eligible; esc clears a filter, w explains");
    }
    let Told { labels, heading, notes } = told(app, catalog, selection);
    let items = labels.into_iter().zip(notes).zip(&selection.ranking).map(|((label, note), ranked)| Item {
        label,
        note,
        on: Some(app.runs.selected.contains(catalog.run_id(ranked.row))),
        value: RunId::from(catalog.run_id(ranked.row)),
    });
    let of = app.best.chosen().and_then(|chosen| chosen.shown.as_ref());
    let of = of.map_or(String::new(), |shown| format!(" of the {} shown", text::count(shown.considered)));
    let title = format!("{TITLE}{of}: {}", reason::aim(&selection.policy));
    let items: Vec<_> = items.collect();
    let metric = selection.policy.primary().metric.clone();
    let ids: Vec<RunId> = items.iter().map(|item| item.value.clone()).collect();
    let is_known = |id: &RunId| points_of(app, &metric, id.as_str()).is_some();
    let is_read = ids.iter().all(is_known);
    if !is_read {
        let ticket = app.best.trends.ask();
        effects.push(Effect::ReadTrends { ticket, ids, key: metric });
    }
    Picker::new(title, items, |app, picked, effects| match picked {
        Picked::Chosen(id) => go_to_run(app, &id, effects),
        // Selected runs lie over one another in the charts, and are compared.
        Picked::Toggled(id, on) => app.runs.set_selected(&id, on),
        Picked::Removed(_) => {}
    })
    .under(" #  run", heading)
    .open(app);
}

/// Trends were read: they stand in the list that is open.
pub fn trends_read(app: &mut App) {
    let Some((catalog, selection)) = ranked(app) else { return };
    let Told { labels, heading, notes } = told(app, catalog, selection);
    let Some(Overlay::Picker(picker)) = &mut app.overlay else { return };
    let list = picker.list_mut();
    // Meanwhile others may be ranked.
    let is_same = list.entries.iter().map(|entry| &entry.label).eq(&labels);
    if list.title.starts_with(TITLE) && is_same {
        list.heading.1 = heading;
        list.entries.iter_mut().zip(notes).for_each(|(entry, note)| entry.note = note);
    }
}

/// The names of the ranked runs, and what stands beside them, under titles.
struct Told {
    labels: Vec<String>,
    heading: String,
    notes: Vec<String>,
}

fn told(app: &App, catalog: &Arc<Catalog>, selection: &Selection) -> Told {
    let labels: Vec<String> = selection
        .ranking
        .iter()
        .enumerate()
        .map(|(at, ranked)| {
            let id = catalog.run_id(ranked.row);
            let label = format!("{:>2}  {} {}", at + 1, catalog.run_name(ranked.row), app.runs.badges.of(id));
            label.trim_end().to_owned()
        })
        .collect();
    let longest = labels.iter().map(|label| text::width(&text::clean(label))).max().unwrap_or(0);
    let room = (app.size.0 as usize).saturating_sub(longest + FRAME);
    let (heading, notes) = notes(columns(app, catalog, selection), selection.ranking.len(), room);
    Told { labels, heading, notes }
}

fn columns(app: &App, catalog: &Arc<Catalog>, selection: &Selection) -> Vec<Column> {
    let ranking = &selection.ranking;
    let rows: Vec<Row> = ranking.iter().map(|ranked| ranked.row).collect();
    let first: Vec<f64> = ranking.iter().map(|ranked| ranked.values[0]).collect();
    let best = first.first().copied().unwrap_or(f64::NAN);
    let gaps = first.iter().map(|value| value - best);
    let gap = |gap: f64| if gap == 0.0 { String::new() } else { signed(gap) };
    let sign = |row: &Row| match app.best.sign(catalog.run_id(*row)) {
        Some(RunSign::Best) => "best".to_owned(),
        Some(RunSign::BestShown) => "best shown".to_owned(),
        Some(RunSign::Front) => "front".to_owned(),
        None => String::new(),
    };
    let metric = &selection.policy.primary().metric;
    let ellipsis = ellipsis(app.glyphs);
    // Where several metrics decide, the first of the list is not the end of them.
    let ends = if selection.policy.objectives.len() == 1 { bar_ends(&first) } else { String::new() };
    let mut columns = vec![
        Column::new(3, ends, bars(&first, BAR, app.glyphs), false),
        Column::new(4, "trend", trends(app, catalog, &rows, metric), false),
    ];
    for (at, objective) in selection.policy.objectives.iter().enumerate() {
        let values = ranking
            .iter()
            .map(|ranked| ranked.values.get(at).map_or_else(String::new, |value| text::number(*value)));
        let title = text::without_middle(&text::clean(&objective.metric), METRIC, ellipsis);
        columns.push(Column::of_numbers(u8::from(at > 0), title, values.collect()));
    }
    columns.push(Column::of_numbers(1, "to best", gaps.map(gap).collect()));
    if catalog.metrics.len() <= FEW_METRICS {
        columns.push(Column::new(5, "spread", spreads(catalog, &rows, selection), true));
    }
    columns.push(Column::new(2, "", rows.iter().map(sign).collect(), false));
    if catalog.metrics.len() <= FEW_METRICS {
        columns.extend(params(app, catalog, &rows));
    }
    columns
}

/// How the metric went; nothing where it was logged once, or is not read.
fn trends(app: &App, catalog: &Catalog, rows: &[Row], metric: &str) -> Vec<String> {
    let levels = Symbols::of(app.glyphs).levels;
    let trend = |row: &Row| {
        let points = points_of(app, metric, catalog.run_id(*row)).filter(|points| points.len() > 1);
        points.map_or_else(String::new, |points| in_levels(points, TREND, &levels))
    };
    rows.iter().map(trend).collect()
}

/// The history of a metric as it was read: for charts, for the table, or for this list.
fn points_of<'a>(app: &'a App, metric: &str, id: &str) -> Option<&'a [MetricPoint]> {
    let known = app.histories.of(&RunId::from(id), metric).map(|known| known.points.as_slice());
    let has_sparks = app.runs.spark_key.as_deref() == Some(metric);
    let spark = app.runs.sparks.get(id).filter(|spark| has_sparks && spark.is_answered);
    let read = app.best.trends.value().filter(|trends| trends.key == metric);
    let read = read.and_then(|trends| trends.points.get(id)).map(Vec::as_slice);
    known.or(spark.map(|spark| spark.points.as_slice())).or(read)
}

/// How much the metric of each run varies over its folds or seeds, where that is known.
fn spreads(catalog: &Catalog, rows: &[Row], selection: &Selection) -> Vec<String> {
    let metric = &selection.policy.primary().metric;
    let sign = |row: &Row| {
        spread(catalog, *row, metric)
            .map_or_else(String::new, |found| format!("±{}", text::number(found.deviation)))
    };
    rows.iter().map(sign).collect()
}

/// What a cell of a bar and a whole bar stand for: the worst value that is listed, and the best.
fn bar_ends(values: &[f64]) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let Some(best) = finite.first() else { return String::new() };
    let farther = |a: &&f64, b: &&f64| (*a - best).abs().total_cmp(&(*b - best).abs());
    let worst = finite.iter().max_by(farther).filter(|worst| (*worst - best).abs() > 0.0);
    let Some(worst) = worst else { return String::new() };
    let ways: [fn(f64) -> String; 2] = [text::short_number, text::number];
    let words = ways.into_iter().find(|words| words(*worst) != words(*best));
    let words = words.unwrap_or(|value| value.to_string());
    format!("{} to {}", words(*worst), words(*best))
}

/// The params that most of these runs have and that differ between them, what differs most first.
fn params(app: &App, catalog: &Arc<Catalog>, rows: &[Row]) -> Vec<Column> {
    let comparison = Comparison::new(Arc::clone(catalog), rows, false, app.now, &app.selecting.patterns);
    let told = comparison.entries.iter().filter(|entry| {
        entry.kind == EntryKind::Param
            && entry.differs
            && entry.present * 2 > rows.len()
            && !is_seed(entry.spec.title())
    });
    let ellipsis = ellipsis(app.glyphs);
    let column = |(at, entry): (usize, &Entry)| {
        let bound = comparison.bound(entry);
        let cell = |member: usize| {
            let words = cell_words(entry, &comparison.cell(entry, &bound, member, app.now));
            let whole = text::clean(&format!("{} {words}", entry.spec.title())).into_owned();
            text::without_middle(&whole, PARAM, ellipsis)
        };
        Column::new(6 + at as u8, "", (0..rows.len()).map(cell).collect(), false)
    };
    told.take(PARAMS).enumerate().map(column).collect()
}

fn ellipsis(glyphs: Glyphs) -> &'static str {
    Symbols::of(glyphs).ellipsis
}

/// The columns that have room, side by side, and their titles; what matters least gives way.
fn notes(mut columns: Vec<Column>, rows: usize, room: usize) -> (String, Vec<String>) {
    columns.retain(|column| !column.is_empty());
    let used = |columns: &[Column]| columns.iter().map(|column| column.width() + GAP).sum::<usize>();
    while columns.len() > 1 && used(&columns) > room + GAP {
        let least = columns.iter().enumerate().max_by_key(|(_, column)| column.order);
        let Some((at, _)) = least else { break };
        columns.remove(at);
    }
    let fitted = |column: &Column, words: &str| {
        let fit = if column.is_right { text::fit_right } else { text::fit };
        fit(words, column.width(), "")
    };
    let beside = |words: &dyn Fn(&Column) -> String| {
        columns.iter().map(words).collect::<Vec<_>>().join(&" ".repeat(GAP))
    };
    let line = |row: usize| beside(&|column| fitted(column, &column.cells[row]));
    (beside(&|column| fitted(column, &column.title)), (0..rows).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_bars_are_told() {
        assert_eq!(bar_ends(&[0.5, 0.6, 1.4, f64::INFINITY]), "1.4 to 0.5");
        assert_eq!(bar_ends(&[0.95, 0.9]), "0.9 to 0.95");
        assert_eq!(
            (bar_ends(&[3.9979, 3.71181]), bar_ends(&[2.0003, 2.0001])),
            ("3.71 to 4".into(), "2.0001 to 2.0003".into())
        );
        assert_eq!(bar_ends(&[0.999_999_1, 0.999_999]), "0.999999 to 0.9999991");
        assert_eq!((bar_ends(&[0.9, 0.9]), bar_ends(&[])), (String::new(), String::new()));
    }

    #[test]
    fn what_matters_least_gives_way() {
        let column = |order: u8, words: [&str; 2]| {
            Column::new(order, "t", words.map(str::to_owned).to_vec(), order == 0)
        };
        let columns = || {
            vec![
                column(3, ["====", "="]),
                column(0, ["0.5", "10"]),
                column(1, ["", ""]),
                column(5, ["lr 0.1", "lr 1"]),
            ]
        };
        let told = |room: usize| {
            let (heading, notes) = notes(columns(), 2, room);
            [vec![heading], notes].concat()
        };
        assert_eq!(told(40), ["t       t  t     ", "====  0.5  lr 0.1", "=      10  lr 1  "]);
        assert_eq!(told(16), ["t       t", "====  0.5", "=      10"]);
        assert_eq!(told(5), ["  t", "0.5", " 10"]);
    }
}
