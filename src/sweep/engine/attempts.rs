//! The folder of a trial that is carried out by a process: which attempt it is at, how that ended, what it said. Whoever
//! carries it out writes there, and whoever tells the store reads it, maybe much later.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::journal::SweepFolder;
use crate::disk::{self, Care};
use crate::state::load;
use crate::store::now_ms;

/// The folder within a trial's that is the program's own: all else there is the script's.
const OWN: &str = ".mltui";
const LOG: &str = "trial.log";
/// Bytes of the id of a job, at most.
const LONGEST_ID: u64 = 256;
/// Bytes of a log that go to the store: of a longer one the end.
const MOST_OF_LOG: u64 = 32 << 20;

/// Bytes of a log on the disk: of one that becomes longer the middle is left out, and so much of its beginning and its end kept.
const LONGEST_LOG: u64 = 96 << 20;
const HEAD_OF_LOG: u64 = 16 << 20;
const TAIL_OF_LOG: u64 = 32 << 20;

/// How far a trial is with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Counted from 1, over retries and restarts; 0 before the first.
    pub number: u32,
    /// How many before this one failed, which is not the same as being broken off.
    pub failures: u32,
    /// How often somebody had asked for the trial to be carried out once more when it began.
    pub retries: u32,
    /// Where in the log its words begin.
    pub log_start: u64,
    /// When it began, in milliseconds since the epoch; 0 where an older version began it.
    pub since: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal of somebody else.
    Signalled(i32),
    /// As the trial or the sweep was broken off.
    Stopped,
    /// The program could not be started.
    Unstarted(String),
    /// It took longer than a trial may.
    TimedOut,
    /// The time of its job was over, or as good as over.
    OutOfTime,
    /// Somebody called its job off, and not the sweep.
    Cancelled,
    /// Its job was lost, for this reason: it is none of the trial's, which runs again.
    Lost(String),
    /// It came to nothing, for this reason.
    Failed(String),
}

impl AttemptEnd {
    /// Whether the attempt is over for good. One that was stopped may be the sweep's wish, or that of a queue that carries it
    /// out again.
    pub fn is_final(&self) -> bool {
        *self != Self::Stopped
    }
}

/// How the middle of a log was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutLog {
    /// Its bytes before.
    pub was: u64,
    /// Its bytes afterwards.
    pub is: u64,
    /// How many of them are the end of what it was.
    pub kept: u64,
}

/// Where a job carries an attempt out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialPlace {
    /// The number of the attempt.
    pub attempt: u32,
    /// The job, as the queue calls it.
    pub job: String,
    /// The name of the node.
    pub node: String,
    /// Milliseconds since the epoch.
    pub since: i64,
    /// Where in the log its words begin.
    #[serde(default)]
    pub log_start: u64,
}

/// The folder of a trial.
#[derive(Debug, Clone)]
pub struct TrialFolder {
    /// It is the script's own too.
    pub path: PathBuf,
}

impl SweepFolder {
    /// The folder of a trial that is carried out by a process.
    pub fn trial_folder(&self, trial: usize) -> TrialFolder {
        TrialFolder { path: self.trial(trial) }
    }
}

impl TrialFolder {
    /// Makes it, where it is not there yet.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn make(&self) -> io::Result<()> {
        // Above them nothing is made: a sweep that was taken away does not come back in parts.
        for made in self.path.parent().into_iter().chain([self.path.as_path(), &self.path.join(OWN)]) {
            disk::make_folder_below(made, Care::Private)?;
        }
        Ok(())
    }

    /// A file of the program's own.
    pub fn own(&self, name: &str) -> PathBuf {
        self.path.join(OWN).join(name)
    }

    /// What the command says, both of its outputs, as it comes.
    pub fn log(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// How far it is; the first attempt is before it where nothing is known.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn attempt(&self) -> io::Result<Attempt> {
        match load(&self.own("attempt.json")) {
            // Another one follows whatever there was of it.
            Err(error) if disk::is_damage(&error) => {
                tracing::warn!(%error, "which attempt a trial is at is told by what earlier ones left");
                Ok(Attempt { number: self.left_by_attempts()? + 1, ..Attempt::default() })
            }
            known => Ok(known?.unwrap_or_default()),
        }
    }

    /// The greatest number of an attempt that left a file of its own.
    fn left_by_attempts(&self) -> io::Result<u32> {
        let number = |name: &str| {
            let (_, rest) = name.split_once('-')?;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
        };
        let mut most = 0;
        for entry in std::fs::read_dir(self.path.join(OWN))? {
            most = entry?.file_name().to_str().and_then(number).unwrap_or(0).max(most);
        }
        Ok(most.min(u32::MAX - 2))
    }

    /// Notes how far it is.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_attempt(&self, attempt: &Attempt) -> io::Result<()> {
        self.write("attempt.json", attempt)
    }

    /// Begins the attempt behind that one.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn next_attempt(&self, attempt: &Attempt) -> io::Result<Attempt> {
        let next = Attempt {
            number: attempt.number + 1,
            failures: attempt.failures,
            retries: attempt.retries,
            log_start: self.log().metadata().map_or(0, |metadata| metadata.len()),
            since: now_ms(),
        };
        self.set_attempt(&next)?;
        Ok(next)
    }

    /// Notes that nothing is left of an attempt of a job, whose end is known.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_over(&self, attempt: u32) -> io::Result<()> {
        self.write(&format!("over-{attempt}.json"), &true)
    }

    /// Whether a job said that nothing is left of an attempt.
    pub fn is_over(&self, attempt: u32) -> bool {
        self.own(&format!("over-{attempt}.json")).exists()
    }

    /// When an attempt began, in milliseconds since the epoch, where its job or whoever began it says so.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn since(&self, attempt: &Attempt) -> io::Result<Option<i64>> {
        let place = self.place()?.filter(|place| place.attempt == attempt.number);
        Ok(place.map(|place| place.since).or(Some(attempt.since).filter(|since| *since > 0)))
    }

    /// How an attempt ended; none where that is not known.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn end_of(&self, attempt: u32) -> io::Result<Option<AttemptEnd>> {
        load(&self.own(&end_file(attempt)))
    }

    /// Notes how an attempt ended.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_end(&self, attempt: u32, end: &AttemptEnd) -> io::Result<()> {
        self.write(&end_file(attempt), end)
    }

    /// Where its last attempt is, or was; none of one that this machine carries out itself.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub fn place(&self) -> io::Result<Option<TrialPlace>> {
        load(&self.own("place.json"))
    }

    /// Notes where an attempt is.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_place(&self, place: &TrialPlace) -> io::Result<()> {
        self.write("place.json", place)
    }

    /// Has a job be the one that carries an attempt out; the other one where there is another.
    ///
    /// # Errors
    /// Where that cannot be noted.
    pub fn claim(&self, attempt: u32, job: &str) -> io::Result<Option<String>> {
        let path = self.own(&format!("claim-{attempt}"));
        // Whoever sees it sees whose it is: it is written under another name before it is there at all.
        let written = self.own(&format!("claim-{attempt}-{:016x}", fastrand::u64(..)));
        disk::replace(&written, job.as_bytes(), Care::Private)?;
        let linked = std::fs::hard_link(&written, &path);
        let _ = std::fs::remove_file(&written);
        match linked {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let other = String::from_utf8_lossy(&disk::read(&path, LONGEST_ID)?).into_owned();
                Ok(Some(other).filter(|other| other != job))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a file of the program's own, at once or not at all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, name: &str, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        let content = serde_json::to_vec(value).map_err(io::Error::other)?;
        disk::replace(&self.own(name), &content, Care::Passing)
    }

    /// Leaves the middle out of a log that has become too long, while a command writes on at its end; how, where it did. What is
    /// written at that very moment may be left out too.
    ///
    /// # Errors
    /// Where the log cannot be read or written.
    pub fn cut_log(&self) -> io::Result<Option<CutLog>> {
        self.cut_log_to(LONGEST_LOG, HEAD_OF_LOG, TAIL_OF_LOG)
    }

    /// The same for one of more bytes than `longest`, of which so many are kept at its beginning and its end.
    ///
    /// # Errors
    /// As [`TrialFolder::cut_log`].
    pub fn cut_log_to(&self, longest: u64, head: u64, tail: u64) -> io::Result<Option<CutLog>> {
        cut_middle(&self.log(), longest, head, tail)
    }

    /// The log as it goes to the store; none where nothing was said.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read_log(&self) -> io::Result<Option<Vec<u8>>> {
        read_end(&self.log(), MOST_OF_LOG)
    }
}

/// Leaves the middle of a file out that is longer than that, from a whole line on, with a word of what is left out.
fn cut_middle(path: &Path, longest: u64, head: u64, tail: u64) -> io::Result<Option<CutLog>> {
    use std::io::Write as _;
    let length = match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?.len(),
    };
    if length <= longest {
        return Ok(None);
    }
    let end = disk::read_end(path, tail)?;
    let end = end.split_once('\n').map_or(&*end, |(_, rest)| rest);
    let left_out = length.saturating_sub(head).saturating_sub(end.len() as u64);
    // Who appends goes on at the end, wherever that is.
    let mut file = disk::open_to_append(path)?;
    file.set_len(head)?;
    let words = format!("\n[mltui: {left_out} bytes are left out here]\n{end}");
    file.write_all(words.as_bytes())?;
    Ok(Some(CutLog { was: length, is: head + words.len() as u64, kept: end.len() as u64 }))
}

/// Each attempt has a file of its own: one that was taken for lost may still write.
fn end_file(attempt: u32) -> String {
    format!("end-{attempt}.json")
}

/// The end of a file, from a whole line on, with a word of what is left out.
fn read_end(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file: File = match disk::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut content = Vec::new();
    file.take(most).read_to_end(&mut content)?;
    if from > 0 {
        let line = content.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let said = format!("[mltui: {} bytes before this are left out]\n", from + line as u64);
        content.splice(..line, said.into_bytes());
    }
    Ok(Some(content).filter(|content| !content.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_knows_how_far_its_trial_is_and_a_long_log_is_cut_at_a_line() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(3);
        folder.make().unwrap();
        assert_eq!(folder.attempt().unwrap(), Attempt::default());
        let second = Attempt { number: 2, failures: 1, retries: 0, log_start: 40, since: 5 };
        folder.set_attempt(&second).unwrap();
        assert_eq!(folder.attempt().unwrap(), second);
        folder.set_end(1, &AttemptEnd::Exited(3)).unwrap();
        assert_eq!(folder.end_of(2).unwrap(), None, "that is the end of another attempt");
        folder.set_end(2, &AttemptEnd::Stopped).unwrap();
        assert_eq!(folder.end_of(2).unwrap(), Some(AttemptEnd::Stopped));
        assert_eq!(folder.end_of(1).unwrap(), Some(AttemptEnd::Exited(3)), "it stays known");
        assert_eq!(folder.place().unwrap(), None, "no job was at it");
        let place = TrialPlace { attempt: 2, job: "7_3".into(), node: "n1".into(), since: 5, log_start: 40 };
        folder.set_place(&place).unwrap();
        assert_eq!(folder.place().unwrap(), Some(place));
        // One that is damaged is followed by another than any that left something.
        folder.set_end(2, &AttemptEnd::Exited(1)).unwrap();
        for damage in ["", "{", "[-1]"] {
            std::fs::write(folder.own("attempt.json"), damage).unwrap();
            assert_eq!(folder.attempt().unwrap().number, 3);
        }
        assert_eq!(folder.claim(2, "7_3").unwrap(), None);
        assert_eq!(folder.claim(2, "7_3").unwrap(), None, "it has it already");
        assert_eq!(folder.claim(2, "9_3").unwrap().as_deref(), Some("7_3"));
        assert_eq!(folder.claim(3, "9_3").unwrap(), None, "that is another attempt");
        assert_eq!(folder.read_log().unwrap(), None);
        std::fs::write(folder.log(), "one\ntwo\nthree\n").unwrap();
        assert_eq!(read_end(&folder.log(), 100).unwrap().unwrap(), b"one\ntwo\nthree\n");
        let cut = String::from_utf8(read_end(&folder.log(), 8).unwrap().unwrap()).unwrap();
        assert_eq!(cut, "[mltui: 8 bytes before this are left out]\nthree\n");
        std::fs::write(folder.log(), "head\n".to_owned() + &"middle\n".repeat(20) + "the\nend\n").unwrap();
        assert_eq!(cut_middle(&folder.log(), 200, 5, 12).unwrap(), None);
        assert!(cut_middle(&folder.log(), 100, 5, 12).unwrap().is_some());
        let cut = std::fs::read_to_string(folder.log()).unwrap();
        assert_eq!(cut, "head\n\n[mltui: 140 bytes are left out here]\nthe\nend\n");
    }
}
