//! The folder of a sweep in the state directory: what has happened, how much of that the store has, and what is
//! wanted of it. A process that holds the folder's lock is at it.

mod changes;
mod events;
mod holder;
mod lines;

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::holder::Beating;
use crate::disk::{self, Care, leftovers};
use crate::state::lock::{LockedFile, is_locked, lock};

pub use changes::Change;
pub use events::{EndReason, Event, EventKind, TrialOutcome};
pub use holder::{Holder, HoldingJob, TakenOver};
pub use lines::{Followed, Position};

const EVENTS: &str = "events.jsonl";
/// Bytes that a file of one word is not longer than.
const SHORT: u64 = 4096;
/// Of what was said, the end.
const LOG: u64 = 4 << 20;
/// How long the folder of a sweep that begins may be empty.
const UNBEGUN: Duration = Duration::from_secs(60);
/// How often a lock is tried again.
const TRIES: usize = 20;

/// What somebody wants of a sweep that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    /// To go on.
    #[default]
    Run,
    /// To begin nothing more until it is to go on.
    Pause,
    /// To end at once.
    Cancel,
}

/// The folder of a sweep.
#[derive(Debug, Clone)]
pub struct SweepFolder {
    /// Its name is the sweep's id.
    pub path: PathBuf,
}

/// The right to write events.
#[derive(Debug)]
pub struct JournalWriter {
    folder: SweepFolder,
    events: File,
    lock: LockedFile,
    /// Others see by it that this process is at work.
    _beating: Beating,
}

impl SweepFolder {
    /// Where the sweeps of this machine lie.
    pub fn root(state_folder: &Path) -> PathBuf {
        state_folder.join("sweeps")
    }

    /// Takes the folder away where its process was killed before the sweep began. It is left where it holds anything else, or
    /// somebody may be about to begin it.
    pub fn remove_unbegun(&self) {
        let is_old = || {
            let modified = self.path.metadata().and_then(|metadata| metadata.modified());
            modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > UNBEGUN))
        };
        if leftovers::sweep(&self.path) > 0 || is_old() {
            // Only an empty one can be removed like that.
            let _ = fs::remove_dir(&self.path);
        }
    }

    /// Takes the folder of a sweep away that did not come to be.
    pub fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the folder of no sweep is left behind");
        }
    }

    /// An error where it was taken away: nothing is made in its place, and what went on would be lost.
    ///
    /// # Errors
    /// `NotFound`, in words for people.
    pub fn check(&self) -> io::Result<()> {
        if self.path.is_dir() {
            return Ok(());
        }
        let gone = format!("{} no longer exists", self.path.display());
        Err(io::Error::new(io::ErrorKind::NotFound, gone))
    }

    /// Where what happened is written.
    pub fn journal(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// All that happened; an error if something in between cannot be read.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged.
    pub fn events(&self) -> io::Result<Vec<Event>> {
        let mut events = Vec::new();
        self.follow(Position::default(), |event| events.push(event))?.whole()?;
        Ok(events)
    }

    /// What happened from a place in the journal on, one after the other.
    ///
    /// # Errors
    /// Where it cannot be read at all.
    pub fn follow(&self, from: Position, take: impl FnMut(Event)) -> io::Result<Followed> {
        lines::follow(&self.path.join(EVENTS), from, take)
    }

    /// Whether it is over and the store has all of it; nothing where it has not begun.
    ///
    /// # Errors
    /// As [`SweepFolder::events`].
    pub fn is_fully_logged(&self) -> io::Result<Option<bool>> {
        let (mut count, mut last) = (0, None);
        let read = self.follow(Position::default(), |event| {
            count += 1;
            last = Some(event.kind);
        })?;
        read.whole()?;
        Ok(last.map(|last| matches!(last, EventKind::Closed { .. }) && self.sent() >= count))
    }

    /// Takes the sweep; none if another process is at it.
    ///
    /// # Errors
    /// Where the journal is damaged, or cannot be written.
    pub fn take(&self) -> io::Result<Option<JournalWriter>> {
        // Somebody may just look whether anybody is at it.
        let Some(mut lock) = lock(&self.lock(), TRIES)? else { return Ok(None) };
        leftovers::sweep(&self.path);
        let before = self.holder()?;
        lock.set_len(0)?;
        lock.write_all(&serde_json::to_vec(&Holder::this())?)?;
        lock.sync_data()?;
        if before.is_some_and(|before| before.is_evicted()) {
            self.renew_journal()?;
        }
        // What a crash cut off is taken out, so that the next line is whole.
        let whole = self.follow(Position::default(), drop)?.whole()?;
        let mut events = disk::open_to_write(&self.path.join(EVENTS))?;
        events.set_len(whole.at)?;
        events.seek(SeekFrom::End(0))?;
        let beating = Beating::start(self.clone());
        Ok(Some(JournalWriter { folder: self.clone(), events, lock, _beating: beating }))
    }

    /// Puts another file in the place of the journal: whoever still has the old one open writes where nobody reads.
    fn renew_journal(&self) -> io::Result<()> {
        let path = self.path.join(EVENTS);
        let content = match disk::read(&path, lines::LONGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            content => content?,
        };
        self.check_held()?;
        disk::replace(&path, &content, Care::Private)
    }

    /// The file that whoever is at the sweep holds locked, and that says who is.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// Whether a process is at it, of this machine or of one whose locks can be seen. Looking writes nothing.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub fn is_running(&self) -> io::Result<bool> {
        match is_locked(&self.lock()) {
            // Nor can anybody have taken it there.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(false),
            is_locked => is_locked,
        }
    }

    /// The machine that was at it last, if that is another one whose locks may not be seen here.
    pub fn host(&self) -> Option<String> {
        let holder = self.holder().ok().flatten()?;
        holder.is_elsewhere().then(|| holder.host().to_owned())
    }

    /// Notes that this process, which is about to end, is not at it any more.
    pub fn leave(&self) {
        let left = self.check_held().and_then(|()| disk::open_to_write(&self.lock())?.set_len(0));
        if let Err(error) = left {
            tracing::warn!(%error, "the lock of a sweep is left as it is");
        }
    }

    /// What is wanted of the sweep.
    pub fn control(&self) -> Control {
        match self.word("wanted").as_deref() {
            Some("pause") => Control::Pause,
            Some("cancel") => Control::Cancel,
            _ => Control::Run,
        }
    }

    /// Says what is wanted of the sweep; whoever is at it looks several times a second.
    ///
    /// # Errors
    /// Where it cannot be written, or the folder is gone.
    pub fn set_control(&self, control: Control) -> io::Result<()> {
        let text = match control {
            Control::Run => "run",
            Control::Pause => "pause",
            Control::Cancel => "cancel",
        };
        self.check()?;
        disk::replace(&self.path.join("wanted"), text.as_bytes(), Care::Private)
    }

    /// How many events the store has. Less than that only has things sent twice, which comes to the same.
    pub fn sent(&self) -> usize {
        self.word("sent").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Notes how many events the store has.
    ///
    /// # Errors
    /// Where it cannot be written, or the folder is gone.
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
    ///
    /// # Errors
    /// Where some cannot be removed.
    pub fn forget_trials(&self) -> io::Result<()> {
        match fs::remove_dir_all(self.path.join("trials")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What its process says goes there.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// What its process said, or the end of that.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read_log(&self) -> io::Result<String> {
        match disk::read_end(&self.log(), LOG) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            text => text,
        }
    }
}

impl JournalWriter {
    /// Adds a line, or nothing: half of one would be damage as soon as another stands behind it.
    ///
    /// # Errors
    /// Where there is no room, or the folder is gone.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.check()?;
        let mut line = serde_json::to_vec(event).map_err(io::Error::other)?;
        line.push(b'\n');
        let before = self.events.stream_position()?;
        let written = self.events.write_all(&line).and_then(|()| {
            // A result is worth a pause; what is only under way is not.
            let is_result = matches!(
                event.kind,
                EventKind::Ended { .. } | EventKind::Last { .. } | EventKind::Closed { .. }
            );
            if is_result { self.events.sync_data() } else { Ok(()) }
        });
        if written.is_err() {
            // Where even this fails, the next line takes the place of the half one.
            let _ = self.events.seek(SeekFrom::Start(before));
            let _ = self.events.set_len(before);
        }
        written
    }

    /// An error where this process is not at the sweep any more, or what it writes is not the sweep's journal.
    fn check(&self) -> io::Result<()> {
        self.folder.check_held()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let (own, there) = (self.events.metadata()?, self.folder.path.join(EVENTS).metadata());
            if there.is_ok_and(|there| (there.dev(), there.ino()) != (own.dev(), own.ino())) {
                return Err(TakenOver::by_somebody());
            }
        }
        Ok(())
    }

    /// Notes that nobody is at it any more: another machine, which does not see locks of this one, may go on.
    pub fn leave(&self) {
        // Where somebody else is by now, the lock is theirs.
        if self.folder.check_held().is_ok()
            && let Err(error) = self.lock.set_len(0)
        {
            tracing::warn!(%error, "the lock of a sweep still names this machine");
        }
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.leave();
    }
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
            return fill(&SweepFolder { path: path.into() });
        }
        let folder = tempfile::tempdir().unwrap();
        let mut limited = Command::new("bash");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "-"]);
        limited.arg(std::env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]);
        let output = limited.env(FULL, folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    fn fill(folder: &SweepFolder) {
        let mut writer = folder.take().unwrap().unwrap();
        let event = |kind| Event { at: 1, kind };
        let long = || TrialOutcome::Failed { message: "x".repeat(300) };
        let mut written = 0;
        while writer.write(&event(EventKind::Ended { trial: 0, attempt: None, outcome: long() })).is_ok() {
            written += 1;
        }
        assert!(written > 0 && written < 4);
        // What is shorter has room.
        writer.write(&event(EventKind::Paused)).unwrap();
        assert_eq!(folder.events().unwrap().len(), written + 1);
        assert!(disk::read(&folder.lock(), SHORT).is_ok_and(|worker| !worker.is_empty()));
        drop(writer);
        assert_eq!(disk::read(&folder.lock(), SHORT).unwrap(), b"");
    }
}
