//! A sweep and its trials, read away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use super::SweepNews;
use super::plot::WeighedTrials;
use crate::compare::importance::{Matters, ranked};
use crate::mlflow::{ExperimentId, MetricPoint, Run, RunId, tags};
use crate::store::Store;
use crate::sweep::engine::attempts::{TrialFolder, TrialPlace};
use crate::sweep::engine::journal::{Position, SweepFolder};
use crate::sweep::engine::record::{ATTEMPT, ScriptRuns, telling_run};
use crate::sweep::engine::state::SweepState;
use crate::sweep::header::SweepHeader;

/// Points that a sparkline is drawn of.
pub const POINTS: usize = 32;
/// Bytes of a file of printed points that is read for a sparkline.
const LARGEST: u64 = 4 << 20;

/// What is known of a trial besides the journal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrialDetails {
    /// Its run, where it has one by now.
    pub run: Option<(ExperimentId, RunId)>,
    /// The history of the metric, thinned out.
    pub points: Vec<MetricPoint>,
    /// How often it was begun; 0 where that is not known.
    pub attempt: u32,
    /// The job that carries out its last attempt, or did.
    pub place: Option<TrialPlace>,
    /// Nothing of it changes any more.
    pub is_final: bool,
}

/// Trials whose details are wanted, each with whether it is over.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedDetails {
    pub sweep: String,
    pub metric: String,
    pub trials: Vec<(usize, bool)>,
}

/// Reads a sweep on.
///
/// # Errors
/// What cannot be read, in words.
pub fn follow(folder: &SweepFolder, from: Position) -> Result<SweepNews, String> {
    if from == Position::default() {
        let header: SweepHeader = folder.header().map_err(|error| error.to_string())?;
        let mut state = SweepState::default();
        let followed = folder.follow(from, |event| state.learn(&event)).map_err(|error| error.to_string())?;
        state.damage = followed.damage.map(|error| error.to_string());
        return Ok(SweepNews::Whole { header: Arc::new(header), state: Box::new(state), to: followed.to });
    }
    let mut events = Vec::new();
    let followed = folder.follow(from, |event| events.push(event)).map_err(|error| error.to_string())?;
    let damage = followed.damage.map(|error| error.to_string());
    Ok(SweepNews::More { events, to: followed.to, damage })
}

/// The runs of trials, with the histories of their metric. What the store does not answer is left out, and asked for again.
pub async fn describe(
    store: Store,
    folder: SweepFolder,
    wanted: WantedDetails,
) -> Vec<(usize, TrialDetails)> {
    let Ok(header) = folder.header() else { return Vec::new() };
    let runs = ScriptRuns::new(store.clone(), header.logged());
    let mut found: Vec<(usize, TrialDetails)> = Vec::new();
    for (trial, is_over) in wanted.trials {
        // What prints gets its run here: it is not looked for elsewhere again and again while it does.
        let Ok(mut known) = runs.here(trial).await else { continue };
        if is_over || known.is_empty() {
            let Ok(all) = runs.of(trial, is_over).await else { continue };
            known = all;
        }
        // What a script nests in its run has the same tags.
        let is_nested = |run: &&Run| {
            let parent = run.tag(tags::PARENT_RUN_ID);
            known.iter().any(|other| Some(other.info.run_id.as_str()) == parent)
        };
        let at = folder.trial_folder(trial);
        // What is not there yet is not known.
        let attempt = at.attempt().unwrap_or_default().number;
        let is_last = |run: &&Run| run.tag(ATTEMPT).is_none_or(|tag| tag == attempt.to_string());
        let own = known.iter().filter(|run| !is_nested(run) && is_last(run));
        let run = telling_run(own, (&wanted.metric, runs.aim()));
        let mut details = TrialDetails {
            is_final: is_over,
            attempt,
            place: at.place().unwrap_or_default(),
            ..TrialDetails::default()
        };
        if run.is_none() {
            details.points = printed(&at, details.attempt, &wanted.metric);
        }
        details.run = run.map(|run| (run.info.experiment_id.clone(), run.info.run_id.clone()));
        found.push((trial, details));
    }
    let ids: Vec<RunId> =
        found.iter().filter_map(|(_, details)| details.run.as_ref().map(|(_, run)| run.clone())).collect();
    let histories = store.sampled_history(&ids, &wanted.metric, POINTS).await.unwrap_or_default();
    for (run, points) in histories {
        let known =
            found.iter_mut().find(|(_, details)| details.run.as_ref().is_some_and(|(_, id)| *id == run));
        if let Some((_, details)) = known {
            details.points = points;
        }
    }
    found
}

/// What a trial printed of its metric, for one that has no run.
fn printed(folder: &TrialFolder, attempt: u32, metric: &str) -> Vec<MetricPoint> {
    let is_small = folder.points_length(attempt) <= LARGEST;
    let points = if is_small { folder.kept_points(attempt).unwrap_or_default().points } else { Vec::new() };
    let mut own: Vec<MetricPoint> = points
        .iter()
        .filter(|point| point.key == metric && point.value.is_finite())
        .map(|point| MetricPoint { step: point.step, timestamp: point.at, value: point.value })
        .collect();
    own.sort_by_key(|point| (point.step, point.timestamp));
    let each = own.len().div_ceil(POINTS).max(1);
    let last = own.last().copied();
    let mut thin: Vec<MetricPoint> = own.into_iter().step_by(each).collect();
    if thin.last().copied() != last {
        thin.extend(last);
    }
    thin
}

/// Which params matter for what the trials came to.
pub fn weigh(trials: WeighedTrials) -> Matters {
    ranked(&trials.values, trials.params)
}
