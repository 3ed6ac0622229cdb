//! Metric histories.
//!
//! MLflow's stores are never ANALYZEd, and the obvious `ORDER BY timestamp, step, value` makes SQLite walk that
//! metric of *all* runs. The index by run is named, and the points are sorted here.

use rusqlite::{OptionalExtension as _, params};
use rustc_hash::FxHashMap;

use super::Inner;
use super::connection::{Connection, FileId, Pool};
use super::rows::{int, metric_value, text};
use super::schema::BY_RUN;
use crate::mlflow::{Collector, MetricPoint, Part, RunId, Summary};
use crate::store::blocking::Gone;
use crate::store::{ErrorKind, HistoryCursor, HistoryPart, by_step};

/// Runs of which each is asked for by itself; for more than that the whole metric is read in one go.
const SINGLY: usize = 300;
/// Points of one history, at most: each takes 24 bytes.
const MOST: usize = 4_000_000;
/// Rows of a table that are walked by two at once.
const SIDE_BY_SIDE: i64 = 50_000;
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

/// A point of step, timestamp, value and `is_nan`.
fn point(row: &rusqlite::Row<'_>) -> MetricPoint {
    MetricPoint {
        step: int(row, 0).unwrap_or(0),
        timestamp: int(row, 1).unwrap_or(0),
        value: metric_value(row, 2, 3),
    }
}

fn too_much(points: &[MetricPoint]) -> Inner<()> {
    if points.len() > MOST {
        return Err(ErrorKind::TooMuch(format!("a history of more than {MOST} points")));
    }
    Ok(())
}

/// Reads points, and puts them in order.
fn points(mut rows: rusqlite::Rows<'_>) -> Inner<Vec<MetricPoint>> {
    let mut points = Vec::new();
    while let Some(row) = rows.next()? {
        points.push(point(row));
        too_much(&points)?;
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

/// The last row of the file's table.
fn last_row(connection: &Connection) -> Inner<i64> {
    let mut statement = connection.db.prepare_cached("SELECT max(rowid) FROM metrics")?;
    let last: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(last.unwrap_or(i64::MIN))
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
    let (file, last) = (connection.file, last_row(connection)?);
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

/// What was written to several histories of a run behind their cursors. Where they are found by a walk over the run, those that
/// are read from their start are found in one.
pub fn several_since(
    pool: &Pool,
    id: &RunId,
    wanted: &[(String, HistoryCursor)],
    gone: &Gone,
) -> Inner<Vec<HistoryPart>> {
    let is_new = |(_, cursor): &&(String, HistoryCursor)| cursor.get::<ReadRows>().is_none();
    let new: Vec<&str> = wanted.iter().filter(is_new).map(|(key, _)| key.as_str()).collect();
    let mut walked = FxHashMap::default();
    let mut end = HistoryCursor::START;
    if new.len() > 1 && pool.walks_runs() {
        (walked, end) = walk(pool, id, &new, gone)?;
    }
    let part = |(key, cursor): &(String, HistoryCursor)| match walked.remove(key.as_str()) {
        Some(points) => Ok(HistoryPart { points, replaces: true, cursor: end.clone() }),
        None => {
            gone.check()?;
            pool.read(|connection| since(connection, id, key, cursor.clone()))
        }
    };
    wanted.iter().map(part).collect()
}

/// Histories of a run by their keys.
type ByKey<'a> = FxHashMap<&'a str, Vec<MetricPoint>>;

/// The numbers of rows stay what they are as long as these do: VACUUM gives new ones, and so does another file.
#[derive(Debug, PartialEq)]
struct Numbering {
    file: Option<FileId>,
    schema: i64,
}

impl Numbering {
    fn of(connection: &Connection) -> Inner<Self> {
        let mut statement = connection.db.prepare_cached("PRAGMA schema_version")?;
        Ok(Self { file: connection.file, schema: statement.query_row([], |row| row.get(0))? })
    }
}

/// Whole histories of a run, and up to where the table was read. The halves of a long table are walked side by side.
fn walk<'a>(pool: &Pool, id: &RunId, keys: &[&'a str], gone: &Gone) -> Inner<(ByKey<'a>, HistoryCursor)> {
    let (numbering, rows, end) = pool.read(|connection| {
        let end = ReadRows { file: connection.file, rowid: last_row(connection)? };
        let edge = |order: &str| -> Inner<Option<i64>> {
            let statement = format!(
                "SELECT rowid FROM metrics INDEXED BY {BY_RUN} WHERE run_uuid = ?1 ORDER BY rowid {order} LIMIT 1"
            );
            Ok(connection.db.prepare_cached(&statement)?.query_row([id.as_str()], |row| row.get(0)).optional()?)
        };
        Ok((Numbering::of(connection)?, edge("ASC")?.zip(edge("DESC")?), HistoryCursor::new(end)))
    })?;
    let Some((first, last)) = rows else {
        return Ok((keys.iter().map(|key| (*key, Vec::new())).collect(), end));
    };
    let before = first.saturating_sub(1);
    let rows = |behind: i64, to: i64| walk_rows(pool, id, keys, (behind, to), gone);
    let mut found = if last.saturating_sub(first) < SIDE_BY_SIDE {
        rows(before, last)?
    } else {
        let middle = i64::midpoint(first, last);
        let (mut start, mut rest) = side_by_side(|| rows(before, middle), || rows(middle, last))?;
        for (key, points) in &mut start {
            points.append(&mut rest.remove(key).unwrap_or_default());
        }
        start
    };
    if pool.read(|connection| Numbering::of(connection))? != numbering {
        return Err(ErrorKind::TooMuch("the tables were rewritten meanwhile".into()));
    }
    for points in found.values_mut() {
        points.sort_by(by_step);
        points.shrink_to_fit();
    }
    Ok((found, end))
}

/// What two come to that work at the same time.
fn side_by_side<T: Send>(
    one: impl FnOnce() -> Inner<T> + Send,
    other: impl FnOnce() -> Inner<T>,
) -> Inner<(T, T)> {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let one = one.join().unwrap_or_else(|_| Err(ErrorKind::Io("the reader of histories stopped".into())));
        Ok((one?, other?))
    })
}

/// The points of a run in rows of the table behind the first of these, up to the second, stretch by stretch.
fn walk_rows<'a>(
    pool: &Pool,
    id: &RunId,
    keys: &[&'a str],
    (mut behind, to): (i64, i64),
    gone: &Gone,
) -> Inner<ByKey<'a>> {
    let mut found: ByKey<'a> = keys.iter().map(|key| (*key, Vec::new())).collect();
    let mut count = 0;
    loop {
        gone.check()?;
        let mut read = 0;
        pool.read(|connection| {
            let mut statement = connection.db.prepare_cached(&format!(
                "SELECT step, timestamp, value, is_nan, key, rowid FROM metrics INDEXED BY {BY_RUN} \
                 WHERE run_uuid = ?1 AND rowid > ?2 AND rowid <= ?3 ORDER BY rowid LIMIT ?4"
            ))?;
            let mut rows = statement.query(params![id.as_str(), behind, to, STRETCH as i64])?;
            while let Some(row) = rows.next()? {
                read += 1;
                behind = row.get(5)?;
                if let Some(points) = found.get_mut(text(row, 4).as_ref()) {
                    points.push(point(row));
                    count += 1;
                }
            }
            Ok(())
        })?;
        // Of all metrics together, a half: the other half is walked beside it.
        if count > MOST / 2 {
            return Err(ErrorKind::TooMuch(format!("histories of more than {MOST} points")));
        }
        if read < STRETCH {
            return Ok(found);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::blocking::Listener;
    use crate::store::sql::Place as _;
    use crate::store::sqlite::Sqlite;

    const LOG: &str =
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?1, ?2, ?3, ?4, ?5, 0)";

    /// A store of two runs that log three metrics in turn, and the first of them.
    fn store(folder: &std::path::Path, steps: i64) -> (Sqlite, RunId) {
        let place = Sqlite::new(&folder.join("mlflow.db").into(), None, false);
        let id = RunId("0a".repeat(16));
        place.pool.begin().unwrap();
        let fill = |connection: &mut Connection| {
            for run in [id.as_str(), "other"] {
                connection.db.execute(
                    "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage) VALUES (?1, 0, 'active')",
                    [run],
                )?;
            }
            for step in 0..steps {
                for key in ["loss", "f1", "lr"] {
                    for run in [id.as_str(), "other"] {
                        let value = (step * 7 % 11) as f64;
                        connection.db.prepare_cached(LOG)?.execute(params![
                            key,
                            value,
                            step,
                            run,
                            step % 9
                        ])?;
                    }
                }
            }
            Ok(())
        };
        place.pool.write(fill).unwrap();
        (place, id)
    }

    #[test]
    fn several_histories_of_a_run_are_what_each_is_by_itself() {
        let (_here, gone) = Listener::new();
        for steps in [0, 5, SIDE_BY_SIDE / 4] {
            let folder = tempfile::tempdir().unwrap();
            let (place, id) = store(folder.path(), steps);
            assert!(place.capabilities().walks_runs, "the layout of a new store has no index by key");
            let wanted = ["lr", "no such", "loss"].map(|key| (key.to_owned(), HistoryCursor::START));
            let each = |wanted: &[(String, HistoryCursor)]| -> Vec<Vec<MetricPoint>> {
                let read = |(key, cursor): &(String, HistoryCursor)| {
                    place.pool.read(|connection| since(connection, &id, key, cursor.clone())).unwrap().points
                };
                wanted.iter().map(read).collect()
            };
            let parts = place.histories_since(&id, &wanted, &gone).unwrap();
            assert!(parts.iter().all(|part| part.replaces));
            let points: Vec<_> = parts.iter().map(|part| part.points.clone()).collect();
            assert_eq!(points, each(&wanted));
            assert_eq!(points[0].len(), steps as usize);
            // What is new of two, and a third from its start.
            place
                .pool
                .write(|connection| Ok(connection.db.execute(LOG, params!["lr", 0.5, -1, id.as_str(), 3])?))
                .unwrap();
            let mut wanted: Vec<_> =
                wanted.into_iter().zip(parts).map(|((key, _), part)| (key, part.cursor)).collect();
            wanted[2].1 = HistoryCursor::START;
            let parts = place.histories_since(&id, &wanted, &gone).unwrap();
            assert_eq!(parts[0].points, [MetricPoint { step: 3, timestamp: -1, value: 0.5 }]);
            assert_eq!(parts.iter().map(|part| part.replaces).collect::<Vec<_>>(), [false, false, true]);
            assert_eq!(parts[2].points.len(), steps as usize);
        }
    }
}
