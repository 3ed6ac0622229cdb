//! Files on their way to the store. One that the store does not take ends no sweep: the trial counts all the same, and
//! what is not kept is told.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Recorder, cut, is_transient, unwritten};
use crate::mlflow::{RunId, Tag};
use crate::store::{ErrorKind, Result, StoreError};
use crate::sweep::engine::unkept::Unkept;

/// On a run: what the store did not take of it, and why.
pub const UNKEPT: &str = "mltui.sweep.not_kept";
/// So often a store that answers everything else is asked to take the files of a trial, and so often behind one whose
/// files it did not take. A trial whose files it took all makes up for that.
const TRIES: u32 = 5;
const TRIES_AFTER: u32 = 2;
/// So often it is looked whether a store is there, with a pause behind each.
const LOOKS: usize = 3;
const BREATH: Duration = Duration::from_millis(200);

/// How often the store, which answered, did not take files.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Of this trial, or of the sweep's own run.
    trial: Option<usize>,
    count: u32,
    /// Whether files were given up since the store last took all of a trial.
    has_given_up: bool,
    /// Whether the last one leaves a try.
    has_attempts_left: bool,
}

impl Refusals {
    /// Counts one; whether no try is left.
    fn is_last(&mut self, trial: Option<usize>) -> bool {
        if self.trial != trial {
            (self.trial, self.count) = (trial, 0);
        }
        // What else a trial has that was given up is asked for once.
        self.count += 1;
        let is_last = self.count >= if self.has_given_up { TRIES_AFTER } else { TRIES };
        self.has_attempts_left = !is_last;
        is_last
    }

    /// What the store makes of a trial is known.
    fn are_told(&mut self, is_all_kept: bool) {
        self.has_given_up = !is_all_kept;
        self.count = 0;
    }
}

impl Recorder {
    /// Whether what failed last was a file, and it is worth to try again at once.
    pub fn has_attempts_left(&mut self) -> bool {
        std::mem::take(&mut self.refusals.has_attempts_left)
    }

    /// Writes files of a run side by side; what the store does not take comes back.
    pub(super) async fn files(
        &mut self,
        trial: Option<usize>,
        run: &RunId,
        files: &[(String, Vec<u8>)],
    ) -> Result<Vec<Unkept>> {
        let results = self.written(run, files).await;
        self.all_refused(trial, run, files, results).await
    }

    /// Writes files of a run side by side.
    pub(super) async fn written(&self, run: &RunId, files: &[(String, Vec<u8>)]) -> Vec<Result<()>> {
        let write =
            async |(name, content): &(String, Vec<u8>)| self.store.write_artifact(run, name, content).await;
        join_all(files.iter().map(write)).await
    }

    /// Which of the files the store does not take, by what came of writing them.
    pub(super) async fn all_refused(
        &mut self,
        trial: Option<usize>,
        run: &RunId,
        files: &[(String, Vec<u8>)],
        results: Vec<Result<()>>,
    ) -> Result<Vec<Unkept>> {
        let mut unkept = Vec::new();
        for ((name, _), result) in files.iter().zip(results) {
            unkept.extend(self.refused(trial, run, name, result).await?);
        }
        Ok(unkept)
    }

    /// What the store does not take, and why; an error where it may take it later.
    pub(super) async fn refused(
        &mut self,
        trial: Option<usize>,
        run: &RunId,
        what: &str,
        result: Result<()>,
    ) -> Result<Option<Unkept>> {
        let Err(error) = self.unless_deleted(run, result).await else { return Ok(None) };
        if !self.is_final(trial, run, &error).await {
            return Err(error);
        }
        Ok(Some(Unkept { trial, what: what.to_owned(), why: cut(&error.to_string()) }))
    }

    /// Whether it is given up to bring a file to the store.
    async fn is_final(&mut self, trial: Option<usize>, run: &RunId, error: &StoreError) -> bool {
        match &error.kind {
            // Nothing else would be taken either.
            ErrorKind::Unauthorized
            | ErrorKind::Login(_)
            | ErrorKind::Locked
            | ErrorKind::Gone(_)
            | ErrorKind::DiskFull => false,
            kind if !is_transient(kind) => true,
            _ => {
                // A store that is away is waited for. One that answers, and does not take this, may never do so.
                if !self.answers(run).await {
                    return false;
                }
                self.refusals.is_last(trial)
            }
        }
    }

    /// Whether the store is there. A server that refuses a body may close the connection, which fails what comes next.
    async fn answers(&self, run: &RunId) -> bool {
        for _ in 0..LOOKS {
            if self.store.get_run(run).await.is_ok() {
                return true;
            }
            tokio::time::sleep(BREATH).await;
        }
        false
    }

    /// Tells what is not kept of a run: on the run, with the sweep, and to whoever watches.
    pub(super) async fn tell(
        &mut self,
        trial: Option<usize>,
        run: &RunId,
        unkept: Vec<Unkept>,
    ) -> Result<()> {
        self.refusals.are_told(unkept.is_empty());
        // Where that is not known, it is told anew.
        let known = self.folder.unkept().unwrap_or_default();
        let known: Vec<Unkept> = known.into_iter().filter(|known| known.trial == trial).collect();
        if known == unkept {
            return Ok(());
        }
        match unkept.first() {
            Some(first) => {
                let names: Vec<&str> = unkept.iter().map(|it| it.what.as_str()).collect();
                let words = cut(&format!("{}: {}", names.join(", "), first.why));
                self.log(run, &[], &[], &[Tag::new(UNKEPT, words)]).await?;
            }
            // An earlier attempt failed, and this one did not.
            None => self.clear(run, UNKEPT).await?,
        }
        self.folder.set_unkept(trial, &unkept).map_err(|error| unwritten(&error))?;
        self.told.extend(unkept);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_is_never_final_and_the_tries_of_all_trials_are_few() {
        let mut refusals = Refusals::default();
        let tries = |refusals: &mut Refusals, trial| (1..100).find(|_| refusals.is_last(trial));
        assert_eq!(tries(&mut refusals, Some(3)), Some(TRIES));
        assert!(
            refusals.is_last(Some(3)) && !refusals.has_attempts_left,
            "its other files are not waited for"
        );
        refusals.are_told(false);
        assert!(!refusals.is_last(Some(4)) && refusals.has_attempts_left, "a gateway may have been busy");
        refusals.are_told(true);
        assert_eq!(tries(&mut refusals, Some(5)), Some(TRIES), "it takes files");
        refusals.are_told(false);
        assert_eq!(tries(&mut refusals, Some(6)), Some(TRIES_AFTER));
        refusals.are_told(false);
        assert_eq!(tries(&mut refusals, Some(7)), Some(TRIES_AFTER));
    }
}
