//! A thread for each trial that is under way.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::Executor;
use crate::sweep::engine::queue::Queue;
use crate::sweep::objective::Objective;

/// Between looks whether anything was asked of the sweep.
const LOOK: Duration = Duration::from_millis(200);

/// Threads of this process.
#[derive(Debug, Clone, Copy)]
pub struct Threads;

/// Why a worker leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// There were no more trials when so much had been asked of the sweep.
    NoMore(usize),
    /// There are more workers than there should be.
    Surplus,
}

impl Executor for Threads {
    fn run(&self, queue: &Queue<'_>, objective: &dyn Objective) -> io::Result<()> {
        let workers = AtomicUsize::new(0);
        let (sender, left) = channel();
        std::thread::scope(|scope| {
            let (mut has_more, mut result) = (true, Ok(()));
            loop {
                match queue.take_changes() {
                    Ok(is_new) => has_more |= is_new,
                    Err(error) => {
                        queue.close();
                        (has_more, result) = (false, result.and(Err(error)));
                    }
                }
                while has_more && workers.load(Ordering::Relaxed) < queue.jobs() {
                    workers.fetch_add(1, Ordering::Relaxed);
                    let (sender, workers) = (sender.clone(), &workers);
                    scope.spawn(move || {
                        let worked = work_or_close(queue, objective, workers);
                        // A surplus one has counted itself out.
                        if !matches!(worked, Ok(Leave::Surplus)) {
                            workers.fetch_sub(1, Ordering::Relaxed);
                        }
                        let _ = sender.send(worked);
                    });
                }
                if workers.load(Ordering::Relaxed) == 0 && !has_more {
                    return left.try_iter().fold(result, |result, worked| result.and(worked.map(drop)));
                }
                match left.recv_timeout(LOOK) {
                    Ok(Ok(Leave::NoMore(taken))) => has_more &= taken != queue.changes_taken(),
                    Ok(Ok(Leave::Surplus)) | Err(RecvTimeoutError::Timeout) => {}
                    Ok(Err(error)) => (has_more, result) = (false, result.and(Err(error))),
                    Err(RecvTimeoutError::Disconnected) => return result,
                }
            }
        })
    }
}

/// Where one worker fails, wherever it is, all end.
fn work_or_close(queue: &Queue<'_>, objective: &dyn Objective, workers: &AtomicUsize) -> io::Result<Leave> {
    let worked = catch_unwind(AssertUnwindSafe(|| work(queue, objective, workers)));
    let worked = worked.unwrap_or_else(|_| Err(broken_down()));
    if worked.is_err() {
        queue.close();
    }
    worked
}

fn work(queue: &Queue<'_>, objective: &dyn Objective, workers: &AtomicUsize) -> io::Result<Leave> {
    loop {
        let jobs = queue.jobs();
        let surplus = |count: usize| (count > jobs).then(|| count - 1);
        if workers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, surplus).is_ok() {
            return Ok(Leave::Surplus);
        }
        let taken = queue.changes_taken();
        let Some(trial) = queue.take()? else { return Ok(Leave::NoMore(taken)) };
        let end = objective.run(&trial, &queue.watch(trial.number))?;
        queue.end(trial.number, end)?;
    }
}

fn broken_down() -> io::Error {
    io::Error::other("a worker panicked")
}
