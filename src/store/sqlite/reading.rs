//! Experiments, single runs, and the store itself.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{OptionalExtension, Row};

use super::Inner;
use super::connection::Connection;
use super::inputs;
use super::opening::Frozen;
use super::rows::{bounded, int, metric_value, string, text};
use crate::mlflow::{
    Experiment, ExperimentId, LifecycleStage, Metric, ModelId, ModelOutput, Param, Run, RunId, RunInfo,
    RunStatus, Tag, ViewType, limits, tags,
};
use crate::store::sql::search::stage_condition;
use crate::store::{ErrorKind, RunCount, StoreInfo};

/// Bytes of the params and tags of one run; from half of that on only the beginnings of long ones are read.
const HEAVY: usize = 64 << 20;
const BEGINNING: usize = 1_024;

/// The columns of a run's head, in the order that [`run_info`] reads.
pub const HEAD: &str =
    "run_uuid, experiment_id, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri";

pub fn experiments(connection: &mut Connection, view: ViewType) -> Inner<Vec<Experiment>> {
    let mut by_key: HashMap<i64, Vec<Tag>> = HashMap::new();
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT experiment_id, key, {} FROM experiment_tags ORDER BY key",
        bounded("value")
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        by_key.entry(int(row, 0).unwrap_or(-1)).or_default().push(Tag::new(text(row, 1), text(row, 2)));
    }
    let workspace = if connection.schema.workspace { "workspace = ?1" } else { "?1 IS NOT NULL" };
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time \
         FROM experiments WHERE {} AND {workspace} ORDER BY creation_time DESC, experiment_id DESC",
        stage_condition(view)
    ))?;
    let found = statement.query_map([&connection.workspace], |row| {
        let key = int(row, 0).unwrap_or(-1);
        Ok(Experiment {
            experiment_id: ExperimentId(key.to_string()),
            name: string(row, 1),
            artifact_location: string(row, 2),
            lifecycle_stage: LifecycleStage::parse(&text(row, 3)),
            creation_time: int(row, 4),
            last_update_time: int(row, 5),
            tags: by_key.remove(&key).unwrap_or_default(),
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub fn experiment(connection: &mut Connection, id: &ExperimentId) -> Inner<Experiment> {
    let all = experiments(connection, ViewType::All)?;
    let found = all.into_iter().find(|experiment| experiment.experiment_id == *id);
    found.ok_or_else(|| ErrorKind::NotFound(format!("no experiment {id}")))
}

pub fn run_counts(connection: &mut Connection) -> Inner<HashMap<ExperimentId, RunCount>> {
    let mut statement = connection.db.prepare_cached(
        "SELECT experiment_id, sum(lifecycle_stage = 'active'), count(*), max(start_time) FROM runs \
         GROUP BY experiment_id",
    )?;
    let counts = statement.query_map([], |row| {
        let number = |at| int(row, at).unwrap_or(0).unsigned_abs();
        let active = number(1);
        let deleted = number(2).saturating_sub(active);
        Ok((ExperimentId(string(row, 0)), RunCount { active, deleted, last_start: int(row, 3) }))
    })?;
    Ok(counts.collect::<Result<_, _>>()?)
}

pub fn latest_experiment(connection: &mut Connection) -> Inner<Option<ExperimentId>> {
    let found = connection
        .db
        .query_row("SELECT experiment_id FROM runs WHERE rowid = (SELECT max(rowid) FROM runs)", [], |row| {
            Ok(ExperimentId(string(row, 0)))
        })
        .optional()?;
    Ok(found)
}

pub fn run_info(row: &Row<'_>) -> RunInfo {
    RunInfo {
        run_id: RunId(string(row, 0)),
        experiment_id: ExperimentId(string(row, 1)),
        run_name: string(row, 2),
        user_id: string(row, 3),
        status: text(row, 4).parse().unwrap_or(RunStatus::Running),
        start_time: int(row, 5),
        end_time: int(row, 6),
        lifecycle_stage: LifecycleStage::parse(&text(row, 7)),
        artifact_uri: string(row, 8),
    }
}

pub fn run(connection: &mut Connection, id: &RunId) -> Inner<Run> {
    find_run(connection, id)?.ok_or_else(|| ErrorKind::NotFound(format!("no run {id}")))
}

/// A run with all that it logged.
pub fn find_run(connection: &mut Connection, id: &RunId) -> Inner<Option<Run>> {
    let db = &connection.db;
    let info = db
        .prepare_cached(&format!("SELECT {HEAD} FROM runs WHERE run_uuid = ?1"))?
        .query_row([id.as_str()], |row| Ok(run_info(row)))
        .optional()?;
    let Some(mut info) = info else { return Ok(None) };
    let mut metrics = Vec::new();
    let mut statement = db.prepare_cached(
        "SELECT key, value, is_nan, timestamp, step FROM latest_metrics WHERE run_uuid = ?1 ORDER BY key",
    )?;
    let mut rows = statement.query([id.as_str()])?;
    while let Some(row) = rows.next()? {
        metrics.push(Metric {
            key: string(row, 0),
            value: metric_value(row, 1, 2),
            timestamp: int(row, 3).unwrap_or(0),
            step: int(row, 4).unwrap_or(0),
        });
    }
    let mut weight = 0;
    let mut pairs = |table: &str| -> Inner<Vec<(String, String)>> {
        let value = bounded("value");
        let mut statement =
            db.prepare_cached(&format!("SELECT key, {value} FROM {table} WHERE run_uuid = ?1 ORDER BY key"))?;
        let mut rows = statement.query([id.as_str()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let (key, value) = (string(row, 0), text(row, 1));
            // Of too much, beginnings.
            let value = if weight > HEAVY / 2 { limits::cut(&value, BEGINNING) } else { value };
            weight += key.len() + value.len() + 64;
            if weight > HEAVY {
                let words = format!("run {id} has more than {} MB of params and tags", HEAVY >> 20);
                return Err(ErrorKind::TooMuch(words));
            }
            found.push((key, value.into_owned()));
        }
        Ok(found)
    };
    let params = pairs("params")?.into_iter().map(|(key, value)| Param { key, value }).collect();
    let run_tags: Vec<Tag> = pairs("tags")?.into_iter().map(|(key, value)| Tag { key, value }).collect();
    // Before MLflow 1.30 the name was kept in the tag alone.
    if info.run_name.is_empty()
        && let Some(tag) = run_tags.iter().find(|tag| tag.key == tags::RUN_NAME)
    {
        info.run_name.clone_from(&tag.value);
    }
    let inputs = if connection.schema.datasets { inputs::of_run(connection, id)? } else { Vec::new() };
    let model_outputs =
        if connection.schema.logged_models { model_outputs(connection, id)? } else { Vec::new() };
    Ok(Some(Run { info, metrics, params, tags: run_tags, inputs, model_outputs }))
}

fn model_outputs(connection: &Connection, id: &RunId) -> Inner<Vec<ModelOutput>> {
    let mut statement = connection.db.prepare_cached(
        "SELECT destination_id, step FROM inputs WHERE source_type = 'RUN_OUTPUT' AND source_id = ?1 \
         AND destination_type = 'MODEL_OUTPUT' ORDER BY destination_id",
    )?;
    let found = statement.query_map([id.as_str()], |row| {
        Ok(ModelOutput { model_id: ModelId(string(row, 0)), step: int(row, 1).unwrap_or(0) })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub fn info(connection: &mut Connection, path: &Path) -> Inner<StoreInfo> {
    let mut notes = Vec::new();
    let writable = if connection.file.is_some() {
        let journal: String = connection.db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        notes.push(format!("journal mode {journal}"));
        match &connection.frozen {
            None => {}
            Some(Frozen { copy: None, .. }) => notes
                .push("opened without locks, as its folder is not writable or it is immutable".to_owned()),
            Some(Frozen { copy: Some(_), .. }) => notes.push(
                "read from a private copy, as its folder is not writable and its log or journal is needed"
                    .to_owned(),
            ),
        }
        connection.frozen.is_none() && !connection.db.is_readonly("main")?
    } else {
        notes.push("does not exist yet; the first write creates it".to_owned());
        true
    };
    let schema = &connection.schema;
    for (present, what) in [
        (schema.datasets, "data set inputs"),
        (schema.aliases, "model aliases"),
        (schema.logged_models, "logged models (MLflow 3)"),
    ] {
        if !present {
            notes.push(format!("no {what} (`mlflow db upgrade` adds them)"));
        }
    }
    Ok(StoreInfo {
        kind: "SQLite store".into(),
        location: format!("sqlite:///{}", path.display()),
        revision: schema.revision.clone(),
        writable,
        notes,
    })
}
