//! What stands over the panes and owns the keyboard while it does.

pub mod confirm;
pub mod help;
pub mod messages;
pub mod picker;
pub mod plan;
pub mod prompt;
pub mod report;
pub mod sweeps;
pub mod view;
