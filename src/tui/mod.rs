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
pub mod app;
pub mod draw;
pub mod effect;
pub mod keymap;
pub mod layout;
mod mouse;
pub mod msg;
pub mod overlays;
pub mod panes;
mod runtime;
pub mod theme;
pub mod update;
pub mod widgets;

pub use runtime::{Screen, run};

#[cfg(test)]
mod tests;
