//! What keys do about the program as a whole, and about polling.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{Action as Any, ActionRow, PROGRAM, Possible, STORE, always, given};
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

const EVERYWHERE: &[Scope] = &[Scope::Everywhere];

pub const ROWS: &[ActionRow] = &[
    row(Action::Refresh, "refresh", &["r"], "", "refresh now", STORE, always),
    row(Action::Pause, "pause", &["p"], "", "pause or resume refreshing", STORE, always),
    row(Action::Interval, "interval", &["g i"], "", "set how often to refresh", STORE, always),
    row(Action::Profiles, "profiles", &["P"], "", "switch to another profile", STORE, has_profiles),
    row(Action::Palette, "palette", &[":"], "actions", "find an action by its name", PROGRAM, always),
    row(Action::Messages, "messages", &["g m"], "", "show earlier messages", PROGRAM, has_messages),
    row(Action::Suspend, "suspend", &["ctrl-z"], "", "suspend the program; fg resumes it", PROGRAM, always),
    ActionRow {
        action: Any::Session(Action::Close),
        name: "close",
        keys: &["q", "ctrl-c"],
        scopes: &[Scope::Sweeps],
        hint: "close",
        help: "close the list of sweeps",
        group: PROGRAM,
        possible: always,
    },
    row(Action::Quit, "quit", &["q", "ctrl-c"], "quit", "leave", PROGRAM, always),
    row(Action::Help, "help", &["?"], "help", "show the keys that work here", PROGRAM, always),
];

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
    group: &'static str,
    possible: fn(&App) -> Possible,
) -> ActionRow {
    ActionRow { action: Any::Session(action), name, keys, scopes: EVERYWHERE, hint, help, group, possible }
}

fn has_profiles(app: &App) -> Possible {
    given(
        !app.profiles.is_empty(),
        "the config file has no [profiles]; `mltui config path` shows where it is",
    )
}

fn has_messages(app: &App) -> Possible {
    given(!app.messages.is_empty(), "no messages yet")
}
