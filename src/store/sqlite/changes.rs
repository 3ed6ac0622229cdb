//! What changed in the file since it was last looked at, found without reading it again.
//!
//! `PRAGMA data_version` tells in microseconds whether anybody wrote. New rows are found by rowid: every logged
//! value inserts a row into `metrics`, `params` or `tags`. What changes in place (status, name, deletion) is found
//! by comparing hashes of the heads, which costs some tens of milliseconds on 100,000 runs and is therefore done
//! at most for a small part of the time; the runs that are being looked at are read anew at every change.

use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use super::Inner;
use super::connection::{Connection, FileId, Pool};
use super::cursor::{FileCursor, HeadHashes, marks};
use super::rows::{int, text};
use crate::mlflow::{LifecycleStage, RunId, RunStatus};
use crate::store::batch::{NO_TIME, whole_runs};
use crate::store::sql::head_hash;
use crate::store::sql::reading::find_run;
use crate::store::sql::search::stage_condition;
use crate::store::{Changes, Scan};

/// With more changed runs than this, reading everything again is cheaper.
const MANY: usize = 5_000;
/// Comparing heads may take one part in this many of the time.
const HEADS_SHARE: u32 = 20;

/// What changed since `seen`, and what is seen then; nothing where that is the same as before.
pub fn changes(
    pool: &Pool,
    scan: &Scan,
    seen: &FileCursor,
    watched: &[RunId],
) -> Inner<(Changes, Option<FileCursor>)> {
    let reload = || Ok((Changes { reload: true, ..Changes::default() }, None));
    let nothing = || Ok((Changes::default(), None));
    if let Some(gone) = pool.gone() {
        // What is known stays; a file that comes back is another one and is read anew.
        pool.lose();
        return Err(gone);
    }
    let file = FileId::of(pool.path());
    let was_lost = pool.was_lost();
    if was_lost || file != seen.file {
        return reload();
    }
    if file.is_none() {
        return nothing();
    }
    let mut watcher = pool.watcher();
    let is_same_connection = watcher.as_ref().is_some_and(|connection| connection.is_current(pool.path()));
    // Another connection counts from anew.
    let known_version = seen.data_version.filter(|_| is_same_connection);
    if !is_same_connection {
        *watcher = Some(pool.take()?);
    }
    let Some(connection) = watcher.as_mut() else { return nothing() };
    let version: i64 = connection.db.query_row("PRAGMA data_version", [], |row| row.get(0))?;
    let wrote = known_version != Some(version);
    let heads_due = seen.heads_due.is_none_or(|due| Instant::now() >= due);
    let compare_late = seen.heads_pending && heads_due;
    if !wrote && !compare_late {
        return nothing();
    }
    let marks = marks(&connection.db)?;
    let before = seen.marks;
    let shrank = marks.runs < before.runs || marks.metrics < before.metrics || marks.params < before.params;
    // The first look behind a scan knows of no writer yet.
    let is_written = wrote && known_version.is_some();
    if shrank || (is_written && before.are_used_up()) {
        return reload();
    }
    let mut changed: FxHashSet<RunId> = FxHashSet::default();
    if wrote {
        changed.extend(watched.iter().cloned());
        new_rows(connection, "runs", before.runs, &mut changed)?;
        new_rows(connection, "metrics", before.metrics, &mut changed)?;
        new_rows(connection, "params", before.params, &mut changed)?;
        new_rows(connection, "tags", before.tags, &mut changed)?;
    }
    let mut changes = Changes { touched: wrote, ..Changes::default() };
    let mut now = FileCursor { marks, data_version: Some(version), heads_pending: true, ..seen.clone() };
    if heads_due {
        let start = Instant::now();
        compare_heads(connection, scan, &mut now.heads, &mut changed, &mut changes.removed)?;
        now.heads_pending = false;
        now.heads_due = Some(Instant::now() + (start.elapsed() * HEADS_SHARE).max(Duration::from_millis(1)));
    }
    if changed.len() > MANY {
        return reload();
    }
    let mut runs = Vec::with_capacity(changed.len());
    for id in changed {
        match find_run(connection, &id)? {
            Some(run) if run.info.experiment_id != scan.experiment_id => {}
            Some(run) if scan.view.contains(run.info.lifecycle_stage) => runs.push(run),
            _ => changes.removed.push(id),
        }
    }
    if !runs.is_empty() {
        changes.batches.push(whole_runs(&runs));
    }
    Ok((changes, Some(now)))
}

/// The runs that got rows since; the walk by rowid is forced, for the planner would take an index on the key.
fn new_rows(connection: &Connection, table: &str, after: i64, changed: &mut FxHashSet<RunId>) -> Inner<()> {
    let mut statement = connection
        .db
        .prepare_cached(&format!("SELECT DISTINCT run_uuid FROM {table} NOT INDEXED WHERE rowid > ?1"))?;
    let mut rows = statement.query([after])?;
    while let Some(row) = rows.next()? {
        changed.insert(RunId(text(row, 0).into_owned()));
    }
    Ok(())
}

fn compare_heads(
    connection: &Connection,
    scan: &Scan,
    known: &mut HeadHashes,
    changed: &mut FxHashSet<RunId>,
    removed: &mut Vec<RunId>,
) -> Inner<()> {
    let mut seen = HeadHashes::with_capacity_and_hasher(known.len(), rustc_hash::FxBuildHasher);
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT rowid, name, status, lifecycle_stage, end_time, run_uuid FROM runs WHERE experiment_id = ?1 AND {}",
        stage_condition(scan.view)
    ))?;
    let mut rows = statement.query([scan.experiment_id.as_key()])?;
    while let Some(row) = rows.next()? {
        let key = int(row, 0).unwrap_or(0);
        let hash = head_hash(
            &text(row, 1),
            text(row, 2).parse().unwrap_or(RunStatus::Running),
            LifecycleStage::parse(&text(row, 3)),
            int(row, 4).unwrap_or(NO_TIME),
        );
        if known.remove(&key) != Some(hash) {
            changed.insert(RunId(text(row, 5).into_owned()));
        }
        seen.insert(key, hash);
    }
    drop(rows);
    // What is left was there before and is in this view no more.
    let mut by_key = connection.db.prepare_cached("SELECT run_uuid FROM runs WHERE rowid = ?1")?;
    for key in known.keys() {
        let mut rows = by_key.query([key])?;
        if let Some(row) = rows.next()? {
            removed.push(RunId(text(row, 0).into_owned()));
        }
    }
    *known = seen;
    Ok(())
}
