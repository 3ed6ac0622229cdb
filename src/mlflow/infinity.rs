//! Infinite values, which MLflow's SQL stores do not keep: they hold the greatest numbers there are in their place.
//!
//! Inside the program infinite is infinite. Values are turned where they enter from such a store, or from a server that
//! rests on one, and where they leave.

/// The value that was logged, of the one that a SQL store holds.
pub fn logged(stored: f64) -> f64 {
    if stored.abs() >= f64::MAX { f64::INFINITY.copysign(stored) } else { stored }
}

/// The value that a SQL store holds, of the one that was logged; NaN stays NaN.
pub fn stored(logged: f64) -> f64 {
    logged.clamp(f64::MIN, f64::MAX)
}
