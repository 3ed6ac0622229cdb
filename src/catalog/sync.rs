//! Keeps a catalogue current: reads an experiment once, then asks only for what can have changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{Builder, Catalog};
use crate::mlflow::RunId;
use crate::store::{Cursor, Result, Scan, TrackingStore};

/// Batches that wait to be folded in; a scan that is faster than that waits itself.
const WAITING: usize = 4;
/// How soon after a snapshot the next one is made while an experiment is being read; it grows with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// A catalogue as of now. While it is not complete, more runs and values are on their way.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub catalog: Arc<Catalog>,
    pub complete: bool,
}

/// One experiment of a store, kept current.
#[derive(Debug)]
pub struct Sync {
    store: Arc<dyn TrackingStore>,
    scan: Scan,
    builder: Builder,
    cursor: Cursor,
}

impl Sync {
    pub fn new(store: Arc<dyn TrackingStore>, scan: Scan) -> Self {
        Self { store, scan, builder: Builder::default(), cursor: Cursor::Start }
    }

    /// Reads everything, and publishes the first page at once, the whole at the end, and what there is in between.
    pub async fn load(&mut self, mut publish: impl FnMut(Snapshot)) -> Result<()> {
        let (sink, mut batches) = mpsc::channel(WAITING);
        // A new start, so that runs that went away meanwhile do not stay; what is shown stays until it is replaced.
        self.builder = Builder::default();
        let (store, scan) = (Arc::clone(&self.store), self.scan.clone());
        let scanning = tokio::spawn(async move { store.scan(&scan, sink).await });
        let mut pause = FIRST_PAUSE;
        let mut due = Instant::now() + pause;
        while let Some(batch) = batches.recv().await {
            self.builder.fold(&batch);
            if batch.completes_first_page || Instant::now() >= due {
                publish(Snapshot { catalog: Arc::new(self.builder.snapshot()), complete: false });
                pause = pause * 3 / 2;
                due = Instant::now() + pause;
            }
        }
        self.builder.end_scan();
        self.cursor = match scanning.await {
            Ok(result) => result?,
            Err(error) => {
                let kind = crate::store::ErrorKind::Io(error.to_string());
                return Err(crate::store::StoreError::new("read the runs", kind));
            }
        };
        publish(Snapshot { catalog: Arc::new(self.builder.snapshot()), complete: true });
        Ok(())
    }

    /// Looks for changes and publishes if there are any; true if somebody wrote to the store. `watched` are the runs on the screen and
    /// those that run.
    pub async fn poll(&mut self, watched: &[RunId], mut publish: impl FnMut(Snapshot)) -> Result<bool> {
        let changes = self.store.changes(&self.scan, &mut self.cursor, watched).await?;
        if changes.reload {
            // The old rows stay on the screen until the new ones are all there.
            let mut last = None;
            self.load(|snapshot| last = Some(snapshot)).await?;
            last.into_iter().for_each(publish);
            return Ok(true);
        }
        let mut changed = self.builder.remove(&changes.removed);
        for batch in &changes.batches {
            changed |= self.builder.fold_changes(batch);
        }
        if !changed {
            return Ok(changes.touched);
        }
        publish(Snapshot { catalog: Arc::new(self.builder.snapshot()), complete: true });
        Ok(changes.touched)
    }
}
