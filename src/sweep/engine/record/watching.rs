//! The metric of a trial while its script runs, as the store has it by now.

use super::printing::is_made_here;
use super::scripts::{ScriptRuns, run_of_attempt};
use crate::mlflow::{Run, RunId};
use crate::store::{HistoryCursor, Result};
use crate::sweep::engine::curve::StepValue;

/// Whose metric is read, and how far it has been.
#[derive(Debug, Clone)]
pub struct WatchedMetric {
    trial: usize,
    attempt: u32,
    parent: RunId,
    metric: String,
    /// As soon as it has the metric.
    run: Option<RunId>,
    cursor: HistoryCursor,
    /// The last step that was read.
    last: Option<i64>,
}

impl WatchedMetric {
    /// Of an attempt at a trial, whose run is a child of the sweep's.
    pub fn new(trial: usize, attempt: u32, parent: RunId, metric: String) -> Self {
        Self { trial, attempt, parent, metric, run: None, cursor: HistoryCursor::START, last: None }
    }

    /// Its run is known.
    pub fn is_of(&mut self, run: &RunId) {
        if self.run.as_ref() != Some(run) {
            (self.run, self.cursor) = (Some(run.clone()), HistoryCursor::START);
        }
    }
}

impl ScriptRuns {
    /// What a metric has come to since it was last read, by step; nothing while its run has not begun, or lacks it.
    ///
    /// # Errors
    /// The store's.
    pub async fn read_on(&self, watched: &mut WatchedMetric) -> Result<Vec<StepValue>> {
        if watched.run.is_none() {
            let runs = self.of(watched.trial, false).await?;
            let own = run_of_attempt(&runs, watched.attempt, &watched.parent, (&watched.metric, self.aim()));
            // A script may begin another run, and log it there. What was printed is known without the store.
            let has_metric = |run: &&Run| run.metrics.iter().any(|known| known.key == watched.metric);
            let own = own.filter(has_metric).filter(|run| !is_made_here(run));
            watched.run = own.map(|run| run.info.run_id.clone());
        }
        let Some(run) = &watched.run else { return Ok(Vec::new()) };
        let part = self.history(run, &watched.metric, &watched.cursor).await?;
        watched.cursor = part.cursor;
        // What comes late, from another process of the script, counts where only what is new is sent.
        let last = watched.last.filter(|_| part.replaces);
        let new = part.points.iter().filter(|point| last.is_none_or(|last| point.step > last));
        let new: Vec<StepValue> =
            new.map(|point| (point.step, Some(point.value).filter(|value| value.is_finite()))).collect();
        watched.last = new.last().map(|(step, _)| *step).max(watched.last);
        Ok(new)
    }
}
