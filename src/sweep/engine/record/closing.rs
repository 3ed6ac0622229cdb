//! The end of a sweep, and what is taken up again behind it: no run is left that looks as if somebody were at it.

use super::{Recorder, SWEEP, TRIAL, WHY, cut};
use crate::mlflow::{Run, RunId, RunStatus, Tag};
use crate::store::pages::each_page;
use crate::store::{ErrorKind, Result, RunUpdate};
use crate::sweep::engine::journal::EndReason;
use crate::sweep::engine::state::{TrialState, best};

/// Runs that are closed at once; there are as many as trials side by side.
const MOST: usize = 1_000;

impl Recorder {
    /// The trials that have begun and not ended.
    pub(super) fn open(&self) -> Vec<usize> {
        let trials = &self.state.trials;
        (0..trials.len()).filter(|number| trials[*number].outcome.is_none()).collect()
    }

    /// A trial that broke off is taken up again.
    pub(super) async fn reopen(&mut self, trial: usize) -> Result<()> {
        let run = self.run_of(trial).await?;
        let running = RunUpdate { status: Some(RunStatus::Running), ..RunUpdate::default() };
        self.unless_deleted(&run, self.store.update_run(&run, &running).await).await?;
        self.clear(&run, WHY).await
    }

    /// A trial that has ended is taken up once more, as somebody asked; one that has not goes on as it does.
    pub(super) async fn retry(&mut self, trial: usize) -> Result<()> {
        if !self.state.trials.get(trial).is_some_and(TrialState::is_under_way) {
            return Ok(());
        }
        // Its model may be there already.
        self.searches = true;
        // The best so far is told anew from there on.
        self.prefix = self.prefix.min(trial);
        if self.scripts.is_some() {
            // Its next attempt makes another run, and this one stays as it ended.
            self.runs.remove(&trial);
            return Ok(());
        }
        self.reopen(trial).await
    }

    /// Takes a tag away that may not be there.
    pub(super) async fn clear(&self, run: &RunId, key: &str) -> Result<()> {
        match self.store.delete_tag(run, key).await {
            Err(error) if matches!(error.kind, ErrorKind::Invalid(_) | ErrorKind::NotFound(_)) => Ok(()),
            result => result,
        }
    }

    pub(super) async fn end(&self, run: &RunId, status: RunStatus, at: i64) -> Result<()> {
        let update = RunUpdate { status: Some(status), end_time: Some(at), run_name: None };
        self.unless_deleted(run, self.store.update_run(run, &update).await).await
    }

    pub(super) async fn closed(&mut self, at: i64, reason: EndReason) -> Result<()> {
        for number in self.open() {
            if self.scripts.is_some() {
                self.script_cut_off(number, at).await?;
                continue;
            }
            let run = self.run_of(number).await?;
            self.log(&run, &[], &[], &[Tag::new(WHY, "interrupted")]).await?;
            self.end(&run, RunStatus::Killed, at).await?;
        }
        if self.sweep.outlives && reason != EndReason::Interrupted {
            // Jobs of an array may have begun before the sweep took note of their trials, and are cancelled with the others; also
            // where fewer trials were asked for.
            for run in self.running().await?.iter().filter(|run| run.tag(TRIAL) != Some("parent")) {
                self.end(&run.info.run_id, RunStatus::Killed, at).await?;
            }
        }
        let parent = self.parent(at).await?;
        if let Some(best) = best(&self.state.trials, self.sweep.aim) {
            let run = match &self.scripts {
                Some(_) => self.script_run(best).await?,
                None => Some(self.run_of(best).await?),
            };
            let best: Vec<Tag> =
                run.map(|run| Tag::new("mltui.sweep.best", run.as_str())).into_iter().collect();
            self.log(&parent, &[], &[], &best).await?;
        }
        let status = match reason {
            EndReason::Finished => RunStatus::Finished,
            EndReason::Failed => RunStatus::Failed,
            EndReason::Cancelled | EndReason::Interrupted => RunStatus::Killed,
        };
        if reason == EndReason::Failed
            && let Some(why) = self.state.last_failure()
        {
            self.log(&parent, &[], &[], &[Tag::new(WHY, cut(why))]).await?;
        }
        self.end(&parent, status, at).await
    }

    /// The sweep broke off with an error. What the store lacks is brought there when it is resumed; until then its runs
    /// are closed, as far as the store lets them be.
    pub async fn abandon(&self, at: i64, why: &str) {
        let left = match self.running().await {
            Ok(left) => left,
            Err(error) => return tracing::warn!(%error, "runs of the sweep stay as they are"),
        };
        for run in left {
            let (id, is_parent) = (&run.info.run_id, run.tag(TRIAL) == Some("parent"));
            if !is_parent && self.sweep.outlives && !self.was_called_off {
                // Its job goes on.
                continue;
            }
            let closed = if is_parent {
                let told = self.log(id, &[], &[], &[Tag::new(WHY, cut(why))]).await;
                told.and(self.end(id, RunStatus::Failed, at).await)
            } else {
                let failed = self.fail_models(id).await;
                failed.and(self.end(id, RunStatus::Killed, at).await)
            };
            if let Err(error) = closed {
                tracing::warn!(%error, run = %id, "a run stays as it is");
            }
        }
    }

    /// The runs of the sweep that look as if they ran.
    async fn running(&self) -> Result<Vec<Run>> {
        let filter = format!("tags.`{SWEEP}` = '{}' AND attributes.status = 'RUNNING'", self.sweep.id);
        let search = self.search(&filter, MOST)?;
        let mut found = Vec::new();
        each_page(&self.store, search, usize::MAX, |runs| {
            // Their tags tell what they are.
            found.extend(runs.into_iter().map(|run| Run { metrics: Vec::new(), params: Vec::new(), ..run }));
        })
        .await?;
        Ok(found)
    }
}
