//! Trials of scripts that know no MLflow: they get a run while they go on, with the points that they print. A script that
//! begins a run of its own later has that one, and the other is deleted.

use super::scripts::{ATTEMPT, ScriptRuns, run_of_attempt, unread};
use super::{TRIAL, WHY, cut, params};
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

/// Points as the store takes them.
fn metrics(points: &[Point]) -> Vec<Metric> {
    let metric = |point: &Point| Metric {
        key: point.key.clone(),
        value: point.value,
        timestamp: point.at,
        step: point.step,
    };
    points.iter().map(metric).collect()
}

impl ScriptRuns {
    /// The run of an attempt that prints, found or made; none where its script has made one itself.
    ///
    /// # Errors
    /// The store's.
    pub async fn printing_run(&self, of: &PrintingAttempt) -> Result<Option<RunId>> {
        let runs = self.of(of.trial, false).await?;
        let metric = self.sweep.names.metric();
        if let Some(run) = run_of_attempt(&runs, of.attempt, &of.parent, (&metric, self.sweep.aim)) {
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

/// What an attempt printed and its run lacks; an attempt of an older version has all of it in one file.
pub(super) fn lacking_points(
    run: &Run,
    attempt: u32,
    is_old: bool,
    folder: &TrialFolder,
) -> Result<Vec<Metric>> {
    let io = |error: std::io::Error| unread(&error);
    let mut points = folder.kept_points(attempt).map_err(io)?.points;
    if is_old {
        points.extend(folder.points_of_an_old_version().map_err(io)?);
    }
    if is_made_here(run) {
        points.drain(..folder.sent_points(attempt).min(points.len()));
    } else if !points.is_empty() {
        // What a script logs and prints it has logged. Noted, as an error may come in the middle of what is added here.
        let known = folder.known_metrics(attempt).map_err(io)?;
        let known = known.unwrap_or_else(|| run.metrics.iter().map(|metric| metric.key.clone()).collect());
        folder.set_known_metrics(attempt, &known).map_err(io)?;
        points.retain(|point| !known.contains(&point.key));
    }
    Ok(metrics(&points))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::store::Store;
    use crate::store::memory::Memory;
    use crate::sweep::begin::{PreparedSweep, SweepOrigin, find_or_create};
    use crate::sweep::engine::attempts::{Attempt, AttemptEnd};
    use crate::sweep::engine::journal::{Change, Event, EventKind, SweepFolder, TrialOutcome};
    use crate::sweep::engine::record::{LoggedSweep, Recorder};
    use crate::sweep::header::OpenedBy;
    use crate::sweep::objective::command::CommandRequest;

    struct World {
        store: Store,
        state: tempfile::TempDir,
        folder: SweepFolder,
        sweep: LoggedSweep,
    }

    impl World {
        async fn new() -> Self {
            let store = Store::new(Memory::default());
            let state = tempfile::tempdir().unwrap();
            let request = CommandRequest {
                command: vec!["sh".into()],
                metric: Some("loss:min".into()),
                ..CommandRequest::default()
            };
            let plan = request.decide(state.path()).unwrap();
            let experiment = find_or_create(&store, "train", &plan).await.unwrap();
            let origin = SweepOrigin {
                store: "memory",
                opened_by: &OpenedBy::TrackingUri("memory".into()),
                config_file: None,
                user: "ana",
                state_folder: state.path(),
            };
            let (folder, header) =
                PreparedSweep::of_command(plan, &origin).unwrap().begin(&experiment).unwrap();
            Self { store, state, folder, sweep: header.logged() }
        }

        /// What the store has of trial 0, by attempts.
        async fn runs(&self) -> Vec<(String, RunStatus, usize, Option<String>)> {
            let runs = ScriptRuns::new(self.store.clone(), self.sweep.clone()).of(0, false).await.unwrap();
            let mut seen = Vec::new();
            for run in runs {
                let points = self.store.metric_history(&run.info.run_id, "loss").await.unwrap().len();
                let tag = |key: &str| run.tag(key).map(str::to_owned);
                seen.push((tag(ATTEMPT).unwrap(), run.info.status, points, tag(WHY)));
            }
            seen.sort();
            seen
        }
    }

    fn point(step: i64) -> Point {
        Point { key: "loss".into(), value: 0.5, step, at: 10 + step }
    }

    /// A store that was away is told of an end when the trial has been attempted once more since.
    #[tokio::test]
    async fn an_end_that_is_told_late_falls_on_its_own_attempt() {
        let world = World::new().await;
        let proposal = Proposal::new("trial", Params::new());
        let started =
            |attempt| EventKind::Started { trial: 0, attempt, since: None, proposal: proposal.clone() };
        let event = |at, kind| Event { at, kind };
        let mut recorder =
            Recorder::new(world.store.clone(), world.folder.clone(), world.sweep.clone(), &[], false);
        recorder.record(&mut vec![event(1, EventKind::Begun)]).await.unwrap();
        let parent = recorder.parent_run().unwrap().clone();
        let folder = world.folder.trial_folder(0);
        folder.make().unwrap();
        folder.keep_points(1, 20, &[point(1), point(2)]).unwrap();
        folder.set_end(1, &AttemptEnd::Exited(1)).unwrap();
        // The second attempt is under way by now, and has a run.
        folder.set_attempt(&Attempt { number: 2, ..Attempt::default() }).unwrap();
        folder.keep_points(2, 40, &[point(1)]).unwrap();
        let runs = ScriptRuns::new(world.store.clone(), world.sweep.clone());
        let second = PrintingAttempt { trial: 0, attempt: 2, since: 9, proposal: proposal.clone(), parent };
        let run = runs.printing_run(&second).await.unwrap().unwrap();
        assert_eq!(runs.printing_run(&second).await.unwrap(), Some(run.clone()), "it is found again");
        runs.add_printed(&run, &[point(1)]).await.unwrap();
        let failed = TrialOutcome::Failed { message: "exit code 1".into() };
        let ended = EventKind::Ended { trial: 0, attempt: Some(1), outcome: failed };
        let retry = EventKind::Changed { change: Some(Change::Retry { trial: 0 }) };
        let mut late = vec![event(2, started(None)), event(3, ended), event(4, retry)];
        recorder.record(&mut late).await.unwrap();
        let why = Some("exit code 1".to_owned());
        let first = ("1".to_owned(), RunStatus::Failed, 2, why);
        let running = ("2".to_owned(), RunStatus::Running, 1, None);
        assert_eq!(world.runs().await, [first.clone(), running]);
        // What comes behind falls on the second, and each point is there once.
        folder.keep_points(2, 60, &[point(2), point(3)]).unwrap();
        let means = vec![Some(0.5)];
        let finished = TrialOutcome::Finished { deviations: vec![Some(0.0)], means };
        let ended = EventKind::Ended { trial: 0, attempt: Some(2), outcome: finished };
        let mut rest = vec![event(5, started(Some(2))), event(6, ended)];
        recorder.record(&mut rest).await.unwrap();
        assert_eq!(world.runs().await, [first, ("2".to_owned(), RunStatus::Finished, 3, None)]);
        drop(world.state);
    }
}
