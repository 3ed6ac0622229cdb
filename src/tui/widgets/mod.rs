//! Pictures and controls that more than one feature uses.

pub mod bars;
pub mod boxes;
pub mod confirm;
pub mod cursor;
pub mod frame;
pub mod help;
pub mod input;
pub mod keys;
pub mod messages;
pub mod picker;
pub mod plot;
pub mod prompt;
pub mod report;
pub mod sparkline;
pub mod table;
pub mod theme;
pub mod view;
