//! Why a copy is not made, or not whole.

use thiserror::Error;

use crate::files::TransferError;
use crate::mlflow::NoExperiment;
use crate::store::{ErrorKind, StoreError};

pub type Result<T, E = MigrateError> = std::result::Result<T, E>;

/// Why nothing more is copied.
#[derive(Debug, Error)]
pub enum MigrateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    NoExperiment(#[from] NoExperiment),
    /// Both are one, in words.
    #[error("{0}")]
    Same(&'static str),
    /// Names that others have in the other store.
    #[error("the target has {what}, which did not come from there; --merge copies into {it}", what = .0.join(", "), it = if .0.len() == 1 { "it" } else { "them" })]
    Taken(Vec<String>),
    /// The other store has no room for a kind of things.
    #[error("{0}")]
    Lacks(String),
    /// A file of this machine.
    #[error("{0}")]
    Local(std::io::Error),
}

/// Something that could not be copied, or is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `run 3f…`
    pub what: String,
    /// So many more of its kind have the same.
    pub others: usize,
    pub why: String,
}

impl Problem {
    /// What is the same for others of its kind that have the same: the kind, and why.
    pub fn gist(&self) -> Option<(&str, String)> {
        let (kind, _) = self.what.rsplit_once(' ')?;
        Some((kind, plain(&self.why)))
    }
}

/// A failure without what differs from one thing to the next: ids, and places in what a server was sent.
fn plain(why: &str) -> String {
    let parts = why.split('[').map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
    let without_places = parts.collect::<Vec<_>>().join("[");
    let is_id = |word: &str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = without_places.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !is_id(word)).collect::<Vec<_>>().join(" ")
}

/// Whether a failure is of the thing that was asked for, and not of all: others can be copied all the same.
pub fn is_of_one(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::NotFound(_)
        | ErrorKind::AlreadyExists(_)
        | ErrorKind::Partly(_)
        | ErrorKind::Invalid(_)
        | ErrorKind::Unsupported(_)
        | ErrorKind::TooMuch(_)
        | ErrorKind::Elsewhere(_)
        | ErrorKind::ObjectStore(..)
        | ErrorKind::Io(_)
        | ErrorKind::Hung(..)
        | ErrorKind::Forbidden(_)
        | ErrorKind::Database(_)
        | ErrorKind::Limit(_) => true,
        ErrorKind::Server { status, .. } => *status == 500 || *status == 501,
        ErrorKind::Unreachable(_)
        | ErrorKind::Timeout(_)
        | ErrorKind::Tls(_)
        | ErrorKind::Proxy(_)
        | ErrorKind::Unauthorized
        | ErrorKind::Withheld(_)
        | ErrorKind::Login(_)
        | ErrorKind::Denied(_)
        | ErrorKind::Address(_)
        | ErrorKind::Locked
        | ErrorKind::ReadOnly(_)
        | ErrorKind::NotAStore(_)
        | ErrorKind::Gone(_)
        | ErrorKind::DiskFull
        | ErrorKind::Protocol(_) => false,
    }
}

/// A failure of one thing in words, or one of all.
pub fn of_one<T>(result: Result<T>) -> Result<std::result::Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(MigrateError::Store(error)) if is_of_one(&error.kind) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// The error of a transfer, which names what it is about.
pub fn of_transfer(error: TransferError) -> MigrateError {
    MigrateError::Store(error.in_store("list files"))
}
