//! Under which name the model of a run is registered where nobody says it.

use super::checkpoint::ModelBy;
use super::model;
use super::plan::is_refused;
use crate::mlflow::filter::{Attribute, Direction, Field, OrderBy};
use crate::mlflow::{ExperimentId, ModelVersion, RunId, ViewType};
use crate::store::{ErrorKind, Result, RunSearch, Store};

/// Runs of an experiment that are asked for the models they are registered as: the newest ones.
const RUNS: usize = 60;

/// The name that the model of a run is registered under already, where it is; or else the usual one; or, if there is no
/// model of that name, the one that all registered runs of the experiment have.
///
/// # Errors
/// If the store does not answer.
pub async fn registered_name(
    store: &Store,
    run: &RunId,
    usual: &str,
    by: Option<&ModelBy>,
) -> Result<String> {
    let versions = versions_of(store, std::slice::from_ref(run)).await?;
    if versions.iter().any(|version| version.name == usual) {
        return Ok(usual.to_owned());
    }
    let run = store.get_run(run).await?;
    if versions.is_empty() {
        let is_there = match store.get_registered_model(usual).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => false,
            // Who may not read it may still be allowed to register.
            Err(error) if is_refused(&error.kind) => true,
            model => model.map(|_| true)?,
        };
        let other = if is_there { None } else { of_others(store, &run.info.experiment_id).await? };
        return Ok(other.unwrap_or_else(|| usual.to_owned()));
    }
    let source = model::source(store, &run, by).await?;
    let rank = |version: &&ModelVersion| {
        let is_same = source.as_ref().is_ok_and(|source| source.is_of(version));
        (is_same, !version.aliases.is_empty(), version.creation_time)
    };
    let found = versions.iter().max_by_key(rank);
    Ok(found.map_or_else(|| usual.to_owned(), |version| version.name.clone()))
}

/// The name that runs of an experiment are registered under, where they have one and no other.
async fn of_others(store: &Store, experiment: &ExperimentId) -> Result<Option<String>> {
    let search = RunSearch {
        experiment_ids: vec![experiment.clone()],
        view: ViewType::ActiveOnly,
        order_by: vec![OrderBy {
            field: Field::Attribute(Attribute::StartTime),
            direction: Direction::Descending,
        }],
        max_results: RUNS,
        ..RunSearch::default()
    };
    let runs = store.search_runs(&search).await?.runs;
    let ids: Vec<RunId> = runs.into_iter().map(|run| run.info.run_id).collect();
    let mut names: Vec<String> =
        versions_of(store, &ids).await?.into_iter().map(|version| version.name).collect();
    names.sort_unstable();
    names.dedup();
    Ok(names.pop().filter(|_| names.is_empty()))
}

/// The versions of runs; none where there is no registry.
async fn versions_of(store: &Store, runs: &[RunId]) -> Result<Vec<ModelVersion>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    match store.model_versions_of(runs).await {
        Err(error) if is_refused(&error.kind) => Ok(Vec::new()),
        versions => versions,
    }
}
