//! Filters with `OR` and parentheses: on a catalogue, on whole runs, and in part on a server they mean the same.

use proptest::prelude::*;

use super::filter::matching;
use super::*;
use crate::mlflow::filter::{Asker, Expression, Filter, Query, parse};
use crate::mlflow::{ExperimentId, Metric, Param, Run, RunId, RunInfo, Tag};
use crate::store::batch::whole_runs;

const ASKER: Asker<'static> = Asker { now: 2_000, user: "ana" };

/// A filter as it was made up.
#[derive(Debug, Clone)]
enum Made {
    Leaf(&'static str),
    All(Vec<Made>),
    Any(Vec<Made>),
}

impl Made {
    fn text(&self) -> String {
        let joined = |parts: &[Self], word: &str| {
            parts.iter().map(|part| format!("({})", part.text())).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::Leaf(text) => (*text).to_owned(),
            Self::All(parts) => joined(parts, " AND "),
            Self::Any(parts) => joined(parts, " or "),
        }
    }

    /// Each comparison by itself, and joined as it stands.
    fn passes(&self, run: &Run) -> bool {
        match self {
            Self::Leaf(text) => {
                let filter = Expression::parse(text).unwrap().at(ASKER);
                assert!(filter.clauses.len() == 1 && filter.alternatives.is_empty(), "{text}");
                filter.clauses[0].matches(run)
            }
            Self::All(parts) => parts.iter().all(|part| part.passes(run)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(run)),
        }
    }
}

const LEAVES: [&str; 26] = [
    "metrics.m < 1",
    "metrics.m != 0",
    "metrics.m IS NULL",
    "metrics.m IS NOT NULL",
    "metrics.val/loss >= 0.5",
    "params.p = tree",
    "params.p = 'tree'",
    "params.p != tree",
    "params.p LIKE 't%'",
    "params.p ~ '^t.*e$'",
    "params.p !~ e",
    "params.p IN (tree, 10)",
    "params.p NOT IN (tree)",
    "params.p < 11",
    "params.p IS NULL",
    "tags.team IS NOT NULL",
    "user = me",
    "user != me",
    "status = failed",
    "status IN (failed, running)",
    "status != 'FINISHED'",
    "start_time > now-1s",
    "age >= 1s",
    "end_time IS NULL",
    "name ~ '[13]$'",
    "run_id IN ('r1', 'r2')",
];

fn made() -> impl Strategy<Value = Made> {
    let leaf = proptest::sample::select(&LEAVES[..]).prop_map(Made::Leaf);
    leaf.prop_recursive(4, 16, 3, |inner| {
        let parts = prop::collection::vec(inner, 1..4);
        prop_oneof![parts.clone().prop_map(Made::All), parts.prop_map(Made::Any)]
    })
}

fn runs() -> Vec<Run> {
    let numbers =
        [Some(0.0), Some(0.5), Some(f64::NAN), None, Some(f64::INFINITY), Some(2.0), Some(0.0), None];
    let texts = [Some("tree"), Some("10"), None, Some("9.5"), Some("t\ne"), Some(""), Some("tree"), None];
    let statuses = [RunStatus::Finished, RunStatus::Failed, RunStatus::Running];
    (0..numbers.len())
        .map(|i| {
            let metric = |key: &str, value| Metric { key: key.into(), value, timestamp: 0, step: 0 };
            let status = statuses[i % 3];
            Run {
                info: RunInfo {
                    run_id: RunId(format!("r{i}")),
                    experiment_id: ExperimentId::from("1"),
                    run_name: format!("run-{i}"),
                    user_id: ["ana", "ben"][i / 2 % 2].into(),
                    status,
                    start_time: (i != 5).then_some(500 * i as i64),
                    end_time: (!status.is_active()).then_some(9_000),
                    lifecycle_stage: LifecycleStage::Active,
                    artifact_uri: String::new(),
                },
                metrics: numbers[i]
                    .into_iter()
                    .flat_map(|value| [metric("m", value), metric("val/loss", value)])
                    .collect(),
                params: texts[i].map(|value| Param::new("p", value)).into_iter().collect(),
                tags: [Tag::new("mlflow.runName", format!("run-{i}"))]
                    .into_iter()
                    .chain((i % 2 == 0).then(|| Tag::new("team", "red")))
                    .collect(),
                inputs: Vec::new(),
                model_outputs: Vec::new(),
            }
        })
        .collect()
}

fn passing(runs: &[Run], passes: impl Fn(&Run) -> bool) -> Vec<bool> {
    runs.iter().map(passes).collect()
}

proptest! {
    #[test]
    fn a_filter_lets_the_same_runs_through_everywhere(made in made()) {
        let runs = runs();
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&runs));
        let catalog = builder.snapshot();
        let text = made.text();
        let filter = Expression::parse(&text).map_err(|e| TestCaseError::fail(e.report(&text)))?.at(ASKER);
        let wanted = passing(&runs, |run| made.passes(run));
        prop_assert_eq!(&passing(&runs, |run| filter.matches(run)), &wanted, "whole runs: {}", text);
        let rows = matching(&catalog, &filter).unwrap();
        let in_memory: Vec<bool> = (0..runs.len() as Row).map(|row| rows.contains(row)).collect();
        prop_assert_eq!(&in_memory, &wanted, "the catalogue: {}", text);
        for query in [Some(Query::new(&filter)), Query::without_null(&filter)].into_iter().flatten() {
            let asked: Filter = parse(&query.text).map_err(|e| TestCaseError::fail(e.report(&query.text)))?;
            let told = passing(&runs, |run| asked.matches(run) && query.passes(run));
            prop_assert_eq!(&told, &wanted, "asked as {}: {}", query.text, text);
            prop_assert!(!query.is_exact() || passing(&runs, |run| asked.matches(run)) == wanted, "{}", text);
        }
    }
}
