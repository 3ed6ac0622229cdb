//! A question before something is written that is not easily taken back. `y` means it; Enter does not, for it runs
//! through dialogs by itself.

pub mod view;

use crossterm::event::{KeyCode, KeyEvent};

use crate::tui::core::effect::Write;

#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    pub question: String,
    /// What happens to whom, a line each.
    pub lines: Vec<String>,
    pub write: Write,
}

/// What a key answers.
pub enum Answer {
    Yes,
    No,
    /// It is no answer.
    None,
}

pub fn key(event: KeyEvent) -> Answer {
    match event.code {
        KeyCode::Char('y' | 'Y') => Answer::Yes,
        KeyCode::Char('n' | 'N' | 'q' | 'c') | KeyCode::Esc => Answer::No,
        _ => Answer::None,
    }
}
