//! Who a server is told that one is, and how it is trusted. What the environment holds of that belongs to the
//! environment's own server: it goes to no other one.

use std::path::{Path, PathBuf};

use super::ConfigError;
use super::environment::Environment;
use super::raw::{ProfileAuth, RawProfile};
use crate::store::uri::{self, Auth, Location, UriOrigin};

const URI: &str = "MLFLOW_TRACKING_URI";
const INSECURE_TLS: &str = "MLFLOW_TRACKING_INSECURE_TLS";
const CA_FILE: &str = "MLFLOW_TRACKING_SERVER_CERT_PATH";

/// What goes to a server beside requests.
#[derive(Debug, Clone, Default)]
pub struct Access {
    pub auth: Auth,
    pub insecure_tls: bool,
    pub ca_file: Option<PathBuf>,
    /// What these two were set by.
    pub insecure_tls_by: String,
    pub ca_file_by: String,
    pub client_cert: Option<PathBuf>,
    pub workspace: Option<String>,
    /// Why credentials that there are do not go to this server.
    pub withheld: Option<String>,
}

impl Access {
    /// For a store at `location`, whose address comes from `origin`.
    pub fn find(
        location: Option<&Location>,
        origin: &UriOrigin,
        profile: Option<(&str, &RawProfile)>,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let server = match location {
            Some(Location::Server(url)) => Some(url),
            _ => None,
        };
        let mut access = Self {
            // An authority is no secret: it is trusted wherever it is met.
            ca_file: environment.get(CA_FILE).map(PathBuf::from),
            insecure_tls_by: INSECURE_TLS.into(),
            ca_file_by: CA_FILE.into(),
            ..Self::default()
        };
        if let Some(Location::Databricks(_)) = location {
            // It has variables of its own: none of those for MLflow's servers goes there.
            if let Some((name, profile)) = profile {
                access.auth = of_profile(name, profile, environment)?;
                access.secure(name, profile);
                access.client_cert.clone_from(&profile.client_cert);
            }
            return Ok(access);
        }
        let stranger = stranger(server, origin, profile, environment);
        let insecure_tls = environment.boolean(INSECURE_TLS)?.unwrap_or(false);
        // A local store has no server that could be told too much.
        if stranger.is_none() || server.is_none() {
            access.workspace = text(environment, "MLFLOW_WORKSPACE", Letters::Ascii)?;
        }
        if stranger.is_none() {
            access.insecure_tls = insecure_tls;
            access.client_cert = environment.get("MLFLOW_TRACKING_CLIENT_CERT_PATH").map(PathBuf::from);
        }
        if let Some((name, profile)) = profile {
            access.auth = of_profile(name, profile, environment)?;
            access.secure(name, profile);
            access.client_cert = profile.client_cert.clone().or(access.client_cert);
            access.workspace = profile.workspace.clone().or(access.workspace);
        }
        if let Some(auth) = server.and_then(Auth::in_address) {
            access.auth = auth;
        }
        match stranger {
            None if access.auth == Auth::None => access.auth = of_environment(environment)?,
            Some(why) if access.auth == Auth::None => {
                let there_are = of_environment(environment).is_ok_and(|auth| auth != Auth::None);
                access.withheld = there_are.then_some(why);
            }
            _ => {}
        }
        Ok(access)
    }

    /// The same for whoever wrote the address of a page of MLflow's, which names its workspace.
    pub fn of_page(mut self, address: &str) -> Result<Self, ConfigError> {
        if let Some(name) = uri::workspace_of_page(address) {
            self.workspace = Some(check("workspace in the tracking URI", &name, Letters::Ascii)?);
        }
        Ok(self)
    }

    /// What a profile says of certificates.
    fn secure(&mut self, name: &str, profile: &RawProfile) {
        if profile.insecure_tls {
            let own = format!("insecure_tls of profile {name}");
            let both = format!("{own} with {}", self.insecure_tls_by);
            self.insecure_tls_by = if self.insecure_tls { both } else { own };
            self.insecure_tls = true;
            self.ca_file = None;
        }
        if let Some(path) = &profile.ca_file {
            self.ca_file = Some(path.clone());
            self.ca_file_by = format!("ca_file of profile {name}");
        }
    }
}

/// Why the environment's credentials are for somebody else, if they are.
fn stranger(
    server: Option<&url::Url>,
    origin: &UriOrigin,
    profile: Option<(&str, &RawProfile)>,
    environment: &Environment,
) -> Option<String> {
    let own = environment.get(URI).map(|written| (written, uri::parse(written, &environment.folder)));
    let is_same = own.as_ref().is_some_and(|(_, own)| match (own, server) {
        (Ok(Location::Server(own)), Some(server)) => own.origin() == server.origin(),
        _ => false,
    });
    match origin {
        _ if is_same => None,
        UriOrigin::Environment(URI) | UriOrigin::Default => None,
        UriOrigin::Profile(name) => {
            let asks = profile.is_some_and(|(_, profile)| profile.auth == ProfileAuth::Environment);
            (!asks).then(|| {
                format!(
                    "profile {name} has its own address, so credentials from the environment are not used; auth = \"environment\" in it allows them"
                )
            })
        }
        // Where the environment names no server, its credentials go with whatever is opened, as with MLflow.
        UriOrigin::Flag | UriOrigin::Config | UriOrigin::Environment(_) => match own? {
            (
                _,
                Ok(Location::Sqlite(_) | Location::Postgres(_) | Location::MySql(_) | Location::Folder(_)),
            ) => None,
            // A workspace, or what cannot be opened.
            (written, _) => Some(format!(
                "the credentials in the environment are for {}, which MLFLOW_TRACKING_URI names",
                crate::store::address::shown(written)
            )),
        },
    }
}

/// Which letters get through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// Sent in a header as it is.
    Ascii,
    /// Sent encoded.
    Any,
}

fn check(name: &str, value: &str, letters: Letters) -> Result<String, ConfigError> {
    let wrong = |problem| Err(ConfigError::Unsendable { name: name.to_owned(), problem });
    if value.contains(['\n', '\r']) {
        return wrong("a line break");
    }
    if value.chars().any(char::is_control) {
        return wrong("a control character");
    }
    if letters == Letters::Ascii && !value.is_ascii() {
        return wrong("a letter beyond ASCII");
    }
    Ok(value.to_owned())
}

fn text(environment: &Environment, name: &str, letters: Letters) -> Result<Option<String>, ConfigError> {
    environment.get(name).map(|value| check(name, value, letters)).transpose()
}

/// The credentials whose variables a profile names.
fn of_profile(name: &str, profile: &RawProfile, environment: &Environment) -> Result<Auth, ConfigError> {
    let secret = |what: &'static str, variable: &str, letters| {
        environment.check_readable(variable)?;
        text(environment, variable, letters)?.ok_or_else(|| ConfigError::MissingSecret {
            profile: name.to_owned(),
            what,
            variable: variable.to_owned(),
        })
    };
    if let (Some(user), Some(password)) = (&profile.username_env, &profile.password_env) {
        return Ok(Auth::Basic {
            user: secret("user name", user, Letters::Any)?,
            password: secret("password", password, Letters::Any)?,
        });
    }
    match &profile.token_env {
        Some(token) => Ok(Auth::Bearer(secret("token", token, Letters::Ascii)?)),
        None => Ok(Auth::None),
    }
}

/// User name and password from the environment, else from `~/.mlflow/credentials`, else a token.
pub fn of_environment(environment: &Environment) -> Result<Auth, ConfigError> {
    let stored = match &environment.home {
        Some(home) => read_credentials(&home.join(".mlflow/credentials"))?,
        None => (None, None),
    };
    let user = text(environment, "MLFLOW_TRACKING_USERNAME", Letters::Any)?.or(stored.0);
    let password = text(environment, "MLFLOW_TRACKING_PASSWORD", Letters::Any)?.or(stored.1);
    Ok(match (user, password) {
        (Some(user), Some(password)) => Auth::Basic { user, password },
        _ => text(environment, "MLFLOW_TRACKING_TOKEN", Letters::Ascii)?.map_or(Auth::None, Auth::Bearer),
    })
}

fn read_credentials(path: &Path) -> Result<(Option<String>, Option<String>), ConfigError> {
    if !path.is_file() {
        return Ok((None, None));
    }
    let file = ini::Ini::load_from_file_noescape(path)
        .map_err(|error| ConfigError::Credentials { path: path.to_owned(), cause: error.to_string() })?;
    let value = |key: &str| {
        let section = file.section(Some("mlflow"))?;
        section.get(key).map(str::to_owned).filter(|value| !value.is_empty())
    };
    Ok((value("mlflow_tracking_username"), value("mlflow_tracking_password")))
}
