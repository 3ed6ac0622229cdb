//! How far a run is that goes on, where its params and metrics tell. Nothing is guessed: without a total there is no progress.

use crate::mlflow::{Metric, Run, tags};
use crate::text;

/// Params that tell how many epochs or steps there will be, by what their names end in.
const EPOCHS: [&str; 8] = [
    "epochs",
    "max_epochs",
    "num_epochs",
    "n_epochs",
    "nb_epochs",
    "num_train_epochs",
    "train_epochs",
    "total_epochs",
];
const STEPS: [&str; 11] = [
    "max_steps",
    "total_steps",
    "train_steps",
    "num_train_steps",
    "max_train_steps",
    "num_training_steps",
    "max_iters",
    "num_iterations",
    "iterations",
    "num_boost_round",
    "total_timesteps",
];

/// Loggers of MLflow whose steps are epochs, counted from 0.
const STEPS_ARE_EPOCHS: [&str; 2] = ["tensorflow", "keras"];

/// The share of a run below which nobody can tell how long the rest takes.
const ENOUGH: f64 = 0.01;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    pub done: f64,
    pub total: f64,
    /// `epoch` or `step`.
    pub unit: &'static str,
    /// Milliseconds that the rest takes at this pace, where that can be told.
    pub left: Option<i64>,
}

impl Progress {
    /// `epoch 3 of 10, about 12m left`.
    pub fn in_words(&self) -> String {
        let left = self.left.map_or(String::new(), |left| format!(", about {} left", text::span(left)));
        format!("{} {} of {}{left}", self.unit, text::number(self.done), text::number(self.total))
    }

    pub fn percent(&self) -> f64 {
        (self.done / self.total * 100.0).floor()
    }
}

/// The last part of a name: `max_epochs` of `trainer/max-epochs`.
fn last_part(name: &str) -> String {
    let last = name.rsplit(['/', '.', ':']).next().unwrap_or(name);
    last.to_ascii_lowercase().replace('-', "_")
}

/// The total that params tell, where they agree.
fn total(run: &Run, names: &[&str]) -> Option<f64> {
    let named = run.params.iter().filter(|param| names.contains(&last_part(&param.key).as_str()));
    let totals = named.filter_map(|param| param.value.trim().parse::<f64>().ok());
    // Who leaves it open writes -1.
    let mut totals = totals.filter(|total| total.is_finite() && *total > 0.0);
    let first = totals.next()?;
    totals.all(|total| total.total_cmp(&first).is_eq()).then_some(first)
}

/// When a run logged its last point.
pub fn last_point(run: &Run) -> Option<i64> {
    run.metrics.iter().map(|metric| metric.timestamp).max()
}

/// How far a run is at `now` (milliseconds); nothing where it has ended, or where nobody can know.
pub fn progress(run: &Run, now: i64) -> Option<Progress> {
    if !run.info.status.is_active() {
        return None;
    }
    if total(run, &STEPS).is_none() && total(run, &EPOCHS).is_none() {
        return None;
    }
    let own = || run.metrics.iter().filter(|metric| !metric.key.starts_with("system/"));
    let furthest = own().max_by_key(|metric| (metric.step, metric.timestamp))?;
    let of_epoch = own().find(|metric| last_part(&metric.key) == "epoch" && metric.value.is_finite());
    let step = furthest.step as f64;
    // Where both are the same, steps are epochs.
    let is_in_epochs = of_epoch.is_some_and(|epoch| (epoch.value - step).abs() <= 1.0);
    let by_steps = || Some((step, total(run, &STEPS).filter(|_| !is_in_epochs)?, "step", furthest));
    let by_epochs = || {
        let total = total(run, &EPOCHS)?;
        let are_epochs = run.tag(tags::AUTOLOGGING).is_some_and(|by| STEPS_ARE_EPOCHS.contains(&by));
        let counted: (f64, &Metric) = match of_epoch {
            Some(epoch) => (epoch.value, epoch),
            None if are_epochs => (step + 1.0, furthest),
            None => return None,
        };
        Some((counted.0, total, "epoch", counted.1))
    };
    let is_sound = |found: &(f64, f64, &str, &Metric)| found.0 > 0.0 && found.0 <= found.1;
    let (done, total, unit, last) = by_steps().filter(is_sound).or_else(|| by_epochs().filter(is_sound))?;
    let left = run.info.start_time.and_then(|start| {
        let took = last.timestamp.saturating_sub(start);
        let since = now.saturating_sub(last.timestamp);
        // Who has been silent for long may have died.
        let is_told = took > 0 && since < took / 4 && done / total >= ENOUGH;
        let left = took as f64 * (total - done) / done - since as f64;
        (is_told && left > 0.0).then_some(left as i64)
    });
    Some(Progress { done, total, unit, left })
}

/// How long ago the last point of a run that goes on was logged, and how far it is: in full, and shorter.
pub fn in_words(run: &Run, now: i64) -> Vec<String> {
    if !run.info.status.is_active() {
        return Vec::new();
    }
    let progress = progress(run, now).map(|progress| progress.in_words());
    let age = last_point(run).map(|at| format!("last point {} ago", text::span(now.saturating_sub(at))));
    match (progress, age) {
        (Some(progress), Some(age)) => vec![format!("{progress} · {age}"), progress],
        (Some(one), None) | (None, Some(one)) => vec![one],
        (None, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::{LifecycleStage, Param, RunInfo, RunStatus, Tag};

    const MINUTE: i64 = 60_000;

    /// A run that began at 0, and whose last points are of minute 30.
    fn run(params: &[(&str, &str)], metrics: &[(&str, f64, i64)]) -> Run {
        let metric = |(key, value, step): &(&str, f64, i64)| Metric {
            key: (*key).into(),
            value: *value,
            timestamp: 30 * MINUTE,
            step: *step,
        };
        Run {
            info: RunInfo {
                run_id: "r".into(),
                experiment_id: "1".into(),
                run_name: "r".into(),
                user_id: "ana".into(),
                status: RunStatus::Running,
                start_time: Some(0),
                end_time: None,
                lifecycle_stage: LifecycleStage::Active,
                artifact_uri: String::new(),
            },
            metrics: metrics.iter().map(metric).collect(),
            params: params.iter().map(|(key, value)| Param::new(*key, *value)).collect(),
            tags: Vec::new(),
            inputs: Vec::new(),
            model_outputs: Vec::new(),
        }
    }

    fn told(params: &[(&str, &str)], metrics: &[(&str, f64, i64)]) -> Option<String> {
        progress(&run(params, metrics), 31 * MINUTE).map(|progress| progress.in_words())
    }

    #[test]
    fn steps_and_epochs_are_counted_where_a_param_tells_how_many_there_will_be() {
        let loss = ("loss", 0.5, 600);
        // Ten minutes for each 200 steps, and one has gone by.
        assert_eq!(told(&[("max_steps", "1000")], &[loss]).unwrap(), "step 600 of 1000, about 19m left");
        assert_eq!(
            told(&[("num_train_epochs", "3")], &[loss, ("train/epoch", 1.5, 600)]).unwrap(),
            "epoch 1.5 of 3, about 29m left"
        );
        // As transformers writes that the steps are left open.
        assert_eq!(
            told(&[("max_steps", "-1"), ("num_train_epochs", "3.0")], &[loss, ("epoch", 1.5, 600)]).unwrap(),
            "epoch 1.5 of 3, about 29m left"
        );
        assert_eq!(
            told(
                &[("trainer.max-epochs", "10"), ("max_steps", "500")],
                &[("loss", 1.0, 5), ("epoch", 5.0, 5)]
            )
            .unwrap(),
            "epoch 5 of 10, about 29m left",
            "these steps are epochs"
        );
        let mut keras = run(&[("epochs", "10")], &[("loss", 0.5, 4)]);
        keras.tags.push(Tag::new(tags::AUTOLOGGING, "tensorflow"));
        assert_eq!(progress(&keras, 31 * MINUTE).unwrap().in_words(), "epoch 5 of 10, about 29m left");
    }

    #[test]
    fn nothing_is_said_that_nobody_knows() {
        let loss = ("loss", 0.5, 600);
        assert_eq!(told(&[], &[loss]), None, "no total");
        assert_eq!(told(&[("epochs", "1000")], &[loss]), None, "steps may be anything");
        assert_eq!(told(&[("max_steps", "100")], &[loss]), None, "more than all");
        assert_eq!(told(&[("max_steps", "many")], &[loss]), None);
        assert_eq!(told(&[("max_steps", "1000"), ("a/max_steps", "2000")], &[loss]), None, "they disagree");
        assert_eq!(told(&[("max_steps", "1000")], &[("system/cpu", 1.0, 600)]), None);
        assert_eq!(told(&[("max_steps", "1000")], &[("loss", 1.0, 0)]), None);
        let mut ended = run(&[("max_steps", "1000")], &[loss]);
        ended.info.status = RunStatus::Finished;
        assert_eq!((progress(&ended, 0), in_words(&ended, 0)), (None, vec![]));
        // Of a run that has been silent for long nobody knows when it ends.
        let silent = progress(&run(&[("max_steps", "1000")], &[loss]), 38 * MINUTE).unwrap();
        assert_eq!((silent.in_words().as_str(), silent.percent()), ("step 600 of 1000", 60.0));
        assert_eq!(in_words(&run(&[], &[loss]), 31 * MINUTE), ["last point 1m ago"]);
    }
}
