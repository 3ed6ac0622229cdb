//! Work that may block, on threads that may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;

use super::{ErrorKind, Inner};

/// Runs `work` on a thread that may block. To the runtime all such work is of one type: it makes a task of some kilobytes of
/// code for each that it knows, and a store has hundreds.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Inner<T> + Send + 'static) -> Inner<T> {
    let (sender, answer) = oneshot::channel();
    let work: Box<dyn FnOnce() + Send> = Box::new(move || drop(sender.send(work())));
    let task = tokio::task::spawn_blocking(work);
    match answer.await {
        Ok(answer) => answer,
        Err(_) => {
            let why = task.await.map_or_else(|error| error.to_string(), |()| "it was given up".into());
            Err(ErrorKind::Io(why))
        }
    }
}

/// Whoever waits for an answer: dropped, it is known to who works on that.
#[derive(Debug)]
pub struct Listener(Arc<AtomicBool>);

/// Whether nobody waits any more.
#[derive(Debug)]
pub struct Gone(Arc<AtomicBool>);

impl Listener {
    pub fn new() -> (Self, Gone) {
        let gone = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&gone)), Gone(gone))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Gone {
    /// Nothing, or a failure that nobody will hear of.
    pub fn check(&self) -> Inner<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(ErrorKind::Io("nobody waits for it any more".into()));
        }
        Ok(())
    }
}

/// How far behind others work that takes long stands, in Unix's steps. Elsewhere than on Linux they hold for all of a program.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 5;

/// Runs work that takes long on a thread of its own, behind others that want the processor: whoever presses a key meanwhile
/// does not wait for it.
pub async fn behind_others<T: Send + 'static>(work: impl FnOnce() -> Inner<T> + Send + 'static) -> Inner<T> {
    let (sender, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("reading runs".into());
    let started = thread.spawn(move || {
        #[cfg(target_os = "linux")]
        // Where that may not be, it is as soon as others.
        let _ = rustix::process::nice(BEHIND);
        drop(sender.send(work()));
    });
    started.map_err(|error| ErrorKind::Io(error.to_string()))?;
    answer.await.unwrap_or_else(|_| Err(ErrorKind::Io("the reader of runs stopped".into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_fails() {
        assert_eq!(off_thread(|| Ok(7)).await, Ok(7));
        let failed = off_thread(|| -> Inner<u8> { panic!("no") }).await;
        assert!(matches!(failed, Err(ErrorKind::Io(why)) if why.contains("panic")));
    }
}
