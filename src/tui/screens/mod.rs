//! What fills the whole screen in place of the panes.

pub mod chart;
pub mod compare;
