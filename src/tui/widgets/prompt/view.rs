//! The line, drawn.

use ratatui::Frame;
use ratatui::style::Style;
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
    let (told, style) = told(prompt, width(frame.area().width), theme);
    let below = told.len().max(1);
    let room = centred_box(frame, theme, &prompt.title, hint, (WIDTH, height + 1 + below));
    let size = (room.width as usize, (room.height as usize).saturating_sub(1 + below).max(1));
    for (at, line) in typed_lines(&prompt.input, size, theme).into_iter().enumerate() {
        put(frame, room, at, line);
    }
    for (at, words) in told.into_iter().enumerate() {
        put(frame, room, size.1 + 1 + at, Line::styled(words, style));
    }
}

/// What is wrong with the text, or what to type, in lines of so many cells.
fn told(prompt: &Typed, width: usize, theme: &Theme) -> (Vec<String>, Style) {
    let unknown = prompt.correction.as_ref().and_then(|it| prompt.input.value().get(it.span.clone()));
    let unknown = unknown.map(|name| format!("no run has {name}"));
    let (words, style) = match (&prompt.error, &unknown) {
        (Some((message, _)), _) => (message.as_str(), theme.bad),
        (None, Some(words)) => (words.as_str(), theme.warn),
        (None, None) => (prompt.hint.as_str(), theme.dim),
    };
    (text::wrap(&text::clean(words), width), style)
}

pub fn draw(prompt: &Typed, hint: &str, theme: &Theme, frame: &mut Frame<'_>) {
    if prompt.has_lines {
        return draw_lines(prompt, hint, theme, frame);
    }
    let (told, told_style) = told(prompt, width(frame.area().width), theme);
    let is_completed = !prompt.completions.is_empty();
    let correction = prompt.correction.as_ref().filter(|_| !is_completed);
    let corrected = usize::from(correction.is_some());
    let height = 2 + if is_completed { prompt.completions.len() } else { told.len().max(1) + corrected };
    let room = centred_box(frame, theme, &prompt.title, hint, (WIDTH, height));
    let width = room.width as usize;
    put(frame, room, 0, typed(&prompt.input, width, theme));
    let value = prompt.input.value();
    let mistake =
        prompt.error.as_ref().map(|(_, span)| span).or(prompt.correction.as_ref().map(|it| &it.span));
    if let Some(span) = mistake {
        // The caret stands under the place, as far as the line is not scrolled.
        let before = text::width(&text::clean(value.get(..span.start).unwrap_or(value)));
        let wrong = text::width(&text::clean(value.get(span.clone()).unwrap_or(""))).max(1);
        if before + wrong <= width && text::width(&text::clean(value)) < width {
            let caret = format!("{}{}", " ".repeat(before), "^".repeat(wrong));
            put(frame, room, 1, Line::styled(caret, theme.bad));
        }
    }
    if let Some(correction) = correction {
        let words =
            text::cut(&text::clean(&correction.text), width.saturating_sub(11), theme.glyphs.ellipsis);
        let spans =
            vec![Span::styled("tab", theme.key), Span::raw(" writes "), Span::styled(words, theme.good)];
        put(frame, room, 2, Line::from(spans));
    }
    if !is_completed {
        for (at, words) in told.into_iter().enumerate() {
            put(frame, room, 2 + corrected + at, Line::styled(words, told_style));
        }
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
