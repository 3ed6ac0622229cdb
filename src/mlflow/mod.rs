//! MLflow's vocabulary: experiments, runs, metrics, models, their ids, limits and filter language.
//!
//! Plain types. This module imports nobody else of the crate, does no IO and reads no clock.

pub mod filter;
pub mod ids;
pub mod infinity;
pub mod limits;
pub mod model_file;
pub mod names;
pub mod order;
mod summary;
pub mod tags;

mod entities;

pub use entities::{
    ArtifactFile, Dataset, DatasetInput, Experiment, LifecycleStage, LoggedModel, Metric, MetricPoint,
    ModelMetric, ModelOutput, ModelStage, ModelVersion, NoExperiment, Param, RegisteredModel, Run, RunInfo,
    RunStatus, Tag, ViewType,
};
pub use ids::{ExperimentId, ModelId, RunId};
pub use summary::{Collector, Part, Statistic, Summary};
