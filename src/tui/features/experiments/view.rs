//! The list of experiments, drawn: only what can be seen is formatted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::Experiments;
use super::arrange::{ListLine, Order};
use crate::catalog::search::Search;
use crate::marking::MARK;
use crate::text;
use crate::text::without_middle;
use crate::tui::core::app::App;
use crate::tui::core::layout::Focus;
use crate::tui::widgets::frame::{centred, pane_block, with_letters};
use crate::tui::widgets::table::Rows;
use crate::tui::widgets::theme::Theme;

/// Cells of the pane at least.
pub const LEAST_WIDTH: usize = 26;
/// Cells of the title without what is said of the list, and of the corners beside it.
pub const TITLE_WIDTH: usize = 18;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let experiments = &app.experiments;
    let focused = app.focus == Focus::Experiments;
    let block = pane_block(theme, focused, title(experiments, theme, focused, area.width as usize));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if experiments.length() == 0 {
        centred(frame, inner, without_lines(app, theme));
        return;
    }
    let under_cursor = if focused { theme.selection } else { theme.unfocused_selection };
    let rows = Rows::new(inner, experiments.cursor, experiments.length());
    let words = experiments.words.value();
    let search = (!words.trim().is_empty()).then(|| Search::new(words));
    rows.draw_bar(frame, area.right() - 1, focused, theme);
    rows.draw(frame.buffer_mut(), under_cursor, |at, place, buffer| {
        let line = &experiments.shown.lines[at];
        row(app, theme, line, search.as_ref(), inner.width as usize).render(place, buffer);
    });
}

fn without_lines<'a>(app: &App, theme: &Theme) -> Vec<Line<'a>> {
    let experiments = &app.experiments;
    if !experiments.words.value().trim().is_empty() {
        return vec![
            Line::styled("none is found", theme.warn),
            Line::styled("esc clears the search", theme.dim),
        ];
    }
    if experiments.loaded {
        let mut lines = vec![Line::styled("no experiments", theme.dim)];
        if !app.read_only {
            lines.push(Line::styled("N creates one", theme.dim));
        }
        lines
    } else if experiments.error.is_some() {
        vec![Line::styled("not loaded", theme.bad)]
    } else {
        vec![Line::styled("loading", theme.dim)]
    }
}

fn title<'a>(experiments: &Experiments, theme: &Theme, focused: bool, width: usize) -> Line<'a> {
    let mut spans = vec![Span::styled(" 1 Experiments ", if focused { theme.accent } else { theme.text })];
    let mut room = width.saturating_sub(TITLE_WIDTH);
    let shown = &experiments.shown;
    let words = experiments.words.value().trim();
    let (passing, of) = (text::count(shown.passing), text::count(shown.of));
    let mut parts: Vec<(String, Style)> = Vec::new();
    if words.is_empty() {
        parts.push((of, theme.dim));
    } else {
        parts.push((format!("{passing} of {of}"), theme.warn));
        parts.push((format!("/{}", text::clean(words)), theme.chip));
    }
    parts.extend(experiments.said().into_iter().map(|words| (words.to_owned(), theme.dim)));
    for (at, (words, style)) in parts.into_iter().enumerate() {
        let separator = if at == 0 { String::new() } else { format!(" {} ", theme.glyphs.separator) };
        let needed = text::width(&separator) + text::width(&words);
        if needed > room {
            break;
        }
        room -= needed;
        spans.push(Span::styled(separator, theme.dim));
        spans.push(Span::styled(words, style));
    }
    spans.push(Span::raw(" "));
    Line::from(spans)
}

fn row<'a>(app: &App, theme: &Theme, line: &ListLine, search: Option<&Search>, width: usize) -> Line<'a> {
    let experiments = &app.experiments;
    let listed = &experiments.list[line.at];
    let name = &listed.experiment.name[line.start..line.end];
    let is_folder = line.folder.is_some();
    let is_open = !is_folder && app.runs.experiment.as_ref() == Some(listed.id());
    let (runs, activity) = match line.folder {
        Some(folder) => (folder.total.runs, folder.total.activity),
        None => (listed.runs, listed.activity()),
    };
    let count = match (experiments.order, runs) {
        (Order::Activity, _) => activity.map_or(String::new(), |since| text::span(app.now - since)),
        _ if is_open && app.runs.complete => text::count(app.runs.catalog.count),
        (_, Some(runs)) => text::count(runs as usize),
        (_, None) => String::new(),
    };
    // One of its runs is marked best.
    let has_champion = !is_folder && listed.tag(MARK).is_some_and(|value| !value.is_empty());
    let champion = if has_champion { format!(" {}", theme.glyphs.champion) } else { String::new() };
    let before = match line.folder {
        Some(folder) => format!("{} ", if folder.is_open { theme.glyphs.open } else { theme.glyphs.closed }),
        None if experiments.shown.has_folders => "  ".into(),
        None => String::new(),
    };
    let before = format!("{}{before}", "  ".repeat(line.depth));
    let within =
        line.folder.map_or(String::new(), |folder| format!("/ ({})", text::count(folder.total.experiments)));
    let fixed = [&count, &champion, &before, &within].map(|part| text::width(part)).iter().sum::<usize>();
    let room = width.saturating_sub(fixed + 3);
    let name = without_middle(&text::clean(name), room, theme.glyphs.ellipsis);
    let gap = room.saturating_sub(text::width(&name));
    let style = if is_open {
        theme.heading
    } else if !is_folder && listed.is_deleted() {
        theme.dim
    } else {
        theme.text
    };
    let mark = if is_open {
        Span::styled(theme.glyphs.cursor, theme.accent)
    } else if !is_folder && listed.is_deleted() {
        Span::styled(theme.glyphs.failing, theme.dim)
    } else {
        Span::raw(" ")
    };
    let letters = search.map_or_else(Vec::new, |search| search.letters(&name, None));
    let mut spans = vec![mark, Span::styled(before, theme.dim)];
    spans.extend(with_letters(&name, &letters, style, theme));
    spans.push(Span::styled(within, theme.dim));
    spans.push(Span::raw(" ".repeat(gap)));
    spans.push(Span::styled(champion, theme.selected));
    spans.push(Span::styled(format!(" {count} "), theme.dim));
    Line::from(spans)
}
