//! Learning from tables: data sets, what becomes of their columns, folds, model families, scores, and models as ONNX.
//!
//! A library of estimators: it knows no MLflow, no store and no sweep.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod averaging;
pub mod calendar;
mod cores;
pub mod data;
pub mod families;
pub mod features;
pub mod fingerprint;
pub mod folds;
mod histogram;
pub mod leaks;
mod means;
pub mod model;
mod neighbours;
pub mod onnx;
pub mod pairs;
pub mod permutation;
pub mod prepare;
pub mod report;
pub mod roles;
pub mod scores;
pub mod study;
pub mod trees;
pub mod weights;

#[cfg(test)]
mod tests;
