//! Training: a data set, a search over model families and their hyper-parameters, and what is logged of it.
//!
//! Logs through [`crate::store`] and knows no terminal.

pub mod account;
pub mod begin;
pub mod course;
pub mod data;
pub mod families;
pub mod folds;
pub mod journal;
pub mod keep;
pub mod model;
pub mod onnx;
pub mod pairs;
pub mod plan;
pub mod prepare;
pub mod progress;
pub mod read_as;
pub mod record;
pub mod roles;
pub mod run;
pub mod scores;
pub mod search;
pub mod space;
pub mod study;
pub mod train;
pub mod trees;
pub mod unkept;

#[cfg(test)]
mod tests;
