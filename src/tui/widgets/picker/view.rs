//! The list, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{PickerEntry, PickerList, height};
use crate::text;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::frame::with_letters;
use crate::tui::widgets::table::Rows;
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::view::typed;

/// Cells of a list, at least, and entries that are looked at to find out whether it wants more.
const WIDTH: usize = 76;
const SAMPLE: usize = 200;
/// Cells of the sign that tells what is on.
const MARK: usize = 4;

/// Cells of a label, beside which a note stands.
fn label_room(width: usize, note: &str, longest_label: usize) -> usize {
    let least = (width * 3 / 5).min(longest_label);
    least.max(width.saturating_sub(text::width(note) + 3))
}

pub fn draw(picker: &PickerList, hint: &str, theme: &Theme, frame: &mut Frame<'_>) {
    let shown = height(frame.area().height).min(picker.entries.len().max(1));
    let longest = |words: fn(&PickerEntry) -> &str| {
        let widths = picker.entries.iter().take(SAMPLE).map(|entry| text::width(&text::clean(words(entry))));
        widths.max().unwrap_or(0)
    };
    let mark = if picker.entries.first().is_some_and(|entry| entry.on.is_some()) { MARK } else { 0 };
    let (longest_label, note) = (mark + longest(|entry| &entry.label), longest(|entry| &entry.note));
    let room =
        centred_box(frame, theme, &picker.title, hint, (WIDTH.max(longest_label + note + 3), shown + 2));
    let width = room.width as usize;
    let count = format!("{} of {}", text::count(picker.found.len()), text::count(picker.entries.len()));
    let mut line = Line::from(Span::styled("> ", theme.key));
    line.extend(typed(&picker.query, width.saturating_sub(text::width(&count) + 4), theme));
    let gap = width.saturating_sub(line.width() + text::width(&count));
    line.push_span(Span::raw(" ".repeat(gap)));
    line.push_span(Span::styled(count, theme.dim));
    put(frame, room, 0, line);
    let (labels, notes) = &picker.heading;
    let rule = if labels.is_empty() {
        Line::styled(theme.glyphs.horizontal.repeat(width), theme.border)
    } else {
        let sign = if mark > 0 { text::width(theme.glyphs.on) + 1 } else { 0 };
        let labels = format!("{}{labels}", " ".repeat(sign));
        let label = label_room(width, notes, longest_label);
        let labels = text::fit(&labels, label, theme.glyphs.ellipsis);
        let notes = text::fit_right(notes, width.saturating_sub(label + 1), theme.glyphs.ellipsis);
        Line::styled(format!("{labels} {notes}"), theme.heading)
    };
    put(frame, room, 1, rule);
    if picker.found.is_empty() {
        let words = match picker.makes {
            Some(what) => format!("enter takes it as {what}"),
            None => "nothing matches; esc closes".to_owned(),
        };
        put(frame, room, 2, Line::styled(words, theme.dim));
        return;
    }
    let area = Rect { y: room.y + 2, height: room.height.saturating_sub(2).min(shown as u16), ..room };
    let rows = Rows::new(area, picker.cursor, picker.found.len());
    rows.draw_bar(frame, room.right() + 1, true, theme);
    rows.draw(frame.buffer_mut(), theme.selection, |at, place, buffer| {
        let entry = picker.found[at] as usize;
        let item = &picker.entries[entry];
        let is_lit = picker.lit.get(entry).copied().unwrap_or_default();
        let (style, note_style) =
            if is_lit { (theme.heading, theme.accent) } else { (theme.text, theme.dim) };
        let mark = match item.on {
            Some(true) => theme.glyphs.on,
            Some(false) => theme.glyphs.off,
            None => "",
        };
        let mark = if mark.is_empty() { String::new() } else { format!("{mark} ") };
        let label = text::clean(&item.label);
        let room_for_label = label_room(width, &item.note, longest_label);
        let fitted =
            text::fit(&label, room_for_label.saturating_sub(text::width(&mark)), theme.glyphs.ellipsis);
        let mut spans = vec![Span::styled(mark, theme.accent)];
        let letters = if picker.query.value().is_empty() { Vec::new() } else { picker.letters(&label) };
        spans.extend(with_letters(&fitted, &letters, style, theme));
        let left = width.saturating_sub(room_for_label + 1);
        let note = text::fit_right(&text::clean(&item.note), left, theme.glyphs.ellipsis);
        spans.push(Span::styled(format!(" {note}"), note_style));
        Line::from(spans).render(place, buffer);
    });
}
