//! Sweeps: a search over hyper-parameters, trials side by side, and what is logged of them.
//!
//! Logs through [`crate::store`] and knows no terminal.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod begin;
pub mod engine;
pub mod executor;
pub mod executor_plan;
pub mod guess;
pub mod header;
pub mod objective;
pub mod plan;
pub mod planned;
pub mod progress;
pub mod request;
pub mod run;
pub mod search;

#[cfg(test)]
mod tests;
