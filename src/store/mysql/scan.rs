//! All runs of an experiment, in columns: the newest whole and first, then everything table by table, all of one time.

use tokio::sync::mpsc::Sender;

use super::connection::{Connection, SCAN_SECONDS};
use super::cursor::{MyCursor, look};
use super::rows::bounded;
use super::statement::quoted;
use super::{Pool, changes};
use crate::mlflow::infinity::logged;
use crate::mlflow::{LifecycleStage, RunId, RunStatus};
use crate::store::batch::{BatchWriter, Head, KeyOrder, MetricCell, NO_TIME, RunBatch, TextCell};
use crate::store::sql::reading::find_runs;
use crate::store::sql::search::stage_condition;
use crate::store::sql::{Cells, Link, Numbers, Pooled as _, head_hash, values};
use crate::store::{ErrorKind, Inner, Scan, ScanValues};

/// What one batch holds at most: bytes of text, and cells.
const BATCH: usize = 4 << 20;
const CELLS: usize = 50_000;

/// What is read when all runs are numbered.
struct Values<'a> {
    scan: &'a Scan,
    numbers: &'a Numbers,
    /// Runs with a lower number were sent whole.
    whole: u32,
    /// The experiment holds most of the store: tables are read without a look at the experiment.
    of_all: bool,
    sink: &'a Sender<RunBatch>,
}

pub fn scan(pool: &Pool, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<MyCursor> {
    let mut connection = pool.take()?;
    let look = look(&mut connection)?;
    let (known, digests) = connection.at_one_time(SCAN_SECONDS, |connection| {
        let Some(known) = read(connection, scan, sink)? else { return Ok((None, (None, None))) };
        // Of the same time: what anybody changes from then on is seen by what they add up to.
        let mut of = |is_tags| match changes::digests(connection, scan, is_tags, known.len()) {
            Err(ErrorKind::Timeout(_)) if !connection.is_spent() => Ok(None),
            digests => digests.map(Some),
        };
        let digests = (of(true)?, of(false)?);
        Ok((Some(known), digests))
    })?;
    Ok(MyCursor::at(look, known.unwrap_or_default(), digests))
}

/// The runs in view with the hashes of their heads; nothing where nobody listens any more.
fn read(connection: &mut Connection, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<Option<Numbers>> {
    let mut writer = BatchWriter::new(0);
    let mut numbers = Numbers::default();
    let first = newest(connection, scan)?;
    let (runs, _) = find_runs(connection, &first, usize::MAX)?;
    for run in runs {
        numbers.insert(run.info.run_id.as_str(), numbers.len() as u32);
        writer.run(&run);
        if writer.batch.text.len() > BATCH && sink.blocking_send(writer.take()).is_err() {
            return Ok(None);
        }
    }
    let whole = numbers.len() as u32;
    writer.batch.completes_first_page = true;
    if sink.blocking_send(writer.take()).is_err() {
        return Ok(None);
    }
    let Some(known) = heads(connection, scan, &mut writer, &mut numbers, sink)? else { return Ok(None) };
    if numbers.len() as u32 > whole {
        let all = connection.one("SELECT count(*) FROM runs", values![], |row| row.int(0))?.flatten();
        let of_all = numbers.len() as i64 * 4 >= all.unwrap_or(0);
        let values = Values { scan, numbers: &numbers, whole, of_all, sink };
        let is_read = values.metrics(connection, &mut writer)?
            && values.texts(connection, "params", &mut writer)?
            && values.texts(connection, "tags", &mut writer)?;
        if !is_read {
            return Ok(None);
        }
    }
    Ok(Some(known))
}

/// The runs that began last.
fn newest(connection: &mut Connection, scan: &Scan) -> Inner<Vec<RunId>> {
    let statement = format!(
        "SELECT run_uuid FROM runs WHERE experiment_id = ?1 AND {} ORDER BY start_time DESC, run_uuid DESC LIMIT ?2",
        stage_condition(scan.view)
    );
    let values = values![scan.experiment_id.as_key(), scan.first as i64];
    connection.all(&statement, values, |row| RunId(row.string(0)))
}

/// Sends the heads of all runs that are not sent yet, and numbers them; the hashes of all.
fn heads(
    connection: &mut Connection,
    scan: &Scan,
    writer: &mut BatchWriter,
    numbers: &mut Numbers,
    sink: &Sender<RunBatch>,
) -> Inner<Option<Numbers>> {
    let is_bare = matches!(scan.values, ScanValues::Only { bare: true, .. });
    let statement = format!(
        "SELECT run_uuid, name, status, lifecycle_stage, start_time, end_time, {} FROM runs \
         WHERE experiment_id = ?1 AND {}",
        if is_bare { "NULL, NULL" } else { "user_id, artifact_uri" },
        stage_condition(scan.view)
    );
    let experiment_id = scan.experiment_id.as_str();
    let mut known = Numbers::default();
    let is_read = connection.rows(&statement, values![scan.experiment_id.as_key()], |row| {
        let (id, name) = (row.text(0), row.text(1));
        let status = row.text(2).parse().unwrap_or(RunStatus::Running);
        let stage = LifecycleStage::parse(&row.text(3));
        let end_time = row.int(5).unwrap_or(NO_TIME);
        known.insert(&id, head_hash(&name, status, stage, end_time));
        if numbers.get(&id).is_some() {
            return Ok(true);
        }
        let head = Head {
            run_id: writer.unique_text(&id),
            experiment_id: writer.text(experiment_id),
            name: writer.text(&name),
            user: writer.text(&row.text(6)),
            artifact_pattern: if is_bare {
                writer.text("")
            } else {
                writer.artifact_pattern(&row.text(7), &id)
            },
            status,
            stage,
            start_time: row.int(4).unwrap_or(NO_TIME),
            end_time,
        };
        numbers.insert(&id, numbers.len() as u32);
        writer.head(head);
        Ok(writer.batch.text.len() <= BATCH || sink.blocking_send(writer.take()).is_ok())
    })?;
    Ok((is_read && sink.blocking_send(writer.take()).is_ok()).then_some(known))
}

impl Values<'_> {
    /// What is read of a table, behind its columns; nothing where nothing of it is wanted.
    fn from(&self, table: &str, keys: Option<&[String]>) -> Option<String> {
        let mut from = format!("FROM {table} v");
        let mut conditions = Vec::new();
        if !self.of_all {
            from.push_str(" JOIN runs r ON r.run_uuid = v.run_uuid");
            let experiment = self.scan.experiment_id.as_key().unwrap_or(-1);
            let stage = stage_condition(self.scan.view);
            conditions.push(format!("r.experiment_id = {experiment} AND r.{stage}"));
        }
        if let Some(keys) = keys {
            if keys.is_empty() {
                return None;
            }
            let keys: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
            conditions.push(format!("v.key IN ({})", keys.join(", ")));
        }
        if !conditions.is_empty() {
            from.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        Some(from)
    }

    /// The number of a row's run; none where it is not of this scan, or was sent whole.
    fn number(&self, row: &mysql::Row) -> Option<u32> {
        self.numbers.get(&row.text(0)).filter(|number| *number >= self.whole)
    }

    fn metrics(&self, connection: &mut Connection, writer: &mut BatchWriter) -> Inner<bool> {
        let keys = match &self.scan.values {
            ScanValues::All => None,
            ScanValues::Only { metrics, .. } => Some(metrics.as_slice()),
        };
        let Some(from) = self.from("latest_metrics", keys) else { return Ok(true) };
        let statement = format!("SELECT v.run_uuid, v.key, v.value, v.is_nan {from}");
        let mut order = KeyOrder::default();
        let is_read = connection.rows(&statement, &[], |row| {
            let Some(run) = self.number(row) else { return Ok(true) };
            let value = if row.int(3) == Some(1) { f64::NAN } else { logged(row.real(2)) };
            let key = writer.key(&row.text(1), run, &mut order);
            writer.batch.metrics.push(MetricCell { run, key, value });
            Ok(writer.batch.metrics.len() < CELLS || self.sink.blocking_send(writer.take()).is_ok())
        })?;
        Ok(is_read && self.sink.blocking_send(writer.take()).is_ok())
    }

    fn texts(&self, connection: &mut Connection, table: &str, writer: &mut BatchWriter) -> Inner<bool> {
        let is_params = table == "params";
        let keys = match &self.scan.values {
            ScanValues::All => None,
            ScanValues::Only { params, .. } if is_params => Some(params.as_slice()),
            ScanValues::Only { tags, .. } => Some(tags.as_slice()),
        };
        let Some(from) = self.from(table, keys) else { return Ok(true) };
        let value = if connection.server.texts_are_short { "v.value".into() } else { bounded("v.value") };
        let statement = format!("SELECT v.run_uuid, v.key, {value} {from}");
        let mut order = KeyOrder::default();
        let is_read = connection.rows(&statement, &[], |row| {
            let Some(run) = self.number(row) else { return Ok(true) };
            let cell = TextCell {
                run,
                key: writer.key(&row.text(1), run, &mut order),
                value: writer.value(&row.text(2), &mut order),
            };
            let cells = if is_params { &mut writer.batch.params } else { &mut writer.batch.tags };
            cells.push(cell);
            let is_full = cells.len() >= CELLS || writer.batch.text.len() > BATCH;
            Ok(!is_full || self.sink.blocking_send(writer.take()).is_ok())
        })?;
        Ok(is_read && self.sink.blocking_send(writer.take()).is_ok())
    }
}
