//! A folder of files as MLflow's own file store keeps them (`mlruns`), of any of its versions, read and written past MLflow.
//!
//! Each thing is a folder with a `meta.yaml`, a file a param and a tag, and a file of lines a metric. What is read of an
//! experiment is held as bytes with the times and lengths of its files, and kept in the state directory: what is the same
//! as before is not read again. Nobody tells of changes: the folder of an experiment shows by its time that runs came or
//! went; runs that go on and those that are watched are looked at each time, the others in turn.

mod artifacts;
mod cache;
mod codec;
mod dump;
mod experiments;
mod files;
#[cfg(target_os = "linux")]
mod glance;
mod histories;
mod importing;
mod importing_versions;
mod index;
mod layout;
mod lines;
mod meta;
mod models;
mod reading;
mod registering;
mod registry;
mod runs;
mod shared;
#[cfg(test)]
mod tests;
mod writing;
mod yaml;

use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::blocking::off_thread;
use super::local::{files as local_files, is_same_file};
use super::objects::{self, Kept};
use super::pages::token_at;
use super::{
    ArtifactList, Artifacts, Backend, Capabilities, Changes, Cursor, ErrorKind, FileTree, FilesOf,
    HistoryCursor, HistoryPage, HistoryPart, Imports, Inner, LoggedModels, NewRun, Registry, RunBatch,
    RunCount, RunPage, RunSearch, RunUpdate, Scan, StoreInfo, UsedDataset, sample_indices,
};
use crate::mlflow::{
    DatasetInput, Experiment, ExperimentId, LifecycleStage, Metric, MetricPoint, Param, Part, Run, RunId,
    Summary, Tag, ViewType,
};
use layout::{Layout, Place};
pub use layout::{address_of, is_store, path_of};
pub use reading::DAMAGED;
use shared::Shared;

/// The store in a folder.
#[derive(Debug)]
pub struct Folder {
    shared: Arc<Shared>,
}

impl Folder {
    /// The store at `root`; what is read of it is kept in `cache`, where that is given.
    pub fn new(root: PathBuf, cache: Option<PathBuf>) -> Self {
        Self { shared: Arc::new(Shared::new(root, cache)) }
    }

    /// Runs `work` on a thread that may block.
    async fn ask<T, F>(&self, work: F) -> Inner<T>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Inner<T> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        off_thread(move || work(&shared)).await
    }

    /// The same for work that needs only to know where things lie.
    async fn at<T, F>(&self, work: F) -> Inner<T>
    where
        T: Send + 'static,
        F: FnOnce(&Layout) -> Inner<T> + Send + 'static,
    {
        self.ask(|shared| work(&shared.layout)).await
    }

    /// The same for work that writes to a run, and says where it is.
    async fn write_run<F>(&self, id: &RunId, work: F) -> Inner<()>
    where
        F: FnOnce(&Layout, &RunId) -> Inner<Place> + Send + 'static,
    {
        let id = id.clone();
        self.ask(move |shared| {
            let written = work(&shared.layout, &id);
            // Half of it may be written where the rest could not be.
            match &written {
                Ok(place) => shared.wrote(place, &id),
                Err(_) => {
                    if let Ok((place, _)) = shared.layout.run(&id) {
                        shared.wrote(&place, &id);
                    }
                }
            }
            written.map(drop)
        })
        .await
    }

    /// Files that may be anywhere are looked at on a thread that may wait for ever; `what` it looks at.
    async fn read_files<T, F>(&self, what: String, work: F) -> Inner<T>
    where
        T: Send + 'static,
        F: FnOnce(&Layout, &dyn Fn()) -> Inner<T> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        local_files::on_own_thread(what, move |goes_on| work(&shared.layout, goes_on)).await
    }
}

/// What the store says of itself.
fn info(shared: &Shared) -> Inner<StoreInfo> {
    let root = &shared.layout.root;
    shared.layout.check()?;
    let mut notes = vec!["read and written as MLflow's own file store does it".to_owned()];
    let database = root.with_file_name("mlflow.db");
    if database.is_file() {
        notes.push(format!(
            "there is a database beside it, which is another store: --tracking-uri sqlite:///{}",
            database.display()
        ));
    }
    #[cfg(unix)]
    let writable = rustix::fs::access(root, rustix::fs::Access::WRITE_OK).is_ok();
    #[cfg(not(unix))]
    let writable = root.metadata().is_ok_and(|metadata| !metadata.permissions().readonly());
    if !writable {
        notes.push("its folder is not writable".into());
    }
    let all = experiments::search(&shared.layout, ViewType::All)?;
    let damaged = all.iter().filter(|known| known.tags.iter().any(|tag| tag.key == reading::DAMAGED));
    for known in damaged.take(10) {
        let why = known.tags.iter().find(|tag| tag.key == reading::DAMAGED).map_or("", |tag| &tag.value);
        notes.push(format!("experiment {} is damaged: {why}", known.experiment_id));
    }
    Ok(StoreInfo {
        kind: "MLflow file store".into(),
        location: address_of(root),
        revision: None,
        writable,
        notes,
    })
}

#[async_trait]
impl Backend for Folder {
    fn capabilities(&self) -> Capabilities {
        Capabilities::FOLDER
    }

    async fn info(&self) -> Inner<StoreInfo> {
        self.ask(info).await
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

    fn imports(&self) -> Option<&dyn Imports> {
        Some(self)
    }

    async fn is_same_place(&self, other: &dyn Backend) -> Inner<Option<bool>> {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return Ok(None) };
        let root = other.shared.layout.root.clone();
        self.at(move |layout| Ok(is_same_file(&layout.root, &root))).await
    }

    async fn search_experiments(&self, view: ViewType) -> Inner<Vec<Experiment>> {
        self.at(move |layout| experiments::search(layout, view)).await
    }

    async fn get_experiment(&self, id: &ExperimentId) -> Inner<Experiment> {
        let id = id.clone();
        self.at(move |layout| experiments::get(layout, &id)).await
    }

    async fn run_counts(&self) -> Inner<HashMap<ExperimentId, RunCount>> {
        self.ask(Shared::run_counts).await
    }

    async fn latest_experiment(&self) -> Inner<Option<ExperimentId>> {
        self.ask(Shared::latest_experiment).await
    }

    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
        let (name, tags) = (name.to_owned(), tags.to_vec());
        self.at(move |layout| experiments::create(layout, &name, &tags)).await
    }

    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Inner<()> {
        let (id, name) = (id.clone(), name.to_owned());
        self.at(move |layout| experiments::rename(layout, &id, &name)).await
    }

    async fn delete_experiment(&self, id: &ExperimentId) -> Inner<()> {
        let id = id.clone();
        self.at(move |layout| experiments::delete(layout, &id)).await
    }

    async fn restore_experiment(&self, id: &ExperimentId) -> Inner<()> {
        let id = id.clone();
        self.at(move |layout| experiments::restore(layout, &id)).await
    }

    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Inner<()> {
        let (id, tag) = (id.clone(), tag.clone());
        self.at(move |layout| experiments::set_tag(layout, &id, &tag)).await
    }

    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Inner<()> {
        let (id, key) = (id.clone(), key.to_owned());
        self.at(move |layout| experiments::delete_tag(layout, &id, &key)).await
    }

    async fn create_run(&self, run: &NewRun) -> Inner<Run> {
        let run = run.clone();
        self.ask(move |shared| {
            let (place, id) = runs::create(&shared.layout, &run)?;
            shared.wrote(&place, &id);
            shared.get_run(&id)
        })
        .await
    }

    async fn get_run(&self, id: &RunId) -> Inner<Run> {
        let id = id.clone();
        self.ask(move |shared| shared.get_run(&id)).await
    }

    async fn search_runs(&self, search: &RunSearch) -> Inner<RunPage> {
        let search = search.clone();
        self.ask(move |shared| shared.search(&search)).await
    }

    fn page_token(&self, offset: usize) -> Option<String> {
        Some(token_at(offset))
    }

    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Inner<()> {
        let (metrics, params, tags) = (metrics.to_vec(), params.to_vec(), tags.to_vec());
        self.write_run(id, move |layout, id| runs::log_batch(layout, id, &metrics, &params, &tags)).await
    }

    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
        let inputs = inputs.to_vec();
        self.write_run(id, move |layout, id| runs::log_inputs(layout, id, &inputs)).await
    }

    async fn data_sets(&self, id: &ExperimentId, view: ViewType) -> Inner<Option<Vec<UsedDataset>>> {
        let id = id.clone();
        self.ask(move |shared| shared.data_sets(&id, view).map(Some)).await
    }

    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Inner<()> {
        let update = update.clone();
        self.write_run(id, move |layout, id| runs::update(layout, id, &update)).await
    }

    async fn delete_run(&self, id: &RunId) -> Inner<()> {
        self.write_run(id, |layout, id| runs::set_stage(layout, id, LifecycleStage::Deleted)).await
    }

    async fn restore_run(&self, id: &RunId) -> Inner<()> {
        self.write_run(id, |layout, id| runs::set_stage(layout, id, LifecycleStage::Active)).await
    }

    async fn delete_tag(&self, id: &RunId, key: &str) -> Inner<()> {
        let key = key.to_owned();
        self.write_run(id, move |layout, id| runs::delete_tag(layout, id, &key)).await
    }

    async fn metric_history(&self, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        let (id, key) = (id.clone(), key.to_owned());
        self.at(move |layout| histories::whole(layout, &id, &key)).await
    }

    async fn history_since(&self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
        let (id, key, cursor) = (id.clone(), key.to_owned(), cursor.clone());
        self.at(move |layout| histories::since(layout, &id, &key, &cursor)).await
    }

    async fn history_page(&self, id: &RunId, key: &str, from: &HistoryCursor) -> Inner<HistoryPage> {
        let (id, key) = (id.clone(), key.to_owned());
        let from = from.get::<u64>().copied().unwrap_or(0);
        self.at(move |layout| importing::history_page(layout, &id, &key, from)).await
    }

    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
        let (ids, key) = (ids.to_vec(), key.to_owned());
        self.at(move |layout| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let points = match histories::whole(layout, &id, &key) {
                    Err(ErrorKind::NotFound(_)) => continue,
                    points => points?,
                };
                if !points.is_empty() {
                    let sample = sample_indices(points.len(), max_points).map(|at| points[at]).collect();
                    found.push((id, sample));
                }
            }
            Ok(found)
        })
        .await
    }

    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        let (ids, key) = (ids.to_vec(), key.to_owned());
        self.at(move |layout| histories::summaries(layout, &ids, &key, part)).await
    }

    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        let scan = scan.clone();
        self.ask(move |shared| shared.scan(&scan, &sink)).await
    }

    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Inner<Changes> {
        let (scan, seen, watched) = (scan.clone(), cursor.clone(), watched.to_vec());
        let (changes, now) = self.ask(move |shared| shared.changes(&scan, &seen, &watched)).await?;
        if let Some(now) = now {
            *cursor = now;
        }
        Ok(changes)
    }
}

#[async_trait]
impl Artifacts for Folder {
    async fn files(&self, of: &FilesOf) -> Inner<Arc<dyn FileTree>> {
        let (what, of) = (format!("the file system of {of}"), of.clone());
        match self.read_files(what, move |layout, _| artifacts::of(layout, &of)).await? {
            Kept::Here(tree) => Ok(Arc::new(tree)),
            Kept::There(uri) => Ok(Arc::new(objects::open(&uri).await?)),
        }
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Inner<ArtifactList> {
        let (id, folder) = (id.clone(), path.to_owned());
        let what = format!("the folder {path:?} of run {id}");
        let list = self.read_files(what, move |layout, on| artifacts::list(layout, &id, &folder, on)).await?;
        match list {
            Kept::Here(list) => Ok(list),
            Kept::There(uri) => objects::open(&uri).await?.list(path).await,
        }
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Inner<Vec<u8>> {
        let (id, file) = (id.clone(), path.to_owned());
        let what = format!("the file system of {path:?}");
        let read =
            self.read_files(what, move |layout, on| artifacts::read(layout, &id, &file, most, on)).await?;
        match read {
            Kept::Here(content) => Ok(content),
            Kept::There(uri) => objects::open(&uri).await?.read(path, most).await,
        }
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
        let (id, file, bytes) = (id.clone(), path.to_owned(), content.to_vec());
        match self.at(move |layout| artifacts::write(layout, &id, &file, &bytes)).await? {
            Kept::Here(()) => Ok(()),
            Kept::There(uri) => objects::open(&uri).await?.put(path, content).await,
        }
    }

    async fn check_artifacts(&self, experiment: &ExperimentId) -> Inner<()> {
        let id = experiment.clone();
        match self.at(move |layout| artifacts::check(layout, &id)).await? {
            Kept::Here(()) => Ok(()),
            Kept::There(uri) => objects::open(&uri).await?.check().await,
        }
    }
}
