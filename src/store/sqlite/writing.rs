//! What is written, row by row as MLflow 3.17.2 writes it. Every function runs inside one transaction.

use std::path::Path;

use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::Inner;
use super::connection::Connection;
use super::reading;
use super::rows::string;
use super::schema::artifact_root;
use crate::mlflow::{
    Dataset, DatasetInput, ExperimentId, LifecycleStage, Metric, Param, Run, RunId, RunStatus, Tag, infinity,
    names, tags,
};
use crate::store::{ErrorKind, NewRun, RunUpdate, now_ms};

pub fn create_experiment(
    connection: &mut Connection,
    store: &Path,
    name: &str,
    tags: &[Tag],
) -> Inner<ExperimentId> {
    refuse_taken_name(connection, name)?;
    let now = now_ms();
    let (column, value) = if connection.schema.workspace { (", workspace", ", ?3") } else { ("", "") };
    connection.db.execute(
        &format!(
            "INSERT INTO experiments (name, lifecycle_stage, creation_time, last_update_time{column}) \
             SELECT ?1, 'active', ?2, ?2{value} WHERE ?3 IS NOT NULL"
        ),
        params![name, now, connection.workspace],
    )?;
    let key = connection.db.last_insert_rowid();
    connection.db.execute(
        "UPDATE experiments SET artifact_location = ?2 WHERE experiment_id = ?1",
        params![key, artifact_root(store, key)],
    )?;
    let id = ExperimentId(key.to_string());
    for tag in tags {
        upsert_experiment_tag(connection, &id, tag)?;
    }
    Ok(id)
}

fn refuse_taken_name(connection: &Connection, name: &str) -> Inner<()> {
    let workspace = if connection.schema.workspace { "workspace = ?2" } else { "?2 IS NOT NULL" };
    let taken: Option<String> = connection
        .db
        .query_row(
            &format!("SELECT lifecycle_stage FROM experiments WHERE name = ?1 AND {workspace}"),
            params![name, connection.workspace],
            |row| Ok(string(row, 0)),
        )
        .optional()?;
    match taken.as_deref() {
        None => Ok(()),
        Some("deleted") => Err(ErrorKind::AlreadyExists(format!(
            "a deleted experiment is named {name:?}; restore it, or choose another name"
        ))),
        Some(_) => Err(ErrorKind::AlreadyExists(format!("experiment {name:?} already exists"))),
    }
}

/// The experiment's lifecycle stage, or that there is none of that id.
fn experiment_stage(connection: &Connection, id: &ExperimentId) -> Inner<LifecycleStage> {
    let stage: Option<String> = connection
        .db
        .query_row("SELECT lifecycle_stage FROM experiments WHERE experiment_id = ?1", [id.as_key()], |row| {
            Ok(string(row, 0))
        })
        .optional()?;
    match stage {
        Some(stage) => Ok(LifecycleStage::parse(&stage)),
        None => Err(ErrorKind::NotFound(format!("no experiment {id}"))),
    }
}

fn need_active_experiment(connection: &Connection, id: &ExperimentId) -> Inner<()> {
    match experiment_stage(connection, id)? {
        LifecycleStage::Active => Ok(()),
        LifecycleStage::Deleted => {
            Err(ErrorKind::Invalid(format!("experiment {id} is deleted: restore it first")))
        }
    }
}

pub fn rename_experiment(connection: &mut Connection, id: &ExperimentId, name: &str) -> Inner<()> {
    need_active_experiment(connection, id)?;
    let now_named: String = connection.db.query_row(
        "SELECT name FROM experiments WHERE experiment_id = ?1",
        [id.as_key()],
        |row| Ok(string(row, 0)),
    )?;
    if now_named != name {
        refuse_taken_name(connection, name)?;
    }
    connection.db.execute(
        "UPDATE experiments SET name = ?2, last_update_time = ?3 WHERE experiment_id = ?1",
        params![id.as_key(), name, now_ms()],
    )?;
    Ok(())
}

/// Deletes or restores an experiment, and with it all its runs.
pub fn set_experiment_stage(connection: &mut Connection, id: &ExperimentId, active: bool) -> Inner<()> {
    let stage = experiment_stage(connection, id)?;
    let (from, to) = if active {
        (LifecycleStage::Deleted, LifecycleStage::Active)
    } else {
        (LifecycleStage::Active, LifecycleStage::Deleted)
    };
    if stage != from {
        return Err(ErrorKind::NotFound(format!("experiment {id} is already {}", stage.as_str())));
    }
    let now = now_ms();
    connection.db.execute(
        "UPDATE experiments SET lifecycle_stage = ?2, last_update_time = ?3 WHERE experiment_id = ?1",
        params![id.as_key(), to.as_str(), now],
    )?;
    connection.db.execute(
        "UPDATE runs SET lifecycle_stage = ?2, deleted_time = ?3 WHERE experiment_id = ?1 AND lifecycle_stage <> ?2",
        params![id.as_key(), to.as_str(), (!active).then_some(now)],
    )?;
    Ok(())
}

pub fn set_experiment_tag(connection: &mut Connection, id: &ExperimentId, tag: &Tag) -> Inner<()> {
    need_active_experiment(connection, id)?;
    upsert_experiment_tag(connection, id, tag)
}

pub fn delete_experiment_tag(connection: &mut Connection, id: &ExperimentId, key: &str) -> Inner<()> {
    need_active_experiment(connection, id)?;
    let deleted = connection.db.execute(
        "DELETE FROM experiment_tags WHERE experiment_id = ?1 AND key = ?2",
        params![id.as_key(), key],
    )?;
    if deleted == 0 {
        Err(ErrorKind::NotFound(format!("experiment {id} has no tag {key:?}")))
    } else {
        Ok(())
    }
}

fn upsert_experiment_tag(connection: &Connection, id: &ExperimentId, tag: &Tag) -> Inner<()> {
    connection.db.execute(
        "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?1, ?2, ?3) \
         ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value",
        params![tag.key, tag.value, id.as_key()],
    )?;
    Ok(())
}

pub fn create_run(connection: &mut Connection, new: &NewRun) -> Inner<Run> {
    need_active_experiment(connection, &new.experiment_id)?;
    let random = Uuid::new_v4();
    let id = RunId(random.simple().to_string());
    let tagged = new.tags.iter().find(|tag| tag.key == tags::RUN_NAME).map(|tag| tag.value.as_str());
    let name = match (new.run_name.as_deref().filter(|name| !name.is_empty()), tagged) {
        (Some(name), Some(tagged)) if name != tagged => {
            return Err(ErrorKind::Invalid(format!(
                "the run name {name:?} and the tag mlflow.runName {tagged:?} differ; give only one"
            )));
        }
        (Some(name), _) | (None, Some(name)) => name.to_owned(),
        (None, None) => names::run_name(random.as_u64_pair().0),
    };
    let location: String = connection.db.query_row(
        "SELECT artifact_location FROM experiments WHERE experiment_id = ?1",
        [new.experiment_id.as_key()],
        |row| Ok(string(row, 0)),
    )?;
    let artifact_uri = format!("{}/{id}/artifacts", location.trim_end_matches('/'));
    connection.db.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, \
         source_version, lifecycle_stage, artifact_uri, experiment_id) \
         VALUES (?1, ?2, 'UNKNOWN', '', '', ?3, 'RUNNING', ?4, '', 'active', ?5, ?6)",
        params![id.as_str(), name, new.user_id, new.start_time, artifact_uri, new.experiment_id.as_key()],
    )?;
    for tag in new.tags.iter().filter(|tag| tag.key != tags::RUN_NAME) {
        upsert_tag(connection, &id, tag)?;
    }
    upsert_tag(connection, &id, &Tag::new(tags::RUN_NAME, name))?;
    reading::run(connection, &id)
}

fn need_active_run(connection: &Connection, id: &RunId) -> Inner<()> {
    let stage: Option<String> = connection
        .db
        .prepare_cached("SELECT lifecycle_stage FROM runs WHERE run_uuid = ?1")?
        .query_row([id.as_str()], |row| Ok(string(row, 0)))
        .optional()?;
    match stage.as_deref().map(LifecycleStage::parse) {
        None => Err(ErrorKind::NotFound(format!("no run {id}"))),
        Some(LifecycleStage::Active) => Ok(()),
        Some(LifecycleStage::Deleted) => {
            Err(ErrorKind::Invalid(format!("run {id} is deleted: restore it first")))
        }
    }
}

pub fn log_batch(
    connection: &mut Connection,
    id: &RunId,
    metrics: &[Metric],
    params: &[Param],
    new_tags: &[Tag],
) -> Inner<()> {
    need_active_run(connection, id)?;
    for param in params {
        log_param(connection, id, param)?;
    }
    for metric in metrics {
        log_metric(connection, id, metric)?;
    }
    for tag in new_tags {
        upsert_tag(connection, id, tag)?;
        if tag.key == tags::RUN_NAME {
            connection
                .db
                .execute("UPDATE runs SET name = ?2 WHERE run_uuid = ?1", params![id.as_str(), tag.value])?;
        }
    }
    Ok(())
}

/// Params never change: the same value again is fine, another is an error.
fn log_param(connection: &Connection, id: &RunId, param: &Param) -> Inner<()> {
    let db = &connection.db;
    let known: Option<String> = db
        .prepare_cached("SELECT value FROM params WHERE key = ?1 AND run_uuid = ?2")?
        .query_row(params![param.key, id.as_str()], |row| Ok(string(row, 0)))
        .optional()?;
    match known {
        Some(known) if known == param.value => Ok(()),
        Some(known) => Err(ErrorKind::Invalid(format!(
            "param {:?} is {known:?} already and cannot become {:?}: MLflow params cannot be changed",
            param.key, param.value
        ))),
        None => {
            db.prepare_cached("INSERT INTO params (key, value, run_uuid) VALUES (?1, ?2, ?3)")?
                .execute(params![param.key, param.value, id.as_str()])?;
            Ok(())
        }
    }
}

/// A value as MLflow stores it.
pub fn stored(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { infinity::stored(value) }
}

fn log_metric(connection: &Connection, id: &RunId, metric: &Metric) -> Inner<()> {
    let (is_nan, value) = (metric.value.is_nan(), stored(metric.value));
    let row = params![metric.key, value, metric.timestamp, id.as_str(), metric.step, is_nan];
    connection
        .db
        .prepare_cached(
            "INSERT OR IGNORE INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(row)?;
    // The latest value is the one with the greatest (step, timestamp, value), not the one logged last.
    connection
        .db
        .prepare_cached(
            "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value, timestamp = excluded.timestamp, \
             step = excluded.step, is_nan = excluded.is_nan \
             WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)",
        )?
        .execute(row)?;
    Ok(())
}

fn upsert_tag(connection: &Connection, id: &RunId, tag: &Tag) -> Inner<()> {
    connection
        .db
        .prepare_cached(
            "INSERT INTO tags (key, value, run_uuid) VALUES (?1, ?2, ?3) \
             ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![tag.key, tag.value, id.as_str()])?;
    Ok(())
}

pub fn delete_tag(connection: &mut Connection, id: &RunId, key: &str) -> Inner<()> {
    need_active_run(connection, id)?;
    let gone = connection
        .db
        .execute("DELETE FROM tags WHERE run_uuid = ?1 AND key = ?2", params![id.as_str(), key])?;
    if gone == 0 {
        return Err(ErrorKind::NotFound(format!("run {id} has no tag {key:?}")));
    }
    Ok(())
}

pub fn update_run(connection: &mut Connection, id: &RunId, update: &RunUpdate) -> Inner<()> {
    need_active_run(connection, id)?;
    connection.db.execute(
        "UPDATE runs SET status = coalesce(?2, status), end_time = coalesce(?3, end_time) WHERE run_uuid = ?1",
        params![id.as_str(), update.status.map(RunStatus::as_str), update.end_time],
    )?;
    if let Some(name) = update.run_name.as_deref().filter(|name| !name.is_empty()) {
        log_batch(connection, id, &[], &[], &[Tag::new(tags::RUN_NAME, name)])?;
    }
    Ok(())
}

/// Deletes or restores a run; doing it twice is fine, as in MLflow.
pub fn set_run_stage(connection: &mut Connection, id: &RunId, active: bool) -> Inner<()> {
    let stage = if active { LifecycleStage::Active } else { LifecycleStage::Deleted };
    let changed = connection.db.execute(
        "UPDATE runs SET lifecycle_stage = ?2, deleted_time = ?3 WHERE run_uuid = ?1",
        params![id.as_str(), stage.as_str(), (!active).then(now_ms)],
    )?;
    if changed == 0 {
        return Err(ErrorKind::NotFound(format!("no run {id}")));
    }
    Ok(())
}

pub fn log_inputs(connection: &mut Connection, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
    need_active_run(connection, id)?;
    if !connection.schema.datasets {
        return Err(ErrorKind::Unsupported("table of data sets".into()));
    }
    let experiment: i64 = connection.db.query_row(
        "SELECT experiment_id FROM runs WHERE run_uuid = ?1",
        [id.as_str()],
        |row| row.get(0),
    )?;
    for input in inputs {
        let dataset = find_or_create_dataset(connection, experiment, &input.dataset)?;
        let link = Uuid::new_v4().simple().to_string();
        let added = connection.db.execute(
            "INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) \
             VALUES (?1, 'DATASET', ?2, 'RUN', ?3)",
            params![link, dataset, id.as_str()],
        )?;
        if added == 1 {
            for tag in &input.tags {
                connection.db.execute(
                    "INSERT INTO input_tags (input_uuid, name, value) VALUES (?1, ?2, ?3)",
                    params![link, tag.key, tag.value],
                )?;
            }
        }
    }
    Ok(())
}

fn find_or_create_dataset(connection: &Connection, experiment: i64, dataset: &Dataset) -> Inner<String> {
    let known = connection
        .db
        .query_row(
            "SELECT dataset_uuid FROM datasets WHERE experiment_id = ?1 AND name = ?2 AND digest = ?3",
            params![experiment, dataset.name, dataset.digest],
            |row| Ok(string(row, 0)),
        )
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id = Uuid::new_v4().simple().to_string();
    connection.db.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, \
         dataset_schema, dataset_profile) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            id,
            experiment,
            dataset.name,
            dataset.digest,
            dataset.source_type,
            dataset.source,
            dataset.schema,
            dataset.profile
        ],
    )?;
    Ok(id)
}
