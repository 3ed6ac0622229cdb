//! From the stage to its place: at once where nothing is there yet, file by file into a folder that is there.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::{Result, TransferError};
use super::listing::Listing;
use crate::disk::{self, Care};

/// What is in the way of files at a target: what may be replaced, or else an error.
pub fn in_the_way(target: &Path, listing: &Listing) -> Result<Vec<PathBuf>> {
    let Ok(there) = target.symlink_metadata() else { return Ok(Vec::new()) };
    if listing.is_file {
        return if there.is_dir() {
            Err(not_replaced(target, "a folder"))
        } else {
            Ok(vec![target.to_owned()])
        };
    }
    if !target.is_dir() {
        return Err(not_replaced(target, "no folder"));
    }
    let mut found = Vec::new();
    for (path, is_dir) in listing
        .files
        .iter()
        .map(|file| (file.path.as_str(), false))
        .chain(listing.empty.iter().map(|path| (path.as_str(), true)))
    {
        check_folders(target, Path::new(path))?;
        let place = target.join(path);
        match place.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() == is_dir => {
                if !is_dir {
                    found.push(place);
                }
            }
            Ok(metadata) => {
                return Err(not_replaced(&place, if metadata.is_dir() { "a folder" } else { "no folder" }));
            }
            Err(_) => {}
        }
    }
    Ok(found)
}

fn not_replaced(path: &Path, what: &str) -> TransferError {
    let words = format!("{} is {what}, and is not replaced", path.display());
    TransferError::Local(io::Error::new(ErrorKind::AlreadyExists, words))
}

/// The folders above a path below a target are folders, as far as they are there: a link could lead anywhere.
fn check_folders(target: &Path, path: &Path) -> Result<()> {
    let mut folder = target.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match folder.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(not_replaced(&folder, "a link or a file in the place of a folder")),
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Puts what is whole into its place.
pub fn put(whole: &Path, target: &Path, listing: &Listing, replaces: bool) -> Result<()> {
    if let [file] = listing.files.as_slice()
        && listing.is_file
    {
        return put_file(&whole.join(&file.path), target, replaces);
    }
    for path in &listing.empty {
        disk::make_folder(&whole.join(path), Care::Shared).map_err(TransferError::local)?;
    }
    open_to_others(whole)?;
    // An empty folder is replaced as well as none.
    if !target.is_symlink() && fs::rename(whole, target).is_ok() {
        return Ok(());
    }
    for path in &listing.empty {
        check_folders(target, Path::new(path))?;
        disk::make_folder(&target.join(path), Care::Shared).map_err(TransferError::local)?;
    }
    for file in &listing.files {
        check_folders(target, Path::new(&file.path))?;
        let place = target.join(&file.path);
        disk::make_folder_of(&place, Care::Shared).map_err(TransferError::local)?;
        put_file(&whole.join(&file.path), &place, replaces)?;
    }
    Ok(())
}

fn put_file(from: &Path, target: &Path, replaces: bool) -> Result<()> {
    if replaces {
        return fs::rename(from, target).map_err(TransferError::at(target));
    }
    // Of a link in the file system only one can be made under a name: what is there meanwhile stays.
    match fs::hard_link(from, target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(TransferError::Exists(vec![target.to_owned()]))
        }
        // Not every file system has them.
        Err(_) if target.symlink_metadata().is_err() => {
            fs::rename(from, target).map_err(TransferError::at(target))
        }
        Err(error) => Err(TransferError::at(target)(error)),
    }
}

/// The stage is for this user alone, and what takes its place is for whoever the umask allows.
fn open_to_others(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        let beside = folder.with_file_name("open");
        let _ = fs::remove_dir(&beside);
        disk::make_new_folder(&beside, Care::Shared).map_err(TransferError::local)?;
        let permissions = beside.metadata().map_err(TransferError::at(&beside))?.permissions();
        fs::set_permissions(folder, permissions).map_err(TransferError::at(folder))?;
        let _ = fs::remove_dir(&beside);
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
