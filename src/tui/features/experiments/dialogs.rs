//! Prompts and questions about experiments, and all that is known of one.

#![deny(clippy::wildcard_enum_match_arm)]

use super::ListedExperiment;
use super::effects::{Effect, Write};
use crate::mlflow::{ExperimentId, Tag, limits, tags};
use crate::text;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};
use crate::tui::widgets::report::Report;

/// Writes to the store.
fn write(app: &mut App, write: Write, effects: &mut Effects) {
    app.status = Some("writing".into());
    effects.push(Effect::Write(write));
}

/// A name that is not empty.
///
/// # Errors
/// Where it is.
pub fn named(text: &str) -> Result<String, PromptError> {
    if text.trim().is_empty() { Err("enter a name".into()) } else { Ok(text.to_owned()) }
}

/// A name that MLflow takes.
fn experiment_name(text: &str) -> Result<String, PromptError> {
    let name = named(text)?;
    limits::check_experiment_name(&name).map_err(|limit| limit.to_string())?;
    Ok(name)
}

/// Why an experiment cannot have a name: another one has it, perhaps a deleted one.
fn taken(app: &App, name: &str) -> Result<(), PromptError> {
    let holder = app.experiments.list.iter().find(|listed| listed.experiment.name == name);
    match holder {
        None => Ok(()),
        Some(holder) if holder.is_deleted() => {
            Err("a deleted experiment has this name: g d shows it, D restores it".into())
        }
        Some(_) => Err("an experiment has this name already".into()),
    }
}

pub fn rename(app: &mut App) {
    let Some(listed) = app.experiments.under_cursor() else { return };
    let (id, before) = (listed.id().clone(), listed.experiment.name.clone());
    let text = before.clone();
    let rename = move |app: &mut App, name: String, effects: &mut Effects| {
        if name != before {
            taken(app, &name)?;
        }
        write(app, Write::Rename { id: id.clone(), name }, effects);
        Ok(())
    };
    Prompt::new("Rename the experiment", "", &text, experiment_name, rename).open(app);
}

/// A new experiment, in the folder under the cursor.
pub fn create(app: &mut App) {
    let list = &app.experiments;
    let folder = list.line_under_cursor().and_then(|line| list.folder(line));
    let text = folder.map_or(String::new(), |folder| format!("{folder}/"));
    let create = |app: &mut App, name: String, effects: &mut Effects| {
        taken(app, &name)?;
        app.status = Some("writing".into());
        effects.push(Effect::Create(name));
        Ok(())
    };
    Prompt::new("New experiment", "its name; a / makes folders", &text, experiment_name, create).open(app);
}

/// Somebody else gave the name to an experiment that is deleted by now.
pub fn offer_restore(app: &mut App, id: ExperimentId, name: String) {
    let lines = vec![name.clone()];
    Confirm::new("A deleted experiment has this name. Restore it?", lines, move |app, effects| {
        write(app, Write::Restore { id, name }, effects);
    })
    .open(app);
}

/// The question before an experiment is deleted or restored; how many runs go with it may have to be found out first.
pub fn delete(app: &mut App, effects: &mut Effects) {
    let Some(listed) = app.experiments.under_cursor() else { return };
    let id = listed.id().clone();
    if listed.is_deleted() {
        return restore(app);
    }
    let is_open = app.runs.experiment.as_ref() == Some(&id) && app.runs.complete && !app.runs.deleted;
    if is_open {
        ask_to_delete(app, &id, (app.runs.catalog.count, false));
    } else if let Some(runs) = listed.runs {
        ask_to_delete(app, &id, (runs as usize, false));
    } else {
        app.status = Some("counting its runs".into());
        effects.push(Effect::CountRuns(id));
    }
}

/// `runs` go with it, or more.
pub fn ask_to_delete(app: &mut App, id: &ExperimentId, (runs, more): (usize, bool)) {
    let Some(listed) = app.experiments.find(id) else { return };
    let (id, name) = (id.clone(), listed.experiment.name.clone());
    let go = match (runs, more) {
        (_, true) => format!("More than {} runs go with it.", text::count(runs)),
        (0, _) => "It has no runs.".to_owned(),
        (1, _) => "Its 1 run goes with it.".to_owned(),
        (runs, _) => format!("Its {} runs go with it.", text::count(runs)),
    };
    let lines = vec![
        name.clone(),
        go,
        "Nothing is lost: D restores it and its runs, until somebody runs mlflow gc.".to_owned(),
    ];
    Confirm::new("Delete this experiment?", lines, move |app, effects| {
        write(app, Write::Delete { id, name }, effects);
    })
    .open(app);
}

fn restore(app: &mut App) {
    let Some(listed) = app.experiments.under_cursor() else { return };
    let (id, name) = (listed.id().clone(), listed.experiment.name.clone());
    let runs = match listed.deleted_runs {
        0 => "Its runs are restored with it.".to_owned(),
        1 => "Its 1 deleted run is restored with it.".to_owned(),
        runs => format!("Its {} deleted runs are restored with it.", text::count(runs as usize)),
    };
    Confirm::new("Restore this experiment?", vec![name.clone(), runs], move |app, effects| {
        write(app, Write::Restore { id, name }, effects);
    })
    .open(app);
}

fn checked(tag: Tag) -> Result<Tag, PromptError> {
    limits::check_tag(&tag).map_err(|limit| limit.to_string())?;
    Ok(tag)
}

pub fn note(app: &mut App) {
    let Some(listed) = app.experiments.under_cursor() else { return };
    let id = listed.id().clone();
    let note = listed.tag(tags::NOTE).unwrap_or_default().to_owned();
    let hint = "ctrl-j starts a new line";
    let read = |text: &str| Ok(text.to_owned());
    Prompt::new("Note of the experiment", hint, &note, read, move |app, text: String, effects| {
        // Servers of MLflow 2 cannot remove a tag: an empty note is one that says nothing.
        let tag = checked(Tag::new(tags::NOTE, text))?;
        write(app, Write::SetTag { id: id.clone(), tag }, effects);
        Ok(())
    })
    .of_lines()
    .open(app);
}

pub fn tags(app: &mut App) {
    let Some(listed) = app.experiments.under_cursor() else { return };
    let id = listed.id().clone();
    // None is a tag that is still to be named.
    let new = Item { label: "new tag".into(), note: "key=value".into(), on: None, value: None };
    let own = listed.experiment.tags.iter().filter(|tag| !tags::is_system(&tag.key));
    let known = own.map(|tag| Item {
        label: tag.key.clone(),
        note: tag.value.clone(),
        on: None,
        value: Some(tag.clone()),
    });
    let items: Vec<_> = std::iter::once(new).chain(known).collect();
    Picker::new("Tags of the experiment", items, move |app, picked, _| match picked {
        Picked::Chosen(tag) => edit_tag(app, id.clone(), tag),
        Picked::Removed(Some(tag)) => {
            let (id, key) = (id.clone(), tag.key);
            let lines = vec![key.clone()];
            Confirm::new("Remove this tag from the experiment?", lines, move |app, effects| {
                write(app, Write::DeleteTag { id, key }, effects);
            })
            .open(app);
        }
        Picked::Removed(None) | Picked::Toggled(..) => {}
    })
    .removable(Option::is_some)
    .open(app);
}

fn edit_tag(app: &mut App, id: ExperimentId, tag: Option<Tag>) {
    let read = |text: &str| Ok(text.to_owned());
    let (title, hint, value) = match &tag {
        Some(tag) => (format!("Tag {}", tag.key), "its new value", tag.value.clone()),
        None => ("New tag".into(), "key=value", String::new()),
    };
    Prompt::new(title, hint, &value, read, move |app, text: String, effects| {
        let tag = match (&tag, text.split_once('=')) {
            (Some(tag), _) => Tag::new(&tag.key, text),
            (None, Some((key, value))) if !key.trim().is_empty() => Tag::new(key.trim(), value.trim()),
            (None, _) => return Err("write a tag as key=value".into()),
        };
        write(app, Write::SetTag { id: id.clone(), tag: checked(tag)? }, effects);
        Ok(())
    })
    .open(app);
}

/// All that is known of the experiment under the cursor.
pub fn describe(app: &mut App) {
    let Some(listed) = app.experiments.under_cursor() else { return };
    let lines = about(listed, app.now);
    app.overlay = Some(Overlay::Report(Report::new(text::clean(&listed.experiment.name), lines)));
}

fn about(listed: &ListedExperiment, now: i64) -> Vec<String> {
    let experiment = &listed.experiment;
    let time = |time: Option<i64>| {
        time.map(|ms| format!("{} ({} ago)", text::timestamp(ms), text::span(now.saturating_sub(ms))))
    };
    let deleted = match listed.deleted_runs {
        0 => String::new(),
        runs => format!(", {} deleted", text::count(runs as usize)),
    };
    let runs = listed.runs.map(|runs| format!("{}{deleted}", text::count(runs as usize)));
    let mut known: Vec<(String, Option<String>)> = vec![
        ("id".into(), Some(listed.id().to_string())),
        ("state".into(), listed.is_deleted().then(|| "deleted; D restores it".into())),
        ("runs".into(), runs),
        ("newest run".into(), time(listed.last_start)),
        ("created".into(), time(experiment.creation_time)),
        ("changed".into(), time(experiment.last_update_time)),
        ("artifacts".into(), Some(experiment.artifact_location.clone())),
    ];
    let (system, own): (Vec<&Tag>, Vec<&Tag>) =
        experiment.tags.iter().filter(|tag| tag.key != tags::NOTE).partition(|tag| tags::is_system(&tag.key));
    let tags = own.into_iter().chain(system);
    known.extend(tags.map(|tag| (format!("tag {}", tag.key), Some(tag.value.clone()))));
    let known: Vec<_> = known.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let widest = known.iter().map(|(key, _)| text::width(&text::clean(key))).max().unwrap_or(0).min(30);
    let mut lines: Vec<String> = known
        .into_iter()
        .map(|(key, value)| format!("{}  {}", text::fit(&text::clean(&key), widest, "…"), value))
        .collect();
    if let Some(note) = listed.tag(tags::NOTE).filter(|note| !note.is_empty()) {
        lines.push(String::new());
        lines.extend(note.lines().map(str::to_owned));
    }
    lines
}
