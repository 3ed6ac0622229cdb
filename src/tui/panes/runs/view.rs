//! The table of runs, drawn: the run's name stays in view, the columns behind it scroll, and only what can be seen
//! is formatted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Runs;
use super::faces::without_rows;
use crate::catalog::{Bound, ColumnSpec, Row, Value};
use crate::mlflow::filter::Direction;
use crate::text;
use crate::tui::app::{App, Connection, Focus};
use crate::tui::draw::{centred, pane_block};
use crate::tui::theme::Theme;
use crate::tui::widgets::sparkline::sparkline;

/// Cells of a sparkline.
const TREND: usize = 12;
const NAME: (usize, usize) = (12, 26);
/// Runs that are looked at to find out how wide a column has to be.
const MEASURED: usize = 50;
const NARROWEST: usize = 6;
const WIDEST: usize = 18;

/// A column on the screen: which one (none is the trend), and where.
struct Placed {
    column: Option<usize>,
    x: usize,
    width: usize,
    /// Numbers stand to the right, under a title to the right.
    right: bool,
}

/// The columns that fit: the name, the trend, and from the first scrolled column on as many as there is room for.
fn place(app: &App, width: usize) -> Vec<Placed> {
    let runs = &app.runs;
    if runs.columns.is_empty() {
        return Vec::new();
    }
    let name_width = name_width(runs, width);
    let mut placed = vec![Placed { column: Some(0), x: 1, width: name_width, right: false }];
    let mut x = 1 + name_width + 2;
    let first = first_scrolled(app, width);
    for (at, spec) in runs.columns.iter().enumerate().skip(first) {
        let cells = column_width(runs, spec);
        if x + cells > width {
            break;
        }
        placed.push(Placed { column: Some(at), x, width: cells, right: is_right(runs, spec) });
        x += cells + 2;
        // The trend stands behind the metric that it belongs to.
        let is_drawn = matches!(spec, ColumnSpec::Metric(key) if runs.spark_key.as_ref() == Some(key));
        if is_drawn && x + TREND <= width {
            placed.push(Placed { column: None, x, width: TREND, right: false });
            x += TREND + 2;
        }
    }
    placed
}

/// As wide as the names are, as far as there is room.
fn name_width(runs: &Runs, width: usize) -> usize {
    let most = if width < 60 { NAME.0 } else { NAME.1 };
    let names =
        runs.rows.iter().take(MEASURED).map(|row| text::width(&text::clean(runs.catalog.run_name(*row))));
    names.max().unwrap_or(0).clamp(NAME.0, most).min(width.saturating_sub(2))
}

/// The first of the columns behind the name: as far to the left as the chosen one can still be seen.
fn first_scrolled(app: &App, width: usize) -> usize {
    let runs = &app.runs;
    let room = width.saturating_sub(name_width(runs, width) + 3);
    let mut used = 0;
    let mut first = runs.column.max(1);
    for at in (1..=runs.column).rev() {
        let spec = &runs.columns[at];
        used += column_width(runs, spec) + 2;
        if matches!(spec, ColumnSpec::Metric(key) if runs.spark_key.as_ref() == Some(key)) {
            used += TREND + 2;
        }
        if used > room + 2 {
            break;
        }
        first = at;
    }
    first
}

fn column_width(runs: &Runs, spec: &ColumnSpec) -> usize {
    match spec {
        ColumnSpec::Status | ColumnSpec::Duration => 8,
        ColumnSpec::StartTime => 5,
        ColumnSpec::User => 10,
        ColumnSpec::Metric(key) => (text::width(&text::clean(key)) + 2).clamp(10, WIDEST),
        ColumnSpec::Param(key) | ColumnSpec::Tag(key) => {
            let title = text::width(&text::clean(key)) + 2;
            let bound = Bound::new(&runs.catalog, spec);
            let widest =
                runs.rows.iter().take(MEASURED).map(|row| match bound.value(&runs.catalog, *row, 0) {
                    Value::Text(value) => text::width(&text::cut(&shorten(value), WIDEST, "…")),
                    _ => 1,
                });
            widest.max().unwrap_or(1).max(title).clamp(NARROWEST, WIDEST)
        }
        ColumnSpec::RunName | ColumnSpec::RunId | ColumnSpec::EndTime | ColumnSpec::ArtifactUri => WIDEST,
    }
}

/// A param's text, where it is a long number shortened to five digits.
fn shorten(value: &str) -> String {
    match crate::catalog::sort::parse_number(value) {
        Some(number) if value.len() > 9 => text::number(number),
        _ => text::clean(value).into_owned(),
    }
}

/// The column whose title stands at a place on the screen.
pub fn column_at(app: &App, area: Rect, x: u16) -> Option<usize> {
    let inside = x.checked_sub(area.x + 1)? as usize;
    place(app, area.width.saturating_sub(2) as usize)
        .into_iter()
        .find(|placed| (placed.x..placed.x + placed.width).contains(&inside))
        .and_then(|placed| placed.column)
}

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let focused = app.focus == Focus::Runs;
    let block = pane_block(theme, focused, title(app, theme, focused, area.width as usize));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let runs = &app.runs;
    if runs.rows.is_empty() {
        centred(frame, inner, without_rows(app, theme, inner.width as usize));
        return;
    }
    let width = inner.width as usize;
    let placed = place(app, width);
    table_header(app, theme, frame, inner, &placed);
    let bound: Vec<Option<Bound>> = placed
        .iter()
        .map(|placed| placed.column.map(|column| Bound::new(&runs.catalog, &runs.columns[column])))
        .collect();
    let height = inner.height.saturating_sub(1) as usize;
    for (line, row) in runs.visible(height).enumerate() {
        let is_selected = runs.cursor.top + line == runs.cursor.at;
        let place = Rect { y: inner.y + 1 + line as u16, height: 1, ..inner };
        let spans = row_spans(app, theme, &placed, &bound, row, width);
        let mut line = Line::from(spans);
        if is_selected {
            let style = if focused { theme.selection } else { theme.unfocused_selection };
            for span in &mut line.spans {
                span.style = selected(span.style, style, focused);
            }
        }
        frame.render_widget(line, place);
    }
}

/// The style of a selected cell: the selection's, but for the colour of what has a meaning.
fn selected(own: Style, selection: Style, focused: bool) -> Style {
    if focused { own.patch(selection) } else { selection.patch(own).add_modifier(selection.add_modifier) }
}

fn title<'a>(app: &App, theme: &Theme, focused: bool, width: usize) -> Line<'a> {
    let runs = &app.runs;
    let mut spans = vec![Span::styled(" 2 Runs ", if focused { theme.accent } else { theme.text })];
    if runs.loaded {
        let mut words = match &runs.sort {
            Some(key) => {
                let arrow = match key.direction {
                    Direction::Ascending => theme.glyphs.ascending,
                    Direction::Descending => theme.glyphs.descending,
                };
                let kind = if matches!(key.column, ColumnSpec::Metric(_)) { " (latest)" } else { "" };
                format!("by {}{kind} {arrow}, ", text::clean(key.column.title()))
            }
            None => "newest first, ".to_owned(),
        };
        let shown = text::count(runs.rows.len());
        if !runs.words.is_empty() {
            words.push_str(&format!(
                "{shown} of {} with {}{} ",
                text::count(runs.catalog.count),
                runs.words,
                if runs.complete { "" } else { ", more coming" }
            ));
        } else if runs.complete {
            words.push_str(&format!("{shown} runs "));
        } else {
            words.push_str(&format!("{} loaded so far, more coming ", text::count(runs.rows.len())));
        }
        if let Connection::Failing { last_answer: Some(time), .. } = app.connection {
            let age = text::span(app.now - time);
            words = format!("{words}{} as they were {age} ago ", theme.glyphs.separator);
        }
        let words = text::cut(&text::clean(&words), width.saturating_sub(12), theme.glyphs.ellipsis);
        let style = if runs.error.is_some() {
            theme.bad
        } else if runs.complete {
            theme.dim
        } else {
            theme.warn
        };
        spans.push(Span::styled(words, style));
    }
    Line::from(spans)
}

fn table_header(app: &App, theme: &Theme, frame: &mut Frame<'_>, inner: Rect, placed: &[Placed]) {
    let runs = &app.runs;
    let width = inner.width as usize;
    let mut spans = Vec::new();
    let mut x = 0;
    for column in placed {
        spans.push(Span::raw(" ".repeat(column.x - x)));
        let (words, style) = match column.column {
            None => ("trend".to_owned(), theme.dim),
            Some(at) => {
                let spec = &runs.columns[at];
                let arrow = match &runs.sort {
                    Some(key) if key.column == *spec => match key.direction {
                        Direction::Ascending => theme.glyphs.ascending,
                        Direction::Descending => theme.glyphs.descending,
                    },
                    _ => "",
                };
                let title = text::clean(spec.title()).into_owned();
                let room = column.width.saturating_sub(if arrow.is_empty() { 0 } else { 2 });
                let title = text::cut(&title, room, theme.glyphs.ellipsis);
                let words = if arrow.is_empty() { title } else { format!("{title} {arrow}") };
                (words, if at == runs.column { theme.chosen_column } else { theme.heading })
            }
        };
        let padding = " ".repeat(column.width.saturating_sub(text::width(&words)));
        // Only the words are underlined, not the room around them.
        if column.right {
            spans.push(Span::raw(padding));
            spans.push(Span::styled(words, style));
        } else {
            spans.push(Span::styled(words, style));
            spans.push(Span::raw(padding));
        }
        x = column.x + column.width;
    }
    frame.render_widget(Line::from(spans), Rect { height: 1, ..inner });
    let columns = placed.iter().filter_map(|placed| placed.column);
    let last = columns.clone().max().unwrap_or(0);
    let is_scrolled = columns.clone().find(|column| *column > 0).is_some_and(|first| first > 1);
    if is_scrolled {
        frame.render_widget(
            Span::styled(theme.glyphs.more_left, theme.accent),
            Rect { width: 1, height: 1, ..inner },
        );
    }
    if last + 1 < runs.columns.len() {
        let more = Span::styled(theme.glyphs.more_right, theme.accent);
        frame.render_widget(more, Rect { x: inner.x + width as u16 - 1, width: 1, height: 1, ..inner });
    }
}

/// Whether a column holds numbers: a param or tag where every value that is looked at is one.
fn is_right(runs: &Runs, spec: &ColumnSpec) -> bool {
    match spec {
        ColumnSpec::Metric(_) | ColumnSpec::StartTime | ColumnSpec::Duration => true,
        ColumnSpec::Param(_) | ColumnSpec::Tag(_) => {
            let bound = Bound::new(&runs.catalog, spec);
            let mut values =
                runs.rows.iter().take(MEASURED).filter_map(|row| match bound.value(&runs.catalog, *row, 0) {
                    Value::Text(value) => Some(value),
                    _ => None,
                });
            let first = values.next();
            first.is_some_and(is_number) && values.all(is_number)
        }
        _ => false,
    }
}

fn row_spans<'a>(
    app: &App,
    theme: &Theme,
    placed: &[Placed],
    bound: &[Option<Bound>],
    row: Row,
    width: usize,
) -> Vec<Span<'a>> {
    let runs = &app.runs;
    let mut spans = Vec::new();
    let mut x = 0;
    for (column, bound) in placed.iter().zip(bound) {
        spans.push(Span::raw(" ".repeat(column.x - x)));
        let (Some(at), Some(bound)) = (column.column, bound) else {
            let points = runs.sparks.get(runs.catalog.run_id(row)).map(|spark| spark.points.as_slice());
            spans.push(Span::styled(sparkline(points.unwrap_or_default(), TREND, theme), theme.spark));
            x = column.x + column.width;
            continue;
        };
        let spec = &runs.columns[at];
        let (words, style) = cell(&bound.value(&runs.catalog, row, app.now), spec, app.now, theme);
        let fitted = if column.right {
            text::fit_right(&words, column.width, theme.glyphs.ellipsis)
        } else {
            text::fit(&words, column.width, theme.glyphs.ellipsis)
        };
        spans.push(Span::styled(fitted, style));
        x = column.x + column.width;
    }
    spans.push(Span::raw(" ".repeat(width.saturating_sub(x))));
    spans
}

fn is_number(words: &str) -> bool {
    crate::catalog::sort::parse_number(words).is_some()
}

fn cell(value: &Value<'_>, spec: &ColumnSpec, now: i64, theme: &Theme) -> (String, Style) {
    match value {
        Value::Missing => ("-".into(), theme.dim),
        Value::Number(number) if number.is_nan() => ("NaN".into(), theme.warn),
        Value::Number(number) => (text::number(*number), theme.text),
        Value::Text(words) if matches!(spec, ColumnSpec::Param(_)) => (shorten(words), theme.text),
        Value::Text(words) => (text::clean(words).into_owned(), theme.text),
        Value::OwnedText(words) => (text::clean(words).into_owned(), theme.text),
        Value::Time(ms) => (text::span(now - ms), theme.dim),
        Value::Duration(ms) => (text::duration(*ms), theme.dim),
        Value::Status(status) => {
            let (style, words) = theme.status(*status);
            (words.to_owned(), style)
        }
    }
}
