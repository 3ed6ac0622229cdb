//! Changes to the registry from the screen: what is typed or picked for each, what destroys is asked about, and what came of
//! it.

use super::Done;
use super::effects::Effect;
use super::kept::KeptEdit;
use super::screen::{ModelsPane, ModelsScreen};
use super::update::{screen, screen_mut};
use crate::mlflow::limits::{check_alias, check_description, check_key, check_model_name};
use crate::mlflow::{ModelStage, Tag};
use crate::registry::badges;
use crate::registry::edit::{Applied, Edit};
use crate::store::{ErrorKind, StoreError};
use crate::sweep::engine::record::is_transient;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::reread;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};

/// Changes that can be undone.
const MOST_DONE: usize = 50;

impl ModelsScreen {
    /// The model, and the version where one is under the cursor.
    fn target(&self) -> Option<(String, Option<u64>)> {
        let model = self.model()?.name.clone();
        let version = self.version().filter(|_| self.pane == ModelsPane::Versions);
        Some((model, version.map(|version| version.version)))
    }

    /// The tags of what is under the cursor.
    pub fn tags(&self) -> &[Tag] {
        match self.version().filter(|_| self.pane == ModelsPane::Versions) {
            Some(version) => &version.tags,
            None => self.model().map_or(&[], |model| &model.tags),
        }
    }

    fn description(&self) -> &str {
        match self.version().filter(|_| self.pane == ModelsPane::Versions) {
            Some(version) => &version.description,
            None => self.model().map_or("", |model| &model.description),
        }
    }
}

fn target(app: &App) -> Option<(String, Option<u64>)> {
    screen(app)?.target()
}

fn named(model: &str, version: Option<u64>) -> String {
    let model = text::clean(model);
    version.map_or(model.clone().into_owned(), |version| format!("{model} v{version}"))
}

fn send(app: &mut App, edit: Edit, effects: &mut Effects) {
    app.status = Some("writing".into());
    app.models.is_writing = true;
    effects.push(Effect::Change(Box::new(edit)));
}

pub fn alias_of(text: &str) -> Result<String, PromptError> {
    let alias = text.trim().trim_start_matches('@').to_owned();
    check_alias(&alias).map_err(|error| error.to_string())?;
    Ok(alias)
}

/// Asks for an alias. One that points elsewhere is moved, after a question.
pub fn ask_alias(app: &mut App) {
    let Some((model, Some(version))) = target(app) else { return };
    let mut known: Vec<String> = screen(app)
        .and_then(ModelsScreen::model)
        .map(|model| model.aliases.iter().map(|(alias, _)| alias.clone()).collect())
        .unwrap_or_default();
    for usual in [&app.selecting.alias, &app.selecting.previous_alias] {
        if !known.contains(usual) {
            known.push(usual.clone());
        }
    }
    let hint = format!("such as {}", known.join(", "));
    let title = format!("Alias of {}", named(&model, Some(version)));
    Prompt::new(title, hint, "", alias_of, move |app, alias, effects| {
        let before = screen(app).and_then(ModelsScreen::model).and_then(|model| model.alias(&alias));
        let edit = Edit::Alias { model: model.clone(), alias: alias.clone(), version: Some(version) };
        match before {
            Some(before) if before == version => return Err(format!("@{alias} points there already").into()),
            Some(before) => {
                let lines = vec![format!("from v{before} to v{version}; U takes it back")];
                Confirm::new(
                    format!("Move @{alias} of {}?", text::clean(&model)),
                    lines,
                    move |app, effects| {
                        send(app, edit, effects);
                    },
                )
                .open(app);
            }
            None => send(app, edit, effects),
        }
        Ok(())
    })
    .open(app);
}

/// Lets an alias of the version be picked, and deletes it.
pub fn pick_alias(app: &mut App) {
    let Some((model, Some(version))) = target(app) else { return };
    let aliases = screen(app).and_then(ModelsScreen::version).map(|version| version.aliases.clone());
    let items = aliases.unwrap_or_default().into_iter().map(|alias| Item {
        label: badges(std::slice::from_ref(&alias)),
        note: String::new(),
        on: None,
        value: alias,
    });
    let items: Vec<_> = items.collect();
    let title = format!("Delete which alias of {}?", named(&model, Some(version)));
    Picker::new(title, items, move |app, picked, effects| {
        if let Picked::Chosen(alias) = picked {
            send(app, Edit::Alias { model: model.clone(), alias, version: None }, effects);
        }
    })
    .open(app);
}

pub fn ask_description(app: &mut App) {
    let Some((model, version)) = target(app) else { return };
    let before = screen(app).map_or(String::new(), |screen| screen.description().to_owned());
    let title = format!("Description of {}", named(&model, version));
    let read = |text: &str| {
        check_description(text).map_err(|error| error.to_string())?;
        Ok(text.trim_end().to_owned())
    };
    Prompt::new(title, "ctrl-j starts a new line", &before, read, move |app, text, effects| {
        send(app, Edit::Describe { model: model.clone(), version, text }, effects);
        Ok(())
    })
    .of_lines()
    .open(app);
}

pub fn ask_tag(app: &mut App) {
    let Some((model, version)) = target(app) else { return };
    let title = format!("Tag of {}", named(&model, version));
    let read = |text: &str| {
        let (key, value) = text.split_once('=').ok_or("key = value")?;
        let key = key.trim().to_owned();
        check_key("tag", &key).map_err(|error| error.to_string())?;
        Ok((key, value.trim().to_owned()))
    };
    Prompt::new(title, "key = value", "", read, move |app, (key, value), effects| {
        let edit = Edit::Tag { model: model.clone(), version, key, value: Some(value) };
        send(app, edit, effects);
        Ok(())
    })
    .open(app);
}

/// Lets a tag be picked, and deletes it.
pub fn pick_tag(app: &mut App) {
    let Some((model, version)) = target(app) else { return };
    let tags = screen(app).map_or(Vec::new(), |screen| screen.tags().to_vec());
    let items: Vec<_> = tags
        .into_iter()
        .map(|tag| Item { label: tag.key.clone(), note: tag.value, on: None, value: tag.key })
        .collect();
    let title = format!("Delete which tag of {}?", named(&model, version));
    Picker::new(title, items, move |app, picked, effects| {
        if let Picked::Chosen(key) = picked {
            send(app, Edit::Tag { model: model.clone(), version, key, value: None }, effects);
        }
    })
    .open(app);
}

/// Lets a stage be picked; where others are in it, they can be archived.
pub fn pick_stage(app: &mut App) {
    let Some((model, Some(version))) = target(app) else { return };
    let Some(screen) = screen(app) else { return };
    let now = screen.version().map_or("", |version| version.current_stage.as_str());
    let mut items = Vec::new();
    for stage in ModelStage::ALL {
        let is_now = stage.as_str() == now;
        let note = if is_now { "now" } else { "" };
        items.push(Item {
            label: stage.as_str().to_owned(),
            note: note.to_owned(),
            on: None,
            value: (stage, false),
        });
        let others: Vec<String> = screen
            .all_versions()
            .iter()
            .filter(|other| other.version != version && other.current_stage == stage.as_str())
            .map(|other| format!("v{}", other.version))
            .collect();
        if stage.is_active() && !others.is_empty() {
            items.push(Item {
                label: format!("{}, archive {}", stage.as_str(), listed(&others)),
                note: String::new(),
                on: None,
                value: (stage, true),
            });
        }
    }
    let title = format!("Stage of {}", named(&model, Some(version)));
    let now = now.to_owned();
    Picker::new(title, items, move |app, picked, effects| {
        if let Picked::Chosen((stage, archives_others)) = picked {
            if stage.as_str() == now && !archives_others {
                app.status = Some(format!("v{version} is in {now} already"));
                return;
            }
            let edit = Edit::Stage { model: model.clone(), version, stage, archives_others };
            send(app, edit, effects);
        }
    })
    .open(app);
}

/// Versions by name, a few of many.
pub(super) fn listed(versions: &[String]) -> String {
    const LISTED: usize = 6;
    let (named, more) = versions.split_at(versions.len().min(LISTED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{more}", named.join(", "))
}

pub fn ask_name(app: &mut App) {
    let Some((model, _)) = target(app) else { return };
    let read = |text: &str| {
        let name = text.trim().to_owned();
        check_model_name(&name).map_err(|error| error.to_string())?;
        Ok(name)
    };
    let hint = "whoever loads the model by its old name finds it no more";
    Prompt::new(format!("Rename {}", text::clean(&model)), hint, &model, read, {
        let model = model.clone();
        move |app, to: String, effects: &mut Effects| {
            if to != model {
                send(app, Edit::Rename { model: model.clone(), to }, effects);
            }
            Ok(())
        }
    })
    .open(app);
}

/// Asks before a version or a model is deleted, and names what goes with it.
pub fn ask_to_delete(app: &mut App) {
    let Some((model, version)) = target(app) else { return };
    let Some(screen) = screen(app) else { return };
    let mut lines = Vec::new();
    let edit = match version {
        Some(version) => {
            let aliases = screen.version().map_or(&[][..], |version| &version.aliases);
            if !aliases.is_empty() {
                lines.push(format!("{} point to it and go with it", badges(aliases)));
            }
            if let Some(stage) = screen.version().and_then(|version| version.stage()) {
                lines.push(format!("it is in {stage}"));
            }
            Edit::DeleteVersion { model: model.clone(), version }
        }
        None => {
            let known = screen.model();
            let aliases: Vec<String> = known.map_or(Vec::new(), |model| {
                model.aliases.iter().map(|(alias, version)| format!("@{alias} v{version}")).collect()
            });
            let is_known = screen.of == screen.chosen && screen.versions.value().is_some();
            let count = if is_known { text::count(screen.all_versions().len()) } else { "all".into() };
            lines.push(format!("{count} versions go with it"));
            if !aliases.is_empty() {
                lines.push(format!("{} go with it", aliases.join(", ")));
            }
            Edit::DeleteModel { model: model.clone() }
        }
    };
    lines.push("runs and files stay; this cannot be undone".into());
    let question = format!("Delete {}?", named(&model, version));
    Confirm::new(question, lines, move |app, effects| send(app, edit, effects)).open(app);
}

/// Takes the last change back.
pub fn undo(app: &mut App, effects: &mut Effects) {
    match app.models.done.pop() {
        Some(done) => take_back(app, done, effects),
        None => ask_to_undo_earlier(app),
    }
}

/// What was done in another session is not taken back by a slip of the finger.
fn ask_to_undo_earlier(app: &mut App) {
    let Some(at) = app.models.earlier.iter().rposition(|edit| edit.undo.is_some()) else { return };
    let lines = vec![app.models.earlier[at].line()];
    Confirm::new("Undo what was done before?", lines, move |app, effects| {
        let undo = app.models.earlier.get_mut(at).and_then(|edit| edit.undo.take());
        if let Some(undo) = undo {
            take_back(app, Done::Edit(undo), effects);
        }
    })
    .open(app);
}

fn take_back(app: &mut App, done: Done, effects: &mut Effects) {
    app.status = Some("undoing".into());
    app.models.is_writing = true;
    effects.push(Effect::TakeBack(Box::new(done)));
}

/// Something was changed, or not.
pub fn edited(app: &mut App, result: Result<Applied, StoreError>, effects: &mut Effects) {
    app.models.is_writing = false;
    match result {
        Ok(applied) => {
            let hint = if applied.undo.is_some() { "; U undoes it" } else { "" };
            app.say(format!("{}{hint}", applied.words));
            turn_to(app, applied.model.as_deref());
            let is_deletion = applied.is_deletion;
            if let Some(undo) = applied.undo {
                note(app, Done::Edit(undo));
            }
            if is_deletion {
                let (at, by, words) = (app.now, app.user.clone(), applied.words.clone());
                app.models.earlier.push(KeptEdit { at, by, words, is_deletion, undo: None });
            }
        }
        Err(error) => app.say(error.of_write()),
    }
    reread(app, effects);
}

/// Keeps in mind what can be undone.
pub fn note(app: &mut App, done: Done) {
    app.models.done.push(done);
    let more = app.models.done.len().saturating_sub(MOST_DONE);
    app.models.done.drain(..more);
}

/// The last change was undone, or not.
pub fn undone(app: &mut App, done: Done, result: Result<Applied, StoreError>, effects: &mut Effects) {
    app.models.is_writing = false;
    match result {
        Ok(applied) => {
            app.say(applied.words);
            turn_to(app, applied.model.as_deref());
        }
        Err(error) => {
            app.say(match &error.kind {
                ErrorKind::Invalid(_) => error.to_string(),
                _ => format!("{error}; {}", error.hint()),
            });
            // A store that is away may do it later.
            if is_transient(&error.kind) {
                app.models.done.push(done);
            }
        }
    }
    reread(app, effects);
}

/// Keeps the cursor on a model that is called otherwise from now on.
fn turn_to(app: &mut App, model: Option<&str>) {
    if let (Some(screen), Some(model)) = (screen_mut(app), model)
        && screen.chosen.as_deref() != Some(model)
        && screen.models.value().is_some_and(|models| models.iter().all(|known| known.name != model))
    {
        screen.chosen = Some(model.to_owned());
        screen.is_partial = true;
    }
}
