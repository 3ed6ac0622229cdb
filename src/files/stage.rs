//! What came so far: a folder beside the place that it is for, on the same file system. It outlives a transfer that broke
//! off, and is found again by the next one for the same place.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::{Result, TransferError};
use super::manifest::{hex, sum_of};
use crate::disk::{self, Care};
use crate::state::lock::{LockedFile, lock};

/// What stands before the names of such folders.
const PREFIX: &str = ".mltui-part-";
/// How often it is looked whether another transfer has ended: that takes some two seconds.
const LOOKS: usize = 200;

/// A folder of what came so far, which one transfer has at a time.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    /// Held for as long as the transfer goes on; none where the file system has no locks.
    _lock: Option<LockedFile>,
}

impl Stage {
    /// The one for a target, of what `source` names; `beside` is the folder that it stands in.
    pub fn open(beside: &Path, target: &Path, source: &str) -> Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let key = hex(&sum_of(format!("{source}\n{name}").as_bytes()));
        let folder = beside.join(format!("{PREFIX}{}", &key[..16]));
        make(&folder, is_own_alone)?;
        // A transfer that was given up just now still writes what it has.
        let held = held(lock(&folder.join("lock"), LOOKS), target)?;
        let stage = Self { folder, _lock: held };
        // Nobody else gets into the folder that they are in.
        for folder in [stage.whole(), stage.parts()] {
            make(&folder, is_own)?;
        }
        Ok(stage)
    }

    /// Where what is whole stands, as it will stand in its place.
    pub fn whole(&self) -> PathBuf {
        self.folder.join("whole")
    }

    fn parts(&self) -> PathBuf {
        self.folder.join("parts")
    }

    /// The file for what came of one, and the one for what is known of it.
    pub fn part(&self, path: &str) -> (PathBuf, PathBuf) {
        let key = hex(&sum_of(path.as_bytes()));
        (self.parts().join(&key), self.parts().join(format!("{key}.version")))
    }

    /// Whether anything came that is worth keeping.
    pub fn holds_something(&self) -> bool {
        let holds = |folder: PathBuf| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        holds(self.whole()) || holds(self.parts())
    }

    /// Takes it away.
    pub fn remove(&self) {
        // What stays is hidden, and in nobody's way.
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "a folder of a transfer stays");
        }
    }
}

/// What trying to lock comes to: where the file system has no locks, nobody is kept from anything.
fn held(tried: io::Result<Option<LockedFile>>, target: &Path) -> Result<Option<LockedFile>> {
    match tried {
        Ok(Some(lock)) => Ok(Some(lock)),
        Ok(None) => Err(TransferError::Busy(target.to_owned())),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(TransferError::local(error)),
    }
}

/// Whether something is this user's.
fn is_own(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    let is_own = {
        use std::os::unix::fs::MetadataExt as _;
        metadata.uid() == rustix::process::geteuid().as_raw()
    };
    #[cfg(not(unix))]
    let is_own = metadata.is_dir();
    is_own
}

/// The same, and nobody else may write into it.
fn is_own_alone(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    let is_open = {
        use std::os::unix::fs::PermissionsExt as _;
        metadata.permissions().mode() & 0o022 != 0
    };
    #[cfg(not(unix))]
    let is_open = false;
    is_own(metadata) && !is_open
}

/// Makes a folder of our own. A link in its place is not followed, and one that others can put things into is not trusted.
fn make(folder: &Path, is_trusted: fn(&Metadata) -> bool) -> Result<()> {
    match disk::make_new_folder(folder, Care::Private) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match folder.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() && is_trusted(&metadata) => Ok(()),
            Ok(metadata) if metadata.is_dir() => {
                let words = format!("{} is another user's, or open to others; remove it", folder.display());
                Err(TransferError::Local(io::Error::new(ErrorKind::PermissionDenied, words)))
            }
            _ => {
                let words = format!("{} is in the way; remove it", folder.display());
                Err(TransferError::Local(io::Error::new(ErrorKind::AlreadyExists, words)))
            }
        },
        made => made.map_err(TransferError::local),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_into_is_not_gone_on_with() {
        use std::os::unix::fs::PermissionsExt as _;
        let here = tempfile::tempdir().unwrap();
        let target = here.path().join("t");
        let open = || Stage::open(here.path(), &target, "test:/root");
        let folder = open().unwrap().folder.clone();
        // What takes the target's place is as open as the umask has it.
        fs::set_permissions(folder.join("whole"), fs::Permissions::from_mode(0o775)).unwrap();
        drop(open().unwrap());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let error = open().unwrap_err().to_string();
        assert!(error.contains("open to others") && error.contains(folder.to_str().unwrap()), "{error}");
    }

    #[test]
    fn without_locks_it_goes_on() {
        let target = Path::new("t");
        assert!(matches!(held(Err(ErrorKind::Unsupported.into()), target), Ok(None)));
        assert!(matches!(
            held(Err(ErrorKind::PermissionDenied.into()), target),
            Err(TransferError::Local(_))
        ));
        assert!(matches!(held(Ok(None), target), Err(TransferError::Busy(_))));
    }
}
