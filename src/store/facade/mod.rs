//! The store that everybody uses: experiments, runs and the whole of an experiment. What holds for every place is done
//! here, once; the rest is asked of the [`Backend`].

mod files;
mod histories;
mod imports;
mod models;
#[cfg(test)]
mod tests;

pub use files::Files;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::data_sets::Gathering;
use super::error::During;
use super::pages::each_page;
use super::{
    Backend, Capabilities, Changes, Cursor, ErrorKind, Inner, NewRun, Result, RunBatch, RunCount, RunPage,
    RunSearch, RunUpdate, Scan, StoreError, StoreInfo, UsedDataset,
};
use crate::mlflow::filter::parse;
use crate::mlflow::limits::{self, LimitError};
use crate::mlflow::{
    DatasetInput, Experiment, ExperimentId, Metric, NoExperiment, Param, Run, RunId, Tag, ViewType,
};

/// A place that keeps experiments, runs and models. Cheap to clone: all clones are one store.
///
/// # Errors
///
/// Every operation fails with a [`StoreError`], which names it. A write to a store that was opened read-only is
/// [`ErrorKind::ReadOnly`], and one that is over MLflow's limits [`ErrorKind::Limit`]: the backend never sees them. What
/// does not exist is [`ErrorKind::NotFound`], what a place does not have at all [`ErrorKind::Unsupported`]. Whether it is
/// worth trying again says [`StoreError::is_transient`].
#[derive(Debug, Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    read_only: bool,
}

impl Store {
    /// The store behind a backend. Nothing is asked of it yet.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Self { backend: Arc::new(backend), read_only: false }
    }

    /// The same store, to which nothing is written.
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// How this store is best asked.
    pub fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    /// Carries an operation out, and names it where it fails.
    async fn call<T>(
        &self,
        operation: impl Fn() -> String,
        work: impl Future<Output = Inner<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        let result = work.await;
        match &result {
            Ok(_) => tracing::trace!(operation = operation(), took = ?start.elapsed()),
            Err(error) => tracing::debug!(operation = operation(), took = ?start.elapsed(), %error),
        }
        result.map_err(|kind| StoreError::new(operation(), kind))
    }

    /// The same for what changes something: not where the store is read-only, nor what is over a limit.
    async fn write<T>(
        &self,
        operation: impl Fn() -> String,
        within_limits: Result<(), LimitError>,
        work: impl Future<Output = Inner<T>>,
    ) -> Result<T> {
        if self.read_only {
            return Err(ErrorKind::ReadOnly("it is opened read-only".into())).during(operation());
        }
        if let Err(limit) = within_limits {
            return Err(limit).during(operation());
        }
        self.call(operation, work).await
    }

    /// What the store says of itself.
    ///
    /// # Errors
    ///
    /// If it does not answer, or is no MLflow store.
    pub async fn info(&self) -> Result<StoreInfo> {
        let mut info = self.call(|| "connect to the store".into(), self.backend.info()).await?;
        info.writable &= !self.read_only;
        Ok(info)
    }

    /// Whether another store is the same place, by what both places say and not by their addresses; none where that cannot be
    /// told: of servers, of a database and another that follows it. Workspaces make no difference.
    ///
    /// # Errors
    ///
    /// If one of them does not answer.
    pub async fn is_same_place(&self, other: &Self) -> Result<Option<bool>> {
        if Arc::ptr_eq(&self.backend, &other.backend) {
            return Ok(Some(true));
        }
        let look = self.backend.is_same_place(&*other.backend);
        self.call(|| "tell two stores apart".into(), look).await
    }

    /// Whether there is anything yet: the file of a local store is made by the first write.
    pub fn is_begun(&self) -> bool {
        self.backend.is_begun()
    }

    /// Makes a store that never was; one that went away is not made anew.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or was there before and is gone.
    pub async fn begin(&self) -> Result<()> {
        if self.is_begun() {
            return Ok(());
        }
        self.write(|| "begin a store".into(), Ok(()), self.backend.begin()).await
    }
}

/// Experiments
impl Store {
    /// All experiments of a view, the newest first.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or sends what MLflow does not.
    pub async fn search_experiments(&self, view: ViewType) -> Result<Vec<Experiment>> {
        self.call(|| "list experiments".into(), self.backend.search_experiments(view)).await
    }

    /// The experiment of that name or, where none has it, of that id; deleted ones too. Whether there is one is an answer
    /// and no failure.
    ///
    /// # Errors
    ///
    /// As [`Self::search_experiments`].
    pub async fn find_experiment(&self, name: &str) -> Result<Result<Experiment, NoExperiment>> {
        Ok(Experiment::find(self.search_experiments(ViewType::All).await?, name))
    }

    /// An experiment, deleted or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this id.
    pub async fn get_experiment(&self, id: &ExperimentId) -> Result<Experiment> {
        self.call(|| format!("read experiment {id}"), self.backend.get_experiment(id)).await
    }

    /// How many runs each experiment has; `None` where counting means reading them all.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn run_counts(&self) -> Result<Option<HashMap<ExperimentId, RunCount>>> {
        if !self.capabilities().counts_runs {
            return Ok(None);
        }
        self.call(|| "count runs".into(), self.backend.run_counts()).await.map(Some)
    }

    /// The experiment of the run that was created last, where that is known without a search.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn latest_experiment(&self) -> Result<Option<ExperimentId>> {
        if !self.capabilities().counts_runs {
            return Ok(None);
        }
        self.call(|| "find the latest run".into(), self.backend.latest_experiment()).await
    }

    /// The workspaces, by name; none where the place knows no such thing, or no more than one.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn workspaces(&self) -> Result<Vec<String>> {
        let mut names = self.call(|| "list the workspaces".into(), self.backend.workspaces()).await?;
        names.sort_unstable();
        names.dedup();
        Ok(if names.len() > 1 { names } else { Vec::new() })
    }

    /// Creates an experiment and returns its id.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] if one has the name, be it deleted; [`ErrorKind::Limit`] for a name or a tag that
    /// MLflow does not take.
    pub async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Result<ExperimentId> {
        let limits = limits::check_experiment_name(name).and_then(|()| check_tags(tags));
        let work = self.backend.create_experiment(name, tags);
        self.write(|| format!("create experiment {name:?}"), limits, work).await
    }

    /// Gives an active experiment another name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::AlreadyExists`] if another one has the name, [`ErrorKind::Invalid`] if it
    /// is deleted, [`ErrorKind::Limit`].
    pub async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Result<()> {
        let limits = limits::check_experiment_name(name);
        let work = self.backend.rename_experiment(id, name);
        self.write(|| format!("rename experiment {id}"), limits, work).await
    }

    /// Deletes an experiment and with it its runs, so that both can be restored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none, or it is deleted already.
    pub async fn delete_experiment(&self, id: &ExperimentId) -> Result<()> {
        let work = self.backend.delete_experiment(id);
        self.write(|| format!("delete experiment {id}"), Ok(()), work).await
    }

    /// Restores a deleted experiment and its runs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none, or it is not deleted.
    pub async fn restore_experiment(&self, id: &ExperimentId) -> Result<()> {
        let work = self.backend.restore_experiment(id);
        self.write(|| format!("restore experiment {id}"), Ok(()), work).await
    }

    /// Sets a tag of an active experiment, in the place of one with the same key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] if it is deleted, [`ErrorKind::Limit`].
    pub async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Result<()> {
        let work = self.backend.set_experiment_tag(id, tag);
        self.write(|| format!("tag experiment {id}"), limits::check_tag(tag), work).await
    }

    /// Deletes a tag of an active experiment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if it has no such tag; [`ErrorKind::Unsupported`] by servers of MLflow 2.
    pub async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Result<()> {
        let work = self.backend.delete_experiment_tag(id, key);
        self.write(|| format!("delete a tag of experiment {id}"), Ok(()), work).await
    }
}

/// Runs
impl Store {
    /// Creates a run that is running. Without a name the store invents one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such experiment, [`ErrorKind::Invalid`] if it is deleted or name and name
    /// tag differ, [`ErrorKind::Limit`].
    pub async fn create_run(&self, run: &NewRun) -> Result<Run> {
        let operation = || format!("create a run in experiment {}", run.experiment_id);
        self.write(operation, check_tags(&run.tags), self.backend.create_run(run)).await
    }

    /// A run with its latest metrics, params, tags, inputs and models, deleted or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this id.
    pub async fn get_run(&self, id: &RunId) -> Result<Run> {
        self.call(|| format!("read run {id}"), self.backend.get_run(id)).await
    }

    /// A page of the runs that pass a filter. [`pages`](super::pages) follows them to the end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if the store does not take the filter, the order, the token or the number of results.
    pub async fn search_runs(&self, search: &RunSearch) -> Result<RunPage> {
        self.call(|| "search runs".into(), self.backend.search_runs(search)).await
    }

    /// The token of the page that begins behind so many runs of a search, where that is known without the pages before.
    pub fn page_token(&self, offset: usize) -> Option<String> {
        self.backend.page_token(offset)
    }

    /// Logs to an active run: points of metrics, params, which never change, and tags, which are overwritten. Any number
    /// of each; the same once more changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] if the run is deleted or a param has another value already,
    /// [`ErrorKind::Limit`] for keys and values that MLflow does not take.
    pub async fn log_batch(
        &self,
        id: &RunId,
        metrics: &[Metric],
        params: &[Param],
        tags: &[Tag],
    ) -> Result<()> {
        let limits = limits::check_batch(metrics, params, tags);
        let work = self.backend.log_batch(id, metrics, params, tags);
        self.write(|| format!("log to run {id}"), limits, work).await
    }

    /// Logs data sets as inputs of a run; the same once more changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] if the run is deleted.
    pub async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Result<()> {
        let work = self.backend.log_inputs(id, inputs);
        self.write(|| format!("log data sets to run {id}"), limits::check_inputs(inputs), work).await
    }

    /// The data sets of the runs of an experiment, by name and digest, with the runs that were given each. A server is asked
    /// for all runs that were given any.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn data_sets(&self, experiment: &ExperimentId, view: ViewType) -> Result<Vec<UsedDataset>> {
        let operation = || format!("list the data sets of experiment {experiment}");
        if let Some(found) = self.call(operation, self.backend.data_sets(experiment, view)).await? {
            return Ok(found);
        }
        let search = RunSearch {
            experiment_ids: vec![experiment.clone()],
            filter: parse("dataset.name LIKE '%'").unwrap_or_default(),
            view,
            max_results: self.capabilities().page,
            ..RunSearch::default()
        };
        let mut gathering = Gathering::default();
        each_page(self, search, usize::MAX, |runs| runs.iter().for_each(|run| gathering.add(run))).await?;
        Ok(gathering.finish())
    }

    /// Changes status, end time (milliseconds since the epoch) or name of an active run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] if the run is deleted.
    pub async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Result<()> {
        self.write(|| format!("update run {id}"), Ok(()), self.backend.update_run(id, update)).await
    }

    /// Deletes a run so that it can be restored; a deleted one stays deleted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this id.
    pub async fn delete_run(&self, id: &RunId) -> Result<()> {
        self.write(|| format!("delete run {id}"), Ok(()), self.backend.delete_run(id)).await
    }

    /// Restores a deleted run; an active one stays active.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this id.
    pub async fn restore_run(&self, id: &RunId) -> Result<()> {
        self.write(|| format!("restore run {id}"), Ok(()), self.backend.restore_run(id)).await
    }

    /// Sets a tag of an active run; that of its name renames it.
    ///
    /// # Errors
    ///
    /// As [`Self::log_batch`].
    pub async fn set_tag(&self, id: &RunId, tag: &Tag) -> Result<()> {
        let work = self.backend.set_tag(id, tag);
        self.write(|| format!("tag run {id}"), limits::check_tag(tag), work).await
    }

    /// Deletes a tag of an active run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such run, or it has no such tag.
    pub async fn delete_tag(&self, id: &RunId, key: &str) -> Result<()> {
        let work = self.backend.delete_tag(id, key);
        self.write(|| format!("delete tag {key:?} of run {id}"), Ok(()), work).await
    }
}

/// The whole of an experiment, and what changed in it
impl Store {
    /// Sends all runs of an experiment in blocks and returns where [`Self::changes`] goes on. Ends early, without
    /// an error, when the receiver is gone.
    ///
    /// # Errors
    ///
    /// If the store does not answer, or with [`ErrorKind::TooMuch`] for more than is ever read.
    pub async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Result<Cursor> {
        let operation = || format!("read the runs of experiment {}", scan.experiment_id);
        self.call(operation, self.backend.scan(scan, sink)).await
    }

    /// What changed since `cursor`, which moves on. `watched` are runs that are looked at anew in any case where
    /// the store cannot tell changes by itself.
    ///
    /// # Errors
    ///
    /// If the store does not answer; the cursor stays where it was.
    pub async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Result<Changes> {
        self.call(|| "refresh".into(), self.backend.changes(scan, cursor, watched)).await
    }
}

fn check_tags(tags: &[Tag]) -> Result<(), LimitError> {
    tags.iter().try_for_each(limits::check_tag)
}
