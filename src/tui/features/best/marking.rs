//! What keys do about marks on the best run: make one, tell what that would write, undo it, read the history.

#![deny(clippy::wildcard_enum_match_arm)]

use super::effects::Effect;
use super::{Marked, Preview, Unmarked};
use crate::catalog::{Catalog, Row};
use crate::marking::{MarkEvent, MarkRequest, ModelBy, Record, Registration, Undoing, events, holder};
use crate::mlflow::{ExperimentId, RunId};
use crate::select::reason;
use crate::store::StoreError;
use crate::text;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::reread;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::report::Report;

/// What is done with marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marking {
    Best,
    UnderCursor,
    Undo,
    History,
}

/// Marks the best run.
pub fn mark_best(app: &mut App, effects: &mut Effects) {
    mark(app, best(app), effects);
}

/// Asks what is to be done with marks.
pub fn open(app: &mut App) {
    let items = marks(app);
    Picker::new("Marks", items, |app, picked, effects| match picked {
        Picked::Chosen(choice) => self::picked(app, choice, effects),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// The best run.
fn best(app: &App) -> Option<Row> {
    app.best.selection()?.best().map(|best| best.row)
}

/// What the best run was chosen from.
fn catalog(app: &App) -> &Catalog {
    app.best.chosen().map_or(&app.runs.catalog, |chosen| &chosen.catalog)
}

/// What there is to do with marks.
fn marks(app: &App) -> Vec<Item<Marking>> {
    let name = |row: Option<Row>, catalog: &Catalog| {
        row.map_or(String::new(), |row| text::clean(catalog.run_name(row)).into_owned())
    };
    let item = |label: String, note: &str, choice: Marking| Item {
        label,
        note: note.to_owned(),
        on: None,
        value: choice,
    };
    let mut items = Vec::new();
    if let Some(row) = best(app) {
        let name = name(Some(row), catalog(app));
        items.push(item(format!("mark {name}"), "the best", Marking::Best));
    }
    if let Some(row) = app.runs.row_under_cursor() {
        let name = name(Some(row), &app.runs.catalog);
        items.push(item(format!("mark {name} "), "under the cursor", Marking::UnderCursor));
    }
    if let Some(record) = champion(app) {
        items.push(item(
            format!("undo the mark of {}", text::clean(&record.run_name)),
            &record.by,
            Marking::Undo,
        ));
    }
    items.push(item("the history of marks".into(), "", Marking::History));
    items
}

/// What was picked of it.
fn picked(app: &mut App, choice: Marking, effects: &mut Effects) {
    match choice {
        Marking::Best => mark(app, best(app), effects),
        Marking::UnderCursor => mark_selected(app, effects),
        Marking::Undo => undo(app, effects),
        Marking::History => app.overlay = Some(Overlay::Report(history(app))),
    }
}

/// The mark that holds in the open experiment.
fn champion(app: &App) -> Option<Record> {
    let listed = app.experiments.find(app.runs.experiment.as_ref()?)?;
    holder(&events(&listed.experiment.tags)).cloned()
}

fn mark_selected(app: &mut App, effects: &mut Effects) {
    let Some(row) = app.runs.row_under_cursor() else { return };
    if app.best.run_id() == Some(app.runs.catalog.run_id(row)) {
        return mark(app, best(app), effects);
    }
    let run = RunId::from(app.runs.catalog.run_id(row));
    let request = MarkRequest { run, why: "chosen by hand".into(), ..request(app) };
    ask(app, request, effects);
}

/// Asks whether the best run is to be marked.
fn mark(app: &mut App, row: Option<Row>, effects: &mut Effects) {
    let Some((row, selection)) = row.zip(app.best.selection().cloned()) else { return };
    let objective = selection.policy.primary();
    let request = MarkRequest {
        run: RunId::from(catalog(app).run_id(row)),
        metric: objective.metric.clone(),
        value: selection.best().map(|best| best.values[0]),
        direction: objective.goal.short().to_owned(),
        value_of: selection.policy.value.to_string(),
        why: reason::why(&selection),
        ..request(app)
    };
    ask(app, request, effects);
}

/// What all marks of now have in common.
fn request(app: &App) -> MarkRequest {
    let selecting = &app.selecting;
    let experiment = app.runs.experiment.clone().unwrap_or_else(|| ExperimentId::from(""));
    let metric = app.best.policy().map_or(String::new(), |policy| policy.primary().metric.clone());
    let name = selecting.name(|part| match part {
        "experiment" => app.runs.name.clone(),
        "experiment_id" => experiment.0.clone(),
        "metric" => metric.clone(),
        _ => app.user.clone(),
    });
    MarkRequest {
        experiment,
        run: RunId::from(""),
        metric: String::new(),
        value: None,
        direction: String::new(),
        value_of: String::new(),
        why: String::new(),
        by: app.user.clone(),
        now: app.now,
        random: 0,
        model_by: app.best.policy().map(ModelBy::of),
        registration: selecting.register.then(|| Registration {
            name,
            alias: selecting.alias.clone(),
            previous_alias: selecting.previous_alias.clone(),
        }),
    }
}

/// Finds out what a mark would write, which is shown before it is made.
fn ask(app: &mut App, request: MarkRequest, effects: &mut Effects) {
    app.status = Some("looking at what is to be written".into());
    effects.push(Effect::PlanMark(Box::new(request)));
}

/// Undoes the mark that holds; somebody else's after a question, and one that takes a version out of the registry.
pub fn undo(app: &mut App, effects: &mut Effects) {
    let Some(experiment) = app.runs.experiment.clone() else { return };
    let by = app.user.clone();
    let undo = move |app: &mut App, of_others: bool, effects: &mut Effects| {
        let undoing = Undoing { by, now: app.now, of_others };
        app.status = Some("undoing the mark".into());
        effects.push(Effect::UndoMark { experiment, undoing });
    };
    match champion(app) {
        Some(record) if record.by != app.user => {
            let lines =
                vec![format!("{}  {}", record.run_name, text::timestamp(record.at)), record.why.clone()];
            let question = format!("Undo the mark of {}?", text::clean(&record.by));
            Confirm::new(question, lines, move |app, effects| undo(app, true, effects)).open(app);
        }
        Some(record) => match deleted_with(&record) {
            Some(line) => {
                let question = format!("Undo the mark on {}?", text::clean(&record.run_name));
                Confirm::new(question, vec![line], move |app, effects| undo(app, false, effects)).open(app);
            }
            None => undo(app, false, effects),
        },
        // One that is not seen here yet may be there all the same.
        None if app.selecting.register && app.best.has_marked() => {
            let lines = vec!["If a model version was registered for it, that is deleted.".into()];
            Confirm::new("Undo the mark?", lines, move |app, effects| undo(app, false, effects)).open(app);
        }
        None => undo(app, false, effects),
    }
}

/// What undoing a mark deletes, in words.
fn deleted_with(record: &Record) -> Option<String> {
    let model = record.model.as_ref().filter(|model| model.created_version)?;
    let version = model.version.map_or(String::new(), |version| format!(" {version}"));
    let name = text::clean(&model.name);
    let also =
        if model.created_model { format!("; so is {name}, if nothing is left in it") } else { String::new() };
    Some(format!("Version{version} of {name}, registered for it, is deleted{also}."))
}

/// All marks of the open experiment, the newest first.
fn history(app: &App) -> Report {
    let listed = app.runs.experiment.as_ref().and_then(|id| app.experiments.find(id));
    let log = listed.map(|listed| events(&listed.experiment.tags)).unwrap_or_default();
    let holds = holder(&log).map(|record| record.id.clone());
    let mut lines: Vec<String> = log
        .iter()
        .rev()
        .map(|event| match event {
            MarkEvent::Marked(record) => {
                let now = if holds.as_deref() == Some(&record.id) { " (holds)" } else { "" };
                let at = text::timestamp(record.at);
                format!("{at}  {} marked {}{now}: {}", record.by, record.run_name, record.why)
            }
            MarkEvent::Undone(undone) => {
                let name = log.iter().find_map(|event| match event {
                    MarkEvent::Marked(record) if record.id == undone.mark => Some(record.run_name.as_str()),
                    MarkEvent::Marked(_) | MarkEvent::Undone(_) => None,
                });
                format!(
                    "{}  {} undid the mark of {}",
                    text::timestamp(undone.at),
                    undone.by,
                    name.unwrap_or("?")
                )
            }
        })
        .collect();
    if lines.is_empty() {
        lines.push("No run of this experiment has been marked. B marks the best one.".into());
    }
    Report::new("Marks of this experiment", lines)
}

/// Why a mark was not made or not undone, and what is left of it.
fn why_unmarked(Unmarked { error, is_undo, is_begun }: &Unmarked) -> String {
    match (is_begun, is_undo) {
        (false, false) => format!("nothing was marked: {error}; {}", error.hint()),
        (false, true) => format!("nothing was undone: {error}; {}", error.hint()),
        (true, false) => {
            format!("the mark is incomplete: {error}; the next start finishes it, or U undoes it")
        }
        (true, true) => format!("the mark is only partly undone: {error}; the next start finishes it"),
    }
}

/// What came of marking, or of undoing a mark.
pub fn marked(app: &mut App, result: Result<Marked, Unmarked>, effects: &mut Effects) {
    match result {
        Ok(Marked { champion, messages }) => {
            app.say(messages.join("; "));
            let catalog = std::sync::Arc::clone(&app.runs.catalog);
            app.best.set_champion(champion, &catalog);
        }
        Err(unmarked) => app.say(why_unmarked(&unmarked)),
    }
    reread(app, effects);
}

/// Shows what a mark would write, and makes it after one more key.
pub fn planned(app: &mut App, result: Result<Box<Preview>, StoreError>) {
    app.status = None;
    match result {
        Ok(preview) => {
            let Preview { request, plan, judged } = *preview;
            if app.overlay.is_some() || app.help.is_some() {
                return app.say("nothing was marked: something else was opened meanwhile");
            }
            let mut lines = plan.writes;
            lines.extend(plan.record.note);
            // By hand any run is chosen, for whatever reason.
            let is_best = best(app).is_some_and(|row| catalog(app).run_id(row) == request.run.as_str());
            let chosen = app.best.selection().filter(|_| is_best && !request.metric.is_empty());
            lines.extend(chosen.and_then(|selection| reason::not_significant(selection)));
            lines.extend(judged);
            let question = format!("Mark {} as best?", text::clean(&plan.record.run_name));
            let mark = move |app: &mut App, effects: &mut Effects| {
                app.status = Some("marking".into());
                effects.push(Effect::Mark(Box::new(MarkRequest { now: app.now, ..request })));
            };
            Confirm::new(question, lines, mark).long().open(app);
        }
        Err(error) => app.say(format!("nothing was marked: {error}; {}", error.hint())),
    }
}
