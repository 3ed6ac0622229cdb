//! The latest value of a metric of a run that goes on, from whoever heard of it last: a server is asked for the table, the
//! details and the charts one after the other, and beside each other they say the same.

use super::app::App;
use crate::catalog::Row;
use crate::mlflow::{MetricPoint, RunId};

/// For so long (milliseconds) a poll of a server may leave a row of the table as it was.
const TURN: i64 = 60_000;

/// Points of a history in which a value of the table is looked for.
const LOOKED_AT: usize = 500;

/// A point, and when it was heard of.
type Heard = (Option<i64>, MetricPoint);

impl App {
    /// Of a run, which has this row in the table.
    pub fn latest(&self, run: &RunId, row: Option<Row>, key: &str) -> Option<f64> {
        let catalog = &self.runs.catalog;
        let of_row = |row: Row| catalog.metrics.column(&catalog.texts, key)?.get(row);
        let table = row.and_then(of_row);
        let details = self.details.run().filter(|shown| shown.info.run_id == *run).and_then(|run| {
            let at = run.metrics.binary_search_by(|metric| metric.key.as_str().cmp(key)).ok()?;
            let metric = &run.metrics[at];
            let point = MetricPoint { step: metric.step, timestamp: metric.timestamp, value: metric.value };
            Some((self.details.fetched.as_of(), point))
        });
        let known = self.histories.of(run, key);
        let points = known.map_or(&[][..], |known| known.points.as_slice());
        let history = known.and_then(|known| Some((known.fetched.as_of(), *points.last()?)));
        let Some((as_of, point)) = later(details, history) else { return table };
        table.filter(|value| self.is_newer(*value, as_of, points)).or(Some(point.value))
    }

    /// Whether a value of the table was read after a point was heard of. The table does not tell its step, and its row may be
    /// older than the rest of it: what a history has passed already is no news.
    fn is_newer(&self, value: f64, as_of: Option<i64>, points: &[MetricPoint]) -> bool {
        let came = self.runs.catalog_as_of;
        let may_be_left = came.zip(as_of).is_some_and(|(came, as_of)| came - as_of < TURN);
        let is_passed =
            || points.iter().rev().take(LOOKED_AT).any(|point| point.value.total_cmp(&value).is_eq());
        came > as_of && !(may_be_left && is_passed())
    }

    /// The row of the run under the cursor, if it is this one and goes on.
    pub fn row_that_goes_on(&self, run: &RunId) -> Option<Row> {
        let catalog = &self.runs.catalog;
        let is_it = |row: &Row| catalog.run_id(*row) == run.as_str() && catalog.run(*row).status.is_active();
        self.runs.row_under_cursor().filter(is_it)
    }
}

/// The point of the greater step, and the one that was heard of last where they are the same.
fn later(one: Option<Heard>, other: Option<Heard>) -> Option<Heard> {
    let known = [one, other].into_iter().flatten();
    known.max_by_key(|(as_of, point)| (point.step, point.timestamp, *as_of))
}
