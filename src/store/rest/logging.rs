//! Metrics, params and tags of a run, in batches that a server takes.

use serde_json::{Value, json};

use super::client::{Client, Repeat};
use super::wire::log_batches;
use crate::mlflow::{Dataset, Metric, ModelId, RunId};
use crate::store::{ErrorKind, Inner};

const PATH: &str = "2.0/mlflow/runs/log-batch";

/// Sends a `log-batch`. Sent twice it is the same: metric rows are a set, params do not change, tags are
/// overwritten. Only MLflow 2 does not recognise a NaN that it has already, and refuses the whole batch for it:
/// then the NaN points are sent one by one, behind all the rest.
pub async fn log_body(client: &Client, mut body: Value) -> Inner<()> {
    let is_known_nan = |kind: &ErrorKind| match kind {
        ErrorKind::Invalid(message) => {
            let message = message.to_lowercase();
            message.contains("unique") && message.contains("metric")
        }
        _ => false,
    };
    let refused = match client.post(PATH, &body, Repeat::Safe).await {
        Err(kind) if is_known_nan(&kind) => kind,
        result => return result.map(drop),
    };
    let points = body["metrics"].as_array().cloned().unwrap_or_default();
    let (nan, rest): (Vec<Value>, Vec<Value>) = points.into_iter().partition(|point| point["value"] == "NaN");
    if nan.is_empty() {
        return Err(refused);
    }
    let run_id = body["run_id"].clone();
    body["metrics"] = Value::Array(rest);
    client.post(PATH, &body, Repeat::Safe).await?;
    for point in nan {
        let single = json!({ "run_id": run_id, "metrics": [point] });
        match client.post(PATH, &single, Repeat::Safe).await {
            Err(kind) if !is_known_nan(&kind) => return Err(kind),
            _ => {}
        }
    }
    Ok(())
}

/// Logs metrics of a run that tell of a model of its, on a data set or none.
pub async fn log_model_metrics(
    client: &Client,
    run: &RunId,
    model: &ModelId,
    metrics: &[Metric],
    dataset: Option<&Dataset>,
) -> Inner<()> {
    for mut body in log_batches(run, metrics, &[], &[]) {
        for metric in body["metrics"].as_array_mut().into_iter().flatten() {
            metric["model_id"] = model.as_str().into();
            if let Some(dataset) = dataset {
                metric["dataset_name"] = dataset.name.as_str().into();
                metric["dataset_digest"] = dataset.digest.as_str().into();
            }
        }
        log_body(client, body).await?;
    }
    Ok(())
}
