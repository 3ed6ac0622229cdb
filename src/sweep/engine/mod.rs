//! What is the same for all sweeps: the journal of what happens, what it comes to, and how the store is told.

pub mod journal;
pub mod progress;
pub mod record;
pub mod state;
pub mod unkept;
