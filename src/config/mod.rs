//! Settings, in two steps: what was written ([`raw`]), and what it means ([`resolve`]).
//!
//! Defaults are overridden by the file, the file by the environment, the environment by flags.

mod access;
mod artifacts;
mod columns;
mod environment;
mod promoting;
pub mod raw;
pub mod resolve;
mod scripts;
mod selecting;
mod sweeping;
mod through;

use std::path::PathBuf;

use thiserror::Error;

pub use artifacts::VARIABLE as ARTIFACTS_SERVER;
pub use columns::DefaultColumn;
pub use environment::{Environment, Multiplexer};
pub use promoting::ModelPolicies;
pub use raw::{Color, Glyphs, GraphicsChoice, Notify, Palette, ProfileAuth, RawConfig};
pub use resolve::{Flags, Settings};
pub use scripts::ShellVariable;
pub use selecting::Selecting;
pub use sweeping::Sweeping;

#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {cause}")]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("{path}:{line}:{column}: {message}", path = path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    #[error("{name} is {value:?}; expected {expected}")]
    Variable { name: String, value: String, expected: &'static str },
    #[error("the environment variable {0} is not valid UTF-8; fix or unset it")]
    Unreadable(String),
    #[error("{name} contains {problem}, which cannot be sent to a server; remove it")]
    Unsendable { name: String, problem: &'static str },
    #[error("no profile {name:?}; the config file has {known}")]
    UnknownProfile { name: String, known: String },
    #[error("profile {profile:?}: the environment variable {variable} for its {what} is not set")]
    MissingSecret { profile: String, what: &'static str, variable: String },
    #[error("cannot read the credentials in {path}: {cause}")]
    Credentials { path: PathBuf, cause: String },
    #[error("{path}, in [keys]: {message}", path = path.display())]
    Keys { path: PathBuf, message: String },
    #[error(
        "{path}, in [select]: {line:?} is not a metric with a direction; write a name or pattern and min or max, as in \"val_rmse min\"", path = path.display()
    )]
    Metric { path: PathBuf, line: String },
    #[error("{path}, in [select]: {message}", path = path.display())]
    Select { path: PathBuf, message: String },
    #[error("{path}, in [models.{name}]: {message}", path = path.display())]
    Model { path: PathBuf, name: String, message: String },
    #[error("{path}, in [tui]: columns: {message}", path = path.display())]
    Columns { path: PathBuf, message: String },
    #[error("{path}, in [sweep]: {message}", path = path.display())]
    Sweep { path: PathBuf, message: String },
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

/// Where this program keeps its files: configuration, state, log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    pub config: PathBuf,
    pub state: PathBuf,
}

impl Folders {
    /// The folders that the operating system has for such files; the current one where there is no home.
    pub fn find() -> Self {
        match directories::ProjectDirs::from("", "", "mltui") {
            Some(dirs) => Self {
                config: dirs.config_dir().to_owned(),
                state: dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned(),
            },
            None => Self { config: PathBuf::from("."), state: PathBuf::from(".") },
        }
    }

    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }
}

#[cfg(test)]
mod tests;
