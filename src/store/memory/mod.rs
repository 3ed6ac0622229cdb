//! A store that lives in memory and ends with the process: it answers as the others do, with no file and no server.
//!
//! Each call is one step, whole. [`MemoryStore::stepping`] lets others go on before each, so that whoever drives several
//! writers decides in which order their calls come.

mod files;
mod registry;
mod runs;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::batch::whole_runs;
use super::{
    ArtifactList, Changes, Cursor, ErrorKind, HistoryCursor, HistoryPart, NewModel, NewRun, Result, RunBatch,
    RunPage, RunSearch, RunUpdate, Scan, StoreError, StoreInfo, TrackingStore, sample_indices,
};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LifecycleStage, LoggedModel, Metric, MetricPoint,
    ModelId, ModelVersion, Param, Part, RegisteredModel, Run, RunId, Summary, Tag, ViewType, limits,
};
use files::Files;
use registry::Registered;

type Inner<T> = std::result::Result<T, ErrorKind>;

fn missing(what: &str) -> ErrorKind {
    ErrorKind::NotFound(format!("there is no {what}"))
}

/// A run with what is not told of every run.
#[derive(Debug)]
struct Held {
    run: Run,
    /// By key; each by step, then timestamp, then value.
    histories: BTreeMap<String, Vec<MetricPoint>>,
    files: Files,
}

impl Held {
    fn new(run: Run) -> Self {
        Self { run, histories: BTreeMap::new(), files: Files::new() }
    }
}

#[derive(Debug, Default)]
struct State {
    experiments: Vec<Experiment>,
    runs: BTreeMap<RunId, Held>,
    models: Vec<LoggedModel>,
    model_files: BTreeMap<(ModelId, String), Vec<u8>>,
    registry: BTreeMap<String, Registered>,
}

#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    stepping: bool,
}

impl Default for MemoryStore {
    /// A store with MLflow's experiment `Default`.
    fn default() -> Self {
        let mut state = State::default();
        // An empty store takes any name.
        let _ = state.create_experiment("Default", &[]);
        Self { state: Mutex::new(state), stepping: false }
    }
}

impl MemoryStore {
    /// Every call waits once before it is carried out.
    pub fn stepping() -> Self {
        Self { stepping: true, ..Self::default() }
    }

    async fn call<T>(
        &self,
        operation: impl Into<String> + Send,
        work: impl FnOnce(&mut State) -> Inner<T> + Send,
    ) -> Result<T> {
        if self.stepping {
            tokio::task::yield_now().await;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut state).map_err(|kind| StoreError::new(operation, kind))
    }
}

#[async_trait]
impl TrackingStore for MemoryStore {
    async fn info(&self) -> Result<StoreInfo> {
        Ok(StoreInfo {
            kind: "store in memory".into(),
            location: "memory".into(),
            revision: None,
            writable: true,
            notes: Vec::new(),
        })
    }

    async fn search_experiments(&self, view: ViewType) -> Result<Vec<Experiment>> {
        self.call("list experiments", |state| {
            let all = state.experiments.iter().rev();
            Ok(all.filter(|known| view.contains(known.lifecycle_stage)).cloned().collect())
        })
        .await
    }

    async fn get_experiment(&self, id: &ExperimentId) -> Result<Experiment> {
        self.call(format!("read experiment {id}"), |state| state.experiment(id).cloned()).await
    }

    async fn run_counts(&self) -> Result<Option<HashMap<ExperimentId, u64>>> {
        self.call("count runs", |state| {
            let mut counts = HashMap::new();
            for held in state.runs.values() {
                if held.run.info.lifecycle_stage == LifecycleStage::Active {
                    *counts.entry(held.run.info.experiment_id.clone()).or_insert(0) += 1;
                }
            }
            Ok(Some(counts))
        })
        .await
    }

    async fn latest_experiment(&self) -> Result<Option<ExperimentId>> {
        self.call("find the latest run", |state| {
            let all = state.runs.values().map(|held| &held.run.info);
            Ok(all.max_by_key(|info| info.start_time).map(|info| info.experiment_id.clone()))
        })
        .await
    }

    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Result<ExperimentId> {
        self.call(format!("create experiment {name:?}"), |state| {
            limits::check_experiment_name(name)?;
            tags.iter().try_for_each(limits::check_tag)?;
            state.create_experiment(name, tags)
        })
        .await
    }

    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Result<()> {
        self.call(format!("rename experiment {id}"), |state| {
            limits::check_experiment_name(name)?;
            state.rename_experiment(id, name)
        })
        .await
    }

    async fn delete_experiment(&self, id: &ExperimentId) -> Result<()> {
        let operation = format!("delete experiment {id}");
        self.call(operation, |state| state.stage_experiment(id, LifecycleStage::Deleted)).await
    }

    async fn restore_experiment(&self, id: &ExperimentId) -> Result<()> {
        let operation = format!("restore experiment {id}");
        self.call(operation, |state| state.stage_experiment(id, LifecycleStage::Active)).await
    }

    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Result<()> {
        self.call(format!("tag experiment {id}"), |state| {
            limits::check_tag(tag)?;
            state.tag_experiment(id, tag)
        })
        .await
    }

    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Result<()> {
        self.call(format!("delete a tag of experiment {id}"), |state| state.untag_experiment(id, key)).await
    }

    async fn create_run(&self, run: &NewRun) -> Result<Run> {
        self.call(format!("create a run in experiment {}", run.experiment_id), |state| {
            run.tags.iter().try_for_each(limits::check_tag)?;
            state.create_run(run)
        })
        .await
    }

    async fn get_run(&self, id: &RunId) -> Result<Run> {
        self.call(format!("read run {id}"), |state| state.run(id).cloned()).await
    }

    async fn search_runs(&self, search: &RunSearch) -> Result<RunPage> {
        self.call("search runs", |state| state.search(search)).await
    }

    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Result<()> {
        self.call(format!("log to run {id}"), |state| {
            limits::check_batch(metrics, params, tags)?;
            state.log_batch(id, metrics, params, tags)
        })
        .await
    }

    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Result<()> {
        self.call(format!("log data sets to run {id}"), |state| state.log_inputs(id, inputs)).await
    }

    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Result<()> {
        self.call(format!("update run {id}"), |state| state.update_run(id, update)).await
    }

    async fn delete_run(&self, id: &RunId) -> Result<()> {
        self.call(format!("delete run {id}"), |state| state.stage_run(id, LifecycleStage::Deleted)).await
    }

    async fn restore_run(&self, id: &RunId) -> Result<()> {
        self.call(format!("restore run {id}"), |state| state.stage_run(id, LifecycleStage::Active)).await
    }

    async fn set_tag(&self, id: &RunId, tag: &Tag) -> Result<()> {
        self.log_batch(id, &[], &[], std::slice::from_ref(tag)).await
    }

    async fn delete_tag(&self, id: &RunId, key: &str) -> Result<()> {
        self.call(format!("delete tag {key:?} of run {id}"), |state| state.untag_run(id, key)).await
    }

    async fn metric_history(&self, id: &RunId, key: &str) -> Result<Vec<MetricPoint>> {
        self.call(format!("read the history of {key:?}"), |state| {
            Ok(state.held(id)?.histories.get(key).cloned().unwrap_or_default())
        })
        .await
    }

    async fn history_since(&self, id: &RunId, key: &str, _: HistoryCursor) -> Result<HistoryPart> {
        let points = self.metric_history(id, key).await?;
        Ok(HistoryPart { points, replaces: true, cursor: HistoryCursor::Start })
    }

    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Result<Vec<(RunId, Vec<MetricPoint>)>> {
        self.call(format!("read histories of {key:?}"), |state| {
            let found = ids.iter().filter_map(|id| {
                let history = state.runs.get(id)?.histories.get(key)?;
                let sample = sample_indices(history.len(), max_points).map(|at| history[at]);
                Some((id.clone(), sample.collect()))
            });
            Ok(found.collect())
        })
        .await
    }

    fn summary_batch(&self) -> usize {
        usize::MAX
    }

    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Result<Vec<(RunId, Summary)>> {
        self.call(format!("sum up the histories of {key:?}"), |state| {
            let found = ids.iter().filter_map(|id| {
                let history = state.runs.get(id)?.histories.get(key)?;
                Some((id.clone(), Summary::of_part(history.iter().copied(), part)?))
            });
            Ok(found.collect())
        })
        .await
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Result<ArtifactList> {
        self.call(format!("list the artifacts of run {id}"), |state| {
            files::list(&state.held(id)?.files, path)
        })
        .await
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Result<Vec<u8>> {
        self.call(format!("read artifact {path:?}"), |state| files::read(&state.held(id)?.files, path, most))
            .await
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Result<()> {
        self.call(format!("write artifact {path:?}"), |state| {
            let path = files::checked(path)?.to_owned();
            state.held(id)?.files.insert(path, content.to_vec());
            Ok(())
        })
        .await
    }

    async fn check_artifacts(&self, _: &ExperimentId) -> Result<()> {
        Ok(())
    }

    async fn create_registered_model(&self, name: &str) -> Result<()> {
        self.call(format!("register model {name:?}"), |state| state.register(name)).await
    }

    async fn get_registered_model(&self, name: &str) -> Result<RegisteredModel> {
        self.call(format!("read model {name:?}"), |state| state.registered_model(name)).await
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Result<ModelVersion> {
        self.call(format!("add a version to model {name:?}"), |state| {
            state.add_version(name, source, run_id, tags)
        })
        .await
    }

    async fn model_versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        self.call(format!("list the versions of model {name:?}"), |state| Ok(state.versions(name))).await
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Result<()> {
        let operation = format!("delete version {version} of model {name:?}");
        self.call(operation, |state| state.delete_version(name, version)).await
    }

    async fn delete_registered_model(&self, name: &str) -> Result<()> {
        self.call(format!("delete model {name:?}"), |state| state.delete_registered(name)).await
    }

    async fn has_aliases(&self) -> Result<bool> {
        Ok(true)
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Result<()> {
        let operation = format!("set alias {alias:?} of model {name:?}");
        self.call(operation, |state| state.set_alias(name, alias, version)).await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Result<()> {
        let operation = format!("delete alias {alias:?} of model {name:?}");
        self.call(operation, |state| state.delete_alias(name, alias)).await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        self.call(format!("read model {name}@{alias}"), |state| state.by_alias(name, alias)).await
    }

    async fn get_logged_model(&self, id: &ModelId) -> Result<LoggedModel> {
        self.call(format!("read logged model {id}"), |state| state.logged_model(id).cloned()).await
    }

    async fn logged_models_of(&self, _: &ExperimentId, run: &RunId) -> Result<Vec<LoggedModel>> {
        self.call(format!("list the models of run {run}"), |state| {
            let all = state.models.iter();
            Ok(all.filter(|model| model.source_run_id.as_ref() == Some(run)).cloned().collect())
        })
        .await
    }

    async fn create_logged_model(&self, model: &NewModel) -> Result<LoggedModel> {
        self.call(format!("create model {:?}", model.name), |state| {
            model.tags.iter().try_for_each(limits::check_tag)?;
            state.create_model(model)
        })
        .await
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId) -> Result<()> {
        self.call(format!("log model {model} of run {run}"), |state| state.output(run, model)).await
    }

    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: &Dataset,
    ) -> Result<()> {
        self.call(format!("log metrics of model {model}"), |state| {
            limits::check_batch(metrics, &[], &[])?;
            state.log_model_metrics(run, model, metrics, dataset)
        })
        .await
    }

    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Result<()> {
        let key = model.model_id.clone();
        self.call(format!("write {path:?} of model {key}"), |state| {
            state.model_files.insert((key, files::checked(path)?.to_owned()), content.to_vec());
            Ok(())
        })
        .await
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Result<()> {
        self.call(format!("finish model {id}"), |state| state.finish_model(id, is_whole)).await
    }

    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Result<Cursor> {
        let operation = format!("read the runs of experiment {}", scan.experiment_id);
        let mut batch = self.call(operation, |state| Ok(state.batch(scan))).await?;
        batch.completes_first_page = true;
        // A receiver that is gone wants no more.
        let _ = sink.send(batch).await;
        Ok(Cursor::Start)
    }

    async fn changes(&self, scan: &Scan, _: &mut Cursor, _: &[RunId]) -> Result<Changes> {
        let _ = scan;
        Ok(Changes { reload: true, ..Changes::default() })
    }
}

impl State {
    fn batch(&self, scan: &Scan) -> RunBatch {
        whole_runs(self.runs_of(std::slice::from_ref(&scan.experiment_id), scan.view))
    }
}
