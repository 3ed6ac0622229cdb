//! Prompts, pickers and questions: what opens them, and what comes of their keys.

use crossterm::event::KeyEvent;

use super::action::{ACTIONS, Action, MOVE};
use super::app::{App, Focus, Overlay};
use super::effect::{Effect, Write};
use super::overlays::confirm::{self, Answer, Confirm};
use super::overlays::picker::{self, Choice, Item, Picked, Picker};
use super::overlays::prompt::complete::completions;
use super::overlays::prompt::{self, Prompt, Typed};
use super::panes::details::{Models, Tab};
use super::perform::perform;
use super::update::view_changed;
use super::widgets::input;
use crate::catalog::ColumnSpec;
use crate::mlflow::filter::parse;
use crate::mlflow::{LifecycleStage, RunId, Statistic, Tag, limits, tags};
use crate::text;

/// Opens what an action asks its questions in.
pub fn open(app: &mut App, action: Action) {
    let overlay = match action {
        Action::Palette => Overlay::Picker(palette(app)),
        Action::Columns => Overlay::Picker(columns(app)),
        Action::Statistic => Overlay::Picker(statistics(app)),
        Action::Profiles => Overlay::Picker(profiles(app)),
        Action::Tags => Overlay::Picker(tag_list(app)),
        Action::Expression => Overlay::Prompt(Prompt::new(
            prompt::Purpose::Expression,
            "Filter, in MLflow's language",
            "metrics.rmse < 0.5 AND params.family = 'tree'; tab completes names",
            &app.runs.filter_text.clone(),
        )),
        Action::Interval => Overlay::Prompt(Prompt::new(
            prompt::Purpose::Interval,
            "Seconds between looks for changes",
            "0.1 or more; slower by itself while nobody looks",
            &app.pace.seconds.to_string(),
        )),
        Action::Rename if app.focus == Focus::Experiments => {
            let Some(listed) = app.experiments.selected() else { return };
            let purpose = prompt::Purpose::RenameExperiment(listed.id().clone());
            Overlay::Prompt(Prompt::new(purpose, "Rename the experiment", "", &listed.experiment.name))
        }
        Action::Rename => {
            let Some((row, id)) = app.runs.selected_row().zip(app.runs.selected_run()) else { return };
            let name = app.runs.catalog.run_name(row);
            Overlay::Prompt(Prompt::new(prompt::Purpose::RenameRun(id), "Rename the run", "", name))
        }
        Action::Note => {
            let Some(id) = app.runs.selected_run() else { return };
            let note = tag_of(app, tags::NOTE).unwrap_or_default();
            let hint = "ctrl-j begins a new line; an empty note is removed";
            Overlay::Prompt(Prompt::new(prompt::Purpose::Note(id), "Note", hint, &note))
        }
        Action::Delete => match deletion(app) {
            Some(confirm) => Overlay::Confirm(confirm),
            None => return,
        },
        _ => return,
    };
    app.overlay = Some(overlay);
}

/// A tag of the run under the cursor.
fn tag_of(app: &App, key: &str) -> Option<String> {
    let catalog = &app.runs.catalog;
    let column = catalog.tags.column(&catalog.texts, key)?;
    column.get(app.runs.selected_row()?).map(|sym| catalog.texts.get(sym).to_owned())
}

fn palette(app: &App) -> Picker {
    let mut possible: Vec<_> = ACTIONS
        .iter()
        .filter(|info| (info.possible)(app).is_ok() && info.action != Action::Palette)
        .collect();
    // Nobody looks up how to move.
    possible.sort_by_key(|info| info.group == MOVE);
    let items = possible.into_iter().map(|info| Item {
        label: format!("{}: {}", info.name, info.title),
        note: app.keymap.keys_of(info.action).join(", "),
        on: None,
        choice: Choice::Action(info.action),
    });
    Picker::new(picker::Purpose::Palette, "Actions", items.collect())
}

/// All columns there can be: those that are shown first, in their order.
fn columns(app: &App) -> Picker {
    let runs = &app.runs;
    let catalog = &runs.catalog;
    let texts = &catalog.texts;
    let of_runs = |count: usize| format!("{} runs", text::count(count));
    let attribute = |spec: &ColumnSpec| {
        matches!(spec, ColumnSpec::Metric(..) | ColumnSpec::Param(_) | ColumnSpec::Tag(_))
    };
    let shown: rustc_hash::FxHashSet<&ColumnSpec> = runs.columns.iter().map(|shown| &shown.spec).collect();
    let item = |spec: ColumnSpec, note: String, on: bool| Item {
        label: spec.name(),
        note,
        on: Some(on),
        choice: Choice::Column(spec),
    };
    let note = |spec: &ColumnSpec| match spec {
        ColumnSpec::Metric(key, _) => catalog.metrics.column(texts, key).map_or(0, |column| column.len()),
        ColumnSpec::Param(key) => catalog.params.column(texts, key).map_or(0, |column| column.len()),
        ColumnSpec::Tag(key) => catalog.tags.column(texts, key).map_or(0, |column| column.len()),
        _ => catalog.count,
    };
    // The name is always there.
    let mut items: Vec<Item> = runs
        .columns
        .iter()
        .skip(1)
        .map(|shown| {
            let count = if attribute(&shown.spec) { of_runs(note(&shown.spec)) } else { String::new() };
            item(shown.spec.clone(), count, true)
        })
        .collect();
    let mut offer = |spec: ColumnSpec, count: String| {
        if !shown.contains(&spec) {
            items.push(item(spec, count, false));
        }
    };
    ColumnSpec::ATTRIBUTES.into_iter().skip(1).for_each(|spec| offer(spec, String::new()));
    catalog.metrics.keys(texts).for_each(|(key, count)| offer(ColumnSpec::metric(key), of_runs(count)));
    catalog
        .params
        .keys(texts)
        .for_each(|(key, count)| offer(ColumnSpec::Param(key.to_owned()), of_runs(count)));
    let (system, own): (Vec<_>, Vec<_>) = catalog.tags.keys(texts).partition(|(key, _)| tags::is_system(key));
    for (key, count) in own.into_iter().chain(system) {
        offer(ColumnSpec::Tag(key.to_owned()), of_runs(count));
    }
    Picker::new(picker::Purpose::Columns, "Columns", items)
}

fn statistics(app: &App) -> Picker {
    let Some(ColumnSpec::Metric(key, now)) = app.runs.chosen_column() else {
        return Picker::new(picker::Purpose::Statistic, "", Vec::new());
    };
    let item = |label: &str, note: &str, choice: Choice| Item {
        label: label.into(),
        note: note.into(),
        on: None,
        choice,
    };
    let all = [
        (Statistic::Latest, "latest", "MLflow's: greatest step, then time"),
        (Statistic::Min, "min", "smallest of the history, and its step"),
        (Statistic::Max, "max", "largest of the history, and its step"),
        (Statistic::Mean, "mean", "over the whole history"),
        (Statistic::First, "first", "value of the smallest step"),
    ];
    let mut items: Vec<Item> = all
        .into_iter()
        .map(|(statistic, label, note)| item(label, note, Choice::Statistic(statistic)))
        .collect();
    items.push(item("at a step", "the value that was logged at it", Choice::StatisticAtStep));
    let mut picker = Picker::new(picker::Purpose::Statistic, format!("Value of {key}"), items);
    picker.cursor.at = all.iter().position(|(statistic, ..)| statistic == now).unwrap_or(5);
    picker
}

fn profiles(app: &App) -> Picker {
    let items = app.profiles.iter().map(|(name, address)| Item {
        label: name.clone(),
        note: if app.profile.as_ref() == Some(name) { format!("{address} (open)") } else { address.clone() },
        on: None,
        choice: Choice::Profile(name.clone()),
    });
    Picker::new(picker::Purpose::Profiles, "Profiles", items.collect())
}

/// The tags of the run under the cursor; what is done to one is done to all marked runs.
fn tag_list(app: &App) -> Picker {
    let ids = app.runs.targets();
    let catalog = &app.runs.catalog;
    let row = match ids.as_slice() {
        [id] => catalog.find(id.as_str()),
        _ => None,
    };
    let mut items =
        vec![Item { label: "new tag".into(), note: "key=value".into(), on: None, choice: Choice::NewTag }];
    let mut known: Vec<(&str, &str)> = match row {
        Some(row) => {
            catalog.tags.of(&catalog.texts, row).map(|(key, value)| (key, catalog.texts.get(value))).collect()
        }
        None => catalog.tags.keys(&catalog.texts).map(|(key, _)| (key, "")).collect(),
    };
    // What MLflow keeps is not for the hand.
    known.retain(|(key, _)| !tags::is_system(key));
    known.sort_unstable();
    items.extend(known.into_iter().map(|(key, value)| Item {
        label: key.to_owned(),
        note: value.to_owned(),
        on: None,
        choice: Choice::Tag { key: key.to_owned(), value: value.to_owned() },
    }));
    let title = if ids.len() == 1 { "Tags".to_owned() } else { format!("Tags of {} runs", ids.len()) };
    Picker::new(picker::Purpose::Tags(ids), title, items)
}

/// The question before runs are deleted or restored; marked runs have to be all of a kind.
fn deletion(app: &mut App) -> Option<Confirm> {
    let ids = app.runs.targets();
    let catalog = &app.runs.catalog;
    let rows: Vec<_> = ids.iter().filter_map(|id| catalog.find(id.as_str())).collect();
    let deleted = rows.iter().filter(|row| catalog.run(**row).stage == LifecycleStage::Deleted).count();
    let lines: Vec<String> =
        rows.iter().map(|row| format!("{}  {}", catalog.run_name(*row), catalog.run_id(*row))).collect();
    let count = |verb: &str| match ids.len() {
        1 => format!("{verb} this run?"),
        many => format!("{verb} these {} runs?", text::count(many)),
    };
    if deleted == ids.len() {
        return Some(Confirm { question: count("Restore"), lines, write: Write::RestoreRuns(ids) });
    }
    if deleted > 0 {
        app.say("some of the marked runs are deleted and others are not: mark one kind");
        return None;
    }
    Some(Confirm { question: count("Delete"), lines, write: Write::DeleteRuns(ids) })
}

pub fn in_confirm(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    match confirm::key(event) {
        Answer::Yes => {
            if let Some(Overlay::Confirm(confirm)) = app.overlay.take() {
                app.runs.marks.clear();
                write(app, confirm.write, effects);
            }
        }
        Answer::No => app.overlay = None,
        Answer::None => app.status = Some("y does it, n does not".into()),
    }
}

fn write(app: &mut App, write: Write, effects: &mut Vec<Effect>) {
    app.status = Some("writing".into());
    effects.push(Effect::Write(write));
}

pub fn in_picker(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let height = picker::height(app.size.1);
    let Some(Overlay::Picker(picker)) = &mut app.overlay else { return };
    match picker.key(event, height) {
        Picked::Closed => app.overlay = None,
        Picked::Toggled(Choice::Column(spec), on) => show_column(app, &spec, on, effects),
        Picked::Chosen(choice) => chosen(app, choice, effects),
        Picked::Removed(Choice::Tag { key, .. }) => {
            if let picker::Purpose::Tags(ids) = picker.purpose.clone() {
                let lines = vec![key.clone()];
                let question = format!(
                    "Remove this tag from {}?",
                    if ids.len() == 1 { "the run".into() } else { format!("{} runs", ids.len()) }
                );
                app.overlay =
                    Some(Overlay::Confirm(Confirm { question, lines, write: Write::DeleteTag { ids, key } }));
            }
        }
        Picked::Nothing | Picked::Toggled(..) | Picked::Removed(_) => {}
    }
}

fn show_column(app: &mut App, spec: &ColumnSpec, on: bool, effects: &mut Vec<Effect>) {
    app.runs.show_column(spec, on);
    view_changed(app, effects);
}

fn chosen(app: &mut App, choice: Choice, effects: &mut Vec<Effect>) {
    let Some(Overlay::Picker(picker)) = app.overlay.take() else { return };
    match choice {
        Choice::Action(action) => perform(app, action, effects),
        Choice::Statistic(statistic) => {
            app.runs.choose_statistic(statistic);
            view_changed(app, effects);
        }
        Choice::StatisticAtStep => {
            if let Some(ColumnSpec::Metric(key, old)) = app.runs.chosen_column() {
                let step = old.step().map_or(String::new(), |step| step.to_string());
                let title = format!("Step of {key}");
                let prompt = Prompt::new(prompt::Purpose::Step(key.clone()), title, "a whole number", &step);
                app.overlay = Some(Overlay::Prompt(prompt));
            }
        }
        // Enter shows a column that is not shown yet, and goes to it; the picker's job is done.
        Choice::Column(spec) => {
            let known = app.runs.columns.iter().position(|shown| shown.spec == spec);
            match known {
                Some(at) => app.runs.choose_column(at),
                None => show_column(app, &spec, true, effects),
            }
        }
        Choice::Profile(name) => effects.push(Effect::SwitchProfile(name)),
        Choice::NewTag => {
            if let picker::Purpose::Tags(ids) = picker.purpose {
                let purpose = prompt::Purpose::Tag { ids, key: None };
                app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, "New tag", "key=value", "")));
            }
        }
        Choice::Tag { key, value } => {
            if let picker::Purpose::Tags(ids) = picker.purpose {
                let title = format!("Tag {key}");
                let purpose = prompt::Purpose::Tag { ids, key: Some(key) };
                app.overlay = Some(Overlay::Prompt(Prompt::new(purpose, title, "its new value", &value)));
            }
        }
    }
}

pub fn in_prompt(app: &mut App, event: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(Overlay::Prompt(prompt)) = &mut app.overlay else { return };
    match prompt.key(event) {
        Typed::Nothing => {}
        Typed::Changed => prompt_changed(app),
        Typed::Closed => app.overlay = None,
        Typed::Entered => entered(app, effects),
    }
}

/// What is wrong with the text so far, and what could come next.
pub fn prompt_changed(app: &mut App) {
    let Some(Overlay::Prompt(prompt)) = &mut app.overlay else { return };
    prompt.error = None;
    if prompt.purpose != prompt::Purpose::Expression {
        return;
    }
    let cursor = input::cursor(&prompt.input);
    let text = prompt.input.value();
    if let Err(error) = parse(text) {
        prompt.error = Some((error.message, error.span));
    }
    let (word, offered) = completions(&app.runs.catalog, text, cursor);
    prompt.word = word;
    prompt.chosen = 0;
    prompt.completions = offered;
}

fn entered(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(Overlay::Prompt(prompt)) = &mut app.overlay else { return };
    let text = prompt.input.value().to_owned();
    let mut refuse = |message: String| {
        prompt.completions.clear();
        prompt.error = Some((message, 0..0));
    };
    let to_write = match prompt.purpose.clone() {
        prompt::Purpose::Expression => {
            // The prompt stays open on an error, with the caret under it.
            let expression = text.trim();
            match parse(expression) {
                Err(error) => {
                    prompt.completions.clear();
                    prompt.input = input::Input::new(expression.to_owned());
                    prompt.error = Some((error.message, error.span));
                    return;
                }
                Ok(filter) => {
                    app.overlay = None;
                    app.runs.view.filter = filter;
                    expression.clone_into(&mut app.runs.filter_text);
                    return view_changed(app, effects);
                }
            }
        }
        prompt::Purpose::Interval => match text.trim().parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && (0.1..=86_400.0).contains(&seconds) => {
                app.pace.seconds = seconds;
                app.overlay = None;
                return;
            }
            _ => return refuse("a number of seconds is needed, 0.1 or more".into()),
        },
        prompt::Purpose::Step(_) => match text.trim().parse::<i64>() {
            Ok(step) => {
                app.overlay = None;
                app.runs.choose_statistic(Statistic::At(step));
                return view_changed(app, effects);
            }
            Err(_) => return refuse("a step is a whole number".into()),
        },
        prompt::Purpose::RenameRun(_) | prompt::Purpose::RenameExperiment(_) if text.trim().is_empty() => {
            return refuse("a name is needed".into());
        }
        prompt::Purpose::RenameRun(id) => Write::RenameRun { id, name: text },
        prompt::Purpose::RenameExperiment(id) => Write::RenameExperiment { id, name: text },
        prompt::Purpose::Note(id) if text.is_empty() => {
            Write::DeleteTag { ids: vec![id], key: tags::NOTE.into() }
        }
        prompt::Purpose::Note(id) => Write::SetTag { ids: vec![id], tag: Tag::new(tags::NOTE, text) },
        prompt::Purpose::Tag { ids, key } => {
            let tag = match (key, text.split_once('=')) {
                (Some(key), _) => Tag::new(key, text),
                (None, Some((key, value))) if !key.trim().is_empty() => Tag::new(key.trim(), value.trim()),
                (None, _) => return refuse("a tag is written key=value".into()),
            };
            if let Err(kind) = limits::check_tag(&tag) {
                return refuse(kind.to_string());
            }
            Write::SetTag { ids, tag }
        }
    };
    app.overlay = None;
    write(app, to_write, effects);
}

/// What the tab of the details still needs that is shown now.
pub fn needs_of_tab(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(run) = &app.details.run else { return };
    let id: RunId = run.info.run_id.clone();
    match app.details.tab {
        Tab::Artifacts => {
            while let Some(path) = app.details.artifacts.missing() {
                effects.push(Effect::ListArtifacts { id: id.clone(), path });
            }
        }
        Tab::Models if app.details.models.is_none() && !run.model_outputs.is_empty() => {
            let models = run.model_outputs.clone();
            app.details.models = Some(Models { run: id.clone(), answer: None });
            effects.push(Effect::LoadModels { id, models });
        }
        _ => {}
    }
}
