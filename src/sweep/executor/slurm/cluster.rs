//! A sweep's jobs: submitting them, once each, and finding them again.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::client::{SlurmError, Surroundings, ask, run};
use super::ledger::{Ledger, Submitted};
use super::script::{Batch, Submission, script, words};
use super::states::{setting, submitted};
use super::watching::{Watching, active};
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::executor_plan::SlurmOptions;

/// Trials of an array, at most, and where Slurm does not say how many it takes.
const MOST_IN_ARRAY: usize = 1_000;
/// The first pause before Slurm is asked again, and the longest.
const BREATH: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);
/// Between looks whether anybody still waits.
const LOOK: Duration = Duration::from_millis(200);
/// How long what is left at the end of a sweep is tried to be cancelled.
const FAREWELL: Duration = Duration::from_secs(30);
/// How far back accounting is asked for a job by its name.
const BACK: &str = "now-30days";

/// Tells people what happens with Slurm.
pub type Teller = dyn Fn(&str) + Send + Sync;

/// What is said about Slurm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Whether it takes jobs.
    Submitting,
    /// Whether it tells of them.
    Watching,
}

/// What a sweep's jobs are submitted with.
pub struct ClusterSetup {
    /// What is asked for each.
    pub options: SlurmOptions,
    /// The sweep's id.
    pub sweep: String,
    /// The folder that trials run in.
    pub working_folder: PathBuf,
    /// How many run at once.
    pub jobs: usize,
    /// How long a trial may take to end by itself.
    pub grace: Duration,
    /// What jobs find in their environment: the way to the store.
    pub surroundings: Surroundings,
}

/// A sweep's jobs.
pub struct Cluster {
    pub(super) folder: SweepFolder,
    setup: ClusterSetup,
    program: PathBuf,
    ledger: Mutex<Ledger>,
    /// Held while something is submitted, which may take long where Slurm takes no more.
    submitting: Mutex<()>,
    pub(super) watching: Watching,
    most_in_array: OnceLock<usize>,
    said: Mutex<HashMap<Topic, String>>,
    tell: Box<Teller>,
}

impl Cluster {
    /// The jobs of the sweep of that folder, also those of earlier processes.
    ///
    /// # Errors
    /// Where Slurm's commands are not there, or what was submitted cannot be read.
    pub fn new(folder: &SweepFolder, setup: ClusterSetup, tell: Box<Teller>) -> io::Result<Self> {
        ask("sbatch", &["--version".to_owned()])?;
        Ok(Self {
            ledger: Mutex::new(Ledger::open(folder)?),
            submitting: Mutex::default(),
            folder: folder.clone(),
            program: program()?,
            watching: Watching::new(setup.grace),
            setup,
            most_in_array: OnceLock::new(),
            said: Mutex::default(),
            tell,
        })
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn to submit something.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.submitting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something once, until it is something else; nothing where all is well again.
    pub(super) fn say(&self, topic: Topic, words: Option<&str>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(&topic).map(String::as_str) == words {
            return;
        }
        match (words, topic) {
            (Some(words), _) => (self.tell)(&format!("{words}; waiting, jobs go on")),
            (None, Topic::Submitting) => (self.tell)("Slurm takes jobs again"),
            (None, Topic::Watching) => (self.tell)("Slurm answers again"),
        }
        said.remove(&topic);
        said.extend(words.map(|words| (topic, words.to_owned())));
    }

    /// Waits for that long; false where nobody waits any more.
    fn wait(pause: Duration, is_called_off: &dyn Fn() -> bool) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < pause {
            if is_called_off() {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    /// Where the script of a job says what is no trial's.
    pub(super) fn output_of(&self, job: &str) -> PathBuf {
        self.folder.path.join("slurm").join(format!("{job}.out"))
    }

    /// Trials that an array can have.
    pub(super) fn most_in_array(&self) -> usize {
        *self.most_in_array.get_or_init(|| {
            let config = ask("scontrol", &["show".to_owned(), "config".to_owned()]).unwrap_or_default();
            // Numbers within an array are less than that.
            setting(&config, "MaxArraySize").map_or(1, |most| most.clamp(1, MOST_IN_ARRAY))
        })
    }

    /// Submits trials, whose assignments lie in their folders, as soon as Slurm takes them, and returns the id of the job. None
    /// where nobody waits any more. Of an array for which there is no room an error tells.
    ///
    /// # Errors
    /// Where Slurm says no, or it cannot be written down.
    pub(super) fn submit(
        &self,
        batch: Batch,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Result<Option<String>, SlurmError>> {
        let Batch { first, count, attempt } = batch;
        // What was never submitted may be intended again.
        let name = format!("mltui-{}-{first}x{count}-{attempt}-{:04x}", self.setup.sweep, fastrand::u16(..));
        let last = self.ledger().entries().iter().rev().find(|entry| entry.batch.is_array()).cloned();
        let after = last.and_then(|entry| entry.job).filter(|_| batch.is_array());
        let pattern = if batch.is_array() { "{array}" } else { "{job}" };
        let output = self.output_of(pattern);
        crate::disk::make_folder_of(&output, crate::disk::Care::Private)?;
        let submission =
            Submission { name: &name, working_folder: &self.setup.working_folder, output: &output };
        let words = words(&self.setup.options, submission, batch, self.setup.jobs, after.as_deref());
        let script = script(&self.setup.options, &self.program, &self.folder.path, batch);
        self.ledger().intend(&name, batch)?;
        let mut pause = BREATH;
        loop {
            let error = match run("sbatch", &words, Some(&script), &self.setup.surroundings) {
                Ok(out) => {
                    let job = submitted(&out);
                    let Some(job) = job else {
                        let said = format!("sbatch printed no id of a job: {:?}", out.trim());
                        return Err(io::Error::other(said));
                    };
                    self.say(Topic::Submitting, None);
                    self.ledger().answer(&name, Some(&job))?;
                    return Ok(Ok(Some(job)));
                }
                Err(error) => error,
            };
            if !error.is_transient() || (batch.is_array() && matches!(error, SlurmError::Limit(_))) {
                self.ledger().answer(&name, None)?;
                return Ok(Err(error));
            }
            self.say(Topic::Submitting, Some(&error.to_string()));
            // The answer may have been lost, and not the question.
            loop {
                if !Self::wait(pause, is_called_off) {
                    return Ok(Ok(None));
                }
                pause = (pause * 2).min(LONGEST);
                match find(&name) {
                    Ok(Some(job)) => {
                        self.say(Topic::Submitting, None);
                        self.ledger().answer(&name, Some(&job))?;
                        return Ok(Ok(Some(job)));
                    }
                    Ok(None) => break,
                    Err(error) => self.say(Topic::Submitting, Some(&error.to_string())),
                }
            }
        }
    }

    /// Finds out what became of a submission whose answer is not known. None where nobody waits any more.
    pub(super) fn resolve(
        &self,
        entry: &Submitted,
        is_called_off: &dyn Fn() -> bool,
    ) -> io::Result<Option<Submitted>> {
        let mut pause = BREATH;
        let job = loop {
            match find(&entry.name) {
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
        let Batch { first, attempt, .. } = entry.batch;
        let place = self.folder.trial_folder(first).place()?;
        let job = place.filter(|place| place.attempt >= attempt).map(|place| place.job);
        Ok(job.and_then(|job| job.split('_').next().map(str::to_owned)))
    }

    /// Cancels what is left of a sweep that is over.
    pub fn cancel_rest(&self) {
        let until = Instant::now() + FAREWELL;
        while let Err(error) = self.try_to_cancel_rest() {
            if Instant::now() > until {
                (self.tell)(&format!(
                    "{error}; jobs of the sweep may be left: squeue shows them, as mltui-{}-…",
                    self.setup.sweep
                ));
                return;
            }
            std::thread::sleep(BREATH);
        }
    }

    fn try_to_cancel_rest(&self) -> io::Result<()> {
        cancel(&mut self.ledger())
    }
}

/// Cancels all jobs of a sweep that no process is at.
///
/// # Errors
/// Slurm's, or where it cannot be read which there are.
pub fn cancel_jobs(folder: &SweepFolder) -> io::Result<()> {
    cancel(&mut Ledger::open(folder)?)
}

/// Cancels what has not ended of all that was submitted.
fn cancel(ledger: &mut Ledger) -> io::Result<()> {
    if ledger.entries().is_empty() {
        return Ok(());
    }
    let active = active()?;
    let is_active = |job: &str| {
        active
            .iter()
            .any(|id| id.strip_prefix(job).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
    };
    let mut jobs = Vec::new();
    for entry in ledger.entries().to_vec() {
        let job = match entry.job {
            Some(job) => Some(job),
            None => find(&entry.name)?,
        };
        let Some(job) = job.filter(|job| is_active(job)) else { continue };
        ledger.give_up(entry.batch)?;
        jobs.push(job);
    }
    if jobs.is_empty() {
        return Ok(());
    }
    match ask("scancel", &jobs) {
        // Some may have ended meanwhile.
        Err(error) if error.is_transient() => Err(error.into()),
        _ => Ok(()),
    }
}

/// The id of the job of that name, if Slurm knows it.
fn find(name: &str) -> Result<Option<String>, SlurmError> {
    let words = ["-h", "-t", "all", "-o", "%F", &format!("--name={name}")].map(str::to_owned);
    let first = |text: &str| text.lines().next().and_then(submitted);
    if let Some(job) = first(&ask("squeue", &words)?) {
        return Ok(Some(job));
    }
    let words = ["-n", "-X", "-P", "-S", BACK, "-o", "JobID", &format!("--name={name}")].map(str::to_owned);
    match ask("sacct", &words) {
        Ok(text) => Ok(first(text.split('_').next().unwrap_or_default())),
        Err(error) if error.is_transient() => Err(error),
        // There is no accounting.
        Err(_) => Ok(None),
    }
}

/// The file of this program, which nodes have to see as well.
///
/// # Errors
/// Where it is not there any more.
pub fn program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    if program.is_file() {
        return Ok(program);
    }
    Err(io::Error::other("the file of this program was replaced while it runs; start it again"))
}
