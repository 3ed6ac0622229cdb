//! Metric histories.

use rustc_hash::FxHashMap;

use super::Pool;
use super::connection::Connection;
use super::snapshot::Snapshot;
use crate::mlflow::{Collector, MetricPoint, Part, RunId, Summary};
use crate::store::sql::{Cells, Link, as_list, values};
use crate::store::{ErrorKind, HistoryCursor, HistoryPart, Inner, by_step};

/// Runs whose points one statement reads.
const RUNS: usize = 1_000;
/// Points of one history, at most: each takes 24 bytes.
const MOST: usize = 4_000_000;

/// Reads step, timestamp, value and `is_nan`.
fn point(row: &dyn Cells, from: usize) -> MetricPoint {
    MetricPoint {
        step: row.int(from).unwrap_or(0),
        timestamp: row.int(from + 1).unwrap_or(0),
        value: row.metric_value(from + 2, from + 3),
    }
}

fn note(points: &mut Vec<MetricPoint>, point: MetricPoint) -> Inner<()> {
    points.push(point);
    if points.len() > MOST {
        return Err(ErrorKind::TooMuch(format!("a history of more than {MOST} points")));
    }
    Ok(())
}

/// All points, by step, then timestamp, then value.
pub fn whole(connection: &mut Connection, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
    let mut points = Vec::new();
    connection.each(
        "SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1 AND key = ?2",
        values![id.as_str(), key],
        &mut |row| note(&mut points, point(row, 0)),
    )?;
    points.sort_by(by_step);
    points.shrink_to_fit();
    Ok(points)
}

/// How far a history has been read: what was written before this.
#[derive(Debug, PartialEq)]
struct Read(Snapshot);

/// What was written behind a cursor, and what is behind it then: both of one time, in one statement.
pub fn since(
    connection: &mut Connection,
    id: &RunId,
    key: &str,
    cursor: &HistoryCursor,
) -> Inner<HistoryPart> {
    // A snapshot that does not tell all transactions would bring points again.
    let known = cursor.get::<Read>().filter(|Read(snapshot)| snapshot.is_exact());
    let newer = known.map_or(String::new(), |Read(snapshot)| format!(" AND {}", snapshot.newer("metrics")));
    let statement = format!(
        "SELECT txid_current_snapshot()::text, NULL::int8, NULL::int8, NULL::float8, NULL::boolean UNION ALL \
         SELECT NULL, step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1 AND key = ?2{newer}"
    );
    let (mut points, mut now) = (Vec::new(), None);
    connection.each(&statement, values![id.as_str(), key], &mut |row| {
        if row.is_null(0) {
            return note(&mut points, point(row, 1));
        }
        now = Snapshot::parse(&row.text(0));
        Ok(())
    })?;
    let now = now.ok_or_else(|| ErrorKind::Database("a snapshot that is none".into()))?;
    // Another database in the place of this one counts from anew.
    if known.is_some_and(|Read(before)| !before.is_followed_by(&now)) {
        return since(connection, id, key, &HistoryCursor::START);
    }
    points.sort_by(by_step);
    Ok(HistoryPart { points, replaces: known.is_none(), cursor: HistoryCursor::new(Read(now)) })
}

/// What the histories of these runs come to, or a part of them: a statement for some runs at a time, however many points they
/// have.
pub fn summaries(pool: &Pool, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(RUNS) {
        let mut collected: FxHashMap<&str, Collector> =
            ids.iter().map(|id| (id.as_str(), Collector::new(part))).collect();
        pool.read(|connection| {
            let statement = format!(
                "SELECT run_uuid, step, timestamp, value, is_nan FROM metrics WHERE key = ?1 AND run_uuid IN {}",
                (connection.dialect().among)("?2")
            );
            let list = as_list(ids.iter().map(RunId::as_str));
            connection.each(&statement, values![key, &list], &mut |row| {
                if let Some(collector) = collected.get_mut(&*row.text(0)) {
                    collector.add(point(row, 1));
                }
                Ok(())
            })
        })?;
        found.extend(ids.iter().filter_map(|id| Some((id.clone(), collected.get(id.as_str())?.summary()?))));
    }
    Ok(found)
}
