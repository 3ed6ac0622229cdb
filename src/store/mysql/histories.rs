//! What is new of a metric's history. Rows do not tell when they were written: that there are more of them than before does, and
//! that the new ones follow the last step.

use super::connection::{Connection, STATEMENT_SECONDS};
use crate::mlflow::RunId;
use crate::store::sql::histories::{note, point, whole};
use crate::store::sql::{Link, values};
use crate::store::{HistoryCursor, HistoryPart, Inner};

/// How far a history has been read.
#[derive(Debug, PartialEq, Default)]
struct Read {
    points: i64,
    last_step: i64,
    /// Points of that step.
    of_last: i64,
}

/// What was written behind a cursor, and what is behind it then: all of one time.
pub fn since(
    connection: &mut Connection,
    id: &RunId,
    key: &str,
    cursor: &HistoryCursor,
) -> Inner<HistoryPart> {
    let known = cursor.get::<Read>();
    connection.at_one_time(STATEMENT_SECONDS, |connection| {
        if let Some(known) = known
            && let Some(part) = behind(connection, id, key, known, cursor)?
        {
            return Ok(part);
        }
        let points = whole(connection, id, key)?;
        let last_step = points.last().map_or(i64::MIN, |point| point.step);
        let of_last = points.iter().rev().take_while(|point| point.step == last_step).count() as i64;
        let cursor = HistoryCursor::new(Read { points: points.len() as i64, last_step, of_last });
        Ok(HistoryPart { points, replaces: true, cursor })
    })
}

/// The points of later steps, where all new ones are such.
fn behind(
    connection: &mut Connection,
    id: &RunId,
    key: &str,
    known: &Read,
    cursor: &HistoryCursor,
) -> Inner<Option<HistoryPart>> {
    let statement =
        "SELECT count(*), coalesce(sum(step = ?3), 0) FROM metrics WHERE run_uuid = ?1 AND key = ?2";
    let values = values![id.as_str(), key, known.last_step];
    let counts =
        connection.one(statement, values, |row| (row.int(0).unwrap_or(0), row.int(1).unwrap_or(0)))?;
    let (count, of_last) = counts.unwrap_or((0, 0));
    if (count, of_last) == (known.points, known.of_last) {
        return Ok(Some(HistoryPart { points: Vec::new(), replaces: false, cursor: cursor.clone() }));
    }
    if count < known.points || of_last != known.of_last {
        return Ok(None);
    }
    let mut points = Vec::new();
    connection.each(
        "SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1 AND key = ?2 AND step > ?3 \
         ORDER BY step, timestamp, value",
        values,
        &mut |row| note(&mut points, point(row, 0)),
    )?;
    if known.points + points.len() as i64 != count {
        return Ok(None);
    }
    let last_step = points.last().map_or(known.last_step, |point| point.step);
    let of_last = points.iter().rev().take_while(|point| point.step == last_step).count() as i64;
    let cursor = HistoryCursor::new(Read { points: count, last_step, of_last });
    Ok(Some(HistoryPart { points, replaces: false, cursor }))
}
