//! The keys that do something here, from the table of actions and the keymap.

pub mod actions;
pub mod view;

use crate::tui::core::action::{ActionRow, rows};
use crate::tui::core::app::App;
use crate::tui::widgets::input::Input;

/// A line of the help: the heading of a group, or keys and what they do.
#[derive(Debug, PartialEq, Eq)]
pub enum HelpLine {
    Group(&'static str),
    Keys { keys: String, title: &'static str },
}

/// How far the help is scrolled, and the words that narrow it.
#[derive(Debug, Default)]
pub struct Help {
    pub scroll: usize,
    pub words: Input,
}

/// The keys that do something below the help; of them those whose keys, name or description have all these words.
pub fn lines(app: &App, words: &str) -> Vec<HelpLine> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let strokes = words.join(" ");
    // Grouped in the order in which the groups first occur.
    let mut groups: Vec<&'static str> = Vec::new();
    for row in rows() {
        if !groups.contains(&row.group) {
            groups.push(row.group);
        }
    }
    let is_found = |row: &ActionRow, keys: &[&str]| {
        let said = format!("{} {} {}", row.help, row.name, row.group).to_lowercase();
        // A single letter is a key rather than a part of a word.
        let is_key = |word: &str| keys.iter().any(|key| key.to_lowercase() == word);
        // The strokes of a key: `g b`, or how it begins.
        let begins = |key: &&str| {
            key.to_lowercase()
                .strip_prefix(&strokes)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        if keys.iter().any(begins) {
            return true;
        }
        words.iter().all(|word| is_key(word) || word.chars().nth(1).is_some() && said.contains(word))
    };
    let offered = app.offered(app.layer_below_help()).filter(|(row, keys)| is_found(row, keys));
    let offered: Vec<_> = offered.collect();
    let mut lines = Vec::new();
    for name in groups {
        let of_group = offered.iter().filter(|(row, _)| row.group == name);
        let mut of_group =
            of_group.map(|(row, keys)| HelpLine::Keys { keys: keys.join(", "), title: row.help }).peekable();
        if of_group.peek().is_some() {
            lines.push(HelpLine::Group(name));
            lines.extend(of_group);
        }
    }
    lines
}

/// Cells of a column of help, and the most columns.
pub const COLUMN: u16 = 80;
const MOST_COLUMNS: u16 = 3;

/// Columns of help on a screen of that many cells.
pub fn columns(width: u16) -> u16 {
    (width.saturating_sub(4) / COLUMN).clamp(1, MOST_COLUMNS)
}

/// Rows of help on the screen.
pub fn seen(app: &App) -> usize {
    app.size.1.saturating_sub(6) as usize
}

/// The words of the help are other ones.
pub fn searched(app: &mut App) {
    if let Some(help) = &mut app.help {
        help.scroll = 0;
    }
}

/// Lines of help on the screen.
pub fn height(app: &App) -> usize {
    seen(app) * usize::from(columns(app.size.0))
}
