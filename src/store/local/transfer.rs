//! Files of this machine as streams.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{files, inside, unwritten};
use crate::disk::{self, Care, Draft, leftovers};
use crate::store::{ArtifactList, ErrorKind, FileBody, FileTree, Inner, Opened, Resume, Sent};

/// Bytes that are read at once.
const PART: usize = 1 << 20;

/// Files below a folder of this machine.
#[derive(Debug)]
pub struct LocalTree {
    pub root: PathBuf,
    uri: String,
    /// The folder to write to, where that can be.
    pub written: Inner<PathBuf>,
    swept: Swept,
}

impl LocalTree {
    pub fn new(root: PathBuf, uri: String, written: Inner<PathBuf>) -> Self {
        Self { root, uri, written, swept: Swept::default() }
    }
}

/// Folders that were looked through for what others left.
#[derive(Debug, Clone, Default)]
struct Swept(Arc<Mutex<HashSet<PathBuf>>>);

impl Swept {
    /// Whether a folder was not.
    fn insert(&self, folder: &Path) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned())
    }
}

#[async_trait]
impl FileTree for LocalTree {
    fn uri(&self) -> &str {
        self.uri.trim_end_matches('/')
    }

    async fn list(&self, path: &str) -> Inner<ArtifactList> {
        let (folder, below) = (inside(&self.root, path)?, path.to_owned());
        let what = folder.display().to_string();
        files::on_own_thread(what, move |goes_on| files::list(&folder, &below, goes_on)).await
    }

    async fn open(&self, path: &str, resume: Option<&Resume>) -> Inner<Opened> {
        let (path, resume) = (inside(&self.root, path)?, resume.cloned());
        let what = path.display().to_string();
        let opening = {
            let path = path.clone();
            move |_: &dyn Fn()| {
                let mut file = files::open(&path)?;
                let metadata = file.metadata().map_err(files::io(&path))?;
                let version = version(&metadata);
                let from = resume.filter(|resume| resume.version == version).map_or(0, |resume| resume.at);
                file.seek(SeekFrom::Start(from)).map_err(files::io(&path))?;
                Ok((file, from, metadata.len(), version))
            }
        };
        let (file, from, size, version) = files::on_own_thread(what, opening).await?;
        let body = Box::new(Body { file: Some(file), path });
        Ok(Opened { from, size: Some(size), version: Some(version), body })
    }

    fn local(&self, path: &str) -> Option<PathBuf> {
        inside(&self.root, path).ok()
    }

    async fn write(&self, path: &str, from: &Path, sent: Sent<'_>) -> Inner<()> {
        let target = inside(self.written.as_ref().map_err(Clone::clone)?, path)?;
        if target.file_name().is_none() {
            return Err(ErrorKind::Invalid("an artifact needs a file name".into()));
        }
        let from = from.to_owned();
        let is_over = Arc::new(AtomicBool::new(false));
        // Whoever does not wait any more does not want it either.
        let _end = End(Arc::clone(&is_over));
        let (told, mut parts) = mpsc::unbounded_channel();
        let swept = self.swept.clone();
        let copying = tokio::task::spawn_blocking(move || {
            copy(&from, &target, &swept, &is_over, &|bytes| {
                let _ = told.send(bytes);
            })
        });
        while let Some(bytes) = parts.recv().await {
            sent(bytes);
        }
        copying.await.unwrap_or_else(|error| Err(ErrorKind::Io(error.to_string())))
    }
}

/// What changes with the content of a file.
fn version(metadata: &Metadata) -> String {
    let time = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{}-{}", time.unwrap_or_default().as_nanos(), metadata.len())
}

struct End(Arc<AtomicBool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn copy(from: &Path, target: &Path, swept: &Swept, is_over: &AtomicBool, sent: &dyn Fn(i64)) -> Inner<()> {
    let mut file = files::open(from)?;
    disk::make_folder_of(target, Care::Shared).map_err(unwritten)?;
    if let Some(folder) = target.parent()
        && swept.insert(folder)
    {
        leftovers::sweep(folder);
    }
    let mut draft = Draft::begin(target, Care::Shared).map_err(unwritten)?;
    let mut buffer = vec![0; PART];
    loop {
        let length = file.read(&mut buffer).map_err(files::io(from))?;
        if length == 0 {
            break;
        }
        if is_over.load(Ordering::Relaxed) {
            return Err(ErrorKind::Io("given up".into()));
        }
        draft.file().write_all(&buffer[..length]).map_err(files::io(target))?;
        sent(length as i64);
    }
    draft.file().sync_all().map_err(files::io(target))?;
    draft.put().map_err(unwritten)
}

/// A file that is being read.
struct Body {
    file: Option<File>,
    path: PathBuf,
}

#[async_trait]
impl FileBody for Body {
    async fn next(&mut self) -> Inner<Option<Bytes>> {
        let Some(mut file) = self.file.take() else { return Ok(None) };
        let path = self.path.clone();
        let reading = move |_: &dyn Fn()| {
            let mut part = vec![0; PART];
            let length = file.read(&mut part).map_err(files::io(&path))?;
            part.truncate(length);
            Ok((file, part))
        };
        let (file, part) = files::on_own_thread(self.path.display().to_string(), reading).await?;
        self.file = Some(file);
        Ok((!part.is_empty()).then(|| part.into()))
    }
}
