//! What the gate knows of a version: its run, its logged model, and what they are worth.

use std::collections::BTreeMap;

use crate::mlflow::{LoggedModel, ModelId, ModelVersion, Run, RunId, Tag};
use crate::registry::{VersionOrigin, find_nan, is_of_beginning, judged_model};
use crate::store::{Result, Store, if_there};

/// What is known of a version, or of one that is still to be registered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// None until it is registered.
    pub version: Option<u64>,
    /// That point to it.
    pub aliases: Vec<String>,
    /// As MLflow writes it.
    pub stage: String,
    /// Of the version.
    pub tags: Vec<Tag>,
    /// The run that it was made from; none where it names none, or that is gone.
    pub run: Option<Run>,
    /// The logged model that it was made from (MLflow 3).
    pub model: Option<LoggedModel>,
}

/// A value, and the data set that it was measured on.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// NaN and the infinities are values.
    pub value: f64,
    /// Digest and name.
    pub data: Option<(String, String)>,
}

impl Facts {
    /// `v4`.
    pub fn name(&self) -> String {
        self.version.map_or("the new version".into(), |version| format!("v{version}"))
    }

    /// The value of a metric: the logged model's own, the last of them, or else its run's.
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.origin().value(metric)
    }

    /// The same as the registry has it.
    pub fn origin(&self) -> VersionOrigin {
        VersionOrigin::of(self.run.as_ref(), self.model.as_ref())
    }

    /// The values of a metric, one for each data set, by digest: those of the logged model, where it has any, or else that of
    /// the run, on each of its data sets.
    pub fn measured(&self, metric: &str) -> Vec<Measured> {
        let own = self.model.iter().flat_map(|model| &model.metrics).filter(|it| it.key == metric);
        let mut points: Vec<_> = own.filter(|it| !is_of_beginning(self.run.as_ref(), it)).collect();
        if !points.is_empty() {
            points.sort_by_key(|it| (it.point.step, it.point.timestamp));
            let data = |set: &Option<(String, String)>| {
                set.as_ref().map(|(name, digest)| (digest.clone(), name.clone()))
            };
            let last: BTreeMap<Option<(String, String)>, f64> =
                points.into_iter().map(|it| (data(&it.dataset), it.point.value)).collect();
            return last.into_iter().map(|(data, value)| Measured { value, data }).collect();
        }
        let Some(run) = &self.run else { return Vec::new() };
        let Some(value) = run.metrics.iter().find(|it| it.key == metric).map(|it| it.value) else {
            return Vec::new();
        };
        let mut sets: Vec<(String, String)> =
            run.inputs.iter().map(|it| (it.dataset.digest.clone(), it.dataset.name.clone())).collect();
        sets.sort();
        sets.dedup();
        if sets.is_empty() {
            return vec![Measured { value, data: None }];
        }
        sets.into_iter().map(|set| Measured { value, data: Some(set) }).collect()
    }
}

/// What is known of a version. The metric is the one that it is judged by.
///
/// # Errors
/// If the store does not answer. A run or model that is gone is no error.
pub async fn facts(store: &Store, version: &ModelVersion, metric: Option<&str>) -> Result<Facts> {
    let model = version.logged_model();
    let known = of(store, version.run_id.as_ref(), model.as_ref(), metric).await?;
    Ok(Facts {
        version: Some(version.version),
        aliases: version.aliases.clone(),
        stage: version.current_stage.clone(),
        tags: version.tags.clone(),
        ..known
    })
}

/// What is known of a version that is to be registered from a run.
///
/// # Errors
/// As [`facts`].
pub async fn facts_of_new(store: &Store, run: &RunId, source: &str, metric: Option<&str>) -> Result<Facts> {
    of(store, Some(run), ModelVersion::model_of_source(source).as_ref(), metric).await
}

async fn of(
    store: &Store,
    run: Option<&RunId>,
    model: Option<&ModelId>,
    metric: Option<&str>,
) -> Result<Facts> {
    let run = match run {
        Some(run) => if_there(store.get_run(run).await)?,
        None => None,
    };
    let model = judged_model(store, model, metric).await?;
    Ok(Facts { run, model, ..Facts::default() })
}

/// Finds out of a metric of a logged model whether it is NaN.
///
/// # Errors
/// If the store does not answer.
pub(super) async fn read_nan(store: &Store, facts: &mut Facts, metric: &str) -> Result<()> {
    let mut models: Vec<LoggedModel> = facts.model.take().into_iter().collect();
    find_nan(store, &mut models, metric).await?;
    facts.model = models.pop();
    Ok(())
}
