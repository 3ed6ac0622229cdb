//! The log of a trial, drawn.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};

use super::LogScreen;
use crate::text;
use crate::tui::widgets::boxes::put;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;

pub fn draw(log: &LogScreen, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let area = body.inner(Margin { horizontal: 2, vertical: 1 });
    let height = area.height as usize;
    let first = log.first(height);
    let seen = log.lines.get(first..(first + height).min(log.lines.len())).unwrap_or_default();
    let place = match log.lines.len() {
        0 => String::new(),
        count => format!("{}-{} of {}", first + 1, first + seen.len(), text::count(count)),
    };
    let left_out = match log.skipped {
        0 => String::new(),
        bytes => format!(", {} bytes before are left out", text::count(bytes as usize)),
    };
    let follows = if log.follows { "following" } else { "F follows" };
    let style = if log.follows { theme.running } else { theme.dim };
    let width = (body.width as usize).saturating_sub(4);
    let title = text::without_middle(&text::clean(&log.title), width, theme.glyphs.ellipsis);
    let rest = text::cut(
        &format!(" {place}{left_out} "),
        width.saturating_sub(text::width(&title) + follows.len() + 3),
        theme.glyphs.ellipsis,
    );
    let title = Line::from(vec![
        Span::styled(format!(" {title} "), theme.accent),
        Span::styled(rest, theme.dim),
        Span::styled(format!("{follows} "), style),
    ]);
    frame.render_widget(pane_block(theme, true, title), body);
    if log.lines.is_empty() {
        let line = match (log.fetched.error(), log.fetched.value()) {
            (Some(error), _) => Line::styled(text::clean(error).into_owned(), theme.bad),
            (None, Some(())) => Line::styled("nothing was said yet", theme.dim),
            (None, None) => Line::styled("loading", theme.dim),
        };
        return centred(frame, area, vec![line]);
    }
    scroll_bar(frame, (area, body.right() - 1), (first..first + seen.len(), log.lines.len()), true, theme);
    for (at, line) in seen.iter().enumerate() {
        let words = text::cut(line, area.width as usize, theme.glyphs.ellipsis);
        put(frame, area, at, Line::styled(words, theme.text));
    }
}
