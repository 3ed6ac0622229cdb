//! Lists, prompts and questions about runs.

#![deny(clippy::wildcard_enum_match_arm)]

use rustc_hash::FxHashMap;

use super::effects::Write;
use super::update::write;
use crate::catalog::filter::unknown_key;
use crate::catalog::view::descendants;
use crate::catalog::{Catalog, ColumnSpec, Row};
use crate::mlflow::filter::{Asker, Expression, Query};
use crate::mlflow::limits::CUT;
use crate::mlflow::{LifecycleStage, RunId, RunStatus, Statistic, Tag, limits, tags};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::view_changed;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Arranged, Item, Picked, Picker};
use crate::tui::widgets::prompt::{self, Prompt, PromptError};

/// The filter that there is, to be changed.
pub fn filter(app: &mut App) {
    let text = app.runs.filter_text.clone();
    filter_by(app, &text);
}

/// A filter that begins with a text.
pub fn filter_by(app: &mut App, text: &str) {
    let hint = "metrics.rmse < 0.5 AND (params.family = tree OR age < 1d); tab completes";
    let earlier: Vec<String> =
        app.runs.filters.applied.iter().filter(|known| *known != text).cloned().collect();
    let more = if earlier.is_empty() { "" } else { ", up: earlier filters" };
    let hint = format!("{hint}{more}");
    Prompt::new("Filter", hint, text, expression, |app, (text, filter), effects| {
        if filter.needs_store() && !app.capabilities.column_scan {
            let asked = Query::new(&filter.at(Asker { now: app.now, user: &app.user }));
            if asked.text.is_empty() {
                app.say("the server knows no such filter: all runs are read and filtered here");
            }
        }
        let unknown = unknown_key(&app.runs.catalog, &filter.at(Asker::default()));
        if let Some(words) = unknown.filter(|_| app.runs.complete) {
            app.say(words);
        }
        app.runs.set_filter(text, filter);
        view_changed(app, effects);
        Ok(())
    })
    .of_filter()
    .with_earlier(earlier)
    .open(app);
    if app.runs.filter_text != text {
        prompt::changed(app);
    }
}

/// An expression as it is typed, and what it says.
fn expression(text: &str) -> Result<(String, Expression), PromptError> {
    let trimmed = text.trim();
    let before = text.len() - text.trim_start().len();
    let filter = Expression::parse(trimmed).map_err(|error| PromptError {
        message: error.message,
        span: error.span.start + before..error.span.end + before,
    })?;
    Ok((trimmed.to_owned(), filter))
}

/// All columns there can be: those that are shown first, in their order.
pub fn columns(app: &mut App) {
    let items = column_items(app);
    Picker::new("Columns", items, |app, picked, effects| match picked {
        Picked::Toggled(spec, on) => show_column(app, &spec, on, effects),
        // Enter shows a column that is not shown yet, and goes to it.
        Picked::Chosen(spec) => match app.runs.columns.iter().position(|shown| shown.spec == spec) {
            Some(at) => app.runs.choose_column(at),
            None => show_column(app, &spec, true, effects),
        },
        Picked::Removed(_) => {}
    })
    .arrangeable(|app, arranged, effects| {
        match arranged {
            Arranged::Set(specs, on) => app.runs.show_columns(&specs, on),
            Arranged::Only(spec) => app.runs.show_only(&spec),
            Arranged::Ordered(specs, moved) => app.runs.order_columns(&specs, &moved),
        }
        view_changed(app, effects);
    })
    .open(app);
}

fn show_column(app: &mut App, spec: &ColumnSpec, on: bool, effects: &mut Effects) {
    app.runs.show_column(spec, on);
    view_changed(app, effects);
}

fn column_items(app: &App) -> Vec<Item<ColumnSpec>> {
    let runs = &app.runs;
    let catalog = &runs.catalog;
    let texts = &catalog.texts;
    let of_runs = text::runs;
    let all = runs.all_columns();
    let shown: rustc_hash::FxHashSet<&ColumnSpec> = all.iter().map(|shown| &shown.spec).collect();
    let item = |spec: ColumnSpec, note: String, on: bool| Item {
        label: spec.name(),
        note,
        on: Some(on),
        value: spec,
    };
    // The name is always there.
    let mut items: Vec<_> = all
        .iter()
        .skip(1)
        .map(|shown| {
            let count = shown.spec.runs_with(catalog).map_or(String::new(), of_runs);
            item(shown.spec.clone(), count, true)
        })
        .collect();
    let mut offer = |spec: ColumnSpec, count: String| {
        if !shown.contains(&spec) {
            items.push(item(spec, count, false));
        }
    };
    ColumnSpec::ATTRIBUTES.into_iter().skip(1).for_each(|spec| offer(spec, String::new()));
    for spec in ColumnSpec::DATASETS {
        let count = spec.runs_with(catalog).map_or(String::new(), of_runs);
        offer(spec, count);
    }
    catalog.metrics.keys(texts).for_each(|(key, count)| offer(ColumnSpec::metric(key), of_runs(count)));
    catalog
        .params
        .keys(texts)
        .for_each(|(key, count)| offer(ColumnSpec::Param(key.to_owned()), of_runs(count)));
    let (system, own): (Vec<_>, Vec<_>) = catalog.tags.keys(texts).partition(|(key, _)| tags::is_system(key));
    for (key, count) in own.into_iter().chain(system) {
        offer(ColumnSpec::Tag(key.to_owned()), of_runs(count));
    }
    items
}

/// The value of a metric that a column shows; none is still to be typed.
pub fn statistics(app: &mut App) {
    let Some(ColumnSpec::Metric(key, now)) = app.runs.chosen_column().cloned() else { return };
    let item =
        |label: &str, note: &str, value| Item { label: label.into(), note: note.into(), on: None, value };
    let all = [
        (Statistic::Latest, "latest", "as MLflow: greatest step, then time"),
        (Statistic::Min, "min", "smallest of the history, and its step"),
        (Statistic::Max, "max", "largest of the history, and its step"),
        (Statistic::Mean, "mean", "over the whole history"),
        (Statistic::First, "first", "value at the smallest step"),
    ];
    let at = all.iter().position(|(statistic, ..)| *statistic == now).unwrap_or(all.len());
    let at_a_step = item("at a step", "the value logged at that step", None);
    let items = all.into_iter().map(|(statistic, label, note)| item(label, note, Some(statistic)));
    let title = format!("Value of {key}");
    Picker::new(title, items.chain([at_a_step]), move |app, picked, effects| match picked {
        Picked::Chosen(Some(statistic)) => {
            app.runs.choose_statistic(statistic);
            view_changed(app, effects);
        }
        Picked::Chosen(None) => step(app, &key, now),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .at(at)
    .open(app);
}

fn step(app: &mut App, key: &str, now: Statistic) {
    let text = if let Statistic::At(step) = now { step.to_string() } else { String::new() };
    let read =
        |text: &str| text.trim().parse::<i64>().map_err(|_| PromptError::from("a step must be an integer"));
    Prompt::new(format!("Step of {key}"), "an integer", &text, read, |app, step, effects| {
        app.runs.choose_statistic(Statistic::At(step));
        view_changed(app, effects);
        Ok(())
    })
    .open(app);
}

/// A name for the run under the cursor; `read` says what a name is.
pub fn rename(app: &mut App, read: fn(&str) -> Result<String, PromptError>) {
    let Some((row, id)) = app.runs.row_under_cursor().zip(app.runs.run_under_cursor()) else { return };
    let name = app.runs.catalog.run_name(row).to_owned();
    Prompt::new("Rename the run", "", &name, read, move |app, name, effects| {
        write(app, Write::Rename { id: id.clone(), name }, effects);
        Ok(())
    })
    .open(app);
}

pub fn note(app: &mut App) {
    let Some(id) = app.runs.run_under_cursor() else { return };
    let note = tag_of(app, tags::NOTE).unwrap_or_default();
    let hint = "Markdown; ctrl-j starts a new line, an empty note is removed";
    let read = |text: &str| Ok(text.to_owned());
    Prompt::new("Note", hint, &note, read, move |app, text: String, effects| {
        let ids = vec![id.clone()];
        let change = if text.is_empty() {
            Write::DeleteTag { ids, key: tags::NOTE.into() }
        } else {
            Write::SetTag { ids, tag: checked(Tag::new(tags::NOTE, text))? }
        };
        write(app, change, effects);
        Ok(())
    })
    .of_lines()
    .open(app);
}

fn checked(tag: Tag) -> Result<Tag, PromptError> {
    limits::check_tag(&tag).map_err(|kind| kind.to_string())?;
    Ok(tag)
}

/// A tag of the run under the cursor.
fn tag_of(app: &App, key: &str) -> Option<String> {
    let catalog = &app.runs.catalog;
    let column = catalog.tags.column(&catalog.texts, key)?;
    let row = app.runs.row_under_cursor()?;
    column.get(row).map(|sym| whole(app, catalog.run_id(row), key, catalog.texts.get(sym)).to_owned())
}

/// A tag's value as the run itself has it, where that was read and the table has only the beginning.
fn whole<'a>(app: &'a App, id: &str, key: &str, value: &'a str) -> &'a str {
    let read = app.details.run().filter(|run| value.contains(CUT) && run.info.run_id.as_str() == id);
    read.and_then(|run| run.tag(key)).unwrap_or(value)
}

/// The tags of the run under the cursor; what is done to one is done to all selected runs.
pub fn tags(app: &mut App) {
    let ids = app.runs.targets();
    let catalog = &app.runs.catalog;
    let row = match ids.as_slice() {
        [id] => catalog.find(id.as_str()),
        _ => None,
    };
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
    // None is a tag that is still to be named.
    let new = Item { label: "new tag".into(), note: "key=value".into(), on: None, value: None };
    let known = known.into_iter().map(|(key, value)| Item {
        label: key.to_owned(),
        note: value.to_owned(),
        on: None,
        value: Some(Tag::new(key, value)),
    });
    let items: Vec<_> = std::iter::once(new).chain(known).collect();
    let title = if ids.len() == 1 { "Tags".to_owned() } else { format!("Tags of {} runs", ids.len()) };
    Picker::new(title, items, move |app, picked, _| match picked {
        Picked::Chosen(tag) => edit_tag(app, ids.clone(), tag),
        Picked::Removed(Some(tag)) => remove_tag(app, ids.clone(), tag.key),
        Picked::Removed(None) | Picked::Toggled(..) => {}
    })
    .removable(Option::is_some)
    .open(app);
}

fn edit_tag(app: &mut App, ids: Vec<RunId>, tag: Option<Tag>) {
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
        write(app, Write::SetTag { ids: ids.clone(), tag: checked(tag)? }, effects);
        Ok(())
    })
    .open(app);
}

fn remove_tag(app: &mut App, ids: Vec<RunId>, key: String) {
    let of = if ids.len() == 1 { "the run".into() } else { format!("{} runs", ids.len()) };
    let lines = vec![key.clone()];
    Confirm::new(format!("Remove this tag from {of}?"), lines, move |app, effects| {
        write(app, Write::DeleteTag { ids, key }, effects);
    })
    .open(app);
}

/// As what runs are to be ended that still run, as far as the store knows.
pub fn end(app: &mut App) {
    let catalog = &app.runs.catalog;
    let is_active =
        |id: &RunId| catalog.find(id.as_str()).is_some_and(|row| catalog.run(row).status.is_active());
    let ids: Vec<RunId> = app.runs.targets().into_iter().filter(is_active).collect();
    let what = match ids.as_slice() {
        [] => return app.say("none of these runs is running"),
        [id] => catalog.find(id.as_str()).map_or_else(String::new, |row| catalog.run_name(row).to_owned()),
        ids => format!("{} runs", text::count(ids.len())),
    };
    let statuses = [
        (RunStatus::Killed, "somebody or something ended it"),
        (RunStatus::Failed, "it broke off by itself"),
        (RunStatus::Finished, "it came to its end"),
    ];
    let items = statuses.map(|(status, note)| Item {
        label: status.label().to_owned(),
        note: note.to_owned(),
        on: None,
        value: status,
    });
    let title = format!("End {} as", text::clean(&what));
    Picker::new(title, items, move |app, picked, effects| match picked {
        Picked::Chosen(status) => {
            app.runs.selected.clear();
            let end_time = app.now;
            write(app, Write::End { ids: ids.clone(), status, end_time }, effects);
        }
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// The question before runs are deleted or restored; selected runs have to be all of a kind.
pub fn delete(app: &mut App) {
    let ids = app.runs.targets();
    let catalog = &app.runs.catalog;
    let rows = rows_of(catalog, &ids);
    let stage_of = |row: &Row| catalog.run(*row).stage;
    let is_deleted = rows.first().map(stage_of) == Some(LifecycleStage::Deleted);
    let is_mixed = rows.iter().any(|row| (stage_of(row) == LifecycleStage::Deleted) != is_deleted);
    let stage = if is_deleted { LifecycleStage::Deleted } else { LifecycleStage::Active };
    let below = descendants(catalog, &rows, stage);
    if below.is_empty() || is_mixed {
        return confirm_delete(app, ids);
    }
    let children: Vec<RunId> = below.iter().map(|row| RunId::from(catalog.run_id(*row))).collect();
    let (these, whose) = match ids.as_slice() {
        [_] => ("this run".to_owned(), "its"),
        ids => (format!("these {} runs", text::count(ids.len())), "their"),
    };
    let of = match children.len() {
        1 => format!("{whose} child"),
        many => format!("{whose} {} children", text::count(many)),
    };
    let item = |label: String, value: Vec<RunId>| Item { label, note: String::new(), on: None, value };
    let whole = ids.iter().chain(&children).cloned().collect();
    let items = [
        item(format!("{these} and {of}"), whole),
        item(format!("{these} alone"), ids),
        item(format!("{of} alone"), children),
    ];
    let verb = if is_deleted { "Restore" } else { "Delete" };
    Picker::new(verb, items, |app, picked, _| match picked {
        Picked::Chosen(ids) => confirm_delete(app, ids),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// Where runs are in the catalogue: many are not looked for one by one.
fn rows_of(catalog: &Catalog, ids: &[RunId]) -> Vec<Row> {
    if let [id] = ids {
        return catalog.find(id.as_str()).into_iter().collect();
    }
    let places: FxHashMap<&str, Row> = catalog.rows().map(|row| (catalog.run_id(row), row)).collect();
    ids.iter().filter_map(|id| places.get(id.as_str()).copied()).collect()
}

fn confirm_delete(app: &mut App, ids: Vec<RunId>) {
    let catalog = &app.runs.catalog;
    let rows = rows_of(catalog, &ids);
    let deleted = rows.iter().filter(|row| catalog.run(**row).stage == LifecycleStage::Deleted).count();
    let lines: Vec<String> =
        rows.iter().map(|row| format!("{}  {}", catalog.run_name(*row), catalog.run_id(*row))).collect();
    if deleted > 0 && deleted < ids.len() {
        return app.say("some of the selected runs are deleted and some are not; select only one kind");
    }
    let verb = if deleted > 0 { "Restore" } else { "Delete" };
    let question = match ids.len() {
        1 => format!("{verb} this run?"),
        many => format!("{verb} these {} runs?", text::count(many)),
    };
    Confirm::new(question, lines, move |app, effects| {
        // What was selected for this is done.
        app.runs.selected.clear();
        let change = if deleted > 0 { Write::Restore(ids) } else { Write::Delete(ids) };
        write(app, change, effects);
    })
    .open(app);
}
