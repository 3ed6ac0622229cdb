//! Work that may block, on threads that may wait.

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

/// How far behind others work that takes long stands, in Unix's steps. Elsewhere than on Linux they hold for all of a program.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 5;

/// Puts this thread behind others that want the processor; where that may not be, it is as soon as they.
pub fn fall_behind() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(BEHIND);
}

/// Runs work that takes long on a thread of its own, behind others that want the processor: whoever presses a key meanwhile
/// does not wait for it.
pub async fn behind_others<T: Send + 'static>(work: impl FnOnce() -> Inner<T> + Send + 'static) -> Inner<T> {
    let (sender, answer) = oneshot::channel();
    let thread = std::thread::Builder::new().name("reading runs".into());
    let started = thread.spawn(move || {
        fall_behind();
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
