//! Pictures and controls that more than one pane can use.

pub mod frame;
pub mod input;
pub mod plot;
pub mod sparkline;
pub mod view;
