//! Carrying a trial out: attempt after attempt, until one comes to its end or no more are left.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::first::Turn;
use super::judging::last_lines;
use super::live::Live;
use super::printed::Reader;
use super::publishing::Publisher;
use super::{AHEAD, AHEAD_WITHOUT_PYTHON, BREATH, Came, Commands, LOOK, LOOK_AHEAD, MOST_LOST};
use crate::mlflow::{Run, RunId, RunStatus};
use crate::params::Params;
use crate::store::now_ms;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd, TrialFolder};
use crate::sweep::engine::record::{
    PrintingAttempt, WatchedMetric, is_made_here, is_transient, run_of_attempt,
};
use crate::sweep::engine::trial::{Measured, Trial, TrialEnd, TrialWatch, Verdict};
use crate::sweep::objective::launch::{Launched, end_launched};

/// What is heard of an attempt.
struct Heard<'a> {
    /// What it prints.
    reader: Reader<'a>,
    /// What it measures on its way.
    live: Live,
    /// What of it goes to the store meanwhile.
    publisher: Publisher,
}

impl Commands {
    /// Carries an attempt out, or goes on with one that is under way.
    fn carry_out<'a>(
        &'a self,
        trial: &Trial,
        (attempt, parent): (&mut Attempt, &RunId),
        launched: &mut dyn Launched,
        watch: &dyn TrialWatch,
        (mut turn, heard): (Turn<'_>, &mut Heard<'a>),
    ) -> io::Result<Came> {
        let folder = self.folder.trial_folder(trial.number);
        let begun = Instant::now();
        // A job may wait for long before it begins, and knows itself when its time is over.
        let timeout = self.plan.timeout.filter(|_| !self.launcher.is_elsewhere());
        let timeout = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let (mut came, mut looked, mut may_open_store) = (None, begun, false);
        while !launched.is_over_in(LOOK)? {
            let is_elsewhere = self.launcher.is_elsewhere();
            if is_elsewhere && folder.attempt()?.number != attempt.number {
                // What it measured before a queue carried it out again does not count.
                self.follow(trial, (attempt, parent), heard, watch)?;
            }
            heard.reader.read(now_ms())?;
            heard.reader.keep(&folder, attempt.number)?;
            // A node that writes does not see what is cut here.
            if !is_elsewhere && let Some(cut) = folder.cut_log()? {
                heard.reader.follow_cut(&cut, &folder, attempt.number)?;
            }
            if !heard.reader.printed.is_empty() {
                // It is at work, whether or not it opens the store.
                turn.give_up();
            }
            if turn.is_first() && looked.elapsed() >= LOOK_AHEAD {
                let runs = self.handle.block_on(self.runs.of(trial.number, false));
                may_open_store |= self.may_open_store(trial.number, attempt.number);
                let patience = if may_open_store { AHEAD } else { AHEAD_WITHOUT_PYTHON };
                if begun.elapsed() >= patience || runs.is_ok_and(|runs| !runs.is_empty()) {
                    turn.give_up();
                }
                looked = Instant::now();
            }
            heard.publisher.look(&heard.reader.printed);
            if came.is_some() {
                continue;
            }
            let new = heard.live.take(&heard.reader.printed, &self.metric);
            let is_hopeless = !new.is_empty() && watch.steps(attempt.number, &new, false)? == Verdict::Prune;
            if is_hopeless || watch.is_unwanted() {
                came = Some(Came::Pruned);
            } else if watch.is_called_off() {
                came = Some(Came::CalledOff);
            } else if timeout.is_some_and(|timeout| begun.elapsed() >= timeout) {
                came = Some(Came::TimedOut);
            }
            if came.is_some() {
                launched.stop();
            }
        }
        if folder.attempt()?.number != attempt.number {
            // It may be another one by now, where a queue carried it out again.
            self.follow(trial, (attempt, parent), heard, watch)?;
        }
        heard.end(&folder, attempt.number)?;
        let end = folder.end_of(attempt.number)?;
        Ok(match (came, end) {
            // It may have come to its end before it took note.
            (_, Some(AttemptEnd::Exited(0))) => Came::Ended(AttemptEnd::Exited(0)),
            (Some(came), _) => came,
            (None, Some(end)) => Came::Ended(end),
            (None, None) => {
                Came::Ended(AttemptEnd::Unstarted("the process that watches over it was killed".into()))
            }
        })
    }

    /// Begins to hear of an attempt, or goes on where an earlier process was.
    fn hear(&self, trial: &Trial, attempt: &Attempt, parent: &RunId) -> io::Result<Heard<'_>> {
        let folder = self.folder.trial_folder(trial.number);
        let kept = folder.kept_points(attempt.number)?;
        let of = PrintingAttempt {
            trial: trial.number,
            attempt: attempt.number,
            since: folder.since(attempt)?.unwrap_or_else(now_ms),
            proposal: trial.proposal.clone(),
            parent: parent.clone(),
        };
        Ok(Heard {
            reader: Reader::new(folder.log(), attempt.log_start, &self.patterns, kept),
            live: self.live(trial, attempt.number, parent),
            publisher: Publisher::new(Arc::clone(&self.runs), self.handle.clone(), folder, of, self.jobs),
        })
    }

    /// Goes over to the attempt that a queue is at by now.
    fn follow<'a>(
        &'a self,
        trial: &Trial,
        (attempt, parent): (&mut Attempt, &RunId),
        heard: &mut Heard<'a>,
        watch: &dyn TrialWatch,
    ) -> io::Result<()> {
        let folder = self.folder.trial_folder(trial.number);
        heard.publisher.close(&heard.reader.printed, RunStatus::Killed, "its job was carried out again");
        *attempt = folder.attempt()?;
        *heard = self.hear(trial, attempt, parent)?;
        watch.is_at(attempt.number, folder.since(attempt)?)
    }

    /// What an attempt measures on its way; the store is asked for it only where somebody goes by it.
    fn live(&self, trial: &Trial, attempt: u32, parent: &RunId) -> Live {
        if !self.prunes {
            return Live::printed();
        }
        let watched = WatchedMetric::new(trial.number, attempt, parent.clone(), self.metric.clone());
        Live::of_store(Arc::clone(&self.runs), self.handle.clone(), watched, self.jobs)
    }

    /// The runs that a trial made; no answer where nobody waits for one any more.
    fn runs_of(&self, trial: usize, is_over: bool, watch: &dyn TrialWatch) -> io::Result<Option<Vec<Run>>> {
        loop {
            match self.handle.block_on(self.runs.of(trial, is_over)) {
                Ok(runs) => return Ok(Some(runs)),
                Err(error) if !is_transient(&error.kind) => return Err(io::Error::other(error)),
                Err(_) if watch.is_called_off() => return Ok(None),
                // The recorder says that it is away.
                Err(_) => std::thread::sleep(BREATH),
            }
        }
    }

    /// Carries an attempt out, a further one or the one that is under way, as soon as it may: how it came out, and what was heard
    /// of it. None where the sweep was called off before.
    fn carried_out<'a>(
        &'a self,
        trial: &Trial,
        attempt: &mut Attempt,
        under_way: &mut Option<Box<dyn Launched + 'a>>,
        parent: &RunId,
        gpus: &str,
        watch: &dyn TrialWatch,
    ) -> io::Result<Option<(Came, Heard<'a>)>> {
        let folder = self.folder.trial_folder(trial.number);
        let Some(mut turn) = self.first.wait(|| watch.is_lowest(), || watch.is_called_off()) else {
            return Ok(None);
        };
        if turn.is_first() && self.handle.block_on(self.runs.is_current()) {
            turn.give_up();
        }
        let mut launched = match under_way.take() {
            Some(launched) => launched,
            None => {
                *attempt = self.launcher.next_attempt(&folder, trial.number, attempt)?;
                if attempt.number == 1 {
                    self.runs.begins(trial.number, attempt.since);
                }
                let assignment = self.assignment(trial, attempt, parent, gpus)?;
                let goes_alone = turn.is_first();
                let following = |number, wanted| {
                    let is_ahead = !goes_alone && watch.is_ahead(number);
                    if is_ahead { self.following(number, wanted, parent) } else { Ok(None) }
                };
                let is_called_off = || watch.is_called_off();
                let launched = self.launcher.launch(&folder, &assignment, &following, &is_called_off)?;
                let Some(launched) = launched else { return Ok(None) };
                *attempt = folder.attempt()?;
                launched
            }
        };
        watch.is_at(attempt.number, folder.since(attempt)?)?;
        let mut heard = self.hear(trial, attempt, parent)?;
        let came = self.carry_out(trial, (attempt, parent), launched.as_mut(), watch, (turn, &mut heard))?;
        heard.publisher.finish();
        Ok(Some((came, heard)))
    }

    /// Attempts a trial until one comes to its end, or no more are left: how it ended, and what was measured.
    pub(super) fn attempts(
        &self,
        trial: &Trial,
        watch: &dyn TrialWatch,
    ) -> io::Result<(TrialEnd, Option<Measured>)> {
        let Some(parent) = self.parent(watch) else { return Ok((TrialEnd::Cancelled, None)) };
        let Some(gpus) = self.gpus.take(|| watch.is_called_off()) else {
            return Ok((TrialEnd::Cancelled, None));
        };
        let folder = self.folder.trial_folder(trial.number);
        self.folder.check()?;
        folder.make()?;
        let mut under_way = self.launcher.take_up(&folder, trial, &|| watch.is_called_off())?;
        let mut attempt = folder.attempt()?;
        // What came to its end while nobody was there to see is not run again.
        let mut known = folder.end_of(attempt.number)?.filter(AttemptEnd::is_final);
        if attempt.retries != trial.retries {
            // Somebody has seen it, and asked for another.
            (attempt.failures, attempt.retries, known) = (0, trial.retries, None);
        }
        let mut lost = 0;
        loop {
            let begun = Instant::now();
            let (came, mut heard) = match known.take() {
                Some(end) => {
                    watch.is_at(attempt.number, folder.since(&attempt)?)?;
                    let mut heard = self.hear(trial, &attempt, &parent)?;
                    heard.end(&folder, attempt.number)?;
                    (Came::Ended(end), heard)
                }
                None if watch.is_unwanted() => {
                    if let Some(launched) = under_way.take() {
                        end_launched(launched, LOOK, watch)?;
                    }
                    return Ok((TrialEnd::Pruned, None));
                }
                None if watch.is_called_off() => return Ok((TrialEnd::Cancelled, None)),
                None => {
                    let carried = self.carried_out(
                        trial,
                        &mut attempt,
                        &mut under_way,
                        &parent,
                        &gpus.in_words(),
                        watch,
                    )?;
                    let Some(carried) = carried else {
                        return Ok((TrialEnd::Cancelled, None));
                    };
                    carried
                }
            };
            if let Came::Ended(AttemptEnd::Lost(why)) = &came
                && lost < MOST_LOST
            {
                heard.publisher.close(&heard.reader.printed, RunStatus::Killed, why);
                lost += 1;
                continue;
            }
            let is_well = matches!(came, Came::Ended(AttemptEnd::Exited(0)));
            if matches!(came, Came::CalledOff) {
                return Ok((TrialEnd::Cancelled, None));
            }
            let is_pruned = matches!(came, Came::Pruned);
            let is_cancelled = matches!(came, Came::Ended(AttemptEnd::Cancelled));
            if !is_well && !is_pruned && !is_cancelled && attempt.failures < self.plan.retries {
                let why = self.failure(&folder, &attempt, &came)?;
                heard.publisher.close(&heard.reader.printed, RunStatus::Failed, &why);
                attempt.failures += 1;
                continue;
            }
            let Some(runs) = self.runs_of(trial.number, is_well, watch)? else {
                return Ok((TrialEnd::Cancelled, None));
            };
            let run = run_of_attempt(&runs, attempt.number, &parent, (&self.metric, self.runs.aim()));
            let run = run.filter(|run| !is_made_here(run));
            let printed = &heard.reader.printed;
            let value = Self::judge(run, printed, &self.metric);
            if is_well || is_pruned {
                let run = run.filter(|run| run.metrics.iter().any(|known| known.key == self.metric));
                let rest = heard.live.finish(printed, &self.metric, run.map(|run| &run.info.run_id));
                watch.steps(attempt.number, &rest, true)?;
            }
            if is_pruned {
                return Ok((TrialEnd::Pruned, None));
            }
            if !is_well {
                return Ok((TrialEnd::Failed(self.failure(&folder, &attempt, &came)?), None));
            }
            return Ok(match value {
                Ok(value) => {
                    let fit_seconds = begun.elapsed().as_secs_f64();
                    let measured = Measured {
                        values: vec![Some(value)],
                        fit_seconds,
                        predict_seconds: 0.0,
                        curve: Vec::new(),
                        params: Params::new(),
                    };
                    (TrialEnd::Finished, Some(measured))
                }
                Err(why) => {
                    let lines = last_lines(&folder, attempt.log_start)?;
                    (TrialEnd::Failed([&[why], &lines[..]].concat().join("\n")), None)
                }
            });
        }
    }
}

impl Heard<'_> {
    /// The attempt has ended: the rest of what it printed.
    fn end(&mut self, folder: &TrialFolder, attempt: u32) -> io::Result<()> {
        let now = now_ms();
        self.reader.read(now)?;
        self.reader.end(now, folder, attempt)
    }
}
