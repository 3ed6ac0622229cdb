//! What is on the screen leaves it: into the clipboard or a file, as a table in three forms, or a chart as a picture.

pub mod actions;
pub mod effects;
pub mod update;
