//! Folders for sockets that `ssh` opens on this machine: they go with whoever made them, in whatever way that ends.

use std::fs::File;
use std::io;
use std::path::Path;
#[cfg(unix)]
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// How their names begin.
const PREFIX: &str = "mltui-ssh-";
/// In each of them: who made it holds it locked.
const LOCK: &str = "lock";
/// One without that file is being made, or was left by an older program.
const MAKING: Duration = Duration::from_secs(3_600);

/// A folder that nobody else enters.
#[derive(Debug)]
pub struct PrivateFolder {
    folder: Option<TempDir>,
    _lock: File,
    /// Takes the folder away where this process cannot.
    #[cfg(unix)]
    guard: Option<Child>,
}

impl PrivateFolder {
    pub fn new() -> io::Result<Self> {
        sweep(&std::env::temp_dir());
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir()?;
        // It is locked before it has its name: nobody sees it free.
        let unnamed = folder.path().join("locking");
        let lock = File::create(&unnamed)?;
        // Where the file system has no locks, only old folders are swept up.
        let is_locked = lock.try_lock().is_ok();
        if is_locked {
            std::fs::rename(&unnamed, folder.path().join(LOCK))?;
        }
        Ok(Self {
            #[cfg(unix)]
            guard: guard(folder.path()),
            folder: Some(folder),
            _lock: lock,
        })
    }

    pub fn path(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new(""), TempDir::path)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        drop(self.folder.take());
        #[cfg(unix)]
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

/// A process that waits for the end of this one: it reads what only this one could write.
#[cfg(unix)]
fn guard(folder: &Path) -> Option<Child> {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP INT TERM; cat > /dev/null; rm -rf -- \"$1\"", "sh"]).arg(folder);
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-c in the terminal is not meant for it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().ok()
}

/// Takes away what was left where whoever made it, and its guard, were killed together.
fn sweep(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_ours = name.to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
            && is_own(&entry.path());
        if is_ours && is_left(&entry.path()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(unix)]
fn is_own(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    folder.symlink_metadata().is_ok_and(|metadata| metadata.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_own(_: &Path) -> bool {
    true
}

/// Whether nobody holds a folder any more.
fn is_left(folder: &Path) -> bool {
    if let Ok(lock) = File::open(folder.join(LOCK)) {
        return lock.try_lock().is_ok();
    }
    let changed = folder.metadata().and_then(|metadata| metadata.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > MAKING))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_left_is_swept_up_and_what_is_used_stays() {
        let place = tempfile::tempdir().unwrap();
        let made = |name: &str, is_held: bool| {
            let folder = place.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            let lock = File::create(folder.join(LOCK)).unwrap();
            if is_held {
                lock.lock().unwrap();
            }
            (folder, lock)
        };
        let (left, closed) = made("mltui-ssh-left", false);
        drop(closed);
        let (held, _lock) = made("mltui-ssh-held", true);
        let (other, _) = made("other", false);
        let making = place.path().join("mltui-ssh-making");
        std::fs::create_dir(&making).unwrap();
        sweep(place.path());
        assert_eq!([&left, &held, &other, &making].map(|path| path.exists()), [false, true, true, true]);
        let long_ago = std::time::SystemTime::now() - MAKING * 2;
        File::open(&making).unwrap().set_modified(long_ago).unwrap();
        sweep(place.path());
        assert!(!making.exists());
    }

    #[test]
    fn a_folder_goes_with_its_holder() {
        let folder = PrivateFolder::new().unwrap();
        let path = folder.path().to_owned();
        assert!(path.join(LOCK).exists());
        drop(folder);
        assert!(!path.exists());
    }
}
