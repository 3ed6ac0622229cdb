//! What keys do about the program as a whole, and about polling.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::Action;
use super::effects::Effect;
use super::{Elsewhere, Msg};
use crate::mlflow::{ExperimentId, RunId};
use crate::text;
use crate::tui::core::action::{Action as CoreAction, MOVE, possible, rows};
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::{Effects, Shell};
use crate::tui::core::go::close;
use crate::tui::core::requests::{
    ask_model_names, go_to_run, open_chart_of, open_experiment, open_model, pause, quit, rank_single, refresh,
};
use crate::tui::core::update::perform as perform_any;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::help::Help;
use crate::tui::widgets::picker::{Item, Picked, Picker, PickerList};
use crate::tui::widgets::prompt::{Prompt, PromptError};

/// The title until it is known which workspaces there are.
const LOOKING: &str = "Profiles, looking for workspaces";

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Refresh => refresh(app, effects),
        Action::Pause => pause(app, effects),
        Action::Interval => interval(app),
        Action::Profiles => {
            // What is typed already goes there.
            elsewhere(app, &[], LOOKING);
            effects.push(Effect::FindWorkspaces);
        }
        Action::Palette => palette(app, effects),
        Action::Messages => app.overlay = Some(Overlay::Messages { scroll: 0 }),
        Action::Suspend => effects.push(Shell::Suspend),
        Action::Close => close(app),
        Action::Quit => quit(app, effects),
        // Again closes it.
        Action::Help => app.help = Some(Help::default()),
    }
}

fn interval(app: &mut App) {
    let hint = "at least 0.1; slower automatically while unfocused";
    let read = |text: &str| {
        let seconds = text.trim().parse::<f64>().ok();
        let fits = |seconds: &f64| seconds.is_finite() && (0.1..=86_400.0).contains(seconds);
        seconds.filter(fits).ok_or(PromptError::from("must be a number of seconds, at least 0.1"))
    };
    let text = app.poll_interval.seconds.to_string();
    Prompt::new("Refresh interval, in seconds", hint, &text, read, |app, seconds, _| {
        app.poll_interval.seconds = seconds;
        Ok(())
    })
    .open(app);
}

pub fn answered(app: &mut App, msg: Msg) {
    match msg {
        Msg::Workspaces(result) => {
            let Some(Overlay::Picker(open)) = &app.overlay else { return };
            if open.list().title != LOOKING {
                return;
            }
            let typed = open.list().query.clone();
            // Whoever cannot list them can still go to another profile.
            let names = result.unwrap_or_default();
            elsewhere(app, &names, if names.is_empty() { "Profiles" } else { "Profiles and workspaces" });
            match &mut app.overlay {
                Some(Overlay::Picker(open)) if !open.list().entries.is_empty() => {
                    let list = open.list_mut();
                    list.query = typed;
                    list.search();
                }
                _ => {
                    app.overlay = None;
                    app.say("the config file has no [profiles], and the store no other workspaces");
                }
            }
        }
    }
}

/// Offers the other profiles, and the other workspaces of this store.
fn elsewhere(app: &mut App, workspaces: &[String], title: &str) {
    let item = |label: &str, note: String, is_open: bool, value: Elsewhere| Item {
        label: label.to_owned(),
        note: if is_open { format!("{note} (open)") } else { note },
        on: None,
        value,
    };
    let of_profile = |(name, address): &(String, String)| {
        let is_open = app.profile.as_ref() == Some(name);
        item(name, address.clone(), is_open, Elsewhere::Profile(name.clone()))
    };
    let open = app.workspace.as_deref().unwrap_or("default");
    let of_workspace = |name: &String| {
        let there = Elsewhere::Workspace { name: name.clone(), profile: app.profile.clone() };
        item(name, "workspace".into(), name == open, there)
    };
    // Whoever chose one that is gone gets out of it.
    let none = app.workspace.is_some().then(|| {
        let there = Elsewhere::Workspace { name: String::new(), profile: app.profile.clone() };
        item("no workspace", "as the server has it".into(), false, there)
    });
    let profiles = app.profiles.iter().map(of_profile);
    let items: Vec<_> = profiles.chain(workspaces.iter().map(of_workspace)).chain(none).collect();
    Picker::new(title, items, |_, picked, effects| match picked {
        Picked::Chosen(there) => effects.push(Shell::Switch(there)),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// What the palette finds.
#[derive(Debug, Clone)]
enum Found {
    Action(CoreAction),
    Experiment(ExperimentId),
    Run(RunId),
    /// Its chart, of the run that is shown.
    Metric(String),
    Model(String),
}

/// Experiments, runs and metrics that the palette finds, of each at most.
const FINDS: usize = 5_000;

/// Every action that can be done now, by its name; and what is there to go to.
fn palette(app: &mut App, effects: &mut Effects) {
    if app.screens.is_empty() {
        ask_model_names(app, effects);
    }
    palette_with(app);
}

/// The models are known by now, and listed in a palette that is open; what is typed and chosen in it stays.
pub fn list_models(app: &mut App) {
    let Some(Overlay::Picker(open)) = &app.overlay else { return };
    let list = open.list();
    if list.title != PALETTE {
        return;
    }
    let query = list.query.clone();
    let label = |list: &PickerList, at: usize| {
        let entry = list.found.get(at).and_then(|entry| list.entries.get(*entry as usize));
        entry.map(|entry| entry.label.clone())
    };
    let (chosen, cursor) = (label(list, list.cursor.at), list.cursor);
    palette_with(app);
    let Some(Overlay::Picker(open)) = &mut app.overlay else { return };
    let list = open.list_mut();
    list.query = query;
    list.search();
    let at = (0..list.found.len()).find(|at| label(list, *at) == chosen);
    list.cursor = Cursor { at: at.unwrap_or(0), ..cursor };
}

const PALETTE: &str = "Find an action, run, experiment, metric or model";

fn palette_with(app: &mut App) {
    // What can be done is asked of what lies below, also where the palette is open and filled once more.
    (app.help, app.overlay) = (None, None);
    let is_palette = |action| action == Action::Palette.into();
    let mut known: Vec<_> =
        rows().filter(|row| possible(app, row).is_ok() && !is_palette(row.action)).collect();
    // Nobody looks up how to move.
    known.sort_by_key(|row| row.group == MOVE);
    let actions = known.into_iter().map(|row| Item {
        label: format!("{}: {}", row.name, row.help),
        note: app.keymap.keys_of(row.action).join(", "),
        on: None,
        value: Found::Action(row.action),
    });
    let mut items: Vec<_> = actions.collect();
    // Nothing else stands over the panes: what is found is there.
    if app.screens.is_empty() {
        items.extend(things(app));
    }
    Picker::new(PALETTE, items, |app, picked, effects| match picked {
        Picked::Chosen(Found::Action(action)) => perform_any(app, action, effects),
        Picked::Chosen(Found::Experiment(id)) => open_experiment(app, &id, effects),
        Picked::Chosen(Found::Run(id)) => go_to_run(app, &id, effects),
        Picked::Chosen(Found::Metric(key)) => chart_of(app, &key),
        Picked::Chosen(Found::Model(name)) => open_model(app, &name, None),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// The chart of a metric: of the run that is shown, and the selected ones.
fn chart_of(app: &mut App, key: &str) {
    let Some(run) = app.details.run() else { return app.say("no run is shown") };
    let keys: Vec<String> = run.metrics.iter().map(|metric| metric.key.clone()).collect();
    let drawn = app.runs.selected.drawn_with(&run.info.run_id, &run.info.run_name);
    if !rank_single(app, key, &drawn) {
        open_chart_of(app, &keys, key, drawn);
    }
}

/// What can be gone to by its name.
fn things(app: &App) -> Vec<Item<Found>> {
    let item = |label: String, note: String, value| Item { label, note, on: None, value };
    let runs = &app.runs.catalog;
    let mut items = Vec::new();
    let shown = app.details.run().map_or(&[][..], |run| &run.metrics);
    items.extend(shown.iter().take(FINDS).map(|metric| {
        let note = format!("chart  {}", text::number(metric.value));
        item(format!("metric {}", metric.key), note, Found::Metric(metric.key.clone()))
    }));
    items.extend(runs.newest_first.iter().take(FINDS).map(|row| {
        let label = format!("run {}", runs.run_name(*row));
        let note = runs.run_id(*row).chars().take(8).collect();
        item(label, note, Found::Run(RunId::from(runs.run_id(*row))))
    }));
    let there = app.experiments.list.iter().filter(|listed| !listed.is_deleted());
    items.extend(there.take(FINDS).map(|listed| {
        let note = listed.runs.map_or(String::new(), |count| text::runs(count as usize));
        item(format!("experiment {}", listed.experiment.name), note, Found::Experiment(listed.id().clone()))
    }));
    // Those of the runs are known at once.
    let all = app.models.names.value().into_iter().flat_map(|names| names.iter().map(String::as_str));
    let mut models: Vec<&str> = app.models.of_runs.names().into_iter().chain(all).collect();
    models.sort_unstable();
    models.dedup();
    items.extend(
        models
            .into_iter()
            .map(|name| item(format!("model {name}"), String::new(), Found::Model(name.to_owned()))),
    );
    items
}
