//! Sweeps that are begun already: paused, cancelled, resumed, changed, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use super::Steering;
use crate::store::Store;
use crate::sweep::begin::spawn;
use crate::sweep::engine::journal::{Change, Control};
use crate::sweep::engine::record::is_transient;
use crate::sweep::executor::slurm::has_ended;
use crate::sweep::run::{self, TakeOver, check_resumable};
use crate::text;
use crate::tui::core::msg::{Announcement, Msg as Any};
use crate::tui::core::tasks::blocking;
use crate::tui::features::sweeps::effects::{Services, find};

/// Steers a sweep, and says what came of it.
pub async fn steer(store: Store, services: Services, id: String, steering: Steering) -> Any {
    if steering == Steering::Resume
        && let Err(said) = resume(&store, &services, &id).await
    {
        return said.into();
    }
    if steering == Steering::Cancel
        && let Some(said) = cancel_left(store, &services, &id).await
    {
        return said.into();
    }
    blocking(move || told(&services, &id, steering)).await
}

/// Whether a sweep can go on, and its files still go where they belong; its process would say so in its log alone.
async fn resume(store: &Store, services: &Services, id: &str) -> Result<(), Announcement> {
    let Some((folder, header)) = find(services, id) else { return Ok(()) };
    let cannot = |why: String| Announcement(format!("cannot resume {}: {why}", header.name));
    check_resumable(store, &folder, &header).await.map_err(|error| cannot(error.to_string()))?;
    if header.plan.trial.command().is_some() {
        // A script has ways of its own to where artifacts go.
        return Ok(());
    }
    match store.check_artifacts(&header.experiment).await {
        Err(error) if !is_transient(&error.kind) => Err(cannot(format!("{error}; {}", error.hint()))),
        _ => Ok(()),
    }
}

/// Cancels the jobs of a sweep that no process is at, and closes its runs; none where a process is to do so.
async fn cancel_left(store: Store, services: &Services, id: &str) -> Option<Announcement> {
    let (folder, header) = find(services, id)?;
    if header.plan.executor.slurm().is_none() || folder.is_running().unwrap_or(true) {
        return None;
    }
    let name = header.name.clone();
    let of = folder.clone();
    let cancelled = tokio::task::spawn_blocking(move || {
        let take_over = TakeOver { is_forced: false, has_ended: &has_ended, tell: &|_| {} };
        run::cancel_left(&of, &take_over).map_err(|error| error.to_string())
    });
    let cancelled = cancelled.await.unwrap_or_else(|error| Err(error.to_string()));
    Some(Announcement(match cancelled {
        Err(error) => format!("the jobs of {name} go on: {error}"),
        Ok(false) => format!("{name} is left to the process that is at it"),
        Ok(true) => match run::close_cancelled(&store, &folder, &header).await {
            Some(Err(error)) => format!("cancelled {name}; its runs are closed at the next start: {error}"),
            Some(Ok(())) | None => format!("cancelled {name} and its jobs; r resumes it"),
        },
    }))
}

/// Tells the process of a sweep, or begins one.
fn told(services: &Services, id: &str, steering: Steering) -> Announcement {
    let Some((folder, header)) = find(services, id) else {
        return Announcement("the sweep no longer exists".into());
    };
    let done = match steering {
        Steering::Pause => folder.set_control(Control::Pause),
        Steering::Continue => folder.set_control(Control::Run),
        Steering::Cancel => folder.set_control(Control::Cancel),
        Steering::Resume => {
            folder.set_control(Control::Run).and_then(|()| spawn(&folder, &header, &services.same))
        }
    };
    let name = &header.name;
    Announcement(match (done, steering) {
        (Err(error), _) => format!("cannot steer {name}: {error}"),
        (Ok(()), Steering::Pause) => format!("{name} pauses after the current {}", header.plan.unit()),
        (Ok(()), Steering::Continue) => format!("{name} continues"),
        (Ok(()), Steering::Cancel) => format!("cancelled {name}; r resumes it"),
        (Ok(()), Steering::Resume) => match folder.host() {
            Some(host) => {
                let host = text::clean(&host);
                format!("{name} goes on here as soon as {host} is known to be gone; l tells")
            }
            None => format!("resumed {name}"),
        },
    })
}

/// Asks for a change; whoever is at the sweep takes it soon.
pub fn ask(services: &Services, id: &str, change: Change) -> Announcement {
    let Some((folder, header)) = find(services, id) else {
        return Announcement("the sweep no longer exists".into());
    };
    let name = &header.name;
    let what = match change {
        Change::Prune { trial } => format!("trial {trial} of {name} is to be pruned"),
        Change::Retry { trial } => format!("trial {trial} of {name} is to run again"),
        Change::Trials { most } => format!("{name} is to have {}", text::counted(most, "trial")),
        Change::Jobs { jobs } => {
            format!("{name} is to run {} at a time", text::counted(jobs, "trial"))
        }
    };
    let is_running = folder.is_running().unwrap_or(false);
    Announcement(match folder.ask(change) {
        Ok(()) if is_running => what,
        Ok(()) => format!("{what} as soon as it is resumed"),
        Err(error) => format!("cannot change {name}: {error}"),
    })
}
