//! What is asked of a sweep while it runs, as far as it concerns what is submitted already: Slurm is told.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::client::{AT_ONCE, SlurmError, ask};
use super::cluster::{Cluster, Topic};
use super::script::Batch;
use super::states::JobState;
use super::watching::jobs_of_user;
use crate::sweep::engine::journal::{Control, TakenOver};
use crate::sweep::engine::queue::Queue;

/// Between looks whether anything is asked.
const LOOK: Duration = Duration::from_millis(500);
/// What scontrol says of tasks of an array that are over, and changes the others all the same.
const OVER: [&str; 3] = ["already finished", "already completing", "Invalid job id"];

/// What is wished of the jobs of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    /// So many run at once.
    jobs: usize,
    /// None begins.
    is_paused: bool,
    /// No trial from this number on.
    end: Option<usize>,
}

impl Cluster {
    /// Tells Slurm what is asked of the sweep, until nobody hangs on any more.
    pub(super) fn steer(&self, queue: &Queue<'_>, until: &Receiver<()>) {
        let mut done: Option<(Wish, usize)> = None;
        loop {
            let is_paused = self.folder.control() == Control::Pause;
            let wish = Wish { jobs: queue.jobs(), is_paused, end: queue.end_of_trials() };
            self.set_jobs(wish.jobs);
            let submitted = self.ledger().entries().len();
            // What is submitted in a pause is to wait too.
            let is_done =
                done.is_some_and(|(known, count)| known == wish && (!is_paused || count == submitted));
            if !is_done {
                match self.fulfil(wish, done.map(|(known, _)| known)) {
                    Ok(()) => {
                        self.say(Topic::Steering, None);
                        done = Some((wish, submitted));
                    }
                    // Whoever is at the sweep now says what is wished.
                    Err(error) if TakenOver::is(&error) => return,
                    // Whoever looks at the queue says so.
                    Err(error) if is_transient(&error) => {}
                    Err(error) => self.say(Topic::Steering, Some(&error.to_string())),
                }
            }
            match until.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn fulfil(&self, wish: Wish, before: Option<Wish>) -> io::Result<()> {
        self.folder.check_held()?;
        let is_held = self.ledger().is_held();
        if self.ledger().entries().is_empty() || (before.is_none() && !wish.is_paused && !self.is_resumed) {
            return Ok(());
        }
        let active = jobs_of_user()?;
        if before.is_none_or(|before| before.end != wish.end) {
            self.cut(wish.end, &active)?;
        }
        let waiting = self.waiting(&active);
        if before.is_none_or(|before| before.jobs != wish.jobs) {
            for job in waiting.iter().filter_map(|(job, is_array)| is_array.then_some(job)) {
                throttle(job, wish.jobs)?;
            }
        }
        let names: Vec<&str> = waiting.iter().map(|(job, _)| job.as_str()).collect();
        if wish.is_paused {
            self.ledger().hold(true)?;
            scontrol_all("uhold", &names)?;
        } else if is_held {
            // What ran when it was held would be held if it were requeued.
            let all = self.of_sweep(&active);
            scontrol_all("release", &all.iter().map(String::as_str).collect::<Vec<_>>())?;
            self.watching.have_released();
            self.ledger().hold(false)?;
        }
        Ok(())
    }

    /// Jobs of the sweep that are not over.
    fn of_sweep(&self, active: &HashMap<String, JobState>) -> Vec<String> {
        let has_any = |job: &str| {
            active.iter().any(|(id, state)| state.is_active() && id.split('_').next() == Some(job))
        };
        let ledger = self.ledger();
        ledger.entries().iter().filter_map(|entry| entry.job.clone()).filter(|job| has_any(job)).collect()
    }

    /// Jobs of the sweep of which something waits, and whether they are arrays.
    fn waiting(&self, active: &HashMap<String, JobState>) -> Vec<(String, bool)> {
        let waits = |job: &str| {
            active.iter().any(|(id, state)| *state == JobState::Pending && id.split('_').next() == Some(job))
        };
        let ledger = self.ledger();
        let known =
            ledger.entries().iter().filter_map(|entry| Some((entry.job.clone()?, entry.batch.is_array())));
        known.filter(|(job, _)| waits(job)).collect()
    }

    /// Calls off what was submitted of trials from a number on.
    fn cut(&self, end: Option<usize>, active: &HashMap<String, JobState>) -> io::Result<()> {
        let Some(end) = end else { return Ok(()) };
        let entries = self.ledger().entries().to_vec();
        for entry in entries {
            let Batch { first, count, attempt } = entry.batch;
            for trial in first.max(end)..first + count {
                let is_live = self.ledger().of(trial).is_some_and(|last| last.name == entry.name);
                let Some(job) = entry.job_of(trial).filter(|_| is_live) else { continue };
                if active.get(&job).is_some_and(|state| state.is_active()) {
                    self.ledger().give_up(Batch { first: trial, count: 1, attempt })?;
                    self.watching.cancel(&job);
                }
            }
        }
        Ok(())
    }
}

/// Has so many tasks of an array run at once.
pub(super) fn throttle(job: &str, jobs: usize) -> Result<(), SlurmError> {
    scontrol(&["update".to_owned(), format!("JobId={job}"), format!("ArrayTaskThrottle={jobs}")])
}

fn is_transient(error: &io::Error) -> bool {
    error.get_ref().and_then(|cause| cause.downcast_ref::<SlurmError>()).is_some_and(SlurmError::is_transient)
}

fn scontrol_all(word: &str, jobs: &[&str]) -> Result<(), SlurmError> {
    jobs.chunks(AT_ONCE).try_for_each(|jobs| scontrol(&[word.to_owned(), jobs.join(",")]))
}

/// Tells Slurm; what is over needs no telling.
fn scontrol(words: &[String]) -> Result<(), SlurmError> {
    match ask("scontrol", words) {
        Err(SlurmError::Refused { message, .. }) if OVER.iter().any(|over| message.contains(over)) => Ok(()),
        told => told.map(drop),
    }
}
