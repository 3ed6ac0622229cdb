//! Files of runs and models that lie in this machine's file system.

pub mod files;
mod transfer;

use std::path::{Component, Path, PathBuf};

use super::{ErrorKind, Inner};
use crate::disk::{self, Care, leftovers};

pub use transfer::LocalTree;

/// A path below the root, and never outside of it.
pub fn inside(root: &Path, path: &str) -> Inner<PathBuf> {
    let relative = Path::new(path);
    if relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        Ok(root.join(relative))
    } else {
        Err(ErrorKind::Invalid(format!("the artifact path {path:?} is outside the run's folder")))
    }
}

/// Whether two paths lead to one file or folder: by another name, a link or another mount of the same file system. None where that
/// cannot be told, as of what is not there.
pub fn is_same_file(one: &Path, other: &Path) -> Option<bool> {
    if one.canonicalize().ok()? == other.canonicalize().ok()? {
        return Some(true);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (one, other) = (one.metadata().ok()?, other.metadata().ok()?);
        Some(one.dev() == other.dev() && one.ino() == other.ino())
    }
    #[cfg(not(unix))]
    None
}

/// Writes a file below a folder.
pub fn write_below(root: &Path, path: &str, content: &[u8]) -> Inner<()> {
    write_whole(&inside(root, path)?, content)
}

/// For whoever the umask lets read it, as MLflow has it.
fn write_whole(file: &Path, content: &[u8]) -> Inner<()> {
    if file.file_name().is_none() {
        return Err(ErrorKind::Invalid("an artifact needs a file name".into()));
    }
    let written = disk::make_folder_of(file, Care::Shared).and_then(|()| {
        file.parent().map(leftovers::sweep);
        disk::replace(file, content, Care::Shared)
    });
    written.map_err(unwritten)
}

/// An error that names its path.
#[expect(clippy::needless_pass_by_value, reason = "it is handed over as it comes")]
pub fn unwritten(error: std::io::Error) -> ErrorKind {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        _ => ErrorKind::Io(error.to_string()),
    }
}
