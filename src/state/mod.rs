//! What the program keeps for itself, in the state directory: documents of JSON, one for each store, for this user alone.

pub mod by_experiment;
pub mod document;
pub mod lock;
pub mod policies;
pub mod views;
pub mod worker;

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::disk::{self, Care};
use crate::text::json;

/// No document is nearly as long.
const MOST: u64 = 64 << 20;
/// The folders of the state directory.
#[cfg(unix)]
const KINDS: [&str; 7] = ["edits", "journal", "plans", "policies", "stores", "sweeps", "views"];

/// Reads a document; none where there is no file.
pub fn load<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match disk::read(path, MOST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        content => serde_json::from_slice(&content?).map(Some).map_err(|error| disk::damaged(path, error)),
    }
}

/// Puts a document in the place of the old one, at once or not at all.
fn save<T: Serialize>(path: &Path, document: &T) -> io::Result<()> {
    let content = json::pretty(document).map_err(|error| disk::damaged(path, error))?;
    disk::make_folder_of(path, Care::Private)?;
    disk::replace(path, &content, Care::Private)
}

/// What a document that cannot be read says of itself, and what becomes of it.
pub fn in_words(error: &io::Error) -> String {
    if disk::is_damage(error) {
        format!("{error}; it was renamed to end in .damaged, and a new file is begun")
    } else {
        error.to_string()
    }
}

/// Reads a document that is to be changed. One that is damaged is set aside first, for whoever can mend it.
fn load_to_change<T: DeserializeOwned + Default>(path: &Path) -> io::Result<T> {
    match load(path) {
        Err(error) if disk::is_damage(&error) => {
            std::fs::rename(path, aside(path)).map_err(|cause| {
                io::Error::new(cause.kind(), format!("{error}, and cannot be renamed: {cause}"))
            })?;
            Ok(T::default())
        }
        document => Ok(document?.unwrap_or_default()),
    }
}

/// Where a damaged document goes: earlier ones stay.
fn aside(path: &Path) -> PathBuf {
    let named = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let later = (2..1_000).map(|number| named(&format!(".damaged-{number}")));
    let mut names = std::iter::once(named(".damaged")).chain(later);
    names.find(|name| name.symlink_metadata().is_err()).unwrap_or_else(|| named(".damaged"))
}

/// Takes the rights of others on the program's own folders away; an earlier version let them be read.
pub fn tighten(state_folder: &Path) {
    // Where there is no home, the folder is the one that the program was started in.
    #[cfg(unix)]
    if state_folder.ends_with("mltui") {
        let folders = KINDS.iter().map(|kind| state_folder.join(kind)).chain([state_folder.to_owned()]);
        for folder in folders {
            if let Err(error) = disk::tighten(&folder) {
                // They are another user's.
                tracing::warn!(%error, "others may read what is kept");
            }
        }
    }
    #[cfg(not(unix))]
    let _ = state_folder;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn folders_of_the_program_are_tightened_and_no_others() {
        use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
        let here = tempfile::tempdir().unwrap();
        let make = |path: &Path| std::fs::DirBuilder::new().recursive(true).mode(0o755).create(path).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let (ours, other) = (here.path().join("state/mltui"), here.path().join("work"));
        for folder in [ours.join("sweeps/1"), ours.join("stores"), other.join("sweeps")] {
            make(&folder);
        }
        let before = (mode(&here.path().join("state")), mode(&other.join("sweeps")));
        tighten(&ours);
        tighten(&other);
        assert_eq!(
            (mode(&ours), mode(&ours.join("sweeps")), mode(&ours.join("stores"))),
            (0o700, 0o700, 0o700)
        );
        assert_eq!((mode(&here.path().join("state")), mode(&other.join("sweeps"))), before);
    }

    #[test]
    fn a_damaged_document_is_set_aside_before_another_takes_its_place() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("a.json");
        for damage in [&b"{ broken"[..], b"\0\0\0\0", b"\"\xff\"", b""] {
            std::fs::write(&path, damage).unwrap();
            let error = load::<Vec<u32>>(&path).unwrap_err();
            assert!(disk::is_damage(&error) && error.to_string().contains(path.to_str().unwrap()), "{error}");
            assert_eq!(load_to_change::<Vec<u32>>(&path).unwrap(), [0; 0]);
            let kept: Vec<_> =
                std::fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            let is_kept = kept.iter().any(|path| std::fs::read(path).unwrap() == damage);
            assert!(is_kept, "earlier ones stay: {kept:?}");
            assert_eq!(load::<Vec<u32>>(&path).unwrap(), None);
        }
        assert_eq!(std::fs::read(here.path().join("a.json.damaged")).unwrap(), b"{ broken");
        assert_eq!(std::fs::read(here.path().join("a.json.damaged-3")).unwrap(), b"\"\xff\"");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(load_to_change::<Vec<u32>>(&path).unwrap(), [0; 0], "a folder is set aside too");
        save(&path, &[1]).unwrap();
        assert_eq!(load::<Vec<u32>>(&path).unwrap().unwrap(), [1]);
    }
}
