//! What every store has to do: experiments, runs and their life, files, searches, the registry, and what is refused.

use mltui::mlflow::filter::{OrderBy, parse};
use mltui::mlflow::{
    Dataset, DatasetInput, ExperimentId, LifecycleStage, Param, Run, RunId, RunStatus, Tag, ViewType,
};
use mltui::store::{ErrorKind, NewRun, RunCount, RunSearch, RunUpdate, Store};

use crate::stores::registry;
use crate::stores::values::{histories, metric, values};
use crate::support::stores::{MOST, kind, new_run};

async fn names(store: &Store, search: &RunSearch) -> Vec<String> {
    store.search_runs(search).await.unwrap().runs.into_iter().map(|run| run.info.run_name).collect()
}

/// The whole of the trait. Returns what MLflow's client must find afterwards.
pub(crate) async fn conformance(store: &Store, prefix: &str) -> ExperimentId {
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
    of_all_runs(store, &experiment, &first.info.run_id, &second.info.run_id).await;
    models(store, prefix, &first).await;
    registry::conformance(store, prefix, &first, &second).await;
    errors(store, &first.info.run_id).await;
    experiment
}

pub(super) async fn experiments(store: &Store, prefix: &str) {
    let name = format!("{prefix}one");
    let id = store.create_experiment(&name, &[]).await.unwrap();
    assert!(matches!(kind(store.create_experiment(&name, &[]).await), ErrorKind::AlreadyExists(_)));
    assert!(matches!(kind(store.create_experiment("", &[]).await), ErrorKind::Limit(_)));
    store.set_experiment_tag(&id, &Tag::new("k", "v1")).await.unwrap();
    store.set_experiment_tag(&id, &Tag::new("k", "v2")).await.unwrap();
    store.rename_experiment(&id, &format!("{prefix}renamed")).await.unwrap();
    let run = store.create_run(&new_run(&id, "in-deleted", 1)).await.unwrap().info.run_id;
    count(store, &id, [1, 0, 1]).await;
    store.delete_experiment(&id).await.unwrap();
    count(store, &id, [0, 1, 1]).await;
    assert!(store.create_run(&new_run(&id, "too-late", 1)).await.is_err(), "no run in a deleted experiment");
    // A deleted one keeps its name, and what is deleted is not deleted again.
    let again = kind(store.create_experiment(&format!("{prefix}renamed"), &[]).await);
    assert!(matches!(again, ErrorKind::AlreadyExists(_)), "{again:?}");
    let holder = store.find_experiment(&format!("{prefix}renamed")).await.unwrap().unwrap();
    assert_eq!((&holder.experiment_id, holder.lifecycle_stage), (&id, LifecycleStage::Deleted));
    assert!(store.delete_experiment(&id).await.is_err(), "it is deleted already");
    assert!(store.rename_experiment(&id, &format!("{prefix}other")).await.is_err());
    assert!(store.set_experiment_tag(&id, &Tag::new("k", "v3")).await.is_err());
    assert_eq!(store.get_run(&run).await.unwrap().info.lifecycle_stage, LifecycleStage::Deleted);
    let find = |list: Vec<mltui::mlflow::Experiment>| list.into_iter().find(|e| e.experiment_id == id);
    assert!(find(store.search_experiments(ViewType::ActiveOnly).await.unwrap()).is_none());
    let deleted = find(store.search_experiments(ViewType::DeletedOnly).await.unwrap()).unwrap();
    assert_eq!(deleted.name, format!("{prefix}renamed"));
    assert_eq!(deleted.tags, [Tag::new("k", "v2")]);
    store.restore_experiment(&id).await.unwrap();
    count(store, &id, [1, 0, 1]).await;
    assert!(store.restore_experiment(&id).await.is_err(), "it is not deleted");
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

/// The active and the deleted runs of an experiment, and when the newest began, where the store counts.
async fn count(store: &Store, id: &ExperimentId, [active, deleted, last_start]: [u64; 3]) {
    if let Some(counts) = store.run_counts().await.unwrap() {
        let last_start = Some(last_start as i64);
        assert_eq!(counts.get(id), Some(&RunCount { active, deleted, last_start }));
    }
}

pub(super) async fn life(store: &Store, second: &RunId, unnamed: &RunId) {
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

/// The data sets and models of an experiment as a whole.
async fn of_all_runs(store: &Store, experiment: &ExperimentId, first: &RunId, second: &RunId) {
    let dataset = |name: &str, digest: &str| DatasetInput {
        dataset: Dataset {
            name: name.into(),
            digest: digest.into(),
            source_type: "local".into(),
            source: "{\"uri\": \"wine.csv\"}".into(),
            schema: Some("{}".into()),
            profile: None,
        },
        tags: vec![Tag::new("mlflow.data.context", "eval")],
    };
    store.log_inputs(second, &[dataset("wine", "abc123"), dataset("beer", "x1")]).await.unwrap();
    let used = store.data_sets(experiment, ViewType::ActiveOnly).await.unwrap();
    let names: Vec<_> = used.iter().map(|used| (used.dataset.name.as_str(), used.uses.len())).collect();
    assert_eq!(names, [("beer", 1), ("wine", 2)]);
    let context_of = |run: &RunId| {
        let of = used[1].uses.iter().find(|of| of.run == *run);
        of.map(|of| of.context.clone())
    };
    assert_eq!(context_of(first).as_deref(), Some("training"));
    assert_eq!(context_of(second).as_deref(), Some("eval"));
    assert_eq!(used[1].dataset.schema.as_deref(), Some("{}"));
    store.delete_run(second).await.unwrap();
    assert_eq!(store.data_sets(experiment, ViewType::ActiveOnly).await.unwrap().len(), 1);
    assert_eq!(store.data_sets(experiment, ViewType::All).await.unwrap().len(), 2);
    store.restore_run(second).await.unwrap();
    match store.logged_models_in(experiment).await {
        Ok(models) => assert!(models.iter().all(|model| model.experiment_id == *experiment)),
        // MLflow 2 has none.
        Err(error) => assert!(matches!(error.kind, ErrorKind::Unsupported(_)), "{error}"),
    }
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

async fn models(store: &Store, prefix: &str, run: &Run) {
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
