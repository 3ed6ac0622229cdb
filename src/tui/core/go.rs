//! What leads through whatever has the keys: rows, columns, tabs, deeper, back, and the search.

#![deny(clippy::wildcard_enum_match_arm)]

use super::action::{Action as Any, ActionRow, MOVE, PANES, Possible, TABLE, always, given, on_loaded_runs};
use super::app::{App, Overlay, Screen};
use super::effect::Effects;
use super::layer::{Layer, Scope};
use super::layout::{Focus, Tab};
use super::requests::{show_cursors, words_changed};
use crate::tui::features::details::preview::FilePart;
use crate::tui::features::{charts, compare, datasets, details, experiments, models, runs, sweeps};
use crate::tui::widgets::{help, messages};

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
    NextTab,
    PreviousTab,
    Search,
}

const NOTHING: &str = "nothing to go back from; 1 goes to the experiments";

const MOVES: &[Scope] = &[Scope::Move];
const GOES: &[Scope] = &[Scope::Go];

pub const ROWS: &[ActionRow] = &[
    row(Action::Down, "down", &["j", "down"], MOVES, "", "move down", MOVE, always),
    row(Action::Up, "up", &["k", "up"], MOVES, "", "move up", MOVE, always),
    row(Action::PageDown, "page-down", &["ctrl-d", "pagedown"], MOVES, "", "half a page down", MOVE, always),
    row(Action::PageUp, "page-up", &["ctrl-u", "pageup"], MOVES, "", "half a page up", MOVE, always),
    row(Action::Top, "top", &["g g", "home"], MOVES, "", "to the first row", MOVE, always),
    row(Action::Bottom, "bottom", &["G", "end"], MOVES, "", "to the last row", MOVE, always),
    row(
        Action::Left,
        "left",
        &["h", "left"],
        GOES,
        "",
        "column, tab or image on the left",
        MOVE,
        has_columns,
    ),
    row(
        Action::Right,
        "right",
        &["l", "right"],
        GOES,
        "",
        "column, tab or image on the right",
        MOVE,
        has_columns,
    ),
    row(
        Action::Open,
        "open",
        &["enter"],
        &[Scope::Go, Scope::Sweeps],
        "open",
        "open what is under the cursor",
        PANES,
        can_open,
    ),
    row(Action::Back, "back", &["esc"], MOVES, "back", "go back", PANES, can_go_back),
    row(Action::Search, "search", &["/"], GOES, "search", "search", TABLE, can_search),
];

pub const TAB_ROWS: &[ActionRow] = &[
    row(Action::NextTab, "next-tab", &["]"], GOES, "next", "next tab, or the next chart", PANES, has_tabs),
    row(
        Action::PreviousTab,
        "previous-tab",
        &["["],
        GOES,
        "",
        "previous tab, or the chart before",
        PANES,
        has_tabs,
    ),
];

#[expect(clippy::too_many_arguments, reason = "they are the columns of a table")]
const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    scopes: &'static [Scope],
    hint: &'static str,
    help: &'static str,
    group: &'static str,
    possible: fn(&App) -> Possible,
) -> ActionRow {
    ActionRow { action: Any::Go(action), name, keys, scopes, hint, help, group, possible }
}

fn has_columns(app: &App) -> Possible {
    if app.layer_below_help() == Layer::Datasets {
        return Err("the columns of this list stay where they are");
    }
    let is_list = app.layer_below_help() == Layer::Experiments;
    let has_folders = app.experiments.shown.has_folders;
    given(!is_list || has_folders, "the list of experiments has one column, and no folders")
}

fn has_tabs(app: &App) -> Possible {
    given(app.layer_below_help() != Layer::Datasets, "there are no tabs here")
}

fn can_open(app: &App) -> Possible {
    if app.layer_below_help() == Layer::SweepList {
        return given(!app.sweeps.list.is_empty(), "no sweep to open");
    }
    match app.screens.last() {
        Some(Screen::Compare(_)) => compare::actions::can_open(app),
        Some(Screen::Sweep(_)) => sweeps::actions::can_open_trial(app),
        Some(Screen::Models(_)) => models::actions::can_open(app),
        Some(Screen::Datasets(_)) => datasets::actions::can_open(app),
        Some(Screen::Chart(_) | Screen::Log(_)) => Err("nothing to open here"),
        None => can_open_pane(app),
    }
}

fn can_open_pane(app: &App) -> Possible {
    match app.focus {
        Focus::Experiments => given(app.experiments.length() > 0, "no experiment to open"),
        Focus::Runs => given(!app.runs.projection.lines.is_empty(), "no run to open"),
        Focus::Details => {
            let is_chart = app.is_on_charts() && app.charts.key().is_some();
            given(is_chart || app.details.can_open(), "nothing to open here")
        }
    }
}

fn can_go_back(app: &App) -> Possible {
    let is_first = app.layer_below_help() == Layer::Experiments
        && !app.zoomed
        && app.experiments.words.value().is_empty();
    given(!is_first, "nothing to go back to; q quits")?;
    given(!is_on_bare_runs(app), NOTHING)
}

/// Whether the cursor is among runs that nothing narrows and nothing led to, beside the experiments: a key too many must not be
/// about an experiment.
fn is_on_bare_runs(app: &App) -> bool {
    let view = &app.runs.view;
    app.layer_below_help() == Layer::Panes
        && app.focus == Focus::Runs
        && app.geometry().experiments.is_some()
        && app.runs.range_from.is_none()
        && !app.zoomed
        && app.models.left.is_none()
        && app.left_comparison.is_none()
        && view.words.is_empty()
        && view.filter.is_empty()
}

fn can_search(app: &App) -> Possible {
    match app.screens.last() {
        Some(Screen::Compare(_)) => compare::actions::is_table(app),
        Some(Screen::Models(_)) => always(app),
        Some(Screen::Chart(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Datasets(_)) => {
            Err("nothing to search here")
        }
        None if app.is_on_charts() => given(app.details.run().is_some(), "no run under the cursor"),
        None if app.focus == Focus::Experiments => given(app.experiments.loaded, "nothing to search yet"),
        None if app.searches_details() => given(app.details.run().is_some(), "no run under the cursor"),
        None => on_loaded_runs(app),
    }
}

impl Action {
    /// Lines down, if it moves over lines; `page` is half of what is seen.
    pub fn lines(self, page: isize) -> Option<isize> {
        match self {
            Self::Down => Some(1),
            Self::Up => Some(-1),
            Self::PageDown => Some(page),
            Self::PageUp => Some(-page),
            Self::Top => Some(isize::MIN / 2),
            Self::Bottom => Some(isize::MAX / 2),
            Self::Left
            | Self::Right
            | Self::Open
            | Self::Back
            | Self::NextTab
            | Self::PreviousTab
            | Self::Search => None,
        }
    }
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match app.layer() {
        Layer::Messages | Layer::Report => in_text(app, action),
        Layer::SweepList => sweeps::update::go(app, action, effects),
        Layer::Sweep => sweeps::screen::update::go(app, action, effects),
        Layer::Log => sweeps::log::update::go(app, action),
        Layer::Chart => charts::update::go(app, action),
        Layer::Compare => compare::update::go(app, action),
        Layer::Models => models::update::go(app, action, effects),
        Layer::Datasets => datasets::update::go(app, action, effects),
        Layer::Dashboard => {
            if !charts::update::move_in_dashboard(app, action) {
                in_panes(app, action, effects);
            }
        }
        Layer::Experiments | Layer::Panes => in_panes(app, action, effects),
        // What is typed there moves by keys of its own.
        Layer::Help | Layer::Search | Layer::Prompt | Layer::Picker | Layer::Confirm | Layer::Plan => {}
    }
}

fn in_panes(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Down | Action::Up | Action::PageDown | Action::PageUp | Action::Top | Action::Bottom => {
            let half = (app.geometry().rows(app.focus) / 2).max(1) as isize;
            step(app, app.focus, action.lines(half).unwrap_or_default());
            if app.focus == Focus::Details && matches!(action, Action::Top | Action::Bottom) {
                let part = if action == Action::Top { FilePart::Beginning } else { FilePart::End };
                details::update::look_at_part(app, part, effects);
            }
        }
        Action::Left | Action::Right => {
            let by = if action == Action::Left { -1 } else { 1 };
            match app.focus {
                Focus::Experiments => experiments::update::go_aside(app, by),
                Focus::Runs => app.runs.step_column(by),
                Focus::Details => details::update::go_aside(app, by, effects),
            }
        }
        Action::NextTab => app.details.step_tab(1),
        Action::PreviousTab => app.details.step_tab(-1),
        Action::Search => {
            details::find::begin(app);
            app.runs.words_before.clone_from(&app.runs.view.words);
            app.overlay = Some(Overlay::Search);
        }
        Action::Open => match app.focus {
            Focus::Experiments => experiments::update::open(app, effects),
            Focus::Runs if app.runs.row_under_cursor().is_none() => runs::update::fold(app, effects),
            Focus::Runs => app.focus = Focus::Details,
            Focus::Details if app.details.tab == Tab::Charts => charts::update::open(app),
            Focus::Details => details::update::open_artifact(app, effects),
        },
        Action::Back => back(app, effects),
    }
    if !matches!(action, Action::Search) {
        show_cursors(app);
    }
}

/// Exactly one layer out: range, zoom, search, filter, file, pane.
fn back(app: &mut App, effects: &mut Effects) {
    if app.runs.range_from.take().is_some() {
        return;
    }
    if app.searches_details() && !app.details.find.words.value().is_empty() {
        app.details.find = details::find::Find::default();
        return;
    }
    if app.focus == Focus::Details && app.details.close_file() {
        return;
    }
    if charts::update::drop_cursor(app) {
        return;
    }
    if app.is_on_charts() && !app.charts.words.value().is_empty() {
        app.charts.words.reset();
        return;
    }
    if app.zoomed {
        app.zoomed = false;
        return;
    }
    if models::update::come_back(app) || compare::opening::come_back(app) {
        return;
    }
    if app.focus == Focus::Experiments && !app.experiments.words.value().is_empty() {
        return experiments::update::clear_words(app);
    }
    if app.focus == Focus::Runs && !app.runs.view.words.is_empty() {
        let what = format!("the search /{}", app.runs.view.words.trim());
        app.runs.note_words();
        app.runs.words.reset();
        runs::filters::tell(app, &what);
        words_changed(app, effects);
        return;
    }
    if app.focus == Focus::Runs && !app.runs.view.filter.is_empty() {
        return runs::filters::clear(app, effects);
    }
    // What led here may be out of date.
    if is_on_bare_runs(app) {
        app.status = Some(NOTHING.into());
        return;
    }
    app.focus = match app.focus {
        Focus::Details => Focus::Runs,
        Focus::Runs | Focus::Experiments => Focus::Experiments,
    };
}

/// Moves the cursor of a pane.
pub fn step(app: &mut App, pane: Focus, by: isize) {
    let height = app.geometry().rows(pane);
    match pane {
        Focus::Experiments => app.experiments.cursor.step(by, app.experiments.length(), height),
        Focus::Runs => {
            app.runs.cursor.step(by, app.runs.length(), height);
            app.runs.moved();
        }
        Focus::Details => {
            let length = app.details.length();
            let height = app.geometry().details.map_or(height, |pane| app.details.seen(pane));
            app.details.step(by, length, height);
        }
    }
}

/// In what is only read.
fn in_text(app: &mut App, action: Action) {
    let width = messages::width(app.size.0);
    let length = match &app.overlay {
        Some(Overlay::Report(report)) => report.wrapped(width).len(),
        _ => messages::lines(&app.messages, width).len(),
    };
    let last = length.saturating_sub(help::height(app));
    let Some(scroll) = scrolled(app) else { return };
    match action.lines(10) {
        Some(by) => *scroll = scroll.saturating_add_signed(by).min(last),
        None if action == Action::Back => close(app),
        None => {}
    }
}

fn scrolled(app: &mut App) -> Option<&mut usize> {
    match &mut app.overlay {
        Some(Overlay::Messages { scroll }) => Some(scroll),
        Some(Overlay::Report(report)) => Some(&mut report.scroll),
        Some(
            Overlay::Search
            | Overlay::Prompt(_)
            | Overlay::Picker(_)
            | Overlay::Confirm(_)
            | Overlay::Plan(_)
            | Overlay::Command(_)
            | Overlay::Sweeps { .. },
        )
        | None => None,
    }
}

/// Closes what stands over everything else.
pub fn close(app: &mut App) {
    let behind = if let Some(Overlay::Report(report)) = app.overlay.take() { report.behind } else { None };
    app.overlay = behind.map(|behind| *behind);
}
