//! The table of runs, drawn: only what can be seen is formatted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Runs;
use super::cells::RunCells;
use super::chips;
use super::column_layout::table;
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
use crate::tui::widgets::table::RowContent;
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

/// Cells of a part of the title at least.
const LEAST: usize = 6;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let focused = app.focus == Focus::Runs;
    let chips = chips::places(app, area);
    let room = chips.first().map_or(area.width, |(.., first)| first.x - 1 - area.x);
    let block = pane_block(theme, focused, title(app, theme, focused, room as usize));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    for (chip, words, place) in chips {
        draw_chip(chip.is_on(&app.runs.view.filter), &words, theme, frame, place);
    }
    let runs = &app.runs;
    if runs.length() == 0 {
        centred(frame, inner, without_rows(app, theme, (inner.width as usize, inner.height as usize)));
        return;
    }
    let table = table(runs, area);
    let lines = runs.projection.lines.get(table.rows.shown.clone()).unwrap_or_default();
    let cells = RunCells::new(app, theme, &table.columns.places, lines);
    let titles = table.columns.places.iter().map(|place| {
        let title = || heading(runs, place.column, place.width, theme);
        let words = if place.is_picture { "trend".into() } else { title() };
        Line::styled(words, table.heading(place, theme))
    });
    let under_cursor = if focused { theme.selection } else { theme.unfocused_selection };
    if focused {
        table.light_column(frame, theme);
    }
    table.rows.draw_bar(frame, area.right() - 1, focused, theme);
    table.draw(frame, theme, titles.collect(), under_cursor, |at| {
        let line = &runs.projection.lines[at];
        RowContent { lead: signs(app, at, line.kind, theme), cells: cells.line(line) }
    });
}

/// A filter that a key switches: its key, and whether it is on.
fn draw_chip(is_on: bool, words: &str, theme: &Theme, frame: &mut Frame<'_>, place: Rect) {
    let (key, label) = words.split_once(' ').unwrap_or(("", words));
    let (key_style, style) = if is_on { (theme.chip, theme.chip) } else { (theme.key, theme.dim) };
    let around = |x, sign: &'static str| (Rect { x, width: 1, ..place }, sign);
    let (left, right) = if is_on { ("[", "]") } else { (" ", " ") };
    for (place, sign) in [around(place.x - 1, left), around(place.x + place.width, right)] {
        frame.render_widget(Span::styled(sign, style), place);
    }
    let label = if key.is_empty() { label.to_owned() } else { format!(" {label}") };
    frame.render_widget(
        Line::from(vec![Span::styled(key.to_owned(), key_style), Span::styled(label, style)]),
        place,
    );
}

/// In front of a line: that its run is selected or was marked best, and that it is the best or on the Pareto front.
fn signs(app: &App, at: usize, kind: LineKind, theme: &Theme) -> Line<'static> {
    let runs = &app.runs;
    let row = match kind {
        LineKind::Run(row) => Some(row),
        LineKind::Group(_) => None,
    };
    let id = row.map(|row| runs.catalog.run_id(row));
    let of_group = match kind {
        LineKind::Group(group) => &runs.projection.groups[group as usize].runs[..],
        LineKind::Run(_) => &[],
    };
    let is_selected = |row: &Row| runs.selected.contains(runs.catalog.run_id(*row));
    let tick = if !runs.selected.is_empty() && of_group.iter().any(is_selected) {
        // Of a group some, or all.
        let sign = if of_group.iter().all(is_selected) { theme.glyphs.on } else { theme.glyphs.selected };
        Span::styled(sign.chars().take(1).collect::<String>(), theme.selected)
    } else if let Some(run) = id.and_then(|id| runs.selected.get(id)) {
        Span::styled(letter(run.slot).to_string(), theme.line(run.slot))
    } else if runs.range().is_some_and(|range| range.contains(&at)) {
        Span::styled(theme.glyphs.selected, theme.selected)
    } else if row.is_some_and(|row| app.best.is_marked(&runs.catalog, row)) {
        Span::styled(theme.glyphs.champion, theme.selected)
    } else {
        Span::raw(" ")
    };
    let sign = match id.and_then(|id| app.best.sign(id)) {
        Some(RunSign::Best) => Span::styled(theme.glyphs.best, theme.good),
        Some(RunSign::BestShown) => Span::styled(theme.glyphs.best, theme.accent),
        Some(RunSign::Front) => Span::styled(theme.glyphs.front, theme.good),
        None => Span::raw(" "),
    };
    Line::from(vec![tick, sign])
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
    let named = runs
        .picked_view()
        .map(|(name, is_changed)| format!("view {name}{}", if is_changed { " (changed)" } else { "" }));
    let calm = if runs.newest.error().is_some() { theme.bad } else { theme.dim };
    if view.is_filtered() {
        put(format!("{shown} of {of}"), theme.warn);
        if let Some(named) = named {
            put(named, theme.chip);
        }
        if !view.words.trim().is_empty() {
            put(format!("/{}", view.words.trim()), theme.chip);
        }
        if !view.filter.is_empty() {
            put(format!("f {}", runs.filter_text.trim()), theme.chip);
        }
    } else {
        put(text::runs(runs.projection.passing), calm);
        if let Some(named) = named {
            put(named, theme.chip);
        }
    }

    if !runs.selected.is_empty() {
        put(
            format!("{} {} selected", theme.glyphs.selected, text::count(runs.selected.len())),
            theme.selected,
        );
    }
    if let ConnectionState::Failing { last_answer: Some(time), .. }
    | ConnectionState::Silent { last_answer: time, .. } = app.connection
    {
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
    match runs.hidden_columns() {
        0 => {}
        1 => put("1 column the same".into(), calm),
        count => put(format!("{count} columns the same"), calm),
    }
    if let Some(coverage) = incomplete(&runs.catalog, &view.sort) {
        let (known, of) = (text::count(coverage.known), text::count(coverage.of));
        put(format!("{known} of {of} histories read"), theme.warn);
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

/// A column's title: the statistic, the name, the direction of the sort, and how far the column is filled in.
fn heading(runs: &Runs, at: usize, width: usize, theme: &Theme) -> String {
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
    // A metric and a param may have one name.
    let is_twin = |other: &ColumnSpec| {
        other != spec && other.title() == spec.title() && other.statistic() == spec.statistic()
    };
    let kind = match spec {
        ColumnSpec::Metric(..) => " (metric)",
        ColumnSpec::Param(_) => " (param)",
        ColumnSpec::Tag(_) => " (tag)",
        _ => "",
    };
    let kind = if runs.columns.iter().any(|shown| is_twin(&shown.spec)) { kind } else { "" };
    let title = format!("{word}{}{kind}", text::clean(spec.title()));
    let room = width.saturating_sub(text::width(&arrow) + text::width(&partial));
    format!("{}{partial}{arrow}", text::cut(&title, room, theme.glyphs.ellipsis))
}
