//! Experiments, listed and written.

use std::fs;

use serde_json::json;
use uuid::Uuid;

use super::layout::{DEFAULT, Layout, META, Place, TAGS, address_of, is_experiment, runs_in};
use super::writing::{change_meta, known_meta, make, make_new, put, refused, remove, set, write_meta};
use super::yaml::{Mapping, text};
use super::{meta, reading, runs};
use crate::mlflow::{Experiment, ExperimentId, LifecycleStage, Tag, ViewType};
use crate::store::local::inside;
use crate::store::{ErrorKind, Inner, now_ms};

/// Experiments of a view, the newest first; copies, which have others' names, last.
pub fn search(layout: &Layout, view: ViewType) -> Inner<Vec<Experiment>> {
    let places = layout.experiments()?;
    let places = places.iter().filter(|place| is_experiment(&place.path));
    let mut found: Vec<Experiment> = places.map(reading::experiment).collect();
    found.retain(|experiment| view.contains(experiment.lifecycle_stage));
    let key = |experiment: &Experiment| {
        let id = experiment.experiment_id.as_str();
        let is_copy = reading::is_copy(experiment);
        (is_copy, std::cmp::Reverse(experiment.creation_time), id.len(), id.to_owned())
    };
    found.sort_by_cached_key(key);
    Ok(found)
}

pub fn get(layout: &Layout, id: &ExperimentId) -> Inner<Experiment> {
    Ok(reading::experiment(&layout.experiment(id)?))
}

/// An experiment that may be changed.
pub fn active(layout: &Layout, id: &ExperimentId) -> Inner<Place> {
    let place = layout.experiment(id)?;
    if place.is_deleted || is_marked_deleted(&place) {
        return Err(ErrorKind::Invalid(format!("experiment {id} is deleted: restore it first")));
    }
    refuse_copy(&place)?;
    Ok(place)
}

/// A copy that lies beside the experiment that it was made of is none of MLflow's.
fn refuse_copy(place: &Place) -> Inner<()> {
    let said = meta::load(&place.path).ok().and_then(|meta| text(&meta, "experiment_id"));
    match said {
        Some(said) if said != place.id.as_str() => Err(ErrorKind::Invalid(format!(
            "{} says that it is experiment {said}: MLflow does not know it by this folder's name, and it is not written to",
            place.path.join(META).display()
        ))),
        _ => Ok(()),
    }
}

pub fn refuse_taken(layout: &Layout, name: &str, by_other_than: Option<&ExperimentId>) -> Inner<()> {
    let all = search(layout, ViewType::All)?;
    let taken = all.iter().find(|known| known.name == name && Some(&known.experiment_id) != by_other_than);
    match taken {
        Some(known) => Err(ErrorKind::AlreadyExists(format!(
            "experiment {name:?} already exists{}",
            if known.lifecycle_stage == LifecycleStage::Deleted { ", and is deleted" } else { "" }
        ))),
        None => Ok(()),
    }
}

/// What the store's other experiments have that MLflow 3 adds: it is added here as well.
pub fn additions(layout: &Layout) -> Mapping {
    const KEYS: [&str; 3] = ["effective_trace_archival_retention", "trace_location", "workspace"];
    let mut found = Mapping::new();
    for place in layout.experiments().into_iter().flatten() {
        let Ok(meta) = meta::load(&place.path) else { continue };
        for key in KEYS.into_iter().filter(|key| meta.contains_key(*key)) {
            let value = text(&meta, "workspace").filter(|_| key == "workspace");
            found.insert(key.to_owned(), value.into());
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

/// As in MLflow: a random number of 18 digits.
pub fn random_id() -> String {
    let number = 10_u64.pow(17) + Uuid::new_v4().as_u64_pair().0 % (9 * 10_u64.pow(17));
    number.to_string()
}

pub fn create(layout: &Layout, name: &str, tags: &[Tag]) -> Inner<ExperimentId> {
    refuse_taken(layout, name, None)?;
    let (id, path) = loop {
        let id = random_id();
        let path = layout.root.join(&id);
        if make_new(&path)? {
            break (ExperimentId(id), path);
        }
    };
    let mut meta = additions(layout);
    let now = now_ms();
    for (key, value) in [
        ("artifact_location", json!(address_of(&path))),
        ("creation_time", json!(now)),
        ("experiment_id", json!(id.as_str())),
        ("last_update_time", json!(now)),
        ("lifecycle_stage", json!("active")),
        ("name", json!(name)),
    ] {
        meta.insert(key.to_owned(), value);
    }
    let written = tags
        .iter()
        .try_for_each(|tag| put(&path, &path.join(TAGS).join(&tag.key), tag.value.as_bytes()))
        .and_then(|()| write_meta(&path, &meta));
    if written.is_err() {
        // Nobody knows of it yet.
        let _ = fs::remove_dir_all(&path);
    }
    written.map(|()| id)
}

pub fn rename(layout: &Layout, id: &ExperimentId, name: &str) -> Inner<()> {
    let place = active(layout, id)?;
    refuse_taken(layout, name, Some(id))?;
    change_meta(&place.path, |meta| {
        set(meta, "name", name);
        set(meta, "last_update_time", now_ms());
    })
}

/// Marks the runs of an experiment that are not so yet as what they become, and then the experiment: one that is marked is
/// done with. One run that cannot be marked keeps no other from it.
fn mark(place: &Place, stage: LifecycleStage) -> Inner<()> {
    let names = runs_in(&place.path).map_err(refused(&place.path))?;
    let (mut failed, mut first) = (0, None);
    for name in &names {
        // One that is not understood goes along as it is.
        match runs::mark(&place.path.join(name), stage) {
            Ok(()) => {}
            Err(ErrorKind::Invalid(why)) => tracing::warn!(why, "a run is not marked"),
            Err(error) => {
                failed += 1;
                first.get_or_insert(error);
            }
        }
    }
    if let Some(error) = first {
        return Err(ErrorKind::Partly(format!(
            "{failed} of the {} runs of experiment {} could not be marked as {}: {error}",
            names.len(),
            place.id,
            stage.as_str()
        )));
    }
    change_meta(&place.path, |meta| {
        set(meta, "lifecycle_stage", stage.as_str());
        set(meta, "last_update_time", now_ms());
        // MLflow leaves this, as its tags lie elsewhere.
        set(meta, "tags", json!({}));
    })
}

fn is_marked_deleted(place: &Place) -> bool {
    meta::load(&place.path).is_ok_and(|meta| meta::stage(&meta) == LifecycleStage::Deleted)
}

/// It goes first, and is marked then: wherever that breaks off, it is deleted, and the same again ends it.
pub fn delete(layout: &Layout, id: &ExperimentId) -> Inner<()> {
    let mut place = layout.experiment(id)?;
    if place.is_deleted && is_marked_deleted(&place) {
        return Err(ErrorKind::NotFound(format!("no experiment {id} that is not deleted already")));
    }
    if id.as_str() == DEFAULT {
        return Err(ErrorKind::Invalid(
            "MLflow does not allow the default experiment of a file store to be deleted".into(),
        ));
    }
    if !place.is_deleted {
        refuse_copy(&place)?;
        // What cannot be marked is not begun.
        known_meta(&place.path)?;
        make(&layout.trash())?;
        let path = layout.trash().join(id.as_str());
        fs::rename(&place.path, &path).map_err(refused(&place.path))?;
        (place.path, place.is_deleted) = (path, true);
    }
    mark(&place, LifecycleStage::Deleted)
}

/// It is marked first, and comes back then: wherever that breaks off, it is deleted still, and the same again ends it.
pub fn restore(layout: &Layout, id: &ExperimentId) -> Inner<()> {
    let place = layout.experiment(id)?;
    if !place.is_deleted {
        // Somebody else's work broke off.
        return if is_marked_deleted(&place) {
            mark(&place, LifecycleStage::Active)
        } else {
            Err(ErrorKind::NotFound(format!("no experiment {id} that is deleted")))
        };
    }
    let path = layout.root.join(id.as_str());
    if path.exists() {
        return Err(ErrorKind::AlreadyExists(format!("{} is in its place", path.display())));
    }
    mark(&place, LifecycleStage::Active)?;
    fs::rename(&place.path, &path).map_err(refused(&place.path))
}

pub fn set_tag(layout: &Layout, id: &ExperimentId, tag: &Tag) -> Inner<()> {
    let place = active(layout, id)?;
    put(&place.path, &place.path.join(TAGS).join(&tag.key), tag.value.as_bytes())
}

pub fn delete_tag(layout: &Layout, id: &ExperimentId, key: &str) -> Inner<()> {
    let place = active(layout, id)?;
    if remove(&inside(&place.path.join(TAGS), key)?)? {
        return Ok(());
    }
    Err(ErrorKind::NotFound(format!("no tag {key:?} of experiment {id}")))
}
