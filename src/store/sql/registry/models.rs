//! Registered models with their tags and aliases.

use rustc_hash::FxHashMap;

use super::{exists, need, touch};
use crate::mlflow::{RegisteredModel, Tag};
use crate::store::sql::reading::check_workspace;
use crate::store::sql::{Cells, Link, values};
use crate::store::{ErrorKind, Inner, now_ms};

/// All of them, by name.
pub fn models(link: &mut impl Link) -> Inner<Vec<RegisteredModel>> {
    read(link, None)
}

pub fn model(link: &mut impl Link, name: &str) -> Inner<RegisteredModel> {
    let found = read(link, Some(name))?.pop();
    found.ok_or_else(|| ErrorKind::NotFound(format!("no registered model {name:?}")))
}

/// Four statements, however many models there are.
fn read(link: &mut impl Link, name: Option<&str>) -> Inner<Vec<RegisteredModel>> {
    let here = link.layout().here();
    let which = match name {
        Some(_) => format!("{here} AND name = ?2"),
        None => format!("{here} AND ?2 IS NULL"),
    };
    let bounded = link.dialect().bounded;
    let workspace = link.workspace().to_owned();
    let values = values![&workspace, name];
    let statement = format!(
        "SELECT name, {}, creation_time, last_updated_time FROM registered_models WHERE {which}",
        bounded("description")
    );
    let mut models = link.all(&statement, values, |row| RegisteredModel {
        name: row.string(0),
        description: row.string(1),
        creation_time: row.int(2),
        last_updated_time: row.int(3),
        version_count: Some(0),
        ..RegisteredModel::default()
    })?;
    // What is misspelt would look like a registry without anything.
    if models.is_empty() {
        check_workspace(link)?;
    }
    models.sort_by(|a, b| a.name.cmp(&b.name));
    let at: FxHashMap<String, usize> =
        models.iter().enumerate().map(|(at, model)| (model.name.clone(), at)).collect();
    // Somebody may have added a model in between.
    let place = |row: &dyn Cells| at.get(&*row.text(0)).copied();
    let statement =
        format!("SELECT name, key, {} FROM registered_model_tags WHERE {which}", bounded("value"));
    link.each(&statement, values, &mut |row| {
        if let Some(at) = place(row) {
            models[at].tags.push(Tag::new(row.text(1), row.text(2)));
        }
        Ok(())
    })?;
    if link.layout().aliases {
        let statement = format!("SELECT name, alias, version FROM registered_model_aliases WHERE {which}");
        link.each(&statement, values, &mut |row| {
            if let Some(at) = place(row) {
                models[at].aliases.push((row.string(1), row.int(2).unwrap_or(0).unsigned_abs()));
            }
            Ok(())
        })?;
    }
    let statement = format!(
        "SELECT name, current_stage, max(version), count(*) FROM model_versions \
         WHERE {which} AND (current_stage IS NULL OR current_stage <> 'Deleted_Internal') GROUP BY name, current_stage"
    );
    link.each(&statement, values, &mut |row| {
        if let Some(at) = place(row) {
            let model = &mut models[at];
            model.latest.push((row.string(1), row.int(2).unwrap_or(0).unsigned_abs()));
            model.version_count =
                model.version_count.map(|count| count + row.int(3).unwrap_or(0).unsigned_abs());
        }
        Ok(())
    })?;
    for model in &mut models {
        model.tags.sort_by(|a, b| a.key.cmp(&b.key));
        model.aliases.sort();
        model.latest.sort();
    }
    Ok(models)
}

pub fn create_model(link: &mut impl Link, name: &str) -> Inner<()> {
    if exists(link, name)? {
        return Err(ErrorKind::AlreadyExists(format!("registered model {name:?} already exists")));
    }
    let workspace = link.workspace().to_owned();
    let (column, value) = link.layout().column_here();
    let statement = format!(
        "INSERT INTO registered_models ({column}name, creation_time, last_updated_time, description) \
         VALUES ({value}?2, ?3, ?3, '')"
    );
    link.execute(&statement, values![&workspace, name, now_ms()])?;
    Ok(())
}

/// Versions, tags and aliases follow by themselves where the schema says so, and are renamed where it does not.
pub fn rename_model(link: &mut impl Link, name: &str, new: &str) -> Inner<()> {
    need(link, name)?;
    if name == new {
        return Ok(());
    }
    if exists(link, new)? {
        return Err(ErrorKind::AlreadyExists(format!("registered model {new:?} already exists")));
    }
    if let Some(words) = link.dialect().defer_references {
        link.execute(words, &[])?;
    }
    let workspace = link.workspace().to_owned();
    let here = link.layout().here();
    let aliases = link.layout().aliases.then_some("registered_model_aliases");
    let tables = ["registered_models", "model_versions", "registered_model_tags", "model_version_tags"];
    for table in tables.into_iter().chain(aliases) {
        let statement = format!("UPDATE {table} SET name = ?3 WHERE {here} AND name = ?2");
        link.execute(&statement, values![&workspace, name, new])?;
    }
    let now = now_ms();
    let statement = format!("UPDATE model_versions SET last_updated_time = ?3 WHERE {here} AND name = ?2");
    link.execute(&statement, values![&workspace, new, now])?;
    touch(link, new, now)
}

pub fn describe_model(link: &mut impl Link, name: &str, description: &str) -> Inner<()> {
    need(link, name)?;
    let workspace = link.workspace().to_owned();
    let statement = format!(
        "UPDATE registered_models SET description = ?3, last_updated_time = ?4 WHERE {} AND name = ?2",
        link.layout().here()
    );
    link.execute(&statement, values![&workspace, name, description, now_ms()])?;
    Ok(())
}

pub fn set_model_tag(link: &mut impl Link, name: &str, tag: &Tag) -> Inner<()> {
    need(link, name)?;
    let workspace = link.workspace().to_owned();
    let (column, value) = link.layout().column_here();
    let statement = (link.dialect().upsert)(
        &format!("registered_model_tags ({column}name, key, value)"),
        &format!("VALUES ({value}?2, ?3, ?4)"),
        &link.layout().key_here("key, name"),
        "value",
    );
    link.execute(&statement, values![&workspace, name, &tag.key, &tag.value])?;
    Ok(())
}

pub fn delete_model_tag(link: &mut impl Link, name: &str, key: &str) -> Inner<()> {
    need(link, name)?;
    let workspace = link.workspace().to_owned();
    let statement = format!(
        "DELETE FROM registered_model_tags WHERE {} AND name = ?2 AND key = ?3",
        link.layout().here()
    );
    link.execute(&statement, values![&workspace, name, key])?;
    Ok(())
}

/// Deletes a model with all its versions, tags and aliases.
pub fn delete_model(link: &mut impl Link, name: &str) -> Inner<()> {
    need(link, name)?;
    let workspace = link.workspace().to_owned();
    let aliases = link.layout().aliases.then_some("registered_model_aliases");
    let tables = ["model_version_tags", "model_versions", "registered_model_tags"];
    for table in aliases.into_iter().chain(tables).chain(["registered_models"]) {
        let statement = format!("DELETE FROM {table} WHERE {} AND name = ?2", link.layout().here());
        link.execute(&statement, values![&workspace, name])?;
    }
    Ok(())
}

pub fn set_alias(link: &mut impl Link, name: &str, alias: &str, version: u64) -> Inner<()> {
    if !link.layout().aliases {
        return Err(ErrorKind::Unsupported("model aliases: they need MLflow 2.3 or newer".into()));
    }
    super::version(link, name, version)?;
    let workspace = link.workspace().to_owned();
    let (column, value) = link.layout().column_here();
    let statement = (link.dialect().upsert)(
        &format!("registered_model_aliases ({column}alias, version, name)"),
        &format!("VALUES ({value}?2, ?3, ?4)"),
        &link.layout().key_here("name, alias"),
        "version",
    );
    link.execute(&statement, values![&workspace, alias, version as i64, name])?;
    Ok(())
}

pub fn delete_alias(link: &mut impl Link, name: &str, alias: &str) -> Inner<()> {
    need(link, name)?;
    if link.layout().aliases {
        let workspace = link.workspace().to_owned();
        let statement = format!(
            "DELETE FROM registered_model_aliases WHERE {} AND name = ?2 AND alias = ?3",
            link.layout().here()
        );
        link.execute(&statement, values![&workspace, name, alias])?;
    }
    Ok(())
}

/// Gives a model the times that it had elsewhere.
pub fn date_model(link: &mut impl Link, model: &RegisteredModel) -> Inner<()> {
    need(link, &model.name)?;
    let workspace = link.workspace().to_owned();
    let statement = format!(
        "UPDATE registered_models SET creation_time = coalesce(?3, creation_time), \
         last_updated_time = coalesce(?4, last_updated_time) WHERE {} AND name = ?2",
        link.layout().here()
    );
    link.execute(&statement, values![&workspace, &model.name, model.creation_time, model.last_updated_time])?;
    Ok(())
}
