//! Words that are typed in the status line, and narrow what is shown with every letter.

#![deny(clippy::wildcard_enum_match_arm)]

use super::action::{ActionRow, DIALOGS, Possible, always, given, rows_of};
use super::app::App;
use super::effect::Effects;
use super::go::step;
use super::layer::Scope;
use super::layout::Focus;
use super::requests::words_changed;
use crate::tui::features::{compare, models};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Keep,
    Clear,
    Down,
    Up,
}

rows_of!(row: Search, DIALOGS, &[Scope::Search]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Keep, "search-keep", &["enter"], "keep", "search: apply", always),
    row(Action::Clear, "search-clear", &["esc", "ctrl-c"], "clear", "search: clear", always),
    row(Action::Down, "search-down", &["down"], "", "search: move down in the runs", is_of_runs),
    row(Action::Up, "search-up", &["up"], "", "search: move up in the runs", is_of_runs),
];

fn is_of_runs(app: &App) -> Possible {
    given(app.searches_runs(), "the search is not in the runs")
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Keep => app.overlay = None,
        Action::Clear => {
            if app.searches_runs() {
                app.runs.note_words();
            }
            app.searched().reset();
            app.overlay = None;
        }
        Action::Down => step(app, Focus::Runs, 1),
        Action::Up => step(app, Focus::Runs, -1),
    }
    changed(app, effects);
}

/// The words are other ones.
pub fn changed(app: &mut App, effects: &mut Effects) {
    words_changed(app, effects);
    compare::update::searched(app);
    models::update::searched(app);
}
