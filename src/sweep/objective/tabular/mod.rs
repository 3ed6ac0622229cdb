//! Our own estimators on a table: a trial is cross-validated, fold after fold, and its model is fitted once more on all but
//! the test part, judged by that, and kept.

mod ensemble;
mod jobs;
mod keep;
mod log;
mod tested;

use std::io;

use serde::{Deserialize, Serialize};

use self::ensemble::Weighed;
use self::tested::Tested;
use super::Objective;
use crate::learn::data::{self, DataError, ReadOptions, Target, TargetValues, Task};
use crate::learn::families::{self, seed_of};
use crate::learn::folds::SplitPlan;
use crate::learn::permutation::importance;
use crate::learn::scores::{Asked, Prediction, score};
use crate::learn::study::{Fitted, PreparedPart, TrainingData};
use crate::learn::weights::WeightPlan;
use crate::params::{Params, Range};
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::numbers::{Values, finite, moments};
use crate::sweep::engine::rules::{Aim, Rules};
use crate::sweep::engine::trial::{Measured, Trial, TrialEnd, TrialReport, TrialWatch, Verdict};
use crate::sweep::plan::{SweepPlan, option, pruner_in_words, rules_in_words};

pub use jobs::{TabularJobs, reports_file};
pub use log::TabularLog;

/// Which models to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum KeptModels {
    /// Refit each trial on all rows outside the test set, test it, and log its model.
    #[default]
    All,
    /// Do so only for the best trial, when all have ended.
    Best,
}

/// What is learnt from, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TabularPlan {
    /// The path of a file, or the name of a bundled set.
    pub data: String,
    /// How it is read.
    #[serde(default)]
    pub reading: ReadOptions,
    /// The column to predict.
    pub target: String,
    /// Numbers or classes.
    pub task: Task,
    /// What of the spaces is not as it comes: family, hyper-parameter, range.
    #[serde(default)]
    pub ranges: Vec<(String, String, Range)>,
    /// How rows are dealt to folds and to the test part.
    #[serde(flatten)]
    pub split: SplitPlan,
    /// How much each row counts in a fit.
    #[serde(flatten)]
    pub weights: WeightPlan,
    /// Which models to keep.
    pub models: KeptModels,
    /// How often a trial is tried again whose job comes to nothing.
    #[serde(default, skip_serializing_if = "is_never")]
    pub retries: u32,
}

/// What went without saying before there was a choice is still not said.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_never(retries: &u32) -> bool {
    *retries == 0
}

impl TabularPlan {
    /// Reads the data again, to go on with trials of that seed.
    ///
    /// # Errors
    /// Where they cannot be read, or not as before.
    pub fn training_data(&self, seed: u64) -> Result<TrainingData, DataError> {
        let frame = data::load(&self.data, &self.reading)?;
        let target = Target::new(&frame, &self.target, Some(self.task))?;
        TrainingData::split_by(frame, target, self.split.clone(), self.weights.clone(), seed)
    }

    /// The command that does the same again, in words that a shell takes.
    pub fn words(&self, rules: &Rules) -> Vec<String> {
        let mut words = vec!["mltui".to_owned(), "sweep".to_owned()];
        let mut flag = |name: &str, value: &str| words.push(option(name, value));
        flag("data", &self.data);
        flag("target", &self.target);
        flag("task", self.task.as_str());
        flag("metric", &rules.metric);
        for space in &rules.spaces {
            flag("family", &space.family);
        }
        for (family, name, range) in &self.ranges {
            flag("space", &format!("{family}.{name}={range}"));
        }
        words.extend(rules_in_words(rules));
        let mut flag = |name: &str, value: &str| words.push(option(name, value));
        flag("folds", &self.split.folds.to_string());
        flag("test-size", &self.split.test_size.to_string());
        if self.split.repeats > 1 {
            flag("repeats", &self.split.repeats.to_string());
        }
        if let Some(name) = &self.split.time_column {
            flag("time-column", name);
        }
        if let Some(name) = &self.split.group_column {
            flag("group-column", name);
        }
        if let Some(name) = &self.weights.weight_column {
            flag("weight-column", name);
        }
        if let Some(weight) = &self.weights.class_weight {
            flag("class-weight", &weight.to_string());
        }
        words.extend(rules.ensemble.then(|| "--ensemble".to_owned()));
        let mut flag = |name: &str, value: &str| words.push(option(name, value));
        flag("models", &format!("{:?}", self.models).to_lowercase());
        if self.retries > 0 {
            flag("retries", &self.retries.to_string());
        }
        let reading = &self.reading;
        for name in &reading.categorical {
            flag("categorical", name);
        }
        for name in &reading.ignored {
            flag("ignore", name);
        }
        if let Some(separator) = reading.separator {
            flag("separator", &char::from(separator).to_string());
        }
        if let Some(mark) = reading.decimal {
            flag("decimal", &mark.character().to_string());
        }
        if reading.no_header {
            words.push("--no-header".to_owned());
        }
        words.extend(pruner_in_words(rules.pruner));
        words
    }
}

/// Trials that are estimators on a table. A report holds the scores of a fold, in the order of
/// [`measured`](crate::learn::scores::measured).
pub struct Tabular {
    plan: TabularPlan,
    seed: u64,
    aim: Aim,
    /// What is optimised, where that is not told of every model.
    asked: Option<Asked>,
    data: TrainingData,
    folder: SweepFolder,
}

impl Tabular {
    /// The estimators of a plan, on its data; models go to the folder.
    pub fn new(sweep: &SweepPlan, plan: TabularPlan, data: TrainingData, folder: SweepFolder) -> Self {
        let asked = Asked::new(plan.task, &sweep.rules.metric);
        Self { plan, seed: sweep.rules.seed, aim: sweep.aim(), asked, data, folder }
    }

    /// Fits on all but the test part, and keeps the model and what the test part says; or how the trial ends before. What
    /// members say of the folds is weighed unless it is by now.
    fn refit(
        &self,
        trial: &Trial,
        weighed: Option<Weighed>,
        watch: &dyn TrialWatch,
    ) -> io::Result<Result<(), TrialEnd>> {
        let seed = seed_of(self.seed, trial.number as u64);
        let proposal = &trial.proposal;
        let weighed = match weighed {
            None if proposal.is_ensemble() => match self.weigh(trial, watch)? {
                Ok(weighed) => Some(weighed),
                Err(end) => return Ok(Err(end)),
            },
            weighed => weighed,
        };
        let part = match self.data.whole() {
            Ok(part) => part,
            Err(message) => return Ok(Err(TrialEnd::Failed(message))),
        };
        let fitted = match &weighed {
            Some(weighed) => self.fit_ensemble(trial, &weighed.weights, part, watch)?,
            None => families::named(&proposal.family)
                .and_then(|family| part.fit_and_score(family, &proposal.params, seed))
                .map_err(TrialEnd::Failed),
        };
        let fitted = match fitted {
            Ok(fitted) => fitted,
            Err(end) => return Ok(Err(end)),
        };
        self.folder.check()?;
        let loss = |truth: &TargetValues, prediction: &Prediction| self.loss(truth, prediction);
        let importance = importance(part, &fitted.model, loss, seed);
        let weights = weighed.map(|weighed| Self::weights_file(trial, &weighed));
        let tested = Tested { part, fitted: &fitted, importance, weights };
        keep::keep(&self.folder.trial(trial.number), &self.data, &tested)?;
        let mut measured = self.measured(part, &fitted);
        let value = |prediction: &Prediction| self.value(&part.truth, prediction);
        let rounds = fitted.model.by_rounds(&part.held_out, &value);
        measured.curve = rounds.into_iter().filter_map(|(round, value)| Some((round, value?))).collect();
        watch.report(TrialReport::Last(measured))?;
        Ok(Ok(()))
    }

    /// What is optimised, and nothing else; none where it is not defined.
    fn value(&self, truth: &TargetValues, prediction: &Prediction) -> Option<f64> {
        let value = match score(self.aim.at, truth, prediction) {
            Some(value) => value,
            None => self.asked?.of(truth, prediction),
        };
        Some(value).filter(|value| value.is_finite())
    }

    /// The same, so that less is better; NaN where it is not defined.
    fn loss(&self, truth: &TargetValues, prediction: &Prediction) -> f64 {
        self.value(truth, prediction).map_or(f64::NAN, |value| self.aim.loss(value))
    }

    /// Whether what is optimised is a number in every fold.
    fn is_defined(&self, reports: &[Values]) -> bool {
        self.aim.value(&moments(reports).0).is_some()
    }

    /// Those that are told of every model, and what is asked for behind them.
    fn scores(&self, mut scores: Vec<f64>, truth: &TargetValues, prediction: &Prediction) -> Values {
        scores.extend(self.asked.map(|asked| asked.of(truth, prediction)));
        finite(&scores)
    }

    fn measured(&self, part: &PreparedPart, fitted: &Fitted) -> Measured {
        Measured {
            values: self.scores(fitted.scores.clone(), &part.truth, &fitted.prediction),
            fit_seconds: fitted.fit_seconds,
            predict_seconds: fitted.predict_seconds,
            curve: Vec::new(),
            params: Params::new(),
        }
    }

    /// What is still to be done behind the last fold, where all models are kept.
    fn keep_all(
        &self,
        trial: &Trial,
        (reports, weighed): (&[Values], Option<Weighed>),
        watch: &dyn TrialWatch,
    ) -> io::Result<TrialEnd> {
        if self.plan.models == KeptModels::All
            && !trial.has_last
            && self.is_defined(reports)
            && let Err(end) = self.refit(trial, weighed, watch)?
        {
            return Ok(end);
        }
        Ok(TrialEnd::Finished)
    }
}

/// How a trial ends that is told to.
fn told(watch: &dyn TrialWatch) -> io::Result<Option<TrialEnd>> {
    Ok(match watch.verdict()? {
        Verdict::Continue => None,
        Verdict::Prune => Some(TrialEnd::Pruned),
        Verdict::Cancel => Some(TrialEnd::Cancelled),
    })
}

impl Objective for Tabular {
    fn run(&self, trial: &Trial, watch: &dyn TrialWatch) -> io::Result<TrialEnd> {
        if trial.proposal.is_ensemble() {
            return self.run_ensemble(trial, watch);
        }
        let family = match families::named(&trial.proposal.family) {
            Ok(family) => family,
            Err(message) => return Ok(TrialEnd::Failed(message)),
        };
        let seed = seed_of(self.seed, trial.number as u64);
        let mut reports = trial.reports.clone();
        for fold in reports.len()..self.data.folds() {
            if let Some(end) = told(watch)? {
                return Ok(end);
            }
            let part = self.data.fold(fold);
            let fitted = part.and_then(|part| {
                let fitted = part.fit_and_score(family, &trial.proposal.params, seed)?;
                Ok(self.measured(part, &fitted))
            });
            let fitted = match fitted {
                Ok(fitted) => fitted,
                Err(message) => return Ok(TrialEnd::Failed(message)),
            };
            reports.push(fitted.values.clone());
            watch.report(TrialReport::Step(fitted))?;
        }
        self.keep_all(trial, (&reports, None), watch)
    }

    fn finish(&self, best: &Trial, watch: &dyn TrialWatch) -> io::Result<()> {
        let is_kept = best.has_last || self.plan.models == KeptModels::All;
        if is_kept || watch.verdict()? != Verdict::Continue {
            return Ok(());
        }
        match self.refit(best, None, watch)? {
            Err(TrialEnd::Failed(message)) => Err(io::Error::other(message)),
            // One that was called off is fitted when the sweep is resumed.
            Ok(()) | Err(TrialEnd::Finished | TrialEnd::Pruned | TrialEnd::Cancelled) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
