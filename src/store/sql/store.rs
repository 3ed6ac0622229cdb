//! A store that is a database: everything is asked of it by statements, on threads that may block.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::artifacts::Asked;
use super::place::Place;
use super::there::There;
use super::{Link, artifacts, histories, importing, inputs, logging, paging, reading, registry, writing};
use crate::mlflow::{
    DatasetInput, Experiment, ExperimentId, Metric, MetricPoint, ModelStage, ModelVersion, Param, Part,
    RegisteredModel, Run, RunId, Summary, Tag, ViewType,
};
use crate::store::blocking::{Listener, behind_others, off_thread};
use crate::store::local::files;
use crate::store::objects::Kept;
use crate::store::pages::token_at;
use crate::store::{
    ArtifactList, Artifacts, Backend, Capabilities, Changes, Cursor, FileService, FileTree, FilesOf,
    HistoryCursor, HistoryPage, HistoryPart, Imports, Inner, LoggedModels, ModelPage, NewRun, Registry,
    RunBatch, RunCount, RunPage, RunSearch, RunUpdate, Scan, StoreInfo, UsedDataset,
};

/// The store in a database.
#[derive(Debug)]
pub struct SqlStore<P> {
    pub(super) place: Arc<P>,
    /// Where files are that a server keeps.
    pub(super) service: Option<Arc<dyn FileService>>,
}

impl<P: Place> SqlStore<P> {
    pub fn new(place: P) -> Self {
        Self { place: Arc::new(place), service: None }
    }

    /// The same, with files that a server keeps.
    #[must_use]
    pub fn with_service(self, service: impl FileService + 'static) -> Self {
        Self { service: Some(Arc::new(service)), ..self }
    }

    /// Files that are not on this machine.
    pub(super) async fn there(&self, uri: &str) -> Inner<There> {
        There::open(self.service.as_ref(), uri).await
    }

    /// Runs `work` on a thread that may block.
    pub(super) async fn ask<T, F>(&self, work: F) -> Inner<T>
    where
        T: Send + 'static,
        F: FnOnce(&P) -> Inner<T> + Send + 'static,
    {
        let place = Arc::clone(&self.place);
        off_thread(move || work(&place)).await
    }

    /// Runs `work` with a connection on a thread that may block.
    pub(super) async fn read<T, F>(&self, work: F) -> Inner<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut P::Link) -> Inner<T> + Send + 'static,
    {
        self.ask(move |place| place.read(work)).await
    }

    /// Runs `work`, which looks at files that may be anywhere, on a thread that may wait for ever; `what` it looks at. It says
    /// when it has what it needs of the database: while it waits for files it holds no connection.
    async fn look<T, F>(&self, what: String, work: F) -> Inner<T>
    where
        T: Send + 'static,
        F: FnOnce(&Asked<'_, P>, &dyn Fn()) -> Inner<T> + Send + 'static,
    {
        let (place, service) = (Arc::clone(&self.place), self.service.clone());
        let work =
            move |goes_on: &dyn Fn()| work(&Asked { place: &place, service: service.as_deref() }, goes_on);
        files::on_own_thread(what, work).await
    }

    /// Runs `work` in one transaction that is committed when it succeeds.
    pub(super) async fn write<T, F>(&self, work: F) -> Inner<T>
    where
        T: Send + 'static,
        F: Fn(&mut P::Link) -> Inner<T> + Send + 'static,
    {
        self.ask(move |place| place.write(work)).await
    }
}

#[async_trait]
impl<P: Place> Backend for SqlStore<P> {
    fn capabilities(&self) -> Capabilities {
        self.place.capabilities()
    }

    async fn info(&self) -> Inner<StoreInfo> {
        self.ask(P::info).await
    }

    fn is_begun(&self) -> bool {
        self.place.is_begun()
    }

    async fn begin(&self) -> Inner<()> {
        self.ask(P::begin).await
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

    async fn is_same_place(&self, other: &dyn Backend) -> Inner<Option<bool>> {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return Ok(None) };
        let other = Arc::clone(&other.place);
        self.ask(move |place| place.is_same(&other)).await
    }

    async fn workspaces(&self) -> Inner<Vec<String>> {
        self.read(reading::workspaces).await
    }

    fn imports(&self) -> Option<&dyn Imports> {
        Some(self)
    }

    async fn search_experiments(&self, view: ViewType) -> Inner<Vec<Experiment>> {
        self.read(move |db| reading::experiments(db, view)).await
    }

    async fn get_experiment(&self, id: &ExperimentId) -> Inner<Experiment> {
        let id = id.clone();
        self.read(move |db| reading::experiment(db, &id)).await
    }

    async fn run_counts(&self) -> Inner<HashMap<ExperimentId, RunCount>> {
        self.read(reading::run_counts).await
    }

    async fn latest_experiment(&self) -> Inner<Option<ExperimentId>> {
        self.read(reading::latest_experiment).await
    }

    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
        let (name, tags, home) = (name.to_owned(), tags.to_vec(), self.place.home().clone());
        self.write(move |db| writing::create_experiment(db, &home, &name, &tags)).await
    }

    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Inner<()> {
        let (id, name) = (id.clone(), name.to_owned());
        self.write(move |db| writing::rename_experiment(db, &id, &name)).await
    }

    async fn delete_experiment(&self, id: &ExperimentId) -> Inner<()> {
        let id = id.clone();
        self.write(move |db| writing::set_experiment_stage(db, &id, false)).await
    }

    async fn restore_experiment(&self, id: &ExperimentId) -> Inner<()> {
        let id = id.clone();
        self.write(move |db| writing::set_experiment_stage(db, &id, true)).await
    }

    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Inner<()> {
        let (id, tag) = (id.clone(), tag.clone());
        self.write(move |db| writing::set_experiment_tag(db, &id, &tag)).await
    }

    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Inner<()> {
        let (id, key) = (id.clone(), key.to_owned());
        self.write(move |db| writing::delete_experiment_tag(db, &id, &key)).await
    }

    async fn create_run(&self, run: &NewRun) -> Inner<Run> {
        let run = run.clone();
        self.write(move |db| writing::create_run(db, &run)).await
    }

    async fn get_run(&self, id: &RunId) -> Inner<Run> {
        let id = id.clone();
        self.read(move |db| reading::run(db, &id)).await
    }

    async fn search_runs(&self, search: &RunSearch) -> Inner<RunPage> {
        let search = search.clone();
        self.read(move |db| paging::search(db, &search)).await
    }

    fn page_token(&self, offset: usize) -> Option<String> {
        Some(token_at(offset))
    }

    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Inner<()> {
        let (id, metrics, params, tags) = (id.clone(), metrics.to_vec(), params.to_vec(), tags.to_vec());
        self.write(move |db| logging::log_batch(db, &id, &metrics, &params, &tags)).await
    }

    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
        let (id, inputs) = (id.clone(), inputs.to_vec());
        self.write(move |db| logging::log_inputs(db, &id, &inputs)).await
    }

    async fn data_sets(&self, id: &ExperimentId, view: ViewType) -> Inner<Option<Vec<UsedDataset>>> {
        let id = id.clone();
        self.read(move |db| inputs::data_sets(db, &id, view).map(Some)).await
    }

    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Inner<()> {
        let (id, update) = (id.clone(), update.clone());
        self.write(move |db| writing::update_run(db, &id, &update)).await
    }

    async fn delete_run(&self, id: &RunId) -> Inner<()> {
        let id = id.clone();
        self.write(move |db| writing::set_run_stage(db, &id, false)).await
    }

    async fn restore_run(&self, id: &RunId) -> Inner<()> {
        let id = id.clone();
        self.write(move |db| writing::set_run_stage(db, &id, true)).await
    }

    async fn delete_tag(&self, id: &RunId, key: &str) -> Inner<()> {
        let (id, key) = (id.clone(), key.to_owned());
        self.write(move |db| writing::delete_tag(db, &id, &key)).await
    }

    async fn metric_history(&self, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        let (id, key) = (id.clone(), key.to_owned());
        self.read(move |db| P::history(db, &id, &key)).await
    }

    async fn history_since(&self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
        let (id, key, cursor) = (id.clone(), key.to_owned(), cursor.clone());
        self.read(move |db| P::history_since(db, &id, &key, &cursor)).await
    }

    async fn histories_since(
        &self,
        id: &RunId,
        wanted: &[(String, HistoryCursor)],
    ) -> Inner<Vec<HistoryPart>> {
        let (id, wanted) = (id.clone(), wanted.to_vec());
        let (here, gone) = Listener::new();
        let parts = self.ask(move |place| place.histories_since(&id, &wanted, &gone)).await;
        drop(here);
        parts
    }

    async fn history_page(&self, id: &RunId, key: &str, from: &HistoryCursor) -> Inner<HistoryPage> {
        let (id, key, from) = (id.clone(), key.to_owned(), from.clone());
        self.read(move |db| importing::history_page(db, &id, &key, &from)).await
    }

    async fn all_points(&self, runs: &[Run], most: usize) -> Inner<Vec<Option<Vec<Metric>>>> {
        let ids: Vec<RunId> = runs.iter().map(|run| run.info.run_id.clone()).collect();
        self.read(move |db| ids.iter().map(|id| importing::points_of(db, id, most)).collect()).await
    }

    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        let (ids, key) = (ids.to_vec(), key.to_owned());
        self.ask(move |place| place.summaries(&ids, &key, part)).await
    }

    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
        let (ids, key) = (ids.to_vec(), key.to_owned());
        self.ask(move |place| histories::sampled(place, ids, &key, max_points)).await
    }

    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        let (scan, place) = (scan.clone(), Arc::clone(&self.place));
        behind_others(move || place.scan(&scan, &sink)).await
    }

    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Inner<Changes> {
        let (scan, seen, watched) = (scan.clone(), cursor.clone(), watched.to_vec());
        let (changes, now) = self.ask(move |place| place.changes(&scan, &seen, &watched)).await?;
        if let Some(now) = now {
            *cursor = now;
        }
        Ok(changes)
    }
}

#[async_trait]
impl<P: Place> Artifacts for SqlStore<P> {
    async fn files(&self, of: &FilesOf) -> Inner<Arc<dyn FileTree>> {
        let files = of.clone();
        let what = format!("the file system of {of}");
        match self.look(what, move |asked, goes_on| artifacts::tree(asked, &files, goes_on)).await? {
            Kept::Here(tree) => Ok(Arc::new(tree)),
            Kept::There(uri) => self.there(&uri).await?.tree().await,
        }
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Inner<ArtifactList> {
        let (id, folder) = (id.clone(), path.to_owned());
        let what = format!("the folder {path:?} of run {id}");
        match self.look(what, move |asked, goes_on| artifacts::list(asked, &id, &folder, goes_on)).await? {
            Kept::Here(list) => Ok(list),
            Kept::There(uri) => self.there(&uri).await?.list(path).await,
        }
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Inner<Vec<u8>> {
        let (id, file) = (id.clone(), path.to_owned());
        let what = format!("the file system of {path:?}");
        match self.look(what, move |asked, goes_on| artifacts::read(asked, &id, &file, most, goes_on)).await?
        {
            Kept::Here(content) => Ok(content),
            Kept::There(uri) => self.there(&uri).await?.read(path, most).await,
        }
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
        let (id, file, bytes) = (id.clone(), path.to_owned(), content.to_vec());
        let service = self.service.clone();
        let work = move |place: &P| {
            artifacts::write(&Asked { place, service: service.as_deref() }, &id, &file, &bytes)
        };
        match self.ask(work).await? {
            Kept::Here(()) => Ok(()),
            Kept::There(uri) => self.there(&uri).await?.put(path, content).await,
        }
    }

    async fn check_artifacts(&self, experiment: &ExperimentId) -> Inner<()> {
        let id = experiment.clone();
        let what = format!("the file system of the files of experiment {id}");
        match self.look(what, move |asked, goes_on| artifacts::check(asked, &id, goes_on)).await? {
            Kept::Here(()) => Ok(()),
            Kept::There(uri) => self.there(&uri).await?.check().await,
        }
    }
}

#[async_trait]
impl<P: Place> Registry for SqlStore<P> {
    async fn registered_models(&self, _: Option<&str>) -> Inner<ModelPage> {
        let models = self.read(registry::models).await?;
        Ok(ModelPage { models, ..ModelPage::default() })
    }

    async fn create_registered_model(&self, name: &str) -> Inner<()> {
        let name = name.to_owned();
        self.write(move |db| registry::create_model(db, &name)).await
    }

    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel> {
        let name = name.to_owned();
        self.read(move |db| registry::model(db, &name)).await
    }

    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()> {
        let (name, new) = (name.to_owned(), new.to_owned());
        self.write(move |db| registry::rename_model(db, &name, &new)).await
    }

    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()> {
        let (name, description) = (name.to_owned(), description.to_owned());
        self.write(move |db| registry::describe_model(db, &name, &description)).await
    }

    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()> {
        let (name, tag) = (name.to_owned(), tag.clone());
        self.write(move |db| registry::set_model_tag(db, &name, &tag)).await
    }

    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.write(move |db| registry::delete_model_tag(db, &name, &key)).await
    }

    async fn delete_registered_model(&self, name: &str) -> Inner<()> {
        let name = name.to_owned();
        self.write(move |db| registry::delete_model(db, &name)).await
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Inner<ModelVersion> {
        let (name, source, run_id, tags) =
            (name.to_owned(), source.to_owned(), run_id.cloned(), tags.to_vec());
        self.write(move |db| registry::create_version(db, &name, &source, run_id.as_ref(), &tags)).await
    }

    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        let name = name.to_owned();
        self.read(move |db| registry::version(db, &name, version)).await
    }

    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>> {
        let name = name.to_owned();
        self.read(move |db| registry::versions(db, &name)).await
    }

    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
        let runs = runs.to_vec();
        self.read(move |db| registry::versions_of(db, &runs)).await
    }

    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()> {
        let (name, description) = (name.to_owned(), description.to_owned());
        self.write(move |db| registry::describe_version(db, &name, version, &description)).await
    }

    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()> {
        let (name, tag) = (name.to_owned(), tag.clone());
        self.write(move |db| registry::set_version_tag(db, &name, version, &tag)).await
    }

    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.write(move |db| registry::delete_version_tag(db, &name, version, &key)).await
    }

    async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()> {
        let name = name.to_owned();
        self.write(move |db| registry::set_stage(db, &name, version, stage, archives_others)).await
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        let name = name.to_owned();
        self.write(move |db| registry::delete_version(db, &name, version)).await
    }

    async fn has_aliases(&self) -> Inner<bool> {
        self.read(|db| Ok(db.layout().aliases)).await
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.write(move |db| registry::set_alias(db, &name, &alias, version)).await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.write(move |db| registry::delete_alias(db, &name, &alias)).await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.read(move |db| registry::version_by_alias(db, &name, &alias)).await
    }
}
