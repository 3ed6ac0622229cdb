//! Files of runs and models.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Inner, State, missing};
use crate::mlflow::ArtifactFile;
use crate::store::{ArtifactList, ErrorKind, FileBody, FileTree, FilesOf, Opened, Resume, Sent};

/// Files by their path below a root.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A path that stays below its root.
pub fn checked(path: &str) -> Inner<&str> {
    let is_inside = !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_inside
        .then_some(path)
        .ok_or_else(|| ErrorKind::Invalid(format!("{path:?} is outside the run's artifacts")))
}

/// The entries of a folder, in name order; of the root where `path` is empty.
pub fn list(files: &Files, path: &str) -> Inner<ArtifactList> {
    let folder = if path.is_empty() { String::new() } else { format!("{}/", checked(path)?) };
    let mut entries: BTreeMap<String, ArtifactFile> = BTreeMap::new();
    for (file, content) in files {
        let Some(rest) = file.strip_prefix(&folder) else { continue };
        let name = rest.split('/').next().unwrap_or(rest);
        let is_dir = name.len() < rest.len();
        let path = format!("{folder}{name}");
        let file_size = (!is_dir).then_some(content.len() as u64);
        entries.entry(path.clone()).or_insert(ArtifactFile { path, is_dir, file_size });
    }
    let is_cut = entries.len() > ArtifactList::MOST;
    Ok(ArtifactList { files: entries.into_values().take(ArtifactList::MOST).collect(), is_cut })
}

pub fn read(files: &Files, path: &str, most: usize) -> Inner<Vec<u8>> {
    let content = files.get(checked(path)?).ok_or_else(|| missing(&format!("file {path:?}")))?;
    if content.len() > most {
        return Err(ErrorKind::TooMuch(format!("{path} has more than {most} bytes")));
    }
    Ok(content.clone())
}

impl State {
    pub fn files(&self, of: &FilesOf) -> Inner<Option<&Files>> {
        match of {
            FilesOf::Run(id) => Ok(Some(&self.held(id)?.files)),
            FilesOf::Model(id) if self.models.iter().any(|model| model.model_id == *id) => {
                Ok(self.model_files.get(id))
            }
            FilesOf::Model(id) => Err(missing(&format!("logged model {id}"))),
            FilesOf::Place(uri) => {
                Err(ErrorKind::Elsewhere(format!("its files are in {uri}, which is not in memory")))
            }
        }
    }
}

/// The files of a run or model.
#[derive(Debug)]
pub struct MemoryTree {
    pub state: Arc<Mutex<State>>,
    pub of: FilesOf,
    pub uri: String,
}

impl MemoryTree {
    fn call<T>(&self, work: impl FnOnce(&mut State) -> Inner<T>) -> Inner<T> {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl FileTree for MemoryTree {
    fn uri(&self) -> &str {
        &self.uri
    }

    async fn list(&self, path: &str) -> Inner<ArtifactList> {
        self.call(|state| {
            state.files(&self.of)?.map_or_else(|| Ok(ArtifactList::default()), |files| list(files, path))
        })
    }

    async fn open(&self, path: &str, _: Option<&Resume>) -> Inner<Opened> {
        let content =
            self.call(|state| read(state.files(&self.of)?.unwrap_or(&Files::new()), path, usize::MAX))?;
        let size = Some(content.len() as u64);
        let body = Box::new(Whole(Some(content.into())));
        Ok(Opened { from: 0, size, version: None, body })
    }

    async fn write(&self, path: &str, from: &Path, sent: Sent<'_>) -> Inner<()> {
        let content =
            std::fs::read(from).map_err(|error| ErrorKind::Io(format!("{}: {error}", from.display())))?;
        sent(content.len() as i64);
        self.call(|state| {
            let path = checked(path)?.to_owned();
            let files = match &self.of {
                FilesOf::Run(id) => &mut state.change(id)?.files,
                FilesOf::Model(id) => state.model_files.entry(id.clone()).or_default(),
                FilesOf::Place(_) => return Err(missing("such place")),
            };
            files.insert(path, content);
            Ok(())
        })
    }
}

/// A file that comes in one part.
struct Whole(Option<Bytes>);

#[async_trait]
impl FileBody for Whole {
    async fn next(&mut self) -> Inner<Option<Bytes>> {
        Ok(self.0.take().filter(|content| !content.is_empty()))
    }
}
