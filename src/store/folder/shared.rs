//! What the store knows while it is open: where things lie, and what was read of each experiment.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::mpsc::Sender;

use super::cache;
use super::codec::{self, Brief};
use super::files::Stamp;
use super::index::Reading;
use super::layout::{Layout, Place, is_experiment};
use crate::mlflow::{ExperimentId, LifecycleStage, Run, RunId};
use crate::store::batch::{BatchWriter, RunBatch, whole_runs};
use crate::store::pages::{offset_of, token_at};
use crate::store::sorting::order;
use crate::store::{Changes, Cursor, ErrorKind, Inner, RunCount, RunPage, RunSearch, Scan};

/// MLflow's largest page.
const MAX_RESULTS: usize = 50_000;
/// Bytes of text in one batch.
const BATCH: usize = 1 << 20;
/// Runs of one batch.
const BATCH_RUNS: usize = 2_000;
/// Looking at runs in turn may take one part in this many of the time.
const SHARE: u32 = 100;
/// At a look, at least so long and this many runs.
const LEAST: Duration = Duration::from_millis(2);
const AT_ONCE: usize = 32;
/// Runs that go on, and are looked at each time; of more, some.
const MOST_RUNNING: usize = 500;
/// The pages of one search are of what was read for the first of them, for so long.
const OF_ONE_SEARCH: Duration = Duration::from_secs(10);

type Counted = FxHashMap<RunId, (Option<Stamp>, Option<Brief>)>;

/// How far the changes of an experiment were seen.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Seen {
    reading: u64,
    version: u64,
}

/// Everything of an open store.
#[derive(Debug)]
pub struct Shared {
    pub layout: Layout,
    /// Where what was read is kept for the next time.
    cache: Option<PathBuf>,
    readings: Mutex<HashMap<ExperimentId, Arc<Reading>>>,
    counted: Mutex<HashMap<PathBuf, Counted>>,
}

impl Shared {
    pub fn new(root: PathBuf, cache: Option<PathBuf>) -> Self {
        let layout = Layout::new(root);
        Self { layout, cache, readings: Mutex::default(), counted: Mutex::default() }
    }

    /// What is read of an experiment, where it is now.
    fn reading(&self, id: &ExperimentId) -> Inner<Arc<Reading>> {
        let place = self.layout.experiment(id)?;
        Ok(self.reading_of(place))
    }

    fn reading_of(&self, place: Place) -> Arc<Reading> {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reading) = readings.get(&place.id)
            && reading.place == place
        {
            return Arc::clone(reading);
        }
        let cache = self.cache.as_ref().map(|folder| cache::file(folder, &self.layout.root, &place.id));
        let reading = Arc::new(Reading::new(place.clone(), cache));
        readings.insert(place.id, Arc::clone(&reading));
        reading
    }

    /// A run was written to by ourselves: it is looked at at once, as far as it was read before.
    pub fn wrote(&self, place: &Place, id: &RunId) {
        self.layout.note(id, &place.path);
        let reading = {
            let readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
            readings.get(&place.id).filter(|reading| reading.place == *place).cloned()
        };
        if let Some(reading) = reading {
            reading.look_at(std::slice::from_ref(id));
        }
    }

    pub fn scan(&self, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<Cursor> {
        let reading = match self.reading(&scan.experiment_id) {
            Ok(reading) => reading,
            // There are no runs of what there is not.
            Err(ErrorKind::NotFound(_)) => {
                let _ = sink.blocking_send(RunBatch { completes_first_page: true, ..RunBatch::default() });
                return Ok(Cursor::START);
            }
            Err(error) => return Err(error),
        };
        let mut told: FxHashMap<RunId, u64> = FxHashMap::default();
        let mut writer = BatchWriter::new(0);
        let (mut sent, mut is_first) = (0, true);
        let send = |writer: &mut BatchWriter, completes: bool| {
            writer.batch.completes_first_page = completes;
            sink.blocking_send(writer.take()).is_ok()
        };
        let is_whole = reading.read_all(&mut |id, held| {
            self.layout.note(id, &reading.place.path);
            told.insert(id.clone(), held.changed);
            let Some(run) = codec::decode(&held.bytes) else { return true };
            if scan.view.contains(run.info.lifecycle_stage) {
                writer.run(&run);
                sent += 1;
            }
            if is_first && sent >= scan.first {
                is_first = false;
                return send(&mut writer, true);
            }
            if writer.batch.text.len() > BATCH || writer.batch.heads.len() > BATCH_RUNS {
                return send(&mut writer, false);
            }
            true
        })?;
        if is_whole {
            send(&mut writer, is_first);
        }
        // What came while it was read is told as a change.
        let index = reading.index();
        let here = index.runs.iter().map(|(id, held)| (id, held.changed));
        let untold = here.filter(|(id, changed)| told.get(*id) != Some(changed)).map(|(_, at)| at);
        let gone = index.gone.iter().filter(|(id, _)| told.contains_key(*id)).map(|(_, at)| *at);
        let version = untold.chain(gone).min().map_or(index.version, |first| first - 1);
        drop(index);
        Ok(Cursor::new(Seen { reading: reading.number, version }))
    }

    /// What changed since `seen`, and what is seen then.
    pub fn changes(&self, scan: &Scan, seen: &Cursor, watched: &[RunId]) -> Inner<(Changes, Option<Cursor>)> {
        let reload = || Ok((Changes { reload: true, ..Changes::default() }, None));
        let reading = match self.reading(&scan.experiment_id) {
            // It went away for good, with all its runs.
            Err(ErrorKind::NotFound(_)) if *seen == Cursor::START => return Ok((Changes::default(), None)),
            Err(ErrorKind::NotFound(_)) => return reload(),
            reading => reading?,
        };
        let Some(Seen { version, .. }) =
            seen.get::<Seen>().copied().filter(|seen| seen.reading == reading.number)
        else {
            return reload();
        };
        if !reading.index().is_whole {
            return reload();
        }
        reading.look_for_others()?;
        look(&reading, watched);
        let index = reading.index();
        let mut changes = Changes { touched: index.version > version, ..Changes::default() };
        let gone = index.gone.iter().filter(|(_, at)| **at > version);
        changes.removed.extend(gone.map(|(id, _)| id.clone()));
        let mut here = Vec::new();
        for (id, held) in index.runs.iter().filter(|(_, held)| held.changed > version) {
            match codec::decode(&held.bytes) {
                Some(run) if scan.view.contains(run.info.lifecycle_stage) => here.push(run),
                _ => changes.removed.push(id.clone()),
            }
        }
        let now = Cursor::new(Seen { reading: reading.number, version: index.version });
        drop(index);
        if !here.is_empty() {
            changes.batches.push(whole_runs(&here));
        }
        Ok((changes, Some(now)))
    }

    /// The runs of experiments, read anew where they are others than before.
    fn runs_of(&self, experiments: &[ExperimentId], is_anew: bool) -> Inner<Vec<Run>> {
        let mut runs = Vec::new();
        for id in experiments {
            let reading = match self.reading(id) {
                Ok(reading) => reading,
                Err(ErrorKind::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let is_fresh = {
                let index = reading.index();
                index.is_whole && index.looked.is_some_and(|looked| looked.elapsed() < OF_ONE_SEARCH)
            };
            if is_anew || !is_fresh {
                reading.read_all(&mut |_, _| true)?;
            }
            runs.extend(reading.all());
        }
        Ok(runs)
    }

    pub fn search(&self, search: &RunSearch) -> Inner<RunPage> {
        if !(1..=MAX_RESULTS).contains(&search.max_results) {
            return Err(ErrorKind::Invalid(format!(
                "max_results is {}, and must be 1 to {MAX_RESULTS}",
                search.max_results
            )));
        }
        let start = search.page_token.as_deref().map_or(Ok(0), offset_of)?;
        let mut found = self.runs_of(&search.experiment_ids, start == 0)?;
        found.retain(|run| search.view.contains(run.info.lifecycle_stage) && search.filter.matches(run));
        found.sort_by(|a, b| order(&search.order_by, a, b));
        let end = start.saturating_add(search.max_results);
        let next_page_token = (end < found.len()).then(|| token_at(end));
        Ok(RunPage {
            runs: found.into_iter().skip(start).take(search.max_results).collect(),
            next_page_token,
        })
    }

    pub fn run_counts(&self) -> Inner<HashMap<ExperimentId, RunCount>> {
        let mut counts = HashMap::new();
        for place in self.layout.experiments()? {
            if !is_experiment(&place.path) {
                continue;
            }
            let (id, path) = (place.id.clone(), place.path.clone());
            let reading = self.reading_of(place);
            let mut known = {
                let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
                counted.remove(&path).unwrap_or_default()
            };
            // It may be taken away while it is looked at.
            let Ok(briefs) = reading.briefs(&mut known) else { continue };
            let mut count = RunCount::default();
            for brief in briefs {
                match brief.stage {
                    LifecycleStage::Active => count.active += 1,
                    LifecycleStage::Deleted => count.deleted += 1,
                }
                count.last_start = count.last_start.max(brief.start_time);
            }
            self.counted.lock().unwrap_or_else(PoisonError::into_inner).insert(path, known);
            if count != RunCount::default() {
                counts.insert(id, count);
            }
        }
        Ok(counts)
    }

    pub fn latest_experiment(&self) -> Inner<Option<ExperimentId>> {
        let counts = self.run_counts()?.into_iter().filter(|(_, count)| count.last_start.is_some());
        Ok(counts.max_by_key(|(id, count)| (count.last_start, Reverse(id.clone()))).map(|(id, _)| id))
    }

    pub fn get_run(&self, id: &RunId) -> Inner<Run> {
        let (place, folder) = self.layout.run(id)?;
        let listed = super::files::Listed::of(&folder);
        let datasets = super::reading::Datasets::of(&place.path);
        Ok(super::reading::run((&place, id), &folder, &listed, &datasets, &mut HashMap::new()).run)
    }

    /// The data sets of an experiment.
    pub fn data_sets(
        &self,
        experiment: &ExperimentId,
        view: crate::mlflow::ViewType,
    ) -> Inner<Vec<crate::store::UsedDataset>> {
        let mut gathering = crate::store::data_sets::Gathering::default();
        let mut runs = self.runs_of(std::slice::from_ref(experiment), true)?;
        runs.sort_by(|a, b| order(&[], a, b));
        runs.iter().filter(|run| view.contains(run.info.lifecycle_stage)).for_each(|run| gathering.add(run));
        Ok(gathering.finish())
    }
}

/// Looks again at the runs that are watched, at those that go on, and at some of the others, in turn.
fn look(reading: &Reading, watched: &[RunId]) {
    let begin = Instant::now();
    let now: Vec<RunId> = {
        let index = reading.index();
        let known = watched.iter().filter(|id| index.runs.contains_key(*id)).cloned();
        let goes_on = |held: &super::index::Held| {
            held.is_young || held.brief().is_some_and(|brief| brief.status.is_active())
        };
        let mut running: Vec<(Option<i64>, &RunId)> = index
            .runs
            .iter()
            .filter(|(_, held)| goes_on(held))
            .map(|(id, held)| (held.brief().and_then(|brief| brief.start_time), id))
            .collect();
        // Those that were never ended give way to the others.
        if running.len() > MOST_RUNNING {
            running.sort_unstable_by(|a, b| b.cmp(a));
            running.truncate(MOST_RUNNING);
        }
        let mut ids: FxHashSet<RunId> = known.collect();
        ids.extend(running.into_iter().map(|(_, id)| id.clone()));
        ids.into_iter().collect()
    };
    reading.look_at(&now);
    let (since, all) = {
        let mut index = reading.index();
        let since = index.looked.replace(begin).map_or(Duration::ZERO, |looked| begin - looked);
        if index.turn >= index.turns.len() {
            (index.turns, index.turn) = (index.runs.keys().cloned().collect(), 0);
        }
        (since, index.turns.len() - index.turn)
    };
    let budget = (since / SHARE).max(LEAST);
    let begin = Instant::now();
    let mut left = all;
    while left > 0 && begin.elapsed() < budget {
        let next: Vec<RunId> = {
            let mut index = reading.index();
            let from = index.turn;
            let to = (from + AT_ONCE).min(index.turns.len());
            index.turn = to;
            index.turns[from..to].iter().filter(|id| index.runs.contains_key(*id)).cloned().collect()
        };
        left -= AT_ONCE.min(left);
        // One after the other: it is to be cheap, not quick.
        next.chunks(4).for_each(|few| reading.look_at(few));
    }
}
