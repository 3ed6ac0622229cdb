//! Experiments and runs, read from their files. Nothing here fails: what cannot be read is left out, and the thing has a tag
//! that tells of it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::files::{Entry, Listed, content_of, keys};
use super::layout::{DATASETS, INPUTS, META, METRICS, OUTPUTS, PARAMS, Place, TAGS};
use super::yaml::{int, text};
use super::{lines, meta};
use crate::mlflow::limits::{self, TAG_VALUE_CHARS};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, LifecycleStage, Metric, ModelId, ModelOutput, Param, Run, RunId, Tag,
    tags,
};

/// The tag of what could not be read whole: what is wrong with its files. It is in no store.
pub const DAMAGED: &str = "mltui.damaged";
/// Bytes of a value that are read; MLflow's limits are in characters.
const WHOLE: usize = TAG_VALUE_CHARS * 4;
/// Of files of points that are longer than this it is remembered how far they were read.
const SHORT: u64 = 16 << 10;
/// Bytes that are told of what is wrong.
const TOLD: usize = 2_000;
const MOST_META: u64 = 4 << 20;

const OTHER_ID: &str = "says another experiment_id than the folder";

/// Whether an experiment is a copy that lies beside the one that it was made of: MLflow knows nothing of it.
pub fn is_copy(experiment: &Experiment) -> bool {
    experiment.tags.iter().any(|tag| tag.key == DAMAGED && tag.value.contains(OTHER_ID))
}

/// What is wrong with files, as a tag.
fn told(problems: &[String]) -> Option<Tag> {
    if problems.is_empty() {
        return None;
    }
    Some(Tag::new(DAMAGED, limits::cut(&problems.join("; "), TOLD)))
}

/// Sets a tag among others that are in key order.
fn put(tags: &mut Vec<Tag>, tag: Tag) {
    match tags.binary_search_by(|known| known.key.cmp(&tag.key)) {
        Ok(at) => tags[at] = tag,
        Err(at) => tags.insert(at, tag),
    }
}

/// The values of the files of a folder.
fn values(folder: &Path, name: &str, entries: &[Entry], problems: &mut Vec<String>) -> Vec<(String, String)> {
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        let most = (WHOLE + limits::CUT.len()) as u64;
        match content_of(&folder.join(&entry.key), entry.stamp.length, most) {
            Ok((bytes, _)) => {
                let value = match String::from_utf8(bytes) {
                    Ok(value) => value,
                    Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
                };
                let value = if entry.stamp.length > most {
                    // The end is missing, and what is left says so.
                    limits::cut(&format!("{value}{}", limits::CUT), WHOLE).into_owned()
                } else {
                    value
                };
                found.push((entry.key.clone(), value));
            }
            // It was taken away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => problems.push(format!("{name}/{}: {error}", entry.key)),
        }
    }
    found
}

/// The tags of a thing with a folder of its own.
pub fn tags_of(folder: &Path, problems: &mut Vec<String>) -> Vec<Tag> {
    let mut entries = Vec::new();
    let folder = folder.join(TAGS);
    keys(&folder, TAGS, &mut entries, problems);
    let found = values(&folder, TAGS, &entries, problems).into_iter();
    found.map(|(key, value)| Tag { key, value }).collect()
}

/// The params of a thing with a folder of its own.
pub fn params_of(folder: &Path, problems: &mut Vec<String>) -> Vec<Param> {
    let mut entries = Vec::new();
    let folder = folder.join(PARAMS);
    keys(&folder, PARAMS, &mut entries, problems);
    let found = values(&folder, PARAMS, &entries, problems).into_iter();
    found.map(|(key, value)| Param { key, value }).collect()
}

pub fn experiment(place: &Place) -> Experiment {
    let mut problems = Vec::new();
    let mut tags = tags_of(&place.path, &mut problems);
    let deleted = if place.is_deleted { LifecycleStage::Deleted } else { LifecycleStage::Active };
    let mut found = Experiment {
        experiment_id: place.id.clone(),
        name: place.id.to_string(),
        artifact_location: super::layout::address_of(&place.path),
        lifecycle_stage: deleted,
        creation_time: None,
        last_update_time: None,
        tags: Vec::new(),
    };
    match meta::load(&place.path) {
        Ok(meta) => {
            if text(&meta, "experiment_id").as_deref() != Some(place.id.as_str()) {
                problems.push(format!("{META} {OTHER_ID}"));
            }
            if meta::stage(&meta) == LifecycleStage::Deleted {
                found.lifecycle_stage = LifecycleStage::Deleted;
            }
            match text(&meta, "name") {
                Some(name) if !name.is_empty() => found.name = name,
                _ => problems.push(format!("{META} says no name")),
            }
            if let Some(location) = text(&meta, "artifact_location") {
                found.artifact_location = location;
            }
            found.creation_time = int(&meta, "creation_time");
            found.last_update_time = int(&meta, "last_update_time");
        }
        Err(why) => problems.push(why),
    }
    if let Some(tag) = told(&problems) {
        put(&mut tags, tag);
    }
    found.tags = tags;
    found
}

/// The data sets of an experiment, each read once.
#[derive(Debug)]
pub struct Datasets {
    folder: PathBuf,
    known: Mutex<HashMap<String, Result<Dataset, String>>>,
}

impl Datasets {
    pub fn of(experiment: &Path) -> Self {
        Self { folder: experiment.join(DATASETS), known: Mutex::default() }
    }

    fn get(&self, id: &str) -> Result<Dataset, String> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return known.clone();
        }
        let read = if super::layout::is_name(id) {
            meta::load(&self.folder.join(id)).map_err(|why| format!("{DATASETS}/{id}: {why}"))
        } else {
            Err(format!("{id:?} is no data set"))
        };
        let read = read.map(|meta| {
            let word = |key| text(&meta, key).unwrap_or_default();
            Dataset {
                name: word("name"),
                digest: word("digest"),
                source_type: word("source_type"),
                source: word("source"),
                schema: text(&meta, "schema"),
                profile: text(&meta, "profile"),
            }
        });
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), read.clone());
        read
    }
}

fn inputs(run: &Path, names: &[Entry], datasets: &Datasets, problems: &mut Vec<String>) -> Vec<DatasetInput> {
    let mut found = Vec::new();
    for Entry { key: name, .. } in names {
        let input = meta::load(&run.join(INPUTS).join(name)).and_then(|meta| {
            if text(&meta, "source_type").is_some_and(|kind| kind != "DATASET") {
                return Ok(None);
            }
            let dataset = datasets.get(&text(&meta, "source_id").unwrap_or_default())?;
            let tags = meta.get("tags").and_then(serde_json::Value::as_object);
            let tags = tags.into_iter().flatten();
            let tags = tags.filter_map(|(key, _)| Some(Tag::new(key, text(meta["tags"].as_object()?, key)?)));
            Ok(Some(DatasetInput { dataset, tags: tags.collect() }))
        });
        match input {
            Ok(input) => found.extend(input),
            Err(why) => problems.push(format!("{INPUTS}/{name}: {why}")),
        }
    }
    let key = |input: &DatasetInput| (input.dataset.name.clone(), input.dataset.digest.clone());
    found.sort_by_cached_key(key);
    found
}

fn outputs(run: &Path, names: &[Entry], problems: &mut Vec<String>) -> Vec<ModelOutput> {
    let mut found = Vec::new();
    for Entry { key: name, .. } in names {
        match meta::load(&run.join(OUTPUTS).join(name)) {
            Ok(meta) => {
                let model_id = text(&meta, "destination_id").unwrap_or_else(|| name.clone());
                found
                    .push(ModelOutput { model_id: ModelId(model_id), step: int(&meta, "step").unwrap_or(0) });
            }
            Err(why) => problems.push(format!("{OUTPUTS}/{name}: {why}")),
        }
    }
    found
}

/// What was read of the long files of a run, by key.
pub type KnownFiles = HashMap<String, lines::Known>;

/// The latest values of the metrics of a run. What was read of long files is put in the place of what was read before.
fn metrics(run: &Path, entries: &[Entry], known: &mut KnownFiles, problems: &mut Vec<String>) -> Vec<Metric> {
    let before = std::mem::take(known);
    let folder = run.join(METRICS);
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        let (key, length) = (&entry.key, entry.stamp.length);
        let path = folder.join(key);
        let read = if length <= SHORT {
            content_of(&path, length, SHORT).map(|(content, _)| lines::latest(&content))
        } else {
            lines::Known::of(&path, entry.stamp, before.get(key)).map(|file| {
                let read = file.read.clone();
                known.insert(key.clone(), file);
                read
            })
        };
        match read {
            Ok(read) => {
                if read.bad > 0 {
                    problems.push(format!("{METRICS}/{key}: {} of its lines are no values", read.bad));
                } else if read.latest.is_none() {
                    problems.push(format!("{METRICS}/{key}: it is empty"));
                }
                found.extend(read.latest.map(|point| Metric {
                    key: key.clone(),
                    value: point.value,
                    timestamp: point.timestamp,
                    step: point.step,
                }));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => problems.push(format!("{METRICS}/{key}: {error}")),
        }
    }
    found
}

/// A run as it was read.
#[derive(Debug)]
pub struct Reading {
    pub run: Run,
    /// Its `meta.yaml` says what it should.
    pub is_understood: bool,
    /// Something of it could not be read.
    pub is_damaged: bool,
}

/// Adds to what is told of a run that it cannot be read now.
pub fn tell(run: &mut Run, problems: &[String]) {
    if let Some(tag) = told(problems) {
        put(&mut run.tags, tag);
    }
}

/// A run of an experiment; `known` is what was read of its long files before, and now.
pub fn run(
    (experiment, id): (&Place, &RunId),
    folder: &Path,
    listed: &Listed,
    datasets: &Datasets,
    known: &mut KnownFiles,
) -> Reading {
    let mut problems = listed.problems.clone();
    let length = listed.meta.map_or(0, |meta| meta.length);
    let read = match content_of(&folder.join(META), length, MOST_META) {
        Ok((content, _)) => meta::parse(&content).and_then(meta::whole_run),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!("there is no {META}")),
        Err(error) => Err(format!("{META} cannot be read: {error}")),
    };
    // Somebody may be writing it.
    let read = match read {
        Err(_) if listed.meta.is_some() => meta::load_run(folder),
        read => read,
    };
    let is_understood = read.is_ok();
    // What a part of it says is more than nothing.
    let part = if is_understood { None } else { meta::load(folder).ok() };
    if let (Some(_), Err(why)) = (&part, &read) {
        problems.push(why.clone());
    }
    let read = part.map_or(read, Ok);
    let mut info = meta::run_info(&experiment.id, id, read.as_ref(), &mut problems);
    let metrics = metrics(folder, &listed.metrics, known, &mut problems);
    let params = values(&folder.join(PARAMS), PARAMS, &listed.params, &mut problems).into_iter();
    let params = params.map(|(key, value)| Param { key, value }).collect();
    let all = values(&folder.join(TAGS), TAGS, &listed.tags, &mut problems).into_iter();
    let all: Vec<Tag> = all.map(|(key, value)| Tag { key, value }).collect();
    let inputs = inputs(folder, &listed.inputs, datasets, &mut problems);
    let model_outputs = outputs(folder, &listed.outputs, &mut problems);
    if info.run_name.is_empty() {
        let tag = all.iter().find(|tag| tag.key == tags::RUN_NAME);
        info.run_name = tag.map(|tag| tag.value.clone()).unwrap_or_default();
    }
    let mut run = Run { info, metrics, params, tags: all, inputs, model_outputs };
    tell(&mut run, &problems);
    Reading { run, is_understood, is_damaged: !problems.is_empty() }
}
