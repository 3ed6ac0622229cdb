//! What there is at an address: one file, or all below a folder.

use std::collections::HashSet;

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::address::Source;
use super::error::{Result, TransferError};
use super::names;
use super::progress::Progress;
use crate::mlflow::ArtifactFile;
use crate::store::ArtifactList;

/// Folders that are listed side by side.
const FOLDERS: usize = 8;
/// Files and folders that are looked at; nobody keeps more of them in one place.
const MOST: usize = 1_000_000;

/// A file or a folder with all that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Whether the address is a file.
    pub is_file: bool,
    /// Files in path order. Paths are from what the address names; that of a single file is its name.
    pub files: Vec<ArtifactFile>,
    /// Folders with nothing in them.
    pub empty: Vec<String>,
}

impl Listing {
    /// Bytes of all files, as far as they are known.
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.file_size).sum()
    }
}

/// What is directly at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries {
    /// Whether the address is a file.
    pub is_file: bool,
    /// The file, or what is in the folder, in name order.
    pub files: Vec<ArtifactFile>,
    /// There are more than these.
    pub is_cut: bool,
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The entry of a path itself; none for the root.
async fn entry(source: &Source) -> Result<Option<ArtifactFile>> {
    if source.path.is_empty() {
        return Ok(None);
    }
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let list = source.files.list(folder).await?;
    match list.files.into_iter().find(|file| file.path == source.path) {
        Some(file) => Ok(Some(file)),
        // In a folder of so many it may be among those that were not told.
        None if list.is_cut => {
            Ok(Some(ArtifactFile { path: source.path.clone(), is_dir: false, file_size: None }))
        }
        None => Err(nothing(source)),
    }
}

fn nothing(source: &Source) -> TransferError {
    TransferError::Nothing(format!("nothing is at {} ({})", source.address, source.uri()))
}

/// What is directly at an address: a file itself, which is then the only entry, or the entries of a folder. Paths are as in
/// [`Listing`].
///
/// # Errors
/// If there is nothing, or the store does not answer.
pub async fn entries(source: &Source) -> Result<Entries> {
    if let Some(file) = entry(source).await?.filter(|file| !file.is_dir) {
        let path = name_of(&file.path).to_owned();
        return Ok(Entries { is_file: true, files: vec![ArtifactFile { path, ..file }], is_cut: false });
    }
    let ArtifactList { mut files, is_cut } = source.files.list(&source.path).await?;
    for file in &mut files {
        file.path = below(&source.path, &file.path)?.to_owned();
    }
    Ok(Entries { is_file: false, files, is_cut })
}

/// A path from a folder that it is below; what is not is refused with its name.
fn below<'a>(folder: &str, path: &'a str) -> Result<&'a str> {
    if folder.is_empty() {
        return Ok(path);
    }
    let rest = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    rest.ok_or_else(|| TransferError::Name(path.to_owned(), "which is not in its folder"))
}

/// All files at an address. Names that cannot be those of files below a folder of this machine are refused.
///
/// # Errors
/// As [`entries`]; if a folder has more entries than are ever listed; for a name that leads elsewhere.
pub async fn walk(source: &Source, progress: &Progress) -> Result<Listing> {
    if let Some(file) = entry(source).await?.filter(|file| !file.is_dir) {
        let path = name_of(&file.path).to_owned();
        names::local(&path)?;
        progress.found(1, file.file_size.unwrap_or(0));
        progress.listed();
        return Ok(Listing { is_file: true, files: vec![ArtifactFile { path, ..file }], empty: Vec::new() });
    }
    let mut listing = Listing { is_file: false, files: Vec::new(), empty: Vec::new() };
    let mut waiting = vec![source.path.clone()];
    let mut running = FuturesUnordered::new();
    let mut seen = HashSet::new();
    loop {
        while running.len() < FOLDERS
            && let Some(folder) = waiting.pop()
        {
            let files = &source.files;
            running.push(async move { (files.list(&folder).await, folder) });
        }
        let Some((list, folder)) = running.next().await else { break };
        let list = list?;
        if list.is_cut {
            let words = format!(
                "the folder {} has more than {} entries",
                source.files.named(&folder),
                ArtifactList::MOST
            );
            return Err(TransferError::Changed(words));
        }
        if list.files.is_empty() && folder != source.path {
            listing.empty.push(below(&source.path, &folder)?.to_owned());
        }
        for file in list.files {
            let path = below(&source.path, &file.path)?.to_owned();
            names::local(&path)?;
            if !seen.insert(path.clone()) {
                return Err(TransferError::Name(path, "and another one of the same name"));
            }
            if file.is_dir {
                waiting.push(file.path);
            } else {
                progress.found(1, file.file_size.unwrap_or(0));
                listing.files.push(ArtifactFile { path, ..file });
            }
        }
        if seen.len() > MOST {
            return Err(TransferError::Changed(format!("{} has more than {MOST} files", source.uri())));
        }
    }
    if listing.files.is_empty() && listing.empty.is_empty() {
        return Err(nothing(source));
    }
    listing.files.sort_by(|a, b| a.path.cmp(&b.path));
    listing.empty.sort();
    progress.listed();
    Ok(listing)
}
