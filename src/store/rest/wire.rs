//! JSON as an MLflow server sends and takes it.
//!
//! 200 does not mean that the server understood: what an answer must hold is checked, and NaN and the infinities
//! are sent as texts, because a bare `NaN` would be stored as 0.

use serde_json::{Value, json};

use super::answer::missing;
use crate::mlflow::{
    ArtifactFile, Dataset, DatasetInput, Experiment, ExperimentId, LifecycleStage, LoggedModel, Metric,
    MetricPoint, ModelId, ModelMetric, ModelOutput, ModelVersion, Param, RegisteredModel, Run, RunId,
    RunInfo, RunStatus, Tag, infinity, limits,
};
use crate::store::{ErrorKind, Inner};

/// A field that must be there.
pub fn required<T>(value: &Value, key: &str, read: impl Fn(&Value) -> Inner<T>) -> Inner<T> {
    value.get(key).ok_or_else(|| missing(key)).and_then(read)
}

/// A list within an answer; MLflow leaves empty ones out.
fn list<T>(value: &Value, key: &str, read: impl Fn(&Value) -> Inner<T>) -> Inner<Vec<T>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(read).collect(),
        Some(_) => Err(missing(key)),
    }
}

pub fn text(value: &Value) -> Inner<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(ErrorKind::Protocol(format!("expected a text, not {value}"))),
    }
}

fn text_or_empty(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// 64-bit whole numbers come as numbers or as texts; they are exact, never by way of a float.
pub fn int(value: &Value) -> Inner<i64> {
    let parsed = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| ErrorKind::Protocol(format!("expected an integer, not {value}")))
}

fn optional_int(value: &Value, key: &str) -> Inner<Option<i64>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => int(value).map(Some),
    }
}

fn float(value: &Value) -> Inner<f64> {
    let parsed = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" | "nan" => Some(f64::NAN),
            "Infinity" | "inf" => Some(f64::INFINITY),
            "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
            number => number.parse().ok(),
        },
        _ => None,
    };
    // Most servers rest on a SQL store, and send what it holds.
    parsed.map(infinity::logged).ok_or_else(|| ErrorKind::Protocol(format!("expected a number, not {value}")))
}

/// A metric's value on its way to the server.
pub fn float_json(value: f64) -> Value {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

fn tag(value: &Value) -> Inner<Tag> {
    Ok(Tag { key: required(value, "key", text)?, value: text_or_empty(value, "value") })
}

pub fn pairs(tags: &[Tag]) -> Value {
    tags.iter().map(|tag| json!({ "key": tag.key, "value": tag.value })).collect()
}

pub fn experiment(value: &Value) -> Inner<Experiment> {
    Ok(Experiment {
        experiment_id: ExperimentId(required(value, "experiment_id", text)?),
        name: required(value, "name", text)?,
        artifact_location: text_or_empty(value, "artifact_location"),
        lifecycle_stage: LifecycleStage::parse(&text_or_empty(value, "lifecycle_stage")),
        creation_time: optional_int(value, "creation_time")?,
        last_update_time: optional_int(value, "last_update_time")?,
        tags: list(value, "tags", tag)?,
    })
}

pub fn run(value: &Value) -> Inner<Run> {
    let info = required(value, "info", run_info)?;
    let empty = json!({});
    let data = value.get("data").unwrap_or(&empty);
    let inputs = value.get("inputs").unwrap_or(&empty);
    let outputs = value.get("outputs").unwrap_or(&empty);
    let mut metrics = list(data, "metrics", metric)?;
    let mut params = list(data, "params", |value| {
        Ok(Param { key: required(value, "key", text)?, value: text_or_empty(value, "value") })
    })?;
    let mut tags = list(data, "tags", tag)?;
    metrics.sort_by(|a, b| a.key.cmp(&b.key));
    params.sort_by(|a, b| a.key.cmp(&b.key));
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Run {
        info,
        metrics,
        params,
        tags,
        inputs: list(inputs, "dataset_inputs", dataset_input)?,
        model_outputs: list(outputs, "model_outputs", |value| {
            let model_id = required(value, "model_id", text).map(ModelId)?;
            Ok(ModelOutput { model_id, step: optional_int(value, "step")?.unwrap_or(0) })
        })?,
    })
}

fn run_info(value: &Value) -> Inner<RunInfo> {
    let status = required(value, "status", text)?;
    Ok(RunInfo {
        run_id: RunId(required(value, "run_id", text).or_else(|_| required(value, "run_uuid", text))?),
        experiment_id: ExperimentId(required(value, "experiment_id", text)?),
        run_name: text_or_empty(value, "run_name"),
        user_id: text_or_empty(value, "user_id"),
        status: status
            .parse::<RunStatus>()
            .map_err(|()| ErrorKind::Protocol(format!("unknown run status {status:?}")))?,
        start_time: optional_int(value, "start_time")?,
        end_time: optional_int(value, "end_time")?,
        lifecycle_stage: LifecycleStage::parse(&text_or_empty(value, "lifecycle_stage")),
        artifact_uri: text_or_empty(value, "artifact_uri"),
    })
}

fn metric(value: &Value) -> Inner<Metric> {
    let MetricPoint { step, timestamp, value: number } = point(value)?;
    Ok(Metric { key: required(value, "key", text)?, value: number, timestamp, step })
}

pub fn point(value: &Value) -> Inner<MetricPoint> {
    Ok(MetricPoint {
        step: optional_int(value, "step")?.unwrap_or(0),
        timestamp: optional_int(value, "timestamp")?.unwrap_or(0),
        value: required(value, "value", float)?,
    })
}

fn dataset_input(value: &Value) -> Inner<DatasetInput> {
    let dataset = required(value, "dataset", |value| {
        Ok(Dataset {
            name: text_or_empty(value, "name"),
            digest: text_or_empty(value, "digest"),
            source_type: text_or_empty(value, "source_type"),
            source: text_or_empty(value, "source"),
            schema: value.get("schema").and_then(Value::as_str).map(str::to_owned),
            profile: value.get("profile").and_then(Value::as_str).map(str::to_owned),
        })
    })?;
    Ok(DatasetInput { dataset, tags: list(value, "tags", tag)? })
}

pub fn dataset_input_json(input: &DatasetInput) -> Value {
    let Dataset { name, digest, source_type, source, schema, profile } = &input.dataset;
    json!({
        "tags": pairs(&input.tags),
        "dataset": {
            "name": name, "digest": digest, "source_type": source_type, "source": source,
            "schema": schema, "profile": profile,
        },
    })
}

/// The bodies of as few `log-batch` requests as MLflow's limits allow.
pub fn log_batches(id: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Vec<Value> {
    let params = params.iter().map(|param| json!({ "key": param.key, "value": param.value }));
    let mut params: Vec<Value> = params.collect();
    let mut tags: Vec<Value> = tags.iter().map(|tag| json!({ "key": tag.key, "value": tag.value })).collect();
    let mut metrics = metrics.iter();
    let mut bodies = Vec::new();
    loop {
        let some_params: Vec<Value> = params.drain(..params.len().min(limits::BATCH_PARAMS)).collect();
        let some_tags: Vec<Value> = tags.drain(..tags.len().min(limits::BATCH_TAGS)).collect();
        let room = limits::BATCH_TOTAL - some_params.len() - some_tags.len();
        let some_metrics: Vec<Value> = metrics
            .by_ref()
            .take(room.min(limits::BATCH_METRICS))
            .map(|metric| {
                json!({
                    "key": metric.key, "value": float_json(metric.value),
                    "timestamp": metric.timestamp, "step": metric.step,
                })
            })
            .collect();
        if some_params.is_empty() && some_tags.is_empty() && some_metrics.is_empty() {
            return bodies;
        }
        bodies
            .push(json!({ "run_id": id, "metrics": some_metrics, "params": some_params, "tags": some_tags }));
    }
}

pub fn artifact_file(value: &Value) -> Inner<ArtifactFile> {
    Ok(ArtifactFile {
        path: required(value, "path", text)?,
        is_dir: value.get("is_dir").and_then(Value::as_bool).unwrap_or(false),
        file_size: optional_int(value, "file_size")?.and_then(|size| u64::try_from(size).ok()),
    })
}

pub fn workspace(value: &Value) -> Inner<String> {
    required(value, "name", text)
}

pub fn registered_model(value: &Value) -> Inner<RegisteredModel> {
    Ok(RegisteredModel {
        name: required(value, "name", text)?,
        description: text_or_empty(value, "description"),
        tags: list(value, "tags", tag)?,
        aliases: list(value, "aliases", |value| {
            Ok((required(value, "alias", text)?, required(value, "version", int)?.unsigned_abs()))
        })?,
        creation_time: optional_int(value, "creation_timestamp")?,
        last_updated_time: optional_int(value, "last_updated_timestamp")?,
        latest: list(value, "latest_versions", |value| {
            Ok((text_or_empty(value, "current_stage"), required(value, "version", int)?.unsigned_abs()))
        })?,
        version_count: None,
    })
}

pub fn model_version(value: &Value) -> Inner<ModelVersion> {
    let source = text_or_empty(value, "source");
    let model_id = Some(text_or_empty(value, "model_id")).filter(|id| !id.is_empty()).map(ModelId);
    Ok(ModelVersion {
        name: required(value, "name", text)?,
        version: required(value, "version", int)?.unsigned_abs(),
        run_id: Some(text_or_empty(value, "run_id")).filter(|id| !id.is_empty()).map(RunId),
        status: text_or_empty(value, "status"),
        status_message: text_or_empty(value, "status_message"),
        current_stage: text_or_empty(value, "current_stage"),
        description: text_or_empty(value, "description"),
        tags: list(value, "tags", tag)?,
        aliases: list(value, "aliases", text)?,
        user_id: text_or_empty(value, "user_id"),
        creation_time: optional_int(value, "creation_timestamp")?,
        last_updated_time: optional_int(value, "last_updated_timestamp")?,
        model_id: model_id.or_else(|| ModelVersion::model_of_source(&source)),
        source,
    })
}

pub fn logged_model(value: &Value) -> Inner<LoggedModel> {
    let info = value.get("info").ok_or_else(|| missing("info"))?;
    let empty = json!({});
    let data = value.get("data").unwrap_or(&empty);
    let status = text_or_empty(info, "status");
    Ok(LoggedModel {
        model_id: ModelId(required(info, "model_id", text)?),
        experiment_id: ExperimentId(required(info, "experiment_id", text)?),
        name: text_or_empty(info, "name"),
        model_type: text_or_empty(info, "model_type"),
        artifact_location: text_or_empty(info, "artifact_uri"),
        status: match status.trim_start_matches("LOGGED_MODEL_") {
            "UPLOAD_FAILED" => "FAILED".into(),
            other => other.to_owned(),
        },
        source_run_id: Some(text_or_empty(info, "source_run_id")).filter(|id| !id.is_empty()).map(RunId),
        params: list(data, "params", |value| {
            Ok(Param { key: required(value, "key", text)?, value: text_or_empty(value, "value") })
        })?,
        tags: list(info, "tags", tag)?,
        creation_time: optional_int(info, "creation_timestamp_ms")?,
        metrics: list(data, "metrics", model_metric)?,
    })
}

fn model_metric(value: &Value) -> Inner<ModelMetric> {
    let dataset = text_or_empty(value, "dataset_name");
    Ok(ModelMetric {
        key: required(value, "key", text)?,
        point: MetricPoint {
            step: optional_int(value, "step")?.unwrap_or(0),
            timestamp: optional_int(value, "timestamp")?.unwrap_or(0),
            // A value that the database lacks is no number.
            value: value.get("value").map_or(Ok(f64::NAN), float)?,
        },
        run_id: RunId(text_or_empty(value, "run_id")),
        dataset: (!dataset.is_empty()).then(|| (dataset, text_or_empty(value, "dataset_digest"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rest::answer::Answer;
    use crate::store::rest::body::Body;

    #[test]
    fn numbers_that_json_lacks_travel_as_texts() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1, -0.0, 1e300] {
            let sent = float_json(value);
            assert!(crate::mlflow::filter::same_number(float(&sent).unwrap(), value), "{sent}");
        }
        assert_eq!(float_json(f64::NAN), json!("NaN"));
        // As a SQL store keeps them.
        assert_eq!(float(&json!(1.797_693_134_862_315_7e308)), Ok(f64::INFINITY));
        assert_eq!(float(&json!(-1.797_693_134_862_315_7e308)), Ok(f64::NEG_INFINITY));
        assert_eq!(float(&json!(1.797_693_134_862_315_5e308)), Ok(1.797_693_134_862_315_5e308));
    }

    #[test]
    fn whole_numbers_stay_exact() {
        assert_eq!(int(&json!(9_007_199_254_740_993_i64)), Ok(9_007_199_254_740_993));
        assert_eq!(int(&json!("9007199254740993")), Ok(9_007_199_254_740_993));
        assert!(int(&json!(1.5)).is_err());
    }

    #[test]
    fn an_answer_that_is_no_mlflow_answer_is_an_error() {
        let answer = |json: &str| Answer::parse(Body { bytes: json.into(), turn: None });
        let other = answer("{\"status\": \"ok\"}").unwrap();
        assert!(matches!(other.list("runs", run), Err(ErrorKind::Protocol(_))));
        let folder = answer("{\"root_uri\": \"file:///x\"}").unwrap();
        assert_eq!(folder.list("files", artifact_file).unwrap().things, []);
        let empty = answer("{}").unwrap();
        assert!(matches!(empty.required("run", run), Err(ErrorKind::Protocol(_))));
        assert_eq!(empty.list("runs", run).unwrap().things, []);
    }

    #[test]
    fn batches_keep_to_mlflows_limits() {
        let metric = Metric { key: "m".into(), value: 1.0, timestamp: 0, step: 0 };
        let metrics = vec![metric; 2_500];
        let params: Vec<Param> = (0..150).map(|i| Param::new(format!("p{i}"), "x")).collect();
        let bodies = log_batches(&RunId("r".into()), &metrics, &params, &[Tag::new("t", "v")]);
        let count = |body: &Value, key: &str| body[key].as_array().map_or(0, Vec::len);
        let total: usize = bodies.iter().map(|body| count(body, "metrics")).sum();
        assert_eq!(total, 2_500);
        for body in &bodies {
            assert!(count(body, "params") <= 100);
            assert!(count(body, "metrics") + count(body, "params") + count(body, "tags") <= 1_000);
        }
    }
}
