//! How a file is opened: to be written where that is possible, else as far as it can be read.
//!
//! A database with a write-ahead log wants a file of its own beside it, even from a reader; one whose writer was killed
//! wants what it left half done to be taken back. Where nothing can be written, as on a read-only mount, it is read as it
//! stands, or a private copy is, if what lies beside it holds what the file does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection as Db, ErrorCode, OpenFlags, ffi};

use super::Inner;
use super::address::Database;
use crate::store::ErrorKind;

/// A database with more than this, and a log that nobody wrote back, is not copied.
const MOST_COPIED: u64 = 2 << 30;

/// A file, and what lies beside it, as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    file: (Option<SystemTime>, u64),
    log: (Option<SystemTime>, u64),
    journal: (Option<SystemTime>, u64),
}

impl Stamp {
    pub fn of(path: &Path) -> Self {
        let of = |path: &Path| {
            path.metadata().map_or((None, 0), |metadata| (metadata.modified().ok(), metadata.len()))
        };
        Self { file: of(path), log: of(&beside(path, LOG)), journal: of(&beside(path, JOURNAL)) }
    }

    /// How the file is called that holds what the database does not.
    fn rest(&self) -> Option<&'static str> {
        [(self.log.1, LOG), (self.journal.1, JOURNAL)]
            .into_iter()
            .find(|(length, _)| *length > 0)
            .map(|(_, it)| it)
    }
}

/// What the names of a write-ahead log end in, and of a journal to roll back by.
const LOG: &str = "-wal";
const JOURNAL: &str = "-journal";

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
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

/// Whether a writer was killed and left something to roll back.
pub fn is_half_done(path: &Path) -> bool {
    Stamp::of(path).journal.1 > 0
}

/// Opens a database's file, which is there.
///
/// Nobody but SQLite opens it, not even to look at its head: on Unix a process that closes a file loses all of its locks on it,
/// those of its other connections too, and another program would then write at the same time.
pub fn open(
    database: &Database,
    read_only: bool,
    copies: &Mutex<Option<Arc<PrivateCopy>>>,
) -> Inner<(Db, Option<Frozen>)> {
    let path = &database.path;
    if database.immutable {
        let db = immutable(path)?;
        version(&db, path)?;
        return Ok((db, Some(Frozen { at: Stamp::of(path), copy: None })));
    }
    // Even a reader wants the right to write, which SQLite does without where there is none: only so can it roll back what a killed
    // writer left behind.
    let flags = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    let db = Db::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // SQLite looks for a log, and for what was left half done, with the first statement.
    match version(&db, path) {
        Err(Unread::WithoutRest) => frozen(path, copies),
        Err(Unread::Other(error)) => Err(error),
        Ok(()) => Ok((db, None)),
    }
}

/// Why a database cannot be read.
enum Unread {
    /// What lies beside it, or should, cannot be used.
    WithoutRest,
    Other(ErrorKind),
}

impl From<Unread> for ErrorKind {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::WithoutRest => Self::Io("what lies beside the database cannot be used".into()),
            Unread::Other(error) => error,
        }
    }
}

/// Looks whether the file is a database that can be read. One that somebody else is writing is.
fn version(db: &Db, path: &Path) -> Result<(), Unread> {
    let version = db.query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0));
    let Err(error) = version else { return Ok(()) };
    Err(match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return Ok(()),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => Unread::WithoutRest,
        Some(ErrorCode::SystemIoFailure) if is_of_log(&error) || Stamp::of(path).rest().is_some() => {
            Unread::WithoutRest
        }
        Some(ErrorCode::NotADatabase) => {
            Unread::Other(ErrorKind::NotAStore(format!("{} is not a SQLite database", path.display())))
        }
        _ => Unread::Other(error.into()),
    })
}

/// Whether what failed was the memory that the readers of a log share.
fn is_of_log(error: &rusqlite::Error) -> bool {
    let of_log = [
        ffi::SQLITE_IOERR_SHMOPEN,
        ffi::SQLITE_IOERR_SHMSIZE,
        ffi::SQLITE_IOERR_SHMLOCK,
        ffi::SQLITE_IOERR_SHMMAP,
    ];
    error.sqlite_error().is_some_and(|error| of_log.contains(&error.extended_code))
}

fn immutable(path: &Path) -> Inner<Db> {
    let path = std::path::absolute(path).map_err(|error| ErrorKind::Io(error.to_string()))?;
    let name = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Db::open_with_flags(format!("file:{name}?immutable=1"), flags)?)
}

/// The database as it stands, with what lies beside it where that holds something.
fn frozen(path: &Path, copies: &Mutex<Option<Arc<PrivateCopy>>>) -> Inner<(Db, Option<Frozen>)> {
    let at = Stamp::of(path);
    let Some(rest) = at.rest() else {
        return Ok((immutable(path)?, Some(Frozen { at, copy: None })));
    };
    let mut known = copies.lock().unwrap_or_else(PoisonError::into_inner);
    let copy = match known.as_ref().filter(|copy| copy.of == at) {
        Some(copy) => Arc::clone(copy),
        None => Arc::clone(known.insert(Arc::new(copied(path, at, rest)?))),
    };
    let db = Db::open_with_flags(
        copy.folder.join("copy.db"),
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    Ok((db, Some(Frozen { at, copy: Some(copy) })))
}

fn copied(path: &Path, of: Stamp, rest: &str) -> Inner<PrivateCopy> {
    let log = beside(path, rest);
    if of.file.1.saturating_add(of.log.1).saturating_add(of.journal.1) > MOST_COPIED {
        return Err(ErrorKind::Io(format!(
            "{} is needed to read {}, but their folder is not writable; copy both to a writable folder and open the copy",
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
    let copy_of_rest = beside(&folder.join("copy.db"), rest);
    fs::copy(&log, &copy_of_rest).map_err(io)?;
    #[cfg(unix)]
    for file in [folder.join("copy.db"), copy_of_rest] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).map_err(io)?;
    }
    Ok(copy)
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
    fn what_a_killed_writer_left_half_done_is_taken_back_in_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let db = Db::open(&path).unwrap();
        db.execute_batch("CREATE TABLE t (x); PRAGMA cache_size = 2; PRAGMA cache_spill = 2").unwrap();
        let fill = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
                    INSERT INTO t SELECT hex(randomblob(400)) FROM n";
        db.execute_batch(fill).unwrap();
        db.execute_batch("BEGIN; UPDATE t SET x = hex(randomblob(410))").unwrap();
        db.execute_batch(fill).unwrap();
        // As they are when the writer is killed now.
        let killed = folder.path().join("killed.db");
        fs::copy(&path, &killed).unwrap();
        fs::copy(beside(&path, JOURNAL), beside(&killed, JOURNAL)).unwrap();
        assert_ne!(fs::metadata(&killed).unwrap().len(), 0);
        let (copy, how) = frozen(&killed, &Mutex::new(None)).unwrap();
        assert_eq!(count(&copy), 400);
        let check: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        assert!(how.unwrap().copy.is_some());
        assert!(beside(&killed, JOURNAL).exists(), "the original stays as it was");
    }

    #[test]
    fn without_a_log_the_file_is_read_as_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = with_log(folder.path());
        writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let (db, how) = frozen(&path, &Mutex::new(None)).unwrap();
        assert_eq!(count(&db), 2);
        assert!(how.unwrap().copy.is_none());
    }

    /// Where the locks of all processes are told.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_connection_that_is_opened_beside_others_leaves_them_their_locks() {
        use std::os::unix::fs::MetadataExt;
        for mode in ["DELETE", "WAL"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            let writer = Db::open(&path).unwrap();
            writer.execute_batch(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (x)")).unwrap();
            writer.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
            let own = format!(":{} ", path.metadata().unwrap().ino());
            let locks = || {
                let all = fs::read_to_string("/proc/locks").unwrap();
                all.lines().filter(|line| line.contains(&own)).map(str::to_owned).collect::<Vec<_>>()
            };
            let before = locks().len();
            assert!(before > 0, "{mode}");
            for read_only in [false, true] {
                let database = Database { path: path.clone(), ..Database::default() };
                let (db, frozen) = open(&database, read_only, &Mutex::new(None)).unwrap();
                assert_eq!(count(&db), 0);
                assert!(frozen.is_none());
                drop(db);
                assert_eq!(locks().len(), before, "{mode}");
            }
            writer.execute_batch("COMMIT").unwrap();
        }
    }
}
