//! A backend in front of another that fails one call, for tests of what becomes of whoever calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{
    ArtifactList, Artifacts, Backend, Capabilities, Changes, Cursor, ErrorKind, FileTree, FilesOf,
    HistoryCursor, HistoryPage, HistoryPart, ImportedRun, Imports, Inner, LoggedModels, ModelPage, NewModel,
    NewRun, Registry, RunBatch, RunCount, RunPage, RunSearch, RunUpdate, Scan, StoreInfo, UsedDataset,
};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId, ModelStage,
    ModelVersion, Param, Part, RegisteredModel, Run, RunId, RunInfo, Summary, Tag, ViewType,
};

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before anything is done.
    Before,
    /// When it is done: the answer is lost.
    After,
}

/// A backend whose n-th call fails, counted from 1; none where that is 0.
#[derive(Debug)]
pub struct Failing<B> {
    backend: B,
    nth: AtomicUsize,
    moment: Moment,
    error: ErrorKind,
    calls: Mutex<usize>,
}

impl<B: Backend> Failing<B> {
    pub fn new(backend: B, nth: usize, moment: Moment, error: ErrorKind) -> Self {
        Self { backend, nth: AtomicUsize::new(nth), moment, error, calls: Mutex::new(0) }
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    /// Fails the n-th call from now on.
    pub fn fail(&self, nth: usize) {
        *self.calls.lock().unwrap() = 0;
        self.nth.store(nth, Ordering::Relaxed);
    }

    async fn turn<T>(&self, work: impl Future<Output = Inner<T>>) -> Inner<T> {
        let is_it = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls == self.nth.load(Ordering::Relaxed)
        };
        if is_it && self.moment == Moment::Before {
            return Err(self.error.clone());
        }
        let result = work.await;
        if is_it { Err(self.error.clone()) } else { result }
    }
}

/// A part of the backend behind, which is asked for only where it is.
fn passed<T: ?Sized>(part: Option<&T>) -> &T {
    part.unwrap()
}

#[async_trait]
impl<B: Backend + 'static> Backend for Arc<Failing<B>> {
    fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }
    async fn info(&self) -> Inner<StoreInfo> {
        self.turn(self.backend.info()).await
    }
    fn is_begun(&self) -> bool {
        self.backend.is_begun()
    }
    async fn begin(&self) -> Inner<()> {
        self.turn(self.backend.begin()).await
    }
    fn artifacts(&self) -> Option<&dyn Artifacts> {
        self.backend.artifacts().is_some().then_some(self as _)
    }
    fn registry(&self) -> Option<&dyn Registry> {
        self.backend.registry().is_some().then_some(self as _)
    }
    fn logged_models(&self) -> Option<&dyn LoggedModels> {
        self.backend.logged_models().is_some().then_some(self as _)
    }
    fn imports(&self) -> Option<&dyn Imports> {
        self.backend.imports().is_some().then_some(self as _)
    }
    async fn search_experiments(&self, view: ViewType) -> Inner<Vec<Experiment>> {
        self.turn(self.backend.search_experiments(view)).await
    }
    async fn get_experiment(&self, id: &ExperimentId) -> Inner<Experiment> {
        self.turn(self.backend.get_experiment(id)).await
    }
    async fn run_counts(&self) -> Inner<HashMap<ExperimentId, RunCount>> {
        self.turn(self.backend.run_counts()).await
    }
    async fn workspaces(&self) -> Inner<Vec<String>> {
        self.turn(self.backend.workspaces()).await
    }
    async fn latest_experiment(&self) -> Inner<Option<ExperimentId>> {
        self.turn(self.backend.latest_experiment()).await
    }
    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
        self.turn(self.backend.create_experiment(name, tags)).await
    }
    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Inner<()> {
        self.turn(self.backend.rename_experiment(id, name)).await
    }
    async fn delete_experiment(&self, id: &ExperimentId) -> Inner<()> {
        self.turn(self.backend.delete_experiment(id)).await
    }
    async fn restore_experiment(&self, id: &ExperimentId) -> Inner<()> {
        self.turn(self.backend.restore_experiment(id)).await
    }
    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Inner<()> {
        self.turn(self.backend.set_experiment_tag(id, tag)).await
    }
    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Inner<()> {
        self.turn(self.backend.delete_experiment_tag(id, key)).await
    }
    async fn create_run(&self, run: &NewRun) -> Inner<Run> {
        self.turn(self.backend.create_run(run)).await
    }
    async fn get_run(&self, id: &RunId) -> Inner<Run> {
        self.turn(self.backend.get_run(id)).await
    }
    async fn search_runs(&self, search: &RunSearch) -> Inner<RunPage> {
        self.turn(self.backend.search_runs(search)).await
    }
    fn page_token(&self, offset: usize) -> Option<String> {
        self.backend.page_token(offset)
    }
    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Inner<()> {
        self.turn(self.backend.log_batch(id, metrics, params, tags)).await
    }
    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
        self.turn(self.backend.log_inputs(id, inputs)).await
    }
    async fn data_sets(&self, id: &ExperimentId, view: ViewType) -> Inner<Option<Vec<UsedDataset>>> {
        self.turn(self.backend.data_sets(id, view)).await
    }
    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Inner<()> {
        self.turn(self.backend.update_run(id, update)).await
    }
    async fn delete_run(&self, id: &RunId) -> Inner<()> {
        self.turn(self.backend.delete_run(id)).await
    }
    async fn restore_run(&self, id: &RunId) -> Inner<()> {
        self.turn(self.backend.restore_run(id)).await
    }
    async fn set_tag(&self, id: &RunId, tag: &Tag) -> Inner<()> {
        self.turn(self.backend.set_tag(id, tag)).await
    }
    async fn delete_tag(&self, id: &RunId, key: &str) -> Inner<()> {
        self.turn(self.backend.delete_tag(id, key)).await
    }
    async fn metric_history(&self, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        self.turn(self.backend.metric_history(id, key)).await
    }
    async fn history_since(&self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
        self.turn(self.backend.history_since(id, key, cursor)).await
    }
    async fn histories_since(
        &self,
        id: &RunId,
        wanted: &[(String, HistoryCursor)],
    ) -> Inner<Vec<HistoryPart>> {
        self.turn(self.backend.histories_since(id, wanted)).await
    }
    async fn history_page(&self, id: &RunId, key: &str, from: &HistoryCursor) -> Inner<HistoryPage> {
        self.turn(self.backend.history_page(id, key, from)).await
    }
    async fn all_points(&self, runs: &[Run], most: usize) -> Inner<Vec<Option<Vec<Metric>>>> {
        self.turn(self.backend.all_points(runs, most)).await
    }
    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
        self.turn(self.backend.sampled_history(ids, key, max_points)).await
    }
    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        self.turn(self.backend.metric_summaries(ids, key, part)).await
    }
    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        self.turn(self.backend.scan(scan, sink)).await
    }
    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Inner<Changes> {
        self.turn(self.backend.changes(scan, cursor, watched)).await
    }
}

#[async_trait]
impl<B: Backend + 'static> Artifacts for Arc<Failing<B>> {
    async fn files(&self, of: &FilesOf) -> Inner<Arc<dyn FileTree>> {
        self.turn(passed(self.backend.artifacts()).files(of)).await
    }
    async fn list_artifacts(&self, id: &RunId, path: &str) -> Inner<ArtifactList> {
        self.turn(passed(self.backend.artifacts()).list_artifacts(id, path)).await
    }
    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Inner<Vec<u8>> {
        self.turn(passed(self.backend.artifacts()).read_artifact(id, path, most)).await
    }
    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
        self.turn(passed(self.backend.artifacts()).write_artifact(id, path, content)).await
    }
    async fn check_artifacts(&self, experiment: &ExperimentId) -> Inner<()> {
        self.turn(passed(self.backend.artifacts()).check_artifacts(experiment)).await
    }
}

#[async_trait]
impl<B: Backend + 'static> Registry for Arc<Failing<B>> {
    async fn registered_models(&self, token: Option<&str>) -> Inner<ModelPage> {
        self.turn(passed(self.backend.registry()).registered_models(token)).await
    }
    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()> {
        self.turn(passed(self.backend.registry()).rename_registered_model(name, new)).await
    }
    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()> {
        self.turn(passed(self.backend.registry()).describe_registered_model(name, description)).await
    }
    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()> {
        self.turn(passed(self.backend.registry()).set_registered_model_tag(name, tag)).await
    }
    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()> {
        self.turn(passed(self.backend.registry()).delete_registered_model_tag(name, key)).await
    }
    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        self.turn(passed(self.backend.registry()).get_model_version(name, version)).await
    }
    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
        self.turn(passed(self.backend.registry()).model_versions_of(runs)).await
    }
    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()> {
        let registry = passed(self.backend.registry());
        self.turn(registry.describe_model_version(name, version, description)).await
    }
    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()> {
        self.turn(passed(self.backend.registry()).set_model_version_tag(name, version, tag)).await
    }
    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()> {
        self.turn(passed(self.backend.registry()).delete_model_version_tag(name, version, key)).await
    }
    async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()> {
        let registry = passed(self.backend.registry());
        self.turn(registry.set_model_stage(name, version, stage, archives_others)).await
    }
    async fn create_registered_model(&self, name: &str) -> Inner<()> {
        self.turn(passed(self.backend.registry()).create_registered_model(name)).await
    }
    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel> {
        self.turn(passed(self.backend.registry()).get_registered_model(name)).await
    }
    async fn delete_registered_model(&self, name: &str) -> Inner<()> {
        self.turn(passed(self.backend.registry()).delete_registered_model(name)).await
    }
    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Inner<ModelVersion> {
        let registry = passed(self.backend.registry());
        self.turn(registry.create_model_version(name, source, run_id, tags)).await
    }
    async fn complete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        self.turn(passed(self.backend.registry()).complete_model_version(name, version)).await
    }
    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>> {
        self.turn(passed(self.backend.registry()).model_versions(name)).await
    }
    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        self.turn(passed(self.backend.registry()).delete_model_version(name, version)).await
    }
    async fn has_aliases(&self) -> Inner<bool> {
        self.turn(passed(self.backend.registry()).has_aliases()).await
    }
    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()> {
        self.turn(passed(self.backend.registry()).set_model_alias(name, alias, version)).await
    }
    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()> {
        self.turn(passed(self.backend.registry()).delete_model_alias(name, alias)).await
    }
    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion> {
        self.turn(passed(self.backend.registry()).model_version_by_alias(name, alias)).await
    }
}

#[async_trait]
impl<B: Backend + 'static> LoggedModels for Arc<Failing<B>> {
    async fn get_logged_model(&self, id: &ModelId) -> Inner<LoggedModel> {
        self.turn(passed(self.backend.logged_models()).get_logged_model(id)).await
    }
    async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>> {
        self.turn(passed(self.backend.logged_models()).logged_models_of(experiment, run)).await
    }
    async fn logged_models_in(&self, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
        self.turn(passed(self.backend.logged_models()).logged_models_in(experiment)).await
    }
    async fn create_logged_model(&self, model: &NewModel) -> Inner<LoggedModel> {
        self.turn(passed(self.backend.logged_models()).create_logged_model(model)).await
    }
    async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
        self.turn(passed(self.backend.logged_models()).log_model_output(run, model, step)).await
    }
    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Inner<()> {
        let models = passed(self.backend.logged_models());
        self.turn(models.log_model_metrics(run, model, metrics, dataset)).await
    }
    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()> {
        let models = passed(self.backend.logged_models());
        self.turn(models.write_model_file(model, path, content)).await
    }
    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Inner<()> {
        self.turn(passed(self.backend.logged_models()).finish_logged_model(id, is_whole)).await
    }
}

#[async_trait]
impl<B: Backend + 'static> Imports for Arc<Failing<B>> {
    async fn import_experiment(&self, experiment: &Experiment) -> Inner<ExperimentId> {
        self.turn(passed(self.backend.imports()).import_experiment(experiment)).await
    }
    async fn finish_experiment(&self, id: &ExperimentId, as_it_was: &Experiment) -> Inner<()> {
        self.turn(passed(self.backend.imports()).finish_experiment(id, as_it_was)).await
    }
    async fn import_runs(&self, runs: &[ImportedRun]) -> Inner<()> {
        self.turn(passed(self.backend.imports()).import_runs(runs)).await
    }
    async fn forget_history(&self, run: &RunId, key: &str) -> Inner<()> {
        self.turn(passed(self.backend.imports()).forget_history(run, key)).await
    }
    async fn finish_run(&self, as_it_was: &RunInfo, mark: &str) -> Inner<()> {
        self.turn(passed(self.backend.imports()).finish_run(as_it_was, mark)).await
    }
    async fn imports_logged_models(&self) -> Inner<bool> {
        self.turn(passed(self.backend.imports()).imports_logged_models()).await
    }
    async fn begin_for_logged_models(&self) -> Inner<()> {
        self.turn(passed(self.backend.imports()).begin_for_logged_models()).await
    }
    async fn import_logged_model(&self, model: &LoggedModel) -> Inner<()> {
        self.turn(passed(self.backend.imports()).import_logged_model(model)).await
    }
    async fn import_model_version(&self, version: &ModelVersion) -> Inner<()> {
        self.turn(passed(self.backend.imports()).import_model_version(version)).await
    }
    async fn finish_registered_model(&self, as_it_was: &RegisteredModel) -> Inner<()> {
        self.turn(passed(self.backend.imports()).finish_registered_model(as_it_was)).await
    }
}

pub use places::{database, folder};

#[cfg(test)]
mod places {
    //! Places of this machine that fail.

    use std::path::Path;
    use std::sync::Arc;

    use super::{Failing, Moment};
    use crate::store::folder::Folder;
    use crate::store::sql::SqlStore;
    use crate::store::sqlite::Sqlite;
    use crate::store::{ErrorKind, Store};

    /// A file store whose calls are counted, and one of which fails.
    pub fn folder(root: &Path, nth: usize, moment: Moment) -> (Store, Arc<Failing<Folder>>) {
        let backend = Folder::new(root.to_owned(), None);
        let failing = Arc::new(Failing::new(backend, nth, moment, ErrorKind::Locked));
        (Store::new(Arc::clone(&failing)), failing)
    }

    /// The same of a database's file.
    pub fn database(file: &Path, nth: usize, moment: Moment) -> (Store, Arc<Failing<SqlStore<Sqlite>>>) {
        let backend = SqlStore::new(Sqlite::new(&file.to_owned().into(), None, false));
        let failing = Arc::new(Failing::new(backend, nth, moment, ErrorKind::Locked));
        (Store::new(Arc::clone(&failing)), failing)
    }
}
