//! The user's own directions, by patterns of names.

use super::super::{Goal, MetricGoal, goal};
use super::telling::most_telling;
use crate::text::pattern::matches;

/// Metrics by name, with what is wanted of them, the most wanted first. `*` stands for anything, `?` for a letter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patterns(pub Vec<(String, Goal)>);

impl Patterns {
    /// Reads lines of `PATTERN min` and `PATTERN max`.
    ///
    /// # Errors
    /// The first line that is neither.
    pub fn parse(lines: &[String]) -> Result<Self, String> {
        let read = |line: &String| {
            let (pattern, goal) = line.trim().rsplit_once(char::is_whitespace)?;
            Some((pattern.trim().to_owned(), Goal::parse(goal)?))
        };
        lines.iter().map(|line| read(line).ok_or_else(|| line.clone())).collect::<Result<_, _>>().map(Self)
    }

    /// The most telling metric of the first pattern that any of them matches.
    pub(super) fn first(&self, metrics: &[(&str, usize)]) -> Option<MetricGoal> {
        self.0.iter().find_map(|(pattern, goal)| {
            let matching = metrics.iter().copied().filter(|(name, _)| matches(pattern, name));
            Some(MetricGoal::new(most_telling(matching)?, *goal))
        })
    }

    /// What is wanted of a metric: by the first pattern that it matches, else by what the tags of runs say, see
    /// [`optuna_directions`](super::optuna_directions), else by its name.
    pub fn goal(&self, told: &[MetricGoal], metric: &str) -> Option<Goal> {
        let found = self.0.iter().find(|(pattern, _)| matches(pattern, metric)).map(|(_, goal)| *goal);
        let by_tags = || told.iter().find(|objective| objective.metric == metric).map(|one| one.goal);
        found.or_else(by_tags).or_else(|| goal(metric))
    }
}
