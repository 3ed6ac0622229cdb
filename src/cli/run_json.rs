//! Whole runs as JSON, with the data sets that they were given and the models that they made.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use super::Failure;
use crate::catalog::{Catalog, Keyed, NO_TIME, Row, Sym};
use crate::mlflow::{ExperimentId, ViewType, tags};
use crate::sheet::json_number;
use crate::store::{ErrorKind, Store};

/// What runs have besides what a catalogue keeps, by their ids.
#[derive(Debug, Default)]
pub struct RunsMore {
    inputs: HashMap<String, Vec<Json>>,
    models: HashMap<String, Vec<Json>>,
}

impl RunsMore {
    /// Reads it for all runs of an experiment.
    pub async fn read(store: &Store, experiment: &ExperimentId, view: ViewType) -> Result<Self, Failure> {
        let mut more = Self::default();
        for used in store.data_sets(experiment, view).await? {
            for of in used.uses {
                let context = Some(of.context).filter(|context| !context.is_empty());
                let input = json!({
                    "name": used.dataset.name, "digest": used.dataset.digest, "context": context,
                });
                more.inputs.entry(of.run.0).or_default().push(input);
            }
        }
        let models = match store.logged_models_in(experiment).await {
            // Before MLflow 3 a tag of the run tells of its models.
            Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => Vec::new(),
            models => models?,
        };
        for model in models {
            if let Some(run) = model.source_run_id {
                let told = json!({
                    "name": model.name, "model_id": model.model_id.as_str(), "status": model.status,
                    "uri": format!("models:/{}", model.model_id),
                });
                more.models.entry(run.0).or_default().push(told);
            }
        }
        Ok(more)
    }

    /// The models of a run: those of MLflow 3, or else those that a tag tells of.
    fn models(&self, catalog: &Catalog, row: Row) -> Vec<Json> {
        let id = catalog.run_id(row);
        if let Some(models) = self.models.get(id) {
            return models.clone();
        }
        let tag = catalog.tags.column(&catalog.texts, tags::MODEL_HISTORY).and_then(|column| column.get(row));
        let history: Vec<Json> =
            tag.and_then(|sym| serde_json::from_str(catalog.texts.get(sym)).ok()).unwrap_or_default();
        let paths = history.iter().filter_map(|entry| entry["artifact_path"].as_str());
        let told = paths.map(|path| {
            json!({ "name": path, "model_id": null, "status": null, "uri": format!("runs:/{id}/{path}") })
        });
        told.collect()
    }
}

/// A whole run: attributes; metrics, params and tags as objects by key; data sets and models as lists.
pub fn run_json(catalog: &Catalog, row: Row, more: &RunsMore) -> Json {
    let run = catalog.run(row);
    let texts = &catalog.texts;
    let time = |time: i64| if time == NO_TIME { Json::Null } else { Json::from(time) };
    let metrics: Map<String, Json> =
        catalog.metrics.of(texts, row).map(|(key, value)| (key.to_owned(), json_number(value))).collect();
    let pairs = |keyed: &Keyed<Sym>| -> Map<String, Json> {
        keyed.of(texts, row).map(|(key, value)| (key.to_owned(), Json::from(texts.get(value)))).collect()
    };
    json!({
        "run_id": texts.get(run.run_id), "run_name": texts.get(run.name),
        "experiment_id": texts.get(run.experiment_id), "status": run.status.as_str(),
        "start_time": time(run.start_time), "end_time": time(run.ended()), "user_id": texts.get(run.user),
        "lifecycle_stage": run.stage.as_str(), "artifact_uri": catalog.artifact_uri(row),
        "metrics": metrics, "params": pairs(&catalog.params), "tags": pairs(&catalog.tags),
        "inputs": more.inputs.get(texts.get(run.run_id)).cloned().unwrap_or_default(),
        "models": more.models(catalog, row),
    })
}
