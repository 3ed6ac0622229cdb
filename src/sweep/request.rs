//! What somebody asks for, and the plan that follows from it and from the data.

use serde::{Deserialize, Serialize};

use super::engine::pruner::{PruneRule, Pruner};
use super::engine::rules::{Mode, Proposals, Rules};
use super::executor_plan::ExecutorPlan;
use super::objective::command::MOST_RETRIES;
use super::objective::tabular::{KeptModels, TabularPlan};
use super::plan::{SweepPlan, TrialPlan};
use super::search::{FamilyChoice, FamilySpace, Method, Startup};
use crate::learn::data::{
    self, DataError, DataFrame, Limits, ReadOptions, Target, TargetValues, Task, bundled,
};
use crate::learn::families::{self, DataShape, FAMILIES, Family, HyperParams};
use crate::learn::folds::SplitPlan;
use crate::learn::scores::{self, Asked, Prediction, Score};
use crate::learn::study::TrainingData;
use crate::learn::weights::{ClassWeight, WeightPlan};
use crate::params::{Dimension, ParamValue, Range};
use crate::text::{did_you_mean, names};

/// A plan before what is not said has been found out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepRequest {
    /// A path, or the name of a bundled set.
    pub data: String,
    /// How it is read.
    pub reading: ReadOptions,
    /// The column to predict; of a bundled set it is known.
    pub target: Option<String>,
    /// Numbers or classes; the target tells.
    pub task: Option<Task>,
    /// The score to optimise, with or without `val_`; the first of the task's.
    pub metric: Option<String>,
    /// Those that are suggested for such data where there are none.
    pub families: Vec<String>,
    /// Family, hyper-parameter, and what is searched of it instead.
    pub ranges: Vec<(String, String, Range)>,
    /// How trials are proposed.
    pub method: Method,
    /// Values of a range that a grid takes; 3.
    pub grid_points: Option<usize>,
    /// Maximum number of trials; [`TRIALS`], unless a grid or a time says when it ends.
    pub trials: Option<usize>,
    /// Seconds after which no trial begins.
    pub seconds: Option<f64>,
    /// Number of cross-validation folds; [`FOLDS`].
    pub folds: Option<usize>,
    /// The share of rows that is held out; [`TEST_SIZE`].
    pub test_size: Option<f64>,
    /// How often the rows are dealt to folds; once.
    pub repeats: Option<usize>,
    /// The column whose order the folds follow.
    pub time_column: Option<String>,
    /// The column whose groups stay whole.
    pub group_column: Option<String>,
    /// The column that says how much each row counts in a fit.
    pub weight_column: Option<String>,
    /// How much rows of each class count in a fit; all alike.
    pub class_weight: Option<ClassWeight>,
    /// What all chance is drawn with; [`SEED`].
    pub seed: Option<u64>,
    /// Whether trials that fall behind end early; all but a grid's do.
    pub prune: Option<bool>,
    /// By which rule; by that of the median.
    pub prune_rule: Option<PruneRule>,
    /// The number of folds from which on; 2, and 1 for asha.
    pub min_steps: Option<i64>,
    /// One in so many goes on at a rung of asha.
    pub reduction: Option<u32>,
    /// Whether a last trial averages the best of each family.
    pub ensemble: bool,
    /// Which models to keep.
    pub models: KeptModels,
    /// How often a trial is tried again whose job comes to nothing; never.
    pub retries: Option<u32>,
    /// Where trials are carried out.
    pub executor: ExecutorPlan,
}

/// Trials where nobody says how many.
pub const TRIALS: usize = 20;
/// Folds where nobody says how many.
pub const FOLDS: usize = 5;
/// The share of rows that is held out where nobody says.
pub const TEST_SIZE: f64 = 0.2;
/// The seed where nobody says.
pub const SEED: u64 = 1;

fn wrong(message: String) -> DataError {
    DataError::Target(message)
}

/// A time as people write it: `90s`, `10m`, `1h30m`, or a number of seconds. Comes back in seconds.
///
/// # Errors
/// How to write one.
pub fn seconds(text: &str) -> Result<f64, String> {
    // Of seconds there may be more digits than a span of time has: the command that does the same again writes them all.
    let number = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
    let span = || text.parse::<jiff::SignedDuration>().ok().map(|span| span.as_secs_f64());
    let seconds = number.or_else(span).filter(|seconds| *seconds > 0.0 && seconds.is_finite());
    seconds.ok_or_else(|| "expected a time such as 90s, 10m or 2h".into())
}

impl SweepRequest {
    /// Reads the data and decides the rest.
    ///
    /// # Errors
    /// What of the data cannot be read, or of the request not be met, with what to change.
    pub fn decide(&self) -> Result<(SweepPlan, TrainingData), DataError> {
        self.decide_on(self.frame()?)
    }

    /// Reads the data.
    ///
    /// # Errors
    /// What of them cannot be read.
    pub fn frame(&self) -> Result<DataFrame, DataError> {
        data::load(&self.data, &self.reading())
    }

    /// Nothing is learnt of the columns that folds go by and rows are weighted by, also where somebody asks that they are
    /// ignored; but they are read.
    fn reading(&self) -> ReadOptions {
        let mut reading = self.reading.clone();
        let read = [&self.time_column, &self.group_column, &self.weight_column];
        let is_read = |name: &String| read.iter().any(|column| column.as_ref() == Some(name));
        let kept = |name: &String| match names::read(name) {
            // Several names, between commas.
            Ok(parts) if parts.iter().any(is_read) => {
                parts.into_iter().filter(|part| !is_read(part)).collect()
            }
            Ok(_) | Err(_) => vec![name.clone()],
        };
        reading.ignored = self.reading.ignored.iter().flat_map(kept).collect();
        reading
    }

    /// Decides the rest on data that were read with [`SweepRequest::frame`].
    ///
    /// # Errors
    /// What of the request cannot be met on such data, with what to change.
    pub fn decide_on(&self, frame: DataFrame) -> Result<(SweepPlan, TrainingData), DataError> {
        let set = bundled::find(&self.data);
        let target = self.target.as_deref().or(set.map(|set| set.target));
        let Some(name) = target else {
            let columns: Vec<_> = frame.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(wrong(format!(
                "no target given; pass --target with a column of {}: {}",
                frame.name,
                data::mentioned(&columns)
            )));
        };
        let task = self.task.or(set.filter(|set| set.target == name).map(|set| set.task));
        let target = Target::new(&frame, name, task)?;
        let task = target.task;
        let (data, rows) = (absolute(&self.data, &frame), target.rows.len());
        let mut reading = self.reading();
        // What a config file says for other tables is not said again.
        reading.ignored.retain(|name| !frame.unknown.contains(name));
        reading.categorical.retain(|name| !frame.unknown.contains(name));
        let (split, weights) = (self.split(), self.weights());
        let seed = self.seed.unwrap_or(SEED);
        let training = TrainingData::split_by(frame, target, split.clone(), weights.clone(), seed)?;
        let shape = DataShape { rows, ..training.shape() };
        let score = self.score(task, &training.target.values)?;
        training.check_score(score.name)?;
        let mut rules = Rules {
            metric: score.name.to_owned(),
            mode: if score.greater_is_better { Mode::Max } else { Mode::Min },
            spaces: self.spaces(shape, training.width, Limits::of_this_machine())?,
            method: self.method,
            grid_points: self.grid_points.unwrap_or(3).max(1),
            trials: match (self.method, self.trials, self.seconds) {
                (Method::Grid, None, _) | (_, None, Some(_)) => None,
                (_, trials, _) => Some(trials.unwrap_or(TRIALS)),
            },
            seconds: self.seconds,
            seed,
            pruner: self.pruner(),
            jobs: 1,
            ensemble: self.ensemble,
            proposals: Proposals::Steady,
            startup: Startup::Random,
            families: FamilyChoice::Ranked,
            max_failures: None,
        };
        rules.jobs = rules.jobs_for(None);
        let tabular = TabularPlan {
            data,
            reading,
            target: name.to_owned(),
            task,
            ranges: self.ranges.clone(),
            split,
            weights,
            models: self.models,
            retries: self.retries()?,
        };
        let plan = SweepPlan { rules, trial: TrialPlan::Tabular(tabular), executor: self.executor.clone() };
        plan.check()?;
        Ok((plan, training))
    }

    fn split(&self) -> SplitPlan {
        SplitPlan {
            folds: self.folds.unwrap_or(FOLDS),
            test_size: self.test_size.unwrap_or(TEST_SIZE),
            repeats: self.repeats.unwrap_or(1),
            time_column: self.time_column.clone(),
            group_column: self.group_column.clone(),
        }
    }

    fn weights(&self) -> WeightPlan {
        let class_weight = self.class_weight.clone().filter(|weight| *weight != ClassWeight::None);
        WeightPlan { weight_column: self.weight_column.clone(), class_weight }
    }

    /// A job may come to nothing; of what trains here nothing but the data decides what comes.
    fn retries(&self) -> Result<u32, DataError> {
        let retries = self.retries.unwrap_or(0);
        if retries > 0 && self.executor.slurm().is_none() {
            return Err(wrong(
                "--retries of built-in models is for --executor slurm; here they fail in the same way again"
                    .into(),
            ));
        }
        if retries > MOST_RETRIES {
            return Err(wrong(format!("--retries {retries}: use {MOST_RETRIES} at most")));
        }
        Ok(retries)
    }

    /// A grid is asked for to be seen whole.
    pub fn prunes(&self) -> bool {
        self.prune.unwrap_or(self.method != Method::Grid)
    }

    fn pruner(&self) -> Pruner {
        let rule = self.prune_rule.unwrap_or(PruneRule::Median);
        let least = match rule {
            PruneRule::Median => 2,
            PruneRule::Asha => 1,
        };
        if self.prunes() {
            Pruner::new(rule, self.min_steps.unwrap_or(least), self.reduction)
        } else {
            Pruner::None
        }
    }

    fn score(&self, task: Task, target: &TargetValues) -> Result<Score, DataError> {
        let Some(name) = &self.metric else { return Ok(scores::scores(task)[0]) };
        let Some(score) = scores::find(task, name) else {
            let names: Vec<_> = scores::names(task).collect();
            return Err(wrong(format!(
                "no metric {name:?} for {}{}; metrics are {}",
                task.as_str(),
                did_you_mean(name.strip_prefix("val_").unwrap_or(name), scores::names(task)),
                names.join(", ")
            )));
        };
        match (Asked::new(task, score.name), target) {
            (Some(asked), TargetValues::Classes { count, .. }) if asked.is_of_two() && *count != 2 => {
                let name = score.name;
                Err(wrong(format!(
                    "{name} is for two classes, and these are {count}; use {name}_macro or {name}_weighted"
                )))
            }
            (Some(asked), TargetValues::Numbers(values)) => {
                // What not even the truth itself is measured by.
                let is_defined = !asked.of(target, &Prediction::Numbers(values.clone())).is_nan();
                let words =
                    format!("{} is not defined for some values of the target; use rmse, for one", score.name);
                if is_defined { Ok(score) } else { Err(wrong(words)) }
            }
            _ => Ok(score),
        }
    }

    /// Of `width` features, on a machine of such limits.
    fn spaces(&self, shape: DataShape, width: usize, limits: Limits) -> Result<Vec<FamilySpace>, DataError> {
        let mut spaces = Vec::new();
        let is_weighted = self.weights().is_weighted();
        let lack = |family: &dyn Family| families::memory_shortage(family, shape.rows, width, limits);
        if self.families.is_empty() {
            let usual = FAMILIES.iter().filter(|family| {
                let takes_rows = !is_weighted || family.takes_weights();
                takes_rows && family.supports(shape.task) && family.is_suggested(shape)
            });
            let fitting = usual.filter(|family| lack(**family).is_none());
            spaces.extend(fitting.map(|family| space(*family, shape)));
            if spaces.is_empty() {
                return Err(wrong(format!(
                    "no family fits: {}",
                    FAMILIES.iter().find_map(|family| lack(*family)).unwrap_or_default()
                )));
            }
        }
        for name in &self.families {
            let family = known(name)?;
            if !family.supports(shape.task) {
                return Err(wrong(format!("{name} does not support {}", shape.task.as_str())));
            }
            let refused = if is_weighted { families::weights_refused(family) } else { None };
            if let Some(lack) = refused.or_else(|| lack(family)) {
                return Err(wrong(lack));
            }
            spaces.push(space(family, shape));
        }
        for (name, dimension, range) in &self.ranges {
            let family = known(name)?;
            // A range of a family that is not searched is of no use, and of no harm.
            let Some(space) = spaces.iter_mut().find(|space| space.family == *name) else { continue };
            narrow(space, family, dimension, range)?;
            let made = family.estimator(shape.task, HyperParams(&space.defaults()), 0);
            made.map_err(|error| wrong(format!("{name}: {error}")))?;
        }
        if self.method == Method::Grid {
            for space in &mut spaces {
                let named = self.ranges.iter().filter(|(family, ..)| *family == space.family);
                let named: Vec<&str> = named.map(|(_, name, _)| name.as_str()).collect();
                hold(space, &named);
            }
        }
        Ok(spaces)
    }
}

/// What is searched of a family as it comes.
fn space(family: &dyn Family, shape: DataShape) -> FamilySpace {
    FamilySpace { family: family.name().to_owned(), dimensions: family.search_space(shape) }
}

fn known(name: &str) -> Result<&'static dyn Family, DataError> {
    families::find(name).ok_or_else(|| wrong(families::unknown(name)))
}

/// Puts a range in the place of the usual one; a single choice is what the family then always takes.
fn narrow(space: &mut FamilySpace, family: &dyn Family, name: &str, range: &Range) -> Result<(), DataError> {
    range.check().map_err(|why| wrong(format!("{}.{name}: {why}", space.family)))?;
    let default = match range {
        // The first trial of a seed stays what it was before ranges knew their middle.
        Range::Int { low, high, .. } => Some(ParamValue::Int(i64::midpoint(*low, *high))),
        range => range.middle(),
    };
    let default = default.ok_or_else(|| wrong(format!("{}.{name} has no values", space.family)))?;
    let mut is_known = false;
    for known in space.dimensions.iter_mut().filter(|dimension| dimension.name == name) {
        known.range = range.clone();
        known.default = default.clone();
        is_known = true;
    }
    if !is_known {
        if !family.extra_params().contains(&name) {
            let names = space.dimensions.iter().map(|dimension| dimension.name.as_str());
            let names: Vec<_> = names.chain(family.extra_params().iter().copied()).collect();
            let meant = did_you_mean(name, names.iter().copied());
            let known = names.join(", ");
            return Err(wrong(format!("{} has no {name:?}{meant}; it has {known}", space.family)));
        }
        space.dimensions.push(Dimension {
            name: name.to_owned(),
            range: range.clone(),
            default,
            only_if: None,
        });
    }
    Ok(())
}

/// In a grid over what is named, the rest stays as it is by default; but for what makes that which is named of any use.
fn hold(space: &mut FamilySpace, named: &[&str]) {
    if named.is_empty() {
        return;
    }
    let defaults = space.defaults();
    let applies = |name: &str| defaults.contains_key(name);
    let conditions: Vec<String> = space
        .dimensions
        .iter()
        .filter(|dimension| named.contains(&dimension.name.as_str()) && !applies(&dimension.name))
        .filter_map(|dimension| dimension.only_if.as_ref().map(|(other, _)| other.clone()))
        .collect();
    for dimension in &mut space.dimensions {
        if !named.contains(&dimension.name.as_str()) && !conditions.contains(&dimension.name) {
            dimension.range = Range::Choice(vec![dimension.default.clone()]);
        }
    }
}

/// A sweep may be resumed from another folder.
fn absolute(data: &str, frame: &DataFrame) -> String {
    if bundled::find(data).is_some() { data.to_owned() } else { frame.source.clone() }
}

#[cfg(test)]
mod tests;
