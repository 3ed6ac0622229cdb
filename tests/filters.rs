//! The filter language against MLflow's own: the same runs in the same order, and errors where MLflow has errors.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::sync::Arc;

use mltui::catalog::filter::matching;
use mltui::catalog::{Builder, Catalog};
use mltui::mlflow::filter::{Field, Filter, OrderBy, parse};
use mltui::mlflow::{ExperimentId, RunId, ViewType};
use mltui::store::rest::RestOptions;
use mltui::store::{RunSearch, Scan, ScanValues, TrackingStore, uri};
use serde_json::{Value, json};
use support::V3;

/// A generator of clauses out of all that the grammar knows, with values that exist in the store.
struct Generator(fastrand::Rng);

impl Generator {
    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.0.usize(..list.len())]
    }

    fn text(&mut self) -> String {
        let text = self.pick(&[
            "a", "A", "b", "", "ab%c", "a_c", "abc", "ÄÖ", "äö", "10", "%", "A%", "%c", "_", "x y", "it's",
            "zzz", "a%",
        ]);
        if text.contains('\'') || self.0.u8(..8) == 0 { format!("\"{text}\"") } else { format!("'{text}'") }
    }

    fn number(&mut self) -> &'static str {
        self.pick(&["0", "1", "1.5", "-2", "1e-300", "0.1", ".5", "3", "2.", "-1E3", "1e300"])
    }

    fn clause(&mut self) -> String {
        let text_test = |g: &mut Self, field: &str| {
            let operator = g.pick(&["=", "!=", "LIKE", "ILIKE", "like"]);
            format!("{field} {operator} {}", g.text())
        };
        match self.0.u8(..9) {
            0 | 1 => {
                let field =
                    self.pick(&["metrics.m", "metric.`val loss`", "metrics.\"val loss\"", "metrics.absent"]);
                let operator = self.pick(&["=", "!=", "<", "<=", ">", ">="]);
                let space = self.pick(&[" ", ""]);
                format!("{field}{space}{operator} {}", self.number())
            }
            2 | 3 => {
                let field =
                    self.pick(&["params.p", "param.`dir/p 1`", "parameters.\"dir/p 1\"", "params.absent"]);
                text_test(self, field)
            }
            4 => {
                let field = self.pick(&["tags.k", "tag.mlflow.user", "tags.`mlflow.runName`", "tags.absent"]);
                text_test(self, field)
            }
            5 => {
                let field = self.pick(&[
                    "run_name",
                    "attributes.`Run Name`",
                    "user_id",
                    "run.user_id",
                    "attr.artifact_uri",
                ]);
                text_test(self, field)
            }
            6 => {
                let status = self.pick(&["'FINISHED'", "'RUNNING'", "'finished'", "\"FAILED\""]);
                format!("attributes.status {} {status}", self.pick(&["=", "!=", "LIKE", "ilike"]))
            }
            7 => {
                let field = self.pick(&["start_time", "attributes.end_time", "created", "run.created"]);
                let operator = self.pick(&["=", "!=", "<", "<=", ">", ">="]);
                format!("{field} {operator} {}", self.pick(&["1003", "1003.5", "2010", "0"]))
            }
            _ => match self.0.u8(..4) {
                0 => format!(
                    "{} IS {}",
                    self.pick(&["params.p", "tags.k", "params.`dir/p 1`"]),
                    self.pick(&["NULL", "NOT NULL", "not null"])
                ),
                1 => format!(
                    "dataset.name {} {}",
                    self.pick(&["=", "!=", "LIKE", "ILIKE"]),
                    self.pick(&["'wine'", "'iris'", "'w%'"])
                ),
                2 => format!("datasets.context {} ('train', 'x')", self.pick(&["IN", "NOT IN"])),
                _ => format!("dataset.digest = '{}'", self.pick(&["0", "1", "2"])),
            },
        }
    }

    fn filter(&mut self) -> String {
        let count = self.0.usize(1..4);
        let clauses: Vec<String> = (0..count).map(|_| self.clause()).collect();
        clauses.join(self.pick(&[" AND ", " and ", "  AND  "]))
    }

    fn order_by(&mut self) -> Vec<String> {
        let fields = [
            "metrics.m",
            "metrics.`val loss`",
            "params.p",
            "tags.k",
            "status",
            "run_name",
            "attributes.end_time",
            "start_time",
            "params.absent",
            "run_id",
        ];
        let count = self.0.usize(0..3);
        (0..count)
            .map(|_| format!("{}{}", self.pick(&fields), self.pick(&["", " ASC", " DESC", " desc"])))
            .collect()
    }
}

/// What people write by mistake, and what looks like one and is none.
const ODD: [&str; 48] = [
    "",
    "   ",
    "metrics.m",
    "metrics.m >",
    "> 1",
    "metrics.m > 'x'",
    "metrics.m = 1 OR metrics.m = 2",
    "(metrics.m = 1)",
    "params.p = a",
    "params.p = 1",
    "params.p > 'a'",
    "metrics.m LIKE 1",
    "metrics.m == 1",
    "metrics.m <> 1",
    "foo.bar = 'x'",
    "bogus = 'x'",
    "run_id IN ()",
    "run_id IN ('a', 1)",
    "run_id IN ('a')",
    "run_id NOT IN ('a', \"b\")",
    "status IN ('RUNNING')",
    "params.p IN ('a')",
    "metrics.m IS NULL",
    "start_time IS NULL",
    "params.p IS",
    "metrics.m BETWEEN 1 AND 2",
    "metrics.val loss > 1",
    "metrics.a/b > 1",
    "metrics.m = inf",
    "metrics.m < 1e309",
    "metrics.m > -1e309",
    "metrics.m = 1e309",
    "metrics.m >= 1.7976931348623157e308",
    "metrics.m > 1.7976931348623157e308",
    "metrics.m != 1.7976931348623157e308",
    "metrics.m = nan",
    "metrics.m > 1e+5",
    "start_time > '5'",
    "attributes.lifecycle_stage = 'active'",
    "dataset.foo = 'x'",
    "metrics.m > 1 AND",
    "AND metrics.m > 1",
    "params.p = 'a",
    "metrics.m > 1 metrics.m < 2",
    "metrics.m > 1, metrics.m < 2",
    "run_id = 'a' AND run_id LIKE '%'",
    "tags.k='a'",
    "metrics.m>-1",
];

const ODD_ORDERS: [&str; 8] = [
    "metrics.m foo",
    "metrics.val loss",
    "bogus",
    "dataset.name",
    "metrics.m ASC DESC",
    "duration",
    "metrics.m, params.p",
    "created DESC",
];

fn load(
    store: &Arc<dyn TrackingStore>,
    experiment: &ExperimentId,
    runtime: &tokio::runtime::Runtime,
) -> Catalog {
    let scan = Scan {
        experiment_id: experiment.clone(),
        view: ViewType::ActiveOnly,
        first: 5,
        values: ScanValues::All,
    };
    let (sink, mut batches) = tokio::sync::mpsc::channel(64);
    runtime.block_on(store.scan(&scan, sink)).unwrap();
    let mut builder = Builder::default();
    while let Some(batch) = batches.blocking_recv() {
        builder.fold(&batch);
    }
    builder.snapshot()
}

fn parse_all(filter: &str, order_by: &[String]) -> Result<(Filter, Vec<OrderBy>), String> {
    let filter = parse(filter).map_err(|error| error.report(filter))?;
    let order_by =
        OrderBy::parse_all(order_by.iter().map(String::as_str)).map_err(|error| error.to_string())?;
    Ok((filter, order_by))
}

#[test]
fn a_search_finds_what_mlflow_finds() {
    let mut generator = Generator(fastrand::Rng::with_seed(2026));
    let mut searches: Vec<(String, Vec<String>)> =
        (0..400).map(|_| (generator.filter(), generator.order_by())).collect();
    searches.extend(ODD.iter().map(|filter| ((*filter).to_owned(), Vec::new())));
    searches.extend(ODD_ORDERS.iter().map(|order| (String::new(), vec![(*order).to_owned()])));
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("searches.json");
    let as_json: Value =
        searches.iter().map(|(filter, order_by)| json!({ "filter": filter, "order_by": order_by })).collect();
    std::fs::write(&asked, as_json.to_string()).unwrap();
    let address = format!("sqlite:///{}", folder.path().join("search.db").display());
    let output = V3.run(include_str!("support/filters.py"), &[&address, asked.to_str().unwrap()]);
    let output: Value = serde_json::from_str(&output).unwrap();
    let experiment = ExperimentId(output["experiment"].as_str().unwrap().to_owned());
    let location = uri::parse(&address, Path::new("/")).unwrap();
    let store = uri::open(&location, &RestOptions::default(), false).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = load(&store, &experiment, &runtime);
    let mut differences = Vec::new();
    let (mut found, mut refused) = (0, 0);
    for ((filter, order_by), answer) in searches.iter().zip(output["answers"].as_array().unwrap()) {
        let theirs =
            answer["ids"].as_array().map(|ids| ids.iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>());
        let ours = parse_all(filter, order_by);
        let (theirs, (parsed, order)) = match (theirs, ours) {
            (Some(theirs), Ok(ours)) => (theirs, ours),
            (None, Err(_)) => {
                refused += 1;
                continue;
            }
            (None, Ok(_)) => {
                differences.push(format!("{filter:?} {order_by:?}: MLflow refuses: {}", answer["error"]));
                continue;
            }
            (Some(_), Err(error)) => {
                differences.push(format!("{filter:?} {order_by:?}: MLflow accepts; {error}"));
                continue;
            }
        };
        found += 1;
        let search = RunSearch {
            experiment_ids: vec![experiment.clone()],
            filter: parsed.clone(),
            order_by: order,
            max_results: 1000,
            ..RunSearch::default()
        };
        let page = runtime.block_on(store.search_runs(&search)).unwrap();
        let ours: Vec<RunId> = page.runs.into_iter().map(|run| run.info.run_id).collect();
        if ours.iter().map(RunId::as_str).ne(theirs.iter().copied()) {
            differences.push(format!(
                "{filter:?} {order_by:?}: MLflow has {} runs, we {}",
                theirs.len(),
                ours.len()
            ));
        }
        if parsed.clauses.iter().all(|clause| !matches!(clause.field, Field::Dataset(_))) {
            let pass = matching(&catalog, &parsed).unwrap();
            let mut in_memory: Vec<&str> =
                catalog.rows().filter(|row| pass.contains(*row)).map(|row| catalog.run_id(row)).collect();
            let mut theirs = theirs;
            in_memory.sort_unstable();
            theirs.sort_unstable();
            if in_memory != theirs {
                differences.push(format!(
                    "{filter:?} in memory: MLflow has {}, we {}",
                    theirs.len(),
                    in_memory.len()
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(found > 300 && refused > 25, "{found} searches compared, {refused} refused by both");
}
