//! What can be done with the file or folder under the cursor.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{ActionRow, Possible, RUNS, given, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;
use crate::tui::core::layout::{Focus, Tab};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Save,
    Cancel,
    CopyAddress,
}

rows_of!(row: Files, RUNS, &[Scope::Panes]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Save, "save-files", &["g w"], "", "save the artifact under the cursor to a path", can_save),
    row(Action::Cancel, "save-cancel", &["g x"], "", "cancel saving artifacts", is_saving),
    row(
        Action::CopyAddress,
        "copy-artifact",
        &["g y"],
        "",
        "copy runs:/RUN/PATH of the artifact under the cursor",
        has_artifact,
    ),
];

fn has_artifact(app: &App) -> Possible {
    let is_there = app.focus == Focus::Details
        && app.details.tab == Tab::Artifacts
        && app.details.artifact_under_cursor().is_some();
    given(is_there, "this works on a file or folder of the artifacts tab")
}

fn can_save(app: &App) -> Possible {
    given(app.saving.is_none(), "something is being saved already; g x cancels it")?;
    has_artifact(app)
}

fn is_saving(app: &App) -> Possible {
    given(app.saving.is_some(), "nothing is being saved")
}
