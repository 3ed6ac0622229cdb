//! Where the files of runs and models are, of which a database says an address: a folder of this machine, one that a server keeps
//! here, or elsewhere.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::artifacts::Asked;
use super::writing::artifact_location;
use super::{Link, Place, as_list, models, reading, values};
use crate::mlflow::{ExperimentId, ModelId, RunId, tags};
use crate::store::local::files;
use crate::store::objects::{self, Kept, is_in_objects};
use crate::store::{ErrorKind, FileService, Inner};

/// Entries of a server's folder that are looked at, to know whether it is this database's.
const LOOKED_AT: usize = 1_000;

/// Where relative addresses begin, and files of new experiments go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    pub folder: PathBuf,
    /// It is the database's own folder: what a server of it keeps is looked for there.
    pub is_stores: bool,
    /// Below this the files of new experiments go, where somebody says so.
    pub artifact_root: Option<String>,
}

impl Home {
    /// Of a database that is a file.
    pub fn beside(file: &Path) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        Self { folder, is_stores: true, artifact_root: None }
    }

    /// Where the artifacts of a new experiment go: below the root that is set, else `mlruns` there, a plain absolute path as
    /// MLflow has it.
    pub fn artifact_root(&self, experiment: i64) -> String {
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let root = self.artifact_root.as_deref().unwrap_or("mlruns");
        match root.split_once(':') {
            Some((scheme, _)) if is_scheme(scheme) => {
                let (path, query) = root.find(['?', '#']).map_or((root, ""), |at| root.split_at(at));
                format!("{}/{experiment}{query}", path.trim_end_matches('/'))
            }
            _ => folder.join(root).join(experiment.to_string()).display().to_string(),
        }
    }
}

impl Home {
    /// Makes the folder at an address, where it is one of this machine: files of the same run elsewhere are taken for its own as
    /// long as there is none.
    pub fn make(&self, uri: &str) -> Inner<()> {
        match Root::of(self, uri) {
            Root::Folder(folder) | Root::Served(folder) => {
                fs::create_dir_all(&folder).map_err(files::io(&folder))
            }
            Root::Elsewhere => Ok(()),
        }
    }

    /// Whether files of something else are where something new is to keep its own: of what it is a copy of, which has `was`.
    pub fn is_taken(&self, uri: &str, was: &str) -> bool {
        let plain = |uri: &str| uri.strip_prefix("file://").unwrap_or(uri).trim_end_matches('/').to_owned();
        let has_some =
            |folder: PathBuf| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        plain(uri) == plain(was)
            || match Root::of(self, uri) {
                Root::Folder(folder) | Root::Served(folder) => has_some(folder),
                Root::Elsewhere => false,
            }
    }
}

/// Where an artifact address leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Root {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A server keeps the files. Without a word from anybody that is `mlartifacts` in the server's own working folder,
    /// which is most often the database's.
    Served(PathBuf),
    /// Some other service.
    Elsewhere,
}

impl Root {
    pub fn of(home: &Home, uri: &str) -> Self {
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

pub fn has_parent(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

/// What the database says of where files are: asked for in one go, so that nobody waits for a connection while files are looked
/// at, which may take for ever.
pub struct Said {
    experiment: ExperimentId,
    /// The artifact location of the experiment.
    of_experiment: Inner<String>,
    pub uri: String,
    /// Something was logged that must be there.
    is_expected: bool,
}

impl Said {
    pub fn of(link: &mut impl Link, experiment: ExperimentId, uri: String) -> Self {
        let of_experiment = artifact_location(link, &experiment);
        Self { experiment, of_experiment, uri, is_expected: false }
    }

    pub fn of_run(link: &mut impl Link, id: &RunId) -> Inner<Self> {
        let run = reading::run(link, id)?;
        let is_expected = run.tag(tags::MODEL_HISTORY).is_some() && run.tag(tags::MIGRATING).is_none();
        Ok(Self { is_expected, ..Self::of(link, run.info.experiment_id, run.info.artifact_uri) })
    }

    pub fn of_model(link: &mut impl Link, id: &ModelId) -> Inner<Self> {
        let model = models::logged_model(link, id)?;
        let is_expected = model.status != "PENDING";
        Ok(Self { is_expected, ..Self::of(link, model.experiment_id, model.artifact_location) })
    }

    pub fn of_experiment(link: &mut impl Link, id: &ExperimentId) -> Inner<Self> {
        let uri = artifact_location(link, id)?;
        Ok(Self::of(link, id.clone(), uri))
    }

    /// The address of an object store or of somebody's service, where the files are there. Those of a server that only the
    /// address names may as well have come along with the database: they are named so below an experiment's folder.
    pub fn there<T>(&self, asked: &Asked<'_, impl Place>, names: &[&str]) -> Option<Kept<T>> {
        let is_beside = || Beside::of(asked.place.home(), &self.experiment, names).found().is_some();
        let is_served = |service: &dyn FileService| {
            service.keeps(&self.uri) && (service.is_set() || names.is_empty() || !is_beside())
        };
        (is_in_objects(&self.uri) || asked.service.is_some_and(is_served))
            .then(|| Kept::There(self.uri.clone()))
    }

    /// Whether a folder is not within the one that the experiment has.
    fn leads_out(&self, home: &Home, folder: &Path) -> Inner<bool> {
        if !has_parent(folder) {
            return Ok(false);
        }
        // The folder of an experiment is what somebody chose for it, also one above.
        let Root::Folder(own) = Root::of(home, self.of_experiment.as_ref().map_err(Clone::clone)?) else {
            return Ok(true);
        };
        Ok(folder.strip_prefix(own).map_or(true, has_parent))
    }

    fn out_of_experiment(&self) -> ErrorKind {
        ErrorKind::Invalid(format!("the artifact location {:?} is outside the experiment's folder", self.uri))
    }
}

pub fn elsewhere(uri: &str) -> ErrorKind {
    let otherwise = match uri.split_once(':') {
        Some(("mlflow-artifacts", _)) => {
            "only an MLflow server of this database can read: artifacts_server in a profile, or MLTUI_ARTIFACTS_SERVER, names it"
        }
        Some(("dbfs", _)) => "only its Databricks workspace can read: open that (databricks)",
        _ => "cannot be read from here",
    };
    objects::elsewhere(uri, otherwise)
}

/// The folder of a run's artifacts, to be read.
pub fn root(place: &impl Place, said: &Said, id: &RunId) -> Inner<PathBuf> {
    let (home, uri) = (place.home(), &said.uri);
    let beside = || Beside::of(home, &said.experiment, &[id.as_str()]);
    match Root::of(home, uri) {
        Root::Folder(folder) if said.leads_out(home, &folder)? => Err(said.out_of_experiment()),
        Root::Folder(folder) => {
            let above = folder.parent().and_then(Path::parent).unwrap_or(&folder);
            if folder.is_dir() {
                return Ok(folder);
            }
            let beside = beside();
            match beside.found() {
                Some(found) => Ok(found),
                None if said.is_expected || gone(above).is_some() => Err(beside.not_here(&folder)),
                None => Ok(folder),
            }
        }
        Root::Served(folder) if folder.is_dir() || is_served_here(place, said)? => Ok(folder),
        Root::Served(_) | Root::Elsewhere => {
            let beside = beside();
            let is_servers = uri.starts_with("mlflow-artifacts:");
            beside.found().filter(|_| is_servers).ok_or_else(|| beside.with(elsewhere(uri), is_servers))
        }
    }
}

/// The folder of a logged model's files, to be read.
pub fn root_of_model(home: &Home, said: &Said, id: &ModelId) -> Inner<PathBuf> {
    let uri = &said.uri;
    let beside = Beside::of(home, &said.experiment, &["models", id.as_str()]);
    match Root::of(home, uri) {
        Root::Folder(folder) if said.leads_out(home, &folder)? => Err(said.out_of_experiment()),
        Root::Folder(folder) | Root::Served(folder) if folder.is_dir() => Ok(folder),
        // It is made with the first file.
        Root::Folder(folder) if !said.is_expected && gone(experiment_of(&folder)).is_none() => {
            Ok(beside.found().unwrap_or(folder))
        }
        Root::Folder(folder) => beside.found().ok_or_else(|| beside.not_here(&folder)),
        Root::Served(_) | Root::Elsewhere => {
            let is_servers = uri.starts_with("mlflow-artifacts:");
            beside.found().filter(|_| is_servers).ok_or_else(|| beside.with(elsewhere(uri), is_servers))
        }
    }
}

/// The folder of an experiment, of that of the files of a model: `EXPERIMENT/models/ID/artifacts`.
fn experiment_of(files: &Path) -> &Path {
    files.ancestors().nth(3).unwrap_or(files)
}

/// Where files of a run or model are looked for beside the database, when they are not where it says: in what MLflow, and its
/// server, call their folders there.
pub struct Beside(Vec<PathBuf>);

impl Beside {
    pub fn nowhere() -> Self {
        Self(Vec::new())
    }

    /// The folders named by an experiment and what is below it; names that are none are left out.
    fn of(home: &Home, experiment: &ExperimentId, below: &[&str]) -> Self {
        let names = [experiment.as_str()].into_iter().chain(below.iter().copied());
        let names: Vec<&str> = names.collect();
        let is_name = |name: &&str| {
            let mut parts = Path::new(name).components();
            matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.contains('/')
        };
        if !home.is_stores || !names.iter().all(is_name) {
            return Self::nowhere();
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

    pub fn not_here(&self, folder: &Path) -> ErrorKind {
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

/// What is missing above the folder of an experiment, where that shows that it never was on this machine. The folder
/// itself, and MLflow's `mlruns`, are made with the first file.
pub fn gone(experiment: &Path) -> Option<&Path> {
    let parent = experiment.parent()?;
    let base = if parent.ends_with("mlruns") { parent.parent()? } else { parent };
    (!base.is_dir()).then_some(base)
}

/// Whether a server that keeps the files of an experiment keeps them beside this database: some that did not come from
/// a sweep lie there. Those of a sweep (`mltui.sweep`) prove nothing, as one may have written past the server.
fn is_served_here(place: &impl Place, said: &Said) -> Inner<bool> {
    let of_experiment = said.of_experiment.as_ref().map_err(Clone::clone)?;
    let Root::Served(folder) = Root::of(place.home(), of_experiment) else { return Ok(false) };
    let of_run = "SELECT r.run_uuid FROM runs r WHERE r.run_uuid IN @ AND r.experiment_id = ?2 AND NOT EXISTS \
                  (SELECT 1 FROM tags t WHERE t.run_uuid = r.run_uuid AND t.key = 'mltui.sweep')";
    let runs = names(&folder);
    if place.read(|link| is_any(link, of_run, &runs, &said.experiment))? {
        return Ok(true);
    }
    let of_model = "SELECT m.model_id FROM logged_models m WHERE m.model_id IN @ AND m.experiment_id = ?2 AND NOT EXISTS \
                    (SELECT 1 FROM logged_model_tags t WHERE t.model_id = m.model_id AND t.tag_key = 'mltui.sweep')";
    let models = names(&folder.join("models"));
    place.read(|link| Ok(link.layout().logged_models && is_any(link, of_model, &models, &said.experiment)?))
}

/// Whether a statement finds one of these names, which stand for the @ in it.
fn is_any(link: &mut impl Link, statement: &str, names: &[String], experiment: &ExperimentId) -> Inner<bool> {
    let names = as_list(names.iter().map(String::as_str));
    let statement = format!("{} LIMIT 1", statement.replace('@', &(link.dialect().among)("?1")));
    Ok(link.one(&statement, values![&names, experiment.as_key()], |_| ())?.is_some())
}

/// Some of the names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(LOOKED_AT);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The folder behind an artifact address, where that is known for sure.
pub fn folder_to_write(place: &impl Place, said: &Said) -> Inner<PathBuf> {
    let home = place.home();
    match Root::of(home, &said.uri) {
        Root::Folder(folder) if said.leads_out(home, &folder)? => Err(said.out_of_experiment()),
        Root::Folder(folder) => Ok(folder),
        Root::Served(folder) if is_served_here(place, said)? => Ok(folder),
        Root::Served(_) | Root::Elsewhere => Err(elsewhere(&said.uri)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_a_folder_to_a_server_or_elsewhere() {
        let home = Home { folder: "/data".into(), is_stores: true, artifact_root: None };
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
    fn files_of_new_experiments_go_where_mlflow_puts_them() {
        let root = |root: Option<&str>| {
            let home =
                Home { folder: "/data".into(), is_stores: false, artifact_root: root.map(str::to_owned) };
            home.artifact_root(7)
        };
        assert_eq!(root(None), "/data/mlruns/7");
        assert_eq!(root(Some("/shared/")), "/shared/7");
        assert_eq!(root(Some("files")), "/data/files/7");
        assert_eq!(root(Some("s3://bucket/x/")), "s3://bucket/x/7");
        assert_eq!(root(Some("s3://bucket/x?region=a")), "s3://bucket/x/7?region=a");
        assert_eq!(root(Some("mlflow-artifacts:/")), "mlflow-artifacts:/7");
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
