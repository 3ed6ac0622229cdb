//! Trials side by side: each takes the next number, is fitted fold by fold, and says what came of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::learn::families::{self, seed_of};
use crate::learn::study::Study;
use crate::store::now_ms;
use crate::sweep::engine::journal::{Event, Folder, Outcome, Test, Wanted, What, finite};
use crate::sweep::engine::state::{Course, Trial, best};
use crate::sweep::objective::keep::keep;
use crate::sweep::plan::{Models, Plan};
use crate::sweep::search::{LAG, Proposal, Search, Tried};

/// Trials that have to be there before any is pruned, and folds that it has to have behind it.
const PRUNE_AFTER: (usize, usize) = (4, 2);

/// Between looks whether anything has changed.
const LOOK: Duration = Duration::from_millis(200);

struct State {
    trials: Vec<Trial>,
    /// The number of the next one that nobody has taken; begun ones are taken up first.
    next: usize,
    /// Numbers that were begun before and wait for somebody.
    left: Vec<usize>,
    over: bool,
    /// When no further trial begins.
    deadline: Option<Instant>,
    paused: Option<Instant>,
}

pub struct Trainer<'a> {
    plan: &'a Plan,
    study: &'a Study,
    folder: &'a Folder,
    search: Search,
    state: Mutex<State>,
    changed: Condvar,
    stop: &'a AtomicBool,
    /// Takes what happened, one after the other.
    tell: &'a (dyn Fn(Event) -> std::io::Result<()> + Sync),
}

impl<'a> Trainer<'a> {
    /// `course` is what is there already.
    pub fn new(
        plan: &'a Plan,
        study: &'a Study,
        folder: &'a Folder,
        course: Course,
        stop: &'a AtomicBool,
        tell: &'a (dyn Fn(Event) -> std::io::Result<()> + Sync),
    ) -> Self {
        let (spent, trials) = (course.seconds(), course.trials);
        let left = (0..trials.len()).rev().filter(|number| trials[*number].outcome.is_none()).collect();
        let next = trials.len();
        // Without an end where it is further away than any clock goes.
        let rest =
            plan.seconds.and_then(|seconds| Duration::try_from_secs_f64((seconds - spent).max(0.0)).ok());
        let deadline = rest.and_then(|rest| Instant::now().checked_add(rest));
        Self {
            plan,
            study,
            folder,
            search: plan.search(),
            state: Mutex::new(State { trials, next, left, over: false, deadline, paused: None }),
            changed: Condvar::new(),
            stop,
            tell,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves whole values behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: What) -> std::io::Result<()> {
        (self.tell)(Event { at: now_ms(), what })
    }

    /// Trains until nothing is left to do, or the sweep is called off.
    pub fn run(&self, jobs: usize) -> std::io::Result<()> {
        let jobs = jobs.clamp(1, self.plan.most_jobs());
        let results: Vec<std::io::Result<()>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| self.work_or_end())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(broken_down()))).collect()
        });
        results.into_iter().collect::<std::io::Result<Vec<()>>>()?;
        if self.plan.models == Models::Best && self.may_go_on()? { self.refit_best() } else { Ok(()) }
    }

    /// Where one worker fails, wherever it is, all end: they would wait for its trial for ever.
    fn work_or_end(&self) -> std::io::Result<()> {
        let worked = catch_unwind(AssertUnwindSafe(|| self.work())).unwrap_or_else(|_| Err(broken_down()));
        if worked.is_err() {
            self.state().over = true;
            self.changed.notify_all();
        }
        worked
    }

    fn work(&self) -> std::io::Result<()> {
        while let Some(number) = self.take()? {
            self.trial(number)?;
            self.changed.notify_all();
        }
        Ok(())
    }

    /// The next trial; none when there is none, or no more time, or the sweep was called off.
    fn take(&self) -> std::io::Result<Option<usize>> {
        while self.may_go_on()? {
            let mut state = self.state();
            if state.over {
                break;
            }
            if let Some(number) = state.left.pop() {
                return Ok(Some(number));
            }
            let number = state.next;
            let is_late = state.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if is_late || self.plan.trials.is_some_and(|most| number >= most) {
                break;
            }
            let looks_back = self.plan.most_jobs() == LAG;
            let known = if looks_back { number.saturating_sub(LAG - 1) } else { 0 };
            if state.trials[..known].iter().all(|trial| trial.outcome.is_some()) {
                let tried: Vec<Tried> =
                    state.trials[..known].iter().filter_map(|trial| self.tried(trial)).collect();
                let Some(proposal) = self.search.propose(number, &tried) else { break };
                let at = now_ms();
                state.next += 1;
                state.trials.push(Trial {
                    started: at,
                    proposal: Some(proposal.clone()),
                    ..Trial::default()
                });
                (self.tell)(Event { at, what: What::Started { trial: number, proposal } })?;
                return Ok(Some(number));
            }
            drop(self.changed.wait_timeout(state, LOOK));
        }
        Ok(None)
    }

    fn tried(&self, trial: &Trial) -> Option<Tried> {
        let sign = if self.plan.score().greater_is_better { -1.0 } else { 1.0 };
        let loss = trial.mean(self.plan.metric_at()).map(|mean| mean * sign);
        Some(Tried { proposal: trial.proposal.clone()?, loss })
    }

    /// Waits while the sweep is paused. False if it was called off.
    fn may_go_on(&self) -> std::io::Result<bool> {
        loop {
            let is_stopped = self.stop.load(Ordering::Relaxed);
            let wanted = if is_stopped { Wanted::Cancel } else { self.folder.wanted() };
            let mut state = self.state();
            match (wanted, state.paused) {
                (Wanted::Pause, None) => {
                    state.paused = Some(Instant::now());
                    self.tell(What::Paused)?;
                }
                (Wanted::Run, Some(since)) => {
                    state.paused = None;
                    state.deadline = state.deadline.map(|deadline| deadline + since.elapsed());
                    self.tell(What::Continued)?;
                }
                _ => {}
            }
            drop(state);
            match wanted {
                Wanted::Run => return Ok(true),
                Wanted::Cancel => return Ok(false),
                Wanted::Pause => std::thread::sleep(LOOK),
            }
        }
    }

    fn trial(&self, number: usize) -> std::io::Result<()> {
        let Some(proposal) = self.state().trials[number].proposal.clone() else { return Ok(()) };
        // Called off: it is begun anew when the sweep is resumed.
        let Some(outcome) = self.outcome(number, &proposal)? else { return Ok(()) };
        if matches!(outcome, Outcome::Finished { .. })
            && self.plan.models == Models::All
            && self.state().trials[number].test.is_none()
            && let Err(message) = self.refit(number, &proposal)?
        {
            return self.ended(number, Outcome::Failed { message });
        }
        self.ended(number, outcome)
    }

    fn ended(&self, number: usize, outcome: Outcome) -> std::io::Result<()> {
        self.tell(What::Ended { trial: number, outcome: outcome.clone() })?;
        // Told before it is known: whoever goes by it, goes by what is written.
        self.state().trials[number].outcome = Some(outcome);
        Ok(())
    }

    fn outcome(&self, number: usize, proposal: &Proposal) -> std::io::Result<Option<Outcome>> {
        let Some(family) = families::find(&proposal.family) else {
            return Ok(Some(Outcome::Failed {
                message: format!("there is no family {:?}", proposal.family),
            }));
        };
        let seed = seed_of(self.plan.seed, number as u64);
        let done = self.state().trials[number].folds.len();
        // A process may have died between a fold and what follows from it.
        if let Some(pruned) = self.pruned(number) {
            return Ok(Some(pruned));
        }
        for fold in done..self.study.folds() {
            if !self.may_go_on()? {
                return Ok(None);
            }
            let fitted =
                match self.study.fold(fold).and_then(|part| part.try_out(family, &proposal.params, seed)) {
                    Ok(fitted) => fitted,
                    Err(message) => return Ok(Some(Outcome::Failed { message })),
                };
            let scores = finite(&fitted.scores);
            self.tell(What::Fold {
                trial: number,
                fold,
                scores: scores.clone(),
                fit_seconds: fitted.fit_seconds,
                predict_seconds: fitted.predict_seconds,
            })?;
            self.state().trials[number].folds.push(scores);
            if let Some(pruned) = self.pruned(number) {
                return Ok(Some(pruned));
            }
        }
        let (means, deviations) = moments(&self.state().trials[number].folds);
        Ok(Some(if means.get(self.plan.metric_at()).is_some_and(Option::is_some) {
            Outcome::Finished { means, deviations }
        } else {
            Outcome::Failed { message: format!("{} is not defined for it", self.plan.metric) }
        }))
    }

    /// How a trial ends that has folds before it and no hope.
    fn pruned(&self, number: usize) -> Option<Outcome> {
        let state = self.state();
        let folds = state.trials[number].folds.len();
        let is_pruned = folds < self.study.folds() && self.is_hopeless(&state.trials, number);
        is_pruned.then(|| Outcome::Pruned { folds, means: moments(&state.trials[number].folds).0 })
    }

    /// Whether a trial is behind the median of the others after as many folds. Only trials that are [`LAG`] before it
    /// are looked at, as only they have ended for sure.
    fn is_hopeless(&self, trials: &[Trial], number: usize) -> bool {
        let (least, folds) = (PRUNE_AFTER, trials[number].folds.len());
        if !self.plan.prune || folds < least.1 {
            return false;
        }
        let sign = if self.plan.score().greater_is_better { -1.0 } else { 1.0 };
        let so_far = |trial: &Trial| {
            if trial.folds.len() < folds {
                return None;
            }
            moments(&trial.folds[..folds])
                .0
                .get(self.plan.metric_at())
                .copied()
                .flatten()
                .map(|mean| mean * sign)
        };
        let others = &trials[..number.saturating_sub(LAG - 1)];
        let mut others: Vec<f64> = others.iter().filter_map(so_far).collect();
        others.sort_by(f64::total_cmp);
        others.len() >= least.0 && so_far(&trials[number]).is_some_and(|mean| mean > others[others.len() / 2])
    }

    fn refit_best(&self) -> std::io::Result<()> {
        let (number, proposal) = {
            let state = self.state();
            let Some(number) = best(&state.trials, self.plan) else { return Ok(()) };
            let trial = &state.trials[number];
            let (None, Some(proposal)) = (&trial.test, &trial.proposal) else { return Ok(()) };
            (number, proposal.clone())
        };
        self.refit(number, &proposal)?.map_err(std::io::Error::other)
    }

    /// Fits on all but the test part, and keeps the model and what the test part says.
    fn refit(&self, number: usize, proposal: &Proposal) -> std::io::Result<Result<(), String>> {
        let family = families::find(&proposal.family);
        let seed = seed_of(self.plan.seed, number as u64);
        let fitted = self.study.whole().and_then(|part| {
            let family = family.ok_or_else(|| format!("there is no family {:?}", proposal.family))?;
            Ok((part, part.try_out(family, &proposal.params, seed)?))
        });
        let (part, fitted) = match fitted {
            Ok(fitted) => fitted,
            Err(message) => return Ok(Err(message)),
        };
        self.folder.check()?;
        keep(&self.folder.trial(number), self.study, part, &fitted)?;
        let test = Test {
            scores: finite(&fitted.scores),
            fit_seconds: fitted.fit_seconds,
            predict_seconds: fitted.predict_seconds,
        };
        self.tell(What::Refitted { trial: number, test: test.clone() })?;
        self.state().trials[number].test = Some(test);
        Ok(Ok(()))
    }
}

fn broken_down() -> std::io::Error {
    std::io::Error::other("a worker broke down")
}

/// The mean and the standard deviation (over n) of each score over folds; none where a fold has none.
fn moments(folds: &[Vec<Option<f64>>]) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
    let width = folds.first().map_or(0, Vec::len);
    let count = folds.len() as f64;
    let mut all = (Vec::with_capacity(width), Vec::with_capacity(width));
    for at in 0..width {
        let values: Option<Vec<f64>> = folds.iter().map(|fold| fold[at]).collect();
        let mean = values.as_ref().map(|values| values.iter().sum::<f64>() / count);
        all.0.push(mean);
        all.1.push(values.zip(mean).map(|(values, mean)| {
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
        }));
    }
    all
}
