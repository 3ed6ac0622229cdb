//! Which of the metrics tells most of how good a run is, by their names.

use std::cmp::Reverse;

use rustc_hash::FxHashSet;

use super::Patterns;
use crate::select::MetricGoal;
use crate::select::direction::{DataPart, MetricKind, NameReading, read};
use crate::select::spread::without_fold;

/// How little a metric tells: the least is the most telling.
type Rank<'a> = (bool, bool, DataPart, u16, usize, Reverse<u32>, Reverse<usize>, &'a str);

/// A metric with what its name says, and how many runs have it.
struct NamedMetric<'a> {
    name: &'a str,
    count: usize,
    said: NameReading,
}

/// Metrics that are ranked beside each other.
struct Ranking<'a> {
    metrics: Vec<NamedMetric<'a>>,
    /// Metrics that are there by the data that they are of.
    by_data: FxHashSet<String>,
}

impl<'a> Ranking<'a> {
    fn new(metrics: impl Iterator<Item = (&'a str, usize)>) -> Self {
        let read = |(name, count)| NamedMetric { name, count, said: read(name) };
        let metrics: Vec<NamedMetric<'_>> = metrics.map(read).collect();
        let of_data = metrics.iter().filter(|metric| metric.said.of != DataPart::Unsaid);
        let by_data = of_data.map(|metric| metric.said.core.clone()).collect();
        Self { metrics, by_data }
    }

    /// What an answer costs comes after all else; then a metric that some runs do not have; then by the data; then by the
    /// metric itself; then what says more than its name; then, of several sets, the one before the last: the last is what
    /// training is stopped by.
    fn rank(&self, metric: &NamedMetric<'a>, most: usize) -> Rank<'a> {
        let said = &metric.said;
        // A measure that is there only once was not taken while training; a loss may well have been.
        let is_once = said.of == DataPart::Unsaid && !self.by_data.contains(&said.core);
        let of = if is_once && said.kind == MetricKind::Measure { DataPart::Validation } else { said.of };
        (
            said.kind >= MetricKind::Cost && said.goal.is_some(),
            metric.count * 4 < most * 3,
            of,
            said.place,
            said.more,
            Reverse(said.set),
            Reverse(metric.count),
            metric.name,
        )
    }
}

/// The metrics whose direction is known and which may decide, the most telling first: those that at least half as many runs
/// have as have the most common one.
pub fn candidates<'a>(
    patterns: &Patterns,
    told: &[MetricGoal],
    metrics: impl Iterator<Item = (&'a str, usize)>,
) -> Vec<MetricGoal> {
    let metrics = metrics.filter(|(name, count)| *count > 0 && !is_system(name));
    let mut field = Ranking::new(metrics);
    let goal = |metric: &NamedMetric<'_>| patterns.goal(told, metric.name);
    field.metrics.retain(|metric| {
        let said = &metric.said;
        let decides = said.goal.is_none() || said.kind != MetricKind::Time;
        decides && !is_auxiliary(metric.name, said) && goal(metric).is_some()
    });
    let most = field.metrics.iter().map(|metric| metric.count).max().unwrap_or(0);
    field.metrics.retain(|metric| metric.count * 2 >= most);
    let mut order: Vec<&NamedMetric<'_>> = field.metrics.iter().collect();
    order.sort_by_cached_key(|metric| field.rank(metric, most));
    order.into_iter().filter_map(|metric| Some(MetricGoal::new(metric.name, goal(metric)?))).collect()
}

/// Sorts metrics, the most telling first; those whose names tell nothing come last. How many tell something.
pub fn by_telling(metrics: &mut [(&str, usize)]) -> usize {
    let field = Ranking::new(metrics.iter().copied());
    let most = metrics.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let mut order: Vec<&NamedMetric<'_>> = field.metrics.iter().collect();
    let tells = |metric: &NamedMetric<'_>| {
        let said = &metric.said;
        said.goal.is_some() && said.kind != MetricKind::Time && !is_auxiliary(metric.name, said)
    };
    order.sort_by_cached_key(|metric| (is_system(metric.name), !tells(metric), field.rank(metric, most)));
    let telling = order.iter().take_while(|metric| !is_system(metric.name) && tells(metric)).count();
    for (place, metric) in metrics.iter_mut().zip(order) {
        *place = (metric.name, metric.count);
    }
    telling
}

/// The most telling of metrics of one direction.
pub(super) fn most_telling<'a>(metrics: impl Iterator<Item = (&'a str, usize)>) -> Option<&'a str> {
    let field = Ranking::new(metrics.filter(|(_, count)| *count > 0));
    let most = field.metrics.iter().map(|metric| metric.count).max()?;
    let rank =
        |metric: &&NamedMetric<'a>| (is_auxiliary(metric.name, &metric.said), field.rank(metric, most));
    field.metrics.iter().min_by_key(rank).map(|metric| metric.name)
}

/// Whether it is of the machine, as MLflow logs it by itself.
pub(super) fn is_system(name: &str) -> bool {
    name.starts_with("system/")
}

/// Deviations and single folds stand beside what counts.
fn is_auxiliary(name: &str, said: &NameReading) -> bool {
    said.is_beside || without_fold(name).is_some() || is_split(name)
}

/// Whether it is a fold as scikit-learn calls them: `split0_test_score`.
fn is_split(name: &str) -> bool {
    let after = name.rsplit('/').next().and_then(|last| last.strip_prefix("split"));
    after.is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
}
