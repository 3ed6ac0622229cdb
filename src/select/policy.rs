//! What is looked for: by which metrics, in which direction, by which of their values, among which runs.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Goal;
use crate::catalog::ColumnSpec;
use crate::catalog::summaries::NeededHistory;
use crate::mlflow::Statistic;
use crate::mlflow::filter::{Asker, Expression, Filter, ParseError};

/// Points whose mean can be asked for, at most.
const MOST_LAST: u32 = 100_000;

/// Which value of a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ValueOf {
    /// MLflow's own: the last one.
    #[default]
    Latest,
    /// The best of the whole history.
    Best,
    /// The mean of so many points at the end.
    Last(u32),
}

impl ValueOf {
    /// Reads `latest`, `best` and `last:5`.
    ///
    /// # Errors
    /// What can be written, where this is none of it.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let wrong = || PolicyError::Value(text.to_owned());
        match text.trim() {
            "latest" => Ok(Self::Latest),
            "best" => Ok(Self::Best),
            other => {
                let count = other.strip_prefix("last:").and_then(|count| count.trim().parse().ok());
                count.filter(|count| (1..=MOST_LAST).contains(count)).map(Self::Last).ok_or_else(wrong)
            }
        }
    }

    /// The statistic of a metric that is wanted.
    pub fn statistic(self, goal: Goal) -> Statistic {
        match (self, goal) {
            (Self::Latest, _) => Statistic::Latest,
            (Self::Best, Goal::Minimize) => Statistic::Min,
            (Self::Best, Goal::Maximize) => Statistic::Max,
            (Self::Last(count), _) => Statistic::LastMean(count),
        }
    }

    /// In words: `mean of the last 5 points`.
    pub fn in_words(self) -> String {
        match self {
            Self::Latest => "latest value".into(),
            Self::Best => "best of its history".into(),
            Self::Last(1) => "last point".into(),
            Self::Last(count) => format!("mean of the last {count} points"),
        }
    }
}

impl std::fmt::Display for ValueOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Best => f.write_str("best"),
            Self::Last(count) => write!(f, "last:{count}"),
        }
    }
}

/// A metric, and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricGoal {
    /// Its name.
    pub metric: String,
    /// Which end of it is wanted.
    pub goal: Goal,
}

impl MetricGoal {
    /// A metric with its goal.
    pub fn new(metric: impl Into<String>, goal: Goal) -> Self {
        Self { metric: metric.into(), goal }
    }
}

/// Why a policy cannot be gone by, and what to change.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PolicyError {
    /// No value of a metric is written so.
    #[error("unknown value {0:?}; write latest, best, or last:N for the mean of the last N points")]
    Value(String),
    /// The constraint is not in the filter language.
    #[error("in the constraint:\n{}", error.report(text))]
    Constraint {
        /// As it was written.
        text: String,
        /// What is wrong, and where.
        error: ParseError,
    },
    /// The constraint asks for what only the store knows.
    #[error("a constraint cannot use datasets; use metrics, params, tags and attributes")]
    DataSets,
    /// One weight is missing, or too many.
    #[error("{weights} weights for {objectives} metrics; give one for each")]
    Weights {
        /// So many there are.
        weights: usize,
        /// So many there have to be.
        objectives: usize,
    },
    /// A weight is negative, infinite or NaN, or all are 0.
    #[error("invalid weight {0}; weights must be at least 0, and one of them above 0")]
    Weight(f64),
    /// There is nothing to choose by.
    #[error("no metric was given")]
    NoMetric,
    /// A metric is among the objectives twice.
    #[error("the metric {0:?} was given twice")]
    Twice(String),
}

/// A policy whose parts fit together.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// One or more. Of several, the runs that no other run beats in all of them are the front, and the choice is made
    /// there: by the metrics in their order, or by weight.
    pub objectives: Vec<MetricGoal>,
    /// One for each objective, or none.
    pub weights: Vec<f64>,
    /// Which metrics break ties, in their order, before the start does.
    pub tie_breaks: Vec<MetricGoal>,
    /// Which value of the metrics counts.
    pub value: ValueOf,
    /// Runs that do not pass are left out: as it was written; empty where all do.
    pub constraint: String,
    /// The same, as it was understood; by [`Self::at`], where `now` or `me` are in it.
    pub filter: Filter,
}

impl Policy {
    /// By the latest value of one metric, among all runs.
    pub fn new(objective: MetricGoal) -> Self {
        Self {
            objectives: vec![objective],
            weights: Vec::new(),
            tie_breaks: Vec::new(),
            value: ValueOf::Latest,
            constraint: String::new(),
            filter: Filter::default(),
        }
    }

    /// What is told first: the metric of a choice among equals, of margins and of reasons.
    pub fn primary(&self) -> &MetricGoal {
        &self.objectives[0]
    }

    /// Sets the constraint, as [`Expression`] reads it.
    ///
    /// # Errors
    /// Where the text is not in that language, or asks for data sets. The policy is as before then.
    pub fn constrain(&mut self, text: &str) -> Result<(), PolicyError> {
        let filter = if text.trim().is_empty() { Expression::default() } else { understand(text)? };
        text.trim().clone_into(&mut self.constraint);
        self.filter = filter.at(Asker::default());
        Ok(())
    }

    /// The same, with a constraint that somebody asks for now.
    pub fn at(mut self, asker: Asker<'_>) -> Self {
        if let Ok(expression) = Expression::parse(&self.constraint) {
            self.filter = expression.at(asker);
        }
        self
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.objectives.is_empty() {
            return Err(PolicyError::NoMetric);
        }
        for (at, objective) in self.objectives.iter().enumerate() {
            if self.objectives[..at].iter().any(|other| other.metric == objective.metric) {
                return Err(PolicyError::Twice(objective.metric.clone()));
            }
        }
        let (weights, objectives) = (self.weights.len(), self.objectives.len());
        if weights != 0 && weights != objectives {
            return Err(PolicyError::Weights { weights, objectives });
        }
        let is_wrong = |weight: &&f64| !(weight.is_finite() && **weight >= 0.0);
        match self.weights.iter().find(is_wrong) {
            Some(weight) => Err(PolicyError::Weight(*weight)),
            None if weights > 0 && self.weights.iter().all(|weight| *weight == 0.0) => {
                Err(PolicyError::Weight(0.0))
            }
            None => Ok(()),
        }
    }

    /// The column of an objective's values.
    pub fn column(&self, objective: &MetricGoal) -> ColumnSpec {
        ColumnSpec::Metric(objective.metric.clone(), self.value.statistic(objective.goal))
    }

    /// The histories that it takes to tell.
    pub fn needed_histories(&self) -> Vec<NeededHistory> {
        let all = self.objectives.iter().chain(&self.tie_breaks);
        all.filter_map(|objective| NeededHistory::of(&self.column(objective))).collect()
    }
}

/// Reads a constraint on runs.
///
/// # Errors
/// Where the text is no filter, or asks for data sets.
pub fn understand(text: &str) -> Result<Expression, PolicyError> {
    let filter =
        Expression::parse(text).map_err(|error| PolicyError::Constraint { text: text.to_owned(), error })?;
    if filter.needs_store() { Err(PolicyError::DataSets) } else { Ok(filter) }
}

/// A policy as it is written down.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenPolicy {
    /// Metrics, with `min` or `max`.
    pub objectives: Vec<(String, String)>,
    /// One for each of them, or none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// Metrics, with `min` or `max`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tie_breaks: Vec<(String, String)>,
    /// `latest`, `best`, `last:5`.
    pub value: String,
    /// In the filter language.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub constraint: String,
}

impl WrittenPolicy {
    /// A policy, to be written down.
    pub fn of(policy: &Policy) -> Self {
        let pairs = |list: &[MetricGoal]| {
            list.iter()
                .map(|objective| (objective.metric.clone(), objective.goal.short().to_owned()))
                .collect()
        };
        Self {
            objectives: pairs(&policy.objectives),
            weights: policy.weights.clone(),
            tie_breaks: pairs(&policy.tie_breaks),
            value: policy.value.to_string(),
            constraint: policy.constraint.clone(),
        }
    }

    /// The policy, if it still means something.
    pub fn policy(&self) -> Option<Policy> {
        let read = |list: &[(String, String)]| -> Option<Vec<MetricGoal>> {
            list.iter().map(|(metric, goal)| Some(MetricGoal::new(metric, Goal::parse(goal)?))).collect()
        };
        let objectives = read(&self.objectives)?;
        let mut policy = Policy::new(objectives.first()?.clone());
        policy.objectives = objectives;
        policy.weights.clone_from(&self.weights);
        policy.tie_breaks = read(&self.tie_breaks)?;
        policy.value = ValueOf::parse(&self.value).ok()?;
        policy.constrain(&self.constraint).ok()?;
        policy.check().ok()?;
        Some(policy)
    }
}
