//! Cancelling what is left of a sweep.

use std::io;
use std::time::{Duration, Instant};

use super::client::ask;
use super::cluster::{BREATH, Cluster};
use super::ledger::Ledger;
use super::submitting::find;
use super::watching::active;
use crate::sweep::engine::journal::{SweepFolder, TakenOver};

/// How long what is left at the end of a sweep is tried to be cancelled.
const FAREWELL: Duration = Duration::from_secs(30);

impl Cluster {
    /// Cancels what is left of a sweep that is over.
    ///
    /// # Errors
    /// Where this process is not at the sweep any more: its jobs are somebody else's.
    pub fn cancel_rest(&self) -> io::Result<()> {
        let until = Instant::now() + FAREWELL;
        loop {
            self.folder.check_held()?;
            let Err(error) = cancel(&mut self.ledger()) else { return Ok(()) };
            if TakenOver::is(&error) {
                return Err(error);
            }
            if Instant::now() > until {
                self.tell(&format!(
                    "{error}; jobs of the sweep may be left: squeue shows them, as mltui-{}-…",
                    self.setup.sweep
                ));
                return Ok(());
            }
            std::thread::sleep(BREATH);
        }
    }
}

/// Cancels all jobs of a sweep that this process holds, and that is not run.
///
/// # Errors
/// Slurm's, or where it cannot be read which there are.
pub fn cancel_jobs(folder: &SweepFolder) -> io::Result<()> {
    cancel(&mut Ledger::open(folder)?)
}

/// Cancels what has not ended of all that was submitted.
fn cancel(ledger: &mut Ledger) -> io::Result<()> {
    if ledger.entries().is_empty() {
        return Ok(());
    }
    let active = active()?;
    let is_active = |job: &str| {
        active
            .iter()
            .any(|id| id.strip_prefix(job).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
    };
    let mut jobs = Vec::new();
    for entry in ledger.entries().to_vec() {
        let known = match entry.job {
            Some(job) => vec![job],
            None => find(&entry.name)?.0,
        };
        let left: Vec<String> = known.into_iter().filter(|job| is_active(job)).collect();
        if !left.is_empty() {
            ledger.give_up(entry.batch)?;
            jobs.extend(left);
        }
    }
    if jobs.is_empty() {
        return Ok(());
    }
    match ask("scancel", &jobs) {
        // Some may have ended meanwhile.
        Err(error) if error.is_transient() => Err(error.into()),
        _ => Ok(()),
    }
}
