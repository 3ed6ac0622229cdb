//! What keys do about sweeps: begin one, plan one, look at them, steer them.

#![deny(clippy::wildcard_enum_match_arm)]

use crate::sweep::progress::{Progress, SweepStatus};
use crate::tui::core::action::{ActionRow, DIALOGS, Possible, TRAIN, always, can_write, given, rows_of};
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Train,
    Plan,
    List,
    /// Pause the sweep under the cursor, or let it go on.
    Pause,
    Cancel,
    Resume,
    Log,
    /// Begin the sweep of the form.
    Begin,
    Complete,
    NextLine,
    PreviousLine,
    Leave,
}

rows_of!(in_panes: Sweeps, TRAIN, &[Scope::Panes]);
rows_of!(anywhere: Sweeps, TRAIN, &[Scope::Panes, Scope::Sweeps]);
rows_of!(in_list: Sweeps, TRAIN, &[Scope::Sweeps]);
rows_of!(in_form: Sweeps, DIALOGS, &[Scope::Plan]);

pub const ROWS: &[ActionRow] = &[
    anywhere(
        Action::Train,
        "train",
        &["T"],
        "train",
        "train: start the sweep of this experiment, or plan one",
        can_train,
    ),
    anywhere(
        Action::Plan,
        "train-plan",
        &["ctrl-t"],
        "",
        "plan a sweep: data, target, metric, families, budget",
        can_train,
    ),
    in_panes(
        Action::List,
        "sweeps",
        &["g s"],
        "sweeps",
        "sweep progress; pause, cancel, resume sweeps",
        always,
    ),
    in_list(Action::Pause, "sweep-pause", &["p", "space"], "pause", "pause or continue the sweep", can_pause),
    in_list(Action::Cancel, "sweep-cancel", &["x"], "cancel", "cancel the sweep", can_cancel),
    in_list(Action::Resume, "sweep-resume", &["r"], "resume", "resume the sweep", can_resume),
    in_list(Action::Log, "sweep-log", &["l"], "log", "show the log of the sweep", has_sweep),
    in_form(Action::Begin, "plan-train", &["enter"], "train", "plan: start the sweep", always),
    in_form(
        Action::Complete,
        "plan-complete",
        &["tab", "right"],
        "complete",
        "plan: complete the line",
        has_rest,
    ),
    in_form(
        Action::NextLine,
        "plan-next",
        &["tab", "down", "ctrl-n"],
        "next line",
        "plan: next line",
        always,
    ),
    in_form(
        Action::PreviousLine,
        "plan-previous",
        &["shift-tab", "up", "ctrl-p"],
        "",
        "plan: previous line",
        always,
    ),
    in_form(Action::Leave, "plan-leave", &["esc", "ctrl-c"], "leave", "plan: close", always),
];

fn can_train(app: &App) -> Possible {
    can_write(app)?;
    given(app.experiments.loaded || app.experiments.error.is_none(), "the store does not answer")
}

/// The sweep under the cursor of the list.
pub fn chosen(app: &App) -> Option<&Progress> {
    match app.overlay {
        Some(Overlay::Sweeps { at }) => app.sweeps.list.get(at),
        Some(_) | None => None,
    }
}

fn has_sweep(app: &App) -> Possible {
    given(chosen(app).is_some(), "no sweep yet; T trains, ctrl-t plans")
}

fn in_state(app: &App, is_right: fn(SweepStatus) -> bool, otherwise: &'static str) -> Possible {
    has_sweep(app)?;
    given(chosen(app).is_some_and(|sweep| is_right(sweep.state)), otherwise)?;
    can_write(app)
}

fn can_pause(app: &App) -> Possible {
    let is_right = |state| matches!(state, SweepStatus::Running | SweepStatus::Paused);
    in_state(app, is_right, "the sweep is not running")
}

fn can_cancel(app: &App) -> Possible {
    in_state(app, SweepStatus::is_active, "the sweep is not running")
}

fn can_resume(app: &App) -> Possible {
    let is_right =
        |state| matches!(state, SweepStatus::Cancelled | SweepStatus::Failed | SweepStatus::Interrupted);
    in_state(app, is_right, "only a cancelled, failed or interrupted sweep can be resumed")
}

fn has_rest(app: &App) -> Possible {
    match &app.overlay {
        Some(Overlay::Plan(form)) => given(form.rest().is_some(), "no completion"),
        Some(_) | None => Err("no plan here"),
    }
}
