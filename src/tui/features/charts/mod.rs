//! Histories of metrics as line charts: the dashboard among the details, and one chart as a screen of its own.
//!
//! State: [`dashboard::Dashboard`] as `app.charts`, [`histories::Histories`] as `app.histories`, and a [`screen::ChartScreen`] for
//! each chart that has the whole screen. What they look like is kept by whoever draws them: [`pictures::Pictures`]. The core calls `update`; compare opens charts through the core.

pub mod actions;
pub mod dashboard;
mod derived;
pub mod effects;
pub mod groups;
pub mod histories;
pub mod metrics;
pub mod pictures;
pub mod picturing;
pub mod ranking;
pub mod screen;
pub mod series;
pub mod settings;
pub mod standing;
pub mod update;
mod wanting;

use crate::store::{HistoryPart, StoreError};
use crate::tui::core::remote::Ticket;
use histories::HistoryRequest;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// What is new of a history.
    History { request: HistoryRequest, result: Result<HistoryPart, StoreError> },
    /// The values of metrics among the runs that are shown.
    Ranked { ticket: Ticket, values: standing::Values },
}
