//! Copies between stores that need no server: memory gives ids out as a server does.

mod harm;

use std::collections::BTreeMap;
use std::path::Path;

use super::{FROM, Kind, Progress, Report, Request, UNFINISHED, migrate};
use crate::mlflow::{
    Dataset, DatasetInput, Experiment, ExperimentId, LifecycleStage, Metric, ModelStage, Param, Run, RunId,
    RunStatus, Tag, ViewType,
};
use crate::store::failing::{Failing, Moment, database, folder};
use crate::store::memory::Memory;
use crate::store::uri::{RestOptions, open, parse};
use crate::store::{ErrorKind, NewModel, NewRun, RunSearch, RunUpdate, Store};

fn request(stage: &Path) -> Request {
    Request {
        experiments: Vec::new(),
        artifacts: true,
        models: true,
        registry: true,
        deleted: true,
        merges: false,
        verifies: true,
        origin: "memory".into(),
        stage: stage.join("stage"),
    }
}

async fn copied(from: &Store, to: &Store, request: &Request) -> Report {
    migrate(from, to, request, &Progress::default()).await.unwrap()
}

fn sqlite(folder: &Path) -> Store {
    let uri = format!("sqlite:///{}", folder.join("mlflow.db").display());
    open(&parse(&uri, folder).unwrap(), &RestOptions::default(), false).unwrap()
}

fn file_store(root: &Path) -> Store {
    std::fs::create_dir_all(root).unwrap();
    let uri = format!("file://{}", root.display());
    open(&parse(&uri, root).unwrap(), &RestOptions::default(), false).unwrap()
}

fn metric(key: &str, step: i64, value: f64) -> Metric {
    Metric { key: key.into(), value, timestamp: 1_700_000_000_000 + step, step }
}

/// A run in every respect; `files` and models where they are wanted.
async fn run(store: &Store, experiment: &ExperimentId, name: &str, parent: Option<&RunId>) -> RunId {
    let mut tags = vec![Tag::new("note", "line 1\nline 2"), Tag::new("mlflow.user", "ana")];
    tags.extend(parent.map(|id| Tag::new("mlflow.parentRunId", id.as_str())));
    let new = NewRun {
        experiment_id: experiment.clone(),
        run_name: Some(name.into()),
        user_id: "ana".into(),
        start_time: if parent.is_some() { 1_000 } else { 2_000 },
        tags,
    };
    let id = store.create_run(&new).await.unwrap().info.run_id;
    let metrics = [
        metric("loss", 0, 0.5),
        metric("loss", 1, f64::NAN),
        metric("loss", 2, f64::INFINITY),
        metric("val/loss", -3, -1e-7),
    ];
    store.log_batch(&id, &metrics, &[Param::new("lr", "0.1"), Param::new("empty", "")], &[]).await.unwrap();
    let dataset = Dataset {
        name: "wine".into(),
        digest: "abc".into(),
        source_type: "local".into(),
        source: "{}".into(),
        schema: None,
        profile: Some("{\"rows\": 7}".into()),
    };
    let tags = vec![Tag::new("mlflow.data.context", "training")];
    store.log_inputs(&id, &[DatasetInput { dataset, tags }]).await.unwrap();
    id
}

async fn end(store: &Store, id: &RunId, status: RunStatus) {
    let update = RunUpdate { status: Some(status), end_time: Some(9_000), run_name: None };
    store.update_run(id, &update).await.unwrap();
}

/// Two experiments, one of them deleted; runs with parents, with files, deleted, long; a registered model with a version missing.
async fn fill(store: &Store, with_models: bool) {
    let main = store.create_experiment("main", &[Tag::new("purpose", "test")]).await.unwrap();
    let parent = run(store, &main, "parent", None).await;
    let child = run(store, &main, "child", Some(&parent)).await;
    let long: Vec<Metric> = (0..60).map(|step| metric("long", step, step as f64)).collect();
    store.log_batch(&child, &long, &[], &[]).await.unwrap();
    store.write_artifact(&parent, "model/MLmodel", b"flavors: {}").await.unwrap();
    store.write_artifact(&parent, "notes.txt", &[7; 3_000]).await.unwrap();
    let history = format!("[{{\"run_id\": \"{parent}\", \"artifact_path\": \"model\"}}]");
    store.set_tag(&parent, &Tag::new("mlflow.log-model.history", history)).await.unwrap();
    if with_models {
        let new = NewModel {
            experiment_id: main.clone(),
            name: "net".into(),
            model_type: "classifier".into(),
            source_run_id: parent.clone(),
            params: vec![Param::new("depth", "3")],
            tags: vec![Tag::new("k", "v")],
        };
        let model = store.create_logged_model(&new).await.unwrap();
        store.log_model_output(&parent, &model.model_id, 4).await.unwrap();
        store.log_model_metrics(&parent, &model.model_id, &[metric("loss", 0, 0.5)], None).await.unwrap();
        store.write_model_file(&model, "MLmodel", b"model_id: x").await.unwrap();
        store.finish_logged_model(&model.model_id, true).await.unwrap();
    }
    end(store, &parent, RunStatus::Finished).await;
    end(store, &child, RunStatus::Failed).await;
    let gone = run(store, &main, "gone", None).await;
    end(store, &gone, RunStatus::Killed).await;
    store.delete_run(&gone).await.unwrap();
    run(store, &main, "running", None).await;
    let old = store.create_experiment("old", &[]).await.unwrap();
    let kept = run(store, &old, "kept", None).await;
    end(store, &kept, RunStatus::Finished).await;
    store.delete_experiment(&old).await.unwrap();
    registry(store, &parent).await;
}

async fn registry(store: &Store, parent: &RunId) {
    store.create_registered_model("wine").await.unwrap();
    store.describe_registered_model("wine", "of wine").await.unwrap();
    store.set_registered_model_tag("wine", &Tag::new("team", "a")).await.unwrap();
    let root = store.get_run(parent).await.unwrap().info.artifact_uri;
    for number in 1..=3 {
        let source = format!("{root}/model");
        let tags = [Tag::new("number", number.to_string())];
        store.create_model_version("wine", &source, Some(parent), &tags).await.unwrap();
    }
    store.delete_model_version("wine", 2).await.unwrap();
    store.describe_model_version("wine", 3, "the best").await.unwrap();
    store.set_model_stage("wine", 3, ModelStage::Staging, false).await.unwrap();
    store.set_model_alias("wine", "champion", 3).await.unwrap();
}

async fn all_runs(store: &Store, experiment: &ExperimentId) -> Vec<Run> {
    let search = RunSearch {
        experiment_ids: vec![experiment.clone()],
        view: ViewType::All,
        max_results: 1_000,
        ..RunSearch::default()
    };
    store.search_runs(&search).await.unwrap().runs
}

/// The runs of all experiments by their names.
async fn by_name(store: &Store) -> BTreeMap<String, (Experiment, Run)> {
    let mut found = BTreeMap::new();
    for experiment in store.search_experiments(ViewType::All).await.unwrap() {
        for run in all_runs(store, &experiment.experiment_id).await {
            let before = found.insert(run.info.run_name.clone(), (experiment.clone(), run));
            assert!(before.is_none(), "{before:?} is there twice");
        }
    }
    found
}

/// What must be so however it came about.
async fn check(from: &Store, to: &Store, report: &Report, keeps: bool) {
    assert_eq!(report.problems, []);
    assert!(report.is_same(), "{:?}", report.from.differing(&report.to));
    let (was, is) = (by_name(from).await, by_name(to).await);
    assert_eq!(was.keys().collect::<Vec<_>>(), is.keys().collect::<Vec<_>>());
    assert_eq!(report.from.get(Kind::Runs).count as usize, was.len());
    for (name, (experiment, run)) in &is {
        let (old_experiment, old) = &was[name];
        assert_eq!(experiment.lifecycle_stage, old_experiment.lifecycle_stage, "{name}");
        assert_eq!(run.tag(UNFINISHED), None, "{name}");
        assert_eq!((&run.params, &run.inputs), (&old.params, &old.inputs), "{name}");
        assert_eq!(run.metrics.len(), old.metrics.len());
        let facts =
            |run: &Run| (run.info.status, run.info.start_time, run.info.end_time, run.info.lifecycle_stage);
        assert_eq!(facts(run), facts(old), "{name}");
        assert_eq!(run.info.user_id, "ana");
        if keeps {
            assert_eq!((&run.info.run_id, &run.tags), (&old.info.run_id, &old.tags), "{name}");
        } else {
            assert_eq!(run.tag(FROM), Some(old.info.run_id.as_str()));
        }
        let history = to.metric_history(&run.info.run_id, "loss").await.unwrap();
        assert!(history.len() == 3 && history[1].value.is_nan() && history[2].value == f64::INFINITY);
    }
    let (parent, child) = (&is["parent"].1, &is["child"].1);
    assert_eq!(child.tag("mlflow.parentRunId"), Some(parent.info.run_id.as_str()));
    assert!(parent.tag("mlflow.log-model.history").unwrap().contains(parent.info.run_id.as_str()));
    assert_eq!(to.metric_history(&child.info.run_id, "long").await.unwrap().len(), 60);
    let file = to.read_artifact(&parent.info.run_id, "notes.txt", 9_000).await.unwrap();
    assert_eq!(file, [7; 3_000]);
    assert_eq!(is["gone"].1.info.lifecycle_stage, LifecycleStage::Deleted);
    let versions = to.model_versions("wine").await.unwrap();
    let facts: Vec<_> = versions
        .iter()
        .map(|it| (it.version, it.current_stage.as_str(), it.description.as_str(), it.run_id.clone()))
        .collect();
    let run = Some(parent.info.run_id.clone());
    assert_eq!(facts, [(3, "Staging", "the best", run.clone()), (1, "None", "", run)]);
    assert!(versions.iter().all(|it| it.source == format!("{}/model", parent.info.artifact_uri)));
    assert!(versions.iter().all(|it| it.tags.len() == 1), "{versions:?}");
    let model = to.get_registered_model("wine").await.unwrap();
    assert_eq!((model.description.as_str(), model.alias("champion")), ("of wine", Some(3)));
}

async fn check_models(to: &Store) {
    let parent = &by_name(to).await["parent"].1;
    let models = to.logged_models_of(&parent.info.experiment_id, &parent.info.run_id).await.unwrap();
    let [model] = models.as_slice() else { panic!("{models:?}") };
    assert_eq!((model.name.as_str(), model.status.as_str(), model.metrics.len()), ("net", "READY", 1));
    assert_eq!(model.model_type, "classifier");
    let output = &parent.model_outputs[0];
    assert_eq!((&output.model_id, output.step), (&model.model_id, 4));
    let files = to.files(&crate::store::FilesOf::Model(model.model_id.clone())).await.unwrap();
    assert_eq!(files.list("").await.unwrap().files[0].file_size, Some(11));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_into_a_database_into_files_and_where_ids_are_given_out() {
    let home = tempfile::tempdir().unwrap();
    let request = request(home.path());
    let first = Store::new(Memory::default());
    fill(&first, true).await;
    let files = file_store(&home.path().join("mlruns"));
    check(&first, &files, &copied(&first, &files, &request).await, true).await;
    check_models(&files).await;
    // From files into a new database, which is made with room for logged models, and on into memory.
    let database = sqlite(home.path());
    check(&files, &database, &copied(&files, &database, &request).await, true).await;
    check_models(&database).await;
    let last = Store::new(Memory::default());
    check(&database, &last, &copied(&database, &last, &request).await, false).await;
    check_models(&last).await;
    // One that was there before has none, where MLflow 2 is to go on with it.
    let older = home.path().join("older");
    std::fs::create_dir(&older).unwrap();
    let older = sqlite(&older);
    older.begin().await.unwrap();
    let refused = migrate(&files, &older, &request, &Progress::default()).await.unwrap_err().to_string();
    assert!(refused.contains("does not exist yet") && refused.contains("--no-models"), "{refused}");
    let without = Request { models: false, ..request.clone() };
    check(&files, &older, &copied(&files, &older, &without).await, true).await;
    // Ids of experiments stay where they are free.
    let id = |store: Store, name: &'static str| async move {
        store.find_experiment(name).await.unwrap().unwrap().experiment_id
    };
    assert_eq!(id(files.clone(), "main").await, id(database.clone(), "main").await);
    let times = |it: &Experiment| (it.name.clone(), it.creation_time, it.last_update_time);
    let of = |mut all: Vec<Experiment>| {
        all.retain(|it| it.name != "Default");
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all.iter().map(times).collect::<Vec<_>>()
    };
    let all = |store: Store| async move { store.search_experiments(ViewType::All).await.unwrap() };
    assert_eq!(of(all(files).await), of(all(database).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn once_more_copies_nothing_and_a_difference_is_told() {
    let home = tempfile::tempdir().unwrap();
    let request = request(home.path());
    let from = Store::new(Memory::default());
    fill(&from, true).await;
    for (to, keeps) in
        [(file_store(&home.path().join("mlruns")), true), (Store::new(Memory::default()), false)]
    {
        copied(&from, &to, &request).await;
        let again = copied(&from, &to, &request).await;
        assert_eq!(again.copied, super::Copied::default());
        check(&from, &to, &again, keeps).await;
        let run = &by_name(&to).await["parent"].1.info.run_id;
        to.log_batch(run, &[metric("loss", 7, 1.0)], &[], &[]).await.unwrap();
        let differs = copied(&from, &to, &request).await;
        assert!(!differs.is_same());
        assert_eq!(differs.from.differing(&differs.to), [Kind::Points]);
        assert_eq!(differs.problems.len(), 1);
        assert!(differs.problems[0].why.contains("metric points"), "{:?}", differs.problems);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_is_not_copied_into_unless_that_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let request = request(home.path());
    let from = Store::new(Memory::default());
    fill(&from, false).await;
    let to = file_store(&home.path().join("mlruns"));
    let theirs = to.create_experiment("main", &[]).await.unwrap();
    run(&to, &theirs, "theirs", None).await;
    to.create_registered_model("wine").await.unwrap();
    to.describe_registered_model("wine", "theirs").await.unwrap();
    let refused = migrate(&from, &to, &request, &Progress::default()).await.unwrap_err().to_string();
    assert!(
        refused.contains("\"main\"") && refused.contains("\"wine\"") && refused.contains("--merge"),
        "{refused}"
    );
    assert_eq!(to.search_experiments(ViewType::All).await.unwrap().len(), 1, "nothing was written");
    let merges = Request { merges: true, ..request.clone() };
    let report = copied(&from, &to, &merges).await;
    assert_eq!(all_runs(&to, &theirs).await.len(), 5);
    assert_eq!(to.get_registered_model("wine").await.unwrap().description, "theirs");
    assert_eq!(report.from.differing(&report.to), [Kind::RegisteredModels], "{:?}", report.problems);
    // Some only, without the rest.
    let other = Store::new(Memory::default());
    let some = Request { experiments: vec!["old".into()], ..request };
    let report = copied(&from, &other, &some).await;
    assert!(report.is_same(), "{:?}", report.problems);
    assert_eq!(by_name(&other).await.into_keys().collect::<Vec<_>>(), ["kept"]);
    assert_eq!(other.registered_models().await.unwrap(), []);
    let active = Request { deleted: false, experiments: Vec::new(), ..some };
    let fresh = Store::new(Memory::default());
    assert!(copied(&from, &fresh, &active).await.is_same());
    assert_eq!(by_name(&fresh).await.into_keys().collect::<Vec<_>>(), ["child", "parent", "running"]);
}

/// However early or late it breaks off, once more goes on, and comes to the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_goes_on_wherever_that_was() {
    let home = tempfile::tempdir().unwrap();
    let request = request(home.path());
    let from = Store::new(Memory::default());
    fill(&from, true).await;
    let plain = Store::new(Memory::default());
    fill(&plain, false).await;
    for (moment, first) in [(Moment::Before, 1), (Moment::After, 2)] {
        let mut nth = first;
        loop {
            let failing =
                std::sync::Arc::new(Failing::new(Memory::default(), nth, moment, ErrorKind::Locked));
            let to = Store::new(std::sync::Arc::clone(&failing));
            let broke = migrate(&from, &to, &request, &Progress::default()).await;
            let is_end = broke.is_ok();
            failing.fail(0);
            none_looks_whole(&from, &to).await;
            check(&from, &to, &copied(&from, &to, &request).await, false).await;
            check_models(&to).await;
            if is_end {
                break;
            }
            nth += 9;
        }
        for (number, nth) in (first..75).step_by(18).enumerate() {
            let root = home.path().join(format!("{moment:?}-{number}"));
            std::fs::create_dir(&root).unwrap();
            let (to, failing) = folder(&root, nth, moment);
            let broke = migrate(&from, &to, &request, &Progress::default()).await;
            failing.fail(0);
            none_looks_whole(&from, &to).await;
            check(&from, &to, &copied(&from, &to, &request).await, true).await;
            let (to, failing) = database(&root.join("mlflow.db"), nth, moment);
            let also_broke = migrate(&plain, &to, &request, &Progress::default()).await;
            assert!(nth > 30 || (broke.is_err() && also_broke.is_err()));
            failing.fail(0);
            check(&plain, &to, &copied(&plain, &to, &request).await, true).await;
        }
    }
}

/// A run that does not say that it goes on has all its points, params and files.
async fn none_looks_whole(from: &Store, to: &Store) {
    let was = by_name(from).await;
    for (name, (_, run)) in by_name(to).await {
        if run.tag(UNFINISHED).is_some() {
            continue;
        }
        let (_, old) = &was[&name];
        assert_eq!((run.info.status, &run.params), (old.info.status, &old.params), "{name}");
        for metric in &old.metrics {
            let is = to.metric_history(&run.info.run_id, &metric.key).await.unwrap().len();
            let was = from.metric_history(&old.info.run_id, &metric.key).await.unwrap().len();
            assert_eq!(is, was, "{name}: {}", metric.key);
        }
        let files = |list: crate::store::ArtifactList| list.files.len();
        let is = files(to.list_artifacts(&run.info.run_id, "").await.unwrap());
        assert_eq!(is, files(from.list_artifacts(&old.info.run_id, "").await.unwrap()), "{name}");
    }
}
