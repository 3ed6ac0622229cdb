//! What a sweep is to do, as it was decided when it began.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::engine::pruner::Pruner;
use super::engine::rules::{Aim, Rules};
use super::executor_plan::ExecutorPlan;
use super::objective::command::CommandPlan;
use super::objective::tabular::TabularPlan;
use super::search::Method;
use crate::learn::data::DataError;
use crate::learn::scores::{Score, measured};
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
    pub trial: TrialPlan,
    /// Where they are carried out.
    #[serde(default, skip_serializing_if = "ExecutorPlan::is_local")]
    pub executor: ExecutorPlan,
}

/// What trials are.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TrialPlan {
    /// Our own estimators on a table.
    Tabular(TabularPlan),
    /// Runs of a command.
    Command(CommandPlan),
}

/// What has a command is one; so the error of a damaged plan is about the field that is wrong.
impl<'de> Deserialize<'de> for TrialPlan {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let plan = Json::deserialize(input)?;
        let read = if plan.get("command").is_some() {
            serde_json::from_value(plan).map(Self::Command)
        } else {
            serde_json::from_value(plan).map(Self::Tabular)
        };
        read.map_err(serde::de::Error::custom)
    }
}

impl TrialPlan {
    /// Of estimators on a table.
    pub fn tabular(&self) -> Option<&TabularPlan> {
        match self {
            Self::Tabular(plan) => Some(plan),
            Self::Command(_) => None,
        }
    }

    /// Of runs of a command.
    pub fn command(&self) -> Option<&CommandPlan> {
        match self {
            Self::Command(plan) => Some(plan),
            Self::Tabular(_) => None,
        }
    }
}

impl SweepPlan {
    /// Whether it can be carried out at all: it may come from a file.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), DataError> {
        match &self.trial {
            TrialPlan::Tabular(plan) => plan.split.check()?,
            TrialPlan::Command(plan) => plan.check(&self.rules).map_err(DataError::Target)?,
        }
        if let Some(options) = self.executor.slurm() {
            options.check().map_err(DataError::Target)?;
        }
        self.rules.check().map_err(DataError::Target)
    }

    /// The scores of a report; none where a trial has only the value that is optimised.
    pub fn scores(&self) -> Vec<Score> {
        self.trial.tabular().map_or_else(Vec::new, |plan| measured(plan.task, &self.rules.metric))
    }

    /// What is optimised, as its place among the values of a report.
    pub fn aim(&self) -> Aim {
        let at = self.scores().iter().position(|score| score.name == self.rules.metric).unwrap_or(0);
        Aim { at, mode: self.rules.mode }
    }

    /// Its name as a metric of a trial's run: `val_rmse`; that of a command as its script calls it.
    pub fn metric(&self) -> String {
        match &self.trial {
            TrialPlan::Tabular(_) => format!("val_{}", self.rules.metric),
            TrialPlan::Command(_) => self.rules.metric.clone(),
        }
    }

    /// What is not broken off by a pause: `fold` or `trial`.
    pub fn unit(&self) -> &'static str {
        match &self.trial {
            TrialPlan::Tabular(_) => "fold",
            TrialPlan::Command(_) => "trial",
        }
    }

    /// Reads the data again, to go on with estimators on a table.
    ///
    /// # Errors
    /// Where they cannot be read, or not as before, or there is no table.
    pub fn training_data(&self) -> Result<TrainingData, DataError> {
        match &self.trial {
            TrialPlan::Tabular(plan) => plan.training_data(self.rules.seed),
            TrialPlan::Command(_) => Err(DataError::Target("a command reads its data by itself".into())),
        }
    }

    /// The command that does the same again, with options of where it is logged.
    pub fn command(&self, place: &[String]) -> String {
        let place = [&self.executor.words(), place].concat();
        let words = match &self.trial {
            TrialPlan::Tabular(plan) => [plan.words(&self.rules), place].concat(),
            TrialPlan::Command(plan) => plan.words(&self.rules, &place),
        };
        words.join(" ")
    }
}

/// What of the rules stands on the command line for all kinds of trials.
pub fn rules_in_words(rules: &Rules) -> Vec<String> {
    let mut words = vec![option("method", rules.method.as_str())];
    if rules.method == Method::Grid {
        words.push(option("grid-points", &rules.grid_points.to_string()));
    }
    words.extend(rules.trials.map(|trials| option("trials", &trials.to_string())));
    words.extend(rules.seconds.map(|seconds| option("time", &format!("{seconds}s"))));
    words.push(option("seed", &rules.seed.to_string()));
    words
}

/// How trials are pruned, on the command line.
pub fn pruner_in_words(pruner: Pruner) -> Vec<String> {
    match pruner {
        Pruner::None => vec!["--no-prune".to_owned()],
        Pruner::MEDIAN => vec!["--prune".to_owned()],
        Pruner::Median { min_steps, .. } => {
            vec!["--prune median".to_owned(), option("min-steps", &min_steps.to_string())]
        }
        Pruner::Asha { min_steps, reduction } => vec![
            "--prune asha".to_owned(),
            option("min-steps", &min_steps.to_string()),
            option("reduction", &reduction.to_string()),
        ],
    }
}

/// An option of a command with its value. One that looks like an option itself is tied to it.
pub fn option(name: &str, value: &str) -> String {
    format!("--{name}{}{}", if value.starts_with('-') { '=' } else { ' ' }, quoted(value))
}
