//! What changed in the database since it was last looked at, found without reading it again and with nothing kept there.
//!
//! One small statement tells whether anybody wrote. Then new values are looked for where tables grow: at their ends. That finds
//! most; the rest, rows in places that became free, runs that ended, tags that changed and tags that are gone, is found by reading
//! the numbers of all rows' transactions, which takes tens or hundreds of milliseconds on 100,000 runs and is therefore done at most for a small
//! part of the time. The runs that are being looked at are read anew at every change.
//!
//! A point whose step is lower than the latest one changes nothing but `metrics`, which are too many to be read. It is found where
//! it lies at the end of the table, and wherever it lies by its key and time, which are indexed: soon where its time is that of
//! now, as MLflow gives it. One that is dated back or ahead and lies in a place that became free (something was deleted before, as
//! by `mlflow gc`), and one that lies so in a database of more than [`KEYS`] keys or one that takes too long to tell, is not found:
//! columns of minima, means and the like have it after the next value of the run, or when the experiment is opened again.
//! Histories always have it: whoever opens a chart reads what was written since, by the transaction and not by the step.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use super::Pool;
use super::connection::Connection;
use super::cursor::{PgCursor, Round, TagCounts, look};
use super::snapshot::Snapshot;
use crate::mlflow::RunId;
use crate::store::batch::whole_runs;
use crate::store::sql::reading::find_runs;
use crate::store::sql::search::stage_condition;
use crate::store::sql::{Link, Pooled, as_list, values};
use crate::store::{Changes, ErrorKind, Inner, Scan};

/// With more changed runs than this, reading everything again is cheaper.
const MANY: usize = 5_000;
/// Looking at all runs may take one part in this many of the time, and at all values one in that many.
const HEADS_SHARE: u32 = 20;
const VALUES_SHARE: u32 = 50;
/// So may the look for points by their time.
const POINTS_SHARE: u32 = 20;
/// A pause of less than this is none: looks come no closer one after the other.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Values of more keys are not asked for one by one.
const KEYS: usize = 2_000;
/// How much older the time of a value may be than the last look, or later than this one, in milliseconds: clocks differ, and who
/// logs waits.
const SKEW: i64 = 15_000;
/// Servers from 14 on go right to the page that is named.
const FINDS_ENDS: i64 = 140_000;

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
    let is_due = seen.heads.is_due(&now.snapshot)
        || seen.values.is_due(&now.snapshot)
        || (seen.keys.is_some() && seen.points.is_due(&now.snapshot));
    if !is_written && !is_due {
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
        // An older server would read all of a table to find its end.
        if connection.server.number >= FINDS_ENDS {
            for (table, end) in seen.look.pages.ends() {
                let newer = seen.look.snapshot.newer(table);
                new_rows(
                    connection,
                    scan,
                    table,
                    &format!("{table}.ctid >= {end} AND {newer}"),
                    &mut changed,
                )?;
            }
        }
    }
    let mut now = PgCursor { look, ..seen.clone() };
    let snapshot = now.look.snapshot.clone();
    let mut counted = None;
    if now.heads.is_due(&snapshot) {
        now.heads = round(connection, HEADS_SHARE, &seen.heads, &snapshot, |connection| {
            counted = Some(new_heads(connection, scan, &seen.heads.seen, &mut changed)?);
            now.keys = Some(Arc::new(keys(connection)?));
            Ok(())
        })?;
    }
    if let Some(keys) = now.keys.clone()
        && now.points.is_due(&snapshot)
    {
        let times = (seen.points_time - SKEW, now.look.time + SKEW);
        now.points = round(connection, POINTS_SHARE, &seen.points, &snapshot, |connection| {
            new_points(connection, scan, &keys, &seen.points.seen, times, &mut changed)
        })?;
        if now.points.due.is_some_and(|due| due < Instant::now() + AT_ONCE) {
            now.points.due = None;
        }
        // What takes too long takes longer the more there is of it: it is not looked for once more.
        now.points.seen = snapshot.clone();
        now.points_time = now.look.time;
    }
    if now.values.is_due(&snapshot) {
        let mut tags = None;
        now.values = round(connection, VALUES_SHARE, &seen.values, &snapshot, |connection| {
            let before = &seen.values.seen;
            for table in ["latest_metrics", "params", "tags"] {
                new_rows(connection, scan, table, &before.newer(table), &mut changed)?;
            }
            if let Some(counts) = &seen.tags {
                let (all, left) = tag_counts(connection, scan, before)?;
                changed.extend(counts.gone(&left, seen.known.ids()).map(RunId));
                tags = Some(Arc::new(all));
            }
            Ok(())
        })?;
        now.tags = tags.or(now.tags);
    }
    if changed.len() > MANY {
        return Ok((Changes { reload: true, ..Changes::default() }, None));
    }
    let changes = read(connection, scan, changed, &mut now, counted, is_written)?;
    Ok((changes, Some(now)))
}

/// Does what costs time, and says when it may be done again. What takes too long for the server is put off as well, and keeps
/// nothing else from being seen.
fn round(
    connection: &mut Connection,
    share: u32,
    before: &Round,
    snapshot: &Snapshot,
    work: impl FnOnce(&mut Connection) -> Inner<()>,
) -> Inner<Round> {
    connection.run("SAVEPOINT round")?;
    let start = Instant::now();
    let result = work(connection);
    let pause = (start.elapsed() * share).max(Duration::from_millis(1));
    let due = Some(Instant::now() + pause);
    match result {
        Ok(()) => {
            connection.run("RELEASE SAVEPOINT round")?;
            Ok(Round { seen: snapshot.clone(), due, is_late: false })
        }
        Err(ErrorKind::Timeout(seconds)) if !connection.is_spent() => {
            connection.run("ROLLBACK TO SAVEPOINT round")?;
            if !before.is_late {
                tracing::warn!(
                    seconds,
                    "the database takes too long to tell what changed: some of it shows late"
                );
            }
            Ok(Round { seen: before.seen.clone(), due, is_late: true })
        }
        Err(error) => Err(error),
    }
}

/// The runs of the experiment that have rows of a table for which a condition holds. The rows come first, whatever the server
/// thinks of how many they are: runs there may be many.
fn new_rows(
    connection: &mut Connection,
    scan: &Scan,
    table: &str,
    condition: &str,
    changed: &mut FxHashSet<RunId>,
) -> Inner<()> {
    // Before that word was known it was always so.
    let first = if connection.server.number >= 120_000 { "MATERIALIZED" } else { "" };
    let statement = format!(
        "WITH new AS {first} (SELECT DISTINCT {table}.run_uuid FROM {table} WHERE {condition}) \
         SELECT new.run_uuid FROM new JOIN runs ON runs.run_uuid = new.run_uuid WHERE runs.experiment_id = ?1"
    );
    connection.each(&statement, values![scan.experiment_id.as_key()], &mut |row| {
        changed.insert(RunId(row.string(0)));
        Ok(())
    })
}

/// The keys of all metrics, as long as they are not many: from one to the next, for the server would look through all values.
fn keys(connection: &mut Connection) -> Inner<Vec<String>> {
    // A walk as one statement: each step is a look into the index.
    let statement = format!(
        "WITH RECURSIVE keys AS ((SELECT key FROM metrics ORDER BY key LIMIT 1) UNION ALL \
         SELECT (SELECT m.key FROM metrics m WHERE m.key > keys.key ORDER BY m.key LIMIT 1) FROM keys \
         WHERE keys.key IS NOT NULL) SELECT key FROM keys WHERE key IS NOT NULL LIMIT {}",
        KEYS + 1
    );
    let keys = connection.all(&statement, &[], |row| row.string(0))?;
    Ok(if keys.len() > KEYS { Vec::new() } else { keys })
}

/// The runs of the experiment that logged points a moment ago, wherever they lie: their table's index begins with key and time.
fn new_points(
    connection: &mut Connection,
    scan: &Scan,
    keys: &[String],
    seen: &Snapshot,
    (from, to): (i64, i64),
    changed: &mut FxHashSet<RunId>,
) -> Inner<()> {
    let first = if connection.server.number >= 120_000 { "MATERIALIZED" } else { "" };
    let statement = format!(
        "WITH new AS {first} (SELECT DISTINCT found.run_uuid FROM json_array_elements_text(?1::json) AS k(key) \
         CROSS JOIN LATERAL (SELECT m.run_uuid FROM metrics m WHERE m.key = k.key AND m.timestamp >= ?2 \
         AND m.timestamp <= ?3 AND {}) found) \
         SELECT new.run_uuid FROM new JOIN runs ON runs.run_uuid = new.run_uuid WHERE runs.experiment_id = ?4",
        seen.newer("m")
    );
    let list = as_list(keys.iter().map(String::as_str));
    let values = values![&list, from, to, scan.experiment_id.as_key()];
    connection.each(&statement, values, &mut |row| {
        changed.insert(RunId(row.string(0)));
        Ok(())
    })
}

/// How many tags the runs in view have, and how many of those are not new.
fn tag_counts(connection: &mut Connection, scan: &Scan, before: &Snapshot) -> Inner<(TagCounts, TagCounts)> {
    let statement = format!(
        "SELECT left(t.run_uuid, {}), count(*), count(*) FILTER (WHERE {}) FROM tags t \
         JOIN runs r ON r.run_uuid = t.run_uuid WHERE r.experiment_id = ?1 AND r.{} GROUP BY 1",
        TagCounts::LETTERS,
        before.newer("t"),
        stage_condition(scan.view)
    );
    let (mut all, mut left) = (TagCounts::default(), TagCounts::default());
    connection.each(&statement, values![scan.experiment_id.as_key()], &mut |row| {
        let (count, new) = (row.int(1).unwrap_or(0), row.int(2).unwrap_or(0));
        all.add(&row.text(0), count);
        left.add(&row.text(0), count - new);
        Ok(())
    })?;
    Ok((all, left))
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
