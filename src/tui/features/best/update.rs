//! What keys do about the best run: go to it, rank, say why, choose by what.

use std::sync::Arc;

use crate::mlflow::RunId;
use crate::select::{Goal, Objective, Policy, Resolved, ValueOf, reason};
use crate::text;
use crate::tui::core::action::Action;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effect;
use crate::tui::core::layout::Focus;
use crate::tui::core::msg::Msg;
use crate::tui::core::signs::Sign;
use crate::tui::widgets::picker::{Choice, Item, Picker, Purpose, Way};
use crate::tui::widgets::prompt;
use crate::tui::widgets::prompt::Prompt;
use crate::tui::widgets::report::Report;

/// Metrics whose directions are told.
const READ_NAMES: usize = 2_000;

/// An action about the best run; true if it is one.
pub fn perform(app: &mut App, action: Action) -> bool {
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
        items.push(item(key.to_owned(), &note, Some(on), Way::Metric(key.to_owned())));
    }
    Picker::new(Purpose::Ways, "Choose the best run by (space adds a metric)", items)
}

/// What is wanted of a metric, as far as that is known.
fn goal(app: &App, metric: &str) -> Option<Goal> {
    app.selecting.patterns.goal(&app.best.told, metric)
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
        (Way::Metric(metric), policy) => match goal(app, &metric) {
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
    let Some(goal) = goal(app, metric) else {
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

/// The best run was chosen, or runs above others were looked for.
pub fn answered(app: &mut App, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Selected { generation, catalog, told, resolved, selection, missing }
            if generation == app.best.generation =>
        {
            // While runs are still on their way most parents are too.
            let is_whole = app.runs.complete && Arc::ptr_eq(&catalog, &app.runs.catalog);
            app.best.take(catalog, told, *resolved, selection);
            if is_whole {
                effects.extend(app.best.ask_for(missing, app.now));
            }
        }
        Msg::Ancestors { experiment, asked, result } if app.runs.experiment.as_ref() == Some(&experiment) => {
            match result {
                Ok(found) => app.best.learn(asked, &found),
                Err(error) if app.best.not_found(&asked, app.now) => {
                    app.say(format!("runs above those in the table are not known: {error}"));
                }
                Err(_) => {}
            }
        }
        _ => {}
    }
}
