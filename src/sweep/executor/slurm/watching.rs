//! How it stands with the jobs of a sweep: one look at Slurm's queue for all of them, every few seconds, by whoever asks first.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::{AT_ONCE, SlurmError, ask};
use super::states::{self, JobState, SQUEUE};

/// Between looks at the queue.
const INTERVAL: Duration = Duration::from_secs(3);
/// The same where something was called off, or is looked for in vain.
const SOON: Duration = Duration::from_millis(500);
/// Between questions for jobs that the queue does not know any more.
const PAST: Duration = Duration::from_secs(10);
/// How long a job that was asked to end may take behind the grace.
const BEHIND: Duration = Duration::from_secs(2);
/// How often it has to say that it does not know one.
const ANSWERS: u32 = 2;
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
    /// The same of a task of an array, others of which it knows: it was called off, if it never began. Of one that began it is sure
    /// or not.
    Dropped {
        /// Whether it is as sure as of other jobs.
        is_sure: bool,
    },
}

/// What accounting answered of a job that it does not tell of, or says of that it goes on.
#[derive(Debug, Clone, Copy, Default)]
struct Answers {
    count: u32,
    /// When it was asked last.
    last: Option<Instant>,
}

#[derive(Debug, Clone, Default)]
struct QueueView {
    /// When the question was asked that was answered last, and that was asked last.
    at: Option<Instant>,
    asked: Option<Instant>,
    jobs: HashMap<String, JobState>,
    /// Those that wait for what does not come by itself, and why: by the last answer, and by the last two.
    stuck_now: Vec<(String, String)>,
    stuck: Vec<(String, String)>,
    /// Of jobs that are in no queue any more, where accounting tells.
    past: HashMap<String, JobState>,
    /// When accounting was asked last.
    past_asked: Option<Instant>,
    has_no_accounting: bool,
    /// Since when accounting does not answer.
    accounting_away: Option<Instant>,
    /// Since when accounting says of jobs that they go on, which are in no queue any more: it may be late, or never learn.
    late: HashMap<String, Instant>,
    /// Arrays that accounting knows.
    arrays: HashSet<String>,
    /// Jobs that somebody looked for in vain.
    missed: HashMap<String, Answers>,
}

impl QueueView {
    fn state(&mut self, job: &str, since: Instant) -> Known {
        if self.at.is_none_or(|at| at < since) {
            return Known::Nothing;
        }
        if let Some(state) = self.jobs.get(job).or_else(|| self.past.get(job)) {
            return Known::State(*state);
        }
        if self.has_no_accounting {
            return self.gone(job, true);
        }
        // Its word is waited for, of each job.
        let Some(answers) = self.missed.get(job) else {
            self.missed.insert(job.to_owned(), Answers::default());
            return Known::Nothing;
        };
        let is_long = |since: &Instant| since.elapsed() >= AWAY;
        let is_told = answers.last.is_some_and(|at| at > since) && self.late.get(job).is_none_or(is_long);
        let is_away = self.accounting_away.as_ref().is_some_and(is_long);
        // It learns of what happens some seconds later.
        if is_told || is_away { self.gone(job, is_away || answers.count >= ANSWERS) } else { Known::Nothing }
    }

    /// The jobs that accounting is to be asked for by now.
    fn to_look_back(&self) -> Vec<String> {
        let is_new = self.missed.values().any(|answers| answers.count == 0);
        let pause = if is_new { INTERVAL } else { PAST };
        if self.has_no_accounting || self.past_asked.is_some_and(|at| at.elapsed() < pause) {
            return Vec::new();
        }
        self.missed.keys().cloned().collect()
    }

    /// Takes in what accounting says, which was asked for those jobs then.
    fn learn(&mut self, asked: &[String], at: Instant, told: &HashMap<String, JobState>) {
        self.arrays.extend(told.keys().filter_map(|job| Some(job.split_once('_')?.0.to_owned())));
        for job in asked {
            match told.get(job) {
                Some(state) if !state.is_active() => {
                    self.past.insert(job.clone(), *state);
                    self.missed.remove(job);
                }
                known => {
                    if known.is_some() {
                        self.late.entry(job.clone()).or_insert(at);
                    }
                    let answers = self.missed.entry(job.clone()).or_default();
                    *answers = Answers { count: answers.count + 1, last: Some(at) };
                }
            }
        }
    }

    /// That Slurm does not know a job any more.
    fn gone(&self, job: &str, is_sure: bool) -> Known {
        let gone = if is_sure { Known::Gone } else { Known::Nothing };
        let Some((array, _)) = job.split_once('_') else { return gone };
        let is_of = |id: &String| id.split_once('_').is_some_and(|(other, _)| other == array);
        let is_known = self.arrays.contains(array) || self.jobs.keys().any(is_of);
        if is_known { Known::Dropped { is_sure } } else { gone }
    }
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

    /// The jobs of this user that wait for what does not come by itself, and why.
    pub fn stuck(&self) -> Vec<(String, String)> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner).stuck.clone()
    }

    /// What was held back is not any more.
    pub fn have_released(&self) {
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        picture.stuck_now.clear();
        picture.stuck.clear();
    }

    /// How it stands with a job that Slurm has had since then.
    pub fn state(&self, job: &str, since: Instant) -> Known {
        self.look();
        self.picture.lock().unwrap_or_else(PoisonError::into_inner).state(job, since)
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
        let missed = {
            let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
            let missed = picture.to_look_back();
            let pause = if is_urgent || !missed.is_empty() { SOON } else { INTERVAL };
            if picture.asked.is_some_and(|asked| asked.elapsed() < pause) {
                return;
            }
            picture.asked = Some(Instant::now());
            missed
        };
        let asked = Instant::now();
        let answer = ask("squeue", &squeue_words());
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) =
            answer.as_ref().err().map(ToString::to_string);
        if let Ok(text) = answer {
            picture.jobs = states::squeue(&text);
            let before = std::mem::replace(&mut picture.stuck_now, states::stuck(&text));
            picture.stuck = picture.stuck_now.iter().filter(|job| before.contains(job)).cloned().collect();
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
        let (mut found, asked) = (HashMap::new(), Instant::now());
        let mut has_failed = None;
        // Of tasks that never began it tells by their array alone.
        let ids: BTreeSet<&str> = missed.iter().filter_map(|job| job.split('_').next()).collect();
        for ids in ids.into_iter().collect::<Vec<_>>().chunks(AT_ONCE) {
            let words = ["-n", "-P", "-X", "-o", "JobID,State", "-j", &ids.join(",")].map(str::to_owned);
            match ask("sacct", &words) {
                Ok(text) => found.extend(states::sacct(&text)),
                Err(error) => has_failed = Some(error),
            }
        }
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        picture.past_asked = Some(asked);
        let is_away = has_failed.as_ref().filter(|error| error.is_transient());
        *self.complaint_of_accounting.lock().unwrap_or_else(PoisonError::into_inner) =
            is_away.map(ToString::to_string);
        match has_failed {
            Some(SlurmError::Refused { .. } | SlurmError::Missing { .. }) => picture.has_no_accounting = true,
            // It is asked again.
            Some(SlurmError::Away(_) | SlurmError::Limit(_)) => {
                picture.accounting_away.get_or_insert(asked);
            }
            None => {
                picture.accounting_away = None;
                picture.learn(missed, asked, &found);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_gone_when_accounting_was_asked_for_it_and_does_not_know_it() {
        let since = Instant::now();
        let after = || Instant::now() + Duration::from_millis(1);
        let mut view = QueueView { at: Some(after()), ..QueueView::default() };
        let ids = |jobs: &[&str]| -> Vec<String> { jobs.iter().map(|job| (*job).to_owned()).collect() };
        assert_eq!(view.state("7", since), Known::Nothing);
        assert_eq!(view.to_look_back(), ids(&["7"]));
        // Another is missed while accounting is being asked for the first.
        assert_eq!(view.state("8", since), Known::Nothing);
        view.learn(&ids(&["7"]), after(), &states::sacct("7|FAILED\n"));
        assert_eq!(
            (view.state("7", since), view.state("8", since)),
            (Known::State(JobState::Failed), Known::Nothing)
        );
        assert_eq!(view.to_look_back(), ids(&["8"]));
        view.learn(&ids(&["8"]), after(), &HashMap::new());
        assert_eq!(view.state("8", since), Known::Nothing, "it may not have heard of it yet");
        view.learn(&ids(&["8"]), after(), &HashMap::new());
        assert_eq!(view.state("8", since), Known::Gone);
        // That it goes on is told late, or never ends.
        assert_eq!(view.state("9", since), Known::Nothing);
        view.learn(&ids(&["9"]), after(), &states::sacct("9|RUNNING\n"));
        assert_eq!(view.state("9", since), Known::Nothing);
        view.past_asked = Some(Instant::now());
        assert!(view.to_look_back().is_empty(), "it was asked just now");
    }

    #[test]
    fn what_is_gone_of_an_array_that_slurm_knows_was_dropped_from_it() {
        let since = Instant::now();
        let mut view = QueueView { at: Some(since), has_no_accounting: true, ..QueueView::default() };
        assert_eq!((view.state("12_3", since), view.state("12", since)), (Known::Gone, Known::Gone));
        view.jobs = states::squeue("12_1|RUNNING\n");
        assert_eq!(
            (view.state("12_3", since), view.state("1_3", since)),
            (Known::Dropped { is_sure: true }, Known::Gone)
        );
        // By accounting: as tasks that were called off before they began stand there.
        view = QueueView { at: Some(since), ..QueueView::default() };
        let missed = ["12_3", "12_4", "12_5"].map(str::to_owned);
        assert!(missed.iter().all(|job| view.state(job, since) == Known::Nothing));
        let told = states::sacct("12_0|COMPLETED\n12_[4,7-9%2]|CANCELLED by 0\n12_[5]|PENDING\n");
        view.learn(&missed, since + Duration::from_millis(1), &told);
        let state = |job: &str| view.clone().state(job, since);
        assert_eq!(
            (state("12_3"), state("12_4"), state("12_5")),
            (Known::Dropped { is_sure: false }, Known::State(JobState::Cancelled), Known::Nothing)
        );
    }
}
