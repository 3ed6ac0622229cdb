//! The only place that changes the state: a message in, effects out. No IO, no clock, no terminal.

use crossterm::event::{KeyEvent, KeyEventKind};

use super::answers::answered;
use super::app::{App, Overlay};
use super::effect::Effect;
use super::keymap::{Chord, Lookup};
use super::layout::Focus;
use super::mouse::mouse;
use super::msg::Msg;
use super::perform::perform;
use super::requests::{quit, remember, show_cursors};
use super::typing;
use crate::catalog::Row;
use crate::mlflow::RunId;
use crate::tui::core::layout::Tab;
use crate::tui::features::details::Models;
use crate::tui::features::{charts, compare, sweeps};

/// Active runs that a poll looks at anew, at most: those on the screen before all others.
const ATTENDED: usize = 60;

pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(event) if event.kind != KeyEventKind::Release => key(app, event, &mut effects),
        Msg::Key(_) => {}
        Msg::Mouse(event) => mouse(app, event, &mut effects),
        Msg::Paste(text) => typing::paste(app, &text, &mut effects),
        Msg::Focused(focused) => {
            app.pace.focused = focused;
            if focused {
                app.pace.touch(app.now);
            }
        }
        Msg::Resize { columns, rows } => {
            app.size = (columns, rows);
            show_cursors(app);
        }
        Msg::Tick { now } => {
            app.now = now;
            sweeps::update::tick(app, &mut effects);
        }
        Msg::Terminate => quit(app, &mut effects),
        answer => answered(app, answer, &mut effects),
    }
    if !app.quitting {
        follow_up(app, &mut effects);
    }
    effects
}

/// What follows from the state as it now is, whatever changed it: the values of what is on the screen.
fn follow_up(app: &mut App, effects: &mut Vec<Effect>) {
    let height = app.geometry().rows(Focus::Runs);
    let mut attends = false;
    if let Some((key, ids)) = app.runs.missing_sparks(height) {
        effects.push(Effect::Histories { generation: app.runs.spark_generation, ids, key });
        attends = true;
    }
    let selected = app.runs.selected_run();
    if selected != app.details.wanted && selected.is_some() {
        app.details.wanted.clone_from(&selected);
        app.details.generation += 1;
        if let Some(id) = selected {
            effects.push(Effect::LoadRun { generation: app.details.generation, id });
        }
        attends = true;
    }
    let mut wanted = app.best.wanted();
    wanted.extend(app.runs.wanted_histories());
    wanted.dedup();
    if wanted != app.runs.asked_histories {
        app.runs.asked_histories.clone_from(&wanted);
        attends = true;
    }
    if attends {
        attend(app, height, effects);
    }
    needs_of_tab(app, effects);
    let listed = app.runs.experiment.as_ref().and_then(|id| app.experiments.find(id));
    let tags = listed.map_or(&[][..], |listed| &listed.experiment.tags);
    effects.extend(app.best.follow(&app.runs, tags));
    compare::update::follow_up(app, effects);
    charts::update::follow_up(app, effects);
    if let Some(pace) = app.pace.news(app.now) {
        effects.push(Effect::Pace(pace));
    }
    if app.runs.changed && app.overlay.is_none() {
        remember(app, effects);
    }
}

/// Tells which runs polls shall look at anew: those that run, then the others on the screen.
fn attend(app: &App, height: usize, effects: &mut Vec<Effect>) {
    let runs = &app.runs;
    let is_active = |row: &Row| runs.catalog.run(*row).status.is_active();
    let id = |row: Row| RunId::from(runs.catalog.run_id(row));
    let (mut active, others): (Vec<Row>, Vec<Row>) = runs.visible(height).partition(is_active);
    for row in runs.catalog.active.iter().copied() {
        if active.len() >= ATTENDED {
            break;
        }
        if !active.contains(&row) {
            active.push(row);
        }
    }
    effects.push(Effect::Attend {
        selected: runs.selected_run(),
        active: active.into_iter().take(ATTENDED).map(id).collect(),
        others: others.into_iter().map(id).collect(),
        wanted: runs.asked_histories.clone(),
    });
}

/// Interprets a key: with the keys before it, and whatever owns the keyboard now, it is an action or nothing.
fn key(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    app.status = None;
    app.notice = None;
    app.pace.touch(app.now);
    match app.overlay {
        Some(Overlay::Search) => return typing::in_search(app, event, effects),
        Some(Overlay::Prompt(_)) => return typing::in_prompt(app, event, effects),
        Some(Overlay::Picker(_)) => return typing::in_picker(app, event, effects),
        Some(Overlay::Confirm(_)) => return typing::in_confirm(app, event, effects),
        Some(Overlay::Plan(_)) => return sweeps::update::in_form(app, event, effects),
        Some(Overlay::Sweeps { .. }) => return sweeps::update::in_sweeps(app, event, effects),
        Some(Overlay::Help { .. } | Overlay::Messages { .. } | Overlay::Report(_)) | None => {}
    }
    app.pending.push(Chord::of(event));
    match app.keymap.lookup(&app.pending, app.scopes()) {
        Lookup::Prefix => {}
        Lookup::Nothing => {
            // A key that does not go on with what was begun counts for itself.
            let was_begun = app.pending.len() > 1;
            app.pending.clear();
            if was_begun {
                key(app, event, effects);
            }
        }
        Lookup::Action(action) => {
            app.pending.clear();
            perform(app, action, effects);
        }
    }
}

/// What the tab of the details still needs that is shown now.
fn needs_of_tab(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(run) = &app.details.run else { return };
    let id: RunId = run.info.run_id.clone();
    match app.details.tab {
        Tab::Artifacts => {
            while let Some(path) = app.details.artifacts.missing() {
                effects.push(Effect::ListArtifacts { id: id.clone(), path });
            }
        }
        Tab::Models if app.details.models.is_none() && !run.model_outputs.is_empty() => {
            let models = run.model_outputs.iter().map(|output| output.model_id.clone()).collect();
            app.details.models = Some(Models { run: id.clone(), answer: None });
            effects.push(Effect::LoadModels { id, models });
        }
        _ => {}
    }
}
