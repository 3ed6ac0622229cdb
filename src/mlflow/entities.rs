//! The things that a tracking store holds. Times are milliseconds since the Unix epoch, UTC.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ids::{ExperimentId, ModelId, RunId};
use super::tags;
use crate::spelling::nearest_name;

/// A run's state. The names are the ones that MLflow writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    Running,
    Scheduled,
    Finished,
    Failed,
    Killed,
}

impl RunStatus {
    pub const ALL: [Self; 5] = [Self::Running, Self::Scheduled, Self::Finished, Self::Failed, Self::Killed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Scheduled => "SCHEDULED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }

    /// As MLflow's pages show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Scheduled => "Scheduled",
            Self::Finished => "Finished",
            Self::Failed => "Failed",
            Self::Killed => "Killed",
        }
    }

    /// Whether the run can still log.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Scheduled)
    }
}

impl FromStr for RunStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an experiment or a run is deleted; MLflow keeps deleted ones until `mlflow gc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LifecycleStage {
    Active,
    Deleted,
}

impl LifecycleStage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deleted => "deleted",
        }
    }

    /// Anything but `deleted` counts as active, as in MLflow.
    pub fn parse(text: &str) -> Self {
        if text == "deleted" { Self::Deleted } else { Self::Active }
    }
}

/// Which lifecycle stages a search returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ViewType {
    #[default]
    ActiveOnly,
    DeletedOnly,
    All,
}

impl ViewType {
    /// MLflow's name of the view in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActiveOnly => "ACTIVE_ONLY",
            Self::DeletedOnly => "DELETED_ONLY",
            Self::All => "ALL",
        }
    }

    pub fn contains(self, stage: LifecycleStage) -> bool {
        match self {
            Self::ActiveOnly => stage == LifecycleStage::Active,
            Self::DeletedOnly => stage == LifecycleStage::Deleted,
            Self::All => true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl Tag {
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Param {
    pub key: String,
    pub value: String,
}

impl Param {
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// One logged value of a metric. `value` may be NaN or infinite.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    pub key: String,
    pub value: f64,
    pub timestamp: i64,
    pub step: i64,
}

/// One point of a metric's history; the metric is known from the context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MetricPoint {
    pub step: i64,
    pub timestamp: i64,
    pub value: f64,
}

impl MetricPoint {
    /// The point of a metric.
    pub fn of(self, key: &str) -> Metric {
        Metric { key: key.to_owned(), value: self.value, timestamp: self.timestamp, step: self.step }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    pub experiment_id: ExperimentId,
    pub name: String,
    pub artifact_location: String,
    pub lifecycle_stage: LifecycleStage,
    pub creation_time: Option<i64>,
    pub last_update_time: Option<i64>,
    pub tags: Vec<Tag>,
}

/// No experiment has the name or the id that somebody said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no experiment {name:?}{}", near.as_ref().map_or(String::new(), |near| format!(", but there is {near:?}")))]
pub struct NoExperiment {
    pub name: String,
    /// The name of one that may be meant.
    pub near: Option<String>,
}

impl Experiment {
    /// The experiment of that name or, where none has it, of that id.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(mut all: Vec<Self>, name: &str) -> Result<Self, NoExperiment> {
        if let Some(at) = Self::position(all.iter(), name) {
            return Ok(all.swap_remove(at));
        }
        let lower = name.to_lowercase();
        let holds = |experiment: &&Self| {
            let known = experiment.name.to_lowercase();
            known.contains(&lower) || lower.contains(&known)
        };
        let held = all.iter().find(holds).map(|near| near.name.as_str());
        let near = held.or_else(|| nearest_name(name, all.iter().map(|known| known.name.as_str())));
        Err(NoExperiment { name: name.to_owned(), near: near.map(str::to_owned) })
    }

    /// Where among `all` the experiment of that name is or, where none has it, the one of that id.
    pub fn position<'a>(mut all: impl Iterator<Item = &'a Self> + Clone, name: &str) -> Option<usize> {
        let by_name = all.clone().position(|experiment| experiment.name == name);
        by_name.or_else(|| all.position(|experiment| experiment.experiment_id.as_str() == name))
    }
}

/// What is known of a run besides what it logged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunInfo {
    pub run_id: RunId,
    pub experiment_id: ExperimentId,
    pub run_name: String,
    pub user_id: String,
    pub status: RunStatus,
    pub start_time: Option<i64>,
    /// As MLflow keeps it, and filters by it: see [`Self::ended`].
    pub end_time: Option<i64>,
    pub lifecycle_stage: LifecycleStage,
    pub artifact_uri: String,
}

impl RunInfo {
    /// When the run ended. MLflow keeps the end of a run that was resumed, but while it goes on it has none.
    pub fn ended(&self) -> Option<i64> {
        self.end_time.filter(|_| !self.status.is_active())
    }
}

/// A run with its latest metric values, params and tags, each in key order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    pub info: RunInfo,
    pub metrics: Vec<Metric>,
    pub params: Vec<Param>,
    pub tags: Vec<Tag>,
    pub inputs: Vec<DatasetInput>,
    /// The logged models that this run produced (MLflow 3).
    pub model_outputs: Vec<ModelOutput>,
}

/// A logged model as what a run produced, at a step of its training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelOutput {
    pub model_id: ModelId,
    pub step: i64,
}

impl Run {
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }
}

/// A data set as MLflow records it. `source`, `schema` and `profile` are JSON texts of MLflow's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    pub name: String,
    /// At most 36 characters.
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub schema: Option<String>,
    pub profile: Option<String>,
}

/// A data set as the input of a run; `context` (training, eval, …) is the tag `mlflow.data.context`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatasetInput {
    pub dataset: Dataset,
    pub tags: Vec<Tag>,
}

/// A file or folder below a run's artifact root; `path` is relative to that root, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArtifactFile {
    pub path: String,
    pub is_dir: bool,
    /// Bytes; unknown for folders and on some artifact stores.
    pub file_size: Option<u64>,
}

/// The stages of model versions. MLflow 3 still keeps them, beside aliases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ModelStage {
    None,
    Staging,
    Production,
    Archived,
}

impl ModelStage {
    pub const ALL: [Self; 4] = [Self::None, Self::Staging, Self::Production, Self::Archived];

    /// As MLflow writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Staging => "Staging",
            Self::Production => "Production",
            Self::Archived => "Archived",
        }
    }

    /// Whether the versions that are in it can be archived in favour of another.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }
}

impl FromStr for ModelStage {
    type Err = ();

    /// In upper or lower case, as MLflow takes it.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|stage| stage.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RegisteredModel {
    pub name: String,
    pub description: String,
    pub tags: Vec<Tag>,
    /// Alias and the version that it points to.
    pub aliases: Vec<(String, u64)>,
    pub creation_time: Option<i64>,
    pub last_updated_time: Option<i64>,
    /// Each stage that has versions, and the newest version in it.
    pub latest: Vec<(String, u64)>,
    /// How many versions there are, where that is known without reading them.
    pub version_count: Option<u64>,
}

impl RegisteredModel {
    /// The version that an alias points to.
    pub fn alias(&self, alias: &str) -> Option<u64> {
        self.aliases.iter().find(|(name, _)| name == alias).map(|(_, version)| *version)
    }

    /// The newest version, whatever its stage.
    pub fn newest_version(&self) -> Option<u64> {
        self.latest.iter().map(|(_, version)| *version).max()
    }

    /// MLflow keeps prompts among the models; they have texts for versions.
    pub fn is_prompt(&self) -> bool {
        are_of_prompt(&self.tags)
    }
}

fn are_of_prompt(all: &[Tag]) -> bool {
    all.iter().any(|tag| tag.key == tags::IS_PROMPT && tag.value.eq_ignore_ascii_case("true"))
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ModelVersion {
    pub name: String,
    pub version: u64,
    pub source: String,
    pub run_id: Option<RunId>,
    pub status: String,
    /// Why the status is what it is, where MLflow says so.
    pub status_message: String,
    pub current_stage: String,
    pub description: String,
    pub tags: Vec<Tag>,
    pub aliases: Vec<String>,
    pub user_id: String,
    pub creation_time: Option<i64>,
    pub last_updated_time: Option<i64>,
    /// The logged model that it was made from (MLflow 3).
    pub model_id: Option<ModelId>,
}

impl ModelVersion {
    /// The logged model that a source names: `models:/m-…`.
    pub fn model_of_source(source: &str) -> Option<ModelId> {
        source.strip_prefix("models:/").filter(|id| id.starts_with("m-")).map(ModelId::from)
    }

    /// The logged model that it was made from, as it says itself or by its source.
    pub fn logged_model(&self) -> Option<ModelId> {
        self.model_id.clone().or_else(|| Self::model_of_source(&self.source))
    }

    /// It was begun, and its files are not all there yet, or nobody said so.
    pub fn is_unfinished(&self) -> bool {
        self.status == "PENDING_REGISTRATION"
    }

    /// It cannot be finished.
    pub fn has_failed(&self) -> bool {
        self.status == "FAILED_REGISTRATION"
    }

    /// It is there to be used.
    pub fn is_whole(&self) -> bool {
        !self.is_unfinished() && !self.has_failed()
    }

    /// Its stage, where it has one.
    pub fn stage(&self) -> Option<&str> {
        Some(self.current_stage.as_str()).filter(|stage| !matches!(*stage, "" | "None"))
    }

    /// MLflow keeps prompts among the models; they have texts for versions.
    pub fn is_prompt(&self) -> bool {
        are_of_prompt(&self.tags)
    }
}

/// A value that was logged for a model, on a data set or none. MLflow keeps NaN as 0 here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelMetric {
    pub key: String,
    pub point: MetricPoint,
    /// The run that logged it.
    pub run_id: RunId,
    /// Name and digest.
    pub dataset: Option<(String, String)>,
}

/// A model as an entity of its own (MLflow 3).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedModel {
    pub model_id: ModelId,
    pub experiment_id: ExperimentId,
    pub name: String,
    /// What kind of model its maker says that it is; empty for none.
    pub model_type: String,
    pub artifact_location: String,
    /// `PENDING`, `READY` or `FAILED`.
    pub status: String,
    pub source_run_id: Option<RunId>,
    pub params: Vec<Param>,
    pub tags: Vec<Tag>,
    pub creation_time: Option<i64>,
    pub metrics: Vec<ModelMetric>,
}
