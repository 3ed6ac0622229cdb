//! Taking a sweep over that another machine was at, whose processes and locks may not be seen from here: when its job is known to
//! have ended, when it shows for long enough that it is not at work, or when somebody who knows better says so.

use std::io;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::sweep::engine::journal::{Holder, HoldingJob, SweepFolder};

/// How long a process that is at a sweep may show nothing, by the clock of who looks: many beats, and longer than file systems
/// of clusters keep what they have read.
const PATIENCE: Duration = Duration::from_secs(75);
/// Between looks.
const LOOK: Duration = Duration::from_millis(250);

/// How it is found out that nobody is at a sweep.
pub struct TakeOver<'a> {
    /// Somebody knows that nobody is: it is not looked for.
    pub is_forced: bool,
    /// Whether a job has ended, where that can be told.
    pub has_ended: &'a dyn Fn(&HoldingJob) -> Option<bool>,
    /// Told what is waited for.
    pub tell: &'a dyn Fn(&str),
}

/// Why a sweep is not taken over.
#[derive(Debug, Error)]
pub enum StillHeld {
    /// It is at work.
    #[error(
        "it is running on {0}, which was at work just now; `mltui sweeps cancel` ends it, or end that process and resume it then"
    )]
    AtWork(String),
    /// Whether it is at work cannot be told.
    #[error(
        "it runs, or ran, on {0}, by a version of mltui that does not show whether it still does; resume it there, or if that \
         process is gone for good, add --take-over"
    )]
    Unknown(String),
    /// The folder cannot be read or written.
    #[error(transparent)]
    Folder(#[from] io::Error),
}

impl TakeOver<'_> {
    /// Sees to it that this process may take a sweep: returns as soon as nobody is at it on another machine.
    ///
    /// # Errors
    /// Where somebody is, or that cannot be told.
    pub fn wait(&self, folder: &SweepFolder) -> Result<(), StillHeld> {
        self.wait_for(folder, PATIENCE)
    }

    fn wait_for(&self, folder: &SweepFolder, patience: Duration) -> Result<(), StillHeld> {
        while let Some(holder) = folder.holder()?.filter(Holder::is_elsewhere) {
            // A lock of an earlier version says for good who was at it last.
            let is_left = matches!(folder.is_fully_logged(), Ok(Some(true))) && !folder.is_running()?;
            if is_left || self.is_forced || self.is_gone(folder, &holder, patience)? {
                folder.evict(&holder)?;
            }
        }
        Ok(())
    }

    /// Whether a process is gone. False where somebody else is at the sweep by now, or nobody.
    fn is_gone(&self, folder: &SweepFolder, holder: &Holder, patience: Duration) -> Result<bool, StillHeld> {
        let who = holder.in_words();
        if let Some(job) = &holder.job
            && (HoldingJob::this().is_some_and(|this| this.follows(job))
                || (self.has_ended)(job) == Some(true))
        {
            (self.tell)(&format!("job {} on {} has ended; taking the sweep over", job.id, holder.host()));
            return Ok(true);
        }
        if !holder.beats() {
            return Err(StillHeld::Unknown(who));
        }
        let (seen, begun) = (folder.beat(), Instant::now());
        (self.tell)(&format!(
            "it was at work on {who} last; waiting {} s for a sign that it still is (--take-over does not wait)",
            patience.as_secs()
        ));
        while begun.elapsed() < patience {
            std::thread::sleep(LOOK.min(patience));
            if folder.holder()?.as_ref() != Some(holder) {
                return Ok(false);
            }
            if folder.beat() != seen {
                return Err(StillHeld::AtWork(who));
            }
        }
        (self.tell)("no sign; taking the sweep over");
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const SHORT: Duration = Duration::from_millis(1);
    const ELSEWHERE: &str = r#"{"host":"node7","boot":"its own","process":12,"token":"a","job":{"id":"34"}}"#;

    fn folder(lock: &str) -> (tempfile::TempDir, SweepFolder) {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() };
        std::fs::write(folder.lock(), lock).unwrap();
        (here, folder)
    }

    fn wait(
        folder: &SweepFolder,
        is_forced: bool,
        ended: Option<bool>,
    ) -> (Result<(), StillHeld>, Vec<String>) {
        let said = RefCell::new(Vec::new());
        let tell = |words: &str| said.borrow_mut().push(words.to_owned());
        let take_over = TakeOver { is_forced, has_ended: &|_| ended, tell: &tell };
        let waited = take_over.wait_for(folder, SHORT);
        (waited, said.into_inner())
    }

    #[test]
    fn a_sweep_is_taken_over_when_its_holder_is_known_to_be_gone() {
        // By its job, at once.
        let (_here, swept) = folder(ELSEWHERE);
        let (waited, said) = wait(&swept, false, Some(true));
        assert!(
            waited.is_ok() && said.len() == 1 && said[0].contains("job 34 on node7 has ended"),
            "{said:?}"
        );
        assert_eq!(swept.host(), None);
        assert!(swept.take().unwrap().is_some());
        // As it shows nothing for long enough, also where its job is not known, or still there.
        for ended in [None, Some(false)] {
            let (_here, swept) = folder(ELSEWHERE);
            let (waited, said) = wait(&swept, false, ended);
            assert!(
                waited.is_ok() && said[0].contains("for a sign") && said[1].contains("no sign"),
                "{said:?}"
            );
            assert!(swept.take().unwrap().is_some());
        }
    }

    #[test]
    fn a_sweep_of_which_nothing_is_known_is_taken_over_by_who_knows_better() {
        let (_here, swept) = folder(r#"{"host":"node7","boot":"its own","process":12}"#);
        let error = wait(&swept, false, None).0.unwrap_err().to_string();
        assert!(error.contains("add --take-over") && error.contains("node7"), "{error}");
        assert_eq!(swept.host().as_deref(), Some("node7"));
        assert!(wait(&swept, true, None).0.is_ok());
        assert!(swept.take().unwrap().is_some());
        // Nobody is at it, or its process is one of this machine, whose lock is seen.
        for lock in ["", "{", r#"{"host":"node7","boot":"its own","process":12,"is_evicted":true}"#] {
            let (_here, swept) = folder(lock);
            let (waited, said) = wait(&swept, false, None);
            assert!(waited.is_ok() && said.is_empty(), "{lock}");
        }
    }

    #[test]
    fn a_sweep_that_shows_a_sign_is_left_to_its_holder() {
        let (_here, swept) = folder(ELSEWHERE);
        let path = swept.path.join("beat");
        std::fs::write(&path, "a 1").unwrap();
        // A sign comes as soon as it is waited for.
        let tell = |_: &str| drop(std::fs::write(&path, "a 2"));
        let has_ended = |_: &HoldingJob| None;
        let take_over = TakeOver { is_forced: false, has_ended: &has_ended, tell: &tell };
        // What was seen before the word counts.
        let waited = take_over.wait_for(&swept, Duration::from_secs(60));
        assert!(matches!(waited, Err(StillHeld::AtWork(_))), "{waited:?}");
        assert_eq!(swept.host().as_deref(), Some("node7"));
    }
}
