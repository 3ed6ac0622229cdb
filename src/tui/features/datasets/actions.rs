//! What keys do to data sets.

#![deny(clippy::wildcard_enum_match_arm)]

use super::update::screen;
use crate::tui::core::action::{ActionRow, DATASETS, Possible, given, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Open,
    Describe,
}

rows_of!(in_panes: Datasets, DATASETS, &[Scope::Panes]);
rows_of!(row: Datasets, DATASETS, &[Scope::Datasets]);

pub const ROWS: &[ActionRow] = &[
    in_panes(
        Action::Open,
        "data-sets",
        &["g D"],
        "",
        "the data sets of the experiment, their schemas, and the runs that were given each",
        has_experiment,
    ),
    row(
        Action::Describe,
        "data-set-describe",
        &["v"],
        "about",
        "show all of the data set: source, profile, schema",
        has_set,
    ),
];

fn has_experiment(app: &App) -> Possible {
    given(app.runs.experiment.is_some(), "no experiment is open yet")
}

fn has_set(app: &App) -> Possible {
    given(screen(app).is_some_and(|screen| screen.under_cursor().is_some()), "no data set under the cursor")
}

/// Whether there are runs to go to.
///
/// # Errors
/// Why not.
pub fn can_open(app: &App) -> Possible {
    has_set(app)
}
