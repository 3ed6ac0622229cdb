//! Why a transfer ended without success.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::store::{ErrorKind, StoreError};

/// What a transfer comes to.
pub type Result<T> = std::result::Result<T, TransferError>;

/// Why a transfer ended without success.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The store does not answer, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No address, or none of this kind.
    #[error("{0}")]
    Address(String),
    /// There is nothing at an address.
    #[error("{0}")]
    Nothing(String),
    /// Files are in the way.
    #[error("{}", in_the_way(.0))]
    Exists(Vec<PathBuf>),
    /// Files of the run are in the way.
    #[error("{}", in_the_run(.0))]
    InRun(Vec<String>),
    /// Not all files of a folder of the run are told: some may be in the way.
    #[error("{0}")]
    Unlisted(String),
    /// A name that would lead out of the folder, or cannot be one.
    #[error("the store lists a file named {0:?}, {1}; nothing was saved")]
    Name(String, &'static str),
    /// What comes is not what was listed.
    #[error("{0}")]
    Changed(String),
    /// What is there is not what a manifest says.
    #[error("{0}")]
    Differs(String),
    /// Somebody else does the same at this moment.
    #[error("another download to {} is running", .0.display())]
    Busy(PathBuf),
    /// A file of this machine; the cause names its path.
    #[error("{0}")]
    Local(io::Error),
}

impl TransferError {
    /// The error of a path.
    pub(super) fn at(path: &std::path::Path) -> impl Fn(io::Error) -> Self + '_ {
        move |error| {
            let words = if is_full(&error) { FULL.to_owned() } else { error.to_string() };
            Self::Local(io::Error::new(error.kind(), format!("{}: {words}", path.display())))
        }
    }

    /// The error of a file of this machine, which names its path.
    pub(super) fn local(error: io::Error) -> Self {
        if !is_full(&error) {
            return Self::Local(error);
        }
        let text = error.to_string();
        let words = match text.rsplit_once(": ") {
            Some((path, _)) => format!("{path}: {FULL}"),
            None => FULL.to_owned(),
        };
        Self::Local(io::Error::new(error.kind(), words))
    }

    /// As an error of the store, where nobody tells them apart.
    pub fn in_store(self, operation: &str) -> StoreError {
        match self {
            Self::Store(error) => error,
            error => StoreError::new(operation, ErrorKind::Invalid(error.to_string())),
        }
    }

    /// What can be done about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(StoreError { kind: ErrorKind::Elsewhere(_), .. }) => Some(
                "point --tracking-uri at the MLflow server that keeps them, or put the folder where it is looked for",
            ),
            Self::Store(error) => Some(error.hint()),
            Self::Exists(_) | Self::InRun(_) => Some("--force replaces files of the same name"),
            Self::Unlisted(_) => Some("--force sends them all the same, and replaces files of the same name"),
            Self::Changed(_) => Some("run the command again when nobody writes to it"),
            Self::Address(_) => Some(
                "an address is runs:/RUN_ID/PATH, models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-MODEL_ID",
            ),
            Self::Differs(_) => Some("--force downloads it again"),
            Self::Local(error) if is_full(error) => {
                Some("make room and do it again: what came so far is kept")
            }
            Self::Nothing(_) | Self::Name(..) | Self::Busy(_) | Self::Local(_) => None,
        }
    }
}

const FULL: &str = "the disk is full";

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn in_the_way(paths: &[PathBuf]) -> String {
    let first = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    match paths.len() {
        0 | 1 => format!("{first} already exists"),
        more => format!("{first} and {} more files already exist", more - 1),
    }
}

fn in_the_run(paths: &[String]) -> String {
    let first = paths.first().map(String::as_str).unwrap_or_default();
    match paths.len() {
        0 | 1 => format!("the run already has {first:?}"),
        more => format!("the run already has {first:?} and {} more of these files", more - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_that_wherever_it_is_met() {
        let system = || io::Error::from(io::ErrorKind::StorageFull);
        let named = io::Error::new(io::ErrorKind::StorageFull, "/x/y: No space left on device (os error 28)");
        for (error, words) in [
            (TransferError::local(named), "/x/y: the disk is full"),
            (TransferError::local(system()), "the disk is full"),
            (TransferError::at(std::path::Path::new("/x"))(system()), "/x: the disk is full"),
        ] {
            assert_eq!(error.to_string(), words);
            assert!(error.hint().unwrap().contains("make room"), "{error}");
        }
        let other = TransferError::local(io::Error::new(io::ErrorKind::PermissionDenied, "/x: no"));
        assert_eq!((other.to_string().as_str(), other.hint()), ("/x: no", None));
    }
}
