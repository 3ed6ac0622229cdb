//! Registered models with their tags and aliases.

use rusqlite::params;
use rustc_hash::FxHashMap;

use super::{column_here, exists, here, need, touch};
use crate::mlflow::{RegisteredModel, Tag};
use crate::store::sqlite::Inner;
use crate::store::sqlite::connection::Connection;
use crate::store::sqlite::rows::{bounded, int, string};
use crate::store::{ErrorKind, now_ms};

/// All of them, by name.
pub fn models(connection: &mut Connection) -> Inner<Vec<RegisteredModel>> {
    read(connection, None)
}

pub fn model(connection: &mut Connection, name: &str) -> Inner<RegisteredModel> {
    let found = read(connection, Some(name))?.pop();
    found.ok_or_else(|| ErrorKind::NotFound(format!("no registered model {name:?}")))
}

/// Four statements, however many models there are.
fn read(connection: &Connection, name: Option<&str>) -> Inner<Vec<RegisteredModel>> {
    let db = &connection.db;
    let which = match name {
        Some(_) => format!("{} AND name = ?2", here(connection)),
        None => format!("{} AND ?2 IS NULL", here(connection)),
    };
    let values = params![connection.workspace, name];
    let mut statement = db.prepare_cached(&format!(
        "SELECT name, {}, creation_time, last_updated_time FROM registered_models WHERE {which} ORDER BY name",
        bounded("description")
    ))?;
    let found = statement.query_map(values, |row| {
        Ok(RegisteredModel {
            name: string(row, 0),
            description: string(row, 1),
            creation_time: int(row, 2),
            last_updated_time: int(row, 3),
            version_count: Some(0),
            ..RegisteredModel::default()
        })
    })?;
    let mut models: Vec<RegisteredModel> = found.collect::<Result<_, _>>()?;
    let at: FxHashMap<String, usize> =
        models.iter().enumerate().map(|(at, model)| (model.name.clone(), at)).collect();
    // Somebody may have added a model in between.
    let place = |name: String| at.get(&name).copied();
    let mut statement = db.prepare_cached(&format!(
        "SELECT name, key, {} FROM registered_model_tags WHERE {which} ORDER BY key",
        bounded("value")
    ))?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        if let Some(at) = place(string(row, 0)) {
            models[at].tags.push(Tag::new(string(row, 1), string(row, 2)));
        }
    }
    if connection.schema.aliases {
        let mut statement = db.prepare_cached(&format!(
            "SELECT name, alias, version FROM registered_model_aliases WHERE {which} ORDER BY alias"
        ))?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            if let Some(at) = place(string(row, 0)) {
                models[at].aliases.push((string(row, 1), int(row, 2).unwrap_or(0).unsigned_abs()));
            }
        }
    }
    let mut statement = db.prepare_cached(&format!(
        "SELECT name, current_stage, max(version), count(*) FROM model_versions \
         WHERE {which} AND current_stage IS NOT 'Deleted_Internal' GROUP BY name, current_stage"
    ))?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        if let Some(at) = place(string(row, 0)) {
            let model = &mut models[at];
            model.latest.push((string(row, 1), int(row, 2).unwrap_or(0).unsigned_abs()));
            model.version_count =
                model.version_count.map(|count| count + int(row, 3).unwrap_or(0).unsigned_abs());
        }
    }
    Ok(models)
}

pub fn create_model(connection: &mut Connection, name: &str) -> Inner<()> {
    if exists(connection, name)? {
        return Err(ErrorKind::AlreadyExists(format!("registered model {name:?} already exists")));
    }
    let (column, value) = column_here(connection);
    connection.db.execute(
        &format!(
            "INSERT INTO registered_models ({column}name, creation_time, last_updated_time, description) \
             VALUES ({value}?2, ?3, ?3, '')"
        ),
        params![connection.workspace, name, now_ms()],
    )?;
    Ok(())
}

/// Versions, tags and aliases follow by themselves where the schema says so, and are renamed where it does not.
pub fn rename_model(connection: &mut Connection, name: &str, new: &str) -> Inner<()> {
    need(connection, name)?;
    if name == new {
        return Ok(());
    }
    if exists(connection, new)? {
        return Err(ErrorKind::AlreadyExists(format!("registered model {new:?} already exists")));
    }
    connection.db.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    let aliases = connection.schema.aliases.then_some("registered_model_aliases");
    let tables = ["registered_models", "model_versions", "registered_model_tags", "model_version_tags"];
    for table in tables.into_iter().chain(aliases) {
        let statement = format!("UPDATE {table} SET name = ?3 WHERE {} AND name = ?2", here(connection));
        connection.db.execute(&statement, params![connection.workspace, name, new])?;
    }
    let now = now_ms();
    let statement =
        format!("UPDATE model_versions SET last_updated_time = ?3 WHERE {} AND name = ?2", here(connection));
    connection.db.execute(&statement, params![connection.workspace, new, now])?;
    touch(connection, new, now)
}

pub fn describe_model(connection: &mut Connection, name: &str, description: &str) -> Inner<()> {
    need(connection, name)?;
    let statement = format!(
        "UPDATE registered_models SET description = ?3, last_updated_time = ?4 WHERE {} AND name = ?2",
        here(connection)
    );
    connection.db.execute(&statement, params![connection.workspace, name, description, now_ms()])?;
    Ok(())
}

pub fn set_model_tag(connection: &mut Connection, name: &str, tag: &Tag) -> Inner<()> {
    need(connection, name)?;
    let (column, value) = column_here(connection);
    connection.db.execute(
        &format!(
            "INSERT INTO registered_model_tags ({column}name, key, value) VALUES ({value}?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET value = excluded.value"
        ),
        params![connection.workspace, name, tag.key, tag.value],
    )?;
    Ok(())
}

pub fn delete_model_tag(connection: &mut Connection, name: &str, key: &str) -> Inner<()> {
    need(connection, name)?;
    let statement =
        format!("DELETE FROM registered_model_tags WHERE {} AND name = ?2 AND key = ?3", here(connection));
    connection.db.execute(&statement, params![connection.workspace, name, key])?;
    Ok(())
}

/// Deletes a model with all its versions, tags and aliases.
pub fn delete_model(connection: &mut Connection, name: &str) -> Inner<()> {
    need(connection, name)?;
    let aliases = connection.schema.aliases.then_some("registered_model_aliases");
    let tables = ["model_version_tags", "model_versions", "registered_model_tags"];
    for table in aliases.into_iter().chain(tables).chain(["registered_models"]) {
        let statement = format!("DELETE FROM {table} WHERE {} AND name = ?2", here(connection));
        connection.db.execute(&statement, params![connection.workspace, name])?;
    }
    Ok(())
}

pub fn set_alias(connection: &mut Connection, name: &str, alias: &str, version: u64) -> Inner<()> {
    if !connection.schema.aliases {
        return Err(ErrorKind::Unsupported("model aliases: they need MLflow 2.3 or newer".into()));
    }
    super::version(connection, name, version)?;
    let (column, value) = column_here(connection);
    connection.db.execute(
        &format!(
            "INSERT INTO registered_model_aliases ({column}alias, version, name) VALUES ({value}?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET version = excluded.version"
        ),
        params![connection.workspace, alias, version as i64, name],
    )?;
    Ok(())
}

pub fn delete_alias(connection: &mut Connection, name: &str, alias: &str) -> Inner<()> {
    need(connection, name)?;
    if connection.schema.aliases {
        let statement = format!(
            "DELETE FROM registered_model_aliases WHERE {} AND name = ?2 AND alias = ?3",
            here(connection)
        );
        connection.db.execute(&statement, params![connection.workspace, name, alias])?;
    }
    Ok(())
}
