//! The config file as it is written. Every field is described in `config.example.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::learn::data::Task;
use crate::learn::weights::ClassWeight;
use crate::params::ParamValue;
use crate::store::address::Address;
use crate::sweep::executor_plan::{ExecutorKind, SlurmOptions};
use crate::sweep::objective::tabular::KeptModels;
use crate::sweep::request;
use crate::sweep::search::Method;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_uri: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    pub read_only: bool,
    pub tui: RawTui,
    pub http: RawHttp,
    pub select: RawSelect,
    pub sweep: RawSweep,
    /// By name of a registered model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, RawModel>,
    /// From keys to the name of an action.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, RawProfile>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTui {
    pub poll_interval: f64,
    pub color: Color,
    pub glyphs: Glyphs,
    pub graphics: GraphicsChoice,
    pub mouse: bool,
    pub theme: Palette,
    pub notify: Notify,
    pub columns: Vec<String>,
}

impl Default for RawTui {
    fn default() -> Self {
        Self {
            poll_interval: 2.0,
            color: Color::Auto,
            glyphs: Glyphs::Unicode,
            graphics: GraphicsChoice::Auto,
            mouse: true,
            theme: Palette::Auto,
            notify: Notify::Off,
            columns: Vec::new(),
        }
    }
}

/// Whether colours are used; `auto` goes by `NO_COLOR` and `TERM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// Which colours are used; `auto` follows the terminal's background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Palette {
    #[default]
    Auto,
    Dark,
    Light,
    /// The terminal's own sixteen.
    #[serde(rename = "16")]
    #[value(name = "16")]
    Sixteen,
}

/// What happens beyond the screen when a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    #[default]
    Off,
    /// The terminal's bell.
    Bell,
    /// A notification of the terminal (OSC 9), and the bell.
    Desktop,
}

/// How charts and images are drawn in pixels; `auto` asks the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum GraphicsChoice {
    #[default]
    Auto,
    Kitty,
    Sixel,
    Iterm2,
    Off,
}

/// Which characters symbols and charts are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Glyphs {
    #[default]
    Unicode,
    Ascii,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSelect {
    pub metrics: Vec<String>,
    pub register: bool,
    pub model_name: String,
    pub alias: String,
    pub previous_alias: String,
}

impl Default for RawSelect {
    fn default() -> Self {
        Self {
            metrics: Vec::new(),
            register: true,
            model_name: "{experiment}".into(),
            alias: "champion".into(),
            previous_alias: "previous-champion".into(),
        }
    }
}

/// What a version of a registered model must show before it is promoted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawModel {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    pub min_delta: f64,
    pub same_data: bool,
    pub tags: Vec<String>,
    pub params: Vec<String>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    pub roles: Vec<String>,
    pub keep: usize,
}

impl Default for RawModel {
    fn default() -> Self {
        Self {
            metric: None,
            min_delta: 0.0,
            same_data: false,
            tags: Vec::new(),
            params: Vec::new(),
            constraint: None,
            roles: Vec::new(),
            keep: 1,
        }
    }
}

/// What `T` and `mltui sweep` train, where nothing else is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSweep {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    pub families: Vec<String>,
    pub method: Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    pub folds: usize,
    pub test_size: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<ClassWeight>,
    pub seed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<usize>,
    pub ensemble: bool,
    pub models: KeptModels,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<bool>,
    /// How a file is read, where it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<String>,
    pub no_header: bool,
    pub categorical: Vec<String>,
    pub ignore: Vec<String>,
    /// Where trials are carried out, and what is asked of Slurm there.
    pub executor: ExecutorKind,
    #[serde(skip_serializing_if = "is_unsaid")]
    pub slurm: SlurmOptions,
    /// By family and hyper-parameter.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub space: BTreeMap<String, BTreeMap<String, RawRange>>,
}

impl Default for RawSweep {
    fn default() -> Self {
        Self {
            data: None,
            target: None,
            task: None,
            metric: None,
            families: Vec::new(),
            method: Method::Tpe,
            trials: None,
            time: None,
            folds: request::FOLDS,
            test_size: request::TEST_SIZE,
            repeats: None,
            time_column: None,
            group_column: None,
            weight_column: None,
            class_weight: None,
            seed: request::SEED,
            jobs: None,
            ensemble: false,
            models: KeptModels::All,
            prune: None,
            separator: None,
            decimal: None,
            no_header: false,
            categorical: Vec::new(),
            ignore: Vec::new(),
            executor: ExecutorKind::Local,
            slurm: SlurmOptions::default(),
            space: BTreeMap::new(),
        }
    }
}

fn is_unsaid(options: &SlurmOptions) -> bool {
    *options == SlurmOptions::default()
}

/// `"2..16"`, `"0.01..1.0:log"`, `"gini,entropy"`, a list of values, or one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RawRange {
    List(Vec<ParamValue>),
    One(ParamValue),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawHttp {
    pub timeout: f64,
    pub max_retries: u32,
    pub backoff_factor: f64,
    pub backoff_jitter: f64,
    pub respect_retry_after: bool,
    pub allow_redirects: bool,
    /// Pages of runs that are asked of a server at the same time.
    pub pages_at_once: usize,
}

impl Default for RawHttp {
    fn default() -> Self {
        Self {
            timeout: 120.0,
            max_retries: 7,
            backoff_factor: 2.0,
            backoff_jitter: 1.0,
            respect_retry_after: true,
            allow_redirects: true,
            pages_at_once: crate::store::uri::RestOptions::default().pages_at_once,
        }
    }
}

/// Whose credentials a profile with an address of its own sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileAuth {
    /// Those that it names itself.
    #[default]
    Profile,
    /// Those of the environment, where it names none.
    Environment,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawProfile {
    pub tracking_uri: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    pub auth: ProfileAuth,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The server that keeps what a database has at `mlflow-artifacts:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts_server: Option<Address>,
    /// A machine that sees the server: connections go through it by `ssh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_host: Option<String>,
    /// What is run in the place of `ssh`, with its options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_command: Option<String>,
    pub insecure_tls: bool,
    pub read_only: bool,
}

impl RawConfig {
    /// Reads a file; without `required` a missing one is an empty one.
    pub fn read(path: &Path, required: bool) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(Self::default()),
            Err(cause) => Err(ConfigError::Read { path: path.to_owned(), cause }),
        }
    }

    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start).min(text.len())];
            ConfigError::Syntax {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
                message: error.message().to_owned(),
            }
        })
    }
}
