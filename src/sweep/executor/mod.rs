//! How trials run side by side.

pub mod slurm;
mod threads;

use std::io;

use super::engine::queue::Queue;
use super::objective::Objective;

pub use threads::Threads;

/// Runs trials side by side.
pub trait Executor: Send + Sync {
    /// Takes trials from the queue until it gives out no more, has each carried out, and says how it ended; at most
    /// [`Queue::jobs`] at once, a number that may change. Has the queue take what is asked of the sweep meanwhile, and goes on
    /// where that gives it more to do. Blocks until all have ended.
    ///
    /// # Errors
    /// Where the journal cannot be written, or what carries a trial out broke down. None is waited for then.
    fn run(&self, queue: &Queue<'_>, objective: &dyn Objective) -> io::Result<()>;
}

/// Runs all trials of a sweep, then one that averages the best of them where that is wished, and does what is still to be done
/// with the best.
///
/// # Errors
/// As [`Executor::run`] and [`Objective::finish`].
pub fn run_all(executor: &dyn Executor, queue: &Queue<'_>, objective: &dyn Objective) -> io::Result<()> {
    executor.run(queue, objective)?;
    // While an ensemble is fitted, further trials may be asked for.
    while queue.begin_ensemble()? {
        executor.run(queue, objective)?;
    }
    match queue.best() {
        Some(best) => objective.finish(&best, &queue.watch(best.number)),
        None => Ok(()),
    }
}
