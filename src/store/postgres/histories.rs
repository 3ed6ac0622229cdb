//! What is new of a metric's history.

use super::connection::Connection;
use super::snapshot::Snapshot;
use crate::mlflow::RunId;
use crate::store::sql::histories::{note, point};
use crate::store::sql::{Link, values};
use crate::store::{ErrorKind, HistoryCursor, HistoryPart, Inner, by_step};

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
