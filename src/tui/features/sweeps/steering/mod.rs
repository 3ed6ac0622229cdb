//! Sweeps that are begun already: paused, cancelled, resumed, changed.

pub mod effects;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    Pause,
    Continue,
    Cancel,
    Resume,
}
