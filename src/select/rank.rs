//! The ranking of runs by a policy: who is eligible, who is left out and why, who is best, and what broke a tie.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::Goal;
use super::front::front;
use super::parents::{Ancestors, repeating_parents};
use super::policy::{MetricGoal, Policy};
use super::spread::{Spread, spread};
use super::ties::Ties;
use crate::catalog::filter::{RowSet, matching};
use crate::catalog::{Bound, Catalog, ColumnSpec, Row};
use crate::mlflow::{LifecycleStage, RunStatus};

/// How many runs were left out, each for the first of these reasons that holds. Deleted runs are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// They go on, or have not begun.
    pub unfinished: usize,
    /// They failed.
    pub failed: usize,
    /// They were killed.
    pub killed: usize,
    /// They do not pass the constraint.
    pub constraint: usize,
    /// They do not have the metric, or one of several.
    pub missing: usize,
    /// Their histories are still on their way.
    pub unread: usize,
    /// Their value is NaN.
    pub nan: usize,
    /// Their value is infinite.
    pub infinite: usize,
    /// Parents that repeat what a child of theirs has.
    pub parents: usize,
}

impl LeftOut {
    /// All of them.
    pub fn total(self) -> usize {
        self.unfinished
            + self.failed
            + self.killed
            + self.constraint
            + self.missing
            + self.unread
            + self.nan
            + self.infinite
            + self.parents
    }
}

/// A run in the ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Its place in the catalogue.
    pub row: Row,
    /// Of each objective.
    pub values: Vec<f64>,
    /// No other run beats it in all objectives.
    pub on_front: bool,
    /// Where the objectives are weighted: from 0 (the worst end of the front in all of them) to 1 (the best).
    pub score: Option<f64>,
}

/// What told runs with the same values apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TieBreak {
    /// A metric of the policy.
    Metric(MetricGoal),
    /// The latest value of a metric whose direction is known.
    Further(MetricGoal),
    /// The earlier start.
    Start,
    /// Nothing but the id.
    Id,
}

/// What came of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// What was requested.
    pub policy: Policy,
    /// Runs that were looked at: all that are not deleted.
    pub considered: usize,
    /// How many of those were left out, and why.
    pub left_out: LeftOut,
    /// How many there were to choose from.
    pub eligible: usize,
    /// The best runs, the very best first; as many as were asked for.
    pub ranking: Vec<Ranked>,
    /// The rows on the Pareto front, where there are several objectives, the best first.
    pub front: Vec<Row>,
    /// Runs with the values of the best one, itself among them.
    pub tied: usize,
    /// What told the best one from those.
    pub tie_break: Option<TieBreak>,
    /// Runs that no metric told apart so far from others beside them, where that shows in the ranking.
    pub undecided: Vec<Row>,
    /// How much the first objective of the best run varies, where that was logged.
    pub spread: Option<Spread>,
}

impl Selection {
    /// The very best; none where no run is eligible.
    pub fn best(&self) -> Option<&Ranked> {
        self.ranking.first()
    }

    /// Takes the spread from another catalogue, which has the best run whole, and its siblings.
    pub fn find_spread(&mut self, from: &Catalog, best: Row) {
        self.spread = spread(from, best, &self.policy.primary().metric);
    }

    /// How much better the best run is than the one behind it, by the first objective: 0 or more unless several
    /// objectives were weighed.
    pub fn margin(&self) -> Option<f64> {
        let (best, second) = (self.best()?, self.ranking.get(1)?);
        Some(match self.policy.primary().goal {
            Goal::Minimize => second.values[0] - best.values[0],
            Goal::Maximize => best.values[0] - second.values[0],
        })
    }
}

/// A run that is eligible: its first objective, so turned that less is better, and its row.
pub(super) type Candidate = (f64, Row);

fn turned(goal: Goal, value: f64) -> f64 {
    // Adding zero makes one zero of both.
    match goal {
        Goal::Minimize => value + 0.0,
        Goal::Maximize => -value + 0.0,
    }
}

fn number(column: &Bound, row: Row) -> Option<f64> {
    match column {
        Bound::Number(column) => column.get(row),
        Bound::Summary(column, statistic) => column.get(row).map(|summary| summary.pick(*statistic).0),
        _ => None,
    }
}

/// Objectives with their columns.
pub(super) struct Columns<'a> {
    pub list: Vec<(&'a MetricGoal, Bound)>,
}

impl<'a> Columns<'a> {
    pub fn new(catalog: &Catalog, policy: &Policy, objectives: &'a [MetricGoal]) -> Self {
        let bind = |objective: &'a MetricGoal| (objective, Bound::new(catalog, &policy.column(objective)));
        Self { list: objectives.iter().map(bind).collect() }
    }

    /// Of some metrics the latest values, whatever the policy looks at.
    pub fn latest(catalog: &Catalog, objectives: impl Iterator<Item = &'a MetricGoal>) -> Self {
        let bind = |objective: &'a MetricGoal| {
            (objective, Bound::new(catalog, &ColumnSpec::metric(objective.metric.as_str())))
        };
        Self { list: objectives.map(bind).collect() }
    }

    fn values(&self, row: Row) -> Vec<f64> {
        self.list.iter().map(|(_, column)| number(column, row).unwrap_or(f64::NAN)).collect()
    }

    /// By one of them; what is no finite number comes last.
    pub fn compare(&self, at: usize, a: Row, b: Row) -> Ordering {
        let (objective, column) = &self.list[at];
        let key = |row| {
            let value = number(column, row).filter(|value| value.is_finite());
            value.map_or(f64::INFINITY, |value| turned(objective.goal, value))
        };
        key(a).total_cmp(&key(b))
    }
}

/// Chooses among all runs of a catalogue that are not deleted. The `most` best are ranked.
pub fn select(catalog: &Catalog, policy: &Policy, most: usize) -> Selection {
    select_with(catalog, policy, &[], &Ancestors::default(), most)
}

/// The same; `further` metrics go on with the runs that the policy's own tie-breaks do not tell apart, and `ancestors` are
/// those of its runs that the catalogue does not have.
pub fn select_with(
    catalog: &Catalog,
    policy: &Policy,
    further: &[MetricGoal],
    ancestors: &Ancestors,
    most: usize,
) -> Selection {
    select_among(catalog, policy, further, ancestors, most, None)
}

/// The same, among some of the runs.
pub fn select_among(
    catalog: &Catalog,
    policy: &Policy,
    further: &[MetricGoal],
    ancestors: &Ancestors,
    most: usize,
    among: Option<&RowSet>,
) -> Selection {
    let objectives = Columns::new(catalog, policy, &policy.objectives);
    let ties = Ties::new(catalog, policy, further);
    let (considered, mut left_out, mut eligible) = eligible(catalog, policy, &objectives, among);
    let repeating = repeating_parents(catalog, &eligible, &objectives, ancestors);
    left_out.parents = repeating.len();
    eligible.retain(|(_, row)| !repeating.contains(row));

    let by_objectives = |a: &Candidate, b: &Candidate| {
        a.0.total_cmp(&b.0).then_with(|| {
            let further = (1..policy.objectives.len()).map(|at| objectives.compare(at, a.1, b.1));
            further.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        })
    };
    let count = eligible.len();
    let mut standing = FrontScores::default();
    if policy.objectives.len() > 1 {
        standing = FrontScores::new(policy, &objectives, &eligible);
    }
    let by_values =
        |a: &Candidate, b: &Candidate| standing.compare(a.1, b.1).then_with(|| by_objectives(a, b));
    let order = |a: &Candidate, b: &Candidate| by_values(a, b).then_with(|| ties.compare(a.1, b.1));
    // Two are needed to tell a margin.
    let most = most.max(2).min(count);
    if most < count && most > 0 {
        eligible.select_nth_unstable_by(most - 1, order);
    }
    eligible[..most].sort_unstable_by(order);
    let best = eligible.first().copied();
    let tied =
        best.map_or(0, |best| eligible.iter().filter(|other| by_objectives(&best, other).is_eq()).count());
    let undecided =
        undecided(&eligible, most, |a, b| by_values(a, b).is_eq() && ties.by_metrics(a.1, b.1).is_eq());
    eligible.truncate(most);

    let ranking: Vec<Ranked> = eligible
        .iter()
        .map(|(_, row)| Ranked {
            row: *row,
            values: objectives.values(*row),
            on_front: standing.front.contains_key(row),
            score: standing.scores.get(row).copied(),
        })
        .collect();
    let tie_break = (tied > 1).then(|| ties.decided_by(ranking[0].row, ranking[1].row));
    let spread = best.and_then(|(_, row)| spread(catalog, row, &policy.primary().metric));
    let mut on_front: Vec<Candidate> = standing.front.iter().map(|(row, key)| (*key, *row)).collect();
    on_front.sort_unstable_by(order);
    Selection {
        policy: policy.clone(),
        considered,
        left_out,
        eligible: count,
        ranking,
        front: on_front.into_iter().map(|(_, row)| row).collect(),
        tied,
        tie_break,
        undecided,
        spread,
    }
}

/// Of runs whose first `most` are in order: those that are the same as one beside them, there or right behind.
fn undecided(runs: &[Candidate], most: usize, is_same: impl Fn(&Candidate, &Candidate) -> bool) -> Vec<Row> {
    let (ranked, rest) = runs.split_at(most);
    let Some(last) = ranked.last() else { return Vec::new() };
    let behind: Vec<Row> = rest.iter().filter(|run| is_same(last, run)).map(|(_, row)| *row).collect();
    let is_tied = |at: usize| {
        (at > 0 && is_same(&ranked[at - 1], &ranked[at]))
            || ranked.get(at + 1).map_or(!behind.is_empty(), |next| is_same(&ranked[at], next))
    };
    let ahead = (0..ranked.len()).filter(|at| is_tied(*at)).map(|at| ranked[at].1);
    ahead.chain(behind.iter().copied()).collect()
}

/// The runs that may be chosen, how many were looked at, and who was left out.
fn eligible(
    catalog: &Catalog,
    policy: &Policy,
    objectives: &Columns<'_>,
    among: Option<&RowSet>,
) -> (usize, LeftOut, Vec<Candidate>) {
    let passing = (!policy.filter.is_empty())
        .then(|| matching(catalog, &policy.filter).unwrap_or_else(|_| RowSet::new(Vec::new())));
    let (mut considered, mut out) = (0, LeftOut::default());
    let mut eligible = Vec::with_capacity(catalog.count);
    for row in catalog.rows() {
        let run = catalog.run(row);
        if run.stage == LifecycleStage::Deleted || among.is_some_and(|among| !among.contains(row)) {
            continue;
        }
        considered += 1;
        match run.status {
            RunStatus::Finished => {}
            RunStatus::Failed => {
                out.failed += 1;
                continue;
            }
            RunStatus::Killed => {
                out.killed += 1;
                continue;
            }
            RunStatus::Running | RunStatus::Scheduled => {
                out.unfinished += 1;
                continue;
            }
        }
        if passing.as_ref().is_some_and(|passing| !passing.contains(row)) {
            out.constraint += 1;
            continue;
        }
        if let Some(value) = judge(catalog, objectives, row, &mut out) {
            eligible.push((value, row));
        }
    }
    (considered, out, eligible)
}

/// The first objective of a run that has all of them; otherwise it is counted among those that are left out.
fn judge(catalog: &Catalog, objectives: &Columns<'_>, row: Row, out: &mut LeftOut) -> Option<f64> {
    let (mut first, mut has_nan, mut has_infinity) = (0.0, false, false);
    for (at, (objective, column)) in objectives.list.iter().enumerate() {
        let Some(value) = number(column, row) else {
            let latest = catalog.metrics.column(&catalog.texts, &objective.metric);
            // It has the metric, and its history was not read yet.
            let is_coming = latest.is_some_and(|column| column.get(row).is_some());
            if is_coming {
                out.unread += 1;
            } else {
                out.missing += 1;
            }
            return None;
        };
        has_nan |= value.is_nan();
        has_infinity |= value.is_infinite();
        if at == 0 {
            first = turned(objective.goal, value);
        }
    }
    if has_nan {
        out.nan += 1;
    } else if has_infinity {
        out.infinite += 1;
    }
    (!has_nan && !has_infinity).then_some(first)
}

/// Where runs stand among several objectives.
#[derive(Debug, Default)]
struct FrontScores {
    /// The runs on the Pareto front, with their first objective.
    front: FxHashMap<Row, f64>,
    /// From 0 to 1, where the objectives are weighted.
    scores: FxHashMap<Row, f64>,
}

impl FrontScores {
    fn new(policy: &Policy, objectives: &Columns<'_>, eligible: &[Candidate]) -> Self {
        let turned_values = |row: Row| -> Vec<f64> {
            let goals = policy.objectives.iter().map(|objective| objective.goal);
            objectives.values(row).into_iter().zip(goals).map(|(value, goal)| turned(goal, value)).collect()
        };
        let points: Vec<Vec<f64>> = eligible.iter().map(|(_, row)| turned_values(*row)).collect();
        let on_front = front(&points);
        let mut standing = Self {
            front: on_front.iter().map(|at| (eligible[*at].1, eligible[*at].0)).collect(),
            scores: FxHashMap::default(),
        };
        if policy.weights.is_empty() || on_front.is_empty() {
            return standing;
        }
        let total: f64 = policy.weights.iter().sum();
        let ends: Vec<(f64, f64)> = (0..policy.objectives.len())
            .map(|at| {
                let values = on_front.iter().map(|place| points[*place][at]);
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                    (low.min(value), high.max(value))
                })
            })
            .collect();
        for (point, (_, row)) in points.iter().zip(eligible) {
            let parts = point.iter().zip(&ends).zip(&policy.weights).map(|((value, (low, high)), weight)| {
                // Where the whole front has the same value, it decides nothing.
                let place = if high > low { (high - value) / (high - low) } else { 1.0 };
                place * weight / total
            });
            standing.scores.insert(*row, parts.sum());
        }
        standing
    }

    /// The front before the rest; by score, where there are scores.
    fn compare(&self, a: Row, b: Row) -> Ordering {
        if self.front.is_empty() {
            return Ordering::Equal;
        }
        let score = |row: &Row| self.scores.get(row).copied().unwrap_or(0.0);
        let is_behind = |row: &Row| !self.front.contains_key(row);
        is_behind(&a).cmp(&is_behind(&b)).then_with(|| score(&b).total_cmp(&score(&a)))
    }
}
