//! What is trained, as the settings have it.

use std::path::Path;

use super::ConfigError;
use super::raw::{RawRange, RawSweep};
use crate::learn::data::{ReadOptions, separator};
use crate::learn::families;
use crate::params::{ParamValue, Range};
use crate::sweep::executor_plan::{ExecutorKind, ExecutorPlan, SlurmOptions};
use crate::sweep::request::SweepRequest;

/// The sweep of the settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sweeping {
    /// Without data there is none.
    pub defaults: SweepRequest,
    pub jobs: Option<usize>,
    /// What is asked of Slurm, if that carries trials out.
    pub slurm: SlurmOptions,
}

impl Sweeping {
    pub(super) fn new(raw: &RawSweep, path: &Path) -> Result<Self, ConfigError> {
        let wrong = |message: String| ConfigError::Sweep { path: path.to_owned(), message };
        if let Some(name) = raw.families.iter().find(|name| families::find(name).is_none()) {
            return Err(wrong(families::unknown(name)));
        }
        if raw.time.is_some_and(|seconds| !(seconds > 0.0 && seconds.is_finite())) {
            return Err(wrong("time must be a number of seconds above 0".into()));
        }
        if raw.jobs == Some(0) || raw.trials == Some(0) {
            return Err(wrong("jobs and trials must be at least 1".into()));
        }
        raw.slurm.check().map_err(wrong)?;
        let mut ranges = Vec::new();
        for (family, dimensions) in &raw.space {
            if families::find(family).is_none() {
                return Err(wrong(format!("[sweep.space.{family}]: no such family")));
            }
            for (name, written) in dimensions {
                let range = match written {
                    RawRange::List(values) => Range::Choice(values.clone()),
                    RawRange::One(ParamValue::Text(text)) => {
                        text.parse().map_err(|error| wrong(format!("space.{family}.{name}: {error}")))?
                    }
                    RawRange::One(value) => Range::Choice(vec![value.clone()]),
                };
                ranges.push((family.clone(), name.clone(), range));
            }
        }
        let defaults = SweepRequest {
            data: raw.data.clone().unwrap_or_default(),
            reading: ReadOptions {
                separator: raw.separator.as_deref().map(separator).transpose().map_err(wrong)?,
                decimal: raw.decimal.as_deref().map(str::parse).transpose().map_err(wrong)?,
                no_header: raw.no_header,
                categorical: raw.categorical.clone(),
                ignored: raw.ignore.clone(),
            },
            target: raw.target.clone(),
            task: raw.task,
            metric: raw.metric.clone(),
            families: raw.families.clone(),
            ranges,
            method: raw.method,
            grid_points: None,
            trials: raw.trials,
            seconds: raw.time,
            folds: Some(raw.folds),
            test_size: Some(raw.test_size),
            repeats: raw.repeats,
            time_column: raw.time_column.clone(),
            group_column: raw.group_column.clone(),
            weight_column: raw.weight_column.clone(),
            class_weight: raw.class_weight.clone(),
            seed: Some(raw.seed),
            prune: raw.prune,
            prune_rule: None,
            min_steps: None,
            reduction: None,
            ensemble: raw.ensemble,
            models: raw.models,
            retries: None,
            executor: match raw.executor {
                ExecutorKind::Local => ExecutorPlan::Local,
                ExecutorKind::Slurm => ExecutorPlan::Slurm(raw.slurm.clone().into()),
            },
        };
        Ok(Self { defaults, jobs: raw.jobs, slurm: raw.slurm.clone() })
    }
}
