//! Versions of registered models that come from another store, with their numbers and times.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::layout::{Layout, TAGS};
use super::models;
use super::registry::{GOING, folder, version_folder};
use super::writing::{change_meta, make, put, put_folder, set, write_meta};
use super::yaml::Mapping;
use crate::mlflow::{ModelVersion, RegisteredModel, RunId};
use crate::store::local::inside;
use crate::store::{ErrorKind, Inner, now_ms};

/// A version takes its place when it is filled: while one is there without its `meta.yaml`, MLflow lists no model at all.
pub fn add(layout: &Layout, version: &ModelVersion) -> Inner<()> {
    let model = folder(layout, &version.name)?;
    let place = version_folder(&model, version.version);
    let taken = || {
        let words = format!("model {:?} had a version {} already", version.name, version.version);
        Err(ErrorKind::AlreadyExists(words))
    };
    if place.exists() {
        return taken();
    }
    let filled = model.join(format!("{GOING}{}", uuid::Uuid::new_v4().simple()));
    make(&filled)?;
    let placed = fill(layout, version, &filled).and_then(|()| put_folder(&filled, &place));
    if !matches!(placed, Ok(true)) {
        let _ = fs::remove_dir_all(&filled);
    }
    if placed? { Ok(()) } else { taken() }
}

fn fill(layout: &Layout, version: &ModelVersion, filled: &Path) -> Inner<()> {
    for tag in &version.tags {
        put(filled, &inside(&filled.join(TAGS), &tag.key)?, tag.value.as_bytes())?;
    }
    let logged = version.model_id.as_ref().and_then(|id| models::get(layout, id).ok());
    let location = logged.map_or_else(|| version.source.clone(), |model| model.artifact_location);
    let created = version.creation_time.unwrap_or_else(now_ms);
    let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let mut meta = Mapping::from_iter([
        ("creation_timestamp".to_owned(), json!(created)),
        ("current_stage".to_owned(), json!(version.current_stage)),
        ("description".to_owned(), text(&version.description)),
        ("last_updated_timestamp".to_owned(), json!(version.last_updated_time.unwrap_or(created))),
        ("name".to_owned(), json!(version.name)),
        ("run_id".to_owned(), json!(version.run_id.as_ref().map(RunId::as_str))),
        ("run_link".to_owned(), Value::Null),
        ("source".to_owned(), json!(version.source)),
        ("status".to_owned(), json!(version.status)),
        ("status_message".to_owned(), text(&version.status_message)),
        ("storage_location".to_owned(), json!(location)),
        ("user_id".to_owned(), text(&version.user_id)),
        ("version".to_owned(), json!(version.version)),
    ]);
    match &version.model_id {
        Some(id) => drop(meta.insert("model_id".to_owned(), json!(id.as_str()))),
        None => drop(meta.insert("aliases".to_owned(), json!([]))),
    }
    write_meta(filled, &meta)
}

/// Gives a model the times that it had elsewhere.
pub fn date_model(layout: &Layout, model: &RegisteredModel) -> Inner<()> {
    change_meta(&folder(layout, &model.name)?, |meta| {
        for (key, time) in
            [("creation_timestamp", model.creation_time), ("last_updated_timestamp", model.last_updated_time)]
        {
            if let Some(time) = time {
                set(meta, key, time);
            }
        }
    })
}
