//! What the status line said, with the time, the latest first.

pub mod view;

use crate::text;
use crate::tui::app::App;

/// Messages that are kept.
const KEPT: usize = 200;

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Milliseconds since the epoch.
    pub time: i64,
    pub text: String,
}

/// Notes a message.
pub fn note(app: &mut App, text: String) {
    if app.messages.len() >= KEPT {
        app.messages.remove(0);
    }
    app.messages.push(Message { time: app.now, text });
}

pub fn lines(app: &App) -> Vec<String> {
    let lines = app.messages.iter().rev();
    lines.map(|message| format!("{}  {}", text::timestamp(message.time), message.text)).collect()
}
