//! What things come to, on either side, to be compared.

use super::ids::Ids;
use super::marks::is_own;
use super::models::is_kept_by_server;
use super::sums::{Kind, Sums, Tally, point_key, value_bits};
use crate::mlflow::{Experiment, LoggedModel, Metric, ModelVersion, RegisteredModel, Run, RunId, Tag, tags};

/// Tags as they are compared: in key order, without those of the copy itself.
fn plain<'a>(
    all: impl IntoIterator<Item = &'a Tag>,
    leaves_out: impl Fn(&str) -> bool,
) -> Vec<(&'a str, &'a str)> {
    let kept = all.into_iter().filter(|tag| !leaves_out(&tag.key));
    let mut kept: Vec<_> = kept.map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
    kept.sort_unstable();
    kept
}

/// What a run of the first store has to become.
pub fn renewed(run: &Run, ids: &Ids) -> Run {
    let mut new = run.clone();
    new.tags = run.tags.iter().map(|tag| ids.tag(tag)).collect();
    for output in &mut new.model_outputs {
        if let Some(model) = ids.models.get(&output.model_id) {
            output.model_id = model.clone();
        }
    }
    new
}

/// What a run comes to, but for its points and files. `was` is the run in the first store: what it lacks, such as a name, a
/// server invents, and its id stands for both.
pub fn of_run(run: &Run, was: &Run, has_outputs: bool) -> Sums {
    let mut sums = Sums::default();
    let id = was.info.run_id.as_str();
    let info = &run.info;
    let name = if was.info.run_name.is_empty() { "" } else { &info.run_name };
    let times = (info.start_time.unwrap_or(0), info.end_time);
    sums.of(Kind::Runs).add((id, name, &info.user_id, info.status, times, info.lifecycle_stage));
    for param in &run.params {
        sums.of(Kind::Params).add((id, &param.key, &param.value));
    }
    let is_named = was.tag(tags::RUN_NAME).is_some();
    for tag in plain(&run.tags, |key| is_own(key) || (key == tags::RUN_NAME && !is_named)) {
        sums.of(Kind::Tags).add((id, tag));
    }
    for input in &run.inputs {
        let it = &input.dataset;
        let dataset = (&it.name, &it.digest, &it.source_type, &it.source, &it.schema, &it.profile);
        sums.of(Kind::DataSets).add((id, dataset, plain(&input.tags, |_| false)));
    }
    if has_outputs {
        for output in &run.model_outputs {
            sums.of(Kind::Outputs).add((id, output.model_id.as_str(), output.step));
        }
    }
    sums
}

/// What points come to on both sides. Files can hold one twice, and a database has it once then; one that only the second
/// has twice came twice.
pub fn of_both_points(from: &[Metric], to: &[Metric]) -> (Tally, Tally) {
    let key = |point: &Metric| (point.step, point.timestamp, value_bits(point.value));
    let sorted = |points: &[Metric]| {
        let mut all: Vec<_> = points.iter().map(|point| (point.key.clone(), key(point))).collect();
        all.sort_unstable();
        all
    };
    let (mut from, to) = (sorted(from), Tally::of(sorted(to)));
    let was = Tally::of(&from);
    if was == to {
        return (was, to);
    }
    from.dedup();
    (Tally::of(from), to)
}

/// What an experiment comes to; of its tags, those that `was` has.
pub fn of_experiment(experiment: &Experiment, was: &Experiment) -> Tally {
    let is_other = |key: &str| is_own(key) || !was.tags.iter().any(|tag| tag.key == key);
    let tags = plain(&experiment.tags, is_other);
    Tally::of([(&was.experiment_id, &experiment.name, experiment.lifecycle_stage, tags)])
}

/// What a logged model comes to, whose ids are those of the target.
pub fn of_model(model: &LoggedModel, was: &LoggedModel) -> Tally {
    let mut params: Vec<_> = model.params.iter().map(|param| (&param.key, &param.value)).collect();
    params.sort_unstable();
    let point = |metric: &crate::mlflow::ModelMetric| {
        // MLflow keeps NaN as 0 here.
        let value = if metric.point.value.is_nan() { 0.0 } else { metric.point.value };
        let (step, timestamp, value) = point_key(&crate::mlflow::MetricPoint { value, ..metric.point });
        (metric.key.clone(), step, timestamp, value, metric.run_id.clone(), metric.dataset.clone())
    };
    let mut metrics: Vec<_> = model.metrics.iter().map(point).collect();
    metrics.sort_unstable();
    metrics.dedup();
    let run = model.source_run_id.as_ref().map(RunId::as_str);
    let tags = plain(&model.tags, is_kept_by_server);
    let own = (was.model_id.as_str(), &model.name, &model.model_type, &model.status, run);
    Tally::of([(own, params, tags, metrics)])
}

/// The same of a model of the first store, with the ids that it is to have.
pub fn renewed_model(model: &LoggedModel, ids: &Ids) -> LoggedModel {
    let mut new = model.clone();
    let run = |id: &RunId| ids.runs.get(id).unwrap_or(id).clone();
    new.source_run_id = model.source_run_id.as_ref().map(run);
    new.tags = model.tags.iter().map(|tag| ids.tag(tag)).collect();
    for metric in &mut new.metrics {
        metric.run_id = run(&metric.run_id);
    }
    new
}

/// What a registered model comes to; of its tags, those that `was` has.
pub fn of_registered(model: &RegisteredModel, was: &RegisteredModel) -> Tally {
    let is_other = |key: &str| is_own(key) || !was.tags.iter().any(|tag| tag.key == key);
    Tally::of([(&was.name, &model.description, plain(&model.tags, is_other))])
}

pub fn of_version(version: &ModelVersion) -> Tally {
    let run = version.run_id.as_ref().map(RunId::as_str);
    let stage = version.stage().unwrap_or("None").to_owned();
    let tags = plain(&version.tags, is_own);
    Tally::of([(
        (&version.name, version.version, &version.source, run),
        (stage, &version.status, &version.description),
        tags,
    )])
}
