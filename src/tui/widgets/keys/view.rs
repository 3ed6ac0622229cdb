//! The box of keys that go on, at the foot of the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::choices;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::frame::pane_block;
use crate::tui::widgets::theme::Theme;

/// Cells between columns.
const GAP: usize = 3;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>) {
    let choices = choices(app);
    let screen = frame.area();
    let keys = choices.iter().map(|(keys, _)| text::width(keys)).max().unwrap_or(0);
    let words = choices.iter().map(|(_, help)| text::width(help)).max().unwrap_or(0);
    let room = screen.width.saturating_sub(4) as usize;
    let column = (keys + 1 + words).min(room);
    let columns = ((room + GAP) / (column + GAP).max(1)).clamp(1, 3);
    let rows = choices.len().div_ceil(columns);
    // The line of hints below stays.
    let height = (rows as u16 + 2).min(screen.height.saturating_sub(1));
    if rows == 0 || height < 3 {
        return;
    }
    let width = ((columns * (column + GAP) - GAP) as u16 + 4).min(screen.width);
    let area = Rect { x: screen.width - width, y: screen.height - 1 - height, width, height };
    frame.render_widget(Clear, area);
    let begun: Vec<String> = app.pending.iter().map(ToString::to_string).collect();
    let title = Line::styled(format!(" {} … ", begun.join(" ")), theme.accent);
    let block = pane_block(theme, true, title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let ellipsis = theme.glyphs.ellipsis;
    for (i, (key, help)) in choices.iter().enumerate() {
        let (x, y) = (i / rows * (column + GAP), i % rows);
        if y >= inner.height as usize {
            continue;
        }
        let place = Rect {
            x: inner.x + 1 + x as u16,
            y: inner.y + y as u16,
            width: (column as u16).min(inner.width.saturating_sub(1 + x as u16)),
            height: 1,
        };
        let line = Line::from(vec![
            Span::styled(text::fit(key, keys, ellipsis), theme.key),
            Span::styled(format!(" {}", text::cut(help, column - keys - 1, ellipsis)), theme.text),
        ]);
        frame.render_widget(line, place);
    }
}
