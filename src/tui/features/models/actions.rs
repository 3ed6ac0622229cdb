//! What keys do about registered models.

#![deny(clippy::wildcard_enum_match_arm)]

use super::screen::{ModelsPane, ModelsScreen};
use super::update::screen;
use crate::tui::core::action::{ActionRow, MODELS, Possible, always, can_write, given, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Open the registry.
    Open,
    /// Open the registry on the version of the run under the cursor.
    OfRun,
    Order,
    Metric,
    Describe,
    /// List the files of the version.
    Files,
    /// Show what was done to the model, and by whom.
    History,
    CopyUri,
    SetAlias,
    DeleteAlias,
    EditDescription,
    SetTag,
    DeleteTag,
    Stage,
    Rename,
    Delete,
    Undo,
    /// Promote the version to a role.
    Promote,
    /// Compare the version with the champion.
    Versus,
    /// Compare the run under the cursor with the champion.
    RunVersus,
}

rows_of!(in_panes: Models, MODELS, &[Scope::Panes]);
rows_of!(row: Models, MODELS, &[Scope::Models]);

pub const ROWS: &[ActionRow] = &[
    in_panes(
        Action::Open,
        "models",
        &["M"],
        "models",
        "registered models, their versions and aliases",
        always,
    ),
    in_panes(
        Action::OfRun,
        "run-versions",
        &["g v"],
        "",
        "go to the registered version of this run",
        has_version_of_run,
    ),
    in_panes(
        Action::RunVersus,
        "run-versus-champion",
        &["V"],
        "",
        "compare the run under the cursor with the champion",
        has_run,
    ),
    row(
        Action::Promote,
        "promote",
        &["B"],
        "promote",
        "promote the version: make it the champion, or give it another role, after a look",
        can_edit_version,
    ),
    row(
        Action::Versus,
        "versus-champion",
        &["V"],
        "",
        "compare the run of the version under the cursor with the champion",
        is_version,
    ),
    row(
        Action::Order,
        "models-sort",
        &["s"],
        "sort",
        "sort models (by name, last change, alias) or versions (newest, best by the metric, alias, oldest)",
        has_models,
    ),
    row(
        Action::Metric,
        "models-metric",
        &["m"],
        "metric",
        "choose the metric that versions are compared by",
        has_version,
    ),
    row(Action::Describe, "models-describe", &["v"], "all", "show all of the model or version", has_model),
    row(
        Action::Files,
        "models-files",
        &["f"],
        "files",
        "list the files of the version: one is read, opened or saved",
        has_files,
    ),
    row(
        Action::History,
        "models-history",
        &["H"],
        "history",
        "show who promoted and changed what of the model",
        has_model,
    ),
    row(Action::CopyUri, "models-copy", &["y"], "copy", "copy models:/NAME/VERSION", has_model),
    row(Action::SetAlias, "alias-set", &["a"], "alias", "point an alias to the version", can_edit_version),
    row(Action::DeleteAlias, "alias-delete", &["A"], "", "delete an alias of the version", has_alias),
    row(
        Action::EditDescription,
        "models-description",
        &["n"],
        "note",
        "edit the description of the model or version",
        can_edit,
    ),
    row(Action::SetTag, "models-tag", &["t"], "tag", "set a tag of the model or version", can_edit),
    row(Action::DeleteTag, "models-delete-tag", &["D"], "", "delete a tag of the model or version", has_tag),
    row(Action::Stage, "models-stage", &["S"], "stage", "move the version to a stage", can_stage),
    row(Action::Rename, "models-rename", &["R"], "", "rename the model", can_edit),
    row(Action::Delete, "models-delete", &["d"], "delete", "delete the version, or the model", can_edit),
    row(
        Action::Undo,
        "models-undo",
        &["U"],
        "undo",
        "undo the last change made here; one of an earlier day after a question",
        can_undo,
    ),
];

fn can_stage(app: &App) -> Possible {
    given(app.capabilities.stages, "models in Unity Catalog have no stages; `a` sets an alias")?;
    can_edit_version(app)
}

fn has_version_of_run(app: &App) -> Possible {
    let run = app.runs.run_under_cursor();
    let has = run.is_some_and(|run| !app.models.of_runs.of(&run).is_empty());
    given(has, "no registered version was made from this run")
}

fn has_models(app: &App) -> Possible {
    let has_some = |screen: &ModelsScreen| match screen.pane {
        ModelsPane::Models => screen.shown.len() > 1,
        ModelsPane::Versions => screen.versions().len() > 1,
    };
    given(screen(app).is_some_and(has_some), "there is nothing to sort")
}

fn has_model(app: &App) -> Possible {
    given(screen(app).is_some_and(|screen| screen.model().is_some()), "no model under the cursor")
}

fn has_version(app: &App) -> Possible {
    let is_read = screen(app).is_some_and(ModelsScreen::knows_versions);
    let why = if is_read { "the model has no versions" } else { "its versions are still being read" };
    given(screen(app).is_some_and(|screen| !screen.all_versions().is_empty()), why)
}

/// Enter opens the versions, and the run of one.
pub fn can_open(app: &App) -> Possible {
    has_version(app)?;
    let screen = screen(app);
    let has_run = screen.is_some_and(|screen| {
        screen.pane == ModelsPane::Models || screen.version().is_some_and(|version| version.run_id.is_some())
    });
    given(has_run, "the version names no run")
}

fn can_edit(app: &App) -> Possible {
    can_write(app)?;
    has_model(app)
}

fn has_run(app: &App) -> Possible {
    given(app.runs.run_under_cursor().is_some(), "no run under the cursor")
}

fn can_edit_version(app: &App) -> Possible {
    can_write(app)?;
    is_version(app)
}

fn is_version(app: &App) -> Possible {
    let is_version = screen(app).is_some_and(|it| it.pane == ModelsPane::Versions && it.version().is_some());
    given(is_version, "this works on a version: l goes to the versions")
}

fn has_files(app: &App) -> Possible {
    is_version(app)?;
    let screen = screen(app);
    let folder = screen.and_then(|screen| screen.folder_of(screen.version()?));
    match folder {
        None => Err("its files are still being read"),
        Some(Err(_)) => Err("its files could not be read; v says why"),
        Some(Ok(folder)) => given(!folder.files.is_empty(), "it has no files"),
    }
}

fn has_alias(app: &App) -> Possible {
    can_edit_version(app)?;
    let has =
        screen(app).and_then(|screen| screen.version()).is_some_and(|version| !version.aliases.is_empty());
    given(has, "no alias points to this version")
}

fn has_tag(app: &App) -> Possible {
    can_edit(app)?;
    given(screen(app).is_some_and(|screen| !screen.tags().is_empty()), "it has no tags")
}

fn can_undo(app: &App) -> Possible {
    can_write(app)?;
    given(!app.models.is_writing, "a change is being written")?;
    let has_earlier = app.models.earlier.iter().any(|edit| edit.undo.is_some());
    given(!app.models.done.is_empty() || has_earlier, "nothing was changed here that can be undone")
}
