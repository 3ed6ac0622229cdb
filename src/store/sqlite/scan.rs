//! All runs of an experiment, in columns: the newest whole and first, then everything table by table.
//!
//! Where the experiment holds most of the store, its values are read by walking the tables in stretches of
//! rowids, on two threads; otherwise run by run through the index. Either way no statement stays open for long.

use rustc_hash::FxHashMap;
use tokio::sync::mpsc::Sender;

use super::Inner;
use super::connection::{Connection, Pool};
use super::cursor::{FileCursor, HeadHashes, head_hash, marks};
use super::reading::{HEAD, find_run};
use super::rows::{WHOLE, bounded, int, metric_value, text};
use super::stretches::{Backwards, Stretches};
use crate::mlflow::{LifecycleStage, RunId, RunStatus, limits};
use crate::store::batch::{BatchWriter, Head, MetricCell, NO_TIME, RunBatch, TextCell};
use crate::store::sql::search::stage_condition;
use crate::store::{ErrorKind, Scan, ScanValues};

/// Bytes of text in one batch.
const BATCH: usize = 4 << 20;
/// Rows read by one statement: some milliseconds' worth.
const STRETCH: i64 = 16_384;

/// The columns of a head with nothing in place of the user and the artifact address.
const BARE_HEAD: &str =
    "run_uuid, experiment_id, name, '', status, start_time, end_time, lifecycle_stage, ''";

/// Which of the value tables to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueTable {
    Metrics,
    Params,
    Tags,
}

impl ValueTable {
    const ALL: [Self; 3] = [Self::Params, Self::Metrics, Self::Tags];

    fn name(self) -> &'static str {
        match self {
            Self::Metrics => "latest_metrics",
            Self::Params => "params",
            Self::Tags => "tags",
        }
    }

    /// The columns `key, value, run_uuid` and, for metrics, `is_nan`.
    fn columns(self) -> &'static str {
        if self == Self::Metrics { "key, value, run_uuid, is_nan" } else { "key, value, run_uuid" }
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

/// From a run's id to its number in the scan.
#[derive(Debug, Default)]
struct Numbers {
    /// Ids of 32 hexadecimal digits, which are all that MLflow makes.
    by_hex: FxHashMap<u128, u32>,
    others: FxHashMap<String, u32>,
}

impl Numbers {
    fn hex(id: &str) -> Option<u128> {
        if id.len() == 32 { u128::from_str_radix(id, 16).ok() } else { None }
    }

    fn insert(&mut self, id: &str, number: u32) {
        match Self::hex(id) {
            Some(hex) => drop(self.by_hex.insert(hex, number)),
            None => drop(self.others.insert(id.to_owned(), number)),
        }
    }

    fn get(&self, id: &str) -> Option<u32> {
        match Self::hex(id) {
            Some(hex) => self.by_hex.get(&hex).copied(),
            None => self.others.get(id).copied(),
        }
    }
}

/// Whoever reads the batches may stop listening; then the scan ends early and quietly.
struct Gone;

fn send(sink: &Sender<RunBatch>, batch: RunBatch) -> Result<(), Gone> {
    sink.blocking_send(batch).map_err(|_| Gone)
}

pub fn scan(pool: &Pool, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<FileCursor> {
    let mut connection = pool.take()?;
    let mut cursor = FileCursor::at(connection.file, marks(&connection.db)?);
    let mut writer = BatchWriter::new(0);
    let mut numbers = Numbers::default();
    let first = newest(&mut connection, scan)?;
    for id in &first {
        if let Some(run) = find_run(&mut connection, id)? {
            numbers.insert(id.as_str(), numbers.by_hex.len() as u32 + numbers.others.len() as u32);
            writer.run(&run);
        }
        if writer.batch.text.len() > BATCH && send(sink, writer.take()).is_err() {
            return Ok(cursor);
        }
    }
    let whole = (numbers.by_hex.len() + numbers.others.len()) as u32;
    writer.batch.completes_first_page = true;
    if send(sink, writer.take()).is_err() {
        return Ok(cursor);
    }
    // Where only some metrics are wanted, they are read beside the heads.
    let keys = match &scan.values {
        ScanValues::Only { metrics, .. } if is_worth_a_walk(&connection, ValueTable::Metrics, metrics)? => {
            metrics
        }
        _ => &Vec::new(),
    };
    let second = if keys.is_empty() { None } else { Some(pool.take()?) };
    let (heads, beside) = std::thread::scope(|scope| {
        let beside = second.map(|second| {
            scope.spawn(move || {
                let found = beside(&second, keys);
                pool.give_back(second);
                found
            })
        });
        let heads = heads(&connection, scan, &mut writer, &mut numbers, sink);
        (heads, beside.map(std::thread::ScopedJoinHandle::join))
    });
    let Ok(heads) = heads? else { return Ok(cursor) };
    cursor.heads = heads;
    let broken = || ErrorKind::Io("the reader of metrics stopped".into());
    let beside = beside.map(|read| read.unwrap_or_else(|_| Err(broken()))).transpose()?;
    let total = numbers.by_hex.len() + numbers.others.len();
    if total as u32 > whole {
        let part = ValueScan { scan, numbers: &numbers, whole, sink, beside };
        part.values(pool, &mut connection, writer)?;
    }
    pool.give_back(connection);
    Ok(cursor)
}

/// The runs that were created last. There is no index by start, and none is needed: rows are kept in the order in
/// which runs were created, so that the last rows are the newest runs but for clocks that go wrong.
fn newest(connection: &mut Connection, scan: &Scan) -> Inner<Vec<RunId>> {
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT run_uuid, start_time FROM runs WHERE rowid BETWEEN ?1 AND ?2 AND experiment_id = ?3 AND {}",
        stage_condition(scan.view)
    ))?;
    let mut backwards = Backwards::new(&connection.db, "runs", scan.first as i64, STRETCH);
    let mut found: Vec<(i64, RunId)> = Vec::new();
    while found.len() < scan.first {
        let Some((from, to)) = backwards.next()? else { break };
        let mut rows = statement.query(rusqlite::params![from, to, scan.experiment_id.as_key()])?;
        while let Some(row) = rows.next()? {
            found.push((int(row, 1).unwrap_or(NO_TIME), RunId(text(row, 0).into_owned())));
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    found.truncate(scan.first);
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// Sends the heads of all runs that are not sent yet, and numbers them. Returns a hash of every head.
fn heads(
    connection: &Connection,
    scan: &Scan,
    writer: &mut BatchWriter,
    numbers: &mut Numbers,
    sink: &Sender<RunBatch>,
) -> Inner<Result<HeadHashes, Gone>> {
    let mut hashes = HeadHashes::default();
    let is_bare = matches!(scan.values, ScanValues::Only { bare: true, .. });
    let head = if is_bare { BARE_HEAD } else { HEAD };
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT {head}, rowid FROM runs WHERE rowid BETWEEN ?1 AND ?2 AND experiment_id = ?3 AND {}",
        stage_condition(scan.view)
    ))?;
    let mut stretches = Stretches::new(&connection.db, "runs", STRETCH)?;
    while let Some((from, to)) = stretches.next()? {
        let mut rows = statement.query(rusqlite::params![from, to, scan.experiment_id.as_key()])?;
        while let Some(row) = rows.next()? {
            let id = text(row, 0);
            let head = Head {
                run_id: 0,
                experiment_id: writer.text(&text(row, 1)),
                name: 0,
                user: 0,
                artifact_uri: 0,
                status: text(row, 4).parse().unwrap_or(RunStatus::Running),
                stage: LifecycleStage::parse(&text(row, 7)),
                start_time: int(row, 5).unwrap_or(NO_TIME),
                end_time: int(row, 6).unwrap_or(NO_TIME),
            };
            let name = text(row, 2);
            // Whoever wants so little of the runs does not ask for changes.
            if !is_bare {
                let hash = head_hash(&name, head.status, head.stage, head.end_time);
                hashes.insert(int(row, 9).unwrap_or(0), hash);
            }
            if numbers.get(&id).is_some() {
                continue;
            }
            let head = Head {
                run_id: writer.unique_text(&id),
                name: writer.text(&name),
                user: writer.text(&text(row, 3)),
                artifact_uri: if is_bare { writer.text("") } else { writer.unique_text(&text(row, 8)) },
                ..head
            };
            numbers.insert(&id, writer.head(head));
        }
        drop(rows);
        if send(sink, writer.take()).is_err() {
            return Ok(Err(Gone));
        }
    }
    Ok(Ok(hashes))
}

/// The reading of values, after all runs are numbered.
struct ValueScan<'a> {
    scan: &'a Scan,
    numbers: &'a Numbers,
    /// Runs with a lower number were sent whole.
    whole: u32,
    sink: &'a Sender<RunBatch>,
    /// The metrics, where they were read already: of which run, the place of the key, the value.
    beside: Option<Vec<(Id, u32, f64)>>,
}

/// A run's id as it takes the least room.
enum Id {
    Hex(u128),
    Other(String),
}

/// The values of some metrics, in the order of the table.
fn beside(connection: &Connection, keys: &[String]) -> Inner<Vec<(Id, u32, f64)>> {
    // The unary plus keeps the index away.
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT key, value, run_uuid, is_nan FROM latest_metrics WHERE rowid BETWEEN ? AND ? AND +key IN ({})",
        vec!["?"; keys.len()].join(", ")
    ))?;
    let mut found = Vec::new();
    let mut stretches = Stretches::new(&connection.db, "latest_metrics", STRETCH)?;
    while let Some((from, to)) = stretches.next()? {
        let values = [&from as &dyn rusqlite::ToSql, &to].into_iter();
        let values = values.chain(keys.iter().map(|key| key as &dyn rusqlite::ToSql));
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let (key, id) = (text(row, 0), text(row, 2));
            let Some(key) = keys.iter().position(|known| **known == *key) else { continue };
            let id = Numbers::hex(&id).map_or_else(|| Id::Other(id.into_owned()), Id::Hex);
            found.push((id, key as u32, metric_value(row, 1, 3)));
        }
    }
    Ok(found)
}

impl ValueScan<'_> {
    fn values(&self, pool: &Pool, connection: &mut Connection, mut writer: BatchWriter) -> Inner<()> {
        let count = self.numbers.by_hex.len() + self.numbers.others.len();
        let all: i64 = connection.db.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
        if self.scan.values != ScanValues::All {
            return self.by_key(connection, &mut writer);
        }
        if (count as i64) * 4 < all {
            return self.by_run(connection, &mut writer);
        }
        // Params are about as much work as metrics and tags together.
        let second = pool.take();
        std::thread::scope(|scope| {
            let params = scope.spawn(move || {
                let connection = second?;
                let result = self.walk(&connection, ValueTable::Params, None, &mut BatchWriter::new(1));
                pool.give_back(connection);
                result
            });
            let mut result = self.walk(connection, ValueTable::Metrics, None, &mut writer);
            if let Ok(Ok(())) = result {
                result = self.walk(connection, ValueTable::Tags, None, &mut writer);
            }
            let params =
                params.join().unwrap_or_else(|_| Err(ErrorKind::Io("the reader of params stopped".into())));
            result.and(params).map(drop)
        })
    }

    /// Walks a whole table in stretches of rowids; of all keys, or of these.
    fn walk(
        &self,
        connection: &Connection,
        table: ValueTable,
        keys: Option<&[String]>,
        writer: &mut BatchWriter,
    ) -> Inner<Result<(), Gone>> {
        let name = table.name();
        let keys = keys.unwrap_or_default();
        // The unary plus keeps the index away.
        let among = match keys.len() {
            0 => String::new(),
            count => format!(" AND +key IN ({})", vec!["?"; count].join(", ")),
        };
        let condition = format!("rowid BETWEEN ? AND ?{among}");
        let mut stretches = Stretches::new(&connection.db, name, STRETCH)?;
        while let Some((from, to)) = stretches.next()? {
            let values = [&from as &dyn rusqlite::ToSql, &to].into_iter();
            let values: Vec<_> = values.chain(keys.iter().map(|key| key as &dyn rusqlite::ToSql)).collect();
            self.select(connection, table, &condition, &values, writer)?;
            if send(self.sink, writer.take()).is_err() {
                return Ok(Err(Gone));
            }
        }
        Ok(Ok(()))
    }

    fn by_run(&self, connection: &Connection, writer: &mut BatchWriter) -> Inner<()> {
        let mut ids: Vec<(u32, String)> = self
            .numbers
            .by_hex
            .iter()
            .map(|(hex, number)| (*number, format!("{hex:032x}")))
            .chain(self.numbers.others.iter().map(|(id, number)| (*number, id.clone())))
            .filter(|(number, _)| *number >= self.whole)
            .collect();
        ids.sort_unstable();
        for chunk in ids.chunks(256) {
            for table in ValueTable::ALL {
                for (_, id) in chunk {
                    self.select(connection, table, "run_uuid = ?1", &[id], writer)?;
                }
            }
            if send(self.sink, writer.take()).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends the metrics that were read beside the heads; of runs that were sent whole, they are known.
    fn send_beside(
        &self,
        found: &[(Id, u32, f64)],
        keys: &[String],
        writer: &mut BatchWriter,
    ) -> Result<(), Gone> {
        let keys: Vec<_> = keys.iter().map(|key| writer.text(key)).collect();
        for block in found.chunks(STRETCH as usize) {
            for (id, key, value) in block {
                let number = match id {
                    Id::Hex(hex) => self.numbers.by_hex.get(hex),
                    Id::Other(id) => self.numbers.others.get(id),
                };
                if let Some(run) = number.copied().filter(|number| *number >= self.whole) {
                    writer.batch.metrics.push(MetricCell { run, key: keys[*key as usize], value: *value });
                }
            }
            send(self.sink, writer.take())?;
        }
        Ok(())
    }

    fn by_key(&self, connection: &Connection, writer: &mut BatchWriter) -> Inner<()> {
        for table in ValueTable::ALL {
            if let (ValueTable::Metrics, Some(found)) = (table, &self.beside) {
                let keys = table.keys(&self.scan.values).unwrap_or_default();
                if self.send_beside(found, keys, writer).is_err() {
                    return Ok(());
                }
                continue;
            }
            let keys = table.keys(&self.scan.values).unwrap_or_default();
            if is_worth_a_walk(connection, table, keys)? {
                if self.walk(connection, table, Some(keys), writer)?.is_err() {
                    return Ok(());
                }
                continue;
            }
            for key in keys {
                self.select(connection, table, "key = ?1", &[key], writer)?;
                if send(self.sink, writer.take()).is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads the cells of a table that a condition lets through. Only where one of them is too long to be read at all, they
    /// are looked at one by one before they are read: that takes longer.
    fn select(
        &self,
        connection: &Connection,
        table: ValueTable,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
        writer: &mut BatchWriter,
    ) -> Inner<()> {
        let name = table.name();
        let mut read = |columns: &str| {
            let sql = format!("SELECT {columns} FROM {name} WHERE {condition}");
            let mut statement = connection.db.prepare_cached(&sql)?;
            self.cells(statement.query(values)?, table, writer)
        };
        match read(table.columns()) {
            Err(ErrorKind::TooMuch(_)) if table != ValueTable::Metrics => {
                read(&format!("key, {}, run_uuid", bounded("value")))
            }
            result => result,
        }
    }

    /// Turns rows of `key, value, run_uuid, …` into cells. Rows of one run mostly follow each other.
    fn cells(&self, mut rows: rusqlite::Rows<'_>, table: ValueTable, writer: &mut BatchWriter) -> Inner<()> {
        let mut last_id = String::new();
        let mut last_number = None;
        while let Some(row) = rows.next()? {
            let id = text(row, 2);
            if *id != *last_id {
                last_id.clear();
                last_id.push_str(&id);
                last_number = self.numbers.get(&id).filter(|number| *number >= self.whole);
            }
            let Some(run) = last_number else { continue };
            let key = writer.text(&text(row, 0));
            match table {
                ValueTable::Metrics => {
                    let value = metric_value(row, 1, 3);
                    writer.batch.metrics.push(MetricCell { run, key, value });
                }
                ValueTable::Params | ValueTable::Tags => {
                    let value = writer.text(&limits::cut(&text(row, 1), WHOLE));
                    let cell = TextCell { run, key, value };
                    if table == ValueTable::Params {
                        &mut writer.batch.params
                    } else {
                        &mut writer.batch.tags
                    }
                    .push(cell);
                    // Whoever stopped listening is noticed with the next batch.
                    if writer.batch.text.len() > BATCH {
                        let _ = send(self.sink, writer.take());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether the rows of some keys are such a part of a table that reading all of it in its order is faster than looking
/// each of them up.
fn is_worth_a_walk(connection: &Connection, table: ValueTable, keys: &[String]) -> Inner<bool> {
    /// What looking a row up costs, in rows that are walked over.
    const LOOK_UP: i64 = 12;
    if keys.is_empty() || keys.len() > 64 {
        return Ok(false);
    }
    let name = table.name();
    let all: i64 =
        connection
            .db
            .query_row(&format!("SELECT coalesce(max(rowid), 0) FROM {name}"), [], |row| row.get(0))?;
    let enough = all / LOOK_UP + 1;
    let mut statement = connection
        .db
        .prepare_cached(&format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE key = ?1 LIMIT ?2)"))?;
    let mut wanted = 0;
    for key in keys {
        let found: i64 = statement.query_row(rusqlite::params![key, enough], |row| row.get(0))?;
        wanted += found;
        if wanted >= enough {
            return Ok(true);
        }
    }
    Ok(false)
}
