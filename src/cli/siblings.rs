//! The spread of the best run, where not all runs were read whole: in the run itself, and in those that differ from it in
//! nothing but their seed. It is a detail, and never stands in the way of the choice.

use std::time::Duration;

use super::reading::newest;
use super::sweep_report::say;
use crate::catalog::{Builder, Catalog, Row};
use crate::mlflow::filter::{Attribute, Clause, Comparator, Field, Filter, Query, Test};
use crate::mlflow::{Experiment, RunStatus};
use crate::select::{Selection, has_seed, is_seed, newest_active};
use crate::store::batch::whole_runs;
use crate::store::pages::Pages;
use crate::store::{RunSearch, Store};

/// Longer than this nobody waits for a detail.
const LONGEST: Duration = Duration::from_secs(20);
/// Params by which siblings are asked for; the rest is compared here.
const ASKED: usize = 4;
/// Longer values are not asked for.
const LONGEST_VALUE: usize = 250;
const PAGE: usize = 500;
/// Of more runs that share these params, the newest are looked at.
const PAGES: usize = 4;

/// Looks for the spread. What fails is said, and the spread is what was found until then: what the catalogue shows of it,
/// which has only some of the runs, is none. `newest_are_whole` says that it has all params of the newest runs.
pub async fn find_spread(
    store: &Store,
    experiment: &Experiment,
    catalog: &Catalog,
    newest_are_whole: bool,
    selection: &mut Selection,
) {
    selection.spread = None;
    match tokio::time::timeout(LONGEST, look(store, experiment, catalog, newest_are_whole, selection)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => say(&format!("cannot compute the spread of the best run: {error}")),
        Err(_) => say(&format!("cannot compute the spread of the best run within {} s", LONGEST.as_secs())),
    }
}

async fn look(
    store: &Store,
    experiment: &Experiment,
    catalog: &Catalog,
    newest_are_whole: bool,
    selection: &mut Selection,
) -> Result<(), super::Failure> {
    let Some(best) = selection.best() else { return Ok(()) };
    let mut builder = Builder::default();
    let run = store.get_run(&catalog.run_id(best.row).into()).await?;
    builder.fold_changes(&whole_runs([&run]));
    let whole = builder.snapshot();
    selection.find_spread(&whole, 0);
    let is_alone = whole.params.of(&whole.texts, 0).all(|(key, _)| is_seed(key));
    if selection.spread.is_some() || is_alone || !has_seed(&whole, 0) {
        return Ok(());
    }
    // The newest runs tell which params are rare.
    let sample = if newest_are_whole { catalog.clone() } else { newest(store, experiment).await? };
    let status = Test::Text(Comparator::Equal, RunStatus::Finished.as_str().to_owned());
    let mut clauses = rare(&whole, &sample);
    clauses.push(Clause { field: Field::Attribute(Attribute::Status), test: status });
    let mut search = RunSearch {
        experiment_ids: vec![experiment.experiment_id.clone()],
        filter: Filter::of(clauses),
        max_results: PAGE,
        ..RunSearch::default()
    };
    let mut pages = Pages::default();
    for _ in 0..PAGES {
        let page = store.search_runs(&search).await?;
        builder.fold_changes(&whole_runs(&page.runs));
        search.page_token = pages.follow(&page)?;
        if search.page_token.is_none() {
            break;
        }
    }
    selection.find_spread(&builder.snapshot(), 0);
    Ok(())
}

/// The few params of the first run that the fewest of a sample share, as far as a filter can say them.
fn rare(whole: &Catalog, sample: &Catalog) -> Vec<Clause> {
    let rows = newest_active(sample);
    let shared = |key: &str, value: &str| {
        let column = sample.params.column(&sample.texts, key);
        let is_same = |row: &&Row| {
            let other = column.and_then(|column| column.get(**row));
            other.is_some_and(|other| sample.texts.get(other) == value)
        };
        rows.iter().filter(is_same).count()
    };
    let params = whole.params.of(&whole.texts, 0).filter(|(key, _)| !is_seed(key));
    let mut known: Vec<(usize, Clause)> = params
        .map(|(key, value)| (key, whole.texts.get(value)))
        .filter(|(_, value)| value.len() <= LONGEST_VALUE)
        .map(|(key, value)| {
            let test = Test::Text(Comparator::Equal, value.to_owned());
            (shared(key, value), Clause { field: Field::Param(key.to_owned()), test })
        })
        .filter(|(_, clause)| Query::asks(clause))
        .collect();
    known.sort_by_key(|(runs, _)| *runs);
    known.into_iter().take(ASKED).map(|(_, clause)| clause).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::mlflow::{ExperimentId, LifecycleStage, Metric, Param, Run, RunId, RunInfo};
    use crate::select::{Goal, MetricGoal, Policy, select};
    use crate::store::uri;
    use crate::store::uri::RestOptions;

    pub fn run(id: usize, value: f64) -> Run {
        Run {
            info: RunInfo {
                run_id: RunId(format!("r{id}")),
                experiment_id: ExperimentId("1".into()),
                run_name: format!("run-{id}"),
                user_id: String::new(),
                status: RunStatus::Finished,
                start_time: Some(id as i64),
                end_time: None,
                lifecycle_stage: LifecycleStage::Active,
                artifact_uri: String::new(),
            },
            metrics: vec![Metric { key: "m".into(), value, timestamp: 0, step: 0 }],
            params: [("lr", "0.1".to_owned()), ("seed", id.to_string())]
                .map(|(key, value)| Param { key: key.into(), value })
                .into(),
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_spread_of_some_of_the_runs_does_not_outlive_a_failure() {
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&[run(0, 1.0), run(1, 2.0), run(2, 3.0)]));
        let catalog = builder.snapshot();
        let mut selection = select(&catalog, &Policy::new(MetricGoal::new("m", Goal::Maximize)), 2);
        assert!(selection.spread.is_some());
        // Nobody answers here.
        let location = uri::Location::Server("http://127.0.0.1:1".parse().unwrap());
        let options = RestOptions { max_retries: 0, ..RestOptions::default() };
        let store = uri::open(&location, &options, true).unwrap();
        let experiment = Experiment {
            experiment_id: ExperimentId("1".into()),
            name: "e".into(),
            artifact_location: String::new(),
            lifecycle_stage: LifecycleStage::Active,
            creation_time: None,
            last_update_time: None,
            tags: Vec::new(),
        };
        find_spread(&store, &experiment, &catalog, true, &mut selection).await;
        assert_eq!(selection.spread, None);
    }
}
