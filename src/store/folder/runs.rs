//! Runs, made and changed, and what they log.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use uuid::Uuid;

use super::files::content;
use super::layout::{ARTIFACTS, DATASETS, INPUTS, Layout, METRICS, PARAMS, Place, TAGS};
use super::writing::{known_run, make, make_in, make_new, put, put_new, remove, set, write_meta};
use super::yaml::{Mapping, text};
use super::{experiments, lines, meta, writing};
use crate::mlflow::{Dataset, DatasetInput, LifecycleStage, Metric, Param, RunId, Tag, names, tags};
use crate::store::local::inside;
use crate::store::objects::below;
use crate::store::{ErrorKind, Inner, NewRun, RunUpdate, now_ms};

/// Bytes at the end of a file of points that are read to know which points are there: of more than one batch.
pub const MOST_KNOWN: u64 = 1 << 20;
const MOST_VALUE: u64 = 1 << 20;

/// A run that may be changed: its experiment, its folder and what its `meta.yaml` says.
fn active(layout: &Layout, id: &RunId) -> Inner<(Place, PathBuf, Mapping)> {
    let (place, folder) = layout.run(id)?;
    let known = known_run(&folder)?;
    if meta::stage(&known) == LifecycleStage::Deleted {
        return Err(ErrorKind::Invalid(format!("run {id} is deleted: restore it first")));
    }
    Ok((place, folder, known))
}

/// Changes what a run's `meta.yaml` says. What the first versions left out is added, as MLflow does it.
pub fn change(folder: &Path, change: impl FnOnce(&mut Mapping)) -> Inner<()> {
    let mut known = known_run(folder)?;
    {
        let meta = &mut known;
        let id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let defaults = [
            ("entry_point_name", json!("")),
            ("lifecycle_stage", json!("active")),
            ("run_id", json!(id)),
            ("run_uuid", json!(id)),
            ("source_name", json!("")),
            ("source_type", json!(4)),
            ("source_version", json!("")),
            ("status", json!(1)),
            ("tags", json!([])),
        ];
        for (key, value) in defaults {
            meta.entry(key).or_insert(value);
        }
        if let Some(experiment) = text(meta, "experiment_id") {
            set(meta, "experiment_id", experiment);
        }
        change(meta);
    }
    write_meta(folder, &known)
}

/// Marks a run as deleted or not; one that is so already stays as it is.
pub fn mark(folder: &Path, stage: LifecycleStage) -> Inner<()> {
    if meta::stage(&known_run(folder)?) == stage {
        return Ok(());
    }
    change(folder, |meta| {
        set(meta, "lifecycle_stage", stage.as_str());
        match stage {
            LifecycleStage::Deleted => set(meta, "deleted_time", now_ms()),
            LifecycleStage::Active => drop(meta.remove("deleted_time")),
        }
    })
}

pub fn create(layout: &Layout, new: &NewRun) -> Inner<(Place, RunId)> {
    let place = experiments::active(layout, &new.experiment_id)?;
    let random = Uuid::new_v4();
    let id = random.simple().to_string();
    let tagged = new.tags.iter().find(|tag| tag.key == tags::RUN_NAME).map(|tag| tag.value.clone());
    let given = new.run_name.clone().filter(|name| !name.is_empty());
    if let (Some(given), Some(tagged)) = (&given, &tagged)
        && given != tagged
    {
        return Err(ErrorKind::Invalid(format!(
            "the run name {given:?} and the tag mlflow.runName {tagged:?} differ; give only one"
        )));
    }
    let name = given.or(tagged).unwrap_or_else(|| names::run_name(random.as_u64_pair().0));
    let root = meta::load(&place.path).ok().and_then(|meta| text(&meta, "artifact_location"));
    let root = root.unwrap_or_else(|| super::layout::address_of(&place.path));
    let run = Value::Object(Mapping::from_iter([
        ("artifact_uri".to_owned(), json!(below(&root, &format!("{id}/{ARTIFACTS}")))),
        ("deleted_time".to_owned(), Value::Null),
        ("end_time".to_owned(), Value::Null),
        ("entry_point_name".to_owned(), json!("")),
        ("experiment_id".to_owned(), json!(new.experiment_id.as_str())),
        ("lifecycle_stage".to_owned(), json!("active")),
        ("run_id".to_owned(), json!(id)),
        ("run_name".to_owned(), json!(name)),
        ("run_uuid".to_owned(), json!(id)),
        ("source_name".to_owned(), json!("")),
        ("source_type".to_owned(), json!(4)),
        ("source_version".to_owned(), json!("")),
        ("start_time".to_owned(), json!(new.start_time)),
        ("status".to_owned(), json!(1)),
        ("tags".to_owned(), json!([])),
        ("user_id".to_owned(), json!(new.user_id)),
    ]));
    let folder = place.path.join(&id);
    if !make_new(&folder)? {
        return Err(ErrorKind::AlreadyExists(format!("{} already exists", folder.display())));
    }
    let fill = || {
        // First of all, as in MLflow: a folder without it is none of its runs.
        write_meta(&folder, run.as_object().unwrap_or(&Mapping::new()))?;
        [METRICS, PARAMS, ARTIFACTS].iter().try_for_each(|part| make(&folder.join(part)))?;
        let own = Tag::new(tags::RUN_NAME, name.as_str());
        let all = new.tags.iter().filter(|tag| tag.key != own.key).chain([&own]);
        all.into_iter().try_for_each(|tag| put_tag(&folder, tag))
    };
    if let Err(error) = fill() {
        let _ = fs::remove_dir_all(&folder);
        return Err(error);
    }
    Ok((place, RunId(id)))
}

fn put_tag(folder: &Path, tag: &Tag) -> Inner<()> {
    put(folder, &folder.join(TAGS).join(&tag.key), tag.value.as_bytes())
}

pub fn update(layout: &Layout, id: &RunId, update: &RunUpdate) -> Inner<Place> {
    let (place, folder, _) = active(layout, id)?;
    let name = update.run_name.as_deref().filter(|name| !name.is_empty());
    if let Some(name) = name {
        put_tag(&folder, &Tag::new(tags::RUN_NAME, name))?;
    }
    change(&folder, |meta| {
        if let Some(status) = update.status {
            set(meta, "status", meta::status_number(status));
        }
        if let Some(time) = update.end_time {
            set(meta, "end_time", time);
        }
        if let Some(name) = name {
            set(meta, "run_name", name);
        }
    })?;
    Ok(place)
}

pub fn set_stage(layout: &Layout, id: &RunId, stage: LifecycleStage) -> Inner<Place> {
    let (place, folder) = layout.run(id)?;
    mark(&folder, stage)?;
    Ok(place)
}

pub fn delete_tag(layout: &Layout, id: &RunId, key: &str) -> Inner<Place> {
    let (place, folder, _) = active(layout, id)?;
    if remove(&inside(&folder.join(TAGS), key)?)? {
        return Ok(place);
    }
    Err(ErrorKind::NotFound(format!("no tag {key:?} of run {id}")))
}

pub fn log_batch(
    layout: &Layout,
    id: &RunId,
    metrics: &[Metric],
    params: &[Param],
    new_tags: &[Tag],
) -> Inner<Place> {
    let (place, folder, _) = active(layout, id)?;
    let params = new_params(&folder, params)?;
    for (key, value) in &params {
        let path = folder.join(PARAMS).join(key);
        // Somebody may have been faster.
        if !put_new(&folder, &path, value.as_bytes())? {
            same_param(&path, key, value)?;
        }
    }
    append(&folder, metrics)?;
    for tag in new_tags {
        put_tag(&folder, tag)?;
    }
    if let Some(name) = new_tags.iter().rfind(|tag| tag.key == tags::RUN_NAME) {
        change(&folder, |meta| set(meta, "run_name", name.value.as_str()))?;
    }
    Ok(place)
}

/// Params that are not there yet: none of them may have another value already.
fn new_params<'a>(folder: &Path, params: &'a [Param]) -> Inner<BTreeMap<&'a str, &'a str>> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for Param { key, value } in params {
        match found.get(key.as_str()) {
            Some(other) if other != value => return Err(another_param(key, other, value)),
            _ => {}
        }
        let path = folder.join(PARAMS).join(key);
        if path.is_file() {
            same_param(&path, key, value)?;
        } else {
            found.insert(key, value);
        }
    }
    Ok(found)
}

fn same_param(path: &Path, key: &str, value: &str) -> Inner<()> {
    let (known, _) = content(path, MOST_VALUE)?;
    if known == value.as_bytes() {
        return Ok(());
    }
    Err(another_param(key, &String::from_utf8_lossy(&known), value))
}

fn another_param(key: &str, known: &str, value: &str) -> ErrorKind {
    ErrorKind::Invalid(format!(
        "param {key:?} is already {known:?} and cannot become {value:?}; MLflow params cannot be changed"
    ))
}

/// Puts points at the ends of the files of the metrics of a run.
fn append(folder: &Path, metrics: &[Metric]) -> Inner<()> {
    let mut by_key: BTreeMap<&str, Vec<&Metric>> = BTreeMap::new();
    for metric in metrics {
        by_key.entry(&metric.key).or_default().push(metric);
    }
    for (key, metrics) in by_key {
        let path = folder.join(METRICS).join(key);
        writing::append(folder, &path, MOST_KNOWN, |known| lines::new_lines(known, metrics.into_iter()))?;
    }
    Ok(())
}

fn md5(parts: [&str; 2]) -> String {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn dataset_meta(dataset: &Dataset) -> Mapping {
    Mapping::from_iter([
        ("digest".to_owned(), json!(dataset.digest)),
        ("name".to_owned(), json!(dataset.name)),
        ("profile".to_owned(), json!(dataset.profile)),
        ("schema".to_owned(), json!(dataset.schema)),
        ("source".to_owned(), json!(dataset.source)),
        ("source_type".to_owned(), json!(dataset.source_type)),
    ])
}

pub fn log_inputs(layout: &Layout, id: &RunId, inputs: &[DatasetInput]) -> Inner<Place> {
    let (place, folder, _) = active(layout, id)?;
    put_inputs(&place, &folder, id, inputs)?;
    Ok(place)
}

/// Puts data sets into an experiment, and names them among the inputs of a run of its, whose folder is given.
pub fn put_inputs(place: &Place, folder: &Path, id: &RunId, inputs: &[DatasetInput]) -> Inner<()> {
    for DatasetInput { dataset, tags } in inputs {
        let dataset_id = md5([&dataset.name, &dataset.digest]);
        let home = place.path.join(DATASETS).join(&dataset_id);
        if !home.join(super::layout::META).is_file() {
            make_in(&place.path, &home)?;
            write_meta(&home, &dataset_meta(dataset))?;
        }
        let home = folder.join(INPUTS).join(md5([&dataset_id, id.as_str()]));
        if home.join(super::layout::META).is_file() {
            continue;
        }
        make_in(folder, &home)?;
        let tags: Mapping = tags.iter().map(|tag| (tag.key.clone(), json!(tag.value))).collect();
        let meta = Mapping::from_iter([
            // MLflow itself writes the source here.
            ("destination_id".to_owned(), json!(dataset_id)),
            ("destination_type".to_owned(), json!("RUN")),
            ("source_id".to_owned(), json!(dataset_id)),
            ("source_type".to_owned(), json!("DATASET")),
            ("tags".to_owned(), json!(tags)),
        ]);
        write_meta(&home, &meta)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_data_sets_are_mlflows() {
        assert_eq!(md5(["wine: a", "695389ac"]), "a592089c3d7a57606a8209550292d2fc");
    }

    #[test]
    fn half_a_line_is_not_continued() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("metrics/m");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "10 1.0 0\n11 2.").unwrap();
        let metric = Metric { key: "m".into(), value: 3.0, timestamp: 12, step: 2 };
        append(home.path(), &[metric.clone(), metric]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "10 1.0 0\n11 2.\n12 3.0 2\n");
    }
}
