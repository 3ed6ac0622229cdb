//! A place that can be opened, by whichever kind it is.

use std::fmt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::databricks::Workspace;
use super::folder::address_of;
use super::tunnel::{Target, Tunnel};
use super::uri::{Database, MyDatabase, PgDatabase, address};
use super::{ErrorKind, Result, StoreError};

/// What is encoded of the name of a workspace in an address.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A tracking URI that can be opened.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// With the credentials that were written into it.
    Server(url::Url),
    /// A database file.
    Sqlite(Database),
    /// A database of a PostgreSQL server.
    Postgres(Box<PgDatabase>),
    /// A folder of files, as MLflow's file store keeps them.
    Folder(PathBuf),
    /// A database of a MySQL or MariaDB server.
    MySql(Box<MyDatabase>),
    /// A Databricks workspace.
    Databricks(Box<Workspace>),
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(url) => f.write_str(&address(url)),
            Self::Sqlite(database) => database.fmt(f),
            Self::Postgres(database) => database.fmt(f),
            Self::Folder(path) => f.write_str(&address_of(path)),
            Self::MySql(database) => database.fmt(f),
            Self::Databricks(workspace) => workspace.fmt(f),
        }
    }
}

impl Location {
    /// The name under which things are kept for a store: the same however it is opened.
    pub fn name(&self) -> String {
        match self {
            Self::Server(_) | Self::Postgres(_) | Self::MySql(_) | Self::Folder(_) | Self::Databricks(_) => {
                self.to_string()
            }
            Self::Sqlite(database) => Database::from(database.path.clone()).to_string(),
        }
    }

    /// The address of the web interface with a workspace, up to what names the experiment, where there is one.
    pub fn page(&self, workspace: Option<&str>) -> Option<String> {
        match self {
            Self::Server(_) => {
                let named = workspace.map(|name| utf8_percent_encode(name, NAME));
                let named = named.map_or(String::new(), |name| format!("?workspace={name}"));
                Some(format!("{}/{named}#", self.name().trim_end_matches('/')))
            }
            Self::Databricks(workspace) => workspace.page(),
            Self::Sqlite(_) | Self::Postgres(_) | Self::MySql(_) | Self::Folder(_) => None,
        }
    }

    /// The same for a user whose name and password a profile says, where it is a database server that the address names no other
    /// user of.
    pub fn with_login(self, user: &str, password: &str) -> Self {
        match self {
            Self::Postgres(database) => Self::Postgres(Box::new(database.with_login(user, password))),
            Self::MySql(database) => Self::MySql(Box::new(database.with_login(user, password))),
            other @ (Self::Server(_) | Self::Sqlite(_) | Self::Folder(_) | Self::Databricks(_)) => other,
        }
    }

    /// The same for whoever has a token that a profile names, where it is a workspace of Databricks.
    pub fn with_token(self, token: &str) -> Self {
        match self {
            Self::Databricks(workspace) => Self::Databricks(Box::new(workspace.with_token(token))),
            other @ (Self::Server(_)
            | Self::Sqlite(_)
            | Self::Folder(_)
            | Self::Postgres(_)
            | Self::MySql(_)) => other,
        }
    }

    /// What another machine that sees a server is to lead to.
    ///
    /// # Errors
    ///
    /// Why it cannot, in words; none where it is no server.
    pub fn targets(&self) -> Option<Result<Vec<Target>, String>> {
        match self {
            Self::Server(url) => {
                let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                Some(Ok(vec![Target::Port(name, url.port_or_known_default().unwrap_or(80))]))
            }
            Self::Postgres(database) => Some(database.targets()),
            Self::MySql(database) => Some(database.target().map(|target| vec![target])),
            Self::Sqlite(_) | Self::Folder(_) | Self::Databricks(_) => None,
        }
    }

    /// The same by way of another machine, where it is a database server.
    #[must_use]
    pub fn through(self, tunnel: &Tunnel) -> Self {
        match self {
            Self::Postgres(database) => Self::Postgres(Box::new(database.through(tunnel))),
            Self::MySql(database) => Self::MySql(Box::new(database.through(tunnel))),
            other @ (Self::Server(_) | Self::Sqlite(_) | Self::Folder(_) | Self::Databricks(_)) => other,
        }
    }

    /// The same where files that somebody logs go to a server of MLflow's, if it is a database server and nothing else is said.
    #[must_use]
    pub fn with_artifacts_server(self) -> Self {
        let root = |said: Option<String>| said.or_else(|| Some("mlflow-artifacts:/".to_owned()));
        match self {
            Self::Postgres(mut database) => {
                database.artifact_root = root(database.artifact_root.take());
                Self::Postgres(database)
            }
            Self::MySql(mut database) => {
                database.artifact_root = root(database.artifact_root.take());
                Self::MySql(database)
            }
            other @ (Self::Server(_) | Self::Sqlite(_) | Self::Folder(_) | Self::Databricks(_)) => other,
        }
    }

    /// Whether it is a database, which only says where files are.
    pub fn is_database(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::Postgres(_) | Self::MySql(_))
    }

    /// How a database server or a workspace is reached, in words: who connects, and how that is protected.
    pub fn ways(&self) -> Option<[(&'static str, String); 3]> {
        match self {
            Self::Postgres(database) => Some(database.ways()),
            Self::MySql(database) => Some(database.ways()),
            Self::Databricks(workspace) => workspace.ways(),
            Self::Server(_) | Self::Sqlite(_) | Self::Folder(_) => None,
        }
    }

    /// A database server in words: `host:5432`.
    pub fn database_server(&self) -> Option<String> {
        match self {
            Self::Postgres(database) => Some(database.server()),
            Self::MySql(database) => Some(database.server()),
            Self::Server(_) | Self::Sqlite(_) | Self::Folder(_) | Self::Databricks(_) => None,
        }
    }

    /// The address of a database server for programs of Python's, and what else they find in the environment.
    pub fn for_scripts(&self) -> Option<(String, Option<(&'static str, String)>)> {
        match self {
            Self::Postgres(database) => {
                let password = database.password().map(|password| ("PGPASSWORD", password.to_owned()));
                Some((database.for_scripts(), password))
            }
            // Its drivers look for a password nowhere else.
            Self::MySql(database) => Some((database.for_scripts(), None)),
            Self::Server(_) | Self::Sqlite(_) | Self::Folder(_) | Self::Databricks(_) => None,
        }
    }

    /// The address for whoever opens the same in the same way, with no password in it.
    pub fn without_password(&self, workspace: Option<&str>) -> String {
        match self {
            Self::Postgres(database) => database.without_password(),
            Self::MySql(database) => database.without_password(),
            Self::Server(_) => match workspace {
                Some(_) => self.page(workspace).unwrap_or_default().trim_end_matches('#').to_owned(),
                None => self.name(),
            },
            Self::Sqlite(_) | Self::Folder(_) | Self::Databricks(_) => self.name(),
        }
    }

    /// The same with what the environment says of it: `PGHOST`, `PGPASSWORD`, `~/.pgpass` and the like, as libpq has it;
    /// `~/.my.cnf` as MySQL's programs do; `DATABRICKS_HOST` and `~/.databrickscfg` for a workspace.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Address`] for a variable that says what cannot be.
    pub fn completed(self, variable: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Result<Self> {
        let name = self.to_string();
        let completed = match self {
            Self::Postgres(database) => {
                database.completed(variable, home).map(|database| Self::Postgres(Box::new(database)))
            }
            Self::MySql(database) => {
                database.completed(variable, home).map(|database| Self::MySql(Box::new(database)))
            }
            Self::Databricks(workspace) => {
                workspace.completed(variable, home).map(|workspace| Self::Databricks(Box::new(workspace)))
            }
            other @ (Self::Server(_) | Self::Sqlite(_) | Self::Folder(_)) => Ok(other),
        };
        completed.map_err(|words| {
            StoreError::new(format!("open the tracking URI {name:?}"), ErrorKind::Address(words))
        })
    }

    /// Whether the address itself asks for nothing to be written.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Sqlite(database) if database.read_only)
    }
}
