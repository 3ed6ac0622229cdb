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

use tokio::sync::mpsc;

pub use address::{MyDatabase, TlsUse};
use connection::Connection;
use cursor::MyCursor;

use super::sql::{Home, OnServer, Served, ServerAddress, Standing};
use super::{Changes, HistoryCursor, HistoryPart, Inner, RunBatch, Scan};
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
