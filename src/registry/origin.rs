//! The run and the logged model that a version was made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use rustc_hash::{FxHashMap, FxHashSet};

use super::measured::own_values;
use crate::mlflow::filter::{Attribute, Clause, Field, Filter, Query, Test};
use crate::mlflow::{ExperimentId, LoggedModel, ModelId, ModelVersion, Run, RunId, RunInfo, ViewType};
use crate::store::pages::each_page;
use crate::store::{Result, RunSearch, Store, if_there};

/// Runs that are asked for one by one, and not by a search through all experiments.
const FEW: usize = 8;
/// Ids in one search: more would make a long line for a server.
const IDS: usize = 90;

/// What a version was made from, as far as it is still there.
#[derive(Debug, Clone, Default)]
pub struct VersionOrigin {
    /// The run; none where the version names none, or it is gone.
    pub run: Option<RunInfo>,
    /// The latest values of the run's metrics.
    pub run_metrics: BTreeMap<String, f64>,
    /// Those of the logged model (MLflow 3).
    pub model_metrics: BTreeMap<String, f64>,
    /// The logged model itself.
    pub model: Option<Arc<LoggedModel>>,
}

impl VersionOrigin {
    /// What these are worth.
    pub fn of(run: Option<&Run>, model: Option<&LoggedModel>) -> Self {
        Self {
            run: run.map(|run| run.info.clone()),
            run_metrics: run.map(values_of_run).unwrap_or_default(),
            model_metrics: model.map(|model| values_of_model(run, model)).unwrap_or_default(),
            model: model.cloned().map(Arc::new),
        }
    }

    /// The value of a metric: the logged model's own, or else its run's, which may have made several models.
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.model_metrics.get(metric).or_else(|| self.run_metrics.get(metric)).copied()
    }

    /// All metrics, each with its [`Self::value`].
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let mut all = self.run_metrics.clone();
        all.extend(self.model_metrics.iter().map(|(key, value)| (key.clone(), *value)));
        all
    }
}

/// What versions were made from, in their order.
///
/// # Errors
///
/// If the store does not answer. Runs and models that are gone are no error.
pub async fn origins(store: &Store, versions: &[ModelVersion]) -> Result<Vec<VersionOrigin>> {
    let runs: FxHashSet<&RunId> = versions.iter().filter_map(|version| version.run_id.as_ref()).collect();
    let models: FxHashSet<ModelId> = versions.iter().filter_map(ModelVersion::logged_model).collect();
    let runs = runs_of(store, runs.into_iter().cloned().collect()).await?;
    let models = models_of(store, models.into_iter().collect()).await?;
    let origin = |version: &ModelVersion| {
        let run = version.run_id.as_ref().and_then(|id| runs.get(id));
        let model = version.logged_model().and_then(|id| models.get(&id));
        VersionOrigin::of(run, model)
    };
    Ok(versions.iter().map(origin).collect())
}

fn values_of_run(run: &Run) -> BTreeMap<String, f64> {
    run.metrics.iter().map(|metric| (metric.key.clone(), metric.value)).collect()
}

fn values_of_model(run: Option<&Run>, model: &LoggedModel) -> BTreeMap<String, f64> {
    own_values(run, model).into_iter().map(|(key, metric)| (key, metric.value)).collect()
}

async fn runs_of(store: &Store, ids: Vec<RunId>) -> Result<FxHashMap<RunId, Run>> {
    let mut found = FxHashMap::default();
    // What is found in no list is asked for by itself.
    let (in_lists, mut alone): (Vec<RunId>, Vec<RunId>) = ids.into_iter().partition(|id| Query::lists(&id.0));
    if in_lists.len() <= FEW {
        alone.extend(in_lists);
    } else {
        let experiments = store.search_experiments(ViewType::All).await?;
        let experiments: Vec<ExperimentId> =
            experiments.into_iter().map(|known| known.experiment_id).collect();
        for some in in_lists.chunks(IDS) {
            let ids = some.iter().map(|run| run.0.clone()).collect();
            let clause = Clause { field: Field::Attribute(Attribute::RunId), test: Test::In(ids) };
            let search = RunSearch {
                experiment_ids: experiments.clone(),
                filter: Filter::of(vec![clause]),
                view: ViewType::All,
                max_results: IDS,
                ..RunSearch::default()
            };
            each_page(store, search, some.len(), |runs| {
                found.extend(runs.into_iter().map(|run| (run.info.run_id.clone(), run)));
            })
            .await?;
        }
    }
    let alone: Vec<Option<Run>> = stream::iter(alone)
        .map(|id| async move { if_there(store.get_run(&id).await) })
        .buffered(store.capabilities().parallel_reads)
        .try_collect()
        .await?;
    found.extend(alone.into_iter().flatten().map(|run| (run.info.run_id.clone(), run)));
    Ok(found)
}

async fn models_of(store: &Store, ids: Vec<ModelId>) -> Result<FxHashMap<ModelId, LoggedModel>> {
    let found: Vec<Option<LoggedModel>> = stream::iter(ids)
        .map(|id| async move { if_there(store.get_logged_model(&id).await) })
        .buffered(store.capabilities().parallel_reads)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().map(|model| (model.model_id.clone(), model)).collect())
}
