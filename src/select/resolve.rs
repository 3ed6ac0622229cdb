//! Where a policy comes from when nobody states one: what the user chose for the experiment, the experiment's tags, the
//! settings, the names of the metrics. A direction that none of them tells is left open.

use super::direction::words;
use super::policy::{Objective, Policy};
use super::spread::without_fold;
use super::{Goal, goal};
use crate::mlflow::{Tag, tags};

/// Metrics by name, with what is wanted of them, the most wanted first. `*` stands for anything, `?` for a letter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patterns(pub Vec<(String, Goal)>);

impl Patterns {
    /// Reads lines of `PATTERN min` and `PATTERN max`; the one that is wrong, if one is.
    pub fn parse(lines: &[String]) -> Result<Self, String> {
        let read = |line: &String| {
            let (pattern, goal) = line.trim().rsplit_once(char::is_whitespace)?;
            Some((pattern.trim().to_owned(), Goal::parse(goal)?))
        };
        lines.iter().map(|line| read(line).ok_or_else(|| line.clone())).collect::<Result<_, _>>().map(Self)
    }

    /// What is wanted of a metric: by the first pattern that it matches, or else by its name.
    pub fn goal(&self, metric: &str) -> Option<Goal> {
        let found = self.0.iter().find(|(pattern, _)| matches(pattern, metric));
        found.map(|(_, goal)| *goal).or_else(|| goal(metric))
    }
}

/// Whether a name matches a pattern of `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut back) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p + 1, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                // The last star takes one letter more.
                let Some((after, from)) = back else { return false };
                (p, n) = (after, from + 1);
                back = Some((after, from + 1));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Stated on the command line.
    Asked,
    /// Chosen for this experiment before.
    Chosen,
    /// The experiment's own tags.
    Experiment,
    Settings,
    /// The name of a metric that every run is likely to be judged by.
    Names,
}

impl Origin {
    /// A word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Chosen => "chosen",
            Self::Experiment => "experiment tags",
            Self::Settings => "settings",
            Self::Names => "metric names",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Self::Asked => "as asked for",
            Self::Chosen => "as you chose for this experiment",
            Self::Experiment => "by the experiment's tag mlflow.experiment.primaryMetric.name",
            Self::Settings => "by your settings",
            Self::Names => "by its name",
        }
    }
}

/// What is known of how to choose.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved {
    Policy(Policy, Origin),
    /// The metric is known, and not which end of it is wanted.
    Undirected(String, Origin),
    /// No metric is known by name: somebody has to choose one.
    Open,
}

/// Resolves a policy. `metrics` are those that the runs have, with how many runs have each.
pub fn resolve(
    chosen: Option<Policy>,
    experiment: &[Tag],
    patterns: &Patterns,
    metrics: &[(&str, usize)],
) -> Resolved {
    if let Some(policy) = chosen {
        return Resolved::Policy(policy, Origin::Chosen);
    }
    let candidates = candidates(patterns, metrics.iter().copied());
    let with_tie_breaks = |metric: &str, goal: Goal| {
        let mut policy = Policy::new(Objective::new(metric, goal));
        let next = candidates.iter().find(|objective| objective.metric != metric);
        policy.tie_breaks.extend(next.cloned());
        policy
    };
    let tag = |key: &str| experiment.iter().find(|tag| tag.key == key).map(|tag| tag.value.trim());
    if let Some(metric) = tag(tags::PRIMARY_METRIC).filter(|metric| !metric.is_empty()) {
        let greater = tag(tags::GREATER_IS_BETTER).map(str::to_ascii_lowercase);
        let goal = match greater.as_deref() {
            Some("true") => Some(Goal::Maximize),
            Some("false") => Some(Goal::Minimize),
            _ => patterns.goal(metric),
        };
        return match goal {
            Some(goal) => Resolved::Policy(with_tie_breaks(metric, goal), Origin::Experiment),
            None => Resolved::Undirected(metric.to_owned(), Origin::Experiment),
        };
    }
    for (pattern, goal) in &patterns.0 {
        let matching = metrics.iter().copied().filter(|(name, _)| matches(pattern, name));
        if let Some(metric) = most_telling(matching) {
            return Resolved::Policy(with_tie_breaks(metric, *goal), Origin::Settings);
        }
    }
    match candidates.first() {
        Some(first) => Resolved::Policy(with_tie_breaks(&first.metric, first.goal), Origin::Names),
        None => Resolved::Open,
    }
}

/// The metrics whose direction is known, the most telling first: those that at least half as many runs have as have
/// the most common one; validation before test, before others, before training; scores and errors before losses,
/// before what training or answering costs; then by how many runs have them, and by name.
pub fn candidates<'a>(
    patterns: &Patterns,
    metrics: impl Iterator<Item = (&'a str, usize)>,
) -> Vec<Objective> {
    let known: Vec<(&str, usize, Goal)> = metrics
        .filter(|(name, count)| *count > 0 && !name.starts_with("system/") && !is_by_the_way(name))
        .filter_map(|(name, count)| Some((name, count, patterns.goal(name)?)))
        .collect();
    let most = known.iter().map(|(_, count, _)| *count).max().unwrap_or(0);
    let mut known: Vec<_> = known.into_iter().filter(|(_, count, _)| count * 2 >= most).collect();
    known.sort_by_key(|(name, count, _)| rank(name, *count));
    known.into_iter().map(|(name, _, goal)| Objective::new(name, goal)).collect()
}

/// Sorts metrics, the most telling first; those whose names tell nothing come last.
pub fn by_telling(metrics: &mut [(&str, usize)]) {
    metrics.sort_by_cached_key(|(name, count)| {
        let is_telling = !name.starts_with("system/") && !is_by_the_way(name) && super::goal(name).is_some();
        let (split, kind, count, name) = rank(name, *count);
        (name.starts_with("system/"), !is_telling, split, kind, count, name.to_owned())
    });
}

fn most_telling<'a>(metrics: impl Iterator<Item = (&'a str, usize)>) -> Option<&'a str> {
    metrics
        .filter(|(_, count)| *count > 0)
        .min_by_key(|(name, count)| rank(name, *count))
        .map(|(name, _)| name)
}

/// Deviations and single folds stand beside what counts.
fn is_by_the_way(name: &str) -> bool {
    const BESIDE: [&str; 6] = ["std", "stdev", "stddev", "var", "variance", "sem"];
    without_fold(name).is_some() || words(name).iter().any(|word| BESIDE.contains(&word.as_str()))
}

fn rank(name: &str, count: usize) -> (u8, u8, std::cmp::Reverse<usize>, &str) {
    const COSTS: [&str; 6] = ["latency", "runtime", "duration", "cost", "throughput", "time"];
    const LOSSES: [&str; 8] =
        ["loss", "nll", "deviance", "entropy", "crossentropy", "regret", "reward", "likelihood"];
    let words = words(name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let split = if has(&["val", "valid", "validation", "eval", "evaluation", "dev", "cv"]) {
        0
    } else if has(&["test", "holdout", "heldout"]) {
        1
    } else if has(&["train", "training"]) {
        3
    } else {
        2
    };
    let kind = if has(&COSTS) { 2 } else { u8::from(has(&LOSSES)) };
    (if kind == 2 { 4 + split } else { split }, kind, std::cmp::Reverse(count), name)
}
