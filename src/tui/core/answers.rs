//! What tasks bring back, taken into the state.

use super::app::{App, Connection};
use super::effect::Effect;
use super::layout::Focus;
use super::msg::Msg;
use super::requests::{LOOKING, load_experiments, open_selected, project};
use crate::catalog::Catalog;
use crate::mlflow::{Experiment, ExperimentId, RunStatus};
use crate::text;
use crate::tui::features::details::Models;
use crate::tui::features::details::artifacts::Folder;
use crate::tui::features::{best, compare, sweeps};
use crate::tui::widgets::messages::note;

/// How long a list of experiments counts as current while somebody writes, in milliseconds.
const EXPERIMENTS_AGE: i64 = 2_000;
/// The same where only polling tells of new experiments.
const EXPERIMENTS_AGE_UNTOUCHED: i64 = 10_000;

pub fn answered(app: &mut App, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Experiments(Ok((list, latest))) => experiments(app, list, latest.as_ref(), effects),
        Msg::Counts(counts) => {
            app.experiments.count(counts.as_ref());
            sweeps::update::catch_up(app, effects);
        }
        Msg::Experiments(Err(error)) => {
            failing(app, error.clone(), app.now + (app.pace.seconds * 1000.0) as i64);
            app.experiments.error = Some(error);
        }
        Msg::Snapshot { generation, snapshot } if generation == app.runs.generation => {
            live(app);
            app.runs.newest_complete = snapshot.complete;
            app.runs.newest = Some(snapshot.catalog);
            project(app, effects);
        }
        Msg::Polled { generation, touched, took } if generation == app.runs.generation => {
            app.writes += u64::from(touched);
            live(app);
            looked(app);
            app.pace.answered(took);
            let limit = if touched { EXPERIMENTS_AGE } else { EXPERIMENTS_AGE_UNTOUCHED };
            if (touched || !app.capabilities.change_feed) && app.now - app.experiments_asked >= limit {
                load_experiments(app, effects);
            }
        }
        Msg::PollFailed { generation, error, retry_ms } if generation == app.runs.generation => {
            failing(app, error.clone(), app.now + retry_ms as i64);
            looked(app);
            app.runs.error = Some(error);
        }
        Msg::Projected { generation, catalog, complete, view, projection, position }
            if generation == app.runs.asked_view =>
        {
            let height = app.geometry().rows(Focus::Runs);
            notice_endings(app, &catalog, effects);
            app.runs.show(catalog, complete, *view, projection, position, height);
            if app.runs.wanted_view().measured != app.runs.shown_view.measured {
                // Which columns there are was not known yet when the groups were asked for.
                project(app, effects);
            }
            // What is shown of a run may have changed with it.
            app.details.wanted = None;
        }
        Msg::Histories { generation, key, histories }
            if generation == app.runs.spark_generation && app.runs.spark_key.as_ref() == Some(&key) =>
        {
            app.runs.take_sparks(histories);
        }
        Msg::LoadedCompared { generation, result } => match result {
            Ok(catalog) => compare::update::loaded(app, generation, catalog, effects),
            Err(error) => compare::update::failed(app, generation, error),
        },
        Msg::Compared { generation, comparison } => compare::update::compared(app, generation, comparison),
        Msg::Weighed { comparison, metric, matters } => {
            compare::update::weighed(app, &comparison, metric, matters);
        }
        Msg::History { want, result } => app.histories.take(&want, result),
        Msg::Run { generation, result } if generation == app.details.generation => match result {
            Ok(run) => app.details.show(run),
            Err(error) => app.details.error = Some(error),
        },
        Msg::Artifacts { run, path, result } if app.details.shown_run() == Some(&run) => {
            let folder = result.map_or_else(Folder::Failed, Folder::Files);
            app.details.artifacts.folders.insert(path, folder);
        }
        Msg::Preview { run, path, result } if app.details.shown_run() == Some(&run) => {
            if let Some(opened) = app.details.artifacts.preview.as_mut().filter(|opened| opened.path == path)
            {
                opened.content = Some(result);
            }
        }
        Msg::Models { run, result } if app.details.shown_run() == Some(&run) => {
            app.details.models = Some(Models { run, answer: Some(result) });
        }
        Msg::Written { write, result } => {
            app.say(result.map_or_else(
                |error| format!("nothing was changed: {error}; {}", error.hint()),
                |()| write.done(),
            ));
            app.details.wanted = None;
            load_experiments(app, effects);
            effects.push(Effect::Refresh);
        }
        msg @ (Msg::Selected { .. } | Msg::Ancestors { .. }) => best::update::answered(app, msg, effects),
        msg @ (Msg::Trained(_)
        | Msg::Checked { .. }
        | Msg::DataListed { .. }
        | Msg::Sweeps { .. }
        | Msg::SweepLog { .. }) => {
            sweeps::update::answered(app, msg, effects);
        }
        msg @ (Msg::Marked(_) | Msg::Planned(_)) => best::marking::answered(app, msg, effects),
        Msg::Said(words) => app.say(words),
        Msg::TaskFailed(what) => app.say(format!("a task broke off: {what}")),
        _ => {}
    }
}

/// The list of experiments came.
fn experiments(
    app: &mut App,
    list: Vec<Experiment>,
    latest: Option<&ExperimentId>,
    effects: &mut Vec<Effect>,
) {
    let height = app.geometry().rows(Focus::Experiments);
    app.experiments.replace(list, height);
    live(app);
    let open = app.runs.experiment.clone();
    if let Some(name) = open.and_then(|id| Some(app.experiments.find(&id)?.experiment.name.clone())) {
        app.runs.name = name;
    }
    // Some stores tell the newest run; without one there is nothing to open.
    let has_a_place = latest.is_some() || app.wanted_experiment.is_some() || !app.capabilities.counts_runs;
    if app.runs.experiment.is_none() && has_a_place {
        open_first(app, latest, effects);
    }
    sweeps::update::listed(app, effects);
}

fn live(app: &mut App) {
    if matches!(app.connection, Connection::Failing { .. }) {
        // What was asked for meanwhile was perhaps never answered.
        app.details.wanted = None;
        app.details.artifacts.refresh();
        app.runs.sparks.clear();
        app.histories.retry();
    }
    app.connection = Connection::Live { since: app.now };
    app.runs.error = None;
}

/// What the user asked for by hand was done.
fn looked(app: &mut App) {
    if app.status.as_deref() == Some(LOOKING) {
        app.status = None;
    }
}

fn failing(app: &mut App, error: crate::store::StoreError, retry_at: i64) {
    let last_answer = match app.connection {
        Connection::Connecting => None,
        Connection::Live { since } => Some(since),
        Connection::Failing { last_answer, .. } => last_answer,
    };
    let is_known = matches!(&app.connection, Connection::Failing { error: known, .. } if *known == error);
    if !is_known {
        // The line is often too short for it.
        note(&mut app.messages, app.now, format!("{error}; {}", error.hint()));
    }
    app.connection = Connection::Failing { error, retry_at, last_answer };
}

/// Opens an experiment where none is open yet and the store holds one worth opening: the wanted one, else the one of
/// the last visit, else that of the newest run.
fn open_first(app: &mut App, latest: Option<&ExperimentId>, effects: &mut Vec<Effect>) {
    let wanted = app.wanted_experiment.take();
    let last = app.memory.last_experiment.as_deref().map(ExperimentId::from);
    let last = last.filter(|id| app.experiments.find(id).is_some());
    let Some(at) = app.experiments.first(wanted.as_deref(), last.as_ref().or(latest)) else { return };
    if let Some(name) = wanted
        && app.experiments.list[at].experiment.name != name
        && app.experiments.list[at].id().as_str() != name
    {
        app.say(format!("there is no experiment {name:?} here"));
    }
    let height = app.geometry().rows(Focus::Experiments);
    app.experiments.cursor.jump(at, app.experiments.list.len(), height);
    open_selected(app, effects);
}

/// Tells of runs that ended while nobody looked at them.
fn notice_endings(app: &mut App, catalog: &Catalog, effects: &mut Vec<Effect>) {
    let old = &app.runs.catalog;
    if !app.runs.loaded {
        return;
    }
    let looked_at = app.runs.selected_row().filter(|_| app.pace.focused);
    let mut ended = Vec::new();
    for row in old.active.iter().copied().filter(|row| Some(*row) != looked_at) {
        // Rows stay what they are, unless the store was read anew.
        let Some(run) = catalog.runs.get(row as usize).filter(|_| catalog.runs.len() >= old.runs.len())
        else {
            continue;
        };
        if !run.status.is_active() && catalog.run_id(row) == old.run_id(row) && run.present {
            ended.push((catalog.run_name(row), run.status));
        }
    }
    let words = match ended.as_slice() {
        [] => return,
        [(name, status)] => format!("{name} {}", ending(*status)),
        many => {
            let count = |wanted: RunStatus| many.iter().filter(|(_, status)| *status == wanted).count();
            let (done, failed) = (count(RunStatus::Finished), count(RunStatus::Failed));
            let other = many.len() - done - failed;
            let parts = [(done, "finished"), (failed, "failed"), (other, "were killed")];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            parts
                .map(|(count, word)| format!("{} runs {word}", text::count(*count)))
                .collect::<Vec<_>>()
                .join(", ")
        }
    };
    let words = text::clean(&words).into_owned();
    note(&mut app.messages, app.now, words.clone());
    app.notice = Some(words.clone());
    effects.push(Effect::Notify(words));
}

fn ending(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Failed => "failed",
        RunStatus::Killed => "was killed",
        _ => "finished",
    }
}
