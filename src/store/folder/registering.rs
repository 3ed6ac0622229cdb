//! Registered models and logged models of the store.

use async_trait::async_trait;

use super::{Folder, models, registry};
use crate::mlflow::{
    Dataset, ExperimentId, LoggedModel, Metric, ModelId, ModelStage, ModelVersion, RegisteredModel, RunId,
    Tag,
};
use crate::store::objects::{self, Kept};
use crate::store::{Inner, LoggedModels, ModelPage, NewModel, Registry};

#[async_trait]
impl Registry for Folder {
    async fn registered_models(&self, _: Option<&str>) -> Inner<ModelPage> {
        self.at(|layout| Ok(ModelPage { models: registry::models(layout)?, ..ModelPage::default() })).await
    }

    async fn create_registered_model(&self, name: &str) -> Inner<()> {
        let name = name.to_owned();
        self.at(move |layout| registry::create(layout, &name)).await
    }

    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel> {
        let name = name.to_owned();
        self.at(move |layout| registry::model(layout, &name)).await
    }

    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()> {
        let (name, new) = (name.to_owned(), new.to_owned());
        self.at(move |layout| registry::rename(layout, &name, &new)).await
    }

    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()> {
        let (name, description) = (name.to_owned(), description.to_owned());
        self.at(move |layout| registry::describe(layout, &name, &description)).await
    }

    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()> {
        let (name, tag) = (name.to_owned(), tag.clone());
        self.at(move |layout| registry::set_tag(layout, &name, &tag)).await
    }

    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.at(move |layout| registry::delete_tag(layout, &name, &key)).await
    }

    async fn delete_registered_model(&self, name: &str) -> Inner<()> {
        let name = name.to_owned();
        self.at(move |layout| registry::delete(layout, &name)).await
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
        self.at(move |layout| registry::create_version(layout, &name, &source, run_id.as_ref(), &tags)).await
    }

    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        let name = name.to_owned();
        self.at(move |layout| registry::version(layout, &name, version)).await
    }

    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>> {
        let name = name.to_owned();
        self.at(move |layout| registry::versions(layout, &name)).await
    }

    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
        let runs = runs.to_vec();
        self.at(move |layout| registry::versions_of(layout, &runs)).await
    }

    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()> {
        let (name, description) = (name.to_owned(), description.to_owned());
        self.at(move |layout| registry::describe_version(layout, &name, version, &description)).await
    }

    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()> {
        let (name, tag) = (name.to_owned(), tag.clone());
        self.at(move |layout| registry::set_version_tag(layout, &name, version, &tag)).await
    }

    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.at(move |layout| registry::delete_version_tag(layout, &name, version, &key)).await
    }

    async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()> {
        let name = name.to_owned();
        self.at(move |layout| registry::set_stage(layout, &name, version, stage, archives_others)).await
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        let name = name.to_owned();
        self.at(move |layout| registry::delete_version(layout, &name, version)).await
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.at(move |layout| registry::set_alias(layout, &name, &alias, version)).await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.at(move |layout| registry::delete_alias(layout, &name, &alias)).await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion> {
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.at(move |layout| registry::by_alias(layout, &name, &alias)).await
    }
}

#[async_trait]
impl LoggedModels for Folder {
    async fn get_logged_model(&self, id: &ModelId) -> Inner<LoggedModel> {
        let id = id.clone();
        self.at(move |layout| models::get(layout, &id)).await
    }

    async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>> {
        let (experiment, run) = (experiment.clone(), run.clone());
        self.at(move |layout| models::of_run(layout, &experiment, &run)).await
    }

    async fn logged_models_in(&self, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
        let experiment = experiment.clone();
        self.at(move |layout| models::of_experiment(layout, &experiment)).await
    }

    async fn create_logged_model(&self, model: &NewModel) -> Inner<LoggedModel> {
        let model = model.clone();
        self.at(move |layout| models::create(layout, &model)).await
    }

    async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
        let model = model.clone();
        self.write_run(run, move |layout, run| models::log_output(layout, run, &model, step)).await
    }

    async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Inner<()> {
        let (model, metrics, dataset) = (model.clone(), metrics.to_vec(), dataset.cloned());
        self.write_run(run, move |layout, run| {
            models::log_metrics(layout, run, &model, &metrics, dataset.as_ref())
        })
        .await
    }

    async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<()> {
        let (model, file, bytes) = (model.clone(), path.to_owned(), content.to_vec());
        match self.at(move |layout| models::write_file(layout, &model, &file, &bytes)).await? {
            Kept::Here(()) => Ok(()),
            Kept::There(uri) => objects::open(&uri).await?.put(path, content).await,
        }
    }

    async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Inner<()> {
        let id = id.clone();
        self.at(move |layout| models::finish(layout, &id, is_whole)).await
    }
}
