//! The columns of the table, and how wide they are: the run's name stays in view, the others scroll behind it.

use ratatui::layout::{Margin, Rect};

use super::Runs;
use super::columns::{TableColumn, is_number, shorten};
use super::titles::kind;
use crate::catalog::view::{FoldState, LineKind, Shape};
use crate::catalog::{Bound, ColumnSpec, Row, Value};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::table::{Across, ColumnRequest, GAP, Rows, Table, below_titles};

/// Cells for the tick and the sign of a run, and one between; from so many columns on.
const TICK: usize = 3;
const WITH_ROOM: usize = 70;
/// Cells of a sparkline.
pub const TREND: usize = 12;
/// Cells of a level of a tree.
pub const INDENT: usize = 2;
const NAME: (usize, usize) = (12, 32);
/// And at most where the other columns have all the room they want.
const LONGEST_NAME: usize = 80;
/// Of so many names one may be longer than there is room for.
const LONG: usize = 10;
/// Cells that are worth it: others have a column there.
const WORTH: usize = 8;
/// Where there is less, names leave room for others.
const NARROW: usize = 100;
/// More cells for names with aliases behind them.
const BADGES: usize = 16;
/// Runs that are looked at to find out how wide a column has to be.
const MEASURED: usize = 50;
const NARROWEST: usize = 6;
const WIDEST: usize = 18;

/// The table in a pane.
pub fn table(runs: &Runs, pane: Rect) -> Table {
    let area = pane.inner(Margin::new(1, 1));
    let width = area.width as usize;
    let is_narrow = width < WITH_ROOM;
    let sample = sample(runs);
    let lead = runs.selected.letter_cells() + if is_narrow { TICK - 2 } else { TICK - 1 };
    let across = Across { lead, columns: runs.columns.len(), chosen: runs.column };
    let rows = Rows::new(below_titles(area), runs.cursor, runs.length());
    Table::new(area, rows, across, |at| {
        let shown = &runs.columns[at];
        if at == 0 {
            let wanted = |shown: &TableColumn| {
                let picture = picture(runs, shown, is_narrow);
                let picture = if picture > 0 { picture + GAP } else { 0 };
                column_width(runs, shown, &sample, is_narrow) + GAP + picture
            };
            let spare = || {
                let mut room = width.saturating_sub(lead);
                for shown in &runs.columns[1..] {
                    room = room.checked_sub(wanted(shown))?;
                }
                Some(room)
            };
            return ColumnRequest::left(name_width(runs, width, spare));
        }
        ColumnRequest {
            width: column_width(runs, shown, &sample, is_narrow),
            right: is_right(runs, &shown.spec, &sample),
            picture: picture(runs, shown, is_narrow),
        }
    })
}

/// Cells of the trend, which stands behind the metric that it belongs to.
fn picture(runs: &Runs, shown: &TableColumn, is_narrow: bool) -> usize {
    match (is_drawn(runs, &shown.spec), is_narrow) {
        (false, _) => 0,
        (true, true) => TREND / 2,
        (true, false) => TREND,
    }
}

fn is_drawn(runs: &Runs, spec: &ColumnSpec) -> bool {
    spec.metric_key().is_some() && spec.metric_key() == runs.spark_key.as_deref() && runs.has_trends()
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

/// As wide as the names are, as far as there is room: where other columns do not fit beside them, long ones are cut. `spare` is
/// what all others together leave, where they leave anything.
fn name_width(runs: &Runs, width: usize, spare: impl FnOnce() -> Option<usize>) -> usize {
    // Status and the metric that decides are seen, too.
    let most = if width < NARROW { (width / 4).clamp(NAME.0 + 4, NAME.1) } else { NAME.1 };
    // The aliases of its model stand behind a name.
    let most = if runs.badges.of.is_empty() { most } else { (most + BADGES).min(width / 2) };
    if let Some(own) = runs.columns[0].width {
        return own as usize;
    }
    let mut badged = 0;
    let widths = runs.projection.lines.iter().take(MEASURED).map(|line| {
        let sign = usize::from(runs.shown_view.shape != Shape::Flat) * INDENT;
        let indent = line.depth as usize * INDENT + sign;
        match line.kind {
            LineKind::Run(row) => {
                let badges = runs.badges.of(runs.catalog.run_id(row));
                let name = indent + text::width(&text::clean(runs.catalog.run_name(row)));
                if badges.is_empty() {
                    return name;
                }
                let width = name + 1 + text::width(&text::clean(badges)).min(BADGES);
                badged = badged.max(width);
                width
            }
            LineKind::Group(group) => {
                let value = runs.projection.groups[group as usize].value.as_deref().unwrap_or("(none)");
                let count = if line.fold == FoldState::Leaf { 0 } else { 8 };
                indent + text::width(&text::clean(value)) + count
            }
        }
    });
    let mut widths: Vec<usize> = widths.collect();
    widths.sort_unstable();
    let bounded = |width: Option<&usize>| width.map_or(0, |width| *width).clamp(NAME.0, most.max(NAME.0));
    let (longest, usual) = (bounded(widths.last()), bounded(widths.get(widths.len() * (LONG - 1) / LONG)));
    // Few have aliases, and these are what is looked for.
    let usual = usual.max(badged).min(longest);
    let least = if longest - usual < WORTH { longest } else { usual };
    let whole = widths.last().map_or(0, |width| (*width).min(LONGEST_NAME));
    if whole <= least {
        return least;
    }
    // Not wider than the rest leaves, nor narrower for its sake.
    spare().map_or(least, |spare| whole.min(spare).max(least))
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
        ColumnSpec::Started => 19,
        ColumnSpec::User => 10,
        ColumnSpec::Metric(key, _) => {
            let word = spec.statistic().map_or(0, |word| word.len() + 1);
            // A value and the step it comes from.
            let is_grouped = matches!(runs.shown_view.shape, Shape::Groups(_));
            let least = if word > 0 { 14 } else { 10 + 2 * usize::from(is_grouped) };
            // And how far it is filled in.
            let extra = if word > 0 { 6 } else { 2 };
            let kind = kind(runs, spec).len();
            (text::width(&text::clean(key)) + word + kind + extra).clamp(least, WIDEST + word + kind + extra)
        }
        ColumnSpec::Param(_) | ColumnSpec::Tag(_) | ColumnSpec::Dataset(_) => {
            let kind = kind(runs, spec).len();
            let title = text::width(&text::clean(spec.title())) + kind + 2;
            let bound = Bound::new(&runs.catalog, spec);
            let widest = sample.iter().map(|row| match bound.value(&runs.catalog, *row, 0) {
                Value::Text(value) => text::width(&text::cut(&shorten(spec.title(), value), WIDEST, "…")),
                _ => 1,
            });
            widest.max().unwrap_or(1).max(title).clamp(NARROWEST, WIDEST + kind)
        }
        ColumnSpec::RunName | ColumnSpec::ArtifactUri => WIDEST,
        ColumnSpec::RunId => 32,
    }
}

/// Whether a column holds numbers: a param or tag where every value that is looked at is one.
fn is_right(runs: &Runs, spec: &ColumnSpec, sample: &[Row]) -> bool {
    match spec {
        ColumnSpec::Metric(..)
        | ColumnSpec::StartTime
        | ColumnSpec::Started
        | ColumnSpec::EndTime
        | ColumnSpec::Duration => true,
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

/// The cells that the chosen column takes on the screen.
pub fn chosen_width(app: &App) -> u16 {
    let pane = app.geometry().runs.unwrap_or_default();
    table(&app.runs, pane).columns.width(app.runs.column).map_or(10, |width| width as u16)
}
