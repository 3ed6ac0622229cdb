//! The model registry, and models as entities of their own (MLflow 3). A place may have none of them: then every
//! operation is [`ErrorKind::Unsupported`].

use super::{Store, check_tags};
use crate::mlflow::limits::LimitError;
use crate::mlflow::{
    Dataset, ExperimentId, LoggedModel, Metric, ModelId, ModelStage, ModelVersion, RegisteredModel, RunId,
    Tag, limits,
};
use crate::store::pages::Pages;
use crate::store::{ErrorKind, Inner, LoggedModels, NewModel, Registry, Result};

/// Registered models
impl Store {
    fn registry(&self) -> Inner<&dyn Registry> {
        self.backend.registry().ok_or_else(|| ErrorKind::Unsupported("model registry".into()))
    }

    /// All registered models, by name; no prompts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] where there is no registry; if the store does not answer.
    pub async fn registered_models(&self) -> Result<Vec<RegisteredModel>> {
        let mut all = Vec::new();
        self.each_registered_models(|models| all.extend(models)).await?;
        Ok(all)
    }

    /// The same, handed on page by page, as they come.
    ///
    /// # Errors
    ///
    /// As [`Self::registered_models`].
    pub async fn each_registered_models(
        &self,
        mut take: impl FnMut(Vec<RegisteredModel>) + Send,
    ) -> Result<()> {
        let work = async {
            let registry = self.registry()?;
            let mut pages = Pages::default();
            let mut token: Option<String> = None;
            loop {
                let page = registry.registered_models(token.as_deref()).await?;
                token = pages.next(page.next_page_token, page.models.len(), page.weight)?;
                take(page.models.into_iter().filter(|model| !model.is_prompt()).collect());
                if token.is_none() {
                    return Ok(());
                }
            }
        };
        self.call(|| "list registered models".into(), work).await
    }

    /// Registers a name for models.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] if it is taken; [`ErrorKind::Invalid`] if MLflow does not take it.
    pub async fn create_registered_model(&self, name: &str) -> Result<()> {
        let work = async { self.registry()?.create_registered_model(name).await };
        self.write(|| format!("register model {name:?}"), limits::check_model_name(name), work).await
    }

    /// A registered model with its aliases.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this name.
    pub async fn get_registered_model(&self, name: &str) -> Result<RegisteredModel> {
        let work = async { self.registry()?.get_registered_model(name).await };
        self.call(|| format!("read model {name:?}"), work).await
    }

    /// Gives a registered model another name; versions, tags and aliases go with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::AlreadyExists`] if another one has the name, [`ErrorKind::Limit`].
    pub async fn rename_registered_model(&self, name: &str, new: &str) -> Result<()> {
        let work = async { self.registry()?.rename_registered_model(name, new).await };
        self.write(|| format!("rename model {name:?}"), limits::check_model_name(new), work).await
    }

    /// Gives a registered model another description.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Limit`].
    pub async fn describe_registered_model(&self, name: &str, description: &str) -> Result<()> {
        let work = async { self.registry()?.describe_registered_model(name, description).await };
        let limits = limits::check_description(description);
        self.write(|| format!("describe model {name:?}"), limits, work).await
    }

    /// Whether a tag of a version, or of a registered model, keeps within what this store takes.
    ///
    /// # Errors
    ///
    /// Which limit it breaks.
    pub fn check_registry_tag(&self, is_of_version: bool, tag: &Tag) -> std::result::Result<(), LimitError> {
        let most =
            if is_of_version { limits::REGISTRY_TAG_CHARS } else { self.capabilities().model_tag_chars };
        limits::check_registry_tag(tag, most)
    }

    /// Sets a tag of a registered model, in the place of one with the same key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Limit`].
    pub async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Result<()> {
        let work = async { self.registry()?.set_registered_model_tag(name, tag).await };
        self.write(|| format!("tag model {name:?}"), self.check_registry_tag(false, tag), work).await
    }

    /// Deletes a tag of a registered model; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such model.
    pub async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Result<()> {
        let work = async { self.registry()?.delete_registered_model_tag(name, key).await };
        self.write(|| format!("delete tag {key:?} of model {name:?}"), Ok(()), work).await
    }

    /// Deletes a registered model with all its versions, for good.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this name.
    pub async fn delete_registered_model(&self, name: &str) -> Result<()> {
        let work = async { self.registry()?.delete_registered_model(name).await };
        self.write(|| format!("delete model {name:?}"), Ok(()), work).await
    }

    /// Points an alias to a version, from wherever it pointed to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version; [`ErrorKind::Limit`] for an alias that MLflow does not take.
    pub async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Result<()> {
        let work = async { self.registry()?.set_model_alias(name, alias, version).await };
        self.write(|| format!("set alias {alias:?} of model {name:?}"), limits::check_alias(alias), work)
            .await
    }

    /// Takes an alias away; one that is not set is no error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such model.
    pub async fn delete_model_alias(&self, name: &str, alias: &str) -> Result<()> {
        let work = async { self.registry()?.delete_model_alias(name, alias).await };
        self.write(|| format!("delete alias {alias:?} of model {name:?}"), Ok(()), work).await
    }

    /// Whether versions can have aliases: since MLflow 2.3. Yes, where that may not be looked at.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn has_aliases(&self) -> Result<bool> {
        let work = async { self.registry()?.has_aliases().await };
        self.call(|| "look for model aliases".into(), work).await
    }
}

/// Versions of registered models
impl Store {
    /// A version with its tags and aliases.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version.
    pub async fn get_model_version(&self, name: &str, version: u64) -> Result<ModelVersion> {
        let work = async { self.registry()?.get_model_version(name, version).await };
        self.call(|| format!("read version {version} of model {name:?}"), work).await
    }

    /// Whether a version can be made of a source at all, before anything is written for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] where the registry takes versions only from MLflow's own client, with what to do.
    pub async fn check_registering(&self, name: &str, source: &str) -> Result<()> {
        let work = async { self.registry()?.check_registering(name, source).await };
        self.call(|| format!("add a version to model {name:?}"), work).await
    }

    /// Adds a version, whose number is the next that was never given out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such model; [`ErrorKind::Invalid`] for a source that is not below the
    /// run's files; [`ErrorKind::Limit`].
    pub async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Result<ModelVersion> {
        let work = async { self.registry()?.create_model_version(name, source, run_id, tags).await };
        let limits = tags.iter().try_for_each(|tag| self.check_registry_tag(true, tag));
        self.write(|| format!("add a version to model {name:?}"), limits, work).await
    }

    /// Finishes a version that was begun and broke off; one that is not unfinished stays as it is.
    ///
    /// # Errors
    ///
    /// As [`Store::create_model_version`].
    pub async fn complete_model_version(&self, version: &ModelVersion) -> Result<()> {
        if !version.is_unfinished() {
            return Ok(());
        }
        let (name, number) = (&version.name, version.version);
        let work = async { self.registry()?.complete_model_version(name, number).await };
        self.write(|| format!("finish version {number} of model {name:?}"), Ok(()), work).await
    }

    /// All versions of a model, the newest first; none of a model that does not exist.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn model_versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        let work = async { self.registry()?.model_versions(name).await };
        self.call(|| format!("list the versions of model {name:?}"), work).await
    }

    /// The versions that were made from these runs, of whatever model, by name, the newest first; no prompts.
    ///
    /// # Errors
    ///
    /// If the store does not answer.
    pub async fn model_versions_of(&self, runs: &[RunId]) -> Result<Vec<ModelVersion>> {
        let work = async {
            let mut versions = self.registry()?.model_versions_of(runs).await?;
            versions.retain(|version| !version.is_prompt());
            versions.sort_by(|a, b| a.name.cmp(&b.name).then(b.version.cmp(&a.version)));
            Ok(versions)
        };
        self.call(|| format!("list the model versions of {} runs", runs.len()), work).await
    }

    /// Gives a version another description.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version; [`ErrorKind::Limit`].
    pub async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Result<()> {
        let work = async { self.registry()?.describe_model_version(name, version, description).await };
        let limits = limits::check_description(description);
        self.write(|| format!("describe version {version} of model {name:?}"), limits, work).await
    }

    /// Sets a tag of a version, in the place of one with the same key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version; [`ErrorKind::Limit`].
    pub async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Result<()> {
        let work = async { self.registry()?.set_model_version_tag(name, version, tag).await };
        self.write(
            || format!("tag version {version} of model {name:?}"),
            self.check_registry_tag(true, tag),
            work,
        )
        .await
    }

    /// Deletes a tag of a version; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version.
    pub async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Result<()> {
        let work = async { self.registry()?.delete_model_version_tag(name, version, key).await };
        self.write(|| format!("delete tag {key:?} of version {version} of model {name:?}"), Ok(()), work)
            .await
    }

    /// Moves a version to a stage. With `archives_others`, the other versions of that stage are archived.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version; [`ErrorKind::Invalid`] where others are to be archived for a
    /// stage that is not active.
    pub async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Result<()> {
        let work = async {
            if archives_others && !stage.is_active() {
                let words =
                    format!("only for Staging and Production others are archived, not {}", stage.as_str());
                return Err(ErrorKind::Invalid(words));
            }
            self.registry()?.set_model_stage(name, version, stage, archives_others).await
        };
        let operation = || format!("move version {version} of model {name:?} to {}", stage.as_str());
        self.write(operation, Ok(()), work).await
    }

    /// Deletes a version and the aliases that point to it; its number is not given out again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such version.
    pub async fn delete_model_version(&self, name: &str, version: u64) -> Result<()> {
        let work = async { self.registry()?.delete_model_version(name, version).await };
        self.write(|| format!("delete version {version} of model {name:?}"), Ok(()), work).await
    }

    /// The version that an alias points to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if the alias is not set.
    pub async fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        let work = async { self.registry()?.model_version_by_alias(name, alias).await };
        self.call(|| format!("read model {name}@{alias}"), work).await
    }
}

/// Models as entities of their own, since MLflow 3; before: [`ErrorKind::Unsupported`]
impl Store {
    fn logged_models(&self) -> Inner<&dyn LoggedModels> {
        let models = self.backend.logged_models();
        models.ok_or_else(|| ErrorKind::Unsupported("models of their own (MLflow 3)".into()))
    }

    /// A model.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this id.
    pub async fn get_logged_model(&self, id: &ModelId) -> Result<LoggedModel> {
        let work = async { self.logged_models()?.get_logged_model(id).await };
        self.call(|| format!("read logged model {id}"), work).await
    }

    /// The models that a run made, whether or not they are among its outputs yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] before MLflow 3.
    pub async fn logged_models_of(&self, experiment: &ExperimentId, run: &RunId) -> Result<Vec<LoggedModel>> {
        let work = async { self.logged_models()?.logged_models_of(experiment, run).await };
        self.call(|| format!("list the models of run {run}"), work).await
    }

    /// The models of all runs of an experiment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] before MLflow 3.
    pub async fn logged_models_in(&self, experiment: &ExperimentId) -> Result<Vec<LoggedModel>> {
        let work = async { self.logged_models()?.logged_models_in(experiment).await };
        self.call(|| format!("list the models of experiment {experiment}"), work).await
    }

    /// Creates a model that is `PENDING` until it is finished.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] before MLflow 3, and where its files could not be written; [`ErrorKind::Limit`].
    pub async fn create_logged_model(&self, model: &NewModel) -> Result<LoggedModel> {
        let work = async { self.logged_models()?.create_logged_model(model).await };
        self.write(|| format!("create model {:?}", model.name), check_tags(&model.tags), work).await
    }

    /// Makes a model an output of its run, at a step of its training; once more changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such run or model.
    pub async fn log_model_output(&self, run: &RunId, model: &ModelId, step: i64) -> Result<()> {
        let work = async { self.logged_models()?.log_model_output(run, model, step).await };
        self.write(|| format!("log model {model} of run {run}"), Ok(()), work).await
    }

    /// Logs metrics of a run that tell of a model that it made, on a data set or none.
    ///
    /// # Errors
    ///
    /// As [`Self::log_batch`], and [`ErrorKind::NotFound`] if there is no such model.
    pub async fn log_model_metrics(
        &self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Result<()> {
        let work = async { self.logged_models()?.log_model_metrics(run, model, metrics, dataset).await };
        let limits = limits::check_batch(metrics, &[], &[]);
        self.write(|| format!("log metrics of model {model}"), limits, work).await
    }

    /// Writes a file of a model; the path is relative to the model's root.
    ///
    /// # Errors
    ///
    /// As [`Self::write_artifact`].
    pub async fn write_model_file(&self, model: &LoggedModel, path: &str, content: &[u8]) -> Result<()> {
        let work = async { self.logged_models()?.write_model_file(model, path, content).await };
        self.write(|| format!("write {path:?} of model {}", model.model_id), Ok(()), work).await
    }

    /// Makes a model `READY`, or `FAILED` where its files could not be written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none of this id.
    pub async fn finish_logged_model(&self, id: &ModelId, is_whole: bool) -> Result<()> {
        let work = async { self.logged_models()?.finish_logged_model(id, is_whole).await };
        self.write(|| format!("finish model {id}"), Ok(()), work).await
    }
}
