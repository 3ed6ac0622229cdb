//! What keys do about marks on the best run: make one, tell what that would write, undo it, read the history.

use crate::catalog::{Catalog, Row};
use crate::marking::{Event, ModelBy, Record, Registration, Request, Undoing, events, holder};
use crate::mlflow::{ExperimentId, RunId};
use crate::select::reason;
use crate::text;
use crate::tui::core::action::Action;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::{Effect, Write};
use crate::tui::core::msg::{Msg, Unmarked};
use crate::tui::core::requests::load_experiments;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::picker::{Choice, Item, Marking, Picker, Purpose};
use crate::tui::widgets::report::Report;

/// An action about marks; true if it is one.
pub fn perform(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::MarkBest => mark(app, best(app), false, effects),
        Action::Marks => app.overlay = Some(Overlay::Picker(marks(app))),
        Action::UndoMark => undo(app, effects),
        _ => return false,
    }
    true
}

/// The best run.
fn best(app: &App) -> Option<Row> {
    app.best.selection.as_ref()?.best().map(|best| best.row)
}

/// What there is to do with marks.
fn marks(app: &App) -> Picker {
    let name = |row: Option<Row>, catalog: &Catalog| {
        row.map_or(String::new(), |row| text::clean(catalog.run_name(row)).into_owned())
    };
    let item = |label: String, note: &str, choice: Marking| Item {
        label,
        note: note.to_owned(),
        on: None,
        choice: Choice::Marking(choice),
    };
    let mut items = Vec::new();
    if let Some(row) = best(app) {
        let name = name(Some(row), &app.best.catalog);
        items.push(item(format!("mark {name}"), "the best", Marking::Best));
        items.push(item(format!("show what marking {name} would write"), "", Marking::PlanBest));
    }
    if let Some(row) = app.runs.selected_row() {
        let name = name(Some(row), &app.runs.catalog);
        items.push(item(format!("mark {name} "), "under the cursor", Marking::Selected));
        items.push(item(format!("show what marking {name} would write "), "", Marking::PlanSelected));
    }
    if let Some(record) = held(app) {
        items.push(item(
            format!("undo the mark of {}", text::clean(&record.run_name)),
            &record.by,
            Marking::Undo,
        ));
    }
    items.push(item("the history of marks".into(), "", Marking::History));
    Picker::new(Purpose::Marks, "Marks", items)
}

/// What was picked of it.
pub fn picked(app: &mut App, choice: Marking, effects: &mut Vec<Effect>) {
    match choice {
        Marking::Best => mark(app, best(app), false, effects),
        Marking::PlanBest => mark(app, best(app), true, effects),
        Marking::Selected => mark_selected(app, false, effects),
        Marking::PlanSelected => mark_selected(app, true, effects),
        Marking::Undo => undo(app, effects),
        Marking::History => app.overlay = Some(Overlay::Report(history(app))),
    }
}

/// The mark that holds in the open experiment.
fn held(app: &App) -> Option<Record> {
    let listed = app.experiments.find(app.runs.experiment.as_ref()?)?;
    holder(&events(&listed.experiment.tags)).cloned()
}

fn mark_selected(app: &mut App, is_plan: bool, effects: &mut Vec<Effect>) {
    let Some(row) = app.runs.selected_row() else { return };
    if app.best.run_id() == Some(app.runs.catalog.run_id(row)) {
        return mark(app, best(app), is_plan, effects);
    }
    let run = RunId::from(app.runs.catalog.run_id(row));
    let request = Request { run, why: "chosen by hand".into(), ..request(app) };
    send(app, request, is_plan, effects);
}

/// Marks the best run, or only tells what that would write.
fn mark(app: &mut App, row: Option<Row>, is_plan: bool, effects: &mut Vec<Effect>) {
    let Some((row, selection)) = row.zip(app.best.selection.clone()) else { return };
    let objective = selection.policy.primary();
    let request = Request {
        run: RunId::from(app.best.catalog.run_id(row)),
        metric: objective.metric.clone(),
        value: selection.best().map(|best| best.values[0]),
        direction: objective.goal.short().to_owned(),
        value_of: selection.policy.value.to_string(),
        why: reason::why(&selection),
        ..request(app)
    };
    send(app, request, is_plan, effects);
}

/// What all marks of now have in common.
fn request(app: &App) -> Request {
    let selecting = &app.selecting;
    let experiment = app.runs.experiment.clone().unwrap_or_else(|| ExperimentId::from(""));
    let metric = app.best.policy().map_or(String::new(), |policy| policy.primary().metric.clone());
    let name = selecting.name(|part| match part {
        "experiment" => app.runs.name.clone(),
        "experiment_id" => experiment.0.clone(),
        "metric" => metric.clone(),
        _ => app.user.clone(),
    });
    Request {
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

fn send(app: &mut App, request: Request, is_plan: bool, effects: &mut Vec<Effect>) {
    if is_plan {
        effects.push(Effect::PlanMark(Box::new(request)));
    } else {
        app.status = Some("marking".into());
        effects.push(Effect::Write(Write::Mark(Box::new(request))));
    }
}

/// Undoes the mark that holds; somebody else's after a question.
fn undo(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(experiment) = app.runs.experiment.clone() else { return };
    let write = |of_others: bool| {
        let undoing = Undoing { by: app.user.clone(), now: app.now, of_others };
        Write::UndoMark { experiment: experiment.clone(), undoing }
    };
    match held(app) {
        Some(record) if record.by != app.user => {
            let lines =
                vec![format!("{}  {}", record.run_name, text::timestamp(record.at)), record.why.clone()];
            let question = format!("Undo the mark of {}?", text::clean(&record.by));
            app.overlay = Some(Overlay::Confirm(Confirm { question, lines, write: write(true) }));
        }
        // One that is not seen here yet may be there all the same.
        Some(_) | None => {
            effects.push(Effect::Write(write(false)));
            app.status = Some("undoing the mark".into());
        }
    }
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
            Event::Marked(record) => {
                let now = if holds.as_deref() == Some(&record.id) { " (holds)" } else { "" };
                let at = text::timestamp(record.at);
                format!("{at}  {} marked {}{now}: {}", record.by, record.run_name, record.why)
            }
            Event::Undone(undone) => {
                let name = log.iter().find_map(|event| match event {
                    Event::Marked(record) if record.id == undone.mark => Some(record.run_name.as_str()),
                    _ => None,
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
        lines.push("No run of this experiment was ever marked. B marks the best one.".into());
    }
    Report::new("Marks of this experiment", lines)
}

/// Why a mark was not made or not undone, and what is left of it.
fn why_unmarked(Unmarked { error, is_undo, is_begun }: &Unmarked) -> String {
    match (is_begun, is_undo) {
        (false, false) => format!("nothing was marked: {error}; {}", error.hint()),
        (false, true) => format!("nothing was undone: {error}; {}", error.hint()),
        (true, false) => {
            format!("the mark is not whole: {error}; it is finished at the next start, or taken back by U")
        }
        (true, true) => format!("the mark is not wholly undone: {error}; the next start does the rest"),
    }
}

/// What came of marking, or of asking what it would write.
pub fn answered(app: &mut App, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Marked(result) => {
            match result {
                Ok(said) => app.say(said.join("; ")),
                Err(unmarked) => app.say(why_unmarked(&unmarked)),
            }
            app.details.wanted = None;
            load_experiments(app, effects);
            effects.push(Effect::Refresh);
        }
        Msg::Planned(Ok(plan)) => {
            let mut lines = plan.writes.clone();
            lines.extend(plan.record.note.clone());
            let title = format!("Marking {} would write", text::clean(&plan.record.run_name));
            app.overlay = Some(Overlay::Report(Report::new(title, lines)));
        }
        Msg::Planned(Err(error)) => app.say(format!("nothing was planned: {error}; {}", error.hint())),
        _ => {}
    }
}
