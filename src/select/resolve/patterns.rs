//! The user's own directions, by patterns of names.

use super::super::{Goal, MetricGoal, goal};
use super::telling::most_telling;

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
