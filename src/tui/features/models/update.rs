//! What keys do in the registry, and what it needs from outside.

#![deny(clippy::wildcard_enum_match_arm)]

use crossterm::event::MouseEvent;
use ratatui::layout::Position;

use super::actions::Action;
use super::describe::Extent;
use super::effects::Effect;
use super::layout::{ModelAreas, areas, inside};
use super::screen::{Freshness, ModelsPane, ModelsScreen};
use super::{LeftScreen, Msg, describe, editing};
use crate::mlflow::{ExperimentId, ModelVersion, RunId};
use crate::select::{Goal, MetricGoal};
use crate::text;
use crate::tui::core::app::{App, Overlay, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::{copy, show_run};
use crate::tui::core::signs::RunBadges;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::report::Report;

/// Milliseconds between looks at a store that tells of changes by itself, and, where nothing tells of them, at the least.
const LOOK: i64 = 300;
const UNTOLD: i64 = 5_000;
/// Milliseconds between looks at which versions the runs on the screen have.
const LOOK_AT_RUNS: i64 = 1_000;
const UNTOLD_OF_RUNS: i64 = 10_000;
/// Milliseconds between two questions about runs that are seen for the first time.
const PAUSE_OF_RUNS: i64 = 400;
/// A store is busy with looks for no more than one part in so many of the time.
const BUSY_SHARE: i64 = 10;
/// Runs whose versions are asked for beside those on the screen: of the leaderboard, and of a comparison.
const RANKED: usize = 50;
const COMPARED: usize = 100;

/// The registry, where it is on top.
pub fn screen(app: &App) -> Option<&ModelsScreen> {
    match app.screens.last() {
        Some(Screen::Models(screen)) => Some(screen),
        Some(Screen::Chart(_) | Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_)) | None => None,
    }
}

pub fn screen_mut(app: &mut App) -> Option<&mut ModelsScreen> {
    match app.screens.last_mut() {
        Some(Screen::Models(screen)) => Some(screen),
        Some(Screen::Chart(_) | Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_)) | None => None,
    }
}

fn places(app: &App) -> ModelAreas {
    areas(app.geometry().body, screen(app).map(|screen| screen.pane).unwrap_or_default())
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Open => app.screens.push(Screen::Models(Box::default())),
        Action::OfRun => open_of_run(app),
        Action::Order => sort(app),
        Action::Metric => choose_metric(app),
        Action::Describe => {
            if let Some(report) = all(app) {
                app.overlay = Some(Overlay::Report(report));
            }
        }
        Action::CopyUri => copy_uri(app, effects),
        Action::SetAlias => editing::ask_alias(app),
        Action::DeleteAlias => editing::pick_alias(app),
        Action::EditDescription => editing::ask_description(app),
        Action::SetTag => editing::ask_tag(app),
        Action::DeleteTag => editing::pick_tag(app),
        Action::Stage => editing::pick_stage(app),
        Action::Rename => editing::ask_name(app),
        Action::Delete => editing::ask_to_delete(app),
        Action::Undo => editing::undo(app, effects),
    }
}

/// Opens the registry on the version of the run under the cursor: one with an alias, or else the newest.
fn open_of_run(app: &mut App) {
    let Some(run) = app.runs.run_under_cursor() else { return };
    let versions = app.models.of_runs.of(&run);
    let best = versions.iter().find(|version| !version.aliases.is_empty()).or(versions.first());
    let Some((name, version)) = best.map(|version| (version.name.clone(), version.version)) else { return };
    app.screens.push(Screen::Models(Box::new(ModelsScreen::at(Some(name), Some(version)))));
}

fn sort(app: &mut App) {
    let Some(screen) = screen_mut(app) else { return };
    screen.order = screen.order.next();
    screen.arrange();
    let words = format!("models {}", screen.order.word());
    app.status = Some(words);
    show_cursors(app);
}

fn choose_metric(app: &mut App) {
    let Some(screen) = screen(app) else { return };
    let now = screen.goal.as_ref().map(|goal| goal.metric.clone());
    let items: Vec<_> = screen
        .metrics()
        .into_iter()
        .map(|metric| Item {
            label: metric.clone(),
            note: if Some(&metric) == now.as_ref() { "now".into() } else { String::new() },
            on: None,
            value: metric,
        })
        .collect();
    Picker::new("Metric to compare versions by", items, |app, picked, _| match picked {
        Picked::Chosen(metric) => {
            // Of a metric whose direction is not known, the sign of the difference says what there is to say.
            let goal = app.selecting.patterns.goal(&[], &metric).unwrap_or(Goal::Minimize);
            if let Some(screen) = screen_mut(app) {
                screen.goal = Some(MetricGoal::new(metric, goal));
                screen.is_chosen = true;
            }
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// All of what is under the cursor.
fn all(app: &App) -> Option<Report> {
    let screen = screen(app)?;
    let model = screen.model()?;
    let (title, told) = match screen.version().filter(|_| screen.pane == ModelsPane::Versions) {
        Some(version) => {
            (format!("{} v{}", version.name, version.version), told(app, screen, version, Extent::Whole))
        }
        None => (model.name.clone(), describe::model(model, Extent::Whole, app.now)),
    };
    Some(Report::new(title, describe::in_lines(told)))
}

/// What there is to say of a version.
pub fn told(
    app: &App,
    screen: &ModelsScreen,
    version: &ModelVersion,
    extent: Extent,
) -> Vec<describe::ToldLine> {
    let run = screen.origins.get(&version.version).and_then(|origin| origin.run.as_ref());
    let experiment = run.map_or(String::new(), |run| experiment_name(app, &run.experiment_id));
    describe::version(screen, version, &app.selecting.alias, &experiment, extent, app.now)
}

/// The name of an experiment, or its id where that is all that is known.
pub fn experiment_name(app: &App, id: &ExperimentId) -> String {
    app.experiments.find(id).map_or_else(|| id.0.clone(), |listed| listed.experiment.name.clone())
}

fn copy_uri(app: &mut App, effects: &mut Effects) {
    let Some(screen) = screen(app) else { return };
    let Some(model) = screen.model() else { return };
    let uri = match screen.version().filter(|_| screen.pane == ModelsPane::Versions) {
        Some(version) => format!("models:/{}/{}", version.name, version.version),
        None => format!("models:/{}", model.name),
    };
    let what = text::clean(&uri).into_owned();
    copy(app, &uri, &what, effects);
}

/// What leads through the registry.
pub fn go(app: &mut App, action: go::Action, effects: &mut Effects) {
    let places = places(app);
    let Some(screen) = screen_mut(app) else { return };
    let height = match screen.pane {
        ModelsPane::Models => places.model_rows(),
        ModelsPane::Versions => places.version_rows(),
    };
    if let Some(by) = action.lines((height / 2).max(1) as isize) {
        step(screen, by, height);
    }
    match action {
        go::Action::Left => screen.pane = ModelsPane::Models,
        go::Action::Right if !screen.versions().is_empty() => screen.pane = ModelsPane::Versions,
        go::Action::NextTab | go::Action::PreviousTab => {
            screen.pane = match screen.pane {
                ModelsPane::Models if !screen.versions().is_empty() => ModelsPane::Versions,
                ModelsPane::Models | ModelsPane::Versions => ModelsPane::Models,
            };
        }
        go::Action::Open => match screen.pane {
            ModelsPane::Models => screen.pane = ModelsPane::Versions,
            ModelsPane::Versions => leave_for_run(app, effects),
        },
        go::Action::Search => app.overlay = Some(Overlay::Search),
        go::Action::Back => back(app),
        go::Action::Down
        | go::Action::Up
        | go::Action::PageDown
        | go::Action::PageUp
        | go::Action::Top
        | go::Action::Bottom
        | go::Action::Right => {}
    }
    show_cursors(app);
}

fn step(screen: &mut ModelsScreen, by: isize, height: usize) {
    match screen.pane {
        ModelsPane::Models => {
            let before = screen.cursor.at;
            screen.cursor.step(by, screen.shown.len(), height);
            if screen.cursor.at != before {
                screen.moved();
            }
        }
        ModelsPane::Versions => {
            let length = screen.versions().len();
            screen.version_cursor.step(by, length, height);
        }
    }
}

/// One layer out: versions, search, the registry.
fn back(app: &mut App) {
    let Some(screen) = screen_mut(app) else { return };
    if screen.pane == ModelsPane::Versions && !screen.is_direct {
        screen.pane = ModelsPane::Models;
    } else if !screen.is_direct && !screen.words.value().is_empty() {
        screen.words.reset();
        screen.arrange();
    } else {
        app.screens.pop();
    }
}

/// Goes to the run of the version under the cursor; esc comes back.
fn leave_for_run(app: &mut App, effects: &mut Effects) {
    let Some(version) = screen(app).and_then(ModelsScreen::version) else { return };
    let Some(id) = version.run_id.clone() else { return };
    let found =
        screen(app).and_then(|screen| screen.origins.get(&version.version)).map(|origin| origin.run.clone());
    let experiment = match found {
        Some(Some(run)) => run.experiment_id,
        Some(None) => {
            app.status = Some(format!("the run {id} is gone"));
            return;
        }
        None => {
            app.status = Some("still reading its run".into());
            return;
        }
    };
    if app.experiments.find(&experiment).is_none() {
        app.status = Some(format!("the experiment {experiment} of the run is deleted"));
        return;
    }
    if let Some(Screen::Models(left)) = app.screens.pop() {
        app.models.left = Some(LeftScreen { screen: left, experiment: experiment.clone() });
    }
    app.screens.clear();
    show_run(app, experiment, id, effects);
}

/// Goes back to the registry that a run was opened from; false if that is not where one came from.
pub fn come_back(app: &mut App) -> bool {
    let Some(left) = app.models.left.take() else { return false };
    if app.focus != Focus::Runs || app.runs.experiment.as_ref() != Some(&left.experiment) {
        return false;
    }
    app.screens.push(Screen::Models(left.screen));
    true
}

/// A click chooses, and again opens.
pub fn click(app: &mut App, event: MouseEvent, effects: &mut Effects) {
    let places = places(app);
    let position = Position { x: event.column, y: event.row };
    let Some(screen) = screen_mut(app) else { return };
    let (pane, line) = match (places.models, places.versions) {
        (Some(area), _) if inside(area).contains(position) => {
            (ModelsPane::Models, Some(event.row - inside(area).y))
        }
        (_, Some(area)) if inside(area).contains(position) => {
            (ModelsPane::Versions, (event.row - inside(area).y).checked_sub(1))
        }
        _ => return,
    };
    let Some(line) = line else { return };
    let (cursor, length) = match pane {
        ModelsPane::Models => (screen.cursor, screen.shown.len()),
        ModelsPane::Versions => (screen.version_cursor, screen.versions().len()),
    };
    let at = cursor.top + line as usize;
    if at >= length {
        return;
    }
    let is_again = screen.pane == pane && cursor.at == at;
    screen.pane = pane;
    if is_again {
        return go(app, go::Action::Open, effects);
    }
    let by = at as isize - cursor.at as isize;
    step(screen, by, usize::MAX / 2);
    show_cursors(app);
}

/// The words of the search have changed.
pub fn searched(app: &mut App) {
    if let Some(screen) = screen_mut(app) {
        screen.pane = ModelsPane::Models;
        screen.arrange();
        show_cursors(app);
    }
}

/// Keeps the cursors on the screen.
fn show_cursors(app: &mut App) {
    let places = places(app);
    let Some(screen) = screen_mut(app) else { return };
    screen.cursor.show(screen.shown.len(), places.model_rows());
    let length = screen.versions().len();
    screen.version_cursor.show(length, places.version_rows());
}

pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    let now = app.now;
    match msg {
        Msg::Models { ticket, is_whole, result } => {
            if let Some(screen) = screen_mut(app)
                && screen.take_models(ticket, is_whole, result, now)
                && is_whole
            {
                screen.models_asked.answered(now);
            }
            show_cursors(app);
        }
        Msg::Versions { ticket, result } => {
            let reads_cheaply = app.capabilities.cheap_reads;
            if let Some(screen) = screen_mut(app) {
                if screen.take_versions(ticket, result, now) {
                    screen.versions_asked.answered(now);
                }
                // What runs are worth changes little: a server is asked again when somebody wants it.
                if reads_cheaply {
                    screen.fresh.clear();
                }
            }
            show_cursors(app);
        }
        Msg::Origins { ticket, versions, result } => {
            let patterns = app.selecting.patterns.clone();
            if let Some(screen) = screen_mut(app) {
                screen.take_origins(ticket, &versions, result, &patterns, now);
            }
        }
        Msg::OfRuns { ticket, runs, result } => {
            app.models.of_runs.take(ticket, runs, result, now);
        }
        Msg::Edited(result) => editing::edited(app, result, effects),
        Msg::Undone(result) => editing::undone(app, result, effects),
    }
}

/// Whether something that was asked for at a time may be another by now.
fn is_due(app: &App, asked: Freshness, (least, untold): (i64, i64)) -> bool {
    if app.paused {
        return false;
    }
    let age = app.now - asked.asked;
    // What takes a store long is asked for seldom.
    if age < asked.took * BUSY_SHARE {
        return false;
    }
    if app.capabilities.change_feed {
        return (asked.writes != app.writes && age >= least) || age >= untold;
    }
    age >= ((app.poll_interval.current(app.now) * 1_000.0) as i64).max(least)
}

fn now(app: &App) -> Freshness {
    Freshness { asked: app.now, writes: app.writes, took: 0 }
}

/// Reads all anew.
pub fn again(app: &mut App) {
    app.models.of_runs.freshness = Freshness::default();
    if let Some(screen) = screen_mut(app) {
        screen.models_asked = Freshness::default();
        screen.versions_asked = Freshness::default();
        screen.fresh.clear();
    }
}

/// Asks for what the screen shows, and for the versions of the runs that are shown.
pub fn follow_up(app: &mut App, effects: &mut Effects) {
    follow_runs(app, effects);
    let Some(screen) = screen(app) else { return };
    let limits = (LOOK, UNTOLD);
    let lists = !screen.models.is_waiting()
        && (!screen.models.is_asked() || is_due(app, screen.models_asked, limits));
    let of = screen.chosen.clone();
    let turns = of.is_some() && screen.of != of;
    let reads = of.is_some()
        && (turns || (!screen.versions.is_waiting() && is_due(app, screen.versions_asked, limits)));
    let now = now(app);
    let rows = places(app).version_rows();
    let champion = app.selecting.alias.clone();
    let Some(screen) = screen_mut(app) else { return };
    if lists {
        let is_first = screen.models.value().is_none();
        screen.models_asked = now;
        effects.push(Effect::ReadModels { ticket: screen.models.ask(), is_first });
    }
    if let Some(model) = of.filter(|_| reads) {
        if turns {
            screen.turn_to(model.clone());
        }
        screen.versions_asked = now;
        effects.push(Effect::ReadVersions { ticket: screen.versions.ask(), model });
    }
    if !screen.reading_origins.is_waiting() {
        let wanted = wanted_origins(screen, rows, &champion);
        if !wanted.is_empty() {
            let ticket = screen.reading_origins.ask();
            effects.push(Effect::ReadOrigins { ticket, versions: wanted });
        }
    }
}

/// The versions on the screen, and the champion, whose runs are to be read.
fn wanted_origins(screen: &ModelsScreen, rows: usize, champion: &str) -> Vec<ModelVersion> {
    let versions = screen.versions();
    let seen = screen.version_cursor.window(versions.len(), rows.max(1));
    let seen = versions.get(seen).unwrap_or_default().iter().chain(screen.version());
    let mut wanted: Vec<ModelVersion> = seen
        .chain(screen.aliased(champion))
        .filter(|version| !screen.fresh.contains(&version.version))
        .cloned()
        .collect();
    wanted.sort_by_key(|version| version.version);
    wanted.dedup_by_key(|version| version.version);
    wanted
}

/// Asks which versions the runs on the screen have, and hands those of the shown run to its details.
fn follow_runs(app: &mut App, effects: &mut Effects) {
    let as_of = app.models.of_runs.changes;
    if app.runs.badges.as_of != as_of {
        app.runs.badges = RunBadges { as_of, of: app.models.of_runs.badges() };
    }
    if let Some(run) = app.details.shown_run() {
        let known = app.models.of_runs.of(run);
        app.details.knows_registered = app.models.of_runs.knows(run);
        if app.details.registered != known {
            app.details.registered = known.to_vec();
        }
    }
    if !app.runs.loaded || app.models.of_runs.reading.is_waiting() {
        return;
    }
    // Whoever scrolls past runs does not want to know all of them of a server.
    if !app.capabilities.cheap_reads && app.now - app.models.of_runs.freshness.asked < PAUSE_OF_RUNS {
        return;
    }
    let runs = shown_runs(app);
    let is_due = is_due(app, app.models.of_runs.freshness, (LOOK_AT_RUNS, UNTOLD_OF_RUNS));
    let is_due = is_due
        && (app.capabilities.change_feed || app.now - app.models.of_runs.freshness.asked >= UNTOLD_OF_RUNS);
    let wanted = app.models.of_runs.wanted(runs, is_due);
    if wanted.is_empty() {
        return;
    }
    app.models.of_runs.freshness = now(app);
    let ticket = app.models.of_runs.reading.ask();
    effects.push(Effect::ReadOfRuns { ticket, runs: wanted });
}

/// The runs on the screen, the one in the details, and the best ones.
fn shown_runs(app: &App) -> Vec<RunId> {
    let height = app.geometry().rows(Focus::Runs);
    let mut runs: Vec<RunId> =
        app.runs.visible(height).map(|row| RunId::from(app.runs.catalog.run_id(row))).collect();
    runs.extend(app.details.shown_run().cloned());
    if let Some(Screen::Compare(screen)) = app.screens.last() {
        runs.extend(screen.runs.iter().take(COMPARED).map(|compared| compared.run.clone()));
    }
    if let Some(chosen) = app.best.chosen()
        && let Some(selection) = &chosen.selection
    {
        let ranked = selection.ranking.iter().take(RANKED);
        runs.extend(ranked.map(|ranked| RunId::from(chosen.catalog.run_id(ranked.row))));
    }
    runs.sort();
    runs.dedup();
    runs
}
