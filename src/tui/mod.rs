//! The explorer: a state machine ([`app`], [`update`]), pictures of its state (`view.rs` files), and the shell that
//! connects them to a terminal and a store ([`runtime`]).
//!
//! ```text
//! crossterm ─▶ Key, Mouse, Resize ─┐
//!                                  ├─▶ update(&mut App, Msg) -> Vec<Effect> ─▶ executor: tasks, timers
//! tasks ─▶ Catalog, Failed, Tick ──┘                       draw(&App, &Theme, &mut Frame)        │
//!                                  ▲─────────────────────────── Msg ◀────────────────────────────┘
//! ```
//!
//! `update` does no IO and reads no clock; drawing changes nothing.

pub mod action;
mod answers;
pub mod app;
mod dialogs;
pub mod draw;
pub mod effect;
pub mod keymap;
pub mod layout;
pub mod memory;
mod mouse;
pub mod msg;
pub mod overlays;
mod pace;
pub mod panes;
mod perform;
mod runtime;
pub mod theme;
pub mod update;
pub mod widgets;

pub use keymap::Keymap;
pub use runtime::{Opened, Screen, run, tokio_runtime};

#[cfg(test)]
mod tests;
