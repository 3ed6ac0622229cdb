//! The program as a whole: polling, profiles, the palette, earlier messages, what is kept for the next visit, the end.
//!
//! Its state is the [`App`](crate::tui::core::app::App)'s own. The core calls `update`, the shell the
//! [`keeping::Keeper`].

pub mod actions;
pub mod effects;
pub mod keeping;
pub mod update;

use crate::store::Result;

/// What tasks bring back.
#[derive(Debug, Clone)]
pub enum Msg {
    /// The workspaces of the store were looked for.
    Workspaces(Result<Vec<String>>),
}

/// What else can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    Profile(String),
    /// Another workspace of the same store, by the profile that is open. No name is none of them.
    Workspace {
        name: String,
        profile: Option<String>,
    },
}

impl std::fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Workspace { name, .. } => write!(f, "workspace {name}"),
        }
    }
}
