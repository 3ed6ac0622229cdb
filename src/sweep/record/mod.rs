//! From what happened to what the store has: a parent run, a run for each trial, their metrics, models and artifacts.
//!
//! Every step can be taken twice and comes to the same: runs are found again by their tags, metrics keep the time of what
//! happened, models are found by their run. So whatever a crash or a lost answer leaves open is simply done again.

mod closing;
mod models;
mod package;
#[cfg(test)]
mod tests;
mod uploads;

use std::collections::{BTreeMap, HashMap};

use self::uploads::Refusals;
use super::course::{Course, best};
use super::journal::{Event, Folder, Header, How, Outcome, What};
use super::scores::scores;
use super::search::Proposal;
use super::unkept::Unkept;
use crate::mlflow::filter::parse;
use crate::mlflow::{DatasetInput, LifecycleStage, Metric, Param, RunId, RunStatus, Tag, ViewType, tags};
use crate::store::{ErrorKind, NewRun, Result, RunSearch, RunUpdate, Store, StoreError};
use crate::text::json;

/// On every run of a sweep: its id.
pub const SWEEP: &str = "mltui.sweep";
/// On a trial's run: its number.
pub const TRIAL: &str = "mltui.trial";
/// On a trial that came to no result: why.
pub const WHY: &str = "mltui.sweep.outcome";
/// On the parent run: the command that does the same again.
pub const COMMAND: &str = "mltui.sweep.command";

/// What came of it, and where it is to be found.
#[derive(Debug)]
pub struct Ended {
    pub how: How,
    pub parent: Option<RunId>,
    /// The runs of trials by their numbers, as far as this process has had to do with them.
    pub runs: HashMap<usize, RunId>,
}

#[derive(Debug)]
pub struct Recorder {
    store: Store,
    folder: Folder,
    header: Header,
    dataset: DatasetInput,
    parent: Option<RunId>,
    runs: HashMap<usize, RunId>,
    /// How many events the store has been told.
    sent: usize,
    /// What those come to, and what is being told.
    course: Course,
    /// The number of the first trial whose best-so-far is not on the parent yet.
    prefix: usize,
    refusals: Refusals,
    /// What the store did not take, until somebody asks.
    told: Vec<Unkept>,
    /// Whether a run may be there that is not known here: of an earlier process, or by an answer that was lost.
    searches: bool,
}

impl Recorder {
    /// `seen` are the events that the store has already; `searches` whether an earlier process may have left runs.
    pub fn new(store: Store, folder: Folder, header: Header, seen: &[Event], searches: bool) -> Self {
        let course = Course::of(seen);
        let prefix = course.trials.iter().take_while(|trial| trial.outcome.is_some()).count();
        let dataset = DatasetInput {
            dataset: header.dataset.clone(),
            tags: vec![Tag::new(tags::DATA_CONTEXT, "training")],
        };
        Self {
            store,
            folder,
            header,
            dataset,
            parent: None,
            runs: HashMap::new(),
            sent: seen.len(),
            course,
            prefix,
            refusals: Refusals::default(),
            told: Vec::new(),
            searches,
        }
    }

    /// Brings events to the store and takes them away, so that what is left after an error is what is left to do.
    pub async fn record(&mut self, events: &mut Vec<Event>) -> Result<()> {
        while !events.is_empty() {
            self.step(events).await?;
        }
        Ok(())
    }

    /// Brings the first of some events to the store, and takes it away.
    pub async fn step(&mut self, events: &mut Vec<Event>) -> Result<()> {
        // Folds wait for what comes next, so that those of a trial travel together.
        let is_fold = |event: &Event| matches!(event.what, What::Fold { .. });
        let end = events.iter().position(|event| !is_fold(event)).map_or(events.len(), |at| at + 1);
        // After an error some of them are known already.
        for event in &events[self.course.events - self.sent..end] {
            self.course.learn(event);
        }
        let result = self.record_some(&events[..end]).await;
        self.searches |= result.is_err();
        result?;
        self.sent += end;
        events.drain(..end);
        self.folder.set_sent(self.sent).map_err(|error| unwritten(&error))
    }

    /// What the store did not take since this was last asked.
    pub fn take_unkept(&mut self) -> Vec<Unkept> {
        std::mem::take(&mut self.told)
    }

    pub fn into_ended(self, how: How) -> Ended {
        Ended { how, parent: self.parent, runs: self.runs }
    }

    /// A request may have been under way whose answer nobody has seen.
    pub fn was_cut_off(&mut self) {
        self.searches = true;
    }

    /// Some folds, and what came after them.
    async fn record_some(&mut self, events: &[Event]) -> Result<()> {
        let mut folds: BTreeMap<usize, Vec<Metric>> = BTreeMap::new();
        for event in events {
            match &event.what {
                What::Fold { trial, fold, scores, fit_seconds, predict_seconds } => {
                    let metrics = folds.entry(*trial).or_default();
                    metrics.extend(self.of_fold(event.at, *fold, scores, *fit_seconds, *predict_seconds));
                }
                What::Begun => self.begin(event.at).await?,
                What::Started { trial, .. } => drop(self.run_of(*trial).await?),
                What::Refitted { trial, test } => self.refitted(*trial, event.at, test).await?,
                What::Ended { trial, outcome } => {
                    let metrics = folds.remove(trial).unwrap_or_default();
                    self.ended(*trial, event.at, outcome, metrics).await?;
                }
                What::Closed { how } => self.closed(event.at, *how).await?,
                What::Paused | What::Continued => {}
            }
        }
        for (trial, metrics) in folds {
            let run = self.run_of(trial).await?;
            self.log(&run, &metrics, &[], &[]).await?;
        }
        Ok(())
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
        let filter = format!("tags.`{SWEEP}` = '{}' AND tags.`{TRIAL}` = '{number}'", self.header.id);
        let found = self.store.search_runs(&self.search(&filter, 1)?).await?;
        Ok(found.runs.into_iter().next().map(|run| run.info.run_id))
    }

    fn search(&self, filter: &str, max_results: usize) -> Result<RunSearch> {
        let filter = parse(filter)
            .map_err(|error| StoreError::new("find a run", ErrorKind::Invalid(error.to_string())))?;
        Ok(RunSearch {
            experiment_ids: vec![self.header.experiment.clone()],
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
        let header = &self.header;
        let number = trial.map_or("parent".to_owned(), |number| number.to_string());
        let run_tags = self.origin().into_iter().chain([Tag::new(TRIAL, number)]).chain(more).collect();
        let new = NewRun {
            experiment_id: header.experiment.clone(),
            run_name: Some(name.to_owned()),
            user_id: header.user.clone(),
            start_time: at,
            tags: run_tags,
        };
        Ok(self.store.create_run(&new).await?.info.run_id)
    }

    /// Where runs and models come from.
    fn origin(&self) -> Vec<Tag> {
        let header = &self.header;
        let mut origin = vec![
            Tag::new(SWEEP, header.id.clone()),
            Tag::new("mlflow.user", header.user.clone()),
            Tag::new(tags::SOURCE_NAME, "mltui sweep"),
            Tag::new("mlflow.source.type", "LOCAL"),
        ];
        origin.extend(header.commit.iter().map(|commit| Tag::new(tags::GIT_COMMIT, commit.clone())));
        origin
    }

    async fn parent(&mut self, at: i64) -> Result<RunId> {
        if let Some(parent) = &self.parent {
            return Ok(parent.clone());
        }
        let name = self.header.name.clone();
        let run = self.ensure(None, at, &name, Vec::new()).await?;
        self.parent = Some(run.clone());
        Ok(run)
    }

    async fn begin(&mut self, at: i64) -> Result<()> {
        let parent = self.parent(at).await?;
        let plan = &self.header.plan;
        let families: Vec<_> = plan.spaces.iter().map(|space| space.family.as_str()).collect();
        let mut params = vec![
            Param::new("data", cut(&plan.data)),
            Param::new("target", plan.target.clone()),
            Param::new("task", plan.task.as_str()),
            Param::new("metric", format!("val_{}", plan.metric)),
            Param::new("families", cut(&families.join(", "))),
            Param::new("method", format!("{:?}", plan.method).to_lowercase()),
            Param::new("folds", plan.folds.to_string()),
            Param::new("test_size", plan.test_size.to_string()),
            Param::new("seed", plan.seed.to_string()),
        ];
        params.extend(plan.trials.map(|trials| Param::new("trials", trials.to_string())));
        params.extend(plan.seconds.map(|seconds| Param::new("seconds", seconds.to_string())));
        let run_tags = [
            Tag::new(COMMAND, self.header.command_in_a_tag()),
            Tag::new("mltui.version", env!("CARGO_PKG_VERSION")),
        ];
        self.log(&parent, &[], &params, &run_tags).await?;
        let running = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
        self.unless_deleted(&parent, self.store.update_run(&parent, &running).await).await?;
        self.input(&parent).await?;
        if self.searches {
            self.clear(&parent, WHY).await?;
        }
        let space = json::pretty(&plan.spaces).unwrap_or_default();
        let command = format!("{}\n", self.header.command()).into_bytes();
        let mut files = vec![("search_space.json".to_owned(), space), ("command.txt".to_owned(), command)];
        if let Some(account) = &self.header.account {
            let account = json::pretty(account).unwrap_or_default();
            files.push(("data.json".to_owned(), account));
        }
        let unkept = self.files(None, &parent, &files).await?;
        self.tell(None, &parent, unkept).await?;
        for number in self.open() {
            self.reopen(number).await?;
        }
        Ok(())
    }

    async fn input(&self, run: &RunId) -> Result<()> {
        match self.store.log_inputs(run, std::slice::from_ref(&self.dataset)).await {
            Err(error) if matches!(error.kind, ErrorKind::Unsupported(_)) => Ok(()),
            result => self.unless_deleted(run, result).await,
        }
    }

    /// The run of a trial that was begun.
    async fn run_of(&mut self, trial: usize) -> Result<RunId> {
        if let Some(run) = self.runs.get(&trial) {
            return Ok(run.clone());
        }
        let begun =
            self.course.trials.get(trial).and_then(|known| Some((known.started, known.proposal.clone()?)));
        let Some((at, proposal)) = begun else {
            return Err(StoreError::new(
                format!("log trial {trial}"),
                ErrorKind::Io("the sweep's journal does not say that it was begun".into()),
            ));
        };
        let parent = self.parent(at).await?;
        let name = format!("{}-{trial}", proposal.family);
        let more = vec![Tag::new(tags::PARENT_RUN_ID, parent.as_str())];
        let run = self.ensure(Some(trial), at, &name, more).await?;
        self.log(&run, &[], &params(&proposal), &[]).await?;
        self.input(&run).await?;
        self.runs.insert(trial, run.clone());
        Ok(run)
    }

    fn of_fold(&self, at: i64, fold: usize, values: &[Option<f64>], fit: f64, predict: f64) -> Vec<Metric> {
        let named = scores(self.header.plan.task).iter().zip(values);
        let metric = |key: String, value: f64| Metric { key, value, timestamp: at, step: fold as i64 };
        let mut metrics: Vec<Metric> = named
            .filter_map(|(score, value)| Some(metric(format!("fold_{}", score.name), (*value)?)))
            .collect();
        metrics.push(metric("fit_seconds".into(), fit));
        metrics.push(metric("predict_seconds".into(), predict));
        metrics
    }

    async fn ended(
        &mut self,
        trial: usize,
        at: i64,
        outcome: &Outcome,
        mut metrics: Vec<Metric>,
    ) -> Result<()> {
        let run = self.run_of(trial).await?;
        let all = scores(self.header.plan.task);
        let (status, why) = match outcome {
            Outcome::Finished { means, deviations } => {
                for (at_score, score) in all.iter().enumerate() {
                    let metric = |key, value| Metric { key, value, timestamp: at, step: 0 };
                    let of = |values: &[Option<f64>]| values.get(at_score).copied().flatten();
                    metrics.extend(of(means).map(|mean| metric(format!("val_{}", score.name), mean)));
                    metrics.extend(
                        of(deviations).map(|deviation| metric(format!("val_{}_std", score.name), deviation)),
                    );
                }
                (RunStatus::Finished, None)
            }
            Outcome::Pruned { folds, .. } => {
                let of = self.header.plan.folds;
                (RunStatus::Killed, Some(format!("pruned after {folds} of {of} folds: behind the median")))
            }
            Outcome::Failed { message } => (RunStatus::Failed, Some(cut(message))),
        };
        let why: Vec<Tag> = why.map(|why| Tag::new(WHY, why)).into_iter().collect();
        self.log(&run, &metrics, &[], &why).await?;
        self.end(&run, status, at).await?;
        self.best_so_far(at).await
    }

    /// On the parent, for each trial in turn: the best mean of it and those before it.
    async fn best_so_far(&mut self, at: i64) -> Result<()> {
        let trials = &self.course.trials;
        let plan = &self.header.plan;
        let metric = plan.metric_at();
        let mut metrics = Vec::new();
        let mut prefix = self.prefix;
        while trials.get(prefix).is_some_and(|trial| trial.outcome.is_some()) {
            if let Some(mean) = best(&trials[..=prefix], plan).and_then(|best| trials[best].mean(metric)) {
                let key = format!("val_{}", plan.metric);
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

/// Whether trying again later can help.
pub fn may_pass(kind: &ErrorKind) -> bool {
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

fn params(proposal: &Proposal) -> Vec<Param> {
    let named = proposal.params.iter().map(|(key, value)| Param::new(key.clone(), value.to_string()));
    [Param::new("family", proposal.family.clone())].into_iter().chain(named).collect()
}

/// A text that MLflow takes as a value.
fn cut(text: &str) -> String {
    text.chars().take(5_000).collect()
}
