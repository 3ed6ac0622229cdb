//! The help, drawn over the panes.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::{COLUMN, Help, HelpLine, columns, height, lines, seen};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::view::typed;

const KEYS_WIDTH: usize = 16;
const LONG_TITLE: &str = " Keys that work here ";

pub fn draw(app: &App, help: &Help, theme: &Theme, frame: &mut Frame<'_>) {
    let (words, scroll) = (help.words.value(), help.scroll);
    let lines = lines(app, words);
    let screen = frame.area();
    let all = if words.is_empty() { lines.len() } else { super::lines(app, "").len() };
    let columns = columns(screen.width).min(all.div_ceil(seen(app).max(1)).max(1) as u16);
    // As large as without words: it does not jump while somebody types.
    let rows = all.div_ceil(columns.into()).min(seen(app).max(1)) as u16;
    let width = screen.width.saturating_sub(4).min(columns * COLUMN + 4);
    let height_of_box = (rows + 2).min(screen.height);
    let area = Rect {
        x: (screen.width - width) / 2,
        y: (screen.height - height_of_box) / 2,
        width,
        height: height_of_box,
    };
    frame.render_widget(Clear, area);
    let more = if lines.len() > height(app) { ", up and down scroll" } else { "" };
    let about = format!("type to search{more}, esc closes ");
    let is_wide = text::width(LONG_TITLE) + text::width(&about) + 2 <= width as usize;
    let mut title = vec![Span::styled(if is_wide { LONG_TITLE } else { " Keys " }, theme.accent)];
    if words.is_empty() {
        title.push(Span::styled(about, theme.dim));
    } else {
        title.push(Span::styled("/", theme.key));
        title.extend(typed(&help.words, (width as usize).saturating_sub(40).max(8), theme));
        title.push(Span::styled(" esc clears ", theme.dim));
    }
    let title = Line::from(title);
    let block = pane_block(theme, true, title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if lines.is_empty() {
        return centred(frame, inner, vec![Line::styled("no key does that here", theme.dim)]);
    }
    let end = (scroll + height(app)).min(lines.len());
    scroll_bar(frame, (inner, inner.right()), (scroll.min(end)..end, lines.len()), true, theme);
    let column = (inner.width.saturating_sub(1) / columns).max(1);
    let in_column = inner.height.max(1) as usize;
    for (i, line) in lines.iter().skip(scroll).take(in_column * usize::from(columns)).enumerate() {
        let (across, down) = ((i / in_column) as u16, (i % in_column) as u16);
        let x = inner.x + 1 + across * column;
        let place =
            Rect { x, y: inner.y + down, width: column.min(inner.right().saturating_sub(x)), height: 1 };
        let drawn = match line {
            HelpLine::Group(name) => Line::styled(*name, theme.heading),
            HelpLine::Keys { keys, title } => Line::from(vec![
                Span::styled(format!("  {}", text::fit(keys, KEYS_WIDTH, theme.glyphs.ellipsis)), theme.key),
                Span::styled(
                    format!(
                        " {}",
                        text::cut(
                            title,
                            (place.width as usize).saturating_sub(KEYS_WIDTH + 4),
                            theme.glyphs.ellipsis
                        )
                    ),
                    theme.text,
                ),
            ]),
        };
        frame.render_widget(drawn, place);
    }
}
