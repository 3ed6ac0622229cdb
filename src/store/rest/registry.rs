//! Registered models, their versions and aliases.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;

use super::client::{Client, Repeat};
use super::{Rest, databricks, wire};
use crate::mlflow::{ModelStage, ModelVersion, RegisteredModel, RunId, Tag};
use crate::store::pages::Pages;
use crate::store::{ErrorKind, Inner, ModelPage, Registry};

const MODELS: &str = "2.0/mlflow/registered-models";
const VERSIONS: &str = "2.0/mlflow/model-versions";

impl Rest {
    /// The registry of a workspace that this one is has none.
    fn need_aliases(&self) -> Inner<()> {
        if self.client.is_workspace() { Err(databricks::no_aliases()) } else { Ok(()) }
    }
}

#[async_trait]
impl Registry for Rest {
    async fn registered_models(&self, token: Option<&str>) -> Inner<ModelPage> {
        models(&self.client, token).await
    }

    async fn rename_registered_model(&self, name: &str, new: &str) -> Inner<()> {
        rename_model(&self.client, name, new).await
    }

    async fn describe_registered_model(&self, name: &str, description: &str) -> Inner<()> {
        describe_model(&self.client, name, description).await
    }

    async fn set_registered_model_tag(&self, name: &str, tag: &Tag) -> Inner<()> {
        set_model_tag(&self.client, name, tag).await
    }

    async fn delete_registered_model_tag(&self, name: &str, key: &str) -> Inner<()> {
        delete_model_tag(&self.client, name, key).await
    }

    async fn get_model_version(&self, name: &str, version: u64) -> Inner<ModelVersion> {
        get_version(&self.client, name, version).await
    }

    async fn model_versions_of(&self, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
        versions_of(&self.client, runs).await
    }

    async fn describe_model_version(&self, name: &str, version: u64, description: &str) -> Inner<()> {
        describe_version(&self.client, name, version, description).await
    }

    async fn set_model_version_tag(&self, name: &str, version: u64, tag: &Tag) -> Inner<()> {
        set_version_tag(&self.client, name, version, tag).await
    }

    async fn delete_model_version_tag(&self, name: &str, version: u64, key: &str) -> Inner<()> {
        delete_version_tag(&self.client, name, version, key).await
    }

    async fn set_model_stage(
        &self,
        name: &str,
        version: u64,
        stage: ModelStage,
        archives_others: bool,
    ) -> Inner<()> {
        set_stage(&self.client, name, version, stage, archives_others).await
    }

    async fn create_registered_model(&self, name: &str) -> Inner<()> {
        create_model(&self.client, name).await
    }

    async fn get_registered_model(&self, name: &str) -> Inner<RegisteredModel> {
        model(&self.client, name).await
    }

    async fn delete_registered_model(&self, name: &str) -> Inner<()> {
        delete_model(&self.client, name).await
    }

    async fn create_model_version(
        &self,
        name: &str,
        source: &str,
        run_id: Option<&RunId>,
        new_tags: &[Tag],
    ) -> Inner<ModelVersion> {
        create_version(&self.client, name, source, run_id, new_tags).await
    }

    async fn model_versions(&self, name: &str) -> Inner<Vec<ModelVersion>> {
        versions(&self.client, name).await
    }

    async fn delete_model_version(&self, name: &str, version: u64) -> Inner<()> {
        delete_version(&self.client, name, version).await
    }

    async fn has_aliases(&self) -> Inner<bool> {
        Ok(!self.client.is_workspace() && has_aliases(&self.client).await)
    }

    async fn set_model_alias(&self, name: &str, alias: &str, version: u64) -> Inner<()> {
        self.need_aliases()?;
        set_alias(&self.client, name, alias, version).await
    }

    async fn delete_model_alias(&self, name: &str, alias: &str) -> Inner<()> {
        self.need_aliases()?;
        delete_alias(&self.client, name, alias).await
    }

    async fn model_version_by_alias(&self, name: &str, alias: &str) -> Inner<ModelVersion> {
        self.need_aliases()?;
        version_by_alias(&self.client, name, alias).await
    }
}

/// A server without a registry does not know these paths.
fn no_registry(kind: ErrorKind) -> ErrorKind {
    kind.no_route("model registry")
}

/// A server that knows models may still be older than their aliases.
fn no_aliases(kind: ErrorKind) -> ErrorKind {
    kind.no_route("model aliases: they need MLflow 2.3 or newer")
}

/// Models that the first page has, which somebody waits for, and those after it.
const FIRST: &str = "100";
const PAGE: &str = "1000";
/// Runs whose versions are asked for at once: older servers take no longer address.
const RUNS: usize = 60;
/// Models that are read side by side.
const SIDE_BY_SIDE: usize = 4;

async fn models(client: &Client, token: Option<&str>) -> Inner<ModelPage> {
    let mut query = vec![("max_results", if token.is_some() { PAGE } else { FIRST })];
    query.extend(token.map(|token| ("page_token", token)));
    let answer = client.get(&format!("{MODELS}/search"), &query).await.map_err(no_registry)?;
    let list = answer.list("registered_models", wire::registered_model)?;
    Ok(ModelPage { models: list.things, weight: list.weight, next_page_token: answer.next_token() })
}

async fn create_model(client: &Client, name: &str) -> Inner<()> {
    let body = json!({ "name": name });
    client.post(&format!("{MODELS}/create"), &body, Repeat::Never).await.map(drop).map_err(no_registry)
}

async fn model(client: &Client, name: &str) -> Inner<RegisteredModel> {
    let answer = client.get(&format!("{MODELS}/get"), &[("name", name)]).await.map_err(no_registry)?;
    answer.required("registered_model", wire::registered_model)
}

async fn rename_model(client: &Client, name: &str, new: &str) -> Inner<()> {
    let body = json!({ "name": name, "new_name": new });
    client.post(&format!("{MODELS}/rename"), &body, Repeat::Never).await.map(drop).map_err(no_registry)
}

async fn describe_model(client: &Client, name: &str, description: &str) -> Inner<()> {
    let body = json!({ "name": name, "description": description });
    client.patch(&format!("{MODELS}/update"), &body).await.map(drop).map_err(no_registry)
}

async fn set_model_tag(client: &Client, name: &str, tag: &Tag) -> Inner<()> {
    let body = json!({ "name": name, "key": tag.key, "value": tag.value });
    client.post(&format!("{MODELS}/set-tag"), &body, Repeat::Safe).await.map(drop).map_err(no_registry)
}

async fn delete_model_tag(client: &Client, name: &str, key: &str) -> Inner<()> {
    let body = json!({ "name": name, "key": key });
    client.delete(&format!("{MODELS}/delete-tag"), &body).await.map(drop).map_err(no_registry)
}

async fn delete_model(client: &Client, name: &str) -> Inner<()> {
    client.delete(&format!("{MODELS}/delete"), &json!({ "name": name })).await.map(drop).map_err(no_registry)
}

async fn create_version(
    client: &Client,
    name: &str,
    source: &str,
    run_id: Option<&RunId>,
    tags: &[Tag],
) -> Inner<ModelVersion> {
    let mut body = json!({ "name": name, "source": source, "tags": wire::pairs(tags) });
    if let Some(id) = run_id {
        body["run_id"] = json!(id);
    }
    if let Some(model) = source.strip_prefix("models:/").filter(|model| model.starts_with("m-")) {
        body["model_id"] = json!(model);
    }
    let answer =
        client.post(&format!("{VERSIONS}/create"), &body, Repeat::Never).await.map_err(no_registry)?;
    answer.required("model_version", wire::model_version)
}

async fn get_version(client: &Client, name: &str, version: u64) -> Inner<ModelVersion> {
    let query = [("name", name), ("version", &version.to_string())];
    let answer = client.get(&format!("{VERSIONS}/get"), &query).await.map_err(no_registry)?;
    answer.required("model_version", wire::model_version)
}

async fn versions(client: &Client, name: &str) -> Inner<Vec<ModelVersion>> {
    // The filter language has no way to write a quote within quotes.
    let quote = if name.contains('\'') { '"' } else { '\'' };
    let mut versions = search(client, &format!("name={quote}{name}{quote}")).await?;
    with_aliases(client, &mut versions).await?;
    versions.sort_by_key(|version| std::cmp::Reverse(version.version));
    Ok(versions)
}

async fn versions_of(client: &Client, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
    let mut versions = Vec::new();
    // What is no id would mean something else in the filter language.
    let is_id = |run: &&RunId| run.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let runs: Vec<&RunId> = runs.iter().filter(is_id).collect();
    for some in runs.chunks(RUNS) {
        let ids: Vec<String> = some.iter().map(|run| format!("'{run}'")).collect();
        versions.extend(search(client, &format!("run_id IN ({})", ids.join(","))).await?);
    }
    with_aliases(client, &mut versions).await?;
    Ok(versions)
}

/// The versions that pass a filter, without aliases: a search does not tell them.
async fn search(client: &Client, filter: &str) -> Inner<Vec<ModelVersion>> {
    let mut versions = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = Pages::default();
    loop {
        let mut query = vec![("filter", filter), ("max_results", "1000")];
        query.extend(token.as_deref().map(|token| ("page_token", token)));
        let answer = client.get(&format!("{VERSIONS}/search"), &query).await.map_err(no_registry)?;
        let list = answer.list("model_versions", wire::model_version)?;
        token = pages.next(answer.next_token(), list.things.len(), list.weight)?;
        versions.extend(list.things);
        if token.is_none() {
            return Ok(versions);
        }
    }
}

/// Adds the aliases, which the models tell.
async fn with_aliases(client: &Client, versions: &mut [ModelVersion]) -> Inner<()> {
    let names: BTreeSet<String> = versions.iter().map(|version| version.name.clone()).collect();
    let known: Vec<RegisteredModel> = stream::iter(names)
        .map(|name| async move {
            match model(client, &name).await {
                // Somebody deleted it in between.
                Err(ErrorKind::NotFound(_)) => Ok(None),
                found => found.map(Some),
            }
        })
        .buffered(SIDE_BY_SIDE)
        .try_filter_map(|found| async move { Ok(found) })
        .try_collect()
        .await?;
    for version in versions {
        let Some(model) = known.iter().find(|model| model.name == version.name) else { continue };
        let points_here = model.aliases.iter().filter(|(_, number)| *number == version.version);
        version.aliases = points_here.map(|(alias, _)| alias.clone()).collect();
        version.aliases.sort();
    }
    Ok(())
}

async fn describe_version(client: &Client, name: &str, version: u64, description: &str) -> Inner<()> {
    let body = json!({ "name": name, "version": version.to_string(), "description": description });
    client.patch(&format!("{VERSIONS}/update"), &body).await.map(drop).map_err(no_registry)
}

async fn set_version_tag(client: &Client, name: &str, version: u64, tag: &Tag) -> Inner<()> {
    let body = json!({ "name": name, "version": version.to_string(), "key": tag.key, "value": tag.value });
    client.post(&format!("{VERSIONS}/set-tag"), &body, Repeat::Safe).await.map(drop).map_err(no_registry)
}

async fn delete_version_tag(client: &Client, name: &str, version: u64, key: &str) -> Inner<()> {
    let body = json!({ "name": name, "version": version.to_string(), "key": key });
    client.delete(&format!("{VERSIONS}/delete-tag"), &body).await.map(drop).map_err(no_registry)
}

async fn set_stage(
    client: &Client,
    name: &str,
    version: u64,
    stage: ModelStage,
    archives_others: bool,
) -> Inner<()> {
    let body = json!({
        "name": name,
        "version": version.to_string(),
        "stage": stage.as_str(),
        "archive_existing_versions": archives_others,
    });
    let path = format!("{VERSIONS}/transition-stage");
    client.post(&path, &body, Repeat::Safe).await.map(drop).map_err(no_registry)
}

async fn delete_version(client: &Client, name: &str, version: u64) -> Inner<()> {
    let body = json!({ "name": name, "version": version.to_string() });
    client.delete(&format!("{VERSIONS}/delete"), &body).await.map(drop).map_err(no_registry)
}

/// A server that has aliases says of a model that nobody can have made that there is no such thing; an older one does not
/// know the path.
async fn has_aliases(client: &Client) -> bool {
    !matches!(version_by_alias(client, "mltui/none", "none").await, Err(ErrorKind::Unsupported(_)))
}

async fn set_alias(client: &Client, name: &str, alias: &str, version: u64) -> Inner<()> {
    let body = json!({ "name": name, "alias": alias, "version": version.to_string() });
    client.post(&format!("{MODELS}/alias"), &body, Repeat::Safe).await.map(drop).map_err(no_aliases)
}

async fn delete_alias(client: &Client, name: &str, alias: &str) -> Inner<()> {
    let body = json!({ "name": name, "alias": alias });
    client.delete(&format!("{MODELS}/alias"), &body).await.map(drop).map_err(no_aliases)
}

async fn version_by_alias(client: &Client, name: &str, alias: &str) -> Inner<ModelVersion> {
    let query = [("name", name), ("alias", alias)];
    // An alias that is not set is an "invalid parameter" to MLflow.
    let answer = client.get(&format!("{MODELS}/alias"), &query).await.map_err(|kind| match kind {
        ErrorKind::Invalid(message) if message.contains("not found") => ErrorKind::NotFound(message),
        other => no_aliases(other),
    })?;
    answer.required("model_version", wire::model_version)
}
