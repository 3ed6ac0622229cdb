//! The trials of a sweep, taken one after the other by whoever carries them out, and what they come to.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::asked::Asked;
use super::curve::StepValue;
use super::ensemble::{members, searched, time};
use super::journal::{Control, Event, EventKind, SweepFolder, TrialOutcome};
use super::numbers::moments;
use super::rules::{Aim, Proposals, Rules};
use super::state::{SweepState, TrialState, best};
use super::trial::{Trial, TrialEnd, TrialReport, TrialWatch, Verdict};
use crate::sweep::search::{LAG, Observation, Proposal, Proposer};

/// Between looks whether anything has changed.
const LOOK: Duration = Duration::from_millis(200);

struct QueueState {
    trials: Vec<TrialState>,
    /// The number of the next one that nobody has taken; begun ones are taken up first.
    next: usize,
    /// Numbers that were begun before and wait for somebody.
    left: Vec<usize>,
    /// What somebody asked of the sweep, as far as it was taken, and how much was asked by then.
    asked: Asked,
    asked_bytes: u64,
    is_closed: bool,
    is_given_up: bool,
    /// How the trials failed that ended since this process began, while none came to anything.
    failures: Vec<String>,
    /// When no further trial begins.
    deadline: Option<Instant>,
    paused: Option<Instant>,
}

impl QueueState {
    /// The number that no further trial has, as far as one is asked for: an ensemble is none of those that are counted.
    fn most(&self, rules: &Rules) -> Option<usize> {
        let ensembles = self.trials.len() - searched(&self.trials);
        self.asked.trials.or(rules.trials).map(|most| most.saturating_add(ensembles))
    }
}

/// Where events go, one after the other; an error ends the sweep.
pub type Listener<'a> = dyn Fn(Event) -> io::Result<()> + Sync + 'a;

/// The trials of a sweep; shared by all who carry them out.
pub struct Queue<'a> {
    rules: &'a Rules,
    aim: Aim,
    folder: &'a SweepFolder,
    proposer: Proposer,
    state: Mutex<QueueState>,
    changed: Condvar,
    stop: &'a AtomicBool,
    tell: &'a Listener<'a>,
}

impl<'a> Queue<'a> {
    /// `past` is what is there already; `stop` calls the sweep off, as the control of the folder does.
    pub fn new(
        rules: &'a Rules,
        aim: Aim,
        folder: &'a SweepFolder,
        past: SweepState,
        stop: &'a AtomicBool,
        tell: &'a Listener<'a>,
    ) -> Self {
        let (spent, trials, asked) = (past.seconds(), past.trials, past.asked);
        let left = (0..trials.len()).rev().filter(|number| trials[*number].outcome.is_none()).collect();
        let next = trials.len();
        // Without an end where it is further away than any clock goes.
        let rest =
            rules.seconds.and_then(|seconds| Duration::try_from_secs_f64((seconds - spent).max(0.0)).ok());
        let deadline = rest.and_then(|rest| Instant::now().checked_add(rest));
        Self {
            rules,
            aim,
            folder,
            proposer: rules.proposer(),
            state: Mutex::new(QueueState {
                trials,
                next,
                left,
                asked,
                asked_bytes: 0,
                is_closed: false,
                is_given_up: false,
                failures: Vec::new(),
                deadline,
                paused: None,
            }),
            changed: Condvar::new(),
            stop,
            tell,
        }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        // A panic elsewhere leaves whole values behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, kind: EventKind) -> io::Result<()> {
        (self.tell)(Event::now(kind))
    }

    /// How many trials are carried out side by side.
    pub fn jobs(&self) -> usize {
        let jobs = self.state().asked.jobs.unwrap_or(self.rules.jobs);
        jobs.clamp(1, self.rules.most_jobs())
    }

    /// The number that no trial has, or a greater one: as many as are asked for, and no fewer than have begun.
    pub fn end_of_trials(&self) -> Option<usize> {
        let state = self.state();
        state.most(self.rules).map(|most| most.max(state.next))
    }

    /// Takes what was asked of the sweep since: whoever carries trials out has this done several times a second. True where
    /// there is something new, and so maybe something to do again.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn take_changes(&self) -> io::Result<bool> {
        let mut state = self.state();
        let bytes = self.folder.asked_bytes();
        if bytes == state.asked_bytes {
            return Ok(false);
        }
        let changes = match self.folder.changes() {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!(%error, "what is asked of the sweep cannot be read");
                Vec::new()
            }
        };
        state.asked_bytes = bytes;
        let before = state.asked.taken;
        for change in changes.into_iter().skip(before) {
            self.tell(EventKind::Changed { change })?;
            let QueueState { asked, trials, left, .. } = &mut *state;
            left.extend(asked.take(change, trials));
        }
        let is_new = state.asked.taken > before;
        drop(state);
        self.changed.notify_all();
        Ok(is_new)
    }

    /// How much was taken of what was asked.
    pub fn changes_taken(&self) -> usize {
        self.state().asked.taken
    }

    /// The next trial, as soon as what it goes by is known; none when there is none, or no more time, or the sweep was
    /// called off.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn take(&self) -> io::Result<Option<Trial>> {
        while self.may_go_on()? {
            let mut state = self.state();
            if state.is_closed {
                break;
            }
            if let Some(number) = state.left.pop() {
                // One whose beginning is not told is no trial.
                let Some(trial) = state.trials[number].begun(number) else { continue };
                return Ok(Some(trial));
            }
            let number = state.next;
            let end = Instant::now().checked_add(self.rest(&state));
            let is_late = state.deadline.is_some_and(|deadline| end.is_none_or(|end| end >= deadline));
            if is_late || state.most(self.rules).is_some_and(|most| number >= most) {
                break;
            }
            let known = if self.rules.looks_back() { number.saturating_sub(LAG - 1) } else { 0 };
            if state.trials[..known].iter().all(|trial| trial.outcome.is_some()) {
                let observed = self.observed(&state.trials, known);
                let searched = searched(&state.trials);
                let Some(proposal) = self.proposer.propose(searched, &observed) else { break };
                self.begin(&mut state, proposal)?;
                return Ok(state.trials[number].begun(number));
            }
            drop(self.changed.wait_timeout(state, LOOK));
        }
        Ok(None)
    }

    /// What has to be left of the time when a trial begins: an ensemble's is not taken by others.
    fn rest(&self, state: &QueueState) -> Duration {
        if self.rules.ensemble { time(&state.trials, self.aim) } else { Duration::ZERO }
    }

    /// Begins the next trial.
    fn begin(&self, state: &mut QueueState, proposal: Proposal) -> io::Result<()> {
        let (trial, attempt, since) = (state.next, None, None);
        let event = Event::now(EventKind::Started { trial, attempt, since, proposal: proposal.clone() });
        state.next += 1;
        let started = event.at;
        state.trials.push(TrialState { started, proposal: Some(proposal), ..TrialState::default() });
        (self.tell)(event)
    }

    /// Begins a trial that averages the best of those that have ended, for whoever takes the next. False where none is wished
    /// or there is nothing to average, and where the same was averaged before. Has a meaning when no trial is under way.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn begin_ensemble(&self) -> io::Result<bool> {
        if !self.rules.ensemble || !self.may_go_on()? {
            return Ok(false);
        }
        let mut state = self.state();
        let Ok(members) = members(&state.trials, self.aim) else { return Ok(false) };
        let proposal = Proposal::ensemble(members);
        let is_known = |trial: &TrialState| {
            trial.proposal.as_ref().is_some_and(|known| known.members == proposal.members)
        };
        if state.is_closed || state.trials.iter().any(is_known) {
            return Ok(false);
        }
        let number = state.next;
        self.begin(&mut state, proposal)?;
        state.left.push(number);
        Ok(true)
    }

    /// What the next proposal goes by: the first `known` trials, or all that there are.
    fn observed<'t>(&self, trials: &'t [TrialState], known: usize) -> Vec<Observation<'t>> {
        if self.rules.proposals == Proposals::Steady {
            return trials[..known].iter().filter_map(|trial| self.observation(trial)).collect();
        }
        let observations = trials.iter().filter_map(|trial| Some((trial, self.observation(trial)?)));
        let mut observed: Vec<(&TrialState, Observation<'_>)> = observations.collect();
        // What is under way is taken to come out as badly as the worst so far, so that others are tried meanwhile: a
        // constant liar (Ginsbourger 2010).
        let worst = observed.iter().filter_map(|(_, trial)| trial.loss).max_by(f64::total_cmp);
        for (trial, observation) in &mut observed {
            if trial.outcome.is_none() {
                observation.loss = worst;
            }
        }
        observed.into_iter().map(|(_, observation)| observation).collect()
    }

    fn observation<'t>(&self, trial: &'t TrialState) -> Option<Observation<'t>> {
        let loss = trial.mean(self.aim).map(|mean| self.aim.loss(mean));
        Some(Observation { proposal: trial.proposal.as_ref()?, loss })
    }

    /// Waits while the sweep is paused. False if it was called off.
    fn may_go_on(&self) -> io::Result<bool> {
        loop {
            let is_stopped = self.stop.load(Ordering::Relaxed);
            let control = if is_stopped { Control::Cancel } else { self.folder.control() };
            let mut state = self.state();
            match (control, state.paused) {
                (Control::Pause, None) => {
                    state.paused = Some(Instant::now());
                    self.tell(EventKind::Paused)?;
                }
                (Control::Run, Some(since)) => {
                    state.paused = None;
                    state.deadline = state.deadline.map(|deadline| deadline + since.elapsed());
                    self.tell(EventKind::Continued)?;
                }
                _ => {}
            }
            drop(state);
            match control {
                Control::Run => return Ok(true),
                Control::Cancel => return Ok(false),
                Control::Pause => std::thread::sleep(LOOK),
            }
        }
    }

    /// Who listens to a trial that was taken.
    pub fn watch(&self, trial: usize) -> impl TrialWatch + '_ {
        Listening { queue: self, trial }
    }

    /// Notes how a trial ended that was taken. One that was cancelled is begun anew when the sweep is resumed.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn end(&self, trial: usize, end: TrialEnd) -> io::Result<()> {
        if let Some(outcome) = self.outcome(trial, end) {
            let attempt = Some(self.state().trials[trial].attempt).filter(|attempt| *attempt > 0);
            let event = Event::now(EventKind::Ended { trial, attempt, outcome: outcome.clone() });
            let at = event.at;
            (self.tell)(event)?;
            let mut state = self.state();
            state.trials[trial].ended = at;
            if let TrialOutcome::Failed { message } = &outcome {
                state.failures.push(kind_of_failure(message));
            }
            // Told before it is known: whoever goes by it, goes by what is written.
            state.trials[trial].outcome = Some(outcome);
            state.is_given_up |= self.fails(&state);
            state.is_closed |= state.is_given_up;
        }
        self.changed.notify_all();
        Ok(())
    }

    fn outcome(&self, trial: usize, end: TrialEnd) -> Option<TrialOutcome> {
        let state = self.state();
        let reports = &state.trials[trial].reports;
        let (means, deviations) = moments(reports);
        Some(match end {
            TrialEnd::Finished if self.aim.value(&means).is_some() => {
                TrialOutcome::Finished { means, deviations }
            }
            TrialEnd::Finished => TrialOutcome::Failed {
                message: format!("{} is not defined for what it predicts", self.rules.metric),
            },
            TrialEnd::Failed(message) => TrialOutcome::Failed { message },
            TrialEnd::Pruned => {
                let TrialState { curve, is_unwanted, .. } = &state.trials[trial];
                let last = curve.last().filter(|_| reports.is_empty());
                let (reports, means) = match last {
                    Some((step, value)) => (usize::try_from(step).unwrap_or(0), vec![value]),
                    None => (reports.len(), means),
                };
                TrialOutcome::Pruned { reports, means, is_by_hand: *is_unwanted }
            }
            TrialEnd::Cancelled => return None,
        })
    }

    /// Whether nothing but failures of one kind came of it so far, and as many as are borne.
    fn fails(&self, state: &QueueState) -> bool {
        let Some(most) = self.rules.max_failures.filter(|most| *most > 0) else { return false };
        let failures = &state.failures;
        failures.len() >= most
            && failures.iter().all(|kind| *kind == failures[0])
            && !state.trials.iter().any(|trial| {
                matches!(trial.outcome, Some(TrialOutcome::Finished { .. } | TrialOutcome::Pruned { .. }))
            })
    }

    /// Whether it was given up, as all trials failed in the same way.
    pub fn is_given_up(&self) -> bool {
        self.state().is_given_up
    }

    /// Whether it has trials, and all of them failed.
    pub fn has_failed(&self) -> bool {
        let is_failed = |trial: &TrialState| matches!(trial.outcome, Some(TrialOutcome::Failed { .. }));
        let trials = &self.state().trials;
        !trials.is_empty() && trials.iter().all(is_failed)
    }

    /// The best trial so far: of equal ones the first.
    pub fn best(&self) -> Option<Trial> {
        let state = self.state();
        let number = best(&state.trials, self.aim)?;
        state.trials[number].begun(number)
    }

    /// Gives out no more trials: where one of those who carry them out fails, the others would wait for its trial for ever.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }
}

/// What stays the same where trials fail for one reason: the first line without its numbers, which tell of params and jobs.
fn kind_of_failure(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    // With their exponents: letters that are left out in every message change nothing.
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_' | 'e' | 'E');
    line.split(is_number).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("#")
}

struct Listening<'a> {
    queue: &'a Queue<'a>,
    trial: usize,
}

impl TrialWatch for Listening<'_> {
    fn verdict(&self) -> io::Result<Verdict> {
        {
            let state = self.queue.state();
            let is_open = state.trials[self.trial].outcome.is_none();
            let (rules, aim) = (self.queue.rules, self.queue.aim);
            let TrialState { is_unwanted, .. } = state.trials[self.trial];
            let is_hopeless = || {
                !state.trials[self.trial].is_spared()
                    && rules.pruner.is_hopeless(&state.trials, self.trial, aim)
            };
            if is_open && (is_unwanted || is_hopeless()) {
                return Ok(Verdict::Prune);
            }
        }
        Ok(if self.queue.may_go_on()? { Verdict::Continue } else { Verdict::Cancel })
    }

    fn is_called_off(&self) -> bool {
        self.queue.stop.load(Ordering::Relaxed) || self.queue.folder.control() == Control::Cancel
    }

    fn is_unwanted(&self) -> bool {
        self.queue.state().trials[self.trial].is_unwanted
    }

    fn is_at(&self, attempt: u32, since: Option<i64>) -> io::Result<()> {
        let mut state = self.queue.state();
        let known = &mut state.trials[self.trial];
        if known.attempt == attempt {
            return Ok(());
        }
        // That there is a first one goes without saying.
        if attempt > 1
            && let Some(proposal) = known.proposal.clone()
        {
            let (trial, attempt) = (self.trial, Some(attempt));
            self.queue.tell(EventKind::Started { trial, attempt, since, proposal })?;
        }
        known.attempt = attempt;
        Ok(())
    }

    fn is_lowest(&self) -> bool {
        self.queue.state().trials[..self.trial].iter().all(|trial| trial.outcome.is_some())
    }

    fn is_ahead(&self, trial: usize) -> bool {
        let end = self.queue.end_of_trials();
        let state = self.queue.state();
        // What a trial behind an ensemble tries is not told by its number.
        let is_behind = state.trials.iter().any(TrialState::is_ensemble);
        match state.trials.get(trial) {
            Some(known) => {
                let is_untouched = known.reports.is_empty() && known.retries == 0 && !known.is_unwanted;
                known.outcome.is_none() && is_untouched
            }
            None => !is_behind && end.is_none_or(|end| trial < end),
        }
    }

    fn steps(&self, attempt: u32, steps: &[StepValue], is_end: bool) -> io::Result<Verdict> {
        let trial = self.trial;
        let (kept, judged) = {
            let curve = &self.queue.state().trials[trial].curve;
            (curve.kept_of(attempt, steps, is_end), curve.last_step(attempt))
        };
        if !kept.is_empty() {
            self.queue.tell(EventKind::Steps { trial, attempt, steps: kept.clone() })?;
            let mut state = self.queue.state();
            state.trials[trial].curve.learn(attempt, &kept);
            let (rules, aim) = (self.queue.rules, self.queue.aim);
            let is_judged = !is_end && !state.trials[trial].is_spared();
            if is_judged && rules.pruner.is_hopeless_on_its_way(&state.trials, trial, aim, judged) {
                return Ok(Verdict::Prune);
            }
        }
        Ok(if self.is_called_off() { Verdict::Cancel } else { Verdict::Continue })
    }

    fn report(&self, report: TrialReport) -> io::Result<()> {
        let trial = self.trial;
        match report {
            TrialReport::Step(measured) => {
                let step = self.queue.state().trials[trial].reports.len();
                self.queue.tell(EventKind::Reported { trial, step, measured: measured.clone() })?;
                self.queue.state().trials[trial].reported(&measured);
            }
            TrialReport::Last(measured) => {
                self.queue.tell(EventKind::Last { trial, measured: measured.clone() })?;
                self.queue.state().trials[trial].last = Some(measured);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::kind_of_failure;

    #[test]
    fn failures_of_one_kind_differ_in_their_numbers_alone() {
        let of_job = |job: &str| {
            kind_of_failure(&format!("job {job} ended before its trial did: no such thing\nmore"))
        };
        assert_eq!(of_job("28"), of_job("29_1"), "one of an array");
        assert_eq!(kind_of_failure("loss is 1.5e-3"), kind_of_failure("loss is -2"));
        assert_ne!(of_job("28"), kind_of_failure("job 28 ended"));
    }
}
