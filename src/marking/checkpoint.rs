//! Which of the models that a run logged is registered: the one that is best by the metric the run was chosen by, as far
//! as models have it themselves, else the one of the greatest step.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::mlflow::{LoggedModel, Metric, MetricPoint, ModelMetric, Run, Statistic, Summary};
use crate::registry::is_of_beginning;
use crate::select::{Goal, Policy};
use crate::text::number;

/// What models are compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelBy {
    /// Its name.
    pub metric: String,
    /// Which end of it is wanted.
    pub is_less_better: bool,
    /// Which value of its history counts.
    pub statistic: Statistic,
}

impl ModelBy {
    /// By what the runs are chosen.
    pub fn of(policy: &Policy) -> Self {
        let objective = policy.primary();
        Self {
            metric: objective.metric.clone(),
            is_less_better: objective.goal == Goal::Minimize,
            statistic: policy.value.statistic(objective.goal),
        }
    }
}

/// Name and digest of a data set; metrics may have none.
type DataSet = Option<(String, String)>;

/// A model and its value.
type MeasuredModel<'a> = (&'a LoggedModel, f64);

/// The model of a run that is registered, and why it, in words. None where none is ready.
pub fn choose<'a>(
    run: &Run,
    models: &'a [LoggedModel],
    by: Option<&ModelBy>,
) -> Option<(&'a LoggedModel, String)> {
    let ready: Vec<&LoggedModel> = models.iter().filter(|model| model.status.contains("READY")).collect();
    let of = match (models.len(), ready.len()) {
        (1, _) => "the only logged model of the run".to_owned(),
        (all, some) if all == some => format!("of {all} logged models"),
        (all, 1) => format!("the only ready one of {all} logged models"),
        (all, some) => format!("of the {some} ready ones of {all} logged models"),
    };
    if let [only] = ready.as_slice() {
        return Some((only, of));
    }
    let measured = by.and_then(|by| best(run, &ready, by, &of));
    measured.or_else(|| last(run, &ready, by, &of))
}

/// The best by a metric; of equally good ones the one that was made first.
fn best<'a>(
    run: &Run,
    ready: &[&'a LoggedModel],
    by: &ModelBy,
    of: &str,
) -> Option<(&'a LoggedModel, String)> {
    let data_sets = measured(run, ready, by);
    let own = run.metrics.iter().find(|metric| metric.key == by.metric);
    let is_of_run = |data_set: &DataSet| own.is_some_and(|own| has_point(ready, by, data_set, own));
    // What the run itself says of the metric is what it says on one of them.
    let (data_set, values) = data_sets
        .iter()
        .min_by(|(a, some), (b, others)| (!is_of_run(a), others.len()).cmp(&(!is_of_run(b), some.len())))?;
    let turned = |value: f64| if by.is_less_better { value } else { -value };
    let (model, value) = values.iter().min_by(|(a, x), (b, y)| {
        // Adding zero makes one zero of both.
        (turned(*x) + 0.0).total_cmp(&(turned(*y) + 0.0)).then_with(|| by_creation(a, b))
    })?;
    let which = if by.is_less_better { "lowest" } else { "highest" };
    let mut why = format!("the {which} {} {of}: {}", by.metric, number(*value));
    let on = data_set.as_ref().map(|(name, _)| format!("on data set {name}"));
    if data_sets.len() > 1 {
        let rule = if is_of_run(data_set) { "the run's own value is of it" } else { "most models have it" };
        let on = on.unwrap_or_else(|| "on no data set".into());
        why.push_str(&format!(" {on} (1 of {}; {rule})", data_sets.len()));
    } else if let Some(on) = on {
        why.push_str(&format!(" {on}"));
    }
    if values.len() < ready.len() {
        why.push_str(&format!("; {} without such a number", ready.len() - values.len()));
    }
    Some((model, why))
}

/// The values of the models that have one, by data set.
fn measured<'a>(
    run: &Run,
    ready: &[&'a LoggedModel],
    by: &ModelBy,
) -> BTreeMap<DataSet, Vec<MeasuredModel<'a>>> {
    let mut data_sets: BTreeMap<DataSet, Vec<MeasuredModel<'a>>> = BTreeMap::new();
    for model in ready {
        let mut points: BTreeMap<DataSet, Vec<MetricPoint>> = BTreeMap::new();
        let own = |metric: &&ModelMetric| metric.key == by.metric && !is_of_beginning(Some(run), metric);
        for metric in model.metrics.iter().filter(own) {
            points.entry(metric.dataset.clone()).or_default().push(metric.point);
        }
        for (data_set, points) in points {
            let summary = Summary::of_part(points, by.statistic.part());
            let value = summary.map(|summary| summary.pick(by.statistic).0).filter(|value| value.is_finite());
            if let Some(value) = value {
                data_sets.entry(data_set).or_default().push((model, value));
            }
        }
    }
    data_sets
}

/// Whether a model has the very point that a run has as its latest.
fn has_point(ready: &[&LoggedModel], by: &ModelBy, data_set: &DataSet, own: &Metric) -> bool {
    let mut metrics = ready.iter().flat_map(|model| &model.metrics);
    metrics.any(|metric| {
        metric.key == by.metric
            && metric.dataset == *data_set
            && (metric.point.step, metric.point.timestamp) == (own.step, own.timestamp)
            && crate::mlflow::filter::same_number(metric.point.value, own.value)
    })
}

fn by_creation(a: &LoggedModel, b: &LoggedModel) -> Ordering {
    // A time that is not known is later than any.
    let time = |model: &LoggedModel| (model.creation_time.is_none(), model.creation_time);
    time(a).cmp(&time(b)).then_with(|| a.model_id.cmp(&b.model_id))
}

/// The one of the greatest step; of several, the newest.
fn last<'a>(
    run: &Run,
    ready: &[&'a LoggedModel],
    by: Option<&ModelBy>,
    of: &str,
) -> Option<(&'a LoggedModel, String)> {
    let step = |model: &LoggedModel| {
        let output = run.model_outputs.iter().filter(|output| output.model_id == model.model_id);
        output.map(|output| output.step).max()
    };
    let newest = |a: &LoggedModel, b: &LoggedModel| {
        (a.creation_time.cmp(&b.creation_time)).then_with(|| b.model_id.cmp(&a.model_id))
    };
    let model = ready.iter().max_by(|a, b| step(a).cmp(&step(b)).then_with(|| newest(a, b)))?;
    let greatest = step(model);
    let is_ahead = ready.iter().filter(|other| step(other) == greatest).count() == 1;
    let mut why = match greatest.filter(|_| is_ahead) {
        Some(step) => format!("the one of the greatest step, {step}, {of}"),
        None => format!("the newest {of}"),
    };
    if let Some(by) = by {
        why.push_str(&format!("; none has a number for {}", by.metric));
    }
    Some((model, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::{ExperimentId, LifecycleStage, ModelId, ModelOutput, RunId, RunInfo, RunStatus};
    use crate::select::{MetricGoal, ValueOf};

    fn run(steps: &[i64]) -> Run {
        Run {
            info: RunInfo {
                run_id: RunId("r".into()),
                experiment_id: ExperimentId("1".into()),
                run_name: "run".into(),
                user_id: String::new(),
                status: RunStatus::Finished,
                start_time: None,
                end_time: None,
                lifecycle_stage: LifecycleStage::Active,
                artifact_uri: String::new(),
            },
            metrics: Vec::new(),
            params: Vec::new(),
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: steps
                .iter()
                .enumerate()
                .map(|(at, step)| ModelOutput { model_id: id(at), step: *step })
                .collect(),
        }
    }

    fn id(at: usize) -> ModelId {
        // Ids are random: these are not in the order in which the models were made.
        ModelId(format!("m-{}", 7 * (at + 1) % 10))
    }

    fn model(at: usize, values: &[(&str, f64)]) -> LoggedModel {
        LoggedModel {
            model_id: id(at),
            experiment_id: ExperimentId("1".into()),
            name: format!("ckpt-{at}"),
            model_type: String::new(),
            artifact_location: String::new(),
            status: "READY".into(),
            source_run_id: None,
            params: Vec::new(),
            tags: Vec::new(),
            creation_time: Some(at as i64),
            metrics: values
                .iter()
                .map(|(data_set, value)| ModelMetric {
                    key: "val_loss".into(),
                    point: MetricPoint { step: at as i64, timestamp: 9, value: *value },
                    run_id: RunId("r".into()),
                    dataset: (!data_set.is_empty()).then(|| ((*data_set).to_owned(), "d".to_owned())),
                })
                .collect(),
        }
    }

    fn by() -> ModelBy {
        ModelBy { metric: "val_loss".into(), is_less_better: true, statistic: Statistic::Latest }
    }

    fn told(run: &Run, models: &[LoggedModel], by: Option<&ModelBy>) -> String {
        choose(run, models, by).map_or(String::new(), |(model, why)| format!("{}: {why}", model.name))
    }

    #[test]
    fn the_best_by_the_metric_is_taken_and_never_what_is_no_number() {
        let values = [0.5, 0.2, f64::NAN, f64::NEG_INFINITY, 0.2, 0.3];
        let mut models: Vec<LoggedModel> =
            values.iter().enumerate().map(|(at, value)| model(at, &[("", *value)])).collect();
        let run = run(&[0, 1, 2, 3, 4, 5]);
        assert_eq!(
            told(&run, &models, Some(&by())),
            "ckpt-1: the lowest val_loss of 6 logged models: 0.2; 2 without such a number"
        );
        let highest = ModelBy { is_less_better: false, ..by() };
        assert!(told(&run, &models, Some(&highest)).starts_with("ckpt-0: the highest val_loss"));
        models[1].status = "FAILED".into();
        assert!(
            told(&run, &models, Some(&by())).starts_with("ckpt-4: the lowest val_loss of the 5 ready ones")
        );
        for model in &mut models[1..] {
            model.status = "PENDING".into();
        }
        assert_eq!(told(&run, &models, Some(&by())), "ckpt-0: the only ready one of 6 logged models");
        models[0].status = "PENDING".into();
        assert_eq!(choose(&run, &models, Some(&by())), None);
    }

    #[test]
    fn what_the_run_began_with_chooses_none_of_its_models() {
        // What `log_model` makes of two models without a step: both have what the run had at step 0.
        let mut models = [model(0, &[("", 2.0)]), model(1, &[("", 2.0)])];
        for model in &mut models {
            model.metrics[0].point.step = 0;
        }
        let mut run = run(&[0, 0]);
        run.metrics.push(Metric { key: "val_loss".into(), value: 0.1, timestamp: 20, step: 9 });
        assert!(told(&run, &models, Some(&by())).starts_with("ckpt-1: the newest of 2 logged models"));
        // What an evaluation says of one of them does.
        models[0].metrics[0].run_id = RunId("evaluation".into());
        assert!(told(&run, &models, Some(&by())).starts_with("ckpt-0: the lowest val_loss"));
    }

    #[test]
    fn models_are_chosen_by_what_runs_are() {
        let mut policy = Policy::new(MetricGoal::new("val_loss", Goal::Minimize));
        assert_eq!(ModelBy::of(&policy), by());
        policy.objectives.insert(0, MetricGoal::new("acc", Goal::Maximize));
        policy.value = ValueOf::Best;
        let highest = ModelBy { metric: "acc".into(), is_less_better: false, statistic: Statistic::Max };
        assert_eq!(ModelBy::of(&policy), highest);
    }

    #[test]
    fn without_such_a_metric_the_greatest_step_tells_and_then_the_time() {
        let models: Vec<LoggedModel> = (0..4).map(|at| model(at, &[])).collect();
        assert_eq!(
            told(&run(&[5, 30, 7, 1]), &models, Some(&by())),
            "ckpt-1: the one of the greatest step, 30, of 4 logged models; none has a number for val_loss"
        );
        assert_eq!(told(&run(&[0; 4]), &models, None), "ckpt-3: the newest of 4 logged models");
        assert_eq!(told(&run(&[]), &models, None), "ckpt-3: the newest of 4 logged models");
        assert_eq!(told(&run(&[0]), &models[..1], None), "ckpt-0: the only logged model of the run");
    }

    #[test]
    fn models_are_compared_on_one_data_set() {
        let models = [
            model(0, &[("a", 0.1), ("b", 0.9)]),
            model(1, &[("a", 0.3), ("b", 0.5)]),
            model(2, &[("a", 0.2)]),
        ];
        let mut run = run(&[0, 1, 2]);
        assert_eq!(
            told(&run, &models, Some(&by())),
            "ckpt-0: the lowest val_loss of 3 logged models: 0.1 on data set a (1 of 2; most models have it)"
        );
        run.metrics = vec![Metric { key: "val_loss".into(), value: 0.5, timestamp: 9, step: 1 }];
        assert_eq!(
            told(&run, &models, Some(&by())),
            "ckpt-1: the lowest val_loss of 3 logged models: 0.5 on data set b (1 of 2; the run's own value is of \
             it); 1 without such a number"
        );
    }
}
