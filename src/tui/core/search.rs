//! Words that are typed in the status line, and narrow what is shown with every letter.

#![deny(clippy::wildcard_enum_match_arm)]

use super::action::{Action as Any, ActionRow, DIALOGS, Possible, always, given, rows_of};
use super::app::App;
use super::effect::Effects;
use super::go::step;
use super::layer::Scope;
use super::layout::Focus;
use super::requests::words_changed;
use crate::tui::features::{compare, details, experiments, models, runs};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Keep,
    Clear,
    /// What is typed goes to the filter.
    AsFilter,
    Down,
    Up,
}

rows_of!(row: Search, DIALOGS, &[Scope::Search]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Keep, "search-keep", &["enter"], "keep", "search: apply", always),
    row(Action::Clear, "search-clear", &["esc", "ctrl-c"], "clear", "search: clear", always),
    row(
        Action::AsFilter,
        "search-as-filter",
        &["tab"],
        "filter",
        "search: take what looks like a filter to the filter",
        is_filter,
    ),
    row(Action::Down, "search-down", &["down"], "", "search: move down in what is found", is_in_list),
    row(Action::Up, "search-up", &["up"], "", "search: move up in what is found", is_in_list),
];

fn is_in_list(app: &App) -> Possible {
    let is_in_list = app.searches_runs() || app.searches_experiments() || app.searches_details();
    given(is_in_list, "the search is not in a list")
}

fn is_filter(app: &App) -> Possible {
    let is_one = app.searches_runs() && looks_like_filter(app.runs.words.value());
    given(is_one, "what is typed does not look like a filter")
}

/// Whether words that are searched for look like an expression that runs are filtered by, such as `metrics.rmse < 0.5`.
pub fn looks_like_filter(words: &str) -> bool {
    let words = words.trim();
    let compares = words.contains(['<', '>'])
        || [" = ", "!=", " ~ ", " LIKE ", " like ", " IN (", " in ("].iter().any(|sign| words.contains(sign));
    let has_kind = words.split([' ', '(']).any(|word| {
        ["metrics.", "params.", "tags.", "attributes.", "metric.", "param.", "tag."]
            .iter()
            .any(|kind| word.strip_prefix(kind).is_some_and(|key| key.contains(['=', '~'])))
    });
    let begins = words.starts_with(|c: char| c.is_alphabetic() || matches!(c, '(' | '`'));
    let ends = !words.ends_with(['<', '>', '=', '!', '~']);
    begins && ends && (compares || has_kind)
}

/// What is said of such words, and the key that takes them to the filter.
pub fn filter_hint(app: &App) -> Option<String> {
    is_filter(app).ok()?;
    let keys = app.keymap.keys_of(Any::Search(Action::AsFilter));
    let filter = app.keymap.keys_of(runs::actions::Action::Filter.into());
    let of = filter.first().map_or(String::new(), |key| format!(" ({key})"));
    // The key comes first: the line may be short.
    keys.first().map(|key| format!("{key} takes it to the filter{of}: it looks like one"))
}

/// A filter as a part of a longer one.
fn as_term(filter: &str) -> String {
    let mut words = filter.split(|c: char| !c.is_alphanumeric() && c != '_');
    let has_or = filter.contains("||") || words.any(|word| word.eq_ignore_ascii_case("or"));
    if has_or { format!("({filter})") } else { filter.to_owned() }
}

/// Takes what is typed to the filter, beside that which there is.
fn as_filter(app: &mut App, effects: &mut Effects) {
    let typed = app.runs.words.value().trim().to_owned();
    app.runs.note_words();
    app.runs.words.reset();
    app.overlay = None;
    words_changed(app, effects);
    let text = match app.runs.filter_text.as_str() {
        "" => typed,
        known => format!("{} AND {}", as_term(known), as_term(&typed)),
    };
    runs::dialogs::filter_by(app, &text);
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    if app.searches_details() {
        return in_details(app, action);
    }
    let pane = if app.searches_experiments() { Focus::Experiments } else { Focus::Runs };
    match action {
        Action::AsFilter => return as_filter(app, effects),
        Action::Keep => {
            app.overlay = None;
            // What was not kept while it was typed is now.
            app.runs.changed |= app.searches_runs();
        }
        Action::Clear => {
            app.runs.changed |= app.searches_runs();
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
        Action::Keep | Action::AsFilter => app.overlay = None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_with_or_in_it_is_one_part_of_a_longer_one() {
        for filter in ["metrics.a < 1 OR metrics.b < 2", "metrics.a < 1 || metrics.b < 2", "x = 1 or(y = 2)"]
        {
            assert_eq!(as_term(filter), format!("({filter})"));
        }
        assert_eq!(
            as_term("params.for = 'tree' AND metrics.or_else < 1"),
            "params.for = 'tree' AND metrics.or_else < 1"
        );
    }
}
