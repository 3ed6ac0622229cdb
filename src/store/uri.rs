//! From a tracking URI to a store, by MLflow's own rules.

use std::fmt;
use std::path::{Path, PathBuf};

use super::address::shown;
pub use super::databricks::Workspace;
use super::error::During;
use super::folder::{Folder, address_of, is_store, path_of};
pub use super::location::Location;
use super::mysql::MySql;
pub use super::mysql::{MyDatabase, TlsUse};
use super::postgres::Postgres;
pub use super::postgres::{PgDatabase, TlsMode};
use super::rest::{ArtifactService, Rest};
pub use super::rest::{Auth, Observer, RestOptions, WaitNotice, address, proxy};
use super::sql::SqlStore;
pub use super::sqlite::Database;
use super::sqlite::Sqlite;
use super::{ErrorKind, Result, Store, StoreError};

/// Entries of a folder that are looked at for a name that was meant.
const LOOKED_AT: usize = 10_000;
/// What names a workspace in the address of a page.
const WORKSPACE: &str = "workspace";

/// Where a tracking URI was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UriOrigin {
    /// The command line.
    Flag,
    /// A profile, by its name.
    Profile(String),
    /// A variable, by its name.
    Environment(&'static str),
    /// The config file, outside any profile.
    Config,
    /// Nothing is set.
    Default,
}

impl fmt::Display for UriOrigin {
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
        address_of(&mlruns)
    } else {
        format!("sqlite:///{}", folder.join("mlflow.db").display())
    }
}

/// Understands a tracking URI; relative paths start at `folder`.
///
/// # Errors
///
/// [`ErrorKind::Address`] with what to write instead.
pub fn parse(uri: &str, folder: &Path) -> Result<Location> {
    let uri = uri.trim();
    understand(uri, folder).map_err(|words| {
        StoreError::new(format!("open the tracking URI {:?}", shown(uri)), ErrorKind::Address(words))
    })
}

/// The same; what is wrong with it, in words.
fn understand(uri: &str, folder: &Path) -> Result<Location, String> {
    if let Some(workspace) = Workspace::parse(uri) {
        return workspace.map(|workspace| Location::Databricks(Box::new(workspace)));
    }
    if let Some(meant) = mistyped_server(uri) {
        return Err(format!("did you mean {}?", shown(&meant)));
    }
    let (scheme, rest) = uri.split_once(':').unwrap_or(("", uri));
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => server(uri, rest),
        // The driver that SQLAlchemy takes for it by itself.
        "sqlite" | "sqlite+pysqlite" => {
            Database::parse(rest.strip_prefix("///").unwrap_or_default(), folder).map(Location::Sqlite)
        }
        "arn" | "azureml" => Err(format!(
            "{} is not supported: its requests have to be signed by its own login; run its own MLflow client, or copy \
             the runs to a server or a database file that opens here",
            if scheme == "arn" { "SageMaker's MLflow" } else { "Azure ML's MLflow" }
        )),
        "s3" | "gs" | "abfss" | "wasbs" | "hdfs" | "dbfs" | "mlflow-artifacts" | "runs" | "models" => {
            Err(format!(
                "{scheme}: is where artifacts are, not runs; a tracking URI is a server (http://, https://), a database \
             (sqlite:///, postgresql://, mysql://) or a folder (./mlruns)"
            ))
        }
        "" if is_this_machine(uri) => Err(format!("did you mean http://{uri}:5000?")),
        "uc" => Err(
            "uc: is where models are (an open Unity Catalog), not runs; for Databricks write databricks or databricks://PROFILE"
                .into(),
        ),
        _ if uri.starts_with(['.', '/', '~']) && !uri.starts_with("//") => path(Path::new(uri), folder),
        "file" => path(&path_of(uri), folder),
        "" if !uri.starts_with("//") => path(Path::new(uri), folder),
        _ if PgDatabase::is_scheme(&scheme) => {
            PgDatabase::parse(&scheme, rest, folder).map(|database| Location::Postgres(Box::new(database)))
        }
        _ if MyDatabase::is_scheme(&scheme) => {
            MyDatabase::parse(&scheme, rest, folder).map(|database| Location::MySql(Box::new(database)))
        }
        _ if is_database(&scheme) => Err(format!(
            "{scheme}:// databases are not supported directly; run `mlflow server --backend-store-uri {scheme}://…` and open \
             its address, http://localhost:5000"
        )),
        _ if rest.starts_with("//") && !uri.starts_with("//") => Err(format!(
            "unsupported tracking URI scheme {scheme}://; use http://, https://, sqlite:///, postgresql://, mysql://, \
             databricks, or a folder (./mlruns)"
        )),
        // `localhost:5000`, `ana:password@host`, `//host`
        _ => Err(format!(
            "a server address needs http:// or https://; write http://{}",
            shown(uri).trim_start_matches('/')
        )),
    }
}

/// What is meant by `http//host`, `http;//host` and `http:/host`.
fn mistyped_server(uri: &str) -> Option<String> {
    let lower = uri.to_ascii_lowercase();
    let scheme = ["https", "http"].into_iter().find(|scheme| lower.starts_with(scheme))?;
    let rest = &uri[scheme.len()..];
    let host = rest.strip_prefix("//").or_else(|| rest.strip_prefix(";//")).or_else(|| {
        let host = rest.strip_prefix(":/")?;
        (!host.starts_with('/')).then_some(host)
    })?;
    (!host.is_empty()).then(|| format!("{scheme}://{host}"))
}

/// A host without a port, and no file of that name is meant.
fn is_this_machine(uri: &str) -> bool {
    ["localhost", "127.0.0.1", "0.0.0.0"].contains(&uri)
}

/// Whether MLflow keeps runs in such a database; a driver can be named behind a +.
fn is_database(scheme: &str) -> bool {
    let dialect = scheme.split('+').next().unwrap_or(scheme);
    matches!(dialect, "mssql" | "oracle")
}

/// A server's address; also as a browser shows it, with a page behind a #.
fn server(uri: &str, rest: &str) -> Result<Location, String> {
    let wrong = || "it is not a complete URL, such as http://localhost:5000".to_owned();
    if !rest.starts_with("//") || rest.starts_with("///") {
        return Err(wrong());
    }
    let mut url = url::Url::parse(uri).map_err(|error| format!("{}: {error}", wrong()))?;
    if !url.has_host() {
        return Err(wrong());
    }
    let is_page = url.fragment().is_some_and(|page| page.starts_with('/'));
    if url.path().contains('@') || (url.fragment().is_some() && !is_page) {
        return Err("invalid path after the host; in a user name or password write %2F for /, %3F for \
                    ?, %23 for # and %40 for @"
            .into());
    }
    if is_workspace_page(&url) {
        return Err(format!(
            "this is a page of a Databricks workspace: set DATABRICKS_HOST={} and DATABRICKS_TOKEN, and write databricks",
            url.origin().ascii_serialization()
        ));
    }
    let is_of_workspace = url.query_pairs().all(|(key, _)| key == WORKSPACE);
    if url.query().is_some() && !is_page && !is_of_workspace {
        return Err("a server address cannot contain ?; put a token into MLFLOW_TRACKING_TOKEN".into());
    }
    if let Some((prefix, page)) = page_as_path(url.path()) {
        let (host, prefix) = (url.origin().ascii_serialization(), prefix.trim_end_matches('/'));
        return Err(format!("this is a page; did you mean {host}{prefix}/#{page}?"));
    }
    url.set_fragment(None);
    url.set_query(None);
    Ok(Location::Server(url))
}

/// The page of an experiment in a path, where a browser has it behind a #.
fn page_as_path(path: &str) -> Option<(&str, &str)> {
    let at = path.find("/experiments/")?;
    let (prefix, page) = path.split_at(at);
    let id = page.split('/').nth(2)?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some((prefix, page))
}

/// Whether a browser shows a page of a workspace at such an address.
fn is_workspace_page(url: &url::Url) -> bool {
    let is_of =
        |host: &str| [".azuredatabricks.net", ".databricks.com"].iter().any(|domain| host.ends_with(domain));
    url.host_str().is_some_and(is_of)
        && (url.query().is_some() || url.path().len() > 1 || url.fragment().is_some())
}

/// The experiment whose page in MLflow's web interface an address names: `http://host/#/experiments/1/runs/…`.
pub fn experiment_of_page(uri: &str) -> Option<String> {
    let url = url::Url::parse(uri.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let page = url.fragment()?.strip_prefix("/experiments/")?;
    let id = page.split(['/', '?']).next()?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

/// The workspace whose page an address names, as MLflow's web interface keeps it: `http://host/?workspace=team#/experiments/7`.
pub fn workspace_of_page(uri: &str) -> Option<String> {
    let url = url::Url::parse(uri.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let behind = url.fragment().and_then(|page| Some(page.split_once('?')?.1)).unwrap_or_default();
    let mut pairs = url.query_pairs().chain(url::form_urlencoded::parse(behind.as_bytes()));
    let (_, name) = pairs.find(|(key, name)| key == WORKSPACE && !name.is_empty())?;
    Some(name.into_owned())
}

/// A database or a folder of files by its path; why it is neither.
fn path(path: &Path, folder: &Path) -> Result<Location, String> {
    // Without the dots of `./mlruns`.
    let path: PathBuf = folder.join(path).components().collect();
    if path.is_file() {
        return Ok(Location::Sqlite(path.into()));
    }
    if !path.exists() {
        return Err(no_file(&path));
    }
    if is_store(&path) {
        return Ok(Location::Folder(path));
    }
    let within = [path.join("mlruns"), path.join("mlflow.db")];
    let meant = within.iter().find(|within| within.is_file() || (within.is_dir() && is_store(within)));
    let meant = meant.map_or(String::new(), |meant| format!("; did you mean {}?", meant.display()));
    Err(format!(
        "{} is no MLflow file store: no folder in it has a meta.yaml that can be read{meant}",
        path.display()
    ))
}

/// Where a symbolic link leads that leads to nothing, as a disk that is not mounted leaves them behind. Nothing is made there.
pub fn dangling(path: &Path) -> Option<PathBuf> {
    path.read_link().ok().filter(|_| !path.exists())
}

/// Says that a file is not there, and which one may have been meant.
pub fn no_file(path: &Path) -> String {
    if let Some(target) = dangling(path) {
        return format!("{} is a symbolic link to {}, which is not there", path.display(), target.display());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return format!("no file {}: the folder {} does not exist", path.display(), folder.display());
    }
    match nearest(path) {
        Some(near) => {
            format!("no file {}; did you mean {}?", path.display(), near.display())
        }
        None => format!("no file {}", path.display()),
    }
}

/// The file in the same folder whose name is nearest, as far as it is near.
fn nearest(path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let most = (wanted.len() / 3).clamp(1, 4);
    let entries = std::fs::read_dir(path.parent()?).ok()?.take(LOOKED_AT).flatten();
    let names = entries.filter(|entry| entry.path().is_file()).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((strsim::osa_distance(wanted, &name), name)).filter(|(distance, _)| *distance <= most)
    });
    names.min().map(|(_, name)| path.with_file_name(name))
}

/// Opens a store. Nothing is connected to or created yet.
///
/// # Errors
///
/// If a file that the options name cannot be read, such as that of a certificate.
pub fn open(location: &Location, options: &RestOptions, read_only: bool) -> Result<Store> {
    let read_only = read_only || location.is_read_only();
    let service = || ArtifactService::new(options).during("prepare the connection to the artifacts server");
    let store = match location {
        Location::Server(url) => {
            Store::new(Rest::new(url, options.clone()).during("prepare the connection")?)
        }
        Location::Sqlite(database) => {
            let place = Sqlite::new(database, options.workspace.as_deref(), read_only);
            Store::new(SqlStore::new(place).with_service(service()?))
        }
        Location::Postgres(database) => {
            let place = Postgres::new((**database).clone(), options.workspace.as_deref());
            Store::new(SqlStore::new(place).with_service(service()?))
        }
        Location::Folder(path) => Store::new(Folder::new(path.clone(), options.cache_folder.clone())),
        Location::MySql(database) => {
            let place = MySql::new((**database).clone(), options.workspace.as_deref());
            Store::new(SqlStore::new(place).with_service(service()?))
        }
        Location::Databricks(workspace) => {
            Store::new(Rest::of_workspace(workspace, options.clone()).during("prepare the connection")?)
        }
    };
    Ok(if read_only { store.read_only() } else { store })
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
        assert_eq!(
            parse("sqlite+pysqlite:///a.db", folder).unwrap(),
            Location::Sqlite("/home/ana/a.db".into())
        );
        assert_eq!(parse("SQLITE:///a.db", folder).unwrap(), Location::Sqlite("/home/ana/a.db".into()));
        assert_eq!(parse("HTTP://Host:5000", folder).unwrap().to_string(), "http://host:5000");
    }

    #[test]
    fn a_store_has_one_name_however_it_is_opened() {
        let name = |uri: &str| parse(uri, Path::new("/home/ana")).unwrap().name();
        for uri in
            ["x.db", "/home/ana/x.db", "file:x.db?mode=ro&uri=true", "x.db?immutable=1", "x.db?timeout=3"]
        {
            assert_eq!(name(&format!("sqlite:///{uri}")), "sqlite:////home/ana/x.db", "{uri}");
        }
        assert_eq!(name("http://ana:pw@host:5000"), "http://host:5000");
    }

    #[test]
    fn an_address_that_cannot_be_opened_says_what_to_write() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("project/mlruns/0")).unwrap();
        std::fs::write(folder.path().join("project/mlruns/0/meta.yaml"), "").unwrap();
        std::fs::create_dir_all(folder.path().join("artifacts/1/abc")).unwrap();
        std::fs::write(folder.path().join("mlflow.db"), "").unwrap();
        let absolute = format!("file://{}/artifacts", folder.path().display());
        for (uri, word) in [
            ("project", "did you mean"),
            (absolute.as_str(), "no MLflow file store"),
            ("file:///no/such/folder", "does not exist"),
            ("mlfow.db", "did you mean"),
            ("no/such/folder", "does not exist"),
            ("./no/such/folder", "/no/such does not exist"),
            ("postgresql://u:secret@h/db?sslmode=maybe", "sslmode=maybe"),
            ("postgresql://u:secret@h:5432x/db", "port"),
            ("MySQL+pymysql://u:secret@h/db?ssl_mode=maybe", "ssl_mode=maybe"),
            ("mysql://u:secret@h:port/db", "port"),
            ("mssql://u:secret@h/db", "mlflow server"),
            ("sqlite:///", "needs a file"),
            ("sqlite://mlflow.db", "needs a file"),
            ("http://", "complete URL"),
            ("http:localhost:5000", "complete URL"),
            ("http:/u:secret@h", "did you mean http://***@h?"),
            ("http//localhost:5000", "did you mean http://localhost:5000?"),
            ("HTTPS;//u:secret@h/x", "did you mean https://***@h/x?"),
            ("http://u:secret@h/experiments/7", "did you mean http://h/#/experiments/7?"),
            ("https://h:5000/p/experiments/7/runs/abc", "https://h:5000/p/#/experiments/7/runs/abc?"),
            ("http://u:p/secret@h", "complete URL"),
            ("http://u:1/secret@h", "%2F for /"),
            ("http://u:1#secret@h", "%23 for #"),
            ("http://h/?token=secret", "MLFLOW_TRACKING_TOKEN"),
            ("databricks://", "needs a profile"),
            ("databricks://secret@p", "section of ~/.databrickscfg"),
            ("uc:server", "write databricks"),
            ("https://adb-1.2.azuredatabricks.net/ml/experiments/7?o=1", "DATABRICKS_HOST"),
            ("localhost:5000", "write http://localhost:5000"),
            ("mlflow.example.org:5000/team", "write http://mlflow.example.org:5000/team"),
            ("u:secret@h:5000", "write http://***@h:5000"),
            ("//u:secret@h:5000", "write http://***@h:5000"),
            ("s3://bucket/x", "where artifacts are"),
            ("arn:aws:sagemaker:us-east-1:1:mlflow-tracking-server/x", "SageMaker's MLflow is not supported"),
            ("azureml://eastus.api.azureml.ms/mlflow", "Azure ML's MLflow is not supported"),
            ("localhost", "did you mean http://localhost:5000?"),
            ("gopher://x", "unsupported tracking URI"),
            ("redis://x", "databricks, or a folder (./mlruns)"),
        ] {
            let error = parse(uri, folder.path()).unwrap_err();
            assert!(error.to_string().contains(word), "{uri}: {error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{uri}: {error}");
            assert!(matches!(error.kind, ErrorKind::Address(_)), "{uri}: {error:?}");
        }
    }

    #[test]
    fn a_browsers_address_is_the_servers() {
        for (uri, server, experiment, workspace) in [
            ("http://h:5000/#/experiments/1", "http://h:5000", Some("1"), None),
            ("http://h:5000/team/#/experiments/27/runs/abc", "http://h:5000/team", Some("27"), None),
            ("http://h:5000/?workspace=a#/experiments/3?orderBy=x", "http://h:5000", Some("3"), Some("a")),
            ("http://h:5000/p/?workspace=a-b#/", "http://h:5000/p", None, Some("a-b")),
            ("http://h:5000/?workspace=a", "http://h:5000", None, Some("a")),
            ("http://h:5000/#/experiments/3?workspace=a", "http://h:5000", Some("3"), Some("a")),
            ("https://h/?workspace=#/models/wine", "https://h", None, None),
            ("http://h:5000", "http://h:5000", None, None),
        ] {
            assert_eq!(parse(uri, Path::new("/")).unwrap().to_string(), server);
            assert_eq!(experiment_of_page(uri).as_deref(), experiment, "{uri}");
            assert_eq!(workspace_of_page(uri).as_deref(), workspace, "{uri}");
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
        assert_eq!(format!("{location:?}"), "\"https://host:5000/p\"");
    }
}
