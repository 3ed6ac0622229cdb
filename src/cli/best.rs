//! `mltui best EXPERIMENT`: the best run, and why.

use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::choosing::{ChosenBest, PolicyFlags};
use super::metric_names::missing;
use super::output::print_json;
use super::{Failure, find_experiment, open};
use crate::catalog::NO_TIME;
use crate::config::Settings;
use crate::mlflow::Experiment;
use crate::select::{MetricGoal, PolicyOrigin, Ranked, SpreadOf, TieBreak, reason};
use crate::sheet::json_number;
use crate::store::Store;
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Name or id of the experiment
    experiment: String,
    #[command(flatten)]
    asked: PolicyFlags,
    /// Print the N best runs
    #[arg(long, value_name = "N", default_value_t = 1)]
    top: usize,
    /// Print JSON: policy, counts, best runs and reason
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let store = open(settings)?;
    let experiment = find_experiment(&store, &arguments.experiment).await?;
    let chosen = arguments.asked.choose(settings, &store, &experiment, arguments.top.max(1)).await?;
    if arguments.json {
        print_json(&report(&chosen, &experiment, arguments.top), out)?;
    }
    if chosen.selection.best().is_none() {
        return Err(none_eligible(&store, &experiment, &chosen).await);
    }
    if !arguments.json {
        out.write_all(shown(&chosen, arguments.top).as_bytes())?;
    }
    Ok(())
}

/// Why no run is eligible: a metric that is mistyped, or what runs lack.
pub async fn none_eligible(store: &Store, experiment: &Experiment, chosen: &ChosenBest) -> Failure {
    let metric = &chosen.selection.policy.primary().metric;
    let missing = missing(store, experiment, &chosen.catalog, metric).await;
    missing.unwrap_or_else(|| Failure::NoneEligible(reason(chosen).join("\n  ")))
}

/// The reason; without counts where not all runs were read.
fn reason(chosen: &ChosenBest) -> Vec<String> {
    let mut lines = reason::long(&chosen.selection, &chosen.catalog, chosen.origin);
    if !chosen.is_counted {
        let name = chosen.selection.best().map(|best| text::clean(chosen.catalog.run_name(best.row)));
        if let Some(name) = name {
            lines[0] =
                format!("{name} has the {} of all eligible runs.", reason::aim(&chosen.selection.policy));
        }
        lines[1] = "Only candidates were read, so the number of excluded runs is not known.".into();
    }
    lines
}

fn shown(chosen: &ChosenBest, top: usize) -> String {
    let ChosenBest { catalog, selection, .. } = chosen;
    let mut words = String::new();
    let rows: Vec<Vec<String>> = selection
        .ranking
        .iter()
        .take(top.max(1))
        .enumerate()
        .map(|(at, ranked)| {
            let mut cells = vec![
                format!("{}", at + 1),
                text::clean(catalog.run_name(ranked.row)).into_owned(),
                catalog.run_id(ranked.row).to_owned(),
            ];
            cells.extend(ranked.values.iter().map(|value| text::exact(*value)));
            cells
        })
        .collect();
    for line in text::aligned(&rows, |column| column == 0 || column > 2) {
        words.push_str(&line);
        words.push('\n');
    }
    words.push('\n');
    for line in reason(chosen) {
        words.push_str(&line);
        words.push('\n');
    }
    words
}

fn objectives(list: &[MetricGoal]) -> Json {
    let each = list
        .iter()
        .map(|objective| json!({ "metric": objective.metric, "direction": objective.goal.short() }));
    Json::Array(each.collect())
}

/// What `--json` prints; `docs/schemas/best.json` describes it.
pub fn report(chosen: &ChosenBest, experiment: &Experiment, top: usize) -> Json {
    let ChosenBest { selection, origin, is_counted, .. } = chosen;
    let policy = &selection.policy;
    let out = &selection.left_out;
    let counted = |count: usize| if *is_counted { json!(count) } else { Json::Null };
    let left_out = json!({
        "unfinished": out.unfinished, "failed": out.failed, "killed": out.killed, "constraint": out.constraint,
        "missing": out.missing, "nan": out.nan, "infinite": out.infinite, "parents": out.parents,
    });
    let margin = selection.margin();
    let second = selection.ranking.get(1).map(|ranked| ranked.values[0].abs());
    let spread = selection.spread.as_ref();
    let spread_of = |of: &SpreadOf| match of {
        SpreadOf::Logged(metric) => json!({ "metric": metric }),
        SpreadOf::Folds(count) => json!({ "folds": count }),
        SpreadOf::Seeds(count) => json!({ "seeds": count }),
    };
    json!({
        "experiment_id": experiment.experiment_id, "experiment_name": experiment.name,
        "policy": {
            "metrics": objectives(&policy.objectives), "weights": policy.weights,
            "tie_breaks": objectives(&policy.tie_breaks), "value": policy.value.to_string(),
            "where": policy.constraint, "origin": PolicyOrigin::as_str(*origin),
        },
        "considered": counted(selection.considered),
        "eligible": counted(selection.eligible),
        "left_out": if *is_counted { left_out } else { Json::Null },
        "best": selection.best().map(|best| run_json(chosen, best)),
        "top": selection.ranking.iter().take(top).map(|ranked| run_json(chosen, ranked)).collect::<Vec<_>>(),
        "front": selection.front.len(),
        "tied": selection.tied,
        "tie_broken_by": selection.tie_break.as_ref().map(|tie_break| match tie_break {
            TieBreak::Metric(objective) | TieBreak::Further(objective) => format!("metrics.{}", objective.metric),
            TieBreak::Start => "start_time".to_owned(),
            TieBreak::Id => "run_id".to_owned(),
        }),
        "margin": margin.map_or(Json::Null, json_number),
        "margin_relative": margin.zip(second).map_or(Json::Null, |(margin, second)| json_number(margin / second)),
        "spread": spread.map(|spread| json!({ "deviation": json_number(spread.deviation), "of": spread_of(&spread.of) })),
        "exceeds_spread": margin.zip(spread).map(|(margin, spread)| margin > spread.deviation),
        "reason": reason(chosen),
    })
}

fn run_json(chosen: &ChosenBest, ranked: &Ranked) -> Json {
    let catalog = &chosen.catalog;
    let run = catalog.run(ranked.row);
    let metrics = chosen.selection.policy.objectives.iter().zip(&ranked.values);
    let values: Map<String, Json> =
        metrics.map(|(objective, value)| (objective.metric.clone(), json_number(*value))).collect();
    json!({
        "run_id": catalog.run_id(ranked.row), "run_name": catalog.run_name(ranked.row),
        "values": values, "on_front": ranked.on_front, "score": ranked.score,
        "start_time": if run.start_time == NO_TIME { Json::Null } else { json!(run.start_time) },
    })
}

#[cfg(test)]
mod tests {
    use super::super::siblings::tests::run;
    use super::*;
    use crate::catalog::Builder;
    use crate::select::{Goal, Policy, select};
    use crate::store::batch::whole_runs;

    #[test]
    fn no_number_is_hundreds_of_digits_long() {
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&[run(0, 1e300), run(1, 0.1)]));
        let catalog = builder.snapshot();
        let selection = select(&catalog, &Policy::new(MetricGoal::new("m", Goal::Maximize)), 2);
        let chosen = ChosenBest { catalog, selection, origin: PolicyOrigin::Asked, is_counted: true };
        let words = shown(&chosen, 2);
        let cells: Vec<_> = words.lines().take(2).map(|line| line.split_whitespace().last()).collect();
        assert_eq!(cells, [Some("1e300"), Some("0.1")]);
    }
}
