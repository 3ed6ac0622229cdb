//! A line of text that is being typed: its keys, as shells have them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
pub use tui_input::Input;
use tui_input::InputRequest as Request;

/// Takes a key that edits; false for one that means something else here.
pub fn edit(input: &mut Input, event: KeyEvent) -> bool {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    let request = match event.code {
        KeyCode::Char('a') if control => Request::GoToStart,
        KeyCode::Char('e') if control => Request::GoToEnd,
        KeyCode::Char('u') if control => Request::DeleteLine,
        KeyCode::Char('k') if control => Request::DeleteTillEnd,
        KeyCode::Char('w') if control => Request::DeletePrevWord,
        KeyCode::Char('b') if alt => Request::GoToPrevWord,
        KeyCode::Char('f') if alt => Request::GoToNextWord,
        KeyCode::Char(letter) if !control && !alt => Request::InsertChar(letter),
        KeyCode::Backspace if control || alt => Request::DeletePrevWord,
        KeyCode::Backspace => Request::DeletePrevChar,
        KeyCode::Delete => Request::DeleteNextChar,
        KeyCode::Left if control => Request::GoToPrevWord,
        KeyCode::Right if control => Request::GoToNextWord,
        KeyCode::Left => Request::GoToPrevChar,
        KeyCode::Right => Request::GoToNextChar,
        KeyCode::Home => Request::GoToStart,
        KeyCode::End => Request::GoToEnd,
        _ => return false,
    };
    input.handle(request);
    true
}

/// Puts a text in at the cursor; what steers a terminal is left out, and line breaks where there is one line only.
pub fn insert(input: &mut Input, text: &str, lines: bool) {
    for letter in text.chars() {
        match letter {
            '\r' => {}
            '\n' if lines => drop(input.handle(Request::InsertChar('\n'))),
            '\n' | '\t' => drop(input.handle(Request::InsertChar(' '))),
            letter if letter.is_control() => {}
            letter => drop(input.handle(Request::InsertChar(letter))),
        }
    }
}

/// A new line in it.
pub fn break_line(input: &mut Input) {
    input.handle(Request::InsertChar('\n'));
}

/// Where the cursor is, in bytes.
pub fn cursor(input: &Input) -> usize {
    input.value().char_indices().nth(input.cursor()).map_or(input.value().len(), |(at, _)| at)
}
