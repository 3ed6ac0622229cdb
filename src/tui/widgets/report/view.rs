//! The lines, drawn.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::Report;
use crate::text;
use crate::text::notes::Words;
use crate::tui::core::app::App;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::help::height;
use crate::tui::widgets::messages::width;
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;

/// Words in the styles of their kinds, in no more than so many cells. What comes from a store must be clean.
pub fn styled(line: &[Words], room: usize, theme: &Theme) -> Line<'static> {
    let mut left = room;
    let spans = line.iter().map(|(words, kind)| {
        let words = text::cut(words, left, theme.glyphs.ellipsis);
        left = left.saturating_sub(text::width(&words));
        Span::styled(words, theme.kind(*kind))
    });
    spans.collect()
}

pub fn draw(app: &App, report: &Report, theme: &Theme, frame: &mut Frame<'_>) {
    let lines = report.wrapped(width(app.size.0));
    let cells = |line: &Vec<Words>| line.iter().map(|(words, _)| text::width(words)).sum();
    let widest: usize = lines.iter().map(cells).max().unwrap_or(0).max(text::width(&report.title) + 14);
    let size = (widest.min(width(app.size.0)), lines.len().min(height(app)));
    let room = centred_box(frame, theme, &report.title, "esc closes", size);
    let end = (report.scroll + room.height as usize).min(lines.len());
    scroll_bar(frame, (room, room.right() + 1), (report.scroll.min(end)..end, lines.len()), true, theme);
    for (i, line) in lines.iter().skip(report.scroll).take(room.height as usize).enumerate() {
        put(frame, room, i, styled(line, room.width as usize, theme));
    }
}
