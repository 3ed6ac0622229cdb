//! Runs as a version of them stands: with the values of the logged model that it was made from.

use rustc_hash::FxHashSet;

use crate::mlflow::{LoggedModel, Metric, ModelId, ModelMetric, Run, RunId};
use crate::registry::find_nan;
use crate::store::{Result, Store, if_there};

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

    /// The metrics that the model has values of its own of.
    pub fn own_keys(&self) -> FxHashSet<String> {
        let own = self.model.iter().flat_map(|model| own_values(Some(&self.run), model));
        own.map(|(key, _)| key).collect()
    }

    /// The run with the model's values in the place of its own, where the model has any.
    #[must_use]
    pub fn row(self) -> Run {
        let Self { mut run, model } = self;
        let own: Vec<_> = model.iter().flat_map(|model| own_values(Some(&run), model)).collect();
        for (key, metric) in own {
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

/// Whether a point of a model tells of the beginning of its run and not of the model: `log_model` gives a model what its run has
/// at step 0 where nobody names a step, and the run goes on after that.
pub fn is_of_beginning(run: Option<&Run>, metric: &ModelMetric) -> bool {
    let is_earlier = |latest: &Metric| {
        latest.key == metric.key && latest.step > 0 && latest.timestamp >= metric.point.timestamp
    };
    metric.point.step == 0
        && metric.dataset.is_none()
        && run.is_some_and(|run| {
            // What another run has measured of the model is no copy. Where models are told apart by steps, one at step 0 is meant.
            metric.run_id == run.info.run_id
                && run.model_outputs.iter().all(|output| output.step == 0)
                && run.metrics.iter().any(is_earlier)
        })
}

/// Of each metric that a model has itself the point with the greatest step, then timestamp, as the last with its key.
pub fn own_values(run: Option<&Run>, model: &LoggedModel) -> Vec<(String, Metric)> {
    let mut points: Vec<_> = model.metrics.iter().filter(|metric| !is_of_beginning(run, metric)).collect();
    points.sort_by_key(|metric| (metric.point.step, metric.point.timestamp));
    let metric = |it: &ModelMetric| Metric {
        key: it.key.clone(),
        value: it.point.value,
        timestamp: it.point.timestamp,
        step: it.point.step,
    };
    points.into_iter().map(|it| (it.key.clone(), metric(it))).collect()
}

/// A logged model, where it is there; of the metric that decides, NaN is told from 0.
///
/// # Errors
/// If the store does not answer.
pub async fn judged_model(
    store: &Store,
    id: Option<&ModelId>,
    deciding: Option<&str>,
) -> Result<Option<LoggedModel>> {
    let Some(id) = id else { return Ok(None) };
    let mut models: Vec<LoggedModel> = if_there(store.get_logged_model(id).await)?.into_iter().collect();
    if let Some(metric) = deciding {
        find_nan(store, &mut models, metric).await?;
    }
    Ok(models.pop())
}

/// The same, where it has values of its own.
///
/// # Errors
/// If the store does not answer.
pub async fn measured_model(
    store: &Store,
    id: Option<&ModelId>,
    deciding: Option<&str>,
) -> Result<Option<LoggedModel>> {
    Ok(judged_model(store, id, deciding).await?.filter(|model| !model.metrics.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::{LifecycleStage, MetricPoint, ModelOutput, RunInfo, RunStatus};
    use crate::registry::VersionOrigin;

    /// What `log_model` makes of a training whose loss falls from 2 at step 0 to 0.1 at step 9.
    #[test]
    fn what_a_run_began_with_is_no_value_of_its_model() {
        let mut run = Run {
            info: RunInfo {
                run_id: "r".into(),
                experiment_id: "1".into(),
                run_name: "r".into(),
                user_id: String::new(),
                status: RunStatus::Finished,
                start_time: Some(0),
                end_time: Some(99),
                lifecycle_stage: LifecycleStage::Active,
                artifact_uri: String::new(),
            },
            metrics: vec![Metric { key: "loss".into(), value: 0.1, timestamp: 90, step: 9 }],
            params: Vec::new(),
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: vec![ModelOutput { model_id: ModelId::from("m-1"), step: 0 }],
        };
        let mut model = LoggedModel {
            model_id: ModelId::from("m-1"),
            experiment_id: "1".into(),
            name: "net".into(),
            model_type: String::new(),
            artifact_location: String::new(),
            status: "READY".into(),
            source_run_id: None,
            params: Vec::new(),
            tags: Vec::new(),
            creation_time: None,
            metrics: Vec::new(),
        };
        let point = |step: i64, timestamp: i64, value: f64| ModelMetric {
            key: "loss".into(),
            run_id: "r".into(),
            dataset: None,
            point: MetricPoint { step, timestamp, value },
        };
        model.metrics.push(point(0, 0, 2.0));
        let value = |run: &Run, model: &LoggedModel| {
            let row = Measured { run: run.clone(), model: Some(model.clone()) }.row();
            let value = VersionOrigin::of(Some(run), Some(model)).value("loss");
            assert_eq!(value, row.metrics.first().map(|metric| metric.value));
            value
        };
        assert_eq!(value(&run, &model), Some(0.1));
        // Measured after the training, without a step.
        model.metrics[0] = point(0, 95, 0.2);
        assert_eq!(value(&run, &model), Some(0.2));
        // While it went on, by another run.
        model.metrics[0] = ModelMetric { run_id: "evaluation".into(), ..point(0, 0, 2.0) };
        assert_eq!(value(&run, &model), Some(2.0));
        // One of several that are told apart by steps.
        model.metrics[0] = point(0, 0, 2.0);
        run.model_outputs.push(ModelOutput { model_id: ModelId::from("m-2"), step: 9 });
        assert_eq!(value(&run, &model), Some(2.0));
        // A run with nothing but one step.
        run.model_outputs.pop();
        run.metrics[0].step = 0;
        assert_eq!(value(&run, &model), Some(2.0));
    }
}
