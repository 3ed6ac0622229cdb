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
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::go_to_run;
use crate::tui::core::signs::RunSign;
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

/// A column beside the names, and how much it matters where not all have room: the least first.
struct Column {
    order: u8,
    cells: Vec<String>,
    is_right: bool,
}

impl Column {
    fn new(order: u8, cells: Vec<String>, is_right: bool) -> Self {
        Self { order, cells, is_right }
    }

    fn width(&self) -> usize {
        self.cells.iter().map(|cell| text::width(cell)).max().unwrap_or(0)
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
    let (labels, notes) = told(app, catalog, selection);
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
        Picked::Toggled(id, on) => select(app, &id, on),
        Picked::Removed(_) => {}
    })
    .open(app);
}

/// Trends were read: they stand in the list that is open.
pub fn trends_read(app: &mut App) {
    let Some((catalog, selection)) = ranked(app) else { return };
    let (labels, notes) = told(app, catalog, selection);
    let Some(Overlay::Picker(picker)) = &mut app.overlay else { return };
    let list = picker.list_mut();
    // Meanwhile others may be ranked.
    let is_same = list.entries.iter().map(|entry| &entry.label).eq(&labels);
    if list.title.starts_with(TITLE) && is_same {
        list.entries.iter_mut().zip(notes).for_each(|(entry, note)| entry.note = note);
    }
}

/// The names of the ranked runs, and what stands beside them.
fn told(app: &App, catalog: &Arc<Catalog>, selection: &Selection) -> (Vec<String>, Vec<String>) {
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
    let notes = notes(columns(app, catalog, selection), selection.ranking.len(), room);
    (labels, notes)
}

fn select(app: &mut App, id: &RunId, on: bool) {
    let runs = &mut app.runs;
    if !on {
        runs.selected.remove(id.as_str());
    } else if let Some((row, experiment)) = runs.catalog.find(id.as_str()).zip(runs.experiment.clone()) {
        runs.selected.insert(id.as_str(), runs.catalog.run_name(row), &experiment);
    }
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
    let mut columns = vec![
        Column::new(3, bars(&first, app.glyphs), false),
        Column::new(4, trends(app, catalog, &rows, metric), false),
    ];
    for objective in 0..selection.policy.objectives.len() {
        let values = ranking.iter().map(|ranked| {
            ranked.values.get(objective).map_or_else(String::new, |value| text::number(*value))
        });
        columns.push(Column::new(u8::from(objective > 0), values.collect(), true));
    }
    columns.push(Column::new(1, gaps.map(gap).collect(), true));
    if catalog.metrics.len() <= FEW_METRICS {
        columns.push(Column::new(5, spreads(catalog, &rows, selection), true));
    }
    columns.push(Column::new(2, rows.iter().map(sign).collect(), false));
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

/// Bars from the worst that is listed, a cell long, to the best.
fn bars(values: &[f64], glyphs: Glyphs) -> Vec<String> {
    let bar = if glyphs == Glyphs::Ascii { "=" } else { "■" };
    let best = values.first().copied().unwrap_or(f64::NAN);
    let farthest =
        values.iter().map(|value| (value - best).abs()).filter(|by| by.is_finite()).fold(0.0, f64::max);
    let cells = |value: &f64| {
        let by = (value - best).abs();
        match (by.is_finite(), farthest > 0.0) {
            (false, _) => 0,
            (true, false) => BAR,
            (true, true) => 1 + ((1.0 - by / farthest) * (BAR - 1) as f64).round() as usize,
        }
    };
    values.iter().map(|value| bar.repeat(cells(value))).collect()
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
    let ellipsis = if app.glyphs == Glyphs::Ascii { "~" } else { "…" };
    let column = |(at, entry): (usize, &Entry)| {
        let bound = comparison.bound(entry);
        let cell = |member: usize| {
            let words = cell_words(entry, &comparison.cell(entry, &bound, member, app.now));
            let whole = text::clean(&format!("{} {words}", entry.spec.title())).into_owned();
            text::without_middle(&whole, PARAM, ellipsis)
        };
        Column::new(6 + at as u8, (0..rows.len()).map(cell).collect(), false)
    };
    told.take(PARAMS).enumerate().map(column).collect()
}

fn signed(by: f64) -> String {
    let words = text::number(by);
    if by > 0.0 { format!("+{words}") } else { words }
}

/// The columns that have room, side by side; what matters least gives way.
fn notes(mut columns: Vec<Column>, rows: usize, room: usize) -> Vec<String> {
    columns.retain(|column| column.width() > 0);
    let used = |columns: &[Column]| columns.iter().map(|column| column.width() + GAP).sum::<usize>();
    while columns.len() > 1 && used(&columns) > room + GAP {
        let least = columns.iter().enumerate().max_by_key(|(_, column)| column.order);
        let Some((at, _)) = least else { break };
        columns.remove(at);
    }
    let cell = |column: &Column, row: usize| {
        let cell = &column.cells[row];
        if column.is_right {
            text::fit_right(cell, column.width(), "")
        } else {
            text::fit(cell, column.width(), "")
        }
    };
    let line = |row: usize| columns.iter().map(|column| cell(column, row)).collect::<Vec<_>>().join("  ");
    (0..rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_tell_how_far_behind_a_run_is() {
        let lengths =
            |values: &[f64]| -> Vec<usize> { bars(values, Glyphs::Ascii).iter().map(String::len).collect() };
        assert_eq!(lengths(&[0.5, 0.6, 1.4, f64::INFINITY]), [10, 9, 1, 0]);
        assert_eq!(lengths(&[0.9, 0.8]), [10, 1]);
        assert_eq!(lengths(&[0.9, 0.9]), [10, 10]);
        assert_eq!(lengths(&[]), [0; 0]);
    }

    #[test]
    fn what_matters_least_gives_way() {
        let column =
            |order: u8, words: [&str; 2]| Column::new(order, words.map(str::to_owned).to_vec(), order == 0);
        let columns = || {
            vec![
                column(3, ["====", "="]),
                column(0, ["0.5", "10"]),
                column(1, ["", ""]),
                column(5, ["lr 0.1", "lr 1"]),
            ]
        };
        assert_eq!(notes(columns(), 2, 40), ["====  0.5  lr 0.1", "=      10  lr 1  "]);
        assert_eq!(notes(columns(), 2, 16), ["====  0.5", "=      10"]);
        assert_eq!(notes(columns(), 2, 5), ["0.5", " 10"]);
    }
}
