//! What the events of a sweep come to, learnt one after the other.

use std::collections::HashMap;

use crate::sweep::engine::journal::{Event, Folder, How, Outcome, Place, Test, What};
use crate::sweep::plan::Plan;
use crate::sweep::search::Proposal;

/// How far a trial has come.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// Milliseconds since the epoch.
    pub started: i64,
    pub proposal: Option<Proposal>,
    pub folds: Vec<Vec<Option<f64>>>,
    pub test: Option<Test>,
    pub outcome: Option<Outcome>,
}

impl Trial {
    /// What the trial came to, by the score that is gone by; of a pruned one so far.
    pub fn mean(&self, metric: usize) -> Option<f64> {
        match self.outcome.as_ref()? {
            Outcome::Finished { means, .. } | Outcome::Pruned { means, .. } => *means.get(metric)?,
            Outcome::Failed { .. } => None,
        }
    }

    pub fn is_finished(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Finished { .. }))
    }
}

/// How far a sweep has come.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// By their numbers.
    pub trials: Vec<Trial>,
    /// How many events it was learnt from.
    pub events: usize,
    /// None while a process is at it; a sweep that nobody has begun yet has no events.
    pub closed: Option<How>,
    /// The time of the last event, in milliseconds since the epoch.
    pub last: i64,
    /// What is wrong with the journal, and hides what came later.
    pub damage: Option<String>,
    /// Milliseconds.
    worked: i64,
    is_at_work: bool,
}

impl Course {
    pub fn of(events: &[Event]) -> Self {
        let mut course = Self::default();
        for event in events {
            course.learn(event);
        }
        course
    }

    pub fn learn(&mut self, event: &Event) {
        // A process that died is found to have done so at any later time.
        let is_later = matches!(event.what, What::Begun | What::Closed { how: How::Interrupted });
        if self.is_at_work && !is_later {
            self.worked = self.worked.saturating_add(event.at.saturating_sub(self.last));
        }
        self.last = event.at;
        self.events += 1;
        match &event.what {
            What::Begun => (self.is_at_work, self.closed) = (true, None),
            What::Continued => self.is_at_work = true,
            What::Paused => self.is_at_work = false,
            What::Closed { how } => (self.is_at_work, self.closed) = (false, Some(*how)),
            What::Started { trial, proposal } => {
                let known = self.trial(*trial);
                known.started = event.at;
                known.proposal = Some(proposal.clone());
            }
            What::Fold { trial, scores, .. } => self.trial(*trial).folds.push(scores.clone()),
            What::Refitted { trial, test } => self.trial(*trial).test = Some(test.clone()),
            What::Ended { trial, outcome } => self.trial(*trial).outcome = Some(outcome.clone()),
        }
    }

    fn trial(&mut self, number: usize) -> &mut Trial {
        if number >= self.trials.len() {
            self.trials.resize_with(number + 1, Trial::default);
        }
        &mut self.trials[number]
    }

    /// How long the sweep has been at work: times when no process was, or it was paused, do not count.
    pub fn seconds(&self) -> f64 {
        self.worked as f64 / 1000.0
    }
}

/// The number of the best trial: of equal ones the first.
pub fn best(trials: &[Trial], plan: &Plan) -> Option<usize> {
    let metric = plan.metric_at();
    let sign = if plan.score().greater_is_better { -1.0 } else { 1.0 };
    let mut best: Option<(f64, usize)> = None;
    for (number, trial) in trials.iter().enumerate().filter(|(_, trial)| trial.is_finished()) {
        let Some(mean) = trial.mean(metric) else { continue };
        if best.is_none_or(|(known, _)| mean * sign < known) {
            best = Some((mean * sign, number));
        }
    }
    best.map(|(_, number)| number)
}

/// The courses of sweeps, of which each look reads only what is new.
#[derive(Debug, Default)]
pub struct Courses {
    /// By id: as far as the journal was read, and what it came to.
    known: HashMap<String, (Place, Course)>,
}

impl Courses {
    pub fn of(&mut self, id: &str, folder: &Folder) -> std::io::Result<&Course> {
        let (read, course) = self.known.entry(id.to_owned()).or_default();
        let followed = folder.follow(*read, |event| course.learn(&event))?;
        *read = followed.to;
        course.damage = followed.damage.map(|error| error.to_string());
        Ok(course)
    }
}
