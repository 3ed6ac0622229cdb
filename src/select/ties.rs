//! What tells runs apart that have the same values: further metrics, then the earlier start, then the id.

use std::cmp::Ordering;

use super::policy::{MetricGoal, Policy};
use super::rank::{Columns, TieBreak};
use super::resolve::{Patterns, candidates, optuna_directions};
use crate::catalog::{Catalog, Column, NO_TIME, Row};
use crate::mlflow::LifecycleStage;

/// The newest runs, by whose metrics it is told what there is to choose by.
pub const SAMPLE: usize = 100;
/// Metrics with which ties go on, at most.
pub const MOST_FURTHER: usize = 16;

/// The newest runs that are not deleted, [`SAMPLE`] of them.
pub fn newest_active(catalog: &Catalog) -> Vec<Row> {
    let is_active = |row: &Row| catalog.run(*row).stage == LifecycleStage::Active;
    catalog.newest_first.iter().copied().filter(is_active).take(SAMPLE).collect()
}

/// The metrics of the newest runs, with how many of these have each.
pub fn newest_metrics(catalog: &Catalog) -> Vec<(&str, usize)> {
    let sample = newest_active(catalog);
    let have = |column: &Column<f64>| sample.iter().filter(|row| column.get(**row).is_some()).count();
    let columns = catalog.metrics.columns(&catalog.texts);
    columns.map(|(key, column)| (key, have(column))).filter(|(_, count)| *count > 0).collect()
}

/// The metrics with which ties go on: those of the newest runs whose direction is known, the most telling first.
pub fn further_metrics(catalog: &Catalog, patterns: &Patterns) -> Vec<MetricGoal> {
    let mut found = candidates(patterns, &optuna_directions(catalog), newest_metrics(catalog).into_iter());
    found.truncate(MOST_FURTHER);
    found
}

pub(super) struct Ties<'a> {
    catalog: &'a Catalog,
    own: Columns<'a>,
    further: Columns<'a>,
}

impl<'a> Ties<'a> {
    pub fn new(catalog: &'a Catalog, policy: &'a Policy, further: &'a [MetricGoal]) -> Self {
        let is_new = |objective: &&MetricGoal| {
            let mut used = policy.objectives.iter().chain(&policy.tie_breaks);
            !used.any(|known| known.metric == objective.metric)
        };
        Self {
            catalog,
            own: Columns::new(catalog, policy, &policy.tie_breaks),
            further: Columns::latest(catalog, further.iter().filter(is_new)),
        }
    }

    fn first_that_differs(columns: &Columns<'a>, a: Row, b: Row) -> Option<(Ordering, &'a MetricGoal)> {
        let orders = (0..columns.list.len()).map(|at| (columns.compare(at, a, b), columns.list[at].0));
        orders.into_iter().find(|(order, _)| order.is_ne())
    }

    pub fn by_metrics(&self, a: Row, b: Row) -> Ordering {
        let decided = Self::first_that_differs(&self.own, a, b)
            .or_else(|| Self::first_that_differs(&self.further, a, b));
        decided.map_or(Ordering::Equal, |(order, _)| order)
    }

    fn by_start(&self, a: Row, b: Row) -> Ordering {
        let start = |row: Row| self.catalog.run(row).start_time;
        // A start that is not known is later than any.
        let is_unknown = |row: Row| start(row) == NO_TIME;
        (is_unknown(a), start(a)).cmp(&(is_unknown(b), start(b)))
    }

    pub fn compare(&self, a: Row, b: Row) -> Ordering {
        self.by_metrics(a, b)
            .then_with(|| self.by_start(a, b))
            .then_with(|| self.catalog.run_id(a).cmp(self.catalog.run_id(b)))
    }

    pub fn decided_by(&self, a: Row, b: Row) -> TieBreak {
        if let Some((_, objective)) = Self::first_that_differs(&self.own, a, b) {
            return TieBreak::Metric(objective.clone());
        }
        if let Some((_, objective)) = Self::first_that_differs(&self.further, a, b) {
            return TieBreak::Further(objective.clone());
        }
        if self.by_start(a, b).is_ne() { TieBreak::Start } else { TieBreak::Id }
    }
}
