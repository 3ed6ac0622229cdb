//! A MySQL or MariaDB database of MLflow's, read and written directly.
//!
//! Nothing is created in it and its schema is never altered. Statements are short; a scan is one transaction that sees everything
//! at one time and changes nothing. Connections are few, opened late, and opened anew when the server comes back.

mod address;
mod changes;
mod connection;
mod cursor;
mod environment;
mod failure;
mod histories;
mod rows;
mod scan;
mod schema;
mod statement;
mod telling;

use tokio::sync::mpsc;

pub use address::{MyDatabase, TlsUse};
use connection::Connection;
use cursor::MyCursor;

use super::sql::{Home, Link as _, OnServer, Served, ServerAddress, Standing, values};
use super::{Changes, ErrorKind, HistoryCursor, HistoryPart, Inner, RunBatch, Scan};
use crate::mlflow::RunId;

type Pool = super::sql::Pool<Connection>;

/// A tracking store in a MySQL or MariaDB database.
pub type MySql = OnServer<Connection>;

impl ServerAddress for MyDatabase {
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
    type Seen = MyCursor;

    fn standing(&self) -> &Standing {
        &self.server.standing
    }

    fn is_to_same(&mut self, other: &mut Self) -> Inner<Option<bool>> {
        let database = |link: &mut Self| {
            link.one("SELECT DATABASE(), @@lower_case_table_names", &[], |row| {
                let name = row.string(0);
                if row.int(1) == Some(0) { name } else { name.to_lowercase() }
            })
        };
        // Of the whole server.
        let name = format!("mltui-{:016x}", fastrand::u64(..));
        let asks = |link: &mut Self, question: &str| {
            Ok::<_, ErrorKind>(link.one(question, values![&name], |row| row.int(0))?.flatten() == Some(1))
        };
        let is_locked = asks(self, "SELECT GET_LOCK(?1, 0)")?;
        let is_free = asks(other, "SELECT IS_FREE_LOCK(?1)");
        asks(self, "SELECT RELEASE_LOCK(?1)")?;
        if !is_locked || is_free? {
            return Ok(None);
        }
        Ok(Some(database(self)? == database(other)?))
    }

    fn history_since(&mut self, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
        histories::since(self, id, key, cursor)
    }

    fn scan(pool: &Pool, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<MyCursor> {
        scan::scan(pool, scan, sink)
    }

    fn changes(
        pool: &Pool,
        scan: &Scan,
        seen: &MyCursor,
        watched: &[RunId],
    ) -> Inner<(Changes, Option<MyCursor>)> {
        changes::changes(pool, scan, seen, watched)
    }
}
