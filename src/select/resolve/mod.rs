//! Where a policy comes from when nobody states one: what the user chose for the experiment, the experiment's tags, the
//! settings, what its best run was marked by, the tags of its runs, the names of the metrics. A direction that none of them tells is left open.

mod optuna;
mod patterns;
mod telling;
#[cfg(test)]
mod tests;

pub use optuna::optuna_directions;
pub use patterns::Patterns;
pub use telling::{by_telling, candidates};

use super::Goal;
use super::policy::{MetricGoal, Policy};
use crate::mlflow::{Tag, tags};

/// Who stated a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyOrigin {
    /// Stated on the command line.
    Asked,
    /// Chosen for this experiment before.
    Chosen,
    /// The experiment's own tags.
    Experiment,
    /// The config file.
    Settings,
    /// What a run of it was marked best by.
    Marks,
    /// What Optuna says of its trials.
    Trials,
    /// The name of a metric that every run is likely to be judged by.
    Names,
}

impl PolicyOrigin {
    /// A word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Chosen => "chosen",
            Self::Experiment => "experiment tags",
            Self::Settings => "settings",
            Self::Marks => "marks",
            Self::Trials => "run tags",
            Self::Names => "metric names",
        }
    }

    /// The same for people, as the end of a sentence.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Asked => "as requested",
            Self::Chosen => "as chosen for this experiment",
            Self::Experiment => "from the experiment tag mlflow.experiment.primaryMetric.name",
            Self::Settings => "from the settings",
            Self::Marks => "as for the newest mark that was chosen by a metric",
            Self::Trials => "from the direction tag of Optuna trials",
            Self::Names => "inferred from the name",
        }
    }
}

/// What is known of how to choose.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    /// All is known.
    Policy(Policy, PolicyOrigin),
    /// The metric is known, and not which end of it is wanted.
    Undirected(String, PolicyOrigin),
    /// No metric is known by name: somebody has to choose one.
    Open,
}

/// Resolves a policy. `metrics` are those that the runs have, with how many runs have each; `marked` is what a run
/// was marked best by, which stays whatever is logged later; `told` is what the tags of the runs say, see
/// [`optuna_directions`].
pub fn resolve(
    chosen: Option<Policy>,
    experiment: &[Tag],
    patterns: &Patterns,
    metrics: &[(&str, usize)],
    marked: Option<&Policy>,
    told: &[MetricGoal],
) -> Resolved {
    if let Some(policy) = chosen {
        return Resolved::Policy(policy, PolicyOrigin::Chosen);
    }
    let candidates = candidates(patterns, told, metrics.iter().copied());
    let with_tie_breaks = |objectives: &[MetricGoal]| {
        let mut policy = Policy::new(objectives[0].clone());
        policy.objectives = objectives.to_vec();
        let is_new = |candidate: &&MetricGoal| objectives.iter().all(|one| one.metric != candidate.metric);
        policy.tie_breaks.extend(candidates.iter().find(is_new).cloned());
        policy
    };
    let by = |metric: &str, goal: Goal| with_tie_breaks(&[MetricGoal::new(metric, goal)]);
    let tag = |key: &str| experiment.iter().find(|tag| tag.key == key).map(|tag| tag.value.trim());
    if let Some(metric) = tag(tags::PRIMARY_METRIC).filter(|metric| !metric.is_empty()) {
        let greater = tag(tags::GREATER_IS_BETTER).map(str::to_ascii_lowercase);
        let goal = match greater.as_deref() {
            Some("true") => Some(Goal::Maximize),
            Some("false") => Some(Goal::Minimize),
            _ => patterns.goal(told, metric),
        };
        return match goal {
            Some(goal) => Resolved::Policy(by(metric, goal), PolicyOrigin::Experiment),
            None => Resolved::Undirected(metric.to_owned(), PolicyOrigin::Experiment),
        };
    }
    if let Some(MetricGoal { metric, goal }) = patterns.first(metrics) {
        return Resolved::Policy(by(&metric, goal), PolicyOrigin::Settings);
    }
    // What was chosen by the first of several metrics that trials optimise is no choice by that one alone.
    let is_of_trials = |metric: &str| told.iter().any(|one| one.metric == metric);
    if let Some(marked) = marked.filter(|marked| told.len() < 2 || !is_of_trials(&marked.primary().metric)) {
        let policy = Policy { value: marked.value, ..with_tie_breaks(&marked.objectives) };
        return Resolved::Policy(policy, PolicyOrigin::Marks);
    }
    if !told.is_empty() {
        return Resolved::Policy(with_tie_breaks(told), PolicyOrigin::Trials);
    }
    match candidates.first() {
        Some(first) => Resolved::Policy(with_tie_breaks(std::slice::from_ref(first)), PolicyOrigin::Names),
        None => Resolved::Open,
    }
}
