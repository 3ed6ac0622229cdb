//! The environment: variables, and what follows from them alone.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::ConfigError;

/// The environment as this program sees it: the variables, the folder it stands in, the home folder.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub variables: HashMap<String, String>,
    /// Names of variables whose values are no text.
    pub unreadable: Vec<String>,
    pub folder: PathBuf,
    pub home: Option<PathBuf>,
}

impl Environment {
    pub fn of_this_process() -> Self {
        let (mut variables, mut unreadable) = (HashMap::new(), Vec::new());
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => drop(variables.insert(name, value)),
                Err(_) => unreadable.push(name),
            }
        }
        unreadable.sort();
        Self {
            variables,
            unreadable,
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            home: directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
        }
    }

    /// A variable that is set to something unreadable is not one that is not set.
    pub(super) fn check_readable(&self, name: &str) -> Result<(), ConfigError> {
        if self.unreadable.iter().any(|unreadable| unreadable == name) {
            return Err(ConfigError::Unreadable(name.to_owned()));
        }
        Ok(())
    }

    /// A variable that is set to something.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn parsed<T: std::str::FromStr>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || ConfigError::Variable { name: name.into(), value: value.into(), expected };
        value.trim().parse().map(Some).map_err(|_| wrong())
    }

    /// How often stores are looked at, as the variable says, or else the settings.
    pub(super) fn poll_interval(&self, seconds: f64) -> Result<Duration, ConfigError> {
        let seconds = self.seconds("MLTUI_POLL_INTERVAL")?.unwrap_or(seconds);
        Ok(Duration::try_from_secs_f64(seconds.max(0.1)).unwrap_or(Duration::from_secs(2)))
    }

    /// A number of seconds that can be waited for.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<f64>, ConfigError> {
        let value: Option<f64> = self.parsed(name, "a number of seconds, at least 0")?;
        match value {
            Some(seconds) if !(seconds >= 0.0 && seconds.is_finite()) => Err(ConfigError::Variable {
                name: name.into(),
                value: seconds.to_string(),
                expected: "a number of seconds, at least 0",
            }),
            value => Ok(value),
        }
    }

    /// True and false as MLflow reads them.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, ConfigError> {
        match self.get(name).map(str::to_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(value) => Err(ConfigError::Variable {
                name: name.into(),
                value: value.into(),
                expected: "true or false",
            }),
        }
    }

    pub(super) fn parsed_enum<T: clap::ValueEnum>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        T::from_str(value, true).map(Some).map_err(|_| ConfigError::Variable {
            name: name.into(),
            value: value.into(),
            expected,
        })
    }

    pub(super) fn multiplexer(&self) -> Multiplexer {
        let term = self.get("TERM").unwrap_or_default();
        if self.get("TMUX").is_some() || term.starts_with("tmux") {
            Multiplexer::Tmux
        } else if self.get("STY").is_some() || term.starts_with("screen") {
            Multiplexer::Other
        } else {
            Multiplexer::None
        }
    }

    /// iTerm2 names itself in a variable that SSH hands on and tmux keeps, too.
    pub(super) fn is_iterm2(&self) -> bool {
        self.get("TERM_PROGRAM") == Some("iTerm.app") || self.get("LC_TERMINAL") == Some("iTerm2")
    }
}

/// The user that this process runs as, wherever the machine knows users from: of LDAP too, which no file lists.
pub(super) fn user_of_process() -> Option<String> {
    whoami::username().ok().filter(|name| !name.is_empty())
}

/// What stands between the program and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplexer {
    None,
    Tmux,
    /// One that nothing can be asked through.
    Other,
}

/// `COLORFGBG` ends in the number of the background's colour.
pub(super) fn light_background(value: &str) -> Option<bool> {
    match value.rsplit(';').next()?.parse().ok()? {
        7_u8 | 15 => Some(true),
        0..=6 | 8 => Some(false),
        _ => None,
    }
}
