//! One command that goes first. A script brings a database file up to its MLflow's version when it opens it, and where two do
//! so at once one of them fails.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between looks whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);
/// How long it is waited for the one that should go first, which may itself wait for what others hold.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// Nobody has come yet.
    New,
    /// One went first, and the others wait.
    Held,
    /// It opened the store.
    Open,
}

/// Lets one go first, and then all others.
#[derive(Debug)]
pub struct First {
    gate: Mutex<Gate>,
    changed: Condvar,
}

/// The right to begin. While it is the first one's and not given up, nobody else begins.
#[derive(Debug)]
pub struct Turn<'a> {
    of: Option<&'a First>,
}

impl First {
    /// Where that matters; else all may begin.
    pub fn new(matters: bool) -> Self {
        let gate = if matters { Gate::New } else { Gate::Open };
        Self { gate: Mutex::new(gate), changed: Condvar::new() }
    }

    /// Waits for its turn; none where nobody waits any more. Whoever is in front goes first, unless that one does not come.
    pub fn wait(&self, is_in_front: impl Fn() -> bool, is_called_off: impl Fn() -> bool) -> Option<Turn<'_>> {
        let begun = Instant::now();
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if is_called_off() {
                return None;
            }
            match *gate {
                Gate::Open => return Some(Turn { of: None }),
                Gate::New if begun.elapsed() >= PATIENCE || is_in_front() => {
                    *gate = Gate::Held;
                    return Some(Turn { of: Some(self) });
                }
                Gate::New | Gate::Held => {
                    gate = self.changed.wait_timeout(gate, LOOK).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

impl Turn<'_> {
    /// Whether others wait for it.
    pub fn is_first(&self) -> bool {
        self.of.is_some()
    }

    /// The others may begin.
    pub fn give_up(&mut self) {
        if let Some(of) = self.of.take() {
            *of.gate.lock().unwrap_or_else(PoisonError::into_inner) = Gate::Open;
            of.changed.notify_all();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn the_others_wait_for_the_first() {
        let first = First::new(true);
        let mut turn = first.wait(|| true, || false).unwrap();
        assert!(turn.is_first() && first.wait(|| true, || true).is_none());
        std::thread::scope(|scope| {
            let second = scope.spawn(|| first.wait(|| false, || false).is_some_and(|turn| !turn.is_first()));
            turn.give_up();
            assert!(second.join().unwrap());
        });
        assert!(!turn.is_first());
        assert!(!First::new(false).wait(|| false, || false).unwrap().is_first());
        assert!(First::new(false).wait(|| false, || true).is_none(), "nothing begins any more");
    }

    #[test]
    fn who_comes_before_its_time_lets_the_one_in_front_go_first() {
        let (first, is_early) = (First::new(true), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let early = scope.spawn(|| {
                let is_in_front = || {
                    is_early.store(true, Ordering::Relaxed);
                    false
                };
                first.wait(is_in_front, || false).is_some_and(|turn| turn.is_first())
            });
            while !is_early.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            assert!(first.wait(|| true, || false).unwrap().is_first());
            assert!(!early.join().unwrap());
        });
    }

    #[test]
    fn it_is_not_waited_for_one_in_front_that_does_not_come() {
        assert!(First::new(true).wait(|| false, || false).unwrap().is_first());
    }
}
