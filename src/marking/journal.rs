//! Steps that were begun and not finished, in a file of the state directory: one for each store.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::{Record, Undone};
use crate::disk::{self, Care};
use crate::mlflow::ExperimentId;
use crate::promotion::Promotion;
use crate::state::document::{Document, stable_hash};
use crate::state::lock::{LockedFile, is_locked, lock};
use crate::state::worker::Worker;
use crate::store::now_ms;

/// Milliseconds that a step is left alone where it cannot be seen whether somebody is at it: on another machine.
const UNSEEN: u64 = 600_000;
/// How often the lock of a step is tried again: others only look at it for a moment.
const TRIES: usize = 20;

/// A step under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A run is marked: the mark, as far as it has come.
    Mark(Box<Record>),
    /// A mark is taken back.
    Undo {
        /// The undoing.
        undone: Undone,
        /// The mark that is taken back.
        record: Box<Record>,
    },
    /// A version is promoted: as far as it has come.
    Promote(Box<Promotion>),
    /// A promotion is taken back.
    Demote {
        /// Of this step.
        id: String,
        /// The promotion that is taken back.
        promotion: Box<Promotion>,
        /// The user who takes it back.
        by: String,
        /// Milliseconds since the epoch.
        at: i64,
    },
}

impl Step {
    /// Of the mark, or of the undoing: no other step has it.
    pub fn id(&self) -> &str {
        match self {
            Self::Mark(record) => &record.id,
            Self::Undo { undone, .. } => &undone.id,
            Self::Promote(promotion) => &promotion.id,
            Self::Demote { id, .. } => id,
        }
    }

    /// When it was begun, in milliseconds since the epoch.
    fn at(&self) -> i64 {
        match self {
            Self::Mark(record) => record.at,
            Self::Undo { undone, .. } => undone.at,
            Self::Promote(promotion) => promotion.at,
            Self::Demote { at, .. } => *at,
        }
    }
}

/// A step that was begun, and is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Where it is done; empty for promotions.
    pub experiment: ExperimentId,
    /// As far as it had come when that was noted.
    pub step: Step,
    /// Who was at it last.
    #[serde(flatten)]
    pub worker: Worker,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Steps {
    open: Vec<Open>,
}

/// The journal of a store.
#[derive(Debug, Clone)]
pub struct Journal(Document<Steps>);

/// That somebody is at a step, as long as it lives.
#[derive(Debug)]
pub struct MarkGuard {
    /// None on a file system without locks.
    _lock: Option<LockedFile>,
}

impl Journal {
    /// The journal of a store, by its name. Nothing is read yet.
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self(Document::new(state_folder, "journal", store))
    }

    /// The file that whoever is at a step holds locked.
    fn lock(&self, id: &str) -> PathBuf {
        self.0.path().with_extension(format!("{:016x}.lock", stable_hash(id)))
    }

    /// Holds a step, before it is noted or while it is finished; none where another is at it.
    ///
    /// # Errors
    /// Where its lock cannot be made.
    pub fn hold(&self, id: &str) -> io::Result<Option<MarkGuard>> {
        let path = self.lock(id);
        disk::make_folder_of(&path, Care::Private)?;
        match lock(&path, TRIES) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Some(MarkGuard { _lock: None })),
            lock => Ok(lock?.map(|lock| MarkGuard { _lock: Some(lock) })),
        }
    }

    /// Notes a step, or how far it has come.
    ///
    /// # Errors
    /// Where the journal cannot be written, or another program does not let go of it.
    pub fn note(&self, experiment: &ExperimentId, step: &Step) -> io::Result<()> {
        let open = Open { experiment: experiment.clone(), step: step.clone(), worker: Worker::this() };
        self.0.change(|all| match all.open.iter_mut().find(|known| known.step.id() == step.id()) {
            Some(known) => *known = open,
            None => all.open.push(open),
        })
    }

    /// Notes that a step is over.
    ///
    /// # Errors
    /// Where the journal cannot be written, or another program does not let go of it.
    pub fn end(&self, id: &str) -> io::Result<()> {
        self.0.change(|all| all.open.retain(|known| known.step.id() != id))?;
        // Who waits for its lock looks whether the step is still there.
        match std::fs::remove_file(self.lock(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the lock of a step that is over stays");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Sets a journal that is damaged aside, and begins another; what was wrong with it.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn repair(&self) -> io::Result<Option<io::Error>> {
        self.0.repair()
    }

    /// Whether a mark was begun and is not finished. No step is begun without the journal: one that cannot be read has none.
    pub fn has_mark(&self, id: &str) -> bool {
        self.has(|open| open.step.id() == id)
    }

    /// Whether undoing a mark of the experiment was begun and is not finished.
    pub fn has_undo(&self, experiment: &ExperimentId) -> bool {
        self.has(|open| open.experiment == *experiment && matches!(open.step, Step::Undo { .. }))
    }

    fn has(&self, is: impl Fn(&Open) -> bool) -> bool {
        self.0.load().is_ok_and(|steps| steps.open.iter().any(is))
    }

    /// The steps that broke off: nobody holds them any more.
    ///
    /// # Errors
    /// Where the journal cannot be read, or is damaged.
    pub fn broken_off(&self) -> io::Result<Vec<Open>> {
        let (steps, now) = (self.0.load()?, now_ms());
        Ok(steps.open.into_iter().filter(|open| !self.is_under_way(open, now)).collect())
    }

    /// Takes a step that broke off, to finish it; none where another took it first.
    ///
    /// # Errors
    /// Where its lock cannot be made.
    pub fn take(&self, id: &str) -> io::Result<Option<MarkGuard>> {
        let held = self.hold(id)?;
        Ok(held.filter(|_| self.has_mark(id)))
    }

    fn is_under_way(&self, open: &Open, now: i64) -> bool {
        match is_locked(&self.lock(open.step.id())) {
            Ok(true) => true,
            Ok(false) if !open.worker.is_elsewhere() => false,
            _ => now.abs_diff(open.step.at()) < UNSEEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(worker: Worker, age: i64) -> Open {
        let undone =
            Undone { id: "1-a".into(), mark: "0-a".into(), by: "ana".into(), at: now_ms() - age, open: true };
        let record = Box::new(Record::default());
        Open { experiment: ExperimentId::from("1"), step: Step::Undo { undone, record }, worker }
    }

    #[test]
    fn a_step_is_under_way_while_it_is_held_or_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, other) = (Journal::new(folder.path(), "s"), Journal::new(folder.path(), "s"));
        let now = now_ms();
        let here = open(Worker::this(), 0);
        let elsewhere = Worker { host: "another-machine".into(), boot: "its own".into(), process: 1 };
        assert!(!journal.is_under_way(&here, now), "nobody is at it");
        let held = journal.hold("1-a").unwrap().unwrap();
        journal.note(&here.experiment, &here.step).unwrap();
        assert!(other.is_under_way(&here, now), "of this process too");
        assert!(other.is_under_way(&open(elsewhere.clone(), 3_600_000), now), "of another machine");
        assert_eq!(other.broken_off().unwrap(), []);
        assert!(other.take("1-a").unwrap().is_none());
        drop(held);
        assert_eq!(other.broken_off().unwrap().len(), 1);
        let taken = other.take("1-a").unwrap();
        assert!(taken.is_some() && journal.take("1-a").unwrap().is_none(), "one finishes it");
        other.end("1-a").unwrap();
        drop(taken);
        assert!(journal.take("1-a").unwrap().is_none(), "it is over");
        // Locks of another machine may not be seen: a mark takes seconds, and is left alone for minutes.
        let far = |age| other.is_under_way(&open(elsewhere.clone(), age), now);
        assert!(far(0) && far(-1_000) && !far(3_600_000));
    }

    const HOLDER: &str = "MLTUI_TEST_HOLDER";
    const NAME: &str = "marking::journal::tests::a_step_of_a_process_that_was_killed_broke_off";

    /// On every system: nothing but the lock says that the process is gone.
    #[test]
    fn a_step_of_a_process_that_was_killed_broke_off() {
        use std::io::Read as _;
        use std::process::{Command, Stdio};
        if let Some(folder) = std::env::var_os(HOLDER) {
            let journal = Journal::new(Path::new(&folder), "s");
            let _held = journal.hold("1-a").unwrap().unwrap();
            let own = open(Worker::this(), 0);
            journal.note(&own.experiment, &own.step).unwrap();
            std::fs::write(Path::new(&folder).join("is held"), "").unwrap();
            drop(std::io::stdin().read(&mut [0]));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", NAME]).env(HOLDER, folder.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        while !folder.path().join("is held").exists() {
            assert!(child.try_wait().unwrap().is_none(), "it holds the step");
            std::thread::yield_now();
        }
        let journal = Journal::new(folder.path(), "s");
        assert_eq!(journal.broken_off().unwrap(), []);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(journal.broken_off().unwrap().len(), 1);
    }

    #[test]
    fn a_journal_of_an_older_version_is_read_and_a_damaged_one_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path(), "s");
        let path = journal.0.path();
        let mut older = serde_json::to_value(open(Worker::default(), 0)).unwrap();
        let fields = older.as_object_mut().unwrap();
        assert!(fields.remove("host").is_some() && fields.remove("boot").is_some());
        let text = serde_json::json!({ "store": "s", "open": [older] }).to_string();
        std::fs::create_dir(folder.path().join("journal")).unwrap();
        std::fs::write(path, text).unwrap();
        assert_eq!(journal.broken_off().unwrap().len(), 1);
        std::fs::write(path, "{\"open\": [\0").unwrap();
        let error = journal.broken_off().unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        journal.end("1-a").unwrap();
        assert_eq!(journal.broken_off().unwrap(), []);
        let aside = format!("{}.damaged", path.display());
        assert!(Path::new(&aside).exists());
        assert!(journal.repair().unwrap().is_none(), "it is whole");
        std::fs::write(path, "{").unwrap();
        let error = journal.repair().unwrap().unwrap().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert_eq!(
            (journal.broken_off().unwrap(), std::fs::read(format!("{aside}-2")).unwrap()),
            (vec![], b"{".to_vec())
        );
    }
}
