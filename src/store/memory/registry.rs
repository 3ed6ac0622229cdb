//! Registered models, their versions and aliases, and the models that runs made.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::runs::set;
use super::{Inner, State, missing};
use crate::mlflow::{
    Dataset, LoggedModel, Metric, MetricPoint, ModelId, ModelMetric, ModelOutput, ModelStage, ModelVersion,
    RegisteredModel, RunId, Tag,
};
use crate::store::{ErrorKind, NewModel, now_ms};

/// A registered model.
#[derive(Debug, Default)]
pub struct Registered {
    description: String,
    creation_time: Option<i64>,
    last_updated_time: Option<i64>,
    pub tags: Vec<Tag>,
    pub aliases: BTreeMap<String, u64>,
    versions: Vec<ModelVersion>,
    /// The number that was given out last; no number is given out twice.
    last: u64,
}

impl State {
    fn registered(&mut self, name: &str) -> Inner<&mut Registered> {
        self.registry.get_mut(name).ok_or_else(|| missing(&format!("registered model {name:?}")))
    }

    pub fn register(&mut self, name: &str) -> Inner<()> {
        if self.registry.contains_key(name) {
            return Err(ErrorKind::AlreadyExists(format!("registered model {name:?} already exists")));
        }
        let now = Some(now_ms());
        let new = Registered { creation_time: now, last_updated_time: now, ..Registered::default() };
        self.registry.insert(name.to_owned(), new);
        Ok(())
    }

    pub fn registered_models(&mut self) -> Inner<Vec<RegisteredModel>> {
        let mut names: Vec<String> = self.registry.keys().cloned().collect();
        names.sort();
        names.iter().map(|name| self.registered_model(name)).collect()
    }

    pub fn registered_model(&mut self, name: &str) -> Inner<RegisteredModel> {
        let known = self.registered(name)?;
        let mut latest = BTreeMap::new();
        for version in &known.versions {
            let newest = latest.entry(version.current_stage.clone()).or_insert(0);
            *newest = version.version.max(*newest);
        }
        Ok(RegisteredModel {
            name: name.to_owned(),
            description: known.description.clone(),
            tags: known.tags.clone(),
            aliases: known.aliases.iter().map(|(alias, version)| (alias.clone(), *version)).collect(),
            creation_time: known.creation_time,
            last_updated_time: known.last_updated_time,
            latest: latest.into_iter().collect(),
            version_count: Some(known.versions.len() as u64),
        })
    }

    pub fn rename_registered(&mut self, name: &str, new: &str) -> Inner<()> {
        self.registered(name)?;
        if name != new && self.registry.contains_key(new) {
            return Err(ErrorKind::AlreadyExists(format!("registered model {new:?} already exists")));
        }
        if let Some(mut known) = self.registry.remove(name) {
            known.versions.iter_mut().for_each(|version| new.clone_into(&mut version.name));
            self.registry.insert(new.to_owned(), known);
        }
        Ok(())
    }

    pub fn describe_registered(&mut self, name: &str, description: &str) -> Inner<()> {
        let known = self.registered(name)?;
        description.clone_into(&mut known.description);
        known.last_updated_time = Some(now_ms());
        Ok(())
    }

    pub fn tag_registered(&mut self, name: &str, tag: &Tag) -> Inner<()> {
        set(&mut self.registered(name)?.tags, tag);
        Ok(())
    }

    pub fn untag_registered(&mut self, name: &str, key: &str) -> Inner<()> {
        self.registered(name)?.tags.retain(|tag| tag.key != key);
        Ok(())
    }

    /// A version that is about to become another.
    pub fn change_version(&mut self, name: &str, version: u64) -> Inner<&mut ModelVersion> {
        self.version(name, version)?;
        let found = self.registered(name)?.versions.iter_mut().find(|known| known.version == version);
        let found = found.ok_or_else(|| missing(&format!("version {version} of model {name:?}")))?;
        found.last_updated_time = Some(now_ms());
        Ok(found)
    }

    pub fn set_stage(
        &mut self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()> {
        self.version(name, version)?;
        if archives_others {
            let others = self.registered(name)?.versions.iter_mut();
            for other in others.filter(|other| other.current_stage == stage.as_str()) {
                ModelStage::Archived.as_str().clone_into(&mut other.current_stage);
            }
        }
        stage.as_str().clone_into(&mut self.change_version(name, version)?.current_stage);
        Ok(())
    }

    /// The versions that were made from these runs.
    pub fn versions_of(&self, runs: &[RunId]) -> Vec<ModelVersion> {
        let all = self.registry.keys().flat_map(|name| self.versions(name));
        all.filter(|version| version.run_id.as_ref().is_some_and(|run| runs.contains(run))).collect()
    }

    pub fn add_version(
        &mut self,
        name: &str,
        source: &str,
        run: Option<&RunId>,
        tags: &[Tag],
    ) -> Inner<ModelVersion> {
        let maker = match source.strip_prefix("models:/").filter(|id| id.starts_with("m-")) {
            Some(id) => self.logged_model(&ModelId::from(id))?.source_run_id.clone(),
            None => None,
        };
        let known = self.registered(name)?;
        known.last += 1;
        let mut made = ModelVersion {
            name: name.to_owned(),
            version: known.last,
            source: source.to_owned(),
            run_id: run.cloned().or(maker),
            status: "READY".into(),
            current_stage: "None".into(),
            creation_time: Some(now_ms()),
            last_updated_time: Some(now_ms()),
            model_id: ModelVersion::model_of_source(source),
            ..ModelVersion::default()
        };
        for tag in tags {
            set(&mut made.tags, tag);
        }
        known.versions.push(made.clone());
        Ok(made)
    }

    /// The newest first.
    pub fn versions(&self, name: &str) -> Vec<ModelVersion> {
        let Some(known) = self.registry.get(name) else { return Vec::new() };
        let mut versions = known.versions.clone();
        versions.reverse();
        for version in &mut versions {
            let points_here = known.aliases.iter().filter(|(_, at)| **at == version.version);
            version.aliases = points_here.map(|(alias, _)| alias.clone()).collect();
        }
        versions
    }

    pub fn version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        let found = self.versions(name).into_iter().find(|known| known.version == version);
        found.ok_or_else(|| missing(&format!("version {version} of model {name:?}")))
    }

    pub fn delete_version(&mut self, name: &str, version: u64) -> Inner<()> {
        self.version(name, version)?;
        let known = self.registered(name)?;
        known.versions.retain(|known| known.version != version);
        known.aliases.retain(|_, at| *at != version);
        Ok(())
    }

    pub fn delete_registered(&mut self, name: &str) -> Inner<()> {
        self.registered(name)?;
        self.registry.remove(name);
        Ok(())
    }

    pub fn set_alias(&mut self, name: &str, alias: &str, version: u64) -> Inner<()> {
        self.version(name, version)?;
        self.registered(name)?.aliases.insert(alias.to_owned(), version);
        Ok(())
    }

    pub fn delete_alias(&mut self, name: &str, alias: &str) -> Inner<()> {
        self.registered(name)?.aliases.remove(alias);
        Ok(())
    }

    pub fn by_alias(&mut self, name: &str, alias: &str) -> Inner<ModelVersion> {
        let version = self.registered(name)?.aliases.get(alias).copied();
        self.version(name, version.ok_or_else(|| missing(&format!("alias {alias:?} of model {name:?}")))?)
    }

    pub fn logged_model(&self, id: &ModelId) -> Inner<&LoggedModel> {
        let found = self.models.iter().find(|model| model.model_id == *id);
        found.ok_or_else(|| missing(&format!("logged model {id}")))
    }

    fn logged(&mut self, id: &ModelId) -> Inner<&mut LoggedModel> {
        let found = self.models.iter_mut().find(|model| model.model_id == *id);
        found.ok_or_else(|| missing(&format!("logged model {id}")))
    }

    pub fn create_model(&mut self, new: &NewModel) -> Inner<LoggedModel> {
        let root = self.experiment(&new.experiment_id)?.artifact_location.clone();
        let id = format!("m-{}", Uuid::new_v4().simple());
        let mut made = LoggedModel {
            artifact_location: format!("{root}/models/{id}/artifacts"),
            model_id: ModelId(id),
            experiment_id: new.experiment_id.clone(),
            name: new.name.clone(),
            model_type: new.model_type.clone(),
            status: "PENDING".into(),
            source_run_id: Some(new.source_run_id.clone()),
            params: new.params.clone(),
            tags: Vec::new(),
            creation_time: Some(now_ms()),
            metrics: Vec::new(),
        };
        new.tags.iter().for_each(|tag| set(&mut made.tags, tag));
        self.models.push(made.clone());
        Ok(made)
    }

    pub fn output(&mut self, run: &RunId, model: &ModelId, step: i64) -> Inner<()> {
        self.logged_model(model)?;
        let outputs = &mut self.change(run)?.run.model_outputs;
        if !outputs.iter().any(|known| known.model_id == *model) {
            outputs.push(ModelOutput { model_id: model.clone(), step });
        }
        Ok(())
    }

    pub fn log_model_metrics(
        &mut self,
        run: &RunId,
        model: &ModelId,
        metrics: &[Metric],
        dataset: Option<&Dataset>,
    ) -> Inner<()> {
        self.log_batch(run, metrics, &[], &[])?;
        let known = self.logged(model)?;
        for metric in metrics {
            let point = MetricPoint {
                step: metric.step,
                timestamp: metric.timestamp,
                // MLflow keeps NaN as 0 here.
                value: if metric.value.is_nan() { 0.0 } else { metric.value },
            };
            known.metrics.push(ModelMetric {
                key: metric.key.clone(),
                point,
                run_id: run.clone(),
                dataset: dataset.map(|dataset| (dataset.name.clone(), dataset.digest.clone())),
            });
        }
        Ok(())
    }

    pub fn finish_model(&mut self, id: &ModelId, is_whole: bool) -> Inner<()> {
        let status = if is_whole { "READY" } else { "FAILED" };
        status.clone_into(&mut self.logged(id)?.status);
        Ok(())
    }
}
