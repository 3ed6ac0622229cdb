//! Registered models, with their versions and aliases.

use std::collections::HashMap;

use super::compare;
use super::error::{Result, of_one};
use super::job::Job;
use super::marks::{FROM, Origin, PLACEHOLDER, is_own};
use crate::mlflow::{ModelId, ModelStage, ModelVersion, RegisteredModel, RunId, Tag};
use crate::store::ErrorKind;

/// Numbers of versions that are taken up one after the other, where some are missing.
const MOST_MISSING: u64 = 10_000;

impl Job<'_> {
    pub async fn registered_model(&self, model: &RegisteredModel, versions: &[ModelVersion]) -> Result<()> {
        match of_one(self.registered(model, versions).await)? {
            Ok(()) => {}
            Err(why) => self.problem(format!("registered model {:?}", model.name), why),
        }
        Ok(())
    }

    async fn registered(&self, model: &RegisteredModel, versions: &[ModelVersion]) -> Result<()> {
        let name = &model.name;
        let known = match self.to.get_registered_model(name).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {
                self.to.create_registered_model(name).await?;
                RegisteredModel { name: name.clone(), ..RegisteredModel::default() }
            }
            known => known?,
        };
        let mut origin = Origin::of_model(model, &self.request.origin);
        let is_ours = is_new(&known) || origin.mark_in(&known.tags).is_some_and(|mark| !mark.joined);
        origin.joined = !is_ours;
        // First of all: without it nobody knows whose it is.
        if !known.tags.iter().any(|tag| tag.key == FROM) {
            self.to.set_registered_model_tag(name, &origin.as_tag()).await?;
        }
        for tag in model.tags.iter().filter(|tag| !is_own(&tag.key)) {
            if !known.tags.iter().any(|own| own.key == tag.key) {
                let tag = self.state().ids.tag(tag);
                self.to.set_registered_model_tag(name, &tag).await?;
            }
        }
        if known.description.is_empty() && !model.description.is_empty() {
            self.to.describe_registered_model(name, &model.description).await?;
        }
        self.versions(name, versions).await?;
        let there = if model.aliases.is_empty() { Vec::new() } else { self.to.model_versions(name).await? };
        for (alias, number) in &model.aliases {
            let copied = versions.iter().find(|version| version.version == *number);
            if let Some(version) = copied
                && known.alias(alias).is_none()
            {
                let own = compare::of_version(&self.renewed_version(version).await?);
                let is_it = |it: &ModelVersion| it.version == *number && compare::of_version(it) == own;
                if !there.iter().any(is_it) {
                    let words = format!("version {number} is another one in the target: it is not set");
                    self.problem(format!("alias {alias:?} of model {name:?}"), words);
                    continue;
                }
                let set = self.to.set_model_alias(name, alias, *number).await;
                match of_one(set.map_err(Into::into))? {
                    Ok(()) => {}
                    Err(why) => self.problem(format!("alias {alias:?} of model {name:?}"), why),
                }
            }
        }
        if self.keeps && is_ours {
            self.to.finish_registered_model(model).await?;
        }
        Ok(())
    }

    async fn versions(&self, name: &str, versions: &[ModelVersion]) -> Result<()> {
        let mut there: HashMap<u64, ModelVersion> = HashMap::new();
        for known in self.to.model_versions(name).await? {
            let is_wanted = versions.iter().any(|version| version.version == known.version);
            if !is_wanted && known.tags.iter().any(|tag| tag.key == PLACEHOLDER) {
                self.to.delete_model_version(name, known.version).await?;
            } else {
                there.insert(known.version, known);
            }
        }
        for version in versions {
            let done = match there.get(&version.version) {
                Some(known) if known.tags.iter().any(|tag| tag.key == PLACEHOLDER) => {
                    self.go_on(known, version).await
                }
                Some(_) => continue,
                None if self.keeps => self.import_version(version).await,
                None if there.keys().any(|known| *known >= version.version) => {
                    self.tell_number(version);
                    continue;
                }
                None => self.new_version(version).await,
            };
            match of_one(done)? {
                Ok(true) => self.state().copied.versions += 1,
                Ok(false) => {}
                Err(why) => self.problem(format!("version {} of model {name:?}", version.version), why),
            }
        }
        Ok(())
    }

    /// A version as it is to be in the target.
    pub async fn renewed_version(&self, version: &ModelVersion) -> Result<ModelVersion> {
        let source = self.source_of(version).await?;
        let state = self.state();
        let run_id = version.run_id.as_ref().and_then(|run| {
            let new = state.ids.runs.get(run).cloned();
            new.or_else(|| self.keeps.then(|| run.clone()))
        });
        let tags = version.tags.iter().filter(|tag| !is_own(&tag.key)).map(|tag| state.ids.tag(tag));
        Ok(ModelVersion {
            run_id,
            model_id: ModelVersion::model_of_source(&source),
            tags: tags.collect(),
            source,
            ..version.clone()
        })
    }

    /// Where the files of a version are now: those of a run or model went with it.
    async fn source_of(&self, version: &ModelVersion) -> Result<String> {
        let source = &version.source;
        if !self.request.artifacts && !source.is_empty() {
            self.note_of(
                "files were left out: versions of registered models name those of the source".into(),
            );
            return Ok(source.clone());
        }
        if source.starts_with("models:/") || source.starts_with("runs:/") {
            return Ok(self.state().ids.translated(source));
        }
        for (at, word) in source.match_indices("/artifacts") {
            let (before, rest) = (&source[..at], &source[at + word.len()..]);
            let id = before.rsplit('/').next().unwrap_or_default();
            if !rest.is_empty() && !rest.starts_with('/') {
                continue;
            }
            let (run, model) = {
                let ids = &self.state().ids;
                (ids.runs.get(&RunId::from(id)).cloned(), ids.models.get(&ModelId::from(id)).cloned())
            };
            if let Some(run) = run {
                let root = self.to.get_run(&run).await?.info.artifact_uri;
                return Ok(format!("{}{rest}", root.trim_end_matches('/')));
            }
            if let Some(model) = model {
                let root = self.to.get_logged_model(&model).await?.artifact_location;
                return Ok(format!("{}{rest}", root.trim_end_matches('/')));
            }
        }
        if !source.is_empty() {
            let (number, name) = (version.version, &version.name);
            self.note_of(format!("version {number} of model {name:?}: its files stay at {source}"));
        }
        Ok(source.clone())
    }

    async fn import_version(&self, version: &ModelVersion) -> Result<bool> {
        let new = self.renewed_version(version).await?;
        self.to.import_model_version(&new).await?;
        Ok(true)
    }

    /// Adds a version where the target gives numbers out by itself: those that are missing before it are taken up and deleted.
    /// Returns whether it has its number.
    async fn new_version(&self, version: &ModelVersion) -> Result<bool> {
        let new = self.renewed_version(version).await?;
        let mut tags = new.tags.clone();
        tags.push(Tag::new(PLACEHOLDER, "1"));
        for _ in 0..MOST_MISSING {
            let made =
                self.to.create_model_version(&new.name, &new.source, new.run_id.as_ref(), &tags).await?;
            if made.version == version.version {
                self.complete(version).await?;
                return Ok(true);
            }
            self.to.delete_model_version(&new.name, made.version).await?;
            if made.version > version.version {
                break;
            }
        }
        self.tell_number(version);
        Ok(false)
    }

    /// A server gives out numbers behind those that it gave out.
    fn tell_number(&self, version: &ModelVersion) {
        let words = format!("the target gave out the number {} before, and does not again", version.version);
        self.problem(format!("version {} of model {:?}", version.version, version.name), words);
    }

    /// Goes on with a version that was begun, if it was: another one may have taken its number up on its way to a later one.
    /// Returns whether the version is there.
    async fn go_on(&self, known: &ModelVersion, version: &ModelVersion) -> Result<bool> {
        let new = self.renewed_version(version).await?;
        if known.source.trim_end_matches('/') != new.source.trim_end_matches('/') {
            self.to.delete_model_version(&known.name, known.version).await?;
            if self.keeps {
                return self.import_version(version).await;
            }
            self.tell_number(version);
            return Ok(false);
        }
        self.to.complete_model_version(known).await?;
        for tag in new.tags.iter().filter(|tag| !known.tags.contains(tag)) {
            self.to.set_model_version_tag(&known.name, known.version, tag).await?;
        }
        self.complete(version).await?;
        Ok(true)
    }

    /// Says of a version what could not be said when it was made; the mark goes last.
    async fn complete(&self, version: &ModelVersion) -> Result<()> {
        let (name, number) = (&version.name, version.version);
        if !version.description.is_empty() {
            self.to.describe_model_version(name, number, &version.description).await?;
        }
        if let Some(stage) = version.stage().and_then(|stage| stage.parse::<ModelStage>().ok()) {
            self.to.set_model_stage(name, number, stage, false).await?;
        }
        Ok(self.to.delete_model_version_tag(name, number, PLACEHOLDER).await?)
    }
}

/// Whether a registered model was only just made, be it by a copy that broke off then.
pub fn is_new(model: &RegisteredModel) -> bool {
    model.tags.is_empty() && model.description.is_empty() && model.latest.is_empty()
}
