//! What is left of a file that was to take its place when it was whole, where its writer is killed. Whoever writes there next
//! takes it away.
//!
//! While a file is written it is locked, and its name says on which machine: there one that is not locked is nobody's any more.
//! Elsewhere a lock proves nothing, and only what nobody wrote to for a day is nobody's.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// What stands before all names of such files.
const PREFIX: &str = ".mltui-";
/// Letters that `tempfile` puts behind.
const RANDOM: usize = 6;
/// Digits that stand for the machine.
const MACHINE: usize = 8;
/// Nobody writes to a file for so long and goes on.
const OLD: Duration = Duration::from_secs(24 * 3_600);

/// What the names of this machine's begin with.
pub(super) fn prefix() -> String {
    format!("{PREFIX}{}-", machine())
}

/// Locks a file that was made a moment ago; whether it is still there: before, it looked like nobody's.
pub(super) fn claim(file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => is_there(file),
        // By somebody who is about to take it away.
        Err(TryLockError::WouldBlock) => false,
        // Where the file system has no locks, its time tells.
        Err(TryLockError::Error(_)) => true,
    }
}

#[cfg(unix)]
fn is_there(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
}

#[cfg(not(unix))]
fn is_there(_: &File) -> bool {
    true
}

/// Takes away what others left in a folder; how many files. What cannot be looked at stays.
pub fn sweep(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let (machine, mut count) = (machine(), 0);
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(of) = name.to_str().and_then(machine_of) else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        if !is_own(&metadata) {
            continue;
        }
        match remove_dead(&entry.path(), &metadata, of == machine) {
            Ok(is_removed) => count += usize::from(is_removed),
            Err(error) => tracing::warn!(%error, path = %entry.path().display(), "a leftover file stays"),
        }
    }
    count
}

/// The machine that a name tells, which may be empty; nothing where it is no such file.
fn machine_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PREFIX)?;
    let is_random =
        |text: &str| text.len() == RANDOM && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match rest.split_once('-') {
        Some((machine, random)) => {
            let is_machine = machine.len() == MACHINE && machine.bytes().all(|byte| byte.is_ascii_hexdigit());
            (is_machine && is_random(random)).then_some(machine)
        }
        None => is_random(rest).then_some(""),
    }
}

/// Removes a file that nobody writes to any more; whether it did. Meanwhile it is locked, so that nobody claims it.
fn remove_dead(path: &Path, metadata: &Metadata, is_of_this_machine: bool) -> io::Result<bool> {
    let age = metadata.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
    if !metadata.is_file() || (!is_of_this_machine && age < OLD) {
        return Ok(false);
    }
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return Ok(false) };
    let is_dead = match File::try_lock(&file) {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => age >= OLD,
    };
    if is_dead {
        match std::fs::remove_file(path) {
            // It came to its place meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            removed => removed?,
        }
    }
    Ok(is_dead)
}

#[cfg(unix)]
fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

/// This machine, in eight digits that stay the same until it starts anew: others can have its name.
fn machine() -> &'static str {
    static MACHINE_NOW: OnceLock<String> = OnceLock::new();
    MACHINE_NOW.get_or_init(|| {
        #[cfg(unix)]
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        #[cfg(not(unix))]
        let name = std::env::var("COMPUTERNAME").unwrap_or_default();
        let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let bytes = name.bytes().chain(start.bytes());
        let sum = bytes.fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        format!("{sum:0MACHINE$x}")
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::disk::{Care, Draft};

    #[test]
    fn what_nobody_writes_to_any_more_is_swept_up_and_nothing_else() {
        let here = tempfile::tempdir().unwrap();
        let made = |name: &str, age: Duration| {
            let path = here.path().join(name);
            let file = File::create(&path).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
            (path, file)
        };
        let (hour, own) = (Duration::from_secs(3_600), machine());
        let gone = [
            made(&format!(".mltui-{own}-abcDE1"), hour).0,
            made(&format!(".mltui-{own}-abcDE3"), Duration::ZERO).0,
            made(".mltui-0a0a0a0a-abcDE1", OLD + hour).0,
            made(".mltui-abcDE1", OLD + hour).0,
        ];
        let (live, held) = made(&format!(".mltui-{own}-abcDE2"), OLD + hour);
        held.lock().unwrap();
        let stay = [
            live,
            made(".mltui-0a0a0a0a-abcDE2", hour).0,
            made(".mltui-abcDE2", hour).0,
            made(".mltui-notes.txt", OLD + hour).0,
            made("model.pkl", OLD + hour).0,
        ];
        assert_eq!(sweep(here.path()), gone.len());
        assert!(gone.iter().all(|path| !path.exists()));
        assert!(stay.iter().all(|path| path.exists()));
    }

    #[test]
    fn what_is_being_written_is_not_swept_up() {
        let here = tempfile::tempdir().unwrap();
        let mut draft = Draft::begin(&here.path().join("model.pkl"), Care::Shared).unwrap();
        draft.file().set_modified(SystemTime::now() - OLD * 2).unwrap();
        sweep(here.path());
        draft.put().unwrap();
        assert!(here.path().join("model.pkl").exists());
        assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_not_claimed_that_somebody_is_taking_away() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join(prefix() + "abcDE1");
        let mine = File::create(&path).unwrap();
        let theirs = File::open(&path).unwrap();
        theirs.lock().unwrap();
        assert!(!claim(&mine), "they have it");
        std::fs::remove_file(&path).unwrap();
        drop(theirs);
        assert!(!claim(&mine), "it is gone");
    }
}
