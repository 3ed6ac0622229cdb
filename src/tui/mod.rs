//! The explorer: a state machine ([`core`]), what it is for ([`features`], each with its state, its keys, its picture), what
//! they are drawn with ([`widgets`]), and the shell that connects them to a terminal and a store (`shell`).
//!
//! ```text
//! crossterm ─▶ Key, Mouse, Resize ─┐
//!                                  ├─▶ update(&mut App, Stamped) -> Vec<Effect> ─▶ executor: tasks, timers
//! tasks ─▶ Catalog, Failed, Tick ──┘             draw(&App, &Pictures, &Theme, &mut Frame)       │
//!                                  ▲─────────────────────────── Msg ◀────────────────────────────┘
//! ```
//!
//! `update` does no IO and reads no clock; drawing changes nothing. What effects come to is done by the shell, and by the
//! `effects.rs` of features.

pub mod core;
pub mod features;
mod shell;
pub mod widgets;

pub use core::keymap::Keymap;
pub use features::models::place::RegistryPlace;
pub use features::session::Elsewhere;
pub use features::session::keeping::{last_workspace, remember_workspace};
#[cfg(unix)]
pub use shell::{Decoder, guard_terminal};
pub use shell::{Input, OpenStore, TerminalScreen, run, tokio_runtime};

#[cfg(test)]
mod tests;
