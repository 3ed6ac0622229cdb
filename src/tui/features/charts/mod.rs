//! Histories of metrics as line charts: the dashboard among the details, and one chart as a screen of its own.

pub mod dashboard;
pub mod histories;
pub mod picturing;
pub mod screen;
pub mod update;
