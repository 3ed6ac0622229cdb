//! The filter language against MLflow's own: the same runs in the same order, and errors where MLflow has errors.

mod keys;
mod searches;

use std::path::Path;

use mltui::catalog::filter::matching;
use mltui::catalog::{Builder, Catalog};
use mltui::mlflow::filter::{Field, Filter, OrderBy, parse};
use mltui::mlflow::{ExperimentId, RunId, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, Scan, ScanValues, Store, uri};
use serde_json::{Value, json};

use self::searches::{Generator, ODD, ODD_ORDERS};
use crate::support::V3;
use crate::support::postgres::{self, Postgres};

fn load(store: &Store, experiment: &ExperimentId, runtime: &tokio::runtime::Runtime) -> Catalog {
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
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("search.db").display());
    compare(folder.path(), &address, |program, asked| V3.run(program, &[&address, asked]));
}

#[test]
fn a_search_finds_what_mlflow_finds_in_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let name = server.database(V3);
    let theirs = server.uri_for_python(&name);
    compare(folder.path(), &server.uri(&name), |program, asked| {
        postgres::python(V3, program, &[&theirs, asked])
    });
}

#[test]
fn a_search_finds_what_mlflow_finds_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("file://{}", folder.path().join("mlruns").display());
    compare(folder.path(), &address, |program, asked| {
        let allowed = "import os\nos.environ[\"MLFLOW_ALLOW_FILE_STORE\"] = \"true\"\n";
        V3.run(&format!("{allowed}{program}"), &[&address, asked])
    });
}

/// Whether MLflow finds other runs in a folder than in a database, whose ways are those of this program wherever runs are: what
/// is infinite is the greatest number there is, and only letters of ASCII are large and small.
fn is_otherwise_in_folders(filter: &str) -> bool {
    !filter.is_ascii() || ["e308", "e309", "e400"].iter().any(|great| filter.contains(great))
}

/// Many searches in the store at an address, where `ask` lets MLflow fill it and answer the same.
fn compare(folder: &Path, address: &str, ask: impl FnOnce(&str, &str) -> String) {
    let mut generator = Generator(fastrand::Rng::with_seed(2026));
    let mut searches: Vec<(String, Vec<String>)> =
        (0..400).map(|_| (generator.filter(), generator.order_by())).collect();
    searches.extend(ODD.iter().map(|filter| ((*filter).to_owned(), Vec::new())));
    searches.extend(ODD_ORDERS.iter().map(|order| (String::new(), vec![(*order).to_owned()])));
    let asked = folder.join("searches.json");
    let as_json: Value =
        searches.iter().map(|(filter, order_by)| json!({ "filter": filter, "order_by": order_by })).collect();
    std::fs::write(&asked, as_json.to_string()).unwrap();
    let output = ask(include_str!("../../support/filters.py"), asked.to_str().unwrap());
    let output: Value = serde_json::from_str(&output).unwrap();
    let experiment = ExperimentId(output["experiment"].as_str().unwrap().to_owned());
    let location = uri::parse(address, Path::new("/")).unwrap();
    let store = uri::open(&location, &RestOptions::default(), false).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let catalog = load(&store, &experiment, &runtime);
    let is_folder = address.starts_with("file:");
    let mut differences = Vec::new();
    let (mut found, mut refused) = (0, 0);
    for ((filter, order_by), answer) in searches.iter().zip(output["answers"].as_array().unwrap()) {
        let theirs =
            answer["ids"].as_array().map(|ids| ids.iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>());
        let ours = parse_all(filter, order_by);
        if is_folder && is_otherwise_in_folders(filter) {
            continue;
        }
        let (theirs, (parsed, order)) = match (theirs, ours) {
            (Some(theirs), Ok(ours)) => (theirs, ours),
            (None, Err(_)) => {
                refused += 1;
                continue;
            }
            // PostgreSQL lets no pattern end in what takes the meaning from the next letter.
            (None, Ok(_)) if answer["error"].to_string().contains("InvalidEscapeSequence") => {
                refused += 1;
                continue;
            }
            (None, Ok(_)) => {
                differences.push(format!("{filter:?} {order_by:?}: MLflow refuses: {}", answer["error"]));
                continue;
            }
            // Its own sorting in a folder takes what its databases refuse.
            (Some(_), Err(error)) if is_folder && error.contains("appears twice in the sort order") => {
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
        let mut ours: Vec<RunId> = page.runs.into_iter().map(|run| run.info.run_id).collect();
        let mut theirs = theirs;
        // In a folder it has NaN beside the greatest, and behind all numbers in a database, as it is here wherever runs are.
        if is_folder && order_by.iter().any(|by| by.starts_with("metric")) {
            ours.sort_unstable();
            theirs.sort_unstable();
        }
        if ours.iter().map(RunId::as_str).ne(theirs.iter().copied()) {
            differences.push(format!(
                "{filter:?} {order_by:?}: MLflow has {} runs, we {}",
                theirs.len(),
                ours.len()
            ));
        }
        // It knows the small letters of all alphabets, and what is in memory is compared as SQLite does it.
        let is_alike = filter.is_ascii() || !address.starts_with("postgresql:");
        if is_alike && parsed.clauses.iter().all(|clause| !matches!(clause.field, Field::Dataset(_))) {
            let pass = matching(&catalog, &parsed).unwrap();
            let mut in_memory: Vec<&str> =
                catalog.rows().filter(|row| pass.contains(*row)).map(|row| catalog.run_id(row)).collect();
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
