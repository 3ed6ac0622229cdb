//! Databricks workspaces as tracking URIs name them: `databricks`, `databricks://PROFILE`, `databricks-uc`. Who one is there
//! says the environment, or `~/.databrickscfg`. By its own address, `databricks:https://HOST`, a workspace is known wherever
//! the credentials for it are.

mod settings;

use std::fmt;

pub use settings::{Found, Key};

/// Where a workspace keeps registered models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelsIn {
    /// In Unity Catalog: what MLflow 3 takes for it.
    UnityCatalog,
    /// In the workspace's own registry, the older one.
    Workspace,
}

/// A Databricks workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The section of `~/.databrickscfg` that the address names.
    profile: Option<String>,
    /// The workspace's own address, by which it is looked for in environment and file.
    wanted: Option<String>,
    /// The address itself asks for Unity Catalog's registry.
    asks_for_catalog: bool,
    /// A token that comes before all others.
    given: Option<String>,
    models: ModelsIn,
    /// What says so.
    models_by: &'static str,
    /// Nothing before the environment was asked.
    found: Option<Found>,
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl fmt::Display for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(found) => write!(f, "databricks:{}", found.host),
            None => f.write_str(&self.uri()),
        }
    }
}

/// How a registry is called in `MLFLOW_REGISTRY_URI`.
const CATALOG: &str = "databricks-uc";

impl Workspace {
    /// Understands a tracking URI; none where it is for something else.
    ///
    /// # Errors
    ///
    /// What to write instead, in words.
    pub fn parse(uri: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = uri.split_once(':').map_or((uri, None), |(scheme, rest)| (scheme, Some(rest)));
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "databricks" | CATALOG) {
            return None;
        }
        let profile = rest.map(|rest| rest.strip_prefix("//").unwrap_or(rest).trim_end_matches('/'));
        let workspace = |profile: Option<&str>, wanted: Option<String>| Self {
            profile: profile.map(str::to_owned),
            wanted,
            asks_for_catalog: scheme == CATALOG,
            given: None,
            models: ModelsIn::UnityCatalog,
            models_by: if scheme == CATALOG { "the tracking URI" } else { "MLflow 3's default" },
            found: None,
        };
        Some(match profile {
            None => Ok(workspace(None, None)),
            Some("") => Err(format!(
                "{scheme}:// needs a profile of ~/.databrickscfg behind it; write {scheme} for the usual one"
            )),
            Some(host) if host.starts_with("https://") || host.starts_with("http://") => {
                settings::address(host).map(|host| workspace(None, Some(host))).ok_or_else(|| {
                    format!("write {scheme}:https://HOST, with the address of a workspace and nothing else")
                })
            }
            Some(name) if name.contains(['@', '/', '?', '#']) => {
                Err(format!("write {scheme}://PROFILE, with the name of a section of ~/.databrickscfg"))
            }
            Some(name) if name.contains(':') => Err(format!(
                "{scheme}://SCOPE:PREFIX means secrets that only notebooks of Databricks can read; write {scheme}://PROFILE, with the \
                 name of a section of ~/.databrickscfg"
            )),
            Some(name) => Ok(workspace(Some(name), None)),
        })
    }

    /// The address in the words of MLflow, which takes `databricks-uc` for a registry alone.
    fn uri(&self) -> String {
        self.named("databricks")
    }

    /// The section that MLflow's own client has to be told.
    fn section(&self) -> Option<&String> {
        let found = || self.found.as_ref().and_then(|found| found.section.as_ref());
        self.profile.as_ref().or_else(|| self.wanted.as_ref().and_then(|_| found()))
    }

    fn named(&self, scheme: &str) -> String {
        match self.section() {
            Some(profile) => format!("{scheme}://{profile}"),
            None => scheme.to_owned(),
        }
    }

    /// The workspace's address and the credentials for it; none before the environment was asked.
    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// Where registered models are.
    pub fn models(&self) -> ModelsIn {
        self.models
    }

    /// Its page in a browser, up to what names the experiment.
    pub fn page(&self) -> Option<String> {
        self.found.as_ref().map(|found| format!("{}/ml", found.host))
    }

    /// Takes a registry as `MLFLOW_REGISTRY_URI` names it.
    fn set_registry(&mut self, uri: &str) -> Result<(), String> {
        let words = |what: &str| {
            Err(format!(
                "MLFLOW_REGISTRY_URI is {:?}{what}; with Databricks it is databricks-uc (Unity Catalog) or databricks (the \
                 workspace's older registry)",
                super::address::shown(uri)
            ))
        };
        match Self::parse(uri.trim()) {
            Some(Ok(registry)) => {
                let own = [None, self.profile.clone(), self.found.as_ref().and_then(|it| it.section.clone())];
                if !own.contains(&registry.profile) {
                    return words(", a registry of another workspace, which is not supported");
                }
                self.models =
                    if registry.asks_for_catalog { ModelsIn::UnityCatalog } else { ModelsIn::Workspace };
                self.models_by = "MLFLOW_REGISTRY_URI";
                Ok(())
            }
            Some(Err(_)) | None => words(""),
        }
    }

    /// How it is reached, in words: where, as whom, and where its models are.
    pub fn ways(&self) -> Option<[(&'static str, String); 3]> {
        let found = self.found.as_ref()?;
        let models = match self.models {
            ModelsIn::UnityCatalog => "in Unity Catalog",
            ModelsIn::Workspace => "in the workspace's registry",
        };
        Some([
            ("workspace", format!("{} ({})", found.host, found.host_from)),
            ("credentials", format!("{} ({})", found.key.in_words(), found.key_from)),
            ("models", format!("{models} ({})", self.models_by)),
        ])
    }

    /// What programs of MLflow's find in their environment to reach the same workspace, and what must not be there, as it
    /// would come first. What is in the environment or a file already is left there; a token that came in another way is
    /// handed on.
    pub fn for_scripts(&self) -> (Vec<(&'static str, String)>, Vec<&'static str>) {
        let registry = match self.models {
            ModelsIn::UnityCatalog => self.named(CATALOG),
            ModelsIn::Workspace => self.uri(),
        };
        let mut set = vec![("MLFLOW_TRACKING_URI", self.uri()), ("MLFLOW_REGISTRY_URI", registry)];
        let mut removed = Vec::new();
        let own = self.found.as_ref().filter(|found| found.is_given);
        if let (Some(found), Some(Key::Token(token))) = (own, own.map(|found| &found.key)) {
            // The address without a profile, whose section would bring credentials of its own.
            set[0].1 = "databricks".into();
            set[1].1 = if self.models == ModelsIn::UnityCatalog { CATALOG } else { "databricks" }.into();
            set.extend([("DATABRICKS_HOST", found.host.clone()), (settings::TOKEN, token.clone())]);
            removed.extend(settings::OTHERS);
        } else if let Some(section) = self.section() {
            // Databricks' own client mixes them into whichever profile is named.
            removed.extend(["DATABRICKS_HOST", settings::TOKEN]);
            removed.extend(settings::OTHERS.into_iter().filter(|name| *name != settings::PROFILE));
            // With it MLflow's client for files asks without a profile.
            set.push((settings::PROFILE, section.clone()));
        }
        (set, removed)
    }
}

#[cfg(test)]
mod tests;
