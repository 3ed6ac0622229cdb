//! Sweeps whose process died.

use std::path::Path;

use super::BREATH;
use super::taking_over::{StillHeld, TakeOver};
use crate::disk::is_damage;
use crate::store::{ErrorKind, Store, StoreError};
use crate::sweep::engine::journal::{Control, EndReason, Event, EventKind, SweepFolder};
use crate::sweep::engine::record::Recorder;
#[cfg(unix)]
use crate::sweep::engine::state::SweepState;
use crate::sweep::executor::slurm::cancel_jobs;
use crate::sweep::header::{SweepFolders, SweepHeader};
#[cfg(unix)]
use crate::sweep::objective::command::end_leftovers;
use crate::sweep::plan::TrialPlan;

/// Brings events to a store that answers; a file that it does not take is tried as often as in a sweep that runs.
async fn bring(recorder: &mut Recorder, events: &mut Vec<Event>) -> Result<(), StoreError> {
    loop {
        match recorder.record(events).await {
            Err(_) if recorder.has_attempts_left() => tokio::time::sleep(BREATH).await,
            result => return result,
        }
    }
}

/// A sweep whose process died.
#[derive(Debug)]
pub struct BrokenSweep {
    /// Of its own run.
    pub name: String,
    /// Whether it could be closed.
    pub closed: Result<(), StoreError>,
}

/// Closes the sweeps of a store whose process died: what the store lacks of their results is brought there, and what
/// was under way is marked as killed.
pub async fn close_broken(store: &Store, state_folder: &Path, store_name: &str) -> Vec<BrokenSweep> {
    let mut broken = Vec::new();
    // Nothing of theirs is in a store that is not there, and none is made for what broke off.
    if !store.is_begun() {
        return broken;
    }
    let of_store = |(_, header): &(SweepFolder, SweepHeader)| header.store == store_name;
    for (folder, header) in SweepFolders::of(state_folder).sweeps.into_iter().filter(of_store) {
        let name = header.name.clone();
        if let Some(closed) = close(store, &folder, &header).await {
            broken.push(BrokenSweep { name, closed });
        }
    }
    broken
}

/// Whether there is nothing to close: it is not begun yet, or over and told.
fn is_over(folder: &SweepFolder) -> std::io::Result<bool> {
    Ok(folder.is_fully_logged()?.unwrap_or(true))
}

/// Ends what is still running of trials whose sweep died.
#[cfg(unix)]
fn end_processes(folder: &SweepFolder, header: &SweepHeader, events: &[Event]) -> std::io::Result<()> {
    if header.plan.trial.command().is_none() {
        return Ok(());
    }
    let trials = SweepState::of(events).trials;
    let open = (0..trials.len()).filter(|number| trials[*number].outcome.is_none());
    open.into_iter().try_for_each(|number| end_leftovers(&folder.trial_folder(number)))
}

/// Cancels the jobs of a sweep that no process is at; waits until that is sure, and leaves it to a process that is. Whether it
/// did: somebody may have thought again meanwhile.
///
/// # Errors
/// Slurm's, or where the folder cannot be read or written.
pub fn cancel_left(folder: &SweepFolder, take_over: &TakeOver<'_>) -> std::io::Result<bool> {
    folder.set_control(Control::Cancel)?;
    match take_over.wait(folder) {
        // It ends them itself.
        Err(StillHeld::AtWork(_)) => return Ok(false),
        Err(StillHeld::Unknown(_)) => folder.holder()?.map_or(Ok(()), |holder| folder.evict(&holder))?,
        Err(StillHeld::Folder(error)) => return Err(error),
        Ok(()) => {}
    }
    // Whoever takes it up sees that it is called off.
    let Some(_held) = folder.take()? else { return Ok(false) };
    if folder.control() != Control::Cancel {
        return Ok(false);
    }
    cancel_jobs(folder).map(|()| true)
}

/// Closes the runs of a sweep whose jobs were cancelled while no process was at it; none where there is nothing to close.
pub async fn close_cancelled(
    store: &Store,
    folder: &SweepFolder,
    header: &SweepHeader,
) -> Option<Result<(), StoreError>> {
    close(store, folder, header).await
}

/// Closes a sweep; none if there is nothing to close, or a process is at it.
async fn close(store: &Store, folder: &SweepFolder, header: &SweepHeader) -> Option<Result<(), StoreError>> {
    let io = |error: std::io::Error| StoreError::new("close a sweep", ErrorKind::Io(error.to_string()));
    match is_over(folder) {
        Ok(true) => return None,
        // Its jobs go on, until somebody called it off.
        Ok(false) if header.plan.executor.slurm().is_some() && folder.control() != Control::Cancel => {
            return None;
        }
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
    #[cfg(unix)]
    if let Err(error) = end_processes(folder, header, &events) {
        return Some(Err(io(error)));
    }
    let sent = folder.sent().min(events.len());
    let work = async {
        if !matches!(events.last(), Some(Event { kind: EventKind::Closed { .. }, .. })) {
            // Jobs that go on elsewhere are those of a sweep that was called off.
            let is_elsewhere = header.plan.executor.slurm().is_some();
            let reason = if is_elsewhere { EndReason::Cancelled } else { EndReason::Interrupted };
            let closed = Event::now(EventKind::Closed { reason });
            writer.write(&closed).map_err(io)?;
            events.push(closed);
        }
        let mut recorder =
            Recorder::new(store.clone(), folder.clone(), header.logged(), &events[..sent], true);
        bring(&mut recorder, &mut events.split_off(sent)).await?;
        match &header.plan.trial {
            TrialPlan::Tabular(_) => folder.forget_trials().map_err(io),
            // What scripts keep in their folders is theirs.
            TrialPlan::Command(_) => Ok(()),
        }
    };
    Some(work.await)
}
