//! What can be done with the file or folder under the cursor.

#![deny(clippy::wildcard_enum_match_arm)]

use super::update::address;
use crate::tui::core::action::{ActionRow, FILES, Possible, given, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;
use crate::tui::core::layout::Focus;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Save,
    Cancel,
    CopyAddress,
    Open,
}

rows_of!(row: Files, FILES, &[Scope::Panes, Scope::Models]);

pub const ROWS: &[ActionRow] = &[
    row(
        Action::Save,
        "save-files",
        &["g w"],
        "save",
        "save the artifact, model or version under the cursor to a path",
        can_save,
    ),
    row(Action::Cancel, "save-cancel", &["g x"], "", "cancel saving artifacts", is_saving),
    row(
        Action::CopyAddress,
        "copy-artifact",
        &["g y"],
        "address",
        "copy the address of the artifact or model under the cursor",
        has_artifact,
    ),
    row(
        Action::Open,
        "open-artifact",
        &["g o"],
        "open with",
        "open the file under the cursor with $PAGER, $EDITOR or the system's viewer",
        can_open,
    ),
];

fn has_artifact(app: &App) -> Possible {
    given(address(app).is_some(), "this works on an artifact, a model, or a version in the registry")
}

fn can_save(app: &App) -> Possible {
    given(app.saving.is_none(), "something is being saved already; g x cancels it")?;
    has_artifact(app)
}

fn can_open(app: &App) -> Possible {
    can_save(app)?;
    // A version in the registry is one, too.
    let is_folder = !app.screens.is_empty() || app.focus == Focus::Details && app.details.is_on_folder();
    given(!is_folder, "this is a folder; g w saves it")
}

fn is_saving(app: &App) -> Possible {
    given(app.saving.is_some(), "nothing is being saved")
}
