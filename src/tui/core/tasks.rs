//! What effects are carried out with: a task for each, whose end is a message.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::msg::Msg;
use crate::store::Store;
use crate::store::blocking::{behind_others, fall_behind};

/// What a task is for: a new one takes the place of an older one for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot(pub &'static str);

/// The tasks of an open store.
#[derive(Debug)]
pub struct Tasks {
    pub store: Store,
    sender: UnboundedSender<Msg>,
    slots: HashMap<Slot, AbortHandle>,
    /// What is being written; nothing takes its place.
    writes: JoinSet<()>,
}

impl Tasks {
    pub fn new(store: Store, sender: UnboundedSender<Msg>) -> Self {
        Self { store, sender, slots: HashMap::new(), writes: JoinSet::new() }
    }

    /// Where tasks that bring back more than one message send them. Nobody listens when the program is leaving.
    pub fn sender(&self) -> UnboundedSender<Msg> {
        self.sender.clone()
    }

    pub fn send(&self, msg: impl Into<Msg>) {
        let _ = self.sender.send(msg.into());
    }

    /// Starts a task in the place of the one before; whether it ends, is replaced or panics, no screen waits for it.
    pub fn start(&mut self, slot: Slot, task: impl Future<Output = ()> + Send + 'static) {
        let sender = self.sender.clone();
        let guarded = async move {
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                let what = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let what = what.unwrap_or_else(|| "for an unknown reason".into());
                let _ = sender.send(Msg::TaskFailed(what));
            }
        };
        let handle = tokio::spawn(guarded).abort_handle();
        if let Some(older) = self.slots.insert(slot, handle) {
            older.abort();
        }
    }

    /// The same on a thread that stands behind others, for what works much: whoever presses a key does not wait for it.
    pub fn start_behind(&mut self, slot: Slot, task: impl Future<Output = ()> + Send + 'static) {
        let runtime = Handle::current();
        self.start(slot, async move {
            // What waits here is dropped where it is replaced, and with it the thread's work.
            let (_here, gone) = oneshot::channel::<()>();
            let (sender, end) = oneshot::channel();
            let work = move || {
                fall_behind();
                runtime.block_on(async {
                    tokio::select! {
                        ended = AssertUnwindSafe(task).catch_unwind() => drop(sender.send(ended)),
                        _ = gone => {}
                    }
                });
            };
            let started = std::thread::Builder::new().name("behind others".into()).spawn(work);
            let ended = match started {
                Ok(_) => end.await.unwrap_or(Ok(())),
                Err(error) => Err(Box::new(format!("no thread can be started: {error}")) as Box<_>),
            };
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    }

    /// The same with one message at its end.
    pub fn answer<M: Into<Msg>>(&mut self, slot: Slot, task: impl Future<Output = M> + Send + 'static) {
        let sender = self.sender.clone();
        self.start(slot, async move {
            let _ = sender.send(task.await.into());
        });
    }

    /// A task beside all others.
    pub fn spawn<M: Into<Msg> + Send + 'static>(&self, task: impl Future<Output = M> + Send + 'static) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let msg = AssertUnwindSafe(task).catch_unwind().await;
            let msg = msg.map_or_else(|_| Msg::TaskFailed("see the log".into()), Into::into);
            let _ = sender.send(msg);
        });
    }

    /// A task that leaving waits for.
    pub fn write<M: Into<Msg> + Send>(&mut self, task: impl Future<Output = M> + Send + 'static) {
        let sender = self.sender.clone();
        self.writes.spawn(async move {
            let _ = sender.send(task.await.into());
        });
    }

    /// Ends everything but what is being written, and waits for that for a while.
    pub async fn finish(&mut self, patience: Duration) {
        self.slots.drain().for_each(|(_, task)| task.abort());
        let writes = async { while self.writes.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(patience, writes).await;
    }
}

/// The same behind others, for what nobody asked for by a key.
pub async fn blocking_behind<M: Into<Msg> + Send + 'static>(
    work: impl FnOnce() -> M + Send + 'static,
) -> Msg {
    behind_others(|| Ok(work().into())).await.unwrap_or_else(|error| Msg::TaskFailed(error.to_string()))
}

/// Computes away from the loop; a panic becomes a message.
pub async fn blocking<M: Into<Msg> + Send + 'static>(work: impl FnOnce() -> M + Send + 'static) -> Msg {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_or_else(|error| Msg::TaskFailed(error.to_string()), Into::into)
}
