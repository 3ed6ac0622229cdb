//! Tests of the whole program together with the real MLflow: its servers, its client, and what other packages of Python say.
//!
//! MLflow is installed on first use; what needs none of it is a module of `alone`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod catalog;
mod commands;
mod comparing;
mod connections;
mod databricks;
mod ensembles;
mod explorer;
mod failures;
mod files;
mod filters;
mod folds;
mod killed_transfers;
mod killing;
mod marking;
mod migrating;
mod mysql;
mod objects;
mod paging;
mod postgres;
mod registry;
mod scores;
mod selecting;
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod support_vectors;
mod sweeping;
mod terminal;
mod through;
mod training;
mod weights;
mod working;
