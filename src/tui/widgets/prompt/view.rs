//! The line, drawn.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::{PromptLine as Typed, WIDTH, width};
use crate::text;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::view::{broken, typed, typed_lines};

/// Lines of a text at least, and rows of the screen that are not for them.
const LINES: usize = 5;
const AROUND: usize = 8;

/// A text of several lines, in a box that grows with it.
fn draw_lines(prompt: &Typed, hint: &str, theme: &Theme, frame: &mut Frame<'_>) {
    let most = (frame.area().height as usize).saturating_sub(AROUND).max(1);
    let lines = broken(prompt.input.value(), width(frame.area().width)).len();
    let height = lines.clamp(LINES.min(most), most);
    let room = centred_box(frame, theme, &prompt.title, hint, (WIDTH, height + 2));
    let size = (room.width as usize, (room.height as usize).saturating_sub(2).max(1));
    for (at, line) in typed_lines(&prompt.input, size, theme).into_iter().enumerate() {
        put(frame, room, at, line);
    }
    let (words, style) = match &prompt.error {
        Some((message, _)) => (message.as_str(), theme.bad),
        None => (prompt.hint.as_str(), theme.dim),
    };
    let words = text::cut(&text::clean(words), size.0, theme.glyphs.ellipsis);
    put(frame, room, size.1 + 1, Line::styled(words, style));
}

pub fn draw(prompt: &Typed, hint: &str, theme: &Theme, frame: &mut Frame<'_>) {
    if prompt.has_lines {
        return draw_lines(prompt, hint, theme, frame);
    }
    let height = 2 + prompt.completions.len().max(1);
    let room = centred_box(frame, theme, &prompt.title, hint, (WIDTH, height));
    let width = room.width as usize;
    put(frame, room, 0, typed(&prompt.input, width, theme));
    let value = prompt.input.value();
    if let Some((message, span)) = &prompt.error {
        // The caret stands under the place, as far as the line is not scrolled.
        let before = text::width(&text::clean(value.get(..span.start).unwrap_or(value)));
        let wrong = text::width(&text::clean(value.get(span.clone()).unwrap_or(""))).max(1);
        if before + wrong <= width && text::width(&text::clean(value)) < width {
            let caret = format!("{}{}", " ".repeat(before), "^".repeat(wrong));
            put(frame, room, 1, Line::styled(caret, theme.bad));
        }
        let message = text::cut(&text::clean(message), width, theme.glyphs.ellipsis);
        if prompt.completions.is_empty() {
            put(frame, room, 2, Line::styled(message, theme.bad));
            return;
        }
    }
    if prompt.completions.is_empty() {
        let hint = text::cut(&text::clean(&prompt.hint), width, theme.glyphs.ellipsis);
        put(frame, room, 2, Line::styled(hint, theme.dim));
        return;
    }
    for (i, completion) in prompt.completions.iter().enumerate() {
        let words = text::cut(&text::clean(completion), width.saturating_sub(8), theme.glyphs.ellipsis);
        let style = if i == prompt.chosen { theme.selection } else { theme.text };
        let mut spans = vec![Span::styled(format!(" {words} "), style)];
        if i == prompt.chosen {
            spans.push(Span::styled("  tab", theme.key));
        }
        put(frame, room, 2 + i, Line::from(spans));
    }
}
