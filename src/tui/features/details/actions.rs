//! What keys do in the details of a run, and in a file that is looked into.

#![deny(clippy::wildcard_enum_match_arm)]

use super::preview::Preview;
use crate::tui::core::action::{ActionRow, FILES, Possible, TABLE, given};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;
use crate::tui::core::layout::{Focus, Tab};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    NextMatch,
    PreviousMatch,
    Source,
}

impl Action {
    /// Whether its key is pressed for it where it is not possible, and not for that of the runs.
    pub fn is_of_pane(self, app: &App) -> bool {
        match self {
            Self::NextMatch | Self::PreviousMatch => app.searches_details(),
            Self::Source => app.focus == Focus::Details && app.screens.is_empty(),
        }
    }
}

const fn row(
    action: Action,
    (name, keys): (&'static str, &'static [&'static str]),
    (hint, help): (&'static str, &'static str),
    group: &'static str,
    possible: fn(&App) -> Possible,
) -> ActionRow {
    let action = crate::tui::core::action::Action::Details(action);
    ActionRow { action, name, keys, scopes: &[Scope::Panes], hint, help, group, possible }
}

/// They stand before those of runs: while words are searched, `n` leads to the next line that holds them.
pub const ROWS: &[ActionRow] = &[
    row(
        Action::NextMatch,
        ("next-match", &["n"]),
        ("next", "the next line that holds what was searched in the details or in a file"),
        TABLE,
        has_words,
    ),
    row(
        Action::PreviousMatch,
        ("previous-match", &["N"]),
        ("previous", "the line before that holds it"),
        TABLE,
        has_words,
    ),
    row(
        Action::Source,
        ("source", &["v"]),
        ("source", "show a Markdown file as it is written, or laid out"),
        FILES,
        has_page,
    ),
];

fn has_words(app: &App) -> Possible {
    let has_words = app.searches_details() && !app.details.find.words.value().is_empty();
    given(has_words, "nothing is searched in the details of a run; / searches")
}

fn has_page(app: &App) -> Possible {
    let is_seen = app.screens.is_empty() && app.focus == Focus::Details && app.details.tab == Tab::Artifacts;
    let opened = app.details.artifacts.preview.as_ref().filter(|_| is_seen);
    let content = opened.and_then(|opened| opened.content.value());
    if opened.zip(content).is_some_and(|(opened, content)| content.is_page_too_long(&opened.path)) {
        return Err("this Markdown file is too long to be laid out");
    }
    let is_laid_out = content.and_then(Preview::is_laid_out);
    given(is_laid_out.is_some(), "this works on a Markdown file that is looked into")
}
