//! Registered models, their versions and aliases.

use serde_json::json;

use super::client::{Client, Repeat};
use super::wire;
use crate::mlflow::{ModelVersion, RegisteredModel, RunId, Tag};
use crate::store::pages::Pages;
use crate::store::{ErrorKind, Inner};

const MODELS: &str = "2.0/mlflow/registered-models";
const VERSIONS: &str = "2.0/mlflow/model-versions";

/// A server without a registry does not know these paths.
fn no_registry(kind: ErrorKind) -> ErrorKind {
    kind.no_route("model registry")
}

/// A server that knows models may still be older than their aliases.
fn no_aliases(kind: ErrorKind) -> ErrorKind {
    kind.no_route("model aliases: they need MLflow 2.3 or newer")
}

pub async fn create_model(client: &Client, name: &str) -> Inner<()> {
    let body = json!({ "name": name });
    client.post(&format!("{MODELS}/create"), &body, Repeat::Never).await.map(drop).map_err(no_registry)
}

pub async fn model(client: &Client, name: &str) -> Inner<RegisteredModel> {
    let answer = client.get(&format!("{MODELS}/get"), &[("name", name)]).await.map_err(no_registry)?;
    answer.required("registered_model", wire::registered_model)
}

pub async fn delete_model(client: &Client, name: &str) -> Inner<()> {
    client.delete(&format!("{MODELS}/delete"), &json!({ "name": name })).await.map(drop).map_err(no_registry)
}

pub async fn create_version(
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

pub async fn versions(client: &Client, name: &str) -> Inner<Vec<ModelVersion>> {
    // The filter language has no way to write a quote within quotes.
    let quote = if name.contains('\'') { '"' } else { '\'' };
    let filter = format!("name={quote}{name}{quote}");
    let mut versions = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = Pages::default();
    loop {
        let mut query = vec![("filter", filter.as_str()), ("max_results", "1000")];
        query.extend(token.as_deref().map(|token| ("page_token", token)));
        let answer = client.get(&format!("{VERSIONS}/search"), &query).await.map_err(no_registry)?;
        let list = answer.list("model_versions", wire::model_version)?;
        token = pages.next(answer.next_token(), list.things.len(), list.weight)?;
        versions.extend(list.things);
        if token.is_none() {
            versions.sort_by_key(|version| std::cmp::Reverse(version.version));
            return Ok(versions);
        }
    }
}

pub async fn delete_version(client: &Client, name: &str, version: u64) -> Inner<()> {
    let body = json!({ "name": name, "version": version.to_string() });
    client.delete(&format!("{VERSIONS}/delete"), &body).await.map(drop).map_err(no_registry)
}

/// A server that has aliases says of a model that nobody can have made that there is no such thing; an older one does not
/// know the path.
pub async fn has_aliases(client: &Client) -> bool {
    !matches!(version_by_alias(client, "mltui/none", "none").await, Err(ErrorKind::Unsupported(_)))
}

pub async fn set_alias(client: &Client, name: &str, alias: &str, version: u64) -> Inner<()> {
    let body = json!({ "name": name, "alias": alias, "version": version.to_string() });
    client.post(&format!("{MODELS}/alias"), &body, Repeat::Safe).await.map(drop).map_err(no_aliases)
}

pub async fn delete_alias(client: &Client, name: &str, alias: &str) -> Inner<()> {
    let body = json!({ "name": name, "alias": alias });
    client.delete(&format!("{MODELS}/alias"), &body).await.map(drop).map_err(no_aliases)
}

pub async fn version_by_alias(client: &Client, name: &str, alias: &str) -> Inner<ModelVersion> {
    let query = [("name", name), ("alias", alias)];
    // An alias that is not set is an "invalid parameter" to MLflow.
    let answer = client.get(&format!("{MODELS}/alias"), &query).await.map_err(|kind| match kind {
        ErrorKind::Invalid(message) if message.contains("not found") => ErrorKind::NotFound(message),
        other => no_aliases(other),
    })?;
    answer.required("model_version", wire::model_version)
}
