//! The files of a model, brought to a folder of this machine before anything is made of them: what cannot be read leaves
//! nothing half-made. No file is in memory as a whole.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tempfile::TempDir;

use super::only_with_mlflow;
use crate::mlflow::{ArtifactFile, LoggedModel, ModelVersion};
use crate::store::objects::{self, is_in_objects};
use crate::store::rest::artifacts::check;
use crate::store::rest::client::Client;
use crate::store::rest::databricks::files::WorkspaceFiles;
use crate::store::rest::sending::named;
use crate::store::rest::{models, wire};
use crate::store::{ArtifactList, Artifacts as _, Backoff, ErrorKind, FileTree, FilesOf, Inner, Resume};

/// Files that are on their way at once.
const SIDE_BY_SIDE: usize = 4;
/// Attempts that bring nothing new, one after the other.
const ATTEMPTS: u32 = 5;
/// Bytes of an `MLmodel` file, at most.
const LONGEST: u64 = 16 << 20;
const MLMODEL: &str = "MLmodel";

/// Where the files of a model are.
#[derive(Debug)]
pub struct Origin {
    /// From the model's folder on.
    tree: Arc<dyn FileTree>,
    /// The logged model that it is.
    pub model: Option<LoggedModel>,
}

/// The same on this machine, for as long as this is kept.
#[derive(Debug)]
pub struct LocalCopy {
    _folder: TempDir,
    /// Paths from the model's folder, and where the files are. These are not named as they are there: not every name can be.
    files: Vec<(String, PathBuf)>,
}

impl Origin {
    pub async fn find(client: &Arc<Client>, source: &str) -> Inner<Self> {
        if let Some(id) = ModelVersion::model_of_source(source) {
            let model = models::read(client, &id).await?;
            let tree = tree(client, FilesOf::Model(id), &model.artifact_location).await?;
            return Ok(Self { tree, model: Some(model) });
        }
        let uri = match source.strip_prefix("runs:/").map(|rest| rest.trim_start_matches('/')) {
            None => source.to_owned(),
            Some(rest) => {
                let (run, path) = rest.split_once('/').unwrap_or((rest, ""));
                let answer = client.get("2.0/mlflow/runs/get", &[("run_id", run)]).await?;
                let root = answer.required("run", wire::run)?.info.artifact_uri;
                format!("{}/{path}", root.trim_end_matches('/'))
            }
        };
        if uri.starts_with("models:") {
            return Err(only_with_mlflow("it is a version of a registered model"));
        }
        let tree = tree(client, FilesOf::Place(uri.clone()), &uri).await?;
        Ok(Self { tree, model: None })
    }

    /// Its `MLmodel` file; nothing where there is none.
    pub async fn description(&self) -> Inner<Option<Vec<u8>>> {
        let mut opened = match self.tree.open(MLMODEL, None).await {
            Err(ErrorKind::NotFound(_)) => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        while let Some(part) = opened.body.next().await? {
            bytes.extend_from_slice(&part);
            if bytes.len() as u64 > LONGEST {
                return Err(ErrorKind::TooMuch("its MLmodel file has more than 16 MB".into()));
            }
        }
        Ok(Some(bytes))
    }

    /// Whether there is anything by that path.
    pub async fn has(&self, path: &str) -> Inner<bool> {
        let list = self.tree.list("").await?;
        Ok(list.files.iter().any(|file| file.path == path))
    }

    /// All of its files.
    async fn list(&self) -> Inner<Vec<ArtifactFile>> {
        let (mut folders, mut files) = (vec![String::new()], Vec::new());
        while let Some(folder) = folders.pop() {
            let list = self.tree.list(&folder).await?;
            for file in list.files {
                check(&file.path)?;
                let is_below = folder.is_empty()
                    || file
                        .path
                        .strip_prefix(&folder)
                        .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'));
                if !is_below {
                    return Err(ErrorKind::Protocol(format!("{:?} is listed in {folder:?}", file.path)));
                }
                if file.is_dir {
                    folders.push(file.path);
                } else {
                    files.push(file);
                }
            }
            if list.is_cut || files.len() + folders.len() > ArtifactList::MOST {
                let most = ArtifactList::MOST;
                return Err(ErrorKind::TooMuch(format!("{} has more than {most} files", self.tree.uri())));
            }
        }
        Ok(files)
    }

    pub async fn copy(&self) -> Inner<LocalCopy> {
        let files = self.list().await?;
        let folder = tempfile::Builder::new().prefix("mltui-model-").tempdir();
        let folder = folder.map_err(|error| ErrorKind::Io(format!("a temporary folder: {error}")))?;
        let (files, here) = (&files, folder.path());
        let fetching = stream::iter(0..files.len()).map(|at| async move {
            let target = here.join(at.to_string());
            self.fetch(&files[at], &target).await?;
            Inner::Ok((files[at].path.clone(), target))
        });
        let files = fetching.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
        Ok(LocalCopy { _folder: folder, files })
    }

    /// Brings a file, and goes on where that broke off.
    async fn fetch(&self, file: &ArtifactFile, target: &PathBuf) -> Inner<()> {
        let content = File::create(target).map_err(named(target))?;
        let mut part = Part { content: Arc::new(content), target, length: 0, version: None };
        let (mut farthest, mut fruitless) = (0, 0);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        loop {
            let Err(failure) = part.go_on(&*self.tree, file).await else { return Ok(()) };
            if part.length > farthest {
                (farthest, fruitless) = (part.length, 0);
                backoff.succeed();
            } else {
                fruitless += 1;
            }
            if !failure.may_pass() || fruitless >= ATTEMPTS {
                return Err(failure);
            }
            tracing::debug!(%failure, path = file.path, "a file broke off; trying again");
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}

async fn tree(client: &Arc<Client>, of: FilesOf, uri: &str) -> Inner<Arc<dyn FileTree>> {
    if is_in_objects(uri) {
        return Ok(Arc::new(objects::open(uri).await?));
    }
    WorkspaceFiles::new(client).files(&of).await
}

/// What came of a file.
struct Part<'a> {
    content: Arc<File>,
    target: &'a PathBuf,
    length: u64,
    version: Option<String>,
}

impl Part<'_> {
    async fn go_on(&mut self, tree: &dyn FileTree, file: &ArtifactFile) -> Inner<()> {
        let version = self.version.take().filter(|_| self.length > 0);
        let resume = version.map(|version| Resume { at: self.length, version });
        let mut opened = tree.open(&file.path, resume.as_ref()).await?;
        self.length = opened.from;
        self.version = opened.version.take();
        let from = opened.from;
        self.blocking(move |mut content| {
            content.set_len(from)?;
            content.seek(SeekFrom::Start(from)).map(drop)
        })
        .await?;
        while let Some(bytes) = opened.body.next().await? {
            self.length += bytes.len() as u64;
            self.blocking(move |mut content| content.write_all(&bytes)).await?;
        }
        match opened.size.or(file.file_size) {
            Some(size) if size != self.length => {
                let words = format!("{}: {} of {size} bytes came", file.path, self.length);
                Err(ErrorKind::Unreachable(words))
            }
            _ => Ok(()),
        }
    }

    async fn blocking(&self, work: impl FnOnce(&File) -> std::io::Result<()> + Send + 'static) -> Inner<()> {
        let content = Arc::clone(&self.content);
        let done = tokio::task::spawn_blocking(move || work(&content)).await;
        match done.map_err(|error| ErrorKind::Io(error.to_string()))? {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Err(ErrorKind::DiskFull),
            done => done.map_err(named(self.target)),
        }
    }
}

impl LocalCopy {
    /// Whether there is a file or folder of that path.
    pub fn has(&self, path: &str) -> bool {
        self.files.iter().any(|(known, _)| {
            known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Its `MLmodel` file; nothing where there is none.
    pub fn description(&self) -> Inner<Option<Vec<u8>>> {
        let Some((_, path)) = self.files.iter().find(|(known, _)| known == MLMODEL) else { return Ok(None) };
        if path.metadata().map_err(named(path))?.len() > LONGEST {
            return Err(ErrorKind::TooMuch("its MLmodel file has more than 16 MB".into()));
        }
        std::fs::read(path).map(Some).map_err(named(path))
    }

    /// Writes all files below a place.
    pub async fn write(&self, to: &dyn FileTree) -> Inner<()> {
        let writing = stream::iter(0..self.files.len()).map(|at| async move {
            let (path, from) = &self.files[at];
            to.write(path, from, &|_| {}).await
        });
        writing.buffer_unordered(SIDE_BY_SIDE).try_collect().await
    }
}
