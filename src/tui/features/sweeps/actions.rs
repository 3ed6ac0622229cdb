//! What keys do about sweeps: begin one, plan one, look at them, steer them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::plan::command::fill::script_run;
use super::screen::SweepTab;
use super::screen::update::screen;
use crate::sweep::engine::journal::TrialOutcome;
use crate::sweep::engine::state::TrialState;
use crate::sweep::progress::{Progress, SweepStatus};
use crate::tui::core::action::{ActionRow, DIALOGS, Possible, TRAIN, always, can_write, given, rows_of};
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::layer::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Train,
    Plan,
    /// Plan a sweep around the run under the cursor.
    Around,
    List,
    /// Pause the sweep under the cursor, or let it go on.
    Pause,
    Cancel,
    Resume,
    Log,
    /// Show the runs of the sweep under the cursor.
    Runs,
    /// More or fewer trials side by side.
    MoreJobs,
    FewerJobs,
    /// Another number of trials.
    Trials,
    /// Show the run of the trial under the cursor.
    TrialRun,
    FollowLog,
    PruneTrial,
    RetryTrial,
    SortTrials,
    /// What the dots are coloured by.
    Color,
    LogY,
    /// Draw all trials, or leave out those that are far worse.
    YRange,
    /// Lay another sweep over this one.
    LayOver,
    /// Follow the end of a log, or stay.
    Follow,
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
rows_of!(of_sweep: Sweeps, TRAIN, &[Scope::Sweeps, Scope::Sweep]);
rows_of!(in_sweep: Sweeps, TRAIN, &[Scope::Sweep]);
rows_of!(in_log: Sweeps, TRAIN, &[Scope::Log]);
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
        "plan a sweep: of built-in models on a table, or of a command",
        can_train,
    ),
    in_panes(
        Action::Around,
        "sweep-around",
        &["A"],
        "",
        "plan a sweep of a command around this run",
        has_script,
    ),
    in_panes(
        Action::List,
        "sweeps",
        &["g s"],
        "sweeps",
        "sweep progress; pause, cancel, resume sweeps",
        always,
    ),
    of_sweep(
        Action::Pause,
        "sweep-pause",
        &["p", "space"],
        "pause",
        "pause or continue the sweep",
        can_pause,
    ),
    of_sweep(Action::Cancel, "sweep-cancel", &["x"], "cancel", "cancel the sweep", can_cancel),
    of_sweep(Action::Resume, "sweep-resume", &["r"], "resume", "resume the sweep", can_resume),
    in_list(Action::Log, "sweep-log", &["l"], "log", "show the log of the sweep", has_sweep),
    in_list(Action::Runs, "sweep-runs", &["e"], "runs", "go to the runs of the sweep", has_sweep),
    in_sweep(Action::TrialRun, "trial-run", &["e"], "run", "go to the run of the trial", has_trial),
    in_sweep(Action::FollowLog, "trial-log", &["l"], "log", "follow the log of the trial", can_open_trial),
    in_sweep(Action::PruneTrial, "trial-prune", &["X"], "prune", "prune the trial", can_prune),
    in_sweep(Action::RetryTrial, "trial-retry", &["R"], "retry", "run the trial again", can_retry),
    of_sweep(Action::Trials, "sweep-trials", &["t"], "trials", "change the number of trials", can_change),
    of_sweep(
        Action::MoreJobs,
        "sweep-more-jobs",
        &["+"],
        "more jobs",
        "run one more trial at a time",
        can_change,
    ),
    of_sweep(
        Action::FewerJobs,
        "sweep-fewer-jobs",
        &["-"],
        "fewer",
        "run one less trial at a time",
        can_change,
    ),
    in_sweep(
        Action::SortTrials,
        "trials-sort",
        &["s"],
        "sort",
        "sort trials by the chosen column",
        on_trials,
    ),
    in_sweep(Action::Color, "sweep-colour", &["c"], "colour", "colour trials by family or a param", on_chart),
    in_sweep(
        Action::LayOver,
        "sweep-over",
        &["o"],
        "lay over",
        "lay another sweep over the chart",
        can_lay_over,
    ),
    in_sweep(
        Action::LogY,
        "sweep-log-y",
        &["Y"],
        "log y",
        "logarithmic y axis of the chart, or linear",
        on_chart,
    ),
    in_sweep(
        Action::YRange,
        "sweep-y-range",
        &["w"],
        "y range",
        "show all trials, or leave out those far worse than the others",
        on_chart,
    ),
    in_log(Action::Follow, "log-follow", &["F"], "follow", "follow the end of the log, or stay", always),
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

fn has_script(app: &App) -> Possible {
    can_train(app)?;
    given(script_run(app).is_some(), "no script logged this run")
}

/// The sweep under the cursor of the list.
pub fn chosen(app: &App) -> Option<&Progress> {
    match app.overlay {
        Some(Overlay::Sweeps { at }) => app.sweeps.list.get(at),
        Some(_) | None => screen(app).map(|screen| &screen.progress),
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
    let goes_on = |sweep: &Progress| sweep.is_on_cluster && sweep.state == SweepStatus::Interrupted;
    if chosen(app).is_some_and(goes_on) {
        // Its jobs do.
        return can_write(app);
    }
    in_state(app, SweepStatus::is_active, "the sweep is not running")
}

fn can_resume(app: &App) -> Possible {
    let is_right = |state| {
        matches!(
            state,
            SweepStatus::Cancelled | SweepStatus::Failed | SweepStatus::Interrupted | SweepStatus::Elsewhere
        )
    };
    in_state(app, is_right, "only a cancelled, failed or interrupted sweep can be resumed")
}

/// A sweep that is not over, or can be resumed, takes changes.
fn can_change(app: &App) -> Possible {
    let is_right = |state| state != SweepStatus::Finished;
    in_state(app, is_right, "the sweep is finished")
}

fn trial(app: &App) -> Option<&TrialState> {
    let screen = screen(app)?;
    screen.shown.state.trials.get(screen.chosen()?)
}

fn has_trial(app: &App) -> Possible {
    given(trial(app).is_some(), "no trial here")
}

/// The trial under the cursor has a log of its own.
pub fn can_open_trial(app: &App) -> Possible {
    has_trial(app)?;
    let is_command = screen(app).is_some_and(|screen| screen.progress.is_command);
    given(is_command, "trials of built-in models have no log of their own; l in the list shows the sweep's")
}

fn can_prune(app: &App) -> Possible {
    given(trial(app).is_some_and(|trial| trial.outcome.is_none()), "the trial is over")?;
    in_state(app, SweepStatus::is_active, "the sweep is not running")
}

fn can_retry(app: &App) -> Possible {
    let is_right = |trial: &TrialState| {
        matches!(trial.outcome, Some(TrialOutcome::Failed { .. } | TrialOutcome::Pruned { .. }))
    };
    given(trial(app).is_some_and(is_right), "only a failed or pruned trial runs again")?;
    can_write(app)
}

fn on_trials(app: &App) -> Possible {
    let is_it = screen(app).is_some_and(|screen| screen.tab == SweepTab::Trials);
    given(is_it, "only in the table of trials; ] goes there")
}

fn on_chart(app: &App) -> Possible {
    let is_it = screen(app).is_some_and(|screen| screen.tab == SweepTab::Chart);
    given(is_it, "only on the chart; ] goes there")
}

fn can_lay_over(app: &App) -> Possible {
    on_chart(app)?;
    given(app.sweeps.list.len() > 1, "there is no other sweep")
}

fn has_rest(app: &App) -> Possible {
    match &app.overlay {
        Some(Overlay::Plan(form)) => given(form.rest().is_some(), "no completion"),
        Some(Overlay::Command(form)) => given(form.rest().is_some(), "no completion"),
        Some(_) | None => Err("no plan here"),
    }
}
