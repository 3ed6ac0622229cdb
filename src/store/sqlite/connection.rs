//! Connections to the file: opened late, kept for reuse, dropped when the file is no longer the same.

use std::io::ErrorKind as Denied;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::ErrorCode;
use rusqlite::limits::Limit;

use super::Inner;
use super::address::Database;
use super::opening::{Frozen, PrivateCopy, Stamp, is_half_done, open};
use super::schema::{self, Schema, Tables};
use crate::store::ErrorKind;

/// How long MLflow waits for a lock; writers here wait as long.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);
/// A reader gives up sooner and tries again later, so that the screen can say what it waits for.
const READ_PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of a value, whatever it is: a longer one is an error wherever it is not left out.
const LONGEST: i32 = 32 << 20;

/// A connection and what is known of the tables behind it.
#[derive(Debug)]
pub struct Connection {
    pub db: rusqlite::Connection,
    pub schema: Schema,
    pub workspace: String,
    /// Which file this is connected to; none for the empty store in memory.
    pub file: Option<FileId>,
    /// What is read is not the file itself, or it is read as if nobody changed it.
    pub frozen: Option<Frozen>,
}

impl Connection {
    /// Whether it still shows what is in the file.
    pub fn is_current(&self, path: &Path) -> bool {
        self.file == FileId::of(path) && self.frozen.as_ref().is_none_or(|it| it.at == Stamp::of(path))
    }
}

/// A file's identity: a file replaced under the same name has another. The number of a deleted file is soon given
/// to a new one, so the time of creation belongs to it, where the file system keeps that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    number: (u64, u64),
    created: Option<SystemTime>,
}

impl FileId {
    /// The file at `path`; an empty file is none yet, as for MLflow.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok().filter(|metadata| metadata.len() > 0)?;
        #[cfg(unix)]
        let number = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let number = (0, 0);
        Some(Self { number, created: metadata.created().ok() })
    }
}

#[derive(Debug)]
pub struct Pool {
    database: Database,
    workspace: String,
    read_only: bool,
    idle: Mutex<Vec<Connection>>,
    /// The connection that looks for changes: `data_version` compares only with itself.
    watcher: Mutex<Option<Connection>>,
    /// The file was there once: where it is not any more, no other is made in its place.
    seen: AtomicBool,
    /// The file went away since it was last looked at.
    lost: AtomicBool,
    copies: Mutex<Option<Arc<PrivateCopy>>>,
    /// The tables have no index that finds a history by its key.
    walks_runs: AtomicBool,
}

impl Pool {
    pub fn new(database: Database, workspace: String, read_only: bool) -> Self {
        Self {
            read_only: read_only || database.read_only,
            seen: AtomicBool::new(FileId::of(&database.path).is_some() && !is_half_done(&database.path)),
            database,
            workspace,
            idle: Mutex::new(Vec::new()),
            watcher: Mutex::new(None),
            lost: AtomicBool::new(false),
            copies: Mutex::new(None),
            walks_runs: AtomicBool::new(false),
        }
    }

    /// Whether a history is found by a walk over all points of its run, as far as the file was looked at.
    pub fn walks_runs(&self) -> bool {
        self.walks_runs.load(Ordering::Relaxed)
    }

    pub fn path(&self) -> &Path {
        &self.database.path
    }

    /// What is wrong where the file was there and is not any more.
    pub fn gone(&self) -> Option<ErrorKind> {
        let is_gone = self.seen.load(Ordering::Relaxed) && FileId::of(self.path()).is_none();
        is_gone.then(|| ErrorKind::Gone(self.path().to_owned()))
    }

    /// A failure of a file that went away meanwhile is told as that: SQLite's own words are of what it met then.
    fn or_gone<T>(&self, result: Inner<T>) -> Inner<T> {
        result.map_err(|error| match error {
            ErrorKind::Io(_) | ErrorKind::ReadOnly(_) | ErrorKind::NotAStore(_) => {
                self.gone().unwrap_or(error)
            }
            error => error,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut Connection) -> Inner<T>) -> Inner<T> {
        let mut connection = self.take()?;
        let result = self.or_gone(work(&mut connection));
        // A connection that met a damaged or replaced file is not used again.
        if !matches!(result, Err(ErrorKind::NotAStore(_) | ErrorKind::Io(_) | ErrorKind::Gone(_))) {
            self.idle().push(connection);
        }
        result
    }

    pub fn write<T>(&self, work: impl FnOnce(&mut Connection) -> Inner<T>) -> Inner<T> {
        self.or_gone(self.transaction(work)).map_err(|error| self.or_sealed(error))
    }

    /// A failure where no file can be made beside the database is told as that: SQLite's own words are of what it met.
    fn or_sealed(&self, error: ErrorKind) -> ErrorKind {
        if !matches!(error, ErrorKind::Io(_) | ErrorKind::ReadOnly(_)) || FileId::of(self.path()).is_none() {
            return error;
        }
        let folder =
            self.path().parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match tempfile::tempfile_in(folder) {
            Err(cause) if matches!(cause.kind(), Denied::PermissionDenied | Denied::ReadOnlyFilesystem) => {
                ErrorKind::ReadOnly(format!(
                    "SQLite needs to create files beside {} while it writes, but {} is not writable",
                    self.path().display(),
                    folder.display()
                ))
            }
            _ => error,
        }
    }

    fn transaction<T>(&self, work: impl FnOnce(&mut Connection) -> Inner<T>) -> Inner<T> {
        let mut connection = self.take()?;
        if connection.frozen.is_some() {
            return Err(ErrorKind::ReadOnly(format!(
                "no file can be made beside {}, which writing needs; where its folder can be written to, it can",
                self.path().display()
            )));
        }
        if connection.file.is_none() {
            schema::create(self.path(), Tables::OfMlflow2)?;
            self.idle().clear();
            connection = self.connect()?;
        }
        connection.db.busy_timeout(self.database.patience.unwrap_or(WRITE_PATIENCE))?;
        connection.db.execute_batch("PRAGMA query_only = OFF; BEGIN IMMEDIATE")?;
        let result = work(&mut connection).and_then(|value| {
            connection.db.execute_batch("COMMIT")?;
            Ok(value)
        });
        if result.is_err() && !connection.db.is_autocommit() {
            // The failure itself is what the caller must hear of; closing the connection rolls back as well.
            let _ = connection.db.execute_batch("ROLLBACK");
        }
        connection.db.execute_batch("PRAGMA query_only = ON")?;
        connection.db.busy_timeout(READ_PATIENCE)?;
        self.idle().push(connection);
        result
    }

    /// Makes the file where there never was one.
    pub fn begin(&self) -> Inner<()> {
        self.begin_with(Tables::OfMlflow2)
    }

    /// The same with these tables.
    pub fn begin_with(&self, tables: Tables) -> Inner<()> {
        if FileId::of(self.path()).is_some() {
            return Ok(());
        }
        if self.take()?.file.is_none() {
            self.or_gone(schema::create(self.path(), tables))?;
        }
        self.idle().clear();
        self.write(|_| Ok(()))
    }

    /// A connection to the file as it is now; to an empty store where there never was one.
    pub fn take(&self) -> Inner<Connection> {
        let mut idle = self.idle();
        idle.retain(|connection| connection.is_current(self.path()));
        let kept = idle.pop();
        drop(idle);
        match kept {
            // The empty store in memory is current as long as there is no file.
            Some(kept) if kept.file.is_some() || self.gone().is_none() => Ok(kept),
            _ => self.or_gone(self.connect()),
        }
    }

    /// Notes that the file is gone: nothing that was connected to it is used again.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
        *self.watcher() = None;
        self.idle().clear();
    }

    /// Whether the file was gone since this was last asked.
    pub fn was_lost(&self) -> bool {
        self.lost.swap(false, Ordering::Relaxed)
    }

    pub fn watcher(&self) -> MutexGuard<'_, Option<Connection>> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn give_back(&self, connection: Connection) {
        self.idle().push(connection);
    }

    fn connect(&self) -> Inner<Connection> {
        let path = self.path();
        if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            let words = format!("{} is no file, but a pipe or device", path.display());
            return Err(ErrorKind::NotAStore(words));
        }
        let file = FileId::of(path);
        let opened = match file {
            Some(_) => Some(open(&self.database, self.read_only, &self.copies)?),
            None => None,
        };
        // Where a writer was killed while it made the store, nothing is left once that is rolled back.
        let (db, frozen, file) = if let Some((db, frozen)) = opened.filter(|_| FileId::of(path).is_some()) {
            self.seen.store(true, Ordering::Relaxed);
            (db, frozen, file)
        } else {
            if let Some(gone) = self.gone() {
                return Err(gone);
            }
            if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !f.is_dir()) {
                return Err(ErrorKind::Io(format!("the folder {} does not exist", folder.display())));
            }
            (schema::empty_in_memory(path)?, None, None)
        };
        // LIKE minds case in MLflow's stores. A small cache is enough for short statements, and keeps memory low.
        db.execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA case_sensitive_like = ON; PRAGMA query_only = ON; \
             PRAGMA cache_size = -4000; PRAGMA temp_store = MEMORY",
        )?;
        db.busy_timeout(READ_PATIENCE)?;
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
        db.set_prepared_statement_cache_capacity(64);
        let schema = schema::probe(&db, path)?;
        self.walks_runs.store(schema.walks_runs(), Ordering::Relaxed);
        Ok(Connection { db, schema, workspace: self.workspace.clone(), file, frozen })
    }
}

impl From<rusqlite::Error> for ErrorKind {
    fn from(error: rusqlite::Error) -> Self {
        let message = match &error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
            _ => error.to_string(),
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(message),
            Some(ErrorCode::TooBig) => Self::TooMuch(format!(
                "the database contains a value of more than {} MB ({message})",
                LONGEST >> 20
            )),
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::NotAStore(format!("the database is damaged or truncated ({message})"))
            }
            // Which of its many kinds it is tells what to look at.
            Some(ErrorCode::SystemIoFailure) => {
                let code = error.sqlite_error().map_or(0, |error| error.extended_code);
                Self::Io(format!("{message} (SQLite's code {code})"))
            }
            _ => Self::Io(message),
        }
    }
}
