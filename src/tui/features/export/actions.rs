//! What leaves the program: into the clipboard, a file, the browser.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{ActionRow, Possible, RUNS, always, given, has_target, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Copy,
    CopyCell,
    Browse,
    Export,
}

rows_of!(shown: Export, RUNS, &[Scope::Panes, Scope::Chart, Scope::Compare]);
rows_of!(panes: Export, RUNS, &[Scope::Panes]);

pub const ROWS: &[ActionRow] = &[
    shown(
        Action::Copy,
        "copy",
        &["y"],
        "copy",
        "copy run ids; on a chart, the values under the cursor",
        can_copy,
    ),
    panes(Action::CopyCell, "copy-cell", &["Y"], "", "copy the value under the cursor", has_target),
    panes(Action::Browse, "browse", &["o"], "", "open the run in the browser", can_browse),
    shown(
        Action::Export,
        "export",
        &["E"],
        "export",
        "copy or save what is shown: CSV, JSON, Markdown, SVG",
        always,
    ),
];

fn can_copy(app: &App) -> Possible {
    if app.screens.is_empty() { has_target(app) } else { Ok(()) }
}

fn can_browse(app: &App) -> Possible {
    given(app.page.is_some(), "only a server has pages; `mlflow ui` starts one")?;
    has_target(app)
}
