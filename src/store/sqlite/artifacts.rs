//! Artifacts of runs that lie in this machine's file system.

use std::fs;
use std::path::{Component, Path, PathBuf};

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::rows::string;
use super::transfer::LocalTree;
use super::{Inner, files, models, reading};
use crate::disk::{self, Care};
use crate::mlflow::{ExperimentId, ModelId, RunId, tags};
use crate::store::{ArtifactList, ErrorKind, FilesOf};

/// Entries of a server's folder that are looked at, to know whether it is this database's.
const LOOKED_AT: usize = 1_000;

/// Where an artifact address leads.
#[derive(Debug, PartialEq, Eq)]
enum Root {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A server keeps the files. Without a word from anybody that is `mlartifacts` in the server's own working folder,
    /// which is most often the database's.
    Served(PathBuf),
    /// Some other service.
    Elsewhere,
}

impl Root {
    fn of(store: &Path, uri: &str) -> Self {
        let folder = store.parent().unwrap_or(Path::new("."));
        if let Some(path) = uri.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
            return Self::Folder(PathBuf::from(decoded.as_ref()));
        }
        match uri.split_once(':') {
            // Nothing of a server's lies above its folder.
            Some(("mlflow-artifacts", path)) if has_parent(Path::new(path)) => Self::Elsewhere,
            // `mlflow-artifacts://host:5000/…` names a server, which has its own working folder.
            Some(("mlflow-artifacts", path)) if !path.starts_with("//") => {
                Self::Served(folder.join("mlartifacts").join(path.trim_start_matches('/')))
            }
            Some((scheme, _)) if is_scheme(scheme) => Self::Elsewhere,
            _ => Self::Folder(folder.join(uri)),
        }
    }
}

/// A single letter is a drive, and what holds a slash is a path.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn has_parent(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// Whether an address leads out of the folder that its experiment has.
fn leads_out(connection: &Connection, store: &Path, experiment: &ExperimentId, folder: &Path) -> Inner<bool> {
    if !has_parent(folder) {
        return Ok(false);
    }
    // The folder of an experiment is what somebody chose for it, also one above.
    let Root::Folder(home) = Root::of(store, &location(connection, experiment)?) else { return Ok(true) };
    Ok(folder.strip_prefix(home).map_or(true, has_parent))
}

fn out_of_experiment(uri: &str) -> ErrorKind {
    ErrorKind::Invalid(format!("the artifact location {uri:?} is outside the experiment's folder"))
}

fn elsewhere(uri: &str) -> ErrorKind {
    ErrorKind::Elsewhere(format!("its files are in {uri}, which only this database's MLflow server can read"))
}

/// The folder of a run's artifacts, to be read.
fn root(connection: &mut Connection, store: &Path, id: &RunId) -> Inner<PathBuf> {
    let run = reading::run(connection, id)?;
    let uri = &run.info.artifact_uri;
    match Root::of(store, uri) {
        Root::Folder(folder) if leads_out(connection, store, &run.info.experiment_id, &folder)? => {
            Err(out_of_experiment(uri))
        }
        Root::Folder(folder) => {
            let is_expected = run.tag(tags::MODEL_HISTORY).is_some();
            let home = folder.parent().and_then(Path::parent).unwrap_or(&folder);
            if folder.is_dir() {
                return Ok(folder);
            }
            let beside = Beside::of(store, &run.info.experiment_id, &[id.as_str()]);
            match beside.found() {
                Some(found) => Ok(found),
                None if is_expected || gone(home).is_some() => Err(beside.not_here(&folder)),
                None => Ok(folder),
            }
        }
        Root::Served(folder)
            if folder.is_dir() || is_served_here(connection, store, &run.info.experiment_id)? =>
        {
            Ok(folder)
        }
        Root::Served(_) | Root::Elsewhere => {
            let beside = Beside::of(store, &run.info.experiment_id, &[id.as_str()]);
            let is_servers = uri.starts_with("mlflow-artifacts:");
            beside.found().filter(|_| is_servers).ok_or_else(|| beside.with(elsewhere(uri), is_servers))
        }
    }
}

/// The folder of a logged model's files, to be read.
fn root_of_model(connection: &mut Connection, store: &Path, id: &ModelId) -> Inner<(PathBuf, String)> {
    let model = models::logged_model(connection, id)?;
    let uri = model.artifact_location;
    let beside = Beside::of(store, &model.experiment_id, &["models", id.as_str()]);
    let folder = match Root::of(store, &uri) {
        Root::Folder(folder) if leads_out(connection, store, &model.experiment_id, &folder)? => {
            return Err(out_of_experiment(&uri));
        }
        Root::Folder(folder) | Root::Served(folder) if folder.is_dir() => folder,
        Root::Folder(folder) => beside.found().ok_or_else(|| beside.not_here(&folder))?,
        Root::Served(_) | Root::Elsewhere => {
            let is_servers = uri.starts_with("mlflow-artifacts:");
            beside.found().filter(|_| is_servers).ok_or_else(|| beside.with(elsewhere(&uri), is_servers))?
        }
    };
    Ok((folder, uri))
}

/// Where files of a run or model are looked for beside the database, when they are not where it says: in what MLflow, and its
/// server, call their folders there.
struct Beside(Vec<PathBuf>);

impl Beside {
    /// The folders named by an experiment and what is below it; names that are none are left out.
    fn of(store: &Path, experiment: &ExperimentId, below: &[&str]) -> Self {
        let names = [experiment.as_str()].into_iter().chain(below.iter().copied());
        let names: Vec<&str> = names.collect();
        let is_name = |name: &&str| {
            let mut parts = Path::new(name).components();
            matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.contains('/')
        };
        if !names.iter().all(is_name) {
            return Self(Vec::new());
        }
        let home = store.parent().unwrap_or(Path::new("."));
        let folder = |base: &str| {
            let base = home.join(base);
            names.iter().fold(base, |folder, name| folder.join(name)).join("artifacts")
        };
        Self(vec![folder("mlruns"), folder("mlartifacts")])
    }

    fn found(&self) -> Option<PathBuf> {
        self.0.iter().find(|folder| folder.is_dir()).cloned()
    }

    fn words(&self) -> String {
        let looked: Vec<String> = self.0.iter().map(|folder| folder.display().to_string()).collect();
        if looked.is_empty() { String::new() } else { format!("; neither does {}", looked.join(", nor ")) }
    }

    fn not_here(&self, folder: &Path) -> ErrorKind {
        ErrorKind::Elsewhere(format!(
            "the folder {} does not exist{}; its files were moved, or are on another machine",
            folder.display(),
            self.words()
        ))
    }

    /// The same error, with what was looked for.
    fn with(&self, error: ErrorKind, is_looked_for: bool) -> ErrorKind {
        match error {
            ErrorKind::Elsewhere(words) if is_looked_for && !self.0.is_empty() => {
                let looked: Vec<String> = self.0.iter().map(|folder| folder.display().to_string()).collect();
                ErrorKind::Elsewhere(format!("{words}; not found: {}", looked.join(", ")))
            }
            error => error,
        }
    }
}

/// The files of a run, a model, or at an address.
pub fn tree(connection: &mut Connection, store: &Path, of: &FilesOf) -> Inner<LocalTree> {
    match of {
        FilesOf::Run(id) => {
            let info = reading::run(connection, id)?.info;
            let root = root(connection, store, id)?;
            let own = folder_to_write(connection, store, &info.experiment_id, &info.artifact_uri);
            let written = own.and_then(|folder| {
                // What is put beside the files that are found is found as well.
                if root != folder && root.is_dir() {
                    return Ok(root.clone());
                }
                let home = folder.parent().and_then(Path::parent).unwrap_or(&folder);
                match gone(home) {
                    None => Ok(folder),
                    Some(base) => Err(ErrorKind::Elsewhere(format!(
                        "its files belong in {}, but {} does not exist",
                        folder.display(),
                        base.display()
                    ))),
                }
            });
            Ok(LocalTree { root, uri: info.artifact_uri, written })
        }
        FilesOf::Model(id) => {
            let (root, uri) = root_of_model(connection, store, id)?;
            Ok(LocalTree { written: Ok(root.clone()), root, uri })
        }
        FilesOf::Place(uri) => match Root::of(store, uri) {
            Root::Folder(folder) if has_parent(&folder) => {
                Err(ErrorKind::Invalid(format!("the artifact location {uri:?} leads to a folder above")))
            }
            Root::Folder(root) | Root::Served(root) if root.is_dir() => {
                Ok(LocalTree { written: Ok(root.clone()), root, uri: uri.clone() })
            }
            Root::Folder(folder) => Err(Beside(Vec::new()).not_here(&folder)),
            Root::Served(_) | Root::Elsewhere => Err(elsewhere(uri)),
        },
    }
}

/// What is missing above the folder of an experiment, where that shows that it never was on this machine. The folder
/// itself, and MLflow's `mlruns`, are made with the first file.
fn gone(experiment: &Path) -> Option<&Path> {
    let parent = experiment.parent()?;
    let base = if parent.ends_with("mlruns") { parent.parent()? } else { parent };
    (!base.is_dir()).then_some(base)
}

/// Whether a server that keeps the files of an experiment keeps them beside this database: some that did not come from
/// a sweep lie there. Those of a sweep (`mltui.sweep`) prove nothing, as one may have written past the server.
fn is_served_here(connection: &Connection, store: &Path, experiment: &ExperimentId) -> Inner<bool> {
    let Root::Served(folder) = Root::of(store, &location(connection, experiment)?) else { return Ok(false) };
    let mut of_run = connection.db.prepare_cached(
        "SELECT 1 FROM runs r WHERE r.run_uuid = ?1 AND r.experiment_id = ?2 AND NOT EXISTS \
         (SELECT 1 FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'mltui.sweep')",
    )?;
    for name in names(&folder) {
        if of_run.exists(params![name, experiment.as_key()])? {
            return Ok(true);
        }
    }
    if !connection.schema.logged_models {
        return Ok(false);
    }
    let mut of_model = connection.db.prepare_cached(
        "SELECT 1 FROM logged_models m WHERE m.model_id = ?1 AND m.experiment_id = ?2 AND NOT EXISTS \
         (SELECT 1 FROM logged_model_tags t WHERE t.model_id = m.model_id AND t.tag_key = 'mltui.sweep')",
    )?;
    for name in names(&folder.join("models")) {
        if of_model.exists(params![name, experiment.as_key()])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Some of the names in a folder.
fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(LOOKED_AT);
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

fn location(connection: &Connection, experiment: &ExperimentId) -> Inner<String> {
    let found = connection
        .db
        .query_row(
            "SELECT artifact_location FROM experiments WHERE experiment_id = ?1",
            [experiment.as_key()],
            |row| Ok(string(row, 0)),
        )
        .optional()?;
    found.ok_or_else(|| ErrorKind::NotFound(format!("no experiment {experiment}")))
}

/// Whether files of new runs of an experiment can be written where they belong.
pub fn check(connection: &mut Connection, store: &Path, experiment: &ExperimentId) -> Inner<()> {
    let uri = location(connection, experiment)?;
    let folder = folder_to_write(connection, store, experiment, &uri)?;
    match gone(&folder) {
        None => Ok(()),
        Some(base) => Err(ErrorKind::Elsewhere(format!(
            "its files belong in {}, but {} does not exist; create it if they belong on this machine",
            folder.display(),
            base.display()
        ))),
    }
}

/// The folder behind an artifact address of an experiment, where that is known for sure.
pub fn folder_to_write(
    connection: &mut Connection,
    store: &Path,
    experiment: &ExperimentId,
    uri: &str,
) -> Inner<PathBuf> {
    match Root::of(store, uri) {
        Root::Folder(folder) if leads_out(connection, store, experiment, &folder)? => {
            Err(out_of_experiment(uri))
        }
        Root::Folder(folder) => Ok(folder),
        Root::Served(folder) if is_served_here(connection, store, experiment)? => Ok(folder),
        Root::Served(_) | Root::Elsewhere => Err(elsewhere(uri)),
    }
}

/// A path below the root, and never outside of it.
pub fn inside(root: &Path, path: &str) -> Inner<PathBuf> {
    let relative = Path::new(path);
    if relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        Ok(root.join(relative))
    } else {
        Err(ErrorKind::Invalid(format!("the artifact path {path:?} is outside the run's folder")))
    }
}

/// The entries of a folder by name; nothing where it does not exist, as MLflow answers.
pub fn list(
    connection: &mut Connection,
    store: &Path,
    id: &RunId,
    path: &str,
    goes_on: &dyn Fn(),
) -> Inner<ArtifactList> {
    files::list(&inside(&root(connection, store, id)?, path)?, path, goes_on)
}

pub fn read(
    connection: &mut Connection,
    store: &Path,
    id: &RunId,
    path: &str,
    most: usize,
    goes_on: &dyn Fn(),
) -> Inner<Vec<u8>> {
    files::read(&inside(&root(connection, store, id)?, path)?, most, goes_on)
}

/// Writes the whole file under another name first, so that nobody ever sees half of it.
pub fn write(connection: &mut Connection, store: &Path, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
    let info = reading::run(connection, id)?.info;
    let own = folder_to_write(connection, store, &info.experiment_id, &info.artifact_uri)?;
    // Where the others are found it is found as well.
    let found = if own.is_dir() { None } else { root(connection, store, id).ok() };
    write_below(&found.filter(|found| found.is_dir()).unwrap_or(own), path, content)
}

/// Writes a file below a folder.
pub fn write_below(root: &Path, path: &str, content: &[u8]) -> Inner<()> {
    write_whole(&inside(root, path)?, content)
}

/// For whoever the umask lets read it, as MLflow has it.
fn write_whole(file: &Path, content: &[u8]) -> Inner<()> {
    if file.file_name().is_none() {
        return Err(ErrorKind::Invalid("an artifact needs a file name".into()));
    }
    let written =
        disk::make_folder_of(file, Care::Shared).and_then(|()| disk::replace(file, content, Care::Shared));
    written.map_err(unwritten)
}

/// An error that names its path.
#[expect(clippy::needless_pass_by_value, reason = "it is handed over as it comes")]
pub fn unwritten(error: std::io::Error) -> ErrorKind {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::Io(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_a_folder_to_a_server_or_elsewhere() {
        let root = |uri: &str| Root::of(Path::new("/data/mlflow.db"), uri);
        let folder = |path: &str| Root::Folder(path.into());
        assert_eq!(root("/x/mlruns/1"), folder("/x/mlruns/1"));
        assert_eq!(root("./mlruns/1"), folder("/data/./mlruns/1"));
        assert_eq!(root("file:///x/a%20b/1"), folder("/x/a b/1"));
        assert_eq!(root("/x/a:b/1"), folder("/x/a:b/1"));
        assert_eq!(root("mlflow-artifacts:/1"), Root::Served("/data/mlartifacts/1".into()));
        for uri in [
            "mlflow-artifacts://host:5000/1",
            "s3://bucket/1",
            "dbfs:/1",
            "wasbs://c@a.blob.core/1",
            "gs://b",
            "mlflow-artifacts:/1/../../2",
        ] {
            assert_eq!(root(uri), Root::Elsewhere, "{uri}");
        }
    }

    #[test]
    fn a_folder_that_never_was_here_is_told_from_one_that_is_still_to_be_made() {
        let here = tempfile::tempdir().unwrap();
        assert_eq!(gone(&here.path().join("mlruns/9")), None);
        assert_eq!(gone(&here.path().join("9")), None);
        let moved = here.path().join("else/where/mlruns/9");
        assert_eq!(gone(&moved), Some(here.path().join("else/where").as_path()));
        assert_eq!(gone(&here.path().join("else/9")), Some(here.path().join("else").as_path()));
    }
}
