//! Model families, a file each: what is searched of it, and the estimator for one choice of hyper-parameters.
//!
//! An estimator is one by linfa's own trait: it fits [`Features`] and a target to a [`FittedModel`]. Every one is the same from
//! the same seed. To add a family, add a file and a line to [`FAMILIES`].

mod ada_boost;
mod aliases;
mod boosting;
mod centred;
mod elastic;
mod extra_trees;
mod forest;
mod hist_boosting;
mod lbfgs;
mod linfa_tree;
mod logistic;
mod naive_bayes;
mod neighbours;
mod ordinary;
mod pls;
mod ridge;
mod svm;
mod tree;

use linfa::traits::Fit;
use thiserror::Error;

pub use aliases::suggestion;

use super::data::{Limits, TargetValues, Task};
use super::features::Features;
use super::model::FittedModel;
use crate::params::{Dimension, ParamValue, Params};

/// Why a fit came to nothing.
#[derive(Debug, Error)]
pub enum FitError {
    /// Hyper-parameters or data that the family cannot take, and why.
    #[error("{0}")]
    Wrong(String),
    /// What linfa says.
    #[error(transparent)]
    Linfa(#[from] linfa::error::Error),
}

/// Bytes of a table of numbers.
fn bytes(rows: usize, columns: usize) -> u64 {
    (rows as u64).saturating_mul(columns as u64).saturating_mul(8)
}

fn wrong(message: impl Into<String>) -> FitError {
    FitError::Wrong(message.into())
}

/// Training rows.
pub type Samples = linfa::DatasetBase<Features, TargetValues>;
/// What fits a model to training rows.
pub type Estimator = Box<dyn Fit<Features, TargetValues, FitError, Object = FittedModel>>;

/// What is known of the data when the search space is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataShape {
    /// What is predicted.
    pub task: Task,
    /// That are trained on.
    pub rows: usize,
    /// Columns that are learnt from.
    pub features: usize,
}

/// A kind of estimator.
pub trait Family: Sync {
    /// As it stands in the config and among a run's params.
    fn name(&self) -> &'static str;
    /// One line, with its limits.
    fn description(&self) -> &'static str;
    /// Whether it can predict that.
    fn supports(&self, task: Task) -> bool;
    /// Whether a sweep that names no families tries it on such data: those that would take minutes a trial are left out.
    fn is_suggested(&self, shape: DataShape) -> bool {
        let _ = shape;
        true
    }
    /// Whether rows may count by weights.
    fn takes_weights(&self) -> bool {
        true
    }
    /// Bytes that a fit takes at its greatest, beside the table.
    fn memory(&self, rows: usize, features: usize) -> u64 {
        bytes(rows, features)
    }
    /// What can be set besides what is searched.
    fn extra_params(&self) -> &'static [&'static str] {
        &[]
    }

    /// What is searched of it where nobody says, in the order in which it is drawn.
    fn search_space(&self, shape: DataShape) -> Vec<Dimension>;
    /// An estimator with these hyper-parameters. The same seed fits the same model.
    ///
    /// # Errors
    /// Which of them it cannot have, in words.
    fn estimator(&self, task: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError>;
}

/// The simple ones first: what comes later is measured by them.
pub const FAMILIES: [&dyn Family; 17] = [
    &ridge::Ridge,
    &logistic::Logistic,
    &ordinary::Linear,
    &tree::DecisionTree,
    &neighbours::NearestNeighbours,
    &naive_bayes::NaiveBayes,
    &pls::Pls,
    &elastic::Lasso,
    &elastic::ElasticNet,
    &svm::SupportVectors(Task::Regression),
    &svm::SupportVectors(Task::Classification),
    &forest::RandomForest,
    &extra_trees::ExtraTrees,
    &ada_boost::AdaBoost,
    &boosting::GradientBoosting,
    &hist_boosting::HistGradientBoosting,
    &linfa_tree::LinfaTree,
];

/// The family of that name.
pub fn find(name: &str) -> Option<&'static dyn Family> {
    FAMILIES.into_iter().find(|family| family.name() == name)
}

/// That no family is called so, and which may be meant.
pub fn unknown(name: &str) -> String {
    let names = FAMILIES.map(Family::name);
    format!("no family {name:?}{}; families are {}", suggestion(name), names.join(", "))
}

/// The same, for a name that comes from a file.
///
/// # Errors
/// That there is none.
pub fn named(name: &str) -> Result<&'static dyn Family, String> {
    find(name).ok_or_else(|| format!("no family {name:?}"))
}

/// Why a family cannot be fitted to so much, if there is not the memory for it.
pub fn memory_shortage(family: &dyn Family, rows: usize, features: usize, limits: Limits) -> Option<String> {
    let lack = limits.shortage(family.memory(rows, features))?;
    Some(format!(
        "{}: fits to {rows} rows x {features} features {lack}; choose other families, or exclude columns with --ignore",
        family.name()
    ))
}

/// Why a family cannot be fitted to rows that count by weights, if it cannot.
pub fn weights_refused(family: &dyn Family) -> Option<String> {
    let name = family.name();
    (!family.takes_weights()).then(|| {
        format!("{name} does not support weights; choose other families, or drop --weight-column and --class-weight")
    })
}

/// Reads hyper-parameters; what is not given has the family's default.
#[derive(Debug, Clone, Copy)]
pub struct HyperParams<'a>(pub &'a Params);

impl HyperParams<'_> {
    fn real(self, name: &str, default: f64) -> Result<f64, FitError> {
        match self.0.get(name) {
            None => Ok(default),
            Some(ParamValue::Real(value)) => Ok(*value),
            Some(ParamValue::Int(value)) => Ok(*value as f64),
            Some(ParamValue::Text(text)) => Err(wrong(format!("{name} is {text:?}; it must be a number"))),
        }
    }

    fn positive(self, name: &str, default: f64) -> Result<f64, FitError> {
        let value = self.real(name, default)?;
        if value > 0.0 && value.is_finite() {
            Ok(value)
        } else {
            Err(wrong(format!("{name} is {value}; it must be above 0")))
        }
    }

    fn count(self, name: &str, default: usize) -> Result<usize, FitError> {
        match self.0.get(name) {
            None => Ok(default),
            Some(ParamValue::Int(value)) if *value >= 1 => Ok(*value as usize),
            Some(ParamValue::Real(value)) if *value >= 1.0 && value.fract() == 0.0 => Ok(*value as usize),
            Some(other) => Err(wrong(format!("{name} is {other}; it must be a positive integer"))),
        }
    }

    /// How many models an ensemble has.
    fn estimators(self, default: usize) -> Result<usize, FitError> {
        const MOST: usize = 1_000_000;
        let count = self.count("n_estimators", default)?;
        let is_possible = count <= MOST;
        is_possible
            .then_some(count)
            .ok_or_else(|| wrong(format!("n_estimators is {count}; it must be at most {MOST}")))
    }

    /// A count that may be missing: `none`, or no such param.
    fn limit(self, name: &str) -> Result<Option<usize>, FitError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(ParamValue::Text(text)) if text == "none" => Ok(None),
            Some(_) => self.count(name, 1).map(Some),
        }
    }

    /// One of several words; the first where nothing is said.
    fn choice<'a>(self, name: &str, choices: &[&'a str]) -> Result<&'a str, FitError> {
        let Some(value) = self.0.get(name) else { return Ok(choices[0]) };
        let found = choices.iter().find(|choice| matches!(value, ParamValue::Text(text) if text == *choice));
        found
            .copied()
            .ok_or_else(|| wrong(format!("{name} is {value}; it must be one of {}", choices.join(", "))))
    }
}

/// The numbers of a regression target.
fn numbers(target: &TargetValues) -> Result<&[f64], FitError> {
    match target {
        TargetValues::Numbers(values) => Ok(values),
        TargetValues::Classes { .. } => Err(wrong("regression needs a numeric target")),
    }
}

/// The classes of a target, and how many there are in all; two of them are met at least.
fn classes(target: &TargetValues) -> Result<(&[u32], usize), FitError> {
    match target {
        TargetValues::Classes { classes, count } => {
            if classes.iter().all(|class| *class == classes[0]) {
                return Err(wrong("the training rows have a single class"));
            }
            Ok((classes, *count))
        }
        TargetValues::Numbers(_) => Err(wrong("classification needs a categorical target")),
    }
}

/// How much each row counts; none where all count once.
fn weights(data: &Samples) -> Option<Vec<f64>> {
    Some(data.weights()?.iter().map(|weight| f64::from(*weight)).collect())
}

/// The mean of numbers that count so much.
fn mean(values: &[f64], weights: Option<&[f64]>) -> f64 {
    match weights {
        None => values.iter().sum::<f64>() / values.len() as f64,
        Some(of) => {
            let sum: f64 = values.iter().zip(of).map(|(value, weight)| value * weight).sum();
            sum / of.iter().sum::<f64>()
        }
    }
}

/// How much the rows of each class count together.
fn class_sums(of: &[u32], count: usize, weights: Option<&[f64]>) -> Vec<f64> {
    let mut sums = vec![0.0; count];
    for (row, class) in of.iter().enumerate() {
        sums[*class as usize] += weights.map_or(1.0, |of| of[row]);
    }
    sums
}

/// The logarithm of the share of each class. One that is not met has none: as if half a row had it.
fn log_shares(of: &[u32], count: usize, weights: Option<&[f64]>) -> Vec<f64> {
    let sums = class_sums(of, count, weights);
    let all: f64 = sums.iter().sum();
    let half = 0.5 * all / of.len() as f64;
    sums.iter().map(|sum| ((if *sum > 0.0 { *sum } else { half }) / all).ln()).collect()
}

/// Shares of a whole, 0 where there is none.
fn shares(gains: &[f64]) -> Vec<f64> {
    let sum: f64 = gains.iter().sum();
    gains.iter().map(|gain| if sum > 0.0 { gain / sum } else { 0.0 }).collect()
}

/// Another seed for each of a number of things.
pub fn seed_of(seed: u64, number: u64) -> u64 {
    // SplitMix64's step.
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
