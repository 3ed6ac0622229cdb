//! How it stands with the jobs of a sweep: one look at Slurm's queue for all of them, every few seconds, by whoever asks first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::{AT_ONCE, SlurmError, ask};
use super::states::{self, JobState, SQUEUE};

/// Between looks at the queue.
const INTERVAL: Duration = Duration::from_secs(3);
/// The same where something was called off.
const SOON: Duration = Duration::from_millis(500);
/// Between questions for jobs that the queue does not know any more.
const PAST: Duration = Duration::from_secs(10);
/// How long a job that was asked to end may take behind the grace.
const BEHIND: Duration = Duration::from_secs(2);
/// How long accounting may be away before what it does not tell is judged without it.
const AWAY: Duration = Duration::from_secs(60);

/// What is known of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Slurm has not answered since it was submitted.
    Nothing,
    /// That.
    State(JobState),
    /// That Slurm does not know it any more.
    Gone,
}

#[derive(Debug, Default)]
struct QueueView {
    /// When the question was asked that was answered last, and that was asked last.
    at: Option<Instant>,
    asked: Option<Instant>,
    jobs: HashMap<String, JobState>,
    /// Of jobs that are in no queue any more, where accounting tells.
    past: HashMap<String, JobState>,
    past_at: Option<Instant>,
    has_no_accounting: bool,
    /// Since when accounting does not answer.
    accounting_away: Option<Instant>,
    /// Since when accounting says of jobs that they go on, which are in no queue any more: it may be late, or never learn.
    late: HashMap<String, Instant>,
    /// Jobs that somebody looked for in vain.
    missed: Vec<String>,
}

/// A job that is not wanted any more.
#[derive(Debug, Clone, Copy)]
struct Unwanted {
    since: Instant,
    /// It was asked to end, and to end at once.
    is_asked: bool,
    killed: Option<Instant>,
}

/// Looks at the queue.
pub struct Watching {
    grace: Duration,
    picture: Mutex<QueueView>,
    unwanted: Mutex<HashMap<String, Unwanted>>,
    /// Held by whoever is asking.
    asking: Mutex<()>,
    /// What Slurm last complained of, if it does not answer, and accounting.
    complaint: Mutex<Option<String>>,
    complaint_of_accounting: Mutex<Option<String>>,
}

impl Watching {
    /// Jobs that are not wanted have so long to end.
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            picture: Mutex::default(),
            unwanted: Mutex::default(),
            asking: Mutex::default(),
            complaint: Mutex::default(),
            complaint_of_accounting: Mutex::default(),
        }
    }

    /// What Slurm last complained of, if it does not answer.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same of accounting.
    pub fn complaint_of_accounting(&self) -> Option<String> {
        self.complaint_of_accounting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it stands with a job that Slurm has had since then.
    pub fn state(&self, job: &str, since: Instant) -> Known {
        self.look();
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        if picture.at.is_none_or(|at| at < since) {
            return Known::Nothing;
        }
        if let Some(state) = picture.jobs.get(job) {
            return Known::State(*state);
        }
        // Where accounting tells, its word is waited for.
        match picture.past.get(job).copied() {
            Some(state) => Known::State(state),
            None if picture.has_no_accounting => Known::Gone,
            None if picture.missed.iter().any(|missed| missed == job) => {
                let is_long = |since: &Instant| since.elapsed() >= AWAY;
                let is_told =
                    picture.past_at.is_some_and(|at| at > since) && picture.late.get(job).is_none_or(is_long);
                let is_away = picture.accounting_away.as_ref().is_some_and(is_long);
                if is_told || is_away { Known::Gone } else { Known::Nothing }
            }
            None => {
                picture.missed.push(job.to_owned());
                Known::Nothing
            }
        }
    }

    /// Ends a job: asks its script, and kills it when its time is over.
    pub fn cancel(&self, job: &str) {
        let unwanted = Unwanted { since: Instant::now(), is_asked: false, killed: None };
        self.unwanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(job.to_owned())
            .or_insert(unwanted);
    }

    /// Looks at the queue, unless somebody has just done so or is at it.
    fn look(&self) {
        let Ok(_asking) = self.asking.try_lock() else { return };
        let is_urgent = {
            let unwanted = self.unwanted.lock().unwrap_or_else(PoisonError::into_inner);
            !unwanted.is_empty()
        };
        let pause = if is_urgent { SOON } else { INTERVAL };
        let missed = {
            let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
            if picture.asked.is_some_and(|asked| asked.elapsed() < pause) {
                return;
            }
            picture.asked = Some(Instant::now());
            let is_due = picture.past_at.is_none_or(|at| at.elapsed() >= PAST);
            if is_due && !picture.has_no_accounting { picture.missed.clone() } else { Vec::new() }
        };
        let asked = Instant::now();
        let answer = ask("squeue", &squeue_words());
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) =
            answer.as_ref().err().map(ToString::to_string);
        if let Ok(text) = answer {
            picture.jobs = states::squeue(&text);
            picture.at = Some(asked);
        }
        drop(picture);
        if !missed.is_empty() {
            self.look_back(&missed);
        }
        self.end_unwanted();
    }

    /// Asks accounting for jobs that are in no queue any more.
    fn look_back(&self, missed: &[String]) {
        let mut found = HashMap::new();
        let mut has_failed = None;
        for ids in missed.chunks(AT_ONCE) {
            let words = ["-n", "-P", "-X", "-o", "JobID,State", "-j", &ids.join(",")].map(str::to_owned);
            match ask("sacct", &words) {
                Ok(text) => found.extend(states::sacct(&text)),
                Err(error) => has_failed = Some(error),
            }
        }
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        let is_away = has_failed.as_ref().filter(|error| error.is_transient());
        *self.complaint_of_accounting.lock().unwrap_or_else(PoisonError::into_inner) =
            is_away.map(ToString::to_string);
        match has_failed {
            Some(SlurmError::Refused { .. } | SlurmError::Missing { .. }) => picture.has_no_accounting = true,
            // It is asked again.
            Some(SlurmError::Away(_) | SlurmError::Limit(_)) => {
                picture.accounting_away.get_or_insert_with(Instant::now);
                picture.past_at = None;
                return;
            }
            None => picture.accounting_away = None,
        }
        let QueueView { past, missed, past_at, late, .. } = &mut *picture;
        for (job, state) in found {
            if state.is_active() {
                late.entry(job).or_insert_with(Instant::now);
            } else {
                past.insert(job, state);
            }
        }
        missed.retain(|job| !past.contains_key(job));
        *past_at = Some(Instant::now());
    }

    fn end_unwanted(&self) {
        let (at, jobs) = {
            let picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
            (picture.at, picture.jobs.clone())
        };
        let (mut asked, mut killed) = (Vec::new(), Vec::new());
        {
            let mut unwanted = self.unwanted.lock().unwrap_or_else(PoisonError::into_inner);
            unwanted.retain(|job, it| {
                let is_seen = at.is_some_and(|at| at > it.since);
                jobs.get(job).map_or(!is_seen, |state| state.is_active())
            });
            for (job, it) in unwanted.iter_mut() {
                let waits = jobs.get(job) == Some(&JobState::Pending);
                let is_late = it.since.elapsed() > self.grace.saturating_add(BEHIND);
                let is_due = it.killed.is_none_or(|at| at.elapsed() >= PAST);
                if (waits || (is_late && it.is_asked)) && is_due {
                    it.killed = Some(Instant::now());
                    killed.push(job.clone());
                } else if !it.is_asked {
                    it.is_asked = true;
                    asked.push(job.clone());
                }
            }
        }
        for (words, jobs) in [(&["--signal=TERM", "--batch"][..], asked), (&[], killed)] {
            for ids in jobs.chunks(AT_ONCE) {
                let words: Vec<String> =
                    words.iter().map(|word| (*word).to_owned()).chain(ids.iter().cloned()).collect();
                // What has ended meanwhile needs none, and what goes on is killed in its time.
                if let Err(error) = ask("scancel", &words) {
                    tracing::debug!(%error, "scancel");
                }
            }
        }
    }
}

/// The jobs of this user that have not ended, by a look of just now.
///
/// # Errors
/// Slurm's.
pub fn active() -> Result<Vec<String>, SlurmError> {
    let jobs = jobs_of_user()?;
    Ok(jobs.into_iter().filter(|(_, state)| state.is_active()).map(|(job, _)| job).collect())
}

/// How it stands with the jobs of this user, by a look of just now.
///
/// # Errors
/// Slurm's.
pub fn jobs_of_user() -> Result<HashMap<String, JobState>, SlurmError> {
    ask("squeue", &squeue_words()).map(|text| states::squeue(&text))
}

fn squeue_words() -> Vec<String> {
    #[cfg(unix)]
    let user = rustix::process::getuid().as_raw().to_string();
    #[cfg(not(unix))]
    let user = std::env::var("USERNAME").unwrap_or_default();
    ["-h", "-r", "-t", "all", "-u", &user, "-o", SQUEUE].map(str::to_owned).to_vec()
}
