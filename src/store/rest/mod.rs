//! An MLflow tracking server, spoken to over its REST interface (MLflow 2.22 and later).

mod answer;
mod artifacts;
mod body;
mod changes;
mod client;
mod cutting;
mod failure;
mod histories;
mod logging;
mod models;
mod options;
mod paging;
pub mod proxy;
mod received;
mod registry;
mod tls;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

use answer::Answer;
pub use changes::Seen;
pub use client::address;
use client::{Client, Repeat};
pub use options::{Auth, Observer, RestOptions, Waiting};
use wire::required;

use super::error::During;
use super::pages::Pages;
use super::{
    ArtifactList, Changes, Cursor, ErrorKind, HistoryCursor, HistoryPart, NewModel, NewRun, Result, RunBatch,
    RunPage, RunSearch, RunUpdate, Scan, StoreInfo, TrackingStore,
};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId, ModelVersion,
    Param, Part, RegisteredModel, Run, RunId, RunStatus, Summary, Tag, ViewType, limits, tags,
};

/// Ids in one bulk request: MLflow takes 100, but the web server of 2.22 refuses request lines over 4,094 bytes.
const BULK_IDS: usize = 90;

/// Whole histories that are asked for side by side: a server with few workers has others to serve.
const SUMMARIES: usize = 4;

/// The token of the page that begins behind so many runs: MLflow's tokens are plain offsets.
pub fn page_token(offset: usize) -> String {
    paging::token_at(offset)
}

/// A tracking server.
#[derive(Debug)]
pub struct RestStore {
    client: Arc<Client>,
    read_only: bool,
}

impl RestStore {
    pub fn new(base: &Url, options: RestOptions, read_only: bool) -> Result<Self> {
        let client = Client::new(base, options).during("prepare the connection")?;
        Ok(Self { client: Arc::new(client), read_only })
    }

    fn may_write(&self, operation: &str) -> Result<()> {
        if self.read_only {
            return Err(ErrorKind::ReadOnly("the profile is read_only".into())).during(operation);
        }
        Ok(())
    }

    async fn write(&self, operation: String, repeat: Repeat, path: &str, body: Value) -> Result<Answer> {
        self.may_write(&operation)?;
        self.client.post(path, &body, repeat).await.during(operation)
    }
}

#[async_trait]
impl TrackingStore for RestStore {
    async fn info(&self) -> Result<StoreInfo> {
        let operation = "ask the server for its version";
        let version = match self.client.text("version").await {
            Ok(version) if version.len() < 40 && !version.contains('<') => version.trim().to_owned(),
            Ok(_) => {
                return Err(ErrorKind::Protocol("no version number under /version".into())).during(operation);
            }
            Err(ErrorKind::NotFound(_)) => "of an unknown version".to_owned(),
            Err(kind) => return Err(kind).during(operation),
        };
        let mut notes = Vec::new();
        // Only MLflow 3 says more of itself; that others do not is no failure.
        if let Ok(answer) = self.client.get("3.0/mlflow/server-info", &[]).await
            && let Ok(store) = answer.required("store_type", wire::text)
        {
            notes.push(format!("backed by {store}"));
        }
        Ok(StoreInfo {
            kind: format!("MLflow server {version}"),
            location: self.client.base().to_owned(),
            revision: None,
            writable: !self.read_only,
            notes,
        })
    }

    async fn search_experiments(&self, view: ViewType) -> Result<Vec<Experiment>> {
        let mut experiments = Vec::new();
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        loop {
            let body = json!({ "max_results": 1000, "view_type": view.as_str(), "page_token": token });
            let answer = self
                .client
                .search("2.0/mlflow/experiments/search", &body)
                .await
                .during("list experiments")?;
            let list = answer.list("experiments", wire::experiment).during("list experiments")?;
            let next = pages.next(answer.next_token(), list.things.len(), list.weight);
            experiments.extend(list.things);
            token = next.during("list experiments")?;
            if token.is_none() {
                break;
            }
        }
        if experiments.is_empty() {
            self.client.confirm().await.during("list experiments")?;
        }
        Ok(experiments)
    }

    async fn get_experiment(&self, id: &ExperimentId) -> Result<Experiment> {
        let operation = format!("read experiment {id}");
        let query = [("experiment_id", id.as_str())];
        let answer = self.client.get("2.0/mlflow/experiments/get", &query).await.during(&operation)?;
        answer.required("experiment", wire::experiment).during(operation)
    }

    async fn run_counts(&self) -> Result<Option<HashMap<ExperimentId, u64>>> {
        Ok(None)
    }

    async fn latest_experiment(&self) -> Result<Option<ExperimentId>> {
        Ok(None)
    }

    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Result<ExperimentId> {
        let operation = format!("create experiment {name:?}");
        limits::check_experiment_name(name).during(&operation)?;
        tags.iter().try_for_each(limits::check_tag).during(&operation)?;
        let body = json!({ "name": name, "tags": wire::pairs(tags) });
        let answer =
            self.write(operation.clone(), Repeat::Never, "2.0/mlflow/experiments/create", body).await?;
        answer.required("experiment_id", wire::text).map(ExperimentId).during(operation)
    }

    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Result<()> {
        let operation = format!("rename experiment {id}");
        limits::check_experiment_name(name).during(&operation)?;
        let body = json!({ "experiment_id": id, "new_name": name });
        self.write(operation, Repeat::Safe, "2.0/mlflow/experiments/update", body).await.map(drop)
    }

    async fn delete_experiment(&self, id: &ExperimentId) -> Result<()> {
        let body = json!({ "experiment_id": id });
        self.write(format!("delete experiment {id}"), Repeat::Never, "2.0/mlflow/experiments/delete", body)
            .await
            .map(drop)
    }

    async fn restore_experiment(&self, id: &ExperimentId) -> Result<()> {
        let body = json!({ "experiment_id": id });
        self.write(format!("restore experiment {id}"), Repeat::Never, "2.0/mlflow/experiments/restore", body)
            .await
            .map(drop)
    }

    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Result<()> {
        let operation = format!("tag experiment {id}");
        limits::check_tag(tag).during(&operation)?;
        let body = json!({ "experiment_id": id, "key": tag.key, "value": tag.value });
        self.write(operation, Repeat::Safe, "2.0/mlflow/experiments/set-experiment-tag", body).await.map(drop)
    }

    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Result<()> {
        const PATH: &str = "2.0/mlflow/experiments/delete-experiment-tag";
        let operation = format!("delete a tag of experiment {id}");
        self.may_write(&operation)?;
        let body = json!({ "experiment_id": id, "key": key });
        let result = self.client.post(PATH, &body, Repeat::Safe).await;
        result
            .map(drop)
            .map_err(|kind| kind.no_route("way to delete a tag of an experiment"))
            .during(operation)
    }

    async fn create_run(&self, run: &NewRun) -> Result<Run> {
        let operation = format!("create a run in experiment {}", run.experiment_id);
        run.tags.iter().try_for_each(limits::check_tag).during(&operation)?;
        let mut all_tags = run.tags.clone();
        if let Some(name) = &run.run_name
            && !all_tags.iter().any(|tag| tag.key == tags::RUN_NAME)
        {
            all_tags.push(Tag::new(tags::RUN_NAME, name));
        }
        let body = json!({
            "experiment_id": run.experiment_id, "user_id": run.user_id, "run_name": run.run_name,
            "start_time": run.start_time, "tags": wire::pairs(&all_tags),
        });
        let answer = self.write(operation.clone(), Repeat::Never, "2.0/mlflow/runs/create", body).await?;
        answer.required("run", wire::run).during(operation)
    }

    async fn get_run(&self, id: &RunId) -> Result<Run> {
        let operation = format!("read run {id}");
        let answer =
            self.client.get("2.0/mlflow/runs/get", &[("run_id", id.as_str())]).await.during(&operation)?;
        answer.required("run", wire::run).during(operation)
    }

    async fn search_runs(&self, search: &RunSearch) -> Result<RunPage> {
        paging::search(&self.client, search).await.during("search runs")
    }

    async fn log_batch(
        &self,
        id: &RunId,
        metrics: &[Metric],
        params: &[Param],
        new_tags: &[Tag],
    ) -> Result<()> {
        let operation = format!("log to run {id}");
        self.may_write(&operation)?;
        limits::check_batch(metrics, params, new_tags).during(&operation)?;
        for body in wire::log_batches(id, metrics, params, new_tags) {
            logging::log_body(&self.client, body).await.during(&operation)?;
        }
        // A batch writes the tag of the name without the name.
        if let Some(name) = new_tags.iter().find(|tag| tag.key == tags::RUN_NAME) {
            self.set_tag(id, name).await?;
        }
        Ok(())
    }

    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Result<()> {
        let body = json!({ "run_id": id, "datasets": inputs.iter().map(wire::dataset_input_json).collect::<Vec<_>>() });
        self.write(format!("log data sets to run {id}"), Repeat::Safe, "2.0/mlflow/runs/log-inputs", body)
            .await
            .map(drop)
    }

    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Result<()> {
        let mut body = json!({ "run_id": id });
        for (key, value) in [
            ("status", update.status.map(RunStatus::as_str).map(Value::from)),
            ("end_time", update.end_time.map(Value::from)),
            ("run_name", update.run_name.clone().map(Value::from)),
        ] {
            if let Some(value) = value {
                body[key] = value;
            }
        }
        self.write(format!("update run {id}"), Repeat::Safe, "2.0/mlflow/runs/update", body).await.map(drop)
    }

    async fn delete_run(&self, id: &RunId) -> Result<()> {
        let body = json!({ "run_id": id });
        self.write(format!("delete run {id}"), Repeat::Safe, "2.0/mlflow/runs/delete", body).await.map(drop)
    }

    async fn restore_run(&self, id: &RunId) -> Result<()> {
        let body = json!({ "run_id": id });
        self.write(format!("restore run {id}"), Repeat::Safe, "2.0/mlflow/runs/restore", body).await.map(drop)
    }

    async fn set_tag(&self, id: &RunId, tag: &Tag) -> Result<()> {
        let operation = format!("tag run {id}");
        limits::check_tag(tag).during(&operation)?;
        let body = json!({ "run_id": id, "key": tag.key, "value": tag.value });
        self.write(operation, Repeat::Safe, "2.0/mlflow/runs/set-tag", body).await.map(drop)
    }

    async fn delete_tag(&self, id: &RunId, key: &str) -> Result<()> {
        let body = json!({ "run_id": id, "key": key });
        self.write(
            format!("delete tag {key:?} of run {id}"),
            Repeat::Never,
            "2.0/mlflow/runs/delete-tag",
            body,
        )
        .await
        .map(drop)
    }

    async fn metric_history(&self, id: &RunId, key: &str) -> Result<Vec<MetricPoint>> {
        histories::whole(&self.client, id, key).await.during(format!("read the history of {key:?}"))
    }

    async fn history_since(&self, id: &RunId, key: &str, cursor: HistoryCursor) -> Result<HistoryPart> {
        histories::since(&self.client, id, key, cursor).await.during(format!("read the history of {key:?}"))
    }

    fn summary_batch(&self) -> usize {
        SUMMARIES
    }

    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Result<Vec<(RunId, Summary)>> {
        let read = |id| histories::summary(&self.client, id, key, part);
        let found = futures_util::future::try_join_all(ids.iter().map(read));
        let found = found.await.during(format!("read the history of {key:?}"))?;
        let known = ids.iter().zip(found);
        Ok(known.filter_map(|(id, summary)| Some((id.clone(), summary?))).collect())
    }

    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Result<Vec<(RunId, Vec<MetricPoint>)>> {
        let operation = format!("read histories of {key:?}");
        let mut histories: Vec<(RunId, Vec<MetricPoint>)> = Vec::new();
        let max_points = max_points.clamp(1, 2500).to_string();
        for chunk in ids.chunks(BULK_IDS) {
            let mut query = vec![("metric_key", key), ("max_results", &max_points)];
            query.extend(chunk.iter().map(|id| ("run_ids", id.as_str())));
            let answer = self
                .client
                .get("2.0/mlflow/metrics/get-history-bulk-interval", &query)
                .await
                .during(&operation)?;
            let points = answer
                .list("metrics", |value| Ok((required(value, "run_id", wire::text)?, wire::point(value)?)));
            for (id, point) in points.during(&operation)?.things {
                match histories.iter_mut().rfind(|(known, _)| known.as_str() == id) {
                    Some((_, points)) => points.push(point),
                    None => histories.push((RunId(id), vec![point])),
                }
            }
        }
        for (_, points) in &mut histories {
            points.sort_by(super::by_step);
        }
        Ok(histories)
    }

    async fn list_artifacts(&self, id: &RunId, path: &str) -> Result<ArtifactList> {
        artifacts::list(&self.client, id, path).await.during(format!("list the artifacts of run {id}"))
    }

    async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Result<Vec<u8>> {
        let uri = self.get_run(id).await?.info.artifact_uri;
        artifacts::read(&self.client, id, &uri, path, most).await.during(format!("read artifact {path:?}"))
    }

    async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Result<()> {
        let operation = format!("write artifact {path:?}");
        self.may_write(&operation)?;
        let uri = self.get_run(id).await?.info.artifact_uri;
        artifacts::write(&self.client, id, &uri, path, content).await.during(operation)
    }

    async fn check_artifacts(&self, _: &ExperimentId) -> Result<()> {
        // The server hands them on, wherever they go.
        Ok(())
    }

    async fn create_registered_model(&self, name: &str) -> Result<()> {
        let operation = format!("register model {name:?}");
        self.may_write(&operation)?;
        registry::create_model(&self.client, name).await.during(operation)
    }

    async fn get_registered_model(&self, name: &str) -> Result<RegisteredModel> {
        registry::model(&self.client, name).await.during(format!("read model {name:?}"))
    }

    async fn delete_registered_model(&self, name: &str) -> Result<()> {
        let operation = format!("delete model {name:?}");
        self.may_write(&operation)?;
        registry::delete_model(&self.client, name).await.during(operation)
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        new_tags: &[Tag],
    ) -> Result<ModelVersion> {
        let operation = format!("add a version to model {name:?}");
        self.may_write(&operation)?;
        registry::create_version(&self.client, name, source, run_id, new_tags).await.during(operation)
    }

    async fn model_versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        registry::versions(&self.client, name).await.during(format!("list the versions of model {name:?}"))
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Result<()> {
        let operation = format!("delete version {version} of model {name:?}");
        self.may_write(&operation)?;
        registry::delete_version(&self.client, name, version).await.during(operation)
    }

    async fn has_aliases(&self) -> Result<bool> {
        Ok(registry::has_aliases(&self.client).await)
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Result<()> {
        let operation = format!("set alias {alias:?} of model {name:?}");
        self.may_write(&operation)?;
        registry::set_alias(&self.client, name, alias, version).await.during(operation)
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Result<()> {
        let operation = format!("delete alias {alias:?} of model {name:?}");
        self.may_write(&operation)?;
        registry::delete_alias(&self.client, name, alias).await.during(operation)
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        registry::version_by_alias(&self.client, name, alias)
            .await
            .during(format!("read model {name}@{alias}"))
    }

    async fn get_logged_model(&self, id: &ModelId) -> Result<LoggedModel> {
        models::read(&self.client, id).await.during(format!("read logged model {id}"))
    }

    async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Result<Vec<LoggedModel>> {
        models::of_run(&self.client, experiment, run).await.during(format!("list the models of run {run}"))
    }

    async fn create_logged_model(&self, model: &NewModel) -> Result<LoggedModel> {
        let operation = format!("create model {:?}", model.name);
        self.may_write(&operation)?;
        // Before there is a model that nobody could finish.
        let location = self.get_experiment(&model.experiment_id).await?.artifact_location;
        artifacts::need_service(&location).during(&operation)?;
        models::create(&self.client, model).await.during(operation)
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId) -> Result<()> {
        let operation = format!("log model {model} of run {run}");
        self.may_write(&operation)?;
        models::link(&self.client, run, model).await.during(operation)
    }

    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: &Dataset,
    ) -> Result<()> {
        let operation = format!("log metrics of model {model}");
        self.may_write(&operation)?;
        limits::check_batch(metrics, &[], &[]).during(&operation)?;
        logging::log_model_metrics(&self.client, run, model, metrics, dataset).await.during(operation)
    }

    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Result<()> {
        let operation = format!("write {path:?} of model {}", model.model_id);
        self.may_write(&operation)?;
        artifacts::write_model(&self.client, &model.artifact_location, path, content).await.during(operation)
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Result<()> {
        let operation = format!("finish model {id}");
        self.may_write(&operation)?;
        models::finish(&self.client, id, is_whole).await.during(operation)
    }

    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Result<Cursor> {
        let operation = format!("read the runs of experiment {}", scan.experiment_id);
        let seen = paging::scan(&self.client, scan, &sink).await.during(operation)?;
        Ok(Cursor::Rest(seen))
    }

    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Result<Changes> {
        let Cursor::Rest(seen) = cursor else {
            return Ok(Changes { reload: true, ..Changes::default() });
        };
        changes::changes(&self.client, scan, seen, watched).await.during("look for changes")
    }
}
