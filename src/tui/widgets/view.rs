//! The drawing of a typed line.

use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;

use super::input::{Input, cursor};
use super::theme::Theme;
use crate::text;

/// The part around the cursor in `width` cells, the cursor itself reversed.
pub fn typed<'a>(input: &Input, width: usize, theme: &Theme) -> Line<'a> {
    let at = cursor(input);
    // Each grapheme as it is drawn, and whether the cursor stands on it.
    let mut cells: Vec<(String, bool)> = input
        .value()
        .grapheme_indices(true)
        .map(|(start, grapheme)| {
            let shown = if grapheme.contains('\n') {
                theme.glyphs.new_line.to_owned()
            } else {
                text::clean(grapheme).into_owned()
            };
            (shown, start == at)
        })
        .collect();
    if at >= input.value().len() {
        cells.push((" ".into(), true));
    }
    let position = cells.iter().position(|(_, is_cursor)| *is_cursor).unwrap_or(0);
    let mut start = position;
    let mut used = text::width(&cells[position].0);
    while start > 0 && used + text::width(&cells[start - 1].0) <= width {
        start -= 1;
        used += text::width(&cells[start].0);
    }
    let mut spans = Vec::new();
    let mut room = width;
    for (shown, is_cursor) in &cells[start..] {
        let cells = text::width(shown);
        if cells > room {
            break;
        }
        room -= cells;
        spans.push(Span::styled(shown.clone(), if *is_cursor { theme.typing } else { theme.text }));
    }
    Line::from(spans)
}
