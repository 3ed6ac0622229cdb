//! How far the changes of a file have been seen: what scans leave behind and looks for changes go on from.

use std::hash::Hasher;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHasher};

use super::Inner;
use super::connection::FileId;
use crate::mlflow::{LifecycleStage, RunStatus};

/// From a run's rowid to a hash of what can change in its head.
pub type HeadHashes = FxHashMap<i64, u32>;

/// What of a head can change in place, in 32 bits: enough to notice a change, never to identify a run.
pub fn head_hash(name: &str, status: RunStatus, stage: LifecycleStage, end_time: i64) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(name.as_bytes());
    hasher.write_u8(status as u8);
    hasher.write_u8(stage as u8);
    hasher.write_i64(end_time);
    (hasher.finish() >> 32) as u32
}

/// How far the changes of a file have been seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SqliteCursor {
    pub file: Option<FileId>,
    pub marks: Marks,
    pub heads: HeadHashes,
    pub data_version: Option<i64>,
    pub heads_due: Option<Instant>,
    pub heads_pending: bool,
}

impl SqliteCursor {
    /// Before anything that is written to `file` after `marks`.
    pub fn at(file: Option<FileId>, marks: Marks) -> Self {
        Self { file, marks, ..Self::default() }
    }
}

/// The greatest rowids of the tables that only grow, but for `mlflow gc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    pub runs: i64,
    pub metrics: i64,
    pub params: i64,
    pub tags: i64,
}

pub fn marks(db: &rusqlite::Connection) -> Inner<Marks> {
    let mut statement = db.prepare_cached(
        "SELECT coalesce((SELECT max(rowid) FROM runs), 0), coalesce((SELECT max(rowid) FROM metrics), 0), \
         coalesce((SELECT max(rowid) FROM params), 0), coalesce((SELECT max(rowid) FROM tags), 0)",
    )?;
    Ok(statement.query_row([], |row| {
        Ok(Marks { runs: row.get(0)?, metrics: row.get(1)?, params: row.get(2)?, tags: row.get(3)? })
    })?)
}
