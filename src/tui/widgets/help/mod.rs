//! The keys that do something here, from the table of actions and the keymap.

pub mod view;

use crate::tui::core::action::ACTIONS;
use crate::tui::core::app::App;
use crate::tui::core::possible::possible;

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
        let possible = ACTIONS.iter().filter(|info| info.group == name && possible(app, info.action).is_ok());
        let mut of_group = possible
            .map(|info| HelpLine::Keys {
                keys: app.keymap.keys_of(info.action).join(", "),
                title: info.title,
            })
            .peekable();
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
