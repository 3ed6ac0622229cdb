//! What is kept beside a store: a document of JSON in a folder of the state directory, that people can look into and that
//! several windows change at once, each its own part.

use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use rustc_hash::FxHasher;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lock::{LockedFile, lock};
use super::{load, load_to_change, save};
use crate::disk::{self, Care};

/// How often a lock is tried again: whoever holds it writes one file.
const TRIES: usize = 500;

/// The document of one store. What is in it is a `T`, whose fields stand beside the name of the store.
#[derive(Debug)]
pub struct Document<T> {
    path: PathBuf,
    /// What version 0.1 called it.
    older: PathBuf,
    store: String,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Document<T> {
    fn clone(&self) -> Self {
        let (path, older, store) = (self.path.clone(), self.older.clone(), self.store.clone());
        Self { path, older, store, of: PhantomData }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File<T> {
    /// For people who preview the file.
    #[serde(default)]
    store: String,
    #[serde(flatten)]
    content: T,
}

impl<T: Serialize + DeserializeOwned + Default> Document<T> {
    /// `kind` is the folder of the state directory where documents of such things lie. Nothing is read yet.
    pub fn new(state_folder: &Path, kind: &str, store: &str) -> Self {
        let file = |hash: u64| state_folder.join(kind).join(format!("{hash:016x}.json"));
        Self {
            path: file(stable_hash(store)),
            older: file(hash_of_version_0_1(store)),
            store: store.to_owned(),
            of: PhantomData,
        }
    }

    /// Where it lies, once something was written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it; the default where there is no file.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged.
    pub fn load(&self) -> io::Result<T> {
        let file: Option<File<T>> = load(self.current())?;
        Ok(file.map(|file| file.content).unwrap_or_default())
    }

    /// Changes what is in it as it is by now; other windows and programs wait for their turn. One that is damaged is set
    /// aside first.
    ///
    /// # Errors
    /// Where it cannot be written, or another program does not let go of it.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> io::Result<R> {
        disk::make_folder_of(&self.path, Care::Private)?;
        let _lock = self.lock()?;
        let current = self.current();
        let mut file: File<T> = load_to_change(current)?;
        file.store.clone_from(&self.store);
        let changed = change(&mut file.content);
        save(&self.path, &file)?;
        if current != self.path
            && let Err(error) = std::fs::remove_file(current)
            && error.kind() != io::ErrorKind::NotFound
        {
            // The new one counts from now on.
            tracing::warn!(%error, "a file of version 0.1 stays beside the one that took its place");
        }
        Ok(changed)
    }

    /// Sets one that is damaged aside, and begins another; what was wrong with it.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn repair(&self) -> io::Result<Option<io::Error>> {
        match self.load() {
            Err(error) if disk::is_damage(&error) => self.change(|_| ()).map(|()| Some(error)),
            read => read.map(|_| None),
        }
    }

    /// The file that counts: that of version 0.1 until it was first changed.
    fn current(&self) -> &Path {
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        if !is_there(&self.path) && is_there(&self.older) { &self.older } else { &self.path }
    }

    /// None on a file system without locks.
    fn lock(&self) -> io::Result<Option<LockedFile>> {
        let path = self.path.with_extension("lock");
        match lock(&path, TRIES) {
            Ok(Some(lock)) => Ok(Some(lock)),
            Ok(None) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("another process keeps {} locked", path.display()),
            )),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!(%error, "two windows may overwrite what the other keeps");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// FNV-1a of 64 bits: files are named by it, so it has to stay what it is.
pub fn stable_hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a hash map of that version happened to use.
fn hash_of_version_0_1(store: &str) -> u64 {
    let mut hasher = FxHasher::default();
    store.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::super::lock::is_locked;
    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Things {
        things: BTreeMap<String, f64>,
    }

    const STORE: &str = "sqlite:///a.db";

    fn document(folder: &Path) -> Document<Things> {
        Document::new(folder, "plans", STORE)
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_store_has_the_same_name_in_every_version() {
        // The test vectors of Fowler, Noll and Vo.
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(stable_hash(text), hash, "{text}");
        }
        assert_eq!(format!("{:016x}", hash_of_version_0_1(STORE)), OLDER);
    }

    #[test]
    fn what_windows_change_at_the_same_time_is_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for window in 0..4 {
                let document = document(folder.path());
                scope.spawn(move || {
                    for number in 0..10 {
                        let add = |it: &mut Things| it.things.insert(format!("{window}-{number}"), 0.1);
                        document.change(add).unwrap();
                    }
                });
            }
        });
        assert_eq!(document(folder.path()).load().unwrap().things.len(), 40);
        let own = document(folder.path());
        let lock = own.path().with_extension("lock");
        assert!(own.change(|_| is_locked(&lock).unwrap()).unwrap(), "nobody else changes it meanwhile");
        assert!(!is_locked(&lock).unwrap());
        assert_eq!(names(&folder.path().join("plans")).len(), 2, "nothing is left beside it and its lock");
    }

    #[cfg(unix)]
    #[test]
    fn a_document_is_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let document = document(folder.path());
        document.change(|_| ()).unwrap();
        for path in [document.path().to_owned(), document.path().with_extension("lock")] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
    }

    #[test]
    fn a_document_of_version_0_1_is_taken_over_once() {
        let folder = tempfile::tempdir().unwrap();
        let plans = folder.path().join("plans");
        let older = plans.join(format!("{OLDER}.json"));
        fs::create_dir(&plans).unwrap();
        fs::write(&older, format!(r#"{{"store":"{STORE}","things":{{"a":0.1}}}}"#)).unwrap();
        let own = document(folder.path());
        assert_eq!(own.load().unwrap().things.into_iter().collect::<Vec<_>>(), [("a".into(), 0.1)]);
        assert!(older.exists(), "reading changes nothing");
        own.change(|it| it.things.insert("b".into(), 0.2)).unwrap();
        assert!(!older.exists());
        let things: Vec<(String, f64)> = own.load().unwrap().things.into_iter().collect();
        assert_eq!(things, [("a".into(), 0.1), ("b".into(), 0.2)]);
        // One that an old window writes afterwards does not come in between.
        fs::write(&older, r#"{"store":"","things":{}}"#).unwrap();
        own.change(|_| ()).unwrap();
        assert_eq!(own.load().unwrap().things.len(), 2);
    }

    #[test]
    fn a_damaged_document_is_told_and_set_aside_under_its_own_name() {
        for name in [OLDER, "the name of now"] {
            let folder = tempfile::tempdir().unwrap();
            let own = document(folder.path());
            let path = if name == OLDER { own.older.clone() } else { own.path.clone() };
            fs::create_dir(path.parent().unwrap()).unwrap();
            fs::write(&path, "{ broken").unwrap();
            assert!(own.load().unwrap_err().to_string().contains(path.to_str().unwrap()));
            let error = own.repair().unwrap().unwrap();
            assert!(disk::is_damage(&error) && error.to_string().contains(path.to_str().unwrap()), "{error}");
            assert_eq!(fs::read_to_string(format!("{}.damaged", path.display())).unwrap(), "{ broken");
            assert_eq!(own.load().unwrap(), Things::default());
            assert!(own.repair().unwrap().is_none(), "it is whole");
        }
    }

    /// The name that version 0.1 gave the store of these tests.
    const OLDER: &str = "5556cd8d2220de8a";
}
