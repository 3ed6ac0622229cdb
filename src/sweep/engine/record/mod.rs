//! From what happened to what the store has: a parent run, a run for each trial, their metrics, models and artifacts.
//!
//! Every step can be taken twice and comes to the same: runs are found again by their tags, metrics keep the time of what
//! happened, models are found by their run. So whatever a crash or a lost answer leaves open is simply done again.

mod closing;
pub mod kept;
mod log;
mod models;
mod package;
mod printing;
mod scripts;
#[cfg(test)]
mod tests;
mod trial;
mod uploads;
mod watching;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub use log::{Log, LoggedSweep};
pub use printing::{PrintingAttempt, is_made_here};
pub use scripts::{ATTEMPT, ScriptRuns, run_of_attempt, telling_run};
pub use watching::WatchedMetric;

use self::trial::TrialNews;
use self::uploads::Refusals;
use super::attempts::AttemptEnd;
use super::journal::{Change, EndReason, Event, EventKind, SweepFolder};
use super::state::{SweepState, best};
use super::unkept::Unkept;
use crate::mlflow::filter::parse;
use crate::mlflow::{DatasetInput, LifecycleStage, Metric, Param, RunId, RunStatus, Tag, ViewType, tags};
use crate::store::{ErrorKind, NewRun, Result, RunSearch, RunUpdate, Store, StoreError};

/// On every run of a sweep: its id.
pub const SWEEP: &str = "mltui.sweep";
/// On a trial's run: its number.
pub const TRIAL: &str = "mltui.trial";
/// On a trial that came to no result: why.
pub const WHY: &str = "mltui.sweep.outcome";
/// On the parent run: the command that does the same again.
pub const COMMAND: &str = "mltui.sweep.command";

/// Trials whose ends are told in one step: a sweep that is called off waits for the one that is under way.
const ENDS: usize = 3;

/// What came of it, and where it is to be found.
#[derive(Debug)]
pub struct SweepEnd {
    /// Why it ended.
    pub reason: EndReason,
    /// It was given up, as its first trials failed in the same way.
    pub is_given_up: bool,
    /// The sweep's own run, if it came to be.
    pub parent: Option<RunId>,
    /// The runs of trials by their numbers, as far as this process has had to do with them.
    pub runs: HashMap<usize, RunId>,
}

/// Brings what happens to the store.
#[derive(Debug)]
pub struct Recorder {
    store: Store,
    folder: SweepFolder,
    sweep: LoggedSweep,
    dataset: Option<DatasetInput>,
    /// Where scripts make the runs of trials.
    scripts: Option<Arc<ScriptRuns>>,
    parent: Option<RunId>,
    runs: HashMap<usize, RunId>,
    /// How many events the store has been told.
    sent: usize,
    /// What those come to, and what is being told.
    state: SweepState,
    /// How many events the step has that is under way, and the trials of it that the store was told of.
    under_way: Option<usize>,
    done: HashSet<usize>,
    /// The number of the first trial whose best-so-far is not on the parent yet.
    prefix: usize,
    refusals: Refusals,
    /// What the store did not take, until somebody asks.
    told: Vec<Unkept>,
    /// Whether a run may be there that is not known here: of an earlier process, or by an answer that was lost.
    searches: bool,
    /// Whether the sweep was called off, and with it what is carried out elsewhere.
    was_called_off: bool,
}

impl Recorder {
    /// `seen` are the events that the store has already; `searches` whether an earlier process may have left runs.
    pub fn new(
        store: Store,
        folder: SweepFolder,
        sweep: LoggedSweep,
        seen: &[Event],
        searches: bool,
    ) -> Self {
        let state = SweepState::of(seen);
        let prefix = state.trials.iter().take_while(|trial| trial.outcome.is_some()).count();
        let tags = vec![Tag::new(tags::DATA_CONTEXT, "training")];
        let dataset = sweep.dataset.clone().map(|dataset| DatasetInput { dataset, tags });
        let is_of_scripts = sweep.names.is_of_scripts();
        let scripts = is_of_scripts.then(|| Arc::new(ScriptRuns::new(store.clone(), sweep.clone())));
        Self {
            scripts,
            store,
            folder,
            sweep,
            dataset,
            parent: None,
            runs: HashMap::new(),
            sent: seen.len(),
            state,
            under_way: None,
            done: HashSet::new(),
            prefix,
            refusals: Refusals::default(),
            told: Vec::new(),
            searches,
            was_called_off: false,
        }
    }

    /// Looks for the runs of scripts where others look for them too.
    pub fn share(&mut self, scripts: Arc<ScriptRuns>) {
        self.scripts = Some(scripts);
    }

    /// The sweep's own run, if it is known by now.
    pub fn parent_run(&self) -> Option<&RunId> {
        self.parent.as_ref()
    }

    /// Brings events to the store and takes them away, so that what is left after an error is what is left to do.
    ///
    /// # Errors
    /// As [`Recorder::step`].
    pub async fn record(&mut self, events: &mut Vec<Event>) -> Result<()> {
        while !events.is_empty() {
            self.step(events).await?;
        }
        Ok(())
    }

    /// Brings the first of some events to the store, and takes it away.
    ///
    /// # Errors
    /// The store's; the same events can be brought again.
    pub async fn step(&mut self, events: &mut Vec<Event>) -> Result<()> {
        // What failed is tried again as it was: of some of its trials the store was told.
        let end = self.under_way.unwrap_or_else(|| self.travelling_together(events));
        self.under_way = Some(end);
        // After an error some of them are known already.
        for event in &events[self.state.events - self.sent..end] {
            self.state.learn(event);
        }
        let result = self.record_some(&events[..end]).await;
        self.searches |= result.is_err();
        result?;
        self.under_way = None;
        self.done.clear();
        self.sent += end;
        events.drain(..end);
        self.folder.set_sent(self.sent).map_err(|error| unwritten(&error))
    }

    /// What the store did not take since this was last asked.
    pub fn take_unkept(&mut self) -> Vec<Unkept> {
        std::mem::take(&mut self.told)
    }

    /// At the end of the sweep.
    pub fn into_end(self, reason: EndReason, is_given_up: bool) -> SweepEnd {
        SweepEnd { reason, is_given_up, parent: self.parent, runs: self.runs }
    }

    /// The sweep was called off. A request may have been under way whose answer nobody has seen.
    pub fn was_cut_off(&mut self) {
        self.searches = true;
        self.was_called_off = true;
    }

    /// How many of the events are brought to the store in one step: what happened to some trials, of which each is told as a
    /// whole, or one event of the sweep's own. What waits while the store is slow becomes fewer requests so.
    fn travelling_together(&self, events: &[Event]) -> usize {
        let mut ends = 0;
        for (at, event) in events.iter().enumerate() {
            match event.kind {
                EventKind::Reported { .. } | EventKind::Steps { .. } => {}
                EventKind::Started { .. } | EventKind::Last { .. } | EventKind::Ended { .. }
                    if self.scripts.is_none() =>
                {
                    ends += usize::from(matches!(event.kind, EventKind::Ended { .. }));
                    if ends == ENDS {
                        return at + 1;
                    }
                }
                _ => return at.max(1),
            }
        }
        events.len()
    }

    /// What travels together.
    async fn record_some(&mut self, events: &[Event]) -> Result<()> {
        let mut news: BTreeMap<usize, TrialNews> = BTreeMap::new();
        for event in events {
            match &event.kind {
                // A script logs its own.
                EventKind::Reported { .. } | EventKind::Started { .. } if self.scripts.is_some() => {}
                EventKind::Reported { trial, step, measured } => {
                    let news = news.entry(*trial).or_default();
                    news.metrics.extend(dated(event.at, *step, self.sweep.names.of_step(measured)));
                    let found = measured.params.iter().map(|(name, value)| (name.clone(), value.to_string()));
                    news.params.extend(params(found.collect()));
                }
                EventKind::Begun => self.begin(event.at).await?,
                EventKind::Started { trial, .. } => drop(news.entry(*trial).or_default()),
                EventKind::Last { trial, measured } => {
                    news.entry(*trial).or_default().last = Some((event.at, measured));
                }
                EventKind::Ended { trial, attempt, outcome } if self.scripts.is_some() => {
                    self.script_ended(*trial, *attempt, event.at, outcome).await?;
                }
                EventKind::Ended { trial, outcome, .. } => {
                    news.entry(*trial).or_default().end = Some((event.at, outcome));
                }
                EventKind::Closed { reason } => self.closed(event.at, *reason).await?,
                EventKind::Changed { change: Some(Change::Retry { trial }) } => self.retry(*trial).await?,
                // The journal's own: a script logs what it measures.
                EventKind::Steps { .. }
                | EventKind::Changed { .. }
                | EventKind::Paused
                | EventKind::Continued => {}
            }
        }
        let has_ends = news.values().any(|news| news.end.is_some());
        for (trial, news) in news {
            if !self.done.contains(&trial) {
                self.tell_of(trial, news).await?;
                self.done.insert(trial);
            }
        }
        if has_ends { self.best_so_far().await } else { Ok(()) }
    }

    /// Runs that somebody deleted meanwhile stay as they are.
    async fn log(&self, run: &RunId, metrics: &[Metric], params: &[Param], tags: &[Tag]) -> Result<()> {
        self.unless_deleted(run, self.store.log_batch(run, metrics, params, tags).await).await
    }

    async fn unless_deleted(&self, run: &RunId, result: Result<()>) -> Result<()> {
        let Err(error) = result else { return Ok(()) };
        if matches!(error.kind, ErrorKind::Invalid(_) | ErrorKind::NotFound(_)) {
            match self.store.get_run(run).await {
                Ok(known) if known.info.lifecycle_stage == LifecycleStage::Deleted => return Ok(()),
                Err(gone) if matches!(gone.kind, ErrorKind::NotFound(_)) => return Ok(()),
                _ => {}
            }
        }
        Err(error)
    }

    /// The run with these tags, wherever it came from.
    async fn find(&self, trial: Option<usize>) -> Result<Option<RunId>> {
        let number = trial.map_or("parent".to_owned(), |number| number.to_string());
        let filter = format!("tags.`{SWEEP}` = '{}' AND tags.`{TRIAL}` = '{number}'", self.sweep.id);
        let found = self.store.search_runs(&self.search(&filter, 1)?).await?;
        Ok(found.runs.into_iter().next().map(|run| run.info.run_id))
    }

    fn search(&self, filter: &str, max_results: usize) -> Result<RunSearch> {
        let filter = parse(filter)
            .map_err(|error| StoreError::new("find a run", ErrorKind::Invalid(error.to_string())))?;
        Ok(RunSearch {
            experiment_ids: vec![self.sweep.experiment.clone()],
            filter,
            view: ViewType::All,
            max_results,
            ..RunSearch::default()
        })
    }

    /// Finds the run, or makes it.
    async fn ensure(&self, trial: Option<usize>, at: i64, name: &str, more: Vec<Tag>) -> Result<RunId> {
        if self.searches
            && let Some(run) = self.find(trial).await?
        {
            return Ok(run);
        }
        let sweep = &self.sweep;
        let number = trial.map_or("parent".to_owned(), |number| number.to_string());
        let run_tags = self.sweep.origin().into_iter().chain([Tag::new(TRIAL, number)]).chain(more).collect();
        let new = NewRun {
            experiment_id: sweep.experiment.clone(),
            run_name: Some(name.to_owned()),
            user_id: sweep.user.clone(),
            start_time: at,
            tags: run_tags,
        };
        Ok(self.store.create_run(&new).await?.info.run_id)
    }

    async fn parent(&mut self, at: i64) -> Result<RunId> {
        if let Some(parent) = &self.parent {
            return Ok(parent.clone());
        }
        let name = self.sweep.name.clone();
        let run = self.ensure(None, at, &name, Vec::new()).await?;
        self.parent = Some(run.clone());
        Ok(run)
    }

    async fn begin(&mut self, at: i64) -> Result<()> {
        let parent = self.parent(at).await?;
        let names = Arc::clone(&self.sweep.names);
        let params = params(names.sweep_params());
        let run_tags =
            [Tag::new(COMMAND, names.command()), Tag::new("mltui.version", env!("CARGO_PKG_VERSION"))];
        self.log(&parent, &[], &params, &run_tags).await?;
        let running = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
        self.unless_deleted(&parent, self.store.update_run(&parent, &running).await).await?;
        self.input(&parent).await?;
        if self.searches {
            self.clear(&parent, WHY).await?;
        }
        let files = names.sweep_files();
        let unkept = self.files(None, &parent, &files).await?;
        self.tell(None, &parent, unkept).await?;
        for number in self.open() {
            if self.scripts.is_some() && self.sweep.outlives {
                // Its script goes on elsewhere.
            } else if self.scripts.is_some() {
                self.script_cut_off(number, at).await?;
            } else {
                self.reopen(number).await?;
            }
        }
        Ok(())
    }

    async fn input(&self, run: &RunId) -> Result<()> {
        let Some(dataset) = &self.dataset else { return Ok(()) };
        match self.store.log_inputs(run, std::slice::from_ref(dataset)).await {
            Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => Ok(()),
            result => self.unless_deleted(run, result).await,
        }
    }

    /// What a trial that came to nothing is: killed, if somebody called its job off. Without an attempt its last one is meant.
    fn failed(&self, trial: usize, attempt: Option<u32>) -> RunStatus {
        let folder = self.folder.trial_folder(trial);
        let number = attempt.map_or_else(|| folder.attempt().map(|attempt| attempt.number), Ok);
        let end = number.and_then(|number| folder.end_of(number));
        if matches!(end, Ok(Some(AttemptEnd::Cancelled))) { RunStatus::Killed } else { RunStatus::Failed }
    }

    /// On the parent, for each trial in turn: the best mean of it and those before it, when the last of them had ended.
    async fn best_so_far(&mut self) -> Result<()> {
        let trials = &self.state.trials;
        let aim = self.sweep.aim;
        let mut metrics = Vec::new();
        let mut prefix = self.prefix;
        let mut at = trials[..prefix].iter().map(|trial| trial.ended).max().unwrap_or_default();
        while let Some(trial) = trials.get(prefix).filter(|trial| trial.outcome.is_some()) {
            at = at.max(trial.ended);
            if let Some(mean) = best(&trials[..=prefix], aim).and_then(|best| trials[best].mean(aim)) {
                let key = self.sweep.names.metric();
                metrics.push(Metric { key, value: mean, timestamp: at, step: prefix as i64 });
            }
            prefix += 1;
        }
        if !metrics.is_empty() {
            let parent = self.parent(at).await?;
            self.log(&parent, &metrics, &[], &[]).await?;
        }
        self.prefix = prefix;
        Ok(())
    }
}

/// Whether an error passes by itself: trying again later can help.
pub fn is_transient(kind: &ErrorKind) -> bool {
    match kind {
        // Of a request that is refused nothing will be better next time, but for these.
        ErrorKind::Server { status, .. } => *status >= 500 || matches!(status, 408 | 425 | 429),
        ErrorKind::Unreachable(_)
        | ErrorKind::Timeout(_)
        | ErrorKind::Locked
        | ErrorKind::Gone(_)
        | ErrorKind::DiskFull
        | ErrorKind::Protocol(_) => true,
        _ => false,
    }
}

fn unwritten(error: &std::io::Error) -> StoreError {
    StoreError::new("keep count of what was logged", ErrorKind::Io(error.to_string()))
}

fn params(named: Vec<(String, String)>) -> Vec<Param> {
    named.into_iter().map(|(key, value)| Param::new(key, cut(&value))).collect()
}

/// Metrics with their time, in milliseconds since the epoch, and their step.
fn dated(timestamp: i64, step: usize, named: Vec<(String, f64)>) -> Vec<Metric> {
    let metric = |(key, value)| Metric { key, value, timestamp, step: step as i64 };
    named.into_iter().map(metric).collect()
}

/// A text that MLflow takes as a value.
fn cut(text: &str) -> String {
    text.chars().take(5_000).collect()
}
