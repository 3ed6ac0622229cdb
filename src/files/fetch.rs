//! One file on its way here: part by part, gone on with where it broke off, and summed as it comes.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
#[cfg(unix)]
use rustix::fs::OFlags;
use tokio::sync::mpsc;

use super::error::{Result, TransferError};
use super::manifest::hex;
use super::progress::Progress;
use super::stage::Stage;
use crate::disk;
use crate::mlflow::ArtifactFile;
use crate::store::{Backoff, ErrorKind, Files, Opened, Resume, StoreError};

/// Parts that wait to be written: so many may be in memory, for each file.
const WAITING: usize = 2;
/// Attempts that bring nothing new, one after the other.
const ATTEMPTS: u32 = 5;
/// Bytes that are zero from here on are left out of what is written: they are a hole in the file.
const HOLE: usize = 64 << 10;
/// What is known of a file of no more bytes is not kept beside it: it is asked for anew by the next transfer.
const SMALL: u64 = 4 << 10;
/// Bytes of what is known of a part.
const NOTE: u64 = 4 << 10;

/// A file that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summed {
    /// From what the address names.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Of its content, as hexadecimal digits.
    pub sha256: String,
    /// Bytes that had come before.
    pub resumed: u64,
}

/// What came of a file.
struct Part {
    path: PathBuf,
    file: File,
    context: Context,
    length: u64,
    /// The version of the file that it is of; none where nobody tells.
    version: Option<String>,
}

impl Part {
    /// What is there of a file, or nothing yet. Of what may be whole already, the last byte is asked for once more: the store
    /// says with it whether the file is still the same.
    fn open(path: &Path, note: &Path, size: Option<u64>) -> Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // Neither a link is followed nor a pipe waited for.
        #[cfg(unix)]
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
        let file = options.open(path).map_err(TransferError::at(path))?;
        let version = disk::read(note, NOTE).ok().and_then(|note| String::from_utf8(note).ok());
        let mut part =
            Self { path: path.to_owned(), file, context: Context::new(&SHA256), length: 0, version };
        let there = part.file.metadata().map_err(TransferError::at(path))?.len();
        let length = there.min(size.unwrap_or(u64::MAX).saturating_sub(1));
        if part.version.is_none() || length == 0 {
            part.restart()?;
            return Ok(part);
        }
        part.file.set_len(length).map_err(TransferError::at(path))?;
        let mut buffer = vec![0; 1 << 20];
        while part.length < length {
            let read = part.file.read(&mut buffer).map_err(TransferError::at(path))?;
            if read == 0 {
                part.restart()?;
                break;
            }
            part.context.update(&buffer[..read]);
            part.length += read as u64;
        }
        Ok(part)
    }

    fn restart(&mut self) -> Result<()> {
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(TransferError::at(&self.path))?;
        self.context = Context::new(&SHA256);
        self.length = 0;
        Ok(())
    }

    fn resume(&self) -> Option<Resume> {
        let version = self.version.clone().filter(|_| self.length > 0)?;
        Some(Resume { at: self.length, version })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.context.update(bytes);
        if bytes.len() >= HOLE && bytes.iter().all(|byte| *byte == 0) {
            self.file.seek(SeekFrom::Current(bytes.len() as i64))?;
        } else {
            self.file.write_all(bytes)?;
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Takes parts in until there are no more.
    fn take(mut self, mut parts: mpsc::Receiver<Bytes>) -> (Self, Result<()>) {
        while let Some(part) = parts.blocking_recv() {
            if let Err(error) = self.write(&part) {
                let error = TransferError::at(&self.path)(error);
                return (self, Err(error));
            }
        }
        // It may end in a hole.
        let kept = self.file.set_len(self.length).map_err(TransferError::at(&self.path));
        (self, kept)
    }
}

fn changed(path: &str, listed: u64, comes: u64) -> TransferError {
    TransferError::Changed(format!(
        "{path:?} has {comes} bytes where {listed} were listed: it changed, or the answer is wrong"
    ))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| TransferError::Local(std::io::Error::other(error)))
}

/// Brings a file to where it stands whole within the stage. `at` is its path in the store.
pub(super) async fn fetch(
    files: &Files,
    at: &str,
    listed: &ArtifactFile,
    stage: &Arc<Stage>,
    progress: &Progress,
) -> Result<Summed> {
    let (path, note) = stage.part(&listed.path);
    let target = stage.whole().join(&listed.path);
    let size = listed.file_size;
    let mut part = {
        let (path, note, target) = (path.clone(), note.clone(), target.clone());
        blocking(move || {
            // It was whole before a transfer broke off.
            if !path.exists() && target.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                std::fs::rename(&target, &path).map_err(TransferError::at(&path))?;
            }
            Part::open(&path, &note, size)
        })
        .await??
    };
    let resumed = part.length;
    progress.moved(part.length as i64);
    let (mut farthest, mut fruitless) = (part.length, 0);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    let mut has_begun_anew = false;
    loop {
        let failure;
        (part, failure) =
            attempt(files, at, listed, part, (stage, &note), progress, &mut has_begun_anew).await?;
        let Some(failure) = failure else { break };
        if !failure.is_transient() {
            return Err(failure.into());
        }
        tracing::debug!(%failure, at, length = part.length, "a transfer broke off; trying again");
        if part.length > farthest {
            (farthest, fruitless) = (part.length, 0);
            backoff.succeed();
            continue;
        }
        fruitless += 1;
        if fruitless >= ATTEMPTS {
            return Err(failure.into());
        }
        tokio::time::sleep(backoff.pause()).await;
    }
    let (length, name) = (part.length, listed.path.clone());
    let sha256 = blocking(move || {
        let at = TransferError::at(&part.path);
        part.file.sync_all().map_err(&at)?;
        let sum = hex(&part.context.clone().finish());
        disk::make_folder_of(&target, disk::Care::Shared).map_err(TransferError::local)?;
        if target.symlink_metadata().is_ok() {
            return Err(TransferError::Name(name, "and another one that is the same here"));
        }
        std::fs::rename(&part.path, &target).map_err(&at)?;
        Ok(sum)
    })
    .await??;
    progress.whole();
    let resumed = if has_begun_anew { 0 } else { resumed };
    Ok(Summed { path: listed.path.clone(), size: length, sha256, resumed })
}

/// Reads on until the end, or until it breaks off: then why.
async fn attempt(
    files: &Files,
    at: &str,
    listed: &ArtifactFile,
    mut part: Part,
    (stage, note): (&Arc<Stage>, &Path),
    progress: &Progress,
    has_begun_anew: &mut bool,
) -> Result<(Part, Option<StoreError>)> {
    let opened = match files.open(at, part.resume().as_ref()).await {
        Ok(opened) => opened,
        Err(failure) => return Ok((part, Some(failure))),
    };
    // What goes on with another version, or with who knows which, is no part of this file.
    let opened = if opened.from > 0 && opened.version != part.version {
        match files.open(at, None).await {
            Ok(opened) => opened,
            Err(failure) => return Ok((part, Some(failure))),
        }
    } else {
        opened
    };
    let Opened { from, size, version, mut body } = opened;
    if from != part.length {
        progress.moved(-(part.length as i64));
        *has_begun_anew = true;
        part = blocking(move || part.restart().map(|()| part)).await??;
    }
    if let Some((listed_size, size)) = listed.file_size.zip(size).filter(|(listed, size)| listed != size) {
        return Err(changed(&listed.path, listed_size, size));
    }
    let is_small = size.or(listed.file_size).is_some_and(|size| size <= SMALL);
    let is_other = version != part.version || from == 0;
    part.version.clone_from(&version);
    if is_other && !is_small {
        let (note, version) = (note.to_owned(), version.unwrap_or_default());
        blocking(move || {
            if version.is_empty() {
                let _ = std::fs::remove_file(&note);
                return Ok(());
            }
            disk::replace(&note, version.as_bytes(), disk::Care::Passing).map_err(TransferError::local)
        })
        .await??;
    }
    let size = size.or(listed.file_size);
    let mut length = part.length;
    let (sender, parts) = mpsc::channel(WAITING);
    let stage = Arc::clone(stage);
    let writing = tokio::task::spawn_blocking(move || {
        let done = part.take(parts);
        // It is held until nothing is written any more, also where nobody waits for that.
        drop(stage);
        done
    });
    let failure = loop {
        match body.next().await {
            Ok(Some(bytes)) => {
                length += bytes.len() as u64;
                if let Some(size) = size.filter(|size| length > *size) {
                    return Err(changed(&listed.path, size, length));
                }
                progress.moved(bytes.len() as i64);
                // It is no more taken where it cannot be written.
                if sender.send(bytes).await.is_err() {
                    break None;
                }
            }
            Ok(None) => match size.filter(|size| length < *size) {
                Some(size) => {
                    let words = format!("the answer ended after {length} of {size} bytes");
                    break Some(StoreError::new(
                        format!("read {}", files.named(at)),
                        ErrorKind::Unreachable(words),
                    ));
                }
                None => break None,
            },
            Err(kind) => break Some(StoreError::new(format!("read {}", files.named(at)), kind)),
        }
    };
    drop(sender);
    let (part, written) =
        writing.await.map_err(|error| TransferError::Local(std::io::Error::other(error)))?;
    written?;
    Ok((part, failure))
}

/// Reads the end of a file, no more than so many bytes of it.
///
/// # Errors
/// If the store does not answer, or does not say how large the file is.
pub async fn read_end(files: &Files, at: &str, most: u64) -> Result<Vec<u8>> {
    let size = files.open(at, None).await?.size;
    let unknown = || {
        StoreError::new(
            format!("read {}", files.named(at)),
            ErrorKind::Protocol("the size of the file is not told".into()),
        )
    };
    let from = size.ok_or_else(unknown)?.saturating_sub(most);
    let mut content = Vec::new();
    read_range(files, at, (from, most), |part| {
        content.extend_from_slice(part);
        Ok(())
    })
    .await?;
    Ok(content)
}

/// Reads a part of a file, from a byte on and no more than so many, and hands it on as it comes.
///
/// # Errors
/// If the store does not answer, or the output does not take it.
pub async fn read_range(
    files: &Files,
    at: &str,
    (from, most): (u64, u64),
    mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<()> {
    let mut opened = files.open(at, None).await?;
    if from > 0
        && let Some(version) = opened.version.clone()
    {
        opened = files.open(at, Some(&Resume { at: from, version })).await?;
    }
    // What the store cannot leave out is left out here.
    let (mut skip, mut left) = (from.saturating_sub(opened.from), most);
    while left > 0 {
        let bytes = opened.body.next().await;
        let bytes = bytes.map_err(|kind| StoreError::new(format!("read {}", files.named(at)), kind))?;
        let Some(bytes) = bytes else { break };
        let skipped = skip.min(bytes.len() as u64);
        skip -= skipped;
        let part = &bytes[skipped as usize..];
        let part = &part[..part.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        left -= part.len() as u64;
        take(part).map_err(TransferError::local)?;
    }
    Ok(())
}
