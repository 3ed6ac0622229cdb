//! Attempts that are jobs of Slurm.

use std::io;
use std::time::{Duration, Instant};

use super::client::SlurmError;
use super::cluster::{Cluster, Topic};
use super::script::Batch;
use super::states::JobState;
use super::watching::Known;
use crate::disk;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd, TrialFolder};
use crate::sweep::engine::trial::Trial;
use crate::sweep::objective::launch::{Assignment, Launched, Launcher};
use crate::text;

/// Between looks at what a job has written.
const LOOK: Duration = Duration::from_millis(500);
/// How long what a job wrote last may take to be seen, behind its end: file systems of clusters are slow to tell.
const SETTLING: Duration = Duration::from_secs(5);
/// Bytes of what the script of a job says that are looked at.
const LAST_BYTES: u64 = 4 << 10;

/// An attempt that is a job.
struct TrialJob<'a> {
    cluster: &'a Cluster,
    folder: TrialFolder,
    trial: usize,
    job: String,
    /// The attempt that it was submitted for, and what it is at: a queue may carry it out again.
    submitted: u32,
    current: u32,
    since: Instant,
    /// It is not wanted any more: how it ends is nothing that the trial came to.
    is_given_up: bool,
    /// When Slurm first said that it has ended.
    over: Option<(Instant, JobState)>,
}

impl Launcher for Cluster {
    fn is_elsewhere(&self) -> bool {
        true
    }

    fn take_up(
        &self,
        folder: &TrialFolder,
        trial: &Trial,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Option<Box<dyn Launched + '_>>> {
        let _turn = self.turn();
        let Some(entry) = self.ledger().of(trial.number).cloned() else { return Ok(None) };
        let entry = match entry.job {
            Some(_) => Some(entry),
            None => self.resolve(&entry, is_called_off)?,
        };
        let found = entry.and_then(|entry| Some((entry.job_of(trial.number)?, entry.batch.attempt)));
        let Some((job, attempt)) = found else { return Ok(None) };
        if Assignment::read(folder, attempt)?.is_none_or(|assigned| assigned.proposal != trial.proposal) {
            // It was submitted for something else, by a process whose journal was taken back.
            self.watching.cancel(&job);
            return Ok(None);
        }
        let mut taken_up = self.job(folder, trial.number, job, attempt);
        taken_up.find_attempt()?;
        let is_over = |attempt| folder.end_of(attempt).map(|end| end.is_some_and(|end| end.is_final()));
        if is_over(taken_up.current)? {
            return Ok(None);
        }
        Ok(Some(Box::new(taken_up)))
    }

    fn launch(
        &self,
        folder: &TrialFolder,
        assignment: &Assignment,
        following: &dyn Fn(usize) -> io::Result<Option<Assignment>>,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Option<Box<dyn Launched + '_>>> {
        let _turn = self.turn();
        if is_called_off() {
            return Ok(None);
        }
        let (trial, attempt) = (assignment.trial, assignment.attempt);
        if let Some(job) = self.submitted_meanwhile(folder, trial)? {
            return Ok(Some(Box::new(job)));
        }
        assignment.write(folder)?;
        let (mut first, mut count) = (trial, 1);
        if attempt == 1 {
            (first, count) = self.assign(trial, following)?;
        }
        loop {
            let batch = Batch { first, count, attempt };
            match self.submit(batch, is_called_off)? {
                Ok(Some(_)) => break,
                Ok(None) => return Ok(None),
                // Fewer may fit below the limit of a user.
                Err(SlurmError::Limit(_)) if count > 1 => {
                    count = count.div_ceil(2);
                    first = first.max((trial + 1).saturating_sub(count));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let job = self.ledger().of(trial).and_then(|entry| entry.job_of(trial));
        let job = job.ok_or_else(|| io::Error::other("a job that was submitted is not known"))?;
        Ok(Some(Box::new(self.job(folder, trial, job, attempt))))
    }
}

impl Cluster {
    fn job(&self, folder: &TrialFolder, trial: usize, job: String, attempt: u32) -> TrialJob<'_> {
        TrialJob {
            cluster: self,
            folder: folder.clone(),
            trial,
            job,
            submitted: attempt,
            current: attempt,
            since: Instant::now(),
            is_given_up: false,
            over: None,
        }
    }

    /// The job of a trial that somebody submitted with another one, since it was last looked for.
    fn submitted_meanwhile(&self, folder: &TrialFolder, trial: usize) -> io::Result<Option<TrialJob<'_>>> {
        let known = self.ledger().of(trial).cloned();
        let known = known.and_then(|entry| Some((entry.job_of(trial)?, entry.batch.attempt)));
        let Some((job, attempt)) = known else { return Ok(None) };
        let mut found = self.job(folder, trial, job, attempt);
        found.find_attempt()?;
        let is_over = |attempt| folder.end_of(attempt).map(|end| end.is_some_and(|end| end.is_final()));
        if is_over(found.submitted)? || is_over(found.current)? {
            return Ok(None);
        }
        let last = folder.attempt()?;
        folder.set_attempt(&Attempt { number: found.current, ..last })?;
        Ok(Some(found))
    }

    /// Writes down what the trials around that one are to do, as far as an array goes: the first of them, and how many.
    fn assign(
        &self,
        trial: usize,
        following: &dyn Fn(usize) -> io::Result<Option<Assignment>>,
    ) -> io::Result<(usize, usize)> {
        let most = self.most_in_array();
        let write = |number: usize| -> io::Result<bool> {
            if self.ledger().has(number) {
                return Ok(false);
            }
            let Some(assignment) = following(number)? else { return Ok(false) };
            assignment.write(&self.folder.trial_folder(number)).map(|()| true)
        };
        let (mut first, mut count) = (trial, 1);
        // Those before it are about to be begun by others.
        while count < most && first > 0 && write(first - 1)? {
            first -= 1;
            count += 1;
        }
        while count < most && write(first + count)? {
            count += 1;
        }
        Ok((first, count))
    }
}

impl TrialJob<'_> {
    /// Finds out at which attempt the job is. One that the queue carries out again is another attempt.
    fn find_attempt(&mut self) -> io::Result<()> {
        let place = self.folder.place()?;
        let place = place.filter(|place| place.job == self.job && place.attempt >= self.submitted);
        let Some(place) = place.filter(|place| place.attempt > self.current) else { return Ok(()) };
        self.current = place.attempt;
        self.over = None;
        let known = self.folder.attempt()?;
        if known.number < place.attempt {
            let next =
                Attempt { number: place.attempt, log_start: place.log_start, since: place.since, ..known };
            self.folder.set_attempt(&next)?;
        }
        Ok(())
    }

    /// Whether it is over, and known how it ended.
    fn look(&mut self) -> io::Result<bool> {
        self.find_attempt()?;
        let end = self.folder.end_of(self.current)?;
        let is_known = end.as_ref().is_some_and(AttemptEnd::is_final);
        // Behind its end there may be processes that take their time.
        if is_known && self.folder.is_over(self.current) {
            return Ok(true);
        }
        let known = self.cluster.watching.state(&self.job, self.since);
        let complaint = self.cluster.watching.complaint();
        self.cluster.say(Topic::Watching, complaint.as_deref());
        let state = match known {
            Known::Nothing => return Ok(false),
            Known::State(state) if state.is_active() => {
                self.over = None;
                return Ok(false);
            }
            Known::State(_) | Known::Gone if is_known || self.is_given_up => return Ok(true),
            Known::State(state) => state,
            Known::Gone => JobState::Lost,
        };
        let (since, _) = *self.over.get_or_insert((Instant::now(), state));
        if since.elapsed() < SETTLING {
            return Ok(false);
        }
        let verdict = self.verdict(state, known == Known::Gone, end.is_some());
        self.folder.set_end(self.current, &verdict)?;
        Ok(true)
    }

    /// How it ended, by what Slurm says of it alone.
    fn verdict(&self, state: JobState, is_gone: bool, was_stopped: bool) -> AttemptEnd {
        match state {
            JobState::Cancelled => AttemptEnd::Cancelled,
            JobState::TimedOut => AttemptEnd::OutOfTime,
            JobState::OutOfMemory => AttemptEnd::Failed("its job ran out of memory".into()),
            JobState::Lost if is_gone => AttemptEnd::Lost("Slurm no longer knows its job".into()),
            JobState::Lost => AttemptEnd::Lost("its node failed, or was taken away from it".into()),
            _ if was_stopped => AttemptEnd::Failed("its job was ended from outside".into()),
            _ => {
                let said = disk::read_end(&self.cluster.output_of(&self.job), LAST_BYTES).unwrap_or_default();
                let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
                let last = last.map_or(String::new(), |line| format!(": {}", text::clean(line)));
                AttemptEnd::Failed(format!("job {} ended before its trial did{last}", self.job))
            }
        }
    }
}

impl Launched for TrialJob<'_> {
    fn is_over_in(&mut self, patience: Duration) -> io::Result<bool> {
        if self.look()? {
            return Ok(true);
        }
        // What a job writes is seen no sooner.
        std::thread::sleep(patience.max(LOOK));
        self.look()
    }

    fn stop(&mut self) {
        self.is_given_up = true;
        let batch = Batch { first: self.trial, count: 1, attempt: self.submitted };
        // Before it ends: the next process is not to take that for what the trial came to.
        if let Err(error) = self.cluster.ledger().give_up(batch) {
            tracing::warn!(%error, job = self.job, "a job that is called off is taken for one that somebody else called off");
        }
        self.cluster.watching.cancel(&self.job);
    }
}
