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

/// Lines of help on the screen.
pub fn height(app: &App) -> usize {
    app.size.1.saturating_sub(6) as usize
}
