//! A database that a server keeps: PostgreSQL and MySQL, as far as they are alike.

use std::any::Any;
use std::fmt::{self, Debug, Display};

use tokio::sync::mpsc;

use super::place::{Place, behind};
use super::{Home, Layout, Link, Pool, Pooled, histories};
use crate::mlflow::{MetricPoint, Part, RunId, Summary};
use crate::store::{
    Capabilities, Changes, Cursor, ErrorKind, HistoryCursor, HistoryPart, Inner, RunBatch, Scan, StoreInfo,
    secrets,
};

/// The address of a database of a server. Printed, it shows no password.
pub trait ServerAddress: Display {
    /// Where files of new experiments go.
    fn home(&self) -> Home;
    fn password(&self) -> Option<&str>;
    /// User and database, in words.
    fn login(&self) -> String;
    /// What is worth knowing besides.
    fn notes(&self) -> &[String];
}

/// What a server is, and may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// `PostgreSQL 18.4`
    pub version: String,
    pub layout: Layout,
    /// The user may add and change runs.
    pub may_write: bool,
    /// It follows another server, or takes no writes otherwise.
    pub is_read_only: bool,
}

/// A connection to a server, with what is done fast in a way of its own.
pub trait Served: Pooled<Address: ServerAddress> + Link + 'static {
    /// How far changes have been seen.
    type Seen: Any + Debug + PartialEq + Send + Sync;

    fn standing(&self) -> &Standing;
    /// Whether another connection is to the same database; none where that cannot be told. What one of them locks, with nothing
    /// written, the other cannot lock then: a server that follows the first, or has a copy of its files, has locks of its own.
    fn is_to_same(&mut self, other: &mut Self) -> Inner<Option<bool>>;
    fn history_since(&mut self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart>;
    fn scan(pool: &Pool<Self>, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<Self::Seen>;
    fn changes(
        pool: &Pool<Self>,
        scan: &Scan,
        seen: &Self::Seen,
        watched: &[RunId],
    ) -> Inner<(Changes, Option<Self::Seen>)>;
}

/// A tracking store in a database of a server.
pub struct OnServer<C: Served> {
    pool: Pool<C>,
    home: Home,
}

impl<C: Served> Debug for OnServer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.pool, f)
    }
}

impl<C: Served> OnServer<C> {
    /// The store in a database. `workspace` is MLflow's, `default` where none is given.
    pub fn new(database: C::Address, workspace: Option<&str>) -> Self {
        if let Some(password) = database.password() {
            secrets::note(password);
        }
        let home = database.home();
        Self { pool: Pool::new(database, workspace.unwrap_or("default").to_owned()), home }
    }
}

impl<C: Served> Place for OnServer<C> {
    type Link = C;

    fn capabilities(&self) -> Capabilities {
        Capabilities::DATABASE_SERVER
    }

    fn home(&self) -> &Home {
        &self.home
    }

    fn info(&self) -> Inner<StoreInfo> {
        let connection = self.pool.take()?;
        let (server, database) = (connection.standing(), self.pool.address());
        let mut notes = vec![database.login()];
        if server.is_read_only {
            notes.push("the server takes no writes: it follows another one, or was told so".into());
        } else if !server.may_write {
            notes.push("the user may not write to MLflow's tables (GRANT)".into());
        }
        notes.extend(server.layout.lacks());
        notes.extend(database.notes().iter().cloned());
        Ok(StoreInfo {
            kind: format!("{} store", server.version),
            location: database.to_string(),
            revision: server.layout.revision.clone(),
            writable: server.may_write && !server.is_read_only,
            notes,
        })
    }

    fn is_same(&self, other: &Self) -> Inner<Option<bool>> {
        match self.pool.read(|one| other.pool.read(|another| one.is_to_same(another))) {
            // Not each server that speaks its language knows these locks, and some let nobody have them.
            Err(ErrorKind::Database(_) | ErrorKind::Unsupported(_) | ErrorKind::Denied(_)) => Ok(None),
            told => told,
        }
    }

    fn read<T>(&self, work: impl FnOnce(&mut C) -> Inner<T>) -> Inner<T> {
        self.pool.read(work)
    }

    fn write<T>(&self, work: impl Fn(&mut C) -> Inner<T>) -> Inner<T> {
        self.pool.write(work)
    }

    fn history(connection: &mut C, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        histories::whole(connection, id, key)
    }

    fn history_since(
        connection: &mut C,
        id: &RunId,
        key: &str,
        cursor: &HistoryCursor,
    ) -> Inner<HistoryPart> {
        connection.history_since(id, key, cursor)
    }

    fn summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        histories::summaries(&self.pool, ids, key, part)
    }

    fn scan(&self, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        C::scan(&self.pool, scan, sink).map(Cursor::new)
    }

    fn changes(&self, scan: &Scan, cursor: &Cursor, watched: &[RunId]) -> Inner<(Changes, Option<Cursor>)> {
        behind(cursor, |seen| C::changes(&self.pool, scan, seen, watched))
    }
}
