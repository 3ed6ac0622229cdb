//! The models that Unity Catalog keeps, by the ways of MLflow's client for it (`2.0/mlflow/unity-catalog/…`).
//!
//! Names have three parts. There are aliases and no stages. A list tells neither tags nor aliases: each model or version of it
//! is read by itself.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::catalog_tags::{key_here, key_there, there};
use super::registering::{self, New};
use crate::mlflow::{ModelStage, ModelVersion, RegisteredModel, RunId, Tag};
use crate::store::pages::Pages;
use crate::store::rest::client::{Client, Repeat};
use crate::store::rest::wire;
use crate::store::{ErrorKind, Inner, ModelPage, Registry};

const MODELS: &str = "2.0/mlflow/unity-catalog/registered-models";
const VERSIONS: &str = "2.0/mlflow/unity-catalog/model-versions";
/// Models that a page has, each of which is read by itself.
const PAGE: &str = "50";
/// Versions that a page has.
const VERSIONS_PAGE: &str = "1000";
/// Models or versions that are read side by side.
const SIDE_BY_SIDE: usize = 8;

/// Unity Catalog as a registry of models.
#[derive(Debug)]
pub struct UnityCatalog {
    client: Arc<Client>,
}

/// A workspace may have none.
fn no_catalog(kind: ErrorKind) -> ErrorKind {
    match kind.no_route(NONE) {
        ErrorKind::Invalid(words) | ErrorKind::NotFound(words)
            if words.contains("METASTORE_DOES_NOT_EXIST") =>
        {
            ErrorKind::Unsupported(NONE.into())
        }
        other => other,
    }
}

const NONE: &str =
    "Unity Catalog: MLFLOW_REGISTRY_URI=databricks shows the models of the workspace's older registry";

fn is_full(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.trim().is_empty())
}

/// A model of another name cannot be there.
fn named(name: &str) -> Inner<&str> {
    if is_full(name) {
        return Ok(name);
    }
    Err(ErrorKind::NotFound(format!(
        "no model {name:?}: in Unity Catalog names have three parts, catalog.schema.model"
    )))
}

/// A name that a model is to get.
fn new_name(name: &str) -> Inner<&str> {
    if is_full(name) {
        return Ok(name);
    }
    Err(ErrorKind::Invalid(format!(
        "{name:?} is no name in Unity Catalog, where it has three parts: catalog.schema.model"
    )))
}

fn model_of(value: &Value) -> Inner<RegisteredModel> {
    let mut model = wire::registered_model(value)?;
    with_keys_here(&mut model.tags);
    Ok(model)
}

/// Aliases stand with the version that they point to.
pub fn version_of(value: &Value) -> Inner<ModelVersion> {
    let mut plain = value.clone();
    let aliases = plain.get("aliases").and_then(Value::as_array).into_iter().flatten();
    let aliases: Vec<Value> = aliases.map(|alias| alias.get("alias").unwrap_or(alias).clone()).collect();
    plain["aliases"] = Value::Array(aliases);
    let mut version = wire::model_version(&plain)?;
    version.aliases.sort();
    with_keys_here(&mut version.tags);
    Ok(version)
}

fn with_keys_here(tags: &mut [Tag]) {
    for tag in tags {
        tag.key = key_here(&tag.key);
    }
}

impl UnityCatalog {
    pub fn new(client: &Arc<Client>) -> Self {
        Self { client: Arc::clone(client) }
    }

    async fn post(&self, path: String, body: Value, repeat: Repeat) -> Inner<()> {
        self.client.post(&path, &body, repeat).await.map(drop).map_err(no_catalog)
    }

    async fn patch(&self, path: String, body: Value) -> Inner<()> {
        self.client.patch(&path, &body).await.map(drop).map_err(no_catalog)
    }

    async fn delete(&self, path: String, body: Value) -> Inner<()> {
        self.client.delete(&path, &body).await.map(drop).map_err(no_catalog)
    }

    async fn model(&self, name: &str) -> Inner<RegisteredModel> {
        let query = [("name", named(name)?)];
        let answer = self.client.get(&format!("{MODELS}/get"), &query).await.map_err(no_catalog)?;
        answer.required("registered_model", model_of)
    }

    async fn version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        let query = [("name", named(name)?), ("version", &version.to_string())];
        let answer = self.client.get(&format!("{VERSIONS}/get"), &query).await.map_err(no_catalog)?;
        answer.required("model_version", version_of)
    }

    /// The versions that pass a filter, of which Unity Catalog takes one condition; without tags and aliases.
    async fn search(&self, filter: &str) -> Inner<Vec<ModelVersion>> {
        let mut versions = Vec::new();
        let mut token: Option<String> = None;
        let mut pages = Pages::default();
        loop {
            let mut query = vec![("filter", filter), ("max_results", VERSIONS_PAGE)];
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let answer = self.client.get(&format!("{VERSIONS}/search"), &query).await.map_err(no_catalog)?;
            let list = answer.list("model_versions", version_of)?;
            token = pages.next(answer.next_token(), list.things.len(), list.weight)?;
            versions.extend(list.things);
            if token.is_none() {
                return Ok(versions);
            }
        }
    }

    /// The numbers of a model's versions, where one page has all of them and they may be looked at.
    async fn few_versions(&self, name: &str) -> Inner<Option<Vec<u64>>> {
        let filter = by_name(name);
        let query = [("filter", filter.as_str()), ("max_results", VERSIONS_PAGE)];
        let answer = match self.client.get(&format!("{VERSIONS}/search"), &query).await {
            Err(ErrorKind::NotFound(_) | ErrorKind::Forbidden(_)) => return Ok(None),
            answer => answer?,
        };
        let list = answer.list("model_versions", version_of)?;
        let numbers = list.things.iter().map(|version| version.version).collect();
        Ok(Some(numbers).filter(|_| answer.next_token().is_none()))
    }

    /// The same versions with tags and aliases. Those that somebody deleted in between are left out.
    async fn whole(&self, found: Vec<ModelVersion>) -> Inner<Vec<ModelVersion>> {
        let read =
            stream::iter(found).map(|it| async move { if_there(self.version(&it.name, it.version).await) });
        read.buffered(SIDE_BY_SIDE).try_filter_map(|found| async move { Ok(found) }).try_collect().await
    }
}

fn by_name(name: &str) -> String {
    // The filter language has no way to write a quote within quotes.
    let quote = if name.contains('\'') { '"' } else { '\'' };
    format!("name={quote}{name}{quote}")
}

fn if_there<T>(found: Inner<T>) -> Inner<Option<T>> {
    match found {
        Err(ErrorKind::NotFound(_)) => Ok(None),
        found => found.map(Some),
    }
}

#[async_trait]
impl Registry for UnityCatalog {
    async fn registered_models(&self, token: Option<&str>) -> Inner<ModelPage> {
        let mut query = vec![("max_results", PAGE)];
        query.extend(token.map(|token| ("page_token", token)));
        let answer = self.client.get(&format!("{MODELS}/search"), &query).await.map_err(no_catalog)?;
        let list = answer.list("registered_models", model_of)?;
        let whole = |known: RegisteredModel| async move {
            let (found, versions) = tokio::join!(self.model(&known.name), self.few_versions(&known.name));
            let mut found = match found {
                Err(ErrorKind::NotFound(_)) => return Inner::Ok(None),
                // Who may list it need not be allowed to look into it.
                Err(ErrorKind::Forbidden(_)) => known,
                found => found?,
            };
            if let Some(versions) = versions? {
                found.version_count = Some(versions.len() as u64);
                found.latest.extend(versions.into_iter().max().map(|newest| (String::new(), newest)));
            }
            Ok(Some(found))
        };
        let read = stream::iter(list.things).map(whole).buffered(SIDE_BY_SIDE);
        let models = read.try_filter_map(|found| async move { Ok(found) }).try_collect().await?;
        Ok(ModelPage { models, weight: list.weight, next_page_token: answer.next_token() })
    }

    async fn create_registered_model(&self, name: &str) -> Inner<()> {
        let body = json!({ "name": new_name(name)? });
        self.post(format!("{MODELS}/create"), body, Repeat::Never).await
    }

    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel> {
        self.model(name).await
    }

    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()> {
        let body = json!({ "name": named(name)?, "new_name": new_name(new)? });
        self.patch(format!("{MODELS}/update"), body).await
    }

    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()> {
        let body = json!({ "name": named(name)?, "description": description });
        self.patch(format!("{MODELS}/update"), body).await
    }

    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()> {
        let Tag { key, value } = there(tag)?;
        let body = json!({ "name": named(name)?, "key": key, "value": value });
        self.post(format!("{MODELS}/set-tag"), body, Repeat::Safe).await
    }

    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()> {
        let body = json!({ "name": named(name)?, "key": key_there(key)? });
        self.delete(format!("{MODELS}/delete-tag"), body).await
    }

    async fn delete_registered_model(&self, name: &str) -> Inner<()> {
        self.delete(format!("{MODELS}/delete"), json!({ "name": named(name)? })).await
    }

    async fn check_registering(&self, name: &str, source: &str) -> Inner<()> {
        registering::check(&self.client, new_name(name)?, source).await.map_err(no_catalog)
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        tags: &[Tag],
    ) -> Inner<ModelVersion> {
        let tags = tags.iter().map(there).collect::<Inner<Vec<_>>>()?;
        let new = New { name: new_name(name)?, source, run_id, tags };
        registering::create(&self.client, &new).await.map_err(no_catalog)
    }

    async fn complete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        registering::complete(&self.client, named(name)?, version).await.map_err(no_catalog)
    }

    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        self.version(name, version).await
    }

    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>> {
        if !is_full(name) {
            return Ok(Vec::new());
        }
        let found = if_there(self.search(&by_name(name)).await)?;
        let mut versions = self.whole(found.unwrap_or_default()).await?;
        versions.sort_by_key(|version| std::cmp::Reverse(version.version));
        Ok(versions)
    }

    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
        // What is no id would mean something else in the filter language.
        let is_id =
            |run: &&RunId| run.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let filters: Vec<String> = runs.iter().filter(is_id).map(|run| format!("run_id='{run}'")).collect();
        let read = stream::iter(filters).map(|filter| async move { if_there(self.search(&filter).await) });
        let found: Vec<Option<Vec<ModelVersion>>> = read.buffered(SIDE_BY_SIDE).try_collect().await?;
        self.whole(found.into_iter().flatten().flatten().collect()).await
    }

    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()> {
        let body =
            json!({ "name": named(name)?, "version": version.to_string(), "description": description });
        self.patch(format!("{VERSIONS}/update"), body).await
    }

    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()> {
        let Tag { key, value } = there(tag)?;
        let body =
            json!({ "name": named(name)?, "version": version.to_string(), "key": key, "value": value });
        self.post(format!("{VERSIONS}/set-tag"), body, Repeat::Safe).await
    }

    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()> {
        let body = json!({ "name": named(name)?, "version": version.to_string(), "key": key_there(key)? });
        self.delete(format!("{VERSIONS}/delete-tag"), body).await
    }

    async fn set_model_stage(&self, _: &str, _: u64, _: ModelStage, _: bool) -> Inner<()> {
        Err(ErrorKind::Unsupported("stages: models in Unity Catalog have aliases; promote to one".into()))
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        let body = json!({ "name": named(name)?, "version": version.to_string() });
        self.delete(format!("{VERSIONS}/delete"), body).await
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()> {
        let body = json!({ "name": named(name)?, "alias": alias, "version": version.to_string() });
        self.post(format!("{MODELS}/alias"), body, Repeat::Safe).await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()> {
        self.delete(format!("{MODELS}/alias"), json!({ "name": named(name)?, "alias": alias })).await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion> {
        let query = [("name", named(name)?), ("alias", alias)];
        let answer =
            self.client.get(&format!("{MODELS}/alias"), &query).await.map_err(|kind| match kind {
                ErrorKind::Invalid(message) if message.contains("not found") => ErrorKind::NotFound(message),
                other => no_catalog(other),
            })?;
        answer.required("model_version", version_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_three_parts() {
        assert!(named("main.default.wine").is_ok());
        for name in ["wine", "a.b", "a.b.c.d", "a..c", "", ". .c"] {
            assert!(matches!(named(name), Err(ErrorKind::NotFound(_))), "{name}");
            assert!(matches!(new_name(name), Err(ErrorKind::Invalid(_))), "{name}");
        }
    }

    #[test]
    fn versions_are_read_as_the_catalogue_sends_them() {
        let version = version_of(&json!({
            "name": "a.b.c", "version": "3", "creation_timestamp": 1_700_000_000_000_i64, "status": "READY",
            "source": "models:/m-0123", "run_id": "r", "storage_location": "s3://x",
            "aliases": [{ "alias": "champion", "version": "3" }, { "alias": "blue", "version": "3" }],
            "tags": [{ "key": "mltui__mark", "value": "1" }, { "key": "team", "value": "red" }],
        }));
        let version = version.unwrap();
        assert_eq!(version.aliases, ["blue", "champion"]);
        assert_eq!((version.version, version.stage(), version.tags[0].key.as_str()), (3, None, "mltui.mark"));
        assert_eq!(version.model_id.unwrap().as_str(), "m-0123");
        let model = model_of(&json!({
            "name": "a.b.c", "aliases": [{ "alias": "champion", "version": "3" }], "user_id": "ana",
        }));
        assert_eq!(model.unwrap().alias("champion"), Some(3));
    }
}
