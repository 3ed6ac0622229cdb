//! The variables that object stores are set up by, and the user's folder with their files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::transport::Ways;

/// How long a store is waited for, where nobody says otherwise.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer is nobody's wish.
const LONGEST: u64 = 3_600;

/// What a process finds around it.
#[derive(Clone)]
pub struct Environment {
    variables: HashMap<String, String>,
    pub home: Option<PathBuf>,
    /// How long a store is waited for.
    pub patience: Duration,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are among the variables.
        f.write_str("Environment")
    }
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let home = directories::BaseDirs::new().map(|known| known.home_dir().to_owned());
        let mut environment = Self { variables: variables.collect(), home, patience: PATIENCE };
        let seconds = environment.get("MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT");
        let seconds = seconds.and_then(|text| text.trim().parse().ok());
        if let Some(seconds) = seconds.filter(|seconds| (1..=LONGEST).contains(seconds)) {
            environment.patience = Duration::from_secs(seconds);
        }
        environment
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)], home: Option<&std::path::Path>) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { variables: variables.collect(), home: home.map(std::path::Path::to_owned), patience: PATIENCE }
    }

    /// A variable that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// The first of several variables that is not empty, with its name.
    pub fn first<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// Whether a variable says yes, as MLflow and AWS read it.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// A file by a variable, where `~` is the user's folder, or else in that folder.
    pub fn file(&self, name: &str, within_home: &str) -> Option<PathBuf> {
        match self.get(name) {
            Some(path) => Some(self.at_home(path)),
            None => Some(self.home.as_ref()?.join(within_home)),
        }
    }

    /// A path, where `~` is the user's folder.
    pub fn at_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    /// How stores are talked to.
    pub fn ways(&self) -> Ways {
        Ways {
            patience: self.patience,
            authorities: self.get("REQUESTS_CA_BUNDLE").map(PathBuf::from),
            insecure: false,
        }
    }
}
