//! Artifacts of runs that lie in this machine's file system.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::writing::artifact_location;
use super::{Link, as_list, models, reading, values};
use crate::mlflow::{ExperimentId, ModelId, RunId, tags};
pub use crate::store::local::write_below;
use crate::store::local::{LocalTree, files, inside};
use crate::store::{ArtifactList, ErrorKind, FilesOf, Inner};

/// Entries of a server's folder that are looked at, to know whether it is this database's.
const LOOKED_AT: usize = 1_000;

/// Where relative addresses begin, and files of new experiments go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub folder: PathBuf,
    /// It is the database's own folder: what a server of it keeps is looked for there.
    pub is_stores: bool,
}

impl Home {
    /// Where the artifacts of a new experiment go: `mlruns` there, a plain absolute path as MLflow has it.
    pub fn artifact_root(&self, experiment: i64) -> String {
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        folder.join("mlruns").join(experiment.to_string()).display().to_string()
    }
}

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
    fn of(home: &Home, uri: &str) -> Self {
        let folder = &home.folder;
        if let Some(path) = uri.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
            return Self::Folder(PathBuf::from(decoded.as_ref()));
        }
        match uri.split_once(':') {
            // Nothing of a server's lies above its folder.
            Some(("mlflow-artifacts", path)) if has_parent(Path::new(path)) => Self::Elsewhere,
            // `mlflow-artifacts://host:5000/…` names a server, which has its own working folder.
            Some(("mlflow-artifacts", path)) if home.is_stores && !path.starts_with("//") => {
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
fn leads_out(link: &mut impl Link, home: &Home, experiment: &ExperimentId, folder: &Path) -> Inner<bool> {
    if !has_parent(folder) {
        return Ok(false);
    }
    // The folder of an experiment is what somebody chose for it, also one above.
    let Root::Folder(own) = Root::of(home, &artifact_location(link, experiment)?) else { return Ok(true) };
    Ok(folder.strip_prefix(own).map_or(true, has_parent))
}

fn out_of_experiment(uri: &str) -> ErrorKind {
    ErrorKind::Invalid(format!("the artifact location {uri:?} is outside the experiment's folder"))
}

fn elsewhere(uri: &str) -> ErrorKind {
    ErrorKind::Elsewhere(format!("its files are in {uri}, which only this database's MLflow server can read"))
}

/// The folder of a run's artifacts, to be read.
fn root(link: &mut impl Link, home: &Home, id: &RunId) -> Inner<PathBuf> {
    let run = reading::run(link, id)?;
    let uri = &run.info.artifact_uri;
    match Root::of(home, uri) {
        Root::Folder(folder) if leads_out(link, home, &run.info.experiment_id, &folder)? => {
            Err(out_of_experiment(uri))
        }
        Root::Folder(folder) => {
            let is_expected = run.tag(tags::MODEL_HISTORY).is_some();
            let above = folder.parent().and_then(Path::parent).unwrap_or(&folder);
            if folder.is_dir() {
                return Ok(folder);
            }
            let beside = Beside::of(home, &run.info.experiment_id, &[id.as_str()]);
            match beside.found() {
                Some(found) => Ok(found),
                None if is_expected || gone(above).is_some() => Err(beside.not_here(&folder)),
                None => Ok(folder),
            }
        }
        Root::Served(folder) if folder.is_dir() || is_served_here(link, home, &run.info.experiment_id)? => {
            Ok(folder)
        }
        Root::Served(_) | Root::Elsewhere => {
            let beside = Beside::of(home, &run.info.experiment_id, &[id.as_str()]);
            let is_servers = uri.starts_with("mlflow-artifacts:");
            beside.found().filter(|_| is_servers).ok_or_else(|| beside.with(elsewhere(uri), is_servers))
        }
    }
}

/// The folder of a logged model's files, to be read.
fn root_of_model(link: &mut impl Link, home: &Home, id: &ModelId) -> Inner<(PathBuf, String)> {
    let model = models::logged_model(link, id)?;
    let uri = model.artifact_location;
    let beside = Beside::of(home, &model.experiment_id, &["models", id.as_str()]);
    let folder = match Root::of(home, &uri) {
        Root::Folder(folder) if leads_out(link, home, &model.experiment_id, &folder)? => {
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
    fn of(home: &Home, experiment: &ExperimentId, below: &[&str]) -> Self {
        let names = [experiment.as_str()].into_iter().chain(below.iter().copied());
        let names: Vec<&str> = names.collect();
        let is_name = |name: &&str| {
            let mut parts = Path::new(name).components();
            matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.contains('/')
        };
        if !home.is_stores || !names.iter().all(is_name) {
            return Self(Vec::new());
        }
        let folder = |base: &str| {
            let base = home.folder.join(base);
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
pub fn tree(link: &mut impl Link, home: &Home, of: &FilesOf) -> Inner<LocalTree> {
    match of {
        FilesOf::Run(id) => {
            let info = reading::run(link, id)?.info;
            let root = root(link, home, id)?;
            let own = folder_to_write(link, home, &info.experiment_id, &info.artifact_uri);
            let written = own.and_then(|folder| {
                // What is put beside the files that are found is found as well.
                if root != folder && root.is_dir() {
                    return Ok(root.clone());
                }
                let above = folder.parent().and_then(Path::parent).unwrap_or(&folder);
                match gone(above) {
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
            let (root, uri) = root_of_model(link, home, id)?;
            Ok(LocalTree { written: Ok(root.clone()), root, uri })
        }
        FilesOf::Place(uri) => match Root::of(home, uri) {
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
fn is_served_here(link: &mut impl Link, home: &Home, experiment: &ExperimentId) -> Inner<bool> {
    let Root::Served(folder) = Root::of(home, &artifact_location(link, experiment)?) else {
        return Ok(false);
    };
    let of_run = "SELECT r.run_uuid FROM runs r WHERE r.run_uuid IN @ AND r.experiment_id = ?2 AND NOT EXISTS \
                  (SELECT 1 FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'mltui.sweep')";
    if is_any(link, of_run, names(&folder), experiment)? {
        return Ok(true);
    }
    if !link.layout().logged_models {
        return Ok(false);
    }
    let of_model = "SELECT m.model_id FROM logged_models m WHERE m.model_id IN @ AND m.experiment_id = ?2 AND NOT EXISTS \
                    (SELECT 1 FROM logged_model_tags t WHERE t.model_id = m.model_id AND t.tag_key = 'mltui.sweep')";
    is_any(link, of_model, names(&folder.join("models")), experiment)
}

/// Whether a statement finds one of these names, which stand for the @ in it.
fn is_any(
    link: &mut impl Link,
    statement: &str,
    names: impl Iterator<Item = String>,
    experiment: &ExperimentId,
) -> Inner<bool> {
    let names: Vec<String> = names.collect();
    let names = as_list(names.iter().map(String::as_str));
    let statement = format!("{} LIMIT 1", statement.replace('@', &(link.dialect().among)("?1")));
    Ok(link.one(&statement, values![&names, experiment.as_key()], |_| ())?.is_some())
}

/// Some of the names in a folder.
fn names(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(LOOKED_AT);
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Whether files of new runs of an experiment can be written where they belong.
pub fn check(link: &mut impl Link, home: &Home, experiment: &ExperimentId) -> Inner<()> {
    let uri = artifact_location(link, experiment)?;
    let folder = folder_to_write(link, home, experiment, &uri)?;
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
    link: &mut impl Link,
    home: &Home,
    experiment: &ExperimentId,
    uri: &str,
) -> Inner<PathBuf> {
    match Root::of(home, uri) {
        Root::Folder(folder) if leads_out(link, home, experiment, &folder)? => Err(out_of_experiment(uri)),
        Root::Folder(folder) => Ok(folder),
        Root::Served(folder) if is_served_here(link, home, experiment)? => Ok(folder),
        Root::Served(_) | Root::Elsewhere => Err(elsewhere(uri)),
    }
}

/// The entries of a folder by name; nothing where it does not exist, as MLflow answers.
pub fn list(
    link: &mut impl Link,
    home: &Home,
    id: &RunId,
    path: &str,
    goes_on: &dyn Fn(),
) -> Inner<ArtifactList> {
    files::list(&inside(&root(link, home, id)?, path)?, path, goes_on)
}

pub fn read(
    link: &mut impl Link,
    home: &Home,
    id: &RunId,
    path: &str,
    most: usize,
    goes_on: &dyn Fn(),
) -> Inner<Vec<u8>> {
    files::read(&inside(&root(link, home, id)?, path)?, most, goes_on)
}

/// Writes the whole file under another name first, so that nobody ever sees half of it.
pub fn write(link: &mut impl Link, home: &Home, id: &RunId, path: &str, content: &[u8]) -> Inner<()> {
    let info = reading::run(link, id)?.info;
    let own = folder_to_write(link, home, &info.experiment_id, &info.artifact_uri)?;
    // Where the others are found it is found as well.
    let found = if own.is_dir() { None } else { root(link, home, id).ok() };
    write_below(&found.filter(|found| found.is_dir()).unwrap_or(own), path, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_a_folder_to_a_server_or_elsewhere() {
        let home = Home { folder: "/data".into(), is_stores: true };
        let root = |uri: &str| Root::of(&home, uri);
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
        let anywhere = Home { is_stores: false, ..home };
        assert_eq!(Root::of(&anywhere, "mlflow-artifacts:/1"), Root::Elsewhere, "of a server somewhere");
        assert_eq!(Root::of(&anywhere, "./mlruns/1"), folder("/data/./mlruns/1"));
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
