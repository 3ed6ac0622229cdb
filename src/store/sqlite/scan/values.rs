//! The values of runs that are numbered: table by table, run by run, or key by key.

use tokio::sync::mpsc::Sender;

use super::cells::{Id, Taker, ValueTable, select};
use super::early::Begun;
use super::{Gone, STRETCH, send};
use crate::store::batch::{BatchWriter, MetricCell, RunBatch};
use crate::store::sql::Numbers;
use crate::store::sqlite::Inner;
use crate::store::sqlite::connection::{Connection, Pool};
use crate::store::sqlite::rows::{metric_value, text};
use crate::store::sqlite::stretches::{Stretch, Stretches};
use crate::store::{ErrorKind, Scan, ScanValues};

/// The reading of values, after all runs are numbered.
pub struct ValueScan<'a> {
    pub scan: &'a Scan,
    pub numbers: &'a Numbers,
    /// The ids by their numbers; of those that are none of MLflow's, nothing.
    pub by_number: Vec<u128>,
    /// Runs with a lower number were sent whole.
    pub whole: u32,
    pub sink: &'a Sender<RunBatch>,
    /// The metrics, where they were read already: of which run, the place of the key, the value.
    pub beside: Option<Vec<(Id, u32, f64)>>,
}

/// The values of some metrics, in the order of the table.
pub fn beside(connection: &Connection, keys: &[String]) -> Inner<Vec<(Id, u32, f64)>> {
    // The unary plus keeps the index away.
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT key, value, run_uuid, is_nan FROM latest_metrics WHERE rowid BETWEEN ? AND ? AND +key IN ({})",
        vec!["?"; keys.len()].join(", ")
    ))?;
    let mut found = Vec::new();
    let stretches = Stretches::new(&connection.db, "latest_metrics", STRETCH)?;
    while let Some((from, to)) = stretches.next(&connection.db)? {
        let values = [&from as &dyn rusqlite::ToSql, &to].into_iter();
        let values = values.chain(keys.iter().map(|key| key as &dyn rusqlite::ToSql));
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            let (key, id) = (text(row, 0), text(row, 2));
            let Some(key) = keys.iter().position(|known| **known == *key) else { continue };
            found.push((Id::new(&id), key as u32, metric_value(row, 1, 3)));
        }
    }
    Ok(found)
}

/// Sends what it takes; runs mostly follow each other as their heads did.
struct Sending<'a> {
    of: &'a ValueScan<'a>,
    next: u32,
}

impl Taker for Sending<'_> {
    fn number(&mut self, id: &str) -> Option<u32> {
        let found = self.of.number(id, self.next);
        self.next = found.map_or(self.next, |number| number + 1);
        found.filter(|number| *number >= self.of.whole)
    }

    fn spill(&mut self, writer: &mut BatchWriter) -> bool {
        send(self.of.sink, writer.take()).is_ok()
    }
}

impl ValueScan<'_> {
    fn select(
        &self,
        connection: &Connection,
        table: ValueTable,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
        writer: &mut BatchWriter,
    ) -> Inner<()> {
        select(connection, table, condition, values, writer, &mut Sending { of: self, next: 0 })
    }

    /// Reads what there is, and goes on with the params where somebody began.
    pub fn values(
        &self,
        pool: &Pool,
        connection: &mut Connection,
        mut writer: BatchWriter,
        begun: Option<Begun>,
    ) -> Inner<()> {
        let count = self.numbers.len();
        let all: i64 = connection.db.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
        if self.scan.values != ScanValues::All {
            return self.by_key(connection, &mut writer);
        }
        if (count as i64) * 4 < all {
            return self.by_run(connection, &mut writer);
        }
        // Whoever is through with metrics or params takes what is left of tags.
        let [params, metrics, tags] = ValueTable::ALL;
        let rest = Stretches::new(&connection.db, tags.name(), STRETCH)?;
        let walk =
            |connection: &Connection, table, stretches: &Stretches, writer: &mut BatchWriter| match self
                .walk(connection, table, stretches, &[], writer)?
            {
                Ok(()) => self.walk(connection, tags, &rest, &[], writer),
                gone => Ok(gone),
            };
        let second = pool.take();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let connection = second?;
                let mut begun = begun.map_or_else(|| Begun::new(&connection), Ok)?;
                for batch in begun.batches(self.numbers, self.whole) {
                    if send(self.sink, batch).is_err() {
                        return Ok(Err(Gone));
                    }
                }
                if let Some(stretch) = begun.unread {
                    self.stretch(&connection, params, stretch, &[], &mut begun.writer)?;
                }
                let result = walk(&connection, params, &begun.stretches, &mut begun.writer);
                pool.give_back(connection);
                result
            });
            let stretches = Stretches::new(&connection.db, metrics.name(), STRETCH)?;
            let first = walk(connection, metrics, &stretches, &mut writer);
            let second =
                second.join().unwrap_or_else(|_| Err(ErrorKind::Io("the reader of params stopped".into())));
            first.and(second).map(drop)
        })
    }

    /// Walks a table in stretches of rowids; of all keys where none are named.
    fn walk(
        &self,
        connection: &Connection,
        table: ValueTable,
        stretches: &Stretches,
        keys: &[String],
        writer: &mut BatchWriter,
    ) -> Inner<Result<(), Gone>> {
        while let Some(stretch) = stretches.next(&connection.db)? {
            self.stretch(connection, table, stretch, keys, writer)?;
            if send(self.sink, writer.take()).is_err() {
                return Ok(Err(Gone));
            }
        }
        Ok(Ok(()))
    }

    fn stretch(
        &self,
        connection: &Connection,
        table: ValueTable,
        (from, to): Stretch,
        keys: &[String],
        writer: &mut BatchWriter,
    ) -> Inner<()> {
        // The unary plus keeps the index away.
        let among = match keys.len() {
            0 => String::new(),
            count => format!(" AND +key IN ({})", vec!["?"; count].join(", ")),
        };
        let condition = format!("rowid BETWEEN ? AND ?{among}");
        let values = [&from as &dyn rusqlite::ToSql, &to].into_iter();
        let values: Vec<_> = values.chain(keys.iter().map(|key| key as &dyn rusqlite::ToSql)).collect();
        self.select(connection, table, &condition, &values, writer)
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
                if let Some(run) = id.number(self.numbers).filter(|number| *number >= self.whole) {
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
                let stretches = Stretches::new(&connection.db, table.name(), STRETCH)?;
                if self.walk(connection, table, &stretches, keys, writer)?.is_err() {
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

    /// The number of a run, which is mostly the one that is expected.
    fn number(&self, id: &str, expected: u32) -> Option<u32> {
        let Some(hex) = Numbers::hex(id) else { return self.numbers.get(id) };
        if hex != 0 && self.by_number.get(expected as usize) == Some(&hex) {
            return Some(expected);
        }
        self.numbers.by_hex.get(&hex).copied()
    }
}

/// Whether the rows of some keys are such a part of a table that reading all of it in its order is faster than looking
/// each of them up.
pub fn is_worth_a_walk(connection: &Connection, table: ValueTable, keys: &[String]) -> Inner<bool> {
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
