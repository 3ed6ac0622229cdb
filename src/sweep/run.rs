//! A sweep as a process: it trains on threads of its own, brings what happens to the store as long as it takes, and leaves
//! nothing behind that looks as if it still ran.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::mpsc;

use super::course::Course;
use super::journal::{Event, Folder, Header, How, Wanted, What, Writer};
use super::record::{Ended, Recorder, may_pass};
use super::study::Study;
use super::train::Trainer;
use super::unkept::Unkept;
use crate::disk::is_damage;
use crate::store::{Backoff, ErrorKind, Store, StoreError, now_ms};

/// Between looks whether somebody wants the sweep to end.
const LOOK: Duration = Duration::from_millis(200);
/// The first pause before the store is tried again, and the longest.
const BREATH: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the request that is under way is waited for when a sweep is called off.
const LAST_STEP: Duration = Duration::from_secs(5);
/// How long a sweep that was called off tries to tell the store.
const FAREWELL: Duration = Duration::from_secs(10);

#[derive(Debug, Error)]
pub enum RunError {
    #[error(
        "cannot keep the sweep's journal in {path}: {cause}; what is there is kept: resume the sweep when that is mended"
    )]
    Journal { path: String, cause: std::io::Error },
    #[error("another process is at this sweep")]
    Taken,
    #[error("the sweep stops, and its results are kept; resume it when this is mended: {0}")]
    Store(#[from] StoreError),
}

impl RunError {
    /// What failed because the folder was taken away is told as that.
    fn journal(folder: &Folder, cause: std::io::Error) -> Self {
        let cause = folder.check().err().unwrap_or(cause);
        Self::Journal { path: folder.path.display().to_string(), cause }
    }
}

pub struct Run {
    pub store: Store,
    pub folder: Folder,
    pub header: Header,
    pub study: Study,
}

/// What a watcher of the process is told.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    Event(&'a Event),
    /// The store knows more; so many events wait for their turn.
    Sent {
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
    run: &Arc<Run>,
    events: &[Event],
    writer: Arc<Mutex<Writer>>,
    stop: Arc<AtomicBool>,
    result: Arc<Mutex<Option<std::io::Error>>>,
) -> mpsc::UnboundedReceiver<Event> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (run, course) = (Arc::clone(run), Course::of(events));
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
        let trainer = Trainer::new(&run.header.plan, &run.study, &run.folder, course, &stop, &tell);
        if let Err(error) = trainer.run(run.header.jobs) {
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    });
    receiver
}

/// Runs a sweep to its end, from where it stands. `interrupted` comes when the process is asked to stop.
pub async fn run(
    run: Run,
    interrupted: impl Future<Output = ()>,
    mut told: impl FnMut(Told<'_>),
) -> Result<Ended, RunError> {
    let folder = run.folder.clone();
    let journal = |cause| RunError::journal(&folder, cause);
    let writer = run.folder.take().map_err(journal)?.ok_or(RunError::Taken)?;
    let before = run.folder.events().map_err(journal)?;
    let sent = run.folder.sent().min(before.len());
    let mut recorder = Recorder::new(
        run.store.clone(),
        run.folder.clone(),
        run.header.clone(),
        &before[..sent],
        !before.is_empty(),
    );
    let writer = Arc::new(Mutex::new(writer));
    let worked =
        work(Arc::new(run), &mut recorder, Arc::clone(&writer), before, interrupted, &mut told).await;
    let ended = match worked {
        Ok(how) => Ok(recorder.into_ended(how)),
        Err(error) => {
            let why = error.to_string();
            let abandoned = recorder.abandon(now_ms(), &why);
            if tokio::time::timeout(FAREWELL, abandoned).await.is_err() {
                tracing::warn!("the store does not answer: its runs are closed at the next start");
            }
            Err(error)
        }
    };
    // A fit that nobody waits for any more may keep the writer to the end of the process.
    writer.lock().unwrap_or_else(PoisonError::into_inner).leave();
    ended
}

/// Trains, and tells the store.
async fn work(
    run: Arc<Run>,
    recorder: &mut Recorder,
    writer: Arc<Mutex<Writer>>,
    before: Vec<Event>,
    interrupted: impl Future<Output = ()>,
    told: &mut impl FnMut(Told<'_>),
) -> Result<How, RunError> {
    let folder = run.folder.clone();
    let journal = |cause| RunError::journal(&folder, cause);
    let begun = Event { at: now_ms(), what: What::Begun };
    writer.lock().unwrap_or_else(PoisonError::into_inner).write(&begun).map_err(journal)?;
    told(Told::Event(&begun));
    let sent = run.folder.sent().min(before.len());
    let mut waiting: Vec<Event> = before[sent..].iter().cloned().chain([begun]).collect();
    let (stop, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
    let mut happening = train(&run, &before, Arc::clone(&writer), Arc::clone(&stop), Arc::clone(&broken));
    let mut called_off = std::pin::pin!(called_off(&run.folder, interrupted));
    let mut is_over = false;
    let how = loop {
        if !waiting.is_empty() {
            let halt = AtomicBool::new(false);
            let mut recording = std::pin::pin!(record(recorder, &mut waiting, told, &halt));
            let recorded = tokio::select! {
                recorded = &mut recording => recorded,
                () = &mut called_off => {
                    stop.store(true, Ordering::Relaxed);
                    halt.store(true, Ordering::Relaxed);
                    // A request that is under way goes on whether or not anybody waits for it, and what it made would be
                    // made again. What fails is tried once more for the end of the sweep.
                    let _ = tokio::time::timeout(LAST_STEP, recording).await;
                    break How::Cancelled;
                }
            };
            if let Err(error) = recorded {
                stop.store(true, Ordering::Relaxed);
                return Err(error.into());
            }
        } else if is_over {
            // Training ends at once when it is called off, and the look at the file may come later.
            break if run.folder.wanted() == Wanted::Cancel { How::Cancelled } else { How::Finished };
        }
        if is_over {
            continue;
        }
        let count = tokio::select! {
            count = happening.recv_many(&mut waiting, 256) => count,
            () = &mut called_off => break How::Cancelled,
        };
        is_over = count == 0;
        for event in &waiting {
            told(Told::Event(event));
        }
    };
    stop.store(true, Ordering::Relaxed);
    if how == How::Cancelled {
        recorder.was_cut_off();
    }
    if let Some(cause) = broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(journal(cause));
    }
    let closed = Event { at: now_ms(), what: What::Closed { how } };
    {
        // From here on no trial that is still being fitted can say anything.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(event) = happening.try_recv() {
            waiting.push(event);
        }
        happening.close();
        writer.write(&closed).map_err(journal)?;
    }
    told(Told::Event(&closed));
    waiting.push(closed);
    let never = AtomicBool::new(false);
    let farewell = record(recorder, &mut waiting, told, &never);
    let result = if how == How::Finished {
        farewell.await
    } else {
        match tokio::time::timeout(FAREWELL, farewell).await {
            Ok(result) => result,
            // The next start does it.
            Err(_) => return Ok(how),
        }
    };
    result?;
    if let Err(error) = run.folder.forget_trials() {
        // A fit that nobody waits for any more may be writing there.
        tracing::warn!(%error, "files of trials are left behind");
    }
    Ok(how)
}

/// Comes when the sweep is called off, by the file or by the process.
async fn called_off(folder: &Folder, interrupted: impl Future<Output = ()>) {
    let by_file = async {
        while folder.wanted() != Wanted::Cancel {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = by_file => {}
        () = interrupted => {}
    }
}

/// Brings events to the store, again and again while it is away, until it is to halt after a step.
async fn record(
    recorder: &mut Recorder,
    events: &mut Vec<Event>,
    told: &mut impl FnMut(Told<'_>),
    halt: &AtomicBool,
) -> Result<(), StoreError> {
    let mut backoff = Backoff::new(BREATH, PATIENCE);
    while !events.is_empty() && !halt.load(Ordering::Relaxed) {
        let step = recorder.step(events).await;
        for unkept in recorder.take_unkept() {
            told(Told::NotKept(&unkept));
        }
        match step {
            Ok(()) => {
                told(Told::Sent { left: events.len() });
                if backoff.succeed() {
                    told(Told::Back);
                }
            }
            Err(error) if may_pass(&error.kind) => {
                told(Told::Away(&error));
                tokio::time::sleep(backoff.pause()).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Brings events to a store that answers; a file that it does not take is tried as often as in a sweep that runs.
async fn bring(recorder: &mut Recorder, events: &mut Vec<Event>) -> Result<(), StoreError> {
    loop {
        match recorder.record(events).await {
            Err(_) if recorder.leaves_a_try() => tokio::time::sleep(BREATH).await,
            result => return result,
        }
    }
}

/// A sweep whose process died.
#[derive(Debug)]
pub struct Broken {
    pub name: String,
    /// Whether it could be closed.
    pub closed: Result<(), StoreError>,
}

/// Closes the sweeps of a store whose process died: what the store lacks of their results is brought there, and what
/// was under way is marked as killed.
pub async fn close_broken(store: &Store, state_folder: &Path, store_name: &str) -> Vec<Broken> {
    let mut broken = Vec::new();
    // Nothing of theirs is in a store that is not there, and none is made for what broke off.
    if !store.is_begun() {
        return broken;
    }
    let of_store = |(_, header): &(Folder, Header)| header.store == store_name;
    for (folder, header) in Folder::all(state_folder).sweeps.into_iter().filter(of_store) {
        let name = header.name.clone();
        if let Some(closed) = close(store, &folder, header).await {
            broken.push(Broken { name, closed });
        }
    }
    broken
}

/// Whether there is nothing to close: it is not begun yet, or over and told.
fn is_over(folder: &Folder) -> std::io::Result<bool> {
    Ok(folder.is_told()?.unwrap_or(true))
}

/// Closes a sweep; none if there is nothing to close, or a process is at it.
async fn close(store: &Store, folder: &Folder, header: Header) -> Option<Result<(), StoreError>> {
    let io = |error: std::io::Error| StoreError::new("close a sweep", ErrorKind::Io(error.to_string()));
    match is_over(folder) {
        Ok(true) => return None,
        // What another machine is at is not closed from here.
        Ok(false) if folder.host().is_some() => return None,
        Ok(false) => {}
        Err(error) => return is_damage(&error).then(|| Err(io(error))),
    }
    let mut writer = folder.take().ok()??;
    if is_over(folder).ok()? {
        return None;
    }
    let mut events = folder.events().ok()?;
    let sent = folder.sent().min(events.len());
    let work = async {
        if !matches!(events.last(), Some(Event { what: What::Closed { .. }, .. })) {
            let closed = Event { at: now_ms(), what: What::Closed { how: How::Interrupted } };
            writer.write(&closed).map_err(io)?;
            events.push(closed);
        }
        let mut recorder = Recorder::new(store.clone(), folder.clone(), header, &events[..sent], true);
        bring(&mut recorder, &mut events.split_off(sent)).await?;
        folder.forget_trials().map_err(io)
    };
    Some(work.await)
}
