//! What an upload leaves where it is killed: a file that was to take its place when it was whole. The next one into the same
//! folder takes it away.
//!
//! While a file is written it is locked, and its name says on which machine: there one that is not locked is nobody's any more.
//! Elsewhere a lock proves nothing, and only what nobody wrote to for a day is nobody's.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::disk::{Care, Draft};

/// What stands before all names of such files.
const PREFIX: &str = ".mltui-";
/// Letters that `tempfile` puts behind.
const RANDOM: usize = 6;
/// Digits that stand for the machine.
const MACHINE: usize = 8;
/// Nobody writes to a file for so long and goes on.
const OLD: Duration = Duration::from_secs(24 * 3_600);
/// How long one may be there before it is locked.
const YOUNG: Duration = Duration::from_secs(60);

/// Begins a file that takes its place when it is whole, and is known to be written until then.
pub fn begin(target: &Path) -> io::Result<Draft> {
    let mut draft = Draft::begin_as(target, Care::Shared, &format!("{PREFIX}{}-", machine()))?;
    // Where the file system has no locks, its time tells.
    let _ = draft.file().try_lock();
    Ok(draft)
}

/// Takes away what others left in a folder. What cannot be looked at stays.
pub fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let machine = machine();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(of) = name.to_str().and_then(machine_of) else { continue };
        let is_dead = entry
            .metadata()
            .is_ok_and(|metadata| is_own(&metadata) && is_dead(&entry.path(), &metadata, of == machine));
        if is_dead && let Err(error) = std::fs::remove_file(entry.path()) {
            tracing::warn!(%error, path = %entry.path().display(), "what an upload left stays");
        }
    }
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

fn is_dead(path: &Path, metadata: &Metadata, is_of_this_machine: bool) -> bool {
    let age = metadata.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
    if !metadata.is_file() || age < YOUNG || (!is_of_this_machine && age < OLD) {
        return false;
    }
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return false };
    match File::try_lock(&file) {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => age >= OLD,
    }
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

/// This machine, in eight digits that stay the same.
fn machine() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    let sum =
        name.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{sum:0MACHINE$x}")
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

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
            made(".mltui-0a0a0a0a-abcDE1", OLD + hour).0,
            made(".mltui-abcDE1", OLD + hour).0,
        ];
        let (live, held) = made(&format!(".mltui-{own}-abcDE2"), OLD + hour);
        held.lock().unwrap();
        let stay = [
            live,
            made(&format!(".mltui-{own}-abcDE3"), Duration::ZERO).0,
            made(".mltui-0a0a0a0a-abcDE2", hour).0,
            made(".mltui-abcDE2", hour).0,
            made(".mltui-notes.txt", OLD + hour).0,
            made("model.pkl", OLD + hour).0,
        ];
        sweep(here.path());
        assert!(gone.iter().all(|path| !path.exists()));
        assert!(stay.iter().all(|path| path.exists()));
    }

    #[test]
    fn what_is_being_written_is_not_swept_up() {
        let here = tempfile::tempdir().unwrap();
        let mut draft = begin(&here.path().join("model.pkl")).unwrap();
        draft.file().set_modified(SystemTime::now() - OLD * 2).unwrap();
        sweep(here.path());
        draft.put().unwrap();
        assert!(here.path().join("model.pkl").exists());
        assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 1);
    }
}
