//! Trials of scripts that know no MLflow: they get a run while they go on, with the points that they print. A script that
//! begins a run of its own later has that one, and the other is deleted.

use super::scripts::{ATTEMPT, ScriptRuns, run_of_attempt, unread};
use super::{Recorder, TRIAL, WHY, cut, params};
use crate::mlflow::{Metric, Param, Run, RunId, RunStatus, Tag, tags};
use crate::store::{NewRun, Result, RunUpdate};
use crate::sweep::engine::attempts::TrialFolder;
use crate::sweep::engine::points::Point;
use crate::sweep::search::Proposal;

/// An attempt at a trial that may get a run.
#[derive(Debug, Clone)]
pub struct PrintingAttempt {
    /// The number of the trial.
    pub trial: usize,
    /// The number of the attempt.
    pub attempt: u32,
    /// When it began, in milliseconds since the epoch.
    pub since: i64,
    /// What is tried.
    pub proposal: Proposal,
    /// The sweep's own run.
    pub parent: RunId,
}

/// Whether a run was made for a script that made none.
pub fn is_made_here(run: &Run) -> bool {
    run.tag(tags::SOURCE_NAME) == Some(super::log::SOURCE)
}

/// Points as the store takes them: of what is no number it is told nothing.
pub(super) fn metrics(points: &[Point]) -> Vec<Metric> {
    let metric = |point: &Point| Metric {
        key: point.key.clone(),
        value: point.value,
        timestamp: point.at,
        step: point.step,
    };
    points.iter().filter(|point| point.value.is_finite()).map(metric).collect()
}

impl ScriptRuns {
    /// The run of an attempt that prints, found or made; none where its script has made one itself.
    ///
    /// # Errors
    /// The store's.
    pub async fn printing_run(&self, of: &PrintingAttempt) -> Result<Option<RunId>> {
        let runs = self.of(of.trial, false).await?;
        let metric = self.sweep.names.metric();
        if let Some(run) = run_of_attempt(&runs, of.attempt, &of.parent, &metric) {
            return Ok(is_made_here(run).then(|| run.info.run_id.clone()));
        }
        let run = self.make_run(of).await?;
        let params: Vec<Param> = params(self.sweep.names.trial_params(&of.proposal));
        self.store.log_batch(&run.info.run_id, &[], &params, &[]).await?;
        Ok(Some(run.info.run_id))
    }

    /// Adds points to the run of an attempt.
    ///
    /// # Errors
    /// The store's; the same once more changes nothing.
    pub async fn add_printed(&self, run: &RunId, points: &[Point]) -> Result<()> {
        self.store.log_batch(run, &metrics(points), &[], &[]).await
    }

    /// Closes the run of an attempt that another follows.
    ///
    /// # Errors
    /// The store's.
    pub async fn close_printing(&self, run: &RunId, status: RunStatus, why: &str, at: i64) -> Result<()> {
        self.store.log_batch(run, &[], &[], &[Tag::new(WHY, cut(why))]).await?;
        let update = RunUpdate { status: Some(status), end_time: Some(at), run_name: None };
        self.store.update_run(run, &update).await
    }

    /// A run for a script that makes none.
    pub(super) async fn make_run(&self, of: &PrintingAttempt) -> Result<Run> {
        let own = [
            Tag::new(TRIAL, of.trial.to_string()),
            Tag::new(ATTEMPT, of.attempt.to_string()),
            Tag::new(tags::PARENT_RUN_ID, of.parent.as_str()),
        ];
        let new = NewRun {
            experiment_id: self.sweep.experiment.clone(),
            run_name: Some(self.sweep.names.trial_name(of.trial, &of.proposal)),
            user_id: self.sweep.user.clone(),
            start_time: of.since,
            tags: self.sweep.origin().into_iter().chain(own).collect(),
        };
        self.store.create_run(&new).await
    }
}

impl Recorder {
    /// Brings what an attempt printed to its run, as far as that lacks it.
    pub(super) async fn bring_printed(&self, run: &Run, attempt: u32, folder: &TrialFolder) -> Result<()> {
        let io = |error: std::io::Error| unread(&error);
        let mut points = folder.kept_points(attempt).map_err(io)?.points;
        let count = points.len();
        if is_made_here(run) {
            points.drain(..folder.sent_points(attempt).min(count));
        } else if count > 0 {
            // What a script logs and prints it has logged. Noted, as an error may come in the middle of what is added here.
            let known = folder.known_metrics(attempt).map_err(io)?;
            let known =
                known.unwrap_or_else(|| run.metrics.iter().map(|metric| metric.key.clone()).collect());
            folder.set_known_metrics(attempt, &known).map_err(io)?;
            points.retain(|point| !known.contains(&point.key));
        }
        if points.is_empty() {
            return Ok(());
        }
        self.log(&run.info.run_id, &metrics(&points), &[], &[]).await?;
        folder.set_sent_points(attempt, count).map_err(io)
    }
}
