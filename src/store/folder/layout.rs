//! Where things lie: experiments in the root or its `.trash`, runs in experiments, and the files of both.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::files::{Stamp, is_absence};
use crate::mlflow::{ExperimentId, RunId};
use crate::store::{ErrorKind, Inner};

pub const META: &str = "meta.yaml";
pub const TRASH: &str = ".trash";
/// Registered models in the root, logged models in an experiment.
pub const MODELS: &str = "models";
pub const METRICS: &str = "metrics";
pub const PARAMS: &str = "params";
pub const TAGS: &str = "tags";
pub const INPUTS: &str = "inputs";
pub const OUTPUTS: &str = "outputs";
pub const DATASETS: &str = "datasets";
pub const ARTIFACTS: &str = "artifacts";
/// MLflow's first experiment.
pub const DEFAULT: &str = "0";

/// Folders of an experiment that are no runs.
const NO_RUNS: [&str; 4] = [TAGS, DATASETS, "traces", MODELS];

/// What Python leaves as it is in the address of a file.
const IN_ADDRESS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// A path as an address.
pub fn address_of(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), IN_ADDRESS))
}

/// The path of an address without a scheme or with `file:`.
pub fn path_of(address: &str) -> PathBuf {
    let is_address = address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
    let Some(rest) = address.get(5..).filter(|_| is_address) else { return PathBuf::from(address) };
    // Whatever host is named, it is this machine.
    let rest = rest.strip_prefix("//").map_or(rest, |rest| rest.find('/').map_or("", |at| &rest[at..]));
    PathBuf::from(percent_decode_str(rest).decode_utf8_lossy().as_ref())
}

/// Whether a folder is what MLflow keeps experiments in: one with a `meta.yaml` lies in it, or nothing does.
pub fn is_store(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut is_empty = true;
    for entry in entries.flatten() {
        is_empty = false;
        let name = entry.file_name();
        let is_own = name == TRASH || name == MODELS;
        if (is_own && entry.path().is_dir() && has_nothing_else(folder)) || entry.path().join(META).is_file()
        {
            return true;
        }
    }
    is_empty
}

/// Whether MLflow's own folders are all there is, as it makes them before there is any experiment.
fn has_nothing_else(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().all(|name| name == TRASH || name == MODELS)
}

/// A name that leads to an entry of a folder, and to nothing else.
pub fn is_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
        && !name.contains('/')
        && !name.starts_with('.')
        && !name.contains('\0')
}

/// The folders in a folder, links to folders among them, by name. Those with a dot before their name are nobody's.
pub fn folders(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && is_name(&name)
            && is_folder(&entry)
        {
            found.push(name);
        }
    }
    Ok(found)
}

pub fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir() || (kind.is_symlink() && entry.path().is_dir()))
}

/// The names of the folders of an experiment that may be runs.
pub fn runs_in(experiment: &Path) -> io::Result<Vec<String>> {
    let mut found = folders(experiment)?;
    found.retain(|name| !NO_RUNS.contains(&name.as_str()));
    Ok(found)
}

/// Whether a folder is a run, and be it half of one. A failure says neither.
pub fn is_run(folder: &Path) -> io::Result<bool> {
    for part in [META, METRICS, PARAMS, TAGS] {
        if Stamp::look(&folder.join(part))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same; a folder that is there and that nobody can look into is one.
fn is_run_there(folder: &Path) -> bool {
    is_run(folder).unwrap_or_else(|_| folder.is_dir())
}

/// An experiment's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: ExperimentId,
    pub path: PathBuf,
    /// It lies in `.trash`.
    pub is_deleted: bool,
}

/// The folder that holds everything.
#[derive(Debug)]
pub struct Layout {
    pub root: PathBuf,
    /// The experiments of runs that were found.
    homes: Mutex<HashMap<RunId, PathBuf>>,
}

fn missing(what: &str) -> ErrorKind {
    ErrorKind::NotFound(format!("no {what}"))
}

impl Layout {
    pub fn new(root: PathBuf) -> Self {
        Self { root, homes: Mutex::default() }
    }

    /// What is said of the store when it is not there, or not to be read.
    pub fn check(&self) -> Inner<()> {
        match fs::read_dir(&self.root) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ErrorKind::Gone(self.root.clone())),
            Err(error) => Err(ErrorKind::Io(format!("{}: {error}", self.root.display()))),
        }
    }

    pub fn trash(&self) -> PathBuf {
        self.root.join(TRASH)
    }

    pub fn registry(&self) -> PathBuf {
        self.root.join(MODELS)
    }

    /// The folders that may be experiments, deleted ones last.
    pub fn experiments(&self) -> Inner<Vec<Place>> {
        self.check()?;
        let mut found = Vec::new();
        for (parent, is_deleted) in [(self.root.clone(), false), (self.trash(), true)] {
            let names = match folders(&parent) {
                Ok(names) => names,
                Err(_) if is_deleted => continue,
                Err(error) => return Err(ErrorKind::Io(format!("{}: {error}", parent.display()))),
            };
            let is_experiment = |name: &String| is_deleted || name != MODELS;
            found.extend(names.into_iter().filter(is_experiment).map(|name| Place {
                path: parent.join(&name),
                id: ExperimentId(name),
                is_deleted,
            }));
        }
        Ok(found)
    }

    /// The folder of an experiment, deleted or not.
    pub fn experiment(&self, id: &ExperimentId) -> Inner<Place> {
        let none = || missing(&format!("experiment {id}"));
        if !is_name(id.as_str()) || id.as_str() == MODELS {
            return Err(none());
        }
        for (parent, is_deleted) in [(self.root.clone(), false), (self.trash(), true)] {
            let path = parent.join(id.as_str());
            if is_experiment(&path) {
                return Ok(Place { id: id.clone(), path, is_deleted });
            }
        }
        self.check()?;
        Err(none())
    }

    /// The experiment of a run, and the run's folder.
    pub fn run(&self, id: &RunId) -> Inner<(Place, PathBuf)> {
        let none = || missing(&format!("run {id}"));
        if !is_name(id.as_str()) || NO_RUNS.contains(&id.as_str()) {
            return Err(none());
        }
        let known = self.homes.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some(path) = &known
            && let Err(error) = Stamp::look(&path.join(id.as_str()))
        {
            return Err(ErrorKind::Io(format!("{}: {error}", path.display())));
        }
        if let Some(path) = known
            && is_run_there(&path.join(id.as_str()))
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            let run = path.join(id.as_str());
            let is_deleted = path.starts_with(self.trash());
            return Ok((Place { id: ExperimentId::from(name), path, is_deleted }, run));
        }
        for place in self.experiments()? {
            let run = place.path.join(id.as_str());
            if is_run_there(&run) && is_experiment(&place.path) {
                self.note(id, &place.path);
                return Ok((place, run));
            }
        }
        Err(none())
    }

    /// Remembers where a run is.
    pub fn note(&self, id: &RunId, experiment: &Path) {
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.insert(id.clone(), experiment.to_owned());
    }
}

/// Whether a folder is an experiment: it says so, or its runs do. MLflow keeps the files of runs of databases in such folders
/// too.
pub fn is_experiment(folder: &Path) -> bool {
    match fs::metadata(folder.join(META)) {
        Ok(metadata) if metadata.is_file() => return true,
        // One that cannot be looked into for now is none less for that.
        Err(error) if !is_absence(&error) => {
            let name = folder.file_name().unwrap_or_default().as_encoded_bytes();
            return folder.is_dir() && name.iter().all(u8::is_ascii_digit);
        }
        Ok(_) | Err(_) => {}
    }
    runs_in(folder).is_ok_and(|names| names.iter().any(|name| folder.join(name).join(META).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_pythons() {
        assert_eq!(address_of(Path::new("/a b/ä#?%/x_.-~")), "file:///a%20b/%C3%A4%23%3F%25/x_.-~");
        for (address, path) in [
            ("file:///a%20b/c", "/a b/c"),
            ("file:/a", "/a"),
            ("FILE:///a", "/a"),
            ("file:a/b", "a/b"),
            ("file://localhost/a", "/a"),
            ("/a%20b", "/a%20b"),
            ("./mlruns/0", "./mlruns/0"),
        ] {
            assert_eq!(path_of(address), Path::new(path), "{address}");
        }
    }

    #[test]
    fn a_store_is_told_from_any_other_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = home.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path
        };
        assert!(is_store(&folder("empty")));
        assert!(!is_store(&home.path().join("none")));
        let store = folder("store/0");
        fs::write(store.join(META), "").unwrap();
        assert!(is_store(store.parent().unwrap()));
        folder("new/.trash");
        folder("new/models");
        assert!(is_store(&home.path().join("new")));
        folder("project/models");
        folder("project/src");
        assert!(!is_store(&home.path().join("project")));
        // The files of a database's runs.
        folder("artifacts/1/abc/artifacts");
        assert!(!is_store(&home.path().join("artifacts")));
        assert!(!is_experiment(&home.path().join("artifacts/1")));
    }

    #[test]
    fn no_id_leads_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().join("store"));
        fs::create_dir_all(layout.root.join("0")).unwrap();
        fs::write(layout.root.join("0/meta.yaml"), "").unwrap();
        fs::write(home.path().join("meta.yaml"), "").unwrap();
        assert!(layout.experiment(&"0".into()).is_ok());
        for id in ["..", ".", "", "../store/0", "/etc", "models", ".trash", "0/.", "a\0b", "7"] {
            assert!(matches!(layout.experiment(&id.into()), Err(ErrorKind::NotFound(_))), "{id}");
            assert!(matches!(layout.run(&id.into()), Err(ErrorKind::NotFound(_))), "{id}");
        }
        fs::remove_dir_all(&layout.root).unwrap();
        assert_eq!(layout.experiment(&"0".into()), Err(ErrorKind::Gone(layout.root.clone())));
    }
}
