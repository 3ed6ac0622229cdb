//! Random damage to all that comes from outside: no panic, no hang, no memory without end, and nothing written that
//! nobody asked for.
//!
//! Each target draws inputs for `MLTUI_FUZZ_SECONDS` (5 without it). An input that fails is made smaller and printed with
//! its seed; `MLTUI_FUZZ_SEED` tries that one alone.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod calls;
mod data;
mod databases;
mod drawing;
mod filters;
mod journals;
mod keys;
mod models;
#[path = "../support/mod.rs"]
mod support;
mod sweeps;
mod visit;
