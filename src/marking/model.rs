//! The model of a run, as far as it has one that can be registered.

use serde_json::Value;

use super::checkpoint::{ModelBy, choose};
use super::plan::is_refused;
use crate::mlflow::{LoggedModel, ModelVersion, Run, RunId, tags};
use crate::registry::find_nan;
use crate::store::{ArtifactList, ErrorKind, Result, Store};

/// Characters of a reason that are kept: a tag does not hold much more.
const WHY: usize = 600;

/// What a model is registered from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSource {
    /// `models:/m-…`, or the address of a model artifact.
    pub address: String,
    /// `runs:/RUN/PATH`, which clients of MLflow name it by; none where several models have that path.
    by_run: Option<String>,
    /// Which of the run's models it is, and why, in words.
    pub why: String,
    /// Logged models of the run that there are.
    pub of: usize,
}

impl ModelSource {
    /// Whether a version was made from it, by whichever of its names.
    pub fn is_of(&self, version: &ModelVersion) -> bool {
        let source = version.source.trim_end_matches('/');
        let model = version.model_id.as_ref().is_some_and(|id| self.address == format!("models:/{id}"));
        source == self.address || self.by_run.as_deref() == Some(source) || model
    }
}

/// What a run's model is registered from, or why there is nothing: a logged model of MLflow 3, what MLflow 2 noted on
/// the run, or a model artifact.
///
/// # Errors
/// If the store does not answer.
pub async fn source(
    store: &Store,
    run: &Run,
    by: Option<&ModelBy>,
) -> Result<std::result::Result<ModelSource, String>> {
    let mut models = logged_models(store, run).await?;
    if let Some(by) = by {
        find_nan(store, &mut models, &by.metric).await?;
    }
    let of = models.len();
    if let Some((model, why)) = choose(run, &models, by) {
        let why: String = format!("{} ({}), {why}", model.name, model.model_id).chars().take(WHY).collect();
        let is_alone = models.iter().filter(|it| it.name == model.name).count() == 1;
        let by_run = is_alone.then(|| format!("runs:/{}/{}", run.info.run_id, model.name));
        return Ok(Ok(ModelSource { address: format!("models:/{}", model.model_id), by_run, why, of }));
    }
    let artifact = artifact(store, run).await?;
    let found = artifact.map(|path| ModelSource {
        address: format!("{}/{path}", run.info.artifact_uri.trim_end_matches('/')),
        by_run: Some(format!("runs:/{}/{path}", run.info.run_id)),
        why: String::new(),
        of: 0,
    });
    Ok(found.ok_or_else(|| {
        let models = if of == 1 { "logged model is" } else { "logged models are" };
        if of == 0 {
            "the run has no model".to_owned()
        } else {
            format!("no model is registered: the run's {models} not ready")
        }
    }))
}

/// The models that a run made or names as its outputs; none where the store has no such thing.
async fn logged_models(store: &Store, run: &Run) -> Result<Vec<LoggedModel>> {
    let is_none = |kind: &ErrorKind| matches!(kind, ErrorKind::NotFound(_)) || is_refused(kind);
    let mut models = match store.logged_models_of(&run.info.experiment_id, &run.info.run_id).await {
        Err(error) if is_none(&error.kind) => Vec::new(),
        models => models?,
    };
    for output in &run.model_outputs {
        if models.iter().any(|model| model.model_id == output.model_id) {
            continue;
        }
        match store.get_logged_model(&output.model_id).await {
            Err(error) if is_none(&error.kind) => {}
            model => models.push(model?),
        }
    }
    Ok(models)
}

/// The path of a model among a run's artifacts.
async fn artifact(store: &Store, run: &Run) -> Result<Option<String>> {
    if let Some(path) = run.tag(tags::MODEL_HISTORY).and_then(newest_path) {
        return Ok(Some(path));
    }
    let entries = listed(store, &run.info.run_id, "").await?;
    for folder in entries.files.iter().filter(|entry| entry.is_dir) {
        let inside = listed(store, &run.info.run_id, &folder.path).await?;
        if inside.files.iter().any(|file| file.path.rsplit('/').next() == Some("MLmodel")) {
            return Ok(Some(folder.path.trim_matches('/').to_owned()));
        }
    }
    Ok(None)
}

/// Where artifacts cannot be looked at, none can be loaded either. Where they do not answer, that is not known.
async fn listed(store: &Store, run: &RunId, path: &str) -> Result<ArtifactList> {
    match store.list_artifacts(run, path).await {
        Err(error) if matches!(error.kind, ErrorKind::Hung(..)) => Err(error),
        list => Ok(list.unwrap_or_default()),
    }
}

/// The folder of the model that was logged last, out of MLflow 2's JSON list.
fn newest_path(history: &str) -> Option<String> {
    let history: Vec<Value> = serde_json::from_str(history).ok()?;
    Some(history.last()?.get("artifact_path")?.as_str()?.trim_matches('/').to_owned())
}
