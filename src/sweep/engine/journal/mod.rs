//! The folder of a sweep in the state directory: its plan, what has happened, how much of that the store has, and what is
//! wanted of it. A process that holds the folder's lock is at it.

mod events;
mod lines;

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::disk::{self, Care, Draft};
use crate::learn::account::Account;
use crate::mlflow::{Dataset, ExperimentId};
use crate::state::worker::Worker;
use crate::sweep::plan::{Plan, option};
use crate::text::json;

pub use events::{Event, How, Outcome, Test, What};
pub use lines::{Followed, Place};

const PLAN: &str = "plan.json";
const EVENTS: &str = "events.jsonl";
/// Bytes that no plan is longer than, with the account of a thousand columns.
const LONGEST_PLAN: u64 = 16 << 20;
/// Bytes that a file of one word is not longer than.
const SHORT: u64 = 4096;
/// Of what was said, the end.
const LOG: u64 = 4 << 20;
/// How often a lock is tried again, 10 ms apart.
const TRIES: usize = 20;

/// What a sweep was begun with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub id: String,
    /// The name of the parent run.
    pub name: String,
    pub experiment: ExperimentId,
    pub experiment_name: String,
    /// The store, as its tracking URI without credentials.
    pub store: String,
    pub user: String,
    /// Milliseconds since the epoch.
    pub created: i64,
    pub jobs: usize,
    /// The folder that it was begun in.
    pub folder: PathBuf,
    pub commit: Option<String>,
    pub dataset: Dataset,
    /// How the data were read, for people; a sweep of an older version does not say, one of a newer maybe in other words.
    #[serde(default, deserialize_with = "if_understood")]
    pub account: Option<Account>,
    /// What of the data, as they were read, decides how trials come out; a sweep of an older version does not say.
    #[serde(default)]
    pub read_as: Option<String>,
    pub plan: Plan,
}

/// What an account of another version says, as far as this one understands it.
fn if_understood<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Account>, D::Error> {
    let value = serde_json::Value::deserialize(input)?;
    Ok(serde_json::from_value(value).ok())
}

impl Header {
    /// As it is kept.
    pub fn in_json(&self) -> io::Result<Vec<u8>> {
        json::pretty(self).map_err(io::Error::other)
    }

    /// The command that does the same again.
    pub fn command(&self) -> String {
        format!("{} {}", self.plan.command(), option("experiment", &self.experiment_name))
    }

    /// The same where there is less room. Half a command would be another one, with a quote that nothing closes.
    pub fn command_in_a_tag(&self) -> String {
        let command = self.command();
        if command.chars().count() > TAG { "too long for a tag: see command.txt".into() } else { command }
    }
}

/// Characters that every MLflow takes in a tag.
const TAG: usize = 5_000;

/// What somebody wants of a sweep that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    #[default]
    Run,
    Pause,
    Cancel,
}

#[derive(Debug, Clone)]
pub struct Folder {
    pub path: PathBuf,
}

/// All sweeps of a state folder.
#[derive(Debug, Default)]
pub struct All {
    pub sweeps: Vec<(Folder, Header)>,
    /// What cannot be read, and why.
    pub unread: Vec<String>,
}

/// The right to write events.
#[derive(Debug)]
pub struct Writer {
    folder: Folder,
    events: File,
    lock: File,
}

impl Folder {
    /// Where the sweeps of this machine lie.
    pub fn root(state_folder: &Path) -> PathBuf {
        state_folder.join("sweeps")
    }

    /// Makes the folder of a sweep that nobody has begun, and has room for its plan kept free.
    pub fn create(state_folder: &Path, header: &Header) -> io::Result<(Self, Draft)> {
        let folder = Self { path: Self::root(state_folder).join(&header.id) };
        disk::make_folder(&Self::root(state_folder), Care::Private)?;
        disk::make_new_folder(&folder.path, Care::Private)?;
        let drafted = Draft::begin(&folder.path.join(PLAN), Care::Private).and_then(|mut draft| {
            draft.write(&header.in_json()?)?;
            Ok(draft)
        });
        drafted.map(|draft| (folder.clone(), draft)).inspect_err(|_| folder.remove())
    }

    /// Takes the folder of a sweep away that did not come to be.
    pub fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the folder of no sweep is left behind");
        }
    }

    /// The folders of all sweeps, the newest first, and what is wrong with those that cannot be read.
    pub fn all(state_folder: &Path) -> All {
        let root = Self::root(state_folder);
        let mut all = All::default();
        let entries = match fs::read_dir(&root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return all,
            Err(error) => {
                all.unread.push(format!("{}: {error}", root.display()));
                return all;
            }
        };
        for entry in entries.flatten() {
            let folder = Self { path: entry.path() };
            match folder.header() {
                Ok(header) => all.sweeps.push((folder, header)),
                // Of one that is beginning, or no sweep's at all.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => all.unread.push(error.to_string()),
            }
        }
        all.sweeps.sort_by(|(_, a), (_, b)| (b.created, &b.id).cmp(&(a.created, &a.id)));
        all.unread.sort();
        all
    }

    /// An error where it was taken away: nothing is made in its place, and what went on would be lost.
    pub fn check(&self) -> io::Result<()> {
        if self.path.is_dir() {
            return Ok(());
        }
        let gone = format!("{} is gone, and what happens is not kept any more", self.path.display());
        Err(io::Error::new(io::ErrorKind::NotFound, gone))
    }

    pub fn header(&self) -> io::Result<Header> {
        let path = self.path.join(PLAN);
        let header: Header = serde_json::from_slice(&disk::read(&path, LONGEST_PLAN)?)
            .map_err(|error| disk::damaged(&path, error))?;
        header.plan.check().map_err(|error| disk::damaged(&path, error))?;
        Ok(header)
    }

    /// All that happened; an error if something in between cannot be read.
    pub fn events(&self) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        self.follow(Place::default(), |event| events.push(event))?.whole()?;
        Ok(events)
    }

    /// What happened from a place in the journal on, one after the other.
    pub fn follow(&self, from: Place, take: impl FnMut(Event)) -> io::Result<Followed> {
        lines::follow(&self.path.join(EVENTS), from, take)
    }

    /// Whether it is over and the store has all of it; nothing where it has not begun.
    pub fn is_told(&self) -> io::Result<Option<bool>> {
        let (mut count, mut last) = (0, None);
        let read = self.follow(Place::default(), |event| {
            count += 1;
            last = Some(event.what);
        })?;
        read.whole()?;
        Ok(last.map(|last| matches!(last, What::Closed { .. }) && self.sent() >= count))
    }

    /// Takes the sweep; none if another process is at it.
    pub fn take(&self) -> io::Result<Option<Writer>> {
        let mut lock = disk::open_to_write(&self.lock())?;
        // Somebody may just look whether anybody is at it.
        let mut tries = 0;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if tries == TRIES => return Ok(None),
                Err(fs::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
            tries += 1;
        }
        lock.set_len(0)?;
        lock.write_all(&serde_json::to_vec(&Worker::this())?)?;
        // What a crash cut off is taken out, so that the next line is whole.
        let whole = self.follow(Place::default(), drop)?.whole()?;
        let mut events = disk::open_to_write(&self.path.join(EVENTS))?;
        events.set_len(whole.at)?;
        events.seek(SeekFrom::End(0))?;
        Ok(Some(Writer { folder: self.clone(), events, lock }))
    }

    /// The file that whoever is at the sweep holds locked, and that says who is.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Whether a process is at it, of this machine or of one whose locks can be seen. Looking writes nothing.
    pub fn is_running(&self) -> io::Result<bool> {
        match disk::open(&self.lock()) {
            Ok(lock) => Ok(matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The machine that was at it last, if that is another one whose locks may not be seen here.
    pub fn host(&self) -> Option<String> {
        let worker: Worker = serde_json::from_slice(&disk::read(&self.lock(), SHORT).ok()?).ok()?;
        worker.is_elsewhere().then_some(worker.host)
    }

    pub fn wanted(&self) -> Wanted {
        match self.word("wanted").as_deref() {
            Some("pause") => Wanted::Pause,
            Some("cancel") => Wanted::Cancel,
            _ => Wanted::Run,
        }
    }

    pub fn want(&self, wanted: Wanted) -> io::Result<()> {
        let text = match wanted {
            Wanted::Run => "run",
            Wanted::Pause => "pause",
            Wanted::Cancel => "cancel",
        };
        self.check()?;
        disk::replace(&self.path.join("wanted"), text.as_bytes(), Care::Private)
    }

    /// How many events the store has. Less than that only has things sent twice, which comes to the same.
    pub fn sent(&self) -> usize {
        self.word("sent").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub fn set_sent(&self, count: usize) -> io::Result<()> {
        self.check()?;
        disk::replace(&self.path.join("sent"), count.to_string().as_bytes(), Care::Passing)
    }

    fn word(&self, name: &str) -> Option<String> {
        let text = String::from_utf8(disk::read(&self.path.join(name), SHORT).ok()?).ok()?;
        Some(text.trim().to_owned())
    }

    /// The files of a trial that was fitted on all but the test part.
    pub fn trial(&self, number: usize) -> PathBuf {
        self.path.join("trials").join(number.to_string())
    }

    /// Takes the files of all trials away: the store has them.
    pub fn forget_trials(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.path.join("trials")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// What its process said, or the end of that.
    pub fn said(&self) -> io::Result<String> {
        match disk::read_end(&self.log(), LOG) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            text => text,
        }
    }
}

impl Writer {
    /// Adds a line, or nothing: half of one would be damage as soon as another stands behind it.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.folder.check()?;
        let mut line = serde_json::to_vec(event).map_err(io::Error::other)?;
        line.push(b'\n');
        let before = self.events.stream_position()?;
        let written = self.events.write_all(&line).and_then(|()| {
            // A result is worth a pause; what is only under way is not.
            let is_result =
                matches!(event.what, What::Ended { .. } | What::Refitted { .. } | What::Closed { .. });
            if is_result { self.events.sync_data() } else { Ok(()) }
        });
        if written.is_err() {
            // Where even this fails, the next line takes the place of the half one.
            let _ = self.events.seek(SeekFrom::Start(before));
            let _ = self.events.set_len(before);
        }
        written
    }

    /// Notes that nobody is at it any more: another machine, which does not see locks of this one, may go on.
    pub fn leave(&self) {
        if let Err(error) = self.lock.set_len(0) {
            tracing::warn!(%error, "the lock of a sweep still names this machine");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Numbers as JSON has them: what is not finite becomes nothing.
pub fn finite(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().map(|value| Some(*value).filter(|value| value.is_finite())).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;

    use super::*;

    const FULL: &str = "MLTUI_TEST_FULL_DISK";
    const NAME: &str = "sweep::engine::journal::tests::a_line_that_finds_no_room_leaves_nothing_behind";

    /// A file that may not grow is what a full disk is to those who write; the limit is a process's.
    #[test]
    fn a_line_that_finds_no_room_leaves_nothing_behind() {
        if let Some(path) = std::env::var_os(FULL) {
            return fill(&Folder { path: path.into() });
        }
        let folder = tempfile::tempdir().unwrap();
        let mut limited = Command::new("bash");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "-"]);
        limited.arg(std::env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]);
        let output = limited.env(FULL, folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    fn fill(folder: &Folder) {
        let mut writer = folder.take().unwrap().unwrap();
        let event = |what| Event { at: 1, what };
        let long = || Outcome::Failed { message: "x".repeat(300) };
        let mut written = 0;
        while writer.write(&event(What::Ended { trial: 0, outcome: long() })).is_ok() {
            written += 1;
        }
        assert!(written > 0 && written < 4);
        // What is shorter has room.
        writer.write(&event(What::Paused)).unwrap();
        assert_eq!(folder.events().unwrap().len(), written + 1);
        assert!(disk::read(&folder.lock(), SHORT).is_ok_and(|worker| !worker.is_empty()));
        drop(writer);
        assert_eq!(disk::read(&folder.lock(), SHORT).unwrap(), b"");
    }
}
