//! What decides how a sweep goes, and has nothing to do with what its trials are. It is a part of the plan.

use serde::{Deserialize, Serialize};

use super::pruner::Pruner;
use crate::sweep::search::{FamilyChoice, FamilySpace, LAG, Method, Proposer, Startup};

/// Trials side by side, at most, where none goes by earlier ones.
pub const MOST_JOBS: usize = 256;
/// Trials of a grid, at most.
pub const MOST_IN_GRID: usize = 1_000_000;

/// Which way a metric is optimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Less is better.
    Min,
    /// More is better.
    Max,
}

/// Which value of a report is optimised, and which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aim {
    /// Its place in every report.
    pub at: usize,
    /// Which way is better.
    pub mode: Mode,
}

impl Aim {
    /// The value that is optimised; none where it is not defined.
    pub fn value(self, values: &[Option<f64>]) -> Option<f64> {
        values.get(self.at).copied().flatten()
    }

    /// The same, so that less is better.
    pub fn loss(self, value: f64) -> f64 {
        match self.mode {
            Mode::Min => value,
            Mode::Max => -value,
        }
    }
}

/// What proposals go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposals {
    /// Only what has ended for sure, so that trials do not depend on the number of jobs.
    #[default]
    Steady,
    /// All that is known when a trial begins: it waits for no other.
    Eager,
}

/// What decides how a sweep goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The metric to optimise, by its name in reports.
    pub metric: String,
    /// Which way it is optimised.
    pub mode: Mode,
    /// What is searched.
    pub spaces: Vec<FamilySpace>,
    /// How trials are proposed.
    pub method: Method,
    /// Values of a range that a grid takes.
    pub grid_points: usize,
    /// Maximum number of trials; none: as many as the time allows, or the grid has.
    pub trials: Option<usize>,
    /// Seconds after which no trial begins.
    pub seconds: Option<f64>,
    /// What proposals are drawn with.
    pub seed: u64,
    /// Which trials end early.
    pub pruner: Pruner,
    /// Trials side by side.
    pub jobs: usize,
    /// Whether a last trial averages the best of each family.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ensemble: bool,
    /// What proposals go by.
    #[serde(default, skip_serializing_if = "Proposals::is_steady")]
    pub proposals: Proposals,
    /// How proposals begin that go by results.
    #[serde(default, skip_serializing_if = "is_random")]
    pub startup: Startup,
    /// How the families of trials are chosen.
    #[serde(default, skip_serializing_if = "is_estimated")]
    pub families: FamilyChoice,
    /// The sweep stops where so many trials, its first, fail in the same way; none: it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<usize>,
}

impl Proposals {
    /// What went without saying before there was a choice is still not said.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    fn is_steady(&self) -> bool {
        *self == Self::Steady
    }
}

/// As it was before there was a choice.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_random(startup: &Startup) -> bool {
    *startup == Startup::Random
}

/// As it was before there was a choice.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_estimated(families: &FamilyChoice) -> bool {
    *families == FamilyChoice::Estimated
}

impl Rules {
    /// What proposes the trials.
    pub fn proposer(&self) -> Proposer {
        let proposer = Proposer::new(self.method, self.seed, self.spaces.clone(), self.grid_points);
        let proposer = proposer.starting(self.startup).choosing(self.families);
        match self.proposals {
            Proposals::Steady => proposer,
            Proposals::Eager => proposer.apart(),
        }
    }

    /// How many trials can be under way side by side.
    pub fn most_jobs(&self) -> usize {
        match self.proposals {
            Proposals::Eager => MOST_JOBS,
            Proposals::Steady => most_jobs(self.method, self.pruner != Pruner::None),
        }
    }

    /// Whether a trial is proposed only when those that are [`LAG`] before it have ended.
    pub fn looks_back(&self) -> bool {
        self.most_jobs() == LAG
    }

    /// So many as are asked for, or one for each core but one, as far as the rules allow.
    pub fn jobs_for(&self, asked: Option<usize>) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        asked.unwrap_or(cores.saturating_sub(1)).clamp(1, self.most_jobs())
    }

    /// Maximum number of trials, where that is known.
    pub fn length(&self) -> Option<usize> {
        self.length_of(self.trials)
    }

    /// The same with another maximum.
    pub fn length_of(&self, trials: Option<usize>) -> Option<usize> {
        match (self.proposer().length(), trials) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Whether they can be kept to at all: they may come from a file.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn check(&self) -> Result<(), String> {
        self.pruner.check()?;
        let in_grid = self.spaces.iter().map(|space| space.most_in_grid(self.grid_points));
        let in_grid = in_grid.fold(0, usize::saturating_add);
        if self.method == Method::Grid && in_grid > MOST_IN_GRID {
            return Err(format!(
                "a grid of {in_grid} trials is too large (maximum {MOST_IN_GRID}); use fewer --grid-points, or fewer values with --space"
            ));
        }
        Ok(())
    }
}

/// How many trials can be under way side by side: whatever goes by earlier trials can only go by those that have ended for
/// sure.
pub fn most_jobs(method: Method, prunes: bool) -> usize {
    if method == Method::Tpe || prunes { LAG } else { MOST_JOBS }
}
