//! Promoting in a store in memory: what it leaves, that whatever call fails is made up for, and that two at once end in one
//! state.

use std::sync::Arc;

use super::*;
use crate::marking::{self, Journal};
use crate::mlflow::filter::Asker;
use crate::mlflow::{ModelStage, ModelVersion, RunId, Tag};
use crate::select::{Goal, MetricGoal, Patterns};
use crate::store::failing::{Failing, Moment};
use crate::store::memory::Memory;
use crate::store::{ErrorKind, NewRun, Result, Store};

struct World {
    failing: Arc<Failing<Memory>>,
    store: Store,
    run: RunId,
    folder: tempfile::TempDir,
}

fn alias(name: &str) -> Role {
    Role::Alias(name.into())
}

impl World {
    /// A model of three versions, the first of which is champion, and a run that has none.
    async fn new(moment: Moment) -> Self {
        let error = ErrorKind::Unreachable("the line is cut".into());
        let failing = Arc::new(Failing::new(Memory::default(), 0, moment, error));
        let store = Store::new(Arc::clone(&failing));
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let run = NewRun {
            experiment_id: experiment,
            run_name: None,
            user_id: "ana".into(),
            start_time: 0,
            tags: Vec::new(),
        };
        let run = store.create_run(&run).await.unwrap().info.run_id;
        store.create_registered_model("net").await.unwrap();
        for _ in 0..3 {
            store.create_model_version("net", "s3://bucket/model", None, &[]).await.unwrap();
        }
        store.set_model_alias("net", "champion", 1).await.unwrap();
        store.set_model_alias("net", "challenger", 2).await.unwrap();
        store.set_model_stage("net", 1, ModelStage::Production, false).await.unwrap();
        Self { failing, store, run, folder: tempfile::tempdir().unwrap() }
    }

    fn journal(&self) -> Journal {
        Journal::new(self.folder.path(), "memory")
    }

    async fn plan(&self, request: &PromotionRequest) -> Result<PromotionPlan> {
        plan(&self.store, request, &Patterns::default()).await
    }

    async fn promote(&self, request: &PromotionRequest) -> Result<Promoted> {
        let plan = self.plan(request).await?;
        marking::promote(&self.store, &self.journal(), &plan.promotion).await
    }

    /// The aliases, and the versions with their stages.
    async fn seen(&self) -> (Vec<(String, u64)>, Vec<(u64, String)>) {
        let mut aliases = self.store.get_registered_model("net").await.unwrap().aliases;
        aliases.sort();
        let versions = self.store.model_versions("net").await.unwrap();
        (aliases, versions.into_iter().map(|it: ModelVersion| (it.version, it.current_stage)).collect())
    }

    async fn aliases(&self) -> Vec<(String, u64)> {
        self.seen().await.0
    }
}

fn request(version: std::result::Result<u64, NewVersion>, role: Role, now: i64) -> PromotionRequest {
    PromotionRequest {
        model: "net".into(),
        version,
        role,
        policy: ModelPolicy { keep: 2, ..ModelPolicy::default() },
        must_beat: false,
        compare_by: None,
        first_earlier: "previous".into(),
        by: "ana".into(),
        now,
        random: 7,
        why: String::new(),
    }
}

fn pairs(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    all.iter().map(|(alias, version)| ((*alias).to_owned(), *version)).collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn earlier_champions_move_one_further_and_come_back() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let champion = || alias("champion");
        let mut challenged = request(Ok(2), champion(), 1_000);
        challenged.policy.roles = vec![alias("challenger"), champion()];
        let plan = world.plan(&challenged).await.unwrap();
        assert_eq!((plan.holder, plan.is_held), (Some(1), false));
        assert_eq!(plan.verdict.lines(), ["passed: v2 is @challenger"]);
        for line in [
            "@previous of net: from none to v1",
            "@champion of net: from v1 to v2",
            "@challenger of net: from v2",
        ] {
            assert!(plan.writes.iter().any(|write| write.contains(line)), "{line}: {:?}", plan.writes);
        }
        assert!(plan.writes[0].starts_with("@champion of net: "), "it stands first: {:?}", plan.writes);
        let before = world.seen().await;
        let first = world.promote(&challenged).await.unwrap();
        assert_eq!(first.messages, ["net v2 is @champion, which was v1"]);
        assert_eq!(world.aliases().await, pairs(&[("champion", 2), ("previous", 1)]));
        let second = world.promote(&request(Ok(3), champion(), 2_000)).await.unwrap();
        assert_eq!(world.aliases().await, pairs(&[("champion", 3), ("previous", 2), ("previous-2", 1)]));
        let refused = marking::demote(&world.store, &world.journal(), &first.promotion, "ana", 3_000).await;
        assert!(matches!(refused.unwrap_err().kind, ErrorKind::Invalid(_)), "it does not hold any more");
        marking::demote(&world.store, &world.journal(), &second.promotion, "ana", 3_000).await.unwrap();
        assert_eq!(world.aliases().await, pairs(&[("champion", 2), ("previous", 1)]));
        marking::demote(&world.store, &world.journal(), &first.promotion, "ana", 4_000).await.unwrap();
        assert_eq!(world.seen().await, before, "nothing is left but the log");
        // Back to the one before: it is no earlier one any more.
        world.promote(&request(Ok(2), champion(), 5_000)).await.unwrap();
        world.promote(&request(Ok(1), champion(), 6_000)).await.unwrap();
        assert_eq!(world.aliases().await, pairs(&[("challenger", 2), ("champion", 1), ("previous", 2)]));
        assert!(world.plan(&request(Ok(1), champion(), 7_000)).await.unwrap().is_held);
        assert_eq!(world.journal().broken_off().unwrap(), []);
    });
}

#[test]
fn stages_move_and_come_back() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let before = world.seen().await;
        let production = Role::Stage(ModelStage::Production);
        let plan = world.plan(&request(Ok(3), production.clone(), 1_000)).await.unwrap();
        let told = plan.writes.join("\n");
        for line in ["net v3: from None to Production", "net v1: from Production to Archived"] {
            assert!(told.contains(line), "{told}");
        }
        let done = world.promote(&request(Ok(3), production, 1_000)).await.unwrap();
        let stages = world.seen().await.1;
        let named: Vec<&str> = stages.iter().map(|(_, stage)| stage.as_str()).collect();
        assert_eq!(named, ["Production", "None", "Archived"]);
        marking::demote(&world.store, &world.journal(), &done.promotion, "ana", 2_000).await.unwrap();
        assert_eq!(world.seen().await, before);
    });
}

#[test]
fn an_alias_that_was_moved_by_hand_to_an_undone_one_is_come_back_to() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let first = world.promote(&request(Ok(2), alias("champion"), 1_000)).await.unwrap();
        marking::demote(&world.store, &world.journal(), &first.promotion, "ana", 2_000).await.unwrap();
        world.store.set_model_alias("net", "champion", 2).await.unwrap();
        let second = world.promote(&request(Ok(3), alias("champion"), 3_000)).await.unwrap();
        marking::demote(&world.store, &world.journal(), &second.promotion, "ana", 4_000).await.unwrap();
        assert_eq!(world.aliases().await, pairs(&[("challenger", 2), ("champion", 2)]));
    });
}

#[test]
fn what_somebody_moved_since_is_not_taken_back() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let done = world.promote(&request(Ok(2), alias("champion"), 1_000)).await.unwrap();
        world.store.set_model_alias("net", "champion", 3).await.unwrap();
        let refused = marking::demote(&world.store, &world.journal(), &done.promotion, "ana", 2_000).await;
        assert!(matches!(refused.unwrap_err().kind, ErrorKind::Invalid(_)));
        assert_eq!(world.store.get_registered_model("net").await.unwrap().alias("champion"), Some(3));
        assert_eq!(world.journal().broken_off().unwrap(), [], "nothing is to be finished");
    });
}

/// What is promoted, and whether a version is registered for it.
fn deeds(world: &World) -> [PromotionRequest; 3] {
    let new = NewVersion { run: world.run.clone(), source: "s3://bucket/new".into() };
    let mut challenged = request(Ok(2), alias("champion"), 1_000);
    challenged.policy.roles = vec![alias("challenger"), alias("champion")];
    [
        challenged,
        request(Err(new), alias("champion"), 1_000),
        request(Ok(2), Role::Stage(ModelStage::Production), 1_000),
    ]
}

/// Promotes and takes back, with one call that fails on the way; what broke off is finished, and the deed is done again where
/// it was not begun. What was seen between, and then, and the calls that it took.
async fn disturbed(
    deed: usize,
    nth: usize,
    moment: Moment,
) -> (Vec<(Vec<(String, u64)>, Vec<(u64, String)>)>, usize) {
    let world = World::new(moment).await;
    let request = deeds(&world)[deed].clone();
    let mut seen = Vec::new();
    world.failing.fail(nth);
    let promoted = match world.promote(&request).await {
        Ok(promoted) => promoted,
        Err(error) => {
            assert!(error.is_transient(), "{error}");
            let mut finished = marking::resume(&world.store, &world.journal()).await.unwrap();
            assert_eq!(finished.failed, []);
            match finished.promotions.pop() {
                Some(promoted) => promoted,
                None => world.promote(&request).await.unwrap(),
            }
        }
    };
    assert!(promoted.holds, "{promoted:?}");
    let passed = world.failing.calls();
    world.failing.fail(0);
    seen.push(world.seen().await);
    world.failing.fail(nth.saturating_sub(passed));
    let demoted = marking::demote(&world.store, &world.journal(), &promoted.promotion, "ana", 2_000).await;
    let calls = passed + world.failing.calls();
    if let Err(error) = demoted {
        assert!(nth > passed && error.is_transient(), "{error}");
        let finished = marking::resume(&world.store, &world.journal()).await.unwrap();
        assert_eq!((finished.failed.len(), finished.promotions.len()), (0, 1));
    }
    world.failing.fail(0);
    seen.push(world.seen().await);
    assert_eq!(world.journal().broken_off().unwrap(), []);
    (seen, calls)
}

#[test]
fn whatever_call_fails_is_made_up_for() {
    block_on(async {
        for deed in 0..3 {
            let (whole, calls) = disturbed(deed, 0, Moment::Before).await;
            assert!(calls > 15, "{calls} calls");
            for moment in [Moment::Before, Moment::After] {
                for nth in 1..=calls {
                    let (seen, _) = disturbed(deed, nth, moment).await;
                    assert_eq!(seen, whole, "deed {deed}, call {nth}, {moment:?}");
                }
            }
        }
    });
}

/// One process is killed at any call, another promotes another version meanwhile, and the first is finished then.
#[test]
fn two_at_once_end_in_one_state() {
    block_on(async {
        for (deed, role) in [(0, alias("champion")), (2, Role::Stage(ModelStage::Production))] {
            for nth in 1..60 {
                let world = World::new(Moment::After).await;
                let first = deeds(&world)[deed].clone();
                world.failing.fail(nth);
                let is_done = world.promote(&first).await.is_ok();
                world.failing.fail(0);
                let second = world.promote(&request(Ok(3), role.clone(), 2_000)).await.unwrap();
                marking::resume(&world.store, &world.journal()).await.unwrap();
                let (aliases, stages) = world.seen().await;
                let told = format!("call {nth}: {aliases:?} {stages:?}");
                assert!(second.holds, "{told}");
                if let Role::Alias(_) = role {
                    let of = |name: &str| aliases.iter().find(|(alias, _)| alias == name).map(|it| it.1);
                    let is_begun = of("previous") == Some(2);
                    assert_eq!(of("champion"), Some(3), "{told}");
                    assert_eq!(of("previous-2"), is_begun.then_some(1), "{told}");
                    assert!(is_begun || of("previous") == Some(1) && !is_done, "{told}");
                } else {
                    let held: Vec<u64> =
                        stages.iter().filter(|(_, stage)| stage == "Production").map(|(it, _)| *it).collect();
                    assert_eq!(held, [3], "{told}");
                }
                assert_eq!(world.journal().broken_off().unwrap(), [], "{told}");
                if is_done {
                    break;
                }
            }
        }
    });
}

#[test]
fn a_version_that_is_gone_is_nothing_again() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let promoted = world.promote(&request(Ok(2), alias("champion"), 1_000)).await.unwrap();
        world.store.delete_model_version("net", 1).await.unwrap();
        let demoted =
            marking::demote(&world.store, &world.journal(), &promoted.promotion, "ana", 2_000).await.unwrap();
        assert_eq!(demoted.messages, ["net v2 is no longer @champion; v1, which was before, is not"]);
        assert_eq!(world.store.get_registered_model("net").await.unwrap().alias("champion"), None);
    });
}

/// Of two that were planned on the same model, and of one whose alias was moved by hand since, the later write is refused.
#[test]
fn what_was_planned_on_another_state_is_refused() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let first = world.plan(&request(Ok(2), alias("champion"), 1_000)).await.unwrap();
        let second = world.plan(&request(Ok(3), alias("champion"), 2_000)).await.unwrap();
        marking::promote(&world.store, &world.journal(), &first.promotion).await.unwrap();
        let refused = marking::promote(&world.store, &world.journal(), &second.promotion).await.unwrap_err();
        assert!(is_outdated(&refused), "{refused}");
        assert_eq!(world.journal().broken_off().unwrap(), []);
        let third = world.plan(&request(Ok(3), alias("champion"), 3_000)).await.unwrap();
        world.store.set_model_alias("net", "champion", 1).await.unwrap();
        let refused = marking::promote(&world.store, &world.journal(), &third.promotion).await.unwrap_err();
        assert!(is_outdated(&refused), "{refused}");
        assert_eq!(world.store.get_registered_model("net").await.unwrap().alias("champion"), Some(1));
        let staged = world.plan(&request(Ok(3), Role::Stage(ModelStage::Staging), 4_000)).await.unwrap();
        world.store.set_model_stage("net", 2, ModelStage::Staging, false).await.unwrap();
        let refused = marking::promote(&world.store, &world.journal(), &staged.promotion).await.unwrap_err();
        assert!(is_outdated(&refused), "{refused}");
    });
}

#[test]
fn what_cannot_be_done_leaves_nothing() {
    block_on(async {
        let world = World::new(Moment::Before).await;
        let before = world.seen().await;
        let plan = world.plan(&request(Ok(2), alias("champion"), 1_000)).await.unwrap();
        world.store.delete_model_version("net", 2).await.unwrap();
        let gone = marking::promote(&world.store, &world.journal(), &plan.promotion).await.unwrap_err();
        assert!(matches!(gone.kind, ErrorKind::NotFound(_)), "{gone}");
        assert_eq!(world.aliases().await, pairs(&[("champion", 1)]), "{before:?}");
        assert_eq!(world.journal().broken_off().unwrap(), []);
        // Planned before another was promoted, and confirmed after it.
        let other = world.plan(&request(Ok(3), alias("champion"), 2_000)).await.unwrap();
        let late = world.plan(&request(Ok(1), Role::Stage(ModelStage::Staging), 1_500)).await.unwrap();
        marking::promote(&world.store, &world.journal(), &other.promotion).await.unwrap();
        let refused = marking::promote(&world.store, &world.journal(), &late.promotion).await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::Invalid(_)), "{refused}");
        assert_eq!(world.seen().await.1.last().unwrap().1, "Production");
        assert_eq!(world.journal().broken_off().unwrap(), []);
        let read_only = world.store.clone().read_only();
        let plan = plan_in(&read_only).await;
        let refused = marking::promote(&read_only, &world.journal(), &plan.promotion).await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::ReadOnly(_)), "{refused}");
        assert_eq!(world.journal().broken_off().unwrap(), []);
    });
}

async fn plan_in(store: &Store) -> PromotionPlan {
    plan(store, &request(Ok(1), alias("champion"), 9_000), &Patterns::default()).await.unwrap()
}

fn facts_with(version: u64, value: Option<f64>) -> Facts {
    let metric = |value| crate::mlflow::Metric { key: "rmse".into(), value, timestamp: 1, step: 0 };
    let info = crate::mlflow::RunInfo {
        run_id: "r".into(),
        experiment_id: "1".into(),
        run_name: "r".into(),
        user_id: "ana".into(),
        status: crate::mlflow::RunStatus::Finished,
        start_time: None,
        end_time: None,
        lifecycle_stage: crate::mlflow::LifecycleStage::Active,
        artifact_uri: String::new(),
    };
    let run = crate::mlflow::Run {
        info,
        metrics: value.map(metric).into_iter().collect(),
        params: Vec::new(),
        tags: Vec::new(),
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    };
    Facts { version: Some(version), run: Some(run), ..Facts::default() }
}

#[test]
fn each_check_says_its_numbers() {
    let policy = ModelPolicy {
        metric: Some(MetricGoal::new("rmse", Goal::Minimize)),
        min_delta: 0.01,
        ..ModelPolicy::default()
    };
    let judged = |own: Option<f64>, other: Option<Option<f64>>| {
        let holder = other.map(|value| facts_with(3, value));
        let verdict = judge(&policy, &alias("champion"), &facts_with(4, own), holder.as_ref());
        let [check] = &verdict.checks[..] else { panic!("{verdict:?}") };
        (check.outcome, check.words.clone())
    };
    for (own, other, outcome, words) in [
        (
            Some(0.558),
            Some(Some(0.568)),
            Outcome::Passed,
            "v4 has rmse 0.558, v3 (@champion) has 0.568: better by 0.01; 0.01 is required",
        ),
        (
            Some(0.56),
            Some(Some(0.568)),
            Outcome::Failed,
            "v4 has rmse 0.56, v3 (@champion) has 0.568: better by 0.008; 0.01 is required",
        ),
        (None, Some(Some(0.5)), Outcome::Unknown, "v4 has no rmse"),
        (Some(0.5), Some(None), Outcome::Unknown, "v3 (@champion) has no rmse to compare with"),
        (Some(f64::NAN), Some(Some(0.5)), Outcome::Failed, "v4 has rmse NaN"),
        (Some(0.5), Some(Some(f64::NAN)), Outcome::Passed, "v4 has rmse 0.5, v3 (@champion) has NaN"),
        (Some(0.5), None, Outcome::Passed, "v4 has rmse 0.5, and no version is @champion"),
    ] {
        assert_eq!(judged(own, other), (outcome, words.to_owned()));
    }
}

#[test]
fn what_is_required_and_missing_is_told_from_what_cannot_be_read() {
    let mut policy = ModelPolicy {
        tags: vec![Required::parse("reviewed=yes")],
        params: vec![Required::parse("seed")],
        ..ModelPolicy::default()
    };
    policy.constrain("metrics.rmse < 0.4").unwrap();
    let mut known = facts_with(4, Some(0.5));
    known.tags = vec![Tag::new("reviewed", "no")];
    let verdict = judge(&policy, &alias("champion"), &known, None);
    assert_eq!(
        verdict.lines(),
        [
            "failed: tag reviewed is \"no\", not \"yes\"",
            "failed: param seed is missing",
            "failed: metrics.rmse is 0.5, which does not pass < 0.4",
        ]
    );
    let mut either = ModelPolicy::default();
    either.constrain("metrics.rmse < 0.4 OR (metrics.rmse < 0.6 AND user = me)").unwrap();
    let verdict = judge(&either, &alias("champion"), &known, None);
    assert_eq!(
        verdict.lines(),
        [
            "failed: metrics.rmse is 0.5, attributes.user_id is ana, which does not pass metrics.rmse < 0.4 OR \
          metrics.rmse < 0.6 AND attributes.user_id = ''"
        ],
        "nobody asks"
    );
    either.constraint = either.constraint.at(Asker { now: 0, user: "ana" }).into();
    assert_eq!(judge(&either, &alias("champion"), &known, None).outcome(), Outcome::Passed);
    known.run = None;
    known.tags = vec![Tag::new("reviewed", "yes")];
    let verdict = judge(&policy, &alias("champion"), &known, None);
    let outcomes: Vec<Outcome> = verdict.checks.iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes, [Outcome::Passed, Outcome::Unknown, Outcome::Unknown]);
    assert_eq!(verdict.outcome(), Outcome::Unknown);
}
