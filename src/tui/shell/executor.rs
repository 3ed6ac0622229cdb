//! Does what the state machine wants done: each effect is a task, and what comes of it is a message.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::{AbortHandle, JoinSet};

use super::memory::Keeper;
use super::watch::{Attended, Command, RETRY, Watch};
use super::{memory, projecting};
use crate::catalog::gather;
use crate::catalog::sync::Sync;
use crate::compare::Comparison;
use crate::compare::importance::matters;
use crate::mlflow::{Experiment, ExperimentId, ViewType};
use crate::store::{Result, Scan, ScanValues, Store, now_ms};
use crate::tui::core::effect::{Effect, Steering, Write};
use crate::tui::core::msg::Msg;
use crate::tui::features::best::effects::Kept;
use crate::tui::features::runs::SPARK_POINTS;
use crate::tui::features::sweeps::effects::Ground;
use crate::tui::features::{best, runs, sweeps};

/// Runs on the first page: more than a screen has rows.
const FIRST_PAGE: usize = 100;
/// How long leaving waits for what is being written.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a task is for; a new one takes the place of an older one for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    Experiments,
    Watch,
    Project,
    Histories,
    Charts,
    Compare,
    Select,
    Ancestors,
    Plan,
    Resume,
    Weigh,
    Save,
    Wake,
    Run,
    Preview,
    Check,
    Sweeps,
}

pub struct Executor {
    store: Store,
    sender: UnboundedSender<Msg>,
    slots: HashMap<Slot, AbortHandle>,
    /// What is being written to the store; nothing takes its place.
    writes: JoinSet<()>,
    keeper: Keeper,
    kept: Kept,
    ground: Ground,
    attended: Arc<Mutex<Attended>>,
    watcher: Option<UnboundedSender<Command>>,
    interval: Duration,
    paused: bool,
}

impl Executor {
    pub fn new(
        store: Store,
        sender: UnboundedSender<Msg>,
        interval: Duration,
        keeper: Keeper,
        kept: Kept,
        ground: Ground,
    ) -> Self {
        let interval = store.capabilities().poll_interval(interval);
        Self {
            store,
            sender,
            slots: HashMap::new(),
            writes: JoinSet::new(),
            keeper,
            kept,
            ground,
            attended: Arc::default(),
            watcher: None,
            interval,
            paused: false,
        }
    }

    pub fn perform(&mut self, effect: Effect) {
        let store = self.store.clone();
        match effect {
            Effect::LoadExperiments => {
                let interval = self.interval.max(RETRY.0);
                let sender = self.sender.clone();
                self.start(Slot::Experiments, async move { experiments(store, sender, interval).await });
            }
            Effect::Watch { generation, experiment, deleted } => self.watch(generation, experiment, deleted),
            Effect::Attend { selected, active, others, wanted } => {
                let attended = Attended { selected, active, others, wanted };
                *self.attended.lock().unwrap_or_else(PoisonError::into_inner) = attended;
                self.command(Command::Attend);
            }
            Effect::Wake(after) => self.answer(Slot::Wake, async move {
                tokio::time::sleep(after).await;
                Msg::Tick { now: now_ms() }
            }),
            Effect::Refresh => self.command(Command::Refresh),
            Effect::Pause(paused) => {
                self.paused = paused;
                self.command(Command::Pause(paused));
            }
            Effect::Pace(interval) => {
                self.interval = store.capabilities().poll_interval(interval);
                self.command(Command::Pace(self.interval));
            }
            Effect::Project { generation, catalog, complete, view, selected, now } => {
                let request = projecting::Request { generation, catalog, complete, view, selected, now };
                self.answer(Slot::Project, projecting::project(store, request));
            }
            Effect::Histories { generation, ids, key } => self.answer(Slot::Histories, async move {
                // A trend that cannot be read leaves a gap; the poll reports what is wrong with the store.
                let histories = store.sampled_history(&ids, &key, SPARK_POINTS).await.unwrap_or_default();
                Msg::Histories { generation, key, histories }
            }),
            effect @ (Effect::LoadCompared { .. }
            | Effect::Compare { .. }
            | Effect::Weigh { .. }
            | Effect::ReadHistories(_)
            | Effect::Save { .. }
            | Effect::Select { .. }
            | Effect::ReadAncestors { .. }
            | Effect::KeepPolicy { .. }
            | Effect::PlanMark(_)) => self.compute(store, effect),
            effect @ (Effect::Train(_)
            | Effect::CheckPlan { .. }
            | Effect::ListData(_)
            | Effect::LookAtSweeps
            | Effect::Steer { .. }
            | Effect::ReadSweepLog(_)) => self.training(store, effect),
            Effect::LoadRun { generation, id } => self.answer(Slot::Run, async move {
                let result = store.get_run(&id).await.map(Box::new);
                Msg::Run { generation, result }
            }),
            Effect::ListArtifacts { id, path } => self.spawn(async move {
                let result = store.list_artifacts(&id, &path).await;
                Msg::Artifacts { run: id, path, result }
            }),
            Effect::Preview { id, path } => self.answer(Slot::Preview, async move {
                let result = projecting::preview(&store, &id, &path).await;
                Msg::Preview { run: id, path, result }
            }),
            Effect::LoadModels { id, models } => self.spawn(async move {
                let models =
                    futures_util::future::join_all(models.iter().map(|model| store.get_logged_model(model)));
                let result = models.await.into_iter().collect();
                Msg::Models { run: id, result }
            }),
            Effect::Write(write @ (Write::Mark(_) | Write::UndoMark { .. })) => {
                let (sender, journal) = (self.sender.clone(), self.kept.journal.clone());
                let turn = Arc::clone(&self.kept.turn);
                self.writes.spawn(async move {
                    let _turn = turn.lock().await;
                    let result = match write {
                        Write::Mark(request) => best::effects::mark(&store, &journal, *request).await,
                        Write::UndoMark { experiment, undoing } => {
                            best::effects::undo(&store, &journal, &experiment, &undoing).await
                        }
                        _ => Ok(Vec::new()),
                    };
                    let _ = sender.send(Msg::Marked(result));
                });
            }
            Effect::Write(write) => {
                let sender = self.sender.clone();
                self.writes.spawn(async move {
                    let result = runs::effects::write(&store, &write).await;
                    let _ = sender.send(Msg::Written { write, result });
                });
            }
            Effect::Browse(address) => self.spawn(browse(address)),
            Effect::Remember { experiment, layout } => {
                self.keeper.remember(experiment, layout, &self.sender);
            }
            // These belong to the loop, which has the terminal.
            Effect::Copy(_)
            | Effect::Notify(_)
            | Effect::SwitchProfile(_)
            | Effect::Suspend
            | Effect::Quit => {}
        }
    }

    /// What comparisons and charts need, and what leaves them.
    fn compute(&mut self, store: Store, effect: Effect) {
        match effect {
            Effect::LoadCompared { generation, runs } => self.answer(Slot::Compare, async move {
                let result = gather::runs(&store, &runs).await.map(Arc::new);
                Msg::LoadedCompared { generation, result }
            }),
            Effect::Compare { generation, catalog, rows, is_grouped, now } => {
                let patterns = Arc::clone(&self.kept.patterns);
                self.answer(
                    Slot::Compare,
                    projecting::blocking(move || {
                        let comparison =
                            Arc::new(Comparison::new(catalog, &rows, is_grouped, now, &patterns));
                        Msg::Compared { generation, comparison }
                    }),
                );
            }
            Effect::Weigh { comparison, metric, now } => {
                self.answer(
                    Slot::Weigh,
                    projecting::blocking(move || {
                        let matters = matters(&comparison, &metric, now);
                        Msg::Weighed { comparison, metric, matters }
                    }),
                );
            }
            Effect::ReadHistories(wants) => {
                let (sender, at_once) = (self.sender.clone(), self.readers());
                self.start(Slot::Charts, async move {
                    let read = futures_util::stream::iter(wants).for_each_concurrent(at_once, |want| async {
                        let result =
                            store.history_since(&want.which.run, &want.which.key, &want.cursor).await;
                        let _ = sender.send(Msg::History { want, result });
                    });
                    read.await;
                });
            }
            Effect::ReadAncestors { experiment, runs } => self.answer(Slot::Ancestors, async move {
                let wanted: Vec<_> = runs.iter().map(|run| (experiment.clone(), run.clone())).collect();
                let result = gather::runs(&store, &wanted).await.map(Arc::new);
                Msg::Ancestors { experiment, asked: runs, result }
            }),
            Effect::Select { generation, catalog, tags, chosen, ancestors } => {
                let patterns = Arc::clone(&self.kept.patterns);
                let chosen = chosen.map(|chosen| *chosen);
                self.answer(
                    Slot::Select,
                    projecting::blocking(move || {
                        best::choose(generation, catalog, chosen, &tags, &patterns, &ancestors)
                    }),
                );
            }
            Effect::KeepPolicy { experiment, policy } => {
                if let Err(error) = self.kept.policies.set(&experiment, policy.as_deref()) {
                    let _ = self.sender.send(Msg::Said(format!("your choice is not kept: {error}")));
                }
            }
            Effect::PlanMark(request) => self.answer(Slot::Plan, async move {
                Msg::Planned(crate::marking::plan(&store, &request).await.map(Box::new))
            }),
            Effect::Save { path, content } => self.answer(
                Slot::Save,
                projecting::blocking(move || {
                    let size = crate::text::bytes(content.len() as u64);
                    Msg::Said(match crate::tui::features::export::effects::save(&path, &content) {
                        Ok(place) => format!("saved {size} as {}", place.display()),
                        Err(error) => format!("nothing was saved: {error}"),
                    })
                }),
            ),
            _ => {}
        }
    }

    /// What training needs.
    fn training(&mut self, store: Store, effect: Effect) {
        let ground = self.ground.clone();
        match effect {
            Effect::Train(request) => {
                let sender = self.sender.clone();
                // Whoever leaves meanwhile has asked for it all the same.
                self.writes.spawn(async move {
                    let _ = sender.send(sweeps::effects::train(store, ground, *request).await);
                });
            }
            Effect::CheckPlan { generation, wish } => {
                self.answer(
                    Slot::Check,
                    projecting::blocking(move || sweeps::effects::check(generation, &wish)),
                );
            }
            Effect::ListData(folder) => {
                self.spawn(projecting::blocking(move || sweeps::effects::list(folder)));
            }
            Effect::LookAtSweeps => {
                self.answer(Slot::Sweeps, projecting::blocking(move || sweeps::effects::look(&ground)));
            }
            Effect::Steer { sweep, steering } => self.spawn(async move {
                if steering == Steering::Resume
                    && let Err(said) = sweeps::effects::resume(store, &ground, &sweep).await
                {
                    return said;
                }
                projecting::blocking(move || sweeps::effects::steer(&ground, &sweep, steering)).await
            }),
            Effect::ReadSweepLog(sweep) => {
                self.spawn(projecting::blocking(move || sweeps::effects::log(&ground, &sweep)));
            }
            _ => {}
        }
    }

    /// Closes the sweeps whose process died, and looks how far the others are.
    pub fn find_sweeps(&mut self, may_write: bool) {
        let (store, ground, sender) = (self.store.clone(), self.ground.clone(), self.sender.clone());
        self.start(Slot::Sweeps, async move {
            if may_write && let Some(msg) = sweeps::effects::close_broken(store, ground.clone()).await {
                let _ = sender.send(msg);
            }
            let _ = sender.send(projecting::blocking(move || sweeps::effects::look(&ground)).await);
        });
    }

    /// Finishes marks that broke off at an earlier time.
    pub fn resume_marks(&mut self) {
        let (store, journal) = (self.store.clone(), self.kept.journal.clone());
        let (sender, turn) = (self.sender.clone(), Arc::clone(&self.kept.turn));
        // Nobody who leaves waits for it: the journal knows how far it has come.
        self.start(Slot::Resume, async move {
            if let Some(msg) = best::effects::resume(&store, &journal, &turn).await {
                let _ = sender.send(msg);
            }
        });
    }

    /// Starts a task; whether it ends, is replaced or panics, no screen waits for it.
    fn start(&mut self, slot: Slot, task: impl Future<Output = ()> + Send + 'static) {
        let sender = self.sender.clone();
        let guarded = async move {
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                let what = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let _ = sender.send(Msg::TaskFailed(what.unwrap_or_else(|| "for an unknown reason".into())));
            }
        };
        let handle = tokio::spawn(guarded).abort_handle();
        if let Some(older) = self.slots.insert(slot, handle) {
            older.abort();
        }
    }

    fn answer(&mut self, slot: Slot, task: impl Future<Output = Msg> + Send + 'static) {
        let sender = self.sender.clone();
        self.start(slot, async move {
            // Nobody listens when the program is leaving.
            let _ = sender.send(task.await);
        });
    }

    /// A task beside all others.
    fn spawn(&self, task: impl Future<Output = Msg> + Send + 'static) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let msg = AssertUnwindSafe(task).catch_unwind().await;
            let _ = sender.send(msg.unwrap_or_else(|_| Msg::TaskFailed("see the log".into())));
        });
    }

    /// Ends everything but what is being written, and waits for that for a while. What cannot be kept comes back in words.
    pub async fn finish(&mut self) -> Option<String> {
        self.slots.drain().for_each(|(_, task)| task.abort());
        let writes = async { while self.writes.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(PATIENCE, writes).await;
        self.keeper.flush().err().map(|error| memory::unwritten(&error))
    }

    /// Histories that are read side by side: as many as there are threads for, and no more than a server likes.
    fn readers(&self) -> usize {
        self.store.capabilities().parallel_reads
    }

    fn command(&self, command: Command) {
        if let Some(watcher) = &self.watcher {
            // A watcher that ended has nothing to do with the command.
            let _ = watcher.send(command);
        }
    }

    fn watch(&mut self, generation: u64, experiment: ExperimentId, deleted: bool) {
        let scan = Scan {
            experiment_id: experiment,
            view: if deleted { ViewType::All } else { ViewType::ActiveOnly },
            first: FIRST_PAGE,
            values: ScanValues::All,
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let watch = Watch {
            sync: Sync::new(self.store.clone(), scan),
            generation,
            sender: self.sender.clone(),
            attended: Arc::clone(&self.attended),
            commands: receiver,
            interval: self.interval,
            capabilities: self.store.capabilities(),
            paused: self.paused,
            round: 0,
            on_demand: false,
        };
        self.watcher = Some(commands);
        self.start(Slot::Watch, watch.run());
    }
}

/// Opens an address in the browser, if there is one.
async fn browse(address: String) -> Msg {
    let opened = tokio::task::spawn_blocking({
        let address = address.clone();
        move || open::that_detached(address)
    });
    match opened.await {
        Ok(Ok(())) => Msg::Said(format!("opened {address}")),
        _ => Msg::Said(format!("there is no browser here; the address is {address}")),
    }
}

/// Lists the experiments, again and again until the store answers and has runs to show: then the watch takes over.
async fn experiments(store: Store, sender: UnboundedSender<Msg>, interval: Duration) {
    loop {
        let listed = list(&store).await;
        let is_listed = listed.is_ok();
        if sender.send(Msg::Experiments(listed)).is_err() {
            return;
        }
        // Counting takes longer than listing; a count that fails is made up for by the next.
        if is_listed && let Ok(counts) = store.run_counts().await {
            let has_runs = counts.as_ref().is_none_or(|counts| counts.values().any(|runs| *runs > 0));
            if sender.send(Msg::Counts(counts)).is_err() || has_runs {
                return;
            }
        }
        tokio::time::sleep(interval).await;
    }
}

async fn list(store: &Store) -> Result<(Vec<Experiment>, Option<ExperimentId>)> {
    Ok((store.search_experiments(ViewType::ActiveOnly).await?, store.latest_experiment().await?))
}
