//! What the status line said, with the time, the latest first.

pub mod view;

use crate::text;

/// Messages that are kept.
const KEPT: usize = 200;

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Milliseconds since the epoch.
    pub time: i64,
    pub text: String,
}

/// Notes a message; `now` in milliseconds.
pub fn note(messages: &mut Vec<Message>, now: i64, text: String) {
    if messages.len() >= KEPT {
        messages.remove(0);
    }
    messages.push(Message { time: now, text });
}

/// Cells of the lines on a screen of so many columns.
pub fn width(columns: u16) -> usize {
    (columns as usize).saturating_sub(6).min(110)
}

/// The messages in lines of at most so many cells.
pub fn lines(messages: &[Message], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for message in messages.iter().rev() {
        let time = text::timestamp(message.time);
        let room = width.saturating_sub(time.len() + 2).max(20);
        for (i, part) in text::wrap(&text::clean(&message.text), room).into_iter().enumerate() {
            let before = if i == 0 { time.clone() } else { " ".repeat(time.len()) };
            lines.push(format!("{before}  {part}"));
        }
    }
    lines
}
