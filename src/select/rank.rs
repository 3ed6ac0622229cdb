//! The ranking of runs by a policy: who is eligible, who is left out and why, who is best, and what broke a tie.

use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::Goal;
use super::front::front;
use super::policy::{Objective, Policy};
use super::spread::{Spread, spread};
use crate::catalog::filter::{RowSet, matching};
use crate::catalog::{Bound, Catalog, Row};
use crate::mlflow::{LifecycleStage, RunStatus, tags};

/// How many runs were left out, each for the first of these reasons that holds. Deleted runs are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// They go on, or have not begun.
    pub unfinished: usize,
    pub failed: usize,
    pub killed: usize,
    /// They do not pass the constraint.
    pub constraint: usize,
    /// They do not have the metric, or one of several.
    pub missing: usize,
    /// Their histories are still on their way.
    pub unread: usize,
    pub nan: usize,
    pub infinite: usize,
    /// Parents that repeat what a child of theirs has.
    pub parents: usize,
}

impl LeftOut {
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
    pub row: Row,
    /// Of each objective.
    pub values: Vec<f64>,
    pub on_front: bool,
    /// Where the objectives are weighted: from 0 (the worst end of the front in all of them) to 1 (the best).
    pub score: Option<f64>,
}

/// What told runs with the same values apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TieBreak {
    Metric(Objective),
    /// The earlier start.
    Start,
    /// Nothing but the id.
    Id,
}

/// What came of a policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    pub policy: Policy,
    /// Runs that were looked at: all that are not deleted.
    pub considered: usize,
    pub left_out: LeftOut,
    pub eligible: usize,
    /// The best runs, the very best first; as many as were asked for.
    pub ranking: Vec<Ranked>,
    /// The rows on the front, where there are several objectives, the best first.
    pub front: Vec<Row>,
    /// Runs with the values of the best one, itself among them.
    pub tied: usize,
    pub tie_break: Option<TieBreak>,
    /// How much the first objective of the best run varies, where that was logged.
    pub spread: Option<Spread>,
}

impl Selection {
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

/// Stores that keep infinities as the greatest numbers are read as what they mean.
pub fn is_infinite(value: f64) -> bool {
    value.is_infinite()
}

/// A run that is eligible: its first objective, so turned that less is better, and its row.
type Candidate = (f64, Row);

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
struct Columns<'a> {
    list: Vec<(&'a Objective, Bound)>,
}

impl<'a> Columns<'a> {
    fn new(catalog: &Catalog, policy: &Policy, objectives: &'a [Objective]) -> Self {
        let bind = |objective: &'a Objective| (objective, Bound::new(catalog, &policy.column(objective)));
        Self { list: objectives.iter().map(bind).collect() }
    }

    fn values(&self, row: Row) -> Vec<f64> {
        self.list.iter().map(|(_, column)| number(column, row).unwrap_or(f64::NAN)).collect()
    }

    /// By one of them; what is no finite number comes last.
    fn compare(&self, at: usize, a: Row, b: Row) -> Ordering {
        let (objective, column) = &self.list[at];
        let key = |row| {
            let value = number(column, row).filter(|value| !value.is_nan() && !is_infinite(*value));
            value.map_or(f64::INFINITY, |value| turned(objective.goal, value))
        };
        key(a).total_cmp(&key(b))
    }
}

/// Chooses among all runs of a catalogue that are not deleted. The `most` best are ranked.
pub fn select(catalog: &Catalog, policy: &Policy, most: usize) -> Selection {
    let objectives = Columns::new(catalog, policy, &policy.objectives);
    let tie_breaks = Columns::new(catalog, policy, &policy.tie_breaks);
    let (considered, mut left_out, mut eligible) = eligible(catalog, policy, &objectives);
    let repeating = repeating_parents(catalog, &eligible, &objectives);
    left_out.parents = repeating.len();
    eligible.retain(|(_, row)| !repeating.contains(row));

    let later = |a: Row, b: Row| {
        let start = |row: Row| catalog.run(row).start_time;
        // A start that is not known is later than any.
        let known = |row: Row| start(row) == crate::catalog::NO_TIME;
        (known(a), start(a)).cmp(&(known(b), start(b)))
    };
    let by_tie_breaks = |a: Row, b: Row| {
        let metrics = (0..policy.tie_breaks.len()).map(|at| tie_breaks.compare(at, a, b));
        metrics
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or_else(|| later(a, b))
            .then_with(|| catalog.run_id(a).cmp(catalog.run_id(b)))
    };
    let by_objectives = |a: &Candidate, b: &Candidate| {
        a.0.total_cmp(&b.0).then_with(|| {
            let further = (1..policy.objectives.len()).map(|at| objectives.compare(at, a.1, b.1));
            further.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        })
    };

    let count = eligible.len();
    let mut standing = Standing::default();
    if policy.objectives.len() > 1 {
        standing = Standing::new(policy, &objectives, &eligible);
    }
    let order = |a: &Candidate, b: &Candidate| {
        standing.compare(a.1, b.1).then_with(|| by_objectives(a, b)).then_with(|| by_tie_breaks(a.1, b.1))
    };
    // Two are needed to tell a margin.
    let most = most.max(2).min(count);
    if most < count && most > 0 {
        eligible.select_nth_unstable_by(most - 1, order);
    }
    let tied = tied(&eligible, most, &order, &by_objectives);
    eligible.truncate(most);
    eligible.sort_unstable_by(order);

    let ranking: Vec<Ranked> = eligible
        .iter()
        .map(|(_, row)| Ranked {
            row: *row,
            values: objectives.values(*row),
            on_front: standing.front.contains_key(row),
            score: standing.scores.get(row).copied(),
        })
        .collect();
    let tie_break = (tied > 1).then(|| {
        let (a, b) = (ranking[0].row, ranking[1].row);
        let decided = (0..policy.tie_breaks.len()).find(|at| tie_breaks.compare(*at, a, b).is_ne());
        match decided {
            Some(at) => TieBreak::Metric(policy.tie_breaks[at].clone()),
            None if later(a, b).is_ne() => TieBreak::Start,
            None => TieBreak::Id,
        }
    });
    let best: Option<&Ranked> = ranking.first();
    let spread = best.and_then(|best| spread(catalog, best.row, &policy.primary().metric));
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
        spread,
    }
}

/// How many runs have the values of the best one.
fn tied(
    eligible: &[Candidate],
    most: usize,
    order: &impl Fn(&Candidate, &Candidate) -> Ordering,
    by_objectives: &impl Fn(&Candidate, &Candidate) -> Ordering,
) -> usize {
    let best = eligible[..most].iter().min_by(|a, b| order(a, b));
    best.map_or(0, |best| eligible.iter().filter(|other| by_objectives(best, other).is_eq()).count())
}

/// The runs that may be chosen, how many were looked at, and who was left out.
fn eligible(
    catalog: &Catalog,
    policy: &Policy,
    objectives: &Columns<'_>,
) -> (usize, LeftOut, Vec<Candidate>) {
    let passing = (!policy.filter.clauses.is_empty())
        .then(|| matching(catalog, &policy.filter).unwrap_or_else(|_| RowSet::new(Vec::new())));
    let (mut considered, mut out) = (0, LeftOut::default());
    let mut eligible = Vec::with_capacity(catalog.count);
    for row in catalog.rows() {
        let run = catalog.run(row);
        if run.stage == LifecycleStage::Deleted {
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
        has_infinity |= is_infinite(value);
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

/// Parents (and theirs) that have the very values of an eligible child: a sweep's parent repeats the best of its trials,
/// and the model is with the trial.
fn repeating_parents(
    catalog: &Catalog,
    eligible: &[Candidate],
    objectives: &Columns<'_>,
) -> rustc_hash::FxHashSet<Row> {
    let mut repeating = rustc_hash::FxHashSet::default();
    let Some(parents) = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID) else { return repeating };
    if parents.is_empty() {
        return repeating;
    }
    let with_parents: Vec<_> =
        eligible.iter().filter_map(|(value, row)| Some((*value, *row, parents.get(*row)?))).collect();
    if with_parents.is_empty() {
        return repeating;
    }
    // Parents are named by text; those that are runs here are looked up by the number of the same text.
    let rows: FxHashMap<_, Row> = catalog.rows().map(|row| (catalog.run(row).run_id, row)).collect();
    let values: FxHashMap<Row, f64> = eligible.iter().map(|(value, row)| (*row, *value)).collect();
    let is_same = |a: Row, b: Row| (1..objectives.list.len()).all(|at| objectives.compare(at, a, b).is_eq());
    for (value, row, parent) in with_parents {
        let mut above = rows.get(&parent).copied();
        // Nobody nests deeper, and a run may name itself as its parent.
        for _ in 0..64 {
            let Some(parent) = above.filter(|parent| *parent != row) else { break };
            let same = values.get(&parent).is_some_and(|known| known.total_cmp(&value).is_eq());
            if same && is_same(parent, row) {
                repeating.insert(parent);
            }
            above = parents.get(parent).and_then(|sym| rows.get(&sym).copied());
        }
    }
    repeating
}

/// Where runs stand among several objectives.
#[derive(Debug, Default)]
struct Standing {
    /// The runs on the front, with their first objective.
    front: FxHashMap<Row, f64>,
    /// From 0 to 1, where the objectives are weighted.
    scores: FxHashMap<Row, f64>,
}

impl Standing {
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
