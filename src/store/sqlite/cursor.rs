//! How far the changes of a file have been seen: what scans leave behind and looks for changes go on from.

use std::time::Instant;

use rustc_hash::FxHashMap;

use super::Inner;
use super::connection::FileId;

/// From a run's rowid to a hash of what can change in its head.
pub type HeadHashes = FxHashMap<i64, u32>;

/// How far the changes of a file have been seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileCursor {
    pub file: Option<FileId>,
    pub marks: RowIds,
    pub heads: HeadHashes,
    pub data_version: Option<i64>,
    pub heads_due: Option<Instant>,
    pub heads_pending: bool,
}

impl FileCursor {
    /// Before anything that is written to `file` after `marks`.
    pub fn at(file: Option<FileId>, marks: RowIds) -> Self {
        Self { file, marks, ..Self::default() }
    }
}

/// The greatest rowids of the tables that only grow, but for `mlflow gc`; the least number of all where there is no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowIds {
    pub runs: i64,
    pub metrics: i64,
    pub params: i64,
    pub tags: i64,
}

impl RowIds {
    /// Whether a table's last number is taken, so that new rows get any number, and are not found by it.
    pub fn are_used_up(self) -> bool {
        [self.runs, self.metrics, self.params, self.tags].contains(&i64::MAX)
    }
}

pub fn marks(db: &rusqlite::Connection) -> Inner<RowIds> {
    let mut statement = db.prepare_cached(
        "SELECT (SELECT max(rowid) FROM runs), (SELECT max(rowid) FROM metrics), \
         (SELECT max(rowid) FROM params), (SELECT max(rowid) FROM tags)",
    )?;
    Ok(statement.query_row([], |row| {
        let mark = |at| row.get(at).map(|mark: Option<i64>| mark.unwrap_or(i64::MIN));
        Ok(RowIds { runs: mark(0)?, metrics: mark(1)?, params: mark(2)?, tags: mark(3)? })
    })?)
}
