//! Registered models, their versions and aliases.

use rusqlite::{OptionalExtension, Row, params};

use super::Inner;
use super::connection::Connection;
use super::models::logged_model;
use super::rows::{bounded, int, optional_string, string};
use crate::mlflow::{LoggedModel, ModelId, ModelVersion, RegisteredModel, RunId, Tag, tags};
use crate::store::{ErrorKind, now_ms};

fn exists(connection: &Connection, name: &str) -> Inner<bool> {
    if connection.schema.workspace && connection.workspace != "default" {
        return Err(ErrorKind::Unsupported(
            "driver for the models of workspaces other than `default`; open it through its MLflow server"
                .into(),
        ));
    }
    let found = connection
        .db
        .query_row("SELECT 1 FROM registered_models WHERE name = ?1", [name], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

fn need(connection: &Connection, name: &str) -> Inner<()> {
    if exists(connection, name)? {
        Ok(())
    } else {
        Err(ErrorKind::NotFound(format!("no registered model {name:?}")))
    }
}

pub fn create_model(connection: &mut Connection, name: &str) -> Inner<()> {
    if exists(connection, name)? {
        return Err(ErrorKind::AlreadyExists(format!("registered model {name:?} already exists")));
    }
    connection.db.execute(
        "INSERT INTO registered_models (name, creation_time, last_updated_time, description) VALUES (?1, ?2, ?2, '')",
        params![name, now_ms()],
    )?;
    Ok(())
}

pub fn model(connection: &mut Connection, name: &str) -> Inner<RegisteredModel> {
    need(connection, name)?;
    let description = connection.db.query_row(
        &format!("SELECT {} FROM registered_models WHERE name = ?1", bounded("description")),
        [name],
        |row| Ok(string(row, 0)),
    )?;
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT key, {} FROM registered_model_tags WHERE name = ?1 ORDER BY key",
        bounded("value")
    ))?;
    let tags = statement.query_map([name], |row| Ok(Tag::new(string(row, 0), string(row, 1))))?;
    let tags = tags.collect::<Result<_, _>>()?;
    let mut aliases = Vec::new();
    if connection.schema.aliases {
        let mut statement = connection.db.prepare_cached(
            "SELECT alias, version FROM registered_model_aliases WHERE name = ?1 ORDER BY alias",
        )?;
        let found =
            statement.query_map([name], |row| Ok((string(row, 0), int(row, 1).unwrap_or(0) as u64)))?;
        aliases = found.collect::<Result<_, _>>()?;
    }
    Ok(RegisteredModel { name: name.to_owned(), description, tags, aliases })
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
    let model = match source.strip_prefix("models:/").filter(|id| id.starts_with("m-")) {
        Some(id) => Some(logged_model(connection, &ModelId::from(id))?),
        None => None,
    };
    let run_id = run_id.or(model.as_ref().and_then(|model| model.source_run_id.as_ref()));
    let version: i64 = connection.db.query_row(
        "SELECT coalesce(max(version), 0) + 1 FROM model_versions WHERE name = ?1",
        [name],
        |row| row.get(0),
    )?;
    let now = now_ms();
    connection.db.execute(
        "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, user_id, \
         current_stage, source, run_id, status, status_message, run_link) \
         VALUES (?1, ?2, ?3, ?3, '', NULL, 'None', ?4, ?5, 'READY', NULL, '')",
        params![name, version, now, source, run_id.map(RunId::as_str)],
    )?;
    for tag in tags {
        connection.db.execute(
            "INSERT INTO model_version_tags (name, version, key, value) VALUES (?1, ?2, ?3, ?4)",
            params![name, version, tag.key, tag.value],
        )?;
    }
    // Where the files really are; MLflow answers it when it is asked for the download address.
    if connection.schema.storage_location
        && let Some(location) = storage_location(connection, source)?
    {
        connection.db.execute(
            "UPDATE model_versions SET storage_location = ?3 WHERE name = ?1 AND version = ?2",
            params![name, version, location],
        )?;
    }
    if let Some(model) = &model {
        name_version_on_model(connection, model, name, version)?;
    }
    connection
        .db
        .execute("UPDATE registered_models SET last_updated_time = ?2 WHERE name = ?1", params![name, now])?;
    read_version(connection, name, version as u64)
}

/// Adds a version to the list that MLflow keeps in a tag of the logged model.
fn name_version_on_model(
    connection: &Connection,
    model: &LoggedModel,
    name: &str,
    version: i64,
) -> Inner<()> {
    let known = model.tags.iter().find(|tag| tag.key == tags::MODEL_VERSIONS);
    let mut versions: Vec<serde_json::Value> =
        known.and_then(|tag| serde_json::from_str(&tag.value).ok()).unwrap_or_default();
    versions.push(serde_json::json!({ "name": name, "version": version }));
    connection.db.execute(
        "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (model_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value",
        params![
            model.model_id.as_str(),
            model.experiment_id.as_key(),
            tags::MODEL_VERSIONS,
            serde_json::Value::Array(versions).to_string()
        ],
    )?;
    Ok(())
}

/// The artifact location behind a model's source, where it is one of MLflow's own addresses.
fn storage_location(connection: &Connection, source: &str) -> Inner<Option<String>> {
    if let Some(id) = source.strip_prefix("models:/m-") {
        if !connection.schema.logged_models {
            return Ok(None);
        }
        let found = connection.db.query_row(
            "SELECT artifact_location FROM logged_models WHERE model_id = ?1",
            [format!("m-{id}")],
            |row| Ok(string(row, 0)),
        );
        return Ok(found.optional()?);
    }
    if let Some(rest) = source.strip_prefix("runs:/")
        && let Some((run, path)) = rest.split_once('/')
    {
        let root = connection
            .db
            .query_row("SELECT artifact_uri FROM runs WHERE run_uuid = ?1", [run], |row| Ok(string(row, 0)))
            .optional()?;
        return Ok(root.map(|root| format!("{root}/{path}")));
    }
    Ok(Some(source.to_owned()))
}

fn read_version(connection: &Connection, name: &str, version: u64) -> Inner<ModelVersion> {
    let read = |row: &Row<'_>| {
        Ok(ModelVersion {
            name: name.to_owned(),
            version,
            source: string(row, 0),
            run_id: optional_string(row, 1).filter(|id| !id.is_empty()).map(RunId),
            status: string(row, 2),
            current_stage: string(row, 3),
            description: string(row, 4),
            tags: Vec::new(),
            aliases: Vec::new(),
        })
    };
    let found = connection
        .db
        .query_row(
            &format!(
                "SELECT source, run_id, status, current_stage, {} FROM model_versions \
                 WHERE name = ?1 AND version = ?2 AND current_stage <> 'Deleted_Internal'",
                bounded("description")
            ),
            params![name, version as i64],
            read,
        )
        .optional()?;
    let mut found =
        found.ok_or_else(|| ErrorKind::NotFound(format!("model {name:?} has no version {version}")))?;
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT key, {} FROM model_version_tags WHERE name = ?1 AND version = ?2 ORDER BY key",
        bounded("value")
    ))?;
    let tags = statement
        .query_map(params![name, version as i64], |row| Ok(Tag::new(string(row, 0), string(row, 1))))?;
    found.tags = tags.collect::<Result<_, _>>()?;
    if connection.schema.aliases {
        let mut statement = connection.db.prepare_cached(
            "SELECT alias FROM registered_model_aliases WHERE name = ?1 AND version = ?2 ORDER BY alias",
        )?;
        let aliases = statement.query_map(params![name, version as i64], |row| Ok(string(row, 0)))?;
        found.aliases = aliases.collect::<Result<_, _>>()?;
    }
    Ok(found)
}

pub fn versions(connection: &mut Connection, name: &str) -> Inner<Vec<ModelVersion>> {
    if !exists(connection, name)? {
        return Ok(Vec::new());
    }
    let numbers: Vec<i64> = {
        let mut statement = connection.db.prepare_cached(
            "SELECT version FROM model_versions WHERE name = ?1 AND current_stage <> 'Deleted_Internal' \
             ORDER BY version DESC",
        )?;
        let found = statement.query_map([name], |row| row.get(0))?;
        found.collect::<Result<_, _>>()?
    };
    let mut versions = Vec::with_capacity(numbers.len());
    for version in numbers {
        match read_version(connection, name, version as u64) {
            // Somebody deleted it in between.
            Err(ErrorKind::NotFound(_)) => {}
            version => versions.push(version?),
        }
    }
    Ok(versions)
}

/// As MLflow does it: the row stays, so that its number is not given out again, and tells nothing any more.
pub fn delete_version(connection: &mut Connection, name: &str, version: u64) -> Inner<()> {
    let old = read_version(connection, name, version)?;
    let now = now_ms();
    if connection.schema.aliases {
        connection.db.execute(
            "DELETE FROM registered_model_aliases WHERE name = ?1 AND version = ?2",
            params![name, version as i64],
        )?;
    }
    connection.db.execute(
        "UPDATE model_versions SET current_stage = 'Deleted_Internal', last_updated_time = ?3, description = NULL, \
         user_id = NULL, source = 'REDACTED-SOURCE-PATH', run_id = 'REDACTED-RUN-ID', \
         run_link = 'REDACTED-RUN-LINK', status_message = NULL WHERE name = ?1 AND version = ?2",
        params![name, version as i64, now],
    )?;
    connection
        .db
        .execute("UPDATE registered_models SET last_updated_time = ?2 WHERE name = ?1", params![name, now])?;
    let Some(id) = old.source.strip_prefix("models:/").filter(|id| id.starts_with("m-")) else {
        return Ok(());
    };
    match logged_model(connection, &ModelId::from(id)) {
        Ok(model) => forget_version_on_model(connection, &model, name, version),
        // The model itself may be gone, and the version with it all the same.
        Err(ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn forget_version_on_model(
    connection: &Connection,
    model: &LoggedModel,
    name: &str,
    version: u64,
) -> Inner<()> {
    let Some(tag) = model.tags.iter().find(|tag| tag.key == tags::MODEL_VERSIONS) else { return Ok(()) };
    let Ok(mut versions) = serde_json::from_str::<Vec<serde_json::Value>>(&tag.value) else { return Ok(()) };
    let as_text = version.to_string();
    let is_it = |known: &serde_json::Value| {
        known["name"] == name && (known["version"] == version || known["version"] == as_text)
    };
    versions.retain(|known| !is_it(known));
    if versions.is_empty() {
        connection.db.execute(
            "DELETE FROM logged_model_tags WHERE model_id = ?1 AND tag_key = ?2",
            params![model.model_id.as_str(), tags::MODEL_VERSIONS],
        )?;
    } else {
        connection.db.execute(
            "UPDATE logged_model_tags SET tag_value = ?3 WHERE model_id = ?1 AND tag_key = ?2",
            params![
                model.model_id.as_str(),
                tags::MODEL_VERSIONS,
                serde_json::Value::Array(versions).to_string()
            ],
        )?;
    }
    Ok(())
}

/// Deletes a model with all its versions, tags and aliases.
pub fn delete_model(connection: &mut Connection, name: &str) -> Inner<()> {
    need(connection, name)?;
    let aliases = connection.schema.aliases.then_some("registered_model_aliases");
    let tables = ["model_version_tags", "model_versions", "registered_model_tags"];
    for table in aliases.into_iter().chain(tables).chain(["registered_models"]) {
        connection.db.execute(&format!("DELETE FROM {table} WHERE name = ?1"), [name])?;
    }
    Ok(())
}

pub fn set_alias(connection: &mut Connection, name: &str, alias: &str, version: u64) -> Inner<()> {
    if !connection.schema.aliases {
        return Err(ErrorKind::Unsupported("model aliases: they need MLflow 2.3 or newer".into()));
    }
    read_version(connection, name, version)?;
    connection.db.execute(
        "INSERT INTO registered_model_aliases (alias, version, name) VALUES (?1, ?2, ?3) \
         ON CONFLICT DO UPDATE SET version = excluded.version",
        params![alias, version as i64, name],
    )?;
    Ok(())
}

pub fn delete_alias(connection: &mut Connection, name: &str, alias: &str) -> Inner<()> {
    need(connection, name)?;
    if connection.schema.aliases {
        connection.db.execute(
            "DELETE FROM registered_model_aliases WHERE name = ?1 AND alias = ?2",
            params![name, alias],
        )?;
    }
    Ok(())
}

pub fn version_by_alias(connection: &mut Connection, name: &str, alias: &str) -> Inner<ModelVersion> {
    need(connection, name)?;
    let missing = || ErrorKind::NotFound(format!("model {name:?} has no alias {alias:?}"));
    if !connection.schema.aliases {
        return Err(missing());
    }
    let version: Option<i64> = connection
        .db
        .query_row(
            "SELECT version FROM registered_model_aliases WHERE name = ?1 AND alias = ?2",
            params![name, alias],
            |row| row.get(0),
        )
        .optional()?;
    read_version(connection, name, version.ok_or_else(missing)? as u64)
}
