//! The table of runs, drawn: only what can be seen is formatted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::cells::RunCells;
use super::chips;
use super::chips::{Above, Placed};
use super::column_layout::table;
use super::placeholders::without_rows;
use super::titles::titles;
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
    let room = chips.first().map_or(area.width, |first| first.place.x - 1 - area.x);
    let names_view = !chips.iter().any(|chip| chip.above == Above::View);
    let (title, rest) = title(app, theme, focused, (room as usize, names_view));
    let block = pane_block(theme, focused, title);
    // What is filtered by is told whole, in the lower border where there is too little room above.
    let rest = text::cut(&rest, (area.width as usize).saturating_sub(4), theme.glyphs.ellipsis);
    let block = if rest.is_empty() {
        block
    } else {
        block.title_bottom(Line::styled(format!(" {rest} "), theme.chip))
    };
    let inner = block.inner(area);
    frame.render_widget(block, area);
    for chip in &chips {
        draw_chip(chip, theme, frame);
    }
    let runs = &app.runs;
    if runs.length() == 0 {
        centred(frame, inner, without_rows(app, theme, (inner.width as usize, inner.height as usize)));
        return;
    }
    let table = table(runs, area);
    let lines = runs.projection.lines.get(table.rows.shown.clone()).unwrap_or_default();
    let cells = RunCells::new(app, theme, &table.columns.places, lines);
    let titles = titles(runs, &table.columns.places, theme).into_iter();
    let titles = titles
        .zip(&table.columns.places)
        .map(|(words, place)| Line::styled(words, table.heading(place, theme)));
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

/// A filter that a key switches, or the view: its key, and whether it is on.
fn draw_chip(chip: &Placed, theme: &Theme, frame: &mut Frame<'_>) {
    let place = chip.place;
    let (key_style, style) = if chip.is_on { (theme.chip, theme.chip) } else { (theme.key, theme.dim) };
    let around = |x, sign: &'static str| (Rect { x, width: 1, ..place }, sign);
    let (left, right) = if chip.is_on { ("[", "]") } else { (" ", " ") };
    for (place, sign) in [around(place.x - 1, left), around(place.x + place.width, right)] {
        frame.render_widget(Span::styled(sign, style), place);
    }
    let label = if chip.key.is_empty() { chip.label.clone() } else { format!(" {}", chip.label) };
    frame.render_widget(
        Line::from(vec![Span::styled(chip.key.clone(), key_style), Span::styled(label, style)]),
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
        Span::styled(letter(run.slot), theme.line(run.slot))
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
    let before = runs.selected.letter_cells().saturating_sub(tick.width());
    Line::from(vec![Span::raw(" ".repeat(before)), tick, sign])
}

/// The parts of a title, as far as there is room.
struct Title<'a> {
    spans: Vec<Span<'static>>,
    room: usize,
    separator: String,
    theme: &'a Theme,
}

impl Title<'_> {
    /// Cells in front of the next part.
    fn before(&self) -> usize {
        if self.spans.len() > 1 { text::width(&self.separator) } else { 0 }
    }

    /// Whether a part has room as a whole.
    fn fits(&self, words: &str) -> bool {
        self.before() + text::width(words) <= self.room
    }

    /// Says it, where it has room as a whole.
    fn put(&mut self, words: impl AsRef<str>, style: Style) {
        if self.fits(&text::clean(words.as_ref())) {
            self.put_name(words, style);
        }
    }

    /// The same with a name in it, which may be cut.
    fn put_name(&mut self, words: impl AsRef<str>, style: Style) {
        let words = text::clean(words.as_ref());
        let before = self.before();
        // A letter or two say nothing.
        if self.room < before + text::width(&words).min(LEAST) {
            self.room = 0;
            return;
        }
        if before > 0 {
            self.room -= before;
            self.spans.push(Span::styled(self.separator.clone(), self.theme.dim));
        }
        let words = text::cut(&words, self.room, self.theme.glyphs.ellipsis);
        self.room -= text::width(&words);
        self.spans.push(Span::styled(words, style));
    }
}

/// What there is to say of the table, and what is filtered by where that has no room here.
fn title(
    app: &App,
    theme: &Theme,
    focused: bool,
    (width, names_view): (usize, bool),
) -> (Line<'static>, String) {
    let runs = &app.runs;
    let mut rest = String::new();
    let spans = vec![Span::styled(" 2 Runs ", if focused { theme.accent } else { theme.text })];
    if !runs.loaded {
        return (Line::from(spans), rest);
    }
    let mut title = Title {
        spans,
        room: width.saturating_sub(13),
        separator: format!(" {} ", theme.glyphs.separator),
        theme,
    };
    let view = &runs.shown_view;
    // What is left out is said first: it must not be overlooked.
    let shown = text::count(runs.projection.passing);
    let of = text::count(runs.catalog.count);
    let named = runs
        .picked_view()
        .filter(|_| names_view)
        .map(|(name, is_changed)| format!("view {name}{}", if is_changed { " (changed)" } else { "" }));
    let calm = if runs.newest.error().is_some() { theme.bad } else { theme.dim };
    if view.is_filtered() {
        title.put(format!("{shown} of {of}"), theme.warn);
        if let Some(named) = named {
            title.put_name(named, theme.chip);
        }
        let words = (!view.words.trim().is_empty()).then(|| format!("/{}", view.words.trim()));
        let filter = (!view.filter.is_empty()).then(|| format!("f {}", runs.filter_text.trim()));
        let filtered_by: Vec<String> = words.into_iter().chain(filter).collect();
        let filtered_by = text::clean(&filtered_by.join(&title.separator)).into_owned();
        if title.fits(&filtered_by) {
            title.put(filtered_by, theme.chip);
        } else {
            rest = filtered_by;
        }
    } else {
        title.put(text::runs(runs.projection.passing), calm);
        if let Some(named) = named {
            title.put_name(named, theme.chip);
        }
    }
    put_state(app, theme, &mut title);
    title.spans.push(Span::raw(" "));
    (Line::from(title.spans), rest)
}

/// What else there is to say of the table: what is selected, how old and how complete it is, its shape and order.
fn put_state(app: &App, theme: &Theme, title: &mut Title<'_>) {
    let (runs, view) = (&app.runs, &app.runs.shown_view);
    let calm = if runs.newest.error().is_some() { theme.bad } else { theme.dim };
    if !runs.selected.is_empty() {
        title.put(
            format!("{} {} selected", theme.glyphs.selected, text::count(runs.selected.len())),
            theme.selected,
        );
    }
    if let ConnectionState::Failing { last_answer: Some(time), .. }
    | ConnectionState::Silent { last_answer: time, .. } = app.connection
    {
        let age = text::span(app.now - time);
        title.put(format!("as of {age} ago"), theme.bad);
    }
    if runs.new_above() > 0 {
        title.put(format!("{} new above", text::count(runs.new_above())), theme.accent);
    }
    if !runs.complete {
        title.put("loading more", theme.warn);
    }
    if runs.deleted {
        title.put("with deleted", theme.warn);
    }
    match &view.shape {
        Shape::Flat => {}
        Shape::Tree => title.put("as a tree", calm),
        Shape::Groups(column) => title.put_name(format!("grouped by {}", column.title()), calm),
    }
    match view.sort.as_slice() {
        [] => title.put("newest first", calm),
        sort => title.put_name(order(sort, theme), calm),
    }
    match runs.hidden_columns() {
        0 => {}
        1 => title.put("1 column the same", calm),
        count => title.put(format!("{count} columns the same"), calm),
    }
    if let Some(coverage) = incomplete(&runs.catalog, &view.sort) {
        let (known, of) = (text::count(coverage.known), text::count(coverage.of));
        title.put(format!("{known} of {of} histories read"), theme.warn);
    }
}

/// The order in words.
fn order(sort: &[SortKey], theme: &Theme) -> String {
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

pub fn arrow(direction: Direction, theme: &Theme) -> &'static str {
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
