//! Promoting a version of a registered model to a role: an alias such as `@champion`, or a stage such as Production.
//!
//! A policy says what a version must show first; the gate ([`gate`]) is pure, and says each check with its numbers. What is
//! written follows marking: each promotion is an entry in a log, which are tags of the registered model; where aliases and
//! stages go follows from the log alone, so that two who promote at once end in one state, and each write can be repeated
//! until nothing is left to do. Knows no terminal and no journal.

#![warn(missing_docs, clippy::missing_errors_doc)]

mod facts;
mod gate;
mod history;
mod log;
mod plan;
mod policy;
#[cfg(test)]
mod tests;
mod writing;

pub use facts::{Facts, Measured, facts, facts_of_new};
pub use gate::{Check, CheckOf, Outcome, Verdict, better, judge};
pub use history::history;
pub use log::{Log, Promotion, is_of_log, tag_words};
pub use plan::{NewVersion, PromotionPlan, PromotionRequest, plan};
pub use policy::{ModelPolicy, Required, Role};
pub use writing::{Promoted, carry_out, is_in_log, is_outdated, take_back, withdraw};
