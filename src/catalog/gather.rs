//! Runs of any experiments, gathered into a catalogue of their own.

use super::{Builder, Catalog};
use crate::mlflow::filter::{Attribute, Clause, Field, Filter, Query, Test};
use crate::mlflow::{ExperimentId, RunId, ViewType};
use crate::store::batch::whole_runs;
use crate::store::pages::each_page;
use crate::store::{Result, RunSearch, Store};

/// Ids in one search: more would make a long line for a server.
const IDS: usize = 90;

/// The runs that are still there, deleted ones among them, as they are now.
pub async fn runs(store: &Store, wanted: &[(ExperimentId, RunId)]) -> Result<Catalog> {
    let mut builder = Builder::default();
    // What is found in no list is asked for by itself.
    let in_lists = wanted.chunk_by(|(_, a), (_, b)| Query::lists(&a.0) && Query::lists(&b.0));
    for chunk in in_lists.flat_map(|some| some.chunks(IDS)) {
        let mut experiment_ids: Vec<ExperimentId> =
            chunk.iter().map(|(experiment, _)| experiment.clone()).collect();
        experiment_ids.sort_unstable();
        experiment_ids.dedup();
        let ids = chunk.iter().map(|(_, run)| run.0.clone()).collect();
        let clause = Clause { field: Field::Attribute(Attribute::RunId), test: Test::In(ids) };
        let search = RunSearch {
            experiment_ids,
            filter: Filter::of(vec![clause]),
            view: ViewType::All,
            max_results: IDS,
            ..RunSearch::default()
        };
        each_page(store, search, chunk.len(), |runs| {
            builder.fold_changes(&whole_runs(&runs));
        })
        .await?;
    }
    Ok(builder.snapshot())
}
