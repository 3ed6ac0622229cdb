//! Tests of the whole program that need nothing beside it: neither Python nor a server of MLflow.
//!
//! Few programs of tests, because each links all of mltui: a new subject is a module here, or in `mlflow` where the real MLflow
//! has a word in it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod borders;
mod commands;
mod connections;
mod documents;
mod explorer;
mod keeping;
mod limits;
mod looking;
mod migrating;
mod pixels;
mod programs;
mod registering;
mod reporting;
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod sweeping;
mod tasks;
