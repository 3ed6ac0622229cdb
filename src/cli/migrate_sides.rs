//! The two stores of `mltui migrate`: where they are, and which of their workspaces is meant.

use std::io;
use std::path::{Path, PathBuf};

use super::Failure;
use super::opening::open_existing;
use crate::config::{ARTIFACTS_SERVER, Environment, Flags, Folders, Settings};
use crate::store::Store;
use crate::store::uri::{self, Location, Workspace};

/// MLflow's own variables.
const WORKSPACE: &str = "MLFLOW_WORKSPACE";
const URI: &str = "MLFLOW_TRACKING_URI";
/// What MLflow calls the workspace where none is named.
const DEFAULT: &str = "default";

/// Both stores as the command line names them, each with a workspace.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    pub from: (&'a str, Option<&'a str>),
    pub to: (&'a str, Option<&'a str>),
}

impl Sides<'_> {
    /// The settings for each of them; none for a folder that a trial run does not make.
    pub fn find(
        &self,
        settings: &Settings,
        flags: &Flags,
        is_trial: bool,
    ) -> Result<(Settings, Option<Settings>), Failure> {
        let mut environment = Environment::of_this_process();
        // It is one store's.
        let ambient = environment.variables.remove(WORKSPACE).filter(|name| !name.is_empty());
        // So is this one; each side's profile says which server keeps its files.
        environment.variables.remove(ARTIFACTS_SERVER);
        let of = |words| settings_of(settings, flags, words, &environment);
        let mut from = of(self.from.0)?;
        from.read_only = true;
        let is_profile = settings.profiles().iter().any(|(name, _)| name == self.to.0);
        let absent = if is_profile { None } else { absent_folder(self.to.0) };
        let mut to = if absent.is_none() { Some(of(self.to.0)?) } else { None };
        let ambient = Ambient::new(ambient, &environment);
        let there = to.as_ref().map(Settings::store_name);
        ambient.choose(&mut from, self.from.1, there.as_deref(), "--from-workspace")?;
        if let Some(to) = &mut to {
            let here = from.store_name();
            ambient.choose(to, self.to.1, Some(&here), "--to-workspace")?;
            keep_apart(&from, to)?;
        }
        // Nothing is made for what is not there.
        open_existing(&from)?;
        if let Some(folder) = absent.filter(|_| !is_trial) {
            std::fs::create_dir(&folder)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
            to = Some(of(self.to.0)?);
        }
        Ok((from, to))
    }
}

fn settings_of(
    settings: &Settings,
    flags: &Flags,
    words: &str,
    environment: &Environment,
) -> Result<Settings, Failure> {
    let mut flags = flags.clone();
    if settings.profiles().iter().any(|(name, _)| name == words) {
        flags.profile = Some(words.to_owned());
    } else {
        flags.tracking_uri = Some(words.into());
    }
    Ok(Settings::load(&flags, environment, &Folders::find())?)
}

/// The workspace that the environment names, and the store that it is of.
struct Ambient {
    workspace: Option<String>,
    store: Option<String>,
}

impl Ambient {
    fn new(workspace: Option<String>, environment: &Environment) -> Self {
        let written = environment.variables.get(URI).filter(|uri| !uri.is_empty());
        let store = written.and_then(|uri| uri::parse(uri, &environment.folder).ok());
        Self { workspace, store: store.map(|location| location.name()) }
    }

    /// Settles the workspace of one side: as the command line says it, a profile, or the environment, where that is of this
    /// side.
    fn choose(
        &self,
        side: &mut Settings,
        named: Option<&str>,
        other: Option<&str>,
        flag: &str,
    ) -> Result<(), Failure> {
        if let Some(name) = named {
            side.rest.workspace = Some(name.to_owned()).filter(|name| !name.is_empty());
            return Ok(());
        }
        let Some(workspace) = self.workspace.as_ref().filter(|_| side.rest.workspace.is_none()) else {
            return Ok(());
        };
        let own = side.store_name();
        match self.store.as_deref() {
            Some(store) if store == own => side.rest.workspace = Some(workspace.clone()),
            Some(store) if Some(store) == other => {}
            _ if !may_have_workspaces(side) => {}
            _ => {
                return Err(Failure::Usage(format!(
                    "{WORKSPACE}={workspace} is set, and there are two stores: say with {flag} which workspace of {own} is meant \
                     ({flag} {workspace}, or {flag} {DEFAULT} for that of whoever names none)"
                )));
            }
        }
        Ok(())
    }
}

fn may_have_workspaces(side: &Settings) -> bool {
    match &side.location {
        Ok(Location::Server(_) | Location::Postgres(_) | Location::MySql(_)) => true,
        Ok(Location::Sqlite(database)) => database.path.exists(),
        Ok(Location::Folder(_) | Location::Databricks(_)) | Err(_) => false,
    }
}

/// Refuses a workspace that is not there: what knows no workspaces would take its name for nothing, and be told by it.
pub async fn has_workspace(side: &Settings, store: Option<&Store>) -> Result<(), Failure> {
    let Some(name) = side.rest.workspace.as_deref().filter(|name| *name != DEFAULT) else { return Ok(()) };
    let is_there = match store {
        None => may_have_workspaces(side),
        Some(store) => store.workspaces().await?.iter().any(|known| known == name),
    };
    if is_there {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} has no workspace {name:?}; leave it out, or make it there first",
        side.store_name()
    )))
}

/// The store with its workspace, where that is not the one of whoever names none.
pub fn named(side: &Settings) -> String {
    match side.rest.workspace.as_deref() {
        None | Some(DEFAULT) => side.store_name(),
        Some(workspace) => format!("{} (workspace {workspace})", side.store_name()),
    }
}

/// Where a store is, however it was written.
pub fn place_of(side: &Settings) -> String {
    path_of(side).map_or_else(|| side.store_name(), |path| path.display().to_string())
}

fn path_of(side: &Settings) -> Option<PathBuf> {
    let path = match &side.location {
        Ok(Location::Sqlite(database)) => &database.path,
        Ok(Location::Folder(path)) => path,
        Ok(Location::Server(_) | Location::Postgres(_) | Location::MySql(_) | Location::Databricks(_))
        | Err(_) => return None,
    };
    path.canonicalize().or_else(|_| std::path::absolute(path)).ok()
}

/// Refuses two addresses that lead to one place, however they are written: unless they are two workspaces of a server.
fn keep_apart(from: &Settings, to: &Settings) -> Result<(), Failure> {
    if place_of(from) != place_of(to) {
        return Ok(());
    }
    let workspace = |side: &Settings| side.rest.workspace.clone().unwrap_or_else(|| DEFAULT.to_owned());
    if workspace(from) == workspace(to) {
        return Err(Failure::Usage(format!("{} cannot be copied into itself", named(from))));
    }
    match &from.location {
        Ok(Location::Server(_)) => Ok(()),
        _ => Err(Failure::Usage(format!(
            "{} holds each run once, so none can be in two of its workspaces: copy between them by way of the MLflow server on \
             it, which gives out new ids",
            from.store_name()
        ))),
    }
}

/// The folder of files that an address names, where there is nothing yet.
fn absent_folder(words: &str) -> Option<PathBuf> {
    if Workspace::parse(words).is_some() {
        return None;
    }
    let path = match words.split_once(':') {
        Some(("file", rest)) => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
        }
        Some(_) => return None,
        None => words.to_owned(),
    };
    let path = Path::new(&path);
    let is_file = path.extension().is_some_and(|kind| kind == "db" || kind == "sqlite");
    (!is_file && !path.exists() && path.file_name().is_some()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(uri: &str, home: &Path) -> Settings {
        let flags = Flags { tracking_uri: Some(uri.into()), ..Flags::default() };
        let environment = Environment { folder: home.to_owned(), ..Environment::default() };
        let folders = Folders { config: home.to_owned(), state: home.to_owned() };
        Settings::load(&flags, &environment, &folders).unwrap()
    }

    #[tokio::test]
    async fn a_workspace_that_is_not_there_is_refused_before_anything_is_made() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("mlflow.db");
        let mut side = side(&format!("sqlite:///{}", file.display()), home.path());
        assert!(has_workspace(&side, None).await.is_ok(), "none is named");
        side.rest.workspace = Some("team".into());
        assert!(has_workspace(&side, None).await.is_err_and(|error| error.to_string().contains("\"team\"")));
        assert!(!file.exists());
        // A database of this program's own knows no workspaces.
        side.rest.workspace = None;
        super::super::opening::open_or_begin(&side).unwrap().begin().await.unwrap();
        side.rest.workspace = Some("team".into());
        let store = open_existing(&side).unwrap();
        assert!(has_workspace(&side, Some(&store)).await.is_err());
    }

    #[test]
    fn a_workspace_in_the_environment_is_that_of_one_store() {
        let home = tempfile::tempdir().unwrap();
        let ambient =
            |store: Option<&str>| Ambient { workspace: Some("team".into()), store: store.map(str::to_owned) };
        let chosen = |ambient: &Ambient, uri: &str, named: Option<&str>, other: &str| {
            let mut side = side(uri, home.path());
            let chosen = ambient.choose(&mut side, named, Some(other), "--from-workspace");
            chosen.map(|()| side.rest.workspace).map_err(|failure| failure.to_string())
        };
        let (one, two) = ("http://one:5000", "http://two:5000");
        assert_eq!(chosen(&ambient(Some(one)), one, None, two), Ok(Some("team".into())));
        assert_eq!(chosen(&ambient(Some(one)), two, None, one), Ok(None));
        assert_eq!(chosen(&ambient(None), one, Some("mine"), two), Ok(Some("mine".into())));
        assert_eq!(chosen(&ambient(Some(one)), one, Some(""), two), Ok(None));
        assert_eq!(chosen(&ambient(None), "sqlite:///new.db", None, one), Ok(None), "it has none yet");
        for store in [None, Some("http://three:5000")] {
            let asks = chosen(&ambient(store), one, None, two).unwrap_err();
            assert!(asks.contains("--from-workspace team") && asks.contains(one), "{asks}");
        }
    }

    #[test]
    fn two_workspaces_are_two_stores_where_ids_are_given_out() {
        let home = tempfile::tempdir().unwrap();
        let apart = |uri: &str, from: Option<&str>, to: Option<&str>| {
            let (mut one, mut two) = (side(uri, home.path()), side(uri, home.path()));
            one.rest.workspace = from.map(str::to_owned);
            two.rest.workspace = to.map(str::to_owned);
            keep_apart(&one, &two).map_err(|failure| failure.to_string())
        };
        assert_eq!(apart("http://one:5000", Some("a"), Some("b")), Ok(()));
        assert!(apart("http://one:5000", None, Some("default")).unwrap_err().contains("into itself"));
        let words = apart("postgresql://ana@db/ml", Some("a"), None).unwrap_err();
        assert!(words.contains("each run once"), "{words}");
    }

    #[test]
    fn a_folder_is_made_only_where_one_is_meant() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name).display().to_string();
        let folder = Some(home.path().join("new"));
        assert_eq!(absent_folder("databricks"), None, "that is a workspace");
        assert_eq!(absent_folder(&path("new")), folder);
        assert_eq!(absent_folder(&format!("file://{}", path("new"))), folder);
        for other in [path(""), path("new.db"), "sqlite:///new".into(), "http://h".into()] {
            assert_eq!(absent_folder(&other), None, "{other}");
        }
    }
}
