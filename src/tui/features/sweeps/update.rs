//! Training from the explorer: one key starts a sweep, another plans it, a list shows how far sweeps have come.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::{Action, chosen};
use super::effects::Effect;
use super::plan::command::fill::sweep_of_run;
pub use super::plan::update::{destination, edited, offer};
use super::screen::SweepScreen;
use super::steering::Steering;
use super::{Msg, log, plan, screen};
use crate::mlflow::RunId;
use crate::sweep::engine::journal::Change;
use crate::sweep::engine::rules::{MOST_IN_GRID, MOST_JOBS};
use crate::sweep::progress::{Progress, SweepStatus};
use crate::text;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::requests::{open_experiment, project};
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::prompt::{Prompt, PromptError};
use crate::tui::widgets::report::Report;

/// Milliseconds between looks at sweeps that run.
const LOOK: i64 = 1_000;

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Train | Action::Plan | Action::Around if !is_known(app) => {
            app.sweeps.waits = Some(action);
            app.status = Some("still reading the experiment".into());
        }
        Action::Train => plan::update::train(app, effects),
        Action::Plan => plan::update::ask(app),
        Action::Around => plan::update::around(app, effects),
        Action::List => {
            // That of the run under the cursor, or the newest.
            app.sweeps.listed_at = sweep_of_run(app).map(str::to_owned);
            let at = app.sweeps.listed_at.as_deref().and_then(|id| app.sweeps.place(id)).unwrap_or(0);
            app.overlay = Some(Overlay::Sweeps { at });
            look(app, effects);
        }
        Action::Pause => {
            let is_paused = chosen(app).is_some_and(|sweep| sweep.state == SweepStatus::Paused);
            steer(app, if is_paused { Steering::Continue } else { Steering::Pause }, effects);
        }
        Action::Cancel => ask_to_cancel(app),
        Action::Resume => steer(app, Steering::Resume, effects),
        Action::Log => {
            let sweep = chosen(app).map(|sweep| sweep.id.clone());
            effects.extend(sweep.map(Effect::ReadLog));
        }
        Action::Runs => {
            app.sweeps.opens = chosen(app).map(|sweep| sweep.experiment.clone());
            app.overlay = None;
            listed(app, effects);
        }
        Action::MoreJobs => ask_jobs(app, 1, effects),
        Action::FewerJobs => ask_jobs(app, -1, effects),
        Action::Trials => ask_trials(app),
        Action::PruneTrial => ask_to_prune(app),
        Action::RetryTrial => {
            let Some(trial) = screen::update::screen(app).and_then(SweepScreen::chosen) else { return };
            ask(app, Change::Retry { trial }, effects);
        }
        Action::TrialRun => screen::update::go_to_run(app, effects),
        Action::FollowLog => log::update::open(app, effects),
        Action::SortTrials => screen::update::sort(app),
        Action::Color => screen::update::color(app),
        Action::YRange => screen::update::y_range(app),
        Action::LogY => screen::update::log_y(app),
        Action::LayOver => screen::update::overlay(app),
        Action::Follow => log::update::follow(app),
        Action::Begin => plan::update::begin(app, effects),
        Action::Complete => plan::update::complete(app, effects),
        Action::NextLine | Action::PreviousLine => {
            plan::update::step(app, action == Action::NextLine, effects);
        }
        Action::Leave => app.overlay = None,
    }
}

/// What leads through the list of sweeps.
pub fn go(app: &mut App, action: go::Action, effects: &mut Effects) {
    let last = app.sweeps.list.len().saturating_sub(1);
    let Some(Overlay::Sweeps { at }) = &mut app.overlay else { return };
    if let Some(by) = action.lines(10) {
        app.sweeps.listed_at = None;
        *at = at.saturating_add_signed(by).min(last);
    }
    match action {
        go::Action::Back => app.overlay = None,
        go::Action::Open => {
            if let Some(sweep) = chosen(app).cloned() {
                screen::update::open(app, sweep, effects);
            }
        }
        go::Action::Down
        | go::Action::Up
        | go::Action::PageDown
        | go::Action::PageUp
        | go::Action::Top
        | go::Action::Bottom
        | go::Action::Left
        | go::Action::Right
        | go::Action::NextTab
        | go::Action::PreviousTab
        | go::Action::Search => {}
    }
}

fn ask(app: &App, change: Change, effects: &mut Effects) {
    let sweep = chosen(app).map(|sweep| sweep.id.clone());
    effects.extend(sweep.map(|sweep| Effect::Ask { sweep, change }));
    effects.push(Effect::ReadProgress);
}

/// Asks before trials are ended that are under way.
fn ask_to_cancel(app: &mut App) {
    let Some(sweep) = chosen(app) else { return };
    let running = match sweep.running {
        0 if sweep.is_on_cluster => "Its jobs are cancelled, and their runs closed.".to_owned(),
        0 => "No trial is running.".to_owned(),
        1 => "The trial that is running ends at once, and runs again when the sweep is resumed.".to_owned(),
        some => format!("{some} trials end at once, and run again when the sweep is resumed."),
    };
    let (id, question) = (sweep.id.clone(), format!("Cancel {}?", sweep.name));
    Confirm::new(question, vec![running], move |_, effects| {
        effects.push(Effect::Steer { sweep: id, steering: Steering::Cancel });
    })
    .open_over(app);
}

/// Asks before a trial is ended, which loses what it has come to since its last checkpoint.
fn ask_to_prune(app: &mut App) {
    let Some(screen) = screen::update::screen(app) else { return };
    let Some((number, trial)) = screen.chosen().and_then(|at| Some((at, screen.shown.state.trials.get(at)?)))
    else {
        return;
    };
    let took = text::span(app.now.saturating_sub(trial.started).max(0));
    let lines = vec![format!("It has run for {took}, and ends at once. Its points are kept.")];
    screen::update::stay_on(app, number);
    Confirm::new(format!("Prune trial {number}?"), lines, move |app, effects| {
        ask(app, Change::Prune { trial: number }, effects);
    })
    .open_over(app);
}

fn ask_jobs(app: &mut App, by: isize, effects: &mut Effects) {
    let Some(jobs) = chosen(app).map(|sweep| sweep.jobs) else { return };
    let wanted = jobs.saturating_add_signed(by).clamp(1, MOST_JOBS);
    if wanted == jobs {
        app.status = Some(format!("1 to {MOST_JOBS} jobs"));
        return;
    }
    ask(app, Change::Jobs { jobs: wanted }, effects);
    // The next key counts from here.
    let Some(id) = chosen(app).map(|sweep| sweep.id.clone()) else { return };
    for sweep in app.sweeps.list.iter_mut().filter(|sweep| sweep.id == id) {
        sweep.jobs = wanted;
    }
    screen::update::seen(app);
}

/// Asks for the number of trials.
fn ask_trials(app: &mut App) {
    let Some(sweep) = chosen(app) else { return };
    let (id, begun) = (sweep.id.clone(), (sweep.ended() + sweep.running).saturating_sub(sweep.ensembles));
    let now = sweep.of.map_or(String::new(), |of| of.saturating_sub(sweep.ensembles).to_string());
    let hint = format!("trials in all; {begun} have begun");
    let list = app.overlay.take();
    let at = if let Some(Overlay::Sweeps { at }) = list { Some(at) } else { None };
    Prompt::new("Number of trials", hint, &now, number, move |app, most, effects| {
        if most < begun {
            return Err(format!(
                "{} begun already",
                if begun == 1 { "1 trial has".into() } else { format!("{begun} trials have") }
            )
            .into());
        }
        effects.push(Effect::Ask { sweep: id.clone(), change: Change::Trials { most } });
        effects.push(Effect::ReadProgress);
        app.overlay = at.map(|at| Overlay::Sweeps { at });
        Ok(())
    })
    .open(app);
}

fn number(text: &str) -> Result<usize, PromptError> {
    let number = text.trim().parse().ok().filter(|number| (1..=MOST_IN_GRID).contains(number));
    number.ok_or_else(|| "a number from 1 on".into())
}

fn steer(app: &App, steering: Steering, effects: &mut Effects) {
    let sweep = chosen(app).map(|sweep| sweep.id.clone());
    effects.extend(sweep.map(|sweep| Effect::Steer { sweep, steering }));
}

/// Whether it is known what the store holds, and so what a sweep would be among.
fn is_known(app: &App) -> bool {
    app.experiments.loaded && app.experiments.counted
}

/// Does what was asked for too early, as soon as it can be done.
pub fn catch_up(app: &mut App, effects: &mut Effects) {
    if is_known(app)
        && let Some(action) = app.sweeps.waits.take()
    {
        app.status = None;
        perform(app, action, effects);
    }
}

/// What came back about sweeps.
pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    match msg {
        Msg::Trained(result) => plan::update::began(app, result.map(|began| *began), effects),
        Msg::Checked { ticket, columns, result } => plan::update::checked(app, ticket, columns, result),
        Msg::DataListed { folder, entries } => plan::update::listed_data(app, &folder, entries),
        Msg::ScriptFound { ticket, planned } => plan::update::found(app, ticket, &planned, effects),
        Msg::CommandChecked { ticket, result } => plan::update::command_checked(app, ticket, result),
        Msg::Progress { list, unread } => {
            seen(app, list);
            not_read(app, unread);
        }
        Msg::Log { name, text } => logged(app, &name, &text),
        Msg::Followed { sweep, ticket, result } => screen::update::followed(app, &sweep, ticket, result),
        Msg::Described { ticket, trials } => screen::update::described(app, ticket, trials, effects),
        Msg::Weighed { ticket, matters } => screen::update::weighed(app, ticket, matters),
        Msg::LogRead { ticket, result } => log::update::read(app, ticket, result),
    }
}

/// Opens the experiment of a sweep that just began, once it is known.
pub fn listed(app: &mut App, effects: &mut Effects) {
    let Some(id) = app.sweeps.opens.clone() else { return };
    if app.experiments.find(&id).is_none() {
        return;
    }
    app.sweeps.opens = None;
    open_experiment(app, &id, effects);
}

/// After a sweep that was begun here the cursor stands on the best run, unless a key was pressed since.
pub fn lead_to_best(app: &mut App, effects: &mut Effects) {
    let Some((name, experiment)) = &app.sweeps.watched else { return };
    let is_it = |sweep: &&Progress| sweep.name == *name && sweep.experiment == *experiment;
    let has_ended = app.sweeps.list.iter().find(is_it).is_some_and(|sweep| !sweep.state.is_active());
    if !has_ended || app.runs.experiment.as_ref() != Some(experiment) || !app.runs.complete {
        return;
    }
    let Some(best) = app.best.run_id().map(RunId::from) else { return };
    let Some(row) = app.runs.row_of(&best).filter(|row| app.runs.projection.passes(*row)) else { return };
    if app.runs.run_under_cursor().as_ref() != Some(&best) && !app.runs.projecting.is_waiting() {
        if (0..app.runs.length()).all(|at| app.runs.projection.row(at) != Some(row)) {
            app.runs.unfold(row);
        }
        app.runs.follow(&best);
        project(app, effects);
    }
}

pub fn look(app: &mut App, effects: &mut Effects) {
    app.sweeps.asked = app.now;
    effects.push(Effect::ReadProgress);
}

/// Time passes: what runs is looked at again.
pub fn tick(app: &mut App, effects: &mut Effects) {
    let is_watched = matches!(app.overlay, Some(Overlay::Sweeps { .. }))
        || screen::update::screen(app).is_some()
        || app.sweeps.active().next().is_some();
    screen::update::read_on(app, effects);
    log::update::read_on(app, effects);
    if is_watched && app.now - app.sweeps.asked >= LOOK {
        look(app, effects);
    }
}

/// How far the sweeps are; those that ended since are told of.
fn seen(app: &mut App, list: Vec<Progress>) {
    let ended = list.iter().find(|sweep| {
        let before = app.sweeps.list.iter().find(|known| known.id == sweep.id);
        !sweep.state.is_active() && before.is_some_and(|known| known.state.is_active())
    });
    if let Some(sweep) = ended {
        let best = sweep.best.as_ref().map_or_else(
            || sweep.error.as_ref().map_or(String::new(), |error| format!(": {error}")),
            |best| format!(": best {best}"),
        );
        app.say(format!(
            "{} is {} after {}{best}",
            sweep.name,
            sweep.state.as_str(),
            text::counted(sweep.ended(), "trial")
        ));
    }
    let wanted = app.sweeps.listed_at.take();
    let before = std::mem::replace(&mut app.sweeps.list, list);
    screen::update::seen(app);
    if let Some(Overlay::Sweeps { at }) = &mut app.overlay {
        // The cursor stays on its sweep where others come before it.
        let id = wanted.as_ref().or(before.get(*at).map(|sweep| &sweep.id));
        let now = id.and_then(|id| app.sweeps.place(id)).unwrap_or(*at);
        *at = now.min(app.sweeps.list.len().saturating_sub(1));
    }
}

/// What cannot be read is said once, and stays in the list.
fn not_read(app: &mut App, unread: Vec<String>) {
    if let Some(new) = unread.iter().find(|words| !app.sweeps.unread.contains(words)) {
        let words = format!("cannot read a sweep: {new}");
        app.say(words);
    }
    app.sweeps.unread = unread;
}

/// What the process of a sweep said.
fn logged(app: &mut App, name: &str, text: &str) {
    let mut lines: Vec<String> = text.lines().rev().take(200).map(str::to_owned).collect();
    lines.reverse();
    if lines.is_empty() {
        lines.push("the log is empty".into());
    }
    Report::new(format!("Log of {name}"), lines).open_over(app);
}
