//! The runs of an experiment that were read, as bytes, with the lengths and times of their files: what is the same as
//! before is not read again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustc_hash::{FxHashMap, FxHashSet};

use super::codec::{self, Brief};
use super::files::{Listed, Stamp};
use super::layout::{META, Place, is_run, runs_in};
use super::{cache, meta, reading};
use crate::mlflow::{Run, RunId};
use crate::store::{ErrorKind, Inner};

/// Threads that read files side by side: a disk, and a server behind a network file system more so, has time for several.
const READERS: usize = 6;
/// Runs that wait to be taken up.
const WAITING: usize = 64;

/// So long a `meta.yaml` that is not understood may be in the middle of being written.
const WRITTEN: Duration = Duration::from_secs(10);
/// Folders that are no runs yet are looked at again, so many at a time.
const MOST_PENDING: usize = 200;

/// A run that was read.
#[derive(Debug, Clone)]
pub struct Held {
    /// Of its files.
    pub hash: u64,
    pub meta: Option<Stamp>,
    /// Of the folder of its params, and what these added up to, where its time tells of those that come or go.
    pub params: Option<(Stamp, u64)>,
    /// It was read while it may have been written to, within the grain of the clock.
    pub is_young: bool,
    /// Bytes of all its points: there can be new ones that are not the latest.
    pub points: u64,
    /// How far its long files were read.
    pub files: Arc<reading::KnownFiles>,
    pub bytes: Arc<[u8]>,
    /// The version at which it became what it is.
    pub changed: u64,
    /// Its `meta.yaml` could not be understood since then, as it is when it is written over.
    pub unread_since: Option<Instant>,
}

impl Held {
    /// Whether it is not long ago that its `meta.yaml` was understood.
    fn is_recent(&self, now: Instant) -> bool {
        self.unread_since.is_none_or(|since| now.duration_since(since) < WRITTEN)
    }

    pub fn brief(&self) -> Option<Brief> {
        codec::brief(&self.bytes)
    }
}

/// What was read of an experiment.
#[derive(Debug, Default)]
pub struct Index {
    pub runs: FxHashMap<RunId, Held>,
    /// Runs that went away, and the version at which they did.
    pub gone: FxHashMap<RunId, u64>,
    /// Counts changes.
    pub version: u64,
    /// That of the experiment's folder when its runs were listed last.
    pub folder: Option<Stamp>,
    /// All runs were read once.
    pub is_whole: bool,
    /// It is another than what was kept.
    is_changed: bool,
    /// What the cache holds was taken up, or there is none.
    pub is_loaded: bool,
    /// The runs in the order in which they are looked at in turn, and whose turn it is.
    pub turns: Vec<RunId>,
    pub turn: usize,
    pub looked: Option<Instant>,
    /// Folders that were no runs when they were looked at: they may become ones without any sign of it.
    pending: Vec<RunId>,
}

impl Index {
    /// Takes up what was read of a run.
    fn take(&mut self, id: &RunId, read: Read) {
        let Read { hash, meta, params, is_young, points, files, bytes } = read;
        self.is_changed = true;
        if let Some(held) = self.runs.get_mut(id)
            && *held.bytes == *bytes
            && held.points == points
        {
            (held.hash, held.meta, held.is_young, held.files) = (hash, meta, is_young, files);
            (held.params, held.unread_since) = (params, None);
            return;
        }
        self.version += 1;
        let (bytes, changed) = (bytes.into(), self.version);
        let held = Held { hash, meta, params, is_young, points, files, bytes, changed, unread_since: None };
        self.runs.insert(id.clone(), held);
        self.gone.remove(id);
    }

    fn wait_for(&mut self, id: &RunId) {
        if !self.pending.contains(id) {
            self.pending.push(id.clone());
        }
    }

    fn remove(&mut self, id: &RunId) {
        if self.runs.remove(id).is_some() {
            self.version += 1;
            self.is_changed = true;
            self.gone.insert(id.clone(), self.version);
        }
    }
}

/// What was read of a run just now.
#[derive(Debug)]
struct Read {
    hash: u64,
    meta: Option<Stamp>,
    params: Option<(Stamp, u64)>,
    is_young: bool,
    points: u64,
    files: Arc<reading::KnownFiles>,
    bytes: Vec<u8>,
}

/// An experiment that is read again and again.
#[derive(Debug)]
pub struct Reading {
    pub place: Place,
    /// Another reading of the same experiment has another.
    pub number: u64,
    index: Mutex<Index>,
    /// The file that keeps it for the next time.
    cache: Option<PathBuf>,
}

/// Whoever takes up runs as they are read may stop it.
pub type Take<'a> = &'a mut dyn FnMut(&RunId, &Held) -> bool;

impl Reading {
    pub fn new(place: Place, cache: Option<PathBuf>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { place, number, index: Mutex::default(), cache }
    }

    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, error: &std::io::Error) -> ErrorKind {
        ErrorKind::Io(format!("{}: {error}", self.place.path.display()))
    }

    /// Takes up what was kept of it, once.
    pub fn load(&self) {
        if self.index().is_loaded {
            return;
        }
        let kept = self.cache.as_deref().and_then(|file| cache::load(file, &self.place.path));
        let mut index = self.index();
        if !index.is_loaded {
            index.is_loaded = true;
            index.version = 1;
            let kept = kept.unwrap_or_default();
            index.runs = kept.into_iter().map(|(id, held)| (id, Held { changed: 1, ..held })).collect();
        }
    }

    /// Keeps it for the next time. That it cannot be kept harms nobody.
    pub fn keep(&self) {
        let Some(file) = &self.cache else { return };
        let runs: Vec<(RunId, Held)> =
            self.index().runs.iter().map(|(id, held)| (id.clone(), held.clone())).collect();
        if let Err(error) = cache::save(file, &self.place.path, &runs) {
            tracing::debug!(%error, "what was read of a folder is not kept");
        }
    }

    /// The runs that there are, by their folders.
    fn list(&self) -> Inner<Vec<RunId>> {
        // Taken before: what comes in between makes it another.
        let stamp = Stamp::at(&self.place.path);
        let names = runs_in(&self.place.path).map_err(|error| self.io(&error))?;
        let mut index = self.index();
        let there: FxHashSet<&str> = names.iter().map(String::as_str).collect();
        let gone: Vec<RunId> = index.runs.keys().filter(|id| !there.contains(id.as_str())).cloned().collect();
        for id in &gone {
            index.remove(id);
        }
        // A folder that is being filled has another time in a moment, but perhaps not by this clock.
        index.folder = stamp;
        index.pending.retain(|id| there.contains(id.as_str()));
        Ok(names.into_iter().map(RunId).collect())
    }

    /// Reads all runs, those first that began last; what is the same as before is taken as it is. Whether all were read:
    /// whoever takes them up may have had enough.
    pub fn read_all(&self, take: Take<'_>) -> Inner<bool> {
        self.load();
        let mut names = self.list()?;
        self.newest_first(&mut names);
        let is_whole = self.read(&names, take);
        if is_whole {
            let mut index = self.index();
            let runs: FxHashSet<&RunId> = names.iter().collect();
            let Index { pending, runs: known, .. } = &mut *index;
            pending.retain(|id| !known.contains_key(id));
            let gone: Vec<RunId> = index.runs.keys().filter(|id| !runs.contains(id)).cloned().collect();
            for id in &gone {
                index.remove(id);
            }
            (index.is_whole, index.looked) = (true, Some(Instant::now()));
            let is_changed = std::mem::take(&mut index.is_changed);
            drop(index);
            if is_changed {
                self.keep();
            }
        }
        Ok(is_whole)
    }

    /// By what is known of them; of others the age of the folder tells, as most of what is in it is made with it.
    fn newest_first(&self, names: &mut [RunId]) {
        let index = self.index();
        let start = |id: &RunId| {
            let known = index.runs.get(id).and_then(|held| held.brief()?.start_time);
            known.or_else(|| Some(Stamp::at(&self.place.path.join(id.as_str()))?.time / 1_000_000))
        };
        names.sort_by_cached_key(|id| std::cmp::Reverse(start(id)));
    }

    /// Reads some runs, by several threads, in about this order.
    fn read(&self, names: &[RunId], take: Take<'_>) -> bool {
        if names.len() < 2 * READERS {
            let datasets = reading::Datasets::of(&self.place.path);
            return names.iter().all(|id| match self.read_one(id, &datasets) {
                Some(held) => take(id, &held),
                None => true,
            });
        }
        let datasets = reading::Datasets::of(&self.place.path);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(WAITING);
            for _ in 0..READERS {
                let (sender, next, datasets) = (sender.clone(), &next, &datasets);
                scope.spawn(move || {
                    while let Some(id) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                        // Nobody may be listening any more.
                        if let Some(held) = self.read_one(id, datasets)
                            && sender.send((id, held)).is_err()
                        {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let received: Receiver<(&RunId, Held)> = receiver;
            // Those who read stop as soon as nobody receives.
            received.into_iter().all(|(id, held)| take(id, &held))
        })
    }

    /// What is held of a run, where a glance at its files says that it is as it was.
    #[cfg(target_os = "linux")]
    fn unchanged(&self, id: &RunId, folder: &Path) -> Option<Held> {
        let known = |held: &&Held| !held.is_young;
        let (hash, params) = self.index().runs.get(id).filter(known).map(|held| (held.hash, held.params))?;
        if super::glance::hash(folder, params) != Some(hash) {
            return None;
        }
        self.index().runs.get(id).filter(known).filter(|held| held.hash == hash).cloned()
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "there is no glance at files elsewhere")]
    fn unchanged(&self, _: &RunId, _: &Path) -> Option<Held> {
        None
    }

    /// Reads a run where it is another than before; nothing where it is none, or gone.
    fn read_one(&self, id: &RunId, datasets: &reading::Datasets) -> Option<Held> {
        let folder = self.place.path.join(id.as_str());
        if let Some(held) = self.unchanged(id, &folder) {
            return Some(held);
        }
        let now = SystemTime::now();
        let listed = Listed::of(&folder);
        let hash = listed.hash();
        if let Some(held) = self.index().runs.get(id)
            && held.hash == hash
            && !held.is_young
        {
            return Some(held.clone());
        }
        let before = self.index().runs.get(id).cloned();
        let is_there = if listed.meta.is_some() { Ok(true) } else { is_run(&folder) };
        if let Ok(false) = is_there {
            let mut index = self.index();
            index.remove(id);
            index.wait_for(id);
            return None;
        }
        // What cannot be looked into now is none less for that: what is known of it stays, and it says so.
        if let (Err(_), Some(before)) = (&is_there, &before)
            && let Some(mut run) = codec::decode(&before.bytes)
        {
            reading::tell(&mut run, &listed.problems);
            let (files, bytes) = (Arc::clone(&before.files), codec::encode(&run));
            let (meta, points) = (before.meta, before.points);
            let read = Read { hash, meta, params: None, is_young: true, points, files, bytes };
            let mut index = self.index();
            index.take(id, read);
            return index.runs.get(id).cloned();
        }
        let mut files = before.as_ref().map_or_else(Default::default, |held| (*held.files).clone());
        let reading::Reading { run, is_understood, is_damaged } =
            reading::run((&self.place, id), &folder, &listed, datasets, &mut files);
        // Somebody is writing it: it is what it was, until it can be read or is left like that.
        if !is_understood
            && (listed.meta.is_none() || meta::is_unsettled(&folder))
            && before.as_ref().is_some_and(|before| before.is_recent(Instant::now()))
        {
            let mut index = self.index();
            if let Some(held) = index.runs.get_mut(id) {
                held.is_young = true;
                held.unread_since.get_or_insert_with(Instant::now);
            }
            return index.runs.get(id).cloned();
        }
        let read = Read {
            hash,
            meta: listed.meta,
            params: listed.settled_params(now),
            // What could not be read may be readable without another sign of it.
            is_young: is_damaged || listed.is_young(now),
            points: listed.metrics.iter().map(|entry| entry.stamp.length).sum(),
            files: Arc::new(files),
            bytes: codec::encode(&run),
        };
        let mut index = self.index();
        index.take(id, read);
        index.runs.get(id).cloned()
    }

    /// Looks again at some runs.
    pub fn look_at(&self, ids: &[RunId]) {
        self.read(ids, &mut |_, _| true);
    }

    /// Whether runs came or went, by the time of the experiment's folder, which may be coarse; they are listed anew then,
    /// and those that came are read.
    pub fn look_for_others(&self) -> Inner<()> {
        let Some(stamp) = Stamp::look(&self.place.path).map_err(|error| self.io(&error))? else {
            return Err(ErrorKind::NotFound(format!("no experiment {}", self.place.id)));
        };
        let is_old = !Listed { meta: Some(stamp), ..Listed::default() }.is_young(SystemTime::now());
        let names = if self.index().folder == Some(stamp) && is_old {
            let mut index = self.index();
            let some = index.pending.len().min(MOST_PENDING);
            let names = index.pending[..some].to_vec();
            index.pending.rotate_left(some);
            names
        } else {
            self.list()?
        };
        let new: Vec<RunId> = {
            let index = self.index();
            names.into_iter().filter(|id| !index.runs.contains_key(id)).collect()
        };
        self.look_at(&new);
        let mut index = self.index();
        let Index { pending, runs, .. } = &mut *index;
        pending.retain(|id| !runs.contains_key(id));
        Ok(())
    }

    /// What is known of each run by its `meta.yaml` alone, which is read where it is another than before.
    pub fn briefs(&self, known: &mut FxHashMap<RunId, (Option<Stamp>, Option<Brief>)>) -> Inner<Vec<Brief>> {
        self.load();
        let names = runs_in(&self.place.path).map_err(|error| self.io(&error))?;
        let mut found = Vec::with_capacity(names.len());
        let mut now = FxHashMap::default();
        for name in names {
            let id = RunId(name);
            let folder = self.place.path.join(id.as_str());
            let stamp = Stamp::at(&folder.join(META));
            let held = {
                let index = self.index();
                let held = index.runs.get(&id).filter(|held| held.meta == stamp && !held.is_young);
                held.and_then(Held::brief)
            };
            let brief = match (held, known.get(&id)) {
                (Some(brief), _) => Some(brief),
                (None, Some((before, brief))) if *before == stamp && stamp.is_some() => *brief,
                _ => brief_of(&self.place, &id, &folder),
            };
            found.extend(brief);
            // What may be written to once more in this moment is looked at again.
            let is_young = Listed { meta: stamp, ..Listed::default() }.is_young(SystemTime::now());
            now.insert(id, (stamp.filter(|_| !is_young), brief));
        }
        *known = now;
        Ok(found)
    }

    /// All runs as they were read last.
    pub fn all(&self) -> Vec<Run> {
        let all: Vec<Arc<[u8]>> = self.index().runs.values().map(|held| Arc::clone(&held.bytes)).collect();
        all.iter().filter_map(|bytes| codec::decode(bytes)).collect()
    }
}

/// A run that has half of itself counts too.
fn brief_of(place: &Place, id: &RunId, folder: &Path) -> Option<Brief> {
    if matches!(is_run(folder), Ok(false)) {
        return None;
    }
    let meta = super::meta::load(folder);
    Some(Brief::of(&super::meta::run_info(&place.id, id, meta.as_ref(), &mut Vec::new())))
}
