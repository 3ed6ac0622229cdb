//! A sweep as a process: it trains on threads of its own, brings what happens to the store as long as it takes, and leaves
//! nothing behind that looks as if it still ran.

mod broken;
mod resuming;
mod taking_over;
#[cfg(unix)]
mod trial_job;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;

pub use broken::{BrokenSweep, close_broken};
pub use broken::{cancel_left, close_cancelled};
pub use resuming::{NotResumable, check_resumable};
pub use taking_over::{StillHeld, TakeOver};
#[cfg(unix)]
pub use trial_job::trial_job;

use crate::learn::study::TrainingData;
use crate::store::{Backoff, Store, StoreError, now_ms};
use crate::sweep::engine::journal::{
    Control, EndReason, Event, EventKind, JournalWriter, SweepFolder, TakenOver,
};
use crate::sweep::engine::queue::Queue;
use crate::sweep::engine::record::{Recorder, ScriptRuns, SweepEnd, is_transient};
use crate::sweep::engine::state::SweepState;
use crate::sweep::engine::unkept::Unkept;
use crate::sweep::executor::slurm::{Cluster, ClusterSetup, SlurmJobs, Surroundings, Teller};
use crate::sweep::executor::{Executor, Threads, run_all};
use crate::sweep::header::SweepHeader;
use crate::sweep::objective::command::{Commands, GRACE, ScriptAccess};
use crate::sweep::objective::tabular::{Tabular, TabularJobs};
use crate::sweep::objective::{Objective, TrialFault};
use crate::sweep::plan::TrialPlan;

/// Between looks whether somebody wants the sweep to end.
const LOOK: Duration = Duration::from_millis(200);
/// Between looks whether another process has taken it over.
const LOOK_AT_HOLDER: Duration = Duration::from_secs(1);
/// The first pause before the store is tried again, and the longest.
const BREATH: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the request that is under way is waited for when a sweep is called off.
const LAST_STEP: Duration = Duration::from_secs(5);
/// How long a sweep that was called off tries to tell the store.
const FAREWELL: Duration = Duration::from_secs(10);

/// Why a sweep stops before its end.
#[derive(Debug, Error)]
pub enum RunError {
    /// The disk is full, or the folder gone.
    #[error(
        "cannot write the sweep's journal in {path}: {cause}; results so far are kept; fix this and resume the sweep"
    )]
    Journal {
        /// The folder.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Trials cannot be carried out.
    #[error("{0}; results so far are kept; fix this and resume the sweep")]
    Trial(std::io::Error),
    /// Another process holds it.
    #[error("another process is running this sweep")]
    Taken,
    /// Another process took it over.
    #[error("{0}")]
    TakenOver(std::io::Error),
    /// Its runs, or what was done, are not there any more.
    #[error(transparent)]
    NotResumable(#[from] NotResumable),
    /// The store refuses what it is told.
    #[error("the sweep stops; results are kept; fix this and resume it: {0}")]
    Store(#[from] StoreError),
}

impl RunError {
    /// What failed because the folder was taken away is told as that.
    fn journal(folder: &SweepFolder, cause: std::io::Error) -> Self {
        let cause = folder.check().err().unwrap_or(cause);
        if TakenOver::is(&cause) {
            return Self::TakenOver(cause);
        }
        if TrialFault::is(&cause) {
            // What a trial writes is not written either by a process that was taken over.
            return folder
                .check_held()
                .err()
                .filter(TakenOver::is)
                .map_or(Self::Trial(cause), Self::TakenOver);
        }
        Self::Journal { path: folder.path.display().to_string(), cause }
    }
}

/// A sweep that is to be run by this process.
pub struct SweepJob {
    store: Store,
    folder: SweepFolder,
    header: SweepHeader,
    objective: Box<dyn Objective>,
    executor: Box<dyn Executor>,
    /// Where scripts make the runs of trials.
    runs: Option<Arc<ScriptRuns>>,
}

impl SweepJob {
    /// Estimators on these data, which are the plan's, on threads of this process.
    ///
    /// # Errors
    /// Where the plan has no table.
    pub fn new(
        store: Store,
        folder: SweepFolder,
        header: SweepHeader,
        data: TrainingData,
    ) -> Result<Self, String> {
        let Some(plan) = header.plan.trial.tabular().cloned() else {
            return Err("its trials are runs of a command".into());
        };
        let objective = Box::new(Tabular::new(&header.plan, plan, data, folder.clone()));
        Ok(Self { store, folder, header, objective, executor: Box::new(Threads), runs: None })
    }

    /// Runs of a command, whose scripts reach the store as told; within a runtime.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn of_command(
        store: Store,
        folder: SweepFolder,
        header: SweepHeader,
        access: ScriptAccess,
    ) -> Result<Self, String> {
        let Some(plan) = header.plan.trial.command() else {
            return Err("its trials are estimators on a table".into());
        };
        let runs = Arc::new(ScriptRuns::new(store.clone(), header.logged()));
        let commands = Commands::new(&header, plan, folder.clone(), access, Arc::clone(&runs))?;
        let objective = Box::new(commands);
        Ok(Self { store, folder, header, objective, executor: Box::new(Threads), runs: Some(runs) })
    }
}

impl SweepJob {
    /// The same as jobs of a Slurm cluster, which `tell` has a word of; within a runtime.
    ///
    /// # Errors
    /// What is wrong with the plan, or that Slurm is not there.
    pub fn on_slurm(
        store: Store,
        folder: SweepFolder,
        header: SweepHeader,
        access: ScriptAccess,
        tell: Box<Teller>,
    ) -> Result<Self, String> {
        let options = header.plan.executor.slurm().ok_or("it is no sweep of Slurm")?.clone();
        let grace = header.plan.trial.command().map_or(GRACE, |plan| plan.grace);
        let setup = ClusterSetup {
            options,
            sweep: header.id.clone(),
            working_folder: header.folder.clone(),
            jobs: header.plan.rules.jobs,
            grace: Duration::try_from_secs_f64(grace).unwrap_or_default(),
            surroundings: Surroundings { variables: access.variables.clone(), removed: access.astray() },
        };
        let cluster = Cluster::new(&folder, setup, tell).map_err(|error| error.to_string())?;
        let cluster = Arc::new(cluster);
        let (objective, runs): (Box<dyn Objective>, _) = match &header.plan.trial {
            TrialPlan::Tabular(plan) => {
                let launcher = Arc::clone(&cluster);
                (Box::new(TabularJobs::new(&header, plan.clone(), folder.clone(), launcher)), None)
            }
            TrialPlan::Command(plan) => {
                let runs = Arc::new(ScriptRuns::new(store.clone(), header.logged()));
                let commands = Commands::new(&header, plan, folder.clone(), access, Arc::clone(&runs))?;
                let launcher = Arc::clone(&cluster);
                (Box::new(commands.by(launcher)), Some(runs))
            }
        };
        Ok(Self { store, folder, header, objective, executor: Box::new(SlurmJobs(cluster)), runs })
    }
}

/// What a watcher of the process is told.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// Something happened, and is in the journal.
    Event(&'a Event),
    /// The store knows more; so many events wait for their turn.
    Sent {
        /// That many.
        left: usize,
    },
    /// The store could not be reached; it is tried again.
    Away(&'a StoreError),
    /// It can be reached again.
    Back,
    /// It did not take something, which is not tried again.
    NotKept(&'a Unkept),
}

/// Training on a thread: what happened comes out of the channel, which closes at the end.
fn train(
    job: &Arc<SweepJob>,
    events: &[Event],
    writer: Arc<Mutex<JournalWriter>>,
    stop: Arc<AtomicBool>,
    result: Arc<Mutex<Trained>>,
) -> mpsc::UnboundedReceiver<Event> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (job, past) = (Arc::clone(job), SweepState::of(events));
    std::thread::spawn(move || {
        let tell = |event: Event| {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            // What ends after the sweep was called off is not wanted any more.
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            writer.write(&event)?;
            // Nobody listens any more when the sweep was called off.
            let _ = sender.send(event);
            Ok(())
        };
        let plan = &job.header.plan;
        let queue = Queue::new(&plan.rules, plan.aim(), &job.folder, past, &stop, &tell);
        let objective = job.objective.as_ref();
        let trained = run_all(job.executor.as_ref(), &queue, objective);
        let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
        let (is_given_up, has_failed) = (queue.is_given_up(), queue.has_failed());
        *result = Trained { is_given_up, has_failed, error: trained.err() };
    });
    receiver
}

/// What came of the training.
#[derive(Default)]
struct Trained {
    /// Its trials failed one after the other in the same way.
    is_given_up: bool,
    /// All of them failed.
    has_failed: bool,
    error: Option<std::io::Error>,
}

/// Waits for trials that were called off and leave something behind: it is not told of them any more.
async fn wait_for_trials(happening: &mut mpsc::UnboundedReceiver<Event>, patience: Duration) {
    if patience.is_zero() {
        return;
    }
    let ended = async { while happening.recv().await.is_some() {} };
    if tokio::time::timeout(patience, ended).await.is_err() {
        tracing::warn!("trials that were called off have not ended");
    }
}

/// Runs a sweep to its end, from where it stands. `interrupted` comes when the process is asked to stop.
///
/// # Errors
/// What keeps the sweep from going on; it can be resumed.
pub async fn run(
    job: SweepJob,
    interrupted: impl Future<Output = ()>,
    mut notify: impl FnMut(Notice<'_>),
) -> Result<SweepEnd, RunError> {
    let folder = job.folder.clone();
    let journal = |cause| RunError::journal(&folder, cause);
    let writer = job.folder.take().map_err(journal)?.ok_or(RunError::Taken)?;
    let before = job.folder.events().map_err(journal)?;
    let sent = job.folder.sent().min(before.len());
    let mut recorder = Recorder::new(
        job.store.clone(),
        job.folder.clone(),
        job.header.logged(),
        &before[..sent],
        !before.is_empty(),
    );
    if let Some(runs) = &job.runs {
        recorder.share(Arc::clone(runs));
    }
    let writer = Arc::new(Mutex::new(writer));
    let worked =
        work(Arc::new(job), &mut recorder, Arc::clone(&writer), before, interrupted, &mut notify).await;
    let ended = match worked {
        Ok((reason, is_given_up)) => Ok(recorder.into_end(reason, is_given_up)),
        // Its runs are those of whoever is at it now.
        Err(error @ RunError::TakenOver(_)) => Err(error),
        Err(error) => {
            let why = error.to_string();
            let abandoned = recorder.abandon(now_ms(), &why);
            if tokio::time::timeout(FAREWELL, abandoned).await.is_err() {
                tracing::warn!("the store does not answer; its runs are closed at the next start");
            }
            Err(error)
        }
    };
    // A fit that nobody waits for any more may keep the writer to the end of the process.
    writer.lock().unwrap_or_else(PoisonError::into_inner).leave();
    ended
}

/// Trains, and tells the store: why it ended, and whether it was given up.
async fn work(
    job: Arc<SweepJob>,
    recorder: &mut Recorder,
    writer: Arc<Mutex<JournalWriter>>,
    before: Vec<Event>,
    interrupted: impl Future<Output = ()>,
    notify: &mut impl FnMut(Notice<'_>),
) -> Result<(EndReason, bool), RunError> {
    let folder = job.folder.clone();
    let journal = |cause| RunError::journal(&folder, cause);
    let begun = Event::now(EventKind::Begun);
    writer.lock().unwrap_or_else(PoisonError::into_inner).write(&begun).map_err(journal)?;
    notify(Notice::Event(&begun));
    let sent = job.folder.sent().min(before.len());
    let mut waiting: Vec<Event> = before[sent..].iter().cloned().chain([begun]).collect();
    let (stop, trained) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Trained::default())));
    let mut happening = train(&job, &before, Arc::clone(&writer), Arc::clone(&stop), Arc::clone(&trained));
    let patience = job.objective.patience();
    let mut called_off = std::pin::pin!(called_off(&job.folder, interrupted));
    let mut taken_over = std::pin::pin!(taken_over(&job.folder));
    // Jobs go on for whoever is at the sweep next; what this machine carries out comes to nothing.
    let leave_trials = || stop.store(job.header.plan.executor.slurm().is_none(), Ordering::Relaxed);
    let mut is_over = false;
    let reason = loop {
        if !waiting.is_empty() {
            let halt = AtomicBool::new(false);
            let recorded = {
                let recording = record(recorder, &mut waiting, notify, (&job.folder, &halt));
                let mut recording = std::pin::pin!(recording);
                tokio::select! {
                    recorded = &mut recording => recorded,
                    error = &mut taken_over => Err(RunError::TakenOver(error)),
                    () = &mut called_off => {
                        stop.store(true, Ordering::Relaxed);
                        halt.store(true, Ordering::Relaxed);
                        // A request that is under way goes on whether or not anybody waits for it, and what it made would
                        // be made again. What fails is tried once more for the end of the sweep.
                        let _ = tokio::time::timeout(LAST_STEP, recording).await;
                        break EndReason::Cancelled;
                    }
                }
            };
            if let Err(error) = recorded {
                leave_trials();
                if stop.load(Ordering::Relaxed) && !matches!(error, RunError::TakenOver(_)) {
                    wait_for_trials(&mut happening, patience).await;
                }
                return Err(error);
            }
            // What an earlier process left is closed by now, and what is made from here on is not closed with it.
            if let (Some(runs), Some(parent)) = (&job.runs, recorder.parent_run()) {
                runs.begin_under(parent);
            }
        } else if is_over {
            // Training ends at once when it is called off, and the look at the file may come later.
            let trained = trained.lock().unwrap_or_else(PoisonError::into_inner);
            break match job.folder.control() {
                Control::Cancel => EndReason::Cancelled,
                _ if trained.is_given_up || trained.has_failed => EndReason::Failed,
                _ => EndReason::Finished,
            };
        }
        if is_over {
            continue;
        }
        let count = tokio::select! {
            count = happening.recv_many(&mut waiting, 256) => count,
            error = &mut taken_over => {
                leave_trials();
                return Err(RunError::TakenOver(error));
            }
            () = &mut called_off => break EndReason::Cancelled,
        };
        is_over = count == 0;
        for event in &waiting {
            notify(Notice::Event(event));
        }
    };
    stop.store(true, Ordering::Relaxed);
    if reason == EndReason::Cancelled {
        recorder.was_cut_off();
        wait_for_trials(&mut happening, patience).await;
    }
    let is_given_up = {
        let mut trained = trained.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cause) = trained.error.take() {
            return Err(journal(cause));
        }
        trained.is_given_up && reason == EndReason::Failed
    };
    let closed = Event::now(EventKind::Closed { reason });
    end_journal(&writer, &mut happening, &mut waiting, &closed).map_err(journal)?;
    notify(Notice::Event(&closed));
    waiting.push(closed);
    let never = AtomicBool::new(false);
    let farewell = record(recorder, &mut waiting, notify, (&job.folder, &never));
    let result = if matches!(reason, EndReason::Finished | EndReason::Failed) {
        farewell.await
    } else {
        match tokio::time::timeout(FAREWELL, farewell).await {
            Ok(result) => result,
            // The next start does it.
            Err(_) => return Ok((reason, is_given_up)),
        }
    };
    result?;
    // What scripts keep in their folders is theirs.
    if job.runs.is_none()
        && let Err(error) = job.folder.forget_trials()
    {
        // A fit that nobody waits for any more may be writing there.
        tracing::warn!(%error, "files of trials are left behind");
    }
    Ok((reason, is_given_up))
}

/// Takes what was still said, and writes that the sweep is closed.
fn end_journal(
    writer: &Mutex<JournalWriter>,
    happening: &mut mpsc::UnboundedReceiver<Event>,
    waiting: &mut Vec<Event>,
    closed: &Event,
) -> std::io::Result<()> {
    // From here on no trial that is still being fitted can say anything.
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    while let Ok(event) = happening.try_recv() {
        waiting.push(event);
    }
    happening.close();
    writer.write(closed)
}

/// Comes when the sweep is called off, by the file or by the process.
async fn called_off(folder: &SweepFolder, interrupted: impl Future<Output = ()>) {
    let by_file = async {
        while folder.control() != Control::Cancel {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = by_file => {}
        () = interrupted => {}
    }
}

/// Comes when another process has taken the sweep over.
async fn taken_over(folder: &SweepFolder) -> std::io::Error {
    loop {
        tokio::time::sleep(LOOK_AT_HOLDER).await;
        if let Some(error) = folder.check_held().err().filter(TakenOver::is) {
            return error;
        }
    }
}

/// Brings events to the store, again and again while it is away, until it is to halt after a step.
async fn record(
    recorder: &mut Recorder,
    events: &mut Vec<Event>,
    notify: &mut impl FnMut(Notice<'_>),
    (folder, halt): (&SweepFolder, &AtomicBool),
) -> Result<(), RunError> {
    let mut backoff = Backoff::new(BREATH, PATIENCE);
    while !events.is_empty() && !halt.load(Ordering::Relaxed) {
        // What is told from here on is told by whoever is at the sweep.
        if let Some(error) = folder.check_held().err().filter(TakenOver::is) {
            return Err(RunError::TakenOver(error));
        }
        let step = recorder.step(events).await;
        for unkept in recorder.take_unkept() {
            notify(Notice::NotKept(&unkept));
        }
        match step {
            Ok(()) => {
                notify(Notice::Sent { left: events.len() });
                if backoff.succeed() {
                    notify(Notice::Back);
                }
            }
            Err(error) if is_transient(&error.kind) => {
                notify(Notice::Away(&error));
                tokio::time::sleep(backoff.pause()).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
