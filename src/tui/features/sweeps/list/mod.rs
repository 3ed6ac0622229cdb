//! The sweeps of this machine, with what can be done about each.

pub mod view;
