//! How far a sweep has come, for people.

use crate::mlflow::ExperimentId;
use crate::sweep::engine::journal::{Folder, Header, How, Outcome, Wanted};
use crate::sweep::engine::state::{Course, Courses, best};
use crate::sweep::engine::unkept::Known;

/// Milliseconds that a process may take to begin.
const PATIENCE: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No process has taken it up yet.
    Waiting,
    Running,
    Paused,
    Finished,
    Cancelled,
    /// Its process died.
    Interrupted,
    /// Another machine, whose processes cannot be seen from here, was at it last.
    Elsewhere,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// Whether a process is at it, as far as can be told.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Waiting | Self::Running | Self::Paused | Self::Elsewhere)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    pub id: String,
    pub name: String,
    pub experiment: ExperimentId,
    pub experiment_name: String,
    pub data: String,
    pub state: State,
    pub finished: usize,
    pub pruned: usize,
    pub failed: usize,
    /// Begun and not ended.
    pub running: usize,
    /// Trials in all, where that is known.
    pub of: Option<usize>,
    /// `val_rmse` and so on.
    pub metric: String,
    /// The number of the best trial, its family, and its mean.
    pub best: Option<(usize, String, f64)>,
    /// Seconds at work.
    pub seconds: f64,
    /// Seconds that it will still take, at the pace so far.
    pub left: Option<f64>,
    /// Things that happened and that the store has not been told yet.
    pub unsent: usize,
    /// Why the last trial that failed did.
    pub error: Option<String>,
    /// What the store did not take; why that is not known.
    pub unkept: Known,
    /// The machine that it is on, if that is another one.
    pub host: Option<String>,
    /// What of its journal cannot be read.
    pub damage: Option<String>,
    /// Milliseconds since the epoch.
    pub created: i64,
}

impl Progress {
    pub fn new(header: &Header, course: &Course, sent: usize, state: State, now: i64) -> Self {
        let trials = &course.trials;
        let count = |is_it: fn(&Outcome) -> bool| {
            trials.iter().filter(|trial| trial.outcome.as_ref().is_some_and(is_it)).count()
        };
        let failed = count(|outcome| matches!(outcome, Outcome::Failed { .. }));
        let finished = count(|outcome| matches!(outcome, Outcome::Finished { .. }));
        let pruned = count(|outcome| matches!(outcome, Outcome::Pruned { .. }));
        let ended = finished + pruned + failed;
        let of = header.plan.length();
        let is_at_work = state == State::Running && course.events > 0;
        let since = if is_at_work { now.saturating_sub(course.last).max(0) } else { 0 };
        let seconds = course.seconds() + since as f64 / 1000.0;
        Self {
            id: header.id.clone(),
            name: header.name.clone(),
            experiment: header.experiment.clone(),
            experiment_name: header.experiment_name.clone(),
            data: header.dataset.name.clone(),
            state,
            finished,
            pruned,
            failed,
            running: if state.is_active() { trials.len() - ended } else { 0 },
            of,
            metric: format!("val_{}", header.plan.metric),
            best: best_of(course, header),
            seconds,
            left: left(header, ended, of, seconds).filter(|_| state == State::Running && of != Some(ended)),
            unsent: course.events.saturating_sub(sent),
            error: trials.iter().rev().find_map(|trial| match &trial.outcome {
                Some(Outcome::Failed { message }) => Some(message.clone()),
                _ => None,
            }),
            unkept: Ok(Vec::new()),
            host: None,
            damage: course.damage.clone(),
            created: header.created,
        }
    }

    /// Reads how far the sweep of a folder has come.
    pub fn read(folder: &Folder, header: &Header, courses: &mut Courses, now: i64) -> std::io::Result<Self> {
        let course = courses.of(&header.id, folder)?;
        let host = folder.host();
        let state = match course.closed {
            _ if folder.is_running()? => {
                if folder.wanted() == Wanted::Pause {
                    State::Paused
                } else {
                    State::Running
                }
            }
            // A process that has not begun by now never will.
            None if host.is_some() => State::Elsewhere,
            None if course.events == 0 && now.saturating_sub(header.created) < PATIENCE => State::Waiting,
            Some(How::Finished) => State::Finished,
            Some(How::Cancelled) => State::Cancelled,
            None | Some(How::Interrupted) => State::Interrupted,
        };
        Ok(Self {
            unkept: folder.unkept().map_err(|error| error.to_string()),
            host: host.filter(|_| state == State::Elsewhere),
            ..Self::new(header, course, folder.sent(), state, now)
        })
    }

    /// How it stands with it, in words.
    pub fn standing(&self) -> String {
        match &self.host {
            Some(host) => format!("on {host}"),
            None => self.state.as_str().to_owned(),
        }
    }

    /// Whether all is trained, and only the store has to be told.
    pub fn is_logging(&self) -> bool {
        self.state == State::Running && self.unsent > 0 && self.of == Some(self.ended())
    }

    pub fn ended(&self) -> usize {
        self.finished + self.pruned + self.failed
    }
}

fn best_of(course: &Course, header: &Header) -> Option<(usize, String, f64)> {
    let number = best(&course.trials, &header.plan)?;
    let trial = &course.trials[number];
    Some((number, trial.proposal.as_ref()?.family.clone(), trial.mean(header.plan.metric_at())?))
}

/// By the pace so far, or the end of the time that was given, whichever comes first.
fn left(header: &Header, ended: usize, of: Option<usize>, seconds: f64) -> Option<f64> {
    let by_pace = of.filter(|_| ended > 0).map(|of| seconds / ended as f64 * of.saturating_sub(ended) as f64);
    let by_time = header.plan.seconds.map(|limit| (limit - seconds).max(0.0));
    match (by_pace, by_time) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
