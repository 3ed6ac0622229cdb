//! What the state machine asks for, whoever has the occasion: the lines of a view, an experiment, the memory of it, the
//! end.

#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use super::app::{App, ConnectionState, Overlay, Screen};
use super::effect::{Effects, Shell};
use super::layout::Focus;
use super::selected::DrawnRun;
use crate::catalog::view::LineKey;
use crate::catalog::{Catalog, Row};
use crate::mlflow::filter::Expression;
use crate::mlflow::{ExperimentId, ModelId, RunId};
use crate::store::{Result, StoreError};
use crate::tui::features::charts::metrics::{ChartMetric, grouped};
use crate::tui::features::charts::ranking;
use crate::tui::features::charts::screen::ChartScreen;
use crate::tui::features::runs::effects::{Effect as Runs, Projecting};
use crate::tui::features::session::effects::Effect as Session;
use crate::tui::features::{compare, experiments, export, files, models, runs, session, sweeps};
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::messages::note;

/// Said until the store has answered.
const REFRESHING: &str = "refreshing";

/// Keeps the cursors on the screen where it is another one than before.
pub fn show_cursors(app: &mut App) {
    let places = app.geometry();
    app.experiments.cursor.show(app.experiments.length(), places.rows(Focus::Experiments));
    app.runs.cursor.show(app.runs.length(), places.rows(Focus::Runs));
}

pub fn quit(app: &mut App, effects: &mut Effects) {
    remember(app, effects);
    app.quitting = true;
    effects.push(Shell::Quit);
}

/// Asks for the lines of the view that is wanted now.
pub fn project(app: &mut App, effects: &mut Effects) {
    let ticket = app.runs.projecting.ask();
    app.runs.projected_at = app.now;
    let Some(snapshot) = app.runs.newest.value() else { return };
    effects.push(Runs::Project(Projecting {
        ticket,
        catalog: std::sync::Arc::clone(&snapshot.catalog),
        complete: snapshot.complete,
        view: Box::new(app.runs.wanted_view()),
        under_cursor: app.runs.under_cursor.clone().map(|picked| (picked, app.runs.cursor.at)),
        wants_columns: !app.runs.own_columns
            && (app.runs.awaits_columns || app.runs.has_new_keys(&snapshot.catalog)),
        deciding: app.runs.deciding().map(str::to_owned),
        now: app.now,
    }));
}

/// What is to be kept for the next visit, if that changed.
pub fn remember(app: &mut App, effects: &mut Effects) {
    if !std::mem::take(&mut app.runs.changed) {
        return;
    }
    let experiment = app.runs.experiment.clone().map(|id| {
        let mut remembered = app.runs.remembered();
        // What is being typed may not be meant.
        if let Some(Overlay::Search) = app.overlay
            && app.searches_runs()
        {
            remembered.words.clone_from(&app.runs.words_before);
        }
        app.memory.last_experiment = Some(id.to_string());
        app.memory.experiments.insert(id.to_string(), remembered.clone());
        (id, Box::new(remembered))
    });
    effects.push(Session::Remember { experiment, layout: app.memory.layout });
}

pub fn words_changed(app: &mut App, effects: &mut Effects) {
    if app.runs.words.value() != app.runs.view.words {
        app.runs.view.words = app.runs.words.value().to_owned();
        view_changed(app, effects);
    }
}

/// The user wants to see something else of the experiment.
pub fn view_changed(app: &mut App, effects: &mut Effects) {
    app.runs.changed = true;
    app.runs.range_from = None;
    project(app, effects);
}

/// Puts the cursor on a run of the open experiment: unfolds what it is under, and asks before the filter is taken away that
/// hides it.
pub fn go_to_run(app: &mut App, id: &RunId, effects: &mut Effects) {
    let Some(row) = app.runs.row_of(id) else { return app.say("the run is not in this experiment any more") };
    app.focus = Focus::Runs;
    if let Some(at) = (0..app.runs.length()).find(|at| app.runs.projection.row(*at) == Some(row)) {
        compare::opening::take_screens_away(app, id);
        let height = app.geometry().rows(Focus::Runs);
        app.runs.cursor.jump(at, app.runs.length(), height);
        app.runs.show_parent(height);
        app.runs.moved();
    } else if app.runs.projection.passes(row) {
        compare::opening::take_screens_away(app, id);
        app.runs.unfold(row);
        app.runs.follow(id);
        project(app, effects);
    } else {
        let name = app.runs.catalog.run_name(row).to_owned();
        let id = id.clone();
        Confirm::new("Clear the filter that hides it?", vec![name], move |app, effects| {
            compare::opening::take_screens_away(app, &id);
            app.runs.clear_filters();
            app.runs.follow(&id);
            view_changed(app, effects);
            runs::filters::tell(app, "the filter");
        })
        .open(app);
    }
}

/// Shows the runs that pass a filter, which takes the place of the one before.
pub fn filter_runs(app: &mut App, text: String, effects: &mut Effects) {
    match Expression::parse(&text) {
        Ok(filter) => {
            app.focus = Focus::Runs;
            app.runs.set_filter(text, filter);
            view_changed(app, effects);
        }
        Err(error) => app.say(format!("the filter {text} cannot be read: {error}")),
    }
}

pub fn load_experiments(app: &mut App, effects: &mut Effects) {
    app.experiments_asked = app.now;
    effects.push(experiments::effects::Effect::Load);
}

/// Gives the chart of one of these metrics the whole screen.
pub fn open_chart(app: &mut App, keys: Vec<String>, at: usize, drawn: Vec<DrawnRun>) {
    let metrics = keys.into_iter().map(ChartMetric::one).collect();
    app.screens.push(Screen::Chart(Box::new(ChartScreen::new(metrics, at, drawn))));
}

/// Shows where the run that is shown stands with a metric that it has logged once; false if it has logged it more often, or
/// others whose lines are drawn may have.
pub fn rank_single(app: &mut App, key: &str, drawn: &[DrawnRun]) -> bool {
    let is_single =
        |drawn: &DrawnRun| app.histories.of(&drawn.run, key).is_some_and(|known| known.points.len() == 1);
    drawn.iter().all(is_single) && ranking::open(app, key)
}

/// Shows where compared runs stand with a metric that each has logged once; false if there is nothing to rank.
pub fn rank_compared(
    app: &mut App,
    key: &str,
    compared: (&Catalog, &[Row], Option<Row>),
    places: ranking::RunPlaces,
    at: Option<&RunId>,
) -> bool {
    ranking::open_compared(app, key, compared, places, at)
}

/// A run of a ranking by a metric is about to be shown; esc comes back to a comparison that it stands over.
pub fn leave_ranking(app: &mut App, metric: &str, run: &RunId) {
    compare::opening::leave(app, metric, run);
}

/// What is known of histories is more: a chart that a comparison opened may turn out to be of single values.
pub fn rank_instead(app: &mut App) {
    compare::opening::rank_instead(app);
}

/// Gives the chart of a metric the whole screen, among those of sorted keys; parts of the data share one.
pub fn open_chart_of(app: &mut App, keys: &[String], key: &str, drawn: Vec<DrawnRun>) {
    let metrics = grouped(keys);
    let at = metrics.iter().position(|metric| metric.parts.iter().any(|part| part.key == key));
    app.screens.push(Screen::Chart(Box::new(ChartScreen::new(metrics, at.unwrap_or(0), drawn))));
}

/// What training would begin, in words.
pub fn offer(app: &App) -> String {
    sweeps::update::offer(app)
}

/// Opens an experiment that is listed, with the cursor of the list on it.
pub fn open_experiment(app: &mut App, id: &ExperimentId, effects: &mut Effects) {
    let height = app.geometry().rows(Focus::Experiments);
    if app.experiments.under_cursor().is_none_or(|listed| listed.id() != id) {
        app.experiments.go_to(id, height);
    }
    let Some(listed) = app.experiments.find(id) else { return };
    let (id, name, is_deleted) = (id.clone(), listed.experiment.name.clone(), listed.is_deleted());
    app.focus = Focus::Runs;
    if app.runs.experiment.as_ref() == Some(&id) {
        return;
    }
    remember(app, effects);
    app.opened_at = app.now;
    let remembered = app.memory.experiments.get(id.as_str()).cloned().unwrap_or_default();
    app.runs.open(id.clone(), name, &remembered);
    // The runs of a deleted experiment are deleted too.
    app.runs.deleted |= is_deleted;
    runs::views::come_back(app, remembered.view.as_deref());
    runs::views::take_wanted(app, effects);
    app.details.clear();
    app.charts = app.charts.reset();
    let ticket = app.runs.newest.ask();
    effects.push(Runs::Watch { ticket, experiment: id, deleted: app.runs.deleted });
}

/// Opens the registry on a model, and on a version of it.
pub fn open_model(app: &mut App, name: &str, version: Option<u64>) {
    let screen = models::screen::ModelsScreen::at(Some(name.to_owned()), version);
    app.screens.push(Screen::Models(Box::new(screen)));
}

/// Puts two runs, or models of them, side by side; the second is the baseline.
pub fn compare_pair(app: &mut App, pair: [(ExperimentId, RunId, Option<ModelId>); 2]) {
    let compared = pair.map(|(experiment, run, model)| compare::Compared {
        model,
        ..compare::Compared::of_run(run, experiment, 0)
    });
    compare::versus::open_with(app, compared);
}

/// Asks for the names of all registered models.
pub fn ask_model_names(app: &mut App, effects: &mut Effects) {
    models::following::ask_names(app, effects);
}

/// The names of the models are there: what is open over the panes may list them.
pub fn list_found_models(app: &mut App) {
    session::update::list_models(app);
}

/// Goes to a run, in the experiment that it is in.
pub fn show_run(app: &mut App, experiment: ExperimentId, run: RunId, effects: &mut Effects) {
    app.focus = Focus::Runs;
    if app.runs.experiment.as_ref() == Some(&experiment) {
        app.runs.under_cursor = Some(LineKey::Run(run.0));
        app.runs.is_chosen = true;
        return project(app, effects);
    }
    // It opens with the cursor there.
    app.memory.experiments.entry(experiment.to_string()).or_default().run = Some(run.0);
    app.sweeps.opens = Some(experiment);
    sweeps::update::listed(app, effects);
}

/// The same in place of all screens.
pub fn show_run_of(app: &mut App, experiment: ExperimentId, run: &RunId, effects: &mut Effects) {
    show_run(app, experiment, run.clone(), effects);
    compare::opening::take_screens_away(app, run);
}

/// Asks what is to be done with the file at an address.
pub fn offer_file(app: &mut App, address: String) {
    files::update::offer(app, address);
}

/// Shows the text of a file.
pub fn read_file(app: &mut App, address: String, effects: &mut Effects) {
    files::update::read(app, address, effects);
}

/// Copies an address, and says which.
pub fn copy_address(app: &mut App, address: &str, effects: &mut Effects) {
    let shown = crate::text::clean(address).into_owned();
    copy(app, address, &shown, effects);
}

/// Nothing that steers a terminal gets into the clipboard either: it would be pasted into one.
pub fn copy(app: &mut App, text: &str, what: &str, effects: &mut Effects) {
    let safe: Vec<_> = text.lines().map(crate::text::stripped).collect();
    effects.push(Shell::Copy(safe.join("\n")));
    app.status = Some(format!("copied {what}"));
}

/// Saves a text into a new file.
pub fn save_file(path: String, content: String, effects: &mut Effects) {
    effects.push(export::effects::Effect::Save { path, content });
}

/// Looks at the state again after a while.
pub fn wake(after: Duration, effects: &mut Effects) {
    effects.push(Session::Wake(after));
}

/// Polls now.
pub fn poll(effects: &mut Effects) {
    effects.push(Runs::Refresh);
}

/// Asks the store for changes now.
pub fn refresh(app: &mut App, effects: &mut Effects) {
    app.status = Some(REFRESHING.into());
    app.details.artifacts.refresh();
    app.best.again();
    compare::update::again(app);
    models::following::again(app);
    load_experiments(app, effects);
    effects.push(Runs::Refresh);
}

pub fn pause(app: &mut App, effects: &mut Effects) {
    app.paused = !app.paused;
    effects.push(Runs::Pause(app.paused));
}

/// Something was written, or not: says which, and reads what is there now.
pub fn reload(app: &mut App, done: Result<String>, effects: &mut Effects) {
    app.say(done.unwrap_or_else(|error| error.of_write()));
    reread(app, effects);
}

/// Reads what is in the store after a write.
pub fn reread(app: &mut App, effects: &mut Effects) {
    app.details.wanted = None;
    models::following::again(app);
    load_experiments(app, effects);
    effects.push(Runs::Refresh);
}

/// The store answers.
pub fn live(app: &mut App) {
    if matches!(app.connection, ConnectionState::Failing { .. }) {
        // What was requested meanwhile was perhaps never answered.
        app.details.wanted = None;
        app.details.artifacts.refresh();
        app.runs.sparks.clear();
        app.histories.retry();
    }
    app.connection = ConnectionState::Live { since: app.now };
}

/// What the user asked for by hand was done.
pub fn looked(app: &mut App) {
    if app.status.as_deref() == Some(REFRESHING) {
        app.status = None;
    }
}

/// The store has not answered for so long.
pub fn silent(app: &mut App, silence: Duration) {
    if let ConnectionState::Live { since } = app.connection {
        let asked = app.now - silence.as_millis() as i64;
        app.connection = ConnectionState::Silent { asked, last_answer: since };
    }
}

/// The store does not answer, and is asked again after so many milliseconds.
pub fn failing(app: &mut App, error: StoreError, retry_ms: u64) {
    let retry_at = app.now + retry_ms as i64;
    let last_answer = match app.connection {
        ConnectionState::Connecting => None,
        ConnectionState::Live { since } => Some(since),
        ConnectionState::Silent { last_answer, .. } => Some(last_answer),
        ConnectionState::Failing { last_answer, .. } => last_answer,
    };
    let is_known =
        matches!(&app.connection, ConnectionState::Failing { error: known, .. } if *known == error);
    if !is_known {
        // The line is often too short for it.
        note(&mut app.messages, app.now, format!("{error}; {}", error.hint()));
    }
    app.connection = ConnectionState::Failing { error, retry_at, last_answer };
}

/// Asks for another name of the run under the cursor.
pub fn rename_run(app: &mut App) {
    runs::dialogs::rename(app, experiments::dialogs::named);
}

/// Runs were counted.
pub fn counted(app: &mut App, effects: &mut Effects) {
    sweeps::update::catch_up(app, effects);
}

/// Experiments were listed.
pub fn listed(app: &mut App, effects: &mut Effects) {
    sweeps::update::listed(app, effects);
}

/// Gives a text that is being typed to the user's editor.
pub fn edit_text(of: u64, text: String, effects: &mut Effects) {
    effects.push(files::effects::Effect::WriteText { of, text });
}
