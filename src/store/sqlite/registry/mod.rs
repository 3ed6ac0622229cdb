//! Registered models, their versions and aliases: of the workspace that is open, and no other.

mod models;
mod on_models;
mod versions;

use rusqlite::{OptionalExtension, params};

use super::Inner;
use super::connection::Connection;
use crate::store::ErrorKind;

pub use models::{
    create_model, delete_alias, delete_model, delete_model_tag, describe_model, model, models, rename_model,
    set_alias, set_model_tag,
};
pub use versions::{
    create_version, delete_version, delete_version_tag, describe_version, set_stage, set_version_tag,
    version, version_by_alias, versions, versions_of,
};

/// What a row must be to be of the workspace that is open, which is `?1` in every statement.
fn here(connection: &Connection) -> &'static str {
    if connection.schema.workspace { "workspace = ?1" } else { "?1 IS NOT NULL" }
}

/// The column of the workspace with its value, for a row that is new.
fn column_here(connection: &Connection) -> (&'static str, &'static str) {
    if connection.schema.workspace { ("workspace, ", "?1, ") } else { ("", "") }
}

fn exists(connection: &Connection, name: &str) -> Inner<bool> {
    let statement = format!("SELECT 1 FROM registered_models WHERE {} AND name = ?2", here(connection));
    let found = connection.db.query_row(&statement, params![connection.workspace, name], |_| Ok(()));
    Ok(found.optional()?.is_some())
}

fn need(connection: &Connection, name: &str) -> Inner<()> {
    if exists(connection, name)? {
        Ok(())
    } else {
        Err(ErrorKind::NotFound(format!("no registered model {name:?}")))
    }
}

/// Notes that something of a model is new.
fn touch(connection: &Connection, name: &str, now: i64) -> Inner<()> {
    let statement = format!(
        "UPDATE registered_models SET last_updated_time = ?3 WHERE {} AND name = ?2",
        here(connection)
    );
    connection.db.execute(&statement, params![connection.workspace, name, now])?;
    Ok(())
}
