//! What changed in the database since it was last looked at, found without reading it again and with nothing kept there.
//!
//! When tables were written, the server tells at no cost, to the second. Then what tables index is asked: metrics begin with key and
//! time, so that new values of every key are found where they lie. Heads of runs are compared with what is known, which takes tens
//! of milliseconds on 100,000 of them, and is done for a small part of the time at most; so are hashes of all values, a second's
//! work there, which the server adds up: they find what came late, tags that changed and tags that are gone. The runs that are
//! being looked at are read anew at every change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use super::Pool;
use super::connection::{Connection, STATEMENT_SECONDS};
use super::cursor::{Digests, MyCursor, Round, look};
use crate::mlflow::{LifecycleStage, RunId, RunStatus};
use crate::store::batch::{NO_TIME, whole_runs};
use crate::store::sql::reading::find_runs;
use crate::store::sql::search::stage_condition;
use crate::store::sql::{Link, Numbers, Pooled, as_list, head_hash, values};
use crate::store::{Changes, ErrorKind, Inner, Scan};

/// With more changed runs than this, reading everything again is cheaper.
const MANY: usize = 5_000;
/// Looking at all runs may take one part in this many of the time, and so may all tags; all other values one in that many.
const HEADS_SHARE: u32 = 20;
const TAGS_SHARE: u32 = 20;
const VALUES_SHARE: u32 = 50;
/// Values of more keys are not asked for one by one.
const KEYS: usize = 2_000;
/// How far the clocks of those who log may differ from the server's, in milliseconds, before their values show late.
const SKEW: i64 = 5_000;

/// What changed since `seen`, and what is seen then; nothing where that is the same as before.
pub fn changes(
    pool: &Pool,
    scan: &Scan,
    seen: &MyCursor,
    watched: &[RunId],
) -> Inner<(Changes, Option<MyCursor>)> {
    let mut connection = pool.take()?;
    let look = look(&mut connection)?;
    if look.made != seen.look.made {
        return Ok((Changes { reload: true, ..Changes::default() }, None));
    }
    let is_written = look.is_written_since(&seen.look);
    let mut now = MyCursor { look, ..seen.clone() };
    for round in [&mut now.heads, &mut now.tags, &mut now.values] {
        round.is_pending |= is_written;
    }
    if !is_written && ![&now.heads, &now.tags, &now.values].into_iter().any(Round::is_due) {
        return Ok((Changes::default(), None));
    }
    connection
        .at_one_time(STATEMENT_SECONDS, |connection| since(connection, scan, seen, now, watched, is_written))
}

fn since(
    connection: &mut Connection,
    scan: &Scan,
    seen: &MyCursor,
    mut now: MyCursor,
    watched: &[RunId],
    is_written: bool,
) -> Inner<(Changes, Option<MyCursor>)> {
    let mut changed: FxHashSet<RunId> = FxHashSet::default();
    if now.heads.is_due() {
        let before = now.heads.clone();
        now.heads = round(connection, HEADS_SHARE, &before, |connection| {
            // What is not in view any more is read, and not found in it.
            now.known = Arc::new(heads(connection, scan, &seen.known, &mut changed)?);
            now.keys = Arc::new(keys(connection)?);
            Ok(())
        })?;
    }
    if is_written {
        changed.extend(watched.iter().cloned());
        new_values(connection, scan, &now.keys, seen.look.now * 1_000 - SKEW, &mut changed)?;
        // Nothing to compare with yet: those that run may have logged meanwhile.
        if seen.of_tags.is_none() || seen.of_values.is_none() {
            running(connection, scan, &mut changed)?;
        }
    }
    for (is_tags, share) in [(true, TAGS_SHARE), (false, VALUES_SHARE)] {
        let (before, known) =
            if is_tags { (now.tags.clone(), &seen.of_tags) } else { (now.values.clone(), &seen.of_values) };
        if !before.is_due() {
            continue;
        }
        let mut found = None;
        let gone = round(connection, share, &before, |connection| {
            let digests = digests(connection, scan, is_tags, now.known.len())?;
            if let Some(known) = known {
                changed.extend(now.known.ids().filter(|id| digests.differ(known, id)).map(RunId));
            }
            found = Some(Arc::new(digests));
            Ok(())
        })?;
        if is_tags {
            (now.tags, now.of_tags) = (gone, found.or(now.of_tags));
        } else {
            (now.values, now.of_values) = (gone, found.or(now.of_values));
        }
    }
    if changed.len() > MANY {
        return Ok((Changes { reload: true, ..Changes::default() }, None));
    }
    let mut changes = Changes { touched: is_written, ..Changes::default() };
    let changed: Vec<RunId> = changed.into_iter().collect();
    let (found, _) = find_runs(connection, &changed, usize::MAX)?;
    let mut absent: FxHashSet<RunId> = changed.into_iter().collect();
    let mut runs = Vec::with_capacity(found.len());
    for run in found {
        let is_ours = run.info.experiment_id == scan.experiment_id;
        if !is_ours || scan.view.contains(run.info.lifecycle_stage) {
            absent.remove(&run.info.run_id);
        }
        if is_ours && scan.view.contains(run.info.lifecycle_stage) {
            runs.push(run);
        }
    }
    changes.removed.extend(absent);
    if !runs.is_empty() {
        changes.batches.push(whole_runs(&runs));
    }
    Ok((changes, Some(now)))
}

/// Does what costs time, and says when it may be done again. What takes too long for the server is put off as well, and keeps
/// nothing else from being seen.
fn round(
    connection: &mut Connection,
    share: u32,
    before: &Round,
    work: impl FnOnce(&mut Connection) -> Inner<()>,
) -> Inner<Round> {
    let start = Instant::now();
    let result = work(connection);
    let due = Some(Instant::now() + (start.elapsed() * share).max(Duration::from_millis(1)));
    match result {
        Ok(()) => Ok(Round { is_pending: false, due, is_late: false }),
        Err(ErrorKind::Timeout(seconds)) if !connection.is_spent() => {
            if !before.is_late {
                tracing::warn!(
                    seconds,
                    "the database takes too long to tell what changed: some of it shows late"
                );
            }
            Ok(Round { is_pending: true, due, is_late: true })
        }
        Err(error) => Err(error),
    }
}

/// The keys of all metrics, as long as they are not many: from one to the next, for the server would look through all values.
fn keys(connection: &mut Connection) -> Inner<Vec<String>> {
    let mut keys: Vec<String> = Vec::new();
    while keys.len() <= KEYS {
        let last = keys.last().map_or("", String::as_str);
        let next = "SELECT min(key) FROM metrics WHERE key > ?1";
        let next = connection.one(next, values![last], |row| row.optional_string(0))?.flatten();
        match next {
            Some(next) if next != last => keys.push(next),
            _ => return Ok(keys),
        }
    }
    Ok(Vec::new())
}

/// The runs of the experiment that logged values since a time.
fn new_values(
    connection: &mut Connection,
    scan: &Scan,
    keys: &[String],
    since: i64,
    changed: &mut FxHashSet<RunId>,
) -> Inner<()> {
    let list = as_list(keys.iter().map(String::as_str));
    let statement = format!(
        "SELECT STRAIGHT_JOIN DISTINCT v.run_uuid FROM metrics v FORCE INDEX (PRIMARY) \
         JOIN runs r ON r.run_uuid = v.run_uuid WHERE v.key IN {} AND v.timestamp >= ?2 AND r.experiment_id = ?3",
        (connection.dialect().among)("?1")
    );
    connection.each(&statement, values![&list, since, scan.experiment_id.as_key()], &mut |row| {
        changed.insert(RunId(row.string(0)));
        Ok(())
    })
}

/// Compares heads with what is known, and returns what they are now.
fn heads(
    connection: &mut Connection,
    scan: &Scan,
    known: &Numbers,
    changed: &mut FxHashSet<RunId>,
) -> Inner<Numbers> {
    let mut gone = known.clone();
    let mut now = Numbers::default();
    let statement = format!(
        "SELECT run_uuid, name, status, lifecycle_stage, end_time FROM runs WHERE experiment_id = ?1 AND {}",
        stage_condition(scan.view)
    );
    connection.each(&statement, values![scan.experiment_id.as_key()], &mut |row| {
        let id = row.text(0);
        let hash = head_hash(
            &row.text(1),
            row.text(2).parse().unwrap_or(RunStatus::Running),
            LifecycleStage::parse(&row.text(3)),
            row.int(4).unwrap_or(NO_TIME),
        );
        if gone.remove(&id) != Some(hash) {
            changed.insert(RunId(id.to_string()));
        }
        now.insert(&id, hash);
        Ok(())
    })?;
    changed.extend(gone.ids().map(RunId));
    Ok(now)
}

/// What the server adds up of what runs logged. Where so many are in view that they are most, all of a table is read.
pub(super) fn digests(
    connection: &mut Connection,
    scan: &Scan,
    is_tags: bool,
    in_view: usize,
) -> Inner<Digests> {
    let all = connection.one("SELECT count(*) FROM runs", &[], |row| row.int(0))?.flatten();
    let rest = if in_view as i64 * 4 >= all.unwrap_or(0) {
        " FORCE INDEX (PRIMARY)".to_owned()
    } else {
        let experiment = scan.experiment_id.as_key().unwrap_or(-1);
        format!(" JOIN runs r ON r.run_uuid = v.run_uuid WHERE r.experiment_id = {experiment}")
    };
    let tables: &[(&str, &str)] = if is_tags {
        &[("tags", "v.value")]
    } else {
        &[("latest_metrics", "v.step, v.timestamp, v.value, v.is_nan"), ("params", "v.value")]
    };
    let mut digests = Digests::default();
    for (table, columns) in tables {
        let statement = format!(
            "SELECT left(v.run_uuid, {}), sum(crc32(concat_ws(char(0), v.run_uuid, v.key, {columns}))) & 4294967295 \
             FROM {table} v{rest} GROUP BY 1 ORDER BY NULL",
            Digests::LETTERS
        );
        connection.each(&statement, &[], &mut |row| {
            digests.add(&row.text(0), row.int(1).unwrap_or(0) as u32);
            Ok(())
        })?;
    }
    Ok(digests)
}

/// The runs that have not ended.
fn running(connection: &mut Connection, scan: &Scan, changed: &mut FxHashSet<RunId>) -> Inner<()> {
    let statement = "SELECT run_uuid FROM runs WHERE experiment_id = ?1 AND status = 'RUNNING' LIMIT 1000";
    connection.each(statement, values![scan.experiment_id.as_key()], &mut |row| {
        changed.insert(RunId(row.string(0)));
        Ok(())
    })
}
