//! What keys do to experiments, and what tasks bring back of them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::Action;
use super::arrange::{Folds, Order};
use super::effects::{Effect, Write};
use super::{Msg, dialogs};
use crate::mlflow::{Experiment, ExperimentId, LifecycleStage};
use crate::store::Result;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::layer::Layer;
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::{self, failing, live, open_experiment, reload};
use crate::tui::widgets::cursor::Cursor;

/// How long it counts as current which experiments have the newest runs, in milliseconds.
const NEWEST_AGE: i64 = 10_000;

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    let height = app.geometry().rows(Focus::Experiments);
    let experiments = &mut app.experiments;
    match action {
        Action::Rename if app.focus == Focus::Experiments => dialogs::rename(app),
        Action::Rename => requests::rename_run(app),
        Action::Sort => {
            experiments.order = experiments.order.next(app.capabilities.counts_runs);
            app.status = Some(format!("experiments: {}", experiments.order.in_words()));
            remember(app);
            arrange(app);
            ask_for_newest(app, effects);
        }
        Action::Fold => experiments.fold(height),
        Action::FoldAll => {
            experiments.folds = Folds::are_all(!experiments.folds.all);
            arrange(app);
        }
        Action::Folders => {
            experiments.is_flat = !experiments.is_flat;
            let said = if experiments.is_flat { "a flat list" } else { "in folders, by the / in names" };
            app.status = Some(format!("experiments: {said}"));
            remember(app);
            arrange(app);
        }
        Action::Deleted => {
            experiments.deleted = !experiments.deleted;
            let count = experiments.list.len() - experiments.active;
            let said = match (experiments.deleted, count) {
                (true, 0) => "no experiment is deleted",
                (true, _) => "deleted experiments are shown too; D restores one",
                (false, _) => "deleted experiments are hidden",
            };
            app.status = Some(said.into());
            arrange(app);
        }
        Action::Describe => dialogs::describe(app),
        Action::New => dialogs::create(app),
        Action::Delete => dialogs::delete(app, effects),
        Action::Tags => dialogs::tags(app),
        Action::Note => dialogs::note(app),
    }
}

fn arrange(app: &mut App) {
    let height = app.geometry().rows(Focus::Experiments);
    app.experiments.arrange(height);
}

/// Order and folders are kept for the next visit.
fn remember(app: &mut App) {
    app.memory.layout.experiments_order = app.experiments.order;
    app.memory.layout.experiments_flat = app.experiments.is_flat;
    app.runs.changed = true;
}

/// The words are other ones: what is found first is under the cursor.
pub fn searched(app: &mut App) {
    if app.searches_experiments() {
        app.experiments.cursor = Cursor::default();
        app.experiments.shown.lines.clear();
        arrange(app);
    }
}

/// Takes the words away; the cursor stays on its experiment.
pub fn clear_words(app: &mut App) {
    let under_cursor = app.experiments.under_cursor().map(|listed| listed.id().clone());
    app.experiments.words.reset();
    let height = app.geometry().rows(Focus::Experiments);
    if under_cursor.is_none_or(|id| !app.experiments.go_to(&id, height)) {
        arrange(app);
    }
}

/// To the left: closes the folder, or goes to the one around it. To the right: opens it, or goes into it.
pub fn go_aside(app: &mut App, by: isize) {
    let height = app.geometry().rows(Focus::Experiments);
    let list = &mut app.experiments;
    let Some(line) = list.line_under_cursor().copied() else { return };
    let length = list.length();
    match (line.folder, by < 0) {
        (Some(folder), is_left) if folder.is_open == is_left => list.fold(height),
        (_, true) => {
            if let Some(parent) = list.parent(list.cursor.at) {
                list.cursor.jump(parent, length, height);
            }
        }
        (Some(_), false) => list.cursor.step(1, length, height),
        (None, false) => {}
    }
}

/// Opens what is under the cursor: an experiment, or a folder, which may be closed again.
pub fn open(app: &mut App, effects: &mut Effects) {
    let height = app.geometry().rows(Focus::Experiments);
    match app.experiments.under_cursor().map(|listed| listed.id().clone()) {
        Some(id) => open_experiment(app, &id, effects),
        None => app.experiments.fold(height),
    }
}

pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    let height = app.geometry().rows(Focus::Experiments);
    match msg {
        Msg::Listed { result, retry_ms } => listed(app, result, retry_ms, effects),
        Msg::Counted(counts) => {
            app.experiments.count(counts.as_ref(), height);
            requests::counted(app, effects);
        }
        Msg::Began(starts) => app.experiments.began(&starts, height),
        Msg::RunsFound { id, runs } => {
            let is_awaited = app.layer() == Layer::Experiments
                && app.experiments.under_cursor().is_some_and(|listed| *listed.id() == id);
            match runs {
                Ok(runs) if is_awaited => {
                    app.status = None;
                    dialogs::ask_to_delete(app, &id, runs);
                }
                Ok(_) => {}
                Err(error) => app.say(format!("nothing was changed: {error}; {}", error.hint())),
            }
        }
        Msg::Created { name, result, holder } => created(app, name, result, holder, effects),
        Msg::Written { write, result } => written(app, &write, result, effects),
    }
}

fn created(
    app: &mut App,
    name: String,
    result: Result<ExperimentId>,
    holder: Option<Box<Experiment>>,
    effects: &mut Effects,
) {
    match (result, holder) {
        (Err(_), Some(holder)) => {
            let is_deleted = holder.lifecycle_stage == LifecycleStage::Deleted;
            if is_deleted && app.overlay.is_none() {
                dialogs::offer_restore(app, holder.experiment_id, name);
            } else {
                let other = if is_deleted { "a deleted experiment" } else { "another experiment" };
                app.say(format!("nothing was created: {other} is called {name}"));
            }
            requests::reread(app, effects);
        }
        (result, _) => {
            app.experiments.created = result.as_ref().ok().cloned();
            reload(app, result.map(|_| format!("created {name}")), effects);
        }
    }
}

fn written(app: &mut App, write: &Write, result: Result<()>, effects: &mut Effects) {
    let height = app.geometry().rows(Focus::Experiments);
    let is_done = result.is_ok();
    match write {
        Write::Delete { id, .. } if is_done => {
            let before = app.experiments.cursor.at;
            app.experiments.stage(id, LifecycleStage::Deleted, height);
            if app.runs.experiment.as_ref() == Some(id) {
                // There is nothing in it any more: the next one takes its place.
                let lines = &app.experiments.shown.lines;
                let near = lines.iter().skip(before).chain(lines.iter().take(before).rev());
                let is_there = |at: &usize| !app.experiments.list[*at].is_deleted();
                let next = near.filter(|line| line.folder.is_none()).map(|line| line.at).find(is_there);
                if let Some(next) = next.map(|at| app.experiments.list[at].id().clone()) {
                    let focus = app.focus;
                    open_experiment(app, &next, effects);
                    app.focus = focus;
                }
            }
        }
        Write::Restore { id, .. } if is_done => {
            app.experiments.stage(id, LifecycleStage::Active, height);
            app.experiments.created = Some(id.clone());
        }
        Write::Rename { .. }
        | Write::Delete { .. }
        | Write::Restore { .. }
        | Write::SetTag { .. }
        | Write::DeleteTag { .. } => {}
    }
    reload(app, result.map(|()| write.done()), effects);
}

/// Asks which experiments have the newest runs, where they are sorted by that and the list does not tell it.
fn ask_for_newest(app: &mut App, effects: &mut Effects) {
    let list = &mut app.experiments;
    let is_current = list.began_asked.is_some_and(|asked| app.now - asked < NEWEST_AGE);
    if list.order != Order::Activity || app.capabilities.counts_runs || is_current {
        return;
    }
    list.began_asked = Some(app.now);
    let active = list.list.iter().filter(|listed| !listed.is_deleted());
    effects.push(Effect::ReadNewest(active.map(|listed| listed.id().clone()).collect()));
}

fn listed(
    app: &mut App,
    result: Result<(Vec<Experiment>, Option<ExperimentId>)>,
    retry_ms: u64,
    effects: &mut Effects,
) {
    let (list, latest) = match result {
        Ok(listed) => listed,
        Err(error) => {
            failing(app, error.clone(), retry_ms);
            app.experiments.error = Some(error);
            return;
        }
    };
    if !app.experiments.loaded {
        app.experiments.order = app.memory.layout.experiments_order;
        app.experiments.is_flat = app.memory.layout.experiments_flat;
    }
    let height = app.geometry().rows(Focus::Experiments);
    app.experiments.replace(list, height);
    live(app);
    if let Some(created) = app.experiments.created.take()
        && !app.experiments.go_to(&created, height)
    {
        // It was listed before it was there.
        app.experiments.created = Some(created);
    }
    ask_for_newest(app, effects);
    let open = app.runs.experiment.clone();
    if let Some(name) = open.and_then(|id| Some(app.experiments.find(&id)?.experiment.name.clone())) {
        app.runs.name = name;
    }
    // Some stores tell the newest run; without one there is nothing to open.
    let has_a_place = latest.is_some() || app.wanted_experiment.is_some() || !app.capabilities.counts_runs;
    if app.runs.experiment.is_none() && has_a_place {
        open_first(app, latest.as_ref(), effects);
    }
    requests::listed(app, effects);
}

/// Opens an experiment where none is open yet and the store holds one worth opening: the wanted one, else the one of
/// the last visit, else that of the newest run.
fn open_first(app: &mut App, latest: Option<&ExperimentId>, effects: &mut Effects) {
    let wanted = app.wanted_experiment.take();
    let last = app.memory.last_experiment.as_deref().map(ExperimentId::from);
    let last = last.filter(|id| app.experiments.find(id).is_some_and(|listed| !listed.is_deleted()));
    let Some(id) = app.experiments.first(wanted.as_deref(), last.as_ref().or(latest)) else { return };
    if let Some(name) = wanted
        && app.experiments.find(&id).is_some_and(|listed| listed.experiment.name != name)
        && id.as_str() != name
    {
        app.say(format!("no experiment {name:?} here"));
    }
    open_experiment(app, &id, effects);
}
