//! The model of a run, as far as it has one that can be registered.

use serde_json::Value;

use crate::mlflow::{Run, tags};
use crate::store::{ErrorKind, Result, TrackingStore};

/// What a run's model is registered from: its newest MLflow 3 model that is ready, what MLflow 2 noted on the run, or
/// a model artifact.
pub async fn source(store: &dyn TrackingStore, run: &Run) -> Result<Option<String>> {
    for id in run.model_outputs.iter().rev() {
        match store.get_logged_model(id).await {
            Ok(model) if model.status.contains("READY") => return Ok(Some(format!("models:/{id}"))),
            Ok(_) => {}
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let root = run.info.artifact_uri.trim_end_matches('/');
    if let Some(path) = run.tag(tags::MODEL_HISTORY).and_then(newest_path) {
        return Ok(Some(format!("{root}/{path}")));
    }
    // Where artifacts cannot be looked at, none can be loaded either.
    let Ok(entries) = store.list_artifacts(&run.info.run_id, "").await else { return Ok(None) };
    for folder in entries.iter().filter(|entry| entry.is_dir) {
        let inside = store.list_artifacts(&run.info.run_id, &folder.path).await.unwrap_or_default();
        if inside.iter().any(|file| file.path.rsplit('/').next() == Some("MLmodel")) {
            return Ok(Some(format!("{root}/{}", folder.path.trim_matches('/'))));
        }
    }
    Ok(None)
}

/// The folder of the model that was logged last, out of MLflow 2's JSON list.
fn newest_path(history: &str) -> Option<String> {
    let history: Vec<Value> = serde_json::from_str(history).ok()?;
    Some(history.last()?.get("artifact_path")?.as_str()?.trim_matches('/').to_owned())
}
