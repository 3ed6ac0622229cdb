//! The frame of an overlay.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::frame::pane_block;
use super::theme::Theme;
use crate::text;

/// An empty box in the middle of the screen, as large as wanted and possible; returns the room inside.
pub fn centred_box(
    frame: &mut Frame<'_>,
    theme: &Theme,
    title: &str,
    hint: &str,
    wanted: (usize, usize),
) -> Rect {
    let screen = frame.area();
    let width = (wanted.0 as u16 + 4).min(screen.width.saturating_sub(2));
    let height = (wanted.1 as u16 + 2).min(screen.height.saturating_sub(2)).max(3.min(screen.height));
    let area =
        Rect { x: (screen.width - width) / 2, y: (screen.height.saturating_sub(height)) / 2, width, height };
    frame.render_widget(Clear, area);
    let room = (width as usize).saturating_sub(4);
    let title = text::without_middle(&text::clean(title), room, theme.glyphs.ellipsis);
    let hint = whole(hint.split("  "), room.saturating_sub(text::width(&title) + 2), "  ");
    let mut spans = vec![Span::styled(format!(" {title} "), theme.accent)];
    if !hint.is_empty() {
        spans.push(Span::styled(format!("{hint} "), theme.dim));
    }
    let block = pane_block(theme, true, Line::from(spans));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

/// The parts that have room, whole: half a word says less than none.
pub fn whole<T: AsRef<str>>(parts: impl IntoIterator<Item = T>, room: usize, between: &str) -> String {
    let mut words = String::new();
    for part in parts {
        let before = if words.is_empty() { "" } else { between };
        if text::width(&words) + text::width(before) + text::width(part.as_ref()) <= room {
            words.push_str(before);
            words.push_str(part.as_ref());
        }
    }
    words
}

/// A line of a box.
pub fn put(frame: &mut Frame<'_>, room: Rect, at: usize, line: Line<'_>) {
    if (at as u16) < room.height {
        frame.render_widget(line, Rect { y: room.y + at as u16, height: 1, ..room });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_whole_or_not_at_all() {
        let parts = ["4 runs", "last values", "/lr"];
        assert_eq!(whole(parts, 40, " · "), "4 runs · last values · /lr");
        assert_eq!(whole(parts, 12, " · "), "4 runs · /lr");
        assert_eq!(whole(parts, 3, " · "), "/lr");
        assert_eq!(whole(parts, 2, " · "), "");
    }
}
