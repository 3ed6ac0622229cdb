//! What the details of a run need, and what tasks bring back for them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::Action;
use super::artifacts::OpenFile;
use super::effects::Effect;
use super::find::{self, Find};
use super::models::RunModel;
use super::preview::{FilePart, Preview};
use super::series::in_order;
use super::view::{below_heading, file_area};
use super::{LineTarget, Msg, glance, models};
use crate::mlflow::RunId;
use crate::store::StoreError;
use crate::text;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::layout::{Focus, Tab, details_body};
use crate::tui::core::requests::{open_chart_of, open_model, rank_single, show_run};
use crate::tui::widgets::report::Report;

pub fn answered(app: &mut App, msg: Msg) {
    let height = app.geometry().rows(Focus::Details);
    let (details, now) = (&mut app.details, app.now);
    match msg {
        Msg::Run { ticket, result } => {
            let is_answered = result.is_ok();
            details.take(ticket, result, now);
            if is_answered && details.models.error().is_some_and(StoreError::is_transient) {
                details.models.forget();
            }
        }
        Msg::Artifacts { run, path, ticket, result } => {
            let is_shown = details.shown_run() == Some(&run);
            if let Some(folder) = details.artifacts.folders_mut().get_mut(&path).filter(|_| is_shown) {
                folder.take(ticket, result.map(in_order), now);
            }
        }
        Msg::Preview { run, path, ticket, result } => {
            let is_shown = details.shown_run() == Some(&run);
            let preview = details.artifacts.preview.as_mut();
            if let Some(opened) = preview.filter(|opened| is_shown && opened.path == path) {
                if opened.content.take(ticket, result, now) && opened.part == FilePart::End {
                    opened.top = usize::MAX;
                }
                opened.step(0, height);
            }
        }
        Msg::Glance { run, path, ticket, result } => {
            if details.shown_run() == Some(&run) {
                glance::answered(details, (path, ticket), result, now);
            }
        }
        Msg::Models { run, ticket, result } => {
            if details.shown_run() == Some(&run) && details.models.take(ticket, result, now) {
                let models = details.models.value().into_iter().flatten();
                let models = models.filter_map(RunModel::folder_beside).collect();
                details.artifacts.set_models(models);
            }
        }
    }
}

/// Opens the folder or file under the cursor.
pub fn open_artifact(app: &mut App, effects: &mut Effects) {
    match app.details.tab {
        Tab::Artifacts => {
            if let Some(path) = app.details.artifacts.open(app.details.cursor.at) {
                look_into(app, path, effects);
            }
        }
        Tab::Models => match app.details.target_under_cursor() {
            Some(LineTarget::File(path)) => {
                let cursor = app.details.cursor;
                app.details.choose_tab(Tab::Artifacts);
                app.details.opened_from = Some(cursor);
                look_into(app, path, effects);
            }
            Some(LineTarget::Version(model, version)) => open_model(app, &model, Some(version)),
            Some(LineTarget::FilesBelow(path)) => {
                for model in app.details.models.value_mut().into_iter().flatten() {
                    model.turn(&path);
                }
            }
            Some(LineTarget::Run(_) | LineTarget::Folder(_)) | None => {}
        },
        Tab::Overview | Tab::Params | Tab::Tags | Tab::Datasets => match app.details.target_under_cursor() {
            Some(LineTarget::Run(id)) => {
                let experiment = app.details.run().map(|run| run.info.experiment_id.clone());
                if let Some(experiment) = experiment {
                    show_run(app, experiment, id, effects);
                }
            }
            Some(LineTarget::Version(model, version)) => open_model(app, &model, Some(version)),
            Some(LineTarget::Folder(_) | LineTarget::File(_) | LineTarget::FilesBelow(_)) | None => {
                show_whole(app);
            }
        },
        Tab::Metrics => open_metric(app),
        Tab::Charts => {}
    }
}

/// Gives the chart of the metric under the cursor the whole screen.
fn open_metric(app: &mut App) {
    let Some(run) = app.details.run() else { return };
    let at = app.details.cursor.at;
    let Some(metric) = app.details.metrics_in(at..at + 1).pop() else { return };
    let key = metric.key.clone();
    let keys: Vec<String> = run.metrics.iter().map(|metric| metric.key.clone()).collect();
    let drawn = app.runs.selected.drawn_with(&run.info.run_id, &run.info.run_name);
    if !rank_single(app, &key, &drawn) {
        open_chart_of(app, &keys, &key, drawn);
    }
}

/// Shows all of the value under the cursor.
fn show_whole(app: &mut App) {
    let at = app.details.cursor.at;
    let line = app.details.window(at..at + 1, &app.runs.name, app.now).pop();
    let Some(line) = line.filter(|line| !line.value.is_empty() || line.is_of_note()) else {
        return app.say("there is no more of this");
    };
    if let Some(note) = line.exact.as_ref().filter(|_| line.is_of_note()) {
        app.overlay = Some(Overlay::Report(Report::of_markdown("note", note)));
        return;
    }
    let title = text::clean(line.key.trim()).into_owned();
    let value = line.exact.as_ref().unwrap_or(&line.value);
    app.overlay = Some(Overlay::Report(Report::new(title, text::readable(value))));
}

fn look_into(app: &mut App, path: String, effects: &mut Effects) {
    let Some(id) = app.details.shown_run().cloned() else { return };
    // What the cursor was on is seen until more of it is there.
    let mut opened = glance::taken(&mut app.details, &path).unwrap_or_else(|| OpenFile::new(path.clone()));
    let ticket = opened.content.ask();
    app.details.artifacts.preview = Some(opened);
    app.details.find = Find::default();
    effects.push(Effect::Preview { id, path, part: FilePart::default(), ticket });
}

/// Lays the page out that is looked into, where its room or what is shown of it is another.
fn lay_out_page(app: &mut App) {
    if let Some(area) = glance::area(app).map(below_heading)
        && let Some(glance) = &mut app.details.artifacts.glance
    {
        glance.file.lay_out((area.width as usize, area.height as usize + 1));
    }
    let Some(area) = file_area(app) else { return };
    let height = app.geometry().rows(Focus::Details);
    let opened = app.details.artifacts.preview.as_mut();
    if opened.is_some_and(|opened| opened.lay_out((area.width as usize, height))) {
        app.details.find.at = None;
    }
}

pub fn perform(app: &mut App, action: Action) {
    match action {
        Action::NextMatch => find::next(app, 1),
        Action::PreviousMatch => find::next(app, -1),
        Action::Source => {
            if let Some(opened) = &mut app.details.artifacts.preview {
                opened.as_source = !opened.as_source;
            }
        }
    }
}

/// Looks into the other part of a text that is too large: of a log the end says most.
pub fn look_at_part(app: &mut App, part: FilePart, effects: &mut Effects) {
    let Some(id) = app.details.shown_run().cloned().filter(|_| app.details.tab == Tab::Artifacts) else {
        return;
    };
    let Some(opened) = app.details.artifacts.preview.as_mut().filter(|opened| opened.part != part) else {
        return;
    };
    if opened.content.value().is_some_and(Preview::is_part_of_text) {
        opened.part = part;
        app.details.find.at = None;
        let ticket = opened.content.ask();
        effects.push(Effect::Preview { id, path: opened.path.clone(), part, ticket });
    }
}

/// To the left or right: in the file that is looked into, to the image of the step before or after, or else to another tab.
pub fn go_aside(app: &mut App, by: isize, effects: &mut Effects) {
    let room = file_area(app).map_or(0, |area| area.width as usize);
    let Some(opened) = app.details.artifacts.preview.as_mut().filter(|_| app.details.tab == Tab::Artifacts)
    else {
        return app.details.step_tab(by);
    };
    let path = opened.path.clone();
    let Some((images, at)) = app.details.artifacts.series(&path) else {
        match &mut app.details.artifacts.preview {
            Some(opened) if opened.reaches_aside(room) => opened.step_aside(by, room),
            // One key too many does not close what is read.
            Some(_) | None => app.status = Some("all of its width is on the screen".into()),
        }
        return;
    };
    let Some(next) = at.checked_add_signed(by).and_then(|at| images.get(at)).map(|next| (*next).to_owned())
    else {
        let end = if by < 0 { "first" } else { "last" };
        app.status = Some(format!("this is the {end} of {} images", images.len()));
        return;
    };
    if let Some(at) = app.details.artifacts.place(&next) {
        app.details.cursor.at = at;
    }
    look_into(app, next, effects);
}

/// Asks for the run under the cursor where it is another one; true then.
pub fn follow(app: &mut App, effects: &mut Effects) -> bool {
    // A group is drawn as its first run, and with it as a mean.
    let of_group = || app.runs.first_of_group().filter(|_| app.details.tab == Tab::Charts);
    let run = app.runs.run_under_cursor().or_else(of_group);
    if run == app.details.wanted || run.is_none() {
        return false;
    }
    app.details.wanted.clone_from(&run);
    if let Some(id) = run {
        let ticket = app.details.fetched.ask();
        effects.push(Effect::LoadRun { ticket, id });
    }
    true
}

/// Asks for what the tab still needs that is shown now.
pub fn needs_of_tab(app: &mut App, effects: &mut Effects) {
    app.details.follow_children(&app.runs.catalog);
    let deciding = app.best.policy().map_or(&[][..], |policy| &policy.objectives);
    app.details.order_metrics(deciding);
    if let Some(pane) = app.geometry().details {
        app.details.lay_out_note(details_body(pane));
    }
    glance::follow(app, effects);
    lay_out_page(app);
    let Some(run) = app.details.run() else { return };
    let id: RunId = run.info.run_id.clone();
    let models = models::places(run);
    // Beside the artifacts stand their names alone.
    let whole = app.details.tab == Tab::Models;
    let is_known = app.details.models.is_asked() && (app.details.asks_whole || !whole);
    if matches!(app.details.tab, Tab::Models | Tab::Artifacts) && !is_known && !models.is_empty() {
        let ticket = app.details.models.ask();
        app.details.asks_whole = whole;
        effects.push(Effect::LoadModels { id: id.clone(), models, whole, ticket });
    }
    match app.details.tab {
        Tab::Artifacts => {
            while let Some((path, ticket)) = app.details.artifacts.missing() {
                effects.push(Effect::ListArtifacts { id: id.clone(), path, ticket });
            }
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
