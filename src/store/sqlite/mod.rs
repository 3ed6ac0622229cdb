//! A local `mlflow.db`, read and written directly.
//!
//! Statements are short, so that a training script that logs to the same file is never kept waiting: in SQLite's
//! default journal mode an open read holds up every commit. The schema is probed, never altered. Where no file
//! exists, reads see an empty store in memory, and the first write creates the file. Where one was seen and is gone, both
//! fail: it may be on a volume that comes back, and an empty file in its place would stand in its way.

mod address;
mod artifacts;
mod changes;
mod connection;
mod cursor;
mod files;
mod histories;
mod models;
mod opening;
mod reading;
mod registry;
mod rows;
mod scan;
mod schema;
mod search;
mod stretches;
mod writing;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use address::Database;
pub use connection::FileId;
use connection::{Connection, Pool};
pub use cursor::SqliteCursor;

use super::error::During;
use super::{
    ArtifactList, Changes, Cursor, ErrorKind, HistoryCursor, HistoryPart, NewModel, NewRun, Result, RunBatch,
    RunPage, RunSearch, RunUpdate, Scan, StoreError, StoreInfo, TrackingStore,
};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId, ModelVersion,
    Param, Part, RegisteredModel, Run, RunId, Summary, Tag, ViewType, limits,
};

/// A tracking store in a SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pool: Arc<Pool>,
}

/// Failures inside the store know what went wrong; the operation is named where they leave it.
type Inner<T> = std::result::Result<T, ErrorKind>;

impl SqliteStore {
    /// The store in a file, which need not exist. `workspace` is MLflow's, `default` where none is given.
    pub fn new(database: &Database, workspace: Option<&str>, read_only: bool) -> Self {
        let workspace = workspace.unwrap_or("default").to_owned();
        Self { pool: Arc::new(Pool::new(database.clone(), workspace, read_only)) }
    }

    pub fn path(&self) -> &Path {
        self.pool.path()
    }

    /// Runs `work` with a connection on a thread that may block.
    async fn read<T, F>(&self, operation: impl Into<String>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Inner<T> + Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        blocking(operation.into(), move || pool.read(work)).await
    }

    /// Runs `work`, which looks at files that may be anywhere, with a connection on a thread that may wait for ever; `what`
    /// it looks at.
    async fn read_files<T, F>(&self, operation: String, what: String, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection, &dyn Fn()) -> Inner<T> + Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        let work = move |goes_on: &dyn Fn()| {
            pool.read(|connection| {
                goes_on();
                work(connection, goes_on)
            })
        };
        files::apart(what, work).await.during(operation)
    }

    /// Runs `work` in one transaction that is committed when it succeeds.
    async fn write<T, F>(&self, operation: impl Into<String>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Inner<T> + Send + 'static,
    {
        let pool = Arc::clone(&self.pool);
        blocking(operation.into(), move || pool.write(work)).await
    }
}

async fn blocking<T: Send + 'static>(
    operation: String,
    work: impl FnOnce() -> Inner<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.during(operation),
        Err(error) => Err(StoreError::new(operation, ErrorKind::Io(error.to_string()))),
    }
}

#[async_trait]
impl TrackingStore for SqliteStore {
    async fn info(&self) -> Result<StoreInfo> {
        let path: PathBuf = self.path().to_owned();
        self.read("look at the store", move |db| reading::info(db, &path)).await
    }

    fn is_begun(&self) -> bool {
        FileId::of(self.path()).is_some()
    }

    async fn begin(&self) -> Result<()> {
        let pool = Arc::clone(&self.pool);
        blocking("begin a store".to_owned(), move || pool.begin()).await
    }

    async fn search_experiments(&self, view: ViewType) -> Result<Vec<Experiment>> {
        self.read("list experiments", move |db| reading::experiments(db, view)).await
    }

    async fn get_experiment(&self, id: &ExperimentId) -> Result<Experiment> {
        let id = id.clone();
        self.read(format!("read experiment {id}"), move |db| reading::experiment(db, &id)).await
    }

    async fn run_counts(&self) -> Result<Option<HashMap<ExperimentId, u64>>> {
        self.read("count runs", |db| reading::run_counts(db).map(Some)).await
    }

    async fn latest_experiment(&self) -> Result<Option<ExperimentId>> {
        self.read("find the latest run", reading::latest_experiment).await
    }

    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Result<ExperimentId> {
        let operation = format!("create experiment {name:?}");
        limits::check_experiment_name(name).during(&operation)?;
        tags.iter().try_for_each(limits::check_tag).during(&operation)?;
        let (name, tags, path) = (name.to_owned(), tags.to_vec(), self.path().to_owned());
        self.write(operation, move |db| writing::create_experiment(db, &path, &name, &tags)).await
    }

    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Result<()> {
        let operation = format!("rename experiment {id}");
        limits::check_experiment_name(name).during(&operation)?;
        let (id, name) = (id.clone(), name.to_owned());
        self.write(operation, move |db| writing::rename_experiment(db, &id, &name)).await
    }

    async fn delete_experiment(&self, id: &ExperimentId) -> Result<()> {
        let id = id.clone();
        self.write(format!("delete experiment {id}"), move |db| writing::set_experiment_stage(db, &id, false))
            .await
    }

    async fn restore_experiment(&self, id: &ExperimentId) -> Result<()> {
        let id = id.clone();
        self.write(format!("restore experiment {id}"), move |db| writing::set_experiment_stage(db, &id, true))
            .await
    }

    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Result<()> {
        let operation = format!("tag experiment {id}");
        limits::check_tag(tag).during(&operation)?;
        let (id, tag) = (id.clone(), tag.clone());
        self.write(operation, move |db| writing::set_experiment_tag(db, &id, &tag)).await
    }

    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Result<()> {
        let (id, key) = (id.clone(), key.to_owned());
        self.write(format!("delete a tag of experiment {id}"), move |db| {
            writing::delete_experiment_tag(db, &id, &key)
        })
        .await
    }

    async fn create_run(&self, run: &NewRun) -> Result<Run> {
        let operation = format!("create a run in experiment {}", run.experiment_id);
        run.tags.iter().try_for_each(limits::check_tag).during(&operation)?;
        let run = run.clone();
        self.write(operation, move |db| writing::create_run(db, &run)).await
    }

    async fn get_run(&self, id: &RunId) -> Result<Run> {
        let id = id.clone();
        self.read(format!("read run {id}"), move |db| reading::run(db, &id)).await
    }

    async fn search_runs(&self, search: &RunSearch) -> Result<RunPage> {
        let search = search.clone();
        self.read("search runs", move |db| search::search(db, &search)).await
    }

    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Result<()> {
        let operation = format!("log to run {id}");
        limits::check_batch(metrics, params, tags).during(&operation)?;
        let (id, metrics, params, tags) = (id.clone(), metrics.to_vec(), params.to_vec(), tags.to_vec());
        self.write(operation, move |db| writing::log_batch(db, &id, &metrics, &params, &tags)).await
    }

    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Result<()> {
        let (id, inputs) = (id.clone(), inputs.to_vec());
        self.write(format!("log data sets to run {id}"), move |db| writing::log_inputs(db, &id, &inputs))
            .await
    }

    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Result<()> {
        let (id, update) = (id.clone(), update.clone());
        self.write(format!("update run {id}"), move |db| writing::update_run(db, &id, &update)).await
    }

    async fn delete_run(&self, id: &RunId) -> Result<()> {
        let id = id.clone();
        self.write(format!("delete run {id}"), move |db| writing::set_run_stage(db, &id, false)).await
    }

    async fn restore_run(&self, id: &RunId) -> Result<()> {
        let id = id.clone();
        self.write(format!("restore run {id}"), move |db| writing::set_run_stage(db, &id, true)).await
    }

    async fn set_tag(&self, id: &RunId, tag: &Tag) -> Result<()> {
        self.log_batch(id, &[], &[], std::slice::from_ref(tag)).await
    }

    async fn delete_tag(&self, id: &RunId, key: &str) -> Result<()> {
        let (id, key) = (id.clone(), key.to_owned());
        self.write(format!("delete tag {key:?} of run {id}"), move |db| writing::delete_tag(db, &id, &key))
            .await
    }

    async fn metric_history(&self, id: &RunId, key: &str) -> Result<Vec<MetricPoint>> {
        let (id, key) = (id.clone(), key.to_owned());
        self.read(format!("read the history of {key:?}"), move |db| histories::whole(db, &id, &key)).await
    }

    async fn history_since(&self, id: &RunId, key: &str, cursor: HistoryCursor) -> Result<HistoryPart> {
        let (id, key) = (id.clone(), key.to_owned());
        self.read(format!("read the history of {key:?}"), move |db| histories::since(db, &id, &key, cursor))
            .await
    }

    fn summary_batch(&self) -> usize {
        usize::MAX
    }

    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Result<Vec<(RunId, Summary)>> {
        let (pool, ids, key) = (Arc::clone(&self.pool), ids.to_vec(), key.to_owned());
        let operation = format!("sum up the histories of {key:?}");
        blocking(operation, move || histories::summaries(&pool, &ids, &key, part)).await
    }

    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Result<Vec<(RunId, Vec<MetricPoint>)>> {
        let (ids, key) = (ids.to_vec(), key.to_owned());
        self.read(format!("read histories of {key:?}"), move |db| {
            histories::sampled(db, &ids, &key, max_points)
        })
        .await
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Result<ArtifactList> {
        let (id, path, store) = (id.clone(), path.to_owned(), self.path().to_owned());
        let what = format!("the folder {path:?} of run {id}");
        self.read_files(format!("list the artifacts of run {id}"), what, move |db, goes_on| {
            artifacts::list(db, &store, &id, &path, goes_on)
        })
        .await
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Result<Vec<u8>> {
        let (id, path, store) = (id.clone(), path.to_owned(), self.path().to_owned());
        let what = format!("the file system of {path:?}");
        self.read_files(format!("read artifact {path:?}"), what, move |db, goes_on| {
            artifacts::read(db, &store, &id, &path, most, goes_on)
        })
        .await
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Result<()> {
        if self.pool.is_read_only() {
            return Err(ErrorKind::ReadOnly("it was opened read-only".into())).during("write an artifact");
        }
        let (id, path, store, content) =
            (id.clone(), path.to_owned(), self.path().to_owned(), content.to_vec());
        self.read(format!("write artifact {path:?}"), move |db| {
            artifacts::write(db, &store, &id, &path, &content)
        })
        .await
    }

    async fn check_artifacts(&self, experiment: &ExperimentId) -> Result<()> {
        let (id, store) = (experiment.clone(), self.path().to_owned());
        let what = format!("the file system of the files of experiment {id}");
        let operation = format!("keep files in experiment {id}");
        self.read_files(operation, what, move |db, _| artifacts::check(db, &store, &id)).await
    }

    async fn create_registered_model(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.write(format!("register model {name:?}"), move |db| registry::create_model(db, &name)).await
    }

    async fn get_registered_model(&self, name: &str) -> Result<RegisteredModel> {
        let name = name.to_owned();
        self.read(format!("read model {name:?}"), move |db| registry::model(db, &name)).await
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Result<ModelVersion> {
        let (name, source, run_id, tags) =
            (name.to_owned(), source.to_owned(), run_id.cloned(), tags.to_vec());
        self.write(format!("add a version to model {name:?}"), move |db| {
            registry::create_version(db, &name, &source, run_id.as_ref(), &tags)
        })
        .await
    }

    async fn model_versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        let name = name.to_owned();
        self.read(format!("list the versions of model {name:?}"), move |db| registry::versions(db, &name))
            .await
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Result<()> {
        let name = name.to_owned();
        self.write(format!("delete version {version} of model {name:?}"), move |db| {
            registry::delete_version(db, &name, version)
        })
        .await
    }

    async fn delete_registered_model(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.write(format!("delete model {name:?}"), move |db| registry::delete_model(db, &name)).await
    }

    async fn has_aliases(&self) -> Result<bool> {
        self.read("look for model aliases".to_owned(), |db| Ok(db.schema.aliases)).await
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Result<()> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.write(format!("set alias {alias:?} of model {name:?}"), move |db| {
            registry::set_alias(db, &name, &alias, version)
        })
        .await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Result<()> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.write(format!("delete alias {alias:?} of model {name:?}"), move |db| {
            registry::delete_alias(db, &name, &alias)
        })
        .await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.read(format!("read model {name}@{alias}"), move |db| {
            registry::version_by_alias(db, &name, &alias)
        })
        .await
    }

    async fn get_logged_model(&self, id: &ModelId) -> Result<LoggedModel> {
        let id = id.clone();
        self.read(format!("read logged model {id}"), move |db| models::logged_model(db, &id)).await
    }

    async fn logged_models_of(&self, _: &ExperimentId, run: &RunId) -> Result<Vec<LoggedModel>> {
        let run = run.clone();
        self.read(format!("list the models of run {run}"), move |db| models::of_run(db, &run)).await
    }

    async fn create_logged_model(&self, model: &NewModel) -> Result<LoggedModel> {
        let model = model.clone();
        self.write(format!("create model {:?}", model.name), move |db| models::create(db, &model)).await
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId) -> Result<()> {
        let (run, model) = (run.clone(), model.clone());
        self.write(format!("log model {model} of run {run}"), move |db| models::link(db, &run, &model)).await
    }

    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: &Dataset,
    ) -> Result<()> {
        let operation = format!("log metrics of model {model}");
        limits::check_batch(metrics, &[], &[]).during(&operation)?;
        let (run, model, metrics, dataset) = (run.clone(), model.clone(), metrics.to_vec(), dataset.clone());
        self.write(operation, move |db| models::log_metrics(db, &run, &model, &metrics, &dataset)).await
    }

    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Result<()> {
        let operation = format!("write {path:?} of model {}", model.model_id);
        if self.pool.is_read_only() {
            return Err(ErrorKind::ReadOnly("it was opened read-only".into())).during(operation);
        }
        let (model, path, content) = (model.clone(), path.to_owned(), content.to_vec());
        let store = self.path().to_owned();
        self.read(operation, move |db| models::write_file(db, &store, &model, &path, &content)).await
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Result<()> {
        let id = id.clone();
        self.write(format!("finish model {id}"), move |db| models::finish(db, &id, is_whole)).await
    }

    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Result<Cursor> {
        let (pool, scan) = (Arc::clone(&self.pool), scan.clone());
        let operation = format!("read the runs of experiment {}", scan.experiment_id);
        blocking(operation, move || scan::scan(&pool, &scan, &sink).map(Cursor::Sqlite)).await
    }

    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Result<Changes> {
        let (pool, scan, watched) = (Arc::clone(&self.pool), scan.clone(), watched.to_vec());
        let Cursor::Sqlite(before) = std::mem::take(cursor) else {
            return Ok(Changes { reload: true, ..Changes::default() });
        };
        let kept = before.clone();
        let result =
            blocking("look for changes".to_owned(), move || changes::changes(&pool, &scan, before, &watched))
                .await;
        match result {
            Ok((changes, after)) => {
                *cursor = Cursor::Sqlite(after);
                Ok(changes)
            }
            Err(error) => {
                *cursor = Cursor::Sqlite(kept);
                Err(error)
            }
        }
    }
}
