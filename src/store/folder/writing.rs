//! Files put in their place whole, and `meta.yaml` changed in what is to be changed.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::layout::META;
use super::yaml::Mapping;
use super::{dump, meta};
use crate::disk::{self, Care, Draft};
use crate::store::{ErrorKind, Inner};

/// Why something cannot be written, with its path.
pub fn refused(path: &Path) -> impl Fn(io::Error) -> ErrorKind + '_ {
    move |error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ErrorKind::ReadOnly(format!("{} is not writable", path.display()))
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::DiskFull,
        io::ErrorKind::NotFound => ErrorKind::Gone(path.to_owned()),
        // A key can be a folder of others: `val` and `val/loss`.
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => {
            ErrorKind::Invalid(format!(
                "{} cannot be written: what is there is a folder, or is in the place of one",
                path.display()
            ))
        }
        _ => ErrorKind::Io(format!("{}: {error}", path.display())),
    }
}

/// A draft of a file of the thing at `home`. It begins there and not beside its place: MLflow takes every file of a folder of
/// tags for a tag.
fn draft(home: &Path, path: &Path, content: &[u8]) -> Inner<Draft> {
    let written = |mut draft: Draft| draft.file().write_all(content).map(|()| draft);
    Draft::begin_in(home, path, Care::Shared).and_then(written).map_err(refused(path))
}

/// What a link leads to is written, and the link stays.
fn behind_link(path: &Path) -> PathBuf {
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    if is_link { fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()) } else { path.to_owned() }
}

/// Puts a file of the thing at `home` in its place, in the place of one that is there.
pub fn put(home: &Path, path: &Path, content: &[u8]) -> Inner<()> {
    let path = behind_link(path);
    disk::make_folder_of(&path, Care::Shared).map_err(refused(&path))?;
    match draft(home, &path, content)?.put() {
        // Another file system is mounted, or linked to, in between.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut draft = Draft::begin(&path, Care::Shared).map_err(refused(&path))?;
            draft.file().write_all(content).and_then(|()| draft.put()).map_err(refused(&path))
        }
        put => put.map_err(refused(&path)),
    }
}

/// Puts a file in its place where there is none; whether there was none.
pub fn put_new(home: &Path, path: &Path, content: &[u8]) -> Inner<bool> {
    disk::make_folder_of(path, Care::Shared).map_err(refused(path))?;
    match draft(home, path, content)?.put_new() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut draft = Draft::begin(path, Care::Shared).map_err(refused(path))?;
            match draft.file().write_all(content).and_then(|()| draft.put_new()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                put => put.map(|()| true).map_err(refused(path)),
            }
        }
        Err(error) => Err(refused(path)(error)),
    }
}

/// Makes a folder that must not be there yet.
pub fn make_new(path: &Path) -> Inner<bool> {
    match disk::make_new_folder(path, Care::Shared) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(refused(path)(error)),
    }
}

pub fn make(path: &Path) -> Inner<()> {
    disk::make_folder(path, Care::Shared).map_err(refused(path))
}

/// Takes a file away; whether there was one.
pub fn remove(path: &Path) -> Inner<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // It is a folder of others.
        Err(_) if path.is_dir() => Ok(false),
        Err(error) => Err(refused(path)(error)),
    }
}

/// The `meta.yaml` of a thing that is to be changed: one that is damaged is not written over.
pub fn known_meta(folder: &Path) -> Inner<Mapping> {
    meta::load(folder).map_err(|why| {
        ErrorKind::Invalid(format!("{}: {why}; it is not written over", folder.join(META).display()))
    })
}

pub fn write_meta(folder: &Path, meta: &Mapping) -> Inner<()> {
    put(folder, &folder.join(META), dump::document(meta).as_bytes())
}

/// Reads, changes and writes a `meta.yaml`.
pub fn change_meta(folder: &Path, change: impl FnOnce(&mut Mapping)) -> Inner<()> {
    let mut meta = known_meta(folder)?;
    change(&mut meta);
    write_meta(folder, &meta)
}

/// Sets a value.
pub fn set(meta: &mut Mapping, key: &str, value: impl Into<Value>) {
    meta.insert(key.to_owned(), value.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_put_whole_and_nothing_is_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tags/a/b");
        put(home.path(), &path, b"1").unwrap();
        assert!(!put_new(home.path(), &path, b"2").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"1");
        assert!(put_new(home.path(), &home.path().join("tags/c"), b"2").unwrap());
        // A key that is a folder of others, and one below a file.
        for other in ["tags/a", "tags/c/d"] {
            let failure = put(home.path(), &home.path().join(other), b"3").unwrap_err();
            assert!(matches!(&failure, ErrorKind::Invalid(words) if words.contains("folder")), "{failure:?}");
        }
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        assert!(
            remove(&path).unwrap() && !remove(&path).unwrap() && !remove(&home.path().join("tags")).unwrap()
        );
    }

    #[test]
    fn why_something_cannot_be_written_is_said_with_its_path() {
        let of = |kind: io::ErrorKind| refused(Path::new("/x/y"))(kind.into());
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem] {
            assert_eq!(of(kind), ErrorKind::ReadOnly("/x/y is not writable".into()));
        }
        assert_eq!(of(io::ErrorKind::StorageFull), ErrorKind::DiskFull);
        assert_eq!(of(io::ErrorKind::NotFound), ErrorKind::Gone("/x/y".into()));
        assert!(matches!(of(io::ErrorKind::TimedOut), ErrorKind::Io(words) if words.starts_with("/x/y")));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("real"), "1").unwrap();
        std::os::unix::fs::symlink("real", home.path().join("link")).unwrap();
        put(home.path(), &home.path().join("link"), b"2").unwrap();
        assert_eq!(fs::read(home.path().join("real")).unwrap(), b"2");
        assert!(home.path().join("link").symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn what_is_not_understood_is_not_written_over() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(META), "name: 'wi").unwrap();
        let failure = change_meta(home.path(), |meta| set(meta, "name", "x")).unwrap_err();
        assert!(
            matches!(&failure, ErrorKind::Invalid(words) if words.contains("not written over")),
            "{failure:?}"
        );
        assert_eq!(fs::read_to_string(home.path().join(META)).unwrap(), "name: 'wi");
        // What is not known here is kept.
        fs::write(home.path().join(META), "name: wine\ntrace_location: null\nworkspace: default\n").unwrap();
        change_meta(home.path(), |meta| set(meta, "name", "x")).unwrap();
        let written = fs::read_to_string(home.path().join(META)).unwrap();
        assert_eq!(written, "name: x\ntrace_location: null\nworkspace: default\n");
    }
}
