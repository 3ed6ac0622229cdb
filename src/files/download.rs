//! Files of an address to a place of this machine.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::address::Source;
use super::error::{Result, TransferError};
use super::fetch::{Summed, fetch};
use super::listing::{Listing, walk};
use super::progress::Progress;
use super::stage::Stage;
use super::{manifest, names, place};
use crate::disk::{self, Care};

/// Files that come side by side.
const SIDE_BY_SIDE: usize = 8;

/// Where files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a file or folder of this very name.
    Named(PathBuf),
    /// A file into this folder under its own name; of a folder what is in it.
    Into(PathBuf),
    /// Into this folder, under their own name.
    Under(PathBuf),
}

impl Target {
    /// The file or folder that is made.
    fn path(&self, source: &Source, is_file: bool) -> Result<PathBuf> {
        match self {
            Self::Named(path) => Ok(path.clone()),
            Self::Into(folder) if !is_file => Ok(folder.clone()),
            Self::Into(folder) | Self::Under(folder) => Ok(folder.join(names::local(&name_for(source))?)),
        }
    }
}

/// Where to, and how.
#[derive(Debug, Clone)]
pub struct DownloadRequest {
    /// Where to.
    pub target: Target,
    /// Whether files of the same names are replaced.
    pub replaces: bool,
    /// Whether what was written is read again and compared, and its sums are kept in a manifest.
    pub verifies: bool,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Where it is.
    pub target: PathBuf,
    /// Whether it is a file.
    pub is_file: bool,
    /// Each file, in path order.
    pub files: Vec<Summed>,
    /// The manifest, where there is one.
    pub manifest: Option<PathBuf>,
    /// It was there already, as the manifest says.
    pub was_there: bool,
}

impl Done {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// The name that the files of an address get on this machine: their own, or one that is made of the address.
pub fn name_for(source: &Source) -> String {
    let last = source.path.rsplit('/').next().unwrap_or_default();
    if !last.is_empty() {
        return last.to_owned();
    }
    source.address.name()
}

/// Downloads a file, or a folder with all that is in it.
///
/// Ended early, it leaves what came so far in a hidden folder beside the target, and the next one for the same target goes on
/// with that.
///
/// # Errors
/// If there is nothing, something is in the way, a name leads elsewhere, what comes is not what was listed, the store does not
/// answer, or the disk does not take it. The target is then as it was; with [`DownloadRequest::replaces`], each file in a folder
/// that was there before is the old or the new one.
pub async fn download(source: &Source, request: &DownloadRequest, progress: &Progress) -> Result<Done> {
    let listing = walk(source, progress).await?;
    let target = request.target.path(source, listing.is_file)?;
    let target = std::path::absolute(&target).map_err(TransferError::at(&target))?;
    let manifest = manifest::manifest_of(&target);
    let mut in_the_way = place::in_the_way(&target, &listing)?;
    if request.verifies && !request.replaces && !in_the_way.is_empty() && manifest.is_file() {
        // An alias may be that of another version by now, whose files can have the same names and sizes.
        let origin = manifest::origin(&manifest);
        if origin.as_deref() == Some(&source.uri()) {
            return compared(&target, &manifest, listing).await;
        }
        if let Some(origin) = origin {
            let words = format!("{} came from {origin}, and not from {}", target.display(), source.uri());
            return Err(TransferError::Differs(words));
        }
    }
    if request.verifies {
        let beside = [manifest.clone(), manifest::origin_of(&manifest)];
        in_the_way.extend(beside.into_iter().filter(|path| path.symlink_metadata().is_ok()));
    }
    if !in_the_way.is_empty() && !request.replaces {
        return Err(TransferError::Exists(in_the_way));
    }
    let beside = if target.is_dir() && !listing.is_file { target.as_path() } else { parent(&target) };
    disk::make_folder(beside, Care::Shared).map_err(TransferError::local)?;
    let opening = {
        let (beside, target, uri) = (beside.to_owned(), target.clone(), source.uri());
        tokio::task::spawn_blocking(move || Stage::open(&beside, &target, &uri))
    };
    let stage = opening.await.map_err(|error| TransferError::Local(std::io::Error::other(error)))?;
    let stage = Arc::new(stage?);
    let result = bring(source, &listing, &stage, request, &target, progress).await;
    if result.is_err() && !stage.holds_something() {
        stage.remove();
    }
    let files = result?;
    Ok(Done {
        target,
        is_file: listing.is_file,
        files,
        manifest: request.verifies.then_some(manifest),
        was_there: false,
    })
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

async fn bring(
    source: &Source,
    listing: &Listing,
    stage: &Arc<Stage>,
    request: &DownloadRequest,
    target: &Path,
    progress: &Progress,
) -> Result<Vec<Summed>> {
    {
        // It may be in the way of what comes.
        let (stage, listing) = (Arc::clone(stage), listing.clone());
        let forgetting = tokio::task::spawn_blocking(move || forget_others(&stage.whole(), &listing));
        forgetting.await.map_err(|error| TransferError::Local(std::io::Error::other(error)))??;
    }
    let fetched = stream::iter(listing.files.clone()).map(|file| async move {
        let at = if listing.is_file || source.path.is_empty() {
            if listing.is_file { source.path.clone() } else { file.path.clone() }
        } else {
            format!("{}/{}", source.path, file.path)
        };
        fetch(&source.files, &at, &file, stage, progress).await
    });
    let mut files: Vec<Summed> = fetched.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (stage, listing, target) = (Arc::clone(stage), listing.clone(), target.to_owned());
    let (verifies, replaces, origin) = (request.verifies, request.replaces, source.uri());
    let placing = tokio::task::spawn_blocking(move || {
        let whole = stage.whole();
        if verifies {
            verify(&whole, &files)?;
        }
        check_all(forget_others(&whole, &listing)?, &listing)?;
        place::put(&whole, &target, &listing, replaces)?;
        if verifies {
            let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let named = |path: &str| if listing.is_file { name.clone() } else { format!("{name}/{path}") };
            let text = manifest::written(&files, named);
            manifest::put(&manifest::manifest_of(&target), &text, &origin)?;
        }
        stage.remove();
        Ok(files)
    });
    placing.await.map_err(|error| TransferError::Local(std::io::Error::other(error)))?
}

/// Reads again what was written.
fn verify(whole: &Path, files: &[Summed]) -> Result<()> {
    for file in files {
        let path = whole.join(&file.path);
        if manifest::sum_of_file(&path)? != file.sha256 {
            // It is not gone on with.
            let _ = std::fs::remove_file(&path);
            let words =
                format!("{:?} is not on the disk as it came; it has to be downloaded again", file.path);
            return Err(TransferError::Differs(words));
        }
    }
    Ok(())
}

/// Takes away what an earlier transfer left that is not among the files and folders any more, and counts the files that are.
fn forget_others(whole: &Path, listing: &Listing) -> Result<usize> {
    let listed: HashSet<PathBuf> = listing.files.iter().map(|file| whole.join(&file.path)).collect();
    let above = listed.iter().filter_map(|path| path.parent()).map(Path::to_owned);
    let mut listed_folders: HashSet<PathBuf> = HashSet::new();
    for folder in above.chain(listing.empty.iter().map(|path| whole.join(path))) {
        for folder in folder.ancestors().take_while(|folder| *folder != whole) {
            if !listed_folders.insert(folder.to_owned()) {
                break;
            }
        }
    }
    let mut folders = vec![whole.to_owned()];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(TransferError::at(&folder))? {
            let path = entry.map_err(TransferError::at(&folder))?.path();
            if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
                if listed_folders.contains(&path) {
                    folders.push(path);
                } else {
                    std::fs::remove_dir_all(&path).map_err(TransferError::at(&path))?;
                }
            } else if listed.contains(&path) {
                found += 1;
            } else {
                std::fs::remove_file(&path).map_err(TransferError::at(&path))?;
            }
        }
    }
    Ok(found)
}

/// So many files are there as are listed.
fn check_all(found: usize, listing: &Listing) -> Result<()> {
    if found == listing.files.len() {
        return Ok(());
    }
    let words =
        format!("{found} of {} files are there: names of some are the same here", listing.files.len());
    Err(TransferError::Changed(words))
}

/// Whether what is there is what a manifest says, and what is listed.
async fn compared(target: &Path, manifest: &Path, listing: Listing) -> Result<Done> {
    let (target, manifest) = (target.to_owned(), manifest.to_owned());
    let comparing = tokio::task::spawn_blocking(move || {
        let sums: BTreeMap<String, String> = manifest::read(&manifest)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = Vec::new();
        for file in &listing.files {
            let (path, key) = if listing.is_file {
                (target.clone(), name.clone())
            } else {
                (target.join(&file.path), format!("{name}/{}", file.path))
            };
            let differs = |why: &str| Err(TransferError::Differs(format!("{} {why}", path.display())));
            let Some(sum) = sums.get(&key) else { return differs("is not in the manifest") };
            let Ok(metadata) = path.metadata() else { return differs("is not there") };
            if file.file_size.is_some_and(|size| size != metadata.len()) {
                return differs("has another size than in the store");
            }
            let sha256 = manifest::sum_of_file(&path)?;
            if sha256 != *sum {
                return differs("is not what the manifest says");
            }
            files.push(Summed {
                path: file.path.clone(),
                size: metadata.len(),
                sha256,
                resumed: metadata.len(),
            });
        }
        Ok(Done { target, is_file: listing.is_file, files, manifest: Some(manifest), was_there: true })
    });
    comparing.await.map_err(|error| TransferError::Local(std::io::Error::other(error)))?
}
