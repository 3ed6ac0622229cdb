//! What keys do to experiments, and to whatever has a name.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{
    Action as Any, ActionRow, EXPERIMENTS, Possible, RUNS, always, can_write, given, rows_of,
};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;
use crate::tui::core::layout::Focus;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The experiment, or the run, under the cursor.
    Rename,
    Sort,
    Fold,
    FoldAll,
    Folders,
    Deleted,
    Describe,
    New,
    Delete,
    Tags,
    Note,
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

rows_of!(row: Experiments, EXPERIMENTS, &[Scope::Experiments]);

pub const PANE_ROWS: &[ActionRow] = &[
    row(
        Action::Sort,
        "experiments-sort",
        &["s"],
        "sort",
        "sort experiments: newest first, by name, by last run, by number of runs",
        always,
    ),
    row(Action::Fold, "experiments-fold", &["x"], "fold", "fold or unfold the folder", on_folder),
    row(Action::FoldAll, "experiments-fold-all", &["X"], "", "fold or unfold all folders", has_folders),
    row(
        Action::Folders,
        "experiments-folders",
        &["g t"],
        "",
        "show experiments in folders, by the / in their names, or as a flat list",
        always,
    ),
    row(Action::Deleted, "experiments-deleted", &["g d"], "", "show or hide deleted experiments", always),
    row(
        Action::Describe,
        "experiment-describe",
        &["v"],
        "about",
        "show all of the experiment: its note, tags, times and place",
        on_experiment,
    ),
    row(Action::New, "experiment-new", &["N"], "new", "create an experiment", can_write),
    row(
        Action::Delete,
        "experiment-delete",
        &["D"],
        "",
        "delete the experiment with its runs, or restore it",
        can_write_experiment,
    ),
    row(Action::Tags, "experiment-tags", &["t"], "tags", "edit the tags of the experiment", can_tag),
    row(Action::Note, "experiment-note", &["n"], "", "edit the note of the experiment", can_tag),
];

fn can_rename(app: &App) -> Possible {
    can_write(app)?;
    match app.focus {
        Focus::Experiments => can_tag(app),
        Focus::Runs | Focus::Details => {
            given(app.runs.row_under_cursor().is_some(), "no run under the cursor")
        }
    }
}

fn on_folder(app: &App) -> Possible {
    let line = app.experiments.line_under_cursor();
    given(line.is_some_and(|line| line.folder.is_some()), "this is no folder")
}

fn has_folders(app: &App) -> Possible {
    given(app.experiments.shown.has_folders, "there are no folders here")
}

fn on_experiment(app: &App) -> Possible {
    given(app.experiments.under_cursor().is_some(), "no experiment under the cursor")
}

fn can_write_experiment(app: &App) -> Possible {
    can_write(app)?;
    on_experiment(app)
}

fn can_tag(app: &App) -> Possible {
    can_write_experiment(app)?;
    let is_deleted = app.experiments.under_cursor().is_some_and(super::ListedExperiment::is_deleted);
    given(!is_deleted, "the experiment is deleted; D restores it")
}
