//! Marks that break off in a local store, and what somebody else did meanwhile.

use std::path::Path;

use mltui::mlflow::{ExperimentId, RunId, Tag};
use mltui::store::uri;
use mltui::store::uri::RestOptions;

use crate::support::stores::{block_on, new_run, open};

pub(super) fn request(experiment: &ExperimentId, run: RunId) -> mltui::marking::MarkRequest {
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
        ("UPDATE model_versions SET description = 'the notes of the release'", "is kept"),
        ("UPDATE model_versions SET current_stage = 'Production'", "is kept"),
        (
            "INSERT INTO model_version_tags (name, version, key, value) VALUES ('wine', 1, 'by', 'ana')",
            "is kept",
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
            assert_eq!(versions.len(), usize::from(becomes == "is kept"), "{write}");
            assert!(versions.iter().all(|version| version.aliases.is_empty()), "the alias is taken back");
            if is_kept {
                store.delete_registered_model("wine").await.unwrap();
            }
        }
    });
}
