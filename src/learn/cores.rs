//! Who uses the machine's cores: a fit that can use several takes those that others leave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope};

/// Fits that are under way in this process.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

/// A fit that is under way, as long as it is kept.
pub struct AtWork;

/// Begins a fit.
pub fn begin() -> AtWork {
    AT_WORK.fetch_add(1, Ordering::Relaxed);
    AtWork
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Threads for a fit: its share of the cores. What is fitted must not depend on it.
pub fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / AT_WORK.load(Ordering::Relaxed).max(1)).max(1)
}

/// Starts a thread; false where the system does not, as for users who may have few.
pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, work: impl FnOnce() + Send + 'scope) -> bool {
    #[cfg(test)]
    if tests::NO_THREADS.get() {
        return false;
    }
    Builder::new().spawn_scoped(scope, work).is_ok()
}

/// Has each part worked on by a thread of its own as far as they can be had, the first one by this. Results are in the order of
/// the parts.
pub fn side_by_side<T: Send, R: Send>(parts: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    side_by_side_on(parts.len(), parts, work)
}

/// The same by so many threads at most, each of which takes the next part when it is done with one.
pub fn side_by_side_on<T: Send, R: Send>(
    threads: usize,
    parts: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let count = threads.min(parts.len());
    // Whoever has no thread finds the parts that are left.
    let parts = Mutex::new(parts.into_iter().enumerate());
    let (sender, results) = channel();
    let work_off = |sender: Sender<(usize, R)>| loop {
        let next = parts.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((at, part)) = next else { return };
        let _ = sender.send((at, work(part)));
    };
    std::thread::scope(|scope| {
        for _ in 1..count {
            let (sender, work_off) = (sender.clone(), &work_off);
            start(scope, move || work_off(sender));
        }
        work_off(sender);
    });
    let mut results: Vec<(usize, R)> = results.into_iter().collect();
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
pub mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// Whether the system starts no thread for this one.
        pub static NO_THREADS: Cell<bool> = const { Cell::new(false) };
    }

    #[test]
    fn parts_are_worked_on_with_and_without_threads() {
        for none in [false, true] {
            NO_THREADS.set(none);
            assert_eq!(side_by_side((0..9).collect(), |part: u32| part * part)[8], 64);
            assert!(side_by_side(Vec::<u32>::new(), |part| part).is_empty());
            assert_eq!(side_by_side_on(2, (0..9).collect(), |part: u32| part + 1)[8], 9);
        }
        NO_THREADS.set(false);
    }
}
