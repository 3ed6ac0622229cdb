//! The form, drawn.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::{FIELDS, PlanForm};
use crate::text;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::view::typed;

/// Cells of the names on the left.
const NAMES: usize = 10;

pub fn draw(form: &PlanForm, experiment: &str, hint: &str, theme: &Theme, frame: &mut Frame<'_>) {
    let title = format!("Train in {experiment}");
    let screen = frame.area();
    let answer = form.check.answer();
    let said = match answer {
        Some(Ok(words) | Err(words)) => words.as_str(),
        None if form.is_starting => "starting",
        None => "",
    };
    let width = 92.min((screen.width as usize).saturating_sub(6));
    let said_lines = text::wrap(&text::clean(said), width);
    let height = FIELDS.len() + 1 + said_lines.len().max(1);
    let room = centred_box(frame, theme, &title, hint, (width, height));
    let width = room.width as usize;
    // On a low screen the line with the cursor stays in sight.
    let shown = (room.height as usize).saturating_sub(said_lines.len().max(1) + 1).clamp(1, FIELDS.len());
    let first = form.at.saturating_sub(shown.saturating_sub(1)).min(FIELDS.len() - shown);
    for (line, field) in FIELDS.iter().enumerate().skip(first).take(shown) {
        let is_here = line == form.at;
        let name = text::fit(field.name(), NAMES, theme.glyphs.ellipsis);
        let mut spans = vec![Span::styled(name, if is_here { theme.key } else { theme.dim })];
        let input = form.input(*field);
        let left = width.saturating_sub(NAMES);
        if is_here {
            spans.extend(typed(input, left, theme));
            if let Some(rest) = form.rest() {
                // The cursor stands on its first letter.
                let cursor = spans.pop().map_or(theme.dim, |cursor| cursor.style);
                let room = left.saturating_sub(text::width(&text::clean(input.value())));
                let rest = text::cut(&text::clean(&rest), room, theme.glyphs.ellipsis);
                let (first, others) = rest.split_at(rest.chars().next().map_or(0, char::len_utf8));
                spans.push(Span::styled(first.to_owned(), cursor));
                spans.push(Span::styled(others.to_owned(), theme.dim));
            }
            if input.value().is_empty() {
                let hint = text::cut(field.hint(), left.saturating_sub(2), theme.glyphs.ellipsis);
                spans.push(Span::styled(format!(" {hint}"), theme.dim));
            }
        } else if input.value().is_empty() {
            spans.push(Span::styled(text::cut(field.hint(), left, theme.glyphs.ellipsis), theme.dim));
        } else {
            let words = text::cut(&text::clean(input.value()), left, theme.glyphs.ellipsis);
            spans.push(Span::styled(words, theme.text));
        }
        put(frame, room, line - first, Line::from(spans));
    }
    let style = match answer {
        Some(Err(_)) => theme.bad,
        Some(Ok(_)) => theme.good,
        None => theme.dim,
    };
    for (line, words) in said_lines.into_iter().enumerate() {
        put(frame, room, shown + 1 + line, Line::styled(words, style));
    }
}
