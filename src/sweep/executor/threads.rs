//! A thread for each trial that is under way.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Executor;
use crate::sweep::engine::queue::Queue;
use crate::sweep::objective::Objective;

/// Threads of this process.
#[derive(Debug, Clone, Copy)]
pub struct Threads;

impl Executor for Threads {
    fn run(&self, queue: &Queue<'_>, objective: &dyn Objective) -> io::Result<()> {
        let results: Vec<io::Result<()>> = std::thread::scope(|scope| {
            let work = || work_or_close(queue, objective);
            let workers: Vec<_> = (0..queue.jobs()).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(broken_down()))).collect()
        });
        results.into_iter().collect()
    }
}

/// Where one worker fails, wherever it is, all end.
fn work_or_close(queue: &Queue<'_>, objective: &dyn Objective) -> io::Result<()> {
    let worked = catch_unwind(AssertUnwindSafe(|| work(queue, objective)));
    let worked = worked.unwrap_or_else(|_| Err(broken_down()));
    if worked.is_err() {
        queue.close();
    }
    worked
}

fn work(queue: &Queue<'_>, objective: &dyn Objective) -> io::Result<()> {
    while let Some(trial) = queue.take()? {
        let end = objective.run(&trial, &queue.watch(trial.number))?;
        queue.end(trial.number, end)?;
    }
    Ok(())
}

fn broken_down() -> io::Error {
    io::Error::other("a worker panicked")
}
