//! A local `mlflow.db`, read and written directly.
//!
//! Statements are short, so that a training script that logs to the same file is never kept waiting: in SQLite's
//! default journal mode an open read holds up every commit. The schema is probed, never altered. Where no file
//! exists, reads see an empty store in memory, and the first write creates the file. Where one was seen and is gone, both
//! fail: it may be on a volume that comes back, and an empty file in its place would stand in its way.

mod address;
mod changes;
mod connection;
mod cursor;
mod histories;
mod info;
mod link;
mod opening;
mod rows;
mod scan;
mod schema;
mod stretches;

use std::path::Path;

use tokio::sync::mpsc;

pub use address::Database;
use connection::{Connection, FileId, Pool};
use cursor::FileCursor;
use schema::Tables;

use super::blocking::Gone;
use super::local::is_same_file;
use super::sql::{Home, Place, behind};
use super::{Capabilities, Changes, Cursor, HistoryCursor, HistoryPart, Inner, RunBatch, Scan, StoreInfo};
use crate::mlflow::{MetricPoint, Part, RunId, Summary};

/// A tracking store in a SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    pool: Pool,
    home: Home,
}

impl Sqlite {
    /// The store in a file, which need not exist. `workspace` is MLflow's, `default` where none is given. A file that is only
    /// read is opened so.
    pub fn new(database: &Database, workspace: Option<&str>, read_only: bool) -> Self {
        let workspace = workspace.unwrap_or("default").to_owned();
        let home = Home::beside(&database.path);
        Self { pool: Pool::new(database.clone(), workspace, read_only), home }
    }

    fn path(&self) -> &Path {
        self.pool.path()
    }
}

impl Place for Sqlite {
    type Link = Connection;

    fn capabilities(&self) -> Capabilities {
        Capabilities { walks_runs: self.pool.walks_runs(), ..Capabilities::DATABASE }
    }

    fn home(&self) -> &Home {
        &self.home
    }

    fn info(&self) -> Inner<StoreInfo> {
        self.pool.read(|connection| info::info(connection, self.path()))
    }

    fn is_begun(&self) -> bool {
        FileId::of(self.path()).is_some()
    }

    fn begin(&self) -> Inner<()> {
        self.pool.begin()
    }

    fn begin_for_logged_models(&self) -> Inner<()> {
        self.pool.begin_with(Tables::OfMlflow3)
    }

    fn is_same(&self, other: &Self) -> Inner<Option<bool>> {
        Ok(is_same_file(self.path(), other.path()))
    }

    fn read<T>(&self, work: impl FnOnce(&mut Connection) -> Inner<T>) -> Inner<T> {
        self.pool.read(work)
    }

    fn write<T>(&self, work: impl Fn(&mut Connection) -> Inner<T>) -> Inner<T> {
        self.pool.write(work)
    }

    fn history(connection: &mut Connection, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        histories::whole(connection, id, key)
    }

    fn history_since(
        connection: &mut Connection,
        id: &RunId,
        key: &str,
        cursor: &HistoryCursor,
    ) -> Inner<HistoryPart> {
        histories::since(connection, id, key, cursor.clone())
    }

    fn histories_since(
        &self,
        id: &RunId,
        wanted: &[(String, HistoryCursor)],
        gone: &Gone,
    ) -> Inner<Vec<HistoryPart>> {
        histories::several_since(&self.pool, id, wanted, gone)
    }

    fn summaries(&self, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
        histories::summaries(&self.pool, ids, key, part)
    }

    fn scan(&self, scan: &Scan, sink: &mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        scan::scan(&self.pool, scan, sink).map(Cursor::new)
    }

    fn changes(&self, scan: &Scan, cursor: &Cursor, watched: &[RunId]) -> Inner<(Changes, Option<Cursor>)> {
        behind(cursor, |seen: &FileCursor| changes::changes(&self.pool, scan, seen, watched))
    }
}
