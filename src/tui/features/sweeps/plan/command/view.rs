//! The form of a command, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::CommandForm;
use crate::text;
use crate::tui::features::sweeps::plan::view::{FormLine, NAMES};
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::table::scroll_bar;
use crate::tui::widgets::theme::Theme;

/// Cells of the whole.
const WIDTH: usize = 104;
/// Lines that the first command line takes at most.
const MOST_OF_FIRST: usize = 3;

pub fn draw(form: &CommandForm, experiment: &str, hint: &str, theme: &Theme, frame: &mut Frame<'_>) {
    let screen = frame.area();
    let width = WIDTH.min((screen.width as usize).saturating_sub(6));
    let said = said(form, width, theme);
    let height = form.lines.len() + 1 + said.len();
    let title = match &form.origin {
        Some(origin) => format!("Sweep in {experiment}, {origin}"),
        None => format!("Sweep in {experiment}"),
    };
    let room = centred_box(frame, theme, &title, hint, (width, height));
    let width = room.width as usize;
    // On a low screen the line with the cursor stays in sight.
    let shown = (room.height as usize).saturating_sub(said.len() + 1).clamp(1, form.lines.len());
    let first = (form.at + 1).saturating_sub(shown).min(form.lines.len() - shown);
    let mut above = None;
    for (line, (field, input)) in form.lines.iter().enumerate().skip(first).take(shown) {
        let is_here = line == form.at;
        // The second of several has the same name.
        let name = if above == Some(*field) && !is_here { "" } else { field.name() };
        above = Some(*field);
        let rest = if is_here { form.rest() } else { None };
        let shown = FormLine { name, hint: field.hint(), input, rest, is_here };
        put(frame, room, line - first, shown.draw(width, theme));
    }
    let lines = Rect { height: room.height.min(shown as u16), ..room };
    scroll_bar(frame, (lines, room.right() + 1), (first..first + shown, form.lines.len()), true, theme);
    for (at, line) in said.into_iter().enumerate() {
        put(frame, room, shown + 1 + at, line);
    }
}

/// What the form comes to: what is wrong, or the command line of the first trial.
fn said<'a>(form: &CommandForm, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let wrapped = |words: &str, width: usize| text::wrap(&text::clean(words), width);
    match form.check.answer() {
        Some(Err(why)) => {
            wrapped(why, width).into_iter().map(|words| Line::styled(words, theme.bad)).collect()
        }
        Some(Ok(checked)) => {
            let room = width.saturating_sub(NAMES);
            let mut first = wrapped(&checked.first, room);
            if first.len() > MOST_OF_FIRST {
                first.truncate(MOST_OF_FIRST);
                if let Some(last) = first.last_mut() {
                    last.push_str(theme.glyphs.ellipsis);
                }
            }
            let mut lines: Vec<Line<'a>> = Vec::new();
            for (at, words) in first.into_iter().enumerate() {
                let name = if at == 0 { "first run" } else { "" };
                lines.push(Line::from(vec![
                    Span::styled(text::fit(name, NAMES, ""), theme.dim),
                    Span::styled(words, theme.good),
                ]));
            }
            lines.push(Line::styled(text::cut(&checked.words, width, theme.glyphs.ellipsis), theme.dim));
            lines
        }
        None if form.is_starting => vec![Line::styled("starting", theme.dim)],
        None if form.check.is_waiting() || form.finding.is_waiting() => {
            vec![Line::styled("checking", theme.dim)]
        }
        None => vec![Line::default()],
    }
}
