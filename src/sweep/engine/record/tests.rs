//! Whatever call to the store fails, no run is left that looks as if it ran, and a resumed sweep ends like one that nothing
//! disturbed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::mlflow::{Experiment, Run};
use crate::store::failing::{Failing, Moment};
use crate::store::memory::Memory;
use crate::sweep::begin::{PreparedSweep, SweepOrigin, find_or_create};
use crate::sweep::header::{OpenedBy, SweepHeader};
use crate::sweep::request::SweepRequest;
use crate::sweep::run::{self, RunError, SweepJob};

const STORE: &str = "memory";

/// A sweep of two trials of two folds.
fn request() -> SweepRequest {
    SweepRequest {
        data: "iris".into(),
        families: vec!["naive_bayes".into()],
        trials: Some(2),
        folds: Some(2),
        seed: Some(1),
        ..SweepRequest::default()
    }
}

struct World {
    failing: Arc<Failing<Memory>>,
    store: Store,
    experiment: Experiment,
    state: tempfile::TempDir,
    folder: SweepFolder,
    header: SweepHeader,
}

impl World {
    async fn new(moment: Moment, error: ErrorKind) -> Self {
        let failing = Arc::new(Failing::new(Memory::default(), 0, moment, error));
        let store = Store::new(Arc::clone(&failing));
        let state = tempfile::tempdir().unwrap();
        let (mut plan, data) = request().decide().unwrap();
        plan.rules.jobs = 1;
        let experiment = find_or_create(&store, "iris", &plan).await.unwrap();
        let origin = SweepOrigin {
            store: STORE,
            opened_by: &OpenedBy::TrackingUri(STORE.into()),
            config_file: None,
            user: "ana",
            state_folder: state.path(),
        };
        let prepared = PreparedSweep::new(plan, &data, &origin).unwrap();
        let (folder, header) = prepared.begin(&experiment).unwrap();
        Self { failing, store, experiment, state, folder, header }
    }

    /// Takes the sweep up, as a process does.
    async fn run(&self) -> Result<SweepEnd, RunError> {
        let data = self.header.plan.training_data().unwrap();
        let job = SweepJob::new(self.store.clone(), self.folder.clone(), self.header.clone(), data).unwrap();
        run::run(job, std::future::pending(), |_| {}).await
    }

    async fn runs(&self) -> Vec<Run> {
        // Whoever looks is not disturbed.
        self.failing.fail(0);
        let search = RunSearch {
            experiment_ids: vec![self.experiment.experiment_id.clone()],
            view: ViewType::All,
            max_results: 1_000,
            ..RunSearch::default()
        };
        self.store.search_runs(&search).await.unwrap().runs
    }

    /// What the store has of the sweep, by the numbers of trials, without times and ids.
    async fn left(&self) -> BTreeMap<String, Vec<String>> {
        let mut left = BTreeMap::new();
        for run in self.runs().await {
            let id = &run.info.run_id;
            let mut lines = vec![format!("{:?} {}", run.info.status, run.info.end_time.is_some())];
            for metric in run.metrics.iter().filter(|metric| !metric.key.ends_with("_seconds")) {
                let history = self.store.metric_history(id, &metric.key).await.unwrap();
                let points: Vec<_> = history.iter().map(|point| (point.step, point.value)).collect();
                lines.push(format!("{} {points:?}", metric.key));
            }
            lines.extend(run.params.iter().map(|param| format!("{} = {}", param.key, param.value)));
            lines.extend(run.tags.iter().map(|tag| tag.key.clone()));
            lines.push(format!("{} inputs", run.inputs.len()));
            for folder in ["", "model"] {
                let files = self.store.list_artifacts(id, folder).await.unwrap().files;
                lines.extend(files.iter().map(|file| file.path.clone()));
            }
            let models = self.store.logged_models_of(&self.experiment.experiment_id, id).await.unwrap();
            lines.extend(models.iter().map(|model| format!("model {} {}", model.name, model.status)));
            lines.push(format!("{} outputs", run.model_outputs.len()));
            // The name of the whole tells when it began.
            let name = run.tag(TRIAL).unwrap_or_default().to_owned();
            assert!(left.insert(name, lines).is_none(), "one run a trial");
        }
        left
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn is_over(folder: &SweepFolder) -> bool {
    folder.is_fully_logged().unwrap() == Some(true)
}

/// An undisturbed sweep: what it leaves, and how many calls it takes.
async fn undisturbed() -> (BTreeMap<String, Vec<String>>, usize) {
    let world = World::new(Moment::Before, ErrorKind::DiskFull).await;
    world.failing.fail(0);
    world.run().await.unwrap();
    let calls = world.failing.calls();
    (world.left().await, calls)
}

#[test]
fn an_undisturbed_sweep_leaves_its_trials_and_the_best_of_them() {
    block_on(async {
        let (left, calls) = undisturbed().await;
        assert_eq!(left.len(), 3, "a parent and two trials: {:?}", left.keys());
        assert!(calls > 20, "{calls} calls");
        for (name, lines) in &left {
            assert_eq!(lines[0], "Finished true", "{name}");
        }
        let all = format!("{left:?}");
        for word in
            ["val_accuracy", "test_accuracy", "search_space.json", "model model READY", "mltui.sweep.best"]
        {
            assert!(all.contains(word), "{word}: {all}");
        }
    });
}

/// Refused for good: the process ends with an error, and the sweep is resumed by another.
#[test]
fn whatever_call_fails_no_run_is_left_running_and_resuming_ends_the_same() {
    block_on(async {
        let (whole, calls) = undisturbed().await;
        for moment in [Moment::Before, Moment::After] {
            // Some calls more: how folds travel together depends on who is faster.
            for nth in 1..=calls + 4 {
                let world = World::new(moment, ErrorKind::Unauthorized).await;
                world.failing.fail(nth);
                let told = format!("call {nth} of {calls}, {moment:?}");
                if let Err(error) = world.run().await {
                    assert!(matches!(error, RunError::Store(_)), "{told}: {error}");
                    for run in world.runs().await {
                        assert_ne!(run.info.status, RunStatus::Running, "{told}: {}", run.info.run_name);
                    }
                    assert!(!is_over(&world.folder), "{told}");
                    world.run().await.unwrap();
                }
                assert!(is_over(&world.folder), "{told}");
                assert_eq!(world.left().await, whole, "{told}");
            }
        }
    });
}

/// It was logged with a model, and is tried once more by the same process.
#[test]
fn what_is_tried_again_is_looked_for_in_the_store() {
    block_on(async {
        let world = World::new(Moment::Before, ErrorKind::DiskFull).await;
        world.run().await.unwrap();
        let events = world.folder.events().unwrap();
        let sweep = world.header.logged();
        let mut recorder = Recorder::new(world.store.clone(), world.folder.clone(), sweep, &events, false);
        recorder.state.trials[0].outcome = None;
        recorder.retry(0).await.unwrap();
        assert!(recorder.searches);
    });
}

/// The process dies where the store broke off, and another program closes what it left.
#[test]
fn what_a_dead_process_left_is_closed_whatever_call_failed() {
    block_on(async {
        let (_, calls) = undisturbed().await;
        for nth in (1..=calls).step_by(3) {
            let world = World::new(Moment::After, ErrorKind::Unauthorized).await;
            world.failing.fail(nth);
            if world.run().await.is_ok() {
                continue;
            }
            let closed = run::close_broken(&world.store, Path::new(world.state.path()), STORE).await;
            assert_eq!(closed.len(), 1, "call {nth}");
            assert!(closed[0].closed.is_ok(), "call {nth}: {:?}", closed[0].closed);
            for run in world.runs().await {
                assert_ne!(run.info.status, RunStatus::Running, "call {nth}: {}", run.info.run_name);
            }
            assert!(is_over(&world.folder), "call {nth}");
        }
    });
}

/// A store that is away for one call is waited for: the sweep goes on by itself.
#[test]
fn a_store_that_is_away_for_a_moment_costs_nothing() {
    block_on(async {
        let (whole, calls) = undisturbed().await;
        for nth in [1, calls / 2, calls - 1] {
            let world = World::new(Moment::After, ErrorKind::Locked).await;
            world.failing.fail(nth);
            world.run().await.unwrap();
            assert_eq!(world.left().await, whole, "call {nth}");
        }
    });
}
