//! Marking in a store in memory: what it leaves, and that whatever call fails is made up for.

use std::sync::Arc;

use super::*;
use crate::mlflow::{ExperimentId, RunId, RunStatus, Tag, ViewType};
use crate::select::{Goal, MetricGoal};
use crate::store::failing::{Failing, Moment};
use crate::store::memory::Memory;
use crate::store::{ErrorKind, NewModel, NewRun, RunUpdate, Store};

type Failed = Arc<Failing<Memory>>;

/// An experiment with two finished runs that have a model each.
struct World {
    failing: Failed,
    store: Store,
    experiment: ExperimentId,
    runs: Vec<RunId>,
    folder: tempfile::TempDir,
}

impl World {
    async fn new(moment: Moment) -> Self {
        let error = ErrorKind::Unreachable("the line is cut".into());
        let failing = Arc::new(Failing::new(Memory::default(), 0, moment, error));
        let store = Store::new(Arc::clone(&failing));
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let mut runs = Vec::new();
        for (number, name) in ["first", "second"].into_iter().enumerate() {
            runs.push(finished(&store, &experiment, name, number as i64).await);
        }
        Self { failing, store, experiment, runs, folder: tempfile::tempdir().unwrap() }
    }

    /// Other experiments, each with a mark that is registered in the same model.
    async fn add_others(&self, count: usize) {
        for number in 0..count {
            let experiment = self.store.create_experiment(&format!("other-{number}"), &[]).await.unwrap();
            let run = finished(&self.store, &experiment, "other", 0).await;
            let request = MarkRequest { experiment, run, ..self.request(0, 100 + number as i64, "champion") };
            let plan = plan(&self.store, &request).await.unwrap();
            mark(&self.store, &self.journal(), &plan).await.unwrap();
        }
    }

    /// The calls of the store that something takes.
    async fn calls<T>(&self, work: impl Future<Output = T>) -> (usize, T) {
        self.failing.fail(0);
        let done = work.await;
        (self.failing.calls(), done)
    }

    fn journal(&self) -> Journal {
        Journal::new(self.folder.path(), "memory")
    }

    fn request(&self, run: usize, now: i64, alias: &str) -> MarkRequest {
        MarkRequest {
            experiment: self.experiment.clone(),
            run: self.runs[run].clone(),
            metric: "rmse".into(),
            value: Some(0.5),
            direction: "min".into(),
            value_of: "latest".into(),
            why: "the best of 2".into(),
            by: "ana".into(),
            now,
            random: 7,
            model_by: None,
            registration: Some(Registration {
                name: "wine".into(),
                alias: alias.into(),
                previous_alias: "previous".into(),
            }),
        }
    }

    async fn mark(&self, run: usize, now: i64) -> crate::store::Result<MarkOutcome> {
        let plan = plan(&self.store, &self.request(run, now, "champion")).await?;
        mark(&self.store, &self.journal(), &plan).await
    }

    async fn undo(&self, now: i64) -> crate::store::Result<Option<MarkOutcome>> {
        let undoing = Undoing { by: "ana".into(), now, of_others: true };
        undo(&self.store, &self.journal(), &self.experiment, &undoing, 7).await
    }

    /// Which runs are tagged as marked, by name.
    async fn marked(&self) -> Vec<String> {
        let mut names = Vec::new();
        for id in &self.runs {
            let run = self.store.get_run(id).await.unwrap();
            let is_marked = run.tag(MARK) == Some("true");
            assert_eq!(
                is_marked,
                run.tags.iter().any(|tag| tag.key.starts_with(MARK)),
                "no tag is left over"
            );
            names.extend(is_marked.then_some(run.info.run_name));
        }
        names
    }

    /// The versions by their numbers, and where the aliases point to.
    async fn registered(&self) -> (Vec<u64>, Option<u64>, Option<u64>) {
        let versions = self.store.model_versions("wine").await.unwrap();
        let known = self.store.get_registered_model("wine").await.ok();
        let alias = |name: &str| known.as_ref().and_then(|known| known.alias(name));
        (versions.iter().map(|version| version.version).collect(), alias("champion"), alias("previous"))
    }

    async fn holder(&self) -> Option<String> {
        let log = events(&self.store.get_experiment(&self.experiment).await.unwrap().tags);
        holder(&log).map(|record| record.run_name.clone())
    }
}

/// A run that is over, with a model.
async fn finished(store: &Store, experiment: &ExperimentId, name: &str, start_time: i64) -> RunId {
    let run = NewRun {
        experiment_id: experiment.clone(),
        run_name: Some(name.into()),
        user_id: "ana".into(),
        start_time,
        tags: Vec::new(),
    };
    let run = store.create_run(&run).await.unwrap().info.run_id;
    let model = NewModel {
        experiment_id: experiment.clone(),
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
    run
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn a_mark_moves_and_comes_back() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        assert_eq!(world.undo(900).await.unwrap(), None, "nothing is marked");
        let first = world.mark(0, 1_000).await.unwrap();
        assert_eq!(first.messages[0], "first is marked best");
        assert_eq!(
            (world.marked().await, world.registered().await),
            (vec!["first".into()], (vec![1], Some(1), None))
        );
        world.mark(1, 2_000).await.unwrap();
        assert_eq!(world.marked().await, ["second"]);
        assert_eq!(world.registered().await, (vec![2, 1], Some(2), Some(1)));
        let back = world.undo(3_000).await.unwrap().unwrap();
        assert_eq!(back.messages[0], "second is no longer marked best");
        assert!(back.messages.contains(&"first is again".to_owned()), "{:?}", back.messages);
        assert_eq!(
            (world.marked().await, world.registered().await),
            (vec!["first".into()], (vec![1], Some(1), None))
        );
        world.undo(4_000).await.unwrap().unwrap();
        assert_eq!(world.marked().await, Vec::<String>::new());
        assert_eq!(world.registered().await, (Vec::new(), None, None));
        let models = world.store.get_registered_model("wine").await.unwrap_err();
        assert!(matches!(models.kind, ErrorKind::NotFound(_)), "the model goes with its last version");
        assert_eq!(world.holder().await, None);
        assert_eq!(world.journal().broken_off().unwrap(), []);
    });
}

#[test]
fn a_run_whose_model_is_registered_keeps_its_name() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let name = |run: usize| registered_name(&world.store, &world.runs[run], "usual", None);
        assert_eq!(name(0).await.unwrap(), "usual", "it is not registered yet");
        world.mark(0, 1_000).await.unwrap();
        // So does another run of the experiment, as long as all are registered under one name.
        assert_eq!((name(0).await.unwrap(), name(1).await.unwrap()), ("wine".into(), "wine".into()));
        // A champion elsewhere goes before another model, and the usual name before all.
        let source = world.store.model_versions("wine").await.unwrap()[0].source.clone();
        for other in ["other", "usual"] {
            world.store.create_registered_model(other).await.unwrap();
            world.store.create_model_version(other, &source, Some(&world.runs[0]), &[]).await.unwrap();
            assert_eq!(name(0).await.unwrap(), if other == "usual" { "usual" } else { "wine" });
            assert_eq!(name(1).await.unwrap(), "usual");
        }
    });
}

#[test]
fn a_plan_writes_nothing_and_says_what_it_would() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        world.mark(0, 1_000).await.unwrap();
        let before = (world.marked().await, world.registered().await);
        let plan = plan(&world.store, &world.request(1, 2_000, "champion")).await.unwrap();
        assert_eq!((world.marked().await, world.registered().await), before);
        for word in [
            "experiment wine: set",
            "run second: set",
            "run first: remove",
            "@previous of wine: from none to v1",
        ] {
            assert!(plan.writes.iter().any(|line| line.contains(word)), "{word}: {:?}", plan.writes);
        }
        assert_eq!(plan.writes[0], "@champion of wine: from v1 to the new version", "it stands first");
        let again = super::plan(&world.store, &world.request(0, 3_000, "champion")).await.unwrap();
        assert!(again.writes.contains(&"@champion of wine: v1 already".to_owned()), "{:?}", again.writes);
    });
}

#[test]
fn an_alias_that_mlflow_does_not_take_leaves_the_mark() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        for (now, alias, why) in
            [(1_000, "v1".to_owned(), "reserved"), (2_000, "a".repeat(300), "1 to 255 letters")]
        {
            let plan = plan(&world.store, &world.request(0, now, &alias)).await.unwrap();
            let outcome = mark(&world.store, &world.journal(), &plan).await.unwrap();
            let note = outcome.record.note.unwrap();
            assert!(note.contains(why), "{note}");
            assert_eq!(world.marked().await, ["first"]);
            assert_eq!(world.journal().broken_off().unwrap(), [], "nothing is to be finished");
        }
    });
}

#[test]
fn a_deleted_run_is_not_marked() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let plan = plan(&world.store, &world.request(0, 1_000, "champion")).await.unwrap();
        world.store.delete_run(&world.runs[0]).await.unwrap();
        let refused = mark(&world.store, &world.journal(), &plan).await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::Invalid(_)), "{refused}");
        assert_eq!((world.holder().await, world.journal().broken_off().unwrap()), (None, Vec::new()));
    });
}

#[test]
fn a_store_that_is_only_read_is_not_marked_in() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let plan = plan(&world.store, &world.request(0, 1_000, "champion")).await.unwrap();
        let read_only = world.store.clone().read_only();
        let refused = mark(&read_only, &world.journal(), &plan).await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::ReadOnly(_)), "{refused}");
        assert_eq!(world.journal().broken_off().unwrap(), [], "nothing is to be finished");
    });
}

/// Marks, marks another, undoes, with one call that fails on the way; what broke off is finished, and the deed is done again
/// where it was not begun.
async fn disturbed(nth: usize, moment: Moment) -> (World, usize) {
    let world = World::new(moment).await;
    world.mark(0, 1_000).await.unwrap();
    world.failing.fail(nth);
    let mut is_whole = true;
    for deed in 0..2 {
        let done = match deed {
            0 => world.mark(1, 2_000).await.map(drop),
            _ => world.undo(3_000).await.map(drop),
        };
        let Err(error) = done else { continue };
        assert!(error.is_transient(), "{error}");
        is_whole = false;
        let finished = resume(&world.store, &world.journal()).await.unwrap();
        assert_eq!(finished.failed, []);
        if finished.outcomes.is_empty() {
            match deed {
                0 => drop(world.mark(1, 2_000).await.unwrap()),
                _ => drop(world.undo(3_000).await.unwrap()),
            }
        }
        if deed == 0 {
            assert_eq!(world.marked().await, ["second"], "call {nth}, {moment:?}");
        }
    }
    let calls = world.failing.calls();
    assert!(is_whole || nth <= calls);
    (world, calls)
}

#[test]
fn whatever_call_fails_is_made_up_for() {
    block_on(async {
        let (_, calls) = disturbed(0, Moment::Before).await;
        assert!(calls > 20, "{calls} calls");
        for moment in [Moment::Before, Moment::After] {
            for nth in 1..=calls {
                let (world, _) = disturbed(nth, moment).await;
                let told = format!("call {nth}, {moment:?}");
                assert_eq!(world.marked().await, ["first"], "{told}");
                assert_eq!(world.holder().await.as_deref(), Some("first"), "{told}");
                assert_eq!(world.registered().await, (vec![1], Some(1), None), "{told}");
                assert_eq!(world.journal().broken_off().unwrap(), [], "{told}");
            }
        }
    });
}

/// The model is deleted while a mark is half written, and its versions are counted from 1 again: what the alias pointed to
/// in the old one tells nothing of the new one.
#[test]
fn a_model_that_is_made_anew_amid_a_mark_is_looked_at_anew() {
    block_on(async {
        let (_, calls) = disturbed(0, Moment::Before).await;
        for nth in 1..=calls {
            let world = World::new(Moment::After).await;
            let first = world.mark(0, 1_000).await.unwrap().record.id;
            world.failing.fail(nth);
            if world.mark(1, 2_000).await.is_ok() {
                break;
            }
            world.failing.fail(0);
            world.store.delete_registered_model("wine").await.unwrap();
            resume(&world.store, &world.journal()).await.unwrap();
            if world.holder().await.as_deref() == Some("second") {
                world.undo(3_000).await.unwrap();
            }
            assert_eq!(world.marked().await, ["first"], "call {nth}");
            let versions = world.store.model_versions("wine").await.unwrap();
            let made_for: Vec<_> = versions.iter().flat_map(|it| &it.tags).map(|tag| &tag.value).collect();
            let told = format!("call {nth}: {versions:?}");
            assert!(versions.is_empty() || made_for == [&first], "{told}");
            let champion = versions.first().map(|it| it.version);
            assert_eq!(world.registered().await.1, champion, "{told}");
        }
    });
}

#[test]
fn what_the_newest_mark_was_chosen_by_is_known_until_it_is_undone() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let judged = async || {
            let tags = world.store.get_experiment(&world.experiment).await.unwrap().tags;
            judged_by(&tags).map(|policy| policy.primary().clone())
        };
        assert_eq!(judged().await, None);
        world.mark(0, 1_000).await.unwrap();
        let rmse = Some(MetricGoal::new("rmse", Goal::Minimize));
        assert_eq!(judged().await, rmse);
        let by = |metric: &str, direction: &str, now: i64| MarkRequest {
            metric: metric.into(),
            direction: direction.into(),
            ..world.request(1, now, "champion")
        };
        for (request, expected) in [
            (by("f1", "max", 2_000), Some(MetricGoal::new("f1", Goal::Maximize))),
            // What was marked by hand tells nothing of that.
            (by("", "", 3_000), Some(MetricGoal::new("f1", Goal::Maximize))),
        ] {
            let plan = plan(&world.store, &request).await.unwrap();
            mark(&world.store, &world.journal(), &plan).await.unwrap();
            assert_eq!(judged().await, expected);
        }
        world.undo(4_000).await.unwrap();
        world.undo(5_000).await.unwrap();
        assert_eq!(judged().await, rmse);
    });
}

#[test]
fn an_alias_that_was_deleted_by_hand_stays_deleted() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        world.mark(0, 1_000).await.unwrap();
        world.store.delete_model_alias("wine", "champion").await.unwrap();
        world.mark(1, 2_000).await.unwrap();
        assert_eq!(world.registered().await, (vec![2, 1], Some(2), None));
        world.undo(3_000).await.unwrap();
        assert_eq!(world.registered().await, (vec![1], None, None));
    });
}

#[test]
fn a_mark_of_somebody_else_meanwhile_holds_if_it_is_newer() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let early = plan(&world.store, &world.request(0, 1_000, "champion")).await.unwrap();
        world.mark(1, 2_000).await.unwrap();
        let outcome = mark(&world.store, &world.journal(), &early).await.unwrap();
        assert_eq!(outcome.superseded.unwrap().run_name, "second");
        assert_eq!(
            (world.marked().await, world.holder().await.as_deref()),
            (vec!["second".into()], Some("second"))
        );
    });
}

#[test]
fn experiments_that_share_a_model_cost_few_calls_however_many_they_are() {
    block_on(async {
        let mut counts = Vec::new();
        for others in [0, 20] {
            let world = World::new(Moment::Before).await;
            world.add_others(others).await;
            let (marking, marked) = world.calls(world.mark(0, 1_000)).await;
            let beside = marked.unwrap().record.model.unwrap().beside;
            assert_eq!(beside.len(), others);
            let (undoing, undone) = world.calls(world.undo(2_000)).await;
            undone.unwrap().unwrap();
            let (_, best, _) = world.registered().await;
            assert_eq!(best, (others > 0).then_some(others as u64), "the last of the others holds again");
            counts.push((marking, undoing));
        }
        let [alone, beside] = counts[..] else { unreachable!() };
        assert!(beside.0 <= alone.0 + 8 && beside.1 <= alone.1 + 8, "{counts:?}");
    });
}

#[test]
fn a_version_that_another_alias_points_to_stays_and_is_told() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        world.mark(0, 1_000).await.unwrap();
        world.store.set_model_alias("wine", "production", 1).await.unwrap();
        let said = world.undo(2_000).await.unwrap().unwrap().messages.join("; ");
        assert!(said.contains("version 1 of wine is kept: alias production points to it"), "{said}");
        assert_eq!(world.registered().await.0, [1]);
    });
}

#[test]
fn tags_that_others_wrote_are_no_marks() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let tag = Tag::new("mltui.mark.x", "{broken");
        world.store.set_experiment_tag(&world.experiment, &tag).await.unwrap();
        world.mark(0, 1_000).await.unwrap();
        assert_eq!(world.holder().await.as_deref(), Some("first"));
        assert_eq!(world.store.search_experiments(ViewType::All).await.unwrap().len(), 2);
    });
}
