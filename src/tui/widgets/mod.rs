//! Pictures that more than one pane can use.

pub mod sparkline;
