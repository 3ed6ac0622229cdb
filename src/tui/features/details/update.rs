//! What the details of a run need, and what tasks bring back for them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::artifacts::{Folder, OpenFile};
use super::effects::Effect;
use super::{Models, Msg};
use crate::mlflow::RunId;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::layout::Tab;

pub fn answered(app: &mut App, msg: Msg) {
    let details = &mut app.details;
    match msg {
        Msg::Run { generation, result } => {
            if generation == details.generation {
                match result {
                    Ok(run) => details.show(run),
                    Err(error) => details.error = Some(error),
                }
            }
        }
        Msg::Artifacts { run, path, result } => {
            if details.shown_run() == Some(&run) {
                let folder = result.map_or_else(Folder::Failed, Folder::Files);
                details.artifacts.folders.insert(path, folder);
            }
        }
        Msg::Preview { run, path, result } => {
            let is_shown = details.shown_run() == Some(&run);
            let preview = details.artifacts.preview.as_mut();
            if let Some(opened) = preview.filter(|opened| is_shown && opened.path == path) {
                opened.content = Some(result);
            }
        }
        Msg::Models { run, result } => {
            if details.shown_run() == Some(&run) {
                details.models = Some(Models { run, answer: Some(result) });
            }
        }
    }
}

/// Opens the folder or file under the cursor.
pub fn open_artifact(app: &mut App, effects: &mut Effects) {
    if app.details.tab != Tab::Artifacts {
        return;
    }
    let at = app.details.cursor.at;
    if let Some(path) = app.details.artifacts.open(at)
        && let Some(id) = app.details.shown_run().cloned()
    {
        app.details.artifacts.preview = Some(OpenFile { path: path.clone(), content: None, top: 0 });
        effects.push(Effect::Preview { id, path });
    }
}

/// Asks for the run under the cursor where it is another one; true then.
pub fn follow(app: &mut App, effects: &mut Effects) -> bool {
    let run = app.runs.run_under_cursor();
    if run == app.details.wanted || run.is_none() {
        return false;
    }
    app.details.wanted.clone_from(&run);
    app.details.generation += 1;
    if let Some(id) = run {
        effects.push(Effect::LoadRun { generation: app.details.generation, id });
    }
    true
}

/// Asks for what the tab still needs that is shown now.
pub fn needs_of_tab(app: &mut App, effects: &mut Effects) {
    let Some(run) = &app.details.run else { return };
    let id: RunId = run.info.run_id.clone();
    match app.details.tab {
        Tab::Artifacts => {
            while let Some(path) = app.details.artifacts.missing() {
                effects.push(Effect::ListArtifacts { id: id.clone(), path });
            }
        }
        Tab::Models if app.details.models.is_none() && !run.model_outputs.is_empty() => {
            let models = run.model_outputs.iter().map(|output| output.model_id.clone()).collect();
            app.details.models = Some(Models { run: id.clone(), answer: None });
            effects.push(Effect::LoadModels { id, models });
        }
        Tab::Charts
        | Tab::Overview
        | Tab::Metrics
        | Tab::Params
        | Tab::Tags
        | Tab::Datasets
        | Tab::Models => {}
    }
}
