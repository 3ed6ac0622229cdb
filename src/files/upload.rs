//! Files of this machine to a run, as MLflow logs them: a file under its name, a folder as what is in it.

use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::address::Source;
use super::error::{Result, TransferError};
use super::progress::Progress;
use crate::store::{ArtifactList, ErrorKind};

/// Files that are sent side by side.
const SIDE_BY_SIDE: usize = 4;
/// Files that are looked at; nobody logs more of them in one go.
const MOST: usize = 1_000_000;

/// What to send, and how.
#[derive(Debug, Clone)]
pub struct UploadRequest {
    /// A file or folder.
    pub from: PathBuf,
    /// Whether files of the same names are replaced.
    pub replaces: bool,
}

/// A file that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// From the root of the run's files.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// A file on this machine, and its path below what is sent.
struct Local {
    path: PathBuf,
    name: String,
    size: u64,
}

/// Sends a file or folder to a folder of a run. Each file is whole in the run, or not there.
///
/// # Errors
/// If something is no regular file, or in the way; if the store does not answer or refuses. Files that were sent before stay.
pub async fn upload(source: &Source, request: &UploadRequest, progress: &Progress) -> Result<Vec<Sent>> {
    let from = request.from.clone();
    let looking = tokio::task::spawn_blocking(move || gather(&from));
    let found = looking.await.map_err(|error| TransferError::Local(std::io::Error::other(error)))??;
    progress.found(found.len() as u64, found.iter().map(|file| file.size).sum());
    progress.listed();
    if !request.replaces {
        let there = in_the_way(source, &found).await?;
        if !there.is_empty() {
            return Err(TransferError::InRun(there));
        }
    }
    let sending = stream::iter(found).map(|file| async move {
        let path = below(&source.path, &file.name);
        source.files.write(&path, &file.path, &|bytes| progress.moved(bytes)).await?;
        progress.whole();
        Ok::<_, TransferError>(Sent { path, size: file.size })
    });
    let mut sent: Vec<Sent> = sending.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    sent.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sent)
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Files that the run has already.
async fn in_the_way(source: &Source, found: &[Local]) -> Result<Vec<String>> {
    let paths: Vec<String> = found.iter().map(|file| below(&source.path, &file.name)).collect();
    let folder_of = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let folders: std::collections::BTreeSet<String> = paths.iter().map(|path| folder_of(path)).collect();
    let mut there = std::collections::HashSet::new();
    for folder in folders {
        match source.files.list(&folder).await {
            Ok(list) if list.is_cut => {
                let words = format!(
                    "{} has more than {} entries, so it is not known whether files of these names are there; nothing was sent",
                    source.files.named(&folder),
                    ArtifactList::MOST
                );
                return Err(TransferError::Unlisted(words));
            }
            Ok(list) => there.extend(list.files.into_iter().map(|file| file.path)),
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(paths.into_iter().filter(|path| there.contains(path)).collect())
}

/// The file, or all files in the folder, with links followed as MLflow follows them.
fn gather(from: &Path) -> Result<Vec<Local>> {
    let metadata = from.metadata().map_err(TransferError::at(from))?;
    let mut found = Vec::new();
    if metadata.is_dir() {
        folder(from, "", &mut vec![canonical(from)?], &mut found)?;
        if found.is_empty() {
            return Err(TransferError::Nothing(format!("no files are in {}", from.display())));
        }
    } else {
        let name = from.file_name().unwrap_or_default();
        found.push(local(from, name_of(from, name)?, &metadata)?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(TransferError::at(path))
}

fn name_of(path: &Path, name: &std::ffi::OsStr) -> Result<String> {
    let name = name.to_str().filter(|name| !name.is_empty());
    let wrong = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "its name is not UTF-8");
    name.map(str::to_owned).ok_or_else(|| TransferError::at(path)(wrong()))
}

fn local(path: &Path, name: String, metadata: &std::fs::Metadata) -> Result<Local> {
    if !metadata.is_file() {
        let error =
            std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file; nothing was sent");
        return Err(TransferError::at(path)(error));
    }
    Ok(Local { path: path.to_owned(), name, size: metadata.len() })
}

/// All files below a folder; `above` are the folders that it is in, to which a link may lead back.
fn folder(path: &Path, name: &str, above: &mut Vec<PathBuf>, found: &mut Vec<Local>) -> Result<()> {
    for entry in std::fs::read_dir(path).map_err(TransferError::at(path))? {
        let entry = entry.map_err(TransferError::at(path))?;
        let (path, own) = (entry.path(), name_of(&entry.path(), &entry.file_name())?);
        let own = below(name, &own);
        let metadata = path.metadata().map_err(TransferError::at(&path))?;
        if metadata.is_dir() {
            let real = canonical(&path)?;
            if above.contains(&real) {
                let error =
                    std::io::Error::new(std::io::ErrorKind::InvalidInput, "a link to a folder that it is in");
                return Err(TransferError::at(&path)(error));
            }
            above.push(real);
            folder(&path, &own, above, found)?;
            above.pop();
        } else {
            found.push(local(&path, own, &metadata)?);
        }
        if found.len() > MOST {
            let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, "it has too many files");
            return Err(TransferError::at(&path)(error));
        }
    }
    Ok(())
}
