//! What keys do about the best run: go to it, rank, say why, choose by what.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use super::actions::Action;
use super::effects::Effect;
use super::{Chosen, Msg, leaderboard, marking};
use crate::mlflow::RunId;
use crate::mlflow::filter::Expression;
use crate::select::{Goal, MetricGoal, Policy, Resolved, ValueOf, reason};
use crate::text;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::go_to_run;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};
use crate::tui::widgets::report::Report;

/// Metrics whose directions are told.
const READ_NAMES: usize = 2_000;

/// A part of the policy.
#[derive(Debug, Clone, PartialEq)]
enum PolicyEdit {
    Metric(String),
    Turn,
    Value,
    Constraint,
    Weights,
    Automatic,
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::GoTo => {
            let best = app.best.run_id().map(RunId::from);
            // Asked again, it goes on from the best of what is shown to the best of all.
            let here = app.runs.run_under_cursor();
            let shown = app.best.shown_id().map(RunId::from).filter(|shown| here.as_ref() != Some(shown));
            if let Some(id) = shown.or(best) {
                go_to_run(app, &id, effects);
            }
        }
        Action::Leaderboard => leaderboard::open(app, effects),
        Action::Why => {
            if let Some(report) = why(app) {
                app.overlay = Some(Overlay::Report(report));
            }
        }
        Action::ChooseBy => choose_by(app),
        Action::MarkBest => marking::mark_best(app, effects),
        Action::Marks => marking::open(app),
        Action::UndoMark => marking::undo(app, effects),
    }
}

/// Why the best run is the best.
pub fn why(app: &App) -> Option<Report> {
    let Chosen { catalog, resolved, selection, shown, .. } = app.best.chosen()?;
    let Resolved::Policy(_, origin) = resolved else { return None };
    let mut lines = reason::long(selection.as_ref()?, catalog, *origin);
    if let Some(shown) = shown {
        lines.push(String::new());
        let are = if shown.considered == 1 { "is" } else { "are" };
        lines.push(format!("Of the {} that {are} shown:", text::runs(shown.considered)));
        lines.extend(reason::long(shown, catalog, *origin));
    }
    if !app.runs.complete {
        lines.push("Still reading runs.".into());
    }
    Some(Report::new("Why this run is best", lines))
}

/// What the best run is chosen by: what is set, and the metrics.
fn choose_by(app: &mut App) {
    let items = edits(app);
    Picker::new("Metric to optimise (space adds one)", items, |app, picked, effects| match picked {
        Picked::Chosen(edit) => chosen(app, edit, effects),
        Picked::Toggled(PolicyEdit::Metric(metric), on) => toggled(app, &metric, on, effects),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

fn edits(app: &App) -> Vec<Item<PolicyEdit>> {
    let item = |label: String, note: &str, on: Option<bool>, edit: PolicyEdit| Item {
        label,
        note: note.to_owned(),
        on,
        value: edit,
    };
    let mut items = Vec::new();
    let own = app.runs.experiment.as_ref().is_some_and(|id| app.best.policies.contains_key(id));
    if let Some(policy) = app.best.policy() {
        let primary = policy.primary();
        let metric = text::clean(&primary.metric);
        items.push(item(
            format!("direction: {metric}, {}", primary.goal.word()),
            "enter flips it",
            None,
            PolicyEdit::Turn,
        ));
        items.push(item(
            format!("value: {}", policy.value.in_words()),
            "latest, best, last N",
            None,
            PolicyEdit::Value,
        ));
        let constraint = if policy.constraint.is_empty() { "all finished runs" } else { &policy.constraint };
        items.push(item(format!("among: {constraint}"), "a filter", None, PolicyEdit::Constraint));
        if policy.objectives.len() > 1 {
            let weights = policy.weights.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
            let how = if weights.is_empty() { "the metrics in their order".to_owned() } else { weights };
            items.push(item(format!("on the Pareto front, by {how}"), "weights", None, PolicyEdit::Weights));
        }
    }
    if own {
        items.push(item(
            "automatic: by tags, settings and names".into(),
            "clears your choice",
            None,
            PolicyEdit::Automatic,
        ));
    }
    let catalog = &app.runs.catalog;
    let objectives = app.best.policy().map_or(&[][..], |policy| &policy.objectives);
    // To read thousands of names takes longer than a key may.
    let reads_names = catalog.metrics.len() <= READ_NAMES;
    for (key, count) in catalog.metrics.keys(&catalog.texts) {
        let on = objectives.iter().any(|objective| objective.metric == key);
        let goal = if reads_names {
            format!("{}, ", goal(app, key).map_or("direction not known", Goal::word))
        } else {
            String::new()
        };
        let note = format!("{goal}{}", text::runs(count));
        items.push(item(key.to_owned(), &note, Some(on), PolicyEdit::Metric(key.to_owned())));
    }
    items
}

/// What is wanted of a metric, as far as that is known.
fn goal(app: &App, metric: &str) -> Option<Goal> {
    let directions = app.best.chosen().map_or(&[][..], |chosen| &chosen.directions);
    app.selecting.patterns.goal(directions, metric)
}

/// Keeps a policy for the open experiment, or forgets it.
fn keep(app: &mut App, policy: Option<Policy>, effects: &mut Effects) {
    let Some(experiment) = app.runs.experiment.clone() else { return };
    match &policy {
        Some(policy) => drop(app.best.policies.insert(experiment.clone(), policy.clone())),
        None => drop(app.best.policies.remove(&experiment)),
    }
    effects.push(Effect::KeepPolicy { experiment, policy: policy.map(Box::new) });
}

fn chosen(app: &mut App, edit: PolicyEdit, effects: &mut Effects) {
    match edit {
        PolicyEdit::Automatic => keep(app, None, effects),
        PolicyEdit::Metric(metric) => match goal(app, &metric) {
            Some(goal) => directed(app, metric, goal, effects),
            None => directions(app, metric),
        },
        PolicyEdit::Turn => {
            if let Some(mut policy) = app.best.policy().cloned() {
                let primary = &mut policy.objectives[0];
                primary.goal = primary.goal.reversed();
                keep(app, Some(policy), effects);
            }
        }
        PolicyEdit::Value => {
            let hint = "latest, best (of the history), or last:N (mean of the last N points)";
            ask(
                app,
                "Value of the metric",
                hint,
                |policy| policy.value.to_string(),
                |policy, text| {
                    policy.value = ValueOf::parse(text).map_err(|error| error.to_string())?;
                    Ok(())
                },
            );
        }
        PolicyEdit::Constraint => constrain(app),
        PolicyEdit::Weights => {
            let Some(policy) = app.best.policy() else { return };
            let names: Vec<_> =
                policy.objectives.iter().map(|objective| text::clean(&objective.metric)).collect();
            let hint = format!("a number for each of {}; empty to use their order", names.join(", "));
            ask(app, "Weights", &hint, written_weights, |policy, text| {
                let numbers = text.split([',', ' ']).filter(|part| !part.is_empty());
                let weights: Result<Vec<f64>, _> = numbers.map(str::parse).collect();
                policy.weights = weights.map_err(|_| "weights must be numbers")?;
                Ok(policy.check().map_err(|error| error.to_string())?)
            });
        }
    }
}

fn written_weights(policy: &Policy) -> String {
    policy.weights.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")
}

/// Asks for a part of the policy as text.
fn ask(
    app: &mut App,
    title: &str,
    hint: &str,
    write: fn(&Policy) -> String,
    read: fn(&mut Policy, &str) -> Result<(), PromptError>,
) {
    if let Some(prompt) = policy_prompt(app, title, hint, write, read) {
        prompt.open(app);
    }
}

fn policy_prompt(
    app: &App,
    title: &str,
    hint: &str,
    write: fn(&Policy) -> String,
    read: fn(&mut Policy, &str) -> Result<(), PromptError>,
) -> Option<Prompt<String>> {
    let text = write(app.best.policy()?);
    let trimmed = |text: &str| Ok(text.trim().to_owned());
    Some(Prompt::new(title, hint, &text, trimmed, move |app, text: String, effects| {
        if let Some(mut policy) = app.best.policy().cloned() {
            read(&mut policy, &text)?;
            keep(app, Some(policy), effects);
        }
        Ok(())
    }))
}

fn constrain(app: &mut App) {
    let hint = "metrics.latency_ms < 50 AND params.family = tree; tab completes";
    let read = |policy: &mut Policy, text: &str| {
        if !text.is_empty() {
            Expression::parse(text)
                .map_err(|error| PromptError { message: error.message, span: error.span })?;
        }
        Ok(policy.constrain(text).map_err(|error| error.to_string())?)
    };
    if let Some(prompt) =
        policy_prompt(app, "Constraint on runs", hint, |policy| policy.constraint.clone(), read)
    {
        prompt.of_filter().open(app);
    }
}

/// A metric and its direction are chosen; what else the policy says stays.
fn directed(app: &mut App, metric: String, goal: Goal, effects: &mut Effects) {
    let mut new = Policy::new(MetricGoal::new(metric, goal));
    if let Some(old) = app.best.policy().cloned() {
        new.value = old.value;
        (new.constraint, new.filter) = (old.constraint, old.filter);
    }
    keep(app, Some(new), effects);
}

fn directions(app: &mut App, metric: String) {
    let was = app.best.policy().and_then(|policy| {
        let known = policy.objectives.iter().find(|objective| objective.metric == metric);
        known.map(|objective| objective.goal)
    });
    let item = |goal: Goal| Item {
        label: goal.word().to_owned(),
        note: if was == Some(goal) { "now".into() } else { String::new() },
        on: None,
        value: goal,
    };
    let title = format!("Of {}", text::clean(&metric));
    Picker::new(
        title,
        [item(Goal::Minimize), item(Goal::Maximize)],
        move |app, picked, effects| match picked {
            Picked::Chosen(goal) => directed(app, metric.clone(), goal, effects),
            Picked::Toggled(..) | Picked::Removed(_) => {}
        },
    )
    .open(app);
}

/// A metric is added to the objectives, or taken from them.
fn toggled(app: &mut App, metric: &str, on: bool, effects: &mut Effects) {
    let Some(goal) = goal(app, metric) else {
        return app.say(format!("unknown direction of {metric}; choose it with enter first"));
    };
    let mut policy = app.best.policy().cloned().unwrap_or_else(|| Policy::new(MetricGoal::new(metric, goal)));
    policy.weights.clear();
    policy.objectives.retain(|objective| objective.metric != metric);
    policy.tie_breaks.retain(|objective| objective.metric != metric);
    if on {
        policy.objectives.push(MetricGoal::new(metric, goal));
    }
    if policy.objectives.is_empty() {
        return app.say("at least one metric is needed");
    }
    keep(app, Some(policy), effects);
}

/// The best run was chosen, runs above others were looked for, or a mark was made.
pub fn answered(app: &mut App, msg: Msg, effects: &mut Effects) {
    match msg {
        Msg::Selected { ticket, chosen, missing } => {
            // While runs are still on their way most parents are too.
            let is_whole = app.runs.complete && Arc::ptr_eq(&chosen.catalog, &app.runs.catalog);
            if app.best.take(ticket, *chosen, app.now) && is_whole {
                effects.extend(app.best.ask_for(missing, app.now));
            }
        }
        Msg::Ancestors { experiment, asked, result } => {
            if app.runs.experiment.as_ref() != Some(&experiment) {
                return;
            }
            match result {
                Ok(found) => app.best.learn(asked, &found),
                Err(error) if app.best.not_found(&asked, app.now) => {
                    app.say(format!("cannot read parent runs: {error}"));
                }
                Err(_) => {}
            }
        }
        Msg::Trends { ticket, trends } => {
            if app.best.trends.take(ticket, Ok(trends), app.now) {
                leaderboard::trends_read(app);
            }
        }
        Msg::Marked(result) => marking::marked(app, result, effects),
        Msg::Planned(result) => marking::planned(app, result),
    }
}
