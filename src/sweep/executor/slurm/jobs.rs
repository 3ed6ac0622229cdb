//! Attempts that are jobs of Slurm.

use std::io;
use std::time::{Duration, Instant};

use super::client::SlurmError;
use super::cluster::{Cluster, Topic};
use super::script::Batch;
use super::states::JobState;
use super::watching::{Known, active};
use crate::disk;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd, TrialFolder};
use crate::sweep::engine::journal::HoldingJob;
use crate::sweep::engine::trial::Trial;
use crate::sweep::objective::launch::{Assignment, Following, Launched, Launcher};
use crate::text;

/// Between looks at what a job has written.
const LOOK: Duration = Duration::from_millis(500);
/// The same whether it is a trial's turn to be submitted.
const TURN: Duration = Duration::from_millis(200);
/// How long what a job wrote last may take to be seen, behind its end: file systems of clusters are slow to tell.
const SETTLING: Duration = Duration::from_secs(5);
/// The same of a job whose node failed, or that had to leave it: the queue may be about to carry it out again.
const COMING_BACK: Duration = Duration::from_secs(30);
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
        if Assignment::read(folder, attempt)?
            .is_none_or(|assigned| !trial.proposal.was_begun_as(&assigned.proposal))
        {
            // It was submitted for something else: by a process whose journal was taken back, or ahead.
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
        following: &Following<'_>,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Option<Box<dyn Launched + '_>>> {
        let (trial, attempt) = (assignment.trial, assignment.attempt);
        let in_line = self.room.line_up(trial);
        loop {
            // Others may submit it with theirs.
            let is_submitted = || self.ledger().of(trial).is_some_and(|entry| entry.batch.attempt >= attempt);
            while !in_line.is_next(Instant::now()) && !is_submitted() {
                if !Self::wait(TURN, is_called_off) {
                    return Ok(None);
                }
            }
            let limit = {
                let _turn = self.turn();
                if is_called_off() {
                    return Ok(None);
                }
                if let Some(job) = self.submitted_meanwhile(folder, assignment)? {
                    return Ok(Some(Box::new(job)));
                }
                assignment.write(folder)?;
                match self.submit_with_others((trial, attempt), following, is_called_off)? {
                    Ok(Some(job)) => return Ok(Some(Box::new(self.job(folder, trial, job, attempt)))),
                    Ok(None) => return Ok(None),
                    Err(limit) if limit.is_transient() => limit,
                    Err(error) => return Err(error.into()),
                }
            };
            self.room.was_missing(Instant::now());
            let limit = told(&limit);
            self.say(Topic::Submitting, Some(&limit));
            if !Self::wait(TURN, is_called_off) {
                return Ok(None);
            }
        }
    }

    fn next_attempt(&self, folder: &TrialFolder, trial: usize, attempt: &Attempt) -> io::Result<Attempt> {
        // One that was to be submitted with others, and was not, is still to come.
        let is_ahead = attempt.number > 0 && !self.ledger().has(trial);
        if is_ahead && folder.end_of(attempt.number)?.is_none() {
            return Ok(attempt.clone());
        }
        folder.next_attempt(attempt)
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
    fn submitted_meanwhile(
        &self,
        folder: &TrialFolder,
        wanted: &Assignment,
    ) -> io::Result<Option<TrialJob<'_>>> {
        let trial = wanted.trial;
        let known = self.ledger().of(trial).cloned();
        let known = known.and_then(|entry| Some((entry.job_of(trial)?, entry.batch.attempt)));
        let Some((job, attempt)) = known else { return Ok(None) };
        let assigned = Assignment::read(folder, attempt)?;
        if assigned.is_none_or(|assigned| !wanted.proposal.was_begun_as(&assigned.proposal)) {
            return Ok(None);
        }
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

    /// Submits a trial with as many around it as Slurm takes: the id of its job. None where nobody waits any more.
    fn submit_with_others(
        &self,
        (trial, attempt): (usize, u32),
        following: &Following<'_>,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Result<Option<String>, SlurmError>> {
        let (mut first, mut count) = self.assign((trial, attempt), following)?;
        let mut refused = None;
        loop {
            match self.submit(Batch { first, count, attempt }, is_called_off)? {
                Ok(Some(_)) => break,
                Ok(None) => return Ok(Ok(None)),
                // Fewer may fit below the limit of a user.
                Err(limit @ SlurmError::Limit(_)) if count > 1 => {
                    refused = Some(limit);
                    count = count.div_ceil(2);
                    first = first.max((trial + 1).saturating_sub(count));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
        // It is said once for as long as some wait, and not of each that finds room.
        let batch = Batch { first, count, attempt };
        if self.room.was_found(Instant::now(), batch, refused.is_some()) {
            self.say(Topic::Submitting, None);
        } else if let Some(limit) = refused {
            self.say(Topic::Submitting, Some(&limit.to_string()));
        }
        let job = self.ledger().of(trial).and_then(|entry| entry.job_of(trial));
        job.map(|job| Ok(Some(job))).ok_or_else(|| io::Error::other("a job that was submitted is not known"))
    }

    /// Writes down what the trials around that one are to do, as far as an array goes: the first of them, and how many.
    fn assign(
        &self,
        (trial, attempt): (usize, u32),
        following: &Following<'_>,
    ) -> io::Result<(usize, usize)> {
        let most = self.most_in_array().min(self.room.most());
        let write = |number: usize| -> io::Result<bool> {
            if !self.ledger().has_room_for(number, attempt) {
                return Ok(false);
            }
            let Some(assignment) = following(number, attempt)? else { return Ok(false) };
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

/// A limit in words; of one that leaves no room for a single job, what that means.
fn told(limit: &SlurmError) -> String {
    let this = HoldingJob::this().map(|this| this.id);
    let is_own = |jobs: Vec<String>| jobs.iter().all(|job| Some(job) == this.as_ref());
    if limit.is_of_user() && active().is_ok_and(is_own) {
        format!("{limit}; you have no other job there, so none is taken until that limit is raised")
    } else {
        limit.to_string()
    }
}

impl TrialJob<'_> {
    /// Finds out at which attempt the job is. One that the queue carries out again is another attempt.
    fn find_attempt(&mut self) -> io::Result<()> {
        let place = self.folder.place()?;
        if let Some(twin) = place.as_ref().filter(|place| place.attempt == self.submitted) {
            // A submission that was taken for lost came late, and that job was the first to begin.
            self.job.clone_from(&twin.job);
        }
        let place = place.filter(|place| place.job == self.job && place.attempt >= self.submitted);
        let Some(place) = place.filter(|place| place.attempt > self.current) else { return Ok(()) };
        self.cluster.folder.check_held()?;
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
        self.cluster.say(Topic::Accounting, self.cluster.watching.complaint_of_accounting().as_deref());
        self.cluster.say_what_is_stuck();
        let has_begun = || self.cluster.output_of(&self.job).try_exists().unwrap_or(true);
        let state = match known {
            Known::State(state) if state.is_active() => {
                self.over = None;
                return Ok(false);
            }
            Known::State(_) | Known::Gone | Known::Dropped { .. } if is_known || self.is_given_up => {
                return Ok(true);
            }
            Known::State(state) => state,
            // Slurm forgets at once what is called off of an array before it began.
            Known::Dropped { .. } if !has_begun() => JobState::Cancelled,
            Known::Nothing | Known::Dropped { is_sure: false } => return Ok(false),
            Known::Gone | Known::Dropped { is_sure: true } => JobState::Lost,
        };
        let (since, _) = *self.over.get_or_insert((Instant::now(), state));
        let may_come_back = known == Known::State(JobState::Lost);
        if since.elapsed() < if may_come_back { COMING_BACK } else { SETTLING } {
            return Ok(false);
        }
        let verdict =
            self.verdict(state, matches!(known, Known::Gone | Known::Dropped { .. }), end.is_some());
        self.cluster.folder.check_held()?;
        if may_come_back {
            // From here on the trial has another job.
            self.cluster.watching.cancel(&self.job);
        }
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
                let output = self.cluster.output_of(&self.job);
                let said = disk::read_end(&output, LAST_BYTES).unwrap_or_default();
                let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
                let last = match last {
                    Some(line) => format!(": {}", text::clean(line)),
                    None if output.try_exists().is_ok_and(|is_there| !is_there) => format!(
                        ", and wrote nothing; nodes have to see {} under the same path",
                        self.cluster.folder.path.display()
                    ),
                    None => String::new(),
                };
                AttemptEnd::Failed(format!("job {} ended before its trial did{last}", self.job))
            }
        }
    }
}

impl Launched for TrialJob<'_> {
    fn is_over_in(&mut self, patience: Duration) -> io::Result<bool> {
        let mut is_over = self.look()?;
        if !is_over {
            // What a job writes is seen no sooner.
            std::thread::sleep(patience.max(LOOK));
            is_over = self.look()?;
        }
        if is_over {
            self.cluster.room.may_have_grown(Instant::now());
        }
        Ok(is_over)
    }

    fn stop(&mut self) {
        self.is_given_up = true;
        if self.cluster.folder.check_held().is_err() {
            // Whoever is at the sweep now wants it.
            return;
        }
        let batch = Batch { first: self.trial, count: 1, attempt: self.submitted };
        // Before it ends: the next process is not to take that for what the trial came to.
        if let Err(error) = self.cluster.ledger().give_up(batch) {
            tracing::warn!(%error, job = self.job, "a job that is called off is taken for one that somebody else called off");
        }
        self.cluster.watching.cancel(&self.job);
    }
}
