//! The lines, drawn.

use ratatui::Frame;
use ratatui::text::Line;

use super::Report;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::help::height;
use crate::tui::widgets::messages::width;
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;

pub fn draw(app: &App, report: &Report, theme: &Theme, frame: &mut Frame<'_>) {
    let lines = report.wrapped(width(app.size.0));
    let widest =
        lines.iter().map(|line| text::width(line)).max().unwrap_or(0).max(text::width(&report.title) + 14);
    let size = (widest.min(width(app.size.0)), lines.len().min(height(app)));
    let room = centred_box(frame, theme, &report.title, "esc closes", size);
    let end = (report.scroll + room.height as usize).min(lines.len());
    scroll_bar(frame, (room, room.right() + 1), (report.scroll.min(end)..end, lines.len()), true, theme);
    for (i, line) in lines.iter().skip(report.scroll).take(room.height as usize).enumerate() {
        let words = text::cut(line, room.width as usize, theme.glyphs.ellipsis);
        put(frame, room, i, Line::styled(words, theme.text));
    }
}
