//! All keys, from the table of actions and the keymap.

pub mod view;

use crate::tui::action::ACTIONS;
use crate::tui::app::App;

/// A line of the help: the heading of a group, or keys and what they do.
#[derive(Debug, PartialEq, Eq)]
pub enum HelpLine {
    Group(&'static str),
    Keys { keys: String, title: &'static str },
}

pub fn lines(app: &App) -> Vec<HelpLine> {
    // Grouped in the order in which the groups first occur.
    let mut groups: Vec<&'static str> = Vec::new();
    for info in &ACTIONS {
        if !groups.contains(&info.group) {
            groups.push(info.group);
        }
    }
    let mut lines = Vec::new();
    for name in groups {
        lines.push(HelpLine::Group(name));
        for info in ACTIONS.iter().filter(|info| info.group == name) {
            let keys = app.keymap.keys_of(info.action).join(", ");
            lines.push(HelpLine::Keys { keys, title: info.title });
        }
    }
    lines
}

pub fn length(app: &App) -> usize {
    lines(app).len()
}

/// Lines of help on the screen.
pub fn height(app: &App) -> usize {
    app.size.1.saturating_sub(6) as usize
}
