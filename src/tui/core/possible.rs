//! Whether an action can be done now, or why not. What is not possible is not shown, and a key for it says why.

use super::action::Action;
use super::app::{App, Screen};
use super::layout::Focus;
use crate::catalog::ColumnSpec;
use crate::catalog::view::{Fold, Shape};
use crate::tui::features::compare::{CompareScreen, Tab};

pub type Possible = Result<(), &'static str>;

pub fn possible(app: &App, action: Action) -> Possible {
    if !app.scopes().contains(&action.scope()) {
        return Err("this works elsewhere: esc goes back");
    }
    if !app.screens.is_empty() {
        return on_screen(app, action);
    }
    match action {
        Action::Left | Action::Right => in_columns(app),
        Action::Open => can_open(app),
        Action::Back => can_go_back(app),
        Action::SortAlso => is_sorted(app),
        Action::Search if app.is_on_charts() => has_run_shown(app),
        Action::Search
        | Action::Expression
        | Action::Sort
        | Action::Columns
        | Action::ColumnWider
        | Action::ColumnNarrower
        | Action::Tree
        | Action::Deleted
        | Action::ResetView => on_loaded_runs(app),
        Action::Statistic => on_metric(app),
        Action::ColumnLeft | Action::ColumnRight => on_column(app),
        Action::Group => can_group(app),
        Action::Fold => can_fold(app),
        Action::FoldAll => has_folds(app),
        Action::Mark | Action::MarkRange => has_run_in_table(app),
        Action::ClearMarks => has_marks(app),
        Action::Compare => can_compare(app),
        Action::GoToBest => has_best(app),
        Action::Leaderboard | Action::Why => has_selection(app),
        Action::ChooseBy => {
            given(app.runs.loaded && !app.runs.catalog.metrics.is_empty(), "no run has a metric")
        }
        Action::MarkBest => can_write(app).and_then(|()| has_best(app)),
        Action::UndoMark => {
            can_write(app)?;
            given(app.runs.loaded, "no experiment is open yet")
        }
        Action::Marks => {
            can_write(app)?;
            given(app.runs.loaded && app.runs.length() > 0, "there is no run to mark")
        }
        Action::Train | Action::TrainPlan => can_train(app),
        Action::Rename => can_rename(app),
        Action::Delete | Action::Tags => can_write_runs(app),
        Action::Note => can_note(app),
        Action::Copy | Action::CopyCell => has_target(app),
        Action::Browse => can_browse(app),
        Action::PaneWider | Action::PaneNarrower => has_side_border(app),
        Action::PaneTaller | Action::PaneShorter => has_middle_border(app),
        Action::Profiles => has_profiles(app),
        Action::Messages => has_messages(app),
        Action::Down
        | Action::Up
        | Action::PageDown
        | Action::PageUp
        | Action::Top
        | Action::Bottom
        | Action::NextPane
        | Action::PreviousPane
        | Action::Pane(_)
        | Action::NextTab
        | Action::PreviousTab
        | Action::Zoom
        | Action::Refresh
        | Action::Pause
        | Action::Interval
        | Action::Palette
        | Action::Suspend
        | Action::Quit
        | Action::XAxis
        | Action::LogX
        | Action::LogY
        | Action::Smoother
        | Action::Rougher
        | Action::YRange
        | Action::ZoomIn
        | Action::ZoomOut
        | Action::Fit
        | Action::PanLeft
        | Action::PanRight
        | Action::Extremes
        | Action::Export
        | Action::Turn
        | Action::Differing
        | Action::ByName
        | Action::Baseline
        | Action::Difference
        | Action::Seeds
        | Action::ChooseMetric
        | Action::ChooseX
        | Action::ChooseY
        | Action::BrushWider
        | Action::BrushNarrower
        | Action::BrushClear
        | Action::Sweeps
        | Action::Help => Ok(()),
    }
}

fn can_train(app: &App) -> Possible {
    can_write(app)?;
    given(app.experiments.loaded || app.experiments.error.is_none(), "the store does not answer")
}

/// What can be done on a screen that stands in place of the panes.
fn on_screen(app: &App, action: Action) -> Possible {
    match (app.screens.last(), action) {
        (_, Action::Messages) => has_messages(app),
        (Some(Screen::Compare(screen)), action) => on_comparison(screen, action),
        (_, Action::Open | Action::Search) => Err("there is nothing to open or to search here"),
        _ => Ok(()),
    }
}

fn on_comparison(screen: &CompareScreen, action: Action) -> Possible {
    let is_table = screen.tab == Tab::Table;
    match action {
        Action::Open if is_table => given(
            screen.chosen_entry().is_some_and(|entry| entry.kind.has_history()),
            "metrics have histories to open: choose one",
        ),
        Action::Search
        | Action::Turn
        | Action::Differing
        | Action::ByName
        | Action::Baseline
        | Action::Difference => given(is_table, "this is for the table: [ ] lead there"),
        Action::ChooseMetric => given(!is_table, "this is for the plots: ] leads there"),
        Action::ChooseX | Action::ChooseY => {
            given(screen.tab == Tab::Scatter, "this is for the scatter plot")
        }
        Action::BrushWider | Action::BrushNarrower | Action::BrushClear => {
            given(screen.tab == Tab::Parallel, "this is for the parallel coordinates")
        }
        _ => Ok(()),
    }
}

fn can_compare(app: &App) -> Possible {
    on_loaded_runs(app)?;
    let marked = app.runs.marks.len();
    given(
        marked + app.runs.length() >= 2 && (marked >= 2 || app.runs.length() >= 2),
        "it takes two runs to compare",
    )
}

fn has_best(app: &App) -> Possible {
    given(app.best.run_id().is_some(), "no best run is known: w says why, m chooses a metric")
}

fn has_selection(app: &App) -> Possible {
    given(app.best.selection.is_some(), "no metric tells which run is best: m chooses one")
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

fn has_run_shown(app: &App) -> Possible {
    given(app.details.run.is_some(), "no run is selected")
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
        Focus::Details => {
            let is_chart = app.is_on_charts() && app.charts.key().is_some();
            given(is_chart || app.details.can_open(), "there is nothing to open here")
        }
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
