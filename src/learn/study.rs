//! A data set with its folds, ready to try estimators on.

use std::sync::OnceLock;
use std::time::Instant;

use super::cores;
use super::data::{DataError, DataFrame, Limits, Target, TargetValues};
use super::families::{DataShape, Family, HyperParams, Samples, memory_shortage, weights_refused};
use super::features::Features;
use super::folds::{Split, SplitPlan};
use super::leaks::{Leak, leaks};
use super::model::FittedModel;
use super::prepare::Preparation;
use super::roles::Roles;
use super::scores::{Prediction, evaluate, is_defined, scores};
use super::weights::{RowWeights, WeightPlan};
use crate::params::Params;
use crate::program::catch_panic;

/// Rows to learn from and rows to be judged by, prepared by what the former taught.
#[derive(Debug)]
pub struct PreparedPart {
    /// What the training rows taught.
    pub preparation: Preparation,
    /// To learn from.
    pub train: Samples,
    /// To be judged by.
    pub held_out: Features,
    /// The target of those.
    pub truth: TargetValues,
}

/// A data set with target and folds.
#[derive(Debug)]
pub struct TrainingData {
    /// As it was read.
    pub frame: DataFrame,
    /// What is predicted.
    pub target: Target,
    /// What becomes of each column, in every fold alike.
    pub roles: Roles,
    /// Which rows train and which test.
    pub split: Split,
    /// How that was decided.
    pub plan: SplitPlan,
    /// How much each row counts in a fit.
    pub weights: RowWeights,
    /// Features: a text column is one a level.
    pub width: usize,
    /// Each prepared when it is first needed, for all trials.
    folds: Vec<OnceLock<Result<PreparedPart, String>>>,
    whole: OnceLock<Result<PreparedPart, String>>,
    leaks: OnceLock<Vec<Leak>>,
}

/// A fitted model and how it did on rows that it has not seen.
#[derive(Debug)]
pub struct Fitted {
    /// As it was fitted.
    pub model: FittedModel,
    /// Of the rows that it has not seen.
    pub prediction: Prediction,
    /// In the order of [`super::scores::scores`].
    pub scores: Vec<f64>,
    /// Seconds that the fit took.
    pub fit_seconds: f64,
    /// Seconds that the predictions took.
    pub predict_seconds: f64,
}

impl TrainingData {
    /// Splits the rows by chance: a share of them is held out to the end, the rest is dealt to folds.
    ///
    /// # Errors
    /// Where there are too few rows, nothing to learn from, or not the memory for it.
    pub fn new(
        frame: DataFrame,
        target: Target,
        test_share: f64,
        folds: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        Self::split_by(frame, target, SplitPlan::by_chance(folds, test_share), WeightPlan::default(), seed)
    }

    /// Splits and weighs the rows as planned.
    ///
    /// # Errors
    /// As [`TrainingData::new`], and where the rows cannot be split or weighted so.
    pub fn split_by(
        frame: DataFrame,
        target: Target,
        plan: SplitPlan,
        weights: WeightPlan,
        seed: u64,
    ) -> Result<Self, DataError> {
        let weights = RowWeights::new(&frame, &target, weights)?;
        let split = Split::new(&frame, &target, &plan, seed)?;
        weights.check(&split, &target)?;
        let folds = split.folds.len();
        // What is wrong with all folds is said before any trial.
        let roles = Roles::decide(&frame, &target, &plan, weights.plan.weight_column.as_deref())?;
        let train = weights.counting(&split.train);
        let width = Preparation::fit(&frame, &roles, &target.values, &train)?.names.len();
        // Each fold is kept as numbers and their order, and so is the whole.
        let cells = (frame.rows as u64).saturating_mul(width as u64);
        if let Some(lack) = Limits::of_this_machine().shortage(cells.saturating_mul(8 * (folds as u64 + 1))) {
            return Err(DataError::Target(format!(
                "{} rows x {width} features (one per level of a text column) in {folds} folds {lack}; exclude columns with --ignore, or use fewer --folds",
                frame.rows
            )));
        }
        let folds = (0..folds).map(|_| OnceLock::new()).collect();
        Ok(Self {
            frame,
            target,
            roles,
            split,
            plan,
            weights,
            width,
            folds,
            whole: OnceLock::new(),
            leaks: OnceLock::new(),
        })
    }

    /// Columns that tell the target by themselves.
    pub fn leaks(&self) -> &[Leak] {
        let found = || leaks(&self.frame, &self.target, &self.roles, &self.split, self.plan.folds);
        self.leaks.get_or_init(found)
    }

    /// The classes that none of some rows is of.
    pub(super) fn classes_not_met(&self, rows: &[u32]) -> Vec<usize> {
        let TargetValues::Classes { classes, count } = &self.target.values else { return Vec::new() };
        let mut is_met = vec![false; *count];
        for row in rows {
            is_met[classes[*row as usize] as usize] = true;
        }
        (0..*count).filter(|class| !is_met[*class]).collect()
    }

    /// Whether a score can be measured in every fold: otherwise each trial would fail when it is trained.
    ///
    /// # Errors
    /// In which it cannot, and what to change.
    pub fn check_score(&self, name: &str) -> Result<(), DataError> {
        let is_defined = |rows: &[u32]| is_defined(self.target.task, name, &self.target.values.of(rows));
        let mut folds = self.split.folds.iter().map(|fold| &fold.validation).enumerate();
        let Some((at, rows)) = folds.find(|(_, rows)| !is_defined(rows)) else { return Ok(()) };
        let labels = self.target.labels.as_ref();
        let missing = self.classes_not_met(rows).first().and_then(|class| Some(labels?.name(*class)));
        let why = match (missing, rows.len()) {
            (Some(class), count) => format!("none of its {count} rows is of class {class:?}"),
            (None, 1) => "it has a single row".to_owned(),
            (None, count) => format!("for the target of its {count} rows"),
        };
        Err(DataError::Target(format!(
            "{name} is not defined in fold {} of {}: {why}; use fewer --folds, or another --metric such as {}",
            at + 1,
            self.split.folds.len(),
            scores(self.target.task)[0].name
        )))
    }

    /// What a search space is made by; rows are those outside of the test part.
    pub fn shape(&self) -> DataShape {
        DataShape { task: self.target.task, rows: self.split.train.len(), features: self.roles.learnt() }
    }

    /// How many there are, of all repeats together.
    pub fn folds(&self) -> usize {
        self.folds.len()
    }

    fn part(&self, train: &[u32], held_out: &[u32]) -> Result<PreparedPart, String> {
        let train = &*self.weights.counting(train);
        let preparation = Preparation::fit(&self.frame, &self.roles, &self.target.values, train)
            .map_err(|error| error.to_string())?;
        let features = preparation.apply_to_train(&self.frame, &self.roles, &self.target.values, train);
        let held_out_features = preparation.apply(&self.frame, held_out);
        let targets = self.target.values.of(train);
        let weights = self.weights.of(train, &targets);
        let train = Samples::new(features, targets).with_weights(weights.unwrap_or_default());
        let truth = self.target.values.of(held_out);
        Ok(PreparedPart { preparation, train, held_out: held_out_features, truth })
    }

    /// Rows to learn from and rows to be judged by, of the fold at that place.
    ///
    /// # Errors
    /// In words, where there is nothing to learn from in it.
    pub fn fold(&self, at: usize) -> Result<&PreparedPart, String> {
        let fold = &self.split.folds[at];
        let part = self.folds[at].get_or_init(|| self.part(&fold.train, &fold.validation));
        part.as_ref().map_err(Clone::clone)
    }

    /// All rows but the test part to learn from, and the test part.
    ///
    /// # Errors
    /// In words, where there is nothing to learn from.
    pub fn whole(&self) -> Result<&PreparedPart, String> {
        let part = self.whole.get_or_init(|| self.part(&self.split.train, &self.split.test));
        part.as_ref().map_err(Clone::clone)
    }
}

impl PreparedPart {
    /// Fits and judges. Whatever goes wrong within an estimator comes back as words.
    ///
    /// # Errors
    /// In words, whatever went wrong within the estimator.
    pub fn fit_and_score(&self, family: &dyn Family, params: &Params, seed: u64) -> Result<Fitted, String> {
        let task = match self.truth {
            TargetValues::Numbers(_) => super::data::Task::Regression,
            TargetValues::Classes { .. } => super::data::Task::Classification,
        };
        if self.train.weights().is_some()
            && let Some(refused) = weights_refused(family)
        {
            return Err(refused);
        }
        let estimator =
            family.estimator(task, HyperParams(params), seed).map_err(|error| error.to_string())?;
        // An allocation that fails would end the process.
        let (rows, features) = (self.train.records.raw.rows, self.train.records.raw.width());
        if let Some(lack) = memory_shortage(family, rows, features, Limits::of_this_machine()) {
            return Err(lack);
        }
        let _at_work = cores::begin();
        let started = Instant::now();
        let fitted = catch_panic(|| estimator.fit(&self.train));
        let fit_seconds = started.elapsed().as_secs_f64();
        let model = match fitted {
            Ok(fitted) => fitted.map_err(|error| error.to_string())?,
            Err(panic) => return Err(format!("the estimator panicked: {panic}")),
        };
        let started = Instant::now();
        let prediction = model.prediction(&self.held_out);
        let predict_seconds = started.elapsed().as_secs_f64();
        let scores = evaluate(&self.truth, &prediction);
        let is_usable = match &prediction {
            Prediction::Numbers(values) => values.iter().all(|value| value.is_finite()),
            Prediction::Classes { probabilities, .. } => probabilities.iter().all(|value| value.is_finite()),
        };
        if !is_usable {
            return Err("the predictions are not finite".into());
        }
        Ok(Fitted { model, prediction, scores, fit_seconds, predict_seconds })
    }
}
