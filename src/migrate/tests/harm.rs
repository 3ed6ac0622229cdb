//! What others have, and what is in the source, is there afterwards as it was before.

use super::*;
use crate::migrate::marks::PLACEHOLDER;
use crate::migrate::same::keep_apart;

fn named(folder: &Path, name: &str) -> Store {
    let uri = format!("sqlite:///{}", folder.join(name).display());
    open(&parse(&uri, folder).unwrap(), &RestOptions::default(), false).unwrap()
}

async fn plain(origin: &str, store: &Store) -> (ExperimentId, RunId) {
    let main = store.create_experiment(origin, &[]).await.unwrap();
    let id = run(store, &main, "one", None).await;
    end(store, &id, RunStatus::Finished).await;
    (main, id)
}

fn told(report: &Report, words: &str) -> bool {
    report.problems.iter().any(|problem| problem.why.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_the_same_folder_has_files_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let from = named(home.path(), "a.db");
    from.begin().await.unwrap();
    let (_, id) = plain("main", &from).await;
    let default = ExperimentId::from("0");
    let other = run(&from, &default, "two", None).await;
    for id in [&id, &other] {
        from.write_artifact(id, "notes.txt", b"kept").await.unwrap();
    }
    let to = named(home.path(), "b.db");
    let report = copied(&from, &to, &request(home.path())).await;
    assert_eq!(report.problems, []);
    assert_eq!(report.copied.files, 2);
    for id in [&id, &other] {
        let root = from.get_run(id).await.unwrap().info.artifact_uri;
        std::fs::remove_dir_all(root).unwrap();
        assert_eq!(to.read_artifact(id, "notes.txt", 9).await.unwrap(), b"kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_that_took_a_deleted_one_in_stays() {
    let home = tempfile::tempdir().unwrap();
    let request = Request { merges: true, ..request(home.path()) };
    let from = Store::new(Memory::default());
    let (main, _) = plain("main", &from).await;
    from.delete_experiment(&main).await.unwrap();
    for to in [Store::new(Memory::default()), file_store(&home.path().join("mlruns"))] {
        let (theirs, id) = plain("main", &to).await;
        for _ in 0..2 {
            copied(&from, &to, &request).await;
            let stage = to.get_experiment(&theirs).await.unwrap().lifecycle_stage;
            assert_eq!(stage, LifecycleStage::Active);
            assert_eq!(to.get_run(&id).await.unwrap().info.lifecycle_stage, LifecycleStage::Active);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_many_runs_is_told_once() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let from = file_store(&root);
    let (main, id) = plain("main", &from).await;
    let mut ids = vec![id];
    for name in ["two", "three"] {
        ids.push(run(&from, &main, name, None).await);
    }
    for id in &ids {
        let path = root.join(main.as_str()).join(id.as_str()).join("metrics/precision@10");
        std::fs::write(&path, "1700000000000 0.5 0\n").unwrap();
    }
    for to in [Store::new(Memory::default()), file_store(&home.path().join("other/mlruns"))] {
        let report = copied(&from, &to, &request(home.path())).await;
        let named: Vec<_> = report.problems.iter().filter(|it| it.why.contains("precision@10")).collect();
        assert!(named.len() == 1 && named[0].others == 2, "{:?}", report.problems);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_or_not_whole_in_the_source_is_told() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let from = file_store(&root);
    let (main, id) = plain("main", &from).await;
    let part = run(&from, &main, "part", None).await;
    from.set_tag(&part, &Tag::new(UNFINISHED, "1")).await.unwrap();
    let path = root.join(main.as_str()).join(id.as_str()).join("metrics/loss");
    let mut lines = std::fs::read_to_string(&path).unwrap();
    lines.push_str("what is this\n");
    std::fs::write(&path, lines).unwrap();
    let to = Store::new(Memory::default());
    let report = copied(&from, &to, &request(home.path())).await;
    assert!(told(&report, "damaged") && told(&report, "not whole in the source"), "{:?}", report.problems);
    assert!(!report.is_same());
    assert_eq!(by_name(&to).await.into_keys().collect::<Vec<_>>(), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_not_set_on_a_version_of_others() {
    let home = tempfile::tempdir().unwrap();
    let from = Store::new(Memory::default());
    fill(&from, false).await;
    let to = Store::new(Memory::default());
    to.create_registered_model("wine").await.unwrap();
    for _ in 0..3 {
        to.create_model_version("wine", "s3://theirs/model", None, &[]).await.unwrap();
    }
    let merges = Request { merges: true, ..request(home.path()) };
    let report = copied(&from, &to, &merges).await;
    assert_eq!(to.get_registered_model("wine").await.unwrap().alias("champion"), None);
    assert!(told(&report, "another one in the target"), "{:?}", report.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_in_the_target_stays() {
    let home = tempfile::tempdir().unwrap();
    let request = request(home.path());
    let from = Store::new(Memory::default());
    let (main, id) = plain("main", &from).await;
    let gone = run(&from, &main, "gone", None).await;
    end(&from, &gone, RunStatus::Killed).await;
    from.delete_run(&gone).await.unwrap();
    for to in [file_store(&home.path().join("mlruns")), Store::new(Memory::default())] {
        assert_eq!(copied(&from, &to, &request).await.problems, []);
        let of = |runs: &BTreeMap<String, (Experiment, Run)>, name: &str| runs[name].1.info.clone();
        let runs = by_name(&to).await;
        let (one, restored) = (of(&runs, "one").run_id, of(&runs, "gone").run_id);
        to.restore_run(&restored).await.unwrap();
        // As if the copy had broken off, and somebody logged to it.
        to.set_tag(&one, &Tag::new(UNFINISHED, "1")).await.unwrap();
        to.log_batch(&one, &[metric("loss", 99, 9.0)], &[], &[]).await.unwrap();
        // And in the source.
        from.log_batch(&id, &[metric("late", 1, 1.0)], &[], &[]).await.unwrap();
        let report = copied(&from, &to, &request).await;
        let is = to.get_run(&restored).await.unwrap().info.lifecycle_stage;
        assert_eq!(is, LifecycleStage::Active);
        assert!(told(&report, "restored in the target"), "{:?}", report.problems);
        let points = to.metric_history(&one, "loss").await.unwrap();
        assert_eq!(points.iter().filter(|point| point.step == 99).count(), 1);
        assert_eq!(points.len(), 4, "none is there twice");
        assert!(told(&report, "that the source lacks"), "{:?}", report.problems);
        assert_eq!(to.metric_history(&one, "late").await.unwrap().len(), 1);
    }
}

/// Why nothing was copied.
async fn refused(from: &Store, to: &Store, stage: &Path) -> String {
    let request = Request { merges: true, ..request(stage) };
    migrate(from, to, &request, &Progress::default()).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_not_copied_into_itself_whatever_it_is_called() {
    let home = tempfile::tempdir().unwrap();
    let from = named(home.path(), "a.db");
    plain("main", &from).await;
    std::fs::hard_link(home.path().join("a.db"), home.path().join("b.db")).unwrap();
    let same = "FROM and TO are the same store: nothing";
    assert!(refused(&from, &named(home.path(), "b.db"), home.path()).await.contains(same));
    let memory = Store::new(Memory::default());
    assert!(refused(&memory, &memory.clone(), home.path()).await.contains(same));
    let root = home.path().join("mlruns");
    let files = file_store(&root);
    plain("main", &files).await;
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&root, home.path().join("link")).unwrap();
        assert!(refused(&files, &file_store(&home.path().join("link")), home.path()).await.contains(same));
    }
    for experiment in from.search_experiments(ViewType::All).await.unwrap() {
        assert!(experiment.tags.iter().all(|tag| tag.key != FROM), "{experiment:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_names_of_one_server_are_told_by_what_is_behind_them() {
    let home = tempfile::tempdir().unwrap();
    let plain_one = named(home.path(), "a.db");
    plain("main", &plain_one).await;
    let old = plain_one.create_experiment("old", &[]).await.unwrap();
    plain_one.delete_experiment(&old).await.unwrap();
    std::fs::copy(home.path().join("a.db"), home.path().join("b.db")).unwrap();
    // They say as little of themselves as a server.
    let (from, _) = database(&home.path().join("a.db"), 0, Moment::Before);
    let (to, _) = database(&home.path().join("b.db"), 0, Moment::Before);
    assert!(refused(&from, &to, home.path()).await.contains("exact copy"));
    // One that was restored from a copy may lack runs that nothing else tells of.
    to.restore_experiment(&old).await.unwrap();
    run(&to, &old, "later", None).await;
    to.delete_experiment(&old).await.unwrap();
    keep_apart(&from, &to).await.unwrap();
    // A copy that went on is another store.
    plain("more", &to).await;
    let request = Request { merges: true, ..request(home.path()) };
    assert_eq!(copied(&to, &from, &request).await.copied.runs, 2);
    // So is what was copied by this very program, though nothing is new.
    assert_eq!(copied(&to, &from, &request).await.copied.runs, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_another_version_took_up_is_not_completed_as_its_own() {
    let home = tempfile::tempdir().unwrap();
    let (from, to) = (named(home.path(), "a.db"), Store::new(Memory::default()));
    from.begin().await.unwrap();
    for store in [&from, &to] {
        store.create_registered_model("m").await.unwrap();
    }
    for number in 1..=2 {
        from.create_model_version("m", &format!("s3://files/{number}"), None, &[]).await.unwrap();
    }
    let mark = [Tag::new(PLACEHOLDER, "1")];
    to.create_model_version("m", "s3://files/2", None, &mark).await.unwrap();
    let request = Request { merges: true, ..request(home.path()) };
    let report = copied(&from, &to, &request).await;
    assert!(told(&report, "does not again"), "{:?}", report.problems);
    assert_eq!(report.copied.versions, 1);
    let there = to.model_versions("m").await.unwrap();
    let there: Vec<_> = there.iter().map(|it| (it.version, it.source.as_str())).collect();
    assert_eq!(there, [(2, "s3://files/2")]);
}
