//! The state machine: the whole state, what happens to it, what it asks for, and where everything is on the screen.

pub mod action;
mod answers;
pub mod app;
pub mod dialogs;
pub mod draw;
pub mod effect;
pub mod form;
pub mod keymap;
pub mod layout;
pub mod marks;
pub mod memory;
mod mouse;
pub mod msg;
pub mod pace;
pub mod perform;
pub mod possible;
pub mod requests;
pub mod shown;
pub mod signs;
pub mod typing;
pub mod update;
