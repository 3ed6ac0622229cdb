//! Metric histories, each by step, then timestamp, then value.

use super::Store;
use crate::mlflow::{MetricPoint, Part, RunId, Summary};
use crate::store::{HistoryCursor, HistoryPart, Result};

impl Store {
    /// All points of a metric of a run; none of a metric that it does not have.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooMuch`](crate::store::ErrorKind::TooMuch) for a history of some millions of points; if the store
    /// does not answer.
    pub async fn metric_history(&self, id: &RunId, key: &str) -> Result<Vec<MetricPoint>> {
        let work = self.backend.metric_history(id, key);
        self.call(|| format!("read the history of {key:?}"), work).await
    }

    /// The points that are behind a cursor, or all where that cannot be told: after
    /// [`HistoryCursor::START`] all there are.
    ///
    /// # Errors
    ///
    /// As [`Self::metric_history`].
    pub async fn history_since(&self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Result<HistoryPart> {
        let work = self.backend.history_since(id, key, cursor);
        self.call(|| format!("read the history of {key:?}"), work).await
    }

    /// The same of several metrics of one run, in their order: in one go where the place
    /// [walks over a run](crate::store::Capabilities::walks_runs) for each of them.
    ///
    /// # Errors
    ///
    /// As [`Self::metric_history`], for any of the metrics.
    pub async fn histories_since(
        &self,
        id: &RunId,
        wanted: &[(String, HistoryCursor)],
    ) -> Result<Vec<HistoryPart>> {
        let work = self.backend.histories_since(id, wanted);
        self.call(|| format!("read {} histories of a run", wanted.len()), work).await
    }

    /// At most about `max_points` points a run, evenly spaced, the first and the last among them; no entry for a run
    /// without the metric.
    ///
    /// # Errors
    ///
    /// As [`Self::metric_history`].
    pub async fn sampled_history(
        &self,
        ids: &[RunId],
        key: &str,
        max_points: usize,
    ) -> Result<Vec<(RunId, Vec<MetricPoint>)>> {
        let work = self.backend.sampled_history(ids, key, max_points);
        self.call(|| format!("read histories of {key:?}"), work).await
    }

    /// What the histories of these runs come to, or a part of them; no entry for a run without such a point. How many
    /// runs are best asked for says [`Capabilities::summary_batch`](crate::store::Capabilities::summary_batch).
    ///
    /// # Errors
    ///
    /// As [`Self::metric_history`], for any of the runs.
    pub async fn metric_summaries(
        &self,
        ids: &[RunId],
        key: &str,
        part: Part,
    ) -> Result<Vec<(RunId, Summary)>> {
        let work = self.backend.metric_summaries(ids, key, part);
        self.call(|| format!("read the history of {key:?}"), work).await
    }
}
