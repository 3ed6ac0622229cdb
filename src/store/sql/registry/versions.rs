//! Versions of registered models.

use rustc_hash::{FxHashMap, FxHashSet};

use super::on_models::{forget_version_on_model, model_to_change, name_version_on_model, storage_location};
use super::{exists, need, touch};
use crate::mlflow::{ModelStage, ModelVersion, RunId, Tag};
use crate::store::sql::{Cells, Link, Value, as_list, values};
use crate::store::{ErrorKind, Inner, now_ms};

/// The newest first; none of a model that does not exist.
pub fn versions(link: &mut impl Link, name: &str) -> Inner<Vec<ModelVersion>> {
    if !exists(link, name)? {
        return Ok(Vec::new());
    }
    read(link, "name = ?2", values![name])
}

pub fn version(link: &mut impl Link, name: &str, version: u64) -> Inner<ModelVersion> {
    let found = read(link, "name = ?2 AND version = ?3", values![name, version as i64])?.pop();
    found.ok_or_else(|| ErrorKind::NotFound(format!("model {name:?} has no version {version}")))
}

pub fn versions_of(link: &mut impl Link, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
    let ids = as_list(runs.iter().map(RunId::as_str));
    let condition = format!("run_id IN {}", (link.dialect().among)("?2"));
    read(link, &condition, values![&ids])
}

/// The versions for which a condition holds, whose values begin at `?2`; three statements, however many they are.
fn read(link: &mut impl Link, condition: &str, values: &[Value<'_>]) -> Inner<Vec<ModelVersion>> {
    let statement = format!(
        "SELECT name, version, source, run_id, status, status_message, current_stage, {}, user_id, \
         creation_time, last_updated_time FROM model_versions \
         WHERE {} AND (current_stage IS NULL OR current_stage <> 'Deleted_Internal') AND {condition}",
        (link.dialect().bounded)("description"),
        link.layout().here()
    );
    let workspace = link.workspace().to_owned();
    let values: Vec<Value<'_>> =
        std::iter::once(Value::from(&workspace)).chain(values.iter().copied()).collect();
    let mut versions = link.all(&statement, &values, of_row)?;
    versions.sort_by(|a, b| a.name.cmp(&b.name).then(b.version.cmp(&a.version)));
    fill(link, &mut versions)?;
    Ok(versions)
}

fn of_row(row: &dyn Cells) -> ModelVersion {
    let source = row.string(2);
    ModelVersion {
        name: row.string(0),
        version: row.int(1).unwrap_or(0).unsigned_abs(),
        model_id: ModelVersion::model_of_source(&source),
        source,
        run_id: row.optional_string(3).filter(|id| !id.is_empty()).map(RunId),
        status: row.string(4),
        status_message: row.string(5),
        current_stage: row.string(6),
        description: row.string(7),
        tags: Vec::new(),
        aliases: Vec::new(),
        user_id: row.string(8),
        creation_time: row.int(9),
        last_updated_time: row.int(10),
    }
}

/// Adds tags and aliases.
fn fill(link: &mut impl Link, versions: &mut [ModelVersion]) -> Inner<()> {
    let names: FxHashSet<&str> = versions.iter().map(|version| version.name.as_str()).collect();
    let names = as_list(names.into_iter());
    let at: FxHashMap<(String, u64), usize> = versions
        .iter()
        .enumerate()
        .map(|(at, version)| ((version.name.clone(), version.version), at))
        .collect();
    let place = |row: &dyn Cells| at.get(&(row.string(0), row.int(1).unwrap_or(0).unsigned_abs())).copied();
    let among = format!("{} AND name IN {}", link.layout().here(), (link.dialect().among)("?2"));
    let workspace = link.workspace().to_owned();
    let values = values![&workspace, &names];
    let value = (link.dialect().bounded)("value");
    let statement = format!("SELECT name, version, key, {value} FROM model_version_tags WHERE {among}");
    link.each(&statement, values, &mut |row| {
        if let Some(at) = place(row) {
            versions[at].tags.push(Tag::new(row.string(2), row.string(3)));
        }
        Ok(())
    })?;
    if link.layout().aliases {
        let statement = format!("SELECT name, version, alias FROM registered_model_aliases WHERE {among}");
        link.each(&statement, values, &mut |row| {
            if let Some(at) = place(row) {
                versions[at].aliases.push(row.string(2));
            }
            Ok(())
        })?;
    }
    for version in versions {
        version.tags.sort_by(|a, b| a.key.cmp(&b.key));
        version.aliases.sort();
    }
    Ok(())
}

pub fn create_version(
    link: &mut impl Link,
    name: &str,
    source: &str,
    run_id: Option<&RunId>,
    tags: &[Tag],
) -> Inner<ModelVersion> {
    need(link, name)?;
    let now = now_ms();
    touch(link, name, now)?;
    // A version of a logged model belongs to the run that made the model.
    let model = match ModelVersion::model_of_source(source) {
        Some(id) => Some(model_to_change(link, &id)?),
        None => None,
    };
    let run_id = run_id.or(model.as_ref().and_then(|model| model.source_run_id.as_ref()));
    let workspace = link.workspace().to_owned();
    let statement =
        format!("SELECT max(version) FROM model_versions WHERE {} AND name = ?2", link.layout().here());
    let last = link.one(&statement, values![&workspace, name], |row| row.int(0))?.flatten();
    let number = last.unwrap_or(0) + 1;
    let (column, value) = link.layout().column_here();
    let statement = format!(
        "INSERT INTO model_versions ({column}name, version, creation_time, last_updated_time, description, \
         user_id, current_stage, source, run_id, status, status_message, run_link) \
         VALUES ({value}?2, ?3, ?4, ?4, '', NULL, 'None', ?5, ?6, 'READY', NULL, '')"
    );
    link.execute(&statement, values![&workspace, name, number, now, source, run_id.map(RunId::as_str)])?;
    for tag in tags {
        set_tag(link, name, number, tag)?;
    }
    set_storage_location(link, name, number, source)?;
    if let Some(model) = &model {
        name_version_on_model(link, model, name, number)?;
    }
    version(link, name, number.unsigned_abs())
}

/// Says where the files really are; MLflow answers it when it is asked for the download address.
fn set_storage_location(link: &mut impl Link, name: &str, number: i64, source: &str) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    if link.layout().storage_location
        && let Some(location) = storage_location(link, source)?
    {
        let statement = format!(
            "UPDATE model_versions SET storage_location = ?4 WHERE {} AND name = ?2 AND version = ?3",
            link.layout().here()
        );
        link.execute(&statement, values![&workspace, name, number, &location])?;
    }
    Ok(())
}

/// Adds a version as it was elsewhere, under its own number.
pub fn import_version(link: &mut impl Link, version: &ModelVersion) -> Inner<()> {
    let (name, number) = (version.name.as_str(), version.version as i64);
    need(link, name)?;
    let workspace = link.workspace().to_owned();
    // Also one that was deleted.
    let statement =
        format!("SELECT 1 FROM model_versions WHERE {} AND name = ?2 AND version = ?3", link.layout().here());
    if link.one(&statement, values![&workspace, name, number], |_| ())?.is_some() {
        return Err(ErrorKind::AlreadyExists(format!("model {name:?} had a version {number} already")));
    }
    let (column, value) = link.layout().column_here();
    let statement = format!(
        "INSERT INTO model_versions ({column}name, version, creation_time, last_updated_time, description, \
         user_id, current_stage, source, run_id, status, status_message, run_link) \
         VALUES ({value}?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, '')"
    );
    let some = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let (user, message) = (some(&version.user_id), some(&version.status_message));
    let created = version.creation_time.unwrap_or_else(now_ms);
    link.execute(
        &statement,
        values![
            &workspace,
            name,
            number,
            created,
            version.last_updated_time.unwrap_or(created),
            &version.description,
            user.as_deref(),
            &version.current_stage,
            &version.source,
            version.run_id.as_ref().map(RunId::as_str),
            &version.status,
            message.as_deref()
        ],
    )?;
    for tag in &version.tags {
        set_tag(link, name, number, tag)?;
    }
    set_storage_location(link, name, number, &version.source)
}

pub fn describe_version(link: &mut impl Link, name: &str, number: u64, description: &str) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    version(link, name, number)?;
    let statement = format!(
        "UPDATE model_versions SET description = ?4, last_updated_time = ?5 \
         WHERE {} AND name = ?2 AND version = ?3",
        link.layout().here()
    );
    let values = values![&workspace, name, number as i64, description, now_ms()];
    link.execute(&statement, values)?;
    Ok(())
}

pub fn set_version_tag(link: &mut impl Link, name: &str, number: u64, tag: &Tag) -> Inner<()> {
    version(link, name, number)?;
    set_tag(link, name, number as i64, tag)
}

fn set_tag(link: &mut impl Link, name: &str, number: i64, tag: &Tag) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    let (column, value) = link.layout().column_here();
    let statement = (link.dialect().upsert)(
        &format!("model_version_tags ({column}name, version, key, value)"),
        &format!("VALUES ({value}?2, ?3, ?4, ?5)"),
        &link.layout().key_here("key, name, version"),
        "value",
    );
    link.execute(&statement, values![&workspace, name, number, &tag.key, &tag.value])?;
    Ok(())
}

pub fn delete_version_tag(link: &mut impl Link, name: &str, number: u64, key: &str) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    version(link, name, number)?;
    let statement = format!(
        "DELETE FROM model_version_tags WHERE {} AND name = ?2 AND version = ?3 AND key = ?4",
        link.layout().here()
    );
    link.execute(&statement, values![&workspace, name, number as i64, key])?;
    Ok(())
}

pub fn set_stage(
    link: &mut impl Link,
    name: &str,
    number: u64,
    stage: ModelStage,
    archives_others: bool,
) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    version(link, name, number)?;
    let now = now_ms();
    touch(link, name, now)?;
    if archives_others {
        let statement = format!(
            "UPDATE model_versions SET current_stage = 'Archived', last_updated_time = ?5 \
             WHERE {} AND name = ?2 AND version <> ?3 AND current_stage = ?4",
            link.layout().here()
        );
        let values = values![&workspace, name, number as i64, stage.as_str(), now];
        link.execute(&statement, values)?;
    }
    let statement = format!(
        "UPDATE model_versions SET current_stage = ?4, last_updated_time = ?5 \
         WHERE {} AND name = ?2 AND version = ?3",
        link.layout().here()
    );
    let values = values![&workspace, name, number as i64, stage.as_str(), now];
    link.execute(&statement, values)?;
    Ok(())
}

/// As MLflow does it: the row stays, so that its number is not given out again, and tells nothing any more.
pub fn delete_version(link: &mut impl Link, name: &str, number: u64) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    let old = version(link, name, number)?;
    let now = now_ms();
    touch(link, name, now)?;
    if link.layout().aliases {
        let statement = format!(
            "DELETE FROM registered_model_aliases WHERE {} AND name = ?2 AND version = ?3",
            link.layout().here()
        );
        link.execute(&statement, values![&workspace, name, number as i64])?;
    }
    let statement = format!(
        "UPDATE model_versions SET current_stage = 'Deleted_Internal', last_updated_time = ?4, \
         description = NULL, user_id = NULL, source = 'REDACTED-SOURCE-PATH', run_id = 'REDACTED-RUN-ID', \
         run_link = 'REDACTED-RUN-LINK', status_message = NULL \
         WHERE {} AND name = ?2 AND version = ?3",
        link.layout().here()
    );
    link.execute(&statement, values![&workspace, name, number as i64, now])?;
    let Some(id) = old.model_id else { return Ok(()) };
    match model_to_change(link, &id) {
        Ok(model) => forget_version_on_model(link, &model, name, number),
        // The model itself may be gone, and the version with it all the same.
        Err(ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub fn version_by_alias(link: &mut impl Link, name: &str, alias: &str) -> Inner<ModelVersion> {
    let workspace = link.workspace().to_owned();
    need(link, name)?;
    let missing = || ErrorKind::NotFound(format!("model {name:?} has no alias {alias:?}"));
    if !link.layout().aliases {
        return Err(missing());
    }
    let statement = format!(
        "SELECT version FROM registered_model_aliases WHERE {} AND name = ?2 AND alias = ?3",
        link.layout().here()
    );
    let number = link.one(&statement, values![&workspace, name, alias], |row| row.int(0))?.flatten();
    version(link, name, number.ok_or_else(missing)?.unsigned_abs())
}
