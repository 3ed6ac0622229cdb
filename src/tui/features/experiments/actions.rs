//! What keys do to experiments, and to whatever has a name.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{Action as Any, ActionRow, Possible, RUNS, can_write, given};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;
use crate::tui::core::layout::Focus;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The experiment, or the run, under the cursor.
    Rename,
}

pub const ROWS: &[ActionRow] = &[ActionRow {
    action: Any::Experiments(Action::Rename),
    name: "rename",
    keys: &["R"],
    scopes: &[Scope::Panes],
    hint: "",
    help: "rename the run or experiment",
    group: RUNS,
    possible: can_rename,
}];

fn can_rename(app: &App) -> Possible {
    can_write(app)?;
    match app.focus {
        Focus::Experiments => given(!app.experiments.list.is_empty(), "no experiment"),
        Focus::Runs | Focus::Details => {
            given(app.runs.row_under_cursor().is_some(), "no run under the cursor")
        }
    }
}
