//! A PostgreSQL database of MLflow's, read and written directly.
//!
//! Nothing is created in it and its schema is never altered. Statements are short; a scan is one transaction that sees everything
//! at one time and changes nothing. Connections are few, opened late, and opened anew when the server comes back.

mod address;
mod changes;
mod connection;
mod copying;
mod cursor;
mod environment;
mod failure;
mod histories;
mod passwords;
mod rows;
mod scan;
mod schema;
mod snapshot;
mod telling;
mod tls;
mod tls_mode;

use tokio::sync::mpsc;

pub use address::PgDatabase;
use connection::Connection;
use cursor::PgCursor;
pub use tls_mode::TlsMode;

use super::sql::{self, Home, Place, behind};
use super::{Capabilities, Changes, Cursor, HistoryCursor, HistoryPart, Inner, RunBatch, Scan, StoreInfo};
use crate::mlflow::{MetricPoint, Part, RunId, Summary};

type Pool = super::sql::Pool<Connection>;

/// A tracking store in a PostgreSQL database.
#[derive(Debug)]
pub struct Postgres {
    pool: Pool,
    home: Home,
}

impl Postgres {
    /// The store in a database. `workspace` is MLflow's, `default` where none is given.
    pub fn new(database: PgDatabase, workspace: Option<&str>) -> Self {
        database.note_secrets();
        let artifact_root = database.artifact_root.clone();
        let home = Home { folder: database.folder.clone(), is_stores: false, artifact_root };
        Self { pool: Pool::new(database, workspace.unwrap_or("default").to_owned()), home }
    }
}

impl Place for Postgres {
    type Link = Connection;

    fn capabilities(&self) -> Capabilities {
        Capabilities::DATABASE_SERVER
    }

    fn home(&self) -> &Home {
        &self.home
    }

    fn info(&self) -> Inner<StoreInfo> {
        let connection = self.pool.take()?;
        let (server, database) = (&connection.server, self.pool.address());
        let mut notes = vec![format!("user {:?}, database {:?}", database.user(), database.database())];
        if server.is_read_only {
            notes.push("the server takes no writes: it follows another one, or was told so".into());
        } else if !server.may_write {
            notes.push("the user may not write to MLflow's tables (GRANT)".into());
        }
        notes.extend(server.layout.lacks());
        notes.extend(database.notes.iter().cloned());
        Ok(StoreInfo {
            kind: format!("PostgreSQL {} store", server.version),
            location: database.to_string(),
            revision: server.layout.revision.clone(),
            writable: server.may_write && !server.is_read_only,
            notes,
        })
    }

    fn read<T>(&self, work: impl FnOnce(&mut Connection) -> Inner<T>) -> Inner<T> {
        self.pool.read(work)
    }

    fn write<T>(&self, work: impl Fn(&mut Connection) -> Inner<T>) -> Inner<T> {
        self.pool.write(work)
    }

    fn history(connection: &mut Connection, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        sql::histories::whole(connection, id, key)
    }

    fn history_since(
        connection: &mut Connection,
        id: &RunId,
        key: &str,
        cursor: &HistoryCursor,
    ) -> Inner<HistoryPart> {
        histories::since(connection, id, key, cursor)
    }

    fn summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        sql::histories::summaries(&self.pool, ids, key, part)
    }

    fn scan(&self, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        scan::scan(&self.pool, scan, sink).map(Cursor::new)
    }

    fn changes(&self, scan: &Scan, cursor: &Cursor, watched: &[RunId]) -> Inner<(Changes, Option<Cursor>)> {
        behind(cursor, |seen: &PgCursor| changes::changes(&self.pool, scan, seen, watched))
    }
}
