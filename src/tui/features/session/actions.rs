//! What keys do about the program as a whole, and about polling.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{Action as Any, ActionRow, PROGRAM, Possible, STORE, always, given, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Refresh,
    Pause,
    Interval,
    Profiles,
    Palette,
    Messages,
    Suspend,
    Close,
    Quit,
    Help,
}

rows_of!(store: Session, STORE, &[Scope::Everywhere]);
rows_of!(program: Session, PROGRAM, &[Scope::Everywhere]);

pub const ROWS: &[ActionRow] = &[
    store(Action::Refresh, "refresh", &["r"], "", "refresh now", always),
    store(Action::Pause, "pause", &["p"], "", "pause or resume refreshing", always),
    store(Action::Interval, "interval", &["g i"], "", "set how often to refresh", always),
    store(Action::Profiles, "profiles", &["P"], "", "switch to another profile or workspace", always),
    program(
        Action::Palette,
        "palette",
        &[":"],
        "actions",
        "find anything: an action, a run, an experiment, a metric, a model",
        always,
    ),
    program(Action::Messages, "messages", &["g m"], "", "show earlier messages", has_messages),
    program(Action::Suspend, "suspend", &["ctrl-z"], "", "suspend the program; fg resumes it", always),
    ActionRow {
        action: Any::Session(Action::Close),
        name: "close",
        keys: &["q", "ctrl-c"],
        scopes: &[Scope::Sweeps, Scope::Read],
        hint: "close",
        help: "close what lies over the screen, such as the list of sweeps",
        group: PROGRAM,
        possible: always,
    },
    program(Action::Quit, "quit", &["q", "ctrl-c"], "quit", "leave", always),
    program(Action::Help, "help", &["?"], "help", "show the keys that work here", always),
];

fn has_messages(app: &App) -> Possible {
    given(!app.messages.is_empty(), "no messages yet")
}
