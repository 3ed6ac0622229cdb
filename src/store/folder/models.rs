//! Models as entities of their own, as MLflow 3 keeps them in the folder `models` of an experiment.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use uuid::Uuid;

use super::files::{content, keys};
use super::layout::{
    ARTIFACTS, Layout, META, METRICS, MODELS, OUTPUTS, PARAMS, Place, TAGS, folders, is_name,
};
use super::reading::{params_of, tags_of};
use super::writing::{append, change_meta, make, make_in, make_new, put, remove, set, write_meta};
use super::yaml::{Mapping, int, text};
use super::{artifacts, experiments, lines, meta, runs};
use crate::mlflow::{
    Dataset, ExperimentId, LifecycleStage, LoggedModel, Metric, ModelId, ModelMetric, ModelVersion, RunId,
    Tag, tags,
};
use crate::store::local::{inside, write_below};
use crate::store::objects::{Kept, below};
use crate::store::{ErrorKind, Inner, NewModel, now_ms};

const MOST_POINTS: u64 = 64 << 20;
/// MLflow's numbers of statuses.
const STATUSES: [(i64, &str); 3] = [(1, "PENDING"), (2, "READY"), (3, "FAILED")];

fn none(id: &ModelId) -> ErrorKind {
    ErrorKind::NotFound(format!("no logged model {id}"))
}

/// A point of a model: with its run behind the step, and perhaps a data set.
fn point(key: &str, line: &[u8]) -> Option<ModelMetric> {
    let fields: Vec<&str> = std::str::from_utf8(line).ok()?.trim().split(' ').collect();
    let point = lines::point(line)?;
    let dataset = match fields.as_slice() {
        [_, _, _, _, name, digest] => Some(((*name).to_owned(), (*digest).to_owned())),
        [_, _, _, _] => None,
        _ => return None,
    };
    Some(ModelMetric { key: key.to_owned(), point, run_id: RunId::from(fields[3]), dataset })
}

fn metrics(folder: &Path) -> Vec<ModelMetric> {
    let (mut entries, folder) = (Vec::new(), folder.join(METRICS));
    keys(&folder, METRICS, &mut entries, &mut Vec::new());
    let mut found = Vec::new();
    for entry in entries {
        let Ok((content, _)) = content(&folder.join(&entry.key), MOST_POINTS) else { continue };
        found.extend(content.split(|byte| *byte == b'\n').filter_map(|line| point(&entry.key, line)));
    }
    found.sort_by(|a, b| {
        let order = |metric: &ModelMetric| (metric.point.step, metric.point.timestamp);
        a.key.cmp(&b.key).then_with(|| order(a).cmp(&order(b)))
    });
    found
}

/// A model as its files have it; nothing where it is deleted, or not there.
fn read(place: &Place, id: &str) -> Option<LoggedModel> {
    let folder = place.path.join(MODELS).join(id);
    let mut problems = Vec::new();
    let meta = match meta::load(&folder) {
        Ok(meta) => meta,
        // It is being made, or is none.
        Err(_) if !folder.join(META).exists() => return None,
        Err(why) => {
            problems.push(why);
            Mapping::new()
        }
    };
    if meta::stage(&meta) == LifecycleStage::Deleted {
        return None;
    }
    let word = |key| text(&meta, key).unwrap_or_default();
    let status = int(&meta, "status");
    let status =
        STATUSES.iter().find(|(number, _)| Some(*number) == status).map_or("PENDING", |(_, name)| name);
    let mut tags = tags_of(&folder, &mut problems);
    let params = params_of(&folder, &mut problems);
    if !problems.is_empty() {
        tags.push(Tag::new(super::reading::DAMAGED, problems.join("; ")));
        tags.sort_by(|a, b| a.key.cmp(&b.key));
    }
    Some(LoggedModel {
        model_id: ModelId::from(id),
        experiment_id: place.id.clone(),
        name: word("name"),
        model_type: word("model_type"),
        artifact_location: text(&meta, "artifact_location")
            .unwrap_or_else(|| super::layout::address_of(&folder.join(ARTIFACTS))),
        status: status.to_owned(),
        source_run_id: text(&meta, "source_run_id").filter(|id| !id.is_empty()).map(RunId),
        params,
        tags,
        creation_time: int(&meta, "creation_timestamp"),
        metrics: metrics(&folder),
    })
}

/// Where a model is.
pub fn find(layout: &Layout, id: &ModelId) -> Inner<(Place, PathBuf)> {
    if is_name(id.as_str()) {
        for place in layout.experiments()? {
            let folder = place.path.join(MODELS).join(id.as_str());
            if folder.join(META).is_file() {
                return Ok((place, folder));
            }
        }
    }
    Err(none(id))
}

pub fn get(layout: &Layout, id: &ModelId) -> Inner<LoggedModel> {
    let (place, _) = find(layout, id)?;
    read(&place, id.as_str()).ok_or_else(|| none(id))
}

pub fn of_experiment(layout: &Layout, id: &ExperimentId) -> Inner<Vec<LoggedModel>> {
    let place = layout.experiment(id)?;
    let names = folders(&place.path.join(MODELS)).unwrap_or_default();
    let mut found: Vec<LoggedModel> = names.iter().filter_map(|name| read(&place, name)).collect();
    found.sort_by(|a, b| (a.creation_time, &a.model_id).cmp(&(b.creation_time, &b.model_id)));
    if found.is_empty() && !has_models(layout)? {
        return Err(ErrorKind::Unsupported("logged models".into()));
    }
    Ok(found)
}

pub fn of_run(layout: &Layout, experiment: &ExperimentId, run: &RunId) -> Inner<Vec<LoggedModel>> {
    let mut found = of_experiment(layout, experiment)?;
    found.retain(|model| model.source_run_id.as_ref() == Some(run));
    Ok(found)
}

/// Whether MLflow 3 writes to this store: before, there were no logged models, and nobody would find them.
fn has_models(layout: &Layout) -> Inner<bool> {
    const OF_3: [&str; 2] = ["trace_location", "workspace"];
    let is_3 = |place: &Place| {
        place.path.join(MODELS).is_dir()
            || meta::load(&place.path).is_ok_and(|meta| OF_3.iter().any(|key| meta.contains_key(*key)))
    };
    Ok(layout.experiments()?.iter().any(is_3))
}

/// The type of a model as MLflow writes it: none is null.
pub fn kind_of(model_type: &str) -> Value {
    if model_type.is_empty() { Value::Null } else { json!(model_type) }
}

pub fn create(layout: &Layout, new: &NewModel) -> Inner<LoggedModel> {
    if !has_models(layout)? {
        return Err(ErrorKind::Unsupported("logged models".into()));
    }
    let place = experiments::active(layout, &new.experiment_id)?;
    let id = format!("m-{}", Uuid::new_v4().simple());
    let root = super::reading::experiment(&place).artifact_location;
    let location = below(&root, &format!("{MODELS}/{id}/{ARTIFACTS}"));
    make(&place.path.join(MODELS))?;
    let folder = place.path.join(MODELS).join(&id);
    make_new(&folder)?;
    let now = now_ms();
    let meta = Mapping::from_iter([
        ("artifact_location".to_owned(), json!(location)),
        ("creation_timestamp".to_owned(), json!(now)),
        ("experiment_id".to_owned(), json!(new.experiment_id.as_str())),
        ("last_updated_timestamp".to_owned(), json!(now)),
        ("lifecycle_stage".to_owned(), json!("active")),
        ("model_id".to_owned(), json!(id)),
        ("model_type".to_owned(), kind_of(&new.model_type)),
        ("name".to_owned(), json!(new.name)),
        ("source_run_id".to_owned(), json!(new.source_run_id.as_str())),
        ("status".to_owned(), json!(1)),
        ("status_message".to_owned(), Value::Null),
    ]);
    [METRICS, PARAMS].iter().try_for_each(|part| make(&folder.join(part)))?;
    for param in &new.params {
        put(&folder, &folder.join(PARAMS).join(&param.key), param.value.as_bytes())?;
    }
    for tag in &new.tags {
        put(&folder, &folder.join(TAGS).join(&tag.key), tag.value.as_bytes())?;
    }
    write_meta(&folder, &meta)?;
    get(layout, &ModelId(id))
}

pub fn log_output(layout: &Layout, run: &RunId, model: &ModelId, step: i64) -> Inner<Place> {
    find(layout, model)?;
    let (place, run_folder) = &layout.run(run)?;
    put_output(run_folder, model, step)?;
    Ok(place.clone())
}

/// Names a model among the outputs of a run, whose folder it is.
pub fn put_output(run_folder: &Path, model: &ModelId, step: i64) -> Inner<()> {
    let folder = inside(&run_folder.join(OUTPUTS), model.as_str())?;
    if !folder.join(META).is_file() {
        make_in(run_folder, &folder)?;
        let meta = Mapping::from_iter([
            ("destination_id".to_owned(), json!(model.as_str())),
            ("destination_type".to_owned(), json!("MODEL_OUTPUT")),
            ("source_id".to_owned(), json!(model.as_str())),
            ("source_type".to_owned(), json!("RUN_OUTPUT")),
            ("step".to_owned(), json!(step)),
            ("tags".to_owned(), json!({})),
        ]);
        write_meta(&folder, &meta)?;
    }
    Ok(())
}

/// A point of a model as a line.
pub fn line_of(metric: &ModelMetric) -> String {
    let own = lines::line(&metric.point.of(&metric.key));
    let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    match &metric.dataset {
        Some((name, digest)) if is_word(name) && is_word(digest) => {
            format!("{} {} {name} {digest}\n", own.trim_end(), metric.run_id)
        }
        _ => format!("{} {}\n", own.trim_end(), metric.run_id),
    }
}

/// The name of a data set cannot stand in a line where it has a space in it: MLflow could not read the line.
fn named(dataset: &Dataset) -> Option<String> {
    let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    (is_word(&dataset.name) && is_word(&dataset.digest))
        .then(|| format!("{} {}", dataset.name, dataset.digest))
}

pub fn log_metrics(
    layout: &Layout,
    run: &RunId,
    model: &ModelId,
    metrics: &[Metric],
    dataset: Option<&Dataset>,
) -> Inner<Place> {
    let (_, folder) = find(layout, model)?;
    let place = runs::log_batch(layout, run, metrics, &[], &[])?;
    for metric in metrics {
        let own = lines::line(metric);
        let own = match dataset.and_then(named) {
            Some(dataset) => format!("{} {run} {dataset}\n", own.trim_end()),
            None => format!("{} {run}\n", own.trim_end()),
        };
        let path = folder.join(METRICS).join(&metric.key);
        append(&folder, &path, runs::MOST_KNOWN, |known| {
            let is_there = known.split_inclusive(|byte| *byte == b'\n').any(|line| line == own.as_bytes());
            if is_there { String::new() } else { own }
        })?;
    }
    Ok(place)
}

pub fn write_file(layout: &Layout, model: &LoggedModel, path: &str, content: &[u8]) -> Inner<Kept<()>> {
    let tree = artifacts::of_model(layout, &model.model_id)?;
    tree.try_map(|tree| write_below(&tree.written?, path, content))
}

pub fn finish(layout: &Layout, id: &ModelId, is_whole: bool) -> Inner<()> {
    let (_, folder) = find(layout, id)?;
    change_meta(&folder, |meta| {
        set(meta, "status", if is_whole { 2 } else { 3 });
        set(meta, "last_updated_timestamp", now_ms());
    })
}

/// Adds a version to the list that MLflow keeps in a tag of the logged model.
pub fn name_version(layout: &Layout, model: &LoggedModel, name: &str, version: u64) -> Inner<()> {
    let known = model.tags.iter().find(|tag| tag.key == tags::MODEL_VERSIONS);
    let mut versions: Vec<Value> =
        known.and_then(|tag| serde_json::from_str(&tag.value).ok()).unwrap_or_default();
    versions.push(json!({ "name": name, "version": version }));
    set_versions(layout, &model.model_id, versions)
}

fn set_versions(layout: &Layout, id: &ModelId, versions: Vec<Value>) -> Inner<()> {
    let (_, folder) = find(layout, id)?;
    let path = folder.join(TAGS).join(tags::MODEL_VERSIONS);
    if versions.is_empty() {
        return remove(&path).map(drop);
    }
    put(&folder, &path, Value::Array(versions).to_string().as_bytes())
}

/// Takes a version that is no more out of that list.
pub fn forget_version(layout: &Layout, version: &ModelVersion) -> Inner<()> {
    let Some(id) = &version.model_id else { return Ok(()) };
    let Ok(model) = get(layout, id) else { return Ok(()) };
    let Some(tag) = model.tags.iter().find(|tag| tag.key == tags::MODEL_VERSIONS) else { return Ok(()) };
    let Ok(mut versions) = serde_json::from_str::<Vec<Value>>(&tag.value) else { return Ok(()) };
    let as_text = version.version.to_string();
    versions.retain(|known| {
        known["name"] != *version.name
            || (known["version"] != version.version && known["version"] != *as_text)
    });
    set_versions(layout, id, versions)
}
