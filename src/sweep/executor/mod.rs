//! How trials run side by side.

pub mod threads;
