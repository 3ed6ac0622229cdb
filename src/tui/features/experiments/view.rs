//! The list of experiments, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::marking::MARK;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::layout::Focus;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::table::Rows;
use crate::tui::widgets::theme::Theme;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let experiments = &app.experiments;
    let focused = app.focus == Focus::Experiments;
    let title = Line::from(vec![
        Span::styled(" 1 Experiments ", if focused { theme.accent } else { theme.text }),
        Span::styled(format!("{} ", text::count(experiments.list.len())), theme.dim),
    ]);
    let block = pane_block(theme, focused, title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if experiments.list.is_empty() {
        let lines = if experiments.loaded {
            vec![Line::styled("no experiments", theme.dim)]
        } else if experiments.error.is_some() {
            vec![Line::styled("not loaded", theme.bad)]
        } else {
            vec![Line::styled("loading", theme.dim)]
        };
        centred(frame, inner, lines);
        return;
    }
    let width = inner.width as usize;
    let under_cursor = if focused { theme.selection } else { theme.unfocused_selection };
    let rows = Rows::new(inner, experiments.cursor, experiments.list.len());
    rows.draw(frame.buffer_mut(), under_cursor, |at, place, buffer| {
        let listed = &experiments.list[at];
        let is_open = app.runs.experiment.as_ref() == Some(listed.id());
        let count = match (listed.runs, is_open && app.runs.complete) {
            (_, true) => text::count(app.runs.catalog.count),
            (Some(runs), false) => text::count(runs as usize),
            (None, false) => String::new(),
        };
        let mark = if is_open { theme.glyphs.cursor } else { " " };
        // One of its runs is marked best.
        let has_champion = listed.experiment.tags.iter().any(|tag| tag.key == MARK && !tag.value.is_empty());
        let champion = if has_champion { format!(" {}", theme.glyphs.champion) } else { String::new() };
        let room = width.saturating_sub(text::width(&count) + text::width(&champion) + 3);
        let name = text::fit(&text::clean(&listed.experiment.name), room, theme.glyphs.ellipsis);
        Line::from(vec![
            Span::styled(mark, theme.accent),
            Span::styled(name, if is_open { theme.heading } else { theme.text }),
            Span::styled(champion, theme.selected),
            Span::styled(format!(" {count} "), theme.dim),
        ])
        .render(place, buffer);
    });
}
