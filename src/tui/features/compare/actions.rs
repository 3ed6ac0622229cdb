//! What keys do on a comparison.

#![deny(clippy::wildcard_enum_match_arm)]

use super::{CompareScreen, CompareTab};
use crate::tui::core::action::{
    Action as Any, ActionRow, COMPARE, Possible, RUNS, always, given, on_loaded_runs,
};
use crate::tui::core::app::{App, Screen};
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Open,
    Turn,
    Differing,
    Baseline,
    Difference,
    Seeds,
    ByName,
    Choose(Choice),
    BrushWider,
    BrushNarrower,
    BrushClear,
}

/// What a column is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    Metric,
    X,
    Y,
}

pub const OPENING_ROWS: &[ActionRow] = &[ActionRow {
    action: Any::Compare(Action::Open),
    name: "compare",
    keys: &["C"],
    scopes: &[Scope::Panes],
    hint: "compare",
    help: "compare the selected runs, or all that are shown",
    group: RUNS,
    possible: can_compare,
}];

pub const ROWS: &[ActionRow] = &[
    row(Action::Turn, "turn", &["v"], "turn", "runs as rows or as columns", is_table),
    row(Action::Differing, "differing", &["d"], "differing", "only what differs, or everything", is_table),
    row(Action::Baseline, "baseline", &["b"], "baseline", "compare with this run", is_table),
    row(
        Action::Difference,
        "difference",
        &["%"],
        "difference",
        "values, differences to the baseline, differences in percent",
        is_table,
    ),
    row(
        Action::Seeds,
        "seeds",
        &["s"],
        "seeds",
        "runs that differ in seed or fold as one: mean, standard deviation, count",
        always,
    ),
    row(Action::ByName, "by-name", &["S"], "order", "rows by name, or what differs most first", is_table),
    row(
        Action::Choose(Choice::Metric),
        "metric",
        &["m"],
        "metric",
        "choose the metric that colours, and that params matter for",
        is_plot,
    ),
    row(
        Action::Choose(Choice::X),
        "scatter-x",
        &["x"],
        "across",
        "choose what the scatter plot has across",
        is_scatter,
    ),
    row(
        Action::Choose(Choice::Y),
        "scatter-y",
        &["Y"],
        "upwards",
        "choose what the scatter plot has upwards",
        is_scatter,
    ),
    row(
        Action::BrushWider,
        "brush-wider",
        &["+"],
        "brush",
        "let more runs through on this axis",
        is_parallel,
    ),
    row(
        Action::BrushNarrower,
        "brush-narrower",
        &["-"],
        "",
        "let fewer runs through on this axis",
        is_parallel,
    ),
    row(
        Action::BrushClear,
        "brush-clear",
        &["0"],
        "",
        "let all runs through on this axis, then on all",
        is_parallel,
    ),
];

const fn row(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    hint: &'static str,
    help: &'static str,
    possible: fn(&App) -> Possible,
) -> ActionRow {
    ActionRow {
        action: Any::Compare(action),
        name,
        keys,
        scopes: &[Scope::Compare],
        hint,
        help,
        group: COMPARE,
        possible,
    }
}

fn can_compare(app: &App) -> Possible {
    on_loaded_runs(app)?;
    let selected = app.runs.selected.len();
    given(
        selected + app.runs.length() >= 2 && (selected >= 2 || app.runs.length() >= 2),
        "it takes two runs to compare",
    )
}

fn screen(app: &App) -> Option<&CompareScreen> {
    match app.screens.last() {
        Some(Screen::Compare(screen)) => Some(screen),
        Some(Screen::Chart(_)) | None => None,
    }
}

fn on(app: &App, is_right: fn(CompareTab) -> bool, otherwise: &'static str) -> Possible {
    given(screen(app).is_some_and(|screen| is_right(screen.tab)), otherwise)
}

pub fn is_table(app: &App) -> Possible {
    on(app, |tab| tab == CompareTab::Table, "this is for the table: [ ] lead there")
}

fn is_plot(app: &App) -> Possible {
    on(app, |tab| tab != CompareTab::Table, "this is for the plots: ] leads there")
}

fn is_scatter(app: &App) -> Possible {
    on(app, |tab| tab == CompareTab::Scatter, "this is for the scatter plot")
}

fn is_parallel(app: &App) -> Possible {
    on(app, |tab| tab == CompareTab::Parallel, "this is for the parallel coordinates")
}

/// There is a metric whose histories can be opened.
pub fn can_open(app: &App) -> Possible {
    let has_history = |screen: &CompareScreen| {
        screen.tab != CompareTab::Table || screen.chosen_entry().is_some_and(|entry| entry.kind.has_history())
    };
    given(screen(app).is_some_and(has_history), "metrics have histories to open: choose one")
}
