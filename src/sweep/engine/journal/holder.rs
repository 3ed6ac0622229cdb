//! Who is at a sweep, where locks cannot be trusted: many file systems that machines share have none that all of them see.
//!
//! The file `lock` is kept locked by whoever is at the sweep, and says who that is, with a token that no other process has. Its
//! holder looks before whatever it writes whether it still is (a fence), and counts up in the file `beat`, so that others see
//! it at work by their own clocks alone. Who takes over from one that is gone puts another file in the place of the lock: one
//! that was only asleep finds no word of its token then, and writes nothing more.

use std::io::{self, Write as _};
use std::sync::LazyLock;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{SHORT, SweepFolder};
use crate::disk::{self, Care};
use crate::state::worker::Worker;

/// Between beats.
const BEAT: Duration = Duration::from_secs(5);

/// What no other process has.
static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let mut random = fastrand::Rng::new();
    format!("{:016x}{:016x}", random.u64(..), random.u64(..))
});

/// A job of a cluster that a process runs in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoldingJob {
    /// The id of the job.
    pub id: String,
    /// The name of the cluster; empty where it is not known.
    #[serde(default)]
    pub cluster: String,
    /// How often it was carried out again.
    #[serde(default)]
    pub restarts: u32,
}

impl HoldingJob {
    /// The one that this process runs in.
    pub fn this() -> Option<Self> {
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let restarts = of("SLURM_RESTART_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0);
        let cluster = of("SLURM_CLUSTER_NAME").unwrap_or_default();
        Some(Self { id: of("SLURM_JOB_ID")?, cluster, restarts })
    }

    /// Whether it is another one, carried out again since: what ran in it before has ended.
    pub fn follows(&self, other: &Self) -> bool {
        (&self.id, &self.cluster) == (&other.id, &other.cluster) && self.restarts > other.restarts
    }
}

/// Who is at a sweep, or was last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    #[serde(flatten)]
    worker: Worker,
    /// Empty of an older version, which neither beats nor looks whether it still holds the sweep.
    token: String,
    /// The job that it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<HoldingJob>,
    /// It was declared gone: nobody is at the sweep, and who takes it next writes a journal of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_evicted: bool,
}

impl Holder {
    /// This process.
    pub(super) fn this() -> Self {
        Self { worker: Worker::this(), token: TOKEN.clone(), job: HoldingJob::this(), is_evicted: false }
    }

    /// The name of its machine.
    pub fn host(&self) -> &str {
        &self.worker.host
    }

    /// Whether it is on a machine whose processes and locks may not be seen from here.
    pub fn is_elsewhere(&self) -> bool {
        !self.is_evicted && self.worker.is_elsewhere()
    }

    /// Whether it shows that it is at work.
    pub fn beats(&self) -> bool {
        !self.token.is_empty()
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.is_evicted
    }

    /// In words: `node7 (process 12, job 34)`.
    pub fn in_words(&self) -> String {
        let job = self.job.as_ref().map_or(String::new(), |job| format!(", job {}", job.id));
        crate::text::clean(&format!("{} (process {}{job})", self.worker.host, self.worker.process))
            .into_owned()
    }
}

/// Somebody else is at a sweep that this process was at.
#[derive(Debug, Error)]
#[error("the sweep was taken over by {by}; this process writes nothing more")]
pub struct TakenOver {
    by: String,
}

impl TakenOver {
    pub(super) fn by_somebody() -> io::Error {
        io::Error::other(Self { by: "another process".to_owned() })
    }

    /// Whether an error is that.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().and_then(|cause| cause.downcast_ref::<Self>()).is_some()
    }
}

impl SweepFolder {
    /// Who is at it, or was last, as the file says that is held locked; none where nobody is.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn holder(&self) -> io::Result<Option<Holder>> {
        let content = match disk::read(&self.lock(), SHORT) {
            // What nobody can read says of nobody that he is at it.
            Err(error) if error.kind() == io::ErrorKind::NotFound || disk::is_damage(&error) => {
                return Ok(None);
            }
            content => content?,
        };
        // One that is just being written says nothing yet.
        Ok(serde_json::from_slice(&content).ok())
    }

    /// An error where this process is not at it any more: it may write nothing then.
    ///
    /// # Errors
    /// [`TakenOver`], or where that cannot be told.
    pub fn check_held(&self) -> io::Result<()> {
        self.check()?;
        let by = match self.holder()? {
            Some(holder) if !holder.is_evicted && holder.token == *TOKEN => return Ok(()),
            Some(holder) if !holder.is_evicted => holder.in_words(),
            Some(_) | None => return Err(TakenOver::by_somebody()),
        };
        Err(io::Error::other(TakenOver { by }))
    }

    /// Declares that a process is gone: from here on it writes nothing more, should it still be there, and anybody can take the
    /// sweep. Nothing is done where somebody else is at it by now.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn evict(&self, holder: &Holder) -> io::Result<()> {
        self.check()?;
        if self.holder()?.as_ref() != Some(holder) {
            return Ok(());
        }
        let gone = Holder { is_evicted: true, ..holder.clone() };
        let content = serde_json::to_vec(&gone).map_err(io::Error::other)?;
        // Another file: the lock on the old one may be held for ever.
        disk::replace(&self.lock(), &content, Care::Private)
    }

    /// What its holder last showed of being at work; something else after a few seconds, as long as it is.
    pub fn beat(&self) -> Option<String> {
        self.word(FILE)
    }
}

const FILE: &str = "beat";

/// Shows that this process is at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Beating {
    /// Hanging up ends it.
    _until: Sender<()>,
}

impl Beating {
    pub fn start(folder: SweepFolder) -> Self {
        let (until, ended) = channel();
        std::thread::spawn(move || {
            let mut count = 0_u64;
            loop {
                count += 1;
                match beat(&folder, count) {
                    Err(error) if TakenOver::is(&error) => return,
                    Err(error) => tracing::debug!(%error, "nobody sees that this process is at work"),
                    Ok(()) => {}
                }
                match ended.recv_timeout(BEAT) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { _until: until }
    }
}

fn beat(folder: &SweepFolder, count: u64) -> io::Result<()> {
    folder.check_held()?;
    // In its place: as long as before, and closed, so that other machines see it.
    let mut file = disk::open_to_write(&folder.path.join(FILE))?;
    file.write_all(format!("{} {count:020}\n", *TOKEN).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::engine::journal::{Event, EventKind};

    fn elsewhere(token: &str) -> Holder {
        let worker = Worker { host: "node7".into(), boot: "its own".into(), process: 12 };
        Holder { worker, token: token.into(), ..Holder::default() }
    }

    fn write(folder: &SweepFolder, holder: &Holder) {
        disk::replace(&folder.lock(), &serde_json::to_vec(holder).unwrap(), Care::Private).unwrap();
    }

    #[test]
    fn who_is_at_a_sweep_is_told_also_by_older_versions() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() };
        assert_eq!(folder.holder().unwrap(), None);
        std::fs::write(folder.lock(), r#"{"host":"node7","boot":"its own","process":12}"#).unwrap();
        let old = folder.holder().unwrap().unwrap();
        assert!(old.is_elsewhere() && !old.beats() && old.in_words() == "node7 (process 12)");
        for damage in [vec![b'x'; 5_000], b"{".to_vec(), Vec::new()] {
            std::fs::write(folder.lock(), damage).unwrap();
            assert_eq!(folder.holder().unwrap(), None, "what nobody can read says nothing");
        }
        let again = |restarts| HoldingJob { id: "34".into(), cluster: "c".into(), restarts };
        assert!(again(1).follows(&again(0)) && !again(1).follows(&again(1)) && !again(0).follows(&again(1)));
        let job = Some(HoldingJob { id: "34".into(), ..HoldingJob::default() });
        write(&folder, &Holder { job, ..elsewhere("a") });
        let now = folder.holder().unwrap().unwrap();
        assert!(now.beats() && now.in_words() == "node7 (process 12, job 34)");
        assert_eq!(folder.host().as_deref(), Some("node7"));
        std::fs::write(folder.lock(), "").unwrap();
        assert_eq!((folder.holder().unwrap(), folder.host()), (None, None));
    }

    #[test]
    fn a_process_that_was_taken_over_writes_nothing_more() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() };
        let mut writer = folder.take().unwrap().unwrap();
        let event = Event { at: 1, kind: EventKind::Begun };
        writer.write(&event).unwrap();
        // Another machine took the lock, which is not seen there.
        write(&folder, &elsewhere("b"));
        let error = writer.write(&event).unwrap_err();
        assert!(TakenOver::is(&error) && error.to_string().contains("node7 (process 12)"), "{error}");
        assert!(TakenOver::is(&beat(&folder, 9).unwrap_err()));
        drop(writer);
        assert_eq!(folder.holder().unwrap(), Some(elsewhere("b")), "it is left to its holder");
        assert_eq!(folder.events().unwrap().len(), 1);
    }

    #[test]
    fn what_was_evicted_may_be_taken_and_the_journal_goes_on_in_another_file() {
        use std::os::unix::fs::MetadataExt as _;
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() };
        let mut old = folder.take().unwrap().unwrap();
        let event = Event { at: 1, kind: EventKind::Begun };
        old.write(&event).unwrap();
        folder.evict(&elsewhere("x")).unwrap();
        old.write(&event).unwrap();
        folder.evict(&folder.holder().unwrap().unwrap()).unwrap();
        assert!(TakenOver::is(&old.write(&event).unwrap_err()), "whatever lock it holds");
        assert_eq!(folder.host(), None);
        let file = || folder.path.join("events.jsonl").metadata().unwrap().ino();
        let before = file();
        let mut new = folder.take().unwrap().unwrap();
        assert_ne!(file(), before, "what the old one is just about to write goes elsewhere");
        new.write(&event).unwrap();
        assert_eq!(folder.events().unwrap().len(), 3);
        // Nor does the new one write where its journal is not the sweep's any more.
        disk::replace(&folder.path.join("events.jsonl"), b"", Care::Private).unwrap();
        assert!(TakenOver::is(&new.write(&event).unwrap_err()));
    }

    #[test]
    fn who_is_at_a_sweep_is_seen_to_be() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() };
        let _writer = folder.take().unwrap().unwrap();
        beat(&folder, 6).unwrap();
        let first = folder.beat().unwrap();
        beat(&folder, 7).unwrap();
        assert!(folder.beat().unwrap() != first && folder.beat().unwrap().starts_with(&*TOKEN));
    }
}
