//! What the executor does for the state machine, on a store in memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::executor::EffectExecutor;
use crate::config::Selecting;
use crate::mlflow::{ExperimentId, Metric, Param, RunId, RunStatus, Tag};
use crate::state::by_experiment::ByExperiment;
use crate::state::views::Views;
use crate::store::failing::{Failing, Moment};
use crate::store::memory::Memory;
use crate::store::{ErrorKind, HistoryCursor, NewRun, RunUpdate, Store};
use crate::sweep::begin::SameStore;
use crate::sweep::header::OpenedBy;
use crate::tui::core::effect::Effect;
use crate::tui::core::msg::Msg;
use crate::tui::core::remote::Ticket;
use crate::tui::features::charts::histories::{HistoryKey, HistoryRequest};
use crate::tui::features::runs::effects::Write;
use crate::tui::features::session::keeping::Keeper;
use crate::tui::features::{best, charts, details, experiments, runs, sweeps};

/// What hangs is given up after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// An executor, what it answers, and the store behind it.
struct World {
    executor: EffectExecutor,
    messages: UnboundedReceiver<Msg>,
    store: Store,
    failing: Arc<Failing<Memory>>,
    experiment: ExperimentId,
    run: RunId,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let error = ErrorKind::Unreachable("the line is cut".into());
        let failing = Arc::new(Failing::new(Memory::default(), 0, Moment::Before, error));
        let store = Store::new(Arc::clone(&failing));
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let run = create(&store, &experiment, "first").await;
        let folder = tempfile::tempdir().unwrap();
        let (sender, messages) = mpsc::unbounded_channel();
        let sweeps = sweeps::effects::Services {
            state_folder: folder.path().to_owned(),
            store: "memory".into(),
            opened_by: OpenedBy::TrackingUri("memory".into()),
            config_file: None,
            user: "ana".into(),
            same: SameStore::default(),
            plans: ByExperiment::new(folder.path(), "plans", "memory"),
            states: Arc::default(),
        };
        let keeper = Keeper::new(folder.path(), "memory");
        let best = best::effects::Services::new(&Selecting::default(), "ana", folder.path(), "memory");
        let (pace, views) = (Duration::from_millis(1), Views::new(folder.path()));
        let executor = EffectExecutor::new(store.clone(), sender, pace, keeper, best, sweeps, views);
        Self { executor, messages, store, failing, experiment, run, _folder: folder }
    }

    /// The first message that is wanted; others are let go.
    async fn wait<T>(&mut self, wanted: impl Fn(Msg) -> Option<T>) -> T {
        let found = async {
            loop {
                let msg = self.messages.recv().await.expect("the executor is there");
                if let Some(found) = wanted(msg) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("an answer comes")
    }

    fn watch(&mut self, ticket: Ticket) {
        let experiment = self.experiment.clone();
        self.executor.perform(Effect::Runs(runs::effects::Effect::Watch {
            ticket,
            experiment,
            deleted: false,
        }));
    }

    /// The names of the runs of the next snapshot that is whole, with its ticket.
    async fn snapshot(&mut self) -> (Ticket, Vec<String>) {
        self.wait(|msg| match msg {
            Msg::Runs(runs::Msg::Snapshot { ticket, snapshot }) if snapshot.complete => {
                let catalog = &snapshot.catalog;
                let mut names: Vec<String> =
                    catalog.rows().map(|row| catalog.run_name(row).to_owned()).collect();
                names.sort();
                Some((ticket, names))
            }
            _ => None,
        })
        .await
    }
}

async fn create(store: &Store, experiment: &ExperimentId, name: &str) -> RunId {
    let run = NewRun {
        experiment_id: experiment.clone(),
        run_name: Some(name.into()),
        user_id: "ana".into(),
        start_time: 1_000,
        tags: Vec::new(),
    };
    store.create_run(&run).await.unwrap().info.run_id
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn experiments_come_first_and_their_counts_behind_them() {
    block_on(async {
        let mut world = World::new().await;
        world.executor.perform(Effect::Experiments(experiments::effects::Effect::Load));
        let (list, latest) = world
            .wait(|msg| match msg {
                Msg::Experiments(experiments::Msg::Listed { result: listed, .. }) => Some(listed.unwrap()),
                Msg::Experiments(experiments::Msg::Counted(_)) => {
                    panic!("nothing is counted before it is listed")
                }
                _ => None,
            })
            .await;
        let names: Vec<&str> = list.iter().map(|experiment| experiment.name.as_str()).collect();
        assert_eq!(names, ["wine", "Default"]);
        assert_eq!(latest, Some(world.experiment.clone()));
        let counts =
            world
                .wait(|msg| {
                    if let Msg::Experiments(experiments::Msg::Counted(counts)) = msg { counts } else { None }
                })
                .await;
        assert_eq!(counts.get(&world.experiment).map(|count| count.active), Some(1));
    });
}

#[test]
fn a_list_that_fails_is_asked_for_again() {
    block_on(async {
        let mut world = World::new().await;
        world.failing.fail(1);
        world.executor.perform(Effect::Experiments(experiments::effects::Effect::Load));
        let listed = async |world: &mut World| {
            world
                .wait(|msg| {
                    if let Msg::Experiments(experiments::Msg::Listed { result: listed, .. }) = msg {
                        Some(listed)
                    } else {
                        None
                    }
                })
                .await
        };
        let error = listed(&mut world).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot list experiments: the line is cut");
        assert_eq!(listed(&mut world).await.unwrap().0.len(), 2);
    });
}

#[test]
fn a_watched_experiment_shows_what_others_write() {
    block_on(async {
        let mut world = World::new().await;
        world.watch(Ticket(1));
        assert_eq!(world.snapshot().await, (Ticket(1), vec!["first".to_owned()]));
        create(&world.store, &world.experiment, "second").await;
        assert_eq!(world.snapshot().await, (Ticket(1), vec!["first".into(), "second".into()]));
        world.store.delete_run(&world.run).await.unwrap();
        assert_eq!(world.snapshot().await, (Ticket(1), vec!["second".to_owned()]));
        let touched = world.wait(|msg| match msg {
            Msg::Runs(runs::Msg::Polled { ticket, touched, .. }) => Some((ticket, touched)),
            _ => None,
        });
        assert_eq!(touched.await, (Ticket(1), true));
        // Another one in its place.
        world.experiment = "0".into();
        world.watch(Ticket(2));
        let empty = world.wait(|msg| match msg {
            Msg::Runs(runs::Msg::Snapshot { ticket: Ticket(2), snapshot }) => Some(snapshot.catalog.count),
            _ => None,
        });
        assert_eq!(empty.await, 0);
    });
}

#[test]
fn a_poll_that_fails_says_when_the_next_one_comes_and_goes_on() {
    block_on(async {
        let mut world = World::new().await;
        world.watch(Ticket(1));
        world.snapshot().await;
        world.failing.fail(1);
        let failed = world.wait(|msg| match msg {
            Msg::Runs(runs::Msg::PollFailed { ticket, error, retry_ms }) => {
                Some((ticket, error.to_string(), retry_ms))
            }
            _ => None,
        });
        let (ticket, error, retry) = failed.await;
        assert_eq!((ticket, error.as_str()), (Ticket(1), "cannot refresh: the line is cut"));
        assert_eq!(retry, 1_000);
        create(&world.store, &world.experiment, "second").await;
        world.executor.perform(Effect::Runs(runs::effects::Effect::Refresh));
        assert_eq!(world.snapshot().await.1, ["first", "second"]);
    });
}

#[test]
fn a_paused_watch_looks_only_when_it_is_asked() {
    block_on(async {
        let mut world = World::new().await;
        world.executor.perform(Effect::Runs(runs::effects::Effect::Pause(true)));
        world.watch(Ticket(1));
        world.snapshot().await;
        create(&world.store, &world.experiment, "second").await;
        let before = world.failing.calls();
        // What was under way when it was paused is over when this is answered.
        world.executor.perform(Effect::Details(details::effects::Effect::LoadRun {
            ticket: Ticket(1),
            id: world.run.clone(),
        }));
        world.wait(|msg| matches!(msg, Msg::Details(details::Msg::Run { .. })).then_some(())).await;
        assert_eq!(world.failing.calls(), before + 1, "nobody looked");
        world.executor.perform(Effect::Runs(runs::effects::Effect::Refresh));
        assert_eq!(world.snapshot().await.1, ["first", "second"]);
    });
}

#[test]
fn runs_histories_and_files_are_answered_with_what_was_asked() {
    block_on(async {
        let mut world = World::new().await;
        let run = world.run.clone();
        let metrics: Vec<Metric> = (0..3)
            .map(|step| Metric { key: "loss".into(), value: step as f64, timestamp: step, step })
            .collect();
        world.store.log_batch(&run, &metrics, &[Param::new("lr", "0.1")], &[]).await.unwrap();
        world.store.write_artifact(&run, "notes.txt", b"text").await.unwrap();
        world.executor.perform(Effect::Details(details::effects::Effect::LoadRun {
            ticket: Ticket(7),
            id: run.clone(),
        }));
        let params = world.wait(|msg| match msg {
            Msg::Details(details::Msg::Run { ticket: Ticket(7), result }) => Some(result.unwrap().params),
            _ => None,
        });
        assert_eq!(params.await, [Param::new("lr", "0.1")]);
        let which = HistoryKey { run: run.clone(), key: "loss".into() };
        let want = HistoryRequest { of: which, cursor: HistoryCursor::START, ticket: Ticket(3) };
        world.executor.perform(Effect::Charts(charts::effects::Effect::Read(vec![want])));
        let history = world.wait(|msg| match msg {
            Msg::Charts(charts::Msg::History { request, result }) => {
                Some((request.ticket, result.unwrap().points.len()))
            }
            _ => None,
        });
        assert_eq!(history.await, (Ticket(3), 3));
        let keys = Effect::Runs(runs::effects::Effect::ReadSparks {
            ticket: Ticket(4),
            ids: vec![run.clone()],
            key: "loss".into(),
        });
        world.executor.perform(keys);
        let trends = world.wait(|msg| match msg {
            Msg::Runs(runs::Msg::Sparks { ticket: Ticket(4), key, histories }) => {
                Some((key, histories.len()))
            }
            _ => None,
        });
        assert_eq!(trends.await, ("loss".to_owned(), 1));
        world.executor.perform(Effect::Details(details::effects::Effect::ListArtifacts {
            id: run.clone(),
            path: String::new(),
            ticket: Ticket(1),
        }));
        let files = world.wait(|msg| match msg {
            Msg::Details(details::Msg::Artifacts { result, .. }) => Some(result.unwrap().files),
            _ => None,
        });
        assert_eq!(files.await[0].path, "notes.txt");
    });
}

#[test]
fn a_write_is_carried_out_and_told_and_leaving_waits_for_it() {
    block_on(async {
        let mut world = World::new().await;
        let run = world.run.clone();
        let rename = Write::Rename { id: run.clone(), name: "renamed".into() };
        world.executor.perform(Effect::Runs(runs::effects::Effect::Write(rename.clone())));
        let (told, result) = world
            .wait(|msg| match msg {
                Msg::Runs(runs::Msg::Written { write, result }) => Some((write, result)),
                _ => None,
            })
            .await;
        assert_eq!((told, result), (rename, Ok(())));
        world.failing.fail(1);
        let tag = Write::SetTag { ids: vec![run.clone()], tag: Tag::new("a", "b") };
        world.executor.perform(Effect::Runs(runs::effects::Effect::Write(tag.clone())));
        let refused = world.wait(|msg| match msg {
            Msg::Runs(runs::Msg::Written { result, .. }) => result.err(),
            _ => None,
        });
        assert!(refused.await.to_string().ends_with("the line is cut"));
        world.executor.perform(Effect::Runs(runs::effects::Effect::Write(tag)));
        assert_eq!(world.executor.finish().await, None);
        let run = world.store.get_run(&run).await.unwrap();
        assert_eq!((run.info.run_name.as_str(), run.tag("a")), ("renamed", Some("b")));
    });
}

#[test]
fn a_stuck_run_ends_when_it_was_last_heard_of_and_one_that_ended_keeps_its_end() {
    block_on(async {
        let mut world = World::new().await;
        let ended = create(&world.store, &world.experiment, "ended").await;
        let silent = create(&world.store, &world.experiment, "silent").await;
        let point = Metric { key: "loss".into(), value: 0.5, timestamp: 5_000, step: 1 };
        world.store.log_batch(&silent, &[point], &[], &[]).await.unwrap();
        let update =
            RunUpdate { status: Some(RunStatus::Finished), end_time: Some(3_000), ..RunUpdate::default() };
        world.store.update_run(&ended, &update).await.unwrap();
        let ids = vec![world.run.clone(), ended.clone(), silent.clone()];
        let end = Write::End { ids, status: RunStatus::Killed, end_time: 9_000 };
        world.executor.perform(Effect::Runs(runs::effects::Effect::Write(end)));
        let result = world
            .wait(|msg| match msg {
                Msg::Runs(runs::Msg::Written { result, .. }) => Some(result),
                _ => None,
            })
            .await;
        assert!(result.is_ok(), "{result:?}");
        for (id, status, at) in [
            (&world.run, RunStatus::Killed, 9_000),
            (&ended, RunStatus::Finished, 3_000),
            (&silent, RunStatus::Killed, 5_000),
        ] {
            let info = world.store.get_run(id).await.unwrap().info;
            assert_eq!((info.status, info.end_time), (status, Some(at)), "{}", info.run_name);
        }
    });
}
