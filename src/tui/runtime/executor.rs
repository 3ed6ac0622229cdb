//! Does what the state machine wants done: each effect is a task, and what comes of it is a message.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::AbortHandle;

use crate::catalog::search::containing;
use crate::catalog::sort::project;
use crate::catalog::sync::Sync;
use crate::mlflow::{Experiment, ExperimentId, RunId, ViewType};
use crate::store::{Result, Scan, ScanValues, TrackingStore};
use crate::tui::effect::Effect;
use crate::tui::msg::Msg;
use crate::tui::panes::runs::SPARK_POINTS;

/// Runs on the first page: more than a screen has rows.
const FIRST_PAGE: usize = 100;
/// How often a local file is looked at; one look costs microseconds when nobody wrote.
const LOCAL_INTERVAL: Duration = Duration::from_millis(200);
/// Finished runs on the screen that a poll of a server looks at anew. A server tells of no change in them, and each
/// costs it more than a millisecond.
const OTHERS: usize = 10;
/// The first pause after a failure, and the longest; each is twice the one before.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What a task is for; a new one takes the place of an older one for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    Experiments,
    Watch,
    Project,
    Histories,
    Run,
    Artifacts,
}

/// The runs that polls look at anew.
#[derive(Debug, Default)]
struct Attended {
    active: Vec<RunId>,
    others: Vec<RunId>,
}

impl Attended {
    /// All active runs, and so many of the others: each in its turn.
    fn in_round(&self, round: usize, count: usize) -> Vec<RunId> {
        let count = count.min(self.others.len());
        let start = (round * count) % self.others.len().max(1);
        let turn = self.others.iter().cycle().skip(start).take(count);
        self.active.iter().chain(turn).cloned().collect()
    }
}

enum Command {
    Refresh,
    Pause(bool),
}

pub struct Executor {
    store: Arc<dyn TrackingStore>,
    sender: UnboundedSender<Msg>,
    slots: HashMap<Slot, AbortHandle>,
    attended: Arc<Mutex<Attended>>,
    watcher: Option<UnboundedSender<Command>>,
    interval: Duration,
    is_local: bool,
    paused: bool,
}

impl Executor {
    pub fn new(
        store: Arc<dyn TrackingStore>,
        sender: UnboundedSender<Msg>,
        interval: Duration,
        is_local: bool,
    ) -> Self {
        let interval = if is_local { interval.min(LOCAL_INTERVAL) } else { interval };
        Self {
            store,
            sender,
            slots: HashMap::new(),
            attended: Arc::default(),
            watcher: None,
            interval,
            is_local,
            paused: false,
        }
    }

    pub fn perform(&mut self, effect: Effect) {
        let store = Arc::clone(&self.store);
        match effect {
            Effect::LoadExperiments => {
                let interval = self.interval.max(RETRY.0);
                let sender = self.sender.clone();
                self.start(Slot::Experiments, async move { experiments(store, sender, interval).await });
            }
            Effect::Watch { generation, experiment } => self.watch(generation, experiment),
            Effect::Attend { active, others } => {
                *self.attended.lock().unwrap_or_else(PoisonError::into_inner) = Attended { active, others };
            }
            Effect::Refresh => self.command(Command::Refresh),
            Effect::Pause(paused) => {
                self.paused = paused;
                self.command(Command::Pause(paused));
            }
            Effect::Project { generation, catalog, complete, sort, words, selected, now } => {
                let sender = self.sender.clone();
                self.start(Slot::Project, async move {
                    let sorting = tokio::task::spawn_blocking(move || {
                        let keys: Vec<_> = sort.into_iter().collect();
                        let pass = (!words.is_empty()).then(|| containing(&catalog, &words));
                        let rows = project(&catalog, pass.as_ref(), &keys, now);
                        let position =
                            selected.and_then(|id| rows.iter().position(|row| catalog.run_id(*row) == id));
                        Msg::Projected { generation, catalog, complete, rows: Arc::new(rows), position }
                    });
                    let msg = sorting.await.unwrap_or_else(|error| Msg::TaskFailed(error.to_string()));
                    let _ = sender.send(msg);
                });
            }
            Effect::Histories { generation, ids, key } => self.answer(Slot::Histories, async move {
                // A trend that cannot be read leaves a gap; the poll reports what is wrong with the store.
                let histories = store.sampled_history(&ids, &key, SPARK_POINTS).await.unwrap_or_default();
                Msg::Histories { generation, key, histories }
            }),
            Effect::LoadRun { generation, id } => self.answer(Slot::Run, async move {
                let result = store.get_run(&id).await.map(Box::new);
                Msg::Run { generation, result }
            }),
            Effect::ListArtifacts { id } => self.answer(Slot::Artifacts, async move {
                let result = store.list_artifacts(&id, "").await;
                Msg::Artifacts { run: id, result }
            }),
            Effect::Quit => {}
        }
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

    fn command(&self, command: Command) {
        if let Some(watcher) = &self.watcher {
            // A watcher that ended has nothing to do with the command.
            let _ = watcher.send(command);
        }
    }

    fn watch(&mut self, generation: u64, experiment: ExperimentId) {
        let scan = Scan {
            experiment_id: experiment,
            view: ViewType::ActiveOnly,
            first: FIRST_PAGE,
            values: ScanValues::All,
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let watch = Watch {
            sync: Sync::new(Arc::clone(&self.store), scan),
            generation,
            sender: self.sender.clone(),
            attended: Arc::clone(&self.attended),
            commands: receiver,
            interval: self.interval,
            is_local: self.is_local,
            paused: self.paused,
            round: 0,
            on_demand: false,
        };
        self.watcher = Some(commands);
        self.start(Slot::Watch, watch.run());
    }
}

/// Lists the experiments, again and again until the store answers and has runs to show: then the watch takes over.
async fn experiments(store: Arc<dyn TrackingStore>, sender: UnboundedSender<Msg>, interval: Duration) {
    loop {
        let listed = list(store.as_ref()).await;
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

async fn list(store: &dyn TrackingStore) -> Result<(Vec<Experiment>, Option<ExperimentId>)> {
    Ok((store.search_experiments(ViewType::ActiveOnly).await?, store.latest_experiment().await?))
}

/// The task that reads an experiment and keeps it current.
struct Watch {
    sync: Sync,
    generation: u64,
    sender: UnboundedSender<Msg>,
    attended: Arc<Mutex<Attended>>,
    commands: mpsc::UnboundedReceiver<Command>,
    interval: Duration,
    is_local: bool,
    paused: bool,
    /// Polls so far.
    round: usize,
    /// The next poll was asked for: it looks at everything on the screen.
    on_demand: bool,
}

impl Watch {
    async fn run(mut self) {
        let mut loaded = false;
        let mut failures = 0;
        loop {
            let result = if loaded { self.poll().await } else { self.load().await };
            let pause = match result {
                Ok(touched) => {
                    // A local store is looked at so often that an uneventful look is not worth a frame.
                    let is_news = touched || failures > 0 || !self.is_local;
                    failures = 0;
                    loaded = true;
                    if is_news {
                        let _ = self.sender.send(Msg::Polled { generation: self.generation, touched });
                    }
                    self.interval
                }
                Err(error) => {
                    let pause = (RETRY.0 * 2_u32.saturating_pow(failures)).min(RETRY.1);
                    failures = (failures + 1).min(8);
                    let retry_ms = pause.as_millis() as u64;
                    let _ =
                        self.sender.send(Msg::PollFailed { generation: self.generation, error, retry_ms });
                    pause
                }
            };
            if !self.wait(pause).await {
                return;
            }
        }
    }

    async fn load(&mut self) -> Result<bool> {
        let (sender, generation) = (self.sender.clone(), self.generation);
        self.sync
            .load(|snapshot| drop(sender.send(Msg::Snapshot { generation, snapshot })))
            .await
            .map(|()| true)
    }

    async fn poll(&mut self) -> Result<bool> {
        let (sender, generation) = (self.sender.clone(), self.generation);
        let attended = {
            let attended = self.attended.lock().unwrap_or_else(PoisonError::into_inner);
            let everyone = self.is_local || self.on_demand;
            attended.in_round(self.round, if everyone { usize::MAX } else { OTHERS })
        };
        self.on_demand = false;
        self.round += 1;
        self.sync.poll(&attended, |snapshot| drop(sender.send(Msg::Snapshot { generation, snapshot }))).await
    }

    /// Waits for the time or for a command to poll; false when the program is gone.
    async fn wait(&mut self, pause: Duration) -> bool {
        let end = tokio::time::Instant::now() + pause;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end), if !self.paused => return true,
                command = self.commands.recv() => match command {
                    Some(Command::Refresh) => {
                        self.on_demand = true;
                        return true;
                    }
                    Some(Command::Pause(paused)) => self.paused = paused,
                    None => return false,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_on_the_screen_has_its_turn() {
        let ids = |names: std::ops::Range<usize>| names.map(|i| RunId(i.to_string())).collect::<Vec<_>>();
        let attended = Attended { active: ids(100..102), others: ids(0..25) };
        let mut seen: Vec<RunId> = (0..3).flat_map(|round| attended.in_round(round, 10)).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 27);
        assert_eq!(attended.in_round(7, 10).len(), 12);
        assert_eq!(attended.in_round(1, usize::MAX).len(), 27);
        assert!(Attended::default().in_round(3, 10).is_empty());
    }
}
