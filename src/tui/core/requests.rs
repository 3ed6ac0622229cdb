//! What the state machine asks for, whoever has the occasion: the lines of a view, an experiment, the memory of it, the
//! end.

use super::app::{App, Screen};
use super::effect::Effect;
use super::layout::Focus;
use super::marks::Drawn;
use crate::tui::features::charts::screen::ChartScreen;
use crate::tui::features::sweeps;

/// Said until the store has answered.
pub const LOOKING: &str = "looking for changes";

/// Keeps the cursors on the screen where it is another one than before.
pub fn show_cursors(app: &mut App) {
    let places = app.geometry();
    app.experiments.cursor.show(app.experiments.list.len(), places.rows(Focus::Experiments));
    app.runs.cursor.show(app.runs.length(), places.rows(Focus::Runs));
}

pub fn quit(app: &mut App, effects: &mut Vec<Effect>) {
    remember(app, effects);
    app.quitting = true;
    effects.push(Effect::Quit);
}

/// Asks for the lines of the view that is wanted now.
pub fn project(app: &mut App, effects: &mut Vec<Effect>) {
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
pub fn remember(app: &mut App, effects: &mut Vec<Effect>) {
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

pub fn words_changed(app: &mut App, effects: &mut Vec<Effect>) {
    if app.runs.words.value() != app.runs.view.words {
        app.runs.view.words = app.runs.words.value().to_owned();
        view_changed(app, effects);
    }
}

/// The user wants to see something else of the experiment.
pub fn view_changed(app: &mut App, effects: &mut Vec<Effect>) {
    app.runs.changed = true;
    app.runs.range_from = None;
    project(app, effects);
}

pub fn load_experiments(app: &mut App, effects: &mut Vec<Effect>) {
    app.experiments_asked = app.now;
    effects.push(Effect::LoadExperiments);
}

/// Gives the chart of one of these metrics the whole screen.
pub fn open_chart(app: &mut App, keys: Vec<String>, at: usize, drawn: Vec<Drawn>) {
    app.screens.push(Screen::Chart(Box::new(ChartScreen::new(keys, at, drawn))));
}

/// What training would begin, in words.
pub fn offer(app: &App) -> String {
    sweeps::update::offer(app)
}

pub fn open_selected(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(listed) = app.experiments.selected() else { return };
    let (id, name) = (listed.id().clone(), listed.experiment.name.clone());
    app.focus = Focus::Runs;
    if app.runs.experiment.as_ref() == Some(&id) {
        return;
    }
    remember(app, effects);
    let remembered = app.memory.experiments.get(id.as_str()).cloned().unwrap_or_default();
    app.runs.open(id.clone(), name, &remembered);
    app.details.clear();
    app.charts = app.charts.anew();
    effects.push(Effect::Watch {
        generation: app.runs.generation,
        experiment: id,
        deleted: app.runs.deleted,
    });
}

/// Nothing that steers a terminal gets into the clipboard either: it would be pasted into one.
pub fn copy(app: &mut App, text: &str, what: &str, effects: &mut Vec<Effect>) {
    let safe: Vec<_> = text.lines().map(crate::text::stripped).collect();
    effects.push(Effect::Copy(safe.join("\n")));
    app.status = Some(format!("copied {what}"));
}
