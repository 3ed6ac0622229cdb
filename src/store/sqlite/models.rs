//! Models as entities of their own (MLflow 3).

use std::path::Path;

use rusqlite::{Connection as Db, OptionalExtension, params};
use uuid::Uuid;

use super::connection::Connection;
use super::rows::{bounded, int, number, optional_string, string};
use super::writing::{log_batch, stored};
use super::{Inner, artifacts};
use crate::mlflow::{
    Dataset, ExperimentId, LoggedModel, Metric, MetricPoint, ModelId, ModelMetric, Param, RunId, Tag,
};
use crate::store::{ErrorKind, NewModel, now_ms};

/// What `logged_models.status` says of a model that is whole, and of one that is not.
const READY: i64 = 2;
const FAILED: i64 = 3;

fn need_table(connection: &Connection) -> Inner<()> {
    if connection.schema.logged_models {
        Ok(())
    } else {
        Err(ErrorKind::Unsupported("table of logged models".into()))
    }
}

pub fn of_run(connection: &mut Connection, run: &RunId) -> Inner<Vec<LoggedModel>> {
    need_table(connection)?;
    let ids: Vec<ModelId> = {
        let mut statement = connection.db.prepare_cached(
            "SELECT model_id FROM logged_models WHERE source_run_id = ?1 AND lifecycle_stage = 'active' \
             ORDER BY creation_timestamp_ms, model_id",
        )?;
        let found = statement.query_map([run.as_str()], |row| Ok(ModelId(string(row, 0))))?;
        found.collect::<Result<_, _>>()?
    };
    ids.iter().map(|id| logged_model(connection, id)).collect()
}

pub fn of_experiment(connection: &mut Connection, experiment: &ExperimentId) -> Inner<Vec<LoggedModel>> {
    need_table(connection)?;
    let ids: Vec<ModelId> = {
        let mut statement = connection.db.prepare_cached(
            "SELECT model_id FROM logged_models WHERE experiment_id = ?1 AND lifecycle_stage = 'active' \
             ORDER BY creation_timestamp_ms, model_id",
        )?;
        let found = statement.query_map(params![experiment.as_key()], |row| Ok(ModelId(string(row, 0))))?;
        found.collect::<Result<_, _>>()?
    };
    ids.iter().map(|id| logged_model(connection, id)).collect()
}

pub fn create(connection: &mut Connection, model: &NewModel) -> Inner<LoggedModel> {
    need_table(connection)?;
    let experiment = model.experiment_id.as_key();
    let location: Option<String> = connection
        .db
        .query_row(
            "SELECT artifact_location FROM experiments WHERE experiment_id = ?1",
            params![experiment],
            |row| Ok(string(row, 0)),
        )
        .optional()?;
    let location =
        location.ok_or_else(|| ErrorKind::NotFound(format!("no experiment {}", model.experiment_id)))?;
    let id = format!("m-{}", Uuid::new_v4().simple());
    let location = format!("{}/models/{id}/artifacts", location.trim_end_matches('/'));
    connection.db.execute(
        "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, \
         last_updated_timestamp_ms, status, lifecycle_stage, model_type, source_run_id, status_message) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, 'active', '', ?6, NULL)",
        params![id, experiment, model.name, location, now_ms(), model.source_run_id.as_str()],
    )?;
    for Param { key, value } in &model.params {
        connection.db.execute(
            "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) VALUES (?1, ?2, ?3, ?4)",
            params![id, experiment, key, value],
        )?;
    }
    for tag in &model.tags {
        connection.db.execute(
            "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?1, ?2, ?3, ?4)",
            params![id, experiment, tag.key, tag.value],
        )?;
    }
    logged_model(connection, &ModelId(id))
}

pub fn link(connection: &mut Connection, run: &RunId, model: &ModelId) -> Inner<()> {
    need_table(connection)?;
    connection.db.execute(
        "INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, step) \
         VALUES (?1, 'RUN_OUTPUT', ?2, 'MODEL_OUTPUT', ?3, 0)",
        params![Uuid::new_v4().simple().to_string(), run.as_str(), model.as_str()],
    )?;
    Ok(())
}

pub fn log_metrics(
    connection: &mut Connection,
    run: &RunId,
    model: &ModelId,
    metrics: &[Metric],
    dataset: &Dataset,
) -> Inner<()> {
    need_table(connection)?;
    log_batch(connection, run, metrics, &[], &[])?;
    for metric in metrics {
        connection.db.execute(
            "INSERT OR IGNORE INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, \
             metric_value, experiment_id, run_id, dataset_uuid, dataset_name, dataset_digest) \
             SELECT ?1, ?2, ?3, ?4, ?5, experiment_id, ?6, NULL, ?7, ?8 FROM logged_models WHERE model_id = ?1",
            params![
                model.as_str(),
                metric.key,
                metric.timestamp,
                metric.step,
                stored(metric.value),
                run.as_str(),
                dataset.name,
                dataset.digest
            ],
        )?;
    }
    Ok(())
}

pub fn write_file(
    connection: &mut Connection,
    store: &Path,
    model: &LoggedModel,
    path: &str,
    content: &[u8],
) -> Inner<()> {
    let folder =
        artifacts::folder_to_write(connection, store, &model.experiment_id, &model.artifact_location)?;
    artifacts::write_below(&folder, path, content)
}

pub fn finish(connection: &mut Connection, id: &ModelId, is_whole: bool) -> Inner<()> {
    need_table(connection)?;
    let status = if is_whole { READY } else { FAILED };
    let changed = connection.db.execute(
        "UPDATE logged_models SET status = ?2, last_updated_timestamp_ms = ?3 WHERE model_id = ?1",
        params![id.as_str(), status, now_ms()],
    )?;
    if changed == 0 { Err(ErrorKind::NotFound(format!("no logged model {id}"))) } else { Ok(()) }
}

pub fn logged_model(connection: &mut Connection, id: &ModelId) -> Inner<LoggedModel> {
    if !connection.schema.logged_models {
        return Err(ErrorKind::Unsupported("table of logged models".into()));
    }
    let db = &connection.db;
    let pairs = |table: &str, column: &str| -> Inner<Vec<(String, String)>> {
        let mut statement = db.prepare_cached(&format!(
            "SELECT {column}_key, {} FROM {table} WHERE model_id = ?1 ORDER BY {column}_key",
            bounded(&format!("{column}_value"))
        ))?;
        let found = statement.query_map([id.as_str()], |row| Ok((string(row, 0), string(row, 1))))?;
        Ok(found.collect::<Result<_, _>>()?)
    };
    let params = pairs("logged_model_params", "param")?;
    let tags = pairs("logged_model_tags", "tag")?;
    let metrics = metrics(db, id)?;
    let found = db
        .query_row(
            "SELECT experiment_id, name, artifact_location, status, source_run_id, creation_timestamp_ms \
             FROM logged_models WHERE model_id = ?1 AND lifecycle_stage = 'active'",
            [id.as_str()],
            |row| {
                Ok(LoggedModel {
                    model_id: id.clone(),
                    experiment_id: ExperimentId(string(row, 0)),
                    name: string(row, 1),
                    artifact_location: string(row, 2),
                    status: match int(row, 3) {
                        Some(READY) => "READY".into(),
                        Some(FAILED) => "FAILED".into(),
                        _ => "PENDING".into(),
                    },
                    source_run_id: optional_string(row, 4).map(RunId),
                    params: params.into_iter().map(|(key, value)| Param { key, value }).collect(),
                    tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
                    creation_time: int(row, 5),
                    metrics,
                })
            },
        )
        .optional()?;
    found.ok_or_else(|| ErrorKind::NotFound(format!("no logged model {id}")))
}

fn metrics(db: &Db, id: &ModelId) -> Inner<Vec<ModelMetric>> {
    let mut statement = db.prepare_cached(
        "SELECT metric_name, metric_value, metric_timestamp_ms, metric_step, run_id, dataset_name, dataset_digest \
         FROM logged_model_metrics WHERE model_id = ?1 ORDER BY metric_name, metric_step, metric_timestamp_ms",
    )?;
    let found = statement.query_map([id.as_str()], |row| {
        Ok(ModelMetric {
            key: string(row, 0),
            point: MetricPoint {
                value: number(row, 1),
                timestamp: int(row, 2).unwrap_or(0),
                step: int(row, 3).unwrap_or(0),
            },
            run_id: RunId(string(row, 4)),
            dataset: optional_string(row, 5).map(|name| (name, string(row, 6))),
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
