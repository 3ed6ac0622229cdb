//! Artifacts: files of runs; paths are relative to the run's root.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Store;
use crate::mlflow::{ExperimentId, RunId};
use crate::store::{
    ArtifactList, Artifacts, ErrorKind, FileTree, FilesOf, Inner, Opened, Result, Resume, Sent,
};

/// The files of a run or model. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    store: Store,
    tree: Arc<dyn FileTree>,
}

impl Files {
    /// Those of a tree.
    #[cfg(test)]
    pub(crate) fn new(store: Store, tree: Arc<dyn FileTree>) -> Self {
        Self { store, tree }
    }

    /// The address of the root, as MLflow has it.
    pub fn uri(&self) -> &str {
        self.tree.uri()
    }

    /// The store that they belong to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The entries of a folder, in name order, with paths from the root; of the root where `path` is empty. None where
    /// there is no such folder.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a path that leads out of the root; [`ErrorKind::Hung`].
    pub async fn list(&self, path: &str) -> Result<ArtifactList> {
        self.store.call(|| format!("list {}", self.named(path)), self.tree.list(path)).await
    }

    /// Begins to read a file: from its beginning or, where that can be, where it was left off.
    ///
    /// # Errors
    ///
    /// As [`Self::list`], and [`ErrorKind::NotFound`].
    pub async fn open(&self, path: &str, resume: Option<&Resume>) -> Result<Opened> {
        self.store.call(|| format!("read {}", self.named(path)), self.tree.open(path, resume)).await
    }

    /// Where a file is that lies on this machine.
    pub fn local(&self, path: &str) -> Option<PathBuf> {
        self.tree.local(path)
    }

    /// Writes a file of this machine, whole, in the place of one that is there.
    ///
    /// # Errors
    ///
    /// As [`Self::list`], and [`ErrorKind::DiskFull`].
    pub async fn write(&self, path: &str, from: &Path, sent: Sent<'_>) -> Result<()> {
        let work = self.tree.write(path, from, sent);
        self.store.write(|| format!("write {}", self.named(path)), Ok(()), work).await
    }

    /// A file or folder by its address.
    pub fn named(&self, path: &str) -> String {
        let root = self.uri().trim_end_matches('/');
        if path.is_empty() { root.to_owned() } else { format!("{root}/{path}") }
    }
}

impl Store {
    fn artifacts(&self) -> Inner<&dyn Artifacts> {
        self.backend.artifacts().ok_or_else(|| ErrorKind::Unsupported("artifacts".into()))
    }

    /// The files of a run, of a model, or at an address that the store names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such run or model; [`ErrorKind::Elsewhere`] if its files are not on this
    /// machine, and nobody hands them on.
    pub async fn files(&self, of: &FilesOf) -> Result<Files> {
        let work = async { self.artifacts()?.files(of).await };
        let tree = self.call(|| format!("find the files of {of}"), work).await?;
        Ok(Files { store: self.clone(), tree })
    }

    /// The entries of a folder, in name order; of the root where `path` is empty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is no such run; [`ErrorKind::Elsewhere`] if its files lie where only its own
    /// server gets at them; [`ErrorKind::Hung`] if their file system does not answer.
    pub async fn list_artifacts(&self, id: &RunId, path: &str) -> Result<ArtifactList> {
        let work = async { self.artifacts()?.list_artifacts(id, path).await };
        self.call(|| format!("list the artifacts of run {id}"), work).await
    }

    /// A file of `most` bytes at most; a longer one is [`ErrorKind::TooMuch`], and not read to its end.
    ///
    /// # Errors
    ///
    /// As [`Self::list_artifacts`], and [`ErrorKind::Invalid`] for a path that leads out of the run's folder.
    pub async fn read_artifact(&self, id: &RunId, path: &str, most: usize) -> Result<Vec<u8>> {
        let work = async { self.artifacts()?.read_artifact(id, path, most).await };
        self.call(|| format!("read artifact {path:?}"), work).await
    }

    /// Writes a file, whole, in the place of one that is there.
    ///
    /// # Errors
    ///
    /// As [`Self::read_artifact`], and [`ErrorKind::DiskFull`].
    pub async fn write_artifact(&self, id: &RunId, path: &str, content: &[u8]) -> Result<()> {
        let work = async { self.artifacts()?.write_artifact(id, path, content).await };
        self.write(|| format!("write artifact {path:?}"), Ok(()), work).await
    }

    /// Whether files of new runs of an experiment can be written, as far as it is known.
    ///
    /// # Errors
    ///
    /// The reason why they cannot.
    pub async fn check_artifacts(&self, experiment: &ExperimentId) -> Result<()> {
        let work = async { self.artifacts()?.check_artifacts(experiment).await };
        self.call(|| format!("keep files in experiment {experiment}"), work).await
    }
}
