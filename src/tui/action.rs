//! Everything that a key can do, in one table: dispatch, help, footer and the README's key table come from it.

use super::app::{App, Focus, Overlay};

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
    NextTab,
    PreviousTab,
    Filter,
    Sort,
    Refresh,
    Pause,
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

const MOVE: &str = "Move";
const PANES: &str = "Panes";
const TABLE: &str = "Table";
const STORE: &str = "Store";
const PROGRAM: &str = "Program";

/// In the order of help; the footer shows those with a hint, as many as fit.
pub static ACTIONS: [ActionInfo; 24] = [
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
    info(Action::Filter, "filter", "show only runs with these words", "filter", TABLE, on_runs),
    info(Action::Sort, "sort", "sort by the column: up, down, newest first", "sort", TABLE, on_runs),
    info(Action::NextPane, "next-pane", "to the next pane", "pane", PANES, no_overlay),
    info(Action::PreviousPane, "previous-pane", "to the previous pane", "", PANES, no_overlay),
    info(Action::Pane(Focus::Experiments), "experiments-pane", "to the experiments", "", PANES, no_overlay),
    info(Action::Pane(Focus::Runs), "runs-pane", "to the runs", "", PANES, no_overlay),
    info(Action::Pane(Focus::Details), "details-pane", "to the details", "", PANES, no_overlay),
    info(Action::NextTab, "next-tab", "next tab of the details", "tab", PANES, no_overlay),
    info(Action::PreviousTab, "previous-tab", "previous tab of the details", "", PANES, no_overlay),
    info(Action::Zoom, "zoom", "give the pane the whole screen, or take it back", "zoom", PANES, no_overlay),
    info(Action::Refresh, "refresh", "look for changes now", "refresh", STORE, no_overlay),
    info(Action::Pause, "pause", "pause looking for changes, or go on", "pause", STORE, no_overlay),
    info(Action::Quit, "quit", "leave", "quit", PROGRAM, always),
    info(Action::Help, "help", "show all keys", "help", PROGRAM, no_overlay),
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

#[expect(clippy::unnecessary_wraps, reason = "one of several functions of the same type")]
fn always(_: &App) -> Result<(), &'static str> {
    Ok(())
}

fn no_overlay(app: &App) -> Result<(), &'static str> {
    match app.overlay {
        None => Ok(()),
        Some(Overlay::Help { .. }) => Err("close the help first: esc"),
        Some(Overlay::Filter) => Err("finish the filter first: enter"),
    }
}

fn in_columns(app: &App) -> Result<(), &'static str> {
    no_overlay(app)?;
    match app.focus {
        Focus::Experiments => Err("the list of experiments has one column"),
        Focus::Runs | Focus::Details => Ok(()),
    }
}

fn on_runs(app: &App) -> Result<(), &'static str> {
    no_overlay(app)?;
    match app.focus {
        Focus::Runs => Ok(()),
        _ => Err("this works on the runs: press 2 first"),
    }
}

fn can_open(app: &App) -> Result<(), &'static str> {
    no_overlay(app)?;
    match app.focus {
        Focus::Experiments if app.experiments.list.is_empty() => Err("there is no experiment to open"),
        Focus::Runs if app.runs.rows.is_empty() => Err("there is no run to open"),
        Focus::Details => Err("there is nothing to open here"),
        _ => Ok(()),
    }
}

fn can_go_back(app: &App) -> Result<(), &'static str> {
    if app.overlay.is_some() || app.zoomed || app.focus != Focus::Experiments {
        Ok(())
    } else {
        Err("this is the first step; q leaves")
    }
}
