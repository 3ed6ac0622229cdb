//! The table of runs, drawn: only what can be seen is formatted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::cells::Cells;
use super::column_layout::{PlacedColumn, place_columns};
use super::placeholders::without_rows;
use crate::catalog::sort::SortKey;
use crate::catalog::summaries::Coverage;
use crate::catalog::view::{LineKind, Shape};
use crate::catalog::{Catalog, ColumnSpec, Row};
use crate::mlflow::Statistic;
use crate::mlflow::filter::Direction;
use crate::text;
use crate::tui::core::app::{App, ConnectionState};
use crate::tui::core::layout::Focus;
use crate::tui::core::signs::RunSign;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

/// Cells of a part of the title at least.
const LEAST: usize = 6;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let focused = app.focus == Focus::Runs;
    let block = pane_block(theme, focused, title(app, theme, focused, area.width as usize));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let runs = &app.runs;
    if runs.length() == 0 {
        centred(frame, inner, without_rows(app, theme, (inner.width as usize, inner.height as usize)));
        return;
    }
    let width = inner.width as usize;
    let placed = place_columns(runs, width);
    table_header(app, theme, frame, inner, &placed);
    let cells = Cells::new(runs, theme, &placed, app.now);
    let height = inner.height.saturating_sub(1) as usize;
    let range = runs.range();
    for (y, at) in runs.cursor.window(runs.length(), height).enumerate() {
        let line = &runs.projection.lines[at];
        let slot = match line.kind {
            LineKind::Run(row) => runs.selected.get(runs.catalog.run_id(row)).map(|run| run.slot),
            LineKind::Group(_) => None,
        };
        let in_range = range.as_ref().is_some_and(|range| range.contains(&at));
        let tick = match slot {
            Some(slot) => Span::styled(letter(slot).to_string(), theme.line(slot)),
            None if in_range => Span::styled(theme.glyphs.selected, theme.selected),
            None => champion_sign(app, line.kind, theme),
        };
        let sign = match line.kind {
            LineKind::Run(row) => sign(app, row, theme),
            LineKind::Group(_) => Span::raw(" "),
        };
        let mut spans = cells.line(line, tick, sign, width);
        if at == runs.cursor.at {
            let style = if focused { theme.selection } else { theme.unfocused_selection };
            for span in &mut spans {
                span.style = selected(span.style, style, focused);
            }
        }
        let place = Rect { y: inner.y + 1 + y as u16, height: 1, ..inner };
        frame.render_widget(Line::from(spans), place);
    }
}

/// That a run was marked best.
fn champion_sign(app: &App, kind: LineKind, theme: &Theme) -> Span<'static> {
    let is_champion = matches!(kind, LineKind::Run(row) if app.best.is_marked(&app.runs.catalog, row));
    Span::styled(if is_champion { theme.glyphs.champion } else { " " }, theme.selected)
}

/// That a run is the best, or is on the Pareto front.
fn sign(app: &App, row: Row, theme: &Theme) -> Span<'static> {
    match app.best.sign(app.runs.catalog.run_id(row)) {
        Some(RunSign::Best) => Span::styled(theme.glyphs.best, theme.good),
        Some(RunSign::Front) => Span::styled(theme.glyphs.front, theme.good),
        None => Span::raw(" "),
    }
}

/// The style of a selected cell: the selection's, but for the colour of what has a meaning.
fn selected(own: Style, selection: Style, focused: bool) -> Style {
    if focused { own.patch(selection) } else { selection.patch(own).add_modifier(selection.add_modifier) }
}

fn title<'a>(app: &App, theme: &Theme, focused: bool, width: usize) -> Line<'a> {
    let runs = &app.runs;
    let mut spans = vec![Span::styled(" 2 Runs ", if focused { theme.accent } else { theme.text })];
    if !runs.loaded {
        return Line::from(spans);
    }
    let mut room = width.saturating_sub(13);
    let separator = format!(" {} ", theme.glyphs.separator);
    let mut put = |words: String, style: Style| {
        let words = text::clean(&words);
        let before = if spans.len() > 1 { text::width(&separator) } else { 0 };
        // A letter or two say nothing.
        if room < before + text::width(&words).min(LEAST) {
            room = 0;
            return;
        }
        if before > 0 {
            room -= before;
            spans.push(Span::styled(separator.clone(), theme.dim));
        }
        let words = text::cut(&words, room, theme.glyphs.ellipsis);
        room -= text::width(&words);
        spans.push(Span::styled(words, style));
    };
    let view = &runs.shown_view;
    // What is left out is said first: it must not be overlooked.
    let shown = text::count(runs.projection.passing);
    let of = text::count(runs.catalog.count);
    let calm = if runs.newest.error().is_some() { theme.bad } else { theme.dim };
    if view.is_filtered() {
        put(format!("{shown} of {of}"), theme.warn);
        if !view.words.trim().is_empty() {
            put(format!("/{}", view.words.trim()), theme.chip);
        }
        if !view.filter.clauses.is_empty() {
            put(format!("f {}", runs.filter_text.trim()), theme.chip);
        }
    } else {
        put(text::runs(runs.projection.passing), calm);
    }
    if let ConnectionState::Failing { last_answer: Some(time), .. } = app.connection {
        let age = text::span(app.now - time);
        put(format!("as of {age} ago"), theme.bad);
    }
    if runs.new_above() > 0 {
        put(format!("{} new above", text::count(runs.new_above())), theme.accent);
    }
    if !runs.complete {
        put("loading more".into(), theme.warn);
    }
    if runs.deleted {
        put("with deleted".into(), theme.warn);
    }
    match &view.shape {
        Shape::Flat => {}
        Shape::Tree => put("as a tree".into(), calm),
        Shape::Groups(column) => put(format!("grouped by {}", column.title()), calm),
    }
    put(order(view.sort.as_slice(), theme), calm);
    if let Some(coverage) = incomplete(&runs.catalog, &view.sort) {
        let (known, of) = (text::count(coverage.known), text::count(coverage.of));
        put(format!("{known} of {of} histories read"), theme.warn);
    }
    if !runs.selected.is_empty() {
        put(
            format!("{} {} selected", theme.glyphs.selected, text::count(runs.selected.len())),
            theme.selected,
        );
    }
    spans.push(Span::raw(" "));
    Line::from(spans)
}

/// The order in words.
fn order(sort: &[SortKey], theme: &Theme) -> String {
    if sort.is_empty() {
        return "newest first".into();
    }
    let keys: Vec<String> = sort
        .iter()
        .map(|key| {
            let kind = match &key.column {
                ColumnSpec::Metric(_, Statistic::Latest) => "latest ".to_owned(),
                column => column.statistic().map_or(String::new(), |word| format!("{word} ")),
            };
            format!("{kind}{} {}", key.column.title(), arrow(key.direction, theme))
        })
        .collect();
    format!("by {}", keys.join(" then "))
}

fn arrow(direction: Direction, theme: &Theme) -> &'static str {
    match direction {
        Direction::Ascending => theme.glyphs.ascending,
        Direction::Descending => theme.glyphs.descending,
    }
}

/// How far the values are known that the order depends on, where that is not all the way.
fn incomplete(catalog: &Catalog, sort: &[SortKey]) -> Option<Coverage> {
    let coverages = sort.iter().filter_map(|key| catalog.coverage(&key.column));
    coverages.into_iter().find(|coverage| !coverage.is_complete())
}

fn table_header(app: &App, theme: &Theme, frame: &mut Frame<'_>, inner: Rect, placed: &[PlacedColumn]) {
    let runs = &app.runs;
    let width = inner.width as usize;
    let mut spans = Vec::new();
    let mut x = 0;
    for column in placed {
        spans.push(Span::raw(" ".repeat(column.x - x)));
        let (words, style) = match column.column {
            None => ("trend".to_owned(), theme.dim),
            Some(at) => {
                let words = heading(app, at, column.width, theme);
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

/// A column's title: the statistic, the name, the direction of the sort, and how far the column is filled in.
fn heading(app: &App, at: usize, width: usize, theme: &Theme) -> String {
    let runs = &app.runs;
    let spec = &runs.columns[at].spec;
    let view = &runs.shown_view;
    let arrow = match view.sorted_by(spec) {
        None => String::new(),
        Some((_, direction)) if view.sort.len() == 1 => format!(" {}", arrow(direction, theme)),
        Some((place, direction)) => format!(" {}{}", arrow(direction, theme), place + 1),
    };
    let partial = match runs.catalog.coverage(spec) {
        Some(Coverage { known, of }) if known < of => format!(" {}%", known * 100 / of.max(1)),
        _ => String::new(),
    };
    let word = spec.statistic().map_or(String::new(), |word| format!("{word} "));
    let title = format!("{word}{}", text::clean(spec.title()));
    let room = width.saturating_sub(text::width(&arrow) + text::width(&partial));
    format!("{}{partial}{arrow}", text::cut(&title, room, theme.glyphs.ellipsis))
}
