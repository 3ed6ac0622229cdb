//! Files of runs and models as trees: listed folder by folder, and read as a stream from anywhere in a file, whatever its
//! size.

use std::fmt::{self, Debug};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{ArtifactList, Inner};
use crate::mlflow::{ModelId, RunId};

/// Whose files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FilesOf {
    /// Those of a run.
    Run(RunId),
    /// Those of a logged model (MLflow 3).
    Model(ModelId),
    /// A folder by its address, as the source of a model version names it.
    Place(String),
}

impl fmt::Display for FilesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(id) => write!(f, "runs:/{id}"),
            Self::Model(id) => write!(f, "models:/{id}"),
            Self::Place(uri) => f.write_str(uri),
        }
    }
}

/// How far a file was read, and what it was like then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Bytes that are there.
    pub at: u64,
    /// The version that they are of.
    pub version: String,
}

/// A file that is being read.
pub struct Opened {
    /// The first byte that comes: what was asked for, or 0 where that cannot be, as the file is another one by now.
    pub from: u64,
    /// Bytes of the whole file, where that is known.
    pub size: Option<u64>,
    /// Another one means that the file changed; without one nothing is known.
    pub version: Option<String>,
    /// What comes.
    pub body: Box<dyn FileBody>,
}

impl Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("from", &self.from).field("size", &self.size).finish_non_exhaustive()
    }
}

/// The bytes of a file, part by part.
#[async_trait]
pub trait FileBody: Send {
    /// The next part, never an empty one; none at the end.
    async fn next(&mut self) -> Inner<Option<Bytes>>;
}

/// Told how many more bytes of a file are on their way; less than none where some have to be sent again.
pub type Sent<'a> = &'a (dyn Fn(i64) + Send + Sync);

/// A service that keeps files of a store which itself only says where they are.
#[async_trait]
pub trait FileService: Send + Sync + Debug {
    /// Whether what is at an address can be asked for there.
    fn keeps(&self, uri: &str) -> bool;
    /// Whether somebody chose it for the store.
    fn is_set(&self) -> bool;
    /// The files at an address.
    async fn tree(&self, uri: &str) -> Inner<Arc<dyn FileTree>>;
    /// Writes a file whole.
    async fn put(&self, uri: &str, path: &str, content: &[u8]) -> Inner<()>;
}

/// Files below a root, with `/` in their paths.
#[async_trait]
pub trait FileTree: Send + Sync + Debug {
    /// The address of the root, as MLflow has it.
    fn uri(&self) -> &str;
    /// The entries of a folder, in name order, with paths from the root; of the root where `path` is empty. Nothing where
    /// there is no such folder.
    async fn list(&self, path: &str) -> Inner<ArtifactList>;
    /// Begins to read a file; where it was left off, if that can be.
    async fn open(&self, path: &str, resume: Option<&Resume>) -> Inner<Opened>;
    /// A file that is one of this machine.
    fn local(&self, _path: &str) -> Option<PathBuf> {
        None
    }
    /// Writes a file of this machine, whole, in the place of one that is there.
    async fn write(&self, path: &str, from: &Path, sent: Sent<'_>) -> Inner<()>;
}
