//! Keeps a catalogue current: reads an experiment once, then asks only for what can have changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::summaries::NeededHistory;
use super::{Builder, Catalog};
use crate::mlflow::{RunId, Summary};
use crate::store::blocking::behind_others;
use crate::store::{Changes, Cursor, ErrorKind, Result, RunBatch, Scan, Store, StoreError, UsedDataset};

/// Batches that wait to be folded in; a scan that is faster than that waits itself.
const WAITING: usize = 4;
/// How soon after a snapshot the next one is made while an experiment is being read; twice as long with each, as what was
/// published is copied when more comes in, and all who show it begin anew.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The history of a run that goes on grows all the time: a server is asked for it again after so many times what it
/// took to send it, within bounds.
const HISTORY_SHARE: u32 = 20;
const HISTORY_PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// When a history that is too long may be asked for again.
const TOO_LONG_PAUSE: Duration = Duration::from_secs(3_600);

/// What came of asking for the histories of some runs.
#[derive(Debug, Default)]
struct ReadHistories {
    read: Vec<RunId>,
    summaries: Vec<(RunId, Summary)>,
    too_long: Vec<RunId>,
}

/// A catalogue as of now. While it is not complete, more runs and values are on their way.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub catalog: Arc<Catalog>,
    pub complete: bool,
}

/// One experiment of a store, kept current.
#[derive(Debug)]
pub struct Sync {
    store: Store,
    scan: Scan,
    builder: Builder,
    /// What was published and is not let go yet: it is large, and whoever shows it is not to wait while it goes.
    published: Vec<Arc<Catalog>>,
    cursor: Cursor,
    wanted: Vec<NeededHistory>,
    /// Somebody wants to see which data sets runs were given; when they may be asked for again, and whether runs changed
    /// since they were.
    wants_data_sets: bool,
    data_sets_due: Option<Instant>,
    data_sets_outdated: bool,
    /// They are being read: that may take longer than the time between two polls.
    reading_data_sets: JoinSet<(Result<Vec<UsedDataset>>, Duration)>,
    /// When a server may be asked again for the histories of runs.
    asked: FxHashMap<(NeededHistory, RunId), Instant>,
    /// When summaries were published last, and whether there are newer ones.
    filled: Option<Instant>,
    unpublished: bool,
}

fn snapshot(builder: &mut Builder, published: &mut Vec<Arc<Catalog>>, complete: bool) -> Snapshot {
    let_go(published);
    let catalog = Arc::new(builder.snapshot());
    published.push(Arc::clone(&catalog));
    Snapshot { catalog, complete }
}

/// When the next snapshot is due while an experiment is being read.
struct Pace {
    pause: Duration,
    due: Instant,
}

impl Pace {
    fn new() -> Self {
        Self { pause: FIRST_PAUSE, due: Instant::now() + FIRST_PAUSE }
    }

    fn is_due(&mut self, batch: &RunBatch) -> bool {
        let is_due = batch.completes_first_page || Instant::now() >= self.due;
        if is_due {
            self.pause *= 2;
            self.due = Instant::now() + self.pause;
        }
        is_due
    }
}

/// Lets go of what nobody shows any more.
fn let_go(published: &mut Vec<Arc<Catalog>>) {
    published.retain(|catalog| Arc::strong_count(catalog) > 1);
}

impl Sync {
    pub fn new(store: Store, scan: Scan) -> Self {
        Self {
            store,
            scan,
            builder: Builder::default(),
            published: Vec::new(),
            cursor: Cursor::START,
            wanted: Vec::new(),
            wants_data_sets: false,
            data_sets_due: None,
            data_sets_outdated: true,
            reading_data_sets: JoinSet::new(),
            asked: FxHashMap::default(),
            filled: None,
            unpublished: false,
        }
    }

    /// What there is now, in the place of what was published before.
    fn snapshot(&mut self, complete: bool) -> Snapshot {
        snapshot(&mut self.builder, &mut self.published, complete)
    }

    fn knows_all_changes(&self) -> bool {
        self.store.capabilities().change_feed
    }

    /// The histories that columns need from now on, and whether they need the data sets of runs.
    pub fn want(&mut self, wanted: Vec<NeededHistory>, wants_data_sets: bool) {
        self.wanted = wanted;
        self.wants_data_sets = wants_data_sets;
        let_go(&mut self.published);
    }

    /// Reads which data sets runs were given, where that is wanted and runs changed since; true if anything was asked.
    async fn fill_data_sets(&mut self) -> Result<bool> {
        let is_early = self.data_sets_due.is_some_and(|due| Instant::now() < due);
        if !self.wants_data_sets || !self.data_sets_outdated || is_early {
            return Ok(false);
        }
        if self.reading_data_sets.is_empty() {
            let (store, scan) = (self.store.clone(), self.scan.clone());
            self.reading_data_sets.spawn(async move {
                let start = Instant::now();
                (store.data_sets(&scan.experiment_id, scan.view).await, start.elapsed())
            });
        }
        // Who waits here may be called away, and goes on waiting for the same.
        let Some(Ok((used, took))) = self.reading_data_sets.join_next().await else { return Ok(false) };
        let pause = (took * HISTORY_SHARE).clamp(HISTORY_PAUSE.0, HISTORY_PAUSE.1);
        self.data_sets_due = Some(Instant::now() + pause);
        let used = used?;
        self.data_sets_outdated = false;
        self.unpublished |= self.builder.fold_data_sets(&used);
        Ok(true)
    }

    /// Asks for some of the histories that are still wanted, those of the runs in `first` before others; false when
    /// there is nothing left to ask for now.
    pub async fn fill(&mut self, first: &[RunId], mut publish: impl FnMut(Snapshot)) -> Result<bool> {
        if self.fill_data_sets().await? {
            self.publish_summaries(true, &mut publish);
            return Ok(true);
        }
        let asked = &self.asked;
        let builder = &mut self.builder;
        let batch = self.store.capabilities().summary_batch();
        let next = self.wanted.iter().find_map(|wanted| {
            let is_early = |id: &str| {
                let due = asked.get(&(wanted.clone(), RunId::from(id)));
                due.is_some_and(|due| Instant::now() < *due)
            };
            let ids = builder.unknown(wanted, first, batch, is_early);
            (!ids.is_empty()).then(|| (wanted.clone(), ids))
        });
        let Some((wanted, ids)) = next else {
            self.publish_summaries(true, &mut publish);
            return Ok(false);
        };
        let start = Instant::now();
        let read = self.read_histories(&ids, &wanted).await;
        if read.is_err() || !self.knows_all_changes() {
            let pause = (start.elapsed() * HISTORY_SHARE).clamp(HISTORY_PAUSE.0, HISTORY_PAUSE.1);
            let due = Instant::now() + pause;
            self.asked.extend(ids.into_iter().map(|id| ((wanted.clone(), id), due)));
        }
        let ReadHistories { read, summaries, too_long } = read?;
        self.unpublished |= self.builder.fill(&wanted, &read, &summaries);
        let due = Instant::now() + TOO_LONG_PAUSE;
        self.asked.extend(too_long.into_iter().map(|id| ((wanted.clone(), id), due)));
        let is_last =
            self.wanted.iter().all(|wanted| self.builder.unknown(wanted, &[], 1, |_| false).is_empty());
        self.publish_summaries(is_last, &mut publish);
        Ok(!is_last)
    }

    /// Reads what the histories of some runs come to. Where that is too much, each by itself: one that is too long stays
    /// unknown, and the column says of how many runs it is known.
    async fn read_histories(&self, ids: &[RunId], wanted: &NeededHistory) -> Result<ReadHistories> {
        let mut found = ReadHistories::default();
        match self.store.metric_summaries(ids, &wanted.key, wanted.part).await {
            Err(error) if matches!(error.kind, ErrorKind::TooMuch(_)) => {}
            summaries => {
                (found.read, found.summaries) = (ids.to_vec(), summaries?);
                return Ok(found);
            }
        }
        for id in ids {
            match self.store.metric_summaries(std::slice::from_ref(id), &wanted.key, wanted.part).await {
                Err(error) if matches!(error.kind, ErrorKind::TooMuch(_)) => {
                    tracing::warn!(%error, run = %id, "a history is not read");
                    found.too_long.push(id.clone());
                }
                summaries => {
                    found.summaries.extend(summaries?);
                    found.read.push(id.clone());
                }
            }
        }
        Ok(found)
    }

    fn publish_summaries(&mut self, at_once: bool, publish: &mut impl FnMut(Snapshot)) {
        let is_due = at_once || self.filled.is_none_or(|time| time.elapsed() >= FIRST_PAUSE);
        if self.unpublished && is_due {
            self.unpublished = false;
            self.filled = Some(Instant::now());
            publish(self.snapshot(true));
        }
    }

    /// Reads everything, and publishes the first page at once, the whole at the end, and what there is in between.
    pub async fn load(&mut self, mut publish: impl FnMut(Snapshot)) -> Result<()> {
        let (sink, mut batches) = mpsc::channel(WAITING);
        // A new start, so that runs that went away meanwhile do not stay; what is shown stays until it is replaced.
        self.builder = Builder::default();
        self.builder.outdates_histories = self.knows_all_changes();
        self.asked.clear();
        (self.data_sets_due, self.data_sets_outdated) = (None, true);
        self.reading_data_sets = JoinSet::new();
        let (store, scan) = (self.store.clone(), self.scan.clone());
        let scanning = tokio::spawn(async move { store.scan(&scan, sink).await });
        if self.store.capabilities().cheap_reads {
            self.fold_behind(batches, &mut publish).await?;
        } else {
            // They come slowly.
            let mut pace = Pace::new();
            while let Some(batch) = batches.recv().await {
                let_go(&mut self.published);
                self.builder.fold(&batch);
                if pace.is_due(&batch) {
                    publish(self.snapshot(false));
                }
            }
        }
        self.builder.end_scan();
        self.cursor = match scanning.await {
            Ok(result) => result?,
            Err(error) => {
                return Err(StoreError::new("read the runs", ErrorKind::Io(error.to_string())));
            }
        };
        publish(self.snapshot(true));
        Ok(())
    }

    /// Folds in what comes as fast as it is read, which is much work: whoever presses a key meanwhile does not wait for it.
    async fn fold_behind(
        &mut self,
        mut batches: mpsc::Receiver<RunBatch>,
        publish: &mut impl FnMut(Snapshot),
    ) -> Result<()> {
        let (news, mut snapshots) = mpsc::unbounded_channel();
        let (mut builder, mut published) =
            (std::mem::take(&mut self.builder), std::mem::take(&mut self.published));
        let folding = tokio::spawn(behind_others(move || {
            let mut pace = Pace::new();
            // Nobody listens any more where the experiment is left.
            while let Some(batch) = batches.blocking_recv().filter(|_| !news.is_closed()) {
                // Before there is more.
                let_go(&mut published);
                builder.fold(&batch);
                if pace.is_due(&batch) {
                    let _ = news.send(snapshot(&mut builder, &mut published, false));
                }
            }
            Ok((builder, published))
        }));
        while let Some(snapshot) = snapshots.recv().await {
            publish(snapshot);
        }
        match folding.await {
            Ok(Ok(folded)) => (self.builder, self.published) = folded,
            Ok(Err(kind)) => return Err(StoreError::new("read the runs", kind)),
            Err(error) => return Err(StoreError::new("read the runs", ErrorKind::Io(error.to_string()))),
        }
        Ok(())
    }

    /// Looks for changes and publishes if there are any; true if somebody wrote to the store. `watched` are the runs on the screen and
    /// those that run.
    pub async fn poll(&mut self, watched: &[RunId], publish: impl FnMut(Snapshot)) -> Result<bool> {
        let changes = self.changes(watched).await?;
        self.take(changes, publish).await
    }

    /// Asks what changed, without taking it in.
    pub async fn changes(&mut self, watched: &[RunId]) -> Result<Changes> {
        let_go(&mut self.published);
        self.store.changes(&self.scan, &mut self.cursor, watched).await
    }

    /// Takes in what changed, or reads everything anew where it is too much; true if somebody wrote to the store.
    pub async fn take(&mut self, changes: Changes, mut publish: impl FnMut(Snapshot)) -> Result<bool> {
        if changes.reload {
            // The old rows stay on the screen until the new ones are all there.
            let mut last = None;
            self.load(|snapshot| last = Some(snapshot)).await?;
            last.into_iter().for_each(publish);
            return Ok(true);
        }
        // Data sets that are logged later change no run by themselves.
        self.data_sets_outdated |= changes.touched || !self.knows_all_changes();
        let mut changed = self.builder.remove(&changes.removed);
        for batch in &changes.batches {
            changed |= self.builder.fold_changes(batch);
        }
        if !changed {
            return Ok(changes.touched);
        }
        publish(self.snapshot(true));
        Ok(changes.touched)
    }
}
