//! Trials whose runs are made by scripts. MLflow puts the tags of `MLFLOW_RUN_CONTEXT` on every run that a process starts:
//! by them the run of a trial is found when it has ended, wherever the script put it. Only a script that made none gets one.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::log::LoggedSweep;
use super::printing::{PrintingAttempt, is_made_here, lacking_points};
use super::{Recorder, SWEEP, TRIAL, WHY, cut, params};
use crate::mlflow::filter::parse;
use crate::mlflow::{ExperimentId, Param, Run, RunId, RunStatus, Tag, ViewType, tags};
use crate::store::pages::each_page;
use crate::store::{ErrorKind, HistoryCursor, HistoryPart, Result, RunSearch, Store, StoreError};
use crate::sweep::engine::attempts::{AttemptEnd, TrialFolder};
use crate::sweep::engine::journal::TrialOutcome;
use crate::sweep::engine::rules::Aim;

/// On the runs of a trial: which attempt made them.
pub const ATTEMPT: &str = "mltui.attempt";
/// The name of a trial's log among its run's artifacts.
const LOG: &str = "logs/trial.log";
/// Runs of a trial that are looked at: a script may nest many.
const MOST: usize = 10_000;
/// Milliseconds that a run may have begun before its trial, as clocks go.
const SLACK: i64 = 10_000;
/// Experiments that are searched at once, and at most.
const AT_ONCE: usize = 100;
const MOST_EXPERIMENTS: usize = 10_000;

/// The revisions of a database that no MLflow of today has to bring up to its own: those of 3.17 and 3.18.
const CURRENT: [&str; 2] = ["dc11669786a5", "f4a9b2c7d1e6"];

/// Where scripts put runs that are not in the sweep's experiment.
#[derive(Debug, Clone, PartialEq)]
enum Elsewhere {
    /// No script has shown it yet.
    Unknown,
    /// They make none.
    Nowhere,
    /// They chose an experiment of their own.
    In(ExperimentId),
}

/// Looks for the runs of trials, for the recorder and for whoever carries trials out.
#[derive(Debug)]
pub struct ScriptRuns {
    pub(super) store: Store,
    pub(super) sweep: LoggedSweep,
    elsewhere: Mutex<Elsewhere>,
    /// When trials were first attempted, of those that this process began, in milliseconds since the epoch.
    begun: Mutex<FxHashMap<usize, i64>>,
    /// The sweep's own run, as soon as it may have children.
    parent: Mutex<Option<RunId>>,
    has_parent: Condvar,
}

impl ScriptRuns {
    /// Of a sweep.
    pub fn new(store: Store, sweep: LoggedSweep) -> Self {
        Self {
            store,
            sweep,
            elsewhere: Mutex::new(Elsewhere::Unknown),
            begun: Mutex::default(),
            parent: Mutex::new(None),
            has_parent: Condvar::new(),
        }
    }

    /// From here on trials may begin: what an earlier process left is closed.
    pub fn begin_under(&self, parent: &RunId) {
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = Some(parent.clone());
        self.has_parent.notify_all();
    }

    /// The run that the runs of trials are children of, if it comes to be in that time.
    pub fn parent(&self, patience: Duration) -> Option<RunId> {
        let parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.has_parent.wait_timeout_while(parent, patience, |parent| parent.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Whether the store is as scripts expect it, so that none has anything to bring up to its version.
    pub async fn is_current(&self) -> bool {
        let revision = self.store.info().await.ok().and_then(|info| info.revision);
        revision.is_some_and(|revision| CURRENT.contains(&revision.as_str()))
    }

    /// A trial is attempted for the first time, on this machine: it has no run that began before.
    pub fn begins(&self, trial: usize, since: i64) {
        if !self.sweep.outlives {
            self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(trial, since);
        }
    }

    /// What is optimised.
    pub fn aim(&self) -> Aim {
        self.sweep.aim
    }

    /// The tags that an attempt's runs get.
    pub fn context(&self, trial: usize, attempt: u32, parent: &RunId) -> Vec<(String, String)> {
        [
            (SWEEP, self.sweep.id.clone()),
            (TRIAL, trial.to_string()),
            (ATTEMPT, attempt.to_string()),
            (tags::PARENT_RUN_ID, parent.as_str().to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }

    /// The runs of a trial in the sweep's experiment.
    ///
    /// # Errors
    /// The store's.
    pub async fn here(&self, trial: usize) -> Result<Vec<Run>> {
        self.search(vec![self.sweep.experiment.clone()], trial, None).await
    }

    /// All runs of a trial, those that are nested in others among them. `is_over` says that a script has come to its end, so
    /// that one that made no run never does.
    ///
    /// # Errors
    /// The store's.
    pub async fn of(&self, trial: usize, is_over: bool) -> Result<Vec<Run>> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).get(&trial).copied();
        // Conditions on tags are looked at for each run that is not left out before.
        let since = begun.map(|begun| begun.saturating_sub(SLACK));
        let mut runs = self.search(vec![self.sweep.experiment.clone()], trial, since).await?;
        let elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (elsewhere, found) = match elsewhere {
            // One that was made here says nothing of where scripts make theirs.
            _ if runs.iter().any(|run| !is_made_here(run)) => return Ok(runs),
            Elsewhere::Nowhere => return Ok(runs),
            Elsewhere::In(experiment) => {
                let found = self.search(vec![experiment.clone()], trial, since).await?;
                if found.is_empty() {
                    self.everywhere(trial).await?
                } else {
                    (Elsewhere::In(experiment), found)
                }
            }
            Elsewhere::Unknown => {
                if since.is_some() {
                    // The clock may have been set.
                    runs = self.search(vec![self.sweep.experiment.clone()], trial, None).await?;
                    if runs.iter().any(|run| !is_made_here(run)) {
                        return Ok(runs);
                    }
                }
                self.everywhere(trial).await?
            }
        };
        if elsewhere != Elsewhere::Nowhere || is_over {
            *self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner) = elsewhere;
        }
        Ok(runs.into_iter().chain(found).collect())
    }

    /// What a metric of a run has come to behind a cursor.
    pub(super) async fn history(
        &self,
        run: &RunId,
        key: &str,
        cursor: &HistoryCursor,
    ) -> Result<HistoryPart> {
        self.store.history_since(run, key, cursor).await
    }

    /// A script may choose an experiment for itself.
    async fn everywhere(&self, trial: usize) -> Result<(Elsewhere, Vec<Run>)> {
        let all = self.store.search_experiments(ViewType::ActiveOnly).await?;
        let ids = all.into_iter().map(|experiment| experiment.experiment_id);
        let ids: Vec<ExperimentId> =
            ids.filter(|id| *id != self.sweep.experiment).take(MOST_EXPERIMENTS).collect();
        for some in ids.chunks(AT_ONCE) {
            let found = self.search(some.to_vec(), trial, None).await?;
            if let Some(run) = found.first() {
                return Ok((Elsewhere::In(run.info.experiment_id.clone()), found));
            }
        }
        Ok((Elsewhere::Nowhere, Vec::new()))
    }

    async fn search(
        &self,
        experiment_ids: Vec<ExperimentId>,
        trial: usize,
        since: Option<i64>,
    ) -> Result<Vec<Run>> {
        let since = since.map_or(String::new(), |since| format!("attributes.start_time >= {since} AND "));
        let filter = format!("{since}tags.`{SWEEP}` = '{}' AND tags.`{TRIAL}` = '{trial}'", self.sweep.id);
        let filter = parse(&filter)
            .map_err(|error| StoreError::new("find a run", ErrorKind::Invalid(error.to_string())))?;
        let search = RunSearch { experiment_ids, filter, max_results: 1_000, ..RunSearch::default() };
        let mut found = Vec::new();
        each_page(&self.store, search, MOST, |runs| found.extend(runs)).await?;
        Ok(found)
    }
}

/// The run of an attempt among all of a trial: a child of the sweep's.
pub fn run_of_attempt<'a>(
    runs: &'a [Run],
    attempt: u32,
    parent: &RunId,
    aim: (&str, Aim),
) -> Option<&'a Run> {
    let attempt = attempt.to_string();
    let is_own = |run: &&Run| {
        run.tag(ATTEMPT) == Some(&attempt) && run.tag(tags::PARENT_RUN_ID) == Some(parent.as_str())
    };
    telling_run(runs.iter().filter(is_own), aim)
}

/// Of the runs of one attempt the one that stands for it: one that its script made, and where that made none the one that was
/// made for it. Of several the one that came out best, as a script that searches by itself makes one for each thing it tries;
/// then the last.
pub fn telling_run<'a>(runs: impl Iterator<Item = &'a Run>, (metric, aim): (&str, Aim)) -> Option<&'a Run> {
    // What has no value, or one that is no number, is behind all others.
    let loss = |run: &Run| {
        let known = run.metrics.iter().find(|known| known.key == metric)?;
        Some(if known.value.is_nan() { f64::INFINITY } else { aim.loss(known.value) })
    };
    runs.max_by(|a, b| {
        let by_loss = || match (loss(a), loss(b)) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        let by_time = || a.info.start_time.cmp(&b.info.start_time);
        is_made_here(b).cmp(&is_made_here(a)).then_with(by_loss).then_with(by_time)
    })
}

pub(super) fn unread(error: &std::io::Error) -> StoreError {
    StoreError::new("read the folder of a trial", ErrorKind::Io(error.to_string()))
}

impl Recorder {
    async fn runs_of_scripts(&self, trial: usize) -> Result<Vec<Run>> {
        match &self.scripts {
            Some(scripts) => scripts.of(trial, false).await,
            None => Ok(Vec::new()),
        }
    }

    /// The run of a trial that has ended, if it is still there.
    pub(super) async fn script_run(&mut self, trial: usize) -> Result<Option<RunId>> {
        if let Some(run) = self.runs.get(&trial) {
            return Ok(Some(run.clone()));
        }
        let parent = self.parent(0).await?;
        let attempt = self.folder.trial_folder(trial).attempt().map_err(|error| unread(&error))?;
        let runs = self.runs_of_scripts(trial).await?;
        let metric = self.sweep.names.metric();
        let run = run_of_attempt(&runs, attempt.number, &parent, (&metric, self.sweep.aim))
            .map(|run| run.info.run_id.clone());
        if let Some(run) = &run {
            self.runs.insert(trial, run.clone());
        }
        Ok(run)
    }

    /// The script of a trial came to its end, in that attempt: what its run lacks is added, and no run of it is left that looks
    /// as if it ran. A journal of an older version does not tell the attempt: the last one is meant.
    pub(super) async fn script_ended(
        &mut self,
        trial: usize,
        attempt: Option<u32>,
        at: i64,
        outcome: &TrialOutcome,
    ) -> Result<()> {
        let folder = self.folder.trial_folder(trial);
        let (status, why) = match outcome {
            TrialOutcome::Finished { .. } => (RunStatus::Finished, None),
            TrialOutcome::Pruned { reports, is_by_hand, .. } => {
                (RunStatus::Killed, Some(self.sweep.names.pruned(*reports, *is_by_hand)))
            }
            TrialOutcome::Failed { message } => (self.failed(trial, attempt), Some(cut(message))),
        };
        let number = match attempt {
            Some(attempt) => attempt,
            None => folder.attempt().map_err(|error| unread(&error))?.number,
        };
        let parent = self.parent(at).await?;
        let runs = self.runs_of_scripts(trial).await?;
        let metric = self.sweep.names.metric();
        let main = match run_of_attempt(&runs, number, &parent, (&metric, self.sweep.aim)) {
            Some(run) => run.clone(),
            None => self.make_run(trial, number, &parent).await?,
        };
        let run = main.info.run_id.clone();
        self.runs.insert(trial, run.clone());
        let points = lacking_points(&main, number, attempt.is_none(), &folder)?;
        let why: Vec<Tag> = why.map(|why| Tag::new(WHY, why)).into_iter().collect();
        self.log(&run, &points, &self.lacking(&main, trial), &why).await?;
        self.upload_log(trial, &run, &folder).await?;
        // What a script says of its run counts, unless it says nothing, or the opposite of what came of the trial.
        if main.info.status.is_active() || status != RunStatus::Finished {
            self.end(
                &run,
                status,
                main.info.end_time.filter(|_| !main.info.status.is_active()).unwrap_or(at),
            )
            .await?;
        }
        let others = runs.iter().filter(|other| other.info.run_id != run);
        self.close_others(others, (number, &folder), status, at).await?;
        self.best_so_far().await
    }

    /// Closes what a trial made besides its run: nested runs, and those of earlier attempts, which do not count. Those of later
    /// ones are not looked at yet.
    async fn close_others(
        &self,
        runs: impl Iterator<Item = &Run>,
        (attempt, folder): (u32, &TrialFolder),
        status: RunStatus,
        at: i64,
    ) -> Result<()> {
        for run in runs {
            let id = &run.info.run_id;
            let of = run.tag(ATTEMPT).and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
            let known = run.info.status;
            if of > attempt {
                continue;
            }
            if is_made_here(run) {
                if of == attempt {
                    // Its script has one of its own.
                    self.unless_deleted(id, self.store.delete_run(id).await).await?;
                    continue;
                }
                let points = lacking_points(run, of, false, folder)?;
                if !points.is_empty() {
                    self.log(id, &points, &[], &[]).await?;
                }
            }
            let status = match known {
                _ if of < attempt && (known.is_active() || known == RunStatus::Finished) => RunStatus::Killed,
                _ if known.is_active() => status,
                _ => continue,
            };
            self.end(id, status, run.info.end_time.unwrap_or(at)).await?;
        }
        Ok(())
    }

    /// A trial was broken off, and may be taken up again: then as another attempt, with a run of its own. What it printed by
    /// then is kept.
    pub(super) async fn script_cut_off(&mut self, trial: usize, at: i64) -> Result<()> {
        let folder = self.folder.trial_folder(trial);
        let attempt = folder.attempt().map_err(|error| unread(&error))?.number;
        // What came to its end is not run again, and its run stays what the script made of it.
        let end = folder.end_of(attempt).map_err(|error| unread(&error))?;
        let is_over = matches!(end, Some(AttemptEnd::Exited(0)));
        let mut runs = self.runs_of_scripts(trial).await?;
        if folder.points_length(attempt) > 0 {
            let parent = self.parent(at).await?;
            let metric = self.sweep.names.metric();
            let run = match run_of_attempt(&runs, attempt, &parent, (&metric, self.sweep.aim)) {
                Some(run) => run.clone(),
                None => {
                    let made = self.make_run(trial, attempt, &parent).await?;
                    runs.push(made.clone());
                    made
                }
            };
            let points = lacking_points(&run, attempt, false, &folder)?;
            self.log(&run.info.run_id, &points, &self.lacking(&run, trial), &[]).await?;
            self.upload_log(trial, &run.info.run_id, &folder).await?;
        }
        let of_last = |run: &Run| run.tag(ATTEMPT) == Some(attempt.to_string().as_str());
        let has_own = runs.iter().any(|run| of_last(run) && !is_made_here(run));
        for run in runs {
            let (id, known) = (&run.info.run_id, run.info.status);
            if has_own && is_made_here(&run) && of_last(&run) {
                // Its script has one of its own.
                self.unless_deleted(id, self.store.delete_run(id).await).await?;
                continue;
            }
            if is_over && known.is_active() {
                self.end(id, RunStatus::Finished, run.info.end_time.unwrap_or(at)).await?;
            } else if !is_over && (known.is_active() || known == RunStatus::Finished) {
                self.log(id, &[], &[], &[Tag::new(WHY, "interrupted")]).await?;
                self.end(id, RunStatus::Killed, run.info.end_time.unwrap_or(at)).await?;
            }
        }
        Ok(())
    }

    /// A run for a script that knows no MLflow.
    async fn make_run(&self, trial: usize, attempt: u32, parent: &RunId) -> Result<Run> {
        let known =
            self.state.trials.get(trial).and_then(|known| Some((known.started, known.proposal.clone()?)));
        let (Some((since, proposal)), Some(scripts)) = (known, &self.scripts) else {
            return Err(StoreError::new(
                format!("log trial {trial}"),
                ErrorKind::Io("the sweep's journal does not say that it was begun".into()),
            ));
        };
        let attempt = PrintingAttempt { trial, attempt, since, proposal, parent: parent.clone() };
        scripts.make_run(&attempt).await
    }

    /// The params of a trial that its script did not log.
    fn lacking(&self, run: &Run, trial: usize) -> Vec<Param> {
        let Some(proposal) = self.state.trials.get(trial).and_then(|known| known.proposal.as_ref()) else {
            return Vec::new();
        };
        let known: HashSet<&str> = run.params.iter().map(|param| param.key.as_str()).collect();
        let all = params(self.sweep.names.trial_params(proposal));
        all.into_iter().filter(|param| !known.contains(param.key.as_str())).collect()
    }

    async fn upload_log(&mut self, trial: usize, run: &RunId, folder: &TrialFolder) -> Result<()> {
        let log = match folder.read_log() {
            Ok(Some(log)) => vec![(LOG.to_owned(), log)],
            Ok(None) => Vec::new(),
            Err(error) => return Err(unread(&error)),
        };
        let unkept = self.files(Some(trial), run, &log).await?;
        self.tell(Some(trial), run, unkept).await
    }
}
