//! The program as a whole: polling, profiles, the palette, earlier messages, what is kept for the next visit, the end.
//!
//! Its state is the [`App`](crate::tui::core::app::App)'s own. The core calls `update`, the shell the
//! [`keeping::Keeper`].

pub mod actions;
pub mod effects;
pub mod keeping;
pub mod update;
