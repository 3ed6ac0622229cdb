//! The lines, drawn.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::Report;
use crate::text;
use crate::text::highlight::{Highlighter, Language, rendered};
use crate::tui::core::app::App;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::help::height;
use crate::tui::widgets::messages::width;
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;

/// A line of Markdown, in the styles of its parts. What comes from a store must be clean.
pub fn markdown<'a>(line: &str, highlighter: &mut Highlighter, theme: &Theme) -> Line<'a> {
    let parts = highlighter.line(line);
    let spans = rendered(line, &parts).into_iter();
    spans.map(|(words, kind)| Span::styled(words.into_owned(), theme.kind(kind))).collect()
}

pub fn draw(app: &App, report: &Report, theme: &Theme, frame: &mut Frame<'_>) {
    let lines = report.wrapped(width(app.size.0));
    let widest =
        lines.iter().map(|line| text::width(line)).max().unwrap_or(0).max(text::width(&report.title) + 14);
    let size = (widest.min(width(app.size.0)), lines.len().min(height(app)));
    let room = centred_box(frame, theme, &report.title, "esc closes", size);
    let end = (report.scroll + room.height as usize).min(lines.len());
    scroll_bar(frame, (room, room.right() + 1), (report.scroll.min(end)..end, lines.len()), true, theme);
    if report.is_markdown {
        let mut highlighter = Highlighter::new(Language::Markdown);
        let lines = lines.iter().map(|line| markdown(line, &mut highlighter, theme));
        for (i, line) in lines.skip(report.scroll).take(room.height as usize).enumerate() {
            put(frame, room, i, line);
        }
        return;
    }
    for (i, line) in lines.iter().skip(report.scroll).take(room.height as usize).enumerate() {
        let words = text::cut(line, room.width as usize, theme.glyphs.ellipsis);
        put(frame, room, i, Line::styled(words, theme.text));
    }
}
