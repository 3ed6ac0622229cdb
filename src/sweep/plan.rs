//! What a sweep is to do, as it was decided when it began.

use serde::{Deserialize, Serialize};

use super::engine::pruner::Pruner;
use super::engine::rules::{Aim, Rules};
use super::objective::tabular::{TabularPlan, check_parts};
use super::search::Method;
use crate::learn::data::{self, DataError, Target};
use crate::learn::scores::{Score, scores};
use crate::learn::study::TrainingData;
use crate::text::shell::quoted;

/// What a sweep is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepPlan {
    /// How it goes.
    #[serde(flatten)]
    pub rules: Rules,
    /// What its trials are.
    #[serde(flatten)]
    pub tabular: TabularPlan,
}

impl SweepPlan {
    /// Whether it can be carried out at all: it may come from a file.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), DataError> {
        check_parts(self.tabular.folds, self.tabular.test_size)?;
        self.rules.check().map_err(DataError::Target)
    }

    /// The score that is optimised.
    pub fn score(&self) -> Score {
        let all = scores(self.tabular.task);
        all.iter().copied().find(|score| score.name == self.rules.metric).unwrap_or(all[0])
    }

    /// The same, as its place among the values of a report.
    pub fn aim(&self) -> Aim {
        let all = scores(self.tabular.task);
        let at = all.iter().position(|score| score.name == self.rules.metric).unwrap_or(0);
        Aim { at, mode: self.rules.mode }
    }

    /// Its name as a metric of a trial's run: `val_rmse`.
    pub fn metric(&self) -> String {
        format!("val_{}", self.rules.metric)
    }

    /// Reads the data again, to go on.
    ///
    /// # Errors
    /// Where they cannot be read, or not as before.
    pub fn training_data(&self) -> Result<TrainingData, DataError> {
        let TabularPlan { data, reading, target, task, test_size, folds, .. } = &self.tabular;
        let frame = data::load(data, reading)?;
        let target = Target::new(&frame, target, Some(*task))?;
        TrainingData::new(frame, target, *test_size, *folds, self.rules.seed)
    }

    /// The command that does the same again, wherever it is logged.
    pub fn command(&self) -> String {
        let mut words = vec!["mltui".to_owned(), "sweep".to_owned()];
        let mut flag = |name: &str, value: String| words.push(option(name, &value));
        let (rules, tabular) = (&self.rules, &self.tabular);
        flag("data", tabular.data.clone());
        flag("target", tabular.target.clone());
        flag("task", tabular.task.as_str().to_owned());
        flag("metric", rules.metric.clone());
        for space in &rules.spaces {
            flag("family", space.family.clone());
        }
        for (family, name, range) in &tabular.ranges {
            flag("space", format!("{family}.{name}={range}"));
        }
        flag("method", rules.method.as_str().to_owned());
        if rules.method == Method::Grid {
            flag("grid-points", rules.grid_points.to_string());
        }
        if let Some(trials) = rules.trials {
            flag("trials", trials.to_string());
        }
        if let Some(seconds) = rules.seconds {
            flag("time", format!("{seconds}s"));
        }
        flag("folds", tabular.folds.to_string());
        flag("test-size", tabular.test_size.to_string());
        flag("seed", rules.seed.to_string());
        flag("models", format!("{:?}", tabular.models).to_lowercase());
        let reading = &tabular.reading;
        for name in &reading.categorical {
            flag("categorical", name.clone());
        }
        for name in &reading.ignored {
            flag("ignore", name.clone());
        }
        if let Some(separator) = reading.separator {
            flag("separator", char::from(separator).to_string());
        }
        if let Some(mark) = reading.decimal {
            flag("decimal", mark.character().to_string());
        }
        if reading.no_header {
            words.push("--no-header".to_owned());
        }
        words.push(if rules.pruner == Pruner::None { "--no-prune" } else { "--prune" }.to_owned());
        words.join(" ")
    }
}

/// An option of a command with its value. One that looks like an option itself is tied to it.
pub fn option(name: &str, value: &str) -> String {
    format!("--{name}{}{}", if value.starts_with('-') { '=' } else { ' ' }, quoted(value))
}
