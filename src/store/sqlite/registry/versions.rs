//! Versions of registered models.

use rusqlite::{OptionalExtension, Row, ToSql, params};
use rustc_hash::{FxHashMap, FxHashSet};

use super::on_models::{forget_version_on_model, name_version_on_model, storage_location};
use super::{column_here, exists, here, need, touch};
use crate::mlflow::{ModelStage, ModelVersion, RunId, Tag};
use crate::store::sqlite::Inner;
use crate::store::sqlite::connection::Connection;
use crate::store::sqlite::models::logged_model;
use crate::store::sqlite::rows::{bounded, int, optional_string, string};
use crate::store::{ErrorKind, now_ms};

/// The newest first; none of a model that does not exist.
pub fn versions(connection: &mut Connection, name: &str) -> Inner<Vec<ModelVersion>> {
    if !exists(connection, name)? {
        return Ok(Vec::new());
    }
    read(connection, "name = ?2", &[&name])
}

pub fn version(connection: &mut Connection, name: &str, version: u64) -> Inner<ModelVersion> {
    let found = read(connection, "name = ?2 AND version = ?3", &[&name, &(version as i64)])?.pop();
    found.ok_or_else(|| ErrorKind::NotFound(format!("model {name:?} has no version {version}")))
}

pub fn versions_of(connection: &mut Connection, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
    let ids = as_json(runs.iter().map(RunId::as_str));
    read(connection, "run_id IN (SELECT value FROM json_each(?2))", &[&ids])
}

fn as_json<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<serde_json::Value>().to_string()
}

/// The versions for which a condition holds, whose values begin at `?2`; three statements, however many they are.
fn read(connection: &Connection, condition: &str, values: &[&dyn ToSql]) -> Inner<Vec<ModelVersion>> {
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT name, version, source, run_id, status, status_message, current_stage, {}, user_id, \
         creation_time, last_updated_time FROM model_versions \
         WHERE {} AND current_stage IS NOT 'Deleted_Internal' AND {condition} ORDER BY name, version DESC",
        bounded("description"),
        here(connection)
    ))?;
    let all: Vec<&dyn ToSql> =
        std::iter::once(&connection.workspace as &dyn ToSql).chain(values.iter().copied()).collect();
    let found = statement.query_map(all.as_slice(), |row| Ok(of_row(row)))?;
    let mut versions: Vec<ModelVersion> = found.collect::<Result<_, _>>()?;
    fill(connection, &mut versions)?;
    Ok(versions)
}

fn of_row(row: &Row<'_>) -> ModelVersion {
    let source = string(row, 2);
    ModelVersion {
        name: string(row, 0),
        version: int(row, 1).unwrap_or(0).unsigned_abs(),
        model_id: ModelVersion::model_of_source(&source),
        source,
        run_id: optional_string(row, 3).filter(|id| !id.is_empty()).map(RunId),
        status: string(row, 4),
        status_message: string(row, 5),
        current_stage: string(row, 6),
        description: string(row, 7),
        tags: Vec::new(),
        aliases: Vec::new(),
        user_id: string(row, 8),
        creation_time: int(row, 9),
        last_updated_time: int(row, 10),
    }
}

/// Adds tags and aliases.
fn fill(connection: &Connection, versions: &mut [ModelVersion]) -> Inner<()> {
    let names: FxHashSet<&str> = versions.iter().map(|version| version.name.as_str()).collect();
    let names = as_json(names.into_iter());
    let at: FxHashMap<(String, u64), usize> = versions
        .iter()
        .enumerate()
        .map(|(at, version)| ((version.name.clone(), version.version), at))
        .collect();
    let place = |row: &Row<'_>| at.get(&(string(row, 0), int(row, 1).unwrap_or(0).unsigned_abs())).copied();
    let among = format!("{} AND name IN (SELECT value FROM json_each(?2))", here(connection));
    let values = params![connection.workspace, names];
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT name, version, key, {} FROM model_version_tags WHERE {among} ORDER BY key",
        bounded("value")
    ))?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        if let Some(at) = place(row) {
            versions[at].tags.push(Tag::new(string(row, 2), string(row, 3)));
        }
    }
    if connection.schema.aliases {
        let mut statement = connection.db.prepare_cached(&format!(
            "SELECT name, version, alias FROM registered_model_aliases WHERE {among} ORDER BY alias"
        ))?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            if let Some(at) = place(row) {
                versions[at].aliases.push(string(row, 2));
            }
        }
    }
    Ok(())
}

pub fn create_version(
    connection: &mut Connection,
    name: &str,
    source: &str,
    run_id: Option<&RunId>,
    tags: &[Tag],
) -> Inner<ModelVersion> {
    need(connection, name)?;
    // A version of a logged model belongs to the run that made the model.
    let model = match ModelVersion::model_of_source(source) {
        Some(id) => Some(logged_model(connection, &id)?),
        None => None,
    };
    let run_id = run_id.or(model.as_ref().and_then(|model| model.source_run_id.as_ref()));
    let number: i64 = connection.db.query_row(
        &format!(
            "SELECT coalesce(max(version), 0) + 1 FROM model_versions WHERE {} AND name = ?2",
            here(connection)
        ),
        params![connection.workspace, name],
        |row| row.get(0),
    )?;
    let now = now_ms();
    let (column, value) = column_here(connection);
    connection.db.execute(
        &format!(
            "INSERT INTO model_versions ({column}name, version, creation_time, last_updated_time, description, \
             user_id, current_stage, source, run_id, status, status_message, run_link) \
             VALUES ({value}?2, ?3, ?4, ?4, '', NULL, 'None', ?5, ?6, 'READY', NULL, '')"
        ),
        params![connection.workspace, name, number, now, source, run_id.map(RunId::as_str)],
    )?;
    for tag in tags {
        set_tag(connection, name, number, tag)?;
    }
    // Where the files really are; MLflow answers it when it is asked for the download address.
    if connection.schema.storage_location
        && let Some(location) = storage_location(connection, source)?
    {
        let statement = format!(
            "UPDATE model_versions SET storage_location = ?4 WHERE {} AND name = ?2 AND version = ?3",
            here(connection)
        );
        connection.db.execute(&statement, params![connection.workspace, name, number, location])?;
    }
    if let Some(model) = &model {
        name_version_on_model(connection, model, name, number)?;
    }
    touch(connection, name, now)?;
    version(connection, name, number.unsigned_abs())
}

pub fn describe_version(
    connection: &mut Connection,
    name: &str,
    number: u64,
    description: &str,
) -> Inner<()> {
    version(connection, name, number)?;
    let statement = format!(
        "UPDATE model_versions SET description = ?4, last_updated_time = ?5 \
         WHERE {} AND name = ?2 AND version = ?3",
        here(connection)
    );
    let values = params![connection.workspace, name, number as i64, description, now_ms()];
    connection.db.execute(&statement, values)?;
    Ok(())
}

pub fn set_version_tag(connection: &mut Connection, name: &str, number: u64, tag: &Tag) -> Inner<()> {
    version(connection, name, number)?;
    set_tag(connection, name, number as i64, tag)
}

fn set_tag(connection: &Connection, name: &str, number: i64, tag: &Tag) -> Inner<()> {
    let (column, value) = column_here(connection);
    connection.db.execute(
        &format!(
            "INSERT INTO model_version_tags ({column}name, version, key, value) VALUES ({value}?2, ?3, ?4, ?5) \
             ON CONFLICT DO UPDATE SET value = excluded.value"
        ),
        params![connection.workspace, name, number, tag.key, tag.value],
    )?;
    Ok(())
}

pub fn delete_version_tag(connection: &mut Connection, name: &str, number: u64, key: &str) -> Inner<()> {
    version(connection, name, number)?;
    let statement = format!(
        "DELETE FROM model_version_tags WHERE {} AND name = ?2 AND version = ?3 AND key = ?4",
        here(connection)
    );
    connection.db.execute(&statement, params![connection.workspace, name, number as i64, key])?;
    Ok(())
}

pub fn set_stage(
    connection: &mut Connection,
    name: &str,
    number: u64,
    stage: ModelStage,
    archives_others: bool,
) -> Inner<()> {
    version(connection, name, number)?;
    let now = now_ms();
    if archives_others {
        let statement = format!(
            "UPDATE model_versions SET current_stage = 'Archived', last_updated_time = ?5 \
             WHERE {} AND name = ?2 AND version <> ?3 AND current_stage = ?4",
            here(connection)
        );
        let values = params![connection.workspace, name, number as i64, stage.as_str(), now];
        connection.db.execute(&statement, values)?;
    }
    let statement = format!(
        "UPDATE model_versions SET current_stage = ?4, last_updated_time = ?5 \
         WHERE {} AND name = ?2 AND version = ?3",
        here(connection)
    );
    let values = params![connection.workspace, name, number as i64, stage.as_str(), now];
    connection.db.execute(&statement, values)?;
    touch(connection, name, now)
}

/// As MLflow does it: the row stays, so that its number is not given out again, and tells nothing any more.
pub fn delete_version(connection: &mut Connection, name: &str, number: u64) -> Inner<()> {
    let old = version(connection, name, number)?;
    let now = now_ms();
    if connection.schema.aliases {
        let statement = format!(
            "DELETE FROM registered_model_aliases WHERE {} AND name = ?2 AND version = ?3",
            here(connection)
        );
        connection.db.execute(&statement, params![connection.workspace, name, number as i64])?;
    }
    let statement = format!(
        "UPDATE model_versions SET current_stage = 'Deleted_Internal', last_updated_time = ?4, \
         description = NULL, user_id = NULL, source = 'REDACTED-SOURCE-PATH', run_id = 'REDACTED-RUN-ID', \
         run_link = 'REDACTED-RUN-LINK', status_message = NULL \
         WHERE {} AND name = ?2 AND version = ?3",
        here(connection)
    );
    connection.db.execute(&statement, params![connection.workspace, name, number as i64, now])?;
    touch(connection, name, now)?;
    let Some(id) = old.model_id else { return Ok(()) };
    match logged_model(connection, &id) {
        Ok(model) => forget_version_on_model(connection, &model, name, number),
        // The model itself may be gone, and the version with it all the same.
        Err(ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub fn version_by_alias(connection: &mut Connection, name: &str, alias: &str) -> Inner<ModelVersion> {
    need(connection, name)?;
    let missing = || ErrorKind::NotFound(format!("model {name:?} has no alias {alias:?}"));
    if !connection.schema.aliases {
        return Err(missing());
    }
    let statement = format!(
        "SELECT version FROM registered_model_aliases WHERE {} AND name = ?2 AND alias = ?3",
        here(connection)
    );
    let number: Option<i64> = connection
        .db
        .query_row(&statement, params![connection.workspace, name, alias], |row| row.get(0))
        .optional()?;
    version(connection, name, number.ok_or_else(missing)?.unsigned_abs())
}
