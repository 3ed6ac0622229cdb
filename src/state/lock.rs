//! Locks of files. The system lets go of them when a process ends, however it ends, on every system alike: whoever holds one
//! is at it.

use std::fs::{File, TryLockError};
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use crate::disk;

/// How long until a lock is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// A file that is kept locked.
#[derive(Debug)]
pub struct LockedFile(File);

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for LockedFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // To close it would not do: a program that is being started in another thread has it open, too, until it runs.
        let _ = self.0.unlock();
    }
}

/// Holds a file locked while what is returned lives; none if another does, after so many further tries.
///
/// # Errors
/// Where the file cannot be made, or its file system has no locks: [`io::ErrorKind::Unsupported`].
pub fn lock(path: &Path, tries: usize) -> io::Result<Option<LockedFile>> {
    let lock = disk::open_to_write(path)?;
    for tried in 0..=tries {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(LockedFile(lock))),
            Err(TryLockError::WouldBlock) if tried < tries => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(named(path, &error)),
        }
    }
    Ok(None)
}

/// Whether somebody holds a file locked. Looking writes nothing, and holds it itself for no longer than that.
///
/// # Errors
/// Where that cannot be told.
pub fn is_locked(path: &Path) -> io::Result<bool> {
    let lock = match disk::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        lock => lock?,
    };
    match lock.try_lock_shared() {
        Ok(()) => {
            drop(LockedFile(lock));
            Ok(false)
        }
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(named(path, &error)),
    }
}

/// An error with its path; of the kind `Unsupported` where the file system has no locks.
fn named(path: &Path, error: &io::Error) -> io::Error {
    // What NFS says where nobody keeps its locks.
    #[cfg(unix)]
    let has_none = error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error());
    #[cfg(not(unix))]
    let has_none = false;
    let kind = if has_none { io::ErrorKind::Unsupported } else { error.kind() };
    io::Error::new(kind, format!("{} cannot be locked: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_seen_by_all() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("lock");
        assert!(!is_locked(&path).unwrap(), "nobody ever held it");
        assert!(!path.exists(), "looking writes nothing");
        let held = lock(&path, 0).unwrap().unwrap();
        assert!(is_locked(&path).unwrap() && lock(&path, 1).unwrap().is_none());
        // As a program has it that is being started.
        let copied = held.try_clone().unwrap();
        drop(held);
        assert!(!is_locked(&path).unwrap() && lock(&path, 0).unwrap().is_some());
        drop(copied);
        #[cfg(unix)]
        for no_locks in [rustix::io::Errno::NOLCK, rustix::io::Errno::NOSYS, rustix::io::Errno::OPNOTSUPP] {
            let error = named(&path, &no_locks.into());
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
        }
        let error = lock(&here.path().join("none/lock"), 0).unwrap_err().to_string();
        assert!(error.contains("none/lock"), "{error}");
    }
}
