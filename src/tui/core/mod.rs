//! The state machine: the whole state, what happens to it, what it asks for, and where everything is on the screen.

pub mod action;
pub mod app;
pub mod draw;
pub mod effect;
pub mod form;
pub mod go;
pub mod keymap;
pub mod latest;
pub mod layer;
pub mod layout;
pub mod memory;
mod mouse;
pub mod msg;
pub mod panes;
pub mod plotted;
pub mod poll_interval;
pub mod possible;
pub mod progress;
pub mod remote;
pub mod requests;
pub mod search;
pub mod selected;
pub mod shown;
pub mod signs;
pub mod tasks;
pub mod update;
