//! What is on the screen leaves it: into the clipboard or a file, as a table in three forms, or a chart as a picture; and into
//! the browser.
//!
//! It has no state: what is shown it gets from `core::shown`. The core calls `update`.

pub mod actions;
pub mod effects;
pub mod update;
