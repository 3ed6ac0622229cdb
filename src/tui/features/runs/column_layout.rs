//! Where the columns stand: the run's name stays in view, the others scroll behind it.

use ratatui::layout::Rect;

use super::Runs;
use super::columns::{TableColumn, is_number, shorten};
use crate::catalog::view::{FoldState, LineKind, Shape};
use crate::catalog::{Bound, ColumnSpec, Row, Value};
use crate::text;
use crate::tui::core::app::App;

/// Cells for the tick and the sign of a run, and one between; from so many columns on.
const TICK: usize = 3;
const WITH_ROOM: usize = 70;
/// Cells of a sparkline.
pub const TREND: usize = 12;
/// Cells of a level of a tree.
pub const INDENT: usize = 2;
const NAME: (usize, usize) = (12, 32);
/// Runs that are looked at to find out how wide a column has to be.
const MEASURED: usize = 50;
const NARROWEST: usize = 6;
const WIDEST: usize = 18;

/// A column on the screen: which one (none is the trend), and where.
#[derive(Debug)]
pub struct PlacedColumn {
    pub column: Option<usize>,
    pub x: usize,
    pub width: usize,
    /// Numbers stand to the right, under a title to the right.
    pub right: bool,
}

/// The columns that fit: the name, the trend, and from the first scrolled column on as many as there is room for.
pub fn place_columns(runs: &Runs, width: usize) -> Vec<PlacedColumn> {
    if runs.columns.is_empty() {
        return Vec::new();
    }
    let sample: Vec<Row> = sample(runs);
    let name_width = name_width(runs, width);
    let is_narrow = width < WITH_ROOM;
    let tick = if is_narrow { TICK - 1 } else { TICK };
    let mut placed = vec![PlacedColumn { column: Some(0), x: tick, width: name_width, right: false }];
    let mut x = tick + name_width + 2;
    let first = first_scrolled(runs, &sample, width.saturating_sub(x), is_narrow);
    let mut has_trend = false;
    for (at, shown) in runs.columns.iter().enumerate().skip(first) {
        let cells = column_width(runs, shown, &sample, is_narrow);
        if x + cells > width {
            break;
        }
        placed.push(PlacedColumn {
            column: Some(at),
            x,
            width: cells,
            right: is_right(runs, &shown.spec, &sample),
        });
        x += cells + 2;
        // The trend stands behind the metric that it belongs to.
        if !has_trend && is_drawn(runs, &shown.spec) && x + TREND <= width {
            has_trend = true;
            placed.push(PlacedColumn { column: None, x, width: TREND, right: false });
            x += TREND + 2;
        }
    }
    placed
}

fn is_drawn(runs: &Runs, spec: &ColumnSpec) -> bool {
    spec.metric_key().is_some() && spec.metric_key() == runs.spark_key.as_deref()
}

/// The first runs of the list, which say how wide their columns are.
fn sample(runs: &Runs) -> Vec<Row> {
    let rows = runs.projection.lines.iter().filter_map(|line| match line.kind {
        LineKind::Run(row) => Some(row),
        LineKind::Group(_) => None,
    });
    let mut rows: Vec<Row> = rows.take(MEASURED).collect();
    if rows.is_empty() {
        rows.extend(runs.catalog.newest_first.iter().take(MEASURED));
    }
    rows
}

/// As wide as the names are, as far as there is room.
fn name_width(runs: &Runs, width: usize) -> usize {
    let most = if width < 60 { NAME.0 + 4 } else { NAME.1 };
    let room = width.saturating_sub(TICK + 1);
    if let Some(own) = runs.columns[0].width {
        return (own as usize).min(room);
    }
    let names = runs.projection.lines.iter().take(MEASURED).map(|line| {
        let sign = usize::from(runs.shown_view.shape != Shape::Flat) * INDENT;
        let indent = line.depth as usize * INDENT + sign;
        match line.kind {
            LineKind::Run(row) => indent + text::width(&text::clean(runs.catalog.run_name(row))),
            LineKind::Group(group) => {
                let value = runs.projection.groups[group as usize].value.as_deref().unwrap_or("(none)");
                let count = if line.fold == FoldState::Leaf { 0 } else { 8 };
                indent + text::width(&text::clean(value)) + count
            }
        }
    });
    names.max().unwrap_or(0).clamp(NAME.0, most).min(room)
}

/// The first of the columns behind the name: as far to the left as the chosen one can still be seen.
fn first_scrolled(runs: &Runs, sample: &[Row], room: usize, is_narrow: bool) -> usize {
    let mut used = 0;
    let mut first = runs.column.max(1);
    for at in (1..=runs.column.min(runs.columns.len() - 1)).rev() {
        let shown = &runs.columns[at];
        used += column_width(runs, shown, sample, is_narrow) + 2;
        if is_drawn(runs, &shown.spec) {
            used += TREND + 2;
        }
        if used > room + 2 {
            break;
        }
        first = at;
    }
    first
}

fn column_width(runs: &Runs, shown: &TableColumn, sample: &[Row], is_narrow: bool) -> usize {
    if let Some(width) = shown.width {
        return width as usize;
    }
    let spec = &shown.spec;
    match spec {
        // A symbol, and the word; where there is little room, the beginning of it.
        ColumnSpec::Status if is_narrow => 2 + "killed".len(),
        ColumnSpec::Status => {
            let words = sample.iter().map(|row| runs.catalog.run(*row).status.as_str().len());
            let deleted = if runs.deleted { "deleted".len() } else { 0 };
            2 + words.max().unwrap_or(0).max("failed".len()).max(deleted)
        }
        ColumnSpec::Duration => 8,
        ColumnSpec::StartTime | ColumnSpec::EndTime => 5,
        ColumnSpec::User => 10,
        ColumnSpec::Metric(key, _) => {
            let word = spec.statistic().map_or(0, |word| word.len() + 1);
            // A value and the step it comes from.
            let is_grouped = matches!(runs.shown_view.shape, Shape::Groups(_));
            let least = if word > 0 { 14 } else { 10 + 2 * usize::from(is_grouped) };
            // And how far it is filled in.
            let extra = if word > 0 { 6 } else { 2 };
            (text::width(&text::clean(key)) + word + extra).clamp(least, WIDEST + word + extra)
        }
        ColumnSpec::Param(key) | ColumnSpec::Tag(key) => {
            let title = text::width(&text::clean(key)) + 2;
            let bound = Bound::new(&runs.catalog, spec);
            let widest = sample.iter().map(|row| match bound.value(&runs.catalog, *row, 0) {
                Value::Text(value) => text::width(&text::cut(&shorten(value), WIDEST, "…")),
                _ => 1,
            });
            widest.max().unwrap_or(1).max(title).clamp(NARROWEST, WIDEST)
        }
        ColumnSpec::RunName | ColumnSpec::ArtifactUri => WIDEST,
        ColumnSpec::RunId => 32,
    }
}

/// Whether a column holds numbers: a param or tag where every value that is looked at is one.
fn is_right(runs: &Runs, spec: &ColumnSpec, sample: &[Row]) -> bool {
    match spec {
        ColumnSpec::Metric(..) | ColumnSpec::StartTime | ColumnSpec::EndTime | ColumnSpec::Duration => true,
        ColumnSpec::Param(_) | ColumnSpec::Tag(_) => {
            let bound = Bound::new(&runs.catalog, spec);
            let mut values = sample.iter().filter_map(|row| match bound.value(&runs.catalog, *row, 0) {
                Value::Text(value) => Some(value),
                _ => None,
            });
            let first = values.next();
            first.is_some_and(is_number) && values.all(is_number)
        }
        _ => false,
    }
}

/// The column whose title stands at a place on the screen.
pub fn column_at(app: &App, area: Rect, x: u16) -> Option<usize> {
    let inside = x.checked_sub(area.x + 1)? as usize;
    place_columns(&app.runs, area.width.saturating_sub(2) as usize)
        .into_iter()
        .find(|placed| (placed.x..placed.x + placed.width).contains(&inside))
        .and_then(|placed| placed.column)
}

/// The cells that the chosen column takes on the screen.
pub fn chosen_width(app: &App) -> u16 {
    let width = app.geometry().runs.map_or(0, |area| area.width.saturating_sub(2));
    let placed = place_columns(&app.runs, width as usize);
    placed
        .iter()
        .find(|placed| placed.column == Some(app.runs.column))
        .map_or(10, |placed| placed.width as u16)
}
