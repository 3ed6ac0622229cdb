//! A store that lives in memory and ends with the process: it answers as the others do, with no file and no server.
//!
//! Each call is one step, whole. [`Memory::stepping`] lets others go on before each, so that whoever drives several
//! writers decides in which order their calls come.

mod files;
mod registry;
mod runs;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::batch::whole_runs;
use super::pages::token_at;
use super::{
    ArtifactList, Artifacts, Backend, Capabilities, Changes, Cursor, ErrorKind, FileTree, FilesOf, Inner,
    LoggedModels, ModelPage, NewModel, NewRun, Registry, RunBatch, RunCount, RunPage, RunSearch, RunUpdate,
    Scan, StoreInfo, sample_indices,
};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LifecycleStage, LoggedModel, Metric, MetricPoint,
    ModelId, ModelStage, ModelVersion, Param, Part, RegisteredModel, Run, RunId, Summary, Tag, ViewType,
};
use files::{Files, MemoryTree};
use registry::Registered;

fn missing(what: &str) -> ErrorKind {
    ErrorKind::NotFound(format!("no {what}"))
}

/// A run with what is not told of every run.
#[derive(Debug)]
struct StoredRun {
    run: Run,
    /// By key; each by step, then timestamp, then value.
    histories: BTreeMap<String, Vec<MetricPoint>>,
    files: Files,
    /// The last write to it.
    written: u64,
}

impl StoredRun {
    fn new(run: Run) -> Self {
        Self { run, histories: BTreeMap::new(), files: Files::new(), written: 0 }
    }
}

#[derive(Debug, Default)]
struct State {
    experiments: Vec<Experiment>,
    runs: BTreeMap<RunId, StoredRun>,
    models: Vec<LoggedModel>,
    model_files: BTreeMap<ModelId, Files>,
    registry: BTreeMap<String, Registered>,
    /// Writes to runs so far.
    writes: u64,
}

/// How many writes to runs were seen.
#[derive(Debug, Clone, Copy, PartialEq)]
struct MemoryCursor(u64);

/// The backend in memory.
#[derive(Debug)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    stepping: bool,
}

impl Default for Memory {
    /// A store with MLflow's experiment `Default`.
    fn default() -> Self {
        let mut state = State::default();
        // An empty store takes any name.
        let _ = state.create_experiment("Default", &[]);
        Self { state: Arc::new(Mutex::new(state)), stepping: false }
    }
}

impl Memory {
    /// Every call waits once before it is carried out.
    pub fn stepping() -> Self {
        Self { stepping: true, ..Self::default() }
    }

    async fn call<T>(&self, work: impl FnOnce(&mut State) -> Inner<T> + Send) -> Inner<T> {
        if self.stepping {
            tokio::task::yield_now().await;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut state)
    }
}

#[async_trait]
impl Backend for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities::DATABASE
    }

    fn artifacts(&self) -> Option<&dyn Artifacts> {
        Some(self)
    }

    fn registry(&self) -> Option<&dyn Registry> {
        Some(self)
    }

    fn logged_models(&self) -> Option<&dyn LoggedModels> {
        Some(self)
    }

    async fn info(&self) -> Inner<StoreInfo> {
        Ok(StoreInfo {
            kind: "store in memory".into(),
            location: "memory".into(),
            revision: None,
            writable: true,
            notes: Vec::new(),
        })
    }

    async fn search_experiments(&self, view: ViewType) -> Inner<Vec<Experiment>> {
        self.call(|state| {
            let all = state.experiments.iter().rev();
            Ok(all.filter(|known| view.contains(known.lifecycle_stage)).cloned().collect())
        })
        .await
    }

    async fn get_experiment(&self, id: &ExperimentId) -> Inner<Experiment> {
        self.call(|state| state.experiment(id).cloned()).await
    }

    async fn run_counts(&self) -> Inner<HashMap<ExperimentId, RunCount>> {
        self.call(|state| {
            let mut counts: HashMap<ExperimentId, RunCount> = HashMap::new();
            for info in state.runs.values().map(|held| &held.run.info) {
                let count = counts.entry(info.experiment_id.clone()).or_default();
                match info.lifecycle_stage {
                    LifecycleStage::Active => count.active += 1,
                    LifecycleStage::Deleted => count.deleted += 1,
                }
                count.last_start = count.last_start.max(info.start_time);
            }
            Ok(counts)
        })
        .await
    }

    async fn latest_experiment(&self) -> Inner<Option<ExperimentId>> {
        self.call(|state| {
            let all = state.runs.values().map(|held| &held.run.info);
            Ok(all.max_by_key(|info| info.start_time).map(|info| info.experiment_id.clone()))
        })
        .await
    }

    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
        self.call(|state| state.create_experiment(name, tags)).await
    }

    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Inner<()> {
        self.call(|state| state.rename_experiment(id, name)).await
    }

    async fn delete_experiment(&self, id: &ExperimentId) -> Inner<()> {
        self.call(|state| state.stage_experiment(id, LifecycleStage::Deleted)).await
    }

    async fn restore_experiment(&self, id: &ExperimentId) -> Inner<()> {
        self.call(|state| state.stage_experiment(id, LifecycleStage::Active)).await
    }

    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Inner<()> {
        self.call(|state| state.tag_experiment(id, tag)).await
    }

    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Inner<()> {
        self.call(|state| state.untag_experiment(id, key)).await
    }

    async fn create_run(&self, run: &NewRun) -> Inner<Run> {
        self.call(|state| state.create_run(run)).await
    }

    async fn get_run(&self, id: &RunId) -> Inner<Run> {
        self.call(|state| state.run(id).cloned()).await
    }

    async fn search_runs(&self, search: &RunSearch) -> Inner<RunPage> {
        self.call(|state| state.search(search)).await
    }

    fn page_token(&self, offset: usize) -> Option<String> {
        Some(token_at(offset))
    }

    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Inner<()> {
        self.call(|state| state.log_batch(id, metrics, params, tags)).await
    }

    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
        self.call(|state| state.log_inputs(id, inputs)).await
    }

    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Inner<()> {
        self.call(|state| state.update_run(id, update)).await
    }

    async fn delete_run(&self, id: &RunId) -> Inner<()> {
        self.call(|state| state.stage_run(id, LifecycleStage::Deleted)).await
    }

    async fn restore_run(&self, id: &RunId) -> Inner<()> {
        self.call(|state| state.stage_run(id, LifecycleStage::Active)).await
    }

    async fn delete_tag(&self, id: &RunId, key: &str) -> Inner<()> {
        self.call(|state| state.untag_run(id, key)).await
    }

    async fn metric_history(&self, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        self.call(|state| Ok(state.held(id)?.histories.get(key).cloned().unwrap_or_default())).await
    }

    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
        self.call(|state| {
            let found = ids.iter().filter_map(|id| {
                let history = state.runs.get(id)?.histories.get(key)?;
                let sample = sample_indices(history.len(), max_points).map(|at| history[at]);
                Some((id.clone(), sample.collect()))
            });
            Ok(found.collect())
        })
        .await
    }

    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        self.call(|state| {
            let found = ids.iter().filter_map(|id| {
                let history = state.runs.get(id)?.histories.get(key)?;
                Some((id.clone(), Summary::of_part(history.iter().copied(), part)?))
            });
            Ok(found.collect())
        })
        .await
    }

    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        let (mut batch, seen) =
            self.call(|state| Ok((whole_runs(state.runs_in(scan)), MemoryCursor(state.writes)))).await?;
        batch.completes_first_page = true;
        // A receiver that is gone wants no more.
        let _ = sink.send(batch).await;
        Ok(Cursor::new(seen))
    }

    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, _: &[RunId]) -> Inner<Changes> {
        let Some(MemoryCursor(seen)) = cursor.get::<MemoryCursor>().copied() else {
            return Ok(Changes { reload: true, ..Changes::default() });
        };
        let (changes, now) =
            self.call(|state| Ok((state.changes(scan, seen), MemoryCursor(state.writes)))).await?;
        *cursor = Cursor::new(now);
        Ok(changes)
    }
}

#[async_trait]
impl Artifacts for Memory {
    async fn files(&self, of: &FilesOf) -> Inner<Arc<dyn FileTree>> {
        self.call(|state| state.files(of).map(drop)).await?;
        Ok(Arc::new(MemoryTree { state: Arc::clone(&self.state), uri: of.to_string(), of: of.clone() }))
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Inner<ArtifactList> {
        self.call(|state| files::list(&state.held(id)?.files, path)).await
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Inner<Vec<u8>> {
        self.call(|state| files::read(&state.held(id)?.files, path, most)).await
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
        self.call(|state| {
            let path = files::checked(path)?.to_owned();
            state.change(id)?.files.insert(path, content.to_vec());
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Registry for Memory {
    async fn registered_models(&self, _: Option<&str>) -> Inner<ModelPage> {
        self.call(|state| Ok(ModelPage { models: state.registered_models()?, ..ModelPage::default() })).await
    }

    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()> {
        self.call(|state| state.rename_registered(name, new)).await
    }

    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()> {
        self.call(|state| state.describe_registered(name, description)).await
    }

    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()> {
        self.call(|state| state.tag_registered(name, tag)).await
    }

    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()> {
        self.call(|state| state.untag_registered(name, key)).await
    }

    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        self.call(|state| state.version(name, version)).await
    }

    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
        self.call(|state| Ok(state.versions_of(runs))).await
    }

    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()> {
        self.call(|state| {
            description.clone_into(&mut state.change_version(name, version)?.description);
            Ok(())
        })
        .await
    }

    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()> {
        self.call(|state| {
            runs::set(&mut state.change_version(name, version)?.tags, tag);
            Ok(())
        })
        .await
    }

    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()> {
        self.call(|state| {
            state.change_version(name, version)?.tags.retain(|tag| tag.key != key);
            Ok(())
        })
        .await
    }

    async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()> {
        self.call(|state| state.set_stage(name, version, stage, archives_others)).await
    }

    async fn create_registered_model(&self, name: &str) -> Inner<()> {
        self.call(|state| state.register(name)).await
    }

    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel> {
        self.call(|state| state.registered_model(name)).await
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Inner<ModelVersion> {
        self.call(|state| state.add_version(name, source, run_id, tags)).await
    }

    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>> {
        self.call(|state| Ok(state.versions(name))).await
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        self.call(|state| state.delete_version(name, version)).await
    }

    async fn delete_registered_model(&self, name: &str) -> Inner<()> {
        self.call(|state| state.delete_registered(name)).await
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()> {
        self.call(|state| state.set_alias(name, alias, version)).await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()> {
        self.call(|state| state.delete_alias(name, alias)).await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion> {
        self.call(|state| state.by_alias(name, alias)).await
    }
}

#[async_trait]
impl LoggedModels for Memory {
    async fn get_logged_model(&self, id: &ModelId) -> Inner<LoggedModel> {
        self.call(|state| state.logged_model(id).cloned()).await
    }

    async fn logged_models_of(&self, _: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>> {
        self.call(|state| {
            let all = state.models.iter();
            Ok(all.filter(|model| model.source_run_id.as_ref() == Some(run)).cloned().collect())
        })
        .await
    }

    async fn logged_models_in(&self, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
        self.call(|state| {
            let all = state.models.iter();
            Ok(all.filter(|model| model.experiment_id == *experiment).cloned().collect())
        })
        .await
    }

    async fn create_logged_model(&self, model: &NewModel) -> Inner<LoggedModel> {
        self.call(|state| state.create_model(model)).await
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
        self.call(|state| state.output(run, model, step)).await
    }

    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Inner<()> {
        self.call(|state| state.log_model_metrics(run, model, metrics, dataset)).await
    }

    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()> {
        self.call(|state| {
            let files = state.model_files.entry(model.model_id.clone()).or_default();
            files.insert(files::checked(path)?.to_owned(), content.to_vec());
            Ok(())
        })
        .await
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Inner<()> {
        self.call(|state| state.finish_model(id, is_whole)).await
    }
}
