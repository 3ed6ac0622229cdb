//! What the registry asks of the store, again as it may have changed, and what comes back.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use super::arranging::VersionOrder;
use super::effects::Effect;
use super::screen::{Freshness, ModelsScreen};
use super::update::{places, screen, screen_mut, show_cursors};
use super::{Msg, editing, promoting};
use crate::mlflow::{ModelVersion, RunId};
use crate::tui::core::app::{App, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::list_found_models;
use crate::tui::core::signs::RunBadges;

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
/// Versions whose runs are asked for at once.
const AT_ONCE: usize = 500;

pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    let now = app.now;
    match msg {
        Msg::Models { ticket, is_whole, result } => {
            let mut missing = None;
            if let Some(screen) = screen_mut(app)
                && screen.take_models(ticket, is_whole, result, now)
            {
                if is_whole {
                    screen.models_asked.answered(now);
                }
                missing = screen.missing.take();
            }
            if let Some(words) = missing {
                app.say(words);
            }
            show_cursors(app);
        }
        Msg::Names { ticket, result } => {
            if app.models.names.take(ticket, result.map(Arc::new), now) {
                list_found_models(app);
            }
        }
        Msg::Versions { ticket, result } => {
            let reads_cheaply = app.capabilities.cheap_reads;
            let mut missing = None;
            if let Some(screen) = screen_mut(app) {
                if screen.take_versions(ticket, result, now) {
                    screen.versions_asked.answered(now);
                }
                // What runs are worth changes little: a server is asked again when somebody wants it.
                if reads_cheaply {
                    screen.fresh.clear();
                }
                missing = screen.missing.take();
            }
            if let Some(words) = missing {
                app.say(words);
            }
            show_cursors(app);
        }
        Msg::Origins { ticket, versions, result } => {
            let patterns = app.selecting.patterns.clone();
            if let Some(screen) = screen_mut(app) {
                screen.take_origins(ticket, &versions, result, &patterns, now);
            }
        }
        Msg::Folder { ticket, result } => {
            if let Some(screen) = screen_mut(app) {
                screen.folder.take(ticket, result.map(|folder| *folder), now);
            }
        }
        Msg::OfRuns { ticket, runs, result } => {
            app.models.of_runs.take(ticket, runs, result, now);
        }
        Msg::Edited(result) => editing::edited(app, result, effects),
        Msg::Undone { done, result } => editing::undone(app, *done, result, effects),
        Msg::PromotionPlanned { request, result } => promoting::planned(app, &request, result),
        Msg::Promoted(result) => promoting::promoted(app, result, effects),
        Msg::Champion { challenged, result } => promoting::compared(app, *challenged, result),
    }
}

/// Asks for the names of all models, where they may be others by now.
pub fn ask_names(app: &mut App, effects: &mut Effects) {
    let names = &mut app.models.names;
    if !names.is_waiting() && names.age(app.now).is_none_or(|age| age >= UNTOLD) {
        effects.push(Effect::ReadNames { ticket: names.ask() });
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
        screen.folder_of = None;
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
    if let Some((model, version, ticket)) = screen.wanted_folder() {
        effects.push(Effect::ReadFolder { ticket, model, version });
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
    // Whoever sorts by a metric, or looks for the name of a run, wants to know all of them.
    let seen = if screen.version_order == VersionOrder::Best || screen.looks_for_versions() {
        screen.all_versions()
    } else {
        let shown = screen.version_cursor.window(versions.len(), rows.max(1));
        versions.get(shown).unwrap_or_default()
    };
    let first = screen.version().into_iter().chain(screen.aliased(champion));
    let mut wanted: Vec<ModelVersion> = first
        .chain(seen)
        .filter(|version| !screen.fresh.contains(&version.version))
        .take(AT_ONCE)
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
