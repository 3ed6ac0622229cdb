//! The question, drawn.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use super::Confirm;
use crate::text;
use crate::tui::widgets::boxes::{centred_box, put};
use crate::tui::widgets::theme::Theme;

/// Names that are listed; more are counted.
const LISTED: usize = 8;
/// Cells of a line, and lines in all.
const WIDTH: usize = 56;
const MOST: usize = 12;
/// The same where all of them count.
const LONG: (usize, usize, usize) = (40, 84, 40);

pub fn draw(confirm: &Confirm, theme: &Theme, frame: &mut Frame<'_>) {
    let (listed, cells, most) = if confirm.is_long { LONG } else { (LISTED, WIDTH, MOST) };
    // The question, the answers and the frame take their share.
    let most = most.min((frame.area().height as usize).saturating_sub(6)).max(1);
    let listed = confirm.lines.len().min(listed);
    let width = cells.min((frame.area().width as usize).saturating_sub(6));
    let wrapped = confirm.lines.iter().take(listed).flat_map(|line| text::wrap(&text::clean(line), width));
    let mut wrapped: Vec<String> = wrapped.collect();
    let mut more = confirm.lines.len() - listed;
    let mut what = "";
    if wrapped.len() > most {
        // The rest is counted in lines of the screen.
        let kept = most.saturating_sub(1).max(1);
        more += wrapped.len() - kept;
        what = " lines";
        wrapped.truncate(kept);
    }
    let height = wrapped.len() + usize::from(more > 0) + 2;
    let room = centred_box(frame, theme, &confirm.question, "", (cells, height));
    let mut at = 0;
    for words in wrapped {
        put(frame, room, at, Line::styled(words, theme.text));
        at += 1;
    }
    if more > 0 {
        put(frame, room, at, Line::styled(format!("and {} more{what}", text::count(more)), theme.dim));
        at += 1;
    }
    let answers = Line::from(vec![
        Span::styled("y", theme.key),
        Span::styled(" yes   ", theme.text),
        Span::styled("n", theme.key),
        Span::styled(" no", theme.text),
    ]);
    put(frame, room, (at + 1).min(room.height.saturating_sub(1) as usize), answers);
}
