//! What the explorer is for, a folder a feature: its state, what keys do to it, what tasks bring back, its picture.
//!
//! A feature knows the core and the widgets, and other features by the core alone.

pub mod best;
pub mod charts;
pub mod compare;
pub mod datasets;
pub mod details;
pub mod experiments;
pub mod export;
pub mod files;
pub mod models;
pub mod runs;
pub mod session;
pub mod sweeps;
