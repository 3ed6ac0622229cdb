//! `~/.aws/config` and `~/.aws/credentials`: sections of settings, of which a profile is one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::environment::Environment;
use super::wrong;
use crate::disk;
use crate::store::Inner;

/// A file of settings is not larger.
const MOST: u64 = 4 << 20;

/// The settings of a section. Those that stand indented below another are beside it, by their own names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile(HashMap<String, String>);

impl Profile {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    #[cfg(test)]
    pub fn of(settings: &[(&str, &str)]) -> Self {
        Self(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

/// Both files.
#[derive(Clone, Default)]
pub struct Files {
    profiles: HashMap<String, Profile>,
    sessions: HashMap<String, Profile>,
    /// Where they are, or would be.
    pub config: PathBuf,
    pub credentials: PathBuf,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are among the settings.
        f.debug_struct("Files").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Files {
    /// Reads both, as far as they are there.
    pub fn read(environment: &Environment) -> Inner<Self> {
        let path = |name, usual| environment.file(name, usual).unwrap_or_default();
        let config = path("AWS_CONFIG_FILE", ".aws/config");
        let credentials = path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
        let mut files = Self { config, credentials, ..Self::default() };
        for (name, settings) in sections(&text(&files.config)?) {
            let (kind, rest) = name.split_once(char::is_whitespace).unwrap_or(("", &name));
            let rest = rest.trim().trim_matches('"').to_owned();
            match kind {
                "sso-session" => files.sessions.entry(rest).or_default().0.extend(settings),
                "profile" => files.profiles.entry(rest).or_default().0.extend(settings),
                "" if name == "default" => files.profiles.entry(name).or_default().0.extend(settings),
                _ => {}
            }
        }
        // Here every section is a profile, and goes before the other file.
        for (name, settings) in sections(&text(&files.credentials)?) {
            files.profiles.entry(name).or_default().0.extend(settings);
        }
        Ok(files)
    }

    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    pub fn session(&self, name: &str) -> Option<&Profile> {
        self.sessions.get(name)
    }
}

/// The profile that is used, and whether somebody chose it.
pub fn chosen(environment: &Environment) -> (&str, bool) {
    match environment.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
        Some((_, name)) => (name, true),
        None => ("default", false),
    }
}

fn text(path: &Path) -> Inner<String> {
    if path.as_os_str().is_empty() {
        return Ok(String::new());
    }
    match disk::read(path, MOST) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(wrong(
            format!("the settings of AWS cannot be read: {error}"),
            "check that file, or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE",
        )),
    }
}

fn sections(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut sections: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            sections.push((name.trim().to_owned(), Vec::new()));
        } else if let (Some((name, value)), Some((_, settings))) = (line.split_once('='), sections.last_mut())
        {
            // A note begins behind a space.
            let value = value.split(" #").next().unwrap_or(value);
            let value = value.split(" ;").next().unwrap_or(value);
            settings.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn both_files_make_a_profile() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        let config = "# mine\n[default]\nregion = eu-west-1 # near\n[profile ml]\nregion=us-west-2\ns3 =\n  \
                      addressing_style = path\n[sso-session work]\nsso_region = us-east-1\n[services x]\ny = z\n";
        fs::write(home.path().join(".aws/config"), config).unwrap();
        let credentials =
            "[ml]\naws_access_key_id = AKIA\naws_secret_access_key = a+b/c=\nregion = us-east-2\n";
        fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
        let files = Files::read(&Environment::of(&[], Some(home.path()))).unwrap();
        let ml = files.profile("ml").unwrap();
        assert_eq!(ml.get("aws_secret_access_key"), Some("a+b/c="));
        assert_eq!((ml.get("region"), ml.get("addressing_style")), (Some("us-east-2"), Some("path")));
        assert_eq!(files.profile("default").unwrap().get("region"), Some("eu-west-1"));
        assert_eq!(files.session("work").unwrap().get("sso_region"), Some("us-east-1"));
        assert!(files.profile("services x").is_none() && files.profile("x").is_none());
        let elsewhere = home.path().join("other");
        fs::write(&elsewhere, "[profile own]\nregion = a").unwrap();
        let elsewhere = Environment::of(&[("AWS_CONFIG_FILE", elsewhere.to_str().unwrap())], None);
        assert!(Files::read(&elsewhere).unwrap().profile("own").is_some());
    }
}
