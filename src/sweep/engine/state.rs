//! What the events of a sweep come to, learnt one after the other.

use std::collections::HashMap;

use super::asked::Asked;
use super::curve::Curve;
use super::journal::{EndReason, Event, EventKind, Position, SweepFolder, TrialOutcome};
use super::numbers::Values;
use super::rules::Aim;
use super::trial::{Measured, Trial};
use crate::sweep::search::Proposal;

/// How far a trial has come.
#[derive(Debug, Clone, Default)]
pub struct TrialState {
    /// When it began, or its last attempt, in milliseconds since the epoch.
    pub started: i64,
    /// The number of its last attempt; 0 where nobody counts them.
    pub attempt: u32,
    /// None of a trial whose beginning is not in the journal.
    pub proposal: Option<Proposal>,
    /// The values of its reports, by their steps.
    pub reports: Vec<Values>,
    /// Seconds that its fits and predictions took, as far as they are reported.
    pub seconds: f64,
    /// What its metric was on the way, of a trial that counts steps of its own.
    pub curve: Curve,
    /// What was measured of what is kept of it.
    pub last: Option<Measured>,
    /// None while it is under way.
    pub outcome: Option<TrialOutcome>,
    /// Somebody asked that it ends as one that was pruned.
    pub is_unwanted: bool,
    /// No rule prunes it: somebody wants to see it whole.
    pub is_spared: bool,
    /// How often somebody asked for it to be carried out once more.
    pub retries: u32,
    /// When that was, in milliseconds since the epoch.
    pub ended: i64,
}

impl TrialState {
    /// What the trial came to, by the value that is optimised; of a pruned one so far.
    pub fn mean(&self, aim: Aim) -> Option<f64> {
        match self.outcome.as_ref()? {
            TrialOutcome::Finished { means, .. } | TrialOutcome::Pruned { means, .. } => aim.value(means),
            TrialOutcome::Failed { .. } => None,
        }
    }

    /// Whether it came to a result.
    pub fn is_finished(&self) -> bool {
        matches!(self.outcome, Some(TrialOutcome::Finished { .. }))
    }

    /// Takes a report, and what it found out of what the trial is.
    pub(super) fn reported(&mut self, measured: &Measured) {
        self.reports.push(measured.values.clone());
        self.seconds += measured.seconds();
        if let Some(proposal) = &mut self.proposal {
            proposal.params.extend(measured.params.clone());
        }
    }

    /// Seconds that its fits and predictions took, and those of what is kept of it.
    pub(super) fn work(&self) -> f64 {
        self.seconds + self.last.as_ref().map_or(0.0, Measured::seconds)
    }

    /// To be carried out, or gone on with.
    pub(super) fn begun(&self, number: usize) -> Option<Trial> {
        let proposal = self.proposal.clone()?;
        let (reports, has_last) = (self.reports.clone(), self.last.is_some());
        Some(Trial { number, proposal, reports, has_last, retries: self.retries })
    }
}

/// How far a sweep has come.
#[derive(Debug, Clone, Default)]
pub struct SweepState {
    /// By their numbers.
    pub trials: Vec<TrialState>,
    /// What somebody asked of it, as far as it was taken.
    pub asked: Asked,
    /// How many events it was learnt from.
    pub events: usize,
    /// None while a process is at it; a sweep that nobody has begun yet has no events.
    pub closed: Option<EndReason>,
    /// The time of the last event, in milliseconds since the epoch.
    pub last: i64,
    /// What is wrong with the journal, and hides what came later.
    pub damage: Option<String>,
    /// Milliseconds.
    worked: i64,
    is_at_work: bool,
}

impl SweepState {
    /// What all these events come to.
    pub fn of(events: &[Event]) -> Self {
        let mut state = Self::default();
        for event in events {
            state.learn(event);
        }
        state
    }

    /// One event more.
    pub fn learn(&mut self, event: &Event) {
        // A process that died is found to have done so at any later time.
        let is_later =
            matches!(event.kind, EventKind::Begun | EventKind::Closed { reason: EndReason::Interrupted });
        if self.is_at_work && !is_later {
            self.worked = self.worked.saturating_add(event.at.saturating_sub(self.last));
        }
        self.last = event.at;
        self.events += 1;
        match &event.kind {
            EventKind::Begun => (self.is_at_work, self.closed) = (true, None),
            EventKind::Continued => self.is_at_work = true,
            EventKind::Paused => self.is_at_work = false,
            EventKind::Changed { change } => {
                if let Some(again) = self.asked.take(*change, &mut self.trials) {
                    self.trials[again].started = event.at;
                }
            }
            EventKind::Closed { reason } => (self.is_at_work, self.closed) = (false, Some(*reason)),
            EventKind::Started { trial, attempt, since, proposal } => {
                let known = self.trial(*trial);
                known.started = since.unwrap_or(event.at);
                known.attempt = attempt.unwrap_or(known.attempt);
                known.proposal = Some(proposal.clone());
            }
            EventKind::Reported { trial, measured, .. } => {
                self.trial(*trial).reported(measured);
            }
            EventKind::Steps { trial, attempt, steps } => self.trial(*trial).curve.learn(*attempt, steps),
            EventKind::Last { trial, measured } => self.trial(*trial).last = Some(measured.clone()),
            EventKind::Ended { trial, outcome, .. } => {
                let known = self.trial(*trial);
                known.outcome = Some(outcome.clone());
                known.ended = event.at;
            }
        }
    }

    fn trial(&mut self, number: usize) -> &mut TrialState {
        if number >= self.trials.len() {
            self.trials.resize_with(number + 1, TrialState::default);
        }
        &mut self.trials[number]
    }

    /// Why the last trial that failed did.
    pub fn last_failure(&self) -> Option<&str> {
        self.trials.iter().rev().find_map(|trial| match &trial.outcome {
            Some(TrialOutcome::Failed { message }) => Some(message.as_str()),
            _ => None,
        })
    }

    /// How long the sweep has been at work: times when no process was, or it was paused, do not count.
    pub fn seconds(&self) -> f64 {
        self.worked as f64 / 1000.0
    }
}

/// The number of the best trial: of equal ones the first.
pub fn best(trials: &[TrialState], aim: Aim) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (number, trial) in trials.iter().enumerate().filter(|(_, trial)| trial.is_finished()) {
        let Some(loss) = trial.mean(aim).map(|mean| aim.loss(mean)) else { continue };
        if best.is_none_or(|(known, _)| loss < known) {
            best = Some((loss, number));
        }
    }
    best.map(|(_, number)| number)
}

/// The states of sweeps, of which each look reads only what is new.
#[derive(Debug, Default)]
pub struct SweepStates {
    /// By id: as far as the journal was read, and what it came to.
    known: HashMap<String, (Position, SweepState)>,
}

impl SweepStates {
    /// How far the sweep of that id has come.
    ///
    /// # Errors
    /// Where its journal cannot be read at all; one that is damaged in between is read up to there, and says so.
    pub fn of(&mut self, id: &str, folder: &SweepFolder) -> std::io::Result<&SweepState> {
        let (read, state) = self.known.entry(id.to_owned()).or_default();
        let followed = folder.follow(*read, |event| state.learn(&event))?;
        *read = followed.to;
        state.damage = followed.damage.map(|error| error.to_string());
        Ok(state)
    }
}
