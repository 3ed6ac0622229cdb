//! Files put in their place whole, and `meta.yaml` changed in what is to be changed.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::is_absence;
use super::layout::META;
use super::yaml::Mapping;
use super::{dump, meta};
use crate::disk::{self, Care, Draft, leftovers};
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
pub fn draft(home: &Path, path: &Path, content: &[u8]) -> Inner<Draft> {
    if path.file_name().is_some_and(|name| name == META) {
        // Written at the end of what may have been killed on its way.
        leftovers::sweep(home);
    }
    let written = |mut draft: Draft| fill(&mut draft, path, content).map(|()| draft);
    Draft::begin_in(home, path, Care::Shared).and_then(written).map_err(refused(path))
}

/// Writes a draft. That of a `meta.yaml` is on the disk before it takes its place: where the power fails, an empty one in the
/// place of a whole one would be a run that nobody opens. Of others there are many, and MLflow waits for none.
fn fill(draft: &mut Draft, path: &Path, content: &[u8]) -> io::Result<()> {
    if path.file_name().is_some_and(|name| name == META) {
        return draft.write(content);
    }
    draft.file().write_all(content)
}

/// What a link leads to is written, and the link stays: where it leads to a file of the thing at `home`, or of those beside it.
fn behind_link(home: &Path, path: &Path) -> Inner<PathBuf> {
    if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        return Ok(path.to_owned());
    }
    let refused = |what: String| {
        Err(ErrorKind::Invalid(format!(
            "{} is a link {what}: it is not written to; put a file in its place",
            path.display()
        )))
    };
    let Ok(target) = fs::canonicalize(path) else { return refused("that leads nowhere".into()) };
    let own = fs::canonicalize(home).map_err(self::refused(home))?;
    if own.parent().is_some_and(|around| around.parent().is_some() && target.starts_with(around))
        || target.starts_with(&own)
    {
        return Ok(target);
    }
    refused(format!("out of the store, to {}", target.display()))
}

/// Makes a folder of the thing at `home`, and those between them; none where the thing itself is no more.
pub fn make_in(home: &Path, folder: &Path) -> Inner<()> {
    let Ok(below) = folder.strip_prefix(home) else { return Ok(()) };
    let mut path = home.to_owned();
    for part in below.components() {
        path.push(part);
        disk::make_folder_below(&path, Care::Shared).map_err(refused(&path))?;
    }
    Ok(())
}

fn make_folder_of(home: &Path, path: &Path) -> Inner<()> {
    path.parent().map_or(Ok(()), |folder| make_in(home, folder))
}

/// What others may do with a file they may do with what is put in its place. Whether it can be put there like that.
#[cfg(unix)]
fn keep_rights(draft: &mut Draft, old: &fs::Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let file = draft.file();
    let Ok(own) = file.metadata() else { return false };
    let mode = fs::Permissions::from_mode(old.permissions().mode() & 0o777);
    let is_kept = (own.uid() == old.uid() && own.gid() == old.gid())
        || (own.uid() == old.uid() && fchown(&*file, None, Some(old.gid())).is_ok())
        || fchown(&*file, Some(old.uid()), Some(old.gid())).is_ok();
    is_kept && (own.permissions().mode() & 0o777 == mode.mode() || file.set_permissions(mode).is_ok())
}

#[cfg(not(unix))]
fn keep_rights(_: &mut Draft, _: &fs::Metadata) -> bool {
    true
}

/// Writes over a file that is another's, as MLflow does it: only so it stays theirs.
fn write_over(path: &Path, content: &[u8]) -> Inner<()> {
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).open(path)?;
        file.write_all(content)?;
        file.set_len(content.len() as u64)
    };
    write().map_err(refused(path))
}

/// Puts a file of the thing at `home` in its place, in the place of one that is there.
pub fn put(home: &Path, path: &Path, content: &[u8]) -> Inner<()> {
    let path = behind_link(home, path)?;
    make_folder_of(home, &path)?;
    let old = path.metadata().ok().filter(fs::Metadata::is_file);
    let mut own = draft(home, &path, content)?;
    if old.as_ref().is_some_and(|old| !keep_rights(&mut own, old)) {
        return write_over(&path, content);
    }
    match own.put() {
        // Another file system is mounted, or linked to, in between.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut draft = Draft::begin(&path, Care::Shared).map_err(refused(&path))?;
            fill(&mut draft, &path, content).map_err(refused(&path))?;
            if old.as_ref().is_some_and(|old| !keep_rights(&mut draft, old)) {
                return write_over(&path, content);
            }
            draft.put().map_err(refused(&path))
        }
        put => put.map_err(refused(&path)),
    }
}

/// Puts a file in its place where there is none; whether there was none.
pub fn put_new(home: &Path, path: &Path, content: &[u8]) -> Inner<bool> {
    make_folder_of(home, path)?;
    match draft(home, path, content)?.put_new() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut draft = Draft::begin(path, Care::Shared).map_err(refused(path))?;
            match fill(&mut draft, path, content).and_then(|()| draft.put_new()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                put => put.map(|()| true).map_err(refused(path)),
            }
        }
        Err(error) => Err(refused(path)(error)),
    }
}

/// Puts lines at the end of a file of the thing at `home`, in one write: others may do so too. They are made of what stands at
/// its end now, `most` bytes of it at most.
pub fn append(home: &Path, path: &Path, most: u64, lines: impl FnOnce(&[u8]) -> String) -> Inner<()> {
    let path = &behind_link(home, path)?;
    let known = match disk::read_end_bytes(path, most) {
        // The line at which it begins may be half of one.
        Ok(known) if known.len() as u64 == most => {
            known.iter().position(|byte| *byte == b'\n').map_or(Vec::new(), |at| known[at..].to_vec())
        }
        Ok(known) => known,
        Err(error) if is_absence(&error) => Vec::new(),
        Err(_) if path.is_dir() => return Err(refused(path)(io::ErrorKind::IsADirectory.into())),
        Err(error) => return Err(ErrorKind::Io(error.to_string())),
    };
    let lines = lines(&known);
    if lines.is_empty() {
        return Ok(());
    }
    make_folder_of(home, path)?;
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).map_err(refused(path))?;
    let before = file.metadata().map_err(refused(path))?.len();
    append_whole(&mut file, before, lines.as_bytes()).map_err(refused(path))
}

/// Writes all of it or nothing: half of it is taken back, unless somebody else wrote meanwhile.
fn append_whole(file: &mut fs::File, before: u64, lines: &[u8]) -> io::Result<()> {
    let mut own = 0;
    while own < lines.len() {
        let failure = match file.write(&lines[own..]) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(written) => {
                own += written;
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        take_back(file, before, own as u64);
        return Err(failure);
    }
    Ok(())
}

/// Takes back what was written, where nothing of anybody else's is behind it.
fn take_back(file: &fs::File, before: u64, own: u64) {
    if own > 0 && file.metadata().is_ok_and(|metadata| metadata.len() == before + own) {
        let _ = file.set_len(before);
    }
}

/// Puts a folder that was filled in a place where nothing is; whether nothing was.
pub fn put_folder(filled: &Path, path: &Path) -> Inner<bool> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, filled, CWD, path, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(true),
            Err(Errno::EXIST | Errno::NOTEMPTY) => return Ok(false),
            // The file system does not know how to.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            Err(error) => return Err(refused(path)(error.into())),
        }
    }
    // An empty folder holds the place until it is replaced, at once.
    if !make_new(path)? {
        return Ok(false);
    }
    fs::rename(filled, path).map(|()| true).map_err(|error| {
        let _ = fs::remove_dir(path);
        refused(path)(error)
    })
}

/// Whether files of a folder can be replaced.
pub fn check_writable(folder: &Path) -> Inner<()> {
    #[cfg(unix)]
    let is_writable = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok();
    #[cfg(not(unix))]
    let is_writable = folder.metadata().is_ok_and(|metadata| !metadata.permissions().readonly());
    if is_writable {
        Ok(())
    } else {
        Err(ErrorKind::ReadOnly(format!("{} is not writable", folder.display())))
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

/// Makes a folder where it is missing, and none above it.
pub fn make(path: &Path) -> Inner<()> {
    disk::make_folder_below(path, Care::Shared).map_err(refused(path))
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
    meta::load(folder).map_err(damaged(folder))
}

/// The same of a run, which has to be whole.
pub fn known_run(folder: &Path) -> Inner<Mapping> {
    meta::load_run(folder).map_err(damaged(folder))
}

fn damaged(folder: &Path) -> impl Fn(String) -> ErrorKind + '_ {
    move |why| ErrorKind::Invalid(format!("{}: {why}; it is not written over", folder.join(META).display()))
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
    fn what_a_thing_is_is_on_the_disk_before_it_takes_its_place() {
        let home = tempfile::tempdir().unwrap();
        let synced = |work: &dyn Fn()| {
            let before = disk::SYNCED.get();
            work();
            disk::SYNCED.get() - before
        };
        let path = home.path().join(META);
        assert_eq!(synced(&|| put(home.path(), &path, b"name: a\n").unwrap()), 1);
        assert_eq!(synced(&|| change_meta(home.path(), |meta| set(meta, "name", "x")).unwrap()), 1);
        assert_eq!(
            synced(&|| put(home.path(), &home.path().join("tags/a"), b"1").unwrap()),
            0,
            "MLflow waits for none"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "name: x\n");
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

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_store_is_not_written_through() {
        use std::os::unix::fs::symlink;
        let home = tempfile::tempdir().unwrap();
        let run = home.path().join("store/1/run");
        fs::create_dir_all(run.join("tags")).unwrap();
        let outside = home.path().join("outside");
        fs::write(&outside, "1").unwrap();
        symlink(&outside, run.join("tags/a")).unwrap();
        symlink(home.path().join("none"), run.join("tags/b")).unwrap();
        for (key, word) in [("a", "out of the store"), ("b", "leads nowhere")] {
            let path = run.join("tags").join(key);
            for failure in [put(&run, &path, b"2"), append(&run, &path, 9, |_| "x".into())] {
                let failure = failure.unwrap_err();
                assert!(matches!(&failure, ErrorKind::Invalid(words) if words.contains(word)), "{failure:?}");
            }
        }
        assert_eq!(fs::read_to_string(&outside).unwrap(), "1");
        assert!(!home.path().join("none").exists());
    }

    #[cfg(unix)]
    #[test]
    fn what_others_may_do_with_a_file_stays() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("meta.yaml");
        fs::write(&path, "1").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
        put(home.path(), &path, b"2").unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!((mode & 0o777, fs::read(&path).unwrap()), (0o664, b"2".to_vec()));
        write_over(&path, b"").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn nothing_is_made_where_the_thing_is_no_more() {
        let home = tempfile::tempdir().unwrap();
        let run = home.path().join("1/run");
        let path = run.join("tags/a");
        for failure in [
            put(&run, &path, b"1"),
            put_new(&run, &path, b"1").map(drop),
            append(&run, &path, 9, |_| "x".into()),
        ] {
            assert!(matches!(failure, Err(ErrorKind::Gone(_))), "{failure:?}");
        }
        assert!(!home.path().join("1").exists());
    }

    #[test]
    fn what_another_put_behind_half_of_ours_is_not_taken_back() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("m");
        let file = fs::File::options().append(true).create(true).open(&path).unwrap();
        for (content, left) in [("old\nha", "old\n"), ("old\nhaother\n", "old\nhaother\n"), ("o", "o")] {
            fs::write(&path, content).unwrap();
            take_back(&file, 4, 2);
            assert_eq!(fs::read_to_string(&path).unwrap(), left);
        }
    }

    #[test]
    fn of_a_long_file_only_whole_lines_at_its_end_are_known() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("m");
        fs::write(&path, "10 1.0 0\n20 2.0 1\n").unwrap();
        let mut seen = Vec::new();
        append(home.path(), &path, 12, |known| {
            seen = known.to_vec();
            "30 3.0 2\n".into()
        })
        .unwrap();
        assert_eq!(seen, b"\n20 2.0 1\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "10 1.0 0\n20 2.0 1\n30 3.0 2\n");
    }

    #[test]
    fn a_filled_folder_takes_no_place_that_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let (filled, place) = (home.path().join("filled"), home.path().join("place"));
        fs::create_dir(&filled).unwrap();
        fs::write(filled.join("a"), "1").unwrap();
        fs::create_dir(&place).unwrap();
        assert!(!put_folder(&filled, &place).unwrap());
        fs::remove_dir(&place).unwrap();
        assert!(put_folder(&filled, &place).unwrap());
        assert!(place.join("a").is_file() && !filled.exists());
    }
}
