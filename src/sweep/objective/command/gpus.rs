//! Which trial has which GPUs.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Between looks whether somebody still waits.
const LOOK: Duration = Duration::from_millis(200);

/// The GPUs that no trial has.
#[derive(Debug)]
pub struct Gpus {
    free: Mutex<Vec<String>>,
    freed: Condvar,
    each: usize,
}

/// The GPUs of a trial, until it ends.
#[derive(Debug)]
pub struct Taken<'a> {
    from: &'a Gpus,
    gpus: Vec<String>,
}

impl Gpus {
    /// These, of which each trial has so many.
    pub fn new(gpus: &[String], each: usize) -> Self {
        // The first is taken first.
        Self { free: Mutex::new(gpus.iter().rev().cloned().collect()), freed: Condvar::new(), each }
    }

    /// As many as a trial has, as soon as they are free; none where nobody waits any more.
    pub fn take(&self, is_called_off: impl Fn() -> bool) -> Option<Taken<'_>> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while free.len() < self.each {
            if is_called_off() {
                return None;
            }
            free = self.freed.wait_timeout(free, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        let left = free.len() - self.each;
        let mut gpus = free.split_off(left);
        gpus.reverse();
        Some(Taken { from: self, gpus })
    }
}

impl Taken<'_> {
    /// As `CUDA_VISIBLE_DEVICES` names them.
    pub fn in_words(&self) -> String {
        self.gpus.join(",")
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut free = self.from.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.gpus.drain(..).rev());
        self.from.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gpu_is_given_to_two() {
        let gpus = Gpus::new(&["0", "1", "2", "3"].map(str::to_owned), 2);
        let first = gpus.take(|| false).unwrap();
        let second = gpus.take(|| false).unwrap();
        assert_eq!((first.in_words(), second.in_words()), ("0,1".into(), "2,3".into()));
        assert!(gpus.take(|| true).is_none());
        drop(first);
        assert_eq!(gpus.take(|| false).unwrap().in_words(), "0,1");
    }
}
