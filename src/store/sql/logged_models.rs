//! Models as entities of their own, in a database.

use std::sync::Arc;

use async_trait::async_trait;

use super::place::Place;
use super::{SqlStore, artifacts, models};
use crate::mlflow::{Dataset, ExperimentId, LoggedModel, Metric, ModelId, RunId};
use crate::store::objects::is_in_objects;
use crate::store::{FileService, Inner, LoggedModels, NewModel};

#[async_trait]
impl<P: Place> LoggedModels for SqlStore<P> {
    async fn get_logged_model(&self, id: &ModelId) -> Inner<LoggedModel> {
        let id = id.clone();
        self.read(move |db| models::logged_model(db, &id)).await
    }

    async fn logged_models_of(&self, _: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>> {
        let run = run.clone();
        self.read(move |db| models::of_run(db, &run)).await
    }

    async fn logged_models_in(&self, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
        let experiment = experiment.clone();
        self.read(move |db| models::of_experiment(db, &experiment)).await
    }

    async fn create_logged_model(&self, model: &NewModel) -> Inner<LoggedModel> {
        let model = model.clone();
        self.write(move |db| models::create(db, &model)).await
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
        let (run, model) = (run.clone(), model.clone());
        self.write(move |db| models::log_output(db, &run, &model, step)).await
    }

    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Inner<()> {
        let (run, model, metrics, dataset) = (run.clone(), model.clone(), metrics.to_vec(), dataset.cloned());
        self.write(move |db| models::log_metrics(db, &run, &model, &metrics, dataset.as_ref())).await
    }

    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()> {
        let is_served = |service: &Arc<dyn FileService>| service.keeps(&model.artifact_location);
        if is_in_objects(&model.artifact_location) || self.service.as_ref().is_some_and(is_served) {
            return self.there(&model.artifact_location).await?.put(path, content).await;
        }
        let (model, path, content) = (model.clone(), path.to_owned(), content.to_vec());
        self.ask(move |place| artifacts::write_of_model(place, &model, &path, &content)).await
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Inner<()> {
        let id = id.clone();
        self.write(move |db| models::finish(db, &id, is_whole)).await
    }
}
