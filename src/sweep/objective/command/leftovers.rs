//! What an earlier process left behind: where a sweep and the guard of a trial were killed at once, the command goes on until
//! somebody takes the sweep up. What the guard wrote down tells which processes those are, and that a number belongs to the
//! same process still.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

use super::processes::Process;
use crate::disk::{self, Care};
use crate::state::load;
use crate::state::worker::Worker;
use crate::sweep::engine::attempts::TrialFolder;

const FILE: &str = "process.json";
/// The variable that all processes of an attempt have, and no others.
pub const MARK: &str = "MLTUI_ATTEMPT_ID";
/// How long the system may take to end what was killed.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

/// A process, and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    id: i32,
    /// None where the system does not tell.
    started: Option<u64>,
}

impl Begun {
    fn of(id: i32) -> Self {
        Self { id, started: Process::of(id).map(|process| process.started) }
    }

    /// Whether it is that process, and not another that got its number.
    fn is(self, process: &Process) -> bool {
        self.id == process.id && self.started == Some(process.started)
    }
}

/// Who is at a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProcessRecord {
    worker: Worker,
    /// The guard, whose session all of it is.
    guard: Begun,
    /// The command, whose group most of it is.
    command: Begun,
    /// What stands in their environment.
    #[serde(default)]
    mark: Option<String>,
}

impl ProcessRecord {
    /// Of this guard and its command, which is none of its own before it has begun.
    pub fn of_this_process(command: Option<Pid>) -> Self {
        let command = command.unwrap_or_else(getpid);
        Self {
            worker: Worker::this(),
            guard: Begun::of(getpid().as_raw_nonzero().get()),
            command: Begun::of(command.as_raw_nonzero().get()),
            mark: std::env::var(MARK).ok(),
        }
    }

    /// Writes it down.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, folder: &TrialFolder) -> io::Result<()> {
        let content = serde_json::to_vec(self).map_err(io::Error::other)?;
        disk::replace(&folder.own(FILE), &content, Care::Passing)
    }

    /// Nobody is at the trial any more.
    ///
    /// # Errors
    /// Where that cannot be noted.
    pub fn forget(folder: &TrialFolder) -> io::Result<()> {
        match std::fs::remove_file(folder.own(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What of the processes of this machine belongs to it.
    fn left(&self, all: &[Process]) -> Vec<Process> {
        // A session has its number for as long as any process is in it; so it is this one where one of its own is known
        // in it.
        let is_marked =
            |process: &Process| self.mark.as_ref().is_some_and(|mark| process.has_variable(MARK, mark));
        let in_session = |process: &&Process| process.session == self.guard.id;
        let is_ours = all
            .iter()
            .filter(in_session)
            .any(|process| self.guard.is(process) || self.command.is(process) || is_marked(process));
        let belongs = |process: &&Process| (is_ours && in_session(process)) || is_marked(process);
        all.iter().filter(|process| !process.is_dead).filter(belongs).copied().collect()
    }
}

/// Kills what an earlier process left of a trial.
///
/// # Errors
/// Where it cannot be read who that was, or some does not end.
pub fn end_leftovers(folder: &TrialFolder) -> io::Result<()> {
    let Some(record) = load::<ProcessRecord>(&folder.own(FILE))? else { return Ok(()) };
    // Numbers of another machine, or of one that was started anew, say nothing here.
    if record.worker.is_elsewhere() || record.worker.boot != Worker::this().boot {
        return ProcessRecord::forget(folder);
    }
    let begun = Instant::now();
    loop {
        let left = record.left(&Process::all());
        if left.is_empty() {
            return ProcessRecord::forget(folder);
        }
        if begun.elapsed() > PATIENCE {
            let ids: Vec<String> = left.iter().map(|process| process.id.to_string()).collect();
            return Err(io::Error::other(format!(
                "processes of an earlier attempt do not end: {}; end them and resume the sweep",
                ids.join(", ")
            )));
        }
        for process in left {
            if let Some(id) = Pid::from_raw(process.id) {
                // What has ended meanwhile needs none.
                let _ = kill_process(id, Signal::KILL);
            }
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command};

    use super::*;
    use crate::sweep::engine::journal::SweepFolder;

    fn sleeping(mark: &str) -> Child {
        Command::new("sleep").arg("600").env(MARK, mark).process_group(0).spawn().unwrap()
    }

    fn record(child: &Child, mark: Option<&str>) -> ProcessRecord {
        let id = child.id() as i32;
        let session = Process::of(id).unwrap().session;
        ProcessRecord {
            worker: Worker::this(),
            guard: Begun { id: session + 1_000_000, started: Some(1) },
            command: Begun::of(id),
            mark: mark.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_left_of_a_trial_is_killed_and_what_got_its_number_is_not() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(0);
        folder.make().unwrap();
        assert!(end_leftovers(&folder).is_ok(), "nobody was ever at it");
        let (mut ours, mut other) = (sleeping("a/0/1"), sleeping("a/0/2"));
        record(&ours, Some("a/0/1")).write(&folder).unwrap();
        let guarded = std::thread::spawn(move || ours.wait().unwrap());
        end_leftovers(&folder).unwrap();
        assert!(!guarded.join().unwrap().success());
        assert!(other.try_wait().unwrap().is_none() && !folder.own(FILE).exists());
        // The same number, of a process that began at another time.
        let mut reused = record(&other, None);
        reused.guard.id = Process::of(other.id() as i32).unwrap().session;
        reused.command.started = Some(1);
        assert_eq!(reused.left(&Process::all()), []);
        // Of a machine that was started anew.
        let mut earlier = record(&other, Some("a/0/2"));
        earlier.worker.boot = "another".into();
        earlier.write(&folder).unwrap();
        end_leftovers(&folder).unwrap();
        assert!(other.try_wait().unwrap().is_none() && !folder.own(FILE).exists());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
