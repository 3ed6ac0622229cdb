//! What a place of runs must do, and what it may do besides.
//!
//! A backend is asked only by [`Store`](super::Store): that limits are kept and that it may be written to is looked at
//! there, and so are the names of operations. What a backend cannot do better than by its other methods has a body here.

#![expect(missing_docs, reason = "what methods do and when they fail is said where everybody calls them")]

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{
    ArtifactList, Capabilities, Changes, Cursor, ErrorKind, FileTree, FilesOf, HistoryCursor, HistoryPage,
    HistoryPart, ImportedRun, ModelPage, NewModel, NewRun, RunBatch, RunCount, RunPage, RunSearch, RunUpdate,
    Scan, StoreInfo, UsedDataset, sample_indices,
};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId, ModelStage,
    ModelVersion, Param, Part, RegisteredModel, Run, RunId, RunInfo, Summary, Tag, ViewType,
};

/// What a call comes to within a backend: failures know what went wrong, and are told of which operation where they
/// leave it.
pub type Inner<T> = std::result::Result<T, ErrorKind>;

/// A place that keeps experiments and runs. Every write is whole or not at all, but for `log_batch`, whose metrics,
/// params and tags a server writes one kind after the other.
///
/// What each method answers, and when it fails, says the method of the same name of [`Store`](super::Store).
#[async_trait]
pub trait Backend: Any + Send + Sync + Debug {
    /// How it is best asked; always the same.
    fn capabilities(&self) -> Capabilities;
    async fn info(&self) -> Inner<StoreInfo>;
    /// Whether there is anything yet: the file of a local store is made by the first write.
    fn is_begun(&self) -> bool {
        true
    }
    /// Makes a store that never was; one that went away is not made anew.
    async fn begin(&self) -> Inner<()> {
        Ok(())
    }

    /// Whether another one is the same place, whatever their addresses; none where that cannot be told.
    async fn is_same_place(&self, _: &dyn Backend) -> Inner<Option<bool>> {
        Ok(None)
    }

    /// The workspaces that it has, in any order; none where it knows no such thing.
    async fn workspaces(&self) -> Inner<Vec<String>> {
        Ok(Vec::new())
    }

    // The parts that not every place has
    fn artifacts(&self) -> Option<&dyn Artifacts> {
        None
    }
    fn registry(&self) -> Option<&dyn Registry> {
        None
    }
    fn logged_models(&self) -> Option<&dyn LoggedModels> {
        None
    }
    fn imports(&self) -> Option<&dyn Imports> {
        None
    }

    // Experiments
    async fn search_experiments(&self, view: ViewType) -> Inner<Vec<Experiment>>;
    async fn get_experiment(&self, id: &ExperimentId) -> Inner<Experiment>;
    /// Asked for only where [`Capabilities::counts_runs`] is set.
    async fn run_counts(&self) -> Inner<HashMap<ExperimentId, RunCount>> {
        Ok(HashMap::new())
    }
    /// Asked for only where [`Capabilities::counts_runs`] is set.
    async fn latest_experiment(&self) -> Inner<Option<ExperimentId>> {
        Ok(None)
    }
    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Inner<ExperimentId>;
    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Inner<()>;
    async fn delete_experiment(&self, id: &ExperimentId) -> Inner<()>;
    async fn restore_experiment(&self, id: &ExperimentId) -> Inner<()>;
    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Inner<()>;
    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Inner<()>;

    // Runs
    async fn create_run(&self, run: &NewRun) -> Inner<Run>;
    async fn get_run(&self, id: &RunId) -> Inner<Run>;
    async fn search_runs(&self, search: &RunSearch) -> Inner<RunPage>;
    /// The token of the page behind so many runs of a search, where tokens are told in advance.
    fn page_token(&self, _offset: usize) -> Option<String> {
        None
    }
    async fn log_batch(&self, id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Inner<()>;
    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Inner<()>;
    /// The data sets of the runs of an experiment; none where the runs have to be looked at.
    async fn data_sets(&self, _: &ExperimentId, _: ViewType) -> Inner<Option<Vec<UsedDataset>>> {
        Ok(None)
    }
    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Inner<()>;
    async fn delete_run(&self, id: &RunId) -> Inner<()>;
    async fn restore_run(&self, id: &RunId) -> Inner<()>;
    async fn set_tag(&self, id: &RunId, tag: &Tag) -> Inner<()> {
        self.log_batch(id, &[], &[], std::slice::from_ref(tag)).await
    }
    async fn delete_tag(&self, id: &RunId, key: &str) -> Inner<()>;

    // Metric histories
    async fn metric_history(&self, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>>;
    /// The points that are behind a cursor, or all where that cannot be told.
    async fn history_since(&self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
        let _ = cursor;
        let points = self.metric_history(id, key).await?;
        Ok(HistoryPart { points, replaces: true, cursor: HistoryCursor::START })
    }
    /// The same of several metrics of one run, in their order.
    async fn histories_since(
        &self,
        id: &RunId,
        wanted: &[(String, HistoryCursor)],
    ) -> Inner<Vec<HistoryPart>> {
        let mut parts = Vec::with_capacity(wanted.len());
        for (key, cursor) in wanted {
            parts.push(self.history_since(id, key, cursor).await?);
        }
        Ok(parts)
    }
    /// Some of the points from where a page ended on.
    async fn history_page(&self, id: &RunId, key: &str, from: &HistoryCursor) -> Inner<HistoryPage> {
        let _ = from;
        Ok(HistoryPage { points: self.metric_history(id, key).await?, next: None })
    }
    /// All points of all metrics of each run; none for a run that has more than so many.
    async fn all_points(&self, runs: &[Run], most: usize) -> Inner<Vec<Option<Vec<Metric>>>> {
        let mut found = Vec::with_capacity(runs.len());
        for run in runs {
            let mut points = Some(Vec::new());
            for Metric { key, .. } in &run.metrics {
                let mut from = Some(HistoryCursor::START);
                while let (Some(cursor), Some(known)) = (from.take(), &mut points) {
                    let page = self.history_page(&run.info.run_id, key, &cursor).await?;
                    known.extend(page.points.into_iter().map(|point| point.of(key)));
                    from = page.next;
                    if known.len() > most {
                        points = None;
                    }
                }
            }
            found.push(points);
        }
        Ok(found)
    }
    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
        let mut histories = Vec::with_capacity(ids.len());
        for id in ids {
            let points = self.metric_history(id, key).await?;
            if !points.is_empty() {
                let sample = sample_indices(points.len(), max_points).map(|at| points[at]).collect();
                histories.push((id.clone(), sample));
            }
        }
        Ok(histories)
    }
    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        let mut summaries = Vec::with_capacity(ids.len());
        for id in ids {
            let points = self.metric_history(id, key).await?;
            summaries.extend(Summary::of_part(points, part).map(|summary| (id.clone(), summary)));
        }
        Ok(summaries)
    }

    // The whole of an experiment, and what changed in it
    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Inner<Cursor>;
    /// A cursor of another backend asks for a reload. After a failure it stays where it was.
    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Inner<Changes>;
}

/// Files of runs; paths are relative to the run's root.
#[async_trait]
pub trait Artifacts: Send + Sync {
    async fn files(&self, of: &FilesOf) -> Inner<Arc<dyn FileTree>>;
    async fn list_artifacts(&self, id: &RunId, path: &str) -> Inner<ArtifactList>;
    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Inner<Vec<u8>>;
    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Inner<()>;
    async fn check_artifacts(&self, experiment: &ExperimentId) -> Inner<()> {
        let _ = experiment;
        Ok(())
    }
}

/// Registered models, their versions and aliases.
#[async_trait]
pub trait Registry: Send + Sync {
    /// A page of all models, by name. Whoever asks leaves prompts out.
    async fn registered_models(&self, token: Option<&str>) -> Inner<ModelPage>;
    async fn create_registered_model(&self, name: &str) -> Inner<()>;
    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel>;
    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()>;
    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()>;
    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()>;
    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()>;
    async fn delete_registered_model(&self, name: &str) -> Inner<()>;
    /// Whether a version could be made of that, as far as it is known.
    async fn check_registering(&self, name: &str, source: &str) -> Inner<()> {
        let _ = (name, source);
        Ok(())
    }
    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Inner<ModelVersion>;
    /// Finishes a version that is unfinished, where making one takes several steps.
    async fn complete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        let _ = (name, version);
        Ok(())
    }
    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion>;
    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>>;
    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>>;
    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()>;
    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()>;
    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()>;
    async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()>;
    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()>;
    async fn has_aliases(&self) -> Inner<bool> {
        Ok(true)
    }
    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()>;
    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()>;
    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion>;
}

/// Models as entities of their own, as MLflow 3 has them.
#[async_trait]
pub trait LoggedModels: Send + Sync {
    async fn get_logged_model(&self, id: &ModelId) -> Inner<LoggedModel>;
    async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>>;
    async fn logged_models_in(&self, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>>;
    async fn create_logged_model(&self, model: &NewModel) -> Inner<LoggedModel>;
    async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Inner<()>;
    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Inner<()>;
    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()>;
    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Inner<()>;
}

/// Takes things over from another store as they were there: with their ids and their times, which a server of MLflow's gives
/// out by itself.
#[async_trait]
pub trait Imports: Send + Sync {
    async fn import_experiment(&self, experiment: &Experiment) -> Inner<ExperimentId>;
    async fn finish_experiment(&self, id: &ExperimentId, as_it_was: &Experiment) -> Inner<()>;
    async fn import_runs(&self, runs: &[ImportedRun]) -> Inner<()>;
    async fn forget_history(&self, run: &RunId, key: &str) -> Inner<()>;
    async fn finish_run(&self, as_it_was: &RunInfo, mark: &str) -> Inner<()>;
    async fn imports_logged_models(&self) -> Inner<bool>;
    /// Makes a store that never was, so that it can keep logged models.
    async fn begin_for_logged_models(&self) -> Inner<()> {
        Ok(())
    }
    async fn import_logged_model(&self, model: &LoggedModel) -> Inner<()>;
    async fn import_model_version(&self, version: &ModelVersion) -> Inner<()>;
    async fn finish_registered_model(&self, as_it_was: &RegisteredModel) -> Inner<()>;
}
