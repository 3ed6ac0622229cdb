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

use super::sql::{Home, Link as _, OnServer, Served, ServerAddress, Standing, values};
use super::{Changes, HistoryCursor, HistoryPart, Inner, RunBatch, Scan};
use crate::mlflow::RunId;

type Pool = super::sql::Pool<Connection>;

/// A tracking store in a PostgreSQL database.
pub type Postgres = OnServer<Connection>;

impl ServerAddress for PgDatabase {
    fn home(&self) -> Home {
        let artifact_root = self.artifact_root.clone();
        Home { folder: self.folder.clone(), is_stores: false, artifact_root }
    }

    fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    fn login(&self) -> String {
        format!("user {:?}, database {:?}", self.user(), self.database())
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Served for Connection {
    type Seen = PgCursor;

    fn standing(&self) -> &Standing {
        &self.server.standing
    }

    fn is_to_same(&mut self, other: &mut Self) -> Inner<Option<bool>> {
        let key = fastrand::i64(..);
        let lock = |link: &mut Self| {
            let locked = link.one("SELECT pg_try_advisory_xact_lock(?1)", values![key], |row| row.int(0));
            Ok(locked?.flatten() == Some(1))
        };
        self.at_one_time(|one| {
            let is_locked = lock(one)?;
            let is_free = other.at_one_time(lock)?;
            if !is_locked || is_free {
                // That it is free proves nothing: the other one may follow the first.
                return Ok(None);
            }
            // One database has room for several stores, each in a schema of its own.
            let schema = |link: &mut Self| {
                let question = "SELECT current_schema()::text, to_regclass('runs')::oid::int8";
                link.one(question, &[], |row| (row.string(0), row.int(1)))
            };
            // Where there is no table yet, by the schema that it would come into.
            Ok(Some(match (schema(one)?, other.at_one_time(schema)?) {
                (Some((_, Some(one))), Some((_, Some(other)))) => one == other,
                (one, other) => one == other,
            }))
        })
    }

    fn history_since(&mut self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
        histories::since(self, id, key, cursor)
    }

    fn scan(pool: &Pool, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<PgCursor> {
        scan::scan(pool, scan, sink)
    }

    fn changes(
        pool: &Pool,
        scan: &Scan,
        seen: &PgCursor,
        watched: &[RunId],
    ) -> Inner<(Changes, Option<PgCursor>)> {
        changes::changes(pool, scan, seen, watched)
    }
}
