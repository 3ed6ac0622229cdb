//! Which run is best: the direction of metrics, the policy, where it comes from, the ranking and the reason in words.
//!
//! Pure. Knows MLflow's vocabulary and the catalogue; knows no store and no terminal.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod direction;
mod front;
mod interest;
pub mod margin;
mod parents;
pub mod policy;
pub mod rank;
pub mod reason;
pub mod resolve;
mod spread;
#[cfg(test)]
mod tests;
mod ties;

pub use direction::{Goal, goal, is_judging, is_timing};
pub use interest::Interest;
pub use parents::{Ancestors, DEEPEST, missing_parents};
pub use policy::{MetricGoal, Policy, PolicyError, ValueOf};
pub use rank::{LeftOut, Ranked, Selection, TieBreak, select, select_among, select_with};
pub use resolve::{Patterns, PolicyOrigin, Resolved, optuna_directions, resolve};
pub use spread::{Spread, SpreadOf, has_seed, is_seed, spread, without_fold};
pub use ties::{MOST_FURTHER, SAMPLE, further_metrics, newest_active, newest_metrics};
