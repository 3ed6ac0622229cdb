//! The drawing of a typed line, and of a text of several lines.

use std::ops::Range;

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

/// A text that is typed, broken into lines of `width` cells: where in it (in bytes) each stands, without its end.
pub fn broken(text: &str, width: usize) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used) = (0, 0);
    // Where the last word of the line begins, and the cells before it.
    let mut word = None;
    for (at, grapheme) in text.grapheme_indices(true) {
        if grapheme.contains('\n') {
            lines.push(start..at);
            (start, used, word) = (at + grapheme.len(), 0, None);
            continue;
        }
        let cells = text::width(&text::clean(grapheme));
        // The cursor behind the last one needs a cell, too.
        if used + cells >= width.max(2) {
            let (end, before) = word.take().filter(|(end, _)| *end > start).unwrap_or((at, used));
            lines.push(start..end);
            (start, used) = (end, used - before);
        }
        used += cells;
        if grapheme == " " {
            word = Some((at + 1, used));
        }
    }
    lines.push(start..text.len());
    lines
}

/// The line, of those that a text is broken into, which the cursor stands on.
pub fn line_of(lines: &[Range<usize>], cursor: usize) -> usize {
    lines.partition_point(|line| line.start <= cursor).saturating_sub(1)
}

/// As many of the lines as there is room for, the one with the cursor among them.
pub fn typed_lines<'a>(input: &Input, (width, height): (usize, usize), theme: &Theme) -> Vec<Line<'a>> {
    let value = input.value();
    let lines = broken(value, width);
    let at = cursor(input);
    let current = line_of(&lines, at);
    let top = (current + 1).saturating_sub(height);
    let shown = lines.iter().enumerate().skip(top).take(height);
    shown
        .map(|(number, line)| {
            let text = &value[line.clone()];
            if number != current {
                return Line::styled(text::clean(text).into_owned(), theme.text);
            }
            let (before, rest) = text.split_at(at.saturating_sub(line.start).min(text.len()));
            let under = rest.graphemes(true).next().unwrap_or("");
            let shown = |part: &str| text::clean(part).into_owned();
            let cursor = if under.is_empty() { " ".to_owned() } else { shown(under) };
            Line::from(vec![
                Span::styled(shown(before), theme.text),
                Span::styled(cursor, theme.typing),
                Span::styled(shown(&rest[under.len()..]), theme.text),
            ])
        })
        .collect()
}

/// Puts the cursor so many lines further down, as far to the right as it stands now.
pub fn move_lines(input: &mut Input, by: isize, width: usize) {
    let lines = broken(input.value(), width);
    let at = cursor(input);
    let current = line_of(&lines, at);
    let value = input.value();
    let column = value[lines[current].start..at.max(lines[current].start)].graphemes(true).count();
    let Some(line) = current.checked_add_signed(by).and_then(|to| lines.get(to)) else { return };
    let text = &value[line.clone()];
    let offset = text.grapheme_indices(true).nth(column).map_or(text.len(), |(offset, _)| offset);
    let letters = value[..line.start + offset].chars().count();
    *input = input.clone().with_cursor(letters);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_without_losing_a_letter() {
        let parts = |text: &str, width| -> Vec<String> {
            broken(text, width).into_iter().map(|line| text[line].to_owned()).collect()
        };
        assert_eq!(parts("", 10), [""]);
        assert_eq!(parts("ab\n\ncd\n", 10), ["ab", "", "cd", ""]);
        assert_eq!(parts("abcdefg", 4), ["abc", "def", "g"], "a cell is left for the cursor");
        assert_eq!(parts("日本語", 5), ["日本", "語"]);
        assert_eq!(parts("one two three", 9), ["one two ", "three"], "between words");
        assert_eq!(parts("日本", 1), ["", "日", "本"], "there is not even room for one");
    }

    #[test]
    fn the_cursor_goes_up_and_down_through_lines() {
        let mut input = Input::new("first\nxy\nthird".to_owned());
        let mut step = |by| {
            move_lines(&mut input, by, 40);
            input.cursor()
        };
        assert_eq!(step(-1), 8, "at the end of a shorter line");
        assert_eq!(step(-1), 2);
        assert_eq!(step(-1), 2, "above there is none");
        assert_eq!(step(1), 8);
        assert_eq!(step(1), 11);
        assert_eq!(step(1), 11);
    }
}
