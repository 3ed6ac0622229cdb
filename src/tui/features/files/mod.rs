//! Files under the cursor leave the store: to a path of this machine, and their address into the clipboard.
//!
//! State: [`Saving`], as `app.saving`. Which file is under the cursor it hears from `app.details`. The core calls `update`.

pub mod actions;
pub mod effects;
pub mod update;

/// What is being saved now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saving {
    /// Told from others by this.
    pub number: u64,
    /// The address.
    pub what: String,
}

/// What is to be saved, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The address: `runs:/ID/PATH`.
    pub address: String,
    /// As it was typed.
    pub target: String,
    /// Files of the same names are replaced.
    pub replaces: bool,
}

/// How saving ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Where it is, with how much.
    Saved(String),
    /// Files are in the way.
    Exists(String),
    /// Why it failed.
    Failed(String),
}

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// How far it is, in words.
    Progress { number: u64, words: String },
    /// It is over.
    Ended { number: u64, request: Request, ended: Ended },
}
