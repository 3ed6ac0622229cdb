//! What keys do to the table of runs and to the runs in it.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::catalog::ColumnSpec;
use crate::catalog::view::{FoldState, Shape};
use crate::tui::core::action::{
    ActionRow, Possible, RUNS, TABLE, can_write, given, has_target, on_loaded_runs, on_runs, rows_of,
};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;
use crate::tui::core::layout::Focus;
use crate::tui::features::runs::chips::Chip;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Filter,
    LastFilter,
    Chip(Chip),
    Views,
    SaveView,
    Sort,
    SortAlso,
    Columns,
    Differing,
    Heat,
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
    Select,
    SelectRange,
    SelectNone,
    Delete,
    End,
    Tags,
    Note,
}

rows_of!(table: Runs, TABLE, &[Scope::Panes]);
rows_of!(of_runs: Runs, RUNS, &[Scope::Panes]);

pub const TABLE_ROWS: &[ActionRow] = &[
    table(Action::Filter, "filter", &["f"], "filter", "filter with an expression", on_loaded_runs),
    table(
        Action::LastFilter,
        "last-filter",
        &["F"],
        "",
        "bring back the filter or search that was cleared",
        has_lost_filter,
    ),
    table(Action::Chip(Chip::Mine), "mine", &["4"], "", "only your runs, or all", has_experiment),
    table(
        Action::Chip(Chip::LastDay),
        "last-day",
        &["5"],
        "",
        "only runs of the last 24 hours, or all",
        has_experiment,
    ),
    table(Action::Chip(Chip::Running), "running", &["6"], "", "only runs that go on, or all", has_experiment),
    table(Action::Chip(Chip::Failed), "failed", &["7"], "", "only runs that failed, or all", has_experiment),
    table(
        Action::Views,
        "views",
        &["W"],
        "",
        "pick, save, remove, export or import a named view",
        on_loaded_runs,
    ),
    table(
        Action::SaveView,
        "save-view",
        &["g W"],
        "",
        "save columns, order, filter and groups as a view",
        on_loaded_runs,
    ),
    table(
        Action::Sort,
        "sort",
        &["s"],
        "sort",
        "sort by the column: best first, the other way, newest first",
        on_loaded_runs,
    ),
    table(Action::SortAlso, "sort-also", &["S"], "", "sort by the column too, to break ties", is_sorted),
    table(Action::Columns, "columns", &["c"], "columns", "choose the columns", on_loaded_runs),
    table(
        Action::Differing,
        "differing-columns",
        &["d"],
        "",
        "hide columns that are the same for all, or show them",
        on_loaded_runs,
    ),
    table(Action::Heat, "heat", &["H"], "", "tint metrics from worst to best, or stop", on_loaded_runs),
    table(
        Action::Statistic,
        "statistic",
        &["e"],
        "value",
        "metric statistic: latest, min, max, mean, first, at a step",
        on_metric,
    ),
    table(Action::ColumnLeft, "column-left", &["<"], "", "move the column to the left", on_column),
    table(Action::ColumnRight, "column-right", &[">"], "", "move the column to the right", on_column),
    table(Action::ColumnWider, "column-wider", &["+"], "", "make the column wider", on_loaded_runs),
    table(Action::ColumnNarrower, "column-narrower", &["-"], "", "make the column narrower", on_loaded_runs),
    table(Action::Tree, "tree", &["g t"], "", "show runs as a tree, or as a flat list", on_loaded_runs),
    table(
        Action::Group,
        "group",
        &["g b"],
        "group",
        "group runs by the values of a column, or stop",
        can_group,
    ),
    table(Action::Fold, "fold", &["x"], "fold", "fold or unfold a parent or group", can_fold),
    table(Action::FoldAll, "fold-all", &["X"], "", "fold or unfold all of them", has_folds),
    table(Action::Deleted, "deleted", &["g d"], "", "show or hide deleted runs", on_loaded_runs),
    table(Action::ResetView, "reset-view", &["g r"], "", "reset columns, order and filter", on_loaded_runs),
];

pub const SELECTION_ROWS: &[ActionRow] = &[
    of_runs(Action::Select, "select", &["space"], "select", "select or unselect the run", has_run_in_table),
    of_runs(
        Action::SelectRange,
        "select-range",
        &["v"],
        "",
        "select a range: from here to the cursor",
        has_run_in_table,
    ),
    of_runs(Action::SelectNone, "select-none", &["u"], "", "clear the selection", has_selected),
];

pub const WRITING_ROWS: &[ActionRow] = &[
    of_runs(
        Action::Delete,
        "delete",
        &["D"],
        "",
        "delete the run or the selected runs, or restore them",
        can_write_runs,
    ),
    of_runs(Action::Tags, "tags", &["t"], "tags", "edit tags", can_write_runs),
    of_runs(
        Action::End,
        "end-run",
        &["g e"],
        "",
        "end runs stuck in Running: as killed, failed or finished",
        can_write_runs,
    ),
    of_runs(Action::Note, "note", &["n"], "", "edit the note", can_note),
];

/// Said where the lines are not those that were asked for.
const STILL: &str = "the runs are still being filtered or sorted; try again";

fn has_lost_filter(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(app.runs.can_bring_back(), "no filter was cleared; f filters")
}

fn has_experiment(app: &App) -> Possible {
    given(app.runs.loaded, "no experiment is open yet")
}

fn is_sorted(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(!app.runs.view.sort.is_empty(), "sort by a column first: s")
}

fn on_column(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(app.runs.column > 0, "the name column is fixed; choose another with h and l")
}

fn on_metric(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(
        matches!(app.runs.chosen_column(), Some(ColumnSpec::Metric(..))),
        "only for metrics; choose one with h and l",
    )
}

fn can_group(app: &App) -> Possible {
    on_loaded_runs(app)?;
    given(app.runs.catalog.count > 0, "there is no run to group")
}

fn can_fold(app: &App) -> Possible {
    on_runs(app)?;
    let line = app.runs.projection.lines.get(app.runs.cursor.at);
    given(line.is_some_and(|line| line.fold != FoldState::Leaf), "this row has no children")
}

fn has_folds(app: &App) -> Possible {
    on_runs(app)?;
    given(app.runs.view.shape != Shape::Flat, "only in trees (g t) and groups (g b)")
}

fn has_run_in_table(app: &App) -> Possible {
    on_runs(app)?;
    given(app.runs.length() > 0, "no run under the cursor")?;
    given(!app.runs.awaits_view(), STILL)
}

fn has_selected(app: &App) -> Possible {
    given(!app.runs.selected.is_empty(), "no run is selected; space selects one")
}

fn can_write_runs(app: &App) -> Possible {
    can_write(app)?;
    given(!app.runs.awaits_view(), STILL)?;
    has_target(app)
}

fn can_note(app: &App) -> Possible {
    can_write(app)?;
    given(
        app.focus != Focus::Experiments && app.runs.row_under_cursor().is_some(),
        "no run under the cursor to write a note for",
    )
}
