//! Metric histories.
//!
//! MLflow's stores are never ANALYZEd, and the obvious `ORDER BY timestamp, step, value` makes SQLite walk that
//! metric of *all* runs. The index by run is named, and the points are sorted here.

use rusqlite::params;
use rustc_hash::FxHashMap;

use super::Inner;
use super::connection::{Connection, FileId, Pool};
use super::rows::{int, metric_value, text};
use crate::mlflow::{Collector, MetricPoint, Part, RunId, Summary};
use crate::store::{ErrorKind, HistoryCursor, HistoryPart, by_step};

/// Runs of which each is asked for by itself; for more than that the whole metric is read in one go.
const SINGLY: usize = 300;
/// Points of one history, at most: each takes 24 bytes.
const MOST: usize = 4_000_000;
/// Points that one statement reads, so that nobody who wants to commit waits for it.
const STRETCH: usize = 16_384;

/// All points, by step, then timestamp, then value.
pub fn whole(connection: &mut Connection, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
    let hint = connection.schema.history_index.map_or(String::new(), |index| format!("INDEXED BY {index}"));
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT step, timestamp, value, is_nan FROM metrics {hint} WHERE run_uuid = ?1 AND key = ?2"
    ))?;
    points(statement.query(params![id.as_str(), key])?)
}

/// Reads step, timestamp, value and `is_nan`, and puts the points in order.
fn points(mut rows: rusqlite::Rows<'_>) -> Inner<Vec<MetricPoint>> {
    let mut points = Vec::new();
    while let Some(row) = rows.next()? {
        points.push(MetricPoint {
            step: int(row, 0).unwrap_or(0),
            timestamp: int(row, 1).unwrap_or(0),
            value: metric_value(row, 2, 3),
        });
        if points.len() > MOST {
            return Err(ErrorKind::TooMuch(format!("a history of more than {MOST} points")));
        }
    }
    points.sort_by(by_step);
    points.shrink_to_fit();
    Ok(points)
}

/// How far a history has been read: rows of the file's table up to this one.
#[derive(Debug, PartialEq)]
struct ReadRows {
    file: Option<FileId>,
    rowid: i64,
}

/// What was written behind a cursor. Rows are only ever added to the table, at its end, so what is new is found
/// without looking at what is old.
pub fn since(
    connection: &mut Connection,
    id: &RunId,
    key: &str,
    cursor: HistoryCursor,
) -> Inner<HistoryPart> {
    // The mark is taken first: a point that is written meanwhile is read twice rather than not at all.
    let file = connection.file;
    let last: Option<i64> =
        connection.db.prepare_cached("SELECT max(rowid) FROM metrics")?.query_row([], |row| row.get(0))?;
    let last = last.unwrap_or(i64::MIN);
    let now = HistoryCursor::new(ReadRows { file, rowid: last });
    let known = match cursor.get::<ReadRows>() {
        // Behind the last number that there is, new rows get any other.
        Some(ReadRows { file: read, rowid }) if *read == file && *rowid <= last && last < i64::MAX => *rowid,
        _ => {
            let points = whole(connection, id, key)?;
            return Ok(HistoryPart { points, replaces: true, cursor: now });
        }
    };
    if known == last {
        return Ok(HistoryPart { points: Vec::new(), replaces: false, cursor });
    }
    // The unary plus keeps the other indexes away.
    let mut statement = connection.db.prepare_cached(
        "SELECT step, timestamp, value, is_nan FROM metrics WHERE rowid > ?1 AND +run_uuid = ?2 AND +key = ?3",
    )?;
    let points = points(statement.query(params![known, id.as_str(), key])?)?;
    Ok(HistoryPart { points, replaces: false, cursor: now })
}

/// What the histories of these runs come to, or a part of them.
pub fn summaries(pool: &Pool, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
    if ids.len() > SINGLY {
        return summaries_of_all(pool, ids, key, part);
    }
    let mut summaries = Vec::with_capacity(ids.len());
    for id in ids {
        let points = pool.read(|connection| whole(connection, id, key))?;
        summaries.extend(Summary::of_part(points, part).map(|summary| (id.clone(), summary)));
    }
    Ok(summaries)
}

/// Walks a metric's part of the primary key, which holds everything that is needed, stretch by stretch.
fn summaries_of_all(pool: &Pool, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
    const READ: &str = "SELECT timestamp, step, run_uuid, value, is_nan FROM metrics \
        WHERE key = ?1 AND (timestamp, step, run_uuid, value, is_nan) > (?2, ?3, ?4, ?5, ?6) \
        ORDER BY timestamp, step, run_uuid, value, is_nan LIMIT ?7";
    let mut collected: FxHashMap<&str, Collector> =
        ids.iter().map(|id| (id.as_str(), Collector::new(part))).collect();
    let mut last = (i64::MIN, i64::MIN, String::new(), f64::NEG_INFINITY, 0_i64);
    loop {
        let mut read = 0;
        pool.read(|connection| {
            let mut statement = connection.db.prepare_cached(READ)?;
            let mut rows =
                statement.query(params![key, last.0, last.1, last.2, last.3, last.4, STRETCH as i64])?;
            let mut end = None;
            while let Some(row) = rows.next()? {
                read += 1;
                let point = MetricPoint {
                    timestamp: int(row, 0).unwrap_or(0),
                    step: int(row, 1).unwrap_or(0),
                    value: metric_value(row, 3, 4),
                };
                let run = text(row, 2);
                if let Some(collector) = collected.get_mut(run.as_ref()) {
                    collector.add(point);
                }
                if read == STRETCH {
                    let value = row.get(3).unwrap_or(f64::NEG_INFINITY);
                    end = Some((
                        point.timestamp,
                        point.step,
                        run.into_owned(),
                        value,
                        int(row, 4).unwrap_or(0),
                    ));
                }
            }
            last = end.unwrap_or_else(|| last.clone());
            Ok(())
        })?;
        if read < STRETCH {
            break;
        }
    }
    Ok(ids.iter().filter_map(|id| Some((id.clone(), collected.get(id.as_str())?.summary()?))).collect())
}
