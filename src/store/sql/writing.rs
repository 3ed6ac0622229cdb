//! What is written of experiments and runs, row by row as MLflow 3.17.2 writes it. Every function runs inside one transaction.

use uuid::Uuid;

use super::logging::log_batch;
use super::reading;
use super::roots::Home;
use super::{Link, values};
use crate::mlflow::{ExperimentId, LifecycleStage, Run, RunId, RunStatus, Tag, names, tags};
use crate::store::objects::below;
use crate::store::{ErrorKind, Inner, NewRun, RunUpdate, now_ms};

pub fn create_experiment(link: &mut impl Link, home: &Home, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
    refuse_taken_name(link, name)?;
    let workspace = link.workspace().to_owned();
    let (column, value) = link.layout().column_here();
    let statement = format!(
        "INSERT INTO experiments ({column}name, lifecycle_stage, creation_time, last_update_time) \
         VALUES ({value}?2, 'active', ?3, ?3)"
    );
    let key = link.insert_numbered(&statement, values![&workspace, name, now_ms()], "experiment_id")?;
    let key = key.ok_or_else(|| ErrorKind::Io("the new experiment was given no id".into()))?;
    fill_experiment(link, home, key, tags)
}

/// Says where the files of a new experiment go, and adds its tags.
pub fn fill_experiment(link: &mut impl Link, home: &Home, key: i64, tags: &[Tag]) -> Inner<ExperimentId> {
    link.execute(
        "UPDATE experiments SET artifact_location = ?2 WHERE experiment_id = ?1",
        values![key, &home.artifact_root(key)],
    )?;
    let id = ExperimentId(key.to_string());
    for tag in tags {
        upsert_experiment_tag(link, &id, tag)?;
    }
    Ok(id)
}

pub fn refuse_taken_name(link: &mut impl Link, name: &str) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    let statement =
        format!("SELECT lifecycle_stage FROM experiments WHERE {} AND name = ?2", link.layout().here());
    let taken = link.one(&statement, values![&workspace, name], |row| row.string(0))?;
    match taken.as_deref() {
        None => Ok(()),
        Some("deleted") => Err(ErrorKind::AlreadyExists(format!(
            "a deleted experiment is named {name:?}; restore it, or choose another name"
        ))),
        Some(_) => Err(ErrorKind::AlreadyExists(format!("experiment {name:?} already exists"))),
    }
}

/// The experiment's lifecycle stage, or that there is none of that id.
fn experiment_stage(link: &mut impl Link, id: &ExperimentId) -> Inner<LifecycleStage> {
    let statement = "SELECT lifecycle_stage FROM experiments WHERE experiment_id = ?1";
    let stage = link.one(statement, values![id.as_key()], |row| LifecycleStage::parse(&row.text(0)))?;
    stage.ok_or_else(|| ErrorKind::NotFound(format!("no experiment {id}")))
}

fn need_active_experiment(link: &mut impl Link, id: &ExperimentId) -> Inner<()> {
    match experiment_stage(link, id)? {
        LifecycleStage::Active => Ok(()),
        LifecycleStage::Deleted => {
            Err(ErrorKind::Invalid(format!("experiment {id} is deleted: restore it first")))
        }
    }
}

pub fn rename_experiment(link: &mut impl Link, id: &ExperimentId, name: &str) -> Inner<()> {
    need_active_experiment(link, id)?;
    let statement = "SELECT name FROM experiments WHERE experiment_id = ?1";
    let now_named = link.one(statement, values![id.as_key()], |row| row.string(0))?;
    if now_named.as_deref() != Some(name) {
        refuse_taken_name(link, name)?;
    }
    link.execute(
        "UPDATE experiments SET name = ?2, last_update_time = ?3 WHERE experiment_id = ?1",
        values![id.as_key(), name, now_ms()],
    )?;
    Ok(())
}

/// Deletes or restores an experiment, and with it all its runs.
pub fn set_experiment_stage(link: &mut impl Link, id: &ExperimentId, active: bool) -> Inner<()> {
    let stage = experiment_stage(link, id)?;
    let (from, to) = if active {
        (LifecycleStage::Deleted, LifecycleStage::Active)
    } else {
        (LifecycleStage::Active, LifecycleStage::Deleted)
    };
    if stage != from {
        return Err(ErrorKind::NotFound(format!("experiment {id} is already {}", stage.as_str())));
    }
    let now = now_ms();
    link.execute(
        "UPDATE experiments SET lifecycle_stage = ?2, last_update_time = ?3 WHERE experiment_id = ?1",
        values![id.as_key(), to.as_str(), now],
    )?;
    link.execute(
        "UPDATE runs SET lifecycle_stage = ?2, deleted_time = ?3 WHERE experiment_id = ?1 AND lifecycle_stage <> ?2",
        values![id.as_key(), to.as_str(), (!active).then_some(now)],
    )?;
    Ok(())
}

pub fn set_experiment_tag(link: &mut impl Link, id: &ExperimentId, tag: &Tag) -> Inner<()> {
    need_active_experiment(link, id)?;
    upsert_experiment_tag(link, id, tag)
}

pub fn delete_experiment_tag(link: &mut impl Link, id: &ExperimentId, key: &str) -> Inner<()> {
    need_active_experiment(link, id)?;
    let deleted = link.execute(
        "DELETE FROM experiment_tags WHERE experiment_id = ?1 AND key = ?2",
        values![id.as_key(), key],
    )?;
    if deleted == 0 {
        Err(ErrorKind::NotFound(format!("experiment {id} has no tag {key:?}")))
    } else {
        Ok(())
    }
}

pub fn upsert_experiment_tag(link: &mut impl Link, id: &ExperimentId, tag: &Tag) -> Inner<()> {
    let statement = (link.dialect().upsert)(
        "experiment_tags (key, value, experiment_id)",
        "VALUES (?1, ?2, ?3)",
        "key, experiment_id",
        "value",
    );
    link.execute(&statement, values![&tag.key, &tag.value, id.as_key()])?;
    Ok(())
}

/// Where the files of an experiment's runs are.
pub fn artifact_location(link: &mut impl Link, id: &ExperimentId) -> Inner<String> {
    let statement = "SELECT artifact_location FROM experiments WHERE experiment_id = ?1";
    let found = link.one(statement, values![id.as_key()], |row| row.string(0))?;
    found.ok_or_else(|| ErrorKind::NotFound(format!("no experiment {id}")))
}

pub fn create_run(link: &mut impl Link, new: &NewRun) -> Inner<Run> {
    need_active_experiment(link, &new.experiment_id)?;
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
    let location = artifact_location(link, &new.experiment_id)?;
    let artifact_uri = below(&location, &format!("{id}/artifacts"));
    link.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, \
         source_version, lifecycle_stage, artifact_uri, experiment_id) \
         VALUES (?1, ?2, 'UNKNOWN', '', '', ?3, 'RUNNING', ?4, '', 'active', ?5, ?6)",
        values![
            id.as_str(),
            &name,
            &new.user_id,
            new.start_time,
            &artifact_uri,
            new.experiment_id.as_key()
        ],
    )?;
    let mut tags: Vec<Tag> = new.tags.iter().filter(|tag| tag.key != tags::RUN_NAME).cloned().collect();
    tags.push(Tag::new(tags::RUN_NAME, name));
    super::logging::upsert_tags(link, &id, &tags)?;
    reading::run(link, &id)
}

pub fn need_active_run(link: &mut impl Link, id: &RunId) -> Inner<()> {
    let statement = "SELECT lifecycle_stage FROM runs WHERE run_uuid = ?1";
    match link.one(statement, values![id.as_str()], |row| LifecycleStage::parse(&row.text(0)))? {
        None => Err(ErrorKind::NotFound(format!("no run {id}"))),
        Some(LifecycleStage::Active) => Ok(()),
        Some(LifecycleStage::Deleted) => {
            Err(ErrorKind::Invalid(format!("run {id} is deleted: restore it first")))
        }
    }
}

pub fn delete_tag(link: &mut impl Link, id: &RunId, key: &str) -> Inner<()> {
    need_active_run(link, id)?;
    let gone =
        link.execute("DELETE FROM tags WHERE run_uuid = ?1 AND key = ?2", values![id.as_str(), key])?;
    if gone == 0 {
        return Err(ErrorKind::NotFound(format!("run {id} has no tag {key:?}")));
    }
    Ok(())
}

pub fn update_run(link: &mut impl Link, id: &RunId, update: &RunUpdate) -> Inner<()> {
    need_active_run(link, id)?;
    link.execute(
        "UPDATE runs SET status = coalesce(?2, status), end_time = coalesce(?3, end_time) WHERE run_uuid = ?1",
        values![id.as_str(), update.status.map(RunStatus::as_str), update.end_time],
    )?;
    if let Some(name) = update.run_name.as_deref().filter(|name| !name.is_empty()) {
        log_batch(link, id, &[], &[], &[Tag::new(tags::RUN_NAME, name)])?;
    }
    Ok(())
}

/// Deletes or restores a run; doing it twice is fine, as in MLflow.
pub fn set_run_stage(link: &mut impl Link, id: &RunId, active: bool) -> Inner<()> {
    let stage = if active { LifecycleStage::Active } else { LifecycleStage::Deleted };
    let changed = link.execute(
        "UPDATE runs SET lifecycle_stage = ?2, deleted_time = ?3 WHERE run_uuid = ?1",
        values![id.as_str(), stage.as_str(), (!active).then(now_ms)],
    )?;
    if changed == 0 {
        return Err(ErrorKind::NotFound(format!("no run {id}")));
    }
    Ok(())
}
