//! Which run is better: the direction of metrics.
//!
//! Pure. Knows MLflow's vocabulary and the catalogue; knows no store and no terminal.

pub mod direction;

pub use direction::{Goal, goal};
