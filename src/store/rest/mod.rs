//! An MLflow tracking server, spoken to over its REST interface (MLflow 2.22 and later).

mod answer;
mod artifacts;
mod body;
mod changes;
mod client;
mod cutting;
mod failure;
mod files;
mod histories;
mod logging;
mod models;
mod options;
mod paging;
mod paths;
pub mod proxy;
mod received;
mod registry;
mod tls;
mod transfer;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use url::Url;

use answer::Answer;
use changes::ServerCursor;
use client::{Client, Repeat};
use files::Places;
pub use options::{Auth, Observer, RestOptions, WaitNotice};
pub use paths::address;
use wire::required;

use super::objects::{self, is_in_objects};
use super::pages::{Pages, token_at};
use super::{
    Artifacts, Backend, Capabilities, Changes, Cursor, ErrorKind, HistoryCursor, HistoryPage, HistoryPart,
    Inner, LoggedModels, ModelPage, NewModel, NewRun, Registry, RunBatch, RunPage, RunSearch, RunUpdate,
    Scan, StoreInfo,
};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId, ModelStage,
    ModelVersion, Param, Part, RegisteredModel, Run, RunId, RunStatus, Summary, Tag, ViewType, tags,
};

/// Ids in one bulk request: MLflow takes 100, but the web server of 2.22 refuses request lines over 4,094 bytes.
const BULK_IDS: usize = 90;

/// A tracking server.
#[derive(Debug)]
pub struct Rest {
    client: Arc<Client>,
    places: Places,
}

impl Rest {
    /// The server at an address. Nothing is sent to it yet.
    pub fn new(base: &Url, options: RestOptions) -> Inner<Self> {
        Ok(Self { client: Arc::new(Client::new(base, options)?), places: Places::default() })
    }

    async fn write(&self, repeat: Repeat, path: &str, body: Value) -> Inner<Answer> {
        self.client.post(path, &body, repeat).await
    }
}

#[async_trait]
impl Backend for Rest {
    fn capabilities(&self) -> Capabilities {
        Capabilities::SERVER
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
        let version = match self.client.text("version").await {
            Ok(version) if version.len() < 40 && !version.contains('<') => version.trim().to_owned(),
            Ok(_) => {
                return Err(ErrorKind::Protocol("no version number under /version".into()));
            }
            Err(ErrorKind::NotFound(_)) => "of an unknown version".to_owned(),
            Err(kind) => return Err(kind),
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
            writable: true,
            notes,
        })
    }

    async fn workspaces(&self) -> Inner<Vec<String>> {
        match self.client.get("3.0/mlflow/workspaces", &[]).await {
            Ok(answer) => Ok(answer.list("workspaces", wire::workspace)?.things),
            // It is older than workspaces, or has them turned off.
            Err(ErrorKind::Server { .. } | ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn search_experiments(&self, view: ViewType) -> Inner<Vec<Experiment>> {
        let mut experiments = Vec::new();
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        loop {
            let body = json!({ "max_results": 1000, "view_type": view.as_str(), "page_token": token });
            let answer = self.client.search("2.0/mlflow/experiments/search", &body).await?;
            let list = answer.list("experiments", wire::experiment)?;
            let next = pages.next(answer.next_token(), list.things.len(), list.weight);
            experiments.extend(list.things);
            token = next?;
            if token.is_none() {
                break;
            }
        }
        if experiments.is_empty() {
            self.client.confirm().await?;
        }
        Ok(experiments)
    }

    async fn get_experiment(&self, id: &ExperimentId) -> Inner<Experiment> {
        let query = [("experiment_id", id.as_str())];
        let answer = self.client.get("2.0/mlflow/experiments/get", &query).await?;
        answer.required("experiment", wire::experiment)
    }

    async fn create_experiment(&self, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
        let body = json!({ "name": name, "tags": wire::pairs(tags) });
        let answer = self.write(Repeat::Never, "2.0/mlflow/experiments/create", body).await?;
        answer.required("experiment_id", wire::text).map(ExperimentId)
    }

    async fn rename_experiment(&self, id: &ExperimentId, name: &str) -> Inner<()> {
        let body = json!({ "experiment_id": id, "new_name": name });
        self.write(Repeat::Safe, "2.0/mlflow/experiments/update", body).await.map(drop)
    }

    async fn delete_experiment(&self, id: &ExperimentId) -> Inner<()> {
        let body = json!({ "experiment_id": id });
        self.write(Repeat::Never, "2.0/mlflow/experiments/delete", body).await.map(drop)
    }

    async fn restore_experiment(&self, id: &ExperimentId) -> Inner<()> {
        let body = json!({ "experiment_id": id });
        self.write(Repeat::Never, "2.0/mlflow/experiments/restore", body).await.map(drop)
    }

    async fn set_experiment_tag(&self, id: &ExperimentId, tag: &Tag) -> Inner<()> {
        let body = json!({ "experiment_id": id, "key": tag.key, "value": tag.value });
        self.write(Repeat::Safe, "2.0/mlflow/experiments/set-experiment-tag", body).await.map(drop)
    }

    async fn delete_experiment_tag(&self, id: &ExperimentId, key: &str) -> Inner<()> {
        const PATH: &str = "2.0/mlflow/experiments/delete-experiment-tag";
        let body = json!({ "experiment_id": id, "key": key });
        let result = self.client.post(PATH, &body, Repeat::Safe).await;
        result.map(drop).map_err(|kind| kind.no_route("way to delete a tag of an experiment"))
    }

    async fn create_run(&self, run: &NewRun) -> Inner<Run> {
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
        let answer = self.write(Repeat::Never, "2.0/mlflow/runs/create", body).await?;
        answer.required("run", wire::run)
    }

    async fn get_run(&self, id: &RunId) -> Inner<Run> {
        let answer = self.client.get("2.0/mlflow/runs/get", &[("run_id", id.as_str())]).await?;
        answer.required("run", wire::run)
    }

    async fn search_runs(&self, search: &RunSearch) -> Inner<RunPage> {
        paging::search(&self.client, search).await
    }

    fn page_token(&self, offset: usize) -> Option<String> {
        Some(token_at(offset))
    }

    async fn log_batch(
        &self,
        id: &RunId,
        metrics: &[Metric],
        params: &[Param],
        new_tags: &[Tag],
    ) -> Inner<()> {
        for body in wire::log_batches(id, metrics, params, new_tags) {
            logging::log_body(&self.client, body).await?;
        }
        // A batch writes the tag of the name without the name.
        if let Some(name) = new_tags.iter().find(|tag| tag.key == tags::RUN_NAME) {
            self.set_tag(id, name).await?;
        }
        Ok(())
    }

    async fn log_inputs(&self, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
        let body = json!({ "run_id": id, "datasets": inputs.iter().map(wire::dataset_input_json).collect::<Vec<_>>() });
        self.write(Repeat::Safe, "2.0/mlflow/runs/log-inputs", body).await.map(drop)
    }

    async fn update_run(&self, id: &RunId, update: &RunUpdate) -> Inner<()> {
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
        self.write(Repeat::Safe, "2.0/mlflow/runs/update", body).await.map(drop)
    }

    async fn delete_run(&self, id: &RunId) -> Inner<()> {
        let body = json!({ "run_id": id });
        self.write(Repeat::Safe, "2.0/mlflow/runs/delete", body).await.map(drop)
    }

    async fn restore_run(&self, id: &RunId) -> Inner<()> {
        let body = json!({ "run_id": id });
        self.write(Repeat::Safe, "2.0/mlflow/runs/restore", body).await.map(drop)
    }

    async fn set_tag(&self, id: &RunId, tag: &Tag) -> Inner<()> {
        let body = json!({ "run_id": id, "key": tag.key, "value": tag.value });
        self.write(Repeat::Safe, "2.0/mlflow/runs/set-tag", body).await.map(drop)
    }

    async fn delete_tag(&self, id: &RunId, key: &str) -> Inner<()> {
        let body = json!({ "run_id": id, "key": key });
        self.write(Repeat::Never, "2.0/mlflow/runs/delete-tag", body).await.map(drop)
    }

    async fn metric_history(&self, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        histories::whole(&self.client, id, key).await
    }

    async fn history_since(&self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
        histories::since(&self.client, id, key, cursor).await
    }

    async fn history_page(&self, id: &RunId, key: &str, from: &HistoryCursor) -> Inner<HistoryPage> {
        histories::some(&self.client, id, key, from).await
    }

    async fn all_points(&self, runs: &[Run], most: usize) -> Inner<Vec<Option<Vec<Metric>>>> {
        histories::of_runs(self, runs, most).await
    }

    async fn metric_summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        let read = |id| histories::summary(&self.client, id, key, part);
        let found = futures_util::future::try_join_all(ids.iter().map(read));
        let found = found.await?;
        let known = ids.iter().zip(found);
        Ok(known.filter_map(|(id, summary)| Some((id.clone(), summary?))).collect())
    }

    async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
        let mut histories: Vec<(RunId, Vec<MetricPoint>)> = Vec::new();
        let max_points = max_points.clamp(1, 2500).to_string();
        for chunk in ids.chunks(BULK_IDS) {
            let mut query = vec![("metric_key", key), ("max_results", &max_points)];
            query.extend(chunk.iter().map(|id| ("run_ids", id.as_str())));
            let answer = self.client.get("2.0/mlflow/metrics/get-history-bulk-interval", &query).await?;
            let points = answer
                .list("metrics", |value| Ok((required(value, "run_id", wire::text)?, wire::point(value)?)));
            for (id, point) in points?.things {
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

    async fn scan(&self, scan: &Scan, sink: mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        paging::scan(&self.client, scan, &sink).await.map(Cursor::new)
    }

    async fn changes(&self, scan: &Scan, cursor: &mut Cursor, watched: &[RunId]) -> Inner<Changes> {
        let Some(mut seen) = cursor.get::<ServerCursor>().cloned() else {
            return Ok(Changes { reload: true, ..Changes::default() });
        };
        let changes = changes::changes(&self.client, scan, &mut seen, watched).await;
        *cursor = Cursor::new(seen);
        changes
    }
}

#[async_trait]
impl Registry for Rest {
    async fn registered_models(&self, token: Option<&str>) -> Inner<ModelPage> {
        registry::models(&self.client, token).await
    }

    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()> {
        registry::rename_model(&self.client, name, new).await
    }

    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()> {
        registry::describe_model(&self.client, name, description).await
    }

    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()> {
        registry::set_model_tag(&self.client, name, tag).await
    }

    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()> {
        registry::delete_model_tag(&self.client, name, key).await
    }

    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        registry::version(&self.client, name, version).await
    }

    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
        registry::versions_of(&self.client, runs).await
    }

    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()> {
        registry::describe_version(&self.client, name, version, description).await
    }

    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()> {
        registry::set_version_tag(&self.client, name, version, tag).await
    }

    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()> {
        registry::delete_version_tag(&self.client, name, version, key).await
    }

    async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()> {
        registry::set_stage(&self.client, name, version, stage, archives_others).await
    }

    async fn create_registered_model(&self, name: &str) -> Inner<()> {
        registry::create_model(&self.client, name).await
    }

    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel> {
        registry::model(&self.client, name).await
    }

    async fn delete_registered_model(&self, name: &str) -> Inner<()> {
        registry::delete_model(&self.client, name).await
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        new_tags: &[Tag],
    ) -> Inner<ModelVersion> {
        registry::create_version(&self.client, name, source, run_id, new_tags).await
    }

    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>> {
        registry::versions(&self.client, name).await
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        registry::delete_version(&self.client, name, version).await
    }

    async fn has_aliases(&self) -> Inner<bool> {
        Ok(registry::has_aliases(&self.client).await)
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()> {
        registry::set_alias(&self.client, name, alias, version).await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()> {
        registry::delete_alias(&self.client, name, alias).await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion> {
        registry::version_by_alias(&self.client, name, alias).await
    }
}

#[async_trait]
impl LoggedModels for Rest {
    async fn get_logged_model(&self, id: &ModelId) -> Inner<LoggedModel> {
        models::read(&self.client, id).await
    }

    async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>> {
        models::search(&self.client, experiment, Some(run)).await
    }

    async fn logged_models_in(&self, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
        models::search(&self.client, experiment, None).await
    }

    async fn create_logged_model(&self, model: &NewModel) -> Inner<LoggedModel> {
        // Before there is a model that nobody could finish.
        let location = self.get_experiment(&model.experiment_id).await?.artifact_location;
        if !is_in_objects(&location) {
            artifacts::need_service(&location)?;
        }
        models::create(&self.client, model).await
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
        models::link(&self.client, run, model, step).await
    }

    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Inner<()> {
        logging::log_model_metrics(&self.client, run, model, metrics, dataset).await
    }

    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()> {
        if is_in_objects(&model.artifact_location) {
            return objects::open(&model.artifact_location).await?.put(path, content).await;
        }
        artifacts::write_model(&self.client, &model.artifact_location, path, content).await
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Inner<()> {
        models::finish(&self.client, id, is_whole).await
    }
}
