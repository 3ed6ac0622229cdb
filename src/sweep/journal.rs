//! The folder of a sweep in the state directory: its plan, what has happened, how much of that the store has, and what is
//! wanted of it. A process that holds the folder's lock is at it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::plan::{Plan, option};
use super::search::Proposal;
use crate::mlflow::{Dataset, ExperimentId};
use crate::state::replace;
use crate::text::json;

const EVENTS: &str = "events.jsonl";
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
    /// How the data were read; a sweep of an older version does not say.
    #[serde(default)]
    pub account: Option<Account>,
    pub plan: Plan,
}

impl Header {
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

/// Something that happened, at a time in milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at: i64,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A process took the sweep up.
    Begun,
    Started {
        trial: usize,
        #[serde(flatten)]
        proposal: Proposal,
    },
    Fold {
        trial: usize,
        fold: usize,
        scores: Vec<Option<f64>>,
        fit_seconds: f64,
        predict_seconds: f64,
    },
    /// Fitted on all but the test part. The model lies in the folder.
    Refitted {
        trial: usize,
        test: Test,
    },
    Ended {
        trial: usize,
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// Nothing is trained from here on, as somebody wished, until it goes on.
    Paused,
    Continued,
    /// All is done, or was called off, or broke off.
    Closed {
        how: How,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Finished {
        means: Vec<Option<f64>>,
        deviations: Vec<Option<f64>>,
    },
    /// It fell behind.
    Pruned {
        folds: usize,
        means: Vec<Option<f64>>,
    },
    Failed {
        message: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    Finished,
    Cancelled,
    /// The process died; what it had begun was closed by another.
    Interrupted,
}

/// What the test part says of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Test {
    pub scores: Vec<Option<f64>>,
    pub fit_seconds: f64,
    pub predict_seconds: f64,
}

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

/// The right to write events.
#[derive(Debug)]
pub struct Writer {
    events: File,
    _lock: File,
}

impl Folder {
    /// Where the sweeps of this machine lie.
    pub fn root(state_folder: &Path) -> PathBuf {
        state_folder.join("sweeps")
    }

    pub fn create(state_folder: &Path, header: &Header) -> std::io::Result<Self> {
        let folder = Self { path: Self::root(state_folder).join(&header.id) };
        fs::create_dir_all(&folder.path)?;
        let text = json::pretty(header).map_err(std::io::Error::other)?;
        replace(&folder.path.join("plan.json"), &text)?;
        Ok(folder)
    }

    /// The folders of all sweeps, the newest first. Those that cannot be read are not among them.
    pub fn all(state_folder: &Path) -> Vec<(Self, Header)> {
        let entries = fs::read_dir(Self::root(state_folder)).into_iter().flatten().flatten();
        let mut found: Vec<(Self, Header)> = entries
            .filter_map(|entry| {
                let folder = Self { path: entry.path() };
                let header = folder.header().ok()?;
                Some((folder, header))
            })
            .collect();
        found.sort_by(|(_, a), (_, b)| (b.created, &b.id).cmp(&(a.created, &a.id)));
        found
    }

    pub fn header(&self) -> std::io::Result<Header> {
        let text = fs::read(self.path.join("plan.json"))?;
        serde_json::from_slice(&text).map_err(std::io::Error::other)
    }

    /// All that happened.
    pub fn events(&self) -> std::io::Result<Vec<Event>> {
        Ok(self.events_from(0)?.0)
    }

    /// What happened from a place in the journal on, and the place behind it. A line that was cut off by a crash is left
    /// out, and so is what would come after it.
    pub fn events_from(&self, start: u64) -> std::io::Result<(Vec<Event>, u64)> {
        let mut file = match File::open(self.path.join(EVENTS)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(start))?;
        let (mut reader, mut line) = (BufReader::new(file), Vec::new());
        let (mut events, mut end) = (Vec::new(), start);
        loop {
            line.clear();
            let length = reader.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                break;
            }
            let Ok(event) = serde_json::from_slice(&line) else { break };
            events.push(event);
            end += length as u64;
        }
        Ok((events, end))
    }

    /// Takes the sweep; none if another process is at it.
    pub fn take(&self) -> std::io::Result<Option<Writer>> {
        let lock = File::create(self.path.join("lock"))?;
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
        // What a crash cut off is taken out, so that the next line is whole.
        let (_, whole) = self.events_from(0)?;
        let path = self.path.join(EVENTS);
        let mut events = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        events.set_len(whole)?;
        events.seek(SeekFrom::End(0))?;
        Ok(Some(Writer { events, _lock: lock }))
    }

    pub fn is_running(&self) -> bool {
        let Ok(lock) = File::create(self.path.join("lock")) else { return false };
        matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
    }

    pub fn wanted(&self) -> Wanted {
        match fs::read_to_string(self.path.join("wanted")).unwrap_or_default().trim() {
            "pause" => Wanted::Pause,
            "cancel" => Wanted::Cancel,
            _ => Wanted::Run,
        }
    }

    pub fn want(&self, wanted: Wanted) -> std::io::Result<()> {
        let text = match wanted {
            Wanted::Run => "run",
            Wanted::Pause => "pause",
            Wanted::Cancel => "cancel",
        };
        replace(&self.path.join("wanted"), text.as_bytes())
    }

    /// How many events the store has.
    pub fn sent(&self) -> usize {
        fs::read_to_string(self.path.join("sent")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    pub fn set_sent(&self, count: usize) -> std::io::Result<()> {
        // A count that is too small after a crash only has things sent twice, which comes to the same.
        let beside = self.path.join("sent.new");
        fs::write(&beside, count.to_string())?;
        fs::rename(beside, self.path.join("sent"))
    }

    /// The files of a trial that was fitted on all but the test part.
    pub fn trial(&self, number: usize) -> PathBuf {
        self.path.join("trials").join(number.to_string())
    }

    /// Takes the files of all trials away: the store has them.
    pub fn forget_trials(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(self.path.join("trials")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }
}

impl Writer {
    pub fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event).map_err(std::io::Error::other)?;
        line.push(b'\n');
        self.events.write_all(&line)?;
        // A result is worth a pause; what is only under way is not.
        if matches!(event.what, What::Ended { .. } | What::Refitted { .. } | What::Closed { .. }) {
            self.events.sync_data()?;
        }
        Ok(())
    }
}

/// Numbers as JSON has them: what is not finite becomes nothing.
pub fn finite(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().map(|value| Some(*value).filter(|value| value.is_finite())).collect()
}
