//! What changed in the database since it was last looked at, found without reading it again and with nothing kept there.
//!
//! One small statement tells whether anybody wrote. Then new values are looked for where tables grow: at their ends. That finds
//! most; the rest, rows in places that became free, runs that ended and tags that changed, is found by reading the numbers of
//! all rows' transactions, which takes tens or hundreds of milliseconds on 100,000 runs and is therefore done at most for a small
//! part of the time. The runs that are being looked at are read anew at every change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use super::connection::Connection;
use super::cursor::{Known, PgCursor, Round, look};
use super::pool::Pool;
use super::snapshot::Snapshot;
use crate::mlflow::RunId;
use crate::store::batch::whole_runs;
use crate::store::sql::reading::find_runs;
use crate::store::sql::search::stage_condition;
use crate::store::sql::{Link, values};
use crate::store::{Changes, Inner, Scan};

/// With more changed runs than this, reading everything again is cheaper.
const MANY: usize = 5_000;
/// Looking at all runs may take one part in this many of the time, and at all values one in that many.
const HEADS_SHARE: u32 = 20;
const VALUES_SHARE: u32 = 50;

/// What changed since `seen`, and what is seen then; nothing where that is the same as before.
pub fn changes(
    pool: &Pool,
    scan: &Scan,
    seen: &PgCursor,
    watched: &[RunId],
) -> Inner<(Changes, Option<PgCursor>)> {
    let mut connection = pool.take()?;
    let now = look(&mut connection)?;
    if now.identity != seen.look.identity || !seen.look.snapshot.is_followed_by(&now.snapshot) {
        return Ok((Changes { reload: true, ..Changes::default() }, None));
    }
    let is_written = now.snapshot != seen.look.snapshot;
    if !is_written && !seen.heads.is_due(&now.snapshot) && !seen.values.is_due(&now.snapshot) {
        return Ok((Changes::default(), None));
    }
    connection.at_one_time(|connection| since(connection, scan, seen, watched, is_written))
}

fn since(
    connection: &mut Connection,
    scan: &Scan,
    seen: &PgCursor,
    watched: &[RunId],
    is_written: bool,
) -> Inner<(Changes, Option<PgCursor>)> {
    let look = look(connection)?;
    let mut changed: FxHashSet<RunId> = FxHashSet::default();
    if is_written {
        changed.extend(watched.iter().cloned());
        for (table, end) in seen.look.pages.ends() {
            let newer = seen.look.snapshot.newer(table);
            new_rows(connection, scan, table, &format!("{table}.ctid >= {end} AND {newer}"), &mut changed)?;
        }
    }
    let mut now = PgCursor { look, ..seen.clone() };
    let snapshot = now.look.snapshot.clone();
    let mut counted = None;
    if now.heads.is_due(&snapshot) {
        now.heads = round(HEADS_SHARE, &snapshot, || {
            counted = Some(new_heads(connection, scan, &seen.heads.seen, &mut changed)?);
            Ok(())
        })?;
    }
    if now.values.is_due(&snapshot) {
        now.values = round(VALUES_SHARE, &snapshot, || {
            for table in ["latest_metrics", "params", "tags"] {
                new_rows(connection, scan, table, &seen.values.seen.newer(table), &mut changed)?;
            }
            Ok(())
        })?;
    }
    if changed.len() > MANY {
        return Ok((Changes { reload: true, ..Changes::default() }, None));
    }
    let changes = read(connection, scan, changed, &mut now, counted, is_written)?;
    Ok((changes, Some(now)))
}

/// Does what costs time, and says when it may be done again.
fn round(share: u32, snapshot: &Snapshot, work: impl FnOnce() -> Inner<()>) -> Inner<Round> {
    let start = Instant::now();
    work()?;
    let pause = (start.elapsed() * share).max(Duration::from_millis(1));
    Ok(Round { seen: snapshot.clone(), due: Some(Instant::now() + pause) })
}

/// The runs of the experiment that have rows of a table for which a condition holds.
fn new_rows(
    connection: &mut Connection,
    scan: &Scan,
    table: &str,
    condition: &str,
    changed: &mut FxHashSet<RunId>,
) -> Inner<()> {
    let statement = format!(
        "SELECT DISTINCT {table}.run_uuid FROM {table} JOIN runs ON runs.run_uuid = {table}.run_uuid \
         WHERE runs.experiment_id = ?1 AND {condition}"
    );
    connection.each(&statement, values![scan.experiment_id.as_key()], &mut |row| {
        changed.insert(RunId(row.string(0)));
        Ok(())
    })
}

/// The runs whose heads are new; returns how many runs are in view.
fn new_heads(
    connection: &mut Connection,
    scan: &Scan,
    seen: &Snapshot,
    changed: &mut FxHashSet<RunId>,
) -> Inner<usize> {
    let experiment = values![scan.experiment_id.as_key()];
    let statement = format!("SELECT run_uuid FROM runs WHERE experiment_id = ?1 AND {}", seen.newer("runs"));
    connection.each(&statement, experiment, &mut |row| {
        changed.insert(RunId(row.string(0)));
        Ok(())
    })?;
    let stage = stage_condition(scan.view);
    let statement = format!("SELECT count(*) FROM runs WHERE experiment_id = ?1 AND {stage}");
    Ok(connection.one(&statement, experiment, |row| row.int(0))?.flatten().unwrap_or(0) as usize)
}

/// Reads the runs that changed. Where there are fewer in view than are known, some were deleted for good: which, is found out.
fn read(
    connection: &mut Connection,
    scan: &Scan,
    changed: FxHashSet<RunId>,
    now: &mut PgCursor,
    counted: Option<usize>,
    is_written: bool,
) -> Inner<Changes> {
    let mut changes = Changes { touched: is_written, ..Changes::default() };
    let changed: Vec<RunId> = changed.into_iter().collect();
    let (found, _) = find_runs(connection, &changed, usize::MAX)?;
    let known = Arc::make_mut(&mut now.known);
    let mut absent: FxHashSet<RunId> = changed.into_iter().collect();
    let mut runs = Vec::with_capacity(found.len());
    for run in found {
        let is_in_view = scan.view.contains(run.info.lifecycle_stage);
        if run.info.experiment_id != scan.experiment_id {
            absent.remove(&run.info.run_id);
        } else if is_in_view {
            absent.remove(&run.info.run_id);
            known.insert(run.info.run_id.as_str());
            runs.push(run);
        }
    }
    for id in &absent {
        known.remove(id.as_str());
    }
    changes.removed.extend(absent);
    if counted.is_some_and(|count| count != known.len()) {
        let all = all_in_view(connection, scan)?;
        let gone: Vec<String> = known.ids().filter(|id| !all.contains(id)).collect();
        for id in gone {
            known.remove(&id);
            changes.removed.push(RunId(id));
        }
    }
    if !runs.is_empty() {
        changes.batches.push(whole_runs(&runs));
    }
    Ok(changes)
}

fn all_in_view(connection: &mut Connection, scan: &Scan) -> Inner<FxHashSet<String>> {
    let stage = stage_condition(scan.view);
    let statement = format!("SELECT run_uuid FROM runs WHERE experiment_id = ?1 AND {stage}");
    let all = connection.all(&statement, values![scan.experiment_id.as_key()], |row| row.string(0))?;
    Ok(all.into_iter().collect())
}

/// Notes ids that are in view.
pub fn known(ids: impl Iterator<Item = String>) -> Known {
    let mut known = Known::default();
    ids.for_each(|id| known.insert(&id));
    known
}
