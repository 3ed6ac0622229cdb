//! What is said where somebody names a metric that is not there.

use super::Failure;
use super::reading::newest;
use crate::catalog::Catalog;
use crate::mlflow::Experiment;
use crate::select::SAMPLE;
use crate::store::Store;
use crate::text::Spelling;
use crate::text::order::natural;

/// Names that are told where none is near.
const TOLD: usize = 12;
/// Names that may be meant.
const NEAR: usize = 3;

/// That there is no such metric, what may be meant, or else what there is. `said` is how that begins.
pub fn no_metric(said: &str, metric: &str, known: &[&str]) -> Failure {
    let near = near(metric, known);
    let rest = if !near.is_empty() {
        format!("; did you mean {}?", near.join(" or "))
    } else if known.is_empty() {
        String::new()
    } else {
        let more = if known.len() > TOLD { ", …" } else { "" };
        format!("; metrics are {}{more}", known[..known.len().min(TOLD)].join(", "))
    };
    Failure::NoneEligible(format!("{said} {metric:?}{rest}"))
}

/// The same of the newest runs of an experiment; nothing where they have it.
fn missing_in(newest: &Catalog, experiment: &Experiment, metric: &str) -> Option<Failure> {
    let mut known: Vec<&str> = newest.metrics.keys(&newest.texts).map(|(key, _)| key).collect();
    if known.contains(&metric) {
        return None;
    }
    known.sort_unstable_by(|a, b| natural(a, b));
    let name = &experiment.name;
    let said = if newest.count < SAMPLE {
        format!("no run of {name:?} has a metric")
    } else {
        format!("none of the newest {SAMPLE} runs of {name:?} has a metric")
    };
    Some(no_metric(&said, metric, &known))
}

/// The same where nobody knows the direction of a metric and `undirected` says so. Where older runs may have it, both are
/// told.
pub fn missing_or(undirected: String, newest: &Catalog, experiment: &Experiment, metric: &str) -> Failure {
    match missing_in(newest, experiment, metric) {
        Some(missing) if newest.count < SAMPLE => missing,
        Some(missing) => Failure::Usage(format!("{undirected}; {missing}")),
        None => Failure::Usage(undirected),
    }
}

/// Why no run is eligible, where that is because a metric is not there.
pub async fn missing(
    store: &Store,
    experiment: &Experiment,
    catalog: &Catalog,
    metric: &str,
) -> Option<Failure> {
    if catalog.metrics.column(&catalog.texts, metric).is_some() {
        return None;
    }
    missing_in(&newest(store, experiment).await.ok()?, experiment, metric)
}

/// The names that may be meant, the nearest first: those that are nearly the same, or that hold the words.
fn near<'a>(wanted: &str, known: &[&'a str]) -> Vec<&'a str> {
    let lower = wanted.to_lowercase();
    let spelling = Spelling::new(&lower);
    let mut found: Vec<(usize, &str)> = known
        .iter()
        .filter_map(|name| {
            let other = name.to_lowercase();
            let holds = lower.len() > 2 && other.contains(&lower);
            let distance = spelling.distance(&other).or(holds.then(|| other.len().abs_diff(lower.len())));
            Some((distance?, *name))
        })
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().take(NEAR).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::LifecycleStage;

    #[test]
    fn the_nearest_names_are_told_or_else_what_there_is() {
        let said = |metric: &str, known: &[&str]| no_metric("no run has a metric", metric, known).to_string();
        let known = ["val_rmse", "rmse", "train_loss", "val/acc"];
        assert_eq!(said("val_rsme", &known), "no run has a metric \"val_rsme\"; did you mean val_rmse?");
        assert!(said("RMSE", &known).ends_with("did you mean rmse or val_rmse?"), "{}", said("RMSE", &known));
        assert!(said("f1", &known).ends_with("; metrics are val_rmse, rmse, train_loss, val/acc"));
        assert_eq!(said("f1", &[]), "no run has a metric \"f1\"");
    }

    #[test]
    fn older_runs_may_have_what_the_newest_have_not() {
        let experiment = Experiment {
            experiment_id: "1".into(),
            name: "wine".into(),
            artifact_location: String::new(),
            lifecycle_stage: LifecycleStage::Active,
            creation_time: None,
            last_update_time: None,
            tags: Vec::new(),
        };
        let said = |count: usize| {
            let newest = Catalog { count, ..Catalog::default() };
            missing_or("unknown".into(), &newest, &experiment, "f1").to_string()
        };
        assert_eq!(said(SAMPLE - 1), "no run of \"wine\" has a metric \"f1\"");
        assert_eq!(said(SAMPLE), "unknown; none of the newest 100 runs of \"wine\" has a metric \"f1\"");
    }
}
