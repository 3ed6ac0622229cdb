//! The store as others leave it: damaged, moved, written to by several.

mod moments;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Folder;
use super::reading::DAMAGED;
use crate::catalog::Catalog;
use crate::catalog::sync::{Snapshot, Sync};
use crate::mlflow::{ExperimentId, Metric, Param, Run, RunId, RunStatus, Tag, ViewType};
use crate::store::{ErrorKind, FilesOf, NewRun, RunSearch, RunUpdate, Scan, ScanValues, Store};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn open(root: &Path) -> Store {
    Store::new(Folder::new(root.to_owned(), None))
}

fn new_run(experiment: &ExperimentId, name: &str) -> NewRun {
    NewRun {
        experiment_id: experiment.clone(),
        run_name: Some(name.into()),
        user_id: "ana".into(),
        start_time: 1,
        tags: Vec::new(),
    }
}

fn metric(key: &str, value: f64, step: i64) -> Metric {
    Metric { key: key.into(), value, timestamp: 10 + step, step }
}

fn scan(experiment: &ExperimentId) -> Scan {
    Scan { experiment_id: experiment.clone(), view: ViewType::ActiveOnly, first: 2, values: ScanValues::All }
}

/// A store with one experiment, and a run of each of these names with a metric, a param and a tag.
fn filled(root: &Path, names: &[&str]) -> (Store, ExperimentId, Vec<RunId>) {
    fs::create_dir_all(root).unwrap();
    let store = open(root);
    let experiment = block_on(store.create_experiment("wine", &[])).unwrap();
    let make = async |name: &&str| {
        let id = store.create_run(&new_run(&experiment, name)).await.unwrap().info.run_id;
        let (params, tags) = ([Param::new("p", "1")], [Tag::new("team", "a")]);
        store.log_batch(&id, &[metric("m", 1.0, 0)], &params, &tags).await.unwrap();
        let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9), run_name: None };
        store.update_run(&id, &end).await.unwrap();
        id
    };
    let runs = block_on(async {
        let mut runs = Vec::new();
        for name in names {
            runs.push(make(name).await);
        }
        runs
    });
    (store, experiment, runs)
}

fn load(sync: &mut Sync) -> std::sync::Arc<Catalog> {
    let mut last: Option<Snapshot> = None;
    block_on(sync.load(|snapshot| last = Some(snapshot))).unwrap();
    last.unwrap().catalog
}

fn poll(sync: &mut Sync, watched: &[RunId]) -> Option<std::sync::Arc<Catalog>> {
    let mut last: Option<Snapshot> = None;
    block_on(sync.poll(watched, |snapshot| last = Some(snapshot))).unwrap();
    last.map(|snapshot| snapshot.catalog)
}

fn value(catalog: &Catalog, id: &RunId, key: &str) -> Option<f64> {
    let row = catalog.find(id.as_str())?;
    catalog.metrics.column(&catalog.texts, key)?.get(row)
}

fn tag<'a>(catalog: &'a Catalog, id: &RunId, key: &str) -> Option<&'a str> {
    let row = catalog.find(id.as_str())?;
    catalog.tags.column(&catalog.texts, key)?.get(row).map(|tag| catalog.texts.get(tag))
}

/// Makes all files below a folder old: what is written within the grain of a clock is read twice.
fn age(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            age(&entry);
        }
        let old = SystemTime::now() - Duration::from_secs(3_600);
        fs::File::open(&entry).unwrap().set_modified(old).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn bad_files_stop_no_listing_and_are_told() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let names = ["whole", "half", "none", "lines", "bytes", "pipe", "strange", "links"];
    let (store, experiment, runs) = filled(&root, &names);
    let folder = |name: &str| {
        let at = names.iter().position(|known| *known == name).unwrap();
        root.join(experiment.as_str()).join(runs[at].as_str())
    };
    let meta = fs::read_to_string(folder("strange").join("meta.yaml")).unwrap();
    fs::write(folder("half").join("meta.yaml"), "").unwrap();
    fs::remove_file(folder("none").join("meta.yaml")).unwrap();
    fs::write(folder("lines").join("metrics/m"), "10 1.0 0\nhalf of\n\u{0}\n20 3.0 2\n").unwrap();
    fs::write(folder("bytes").join("params/p"), b"\xff\xfe").unwrap();
    fs::write(folder("bytes").join("metrics/empty"), "").unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(folder("pipe").join("tags/pipe"))
            .status()
            .unwrap()
            .success()
    );
    fs::write(folder("strange").join("meta.yaml"), meta.replace(experiment.as_str(), "7")).unwrap();
    symlink("..", folder("links").join("metrics/up")).unwrap();
    symlink("nowhere", folder("links").join("tags/dangling")).unwrap();
    // Things that are no runs, and an experiment that is damaged.
    fs::create_dir_all(root.join(experiment.as_str()).join("notes")).unwrap();
    fs::write(root.join(experiment.as_str()).join("readme.txt"), "x").unwrap();
    fs::create_dir_all(root.join("broken/ab/metrics")).unwrap();
    fs::write(root.join("broken/meta.yaml"), "name: 'wi").unwrap();
    block_on(async {
        let experiments = store.search_experiments(ViewType::All).await.unwrap();
        let names: Vec<_> = experiments.iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names, ["wine", "broken"]);
        assert!(experiments[1].tags[0].key == DAMAGED, "{experiments:?}");
        assert!(store.info().await.unwrap().notes.iter().any(|note| note.contains("broken is damaged")));
        let search =
            RunSearch { experiment_ids: vec![experiment.clone()], max_results: 100, ..RunSearch::default() };
        let found = store.search_runs(&search).await.unwrap().runs;
        assert_eq!(found.len(), runs.len());
        let run = |name: &str| found.iter().find(|run| run.info.run_name == name).unwrap();
        let told = |run: &Run| run.tag(DAMAGED).unwrap_or_default().to_owned();
        assert_eq!(told(run("whole")), "");
        for (name, word) in [
            ("half", "meta.yaml cannot be understood: it is empty"),
            ("none", "there is no meta.yaml"),
            ("lines", "metrics/m: 2 of its lines are no values"),
            ("bytes", "metrics/empty: it is empty"),
            ("pipe", "tags/pipe: not a regular file"),
            ("strange", "\"7\" of experiment_id"),
            ("links", "tags/dangling"),
        ] {
            let run = run(name);
            assert!(told(run).contains(word), "{name}: {}", told(run));
            assert!(run.metrics.iter().any(|metric| metric.key == "m"), "{name}: {run:?}");
            assert_eq!((run.params.len(), run.tag("team")), (1, Some("a")), "{name}");
        }
        assert_eq!(run("lines").metrics[0].value.to_string(), "3");
        assert_eq!(
            (run("half").info.status, run("strange").info.status),
            (RunStatus::Running, RunStatus::Finished)
        );
        // Nothing is written over what is not understood.
        let refused = store.set_tag(&run("half").info.run_id, &Tag::new("a", "b")).await.unwrap_err();
        assert!(
            matches!(&refused.kind, ErrorKind::Invalid(words) if words.contains("not written over")),
            "{refused}"
        );
        assert_eq!(fs::read(folder("half").join("meta.yaml")).unwrap(), b"");
        let other = store.get_run(&"ab".into()).await.unwrap();
        assert_eq!(other.info.experiment_id.as_str(), "broken");
        // They go along with their experiment, and come back with it.
        store.delete_experiment(&experiment).await.unwrap();
        assert_eq!(
            fs::read(root.join(".trash").join(experiment.as_str()).join(runs[1].as_str()).join("meta.yaml"))
                .unwrap(),
            b""
        );
        store.restore_experiment(&experiment).await.unwrap();
        assert_eq!(store.search_runs(&search).await.unwrap().runs.len(), runs.len());
    });
}

#[test]
fn what_others_do_is_seen() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, experiment, runs) = filled(&root, &["a", "b", "c", "d"]);
    let mut sync = Sync::new(store.clone(), scan(&experiment));
    assert_eq!(load(&mut sync).count, 4);
    assert!(poll(&mut sync, &[]).is_none(), "nobody wrote");
    let other = open(&root);
    let folder = root.join(experiment.as_str());
    let log = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
    let added = block_on(async {
        other.update_run(&runs[0], &log).await.unwrap();
        other.log_batch(&runs[0], &[metric("m", 7.0, 1)], &[], &[]).await.unwrap();
        other.delete_run(&runs[1]).await.unwrap();
        other.create_run(&new_run(&experiment, "added")).await.unwrap().info.run_id
    });
    // In its place, as MLflow writes a tag; and taken away for good, as `mlflow gc` does it.
    fs::write(folder.join(runs[2].as_str()).join("tags/team"), "another").unwrap();
    fs::remove_dir_all(folder.join(runs[3].as_str())).unwrap();
    let catalog = poll(&mut sync, &[]).expect("changes are seen");
    assert_eq!(catalog.count, 3);
    assert!(catalog.find(runs[1].as_str()).is_none() && catalog.find(runs[3].as_str()).is_none());
    assert_eq!(value(&catalog, &runs[0], "m"), Some(7.0));
    assert_eq!(tag(&catalog, &runs[2], "team"), Some("another"));
    // One that goes on is looked at each time.
    block_on(other.log_batch(&added, &[metric("m", 8.0, 1)], &[], &[])).unwrap();
    assert_eq!(value(&poll(&mut sync, &[]).unwrap(), &added, "m"), Some(8.0));
    // A point that is not the latest makes its history another.
    block_on(other.log_batch(&added, &[metric("m", 9.0, -1)], &[], &[])).unwrap();
    assert!(block_on(sync.poll(&[], |_| {})).unwrap(), "it is told");
    // The folder goes away, with its volume for one, and comes back.
    fs::rename(&root, home.path().join("away")).unwrap();
    for _ in 0..2 {
        let failure = block_on(sync.poll(&[], |_| panic!("what is known stays"))).unwrap_err();
        assert!(matches!(failure.kind, ErrorKind::Gone(_)) && failure.is_transient(), "{failure}");
    }
    assert!(matches!(
        block_on(store.create_run(&new_run(&experiment, "never"))).unwrap_err().kind,
        ErrorKind::Gone(_)
    ));
    assert!(!root.exists(), "it is not made anew");
    fs::rename(home.path().join("away"), &root).unwrap();
    block_on(other.log_batch(&added, &[metric("m", 2.0, 5)], &[], &[])).unwrap();
    assert_eq!(value(&poll(&mut sync, &[]).unwrap(), &added, "m"), Some(2.0));
    // An experiment that goes takes its runs with it.
    block_on(other.delete_experiment(&experiment)).unwrap();
    assert_eq!(poll(&mut sync, &[]).unwrap().count, 0);
}

#[test]
fn what_was_read_is_kept_for_the_next_time() {
    let home = tempfile::tempdir().unwrap();
    let (root, cache) = (home.path().join("mlruns"), home.path().join("state/folders"));
    let (_, experiment, runs) = filled(&root, &["a", "b"]);
    age(&root);
    let read = || {
        let store = Store::new(Folder::new(root.clone(), Some(cache.clone())));
        load(&mut Sync::new(store, scan(&experiment)))
    };
    assert_eq!(value(&read(), &runs[0], "m"), Some(1.0));
    let file = |run: &RunId| root.join(experiment.as_str()).join(run.as_str()).join("metrics/m");
    let kept: Vec<PathBuf> = fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 1);
    // Of the same length and age it is taken for the same.
    let time = file(&runs[0]).metadata().unwrap().modified().unwrap();
    for run in &runs {
        let line = fs::read_to_string(file(run)).unwrap().replace("1.0", "2.0");
        fs::write(file(run), line).unwrap();
    }
    fs::File::open(file(&runs[0])).unwrap().set_modified(time).unwrap();
    let catalog = read();
    assert_eq!((value(&catalog, &runs[0], "m"), value(&catalog, &runs[1], "m")), (Some(1.0), Some(2.0)));
    // Whatever is wrong with what is kept, everything is read again.
    fs::write(&kept[0], "damaged").unwrap();
    assert_eq!(value(&read(), &runs[0], "m"), Some(2.0));
    // Without room for it nothing is kept, and nothing fails.
    fs::remove_dir_all(home.path().join("state")).unwrap();
    fs::write(home.path().join("state"), "").unwrap();
    assert_eq!(value(&read(), &runs[0], "m"), Some(2.0));
}

#[test]
fn a_store_that_was_moved_brings_its_files_along() {
    let home = tempfile::tempdir().unwrap();
    let (root, moved) = (home.path().join("mlruns"), home.path().join("archive/old runs"));
    let (store, _, runs) = filled(&root, &["a"]);
    block_on(store.write_artifact(&runs[0], "notes.txt", b"hello")).unwrap();
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(&root, &moved).unwrap();
    let store = open(&moved);
    block_on(async {
        assert_eq!(store.read_artifact(&runs[0], "notes.txt", 100).await.unwrap(), b"hello");
        store.write_artifact(&runs[0], "more.txt", b"x").await.unwrap();
        assert_eq!(store.list_artifacts(&runs[0], "").await.unwrap().files.len(), 2);
        assert!(!root.exists(), "nothing is made where it was");
        // An address may lead anywhere; none leads out of its experiment.
        let meta = moved.join(store.get_run(&runs[0]).await.unwrap().info.experiment_id.as_str());
        let meta = meta.join(runs[0].as_str()).join("meta.yaml");
        let whole = fs::read_to_string(&meta).unwrap();
        let uri = whole.lines().next().unwrap().to_owned();
        for (other, is_elsewhere) in
            [("hdfs://host/1", true), ("/x/../../etc", false), ("file:///a/%2e%2e/etc", false)]
        {
            fs::write(&meta, whole.replace(&uri, &format!("artifact_uri: {other}"))).unwrap();
            let refused = store.list_artifacts(&runs[0], "").await.unwrap_err().kind;
            assert_eq!(matches!(refused, ErrorKind::Elsewhere(_)), is_elsewhere, "{refused}");
            assert_eq!(matches!(refused, ErrorKind::Invalid(_)), !is_elsewhere, "{refused}");
        }
        let place = store.files(&FilesOf::Place("/no/such/folder".into())).await.unwrap_err();
        assert!(matches!(place.kind, ErrorKind::Elsewhere(_)), "{place}");
    });
}

#[test]
fn several_who_write_at_once_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, _, runs) = filled(&root, &["a"]);
    block_on(store.create_registered_model("net")).unwrap();
    let write = |at: i64| {
        let (root, run) = (root.clone(), runs[0].clone());
        move || {
            let store = open(&root);
            block_on(async {
                let mut versions = Vec::new();
                for round in 0..5 {
                    let made = store.create_model_version("net", "s3://x", Some(&run), &[]).await;
                    versions.push(made.unwrap().version);
                    let (params, tags) = ([Param::new("both", "1")], [Tag::new("t", at.to_string())]);
                    let points = [metric("grows", at as f64, at * 100 + round)];
                    store.log_batch(&run, &points, &params, &tags).await.unwrap();
                }
                versions
            })
        }
    };
    let writers: Vec<_> = (0..4).map(|at| std::thread::spawn(write(at))).collect();
    let mut versions: Vec<u64> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=20).collect::<Vec<_>>());
    block_on(async {
        assert_eq!(store.metric_history(&runs[0], "grows").await.unwrap().len(), 20);
        let run = store.get_run(&runs[0]).await.unwrap();
        assert_eq!((run.params.len(), run.tag(DAMAGED)), (2, None));
    });
}

#[test]
fn a_key_that_is_a_folder_of_others_is_refused_and_the_default_experiment_stays() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, _, runs) = filled(&root, &["a"]);
    fs::create_dir_all(root.join("0")).unwrap();
    fs::write(root.join("0/meta.yaml"), "experiment_id: '0'\nname: Default\nlifecycle_stage: active\n")
        .unwrap();
    block_on(async {
        store.log_batch(&runs[0], &[metric("val/loss", 1.0, 0)], &[], &[]).await.unwrap();
        for key in ["val", "m/loss"] {
            let refused = store.log_batch(&runs[0], &[metric(key, 1.0, 0)], &[], &[]).await.unwrap_err();
            assert!(matches!(refused.kind, ErrorKind::Invalid(_)), "{key}: {refused}");
        }
        assert!(store.metric_history(&runs[0], "val").await.unwrap().is_empty());
        assert_eq!(store.metric_history(&runs[0], "val/loss").await.unwrap().len(), 1);
        assert!(matches!(
            store.delete_experiment(&"0".into()).await.unwrap_err().kind,
            ErrorKind::Invalid(_)
        ));
        assert!(store.get_experiment(&"0".into()).await.is_ok());
        let percent = store.create_registered_model("50%").await.unwrap_err();
        assert!(matches!(percent.kind, ErrorKind::Invalid(_)), "{percent}");
        // Models are of MLflow 3, and nothing here is.
        let models = store.logged_models_in(&"0".into()).await.unwrap_err();
        assert!(matches!(models.kind, ErrorKind::Unsupported(_)), "{models}");
    });
}
