//! What effects are carried out with: a task for each, whose end is a message.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{AbortHandle, JoinSet};

use super::msg::Msg;
use crate::store::Store;

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

/// Computes away from the loop; a panic becomes a message.
pub async fn blocking<M: Into<Msg> + Send + 'static>(work: impl FnOnce() -> M + Send + 'static) -> Msg {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_or_else(|error| Msg::TaskFailed(error.to_string()), Into::into)
}
