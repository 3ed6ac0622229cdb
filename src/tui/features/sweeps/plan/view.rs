//! The form, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{FIELDS, PlanForm};
use crate::text;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::input::Input;
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::view::typed;

/// Cells of the names on the left.
pub const NAMES: usize = 14;

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
        let rest = if is_here { form.rest() } else { None };
        let shown =
            FormLine { name: field.name(), hint: field.hint(), input: form.input(*field), rest, is_here };
        put(frame, room, line - first, shown.draw(width, theme));
    }
    let lines = Rect { height: room.height.min(shown as u16), ..room };
    scroll_bar(frame, (lines, room.right() + 1), (first..first + shown, FIELDS.len()), true, theme);
    let style = match answer {
        Some(Err(_)) => theme.bad,
        Some(Ok(_)) => theme.good,
        None => theme.dim,
    };
    for (line, words) in said_lines.into_iter().enumerate() {
        put(frame, room, shown + 1 + line, Line::styled(words, style));
    }
}

/// A line of a form: its name, and what is typed, or what can be.
pub struct FormLine<'a> {
    pub name: &'a str,
    /// What an empty line stands for, or what can stand in it.
    pub hint: &'a str,
    pub input: &'a Input,
    /// What completes what is typed.
    pub rest: Option<String>,
    /// Whether the cursor is here.
    pub is_here: bool,
}

impl FormLine<'_> {
    pub fn draw(self, width: usize, theme: &Theme) -> Line<'static> {
        let name = text::fit(self.name, NAMES, theme.glyphs.ellipsis);
        let mut spans = vec![Span::styled(name, if self.is_here { theme.key } else { theme.dim })];
        let left = width.saturating_sub(NAMES);
        let value = text::clean(self.input.value());
        let hint = |room: usize| text::cut(self.hint, room, theme.glyphs.ellipsis);
        if self.is_here {
            spans.extend(typed(self.input, left, theme));
            if let Some(rest) = &self.rest {
                // The cursor stands on its first letter.
                let cursor = spans.pop().map_or(theme.dim, |cursor| cursor.style);
                let room = left.saturating_sub(text::width(&value));
                let rest = text::cut(&text::clean(rest), room, theme.glyphs.ellipsis);
                let (first, others) = rest.split_at(rest.chars().next().map_or(0, char::len_utf8));
                spans.push(Span::styled(first.to_owned(), cursor));
                spans.push(Span::styled(others.to_owned(), theme.dim));
            }
            if value.is_empty() {
                spans.push(Span::styled(format!(" {}", hint(left.saturating_sub(2))), theme.dim));
            }
        } else if value.is_empty() {
            spans.push(Span::styled(hint(left), theme.dim));
        } else {
            spans.push(Span::styled(text::cut(&value, left, theme.glyphs.ellipsis), theme.text));
        }
        Line::from(spans)
    }
}
