//! What keys do to experiments, and what tasks bring back of them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::Msg;
use super::actions::Action;
use super::effects::Effect;
use crate::mlflow::{Experiment, ExperimentId};
use crate::store::Result;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::layout::Focus;
use crate::tui::core::requests::{self, failing, live, open_selected, reload};
use crate::tui::widgets::prompt::{Prompt, PromptError};

pub fn perform(app: &mut App, action: Action) {
    match action {
        Action::Rename if app.focus == Focus::Experiments => rename(app),
        Action::Rename => requests::rename_run(app),
    }
}

/// A name that is not empty.
///
/// # Errors
/// Where it is.
pub fn named(text: &str) -> std::result::Result<String, PromptError> {
    if text.trim().is_empty() { Err("enter a name".into()) } else { Ok(text.to_owned()) }
}

fn rename(app: &mut App) {
    let Some(listed) = app.experiments.under_cursor() else { return };
    let (id, name) = (listed.id().clone(), listed.experiment.name.clone());
    let rename = move |app: &mut App, name: String, effects: &mut Effects| {
        app.status = Some("writing".into());
        effects.push(Effect::Rename { id: id.clone(), name });
        Ok(())
    };
    Prompt::new("Rename the experiment", "", &name, named, rename).open(app);
}

pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    match msg {
        Msg::Listed { result, retry_ms } => listed(app, result, retry_ms, effects),
        Msg::Counted(counts) => {
            app.experiments.count(counts.as_ref());
            requests::counted(app, effects);
        }
        Msg::Renamed { name, result } => {
            let done = format!("renamed the experiment to {name}");
            reload(app, result.map(|()| done), effects);
        }
    }
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
        open_first(app, latest.as_ref(), effects);
    }
    requests::listed(app, effects);
}

/// Opens an experiment where none is open yet and the store holds one worth opening: the wanted one, else the one of
/// the last visit, else that of the newest run.
fn open_first(app: &mut App, latest: Option<&ExperimentId>, effects: &mut Effects) {
    let wanted = app.wanted_experiment.take();
    let last = app.memory.last_experiment.as_deref().map(ExperimentId::from);
    let last = last.filter(|id| app.experiments.find(id).is_some());
    let Some(at) = app.experiments.first(wanted.as_deref(), last.as_ref().or(latest)) else { return };
    if let Some(name) = wanted
        && app.experiments.list[at].experiment.name != name
        && app.experiments.list[at].id().as_str() != name
    {
        app.say(format!("no experiment {name:?} here"));
    }
    let height = app.geometry().rows(Focus::Experiments);
    app.experiments.cursor.jump(at, app.experiments.list.len(), height);
    open_selected(app, effects);
}
