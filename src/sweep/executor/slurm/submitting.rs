//! Submitting trials, once each: a name is written down first that nothing else has, and looked for where an answer is lost.

use std::io;

use super::client::{SlurmError, Surroundings, ask, run};
use super::cluster::{BREATH, Cluster, LONGEST, Topic};
use super::ledger::Submitted;
use super::script::{Batch, Submission, script, words};
use super::states::{all_submitted, submitted};
use super::steering::throttle;

/// How far back accounting is asked for a job by its name.
const BACK: &str = "now-30days";
/// How often it is looked for a job whose submission was not answered.
const LOOKS: usize = 3;

impl Cluster {
    /// Submits trials, whose assignments lie in their folders, and returns the id of the job. None where nobody waits any more:
    /// it is waited for a Slurm that does not answer, as it may have the job.
    ///
    /// # Errors
    /// Where it cannot be written down, or this process is not at the sweep any more. Within: where Slurm says no, or not now.
    pub(super) fn submit(
        &self,
        batch: Batch,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Result<Option<String>, SlurmError>> {
        let Batch { first, count, attempt } = batch;
        // What was never submitted may be intended again.
        let name = format!("mltui-{}-{first}x{count}-{attempt}-{:04x}", self.setup.sweep, fastrand::u16(..));
        let last = self.ledger().entries().iter().rev().find(|entry| entry.batch.is_array()).cloned();
        // Behind others their number might be more than what may run at once: not where each waits to be the next.
        let is_ahead = batch.is_array() && count > self.room.waiting();
        let after = last.and_then(|entry| entry.job).filter(|_| is_ahead);
        let pattern = if batch.is_array() { "{array}" } else { "{job}" };
        let output = self.output_of(pattern);
        crate::disk::make_folder_of(&output, crate::disk::Care::Private)?;
        let submission =
            Submission { name: &name, working_folder: &self.setup.working_folder, output: &output };
        let jobs = self.jobs();
        let words = words(&self.setup.options, submission, batch, jobs, after.as_deref());
        let script = script(&self.setup.options, &self.program, &self.folder.path, batch);
        self.ledger().intend(&name, batch)?;
        let (mut pause, mut was_lost) = (BREATH, false);
        loop {
            // Somebody else may be at the sweep since.
            self.folder.check_held()?;
            let error = match run("sbatch", &words, Some(&script), &self.setup.surroundings) {
                Ok(out) => {
                    let job = submitted(&out).ok_or_else(|| {
                        io::Error::other(format!("sbatch printed no id of a job: {:?}", out.trim()))
                    })?;
                    let first = if was_lost { self.without_twins(&name) } else { Ok(None) };
                    let first = first.unwrap_or_else(|error| {
                        tracing::warn!(%error, name, "whether a job was submitted twice is not known");
                        None
                    });
                    let job = first.unwrap_or(job);
                    return self.have(&name, (batch, jobs), job);
                }
                Err(error) => error,
            };
            let SlurmError::Away(_) = error else {
                // One that was ended while it tried again may have come through.
                if let Ok(Some(job)) = self.without_twins(&name) {
                    return self.have(&name, (batch, jobs), job);
                }
                self.ledger().answer(&name, None)?;
                return Ok(Err(error));
            };
            self.say(Topic::Submitting, Some(&error.to_string()));
            // The answer may have been lost, and not the question.
            was_lost = true;
            loop {
                if !Self::wait(pause, is_called_off) {
                    return Ok(Ok(None));
                }
                pause = (pause * 2).min(LONGEST);
                match self.without_twins(&name) {
                    Ok(Some(job)) => return self.have(&name, (batch, jobs), job),
                    Ok(None) => break,
                    Err(error) => self.say(Topic::Submitting, Some(&error.to_string())),
                }
            }
        }
    }

    /// Notes the id of a job that Slurm has, which was submitted to run so many at once.
    fn have(
        &self,
        name: &str,
        (batch, jobs): (Batch, usize),
        job: String,
    ) -> io::Result<Result<Option<String>, SlurmError>> {
        if !self.room.is_full() {
            self.say(Topic::Submitting, None);
        }
        self.ledger().answer(name, Some(&job))?;
        // Another number may have been asked for meanwhile.
        if batch.is_array() && self.jobs() != jobs {
            throttle(&job, self.jobs()).unwrap_or_else(|error| {
                tracing::warn!(%error, job, "an array keeps its number of jobs");
            });
        }
        Ok(Ok(Some(job)))
    }

    /// The job of a name. Where a submission came late that was taken for lost, there are two: the earlier one is kept, and
    /// nothing of the other begins; what has begun of it goes on instead of the same of the earlier one.
    fn without_twins(&self, name: &str) -> Result<Option<String>, SlurmError> {
        let mut jobs = self.find(name)?.into_iter();
        let first = jobs.next();
        let twins: Vec<String> = jobs.collect();
        if !twins.is_empty() {
            let words = ["--state=PENDING".to_owned()].into_iter().chain(twins);
            if let Err(error) = ask("scancel", &words.collect::<Vec<_>>()) {
                tracing::warn!(%error, name, "a job was submitted twice; what begins of it ends by itself");
            }
        }
        Ok(first)
    }

    /// Finds out what became of a submission whose answer is not known. None where nobody waits any more.
    pub(super) fn resolve(
        &self,
        entry: &Submitted,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Option<Submitted>> {
        let mut pause = BREATH;
        let job = loop {
            match self.without_twins(&entry.name) {
                // It may have ended, and be forgotten: then its trial tells.
                Ok(None) => break self.told_by_trial(entry)?,
                Ok(job) => break job,
                Err(error) => self.say(Topic::Submitting, Some(&error.to_string())),
            }
            if !Self::wait(pause, is_called_off) {
                return Ok(None);
            }
            pause = (pause * 2).min(LONGEST);
        };
        self.say(Topic::Submitting, None);
        self.ledger().answer(&entry.name, job.as_deref())?;
        Ok(Some(Submitted { job, ..entry.clone() }))
    }

    fn told_by_trial(&self, entry: &Submitted) -> io::Result<Option<String>> {
        let Batch { first, count, attempt } = entry.batch;
        for trial in first..first + count {
            let place = self.folder.trial_folder(trial).place()?;
            if let Some(place) = place.filter(|place| place.attempt >= attempt) {
                return Ok(place.job.split('_').next().map(str::to_owned));
            }
        }
        Ok(None)
    }

    /// The ids of the jobs of a name, the first before the others.
    fn find(&self, name: &str) -> Result<Vec<String>, SlurmError> {
        let (found, unanswered) = find(name)?;
        if found.is_empty() {
            // What the queue has forgotten has ended, and its trial tells: nobody has to wait for accounting.
            self.say(Topic::Accounting, unanswered.map(|error| error.to_string()).as_deref());
        }
        Ok(found)
    }
}

/// Submits a job of a name that nothing else has, once, and returns its id.
///
/// # Errors
/// Where Slurm says no, or does not answer: it may have the job then all the same, unless it can be asked.
pub fn submit_job(
    name: &str,
    words: &[String],
    script: &str,
    surroundings: &Surroundings,
) -> Result<String, SlurmError> {
    let error = match run("sbatch", words, Some(script), surroundings) {
        Ok(out) => {
            return submitted(&out).ok_or_else(|| SlurmError::Refused {
                program: "sbatch",
                message: format!("it printed no id of a job: {:?}", out.trim()),
            });
        }
        Err(error @ SlurmError::Away(_)) => error,
        Err(error) => return Err(error),
    };
    // The answer may have been lost, and not the question.
    for _ in 0..LOOKS {
        std::thread::sleep(BREATH);
        match find(name) {
            Ok((found, _)) => return found.into_iter().next().ok_or(error),
            Err(error) => tracing::debug!(%error, "squeue"),
        }
    }
    Err(error)
}

/// The ids of the jobs of a name that Slurm knows, the first before the others; and why accounting does not tell, where it
/// should.
pub(super) fn find(name: &str) -> Result<(Vec<String>, Option<SlurmError>), SlurmError> {
    let words = ["-h", "-t", "all", "-o", "%F", &format!("--name={name}")].map(str::to_owned);
    let found = all_submitted(&ask("squeue", &words)?);
    if !found.is_empty() {
        return Ok((found, None));
    }
    let words = ["-n", "-X", "-P", "-S", BACK, "-o", "JobID", &format!("--name={name}")].map(str::to_owned);
    Ok(match ask("sacct", &words) {
        Ok(text) => (all_submitted(&text), None),
        Err(error) if error.is_transient() => (Vec::new(), Some(error)),
        // There is none.
        Err(_) => (Vec::new(), None),
    })
}
