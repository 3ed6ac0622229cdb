//! The keys that do something here, from the table of actions and the keymap.

pub mod view;

use crate::tui::core::action::rows;
use crate::tui::core::app::App;

/// A line of the help: the heading of a group, or keys and what they do.
#[derive(Debug, PartialEq, Eq)]
pub enum HelpLine {
    Group(&'static str),
    Keys { keys: String, title: &'static str },
}

pub fn lines(app: &App) -> Vec<HelpLine> {
    // Grouped in the order in which the groups first occur.
    let mut groups: Vec<&'static str> = Vec::new();
    for row in rows() {
        if !groups.contains(&row.group) {
            groups.push(row.group);
        }
    }
    let offered: Vec<_> = app.offered(app.layer_below_help()).collect();
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

/// Lines of help on the screen.
pub fn height(app: &App) -> usize {
    seen(app) * usize::from(columns(app.size.0))
}
