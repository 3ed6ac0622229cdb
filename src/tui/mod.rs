//! The explorer: a state machine ([`app`], [`update`]), pictures of its state (`view.rs` files), and the shell that
//! connects them to a terminal and a store (`runtime`).
//!
//! ```text
//! crossterm ─▶ Key, Mouse, Resize ─┐
//!                                  ├─▶ update(&mut App, Msg) -> Vec<Effect> ─▶ executor: tasks, timers
//! tasks ─▶ Catalog, Failed, Tick ──┘                       draw(&App, &Theme, &mut Frame)        │
//!                                  ▲─────────────────────────── Msg ◀────────────────────────────┘
//! ```
//!
//! `update` does no IO and reads no clock; drawing changes nothing. A message is a key (which the keymap makes an
//! [`action`], if it is `possible`, and `perform` does; or which belongs to what is being typed: `typing`), the
//! mouse, or what a task brings back (`answers`). What all of them ask for is in `requests`.

pub mod action;
mod answers;
pub mod app;
pub mod best;
mod charting;
mod choosing;
mod comparing;
mod dialogs;
pub mod draw;
pub mod effect;
mod exporting;
pub mod form;
pub mod histories;
pub mod keymap;
pub mod layout;
mod marking;
pub mod marks;
pub mod memory;
mod mouse;
pub mod msg;
pub mod overlays;
mod pace;
pub mod panes;
mod perform;
mod picturing;
mod possible;
mod requests;
mod runtime;
pub mod screens;
pub mod sweeping;
pub mod sweeps;
pub mod theme;
mod typing;
pub mod update;
pub mod widgets;

pub use charting::prepare;
pub use keymap::Keymap;
#[cfg(unix)]
pub use runtime::{Decoder, guard_terminal};
pub use runtime::{Input, Opened, Screen, run, tokio_runtime};

#[cfg(test)]
mod tests;
