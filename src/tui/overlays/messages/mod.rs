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

pub fn lines(messages: &[Message]) -> Vec<String> {
    let lines = messages.iter().rev();
    lines.map(|message| format!("{}  {}", text::timestamp(message.time), message.text)).collect()
}
