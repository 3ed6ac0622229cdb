//! A copy that is being made: the stores, and what is known of it so far.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Problem;
use super::ids::Ids;
use super::plan::{Place, Plan};
use super::sums::Sums;
use super::{Copied, Progress, Report, Request};
use crate::mlflow::{Experiment, ExperimentId, RunId};
use crate::store::Store;

/// How it begins that a problem is of files.
pub const FILES: &str = "the files of ";
/// Problems that are told one by one.
const TOLD: usize = 50;

pub struct Job<'a> {
    pub from: &'a Store,
    pub to: &'a Store,
    pub request: &'a Request,
    pub progress: &'a Progress,
    /// Whether things keep their ids.
    pub keeps: bool,
    state: Mutex<State>,
}

#[derive(Default)]
pub struct State {
    pub ids: Ids,
    pub copied: Copied,
    /// Runs of which not all could be copied.
    pub failed: HashSet<RunId>,
    pub from: Sums,
    pub to: Sums,
    problems: Vec<Problem>,
    /// Where each is that others may have as well.
    gists: HashMap<u64, usize>,
    /// What was told already.
    told: HashSet<u64>,
    notes: Vec<String>,
    more_problems: usize,
}

fn fingerprint(told: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    told.hash(&mut hasher);
    hasher.finish()
}

/// An experiment that has its place.
pub struct Placed {
    pub source: Experiment,
    pub target: ExperimentId,
    pub place: Place,
}

impl<'a> Job<'a> {
    pub fn new(from: &'a Store, to: &'a Store, request: &'a Request, progress: &'a Progress) -> Self {
        Self { from, to, request, progress, keeps: to.keeps_ids(), state: Mutex::default() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn problem(&self, what: impl Into<String>, why: impl Into<String>) {
        let problem = Problem { what: what.into(), others: 0, why: why.into() };
        tracing::warn!(what = problem.what, why = problem.why, "not copied");
        let mut state = self.state();
        // What cannot be listed is found out more than once.
        let why = if problem.what.starts_with(FILES) { "" } else { &problem.why };
        if !state.told.insert(fingerprint(&(&problem.what, why))) {
            return;
        }
        let gist = problem.gist().map(|gist| fingerprint(&gist));
        let known = gist.and_then(|gist| state.gists.get(&gist).copied());
        if let Some(known) = known {
            state.problems[known].others += 1;
        } else if state.problems.len() < TOLD {
            let at = state.problems.len();
            state.gists.extend(gist.map(|gist| (gist, at)));
            state.problems.push(problem);
        } else {
            state.more_problems += 1;
        }
    }

    /// What is no problem and worth knowing, once.
    pub fn note_of(&self, words: String) {
        let mut state = self.state();
        if state.notes.len() < TOLD && !state.notes.contains(&words) {
            state.notes.push(words);
        }
    }

    /// Work on many things side by side.
    pub fn side_by_side(&self) -> usize {
        self.to.capabilities().parallel_reads.max(1)
    }

    pub fn report(&self, plan: Plan, placed: &[Placed]) -> Report {
        let mut state = self.state();
        let experiments = placed.iter().map(|one| {
            (one.source.name.clone(), one.source.experiment_id.to_string(), one.target.to_string())
        });
        Report {
            copied: state.copied,
            experiments: experiments.collect(),
            from: state.from,
            to: state.to,
            problems: std::mem::take(&mut state.problems),
            more_problems: state.more_problems,
            notes: plan.notes.into_iter().chain(std::mem::take(&mut state.notes)).collect(),
        }
    }
}
