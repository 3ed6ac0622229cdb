//! Models as entities of their own (MLflow 3).

use async_trait::async_trait;
use serde_json::json;

use super::client::{Client, Repeat};
use super::{Rest, artifacts, databricks, logging, wire};
use crate::mlflow::{Dataset, ExperimentId, LoggedModel, Metric, ModelId, RunId};
use crate::store::objects::{self, is_in_objects};
use crate::store::pages::Pages;
use crate::store::{ErrorKind, Inner, LoggedModels, NewModel};

const MODELS: &str = "2.0/mlflow/logged-models";
/// Models on a page, each with its metrics.
const PAGE: usize = 100;

#[async_trait]
impl LoggedModels for Rest {
    async fn get_logged_model(&self, id: &ModelId) -> Inner<LoggedModel> {
        read(&self.client, id).await
    }

    async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>> {
        search(&self.client, experiment, Some(run)).await
    }

    async fn logged_models_in(&self, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
        search(&self.client, experiment, None).await
    }

    async fn create_logged_model(&self, model: &NewModel) -> Inner<LoggedModel> {
        // Before there is a model that nobody could finish.
        let location = self.location_of(&model.experiment_id).await?;
        match &self.databricks {
            Some(_) => databricks::need_kept(&location)?,
            None if is_in_objects(&location) => {}
            None => artifacts::need_service(&location)?,
        }
        create(&self.client, model).await
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
        link(&self.client, run, model, step).await
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
        if let Some(databricks) = &self.databricks {
            return databricks.files.write_model(model, path, content).await;
        }
        if is_in_objects(&model.artifact_location) {
            return objects::open(&model.artifact_location).await?.put(path, content).await;
        }
        artifacts::write_model(&self.client, &model.artifact_location, path, content).await
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Inner<()> {
        finish(&self.client, id, is_whole).await
    }
}

/// MLflow 2 does not know these paths.
fn too_old(kind: ErrorKind) -> ErrorKind {
    kind.no_route("models of their own (MLflow 3)")
}

/// The path of a model: no id holds a slash, which would be that of something else.
fn path_of(id: &ModelId) -> Inner<String> {
    if id.as_str().contains('/') {
        return Err(ErrorKind::NotFound(format!("no model {:?}", id.as_str())));
    }
    Ok(format!("{MODELS}/{id}"))
}

pub async fn read(client: &Client, id: &ModelId) -> Inner<LoggedModel> {
    let answer = client.get(&path_of(id)?, &[]).await?;
    answer.required("model", wire::logged_model)
}

/// The models of an experiment, or of a run in it.
pub async fn search(
    client: &Client,
    experiment: &ExperimentId,
    run: Option<&RunId>,
) -> Inner<Vec<LoggedModel>> {
    let mut models = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = Pages::default();
    loop {
        let body = json!({
            "experiment_ids": [experiment.as_str()],
            "filter": run.map(|run| format!("source_run_id = '{run}'")),
            "max_results": PAGE,
            "page_token": token,
        });
        let answer = client.search(&format!("{MODELS}/search"), &body).await.map_err(too_old)?;
        let list = answer.list("models", wire::logged_model)?;
        token = pages.next(answer.next_token(), list.things.len(), list.weight)?;
        models.extend(list.things);
        if token.is_none() {
            return Ok(models);
        }
    }
}

pub async fn create(client: &Client, model: &NewModel) -> Inner<LoggedModel> {
    let params: Vec<_> =
        model.params.iter().map(|param| json!({ "key": param.key, "value": param.value })).collect();
    let mut body = json!({
        "experiment_id": model.experiment_id.as_str(),
        "name": model.name,
        "source_run_id": model.source_run_id.as_str(),
        "params": params,
        "tags": wire::pairs(&model.tags),
    });
    if !model.model_type.is_empty() {
        body["model_type"] = json!(model.model_type);
    }
    let answer = client.post(MODELS, &body, Repeat::Never).await.map_err(too_old)?;
    answer.required("model", wire::logged_model)
}

pub async fn link(client: &Client, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
    let body = json!({ "run_id": run.as_str(), "models": [{ "model_id": model.as_str(), "step": step }] });
    match client.post("2.0/mlflow/runs/outputs", &body, Repeat::Safe).await {
        // MLflow does not take the same link twice: so it is there already.
        Err(ErrorKind::Invalid(message)) if message.contains("IntegrityError") => Ok(()),
        result => result.map(drop).map_err(too_old),
    }
}

pub async fn finish(client: &Client, id: &ModelId, is_whole: bool) -> Inner<()> {
    let status = if is_whole { "LOGGED_MODEL_READY" } else { "LOGGED_MODEL_UPLOAD_FAILED" };
    let body = json!({ "model_id": id.as_str(), "status": status });
    client.patch(&path_of(id)?, &body).await.map(drop).map_err(too_old)
}
