//! The help, drawn over the panes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::{HelpLine, height, lines};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::frame::pane_block;
use crate::tui::widgets::theme::Theme;

const KEYS_WIDTH: usize = 16;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, scroll: usize) {
    let lines = lines(app);
    let screen = frame.area();
    let width = screen.width.saturating_sub(4).min(84);
    let rows = (lines.len().min(height(app).max(1)) as u16 + 2).min(screen.height);
    let area = Rect { x: (screen.width - width) / 2, y: (screen.height - rows) / 2, width, height: rows };
    frame.render_widget(Clear, area);
    let more = if lines.len() > height(app) { ", j k scroll" } else { "" };
    let title = Line::from(vec![
        Span::styled(" Keys that work here ", theme.accent),
        Span::styled(format!("esc closes{more} "), theme.dim),
    ]);
    let block = pane_block(theme, true, title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    for (i, line) in lines.iter().skip(scroll).take(inner.height as usize).enumerate() {
        let place =
            Rect { x: inner.x + 1, y: inner.y + i as u16, width: inner.width.saturating_sub(1), height: 1 };
        let drawn = match line {
            HelpLine::Group(name) => Line::styled(*name, theme.heading),
            HelpLine::Keys { keys, title } => Line::from(vec![
                Span::styled(format!("  {}", text::fit(keys, KEYS_WIDTH, theme.glyphs.ellipsis)), theme.key),
                Span::styled(format!(" {title}"), theme.text),
            ]),
        };
        frame.render_widget(drawn, place);
    }
}
