//! How far a sweep has come, for people.

use std::fmt;

use super::engine::ensemble::{members, searched};
use super::engine::journal::{Control, EndReason, SweepFolder, TrialOutcome};
use super::engine::rules::Mode;
use super::engine::state::{SweepState, SweepStates, best};
use super::engine::unkept::UnkeptList;
use super::header::SweepHeader;
use super::search::trial_name;
use crate::mlflow::ExperimentId;
use crate::text;

/// Milliseconds that a process may take to begin.
const PATIENCE: i64 = 10_000;

/// How it stands with a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepStatus {
    /// No process has taken it up yet.
    Waiting,
    /// A process is at it.
    Running,
    /// A process is at it, and waits.
    Paused,
    /// All is done.
    Finished,
    /// Somebody called it off.
    Cancelled,
    /// All its trials failed, or it was given up, as the first failed in the same way.
    Failed,
    /// Its process died before all was done, and told to the store.
    Interrupted,
    /// Another machine, whose processes cannot be seen from here, was at it last.
    Elsewhere,
}

impl SweepStatus {
    /// As people and `--json` read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// Whether a process is at it, as far as can be told.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Paused | Self::Elsewhere)
    }
}

/// The best trial of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct BestTrial {
    /// Its number.
    pub number: usize,
    /// Its family.
    pub family: String,
    /// `val_rmse` and so on.
    pub metric: String,
    /// What it came to.
    pub value: f64,
    /// What its model comes to on the test part, by the same metric.
    pub tested: Option<(String, f64)>,
}

impl BestTrial {
    /// What it came to: `val_rmse 0.5631`.
    pub fn result(&self) -> String {
        format!("{} {}", self.metric, text::number(self.value))
    }

    /// In words, with what it comes to on the test part: `ridge-3, val_rmse 0.5631, test_rmse 0.5702`.
    pub fn with_test(&self) -> String {
        let tested = self.tested.as_ref();
        let tested = tested.map(|(metric, value)| format!(", {metric} {}", text::number(*value)));
        format!("{self}{}", tested.unwrap_or_default())
    }
}

impl fmt::Display for BestTrial {
    /// In words, wherever it is told: `ridge-3, val_rmse 0.5631`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", trial_name(&self.family, self.number), self.result())
    }
}

/// How far a sweep has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// What no other sweep has.
    pub id: String,
    /// Of its own run.
    pub name: String,
    /// Where its runs go.
    pub experiment: ExperimentId,
    /// What that was called when it began.
    pub experiment_name: String,
    /// The name of the data set, or the command.
    pub data: String,
    /// Whether trials are runs of a command.
    pub is_command: bool,
    /// Whether trials are jobs of a cluster, which go on without a process.
    pub is_on_cluster: bool,
    /// How it stands with it.
    pub state: SweepStatus,
    /// Trials that came to a result.
    pub finished: usize,
    /// Trials that fell behind, or were not wanted any more.
    pub pruned: usize,
    /// Trials that came to none.
    pub failed: usize,
    /// Begun and not ended.
    pub running: usize,
    /// Trials in all, where that is known.
    pub of: Option<usize>,
    /// Those of all that average others, and are none of the number that is asked for.
    pub ensembles: usize,
    /// Trials side by side, as it was asked for last.
    pub jobs: usize,
    /// `val_rmse` and so on.
    pub metric: String,
    /// Which way of it is better.
    pub mode: Mode,
    /// The best trial so far.
    pub best: Option<BestTrial>,
    /// Seconds at work.
    pub seconds: f64,
    /// Seconds that it will still take, at the pace so far.
    pub left: Option<f64>,
    /// Things that happened and that the store has not been told yet.
    pub unsent: usize,
    /// Why the last trial that failed did.
    pub error: Option<String>,
    /// Why there is no trial that averages others, where one was asked for and the sweep is over.
    pub no_ensemble: Option<String>,
    /// What the store did not take; why that is not known.
    pub unkept: UnkeptList,
    /// The machine that it is on, if that is another one.
    pub host: Option<String>,
    /// What of its journal cannot be read.
    pub damage: Option<String>,
    /// Milliseconds since the epoch.
    pub created: i64,
}

impl Progress {
    /// Of a state that was learnt from the journal, of which the store has `sent` events; `now` is in milliseconds since the
    /// epoch.
    pub fn new(header: &SweepHeader, state: &SweepState, sent: usize, status: SweepStatus, now: i64) -> Self {
        let trials = &state.trials;
        let count = |is_it: fn(&TrialOutcome) -> bool| {
            trials.iter().filter(|trial| trial.outcome.as_ref().is_some_and(is_it)).count()
        };
        let failed = count(|outcome| matches!(outcome, TrialOutcome::Failed { .. }));
        let finished = count(|outcome| matches!(outcome, TrialOutcome::Finished { .. }));
        let pruned = count(|outcome| matches!(outcome, TrialOutcome::Pruned { .. }));
        let ended = finished + pruned + failed;
        let searched = searched(trials);
        let of = match state.asked.trials {
            // What has begun is not taken back.
            Some(most) => header.plan.rules.length_of(Some(most)).map(|of| of.max(searched)),
            None => header.plan.rules.length(),
        };
        let ensembles = trials.len() - searched;
        let of = of.map(|of| of + ensembles);
        let is_at_work = status == SweepStatus::Running && state.events > 0;
        let since = if is_at_work { now.saturating_sub(state.last).max(0) } else { 0 };
        let seconds = state.seconds() + since as f64 / 1000.0;
        Self {
            id: header.id.clone(),
            name: header.name.clone(),
            experiment: header.experiment.clone(),
            experiment_name: header.experiment_name.clone(),
            data: header.subject(),
            is_command: header.plan.trial.command().is_some(),
            is_on_cluster: header.plan.executor.slurm().is_some(),
            state: status,
            finished,
            pruned,
            failed,
            running: if status.is_active() { trials.len() - ended } else { 0 },
            of,
            ensembles,
            jobs: state.asked.jobs.unwrap_or(header.plan.rules.jobs),
            metric: header.plan.metric(),
            mode: header.plan.rules.mode,
            best: best_of(state, header),
            seconds,
            left: left(header, state, (ended, of), seconds)
                .filter(|_| status == SweepStatus::Running && of != Some(ended)),
            unsent: state.events.saturating_sub(sent),
            error: state.last_failure().map(str::to_owned),
            no_ensemble: Some(state)
                .filter(|state| header.plan.rules.ensemble && state.closed == Some(EndReason::Finished))
                .and_then(|state| members(&state.trials, header.plan.aim()).err()),
            unkept: Ok(Vec::new()),
            host: None,
            damage: state.damage.clone(),
            created: header.created,
        }
    }

    /// Reads how far the sweep of a folder has come.
    ///
    /// # Errors
    /// Where the journal cannot be read at all.
    pub fn read(
        folder: &SweepFolder,
        header: &SweepHeader,
        states: &mut SweepStates,
        now: i64,
    ) -> std::io::Result<Self> {
        // In this order: a process that ends in between has written all that it had to.
        let is_running = folder.is_running()?;
        let (state, sent) = (states.of(&header.id, folder)?, folder.sent());
        let host = folder.host();
        let status = match state.closed {
            _ if is_running => {
                if folder.control() == Control::Pause {
                    SweepStatus::Paused
                } else {
                    SweepStatus::Running
                }
            }
            // A process that has not begun by now never will.
            None if host.is_some() => SweepStatus::Elsewhere,
            None if state.events == 0 && now.saturating_sub(header.created) < PATIENCE => {
                SweepStatus::Waiting
            }
            Some(EndReason::Cancelled) => SweepStatus::Cancelled,
            // It died before the store knew the end.
            Some(EndReason::Finished | EndReason::Failed) if sent < state.events => SweepStatus::Interrupted,
            Some(EndReason::Finished) => SweepStatus::Finished,
            Some(EndReason::Failed) => SweepStatus::Failed,
            None | Some(EndReason::Interrupted) => SweepStatus::Interrupted,
        };
        Ok(Self {
            unkept: folder.unkept().map_err(|error| error.to_string()),
            host: host.filter(|_| status == SweepStatus::Elsewhere),
            ..Self::new(header, state, sent, status, now)
        })
    }

    /// How it stands with it, in words.
    pub fn status_text(&self) -> String {
        match &self.host {
            Some(host) => format!("on {host}"),
            None => self.state.as_str().to_owned(),
        }
    }

    /// Whether all is trained, and only the store has to be told.
    pub fn is_logging(&self) -> bool {
        self.state == SweepStatus::Running && self.unsent > 0 && self.of == Some(self.ended())
    }

    /// Trials that are over.
    pub fn ended(&self) -> usize {
        self.finished + self.pruned + self.failed
    }
}

fn best_of(state: &SweepState, header: &SweepHeader) -> Option<BestTrial> {
    let aim = header.plan.aim();
    let number = best(&state.trials, aim)?;
    let trial = &state.trials[number];
    let family = trial.proposal.as_ref()?.family.clone();
    let scores = header.plan.scores();
    let tested = scores.iter().position(|score| score.name == header.plan.rules.metric).and_then(|at| {
        let value = trial.last.as_ref()?.values.get(at).copied().flatten()?;
        Some((format!("test_{}", scores[at].name), value))
    });
    Some(BestTrial { number, family, metric: header.plan.metric(), value: trial.mean(aim)?, tested })
}

/// By the pace so far, or the end of the time that was given, whichever comes first. Where another number of jobs was asked for
/// the pace so far says nothing: then by the time that trials take.
fn left(
    header: &SweepHeader,
    state: &SweepState,
    (ended, of): (usize, Option<usize>),
    seconds: f64,
) -> Option<f64> {
    let jobs = state.asked.jobs.filter(|jobs| *jobs != header.plan.rules.jobs);
    let each = match jobs {
        None => seconds / ended as f64,
        Some(jobs) => {
            let over = state.trials.iter().filter(|trial| trial.outcome.is_some());
            let took: i64 = over.map(|trial| trial.ended.saturating_sub(trial.started).max(0)).sum();
            took as f64 / 1000.0 / ended as f64 / jobs.max(1) as f64
        }
    };
    let by_pace = of.filter(|_| ended > 0).map(|of| each * of.saturating_sub(ended) as f64);
    let by_time = header.plan.rules.seconds.map(|limit| (limit - seconds).max(0.0));
    match (by_pace, by_time) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
