//! Steps that were begun and not finished, in a file of the state directory: one for each store.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{Record, Undone};
use crate::disk::{self, Care};
use crate::mlflow::ExperimentId;
use crate::state::worker::Worker;
use crate::state::{file_of, load, load_to_change, save};
use crate::store::now_ms;

/// Milliseconds that a step on another machine, whose processes cannot be seen, is left alone.
const ELSEWHERE: u64 = 600_000;
/// How often a lock is tried, 10 ms apart: whoever holds it writes one file.
const TRIES: usize = 500;

/// A step under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Mark(Box<Record>),
    Undo { undone: Undone, record: Box<Record> },
}

impl Step {
    pub fn id(&self) -> &str {
        match self {
            Self::Mark(record) => &record.id,
            Self::Undo { undone, .. } => &undone.id,
        }
    }

    /// When it was begun, in milliseconds since the epoch.
    fn at(&self) -> i64 {
        match self {
            Self::Mark(record) => record.at,
            Self::Undo { undone, .. } => undone.at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub experiment: ExperimentId,
    pub step: Step,
    /// Who is at it.
    #[serde(flatten)]
    pub worker: Worker,
}

impl Open {
    fn is_under_way(&self, now: i64) -> bool {
        if self.worker.has_other_name() {
            now.abs_diff(self.step.at()) < ELSEWHERE
        } else {
            self.worker.is_alive()
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    store: String,
    open: Vec<Open>,
}

#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
    store: String,
}

impl Journal {
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self { path: file_of(state_folder, "journal", store), store: store.to_owned() }
    }

    /// Changes the file; other processes wait for their turn.
    fn change(&self, change: impl FnOnce(&mut Vec<Open>)) -> io::Result<()> {
        disk::make_folder_of(&self.path, Care::Private)?;
        let _lock = locked(&self.path.with_extension("lock"))?;
        let mut file: File = load_to_change(&self.path)?;
        file.store.clone_from(&self.store);
        change(&mut file.open);
        save(&self.path, &file)
    }

    /// Notes a step, or how far it has come.
    pub fn note(&self, experiment: &ExperimentId, step: &Step) -> io::Result<()> {
        let open = Open { experiment: experiment.clone(), step: step.clone(), worker: Worker::this() };
        self.change(|all| match all.iter_mut().find(|known| known.step.id() == step.id()) {
            Some(known) => *known = open,
            None => all.push(open),
        })
    }

    pub fn end(&self, id: &str) -> io::Result<()> {
        self.change(|all| all.retain(|known| known.step.id() != id))
    }

    /// Sets a journal that is damaged aside, and begins another; what was wrong with it.
    pub fn mend(&self) -> io::Result<Option<io::Error>> {
        match load::<File>(&self.path) {
            Err(error) if disk::is_damage(&error) => self.change(|_| ()).map(|()| Some(error)),
            read => read.map(|_| None),
        }
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
        load::<File>(&self.path).is_ok_and(|file| file.unwrap_or_default().open.iter().any(is))
    }

    /// The steps that broke off: those of processes that are still there are under way.
    pub fn broken_off(&self) -> io::Result<Vec<Open>> {
        let file: File = load(&self.path)?.unwrap_or_default();
        let now = now_ms();
        Ok(file.open.into_iter().filter(|open| !open.is_under_way(now)).collect())
    }
}

fn locked(path: &Path) -> io::Result<std::fs::File> {
    let lock = disk::open_to_write(path)?;
    for _ in 0..TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("another process does not let go of {}", path.display()),
    ))
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
    fn a_step_is_under_way_while_its_process_is_there_or_may_be() {
        let now = now_ms();
        let under_way = |worker: &Worker, age| open(worker.clone(), age).is_under_way(now);
        let this = Worker::this();
        assert!(!under_way(&this, 0), "nobody else is at it");
        let gone = Worker { process: u32::MAX, ..this.clone() };
        assert!(!under_way(&gone, 0));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // Another program has the number; one of this name would be at it.
        assert!(!under_way(&Worker { process: child.id(), ..this.clone() }, 0));
        child.kill().unwrap();
        child.wait().unwrap();
        // The processes of another machine cannot be seen: a mark takes seconds, and is left alone for minutes.
        let other = Worker { host: "another-machine".into(), ..gone };
        assert!(under_way(&other, 0) && under_way(&other, -1_000) && !under_way(&other, 3_600_000));
    }

    #[test]
    fn a_journal_of_an_older_version_is_read_and_a_damaged_one_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path(), "s");
        let mut older =
            serde_json::to_value(open(Worker { process: u32::MAX, ..Worker::default() }, 0)).unwrap();
        let fields = older.as_object_mut().unwrap();
        assert!(fields.remove("host").is_some() && fields.remove("boot").is_some());
        let text = serde_json::json!({ "store": "s", "open": [older] }).to_string();
        std::fs::create_dir(folder.path().join("journal")).unwrap();
        std::fs::write(&journal.path, text).unwrap();
        assert_eq!(journal.broken_off().unwrap().len(), 1);
        std::fs::write(&journal.path, "{\"open\": [\0").unwrap();
        let error = journal.broken_off().unwrap_err().to_string();
        assert!(error.contains(journal.path.to_str().unwrap()), "{error}");
        journal.end("1-a").unwrap();
        assert_eq!(journal.broken_off().unwrap(), []);
        let aside = format!("{}.damaged", journal.path.display());
        assert!(Path::new(&aside).exists());
        assert!(journal.mend().unwrap().is_none(), "it is whole");
        std::fs::write(&journal.path, "{").unwrap();
        let error = journal.mend().unwrap().unwrap().to_string();
        assert!(error.contains(journal.path.to_str().unwrap()), "{error}");
        assert_eq!(
            (journal.broken_off().unwrap(), std::fs::read(format!("{aside}-2")).unwrap()),
            (vec![], b"{".to_vec())
        );
    }
}
