//! The values of runs, their histories, and what changes while one looks.

use mltui::mlflow::{ExperimentId, Metric, MetricPoint, Param, RunId, RunStatus, Statistic, Tag, ViewType};
use mltui::store::{ErrorKind, HistoryCursor, RunUpdate, Scan, ScanValues, Store, by_step};

use crate::support::stores::{kind, new_run};

pub(super) fn metric(key: &str, value: f64, timestamp: i64, step: i64) -> Metric {
    Metric { key: key.into(), value, timestamp, step }
}

pub(super) async fn values(store: &Store, id: &RunId) {
    let metrics = [
        metric("rmse", 2.0, 10, 0),
        metric("rmse", 1.5, 30, 2),
        // Logged last, but of an earlier step: not the latest.
        metric("rmse", 9.0, 40, 1),
        metric("nan", f64::NAN, 10, 0),
        metric("inf", f64::INFINITY, 10, 0),
        metric("ninf", f64::NEG_INFINITY, 10, 0),
        metric("val/größe 1", -0.25, 10, -3),
        // At one step and time MLflow compares values, and NaN as the 0 that it keeps for it.
        metric("above", f64::NAN, 10, 0),
        metric("above", 1.0, 10, 0),
        metric("below", -1.0, 10, 0),
        metric("below", f64::NAN, 10, 0),
        metric("endless", 1.0, 10, 0),
        metric("endless", f64::INFINITY, 10, 1),
        metric("endless", 2.0, 10, 2),
    ];
    let params = [Param::new("lr", "0.01"), Param::new("hidden dim", "64"), Param::new("empty", "")];
    store
        .log_batch(id, &metrics, &params, &[Tag::new("note", "line 1\nline 2 \u{1b}[31m 'x'")])
        .await
        .unwrap();
    // Once more is the same as once.
    store.log_batch(id, &metrics, &params, &[]).await.unwrap();
    let again = store.log_batch(id, &[], &[Param::new("lr", "0.02")], &[]).await;
    assert!(matches!(kind(again), ErrorKind::Invalid(_)), "params cannot be changed");
    store.set_tag(id, &Tag::new("colour", "red")).await.unwrap();
    store.set_tag(id, &Tag::new("colour", "blue")).await.unwrap();
    store.set_tag(id, &Tag::new("gone", "x")).await.unwrap();
    store.delete_tag(id, "gone").await.unwrap();
    assert!(matches!(kind(store.delete_tag(id, "gone").await), ErrorKind::NotFound(_)));
    let run = store.get_run(id).await.unwrap();
    let value = |key: &str| run.metrics.iter().find(|metric| metric.key == key).unwrap();
    assert!((value("rmse").value - 1.5).abs() < f64::EPSILON);
    assert_eq!((value("rmse").step, value("rmse").timestamp), (2, 30));
    assert!(value("nan").value.is_nan());
    assert_eq!((value("inf").value, value("ninf").value), (f64::INFINITY, f64::NEG_INFINITY));
    assert_eq!(value("above").value.to_string(), "1");
    assert_eq!(value("below").value.to_string(), "NaN");
    one_latest_value(store, id).await;
    assert_eq!(value("val/größe 1").step, -3);
    let found: Vec<(&str, &str)> = run.params.iter().map(|p| (p.key.as_str(), p.value.as_str())).collect();
    assert_eq!(found, [("empty", ""), ("hidden dim", "64"), ("lr", "0.01")]);
    assert_eq!(run.tag("colour"), Some("blue"));
    assert_eq!(run.tag("note"), Some("line 1\nline 2 \u{1b}[31m 'x'"));
    assert_eq!(run.tag("team"), Some("a-team"));
    assert_eq!(run.tag("gone"), None);
    // More than MLflow takes at once.
    let many: Vec<Metric> = (0..2_500)
        .map(|step| metric("many", f64::from(step) / 2.0, 100 + i64::from(step), step.into()))
        .collect();
    let params: Vec<Param> = (0..150).map(|i| Param::new(format!("p{i}"), i.to_string())).collect();
    store.log_batch(id, &many, &params, &[]).await.unwrap();
    assert_eq!(store.get_run(id).await.unwrap().params.len(), 153);
}

/// A history says the same of the latest value as the run, whether all of it is asked for or a part.
async fn one_latest_value(store: &Store, id: &RunId) {
    let ids = std::slice::from_ref(id);
    for (key, latest) in [("above", "1"), ("below", "NaN"), ("inf", "inf"), ("ninf", "-inf")] {
        for statistic in [Statistic::Max, Statistic::At(0), Statistic::LastMean(1)] {
            let found = store.metric_summaries(ids, key, statistic.part()).await.unwrap();
            assert_eq!(found[0].1.last.0.to_string(), latest, "{key} {statistic:?}");
        }
    }
    for (statistic, expected) in [
        (Statistic::Mean, "inf"),
        (Statistic::LastMean(3), "inf"),
        (Statistic::Max, "inf"),
        (Statistic::Min, "1"),
    ] {
        let found = store.metric_summaries(ids, "endless", statistic.part()).await.unwrap();
        assert_eq!(found[0].1.pick(statistic).0.to_string(), expected, "{statistic:?}");
    }
    let sampled = store.sampled_history(ids, "endless", 20).await.unwrap();
    assert!(sampled[0].1.iter().any(|point| point.value.is_infinite()));
}

pub(super) async fn histories(store: &Store, first: &RunId, second: &RunId) {
    let rmse = store.metric_history(first, "rmse").await.unwrap();
    let found: Vec<(i64, f64)> = rmse.iter().map(|point| (point.step, point.value)).collect();
    assert_eq!(found, [(0, 2.0), (1, 9.0), (2, 1.5)]);
    let many = store.metric_history(first, "many").await.unwrap();
    assert_eq!(many.len(), 2_500);
    assert!(many.windows(2).all(|pair| pair[0].step < pair[1].step));
    store.log_batch(second, &[metric("many", 7.0, 5, 5)], &[], &[]).await.unwrap();
    let missing = RunId("0".repeat(32));
    let ids = [first.clone(), second.clone(), missing.clone()];
    let sampled = store.sampled_history(&ids, "many", 20).await.unwrap();
    assert_eq!(sampled.len(), 2, "a run without the metric is left out");
    let of = |id: &RunId| &sampled.iter().find(|(known, _)| known == id).unwrap().1;
    let points = of(first);
    assert!((2..=22).contains(&points.len()), "{} points", points.len());
    assert_eq!((points[0].step, points[points.len() - 1].step), (0, 2_499), "both ends are kept");
    assert_eq!(of(second).len(), 1);
    assert!(store.metric_history(first, "unknown").await.unwrap().is_empty());
    only_what_is_new(store, second).await;
    assert!(store.sampled_history(&[], "many", 20).await.unwrap().is_empty());
}

/// A history is read once, and then only what is new of it, wherever that belongs.
async fn only_what_is_new(store: &Store, id: &RunId) {
    let log = async |points: &[(f64, i64, i64)]| {
        let points: Vec<Metric> = points
            .iter()
            .map(|(value, timestamp, step)| metric("grows", *value, *timestamp, *step))
            .collect();
        store.log_batch(id, &points, &[], &[]).await.unwrap();
    };
    let mut known: Vec<MetricPoint> = Vec::new();
    let mut cursor = HistoryCursor::START;
    let rounds: [&[(f64, i64, i64)]; 6] = [
        &[],
        &[(1.0, 100, 0)],
        &[(2.0, 200, 1), (f64::NAN, 300, 2)],
        // A step again, and one from before.
        &[(5.0, 400, 2), (0.5, 500, -1)],
        // A clock that went back.
        &[(7.0, 150, 3)],
        &[(8.0, 600, 4), (8.0, 601, 5), (8.0, 602, 5)],
    ];
    for round in rounds {
        if !round.is_empty() {
            log(round).await;
        }
        let part = store.history_since(id, "grows", &cursor).await.unwrap();
        if part.replaces {
            known.clear();
        }
        known.extend(part.points);
        known.sort_by(by_step);
        cursor = part.cursor;
        let all = store.metric_history(id, "grows").await.unwrap();
        let bits = |points: &[MetricPoint]| {
            points.iter().map(|p| (p.step, p.timestamp, p.value.to_bits())).collect::<Vec<_>>()
        };
        assert_eq!(bits(&known), bits(&all));
        let again = store.history_since(id, "grows", &cursor).await.unwrap();
        assert!(again.replaces || again.points.is_empty(), "nothing is new");
    }
}

/// A scan and the changes after it, of an experiment that others write to.
pub(crate) async fn scan_and_changes(store: &Store, experiment: &ExperimentId) {
    use mltui::catalog::sync::Sync;
    let scan = Scan {
        experiment_id: experiment.clone(),
        view: ViewType::ActiveOnly,
        first: 1,
        values: ScanValues::All,
    };
    let mut sync = Sync::new(store.clone(), scan);
    let mut snapshots = Vec::new();
    sync.load(|snapshot| snapshots.push(snapshot)).await.unwrap();
    let last = snapshots.pop().unwrap();
    assert!(last.complete && !snapshots[0].complete);
    assert_eq!(last.catalog.count, 2);
    let catalog = &last.catalog;
    let row = catalog.rows().find(|row| catalog.run_name(*row) == "first").unwrap();
    assert_eq!(catalog.metrics.column(&catalog.texts, "rmse").unwrap().get(row), Some(1.5));
    let first = RunId(catalog.run_id(row).to_owned());
    // A new run, a value of a run that is watched, a run that ends, one that goes.
    let now = mltui::store::now_ms();
    let added = store.create_run(&new_run(experiment, "added", now)).await.unwrap().info.run_id;
    store.log_batch(&added, &[metric("rmse", 0.5, now, 0)], &[], &[]).await.unwrap();
    store.log_batch(&first, &[metric("rmse", 0.25, 99, 99)], &[], &[]).await.unwrap();
    let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(now), ..RunUpdate::default() };
    store.update_run(&first, &end).await.unwrap();
    let gone = catalog.rows().find(|row| *row != last.catalog.find(first.as_str()).unwrap()).unwrap();
    let gone = RunId(catalog.run_id(gone).to_owned());
    store.delete_run(&gone).await.unwrap();
    let mut changed = None;
    sync.poll(&[first.clone(), gone.clone()], |snapshot| changed = Some(snapshot)).await.unwrap();
    let catalog = changed.expect("changes are seen").catalog;
    assert_eq!(catalog.count, 2);
    assert!(catalog.find(gone.as_str()).is_none());
    let value = |id: &RunId| {
        let row = catalog.find(id.as_str()).unwrap();
        (catalog.run(row).status, catalog.metrics.column(&catalog.texts, "rmse").unwrap().get(row))
    };
    assert_eq!(value(&added), (RunStatus::Running, Some(0.5)));
    assert_eq!(value(&first), (RunStatus::Finished, Some(0.25)));
    store.restore_run(&gone).await.unwrap();
}
