//! Who uses the machine's cores: a fit that can use several takes those that others leave.

use std::sync::atomic::{AtomicUsize, Ordering};

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
