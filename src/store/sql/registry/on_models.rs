//! What of a version stands elsewhere: in a tag of the logged model that it was made from, and where its files are.

use crate::mlflow::{LoggedModel, ModelId, tags};
use crate::store::Inner;
use crate::store::sql::models::logged_model;
use crate::store::sql::{Link, values};

/// A logged model whose list of versions is going to change: two who register it under two names do it one after the other.
pub fn model_to_change(link: &mut impl Link, id: &ModelId) -> Inner<LoggedModel> {
    if link.layout().logged_models {
        let for_update = link.dialect().for_update;
        let statement = format!("SELECT 1 FROM logged_models WHERE model_id = ?1{for_update}");
        link.one(&statement, values![id.as_str()], |_| ())?;
    }
    logged_model(link, id)
}

/// Adds a version to the list that MLflow keeps in a tag of the logged model.
pub fn name_version_on_model(
    link: &mut impl Link,
    model: &LoggedModel,
    name: &str,
    version: i64,
) -> Inner<()> {
    let known = model.tags.iter().find(|tag| tag.key == tags::MODEL_VERSIONS);
    let mut versions: Vec<serde_json::Value> =
        known.and_then(|tag| serde_json::from_str(&tag.value).ok()).unwrap_or_default();
    versions.push(serde_json::json!({ "name": name, "version": version }));
    let statement = (link.dialect().upsert)(
        "logged_model_tags (model_id, experiment_id, tag_key, tag_value)",
        "VALUES (?1, ?2, ?3, ?4)",
        "model_id, tag_key",
        "tag_value",
    );
    let value = serde_json::Value::Array(versions).to_string();
    link.execute(
        &statement,
        values![model.model_id.as_str(), model.experiment_id.as_key(), tags::MODEL_VERSIONS, &value],
    )?;
    Ok(())
}

/// The artifact location behind a model's source, where it is one of MLflow's own addresses.
pub fn storage_location(link: &mut impl Link, source: &str) -> Inner<Option<String>> {
    if let Some(id) = source.strip_prefix("models:/m-") {
        if !link.layout().logged_models {
            return Ok(None);
        }
        let statement = "SELECT artifact_location FROM logged_models WHERE model_id = ?1";
        return link.one(statement, values![&format!("m-{id}")], |row| row.string(0));
    }
    if let Some(rest) = source.strip_prefix("runs:/")
        && let Some((run, path)) = rest.split_once('/')
    {
        let root =
            link.one("SELECT artifact_uri FROM runs WHERE run_uuid = ?1", values![run], |row| row.string(0))?;
        return Ok(root.map(|root| format!("{root}/{path}")));
    }
    Ok(Some(source.to_owned()))
}

pub fn forget_version_on_model(
    link: &mut impl Link,
    model: &LoggedModel,
    name: &str,
    version: u64,
) -> Inner<()> {
    let Some(tag) = model.tags.iter().find(|tag| tag.key == tags::MODEL_VERSIONS) else { return Ok(()) };
    let Ok(mut versions) = serde_json::from_str::<Vec<serde_json::Value>>(&tag.value) else { return Ok(()) };
    let as_text = version.to_string();
    let is_it = |known: &serde_json::Value| {
        known["name"] == name && (known["version"] == version || known["version"] == as_text)
    };
    versions.retain(|known| !is_it(known));
    if versions.is_empty() {
        link.execute(
            "DELETE FROM logged_model_tags WHERE model_id = ?1 AND tag_key = ?2",
            values![model.model_id.as_str(), tags::MODEL_VERSIONS],
        )?;
    } else {
        let value = serde_json::Value::Array(versions).to_string();
        link.execute(
            "UPDATE logged_model_tags SET tag_value = ?3 WHERE model_id = ?1 AND tag_key = ?2",
            values![model.model_id.as_str(), tags::MODEL_VERSIONS, &value],
        )?;
    }
    Ok(())
}
