//! How a file is opened: to be written where that is possible, else as far as it can be read.
//!
//! A database with a write-ahead log wants a file of its own beside it, even from a reader. Where none can be made, as on
//! a read-only mount, it is read as it stands, or a private copy is, if the log holds what the file does not.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection as Db, ErrorCode, OpenFlags};

use super::Inner;
use super::address::Database;
use crate::store::ErrorKind;

/// A database with more than this, and a log that nobody wrote back, is not copied.
const MOST_COPIED: u64 = 2 << 30;
/// The bytes at the head of a file; the last two tell of a write-ahead log.
const HEAD: usize = 20;

/// A file, and its log, as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    file: (Option<SystemTime>, u64),
    log: (Option<SystemTime>, u64),
}

impl Stamp {
    pub fn of(path: &Path) -> Self {
        let of = |path: &Path| {
            path.metadata().map_or((None, 0), |metadata| (metadata.modified().ok(), metadata.len()))
        };
        Self { file: of(path), log: of(&log_of(path)) }
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// A copy of a database that is taken away with the last who reads it.
#[derive(Debug)]
pub struct PrivateCopy {
    folder: PathBuf,
    of: Stamp,
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = %self.folder.display(), "a copy is left behind");
        }
    }
}

/// What is read instead of the file itself, which may change without SQLite's noticing.
#[derive(Debug, Clone)]
pub struct Frozen {
    pub at: Stamp,
    pub copy: Option<Arc<PrivateCopy>>,
}

/// Opens a database's file, which is there.
pub fn open(
    database: &Database,
    read_only: bool,
    copies: &Mutex<Option<Arc<PrivateCopy>>>,
) -> Inner<(Db, Option<Frozen>)> {
    let path = &database.path;
    let has_log = check_head(path)?;
    if database.immutable {
        return Ok((immutable(path)?, Some(Frozen { at: Stamp::of(path), copy: None })));
    }
    let writable = OpenOptions::new().append(true).open(path).is_ok();
    // Even a reader wants the right to write: only so can it roll back what a killed writer left behind.
    let flags = if writable && !read_only {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let db = Db::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    if !has_log {
        return Ok((db, None));
    }
    // SQLite looks for the log with the first statement.
    let version = db.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
    match version.map_err(|error| error.sqlite_error_code()) {
        Err(Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)) => frozen(path, copies),
        _ => Ok((db, None)),
    }
}

fn immutable(path: &Path) -> Inner<Db> {
    let path = std::path::absolute(path).map_err(|error| ErrorKind::Io(error.to_string()))?;
    let name = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Db::open_with_flags(format!("file:{name}?immutable=1"), flags)?)
}

/// The database as it stands, with its log where that holds something.
fn frozen(path: &Path, copies: &Mutex<Option<Arc<PrivateCopy>>>) -> Inner<(Db, Option<Frozen>)> {
    let at = Stamp::of(path);
    if at.log.1 == 0 {
        return Ok((immutable(path)?, Some(Frozen { at, copy: None })));
    }
    let mut known = copies.lock().unwrap_or_else(PoisonError::into_inner);
    let copy = match known.as_ref().filter(|copy| copy.of == at) {
        Some(copy) => Arc::clone(copy),
        None => Arc::clone(known.insert(Arc::new(copied(path, at)?))),
    };
    let db = Db::open_with_flags(
        copy.folder.join("copy.db"),
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    Ok((db, Some(Frozen { at, copy: Some(copy) })))
}

fn copied(path: &Path, of: Stamp) -> Inner<PrivateCopy> {
    let log = log_of(path);
    if of.file.1.saturating_add(of.log.1) > MOST_COPIED {
        return Err(ErrorKind::Io(format!(
            "{} holds changes that are not in {} yet, and no file can be made beside it to read them: copy both to a \
             folder that can be written, and open the copy",
            log.display(),
            path.display()
        )));
    }
    let folder = std::env::temp_dir().join(format!("mltui-{:016x}", fastrand::u64(..)));
    let io = |error: std::io::Error| ErrorKind::Io(format!("{}: {error}", folder.display()));
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder).map_err(io)?;
    let copy = PrivateCopy { folder: folder.clone(), of };
    fs::copy(path, folder.join("copy.db")).map_err(io)?;
    fs::copy(&log, folder.join("copy.db-wal")).map_err(io)?;
    #[cfg(unix)]
    for name in ["copy.db", "copy.db-wal"] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).map_err(io)?;
    }
    Ok(copy)
}

/// Whether a file has a write-ahead log. One that is not SQLite is named as such; SQLite's own message would say
/// "malformed" for a truncated one.
fn check_head(path: &Path) -> Inner<bool> {
    let io = |error: std::io::Error| ErrorKind::Io(format!("{}: {error}", path.display()));
    let mut head = Vec::with_capacity(HEAD);
    File::open(path).map_err(io)?.take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
    if head.is_empty() || head.starts_with(b"SQLite format 3\0") {
        Ok(head.ends_with(&[2, 2]) && head.len() == HEAD)
    } else {
        Err(ErrorKind::NotAStore(format!("{} is not a SQLite database", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database whose log holds a row that the file does not.
    fn with_log(folder: &Path) -> (PathBuf, Db) {
        let path = folder.join("a b?.db");
        let db = Db::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (2)").unwrap();
        (path, db)
    }

    fn count(db: &Db) -> i64 {
        db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_log_that_was_not_written_back_is_read_from_a_copy_that_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = with_log(folder.path());
        let copies = Mutex::new(None);
        let (db, how) = frozen(&path, &copies).unwrap();
        let how = how.unwrap();
        assert_eq!(count(&db), 2);
        let place = how.copy.as_ref().unwrap().folder.clone();
        let (again, second) = frozen(&path, &copies).unwrap();
        assert_eq!((count(&again), &second.unwrap().copy.unwrap().folder), (2, &place), "one copy for all");
        // What is written behind it is noticed, and copied anew.
        writer.execute_batch("INSERT INTO t VALUES (3)").unwrap();
        assert_ne!(Stamp::of(&path), how.at);
        let (newer, third) = frozen(&path, &copies).unwrap();
        assert_eq!(count(&newer), 3);
        drop((db, how, again));
        assert!(!place.exists(), "nobody reads the first copy any more");
        let place = third.as_ref().unwrap().copy.as_ref().unwrap().folder.clone();
        drop((newer, third, copies));
        assert!(!place.exists());
    }

    #[test]
    fn without_a_log_the_file_is_read_as_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = with_log(folder.path());
        writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let (db, how) = frozen(&path, &Mutex::new(None)).unwrap();
        assert_eq!(count(&db), 2);
        assert!(how.unwrap().copy.is_none());
        assert!(check_head(&path).unwrap());
    }
}
