//! All runs of an experiment, in columns: the newest whole and first, then everything table by table, all of one time.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::Sender;

use super::Pool;
use super::connection::{Connection, READ_ONLY};
use super::copying::{Fields, Gone, int, real, text, truth};
use super::cursor::{Known, PgCursor, TagCounts, look};
use super::rows::bounded;
use crate::mlflow::infinity::logged;
use crate::mlflow::{LifecycleStage, RunId, RunStatus};
use crate::store::batch::{BatchWriter, Head, KeyOrder, MetricCell, NO_TIME, RunBatch, TextCell};
use crate::store::sql::reading::find_runs;
use crate::store::sql::search::stage_condition;
use crate::store::sql::{Lent, Link, Numbers, Pooled, values};
use crate::store::{ErrorKind, Inner, Scan, ScanValues};

/// What one batch holds at most: bytes of text, and cells.
const BATCH: usize = 4 << 20;
const CELLS: usize = 50_000;
/// With fewer runs than this a second connection gains nothing.
const FEW: usize = 2_000;
/// A scan takes as long as it takes, within reason.
const PATIENT: &str = "SET LOCAL statement_timeout = '30min'";

/// Which of the value tables to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueTable {
    Metrics,
    Params,
    Tags,
}

impl ValueTable {
    fn name(self) -> &'static str {
        match self {
            Self::Metrics => "latest_metrics",
            Self::Params => "params",
            Self::Tags => "tags",
        }
    }

    fn keys(self, values: &ScanValues) -> Option<&[String]> {
        match (values, self) {
            (ScanValues::All, _) => None,
            (ScanValues::Only { metrics, .. }, Self::Metrics) => Some(metrics),
            (ScanValues::Only { params, .. }, Self::Params) => Some(params),
            (ScanValues::Only { tags, .. }, Self::Tags) => Some(tags),
        }
    }
}

/// What is read when all runs are numbered.
struct Values<'a> {
    scan: &'a Scan,
    numbers: &'a Numbers,
    /// Runs with a lower number were sent whole.
    whole: u32,
    /// The experiment holds most of the store: tables are read without a look at the experiment.
    of_all: bool,
    sink: &'a Sender<RunBatch>,
    /// How many tags each run has.
    tags: Mutex<&'a mut [i64]>,
}

pub fn scan(pool: &Pool, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<PgCursor> {
    let mut connection = pool.take()?;
    connection.run(&format!("{READ_ONLY}; {PATIENT}"))?;
    let result = read(pool, &mut connection, scan, sink);
    connection.roll_back();
    result
}

fn read(pool: &Pool, connection: &mut Connection, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<PgCursor> {
    let look = look(connection)?;
    let stopped = || Ok(PgCursor::at(look.clone(), Known::default(), None));
    let mut writer = BatchWriter::new(0);
    let mut numbers = Numbers::default();
    let first = newest(connection, scan)?;
    let (runs, _) = find_runs(connection, &first, usize::MAX)?;
    let mut tags = Vec::with_capacity(runs.len());
    for run in runs {
        tags.push(run.tags.len() as i64);
        numbers.insert(run.info.run_id.as_str(), numbers.len() as u32);
        writer.run(&run);
        if writer.batch.text.len() > BATCH && sink.blocking_send(writer.take()).is_err() {
            return stopped();
        }
    }
    let whole = numbers.len() as u32;
    writer.batch.completes_first_page = true;
    if sink.blocking_send(writer.take()).is_err() {
        return stopped();
    }
    if heads(connection, scan, &mut writer, &mut numbers, sink)?.is_err() {
        return stopped();
    }
    if numbers.len() as u32 > whole {
        let all = connection.one("SELECT count(*) FROM runs", values![], |row| row.int(0))?.flatten();
        let of_all = numbers.len() as i64 * 4 >= all.unwrap_or(0);
        tags = vec![0; numbers.len()];
        let counts = Mutex::new(&mut *tags);
        let values = Values { scan, numbers: &numbers, whole, of_all, sink, tags: counts };
        values.read(pool, connection, writer)?;
    }
    let hex = numbers.by_hex.iter().map(|(hex, number)| (format!("{hex:032x}"), *number));
    let all = hex.chain(numbers.others.iter().map(|(id, number)| (id.clone(), *number)));
    let (mut known, mut counts) = (Known::default(), TagCounts::default());
    for (id, number) in all {
        known.insert(&id);
        counts.add(&id, tags.get(number as usize).copied().unwrap_or(0));
    }
    let counts = (scan.values == ScanValues::All).then_some(counts);
    Ok(PgCursor::at(look, known, counts))
}

/// The runs that began last.
fn newest(connection: &mut Connection, scan: &Scan) -> Inner<Vec<RunId>> {
    let statement = format!(
        "SELECT run_uuid FROM runs WHERE experiment_id = ?1 AND {} \
         ORDER BY start_time DESC NULLS LAST, run_uuid DESC LIMIT ?2",
        stage_condition(scan.view)
    );
    let values = values![scan.experiment_id.as_key(), scan.first as i64];
    connection.all(&statement, values, |row| RunId(row.string(0)))
}

/// The experiment as it stands in a statement that takes no values.
fn experiment(scan: &Scan) -> i64 {
    scan.experiment_id.as_key().unwrap_or(-1)
}

/// Sends the heads of all runs that are not sent yet, and numbers them.
fn heads(
    connection: &mut Connection,
    scan: &Scan,
    writer: &mut BatchWriter,
    numbers: &mut Numbers,
    sink: &Sender<RunBatch>,
) -> Inner<Result<(), Gone>> {
    let is_bare = matches!(scan.values, ScanValues::Only { bare: true, .. });
    let rest = if is_bare { "NULL, NULL" } else { "user_id, artifact_uri" };
    let query = format!(
        "SELECT run_uuid::text, name::text, status::text, lifecycle_stage::text, start_time::int8, end_time::int8, \
         {rest} FROM runs WHERE experiment_id = {} AND {}",
        experiment(scan),
        stage_condition(scan.view)
    );
    let experiment_id = scan.experiment_id.as_str();
    let take = |[id, name, status, stage, start, end, user, uri]: Fields<'_, 8>| {
        let id = text(id);
        if numbers.get(&id).is_some() {
            return None;
        }
        let head = Head {
            run_id: writer.unique_text(&id),
            experiment_id: writer.text(experiment_id),
            name: writer.text(&text(name)),
            user: writer.text(&text(user)),
            artifact_pattern: if is_bare {
                writer.text("")
            } else {
                writer.artifact_pattern(&text(uri), &id)
            },
            status: text(status).parse().unwrap_or(RunStatus::Running),
            stage: LifecycleStage::parse(&text(stage)),
            start_time: int(start).unwrap_or(NO_TIME),
            end_time: int(end).unwrap_or(NO_TIME),
        };
        numbers.insert(&id, writer.head(head));
        (writer.batch.text.len() > BATCH).then(|| writer.take())
    };
    if let Err(gone) = connection.copy(&query, sink, take)? {
        return Ok(Err(gone));
    }
    Ok(sink.blocking_send(writer.take()).map_err(|_| Gone))
}

impl Values<'_> {
    fn read(&self, pool: &Pool, connection: &mut Connection, mut writer: BatchWriter) -> Inner<()> {
        let second = if self.numbers.len() > FEW && self.scan.values == ScanValues::All {
            same_time(pool, connection)?
        } else {
            None
        };
        let Some(mut second) = second else {
            for table in [ValueTable::Params, ValueTable::Metrics, ValueTable::Tags] {
                if self.table(connection, table, &mut writer)?.is_err() {
                    break;
                }
            }
            return Ok(());
        };
        // Params are about as much work as metrics and tags together.
        std::thread::scope(|scope| {
            let params = scope.spawn(move || {
                let result = self.table(&mut second, ValueTable::Params, &mut BatchWriter::new(1));
                second.roll_back();
                result
            });
            let mut result = self.table(connection, ValueTable::Metrics, &mut writer);
            if let Ok(Ok(())) = result {
                result = self.table(connection, ValueTable::Tags, &mut writer);
            }
            let stopped = || Err(ErrorKind::Io("the reader of params stopped".into()));
            let params = params.join().unwrap_or_else(|_| stopped());
            result.and(params).map(drop)
        })
    }

    /// Reads a table, or what is wanted of it.
    fn table(
        &self,
        connection: &mut Connection,
        table: ValueTable,
        writer: &mut BatchWriter,
    ) -> Inner<Result<(), Gone>> {
        let keys = table.keys(&self.scan.values);
        if keys.is_some_and(<[String]>::is_empty) {
            return Ok(Ok(()));
        }
        let mut conditions = Vec::new();
        if let Some(keys) = keys {
            let keys: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
            conditions.push(format!("v.key IN ({})", keys.join(", ")));
        }
        let joined = if self.of_all {
            String::new()
        } else {
            conditions.push(format!(
                "r.experiment_id = {} AND r.{}",
                experiment(self.scan),
                stage_condition(self.scan.view)
            ));
            " JOIN runs r ON r.run_uuid = v.run_uuid".to_owned()
        };
        let condition = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let from = format!("FROM {} v{joined}{condition}", table.name());
        let sent = if table == ValueTable::Metrics {
            self.metrics(connection, &from, writer)?
        } else {
            self.texts(connection, table, &from, writer)?
        };
        Ok(sent.and_then(|()| self.sink.blocking_send(writer.take()).map_err(|_| Gone)))
    }

    fn metrics(
        &self,
        connection: &mut Connection,
        from: &str,
        writer: &mut BatchWriter,
    ) -> Inner<Result<(), Gone>> {
        let query = format!("SELECT v.run_uuid::text, v.key::text, v.value::float8, v.is_nan {from}");
        let (mut last, mut order) = (Last::default(), KeyOrder::default());
        connection.copy(&query, self.sink, |[id, key, value, is_nan]: Fields<'_, 4>| {
            let run = last.number(self, id).filter(|run| *run >= self.whole)?;
            let value = if truth(is_nan) { f64::NAN } else { logged(real(value)) };
            let key = writer.key(&text(key), run, &mut order);
            writer.batch.metrics.push(MetricCell { run, key, value });
            (writer.batch.metrics.len() >= CELLS).then(|| writer.take())
        })
    }

    fn texts(
        &self,
        connection: &mut Connection,
        table: ValueTable,
        from: &str,
        writer: &mut BatchWriter,
    ) -> Inner<Result<(), Gone>> {
        let value: Cow<'_, str> =
            if connection.server.texts_are_short { "v.value".into() } else { bounded("v.value").into() };
        let query = format!("SELECT v.run_uuid::text, v.key::text, {value} {from}");
        let (mut last, mut order) = (Last::default(), KeyOrder::default());
        let is_tags = table == ValueTable::Tags;
        let mut counts = is_tags.then(|| self.tags.lock().unwrap_or_else(PoisonError::into_inner));
        connection.copy(&query, self.sink, |[id, key, value]: Fields<'_, 3>| {
            let run = last.number(self, id)?;
            if let Some(count) = counts.as_mut().and_then(|counts| counts.get_mut(run as usize)) {
                *count += 1;
            }
            if run < self.whole {
                return None;
            }
            let cell = TextCell {
                run,
                key: writer.key(&text(key), run, &mut order),
                value: writer.value(&text(value), &mut order),
            };
            let cells =
                if table == ValueTable::Params { &mut writer.batch.params } else { &mut writer.batch.tags };
            cells.push(cell);
            (cells.len() >= CELLS || writer.batch.text.len() > BATCH).then(|| writer.take())
        })
    }
}

/// The run of the row before: rows of one run mostly follow each other.
#[derive(Default)]
struct Last {
    id: Vec<u8>,
    number: Option<u32>,
}

impl Last {
    /// The number of a run; none where it is not of this scan.
    fn number(&mut self, values: &Values<'_>, id: Option<&[u8]>) -> Option<u32> {
        let id = id?;
        if *self.id != *id {
            self.id.clear();
            self.id.extend_from_slice(id);
            let id = std::str::from_utf8(id).unwrap_or_default();
            self.number = values.numbers.get(id);
        }
        self.number
    }
}

/// Another connection that sees the database as this one does, where that can be had.
fn same_time<'a>(pool: &'a Pool, connection: &mut Connection) -> Inner<Option<Lent<'a, Connection>>> {
    if !connection.server.shares_snapshots {
        return Ok(None);
    }
    // A refusal ends this transaction: nothing can be read behind it.
    let snapshot = connection.one("SELECT pg_export_snapshot()", values![], |row| row.string(0))?;
    let Some((snapshot, mut second)) = snapshot.zip(pool.take_another()) else { return Ok(None) };
    let begun =
        second.run(&format!("{READ_ONLY}; SET TRANSACTION SNAPSHOT {}; {PATIENT}", quoted(&snapshot)));
    if begun.is_err() {
        second.roll_back();
        return Ok(None);
    }
    Ok(Some(second))
}

/// A text as it stands in a statement.
fn quoted(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_a_statement_is_nothing_but_a_text() {
        assert_eq!(quoted("it's"), "'it''s'");
        assert_eq!(quoted("a\\' OR 1=1 --"), "E'a\\\\'' OR 1=1 --'");
    }
}
