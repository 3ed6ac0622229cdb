//! Files under the cursor leave the store: to a path of this machine, and their address into the clipboard.
//!
//! State: [`Saving`], as `app.saving`. Which file is under the cursor it hears from `app.details`. The core calls `update`.

pub mod actions;
pub mod effects;
pub mod programs;
pub mod update;

use programs::{Opener, Program};

/// What is being saved now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saving {
    /// Told from others by this.
    pub number: u64,
    /// The address.
    pub what: String,
}

/// What is to be copied out of the store, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The address: `runs:/ID/PATH`.
    pub address: String,
    pub aim: Aim,
}

impl Request {
    /// The same, and files of the same names are replaced.
    fn replacing(mut self) -> Self {
        if let Aim::Save { replaces, .. } = &mut self.aim {
            *replaces = true;
        }
        self
    }
}

/// What a copy is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// To be kept.
    Save {
        /// As it was typed.
        target: String,
        /// Files of the same names are replaced.
        replaces: bool,
    },
    /// To be looked at with a program.
    Open(Opener),
    /// To be read here.
    Read,
}

/// How saving ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Where it is, with how much.
    Saved(String),
    /// What there is to be read of it.
    Text { text: String, is_markdown: bool },
    /// It was to be read, and is no text.
    Binary,
    /// Files are in the way.
    Exists(String),
    /// It is there for a program that gets the terminal.
    Ready(Program),
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
    /// A program that had the terminal has ended, perhaps `at_once`; why it could not begin, or what its status says.
    Closed { program: Program, result: Result<(), String>, at_once: bool },
    /// A text is in a file, for a program that gets the terminal; or why not.
    TextReady(Result<Program, String>),
    /// What it was made into.
    TextEdited(Result<(Program, String), String>),
}
