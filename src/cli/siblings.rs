//! The spread of the best run, where not all runs were read whole: in the run itself, and in those that differ from it in
//! nothing but their seed. It is a detail, and never stands in the way of the choice.

use std::sync::Arc;
use std::time::Duration;

use super::reading::newest;
use crate::catalog::{Builder, Catalog, Row};
use crate::mlflow::filter::{Attribute, Clause, Comparator, Field, Filter, Query, Test};
use crate::mlflow::{Experiment, RunStatus};
use crate::select::{SAMPLE, Selection, has_seed, is_seed};
use crate::store::batch::whole_runs;
use crate::store::{RunSearch, TrackingStore};

/// Longer than this nobody waits for a detail.
const LONGEST: Duration = Duration::from_secs(20);
/// Params by which siblings are asked for; the rest is compared here.
const ASKED: usize = 4;
/// Longer values are not asked for.
const LONGEST_VALUE: usize = 250;
const PAGE: usize = 500;
/// Of more runs that share these params, the newest are looked at.
const PAGES: usize = 4;

/// Looks for the spread. What fails is logged, and the spread is what was found until then. `newest_are_whole` says
/// that the catalogue has all params of the newest runs.
pub async fn find_spread(
    store: &Arc<dyn TrackingStore>,
    experiment: &Experiment,
    catalog: &Catalog,
    newest_are_whole: bool,
    selection: &mut Selection,
) {
    match tokio::time::timeout(LONGEST, look(store, experiment, catalog, newest_are_whole, selection)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the spread of the best run was not found"),
        Err(_) => tracing::warn!("the spread of the best run was not found in {LONGEST:?}"),
    }
}

async fn look(
    store: &Arc<dyn TrackingStore>,
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
        filter: Filter { clauses },
        max_results: PAGE,
        ..RunSearch::default()
    };
    for _ in 0..PAGES {
        let page = store.search_runs(&search).await?;
        builder.fold_changes(&whole_runs(&page.runs));
        search.page_token = page.next_page_token;
        if search.page_token.is_none() {
            break;
        }
    }
    selection.find_spread(&builder.snapshot(), 0);
    Ok(())
}

/// The few params of the first run that the fewest of a sample share, as far as a filter can say them.
fn rare(whole: &Catalog, sample: &Catalog) -> Vec<Clause> {
    let rows: Vec<Row> = sample.newest_first.iter().copied().take(SAMPLE).collect();
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
