//! The only place that changes the state: a message in, effects out. No IO, no clock, no terminal.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::{self, Action};
use super::app::{App, Connection, Focus, Overlay};
use super::effect::Effect;
use super::keymap::{Chord, Lookup};
use super::mouse::mouse;
use super::msg::Msg;
use super::overlays::help;
use crate::catalog::Row;
use crate::mlflow::{ExperimentId, RunId};

/// How long a list of experiments counts as current while somebody writes, in milliseconds.
const EXPERIMENTS_AGE: i64 = 2_000;
/// The same where only polling tells of new experiments.
const EXPERIMENTS_AGE_UNTOUCHED: i64 = 10_000;
/// Active runs that a poll looks at anew, at most: those on the screen before all others.
const ATTENDED: usize = 60;

pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(event) if event.kind != KeyEventKind::Release => key(app, event, &mut effects),
        Msg::Key(_) => {}
        Msg::Mouse(event) => mouse(app, event, &mut effects),
        Msg::Resize { columns, rows } => {
            app.size = (columns, rows);
            let heights = [Focus::Experiments, Focus::Runs].map(|pane| app.geometry().rows(pane));
            app.experiments.cursor.show(app.experiments.list.len(), heights[0]);
            app.runs.cursor.show(app.runs.rows.len(), heights[1]);
        }
        Msg::Tick { now } => app.now = now,
        Msg::Terminate => quit(app, &mut effects),
        Msg::TaskFailed(what) => app.status = Some(format!("a task broke off: {what}")),
        answer => answered(app, answer, &mut effects),
    }
    if !app.quitting {
        follow_up(app, &mut effects);
    }
    effects
}

/// What a task brings back.
fn answered(app: &mut App, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Experiments(Ok((list, latest))) => {
            let height = app.geometry().rows(Focus::Experiments);
            app.experiments.replace(list, height);
            live(app);
            let open = app.runs.experiment.clone();
            if let Some(name) = open.and_then(|id| Some(app.experiments.find(&id)?.experiment.name.clone())) {
                app.runs.name = name;
            }
            // A local store tells the newest run; without one there is nothing to open.
            let has_a_place = latest.is_some() || app.wanted_experiment.is_some() || !app.is_local;
            if app.runs.experiment.is_none() && has_a_place {
                open_first(app, latest.as_ref(), effects);
            }
        }
        Msg::Counts(counts) => app.experiments.count(counts.as_ref()),
        Msg::Experiments(Err(error)) => {
            failing(app, error.clone(), app.now + (app.poll_seconds * 1000.0) as i64);
            app.experiments.error = Some(error);
        }
        Msg::Snapshot { generation, snapshot } if generation == app.runs.generation => {
            live(app);
            app.runs.newest_complete = snapshot.complete;
            app.runs.newest = Some(snapshot.catalog);
            app.runs.projection += 1;
            project(app, effects);
        }
        Msg::Polled { generation, touched } if generation == app.runs.generation => {
            live(app);
            let limit = if touched { EXPERIMENTS_AGE } else { EXPERIMENTS_AGE_UNTOUCHED };
            if (touched || !app.is_local) && app.now - app.experiments_asked >= limit {
                load_experiments(app, effects);
            }
        }
        Msg::PollFailed { generation, error, retry_ms } if generation == app.runs.generation => {
            failing(app, error.clone(), app.now + retry_ms as i64);
            app.runs.error = Some(error);
        }
        Msg::Projected { generation, catalog, complete, rows, position }
            if generation == app.runs.projection =>
        {
            let height = app.geometry().rows(Focus::Runs);
            app.runs.show(catalog, complete, rows, position, height);
            // What is shown of a run may have changed with it.
            app.details.wanted = None;
        }
        Msg::Histories { generation, key, histories }
            if generation == app.runs.spark_generation && app.runs.spark_key.as_ref() == Some(&key) =>
        {
            app.runs.sparks_pending = false;
            for (id, points) in histories {
                if let Some(spark) = app.runs.sparks.get_mut(id.as_str()) {
                    spark.points = points;
                }
            }
        }
        Msg::Run { generation, result } if generation == app.details.generation => match result {
            Ok(run) => {
                let is_other = app.details.run.as_ref().is_none_or(|old| old.info.run_id != run.info.run_id);
                if is_other {
                    app.details.scroll = 0;
                }
                app.details.run = Some(run);
                app.details.error = None;
            }
            Err(error) => app.details.error = Some(error),
        },
        Msg::Artifacts { run, result } if app.details.artifacts_asked.as_ref() == Some(&run) => {
            app.details.artifacts = Some((run, result));
        }
        _ => {}
    }
}

fn live(app: &mut App) {
    if matches!(app.connection, Connection::Failing { .. }) {
        // What was asked for meanwhile was perhaps never answered.
        app.details.wanted = None;
        app.details.artifacts_asked = None;
        app.runs.sparks.clear();
    }
    app.connection = Connection::Live { since: app.now };
    app.runs.error = None;
}

fn failing(app: &mut App, error: crate::store::StoreError, retry_at: i64) {
    let last_answer = match app.connection {
        Connection::Connecting => None,
        Connection::Live { since } => Some(since),
        Connection::Failing { last_answer, .. } => last_answer,
    };
    app.connection = Connection::Failing { error, retry_at, last_answer };
}

fn load_experiments(app: &mut App, effects: &mut Vec<Effect>) {
    app.experiments_asked = app.now;
    effects.push(Effect::LoadExperiments);
}

/// Opens an experiment where none is open yet and the store holds one worth opening.
fn open_first(app: &mut App, latest: Option<&ExperimentId>, effects: &mut Vec<Effect>) {
    let wanted = app.wanted_experiment.take();
    let Some(at) = app.experiments.first(wanted.as_deref(), latest) else { return };
    if let Some(name) = wanted
        && app.experiments.list[at].experiment.name != name
        && app.experiments.list[at].id().as_str() != name
    {
        app.status = Some(format!("there is no experiment {name:?} here"));
    }
    let height = app.geometry().rows(Focus::Experiments);
    app.experiments.cursor.jump(at, app.experiments.list.len(), height);
    open_selected(app, effects);
}

pub(super) fn open_selected(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(listed) = app.experiments.selected() else { return };
    let (id, name) = (listed.id().clone(), listed.experiment.name.clone());
    app.focus = Focus::Runs;
    if app.runs.experiment.as_ref() == Some(&id) {
        return;
    }
    app.runs.open(id.clone(), name);
    app.details.run = None;
    app.details.wanted = None;
    app.details.error = None;
    effects.push(Effect::Watch { generation: app.runs.generation, experiment: id });
}

pub(super) fn project(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(catalog) = app.runs.newest.clone() else { return };
    effects.push(Effect::Project {
        generation: app.runs.projection,
        catalog,
        complete: app.runs.newest_complete,
        sort: app.runs.sort.clone(),
        words: app.runs.words.clone(),
        selected: app.runs.selected.clone(),
        now: app.now,
    });
}

/// What follows from the state as it now is, whatever changed it: the values of what is on the screen.
fn follow_up(app: &mut App, effects: &mut Vec<Effect>) {
    let height = app.geometry().rows(Focus::Runs);
    if let Some((key, ids)) = app.runs.missing_sparks(height) {
        effects.push(Effect::Histories { generation: app.runs.spark_generation, ids, key });
        attend(app, height, effects);
    }
    let selected = app.runs.selected.as_deref().map(RunId::from);
    if selected != app.details.wanted && selected.is_some() {
        app.details.wanted.clone_from(&selected);
        app.details.generation += 1;
        if let Some(id) = selected {
            effects.push(Effect::LoadRun { generation: app.details.generation, id });
        }
        attend(app, height, effects);
    }
    if let Some(run) = app.details.needs_artifacts() {
        app.details.artifacts_asked = Some(run.clone());
        effects.push(Effect::ListArtifacts { id: run });
    }
}

/// Tells which runs polls shall look at anew: those that run, then the others on the screen.
fn attend(app: &App, height: usize, effects: &mut Vec<Effect>) {
    let runs = &app.runs;
    let is_active = |row: &Row| runs.catalog.run(*row).status.is_active();
    let id = |row: Row| RunId::from(runs.catalog.run_id(row));
    let (mut active, others): (Vec<Row>, Vec<Row>) = runs.visible(height).partition(is_active);
    for row in runs.catalog.rows().filter(is_active) {
        if active.len() >= ATTENDED {
            break;
        }
        if !active.contains(&row) {
            active.push(row);
        }
    }
    effects.push(Effect::Attend {
        active: active.into_iter().take(ATTENDED).map(id).collect(),
        others: others.into_iter().map(id).collect(),
    });
}

/// Interprets a key: with the keys before it, and whatever owns the keyboard now, it is an action or nothing.
fn key(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    app.status = None;
    if app.overlay == Some(Overlay::Filter) {
        in_filter(app, event, effects);
        return;
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

fn perform(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    if let Some(info) = action::find(action)
        && let Err(reason) = (info.possible)(app)
    {
        app.status = Some(reason.to_owned());
        return;
    }
    if let Some(Overlay::Help { scroll }) = app.overlay {
        in_help(app, scroll, action, effects);
        return;
    }
    match action {
        Action::Quit => quit(app, effects),
        Action::Help => app.overlay = Some(Overlay::Help { scroll: 0 }),
        Action::Filter => app.overlay = Some(Overlay::Filter),
        Action::Back
            if app.overlay.is_none()
                && !app.zoomed
                && app.focus == Focus::Runs
                && !app.runs.words.is_empty() =>
        {
            set_words(app, String::new(), effects);
        }
        Action::Back => back(app),
        Action::Open => match app.focus {
            Focus::Experiments => open_selected(app, effects),
            Focus::Runs | Focus::Details => app.focus = Focus::Details,
        },
        Action::NextPane => step_focus(app, 1),
        Action::PreviousPane => step_focus(app, 2),
        Action::Pane(pane) => app.focus = pane,
        Action::Zoom => app.zoomed = !app.zoomed,
        Action::NextTab => app.details.step_tab(1),
        Action::PreviousTab => app.details.step_tab(-1),
        Action::Sort => {
            app.runs.cycle_sort();
            project(app, effects);
        }
        Action::Refresh => {
            app.status = Some("looking for changes".into());
            app.details.artifacts_asked = None;
            load_experiments(app, effects);
            effects.push(Effect::Refresh);
        }
        Action::Pause => {
            app.paused = !app.paused;
            effects.push(Effect::Pause(app.paused));
        }
        Action::Left | Action::Right => {
            let by = if action == Action::Left { -1 } else { 1 };
            match app.focus {
                Focus::Experiments => {}
                Focus::Runs => app.runs.step_column(by),
                Focus::Details => app.details.step_tab(by),
            }
        }
        Action::Down | Action::Up | Action::PageDown | Action::PageUp | Action::Top | Action::Bottom => {
            let half = (app.geometry().rows(app.focus) / 2).max(1) as isize;
            let by = match action {
                Action::Down => 1,
                Action::Up => -1,
                Action::PageDown => half,
                Action::PageUp => -half,
                Action::Top => isize::MIN,
                _ => isize::MAX,
            };
            step(app, app.focus, by);
        }
    }
}

pub(super) fn in_help(app: &mut App, scroll: usize, action: Action, effects: &mut Vec<Effect>) {
    let last = help::length(app).saturating_sub(help::height(app));
    let to = |by: isize| Some(Overlay::Help { scroll: scroll.saturating_add_signed(by).min(last) });
    match action {
        Action::Down => app.overlay = to(1),
        Action::Up => app.overlay = to(-1),
        Action::PageDown => app.overlay = to(10),
        Action::PageUp => app.overlay = to(-10),
        Action::Top => app.overlay = to(isize::MIN),
        Action::Bottom => app.overlay = to(isize::MAX),
        Action::Quit => quit(app, effects),
        _ => app.overlay = None,
    }
}

fn quit(app: &mut App, effects: &mut Vec<Effect>) {
    app.quitting = true;
    effects.push(Effect::Quit);
}

/// A key while the filter is typed: a letter of it, or its end.
fn in_filter(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let mut words = app.runs.words.clone();
    match (event.code, event.modifiers.contains(KeyModifiers::CONTROL)) {
        (KeyCode::Char(letter), false) => words.push(letter),
        (KeyCode::Backspace, _) => drop(words.pop()),
        (KeyCode::Char('u'), true) => words.clear(),
        (KeyCode::Enter, _) => app.overlay = None,
        (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => {
            words.clear();
            app.overlay = None;
        }
        (KeyCode::Down, _) => step(app, Focus::Runs, 1),
        (KeyCode::Up, _) => step(app, Focus::Runs, -1),
        _ => {}
    }
    set_words(app, words, effects);
}

fn set_words(app: &mut App, words: String, effects: &mut Vec<Effect>) {
    if words != app.runs.words {
        app.runs.words = words;
        app.runs.projection += 1;
        project(app, effects);
    }
}

/// Exactly one layer out: overlay, zoom, pane.
fn back(app: &mut App) {
    if app.overlay.take().is_some() {
        return;
    }
    if app.zoomed {
        app.zoomed = false;
        return;
    }
    app.focus = match app.focus {
        Focus::Details => Focus::Runs,
        Focus::Runs | Focus::Experiments => Focus::Experiments,
    };
}

fn step_focus(app: &mut App, by: usize) {
    let panes = [Focus::Experiments, Focus::Runs, Focus::Details];
    let at = panes.iter().position(|pane| *pane == app.focus).unwrap_or(0);
    app.focus = panes[(at + by) % panes.len()];
}

pub(super) fn step(app: &mut App, pane: Focus, by: isize) {
    let height = app.geometry().rows(pane);
    match pane {
        Focus::Experiments => app.experiments.cursor.step(by, app.experiments.list.len(), height),
        Focus::Runs => {
            app.runs.cursor.step(by, app.runs.rows.len(), height);
            app.runs.moved();
        }
        Focus::Details => app.details.step(by, height),
    }
}
