//! A line of text that is being typed: its keys, as shells have them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
pub use tui_input::Input;
use tui_input::InputRequest as Request;

/// Takes a key that edits; false for one that means something else here.
pub fn edit(input: &mut Input, event: KeyEvent) -> bool {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    // Bytes are quickly counted, and no fewer than letters.
    let is_full = || input.value().len() >= LONGEST;
    let request = match event.code {
        KeyCode::Char('a') if control => Request::GoToStart,
        KeyCode::Char('e') if control => Request::GoToEnd,
        KeyCode::Char('u') if control => Request::DeleteLine,
        KeyCode::Char('k') if control => Request::DeleteTillEnd,
        KeyCode::Char('w') if control => Request::DeletePrevWord,
        KeyCode::Char('b') if alt => Request::GoToPrevWord,
        KeyCode::Char('f') if alt => Request::GoToNextWord,
        KeyCode::Char(_) if !control && !alt && is_full() => return true,
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

/// What a text is typed into, and so what of it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Words that are looked for among many names, with every letter.
    Words,
    /// A line: an expression, a value, a path.
    Line,
    /// Several lines.
    Text,
}

impl Room {
    /// In letters; far more than is good for anything.
    pub fn longest(self) -> usize {
        match self {
            Self::Words => 256,
            Self::Line => 4_096,
            Self::Text => LONGEST,
        }
    }
}

/// Eight times what MLflow keeps of a tag.
const LONGEST: usize = 65_536;

/// Puts a text in at the cursor, as far as there is room; what steers a terminal is left out, and line breaks where there
/// is one line only. False if not all of it went in.
pub fn insert(input: &mut Input, text: &str, room: Room) -> bool {
    let mut clean = text.chars().filter_map(|letter| match letter {
        '\n' if room == Room::Text => Some('\n'),
        '\r' => None,
        '\n' | '\t' => Some(' '),
        letter => (!letter.is_control()).then_some(letter),
    });
    let (before, after) = input.value().split_at(cursor(input));
    let room = room.longest().saturating_sub(input.cursor() + after.chars().count());
    let mut value = before.to_owned();
    value.extend(clean.by_ref().take(room));
    let cursor = value.chars().count();
    value.push_str(after);
    *input = Input::new(value).with_cursor(cursor);
    clean.next().is_none()
}

/// A new line in it.
pub fn break_line(input: &mut Input) {
    input.handle(Request::InsertChar('\n'));
}

/// Where the cursor is, in bytes.
pub fn cursor(input: &Input) -> usize {
    input.value().char_indices().nth(input.cursor()).map_or(input.value().len(), |(at, _)| at)
}
