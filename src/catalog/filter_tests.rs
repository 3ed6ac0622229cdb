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

#[test]
fn a_filter_keeps_what_stands_under_a_run_and_above_it() {
    use super::view::{FoldState, LineKind, Shape, View, project};
    // 0 stands above 1 and 2, 2 above 3; 4 above 5, and 6 is alone.
    let above = [None, Some(0), Some(0), Some(2), None, Some(4), None, None];
    let mut runs = runs();
    for (run, above) in runs.iter_mut().zip(above) {
        run.tags.extend(above.map(|above| Tag::new("mlflow.parentRunId", format!("r{above}"))));
    }
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&runs));
    let catalog = builder.snapshot();
    let shown = |filter: &str, shape: Shape, folded: &[&str]| {
        let filter = Expression::parse(filter).unwrap();
        let toggled = folded.iter().map(|id| view::LineKey::Run((*id).to_owned())).collect();
        let projection = project(&catalog, &View { filter, shape, toggled, ..View::default() }, 0);
        let lines = projection.lines.iter().map(|line| match line.kind {
            LineKind::Run(row) => {
                let folded = if matches!(line.fold, FoldState::Closed(_)) { "+" } else { "" };
                format!("{}{}{folded}", if line.context { "~" } else { "" }, row)
            }
            LineKind::Group(_) => String::new(),
        });
        (lines.collect::<Vec<_>>().join(" "), projection.passing)
    };
    assert_eq!(shown("run_id = 'r0'", Shape::Tree, &[]), ("0 ~2 ~3 ~1".into(), 1));
    assert_eq!(shown("run_id = 'r2'", Shape::Tree, &[]), ("~0 2 ~3".into(), 1));
    assert_eq!(shown("run_id = 'r3'", Shape::Tree, &[]), ("~0 ~2 3".into(), 1));
    assert_eq!(shown("run_id = 'r3'", Shape::Tree, &["r2"]).0, "~0 ~2 3", "open for the sake of what passes");
    assert_eq!(shown("run_id = 'r0'", Shape::Tree, &["r2"]).0, "0 ~2+ ~1", "what is only kept can be folded");
    assert_eq!(shown("run_id IN (r4, r6)", Shape::Tree, &[]), ("6 4 ~5".into(), 2));
    assert_eq!(shown("run_id = 'r0'", Shape::Flat, &[]), ("0".into(), 1));
}
