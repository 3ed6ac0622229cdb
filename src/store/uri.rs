//! From a tracking URI to a store, by MLflow's own rules.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::rest::{RestOptions, RestStore, address};
use super::sqlite::{Database, SqliteStore};
use super::{ErrorKind, Result, StoreError, TrackingStore};

/// Where a tracking URI was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag,
    Profile(String),
    Environment(&'static str),
    Config,
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--tracking-uri"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Environment(name) => f.write_str(name),
            Self::Config => f.write_str("config file"),
            Self::Default => f.write_str("MLflow's default"),
        }
    }
}

/// A tracking URI that can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    Server(url::Url),
    Sqlite(Database),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(url) => f.write_str(&address(url)),
            Self::Sqlite(database) => database.fmt(f),
        }
    }
}

impl Location {
    /// Whether the address itself asks for nothing to be written.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Sqlite(database) if database.read_only)
    }
}

/// What MLflow uses in a folder when nothing is set: `./mlruns` where it holds a file store, else `./mlflow.db`.
pub fn default_uri(folder: &Path) -> String {
    let mlruns = folder.join("mlruns");
    let is_file_store = std::fs::read_dir(&mlruns).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_digit())
                && entry.path().join("meta.yaml").is_file()
        })
    });
    if is_file_store {
        format!("file://{}", mlruns.display())
    } else {
        format!("sqlite:///{}", folder.join("mlflow.db").display())
    }
}

/// Understands a tracking URI; relative paths start at `folder`.
pub fn parse(uri: &str, folder: &Path) -> Result<Location> {
    let fail =
        |kind| Err(StoreError::new(format!("open the tracking URI {}", without_credentials(uri)), kind));
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    match scheme {
        "http" | "https" => match url::Url::parse(uri) {
            Ok(url) if url.has_host() => Ok(Location::Server(url)),
            _ => fail(ErrorKind::Invalid("it is not a complete URL, such as http://localhost:5000".into())),
        },
        "sqlite" => match Database::parse(uri.strip_prefix("sqlite:///").unwrap_or_default(), folder) {
            Ok(database) => Ok(Location::Sqlite(database)),
            Err(why) => fail(ErrorKind::Invalid(why)),
        },
        "" | "file" => {
            let path = folder.join(uri.trim_start_matches("file:").trim_start_matches("//"));
            if path.is_file() {
                return Ok(Location::Sqlite(path.into()));
            }
            let beside = folder.join("mlflow.db");
            let beside = if beside.is_file() {
                format!("; the database beside it opens with --tracking-uri sqlite:///{}", beside.display())
            } else {
                String::new()
            };
            fail(ErrorKind::Unsupported(format!(
                "reader for file stores ({}): move it into a database with \
                 `mlflow migrate-filestore --source {} --target sqlite:///mlflow.db`, or run `mlflow server` on it \
                 with MLFLOW_ALLOW_FILE_STORE=true and open http://localhost:5000{beside}",
                path.display(),
                path.display()
            )))
        }
        other => fail(ErrorKind::Unsupported(format!(
            "driver for {other}:// addresses: run `mlflow server --backend-store-uri {other}://…` and open its \
             http address; http://, https:// and sqlite:/// work"
        ))),
    }
}

/// The URI with user name and password taken out, safe to show.
pub fn without_credentials(uri: &str) -> String {
    match (uri.find("://"), uri.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}{}", &uri[..scheme + 3], &uri[at + 1..]),
        _ => uri.to_owned(),
    }
}

/// Opens a store. Nothing is connected to or created yet.
pub fn open(location: &Location, options: &RestOptions, read_only: bool) -> Result<Arc<dyn TrackingStore>> {
    Ok(match location {
        Location::Server(url) => Arc::new(RestStore::new(url, options.clone(), read_only)?),
        Location::Sqlite(database) => {
            Arc::new(SqliteStore::new(database, options.workspace.as_deref(), read_only))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_follow_mlflow() {
        let folder = Path::new("/home/ana");
        assert_eq!(parse("sqlite:///a.db", folder).unwrap(), Location::Sqlite("/home/ana/a.db".into()));
        assert_eq!(parse("sqlite:////x/a.db", folder).unwrap(), Location::Sqlite("/x/a.db".into()));
        assert!(matches!(parse("https://host/prefix", folder).unwrap(), Location::Server(_)));
        for (uri, word) in [
            ("mlruns", "migrate-filestore"),
            ("file:///x/mlruns", "migrate-filestore"),
            ("postgresql://u:secret@h/db", "mlflow server"),
            ("sqlite:///", "needs a file"),
            ("http://", "complete URL"),
        ] {
            let error = parse(uri, folder).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_default_is_mlflows() {
        let folder = tempfile::tempdir().unwrap();
        assert!(default_uri(folder.path()).ends_with("/mlflow.db"));
        let experiment = folder.path().join("mlruns/0");
        std::fs::create_dir_all(&experiment).unwrap();
        assert!(default_uri(folder.path()).starts_with("sqlite:"), "no meta.yaml, no store");
        std::fs::write(experiment.join("meta.yaml"), "name: Default").unwrap();
        assert!(default_uri(folder.path()).starts_with("file:"));
    }

    #[test]
    fn a_location_never_shows_a_password() {
        let location = parse("https://ana:secret@host:5000/p/", Path::new("/")).unwrap();
        assert_eq!(location.to_string(), "https://host:5000/p");
    }
}
