//! What keys do about the best run: go to it, rank, say why, choose by what, mark and undo.

use super::action::Action;
use super::app::{App, Overlay};
use super::best::Sign;
use super::effect::{Effect, Write};
use super::layout::Focus;
use super::msg::Msg;
use super::overlays::confirm::Confirm;
use super::overlays::picker::{Choice, Item, Marking, Picker, Purpose, Way};
use super::overlays::prompt::{self, Prompt};
use super::overlays::report::Report;
use super::requests::load_experiments;
use crate::catalog::Row;
use crate::marking::{Event, Record, Registration, Request, events, holder};
use crate::mlflow::{ExperimentId, RunId};
use crate::select::{Goal, Objective, Policy, Resolved, ValueOf, reason};
use crate::text;

/// An action about the best run; true if it is one.
pub fn perform(app: &mut App, action: Action, effects: &mut Vec<Effect>) -> bool {
    match action {
        Action::GoToBest => {
            if let Some(id) = app.best.run_id().map(RunId::from) {
                go_to(app, &id);
            }
        }
        Action::Leaderboard => app.overlay = Some(Overlay::Picker(leaderboard(app))),
        Action::Why => {
            if let Some(report) = why(app) {
                app.overlay = Some(Overlay::Report(report));
            }
        }
        Action::ChooseBy => app.overlay = Some(Overlay::Picker(ways(app))),
        Action::MarkBest => mark(app, best(app), false, effects),
        Action::Marks => app.overlay = Some(Overlay::Picker(marks(app))),
        Action::UndoMark => undo(app, effects),
        _ => return false,
    }
    true
}

/// Puts the cursor on a run, if it is among those that are shown.
pub fn go_to(app: &mut App, id: &RunId) {
    let height = app.geometry().rows(Focus::Runs);
    let row = app.runs.row_of(id);
    let at = row.and_then(|row| (0..app.runs.length()).find(|at| app.runs.projection.row(*at) == Some(row)));
    match at {
        Some(at) => {
            let length = app.runs.length();
            app.runs.cursor.jump(at, length, height);
            app.runs.moved();
            app.focus = Focus::Runs;
        }
        None => app.say("the run is not among those that are shown: a filter or a fold hides it"),
    }
}

/// The best run with its values.
fn best(app: &App) -> Option<Row> {
    app.best.selection.as_ref()?.best().map(|best| best.row)
}

fn leaderboard(app: &App) -> Picker {
    let Some(selection) = &app.best.selection else {
        return Picker::new(Purpose::Leaderboard, "Leaderboard", Vec::new());
    };
    let catalog = &app.best.catalog;
    let first = selection.best().map_or(f64::NAN, |best| best.values[0]);
    // What stands to the right, in columns.
    let notes: Vec<Vec<String>> = selection
        .ranking
        .iter()
        .map(|ranked| {
            let behind = ranked.values[0] - first;
            let sign = match app.best.sign(catalog.run_id(ranked.row)) {
                Some(Sign::Best) => "best",
                Some(Sign::Front) => "front",
                None => "",
            };
            let gap = if behind == 0.0 { String::new() } else { format!("{behind:+.3e}") };
            let values = ranked.values.iter().map(|value| text::number(*value));
            [sign.to_owned(), gap].into_iter().chain(values).collect()
        })
        .collect();
    let width = |column: usize| notes.iter().map(|note| text::width(&note[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..notes.first().map_or(0, Vec::len)).map(width).collect();
    let aligned = |note: &Vec<String>| {
        let cells = note.iter().zip(&widths).filter(|(_, width)| **width > 0);
        cells.map(|(cell, width)| text::fit_right(cell, *width, "")).collect::<Vec<_>>().join("  ")
    };
    let items = selection.ranking.iter().zip(&notes).enumerate().map(|(at, (ranked, note))| Item {
        label: format!("{:>2}  {}", at + 1, catalog.run_name(ranked.row)),
        note: aligned(note),
        on: None,
        choice: Choice::GoTo(RunId::from(catalog.run_id(ranked.row))),
    });
    let title = format!("Leaderboard: {}", reason::aim(&selection.policy));
    Picker::new(Purpose::Leaderboard, title, items.collect())
}

/// Why the best run is the best.
pub fn why(app: &App) -> Option<Report> {
    let selection = app.best.selection.as_ref()?;
    let Some(Resolved::Policy(_, origin)) = &app.best.resolved else { return None };
    let mut lines = reason::long(selection, &app.best.catalog, *origin);
    if !app.runs.complete {
        lines.push("Not all runs are read yet.".into());
    }
    Some(Report::new("Why this run is best", lines))
}

/// The ways to choose: what is set, and the metrics.
fn ways(app: &App) -> Picker {
    let item = |label: String, note: &str, on: Option<bool>, way: Way| Item {
        label,
        note: note.to_owned(),
        on,
        choice: Choice::Way(way),
    };
    let mut items = Vec::new();
    let own = app.runs.experiment.as_ref().is_some_and(|id| app.best.policies.contains_key(id));
    if let Some(policy) = app.best.policy() {
        let primary = policy.primary();
        let metric = text::clean(&primary.metric);
        items.push(item(
            format!("direction: {metric}, {}", primary.goal.word()),
            "enter turns it",
            None,
            Way::Turn,
        ));
        items.push(item(
            format!("value: {}", policy.value.words()),
            "latest, best, last N",
            None,
            Way::Value,
        ));
        let constraint = if policy.constraint.is_empty() { "all finished runs" } else { &policy.constraint };
        items.push(item(format!("among: {constraint}"), "a filter", None, Way::Constraint));
        if policy.objectives.len() > 1 {
            let weights = policy.weights.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
            let how = if weights.is_empty() { "the metrics in their order".to_owned() } else { weights };
            items.push(item(format!("on the front by: {how}"), "weights", None, Way::Weights));
        }
    }
    if own {
        items.push(item(
            "automatic: by tags, settings and names".into(),
            "forgets your choice",
            None,
            Way::Automatic,
        ));
    }
    let catalog = &app.runs.catalog;
    let objectives = app.best.policy().map_or(&[][..], |policy| &policy.objectives);
    for (key, count) in catalog.metrics.keys(&catalog.texts) {
        let on = objectives.iter().any(|objective| objective.metric == key);
        let goal = app.selecting.patterns.goal(key).map_or("direction not known", Goal::word);
        let note = format!("{goal}, {}", text::runs(count));
        items.push(item(key.to_owned(), &note, Some(on), Way::Metric(key.to_owned())));
    }
    Picker::new(Purpose::Ways, "Choose the best run by (space adds a metric)", items)
}

/// Keeps a policy for the open experiment, or forgets it.
fn keep(app: &mut App, policy: Option<Policy>, effects: &mut Vec<Effect>) {
    let Some(experiment) = app.runs.experiment.clone() else { return };
    match &policy {
        Some(policy) => drop(app.best.policies.insert(experiment.clone(), policy.clone())),
        None => drop(app.best.policies.remove(&experiment)),
    }
    effects.push(Effect::KeepPolicy { experiment, policy: policy.map(Box::new) });
}

/// What was picked among the ways to choose.
pub fn chosen(app: &mut App, way: Way, effects: &mut Vec<Effect>) {
    let policy = app.best.policy().cloned();
    match (way, policy) {
        (Way::Automatic, _) => keep(app, None, effects),
        (Way::Metric(metric), policy) => match app.selecting.patterns.goal(&metric) {
            Some(goal) => chosen(app, Way::Directed(metric, goal), effects),
            None => app.overlay = Some(Overlay::Picker(directions(&metric, policy.as_ref()))),
        },
        (Way::Directed(metric, goal), policy) => {
            let mut new = Policy::new(Objective::new(metric, goal));
            if let Some(old) = policy {
                new.value = old.value;
                (new.constraint, new.filter) = (old.constraint, old.filter);
            }
            keep(app, Some(new), effects);
        }
        (Way::Turn, Some(mut policy)) => {
            let primary = &mut policy.objectives[0];
            primary.goal = primary.goal.reversed();
            keep(app, Some(policy), effects);
        }
        (Way::Value, Some(policy)) => {
            let hint = "latest, best (of the history), or last:N (mean of the last N points)";
            let text = policy.value.to_string();
            app.overlay =
                Some(Overlay::Prompt(Prompt::new(prompt::Purpose::Value, "Which value counts", hint, &text)));
        }
        (Way::Constraint, Some(policy)) => {
            let hint = "metrics.latency_ms < 50 AND params.family = 'tree'; tab completes names";
            let title = "Only runs that pass";
            let prompt = Prompt::new(prompt::Purpose::Constraint, title, hint, &policy.constraint);
            app.overlay = Some(Overlay::Prompt(prompt));
        }
        (Way::Weights, Some(policy)) => {
            let names: Vec<_> =
                policy.objectives.iter().map(|objective| text::clean(&objective.metric)).collect();
            let hint = format!("a number for each of {}; nothing for their order", names.join(", "));
            let weights = policy.weights.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
            app.overlay =
                Some(Overlay::Prompt(Prompt::new(prompt::Purpose::Weights, "Weights", hint, &weights)));
        }
        _ => {}
    }
}

fn directions(metric: &str, policy: Option<&Policy>) -> Picker {
    let was = policy.and_then(|policy| {
        let known = policy.objectives.iter().find(|objective| objective.metric == metric);
        known.map(|objective| objective.goal)
    });
    let item = |goal: Goal| Item {
        label: goal.word().to_owned(),
        note: if was == Some(goal) { "now".into() } else { String::new() },
        on: None,
        choice: Choice::Way(Way::Directed(metric.to_owned(), goal)),
    };
    let items = vec![item(Goal::Minimize), item(Goal::Maximize)];
    Picker::new(Purpose::Ways, format!("Of {}", text::clean(metric)), items)
}

/// A metric is added to the objectives, or taken from them.
pub fn toggled(app: &mut App, metric: &str, on: bool, effects: &mut Vec<Effect>) {
    let Some(goal) = app.selecting.patterns.goal(metric) else {
        return app.say(format!("the direction of {metric} is not known: choose it with enter first"));
    };
    let mut policy = app.best.policy().cloned().unwrap_or_else(|| Policy::new(Objective::new(metric, goal)));
    policy.weights.clear();
    policy.objectives.retain(|objective| objective.metric != metric);
    policy.tie_breaks.retain(|objective| objective.metric != metric);
    if on {
        policy.objectives.push(Objective::new(metric, goal));
    }
    if policy.objectives.is_empty() {
        return app.say("one metric has to stay");
    }
    keep(app, Some(policy), effects);
}

/// What was typed of a policy; what is wrong with it, if anything.
pub fn typed(
    app: &mut App,
    purpose: &prompt::Purpose,
    text: &str,
    effects: &mut Vec<Effect>,
) -> Result<(), String> {
    let Some(mut policy) = app.best.policy().cloned() else { return Ok(()) };
    match purpose {
        prompt::Purpose::Value => policy.value = ValueOf::parse(text).map_err(|error| error.to_string())?,
        prompt::Purpose::Constraint => policy.constrain(text).map_err(|error| error.to_string())?,
        _ => {
            let numbers = text.split([',', ' ']).filter(|part| !part.is_empty());
            let weights: Result<Vec<f64>, _> = numbers.map(str::parse).collect();
            policy.weights = weights.map_err(|_| "weights are numbers".to_owned())?;
            policy.check().map_err(|error| error.to_string())?;
        }
    }
    keep(app, Some(policy), effects);
    Ok(())
}

/// What there is to do with marks.
fn marks(app: &App) -> Picker {
    let name = |row: Option<Row>, catalog: &crate::catalog::Catalog| {
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
    let write = Write::UndoMark { experiment, by: app.user.clone(), now: app.now };
    match held(app) {
        Some(record) if record.by != app.user => {
            let lines =
                vec![format!("{}  {}", record.run_name, text::timestamp(record.at)), record.why.clone()];
            let question = format!("Undo the mark of {}?", text::clean(&record.by));
            app.overlay = Some(Overlay::Confirm(Confirm { question, lines, write }));
        }
        Some(_) => {
            app.status = Some("undoing the mark".into());
            effects.push(Effect::Write(write));
        }
        None => app.say("no run of this experiment is marked best"),
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

/// What came of marking, or of asking what it would write.
pub fn answered(app: &mut App, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Marked(result) => {
            match result {
                Ok(said) => app.say(said.join("; ")),
                Err(error) => app.say(format!(
                    "the mark is not whole: {error}; it is finished at the next start, or taken back by U"
                )),
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
