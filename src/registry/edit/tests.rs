use super::*;
use crate::marking::{self, Journal, MarkRequest, Registration, Undoing};
use crate::mlflow::{ExperimentId, RunStatus};
use crate::store::memory::Memory;
use crate::store::{NewModel, NewRun, RunUpdate};

fn author() -> Author {
    Author { by: "ana".into(), now: 1, random: 7 }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn filled() -> Store {
    let store = Store::new(Memory::default());
    store.create_registered_model("net").await.unwrap();
    for _ in 0..3 {
        store.create_model_version("net", "s3://bucket/model", None, &[]).await.unwrap();
    }
    store.set_model_alias("net", "champion", 1).await.unwrap();
    store.set_model_stage("net", 1, ModelStage::Production, false).await.unwrap();
    store.set_registered_model_tag("net", &Tag::new("team", "red")).await.unwrap();
    store
}

/// All that can be seen of the model.
async fn seen(store: &Store) -> (RegisteredModel, Vec<ModelVersion>) {
    let mut model = store.get_registered_model("net").await.unwrap();
    let mut versions = store.model_versions("net").await.unwrap();
    model.last_updated_time = None;
    // The history stays.
    model.tags.retain(|tag| !crate::promotion::is_of_log(&tag.key));
    for version in &mut versions {
        version.last_updated_time = None;
    }
    (model, versions)
}

fn edits() -> Vec<Edit> {
    let model = || "net".to_owned();
    let tag = |version, key: &str, value: Option<&str>| Edit::Tag {
        model: model(),
        version,
        key: key.into(),
        value: value.map(str::to_owned),
    };
    vec![
        Edit::Alias { model: model(), alias: "champion".into(), version: Some(2) },
        Edit::Alias { model: model(), alias: "champion".into(), version: None },
        Edit::Alias { model: model(), alias: "new".into(), version: Some(3) },
        Edit::Describe { model: model(), version: None, text: "a net".into() },
        Edit::Describe { model: model(), version: Some(2), text: "the second".into() },
        tag(None, "team", Some("blue")),
        tag(None, "team", None),
        tag(Some(2), "gate", Some("passed")),
        Edit::Stage { model: model(), version: 2, stage: ModelStage::Production, archives_others: true },
        Edit::Stage { model: model(), version: 1, stage: ModelStage::Archived, archives_others: false },
        Edit::Rename { model: model(), to: "network".into() },
    ]
}

#[test]
fn every_change_that_can_be_undone_leaves_nothing_behind() {
    block_on(async {
        for edit in edits() {
            let store = filled().await;
            let before = seen(&store).await;
            let applied = apply(&store, &edit, &author()).await.unwrap();
            let name = applied.model.clone().unwrap();
            assert!(name != "net" || seen(&store).await != before, "{edit:?} changes nothing");
            let undone = undo(&store, &applied.undo.unwrap(), &author()).await.unwrap();
            assert_eq!(undone.model.as_deref(), Some("net"));
            assert_eq!(seen(&store).await, before, "{edit:?}");
        }
    });
}

#[test]
fn what_somebody_changed_since_is_not_undone() {
    block_on(async {
        let store = filled().await;
        let edit = Edit::Alias { model: "net".into(), alias: "champion".into(), version: Some(2) };
        let applied = apply(&store, &edit, &author()).await.unwrap();
        store.set_model_alias("net", "champion", 3).await.unwrap();
        let refused = undo(&store, &applied.undo.unwrap(), &author()).await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::Invalid(_)), "{refused}");
        assert_eq!(store.get_registered_model("net").await.unwrap().alias("champion"), Some(3));
    });
}

/// A mark on a new run whose model is registered as `net`, and a world to undo it in.
struct Marking {
    store: Store,
    experiment: ExperimentId,
    journal: Journal,
    _folder: tempfile::TempDir,
}

impl Marking {
    async fn new() -> Self {
        let store = Store::new(Memory::default());
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { store, experiment, journal: Journal::new(folder.path(), "memory"), _folder: folder }
    }

    async fn mark(&self, now: i64) {
        let (store, experiment_id) = (&self.store, self.experiment.clone());
        let new = NewRun {
            experiment_id: experiment_id.clone(),
            run_name: None,
            user_id: "ana".into(),
            start_time: now,
            tags: Vec::new(),
        };
        let run = store.create_run(&new).await.unwrap().info.run_id;
        let model = NewModel {
            experiment_id,
            name: "model".into(),
            model_type: String::new(),
            source_run_id: run.clone(),
            params: Vec::new(),
            tags: Vec::new(),
        };
        let model = store.create_logged_model(&model).await.unwrap().model_id;
        store.log_model_output(&run, &model, 0).await.unwrap();
        store.finish_logged_model(&model, true).await.unwrap();
        let done = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(9), run_name: None };
        store.update_run(&run, &done).await.unwrap();
        let request = MarkRequest {
            experiment: self.experiment.clone(),
            run,
            metric: "rmse".into(),
            value: Some(0.5),
            direction: "min".into(),
            value_of: "latest".into(),
            why: "the best".into(),
            by: "ana".into(),
            now,
            random: 7,
            model_by: None,
            registration: Some(Registration {
                name: "net".into(),
                alias: "champion".into(),
                previous_alias: "previous".into(),
            }),
        };
        let plan = marking::plan(store, &request).await.unwrap();
        marking::mark(store, &self.journal, &plan).await.unwrap();
    }

    async fn undo_mark(&self, now: i64) {
        let undoing = Undoing { by: "ana".into(), now, of_others: false };
        marking::undo(&self.store, &self.journal, &self.experiment, &undoing, 7).await.unwrap();
    }

    async fn champion(&self) -> Option<u64> {
        self.store.get_registered_model("net").await.unwrap().alias("champion")
    }
}

#[test]
fn a_mark_and_a_move_of_its_alias_do_not_undo_each_other() {
    block_on(async {
        let to =
            |version| Edit::Alias { model: "net".into(), alias: "champion".into(), version: Some(version) };
        let world = Marking::new().await;
        world.mark(1_000).await;
        world.mark(2_000).await;
        assert_eq!(world.champion().await, Some(2));
        let moved = apply(&world.store, &to(1), &author()).await.unwrap();
        world.undo_mark(3_000).await;
        assert_eq!(world.champion().await, Some(1), "undoing the mark leaves what was moved by hand");
        // A newer mark takes the alias; then the move is not undone any more.
        world.mark(4_000).await;
        assert_eq!(world.champion().await, Some(3));
        assert!(undo(&world.store, &moved.undo.unwrap(), &author()).await.is_err());
        assert_eq!(world.champion().await, Some(3));
        world.undo_mark(5_000).await;
        assert_eq!(world.champion().await, Some(1), "back to what the mark found");
    });
}

#[test]
fn what_is_deleted_is_gone() {
    block_on(async {
        let store = filled().await;
        let applied =
            apply(&store, &Edit::DeleteVersion { model: "net".into(), version: 1 }, &author()).await.unwrap();
        assert_eq!((applied.undo, applied.model.as_deref()), (None, Some("net")));
        let applied = apply(&store, &Edit::DeleteModel { model: "net".into() }, &author()).await.unwrap();
        assert_eq!((applied.undo, applied.model), (None, None));
        assert!(store.get_registered_model("net").await.is_err());
    });
}
