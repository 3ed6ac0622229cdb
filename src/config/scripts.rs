//! What another program of MLflow finds in its environment to reach the same store in the same way.

use std::path::Path;

use super::Settings;
use crate::store::uri::{Auth, Location};
use crate::sweep::objective::command::ScriptAccess;

const URI: &str = "MLFLOW_TRACKING_URI";
/// What this program itself goes by before that.
const OWN_URI: &str = "MLTUI_TRACKING_URI";
const USER: &str = "MLFLOW_TRACKING_USERNAME";
const PASSWORD: &str = "MLFLOW_TRACKING_PASSWORD";
/// Where drivers of PostgreSQL look for it.
const DATABASE_PASSWORD: &str = "PGPASSWORD";
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";
const INSECURE_TLS: &str = "MLFLOW_TRACKING_INSECURE_TLS";
const CA_FILE: &str = "MLFLOW_TRACKING_SERVER_CERT_PATH";
const CLIENT_CERT: &str = "MLFLOW_TRACKING_CLIENT_CERT_PATH";
const ALLOW_FILE_STORE: &str = "MLFLOW_ALLOW_FILE_STORE";
const WORKSPACE: &str = "MLFLOW_WORKSPACE";

impl Settings {
    /// The address and the credentials of the store as they were found out here, wherever they came from: no others are left
    /// in the environment, which may be those of another server.
    pub fn script_access(&self) -> ScriptAccess {
        let mut access = ScriptAccess {
            variables: Vec::new(),
            removed: [OWN_URI, USER, PASSWORD, TOKEN, INSECURE_TLS, CA_FILE, CLIENT_CERT, WORKSPACE]
                .map(str::to_owned)
                .to_vec(),
        };
        let mut set = |name: &str, value: String| access.variables.push((name.to_owned(), value));
        match &self.location {
            Ok(Location::Postgres(database)) => {
                set(URI, database.for_scripts());
                if let Some(password) = database.password() {
                    set(DATABASE_PASSWORD, password.to_owned());
                }
                if let Some(workspace) = &self.rest.workspace {
                    set(WORKSPACE, workspace.clone());
                }
                return access;
            }
            // MLflow 3.17 opens no folder without it.
            Ok(location @ Location::Folder(_)) => {
                set(URI, location.name());
                set(ALLOW_FILE_STORE, "true".into());
            }
            location => set(URI, location.as_ref().map_or_else(ToString::to_string, Location::name)),
        }
        match &self.rest.auth {
            Auth::None => {}
            Auth::Basic { user, password } => {
                set(USER, user.clone());
                set(PASSWORD, password.clone());
            }
            Auth::Bearer(token) => set(TOKEN, token.clone()),
        }
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
