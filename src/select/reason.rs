//! Why a run was chosen, in words.

use super::Goal;
use super::policy::{Policy, ValueOf};
use super::rank::{LeftOut, Selection, TieBreak};
use super::resolve::PolicyOrigin;
use super::spread::{Spread, SpreadOf};
use crate::catalog::Catalog;
use crate::text::{clean, count, number, runs};

/// Means of the same numbers differ by less, relative to their size, for the order in which they were added.
const ROUNDING: f64 = 1e-13;

/// How far the best run is ahead of the next one: absolute, and over the size of the next one's value.
fn ahead(selection: &Selection) -> Option<String> {
    let margin = selection.margin()?;
    let second = selection.ranking.get(1)?.values[0];
    let share = margin / second.abs();
    let relative = if share < ROUNDING {
        " (rounding)".to_owned()
    } else if (share * 100.0).is_finite() {
        format!(" ({})", percent(share))
    } else {
        String::new()
    };
    Some(format!("{}{relative}", number(margin)))
}

fn percent(share: f64) -> String {
    let share = share * 100.0;
    if share.abs() >= 1e6 {
        return format!("{share:.1e} %");
    }
    let digits = if share.abs() >= 10.0 {
        0
    } else if share.abs() >= 0.1 || share == 0.0 {
        1
    } else {
        3
    };
    format!("{share:.digits$} %")
}

/// `lowest val_rmse`, and the value that is meant where it is not the latest.
pub fn aim(policy: &Policy) -> String {
    let names = policy
        .objectives
        .iter()
        .map(|objective| format!("{} {}", objective.goal.superlative(), clean(&objective.metric)));
    let names: Vec<String> = names.collect();
    let value = match policy.value {
        ValueOf::Latest => String::new(),
        value => format!(" ({})", value.in_words()),
    };
    format!("{}{value}", names.join(" and "))
}

/// Who was left out, in words, the most frequent reasons in a fixed order.
pub fn left_out(left_out: &LeftOut) -> Vec<String> {
    let LeftOut { unfinished, failed, killed, constraint, missing, unread, nan, infinite, parents } =
        *left_out;
    let reasons = [
        (unfinished, "not finished"),
        (failed, "failed"),
        (killed, "killed"),
        (constraint, "not matching the constraint"),
        (missing, "without the metric"),
        (unread, "not read yet"),
        (nan, "NaN"),
        (infinite, "infinite"),
        (parents, if parents == 1 { "parent repeating its child" } else { "parents repeating a child" }),
    ];
    let told = reasons.into_iter().filter(|(runs, _)| *runs > 0);
    told.map(|(runs, words)| format!("{} {words}", count(runs))).collect()
}

/// One line, without the run's name: `lowest val_rmse of 409 runs, 0.0071 (1.2 %) ahead`.
pub fn short(selection: &Selection) -> String {
    let mut words = format!("{} of {}", aim(&selection.policy), runs(selection.eligible));
    if selection.tied > 1 {
        words.push_str(&format!(", tied with {} other{}", selection.tied - 1, plural(selection.tied - 1)));
    } else if selection.policy.objectives.len() > 1 {
        words.push_str(&format!(", one of {} on the Pareto front", selection.front.len()));
    } else if let Some(ahead) = ahead(selection) {
        words.push_str(&format!(", {ahead} ahead"));
    }
    words
}

/// The same for those who read it elsewhere: with the constraint.
pub fn why(selection: &Selection) -> String {
    let constraint = &selection.policy.constraint;
    let among = if constraint.is_empty() { String::new() } else { format!(", where {constraint}") };
    format!("{}{among}", short(selection))
}

/// What the runs of an experiment are judged by, where a sweep in it is scored by something else.
pub fn judged_otherwise(policy: &Policy, metric: &str, goal: Goal) -> Option<String> {
    let judged = policy.primary();
    let name = clean(&judged.metric);
    if judged.metric != metric {
        return Some(format!("runs here are judged by {name}"));
    }
    (judged.goal != goal).then(|| format!("runs here are judged by the {} {name}", judged.goal.superlative()))
}

/// The same, and what the sweep is scored by.
pub fn apart(policy: &Policy, metric: &str, goal: Goal) -> Option<String> {
    let judged = judged_otherwise(policy, metric, goal)?;
    let other = if policy.primary().metric == metric {
        format!("the {} ", goal.superlative())
    } else {
        String::new()
    };
    Some(format!("{judged}; this sweep is scored by {other}{}", clean(metric)))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The whole of it, a sentence a line. Nothing was eligible where the first line says so.
pub fn long(selection: &Selection, catalog: &Catalog, origin: PolicyOrigin) -> Vec<String> {
    let policy = &selection.policy;
    let mut lines = Vec::new();
    let considered = format!(
        "{} considered",
        if selection.considered == 1 {
            "1 run was".to_owned()
        } else {
            format!("{} were", runs(selection.considered))
        }
    );
    let out = left_out(&selection.left_out);
    let counts = if out.is_empty() {
        format!("{considered}, none excluded.")
    } else {
        format!("{considered}, {} excluded: {}.", count(selection.left_out.total()), out.join(", "))
    };
    match selection.best() {
        None => lines.push(format!("No run is eligible by the {}.", aim(policy))),
        Some(best) => {
            let values: Vec<String> = best.values.iter().map(|value| number(*value)).collect();
            lines.push(format!(
                "{} has the {} of {} eligible runs: {}.",
                clean(catalog.run_name(best.row)),
                aim(policy),
                count(selection.eligible),
                values.join(" and ")
            ));
        }
    }
    lines.push(counts);
    lines.extend(several(selection));
    if let Some(ahead) = ahead(selection).filter(|_| policy.objectives.len() == 1 && selection.tied <= 1) {
        let second = &selection.ranking[1];
        lines.push(format!(
            "It is {ahead} ahead of {}, which has {}.",
            clean(catalog.run_name(second.row)),
            number(second.values[0])
        ));
        lines.extend(against_spread(selection));
    }
    lines.extend(tie(selection));
    if !policy.constraint.is_empty() {
        lines.push(format!("Constraint: {}", clean(&policy.constraint)));
    }
    lines.push(format!("Metric and direction {}; using the {}.", origin.in_words(), policy.value.in_words()));
    lines
}

fn several(selection: &Selection) -> Option<String> {
    let policy = &selection.policy;
    if policy.objectives.len() < 2 || selection.front.is_empty() {
        return None;
    }
    let how = if policy.weights.is_empty() {
        format!("by {} first", clean(&policy.primary().metric))
    } else {
        let weights = policy.objectives.iter().zip(&policy.weights);
        let words: Vec<String> =
            weights.map(|(objective, weight)| format!("{weight} {}", clean(&objective.metric))).collect();
        format!("by weight ({})", words.join(", "))
    };
    let runs = selection.front.len();
    Some(if runs == 1 {
        "No other run is better in any of them.".into()
    } else {
        format!("{} runs are on the Pareto front; it was chosen among them {how}.", count(runs))
    })
}

/// What equal trials vary by, in words.
fn spread_in_words(spread: &Spread) -> String {
    let over = match &spread.of {
        SpreadOf::Logged(name) => format!("as logged in {}", clean(name)),
        SpreadOf::Folds(folds) => format!("over {folds} folds"),
        SpreadOf::Seeds(runs) => format!("over {runs} runs that differ only in their seed"),
    };
    format!("the spread {over} (standard deviation {})", number(spread.deviation))
}

/// Whether the margin is more than what equal trials vary by.
fn against_spread(selection: &Selection) -> Option<String> {
    let (margin, spread) = (selection.margin()?, selection.spread.as_ref()?);
    let words = spread_in_words(spread);
    Some(if margin > spread.deviation {
        format!("That is more than {words}.")
    } else {
        format!("That is within {words}: the difference is not significant.")
    })
}

/// That the best run is not significantly better than the next one, by itself; none where it is, or nothing tells.
pub fn not_significant(selection: &Selection) -> Option<String> {
    let (margin, spread) = (selection.margin()?, selection.spread.as_ref()?);
    let is_lead = selection.policy.objectives.len() == 1 && selection.tied <= 1;
    let ahead = ahead(selection).filter(|_| is_lead && margin <= spread.deviation)?;
    Some(format!("Its lead of {ahead} is within {}: not significant.", spread_in_words(spread)))
}

fn tie(selection: &Selection) -> Option<String> {
    let by = match selection.tie_break.as_ref()? {
        TieBreak::Metric(objective) => {
            format!("the {} {}", objective.goal.superlative(), clean(&objective.metric))
        }
        TieBreak::Further(objective) => {
            let latest = if selection.policy.value == ValueOf::Latest { "" } else { " (latest value)" };
            format!("the {} {}{latest}", objective.goal.superlative(), clean(&objective.metric))
        }
        TieBreak::Start => "the earlier start".into(),
        TieBreak::Id => "the run id, as they started together".into(),
    };
    Some(format!("{} runs are tied; decided by {by}.", count(selection.tied)))
}
