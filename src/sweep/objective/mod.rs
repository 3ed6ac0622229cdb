//! What a trial is.

pub mod keep;
