//! What MLflow does not keep of the values of models.

use std::collections::BTreeSet;

use crate::mlflow::{LoggedModel, ModelMetric, RunId};
use crate::store::{ErrorKind, Result, Store};

/// MLflow keeps the NaN of a model as 0. The history of the run that logged it tells which zeros are none.
///
/// # Errors
///
/// If the store does not answer.
pub async fn find_nan(store: &Store, models: &mut [LoggedModel], key: &str) -> Result<()> {
    let is_zero = |metric: &ModelMetric| metric.key == key && metric.point.value == 0.0;
    let zeros = models.iter().flat_map(|model| &model.metrics).filter(|metric| is_zero(metric));
    let runs: BTreeSet<RunId> = zeros.map(|metric| metric.run_id.clone()).collect();
    for run in runs {
        let history = match store.metric_history(&run, key).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => continue,
            history => history?,
        };
        let nan: BTreeSet<(i64, i64)> = history
            .iter()
            .filter(|point| point.value.is_nan())
            .map(|point| (point.step, point.timestamp))
            .collect();
        for metric in models.iter_mut().flat_map(|model| &mut model.metrics) {
            let place = (metric.point.step, metric.point.timestamp);
            if is_zero(metric) && metric.run_id == run && nan.contains(&place) {
                metric.point.value = f64::NAN;
            }
        }
    }
    Ok(())
}
