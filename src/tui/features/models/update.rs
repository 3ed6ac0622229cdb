//! What keys do in the registry.

#![deny(clippy::wildcard_enum_match_arm)]

use crossterm::event::MouseEvent;
use ratatui::layout::Position;

use super::actions::Action;
use super::describe::Extent;
use super::kept::KeptEdit;
use super::layout::{ModelAreas, areas, inside};
use super::screen::{ModelsPane, ModelsScreen};
use super::{LeftScreen, describe, editing, promoting};
use crate::mlflow::{ExperimentId, ModelVersion};
use crate::promotion::history as history_of;
use crate::registry::history::Event;
use crate::select::{Goal, MetricGoal};
use crate::text;
use crate::tui::core::app::{App, Overlay, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::{copy, offer_file, read_file, show_run};
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::report::Report;

/// The registry, where it is on top.
pub fn screen(app: &App) -> Option<&ModelsScreen> {
    match app.screens.last() {
        Some(Screen::Models(screen)) => Some(screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Datasets(_),
        )
        | None => None,
    }
}

pub fn screen_mut(app: &mut App) -> Option<&mut ModelsScreen> {
    match app.screens.last_mut() {
        Some(Screen::Models(screen)) => Some(screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Datasets(_),
        )
        | None => None,
    }
}

pub(super) fn places(app: &App) -> ModelAreas {
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
        Action::Files => list_files(app),
        Action::History => {
            if let Some(report) = history(app) {
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
        Action::Promote => promoting::pick_role(app, effects),
        Action::Versus | Action::RunVersus => promoting::compare(app, effects),
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
    let words = match screen.pane {
        ModelsPane::Models => {
            screen.order = screen.order.next();
            screen.arrange();
            format!("models {}", screen.order.word())
        }
        ModelsPane::Versions => {
            screen.version_order = screen.version_order.next(screen.goal.is_some());
            screen.arrange_versions();
            format!("versions {}", screen.version_order.word())
        }
    };
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
                screen.arrange_versions();
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
    let (title, told, description) = match screen.version().filter(|_| screen.pane == ModelsPane::Versions) {
        Some(version) => {
            let told = told(app, screen, version, Extent::Whole);
            (format!("{} v{}", version.name, version.version), told, &version.description)
        }
        None => (model.name.clone(), describe::model(model, Extent::Whole, app.now), &model.description),
    };
    Some(Report::new(title, describe::in_lines(told)).with_markdown("description", description))
}

/// The files of the version under the cursor, of which one is chosen.
fn list_files(app: &mut App) {
    let Some(screen) = screen(app) else { return };
    let Some(version) = screen.version() else { return };
    let Some(Ok(folder)) = screen.folder_of(version) else { return };
    let root = format!("models:/{}/{}", version.name, version.version);
    let items: Vec<Item<String>> = folder
        .files
        .iter()
        .map(|file| Item {
            label: text::clean(&file.path).into_owned(),
            note: file.file_size.map_or(String::new(), text::bytes),
            on: None,
            value: format!("{root}/{}", file.path),
        })
        .collect();
    let title = format!("Files of {} v{}", version.name, version.version);
    // The list is opened again where it was left.
    let at = items.iter().position(|item| screen.last_file.as_ref() == Some(&item.value)).unwrap_or(0);
    Picker::new(title, items, |app, picked, effects| match picked {
        Picked::Chosen(address) => {
            if let Some(screen) = screen_mut(app) {
                screen.last_file = Some(address.clone());
            }
            read_file(app, address, effects);
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .or_else(offer_file)
    .at(at)
    .open(app);
}

/// What was done to the model under the cursor.
fn history(app: &App) -> Option<Report> {
    let model = screen(app)?.model()?;
    let mut lines: Vec<String> = history_of(model).iter().map(Event::line).collect();
    if lines.is_empty() {
        lines.push("Nobody has promoted or changed anything of it here.".into());
    }
    let gone: Vec<String> =
        app.models.earlier.iter().filter(|edit| edit.is_deletion).map(KeptEdit::line).collect();
    if !gone.is_empty() {
        lines.extend([String::new(), "Deleted from this machine:".into()]);
        lines.extend(gone.into_iter().rev());
        lines.push(String::new());
    }
    lines.push("What was done with other programs is not seen.".into());
    Some(Report::new(format!("History of {}", model.name), lines))
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
    if screen.pane == ModelsPane::Versions && !screen.version_words.value().is_empty() {
        screen.version_words.reset();
        screen.arrange_versions();
    } else if screen.pane == ModelsPane::Versions && !screen.is_direct {
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
    let left = app.screens.pop();
    app.screens.clear();
    show_run(app, experiment.clone(), id, effects);
    if let Some(Screen::Models(mut screen)) = left {
        // Nobody takes the answers meanwhile: all is asked for anew.
        screen.stop_reading();
        let searched = app.runs.view.words.clone();
        app.models.left = Some(LeftScreen { screen, searched, experiment });
    }
}

/// Goes back to the registry that a run was opened from; false if that is not where one came from.
pub fn come_back(app: &mut App) -> bool {
    // What was typed since is a layer of its own.
    let words = &app.runs.view.words;
    if app.models.left.as_ref().is_some_and(|left| !words.is_empty() && *words != left.searched) {
        return false;
    }
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
        match screen.pane {
            ModelsPane::Models => screen.arrange(),
            ModelsPane::Versions => screen.arrange_versions(),
        }
        show_cursors(app);
    }
}

/// Keeps the cursors on the screen.
pub(super) fn show_cursors(app: &mut App) {
    let places = places(app);
    let Some(screen) = screen_mut(app) else { return };
    screen.cursor.show(screen.shown.len(), places.model_rows());
    let length = screen.versions().len();
    screen.version_cursor.show(length, places.version_rows());
}
