//! What leaves the program: into the clipboard, a file, the browser.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{Action as Any, ActionRow, Possible, RUNS, always, given, has_target};
use crate::tui::core::app::App;
use crate::tui::core::layer::{Layer, Scope};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Copy,
    CopyCell,
    Browse,
    Export,
}

const SHOWN: &[Scope] = &[Scope::Panes, Scope::Chart, Scope::Compare];
const PANES: &[Scope] = &[Scope::Panes];

pub const ROWS: &[ActionRow] = &[
    row(
        Action::Copy,
        "copy",
        &["y"],
        SHOWN,
        "copy",
        "copy run ids; on a chart, the values under the cursor",
        can_copy,
    ),
    row(Action::CopyCell, "copy-cell", &["Y"], PANES, "", "copy the value under the cursor", has_target),
    row(Action::Browse, "browse", &["o"], PANES, "", "open the run in the browser", can_browse),
    row(
        Action::Export,
        "export",
        &["E"],
        SHOWN,
        "export",
        "copy or save what is shown: CSV, JSON, Markdown, SVG",
        always,
    ),
];

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    scopes: &'static [Scope],
    hint: &'static str,
    help: &'static str,
    possible: fn(&App) -> Possible,
) -> ActionRow {
    ActionRow { action: Any::Export(action), name, keys, scopes, hint, help, group: RUNS, possible }
}

fn can_copy(app: &App) -> Possible {
    match app.layer_below_help() {
        Layer::Chart | Layer::Compare => Ok(()),
        Layer::Dashboard
        | Layer::Panes
        | Layer::Help
        | Layer::Messages
        | Layer::Report
        | Layer::Search
        | Layer::Prompt
        | Layer::Picker
        | Layer::Confirm
        | Layer::Plan
        | Layer::SweepList => has_target(app),
    }
}

fn can_browse(app: &App) -> Possible {
    given(app.page.is_some(), "a local store has no page; `mlflow ui` shows one")?;
    has_target(app)
}
