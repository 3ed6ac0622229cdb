//! Runs as a version of them stands: with the values of the logged model that it was made from.

use crate::mlflow::{LoggedModel, Metric, ModelId, Run, RunId};
use crate::registry::find_nan;
use crate::store::{ErrorKind, Result, Store};

/// A run and the logged model of it that is meant, as it is compared with another.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The run.
    pub run: Run,
    /// The logged model; none where there is none with values of its own.
    pub model: Option<LoggedModel>,
}

impl Measured {
    /// Whether both are the same model.
    pub fn is_same(&self, other: &Self) -> bool {
        let id = |it: &Self| it.model.as_ref().map(|model| model.model_id.clone());
        self.run.info.run_id == other.run.info.run_id && id(self) == id(other)
    }

    /// The run with the model's values in the place of its own, where the model has any.
    #[must_use]
    pub fn row(self) -> Run {
        let Self { mut run, model } = self;
        for (key, metric) in model.iter().flat_map(last_values) {
            match run.metrics.iter_mut().find(|known| known.key == key) {
                Some(known) => *known = metric,
                None => run.metrics.push(metric),
            }
        }
        run
    }

    /// Two of them, to be put side by side: models of one run go by ids and names of their own.
    pub fn pair(own: Self, other: Self) -> [Run; 2] {
        let is_one_run = own.run.info.run_id == other.run.info.run_id;
        [own, other].map(|it| {
            let named = it.model.as_ref().map(|model| (model.model_id.clone(), model.name.clone()));
            let mut run = it.row();
            if let Some((id, name)) = named.filter(|_| is_one_run) {
                run.info.run_id = RunId(id.0);
                run.info.run_name = format!("{} {name}", run.info.run_name);
            }
            run
        })
    }
}

/// Of each metric of a model the point with the greatest step, then timestamp.
pub fn last_values(model: &LoggedModel) -> Vec<(String, Metric)> {
    let mut points: Vec<_> = model.metrics.iter().collect();
    points.sort_by_key(|metric| (metric.point.step, metric.point.timestamp));
    let metric = |it: &crate::mlflow::ModelMetric| Metric {
        key: it.key.clone(),
        value: it.point.value,
        timestamp: it.point.timestamp,
        step: it.point.step,
    };
    points.into_iter().map(|it| (it.key.clone(), metric(it))).collect()
}

/// A logged model, where it is there and has values of its own; of the metric that decides, NaN is told from 0.
///
/// # Errors
/// If the store does not answer.
pub async fn measured_model(
    store: &Store,
    id: Option<&ModelId>,
    deciding: Option<&str>,
) -> Result<Option<LoggedModel>> {
    let Some(id) = id else { return Ok(None) };
    let mut models = match store.get_logged_model(id).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => Vec::new(),
        model => vec![model?],
    };
    models.retain(|model| !model.metrics.is_empty());
    if let Some(metric) = deciding {
        find_nan(store, &mut models, metric).await?;
    }
    Ok(models.pop())
}
