//! Prompts, pickers and questions: what opens them, with what in them.

use super::action::{ACTIONS, Action, MOVE};
use super::app::{App, Overlay};
use super::effect::Write;
use super::layout::Focus;
use super::possible::possible;
use crate::catalog::ColumnSpec;
use crate::mlflow::limits::CUT;
use crate::mlflow::{LifecycleStage, Statistic, tags};
use crate::text;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Choice, Item, Picker};
use crate::tui::widgets::prompt::Prompt;
use crate::tui::widgets::{picker, prompt};

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
    let row = app.runs.selected_row()?;
    column.get(row).map(|sym| whole(app, catalog.run_id(row), key, catalog.texts.get(sym)).to_owned())
}

/// A tag's value as the run itself has it, where that was read and the table has only the beginning.
fn whole<'a>(app: &'a App, id: &str, key: &str, value: &'a str) -> &'a str {
    let read = app.details.run.as_ref().filter(|run| value.contains(CUT) && run.info.run_id.as_str() == id);
    read.and_then(|run| run.tag(key)).unwrap_or(value)
}

fn palette(app: &App) -> Picker {
    let mut possible: Vec<_> = ACTIONS
        .iter()
        .filter(|info| possible(app, info.action).is_ok() && info.action != Action::Palette)
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
            let id = catalog.run_id(row);
            let tags = catalog.tags.of(&catalog.texts, row);
            tags.map(|(key, value)| (key, whole(app, id, key, catalog.texts.get(value)))).collect()
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
