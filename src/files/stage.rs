//! What came so far: a folder beside the place that it is for, on the same file system. It outlives a transfer that broke
//! off, and is found again by the next one for the same place.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Result, TransferError};
use super::manifest::{hex, sum_of};
use crate::disk::{self, Care};

/// What stands before the names of such folders.
const PREFIX: &str = ".mltui-part-";
/// How often it is looked whether another transfer has ended, and the pause behind each.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// A folder of what came so far, which one transfer has at a time.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
    /// Held for as long as the transfer goes on.
    _lock: File,
}

impl Stage {
    /// The one for a target, of what `source` names; `beside` is the folder that it stands in.
    pub fn open(beside: &Path, target: &Path, source: &str) -> Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let key = hex(&sum_of(format!("{source}\n{name}").as_bytes()));
        let folder = beside.join(format!("{PREFIX}{}", &key[..16]));
        make(&folder)?;
        let path = folder.join("lock");
        let lock = disk::open_to_write(&path).map_err(TransferError::Local)?;
        // A transfer that was given up just now still writes what it has.
        let mut looks = 0;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if looks < LOOKS => {
                    looks += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(fs::TryLockError::WouldBlock) => return Err(TransferError::Busy(target.to_owned())),
                Err(fs::TryLockError::Error(error)) => return Err(TransferError::at(&path)(error)),
            }
        }
        let stage = Self { folder, _lock: lock };
        for folder in [stage.whole(), stage.parts()] {
            make(&folder)?;
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

/// Makes a folder of our own; a link in its place is not followed.
fn make(folder: &Path) -> Result<()> {
    match disk::make_new_folder(folder, Care::Private) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match folder.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            _ => {
                let words = format!("{} is in the way; remove it", folder.display());
                Err(TransferError::Local(io::Error::new(ErrorKind::AlreadyExists, words)))
            }
        },
        made => made.map_err(TransferError::Local),
    }
}
