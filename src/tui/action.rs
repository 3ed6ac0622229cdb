//! Everything that a key can do, in one table: dispatch, help, footer, palette and the README's key table come from
//! it.

use super::app::{App, Focus};
use crate::catalog::ColumnSpec;
use crate::catalog::view::{Fold, Shape};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Down,
    Up,
    PageDown,
    PageUp,
    Top,
    Bottom,
    Left,
    Right,
    Open,
    Back,
    NextPane,
    PreviousPane,
    Pane(Focus),
    Zoom,
    PaneWider,
    PaneNarrower,
    PaneTaller,
    PaneShorter,
    NextTab,
    PreviousTab,
    Search,
    Expression,
    Sort,
    SortAlso,
    Columns,
    Statistic,
    ColumnLeft,
    ColumnRight,
    ColumnWider,
    ColumnNarrower,
    Tree,
    Group,
    Fold,
    FoldAll,
    Deleted,
    ResetView,
    Mark,
    MarkRange,
    ClearMarks,
    Rename,
    Delete,
    Tags,
    Note,
    Copy,
    CopyCell,
    Browse,
    Refresh,
    Pause,
    Interval,
    Profiles,
    Palette,
    Messages,
    Suspend,
    Help,
    Quit,
}

/// An action as people meet it.
pub struct ActionInfo {
    pub action: Action,
    /// The name in the keymap.
    pub name: &'static str,
    pub title: &'static str,
    /// The word in the footer; empty where it is not worth the room.
    pub hint: &'static str,
    pub group: &'static str,
    /// Whether it can be done now, or why not.
    pub possible: fn(&App) -> Result<(), &'static str>,
}

pub const MOVE: &str = "Move";
const PANES: &str = "Panes";
const TABLE: &str = "Table";
const RUNS: &str = "Runs";
const STORE: &str = "Store";
const PROGRAM: &str = "Program";

/// In the order of help; the footer shows those with a hint, as many as fit.
pub static ACTIONS: [ActionInfo; 57] = [
    info(Action::Down, "down", "move down", "", MOVE, always),
    info(Action::Up, "up", "move up", "", MOVE, always),
    info(Action::PageDown, "page-down", "half a page down", "", MOVE, always),
    info(Action::PageUp, "page-up", "half a page up", "", MOVE, always),
    info(Action::Top, "top", "to the first row", "", MOVE, always),
    info(Action::Bottom, "bottom", "to the last row", "", MOVE, always),
    info(Action::Left, "left", "column or tab on the left", "", MOVE, in_columns),
    info(Action::Right, "right", "column or tab on the right", "", MOVE, in_columns),
    info(Action::Open, "open", "open what is selected", "open", PANES, can_open),
    info(Action::Back, "back", "one step back", "back", PANES, can_go_back),
    info(Action::Search, "search", "show only runs with these words", "search", TABLE, on_runs),
    info(Action::Expression, "filter", "filter with an MLflow expression", "filter", TABLE, on_runs),
    info(Action::Sort, "sort", "sort by the column: up, down, newest first", "sort", TABLE, on_runs),
    info(
        Action::SortAlso,
        "sort-also",
        "sort by the column too, where the others are equal",
        "",
        TABLE,
        is_sorted,
    ),
    info(Action::Columns, "columns", "choose the columns", "columns", TABLE, on_loaded_runs),
    info(
        Action::Statistic,
        "statistic",
        "value of the metric: latest, min, max, mean, first, at a step",
        "value",
        TABLE,
        on_metric,
    ),
    info(Action::ColumnLeft, "column-left", "move the column to the left", "", TABLE, on_column),
    info(Action::ColumnRight, "column-right", "move the column to the right", "", TABLE, on_column),
    info(Action::ColumnWider, "column-wider", "make the column wider", "", TABLE, on_loaded_runs),
    info(Action::ColumnNarrower, "column-narrower", "make the column narrower", "", TABLE, on_loaded_runs),
    info(
        Action::Tree,
        "tree",
        "children under their parents, or all runs in one list",
        "",
        TABLE,
        on_loaded_runs,
    ),
    info(Action::Group, "group", "group by the column, or not any more", "group", TABLE, can_group),
    info(Action::Fold, "fold", "fold or unfold a parent or group", "fold", TABLE, can_fold),
    info(Action::FoldAll, "fold-all", "fold or unfold all of them", "", TABLE, has_folds),
    info(Action::Deleted, "deleted", "show or hide deleted runs", "", TABLE, on_loaded_runs),
    info(
        Action::ResetView,
        "reset-view",
        "back to the default columns, order and filter",
        "",
        TABLE,
        on_loaded_runs,
    ),
    info(Action::Mark, "mark", "mark the run, or not any more", "mark", RUNS, has_run_in_table),
    info(
        Action::MarkRange,
        "mark-range",
        "mark from here to where the cursor goes",
        "",
        RUNS,
        has_run_in_table,
    ),
    info(Action::ClearMarks, "clear-marks", "forget all marks", "", RUNS, has_marks),
    info(Action::Rename, "rename", "rename the run or experiment", "", RUNS, can_rename),
    info(
        Action::Delete,
        "delete",
        "delete the run or the marked runs, or restore them",
        "",
        RUNS,
        can_write_runs,
    ),
    info(Action::Tags, "tags", "edit tags", "tags", RUNS, can_write_runs),
    info(Action::Note, "note", "edit the note", "", RUNS, can_note),
    info(Action::Copy, "copy", "copy the id of the run or of the marked runs", "copy id", RUNS, has_target),
    info(Action::CopyCell, "copy-cell", "copy the value under the cursor", "", RUNS, has_target),
    info(Action::Browse, "browse", "open the run in the browser", "", RUNS, can_browse),
    info(Action::NextPane, "next-pane", "to the next pane", "pane", PANES, always),
    info(Action::PreviousPane, "previous-pane", "to the previous pane", "", PANES, always),
    info(Action::Pane(Focus::Experiments), "experiments-pane", "to the experiments", "", PANES, always),
    info(Action::Pane(Focus::Runs), "runs-pane", "to the runs", "", PANES, always),
    info(Action::Pane(Focus::Details), "details-pane", "to the details", "", PANES, always),
    info(Action::NextTab, "next-tab", "next tab of the details", "tab", PANES, always),
    info(Action::PreviousTab, "previous-tab", "previous tab of the details", "", PANES, always),
    info(Action::Zoom, "zoom", "give the pane the whole screen, or take it back", "zoom", PANES, always),
    info(Action::PaneWider, "pane-wider", "move the border to the right", "", PANES, has_side_border),
    info(Action::PaneNarrower, "pane-narrower", "move the border to the left", "", PANES, has_side_border),
    info(Action::PaneTaller, "pane-taller", "move the border up", "", PANES, has_middle_border),
    info(Action::PaneShorter, "pane-shorter", "move the border down", "", PANES, has_middle_border),
    info(Action::Refresh, "refresh", "look for changes now", "", STORE, always),
    info(Action::Pause, "pause", "pause looking for changes, or go on", "", STORE, always),
    info(Action::Interval, "interval", "set how often to look for changes", "", STORE, always),
    info(Action::Profiles, "profiles", "switch to another profile", "", STORE, has_profiles),
    info(Action::Palette, "palette", "find an action by its name", "actions", PROGRAM, always),
    info(Action::Messages, "messages", "show earlier messages", "", PROGRAM, has_messages),
    info(Action::Suspend, "suspend", "suspend the program; fg brings it back", "", PROGRAM, always),
    info(Action::Quit, "quit", "leave", "quit", PROGRAM, always),
    info(Action::Help, "help", "show the keys that work here", "help", PROGRAM, always),
];

const fn info(
    action: Action,
    name: &'static str,
    title: &'static str,
    hint: &'static str,
    group: &'static str,
    possible: fn(&App) -> Result<(), &'static str>,
) -> ActionInfo {
    ActionInfo { action, name, title, hint, group, possible }
}

/// The row of an action.
pub fn find(action: Action) -> Option<&'static ActionInfo> {
    ACTIONS.iter().find(|info| info.action == action)
}

type Possible = Result<(), &'static str>;

#[expect(clippy::unnecessary_wraps, reason = "one of several functions of the same type")]
fn always(_: &App) -> Possible {
    Ok(())
}

/// Nothing to say against it if a condition holds.
fn given(condition: bool, otherwise: &'static str) -> Possible {
    if condition { Ok(()) } else { Err(otherwise) }
}

fn in_columns(app: &App) -> Possible {
    given(app.focus != Focus::Experiments, "the list of experiments has one column")
}

fn on_runs(app: &App) -> Possible {
    given(app.focus == Focus::Runs, "this works on the runs: press 2 first")
}

fn on_loaded_runs(app: &App) -> Possible {
    on_runs(app)?;
    given(app.runs.loaded, "no experiment is open yet")
}

fn is_sorted(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(!app.runs.view.sort.is_empty(), "sort by a column first: s")
}

fn on_column(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(app.runs.column > 0, "the name stays where it is; choose a column with h and l")
}

fn on_metric(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(
        matches!(app.runs.chosen_column(), Some(ColumnSpec::Metric(..))),
        "this is for metrics: choose one with h and l",
    )
}

fn can_group(app: &App) -> Possible {
    on_loaded_runs(app)?;
    let is_grouped = matches!(app.runs.view.shape, Shape::Groups(_));
    let groups = matches!(
        app.runs.chosen_column(),
        Some(ColumnSpec::Param(_) | ColumnSpec::Tag(_) | ColumnSpec::User | ColumnSpec::Status)
    );
    given(is_grouped || groups, "choose a param, a tag, the status or the user with h and l first")
}

fn can_fold(app: &App) -> Possible {
    on_runs(app)?;
    let line = app.runs.projection.lines.get(app.runs.cursor.at);
    given(line.is_some_and(|line| line.fold != Fold::Leaf), "nothing stands under this row")
}

fn has_folds(app: &App) -> Possible {
    on_runs(app)?;
    given(app.runs.view.shape != Shape::Flat, "this is for trees (g t) and groups (g b)")
}

fn has_run_in_table(app: &App) -> Possible {
    on_runs(app)?;
    given(app.runs.selected_row().is_some(), "no run is selected")
}

fn has_marks(app: &App) -> Possible {
    given(!app.runs.marks.is_empty(), "no run is marked; space marks one")
}

fn has_target(app: &App) -> Possible {
    given(
        app.focus != Focus::Experiments && (app.runs.selected_row().is_some() || !app.runs.marks.is_empty()),
        "no run is selected",
    )
}

fn can_write(app: &App) -> Possible {
    given(!app.read_only, "the store is opened read-only")
}

fn can_write_runs(app: &App) -> Possible {
    can_write(app)?;
    has_target(app)
}

fn can_note(app: &App) -> Possible {
    can_write(app)?;
    given(
        app.focus != Focus::Experiments && app.runs.selected_row().is_some(),
        "a note belongs to one run: select it",
    )
}

fn can_rename(app: &App) -> Possible {
    can_write(app)?;
    match app.focus {
        Focus::Experiments => given(!app.experiments.list.is_empty(), "there is no experiment"),
        _ => given(app.runs.selected_row().is_some(), "no run is selected"),
    }
}

fn can_browse(app: &App) -> Possible {
    given(app.page.is_some(), "a local store has no page; `mlflow ui` shows one")?;
    has_target(app)
}

fn can_open(app: &App) -> Possible {
    match app.focus {
        Focus::Experiments => given(!app.experiments.list.is_empty(), "there is no experiment to open"),
        Focus::Runs => given(!app.runs.projection.lines.is_empty(), "there is no run to open"),
        Focus::Details => given(app.details.can_open(), "there is nothing to open here"),
    }
}

fn can_go_back(app: &App) -> Possible {
    given(app.zoomed || app.focus != Focus::Experiments, "this is the first step; q leaves")
}

fn has_side_border(app: &App) -> Possible {
    let places = app.geometry();
    given(places.experiments.is_some() && places.runs.is_some(), "there is no border beside this pane")
}

fn has_middle_border(app: &App) -> Possible {
    let places = app.geometry();
    given(places.details.is_some() && places.runs.is_some(), "there is no border above or below this pane")
}

fn has_profiles(app: &App) -> Possible {
    given(!app.profiles.is_empty(), "the config file has no [profiles]; `mltui config path` says where it is")
}

fn has_messages(app: &App) -> Possible {
    given(!app.messages.is_empty(), "nothing was said yet")
}
