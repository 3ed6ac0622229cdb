//! What keys do on a comparison.

#![deny(clippy::wildcard_enum_match_arm)]

use super::{CompareScreen, CompareTab};
use crate::tui::core::action::{
    Action as Any, ActionRow, COMPARE, Possible, RUNS, always, given, on_loaded_runs, rows_of,
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
    Statistic,
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

rows_of!(row: Compare, COMPARE, &[Scope::Compare]);

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
    row(Action::Turn, "turn", &["v"], "turn", "switch between runs as rows and as columns", is_table),
    row(
        Action::Differing,
        "differing",
        &["d"],
        "show all",
        "show only what differs (in plots: and most runs have), or everything",
        shows_columns,
    ),
    row(Action::Baseline, "baseline", &["b"], "baseline", "use this run as baseline", is_table),
    row(
        Action::Difference,
        "difference",
        &["%"],
        "difference",
        "values, differences to the baseline, or percent",
        is_table,
    ),
    row(
        Action::Seeds,
        "seeds",
        &["s"],
        "seeds",
        "group runs that differ only in seed or fold: mean, std, count",
        always,
    ),
    row(
        Action::ByName,
        "by-name",
        &["S"],
        "order",
        "sort rows by name, or by how much they differ",
        is_table,
    ),
    row(
        Action::Statistic,
        "compared-value",
        &["e"],
        "value",
        "compare the last values of metrics, their min, max, mean, first, or those at a step",
        always,
    ),
    row(
        Action::Choose(Choice::Metric),
        "metric",
        &["m"],
        "metric",
        "choose the metric for colours and param importance",
        is_plot,
    ),
    row(
        Action::Choose(Choice::X),
        "scatter-x",
        &["x"],
        "across",
        "choose the scatter plot's x axis",
        is_scatter,
    ),
    row(
        Action::Choose(Choice::Y),
        "scatter-y",
        &["Y"],
        "upwards",
        "choose the scatter plot's y axis",
        is_scatter,
    ),
    row(Action::BrushWider, "brush-wider", &["+"], "brush", "widen the brush on this axis", is_parallel),
    row(Action::BrushNarrower, "brush-narrower", &["-"], "", "narrow the brush on this axis", is_parallel),
    row(
        Action::BrushClear,
        "brush-clear",
        &["0"],
        "",
        "clear the brush on this axis, then on all",
        is_parallel,
    ),
];

fn can_compare(app: &App) -> Possible {
    on_loaded_runs(app)?;
    let selected = app.runs.selected.len();
    // Of half of the runs the best is not the best.
    given(selected >= 2 || app.runs.complete, "the runs are still being read; try again, or select some")?;
    given(
        selected + app.runs.length() >= 2 && (selected >= 2 || app.runs.length() >= 2),
        "select at least two runs to compare",
    )
}

fn screen(app: &App) -> Option<&CompareScreen> {
    match app.screens.last() {
        Some(Screen::Compare(screen)) => Some(screen),
        Some(
            Screen::Chart(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_) | Screen::Datasets(_),
        )
        | None => None,
    }
}

fn on(app: &App, is_right: fn(CompareTab) -> bool, otherwise: &'static str) -> Possible {
    given(screen(app).is_some_and(|screen| is_right(screen.tab)), otherwise)
}

pub fn is_table(app: &App) -> Possible {
    on(app, |tab| tab == CompareTab::Table, "only in the table; [ ] switch tabs")
}

fn shows_columns(app: &App) -> Possible {
    on(app, |tab| tab != CompareTab::Params, "only in the table and the plots; [ ] switch tabs")
}

fn is_plot(app: &App) -> Possible {
    on(app, |tab| tab != CompareTab::Table, "only in the plots; ] goes there")
}

fn is_scatter(app: &App) -> Possible {
    on(app, |tab| tab == CompareTab::Scatter, "only in the scatter plot")
}

fn is_parallel(app: &App) -> Possible {
    on(app, |tab| tab == CompareTab::Parallel, "only in the parallel coordinates")
}

/// There is a metric whose histories can be opened.
pub fn can_open(app: &App) -> Possible {
    let has_history = |screen: &CompareScreen| {
        screen.tab != CompareTab::Table || screen.chosen_entry().is_some_and(|entry| entry.kind.has_history())
    };
    given(screen(app).is_some_and(has_history), "only metrics have a history; choose one")
}
