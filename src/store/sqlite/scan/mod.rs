//! All runs of an experiment, in columns: the newest whole and first, then everything table by table.
//!
//! Where the experiment holds most of the store, its values are read by walking the tables in stretches of
//! rowids, on two threads; otherwise run by run through the index. Either way no statement stays open for long.

mod cells;
mod early;
mod values;

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::Sender;

use super::Inner;
use super::connection::{Connection, Pool};
use super::cursor::{FileCursor, HeadHashes, marks};
use super::rows::{int, text};
use super::stretches::{Backwards, Stretches};
use crate::mlflow::{LifecycleStage, RunId, RunStatus};
use crate::store::batch::{BatchWriter, Head, NO_TIME, RunBatch};
use crate::store::sql::Numbers;
use crate::store::sql::head_hash;
use crate::store::sql::reading::{HEAD, find_run};
use crate::store::sql::search::stage_condition;
use crate::store::{ErrorKind, Scan, ScanValues};
use cells::{Id, ValueTable};
use early::Begun;
use values::{ValueScan, beside, is_worth_a_walk};

/// Bytes of text in one batch.
const BATCH: usize = 4 << 20;
/// Rows read by one statement: some milliseconds' worth.
const STRETCH: i64 = 16_384;

/// The columns of a head with nothing in place of the user and the artifact address.
const BARE_HEAD: &str =
    "run_uuid, experiment_id, name, '', status, start_time, end_time, lifecycle_stage, ''";

/// Whoever reads the batches may stop listening; then the scan ends early and quietly.
struct Gone;

/// What was read beside the heads.
enum Beside {
    Metrics(Vec<(Id, u32, f64)>),
    Params(Box<Begun>),
}

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
            numbers.insert(id.as_str(), numbers.len() as u32);
            writer.run(&run);
        }
        if writer.batch.text.len() > BATCH && send(sink, writer.take()).is_err() {
            return Ok(cursor);
        }
    }
    let whole = numbers.len() as u32;
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
    let is_early = scan.values == ScanValues::All && first.len() == scan.first;
    let second = if keys.is_empty() && !is_early { None } else { Some(pool.take()?) };
    let stop = AtomicBool::new(false);
    let (heads, beside) = std::thread::scope(|scope| {
        let beside = second.map(|second| {
            scope.spawn(|| {
                let found = if is_early {
                    let mut begun = Box::new(Begun::new(&second)?);
                    begun.read(&second, &stop).map(|()| Beside::Params(begun))
                } else {
                    beside(&second, keys).map(Beside::Metrics)
                };
                pool.give_back(second);
                found
            })
        });
        let heads = heads(&connection, scan, &mut writer, &mut numbers, sink);
        stop.store(true, Ordering::Relaxed);
        (heads, beside.map(std::thread::ScopedJoinHandle::join))
    });
    let Ok(heads) = heads? else { return Ok(cursor) };
    cursor.heads = heads;
    let broken = || ErrorKind::Io("the second reader stopped".into());
    let beside = beside.map(|read| read.unwrap_or_else(|_| Err(broken()))).transpose()?;
    let (beside, begun) = match beside {
        Some(Beside::Metrics(found)) => (Some(found), None),
        Some(Beside::Params(begun)) => (None, Some(*begun)),
        None => (None, None),
    };
    let total = numbers.len();
    if total as u32 > whole {
        let mut by_number = vec![0; total];
        for (id, number) in &numbers.by_hex {
            by_number[*number as usize] = *id;
        }
        let part = ValueScan { scan, numbers: &numbers, by_number, whole, sink, beside };
        part.values(pool, &mut connection, writer, begun)?;
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
    let stretches = Stretches::new(&connection.db, "runs", STRETCH)?;
    while let Some((from, to)) = stretches.next(&connection.db)? {
        let mut rows = statement.query(rusqlite::params![from, to, scan.experiment_id.as_key()])?;
        while let Some(row) = rows.next()? {
            let id = text(row, 0);
            let head = Head {
                run_id: 0,
                experiment_id: writer.text(&text(row, 1)),
                name: 0,
                user: 0,
                artifact_pattern: 0,
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
                artifact_pattern: if is_bare {
                    writer.text("")
                } else {
                    writer.artifact_pattern(&text(row, 8), &id)
                },
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
