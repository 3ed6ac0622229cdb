//! Where a workspace is and who one is there, as Databricks' own clients find it: `DATABRICKS_HOST` with a token or a client's
//! secret, or else a section of `~/.databrickscfg`. Address and credentials come from one place: no token goes to a host that
//! it was not written beside.

use std::fmt;
use std::path::{Path, PathBuf};

use ini::{Ini, ParseOption};

use super::Workspace;
use crate::store::secrets::note;

const HOST: &str = "DATABRICKS_HOST";
pub const TOKEN: &str = "DATABRICKS_TOKEN";
const CLIENT_ID: &str = "DATABRICKS_CLIENT_ID";
const CLIENT_SECRET: &str = "DATABRICKS_CLIENT_SECRET";
const AUTH_TYPE: &str = "DATABRICKS_AUTH_TYPE";
/// What would come beside a token, or before it.
pub const OTHERS: [&str; 4] = [CLIENT_ID, CLIENT_SECRET, AUTH_TYPE, PROFILE];
pub const PROFILE: &str = "DATABRICKS_CONFIG_PROFILE";
const FILE: &str = "DATABRICKS_CONFIG_FILE";
/// The section that is read where none is named; and the one of which no profile is made, where another can be named.
const DEFAULT: &str = "DEFAULT";
const SETTINGS: &str = "__settings__";

/// Values are read as they stand.
const AS_PYTHON: ParseOption = ParseOption {
    enabled_quote: false,
    enabled_escape: false,
    enabled_indented_mutiline_value: false,
    enabled_preserve_key_leading_whitespace: false,
};

/// What one is known by.
#[derive(Clone, PartialEq, Eq)]
pub enum Key {
    /// A personal access token, or any other that is sent as it is.
    Token(String),
    /// A service principal, which is given tokens (OAuth, machine-to-machine).
    Client {
        /// Its id.
        id: String,
        /// Its secret.
        secret: String,
    },
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words())
    }
}

impl Key {
    /// The kind of it.
    pub fn in_words(&self) -> String {
        match self {
            Self::Token(_) => "a token".into(),
            Self::Client { id, .. } => format!("client {id} and its secret (OAuth)"),
        }
    }

    /// Lets nobody show it.
    fn note(&self) {
        match self {
            Self::Token(token) => note(token),
            Self::Client { id, secret } => {
                note(secret);
                note(&format!("{id}:{secret}"));
            }
        }
    }
}

/// A workspace's address and the credentials for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `https://dbc-1.cloud.databricks.com`, without a slash at the end.
    pub host: String,
    /// What says so.
    pub host_from: String,
    /// The credentials.
    pub key: Key,
    /// What says so.
    pub key_from: String,
    /// The section of the file that they are from.
    pub(super) section: Option<String>,
    /// The token was named by a profile of this program.
    pub(super) is_given: bool,
}

/// What one place says.
#[derive(Default)]
struct Said {
    host: Option<String>,
    token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    auth_type: Option<String>,
}

impl Workspace {
    /// The same with a token that a profile of this program names: it comes before all others.
    pub fn with_token(self, token: &str) -> Self {
        Self { given: Some(token.to_owned()), ..self }
    }

    /// The same with the address and the credentials that environment and file say.
    ///
    /// # Errors
    ///
    /// What is missing or wrong, and what to do, in words.
    pub fn completed(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
        home: Option<&Path>,
    ) -> Result<Self, String> {
        let variable =
            |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|it| !it.is_empty());
        let found = self.find(&variable, home)?;
        found.key.note();
        self.found = Some(found);
        if !self.asks_for_catalog
            && let Some(registry) = variable("MLFLOW_REGISTRY_URI")
        {
            self.set_registry(&registry)?;
        }
        Ok(self)
    }

    fn find(&self, variable: &impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Result<Found, String> {
        let token = self.given.as_deref();
        let of_environment = Said {
            host: variable(HOST),
            token: variable(TOKEN),
            client_id: variable(CLIENT_ID),
            client_secret: variable(CLIENT_SECRET),
            auth_type: variable(AUTH_TYPE),
        };
        let is_wanted = |host: &Option<String>| match &self.wanted {
            None => host.is_some(),
            wanted => host.as_deref().and_then(address) == *wanted,
        };
        if self.profile.is_none() && is_wanted(&of_environment.host) {
            let place =
                Place { section: None, host: HOST.into(), token: TOKEN.into(), client: CLIENT_ID.into() };
            return place.found(of_environment, token);
        }
        let path = variable(FILE).map(|path| expanded(&path, home));
        let path = path.or_else(|| home.map(|home| home.join(".databrickscfg")));
        let file = match &path {
            Some(path) if path.is_file() => {
                Some(Ini::load_from_file_opt(path, AS_PYTHON).map_err(|error| {
                    format!("cannot read {}: {}", path.display(), without_content(&error))
                })?)
            }
            _ => None,
        };
        let named = self.profile.clone().or_else(|| variable(PROFILE).filter(|_| self.wanted.is_none()));
        let shown =
            path.as_ref().map_or_else(|| "~/.databrickscfg".into(), |path| path.display().to_string());
        if let Some(wanted) = &self.wanted {
            let is_it =
                |section: &&str| is_wanted(&file.as_ref().and_then(|file| value(file, section, "host")));
            let section = file.as_ref().and_then(|file| file.sections().flatten().find(is_it));
            let Some((file, section)) = file.as_ref().zip(section) else {
                return Err(format!("neither {HOST} nor a profile of {shown} is for {wanted}"));
            };
            return of_section(file, section, &shown, token);
        }
        let Some(file) = file else {
            return Err(match named {
                Some(name) => format!(
                    "there is no file {shown} to read the profile {name} from; `databricks configure` writes it"
                ),
                None => format!(
                    "nothing says where the Databricks workspace is: set {HOST} and {TOKEN} (or {CLIENT_ID} and {CLIENT_SECRET}), \
                     or write a profile into {shown} (`databricks configure`)"
                ),
            });
        };
        let chosen = || value(&file, SETTINGS, "default_profile");
        let section = named.or_else(chosen).unwrap_or_else(|| DEFAULT.into());
        if section == SETTINGS || !has(&file, &section) {
            let others: Vec<&str> = file.sections().flatten().filter(|name| *name != SETTINGS).collect();
            let others = if others.is_empty() { "none".into() } else { others.join(", ") };
            return Err(format!("{shown} has no profile {section}; it has {others}"));
        }
        of_section(&file, &section, &shown, token)
    }
}

/// What a section of the file says.
fn of_section(file: &Ini, section: &str, shown: &str, token: Option<&str>) -> Result<Found, String> {
    let said = Said {
        host: value(file, section, "host"),
        token: value(file, section, "token"),
        client_id: value(file, section, "client_id"),
        client_secret: value(file, section, "client_secret"),
        auth_type: value(file, section, "auth_type"),
    };
    let place = format!("profile {section} of {shown}");
    let section = Some(section.to_owned());
    Place { section, host: place.clone(), token: place.clone(), client: place }.found(said, token)
}

/// Where something is said, in words.
struct Place {
    section: Option<String>,
    host: String,
    token: String,
    client: String,
}

impl Place {
    /// What it comes to; `given` is a token that comes first.
    fn found(self, said: Said, given: Option<&str>) -> Result<Found, String> {
        let Self { section, host, token, client } = self;
        let Some(written) = said.host else { return Err(format!("{host} has no host")) };
        let address = address(&written).ok_or_else(|| {
            format!(
                "{host}: {:?} is no address of a workspace, such as https://dbc-1.cloud.databricks.com",
                crate::store::address::shown(&written)
            )
        })?;
        let is_given = given.is_some();
        let kind = said.auth_type.as_deref().filter(|_| !is_given).map(str::to_ascii_lowercase);
        let wants = |name: &str| kind.as_deref().is_none_or(|kind| kind == name);
        let pair = said.client_id.zip(said.client_secret).filter(|_| wants("oauth-m2m") && !is_given);
        let (key, key_from) = match (given.map(str::to_owned).or(said.token.filter(|_| wants("pat"))), pair) {
            (Some(_), Some(_)) => {
                return Err(format!(
                    "{token} has both a token and a client's secret; auth_type ({AUTH_TYPE}) says which is used: pat or oauth-m2m"
                ));
            }
            (Some(it), None) => {
                (Key::Token(it), if is_given { "token_env of the profile".into() } else { token })
            }
            (None, Some((id, secret))) => (Key::Client { id, secret }, client),
            (None, None) => return Err(no_credentials(&token, kind.as_deref(), &address)),
        };
        Ok(Found { host: address, host_from: host, key, key_from, section, is_given })
    }
}

fn no_credentials(place: &str, kind: Option<&str>, host: &str) -> String {
    match kind {
        None | Some("pat" | "oauth-m2m") => format!(
            "there are no credentials for {host}: set {TOKEN}, or {CLIENT_ID} and {CLIENT_SECRET} (in ~/.databrickscfg token, or \
             client_id and client_secret)"
        ),
        Some(kind) => format!(
            "{place}: the login {kind:?} (auth_type) is not supported; a token of it can be handed over, as in \
             `DATABRICKS_HOST={host} {TOKEN}=$(databricks auth token --host {host} | jq -r .access_token) mltui`"
        ),
    }
}

/// The address of a workspace, however much of a page's is written: only scheme, host and port of it.
pub fn address(written: &str) -> Option<String> {
    let written = if written.contains("://") { written.to_owned() } else { format!("https://{written}") };
    let url = url::Url::parse(&written).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    is_plain.then(|| url.origin().ascii_serialization())
}

/// With the home folder in the place of a `~`.
fn expanded(path: &str, home: Option<&Path>) -> PathBuf {
    match path.strip_prefix("~/").zip(home) {
        Some((rest, home)) => home.join(rest),
        None => PathBuf::from(path),
    }
}

/// The error without the line that it is at, which may hold a secret.
fn without_content(error: &ini::Error) -> String {
    match error {
        ini::Error::Io(error) => error.to_string(),
        ini::Error::Parse(error) => format!("line {}, column {}: {}", error.line, error.col, error.msg),
    }
}

fn has(file: &Ini, section: &str) -> bool {
    file.section(Some(section)).is_some()
}

fn value(file: &Ini, section: &str, key: &str) -> Option<String> {
    let section = file.section(Some(section))?;
    // Keys are the same in upper and lower case, as Python reads such files.
    let found = section.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?.1;
    Some(found.trim().to_owned()).filter(|value| !value.is_empty())
}
