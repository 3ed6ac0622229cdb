//! What keys do about the best run.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::tui::core::action::{ActionRow, BEST, Possible, can_write, given, rows_of};
use crate::tui::core::app::App;
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    GoTo,
    MarkBest,
    ChooseBy,
    Why,
    Leaderboard,
    UndoMark,
    Marks,
}

rows_of!(row: Best, BEST, &[Scope::Panes]);

pub const ROWS: &[ActionRow] = &[
    row(Action::GoTo, "go-to-best", &["b"], "best", "go to the best run", has_best),
    row(
        Action::MarkBest,
        "mark-best",
        &["B"],
        "promote best",
        "promote the best run: mark it, register its model, make that the champion, after a look",
        can_mark,
    ),
    row(
        Action::ChooseBy,
        "choose-by",
        &["m"],
        "metric",
        "choose the metric to optimise, and how",
        has_metrics,
    ),
    row(Action::Why, "why", &["w"], "why", "explain why the best run is the best", has_selection),
    row(Action::Leaderboard, "leaderboard", &["L"], "", "rank the best runs", has_selection),
    row(
        Action::UndoMark,
        "undo-mark",
        &["U"],
        "",
        "undo the mark on the best run, and its registration",
        can_undo,
    ),
    row(Action::Marks, "marks", &["g B", "ctrl-b"], "", "mark any run, history of marks", has_runs),
];

fn has_best(app: &App) -> Possible {
    given(app.best.run_id().is_some(), "no best run yet; w explains why, m chooses a metric")
}

fn has_selection(app: &App) -> Possible {
    given(app.best.selection().is_some(), "no metric tells which run is best: m chooses one")
}

fn has_metrics(app: &App) -> Possible {
    given(app.runs.loaded && !app.runs.catalog.metrics.is_empty(), "no run has a metric")
}

fn can_mark(app: &App) -> Possible {
    can_write(app)?;
    has_best(app)
}

fn can_undo(app: &App) -> Possible {
    can_write(app)?;
    given(app.runs.loaded, "no experiment is open yet")
}

fn has_runs(app: &App) -> Possible {
    can_write(app)?;
    given(app.runs.loaded && app.runs.length() > 0, "no run to mark")
}
