//! What another program of MLflow finds in its environment to reach the same store in the same way.

use std::path::{Path, PathBuf};

use super::Settings;
use crate::store::tunnel::End;
use crate::store::uri::{self, Auth, Location, UriOrigin};
use crate::sweep::header::OpenedBy;
use crate::sweep::objective::command::ScriptAccess;

const URI: &str = "MLFLOW_TRACKING_URI";
/// What this program itself goes by before that.
const OWN_URI: &str = "MLTUI_TRACKING_URI";
const USER: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";
/// Where drivers of PostgreSQL look for it.
const DATABASE_PASSWORD: &str = "PGPASSWORD";
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
/// Of a Databricks workspace.
const WORKSPACE_TOKEN: &str = "DATABRICKS_TOKEN";
const INSECURE_TLS: &str = "MLFLOW_TRACKING_INSECURE_TLS";
const CA_FILE: &str = "MLFLOW_TRACKING_SERVER_CERT_PATH";
const CLIENT_CERT: &str = "MLFLOW_TRACKING_CLIENT_CERT_PATH";
const ALLOW_FILE_STORE: &str = "MLFLOW_ALLOW_FILE_STORE";
const WORKSPACE: &str = "MLFLOW_WORKSPACE";

const NAME: &str = "MLFLOW_EXPERIMENT_NAME";
const ID: &str = "MLFLOW_EXPERIMENT_ID";

/// What a shell is told of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellVariable {
    /// It is set to this.
    Plain(String),
    /// It is set to what another variable holds.
    Of(String),
    /// It must not be there.
    Unset,
    /// It is needed, and nobody prints it.
    Secret,
}

fn set_credentials(auth: &Auth, set: &mut impl FnMut(&str, String)) {
    match auth {
        Auth::None => {}
        Auth::Basic { user, password } => {
            set(USER, user.clone());
            set(PASSWORD, password.clone());
        }
        Auth::Bearer(token) => set(TOKEN, token.clone()),
    }
}

impl Settings {
    /// What opens the store in the same way on a command line. A profile also says how: by `ssh`, with whose credentials.
    pub fn opened_by(&self) -> OpenedBy {
        match (&self.origin, &self.location) {
            (UriOrigin::Profile(name), _) => OpenedBy::Profile(name.clone()),
            (_, Ok(location)) => {
                OpenedBy::TrackingUri(location.without_password(self.rest.workspace.as_deref()))
            }
            (_, Err(_)) => OpenedBy::TrackingUri(self.tracking_uri.to_string()),
        }
    }

    /// The config file for whoever opens the same from another folder, where one was named.
    pub fn named_config(&self) -> Option<PathBuf> {
        let file = &self.config_file;
        self.config_is_named.then(|| std::path::absolute(file).unwrap_or_else(|_| file.clone()))
    }

    /// The experiment that a script logs to, where one is set.
    pub fn script_experiment(&self) -> Vec<(String, String)> {
        let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let of = |text: &String| (if is_id(text) { ID } else { NAME }.to_owned(), text.clone());
        self.experiment.iter().map(of).collect()
    }

    /// The variables by which a shell, and what is started in it, reach the same store. Secrets are named by the variables that
    /// a profile takes them from; those that are in the environment already are left there.
    pub fn shell_variables(
        &self,
        inherited: impl Fn(&str) -> Option<String>,
    ) -> Vec<(String, ShellVariable)> {
        let access = self.script_access();
        let profile = self.profile.as_ref().and_then(|name| self.raw.profiles.get(name));
        let is_database = self.location.as_ref().is_ok_and(Location::is_database);
        let source = |name: &str| match name {
            // A profile's are those of its database, and these those of the server that keeps its files.
            USER | PASSWORD if is_database => None,
            USER => profile?.username_env.clone(),
            PASSWORD => profile?.password_env.clone(),
            TOKEN | WORKSPACE_TOKEN => profile?.token_env.clone(),
            _ => None,
        };
        let mut told = Vec::new();
        for (name, value) in access.variables.iter().cloned().chain(self.script_experiment()) {
            // The password of a database may stand in its address.
            let holds_secret = || url::Url::parse(&value).is_ok_and(|url| url.password().is_some());
            let secrets = [PASSWORD, TOKEN, DATABASE_PASSWORD, WORKSPACE_TOKEN];
            let is_secret = secrets.contains(&name.as_str()) || holds_secret();
            let said = match source(&name) {
                Some(variable) if variable == name => continue,
                Some(variable) => ShellVariable::Of(variable),
                None if is_secret && inherited(&name).as_ref() == Some(&value) => continue,
                None if is_secret => ShellVariable::Secret,
                None => ShellVariable::Plain(value),
            };
            told.push((name, said));
        }
        let is_set = |name: &String| told.iter().any(|(known, _)| known == name);
        let is_kept = |name: &String| access.variables.iter().any(|(known, _)| known == name);
        let stale: Vec<String> = access
            .removed
            .into_iter()
            .filter(|name| !is_set(name) && !is_kept(name) && inherited(name).is_some())
            .collect();
        told.extend(stale.into_iter().map(|name| (name, ShellVariable::Unset)));
        told
    }

    /// Where a script finds a server that is reached through another machine: at a port of this one.
    fn through_tunnel(&self, location: &Location) -> Option<String> {
        let Location::Server(url) = location else { return None };
        let ends = self.rest.tunnel.as_ref()?.for_scripts()?;
        let Some(End::Port(port)) = ends.targets.first() else { return None };
        let mut url = url::Url::parse(&uri::address(url)).ok()?;
        // A certificate is for the server's own name.
        if url.scheme() != "http" {
            return None;
        }
        url.set_host(Some("127.0.0.1")).ok()?;
        url.set_port(Some(*port)).ok()?;
        Some(url.as_str().trim_end_matches('/').to_owned())
    }

    /// The address and the credentials of the store as they were found out here, wherever they came from: no others are left
    /// in the environment, which may be those of another server.
    pub fn script_access(&self) -> ScriptAccess {
        let mut access = ScriptAccess {
            variables: Vec::new(),
            removed: [OWN_URI, USER, PASSWORD, TOKEN, INSECURE_TLS, CA_FILE, CLIENT_CERT, WORKSPACE]
                .map(str::to_owned)
                .to_vec(),
        };
        if let Ok(Location::Databricks(workspace)) = &self.location {
            let (set, removed) = workspace.for_scripts();
            access.variables = set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            access.removed.extend(removed.into_iter().map(str::to_owned));
            return access;
        }
        let mut set = |name: &str, value: String| access.variables.push((name.to_owned(), value));
        if let Some((uri, password)) = self.location.as_ref().ok().and_then(Location::for_scripts) {
            set(URI, uri);
            if let Some((name, password)) = password {
                set(name, password);
            }
            if let Some(workspace) = &self.rest.workspace {
                set(WORKSPACE, workspace.clone());
            }
            // For this program itself, within a script: MLflow's client finds no files of a database at a server.
            if let Some(server) = &self.rest.artifacts_server {
                set(super::artifacts::VARIABLE, uri::address(server));
                set_credentials(&self.rest.artifacts_auth, &mut set);
            }
            return access;
        }
        match &self.location {
            Ok(location) => set(URI, self.through_tunnel(location).unwrap_or_else(|| location.name())),
            Err(error) => set(URI, error.to_string()),
        }
        // MLflow 3.17 opens no folder without it.
        if matches!(&self.location, Ok(Location::Folder(_))) {
            set(ALLOW_FILE_STORE, "true".into());
        }
        set_credentials(&self.rest.auth, &mut set);
        // The script may run in another folder.
        let whole = |path: &Path| {
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
        };
        if self.rest.insecure_tls {
            set(INSECURE_TLS, "true".into());
        }
        if let Some(path) = &self.rest.ca_file {
            set(CA_FILE, whole(path));
        }
        if let Some(path) = &self.rest.client_cert {
            set(CLIENT_CERT, whole(path));
        }
        if let Some(workspace) = &self.rest.workspace {
            set(WORKSPACE, workspace.clone());
        }
        access
    }
}
