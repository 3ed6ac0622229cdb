//! What all pictures are made with: the frame of a pane, lines in its middle, letters that are shown in a text.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};
use unicode_segmentation::UnicodeSegmentation;

use super::theme::Theme;

/// The frame of a pane; the focused one differs in colour, weight and by a mark in its title.
pub fn pane_block<'a>(theme: &Theme, focused: bool, title: Line<'a>) -> Block<'a> {
    let style = if focused { theme.focused_border } else { theme.border };
    let kind = match (theme.glyphs.is_ascii, focused) {
        (true, _) => return Block::bordered().border_set(ASCII_BORDER).border_style(style).title(title),
        (false, true) => BorderType::Thick,
        (false, false) => BorderType::Rounded,
    };
    // Words are to be read where the frame is hardly seen.
    let words = if focused { style } else { theme.dim };
    Block::bordered().border_type(kind).border_style(style).title_style(words).title(title)
}

const ASCII_BORDER: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Several lines in the middle of a pane, for panes without rows.
pub fn centred(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'_>>) {
    let height = (lines.len() as u16).min(area.height);
    let top = area.y + (area.height - height) / 2;
    let place = Rect { y: top, height, ..area };
    frame.render_widget(Paragraph::new(lines).centered(), place);
}

/// A text whose letters at these places (as characters) are shown.
pub fn with_letters(words: &str, letters: &[usize], style: Style, theme: &Theme) -> Vec<Span<'static>> {
    if letters.is_empty() {
        return vec![Span::styled(words.to_owned(), style)];
    }
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut run = String::new();
    let mut was_letter = false;
    let mut place = 0;
    // Graphemes stay whole: an accent belongs to its letter.
    for grapheme in words.graphemes(true) {
        let length = grapheme.chars().count();
        let is_letter = (place..place + length).any(|at| letters.binary_search(&at).is_ok());
        if is_letter != was_letter && !run.is_empty() {
            let style = if was_letter { style.patch(theme.matched) } else { style };
            spans.push(Span::styled(std::mem::take(&mut run), style));
        }
        was_letter = is_letter;
        run.push_str(grapheme);
        place += length;
    }
    spans.push(Span::styled(run, if was_letter { style.patch(theme.matched) } else { style }));
    spans
}
