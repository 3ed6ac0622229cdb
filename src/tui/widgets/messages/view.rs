//! The messages, drawn.

use ratatui::Frame;
use ratatui::text::Line;

use super::{lines, width};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::help::height;
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, scroll: usize) {
    let width = width(app.size.0);
    let lines = lines(&app.messages, width);
    let room = centred_box(frame, theme, "Messages", "esc closes", (width, lines.len().min(height(app))));
    let end = (scroll + room.height as usize).min(lines.len());
    scroll_bar(frame, (room, room.right() + 1), (scroll.min(end)..end, lines.len()), true, theme);
    for (i, line) in lines.iter().skip(scroll).take(room.height as usize).enumerate() {
        let words = text::cut(&text::clean(line), room.width as usize, theme.glyphs.ellipsis);
        put(frame, room, i, Line::styled(words, theme.text));
    }
}
