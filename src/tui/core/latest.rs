//! The latest value of a metric of a run that goes on, from whoever heard of it last: a server is asked for the table, the
//! details and the charts one after the other, and beside each other they say the same.

use super::app::App;
use crate::catalog::Row;
use crate::mlflow::RunId;

impl App {
    /// Of a run, which has this row in the table.
    pub fn latest(&self, run: &RunId, row: Option<Row>, key: &str) -> Option<f64> {
        let catalog = &self.runs.catalog;
        let of_row = |row: Row| catalog.metrics.column(&catalog.texts, key)?.get(row);
        let table = row.and_then(of_row).map(|value| (self.runs.newest.as_of(), value));
        let details = self.details.run().filter(|shown| shown.info.run_id == *run).and_then(|run| {
            let at = run.metrics.binary_search_by(|metric| metric.key.as_str().cmp(key)).ok()?;
            Some((self.details.fetched.as_of(), run.metrics[at].value))
        });
        let history = self.histories.of(run, key).and_then(|known| {
            let last = known.points.last()?;
            Some((known.fetched.as_of(), last.value))
        });
        let known = [table, details, history].into_iter().flatten();
        known.max_by_key(|(as_of, _)| *as_of).map(|(_, value)| value)
    }

    /// The row of the run under the cursor, if it is this one and goes on.
    pub fn row_that_goes_on(&self, run: &RunId) -> Option<Row> {
        let catalog = &self.runs.catalog;
        let is_it = |row: &Row| catalog.run_id(*row) == run.as_str() && catalog.run(*row).status.is_active();
        self.runs.row_under_cursor().filter(is_it)
    }
}
