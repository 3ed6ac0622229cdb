//! What was submitted: written down before, with a name that nothing else has, so that nothing is submitted twice when an answer
//! is lost.

use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::script::Batch;
use crate::disk;
use crate::sweep::engine::journal::SweepFolder;

const FILE: &str = "jobs.jsonl";
/// Bytes of all lines: of some 100,000 jobs.
const MOST: u64 = 64 << 20;

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SubmitReply {
    /// The id of the job.
    Job(String),
    /// Slurm never had it.
    Void,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LedgerLine {
    Intent { name: String, first: usize, count: usize, attempt: u32 },
    Answered { name: String, answer: SubmitReply },
    Dropped { first: usize, count: usize, attempt: u32 },
    Held { is_held: bool },
}

/// Trials that were submitted together, or were to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The name of the job.
    pub name: String,
    /// Its trials.
    pub batch: Batch,
    /// Its id; none where Slurm's answer is not known.
    pub job: Option<String>,
}

impl Submitted {
    /// The id of a trial's job, as Slurm's commands take it.
    pub fn job_of(&self, trial: usize) -> Option<String> {
        let job = self.job.as_ref()?;
        let at = trial.checked_sub(self.batch.first)?;
        Some(if self.batch.is_array() { format!("{job}_{at}") } else { job.clone() })
    }
}

/// All that a sweep submitted.
#[derive(Debug)]
pub struct Ledger {
    folder: SweepFolder,
    /// In the order in which it was.
    entries: Vec<Submitted>,
    /// Trials whose jobs the sweep called off itself, with the names of those jobs.
    dropped: Vec<(String, Batch)>,
    is_held: bool,
}

impl Ledger {
    /// Of the sweep of that folder.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(folder: &SweepFolder) -> io::Result<Self> {
        let mut ledger =
            Self { folder: folder.clone(), entries: Vec::new(), dropped: Vec::new(), is_held: false };
        let content = match disk::read(&folder.path.join(FILE), MOST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ledger),
            content => content?,
        };
        // A line that a crash cut off was followed by nothing: what is behind it begins a new one.
        for line in content.split(|byte| *byte == b'\n') {
            if let Ok(line) = serde_json::from_slice::<LedgerLine>(line) {
                ledger.learn(line);
            }
        }
        Ok(ledger)
    }

    fn learn(&mut self, line: LedgerLine) {
        match line {
            LedgerLine::Intent { name, first, count, attempt } => {
                self.entries.push(Submitted { name, batch: Batch { first, count, attempt }, job: None });
            }
            LedgerLine::Answered { name, answer: SubmitReply::Job(job) } => {
                for entry in self.entries.iter_mut().filter(|entry| entry.name == name) {
                    entry.job = Some(job.clone());
                }
            }
            LedgerLine::Dropped { first, count, attempt } => {
                // What is submitted behind it is another job, also where its number is the same.
                let batch = Batch { first, count, attempt };
                let is_of = |entry: &&Submitted| {
                    entry.batch.attempt == attempt
                        && (first..first + count).any(|trial| entry.batch.has(trial))
                };
                let named = self.entries.iter().filter(is_of).map(|entry| (entry.name.clone(), batch));
                self.dropped.extend(named);
            }
            LedgerLine::Held { is_held } => self.is_held = is_held,
            LedgerLine::Answered { name, answer: SubmitReply::Void } => {
                self.entries.retain(|entry| entry.name != name);
            }
        }
    }

    fn write(&mut self, line: LedgerLine) -> io::Result<()> {
        // What another process submits by now, this one does not know.
        self.folder.check_held()?;
        let mut text = serde_json::to_vec(&line).map_err(io::Error::other)?;
        text.insert(0, b'\n');
        text.push(b'\n');
        let mut file = disk::open_to_append(&self.folder.path.join(FILE))?;
        file.write_all(&text)?;
        file.sync_data()?;
        self.learn(line);
        Ok(())
    }

    /// Notes what is going to be submitted.
    ///
    /// # Errors
    /// Where it cannot be written: nothing is submitted then.
    pub fn intend(&mut self, name: &str, batch: Batch) -> io::Result<()> {
        let Batch { first, count, attempt } = batch;
        self.write(LedgerLine::Intent { name: name.to_owned(), first, count, attempt })
    }

    /// Notes the id of a job; none of one that Slurm never had.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn answer(&mut self, name: &str, job: Option<&str>) -> io::Result<()> {
        let answer = job.map_or(SubmitReply::Void, |job| SubmitReply::Job(job.to_owned()));
        self.write(LedgerLine::Answered { name: name.to_owned(), answer })
    }

    /// Notes that the sweep calls jobs of these trials off: how they end is nothing that the trials came to.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn give_up(&mut self, batch: Batch) -> io::Result<()> {
        let Batch { first, count, attempt } = batch;
        self.write(LedgerLine::Dropped { first, count, attempt })
    }

    /// Notes that the sweep holds its jobs back, or does not any more. Where it does already nothing is to be noted.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn hold(&mut self, is_held: bool) -> io::Result<()> {
        if is_held == self.is_held { Ok(()) } else { self.write(LedgerLine::Held { is_held }) }
    }

    /// Whether the sweep holds its jobs back.
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether an attempt at a trial can be submitted with others: neither it nor a later one ever was, and nothing that goes on.
    pub fn has_room_for(&self, trial: usize, attempt: u32) -> bool {
        let mut known = self.entries.iter().filter(|entry| entry.batch.has(trial));
        self.of(trial).is_none() && known.all(|entry| entry.batch.attempt < attempt)
    }

    /// Whether a trial was ever submitted, or was to be.
    pub fn has(&self, trial: usize) -> bool {
        self.entries.iter().any(|entry| entry.batch.has(trial))
    }

    /// The last submission of a trial, if the sweep did not call that off.
    pub fn of(&self, trial: usize) -> Option<&Submitted> {
        let last = self.entries.iter().rev().find(|entry| entry.batch.has(trial));
        let is_dropped = |entry: &Submitted| {
            self.dropped.iter().any(|(name, batch)| *name == entry.name && batch.has(trial))
        };
        last.filter(|entry| !is_dropped(entry))
    }

    /// All of them.
    pub fn entries(&self) -> &[Submitted] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_intended_and_answered_is_known_to_the_next_process() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() };
        let _held = folder.take().unwrap();
        let mut ledger = Ledger::open(&folder).unwrap();
        let array = Batch { first: 4, count: 3, attempt: 1 };
        ledger.intend("a", array).unwrap();
        ledger.intend("b", Batch { first: 5, count: 1, attempt: 2 }).unwrap();
        ledger.intend("c", Batch { first: 9, count: 1, attempt: 1 }).unwrap();
        ledger.answer("a", Some("12")).unwrap();
        ledger.answer("c", None).unwrap();
        // A crash cuts a line off.
        let mut file = disk::open_to_append(&here.path().join(FILE)).unwrap();
        file.write_all(b"\n{\"intent\":{\"na").unwrap();
        ledger.intend("d", Batch { first: 20, count: 1, attempt: 1 }).unwrap();
        let read = Ledger::open(&folder).unwrap();
        assert_eq!(read.entries(), ledger.entries());
        assert_eq!(read.entries().len(), 3);
        assert_eq!(read.of(6).unwrap().job_of(6).as_deref(), Some("12_2"));
        let again = read.of(5).unwrap();
        assert_eq!((again.name.as_str(), again.job_of(5)), ("b", None), "its answer is not known");
        assert_eq!((read.of(9), read.of(7), read.of(3)), (None, None, None));
        assert_eq!(read.of(20).unwrap().batch.attempt, 1);
        ledger.give_up(Batch { first: 6, count: 1, attempt: 1 }).unwrap();
        ledger.give_up(Batch { first: 4, count: 1, attempt: 2 }).unwrap();
        let read = Ledger::open(&folder).unwrap();
        assert!(read.has(6) && !read.has(9));
        assert_eq!((read.of(6), read.of(4).map(|entry| entry.name.as_str())), (None, Some("a")));
        let mut read = read;
        let room = |trial, attempt| read.has_room_for(trial, attempt);
        assert!(room(6, 2) && !room(6, 1) && !room(4, 2) && room(9, 1) && !room(20, 2));
        assert!(!read.is_held());
        read.hold(true).unwrap();
        assert!(Ledger::open(&folder).unwrap().is_held());
        read.intend("e", Batch { first: 6, count: 1, attempt: 1 }).unwrap();
        assert_eq!(read.of(6).map(|entry| entry.name.as_str()), Some("e"), "it is submitted anew");
        // Whoever was taken over writes nothing down, and so submits nothing.
        std::fs::write(folder.lock(), r#"{"host":"node7","token":"b"}"#).unwrap();
        let error = read.intend("f", Batch { first: 40, count: 1, attempt: 1 }).unwrap_err();
        assert!(crate::sweep::engine::journal::TakenOver::is(&error) && !read.has(40), "{error}");
    }
}
