//! The sweeps of this machine, with what can be done about each.

pub mod view;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    Nothing,
    Closed,
    Move(isize),
    /// Pause, or go on.
    Pause,
    Cancel,
    Resume,
    Log,
    /// To its experiment.
    Open,
}

pub fn key(event: KeyEvent) -> Pressed {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Char('c') if control => Pressed::Closed,
        KeyCode::Esc | KeyCode::Char('q') => Pressed::Closed,
        KeyCode::Down | KeyCode::Char('j') => Pressed::Move(1),
        KeyCode::Up | KeyCode::Char('k') => Pressed::Move(-1),
        KeyCode::Char('p' | ' ') => Pressed::Pause,
        KeyCode::Char('x') => Pressed::Cancel,
        KeyCode::Char('r') => Pressed::Resume,
        KeyCode::Char('l') => Pressed::Log,
        KeyCode::Enter => Pressed::Open,
        _ => Pressed::Nothing,
    }
}
