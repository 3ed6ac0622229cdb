//! Words that are typed in the status line, and narrow what is shown with every letter.

#![deny(clippy::wildcard_enum_match_arm)]

use super::action::{ActionRow, DIALOGS, Possible, always, given, rows_of};
use super::app::App;
use super::effect::Effects;
use super::go::step;
use super::layer::Scope;
use super::layout::Focus;
use super::requests::words_changed;
use crate::tui::features::{compare, details, experiments, models};

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
    row(Action::Down, "search-down", &["down"], "", "search: move down in what is found", is_in_list),
    row(Action::Up, "search-up", &["up"], "", "search: move up in what is found", is_in_list),
];

fn is_in_list(app: &App) -> Possible {
    let is_in_list = app.searches_runs() || app.searches_experiments() || app.searches_details();
    given(is_in_list, "the search is not in a list")
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    if app.searches_details() {
        return in_details(app, action);
    }
    let pane = if app.searches_experiments() { Focus::Experiments } else { Focus::Runs };
    match action {
        Action::Keep => app.overlay = None,
        Action::Clear => {
            if app.searches_runs() {
                app.runs.note_words();
            }
            if app.searches_experiments() {
                app.overlay = None;
                return experiments::update::clear_words(app);
            }
            app.searched().reset();
            app.overlay = None;
        }
        Action::Down => return step(app, pane, 1),
        Action::Up => return step(app, pane, -1),
    }
    words_changed(app, effects);
    compare::update::searched(app);
    models::update::searched(app);
}

fn in_details(app: &mut App, action: Action) {
    match action {
        Action::Keep => app.overlay = None,
        Action::Clear => {
            app.overlay = None;
            details::find::clear(app);
        }
        Action::Down => details::find::next(app, 1),
        Action::Up => details::find::next(app, -1),
    }
}

/// The words are other ones.
pub fn changed(app: &mut App, effects: &mut Effects) {
    if app.searches_details() {
        return details::find::searched(app);
    }
    words_changed(app, effects);
    compare::update::searched(app);
    models::update::searched(app);
    experiments::update::searched(app);
}
