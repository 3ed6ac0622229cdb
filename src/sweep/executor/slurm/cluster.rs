//! The jobs of a sweep: what all that is done with them goes by.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::client::{Surroundings, ask};
use super::ledger::Ledger;
use super::room::Room;
use super::states::setting;
use super::watching::Watching;
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::executor_plan::SlurmOptions;
use crate::text;

/// Trials of an array, at most, and where Slurm does not say how many it takes.
const MOST_IN_ARRAY: usize = 1_000;
/// The first pause before Slurm is asked again, and the longest.
pub(super) const BREATH: Duration = Duration::from_secs(2);
pub(super) const LONGEST: Duration = Duration::from_secs(60);
/// Between looks whether anybody still waits.
const LOOK: Duration = Duration::from_millis(200);

/// Tells people what happens with Slurm.
pub type Teller = dyn Fn(&str) + Send + Sync;

/// What is said about Slurm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Whether it takes jobs.
    Submitting,
    /// Whether it tells of them.
    Watching,
    /// Whether accounting tells of those that the queue has forgotten.
    Accounting,
    /// Whether what is asked of the sweep reaches them.
    Steering,
    /// Whether any wait for what does not come by itself.
    Stuck,
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
    pub(super) setup: ClusterSetup,
    pub(super) program: PathBuf,
    /// How many run at once by now.
    jobs: AtomicUsize,
    /// Whether an earlier process submitted any.
    pub(super) is_resumed: bool,
    ledger: Mutex<Ledger>,
    /// Held while something is submitted, which may take long where Slurm takes no more.
    submitting: Mutex<()>,
    /// Whether it takes any.
    pub(super) room: Room,
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
        let ledger = Ledger::open(folder)?;
        Ok(Self {
            jobs: setup.jobs.into(),
            is_resumed: !ledger.entries().is_empty(),
            ledger: Mutex::new(ledger),
            submitting: Mutex::default(),
            room: Room::new(),
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
            (Some(words), Topic::Submitting | Topic::Watching) => {
                self.tell(&format!("{words}; waiting, jobs go on"));
            }
            (Some(words), Topic::Accounting) => self
                .tell(&format!("{words}; jobs that the queue has forgotten are judged by what they wrote")),
            (Some(words), Topic::Steering) => {
                self.tell(&format!(
                    "what is asked of the sweep does not reach its jobs: {words}; trying again"
                ));
            }
            (Some(words), Topic::Stuck) => self.tell(words),
            (None, Topic::Submitting) => self.tell("Slurm takes jobs again"),
            (None, Topic::Watching) => self.tell("Slurm answers again"),
            (None, Topic::Accounting) => self.tell("accounting answers again"),
            (None, Topic::Steering) => self.tell("what is asked of the sweep reaches its jobs again"),
            (None, Topic::Stuck) => self.tell("no job of the sweep is held back any more"),
        }
        said.remove(&topic);
        said.extend(words.map(|words| (topic, words.to_owned())));
    }

    /// Says which jobs of the sweep wait for what does not come by itself: it would be waited for them for ever.
    pub(super) fn say_what_is_stuck(&self) {
        let mut stuck = self.watching.stuck();
        if !stuck.is_empty() {
            let ledger = self.ledger();
            // A pause holds all back that waits: that is no news, nor is its end.
            if ledger.is_held() {
                return;
            }
            let own: HashSet<&str> =
                ledger.entries().iter().filter_map(|entry| entry.job.as_deref()).collect();
            stuck.retain(|(job, _)| job.split('_').next().is_some_and(|array| own.contains(array)));
        }
        let words = stuck.first().map(|(job, why)| {
            let others = stuck.iter().filter(|(_, other)| other == why).count() - 1;
            let more = if others > 0 { format!(" and {others} more") } else { String::new() };
            format!(
                "Slurm does not begin job {job}{more} ({}): scontrol show job {job} tells more; scontrol release \
                 {job}, by whoever holds it, lets one go on that is held, and scancel ends it",
                text::clean(why)
            )
        });
        self.say(Topic::Stuck, words.as_deref());
    }

    /// Tells people.
    pub(super) fn tell(&self, words: &str) {
        (self.tell)(words);
    }

    /// How many trials run at once.
    pub(super) fn jobs(&self) -> usize {
        self.jobs.load(Ordering::Relaxed)
    }

    pub(super) fn set_jobs(&self, jobs: usize) {
        self.jobs.store(jobs, Ordering::Relaxed);
    }

    /// Waits for that long; false where nobody waits any more.
    pub(super) fn wait(pause: Duration, is_called_off: &dyn Fn() -> bool) -> bool {
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
        if let Some(most) = self.most_in_array.get() {
            return *most;
        }
        // Of a Slurm that is away it is asked again.
        let Ok(config) = ask("scontrol", &["show".to_owned(), "config".to_owned()]) else { return 1 };
        // Numbers within an array are less than that.
        let most = setting(&config, "MaxArraySize").map_or(1, |most| most.clamp(1, MOST_IN_ARRAY));
        *self.most_in_array.get_or_init(|| most)
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
