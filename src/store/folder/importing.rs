//! What comes from another store, with its ids and times: each thing is filled beside its place, and takes it when it is whole.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::layout::{ARTIFACTS, DEFAULT, Layout, METRICS, MODELS, PARAMS, Place, TAGS, address_of, is_name};
use super::lines;
use super::writing::{change_meta, make, make_in, put_folder, refused, remove, set, write_meta};
use super::yaml::Mapping;
use super::{Folder, experiments, importing_versions, meta, models, runs};
use crate::mlflow::{
    Experiment, ExperimentId, LifecycleStage, LoggedModel, ModelVersion, Param, RegisteredModel, Run, RunId,
    RunInfo, Tag,
};
use crate::store::local::files::open;
use crate::store::local::inside;
use crate::store::{ErrorKind, HistoryCursor, HistoryPage, ImportedRun, Imports, Inner, now_ms};

/// Before the names of folders that are being filled: nobody takes such a one for anything.
const COMING: &str = ".mltui-import-";
/// Bytes of a file of points that are read at once.
const PAGE: u64 = 2 << 20;

/// An empty folder beside a place, for what comes there.
fn begun(around: &Path, name: &str) -> Inner<PathBuf> {
    let folder = around.join(format!("{COMING}{name}"));
    // What is in it broke off.
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(&folder)(error)),
        _ => {}
    }
    make(&folder)?;
    Ok(folder)
}

/// Writes a file of a thing that nobody looks at yet.
fn fill(home: &Path, part: &str, key: &str, content: &[u8]) -> Inner<()> {
    let path = inside(&home.join(part), key)?;
    if let Some(folder) = path.parent() {
        make_in(home, folder)?;
    }
    fs::write(&path, content).map_err(refused(&path))
}

fn fill_pairs(home: &Path, params: &[Param], tags: &[Tag]) -> Inner<()> {
    params.iter().try_for_each(|param| fill(home, PARAMS, &param.key, param.value.as_bytes()))?;
    tags.iter().try_for_each(|tag| fill(home, TAGS, &tag.key, tag.value.as_bytes()))
}

pub fn experiment(layout: &Layout, from: &Experiment) -> Inner<ExperimentId> {
    experiments::refuse_taken(layout, &from.name, None)?;
    let staged = begun(&layout.root, &Uuid::new_v4().simple().to_string())?;
    let placed = place_experiment(layout, from, &staged);
    if placed.is_err() {
        let _ = fs::remove_dir_all(&staged);
    }
    placed
}

/// Fills a folder for an experiment and puts it where its id is free, or where another one is.
fn place_experiment(layout: &Layout, from: &Experiment, staged: &Path) -> Inner<ExperimentId> {
    fill_pairs(staged, &[], &from.tags)?;
    let own = from.experiment_id.as_str();
    // MLflow does not let its first experiment be deleted.
    let is_fit = is_name(own)
        && own.bytes().all(|byte| byte.is_ascii_digit())
        && !(own == DEFAULT && from.lifecycle_stage == LifecycleStage::Deleted);
    let mut next = is_fit.then(|| own.to_owned());
    loop {
        let id = next.take().unwrap_or_else(experiments::random_id);
        let path = layout.root.join(&id);
        if path.exists() || layout.trash().join(&id).exists() {
            continue;
        }
        let created = from.creation_time.unwrap_or_else(now_ms);
        let mut meta = experiments::additions(layout);
        for (key, value) in [
            ("artifact_location", json!(address_of(&path))),
            ("creation_time", json!(created)),
            ("experiment_id", json!(id)),
            ("last_update_time", json!(from.last_update_time.unwrap_or(created))),
            ("lifecycle_stage", json!("active")),
            ("name", json!(from.name)),
        ] {
            meta.insert(key.to_owned(), value);
        }
        write_meta(staged, &meta)?;
        if put_folder(staged, &path)? {
            return Ok(ExperimentId(id));
        }
    }
}

pub fn finish_experiment(layout: &Layout, id: &ExperimentId, as_it_was: &Experiment) -> Inner<()> {
    if as_it_was.lifecycle_stage == LifecycleStage::Deleted {
        match experiments::delete(layout, id) {
            // It is deleted already.
            Err(ErrorKind::NotFound(_)) => {}
            done => done?,
        }
    }
    let place = layout.experiment(id)?;
    match as_it_was.last_update_time {
        Some(time) => change_meta(&place.path, |meta| set(meta, "last_update_time", time)),
        None => Ok(()),
    }
}

pub fn run(layout: &Layout, one: &ImportedRun) -> Inner<Place> {
    let (info, run) = (&one.run.info, &one.run);
    let place = experiments::active(layout, &info.experiment_id)?;
    let id = info.run_id.as_str();
    match layout.run(&info.run_id) {
        Err(ErrorKind::NotFound(_)) if is_name(id) => {}
        Err(ErrorKind::NotFound(_)) => {
            return Err(ErrorKind::Invalid(format!("{id:?} cannot be the id of a run in a file store")));
        }
        Err(error) => return Err(error),
        Ok(_) => return Err(ErrorKind::AlreadyExists(format!("there is a run {id} already"))),
    }
    let staged = begun(&place.path, id)?;
    let filled = fill_run(&place, run, one, &staged);
    let placed = filled.and_then(|()| put_folder(&staged, &place.path.join(id)));
    if !matches!(placed, Ok(true)) {
        let _ = fs::remove_dir_all(&staged);
    }
    if placed? {
        return Ok(place);
    }
    Err(ErrorKind::AlreadyExists(format!("there is a folder {id} already")))
}

fn fill_run(place: &Place, run: &Run, one: &ImportedRun, staged: &Path) -> Inner<()> {
    [METRICS, PARAMS, ARTIFACTS].iter().try_for_each(|part| make(&staged.join(part)))?;
    fill_pairs(staged, &run.params, &run.tags)?;
    let mut by_key: BTreeMap<&str, String> = BTreeMap::new();
    for metric in &one.points {
        by_key.entry(&metric.key).or_default().push_str(&lines::line(metric));
    }
    by_key.into_iter().try_for_each(|(key, lines)| fill(staged, METRICS, key, lines.as_bytes()))?;
    runs::put_inputs(place, staged, &run.info.run_id, &run.inputs)?;
    for output in &run.model_outputs {
        models::put_output(staged, &output.model_id, output.step)?;
    }
    let root = super::reading::experiment(place).artifact_location;
    write_meta(staged, &run_meta(&run.info, root.trim_end_matches('/')))
}

fn run_meta(info: &RunInfo, root: &str) -> Mapping {
    let id = info.run_id.as_str();
    let is_deleted = info.lifecycle_stage == LifecycleStage::Deleted;
    Mapping::from_iter([
        ("artifact_uri".to_owned(), json!(format!("{root}/{id}/{ARTIFACTS}"))),
        ("deleted_time".to_owned(), json!(is_deleted.then(now_ms))),
        ("end_time".to_owned(), json!(info.end_time)),
        ("entry_point_name".to_owned(), json!("")),
        ("experiment_id".to_owned(), json!(info.experiment_id.as_str())),
        ("lifecycle_stage".to_owned(), json!(info.lifecycle_stage.as_str())),
        ("run_id".to_owned(), json!(id)),
        ("run_name".to_owned(), json!(info.run_name)),
        ("run_uuid".to_owned(), json!(id)),
        ("source_name".to_owned(), json!("")),
        ("source_type".to_owned(), json!(4)),
        ("source_version".to_owned(), json!("")),
        // MLflow cannot do without.
        ("start_time".to_owned(), json!(info.start_time.unwrap_or(0))),
        ("status".to_owned(), json!(meta::status_number(info.status))),
        ("tags".to_owned(), json!([])),
        ("user_id".to_owned(), json!(info.user_id)),
    ])
}

/// The mark goes last: wherever that breaks off, the run is not taken for a whole one.
pub fn finish_run(layout: &Layout, as_it_was: &RunInfo, mark: &str) -> Inner<Place> {
    let (place, folder) = layout.run(&as_it_was.run_id)?;
    runs::change(&folder, |meta| {
        set(meta, "status", meta::status_number(as_it_was.status));
        set(meta, "end_time", as_it_was.end_time.map_or(Value::Null, Value::from));
        set(meta, "lifecycle_stage", as_it_was.lifecycle_stage.as_str());
        match as_it_was.lifecycle_stage {
            LifecycleStage::Deleted => set(meta, "deleted_time", now_ms()),
            LifecycleStage::Active => drop(meta.remove("deleted_time")),
        }
    })?;
    remove(&inside(&folder.join(TAGS), mark)?)?;
    Ok(place)
}

/// Lines that are there would be put there once more, and the last of them may be half a one.
pub fn forget_history(layout: &Layout, id: &RunId, key: &str) -> Inner<Place> {
    let (place, folder) = layout.run(id)?;
    remove(&inside(&folder.join(METRICS), key)?)?;
    Ok(place)
}

pub fn logged_model(layout: &Layout, model: &LoggedModel) -> Inner<()> {
    let place = experiments::active(layout, &model.experiment_id)?;
    let id = model.model_id.as_str();
    if !is_name(id) {
        return Err(ErrorKind::Invalid(format!("{id:?} cannot be the id of a model in a file store")));
    }
    if models::find(layout, &model.model_id).is_ok() {
        return Err(ErrorKind::AlreadyExists(format!("there is a model {id} already")));
    }
    let around = place.path.join(MODELS);
    make(&around)?;
    let staged = begun(&around, id)?;
    let placed = fill_model(&place, model, &staged).and_then(|()| put_folder(&staged, &around.join(id)));
    if !matches!(placed, Ok(true)) {
        let _ = fs::remove_dir_all(&staged);
    }
    if placed? {
        return Ok(());
    }
    Err(ErrorKind::AlreadyExists(format!("there is a folder {id} already")))
}

fn fill_model(place: &Place, model: &LoggedModel, staged: &Path) -> Inner<()> {
    [METRICS, PARAMS].iter().try_for_each(|part| make(&staged.join(part)))?;
    fill_pairs(staged, &model.params, &model.tags)?;
    let mut by_key: BTreeMap<&str, String> = BTreeMap::new();
    for metric in &model.metrics {
        by_key.entry(&metric.key).or_default().push_str(&models::line_of(metric));
    }
    by_key.into_iter().try_for_each(|(key, lines)| fill(staged, METRICS, key, lines.as_bytes()))?;
    let root = super::reading::experiment(place).artifact_location;
    let id = model.model_id.as_str();
    let created = model.creation_time.unwrap_or_else(now_ms);
    let meta = Mapping::from_iter([
        (
            "artifact_location".to_owned(),
            json!(format!("{}/{MODELS}/{id}/{ARTIFACTS}", root.trim_end_matches('/'))),
        ),
        ("creation_timestamp".to_owned(), json!(created)),
        ("experiment_id".to_owned(), json!(model.experiment_id.as_str())),
        ("last_updated_timestamp".to_owned(), json!(created)),
        ("lifecycle_stage".to_owned(), json!("active")),
        ("model_id".to_owned(), json!(id)),
        ("model_type".to_owned(), models::kind_of(&model.model_type)),
        ("name".to_owned(), json!(model.name)),
        ("source_run_id".to_owned(), json!(model.source_run_id.as_ref().map(RunId::as_str))),
        ("status".to_owned(), json!(1)),
        ("status_message".to_owned(), Value::Null),
    ]);
    write_meta(staged, &meta)
}

/// Some of the lines of a history, from a byte on.
pub fn history_page(layout: &Layout, id: &RunId, key: &str, from: u64) -> Inner<HistoryPage> {
    let (_, folder) = layout.run(id)?;
    let path = inside(&folder.join(METRICS), key)?;
    let none = HistoryPage { points: Vec::new(), next: None };
    // A folder of other metrics is none itself.
    if !path.is_file() {
        return Ok(none);
    }
    let mut file = match open(&path) {
        Err(ErrorKind::NotFound(_)) => return Ok(none),
        file => file?,
    };
    let (content, next) = stretch(&mut file, from)
        .map_err(|error: io::Error| ErrorKind::Io(format!("{}: {error}", path.display())))?;
    Ok(HistoryPage { points: lines::points(&content), next: next.map(HistoryCursor::new) })
}

/// Whole lines from a byte on, and where the next begin.
fn stretch(file: &mut File, from: u64) -> io::Result<(Vec<u8>, Option<u64>)> {
    file.seek(SeekFrom::Start(from))?;
    let mut content = Vec::new();
    file.take(PAGE).read_to_end(&mut content)?;
    if (content.len() as u64) < PAGE {
        return Ok((content, None));
    }
    // A line of that many bytes is none.
    let end = content.iter().rposition(|byte| *byte == b'\n').map_or(content.len(), |at| at + 1);
    content.truncate(end);
    let next = from + end as u64;
    Ok((content, Some(next)))
}

#[async_trait]
impl Imports for Folder {
    async fn import_experiment(&self, from: &Experiment) -> Inner<ExperimentId> {
        let from = from.clone();
        self.at(move |layout| experiment(layout, &from)).await
    }

    async fn finish_experiment(&self, id: &ExperimentId, as_it_was: &Experiment) -> Inner<()> {
        let (id, as_it_was) = (id.clone(), as_it_was.clone());
        self.at(move |layout| finish_experiment(layout, &id, &as_it_was)).await
    }

    async fn import_runs(&self, runs: &[ImportedRun]) -> Inner<()> {
        let runs = runs.to_vec();
        self.ask(move |shared| {
            for one in &runs {
                let place = run(&shared.layout, one)?;
                shared.wrote(&place, &one.run.info.run_id);
            }
            Ok(())
        })
        .await
    }

    async fn forget_history(&self, run: &RunId, key: &str) -> Inner<()> {
        let key = key.to_owned();
        self.write_run(run, move |layout, id| forget_history(layout, id, &key)).await
    }

    async fn finish_run(&self, as_it_was: &RunInfo, mark: &str) -> Inner<()> {
        let (own, mark) = (as_it_was.clone(), mark.to_owned());
        self.write_run(&as_it_was.run_id, move |layout, _| finish_run(layout, &own, &mark)).await
    }

    async fn imports_logged_models(&self) -> Inner<bool> {
        Ok(true)
    }

    async fn import_logged_model(&self, model: &LoggedModel) -> Inner<()> {
        let model = model.clone();
        self.at(move |layout| logged_model(layout, &model)).await
    }

    async fn import_model_version(&self, version: &ModelVersion) -> Inner<()> {
        let version = version.clone();
        self.at(move |layout| importing_versions::add(layout, &version)).await
    }

    async fn finish_registered_model(&self, as_it_was: &RegisteredModel) -> Inner<()> {
        let as_it_was = as_it_was.clone();
        self.at(move |layout| importing_versions::date_model(layout, &as_it_was)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_in_whole_ones_however_many_there_are() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("m");
        let line = "1700000000000 0.1234567890123 1\n";
        let count = 3 * PAGE as usize / line.len();
        fs::write(&path, line.repeat(count) + "half").unwrap();
        let mut file = File::open(&path).unwrap();
        let (mut from, mut lines, mut pages) = (Some(0), 0, 0);
        while let Some(at) = from {
            let (content, next) = stretch(&mut file, at).unwrap();
            assert!(next.is_none() || content.ends_with(b"\n"));
            lines += content
                .split(|byte| *byte == b'\n')
                .filter(|known| known == &line.trim_end().as_bytes())
                .count();
            pages += 1;
            from = next;
        }
        assert_eq!((lines, pages), (count, 4));
    }
}
