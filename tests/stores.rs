//! One suite for every store: what is written is read back here and through MLflow's own client.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::path::{Path, PathBuf};

use mltui::mlflow::filter::{OrderBy, parse};
use mltui::mlflow::{
    Dataset, DatasetInput, ExperimentId, LifecycleStage, Metric, MetricPoint, Param, Run, RunId, RunStatus,
    Statistic, Tag, ViewType,
};
use mltui::store::memory::Memory;
use mltui::store::uri::RestOptions;
use mltui::store::{
    Cursor, ErrorKind, HistoryCursor, NewRun, RunSearch, RunUpdate, Scan, ScanValues, Store, by_step, uri,
};
use serde_json::{Value, json};
use support::{Mlflow, Server, V2, V3};

/// Bytes of a file that is read.
const MOST: usize = 1 << 20;

fn open(address: &str) -> Store {
    let location = uri::parse(address, Path::new("/")).unwrap();
    let options = RestOptions { max_retries: 1, backoff_factor: 0.1, ..RestOptions::default() };
    uri::open(&location, &options, false).unwrap()
}

fn dump(mlflow: Mlflow, address: &str) -> Value {
    serde_json::from_str(&mlflow.run(include_str!("support/dump.py"), &[address])).unwrap()
}

fn metric(key: &str, value: f64, timestamp: i64, step: i64) -> Metric {
    Metric { key: key.into(), value, timestamp, step }
}

fn kind<T: std::fmt::Debug>(result: mltui::store::Result<T>) -> ErrorKind {
    result.expect_err("this must be refused").kind
}

fn new_run(experiment: &ExperimentId, name: &str, start: i64) -> NewRun {
    NewRun {
        experiment_id: experiment.clone(),
        run_name: Some(name.into()),
        user_id: "ana".into(),
        start_time: start,
        tags: vec![Tag::new("team", "a-team")],
    }
}

async fn names(store: &Store, search: &RunSearch) -> Vec<String> {
    store.search_runs(search).await.unwrap().runs.into_iter().map(|run| run.info.run_name).collect()
}

/// The whole of the trait. Returns what MLflow's client must find afterwards.
async fn conformance(store: &Store, prefix: &str) -> ExperimentId {
    experiments(store, prefix).await;
    let experiment =
        store.create_experiment(&format!("{prefix}main"), &[Tag::new("purpose", "test")]).await.unwrap();
    let first = store.create_run(&new_run(&experiment, "first", 1_000)).await.unwrap();
    assert_eq!(first.info.run_name, "first");
    assert_eq!(first.info.status, RunStatus::Running);
    assert_eq!(first.info.start_time, Some(1_000));
    let second = store.create_run(&new_run(&experiment, "second", 2_000)).await.unwrap();
    let unnamed =
        store.create_run(&NewRun { run_name: None, ..new_run(&experiment, "", 3_000) }).await.unwrap();
    assert!(!unnamed.info.run_name.is_empty(), "a run without a name is given one");
    assert_eq!(unnamed.tag("mlflow.runName"), Some(unnamed.info.run_name.as_str()));
    values(store, &first.info.run_id).await;
    histories(store, &first.info.run_id, &second.info.run_id).await;
    life(store, &second.info.run_id, &unnamed.info.run_id).await;
    data_sets(store, &first.info.run_id).await;
    artifacts(store, &first.info.run_id).await;
    searches(store, &experiment).await;
    registry(store, prefix, &first).await;
    errors(store, &first.info.run_id).await;
    experiment
}

async fn experiments(store: &Store, prefix: &str) {
    let name = format!("{prefix}one");
    let id = store.create_experiment(&name, &[]).await.unwrap();
    assert!(matches!(kind(store.create_experiment(&name, &[]).await), ErrorKind::AlreadyExists(_)));
    assert!(matches!(kind(store.create_experiment("", &[]).await), ErrorKind::Limit(_)));
    store.set_experiment_tag(&id, &Tag::new("k", "v1")).await.unwrap();
    store.set_experiment_tag(&id, &Tag::new("k", "v2")).await.unwrap();
    store.rename_experiment(&id, &format!("{prefix}renamed")).await.unwrap();
    let run = store.create_run(&new_run(&id, "in-deleted", 1)).await.unwrap().info.run_id;
    store.delete_experiment(&id).await.unwrap();
    assert!(store.create_run(&new_run(&id, "too-late", 1)).await.is_err(), "no run in a deleted experiment");
    assert_eq!(store.get_run(&run).await.unwrap().info.lifecycle_stage, LifecycleStage::Deleted);
    let find = |list: Vec<mltui::mlflow::Experiment>| list.into_iter().find(|e| e.experiment_id == id);
    assert!(find(store.search_experiments(ViewType::ActiveOnly).await.unwrap()).is_none());
    let deleted = find(store.search_experiments(ViewType::DeletedOnly).await.unwrap()).unwrap();
    assert_eq!(deleted.name, format!("{prefix}renamed"));
    assert_eq!(deleted.tags, [Tag::new("k", "v2")]);
    store.restore_experiment(&id).await.unwrap();
    store.set_experiment_tag(&id, &Tag::new("passing", "1")).await.unwrap();
    assert_eq!(store.get_experiment(&id).await.unwrap().tags.len(), 2);
    match store.delete_experiment_tag(&id, "passing").await {
        Ok(()) => {
            let again = kind(store.delete_experiment_tag(&id, "passing").await);
            assert!(matches!(again, ErrorKind::NotFound(_)), "{again:?}");
            assert_eq!(store.get_experiment(&id).await.unwrap().tags, [Tag::new("k", "v2")]);
        }
        // MLflow 2 servers cannot.
        Err(error) => assert!(matches!(error.kind, ErrorKind::Unsupported(_)), "{error}"),
    }
    assert!(matches!(
        kind(store.get_experiment(&ExperimentId("987654".into())).await),
        ErrorKind::NotFound(_)
    ));
    assert_eq!(store.get_run(&run).await.unwrap().info.lifecycle_stage, LifecycleStage::Active);
    assert!(matches!(
        kind(store.rename_experiment(&ExperimentId("987654".into()), "x").await),
        ErrorKind::NotFound(_)
    ));
}

async fn values(store: &Store, id: &RunId) {
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

async fn histories(store: &Store, first: &RunId, second: &RunId) {
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

async fn life(store: &Store, second: &RunId, unnamed: &RunId) {
    let update = RunUpdate {
        status: Some(RunStatus::Failed),
        end_time: Some(5_000),
        run_name: Some("renamed".into()),
    };
    store.update_run(second, &update).await.unwrap();
    let run = store.get_run(second).await.unwrap();
    assert_eq!((run.info.status, run.info.end_time), (RunStatus::Failed, Some(5_000)));
    assert_eq!((run.info.run_name.as_str(), run.tag("mlflow.runName")), ("renamed", Some("renamed")));
    store.set_tag(second, &Tag::new("mlflow.runName", "by-tag")).await.unwrap();
    assert_eq!(store.get_run(second).await.unwrap().info.run_name, "by-tag");
    store.delete_run(unnamed).await.unwrap();
    store.delete_run(unnamed).await.unwrap();
    assert_eq!(store.get_run(unnamed).await.unwrap().info.lifecycle_stage, LifecycleStage::Deleted);
    assert!(store.set_tag(unnamed, &Tag::new("a", "b")).await.is_err(), "nothing is logged to a deleted run");
    store.restore_run(unnamed).await.unwrap();
    let done = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(6_000), ..RunUpdate::default() };
    store.update_run(unnamed, &done).await.unwrap();
    store.delete_run(unnamed).await.unwrap();
}

async fn data_sets(store: &Store, id: &RunId) {
    let input = DatasetInput {
        dataset: Dataset {
            name: "wine".into(),
            digest: "abc123".into(),
            source_type: "local".into(),
            source: "{\"uri\": \"wine.csv\"}".into(),
            schema: Some("{}".into()),
            profile: None,
        },
        tags: vec![Tag::new("mlflow.data.context", "training")],
    };
    store.log_inputs(id, std::slice::from_ref(&input)).await.unwrap();
    store.log_inputs(id, std::slice::from_ref(&input)).await.unwrap();
    let run = store.get_run(id).await.unwrap();
    assert_eq!(run.inputs.len(), 1, "the same data set twice is one input");
    assert_eq!(run.inputs[0].dataset.name, "wine");
    assert_eq!(run.inputs[0].tags, input.tags);
}

async fn artifacts(store: &Store, id: &RunId) {
    assert!(store.list_artifacts(id, "").await.unwrap().files.is_empty());
    let content: Vec<u8> = (0..=255).collect();
    store.write_artifact(id, "model/data 1.bin", &content).await.unwrap();
    store.write_artifact(id, "notes.txt", b"hello").await.unwrap();
    let root = store.list_artifacts(id, "").await.unwrap().files;
    let found: Vec<(&str, bool, Option<u64>)> =
        root.iter().map(|file| (file.path.as_str(), file.is_dir, file.file_size)).collect();
    assert_eq!(found, [("model", true, None), ("notes.txt", false, Some(5))]);
    let inside = store.list_artifacts(id, "model").await.unwrap().files;
    assert_eq!(inside[0].path, "model/data 1.bin");
    assert_eq!(store.read_artifact(id, "model/data 1.bin", MOST).await.unwrap(), content);
    assert!(matches!(kind(store.read_artifact(id, "absent.txt", MOST).await), ErrorKind::NotFound(_)));
    assert!(matches!(kind(store.read_artifact(id, "../../store.db", MOST).await), ErrorKind::Invalid(_)));
    assert!(matches!(kind(store.write_artifact(id, "/etc/x", b"").await), ErrorKind::Invalid(_)));
}

async fn searches(store: &Store, experiment: &ExperimentId) {
    let search =
        RunSearch { experiment_ids: vec![experiment.clone()], max_results: 100, ..RunSearch::default() };
    assert_eq!(names(store, &search).await, ["by-tag", "first"], "newest first, deleted ones left out");
    let all = RunSearch { view: ViewType::All, ..search.clone() };
    assert_eq!(names(store, &all).await.len(), 3);
    for (filter, expected) in [
        ("metrics.rmse < 2", vec!["first"]),
        ("metrics.nan != 1", vec!["first"]),
        ("metrics.inf > 1e308", vec!["first"]),
        // MLflow 2's own server compares the 0 that it keeps in the place of NaN; it is checked again here.
        ("metrics.nan < 1", vec![]),
        ("metrics.`val/größe 1` = -0.25", vec!["first"]),
        ("params.`hidden dim` = '64' AND status = 'RUNNING'", vec!["first"]),
        ("tags.colour ILIKE 'BL%'", vec!["first"]),
        ("tags.colour LIKE 'BL%'", vec![]),
        ("run_name LIKE 'by%'", vec!["by-tag"]),
        ("dataset.name = 'wine'", vec!["first"]),
    ] {
        let search = RunSearch { filter: parse(filter).unwrap(), ..search.clone() };
        assert_eq!(names(store, &search).await, expected, "{filter}");
    }
    let order_by = OrderBy::parse_all(["metrics.many DESC"]).unwrap();
    assert_eq!(names(store, &RunSearch { order_by, ..search.clone() }).await, ["first", "by-tag"]);
    let mut page = RunSearch { max_results: 1, ..search.clone() };
    let mut found = Vec::new();
    loop {
        let result = store.search_runs(&page).await.unwrap();
        found.extend(result.runs.into_iter().map(|run| run.info.run_name));
        page.page_token = result.next_page_token;
        if page.page_token.is_none() {
            break;
        }
    }
    assert_eq!(found, ["by-tag", "first"]);
    assert!(matches!(
        kind(store.search_runs(&RunSearch { max_results: 0, ..search.clone() }).await),
        ErrorKind::Invalid(_)
    ));
    let nowhere = RunSearch { experiment_ids: vec![ExperimentId("987654".into())], ..search };
    assert!(names(store, &nowhere).await.is_empty());
}

async fn registry(store: &Store, prefix: &str, run: &Run) {
    let name = format!("{prefix}model");
    store.create_registered_model(&name).await.unwrap();
    assert!(matches!(kind(store.create_registered_model(&name).await), ErrorKind::AlreadyExists(_)));
    let source = format!("{}/model", run.info.artifact_uri);
    let first = store.create_model_version(&name, &source, Some(&run.info.run_id), &[]).await.unwrap();
    let tag = Tag::new("why", "it's the best");
    let second =
        store.create_model_version(&name, &source, Some(&run.info.run_id), std::slice::from_ref(&tag)).await;
    let second = second.unwrap();
    assert_eq!(second.tags, [tag]);
    assert_eq!((first.version, second.version), (1, 2));
    store.set_model_alias(&name, "champion", 1).await.unwrap();
    store.set_model_alias(&name, "champion", 2).await.unwrap();
    let champion = store.model_version_by_alias(&name, "champion").await.unwrap();
    assert_eq!((champion.version, champion.run_id), (2, Some(run.info.run_id.clone())));
    assert_eq!(store.get_registered_model(&name).await.unwrap().aliases, [("champion".to_owned(), 2)]);
    store.set_model_alias(&name, "old", 1).await.unwrap();
    store.delete_model_alias(&name, "old").await.unwrap();
    assert!(matches!(kind(store.model_version_by_alias(&name, "old").await), ErrorKind::NotFound(_)));
    assert!(store.set_model_alias(&name, "latest", 1).await.is_err(), "a name that MLflow keeps for itself");
    assert!(matches!(kind(store.get_registered_model("absent").await), ErrorKind::NotFound(_)));
    assert!(store.model_versions("absent").await.unwrap().is_empty());
    let passing = format!("{prefix}it's passing");
    store.create_registered_model(&passing).await.unwrap();
    for expected in [1, 2] {
        let version =
            store.create_model_version(&passing, &source, Some(&run.info.run_id), &[]).await.unwrap();
        assert_eq!(version.version, expected);
    }
    store.set_model_alias(&passing, "it", 2).await.unwrap();
    store.delete_model_version(&passing, 2).await.unwrap();
    let left: Vec<u64> =
        store.model_versions(&passing).await.unwrap().iter().map(|version| version.version).collect();
    assert_eq!(left, [1], "a deleted version is gone");
    assert!(matches!(kind(store.model_version_by_alias(&passing, "it").await), ErrorKind::NotFound(_)));
    let third = store.create_model_version(&passing, &source, Some(&run.info.run_id), &[]).await.unwrap();
    assert_eq!(third.version, 3);
    store.delete_registered_model(&passing).await.unwrap();
    assert!(matches!(kind(store.get_registered_model(&passing).await), ErrorKind::NotFound(_)));
}

async fn errors(store: &Store, id: &RunId) {
    let missing = RunId("f".repeat(32));
    assert!(matches!(kind(store.get_run(&missing).await), ErrorKind::NotFound(_)));
    assert!(matches!(kind(store.delete_run(&missing).await), ErrorKind::NotFound(_)));
    // What MLflow would cut without a word is refused here, and nothing of the batch is written.
    let long = Param::new("long", "x".repeat(6_001));
    assert!(matches!(
        kind(store.log_batch(id, &[metric("late", 1.0, 1, 1)], &[long], &[]).await),
        ErrorKind::Limit(_)
    ));
    assert!(store.metric_history(id, "late").await.unwrap().is_empty());
    assert!(matches!(kind(store.set_tag(id, &Tag::new("t", "x".repeat(8_001))).await), ErrorKind::Limit(_)));
    assert!(matches!(
        kind(store.log_batch(id, &[metric("a//b", 1.0, 1, 1)], &[], &[]).await),
        ErrorKind::Limit(_)
    ));
}

/// What MLflow's own client has to find after [`conformance`].
fn check_dump(dump: &Value, prefix: &str) {
    let experiment = |name: &str| &dump["experiments"][format!("{prefix}{name}")];
    assert_eq!(experiment("renamed")["stage"], "active");
    assert_eq!(experiment("renamed")["tags"]["k"], "v2");
    assert_eq!(experiment("main")["tags"]["purpose"], "test");
    let runs = experiment("main")["runs"].as_object().unwrap();
    let run = |name: &str| runs.values().find(|run| run["name"] == name).unwrap();
    let first = run("first");
    assert_eq!(first["status"], "RUNNING");
    assert_eq!(
        (&first["start"], &first["end"], &first["user"]),
        (&json!(1_000), &json!(null), &json!("ana"))
    );
    assert_eq!(first["metrics"]["rmse"], 1.5);
    assert_eq!((&first["metrics"]["nan"], &first["metrics"]["inf"]), (&json!("NaN"), &json!("Infinity")));
    assert_eq!(first["metrics"]["ninf"], "-Infinity");
    assert_eq!((&first["metrics"]["above"], &first["metrics"]["below"]), (&json!(1.0), &json!("NaN")));
    assert_eq!(first["histories"]["rmse"], json!([[0, 10, 2.0], [1, 40, 9.0], [2, 30, 1.5]]));
    assert_eq!(first["histories"]["val/größe 1"], json!([[-3, 10, -0.25]]));
    assert_eq!(first["histories"]["many"].as_array().unwrap().len(), 2_500);
    assert_eq!(first["params"]["hidden dim"], "64");
    assert_eq!(first["params"]["empty"], "");
    assert_eq!(first["params"].as_object().unwrap().len(), 153);
    assert_eq!(first["tags"]["colour"], "blue");
    assert_eq!(first["tags"]["mlflow.runName"], "first");
    assert_eq!(first["tags"]["note"], "line 1\nline 2 \u{1b}[31m 'x'");
    assert_eq!(first["inputs"], json!([["wine", "abc123", "local", { "mlflow.data.context": "training" }]]));
    assert_eq!(first["artifacts"], json!([["model", true, null], ["notes.txt", false, 5]]));
    let second = run("by-tag");
    assert_eq!(
        (&second["status"], &second["end"], &second["stage"]),
        (&json!("FAILED"), &json!(5_000), &json!("active"))
    );
    let third = runs.values().find(|run| run["stage"] == "deleted").unwrap();
    assert_eq!((&third["status"], &third["start"]), (&json!("FINISHED"), &json!(3_000)));
    let model = &dump["models"][format!("{prefix}model")];
    assert_eq!(model["aliases"], json!({ "champion": "2" }));
    assert_eq!(model["versions"]["1"][2], "READY");
}

/// A scan and the changes after it, of an experiment that others write to.
async fn scan_and_changes(store: &Store, experiment: &ExperimentId) {
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

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn server_conforms(mlflow: Mlflow) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(mlflow, folder.path());
    let store = open(&server.uri());
    block_on(async {
        let info = store.info().await.unwrap();
        assert_eq!(info.kind, format!("MLflow server {}", mlflow.version));
        let experiment = conformance(&store, "t-").await;
        check_dump(&dump(mlflow, &server.uri()), "t-");
        scan_and_changes(&store, &experiment).await;
    });
}

#[test]
fn a_store_in_memory_conforms() {
    let store: Store = Store::new(Memory::default());
    block_on(async {
        let experiment = conformance(&store, "t-").await;
        scan_and_changes(&store, &experiment).await;
    });
}

#[test]
fn a_server_of_mlflow_3_conforms() {
    server_conforms(V3);
}

#[test]
fn a_server_of_mlflow_2_conforms() {
    server_conforms(V2);
}

#[test]
fn a_local_store_of_our_own_conforms_and_mlflow_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let address = format!("sqlite:///{}", path.display());
    let store = open(&address);
    block_on(async {
        // Reading creates nothing.
        let experiments = store.search_experiments(ViewType::ActiveOnly).await.unwrap();
        assert_eq!(experiments[0].name, "Default");
        assert!(!path.exists());
        let experiment = conformance(&store, "t-").await;
        scan_and_changes(&store, &experiment).await;
    });
    // MLflow opens the store, upgrades it, and finds everything; then both go on with it.
    assert_eq!(dump(V2, &address)["experiments"]["t-main"]["stage"], "active");
    let found = dump(V3, &address);
    assert_eq!(found["experiments"]["Default"]["id"], "0");
    let first = found["experiments"]["t-main"]["runs"]
        .as_object()
        .unwrap()
        .values()
        .find(|run| run["name"] == "first");
    assert_eq!(first.unwrap()["metrics"]["rmse"], 0.25);
    let store = open(&address);
    block_on(async {
        let experiment = conformance(&store, "u-").await;
        check_dump(&dump(V3, &address), "u-");
        scan_and_changes(&store, &experiment).await;
    });
}

#[test]
fn a_store_that_older_mlflow_wrote_is_read_and_written_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("old.db").display());
    let program = "import mlflow, sys\nmlflow.set_tracking_uri(sys.argv[1])\nmlflow.search_experiments()\n\
                   mlflow.MlflowClient().search_registered_models()";
    V2.run(program, &[&address]);
    let revision = |address: &str| block_on(open(address).info()).unwrap().revision;
    let before = revision(&address);
    let store = open(&address);
    block_on(conformance(&store, "t-"));
    check_dump(&dump(V2, &address), "t-");
    assert_eq!(revision(&address), before, "the schema is never altered");
}

/// Makes a store as an older MLflow would: by its migrations up to a revision.
const MAKE_AT_REVISION: &str = r#"
import sys, sqlalchemy
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
engine = sqlalchemy.create_engine(sys.argv[1])
Base.metadata.create_all(engine)
config = _get_alembic_config(sys.argv[1])
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, sys.argv[2])
"#;

#[test]
fn every_schema_since_mlflow_2_0_is_read_and_written_and_upgraded_after() {
    let folder = tempfile::tempdir().unwrap();
    // MLflow 2.0, 2.9, 3.0, 3.5, 3.10.
    for revision in ["97727af70f4d", "acf3f17fdcc7", "bda7b8c39065", "bf29a5ff90ea", "1b5f0d9ad7c1"] {
        let address = format!("sqlite:///{}", folder.path().join(format!("{revision}.db")).display());
        V3.run(MAKE_AT_REVISION, &[&address, revision]);
        let store = open(&address);
        let id = block_on(async {
            assert_eq!(store.info().await.unwrap().revision.as_deref(), Some(revision));
            experiments(&store, "t-").await;
            let experiment = store.create_experiment("main", &[]).await.unwrap();
            let first = store.create_run(&new_run(&experiment, "first", 1_000)).await.unwrap().info.run_id;
            let second = store.create_run(&new_run(&experiment, "second", 2_000)).await.unwrap().info.run_id;
            let third = store.create_run(&new_run(&experiment, "third", 3_000)).await.unwrap().info.run_id;
            values(&store, &first).await;
            histories(&store, &first, &second).await;
            life(&store, &second, &third).await;
            scan_and_changes(&store, &experiment).await;
            assert_eq!(store.info().await.unwrap().revision.as_deref(), Some(revision), "never altered");
            first
        });
        drop(store);
        let found = dump(V3, &address);
        let run = &found["experiments"]["main"]["runs"][id.as_str()];
        assert_eq!(run["metrics"]["rmse"], 0.25, "{revision}: {run}");
        assert_eq!(run["tags"]["colour"], "blue");
    }
}

/// Logs a model as MLflow 3 does, with its run, and prints both ids.
const LOG_MODEL: &str = r#"
import sys, mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, LoggedModelParameter, LoggedModelStatus
mlflow.set_tracking_uri(sys.argv[1])
client = MlflowClient()
run = client.create_run("0").info.run_id
model = client.create_logged_model("0", name="net", source_run_id=run, tags={"k": "v"},
                                   params={"depth": "3"})
client.log_outputs(run, [LoggedModelOutput(model.model_id, step=0)])
client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
print(run, model.model_id)
"#;

#[test]
fn the_models_of_mlflow_3_are_found_on_both_stores() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let printed = V3.run(LOG_MODEL, &[&server.uri()]);
    let (run, model) = printed.trim().split_once(' ').unwrap();
    let (run, model) = (RunId::from(run), mltui::mlflow::ModelId::from(model));
    let local = format!("sqlite:///{}", folder.path().join("store.db").display());
    for address in [server.uri(), local] {
        let store = open(&address);
        let output = mltui::mlflow::ModelOutput { model_id: model.clone(), step: 0 };
        assert_eq!(block_on(store.get_run(&run)).unwrap().model_outputs, [output]);
        let found = block_on(store.get_logged_model(&model)).unwrap();
        assert_eq!((found.name.as_str(), found.status.as_str()), ("net", "READY"), "{address}");
        assert_eq!(found.source_run_id, Some(run.clone()));
        assert_eq!(found.params, [Param::new("depth", "3")]);
        assert!(found.tags.contains(&Tag::new("k", "v")));
        let name = format!("registered-{}", address.len());
        block_on(async {
            store.create_registered_model(&name).await.unwrap();
            let version =
                store.create_model_version(&name, &format!("models:/{model}"), None, &[]).await.unwrap();
            assert_eq!((version.version, version.run_id), (1, Some(run.clone())));
            let listed = store.get_logged_model(&model).await.unwrap();
            let listed = listed.tags.iter().find(|tag| tag.key == "mlflow.modelVersions");
            assert!(listed.is_some_and(|tag| tag.value.contains(&name)), "{listed:?}");
            assert!(matches!(kind(store.get_logged_model(&"m-absent".into()).await), ErrorKind::NotFound(_)));
        });
    }
    let found = dump(V3, &server.uri());
    assert_eq!(found["models"].as_object().unwrap().len(), 2);
}

#[test]
fn a_store_that_is_deleted_and_comes_back_is_noticed() {
    use mltui::catalog::sync::Sync;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let scan = Scan {
        experiment_id: ExperimentId("0".into()),
        view: ViewType::ActiveOnly,
        first: 1,
        values: ScanValues::All,
    };
    block_on(async {
        let scan_of = scan.experiment_id.clone();
        store.create_run(&new_run(&scan_of, "before", 1)).await.unwrap();
        let mut sync = Sync::new(store.clone(), scan);
        sync.load(|_| {}).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        for _ in 0..2 {
            let failure = sync.poll(&[], |_| panic!("what is known stays")).await.unwrap_err();
            assert!(failure.to_string().contains("no longer exists"), "{failure}");
        }
        // Only who never saw it makes another.
        let refused = kind(store.create_run(&new_run(&scan_of, "never", 1)).await);
        assert!(matches!(refused, ErrorKind::Gone(_)), "{refused}");
        let refused = kind(store.search_experiments(ViewType::All).await);
        assert!(matches!(refused, ErrorKind::Gone(_)), "{refused}");
        assert!(!path.exists() && !store.is_begun());
        let other = open(&format!("sqlite:///{}", path.display()));
        other.create_run(&new_run(&scan_of, "after", 1)).await.unwrap();
        let mut last = None;
        sync.poll(&[], |snapshot| last = Some(snapshot)).await.unwrap();
        let catalog = last.unwrap().catalog;
        assert_eq!(catalog.rows().map(|row| catalog.run_name(row)).collect::<Vec<_>>(), ["after"]);
    });
}

fn request(experiment: &ExperimentId, run: RunId) -> mltui::marking::MarkRequest {
    mltui::marking::MarkRequest {
        experiment: experiment.clone(),
        run,
        metric: "rmse".into(),
        value: Some(1.0),
        direction: "min".into(),
        value_of: "latest".into(),
        why: "it is".into(),
        by: "ana".into(),
        now: 1,
        random: 1,
        model_by: None,
        registration: None,
    }
}

/// Undoing puts back what a mark moved, also where one of the aliases could not be.
#[test]
fn an_alias_that_could_not_be_set_keeps_no_other_from_being_moved() {
    use mltui::marking::{self, Journal, Registration, Undoing};
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}/mlflow.db", folder.path().display());
    let journal = Journal::new(&folder.path().join("state"), &address);
    block_on(async {
        let store = open(&address);
        let experiment = store.create_experiment("wine", &[Tag::new("k", "v")]).await.unwrap();
        let champion = async || store.model_version_by_alias("wine", "champion").await.unwrap().version;
        let mut said = Vec::new();
        for name in ["first", "second"] {
            let run = store.create_run(&new_run(&experiment, name, 1)).await.unwrap().info.run_id;
            store.write_artifact(&run, "model/MLmodel", b"flavors: {}").await.unwrap();
            let mut request = request(&experiment, run);
            request.registration = Some(Registration {
                name: "wine".into(),
                alias: "champion".into(),
                previous_alias: "v0".into(),
            });
            let plan = marking::plan(&store, &request).await.unwrap();
            said = marking::mark(&store, &journal, &plan).await.unwrap().messages;
        }
        assert!(said.iter().any(|line| line.contains("the alias v0 is not set")), "{said:?}");
        assert_eq!(champion().await, 2, "the one alias does not wait for the other");
        let undoing = Undoing { by: "ana".into(), now: 2, of_others: false };
        marking::undo(&store, &journal, &experiment, &undoing, 2).await.unwrap().unwrap();
        assert_eq!(champion().await, 1);
        assert!(journal.broken_off().unwrap().is_empty());
    });
}

#[test]
fn a_mark_that_broke_off_is_not_given_up_while_its_store_is_away() {
    use mltui::marking::{self, Journal, Step};
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("mlflow.db"), folder.path().join("away.db"));
    let address = format!("sqlite:///{}", path.display());
    let journal = Journal::new(&folder.path().join("state"), &address);
    block_on(async {
        let store = open(&address);
        let experiment = store.create_experiment("wine", &[Tag::new("k", "v")]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "first", 1)).await.unwrap().info.run_id;
        let plan = marking::plan(&store, &request(&experiment, run)).await.unwrap();
        journal.note(&experiment, &Step::Mark(Box::new(plan.record))).unwrap();
        std::fs::rename(&path, &away).unwrap();
        // The store that saw it, and one that is opened now.
        for store in [store.clone(), open(&address)] {
            marking::resume(&store, &journal).await.unwrap_err();
            assert!(!path.exists());
            assert_eq!(journal.broken_off().unwrap().len(), 1);
        }
        std::fs::rename(&away, &path).unwrap();
        let resumed = marking::resume(&store, &journal).await.unwrap();
        assert_eq!((resumed.outcomes.len(), resumed.failed.len()), (1, 0));
        assert!(journal.broken_off().unwrap().is_empty());
        let log = marking::events(&store.get_experiment(&experiment).await.unwrap().tags);
        assert_eq!(marking::holder(&log).unwrap().run_name, "first");
    });
}

#[test]
fn a_store_that_was_never_made_whole_is_not_said_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (half, path) = (folder.path().join("half.db"), folder.path().join("mlflow.db"));
    let journal = |path: &Path| PathBuf::from(format!("{}-journal", path.display()));
    let db = rusqlite::Connection::open(&half).unwrap();
    db.execute_batch("PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (x)").unwrap();
    for _ in 0..100 {
        db.execute("INSERT INTO t VALUES (randomblob(4000))", []).unwrap();
    }
    for reads_first in [true, false] {
        // What a killed writer leaves behind.
        std::fs::copy(&half, &path).unwrap();
        std::fs::copy(journal(&half), journal(&path)).unwrap();
        assert!(path.metadata().unwrap().len() > 0);
        let address = format!("sqlite:///{}", path.display());
        let store = open(&address);
        if reads_first {
            assert_eq!(block_on(store.search_experiments(ViewType::All)).unwrap().len(), 1);
        }
        block_on(store.create_experiment("wine", &[])).unwrap();
        assert_eq!(block_on(open(&address).search_experiments(ViewType::All)).unwrap().len(), 2);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_step_that_cannot_be_finished_keeps_no_other_from_it() {
    use mltui::marking::{self, Journal, MarkRequest, Registration, Step};
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let journal = Journal::new(&folder.path().join("state"), &address);
    block_on(async {
        let store = open(&address);
        for (name, alias, now) in [("beer", "", 1), ("wine", "champion", 2)] {
            let experiment = store.create_experiment(name, &[]).await.unwrap();
            let run = store.create_run(&new_run(&experiment, name, 1)).await.unwrap().info.run_id;
            store.write_artifact(&run, "model/MLmodel", b"flavors: {}").await.unwrap();
            let mut request = MarkRequest { now, ..request(&experiment, run) };
            let (alias, previous_alias) = (alias.to_owned(), "previous".to_owned());
            request.registration = Some(Registration { name: name.into(), alias, previous_alias });
            let plan = marking::plan(&store, &request).await.unwrap();
            journal.note(&experiment, &Step::Mark(Box::new(plan.record))).unwrap();
        }
        let location = uri::parse(&address, Path::new("/")).unwrap();
        let read_only = uri::open(&location, &RestOptions::default(), true).unwrap();
        let resumed = marking::resume(&read_only, &journal).await.unwrap();
        assert_eq!((resumed.outcomes.len(), resumed.failed.len()), (0, 2));
        // An alias that no store takes is told, and the mark is there without it.
        let resumed = marking::resume(&store, &journal).await.unwrap();
        assert_eq!((resumed.outcomes.len(), resumed.failed.len()), (2, 0));
        assert!(
            resumed.outcomes[0].messages.iter().any(|line| line.contains("invalid alias")),
            "{resumed:?}"
        );
        assert!(journal.broken_off().unwrap().is_empty());
        assert_eq!(store.model_version_by_alias("wine", "champion").await.unwrap().version, 1);
    });
}

#[test]
fn what_somebody_wrote_on_since_is_not_deleted_with_a_mark() {
    use mltui::marking::{self, Journal, Registration, Undoing};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let address = format!("sqlite:///{}", path.display());
    let journal = Journal::new(&folder.path().join("state"), &address);
    let writes = [
        ("UPDATE model_versions SET description = 'the notes of the release'", "stays"),
        ("UPDATE model_versions SET current_stage = 'Production'", "stays"),
        (
            "INSERT INTO model_version_tags (name, version, key, value) VALUES ('wine', 1, 'by', 'ana')",
            "stays",
        ),
        ("UPDATE registered_models SET description = 'the card of the model'", "is deleted"),
        ("INSERT INTO registered_model_tags (name, key, value) VALUES ('wine', 'team', 'x')", "is deleted"),
        ("SELECT 1", "is deleted"),
    ];
    block_on(async {
        let store = open(&address);
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "first", 1)).await.unwrap().info.run_id;
        store.write_artifact(&run, "model/MLmodel", b"flavors: {}").await.unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        for (i, (write, becomes)) in writes.into_iter().enumerate() {
            let mut request = request(&experiment, run.clone());
            let (alias, previous_alias) = ("champion".to_owned(), "previous".to_owned());
            request.registration = Some(Registration { name: "wine".into(), alias, previous_alias });
            let plan = marking::plan(&store, &request).await.unwrap();
            marking::mark(&store, &journal, &plan).await.unwrap();
            db.execute_batch(write).unwrap();
            let undoing = Undoing { by: "ana".into(), now: i as i64 + 2, of_others: false };
            let undone = marking::undo(&store, &journal, &experiment, &undoing, 2).await.unwrap();
            let said = undone.unwrap().messages.join("; ");
            assert!(said.contains(&format!("version 1 of wine {becomes}")), "{write}: {said}");
            let is_kept = store.get_registered_model("wine").await.is_ok();
            assert_eq!(is_kept, write != "SELECT 1", "{write}");
            let versions = store.model_versions("wine").await.unwrap();
            assert_eq!(versions.len(), usize::from(becomes == "stays"), "{write}");
            assert!(versions.iter().all(|version| version.aliases.is_empty()), "the alias is taken back");
            if is_kept {
                store.delete_registered_model("wine").await.unwrap();
            }
        }
    });
}

#[test]
fn a_locked_store_is_waited_for_and_then_said_to_be_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let experiment = block_on(store.create_experiment("main", &[])).unwrap();
    let lock_for = |seconds: f64| {
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_secs_f64(seconds));
            other.execute_batch("ROLLBACK").unwrap();
        })
    };
    let holder = lock_for(0.5);
    assert_eq!(block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap().len(), 2);
    holder.join().unwrap();
    let holder = lock_for(0.5);
    block_on(store.create_run(&new_run(&experiment, "patient", 1))).unwrap();
    holder.join().unwrap();
    let holder = lock_for(8.0);
    assert_eq!(kind(block_on(store.search_experiments(ViewType::ActiveOnly))), ErrorKind::Locked);
    holder.join().unwrap();
    assert_eq!(block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap().len(), 2);
}

#[test]
fn a_cursor_of_another_kind_asks_for_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:///{}", folder.path().join("x.db").display()));
    let scan = Scan {
        experiment_id: ExperimentId("0".into()),
        view: ViewType::All,
        first: 1,
        values: ScanValues::All,
    };
    let changes = block_on(store.changes(&scan, &mut Cursor::default(), &[])).unwrap();
    assert!(changes.reload);
}

/// A folder that nobody can write to. Root can write to any but a mount.
struct Sealed<'a>(&'a Path, bool);

impl<'a> Sealed<'a> {
    /// None where this user can seal no folder.
    fn new(folder: &'a Path) -> Option<Self> {
        let do_it = |words: &[&str]| {
            let status = std::process::Command::new(words[0]).args(&words[1..]).arg(folder).status();
            status.is_ok_and(|status| status.success())
        };
        let is_sealed = || std::fs::write(folder.join("try"), "").is_err();
        assert!(do_it(&["chmod", "-R", "a-w"]));
        if is_sealed() {
            return Some(Self(folder, false));
        }
        let place = folder.display().to_string();
        let mounted = do_it(&["mount", "--bind", &place]) && do_it(&["mount", "-o", "remount,ro,bind"]);
        let sealed = Self(folder, mounted);
        (mounted && is_sealed()).then_some(sealed)
    }
}

impl Drop for Sealed<'_> {
    fn drop(&mut self) {
        let words: &[&str] = if self.1 { &["umount"] } else { &["chmod", "-R", "u+w"] };
        let _ = std::process::Command::new(words[0]).args(&words[1..]).arg(self.0).status();
    }
}

#[test]
fn a_store_with_a_log_is_read_where_nothing_can_be_written() {
    for whole in [true, false] {
        let made = tempfile::tempdir().unwrap();
        let path = made.path().join("mlflow.db");
        let store = open(&format!("sqlite:///{}", path.display()));
        block_on(store.create_experiment("first", &[])).unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").unwrap();
        db.execute("UPDATE experiments SET name = 'second' WHERE name = 'first'", []).unwrap();
        if whole {
            db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        }
        // As a backup has it: the file and its log, and nothing else.
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(&path, copy.path().join("mlflow.db")).unwrap();
        if !whole {
            std::fs::copy(made.path().join("mlflow.db-wal"), copy.path().join("mlflow.db-wal")).unwrap();
        }
        let Some(_sealed) = Sealed::new(copy.path()) else {
            // The unit tests of the module do the same without a folder that is sealed.
            return;
        };
        let store = open(&format!("sqlite:///{}", copy.path().join("mlflow.db").display()));
        let names = block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap();
        assert!(names.iter().any(|experiment| experiment.name == "second"), "{whole}: {names:?}");
        let info = block_on(store.info()).unwrap();
        let word = if whole { "as it stands" } else { "private copy" };
        assert!(!info.writable && info.notes.iter().any(|note| note.contains(word)), "{info:?}");
        assert!(matches!(kind(block_on(store.create_experiment("x", &[]))), ErrorKind::ReadOnly(_)));
    }
}

#[test]
fn what_a_killed_writer_left_is_read_where_nothing_can_be_written() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    block_on(store.create_experiment("whole", &[])).unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA cache_size = 2; PRAGMA cache_spill = 2; BEGIN IMMEDIATE").unwrap();
    for at in 0..300 {
        let row = (format!("half {at}"), "x".repeat(900));
        db.execute(
            "INSERT INTO experiments (name, artifact_location, lifecycle_stage) VALUES (?1, ?2, 'active')",
            row,
        )
        .unwrap();
    }
    // The writer is killed here.
    let copy = tempfile::tempdir().unwrap();
    for name in ["mlflow.db", "mlflow.db-journal"] {
        std::fs::copy(made.path().join(name), copy.path().join(name)).unwrap();
    }
    let Some(_sealed) = Sealed::new(copy.path()) else {
        // The unit tests of the module do the same without a folder that is sealed.
        return;
    };
    let store = open(&format!("sqlite:///{}", copy.path().join("mlflow.db").display()));
    let names = block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap();
    let names: Vec<&str> = names.iter().map(|experiment| experiment.name.as_str()).collect();
    assert!(names.contains(&"whole") && names.len() == 2, "{names:?}");
    let info = block_on(store.info()).unwrap();
    assert!(!info.writable && info.notes.iter().any(|note| note.contains("private copy")), "{info:?}");
    let refused = kind(block_on(store.create_experiment("x", &[])));
    let words = refused.to_string();
    assert!(matches!(refused, ErrorKind::ReadOnly(_)) && words.contains("mlflow.db"), "{words}");
}

#[test]
fn a_store_without_a_log_says_why_it_cannot_be_written() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    block_on(store.create_experiment("first", &[])).unwrap();
    let Some(_sealed) = Sealed::new(made.path()) else { return };
    let store = open(&format!("sqlite:///{}", path.display()));
    let refused = kind(block_on(store.create_experiment("x", &[])));
    let words = refused.to_string();
    assert!(
        matches!(refused, ErrorKind::ReadOnly(_))
            && words.contains("is not writable")
            && words.contains("mlflow.db"),
        "{words}"
    );
}

/// Rows may have any number, in a file that somebody made: they are read once, and looking for changes ends.
#[test]
fn rows_of_any_number_are_read_and_looked_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let id = block_on(store.create_experiment("wine", &[])).unwrap();
    let runs: Vec<RunId> = (0..5)
        .map(|at| {
            let run =
                block_on(store.create_run(&new_run(&id, &format!("run {at}"), at))).unwrap().info.run_id;
            let metric = Metric { key: "m".into(), value: at as f64, timestamp: 1, step: 0 };
            block_on(store.log_batch(&run, &[metric], &[], &[])).unwrap();
            run
        })
        .collect();
    let db = rusqlite::Connection::open(&path).unwrap();
    let numbers = [i64::MIN, -5, 70_000, 1 << 40, i64::MAX];
    for (number, run) in numbers.iter().zip(&runs) {
        for table in ["runs", "latest_metrics", "metrics", "tags"] {
            let sql = format!(
                "UPDATE {table} SET rowid = ?1 WHERE rowid = (SELECT max(rowid) FROM {table} WHERE run_uuid = ?2)"
            );
            db.execute(&sql, rusqlite::params![number, run.as_str()]).unwrap();
        }
    }
    let scan = |first, values| Scan { experiment_id: id.clone(), view: ViewType::All, first, values };
    let only = ScanValues::Only { metrics: vec!["m".into()], params: vec![], tags: vec![], bare: true };
    for request in [scan(2, ScanValues::All), scan(100, ScanValues::All), scan(2, only)] {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<mltui::store::batch::RunBatch>(64);
        let (cursor, metrics) = block_on(async {
            let listen = async {
                let mut values = Vec::new();
                while let Some(batch) = receiver.recv().await {
                    values.extend(batch.metrics.iter().map(|cell| cell.value));
                }
                values.sort_by(f64::total_cmp);
                values
            };
            let (cursor, values) = tokio::join!(store.scan(&request, sender), listen);
            (cursor.unwrap(), values)
        });
        assert_eq!(metrics, [0.0, 1.0, 2.0, 3.0, 4.0], "{request:?}");
        let mut cursor = cursor;
        // Somebody writes a run, which gets any number: it is found, at once or by reading again.
        block_on(store.changes(&request, &mut cursor, &[])).unwrap();
        block_on(store.create_run(&new_run(&id, "late", 9))).unwrap();
        let changes = block_on(store.changes(&request, &mut cursor, &[])).unwrap();
        assert!(changes.reload, "{changes:?}");
    }
}

#[test]
fn an_address_that_asks_for_reading_only_opens_the_file_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    block_on(store.create_experiment("wine", &[])).unwrap();
    for address in
        ["sqlite:///file:a%20b.db?mode=ro&uri=true", "sqlite:///file:a%20b.db?immutable=1&uri=true"]
    {
        let location = uri::parse(address, folder.path()).unwrap();
        assert!(location.is_read_only());
        let store = uri::open(&location, &RestOptions::default(), false).unwrap();
        let found = block_on(store.search_experiments(ViewType::ActiveOnly)).unwrap();
        assert!(found.iter().any(|experiment| experiment.name == "wine"), "{address}: {found:?}");
        assert!(matches!(kind(block_on(store.create_experiment("x", &[]))), ErrorKind::ReadOnly(_)));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was made");
}

#[test]
fn files_of_a_run_are_below_the_folder_of_its_experiment() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("store")).unwrap();
    let path = folder.path().join("store/mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let id = block_on(store.create_experiment("wine", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&id, "first", 1))).unwrap().info.run_id;
    let outside = folder.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("notes.txt"), "x").unwrap();
    let place = |experiment: &str, of_run: &str| {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute("UPDATE runs SET artifact_uri = ?1", [of_run]).unwrap();
        db.execute("UPDATE experiments SET artifact_location = ?1", [experiment]).unwrap();
    };
    let home = folder.path().join("store/mlruns/1").display().to_string();
    let (up, up_encoded) =
        (format!("{home}/r/../../../../outside"), format!("file://{home}/%2e%2e/%2e./../../outside"));
    let served = "mlflow-artifacts:/1/../../../outside".to_owned();
    for (experiment, of_run) in [
        (&home, &up),
        (&home, &up_encoded),
        (&home, &format!("{home}x/../outside")),
        (&"mlflow-artifacts:/1".to_owned(), &served),
        (&"mlflow-artifacts:/1".to_owned(), &up),
    ] {
        place(experiment, of_run);
        for failure in [
            kind(block_on(store.list_artifacts(&run, ""))),
            kind(block_on(store.read_artifact(&run, "notes.txt", 100))),
            kind(block_on(store.write_artifact(&run, "mine.txt", b"x"))),
        ] {
            assert!(
                matches!(failure, ErrorKind::Invalid(_) | ErrorKind::Elsewhere(_)),
                "{of_run}: {failure}"
            );
        }
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "nothing was written there");
    // A folder above that somebody chose for the experiment is as good as any other.
    let above = format!("{}/store/../outside", folder.path().display());
    place(&above, &format!("{above}/r"));
    block_on(store.write_artifact(&run, "mine.txt", b"x")).unwrap();
    assert_eq!(block_on(store.read_artifact(&run, "mine.txt", 100)).unwrap(), b"x");
}

#[test]
fn files_that_are_elsewhere_are_said_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let id = block_on(store.create_experiment("wine", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&id, "first", 1))).unwrap().info.run_id;
    assert_eq!(block_on(store.list_artifacts(&run, "")).unwrap().files, [], "nothing was logged yet");
    let gone = "/somewhere/that/is/not/here/mlruns/1";
    for place in ["mlflow-artifacts:/1", "s3://bucket/1", "dbfs:/1", gone] {
        let root = format!("{place}/{run}/artifacts");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute("UPDATE runs SET artifact_uri = ?1", [&root]).unwrap();
        db.execute(
            "UPDATE experiments SET artifact_location = ?1 WHERE experiment_id = ?2",
            [place, id.as_str()],
        )
        .unwrap();
        for failure in [
            kind(block_on(store.list_artifacts(&run, ""))),
            kind(block_on(store.read_artifact(&run, "notes.txt", MOST))),
        ] {
            assert!(
                matches!(&failure, ErrorKind::Elsewhere(why) if why.contains(&root)),
                "{place}: {failure}"
            );
        }
        assert!(matches!(kind(block_on(store.check_artifacts(&id))), ErrorKind::Elsewhere(_)), "{place}");
        if place != gone {
            let written = block_on(store.write_artifact(&run, "notes.txt", b"x"));
            assert!(matches!(kind(written), ErrorKind::Elsewhere(_)), "{place}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no file was written");
}
