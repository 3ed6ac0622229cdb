//! The tag names that MLflow gives a meaning to.

pub const RUN_NAME: &str = "mlflow.runName";
pub const SOURCE_NAME: &str = "mlflow.source.name";
pub const GIT_COMMIT: &str = "mlflow.source.git.commit";
pub const PARENT_RUN_ID: &str = "mlflow.parentRunId";
/// On a logged model: a JSON list of `{"name", "version"}`, its versions in the registry.
pub const MODEL_VERSIONS: &str = "mlflow.modelVersions";
/// On an experiment: the metric that its runs are judged by, and `True` or `False`.
pub const PRIMARY_METRIC: &str = "mlflow.experiment.primaryMetric.name";
pub const GREATER_IS_BETTER: &str = "mlflow.experiment.primaryMetric.greaterIsBetter";
/// On a run, by MLflow 2: a JSON list of the models that were logged.
pub const MODEL_HISTORY: &str = "mlflow.log-model.history";
/// On a registered model that is none, but a prompt.
pub const IS_PROMPT: &str = "mlflow.prompt.is_prompt";
pub const NOTE: &str = "mlflow.note.content";
/// The library whose autologging a run was logged by.
pub const AUTOLOGGING: &str = "mlflow.autologging";
pub const DATA_CONTEXT: &str = "mlflow.data.context";

/// On a run of which not all is there yet: `mltui migrate` copies it.
pub const MIGRATING: &str = "mltui.migrating";

/// Whether MLflow itself keeps the tag; such tags are listed after the user's own.
pub fn is_system(key: &str) -> bool {
    key.starts_with("mlflow.")
}
