//! Files on their way to the store. One that the store does not take ends no sweep: the trial counts all the same, and
//! what is not kept is told.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Recorder, cut, may_pass, unwritten};
use crate::mlflow::{RunId, Tag};
use crate::store::{ErrorKind, Result, StoreError};
use crate::sweep::unkept::Unkept;

/// On a run: what the store did not take of it, and why.
pub const UNKEPT: &str = "mltui.sweep.not_kept";
/// So often a store that answers everything else is asked to take a file.
const TRIES: u32 = 5;
/// So often it is looked whether a store is there, with a pause behind each.
const LOOKS: usize = 3;
const BREATH: Duration = Duration::from_millis(200);

impl Recorder {
    /// Writes files of a run side by side; what the store does not take comes back.
    pub(super) async fn files(
        &mut self,
        trial: Option<usize>,
        run: &RunId,
        files: &[(String, Vec<u8>)],
    ) -> Result<Vec<Unkept>> {
        let write =
            async |(name, content): &(String, Vec<u8>)| self.store.write_artifact(run, name, content).await;
        let results = join_all(files.iter().map(write)).await;
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
        if !self.is_final(run, &error).await {
            return Err(error);
        }
        Ok(Some(Unkept { trial, what: what.to_owned(), why: cut(&error.to_string()) }))
    }

    /// Whether it is given up to bring a file to the store.
    async fn is_final(&mut self, run: &RunId, error: &StoreError) -> bool {
        match &error.kind {
            // Nothing else would be taken either.
            ErrorKind::Unauthorized | ErrorKind::Locked | ErrorKind::Gone(_) | ErrorKind::DiskFull => false,
            kind if !may_pass(kind) => true,
            _ => {
                // A store that is away is waited for. One that answers, and does not take this, may never do so.
                if !self.answers(run).await {
                    return false;
                }
                self.refusals += 1;
                self.refusals >= TRIES
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
        if unkept.is_empty() {
            self.refusals = 0;
        }
        let known: Vec<Unkept> =
            self.folder.unkept().into_iter().filter(|known| known.trial == trial).collect();
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
