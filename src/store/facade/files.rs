//! Artifacts: files of runs; paths are relative to the run's root.

use super::Store;
use crate::mlflow::{ExperimentId, RunId};
use crate::store::{ArtifactList, Artifacts, ErrorKind, Inner, Result};

impl Store {
    fn artifacts(&self) -> Inner<&dyn Artifacts> {
        self.backend.artifacts().ok_or_else(|| ErrorKind::Unsupported("artifacts".into()))
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
