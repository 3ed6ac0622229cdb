//! The only place that changes the state: a message in, effects out. No IO, no clock, no terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::answers::answered;
use super::app::{App, Focus, Overlay};
use super::dialogs;
use super::effect::Effect;
use super::keymap::{Chord, Lookup};
use super::mouse::mouse;
use super::msg::Msg;
use super::perform::{perform, step};
use super::widgets::input;
use crate::catalog::Row;
use crate::mlflow::RunId;

/// Active runs that a poll looks at anew, at most: those on the screen before all others.
const ATTENDED: usize = 60;

pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(event) if event.kind != KeyEventKind::Release => key(app, event, &mut effects),
        Msg::Key(_) => {}
        Msg::Mouse(event) => mouse(app, event, &mut effects),
        Msg::Paste(text) => paste(app, &text, &mut effects),
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
        Msg::Tick { now } => app.now = now,
        Msg::Terminate => quit(app, &mut effects),
        answer => answered(app, answer, &mut effects),
    }
    if !app.quitting {
        follow_up(app, &mut effects);
    }
    effects
}

/// Keeps the cursors on the screen where it is another one than before.
pub(super) fn show_cursors(app: &mut App) {
    let places = app.geometry();
    app.experiments.cursor.show(app.experiments.list.len(), places.rows(Focus::Experiments));
    app.runs.cursor.show(app.runs.length(), places.rows(Focus::Runs));
}

pub(super) fn quit(app: &mut App, effects: &mut Vec<Effect>) {
    remember(app, effects);
    app.quitting = true;
    effects.push(Effect::Quit);
}

/// Asks for the lines of the view that is wanted now.
pub(super) fn project(app: &mut App, effects: &mut Vec<Effect>) {
    app.runs.asked_view += 1;
    let Some(catalog) = app.runs.newest.clone() else { return };
    effects.push(Effect::Project {
        generation: app.runs.asked_view,
        catalog,
        complete: app.runs.newest_complete,
        view: Box::new(app.runs.wanted_view()),
        selected: app.runs.selected.clone().map(|picked| (picked, app.runs.cursor.at)),
        now: app.now,
    });
}

/// What is to be kept for the next visit, if that changed.
pub(super) fn remember(app: &mut App, effects: &mut Vec<Effect>) {
    if !std::mem::take(&mut app.runs.changed) {
        return;
    }
    let experiment = app.runs.experiment.clone().map(|id| {
        let remembered = app.runs.remembered();
        app.memory.last_experiment = Some(id.to_string());
        app.memory.experiments.insert(id.to_string(), remembered.clone());
        (id, Box::new(remembered))
    });
    effects.push(Effect::Remember { experiment, layout: app.memory.layout });
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
    let wanted = app.runs.wanted_histories();
    if wanted != app.runs.asked_histories {
        app.runs.asked_histories.clone_from(&wanted);
        attends = true;
    }
    if attends {
        attend(app, height, effects);
    }
    dialogs::needs_of_tab(app, effects);
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
        Some(Overlay::Search) => return in_search(app, event, effects),
        Some(Overlay::Prompt(_)) => return dialogs::in_prompt(app, event, effects),
        Some(Overlay::Picker(_)) => return dialogs::in_picker(app, event, effects),
        Some(Overlay::Confirm(_)) => return dialogs::in_confirm(app, event, effects),
        Some(Overlay::Help { .. } | Overlay::Messages { .. }) | None => {}
    }
    app.pending.push(Chord::of(event));
    match app.keymap.lookup(&app.pending) {
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

/// A pasted text goes where text is typed; keys are not pasted.
fn paste(app: &mut App, text: &str, effects: &mut Vec<Effect>) {
    app.pace.touch(app.now);
    match &mut app.overlay {
        Some(Overlay::Search) => {
            input::insert(&mut app.runs.words, text, false);
            words_changed(app, effects);
        }
        Some(Overlay::Prompt(prompt)) => {
            let lines = prompt.has_lines();
            input::insert(&mut prompt.input, text, lines);
            dialogs::prompt_changed(app);
        }
        Some(Overlay::Picker(picker)) => {
            input::insert(&mut picker.query, text, false);
            picker.search();
        }
        _ => app.say("a pasted text goes where text is typed: / searches, f filters"),
    }
}

/// A key while the search is typed: a letter of it, or its end.
fn in_search(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Enter => app.overlay = None,
        KeyCode::Char('c') if control => clear_search(app),
        KeyCode::Esc => clear_search(app),
        KeyCode::Down => step(app, Focus::Runs, 1),
        KeyCode::Up => step(app, Focus::Runs, -1),
        _ => drop(input::edit(&mut app.runs.words, event)),
    }
    words_changed(app, effects);
}

fn clear_search(app: &mut App) {
    app.runs.words.reset();
    app.overlay = None;
}

pub(super) fn words_changed(app: &mut App, effects: &mut Vec<Effect>) {
    if app.runs.words.value() != app.runs.view.words {
        app.runs.view.words = app.runs.words.value().to_owned();
        view_changed(app, effects);
    }
}

/// The user wants to see something else of the experiment.
pub(super) fn view_changed(app: &mut App, effects: &mut Vec<Effect>) {
    app.runs.changed = true;
    app.runs.range_from = None;
    project(app, effects);
}
