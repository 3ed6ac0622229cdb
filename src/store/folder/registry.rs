//! Registered models, in the folder `models` of the root.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::files::{content, keys};
use super::layout::{Layout, META, TAGS, folders, is_name};
use super::reading::tags_of;
use super::writing::{
    change_meta, check_writable, draft, known_meta, make, make_new, put, put_folder, refused, remove, set,
    write_meta,
};
use super::yaml::{Mapping, int, text};
use super::{dump, meta, models};
use crate::mlflow::{ModelStage, ModelVersion, RegisteredModel, RunId, Tag};
use crate::store::local::inside;
use crate::store::{ErrorKind, Inner, now_ms};

const ALIASES: &str = "aliases";
const VERSION: &str = "version-";
/// The stage of versions that are no more; their numbers are not given out again.
const DELETED: &str = "Deleted_Internal";
/// Before the names of folders that are going, or coming.
pub const GOING: &str = ".mltui-";
const MOST_ALIAS: u64 = 1_000;

fn no_model(name: &str) -> ErrorKind {
    ErrorKind::NotFound(format!("no registered model {name:?}"))
}

fn no_version(name: &str, version: u64) -> ErrorKind {
    ErrorKind::NotFound(format!("model {name:?} has no version {version}"))
}

/// The folder of a model that there is.
pub fn folder(layout: &Layout, name: &str) -> Inner<PathBuf> {
    let path = layout.registry().join(name);
    if is_name(name) && path.is_dir() {
        return Ok(path);
    }
    layout.check()?;
    Err(no_model(name))
}

fn names(layout: &Layout) -> Inner<Vec<String>> {
    layout.check()?;
    let folder = layout.registry();
    let mut names = match folders(&folder) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ErrorKind::Io(format!("{}: {error}", folder.display()))),
    };
    names.sort();
    Ok(names)
}

/// Aliases and the versions that they point to, by alias.
fn aliases(model: &Path) -> Vec<(String, u64)> {
    let (mut entries, folder) = (Vec::new(), model.join(ALIASES));
    keys(&folder, ALIASES, &mut entries, &mut Vec::new());
    let version = |alias: &str| {
        let (content, _) = content(&folder.join(alias), MOST_ALIAS).ok()?;
        std::str::from_utf8(&content).ok()?.trim().parse().ok()
    };
    entries
        .into_iter()
        .filter_map(|entry| Some((version(&entry.key)?, entry.key)))
        .map(|(v, key)| (key, v))
        .collect()
}

/// The numbers of all versions that ever were.
fn numbers(model: &Path) -> Vec<u64> {
    let names = folders(model).unwrap_or_default();
    let numbers = names.iter().filter_map(|name| name.strip_prefix(VERSION)?.parse().ok());
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers
}

pub fn version_folder(model: &Path, version: u64) -> PathBuf {
    model.join(format!("{VERSION}{version}"))
}

/// A version as its files have it; nothing where it is deleted.
fn read_version(model: &Path, name: &str, version: u64, aliases: &[(String, u64)]) -> Option<ModelVersion> {
    let folder = version_folder(model, version);
    let mut problems = Vec::new();
    let mut tags = tags_of(&folder, &mut problems);
    let meta = meta::load(&folder).unwrap_or_else(|why| {
        problems.push(why);
        Mapping::new()
    });
    let word = |key| text(&meta, key).unwrap_or_default();
    let current_stage = text(&meta, "current_stage").unwrap_or_else(|| "None".into());
    if current_stage == DELETED {
        return None;
    }
    if !problems.is_empty() {
        tags.push(Tag::new(super::reading::DAMAGED, problems.join("; ")));
        tags.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let source = word("source");
    Some(ModelVersion {
        name: name.to_owned(),
        version,
        run_id: text(&meta, "run_id").filter(|id| !id.is_empty()).map(RunId),
        status: text(&meta, "status").unwrap_or_else(|| "READY".into()),
        status_message: word("status_message"),
        current_stage,
        description: word("description"),
        tags,
        aliases: aliases.iter().filter(|(_, at)| *at == version).map(|(alias, _)| alias.clone()).collect(),
        user_id: word("user_id"),
        creation_time: int(&meta, "creation_timestamp"),
        last_updated_time: int(&meta, "last_updated_timestamp"),
        model_id: ModelVersion::model_of_source(&source),
        source,
    })
}

fn versions_in(model: &Path, name: &str) -> Vec<ModelVersion> {
    let aliases = aliases(model);
    numbers(model).into_iter().filter_map(|version| read_version(model, name, version, &aliases)).collect()
}

fn read(model: &Path, name: &str) -> RegisteredModel {
    let mut problems = Vec::new();
    let mut tags = tags_of(model, &mut problems);
    let meta = meta::load(model).unwrap_or_else(|why| {
        problems.push(why);
        Mapping::new()
    });
    if !problems.is_empty() {
        tags.push(Tag::new(super::reading::DAMAGED, problems.join("; ")));
        tags.sort_by(|a, b| a.key.cmp(&b.key));
    }
    let versions = versions_in(model, name);
    let mut latest: BTreeMap<&str, u64> = BTreeMap::new();
    for version in &versions {
        let newest = latest.entry(&version.current_stage).or_default();
        *newest = version.version.max(*newest);
    }
    RegisteredModel {
        name: name.to_owned(),
        description: text(&meta, "description").unwrap_or_default(),
        tags,
        aliases: aliases(model),
        creation_time: int(&meta, "creation_timestamp"),
        last_updated_time: int(&meta, "last_updated_timestamp"),
        latest: latest.into_iter().map(|(stage, version)| (stage.to_owned(), version)).collect(),
        version_count: Some(versions.len() as u64),
    }
}

pub fn models(layout: &Layout) -> Inner<Vec<RegisteredModel>> {
    let names = names(layout)?;
    Ok(names.iter().map(|name| read(&layout.registry().join(name), name)).collect())
}

pub fn model(layout: &Layout, name: &str) -> Inner<RegisteredModel> {
    Ok(read(&folder(layout, name)?, name))
}

/// Notes that a model was changed just now.
fn touch(model: &Path) -> Inner<()> {
    change_meta(model, |meta| set(meta, "last_updated_timestamp", now_ms()))
}

pub fn create(layout: &Layout, name: &str) -> Inner<()> {
    if name.contains('%') || !is_name(name) {
        return Err(ErrorKind::Invalid(format!(
            "a file store takes no model name like {name:?}: MLflow allows no % in it, nor a dot before it"
        )));
    }
    layout.check()?;
    make(&layout.registry())?;
    clear(layout);
    let model = layout.registry().join(name);
    let now = now_ms();
    let meta = Mapping::from_iter([
        ("aliases".to_owned(), json!({})),
        ("creation_timestamp".to_owned(), json!(now)),
        ("description".to_owned(), Value::Null),
        ("last_updated_timestamp".to_owned(), json!(now)),
        ("name".to_owned(), json!(name)),
    ]);
    // MLflow lists no model at all while a folder is there without it: it is ready before.
    let file = draft(&layout.registry(), &model.join(META), dump::document(&meta).as_bytes())?;
    if !make_new(&model)? {
        return Err(ErrorKind::AlreadyExists(format!("registered model {name:?} already exists")));
    }
    file.put().map_err(|error| {
        let _ = fs::remove_dir(&model);
        refused(&model)(error)
    })
}

/// Takes away what a deletion that broke off has left: MLflow shows it still.
fn clear(layout: &Layout) {
    for entry in fs::read_dir(layout.registry()).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(GOING) && entry.path().is_dir() {
            let _ = remove_model(&entry.path());
        }
    }
}

/// Takes a model's folder away, its `meta.yaml` last: without it MLflow lists no model at all.
fn remove_model(model: &Path) -> io::Result<()> {
    for entry in fs::read_dir(model)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != META {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir_all(model)
}

/// The folder takes another name, with all that is in it; then what is said in it. The same name again ends what broke off.
pub fn rename(layout: &Layout, name: &str, new: &str) -> Inner<()> {
    let model = folder(layout, name)?;
    let renamed = layout.registry().join(new);
    if name != new && renamed.exists() {
        return Err(ErrorKind::AlreadyExists(format!("registered model {new:?} already exists")));
    }
    if new.contains('%') || !is_name(new) {
        return Err(ErrorKind::Invalid(format!("a file store takes no model name like {new:?}")));
    }
    let parts = |model: &Path| {
        let versions = numbers(model).into_iter().map(|version| version_folder(model, version));
        [model.to_owned()].into_iter().chain(versions).collect::<Vec<_>>()
    };
    // What cannot be done whole is not begun.
    for part in parts(&model) {
        known_meta(&part)?;
        check_writable(&part)?;
    }
    if name != new {
        clear(layout);
        fs::rename(&model, &renamed).map_err(refused(&model))?;
    }
    let now = now_ms();
    let (mut failed, mut first) = (0, None);
    let parts = parts(&renamed);
    for part in &parts {
        let done = change_meta(part, |meta| {
            if text(meta, "name").as_deref() != Some(new) {
                set(meta, "name", new);
                set(meta, "last_updated_timestamp", now);
            }
        });
        if let Err(error) = done {
            failed += 1;
            first.get_or_insert(error);
        }
    }
    match first {
        None => Ok(()),
        Some(error) => Err(ErrorKind::Partly(format!(
            "the model is {new:?} now, and {failed} of {} files in it have the old name still: {error}",
            parts.len()
        ))),
    }
}

pub fn describe(layout: &Layout, name: &str, description: &str) -> Inner<()> {
    change_meta(&folder(layout, name)?, |meta| {
        set(meta, "description", description);
        set(meta, "last_updated_timestamp", now_ms());
    })
}

pub fn set_tag(layout: &Layout, name: &str, tag: &Tag) -> Inner<()> {
    let model = folder(layout, name)?;
    put(&model, &inside(&model.join(TAGS), &tag.key)?, tag.value.as_bytes())?;
    touch(&model)
}

pub fn delete_tag(layout: &Layout, name: &str, key: &str) -> Inner<()> {
    let model = folder(layout, name)?;
    if remove(&inside(&model.join(TAGS), key)?)? { touch(&model) } else { Ok(()) }
}

pub fn delete(layout: &Layout, name: &str) -> Inner<()> {
    let model = folder(layout, name)?;
    let versions = versions_in(&model, name);
    // At once for all who look, and then at leisure.
    clear(layout);
    let going = layout.registry().join(format!("{GOING}{}", uuid::Uuid::new_v4().simple()));
    fs::rename(&model, &going).map_err(refused(&model))?;
    if let Err(error) = remove_model(&going) {
        // What is left of it is not to be there under no name.
        let _ = fs::rename(&going, &model);
        return Err(ErrorKind::Partly(format!(
            "model {name:?} is deleted in part: {}",
            refused(&model)(error)
        )));
    }
    // What their logged models say of them hinders nobody.
    for version in versions {
        if let Err(error) = models::forget_version(layout, &version) {
            tracing::warn!(%error, "a logged model still names a version that is deleted");
        }
    }
    Ok(())
}

/// A version that there is, with its folder.
fn existing(layout: &Layout, name: &str, version: u64) -> Inner<(PathBuf, ModelVersion)> {
    let model = folder(layout, name).map_err(|error| match error {
        ErrorKind::NotFound(_) => no_version(name, version),
        error => error,
    })?;
    let folder = version_folder(&model, version);
    let found = if folder.is_dir() { read_version(&model, name, version, &aliases(&model)) } else { None };
    Ok((folder, found.ok_or_else(|| no_version(name, version))?))
}

pub fn version(layout: &Layout, name: &str, version: u64) -> Inner<ModelVersion> {
    existing(layout, name, version).map(|(_, version)| version)
}

/// The newest first; none of a model that there is not.
pub fn versions(layout: &Layout, name: &str) -> Inner<Vec<ModelVersion>> {
    match folder(layout, name) {
        Ok(model) => Ok(versions_in(&model, name)),
        Err(ErrorKind::NotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

pub fn versions_of(layout: &Layout, runs: &[RunId]) -> Inner<Vec<ModelVersion>> {
    let mut found = Vec::new();
    for name in names(layout)? {
        found.extend(versions_in(&layout.registry().join(&name), &name));
    }
    found.retain(|version: &ModelVersion| version.run_id.as_ref().is_some_and(|run| runs.contains(run)));
    Ok(found)
}

pub fn create_version(
    layout: &Layout,
    name: &str,
    source: &str,
    run_id: Option<&RunId>,
    tags: &[Tag],
) -> Inner<ModelVersion> {
    let model = folder(layout, name)?;
    // A version of a logged model belongs to the run that made the model.
    let logged = match ModelVersion::model_of_source(source) {
        Some(id) => Some(models::get(layout, &id)?),
        None => None,
    };
    let run_id = run_id.or(logged.as_ref().and_then(|logged| logged.source_run_id.as_ref()));
    let location = logged.as_ref().map_or(source, |logged| &logged.artifact_location);
    let now = now_ms();
    let mut meta = Mapping::from_iter([
        ("creation_timestamp".to_owned(), json!(now)),
        ("current_stage".to_owned(), json!("None")),
        ("description".to_owned(), Value::Null),
        ("last_updated_timestamp".to_owned(), json!(now)),
        ("name".to_owned(), json!(name)),
        ("run_id".to_owned(), json!(run_id.map(RunId::as_str))),
        ("run_link".to_owned(), Value::Null),
        ("source".to_owned(), json!(source)),
        ("status".to_owned(), json!("READY")),
        ("status_message".to_owned(), Value::Null),
        ("storage_location".to_owned(), json!(location)),
        ("user_id".to_owned(), Value::Null),
    ]);
    match &logged {
        Some(logged) => drop(meta.insert("model_id".to_owned(), json!(logged.model_id.as_str()))),
        // MLflow 2 keeps them here as well; it reads them from where they are.
        None => drop(meta.insert("aliases".to_owned(), json!([]))),
    }
    // MLflow lists no model at all while a version is there without its `meta.yaml`: it takes its place when it is filled.
    let filled = model.join(format!("{GOING}{}", uuid::Uuid::new_v4().simple()));
    make(&filled)?;
    let number = fill_version(&model, &filled, &mut meta, tags).inspect_err(|_| {
        let _ = fs::remove_dir_all(&filled);
    })?;
    touch(&model)?;
    if let Some(logged) = &logged {
        models::name_version(layout, logged, name, number)?;
    }
    version(layout, name, number)
}

/// Fills a folder and puts it in the place of the next version; which one it became.
fn fill_version(model: &Path, filled: &Path, meta: &mut Mapping, tags: &[Tag]) -> Inner<u64> {
    for tag in tags {
        put(filled, &filled.join(TAGS).join(&tag.key), tag.value.as_bytes())?;
    }
    loop {
        let number = numbers(model).first().copied().unwrap_or(0) + 1;
        set(meta, "version", number);
        write_meta(filled, meta)?;
        // Of several who want the same number, one gets it.
        if put_folder(filled, &version_folder(model, number))? {
            return Ok(number);
        }
    }
}

/// Changes what is said of a version that there is.
fn change_version(layout: &Layout, name: &str, version: u64, key: &str, value: Value) -> Inner<()> {
    let (folder, _) = existing(layout, name, version)?;
    change_meta(&folder, |meta| {
        meta.insert(key.to_owned(), value);
        set(meta, "last_updated_timestamp", now_ms());
    })
}

pub fn describe_version(layout: &Layout, name: &str, version: u64, description: &str) -> Inner<()> {
    change_version(layout, name, version, "description", json!(description))
}

pub fn set_version_tag(layout: &Layout, name: &str, version: u64, tag: &Tag) -> Inner<()> {
    let (folder, _) = existing(layout, name, version)?;
    put(&folder, &inside(&folder.join(TAGS), &tag.key)?, tag.value.as_bytes())?;
    touch(&layout.registry().join(name))
}

pub fn delete_version_tag(layout: &Layout, name: &str, version: u64, key: &str) -> Inner<()> {
    let (folder, _) = existing(layout, name, version)?;
    if remove(&inside(&folder.join(TAGS), key)?)? { touch(&layout.registry().join(name)) } else { Ok(()) }
}

pub fn set_stage(
    layout: &Layout,
    name: &str,
    version: u64,
    stage: ModelStage,
    archives_others: bool,
) -> Inner<()> {
    existing(layout, name, version)?;
    if archives_others && !stage.is_active() {
        return Err(ErrorKind::Invalid(format!(
            "versions in stage {} are not archived: only those in Staging or Production can be",
            stage.as_str()
        )));
    }
    if archives_others {
        for other in versions(layout, name)? {
            if other.version != version && other.current_stage == stage.as_str() {
                let archived = json!(ModelStage::Archived.as_str());
                change_version(layout, name, other.version, "current_stage", archived)?;
            }
        }
    }
    change_version(layout, name, version, "current_stage", json!(stage.as_str()))?;
    touch(&layout.registry().join(name))
}

/// As MLflow does it: its folder stays, so that its number is not given out again.
pub fn delete_version(layout: &Layout, name: &str, version: u64) -> Inner<()> {
    let (_, known) = existing(layout, name, version)?;
    for alias in &known.aliases {
        delete_alias(layout, name, alias)?;
    }
    change_version(layout, name, version, "current_stage", json!(DELETED))?;
    models::forget_version(layout, &known)?;
    touch(&layout.registry().join(name))
}

pub fn set_alias(layout: &Layout, name: &str, alias: &str, version: u64) -> Inner<()> {
    existing(layout, name, version)?;
    let model = folder(layout, name)?;
    put(&model, &inside(&model.join(ALIASES), alias)?, version.to_string().as_bytes())?;
    touch(&model)
}

pub fn delete_alias(layout: &Layout, name: &str, alias: &str) -> Inner<()> {
    let model = folder(layout, name)?;
    if remove(&inside(&model.join(ALIASES), alias)?)? { touch(&model) } else { Ok(()) }
}

pub fn by_alias(layout: &Layout, name: &str, alias: &str) -> Inner<ModelVersion> {
    let model = folder(layout, name)?;
    let known = aliases(&model).into_iter().find(|(known, _)| known == alias);
    let missing = || ErrorKind::NotFound(format!("model {name:?} has no alias {alias:?}"));
    version(layout, name, known.ok_or_else(missing)?.1)
}
