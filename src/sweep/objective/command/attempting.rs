//! Carrying a trial out: attempt after attempt, until one comes to its end or no more are left.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::first::Turn;
use super::judging::last_lines;
use super::live::Live;
use super::printed::{Printed, Reader};
use super::{AHEAD, BREATH, Came, Commands, LOOK, LOOK_AHEAD, MOST_LOST};
use crate::mlflow::{Run, RunId};
use crate::store::now_ms;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd};
use crate::sweep::engine::record::{WatchedMetric, is_transient, run_of_attempt};
use crate::sweep::engine::trial::{Measured, Trial, TrialEnd, TrialWatch, Verdict};
use crate::sweep::objective::launch::{Launched, end_launched};

impl Commands {
    /// Carries an attempt out, or goes on with one that is under way.
    fn carry_out<'a>(
        &'a self,
        trial: &Trial,
        (attempt, parent): (&mut Attempt, &RunId),
        launched: &mut dyn Launched,
        watch: &dyn TrialWatch,
        (mut turn, reader, live): (Turn<'_>, &mut Reader<'a>, &mut Live),
    ) -> io::Result<Came> {
        let folder = self.folder.trial_folder(trial.number);
        let begun = Instant::now();
        // A job may wait for long before it begins, and knows itself when its time is over.
        let timeout = self.plan.timeout.filter(|_| !self.launcher.is_elsewhere());
        let timeout = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let (mut came, mut looked) = (None, begun);
        while !launched.is_over_in(LOOK)? {
            let is_elsewhere = self.launcher.is_elsewhere();
            if is_elsewhere && folder.attempt()?.number != attempt.number {
                // What it measured before a queue carried it out again does not count.
                *attempt = folder.attempt()?;
                *reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
                *live = self.live(trial, attempt.number, parent);
            }
            reader.read(now_ms())?;
            // A node that writes does not see what is cut here.
            if !is_elsewhere && folder.cut_log()? {
                reader.skip_to_end()?;
            }
            if !reader.printed.is_empty() {
                // It is at work, whether or not it opens the store.
                turn.give_up();
            }
            if turn.is_first() && looked.elapsed() >= LOOK_AHEAD {
                let runs = self.handle.block_on(self.runs.of(trial.number, false));
                if begun.elapsed() >= AHEAD || runs.is_ok_and(|runs| !runs.is_empty()) {
                    turn.give_up();
                }
                looked = Instant::now();
            }
            if came.is_some() {
                continue;
            }
            let new = live.take(&reader.printed, &self.metric);
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
        reader.read(now_ms())?;
        reader.finish(now_ms());
        // It may be another one by now, where a queue carried it out again.
        let end = folder.end_of(folder.attempt()?.number)?;
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

    /// Carries an attempt out, a further one or the one that is under way, as soon as it may: how it came out, what it printed
    /// and what it measured on its way. None where the sweep was called off before.
    fn carried_out<'a>(
        &'a self,
        trial: &Trial,
        attempt: &mut Attempt,
        under_way: &mut Option<Box<dyn Launched + 'a>>,
        parent: &RunId,
        gpus: &str,
        watch: &dyn TrialWatch,
    ) -> io::Result<Option<(Came, Printed, Live)>> {
        let folder = self.folder.trial_folder(trial.number);
        let Some(mut turn) = self.first.wait(|| watch.is_called_off()) else {
            return Ok(None);
        };
        if turn.is_first() && self.handle.block_on(self.runs.is_current()) {
            turn.give_up();
        }
        let mut launched = match under_way.take() {
            Some(launched) => launched,
            None => {
                *attempt = self.launcher.next_attempt(&folder, trial.number, attempt)?;
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
        let mut live = self.live(trial, attempt.number, parent);
        let mut reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
        let heard = (turn, &mut reader, &mut live);
        let came = self.carry_out(trial, (attempt, parent), launched.as_mut(), watch, heard)?;
        let last = folder.attempt()?;
        if last.number != attempt.number {
            // What it said before it was carried out again does not count.
            reader = Reader::new(folder.log(), last.log_start, &self.patterns);
            reader.read(now_ms())?;
            reader.finish(now_ms());
            *attempt = last;
        }
        Ok(Some((came, reader.printed, live)))
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
            let mut live = self.live(trial, attempt.number, &parent);
            let (came, printed) = match known.take() {
                Some(end) => {
                    let mut reader = Reader::new(folder.log(), attempt.log_start, &self.patterns);
                    reader.read(now_ms())?;
                    reader.finish(now_ms());
                    (Came::Ended(end), reader.printed)
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
                    let Some((came, printed, heard)) = carried else {
                        return Ok((TrialEnd::Cancelled, None));
                    };
                    live = heard;
                    (came, printed)
                }
            };
            if let Came::Ended(AttemptEnd::Lost(_)) = came
                && lost < MOST_LOST
            {
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
                attempt.failures += 1;
                continue;
            }
            let Some(runs) = self.runs_of(trial.number, is_well, watch)? else {
                return Ok((TrialEnd::Cancelled, None));
            };
            let run = run_of_attempt(&runs, attempt.number, &parent, &self.metric);
            let value = Self::judge(&folder, run, &printed, &self.metric)?;
            if is_well || is_pruned {
                let run = run.filter(|run| run.metrics.iter().any(|known| known.key == self.metric));
                let rest = live.finish(&printed, &self.metric, run.map(|run| &run.info.run_id));
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
                    let measured = Measured { values: vec![Some(value)], fit_seconds, predict_seconds: 0.0 };
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
