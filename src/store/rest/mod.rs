//! An MLflow tracking server, spoken to over its REST interface (MLflow 2.22 and later).

mod answer;
mod artifacts;
mod body;
mod changes;
mod client;
mod cutting;
mod databricks;
mod failure;
mod files;
mod histories;
mod http;
mod logging;
mod models;
mod options;
mod paging;
mod paths;
pub mod proxy;
mod received;
mod registry;
mod sending;
mod service;
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
use databricks::{Databricks, Login};
use files::Places;
pub use options::{Auth, Observer, RestOptions, WaitNotice};
pub use paths::address;
pub use service::ArtifactService;
use wire::required;

use super::databricks::Workspace;
use super::pages::{Pages, token_at};
use super::{
    Artifacts, Backend, Capabilities, Changes, Cursor, ErrorKind, HistoryCursor, HistoryPage, HistoryPart,
    Inner, LoggedModels, NewRun, Registry, RunBatch, RunPage, RunSearch, RunUpdate, Scan, StoreInfo,
};
use crate::mlflow::{
    DatasetInput, Experiment, ExperimentId, Metric, MetricPoint, Param, Part, Run, RunId, RunStatus, Summary,
    Tag, ViewType, tags,
};

/// Ids in one bulk request: MLflow takes 100, but the web server of 2.22 refuses request lines over 4,094 bytes.
const BULK_IDS: usize = 90;

/// A tracking server, or a workspace of Databricks.
#[derive(Debug)]
pub struct Rest {
    client: Arc<Client>,
    places: Places,
    databricks: Option<Databricks>,
}

impl Rest {
    /// The server at an address. Nothing is sent to it yet.
    pub fn new(base: &Url, options: RestOptions) -> Inner<Self> {
        Ok(Self {
            client: Arc::new(Client::new(base, options)?),
            places: Places::default(),
            databricks: None,
        })
    }

    /// A workspace of Databricks whose credentials were found. Nothing is sent to it yet.
    pub fn of_workspace(workspace: &Workspace, options: RestOptions) -> Inner<Self> {
        let found = workspace.found().ok_or_else(|| {
            ErrorKind::Address("nobody has looked for the credentials of this Databricks workspace".into())
        })?;
        let client = Arc::new(Client::of_workspace(Login::new(found.clone()), options)?);
        let databricks = Some(Databricks::new(&client, workspace.models()));
        Ok(Self { client, places: Places::default(), databricks })
    }

    async fn write(&self, repeat: Repeat, path: &str, body: Value) -> Inner<Answer> {
        self.client.post(path, &body, repeat).await
    }
}

#[async_trait]
impl Backend for Rest {
    fn capabilities(&self) -> Capabilities {
        match &self.databricks {
            Some(Databricks { catalog: Some(_), .. }) => Capabilities::UNITY_CATALOG,
            _ => Capabilities::SERVER,
        }
    }

    fn artifacts(&self) -> Option<&dyn Artifacts> {
        match &self.databricks {
            Some(databricks) => Some(&databricks.files),
            None => Some(self),
        }
    }

    fn registry(&self) -> Option<&dyn Registry> {
        match &self.databricks {
            Some(Databricks { catalog: Some(catalog), .. }) => Some(catalog),
            _ => Some(self),
        }
    }

    fn logged_models(&self) -> Option<&dyn LoggedModels> {
        Some(self)
    }

    async fn info(&self) -> Inner<StoreInfo> {
        if let Some(databricks) = &self.databricks {
            return databricks.info(&self.client).await;
        }
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
        match self.client.get_outside("3.0/mlflow/workspaces").await {
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
        if self.client.is_workspace() {
            databricks::check_experiment_name(name)?;
        }
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
        let run = answer.required("run", wire::run)?;
        self.places.note(&run.info.run_id, &run.info.artifact_uri);
        Ok(run)
    }

    async fn get_run(&self, id: &RunId) -> Inner<Run> {
        let answer = self.client.get("2.0/mlflow/runs/get", &[("run_id", id.as_str())]).await?;
        answer.required("run", wire::run)
    }

    async fn search_runs(&self, search: &RunSearch) -> Inner<RunPage> {
        paging::search(&self.client, search).await
    }

    fn page_token(&self, offset: usize) -> Option<String> {
        // Databricks' tokens tell nothing.
        (!self.client.is_workspace()).then(|| token_at(offset))
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
        // Without tokens that can be told in advance everything is read again.
        let cursor = if self.client.is_workspace() { &HistoryCursor::START } else { cursor };
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
        if self.client.is_workspace() {
            return histories::sampled(&self.client, ids, key, max_points).await;
        }
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
