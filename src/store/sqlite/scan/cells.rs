//! The values of runs, from rows into cells.

use super::BATCH;
use crate::mlflow::limits;
use crate::store::batch::{BatchWriter, KeyOrder, MetricCell, TextCell};
use crate::store::sql::Numbers;
use crate::store::sqlite::Inner;
use crate::store::sqlite::connection::Connection;
use crate::store::sqlite::rows::{WHOLE, bounded, metric_value, text};
use crate::store::{ErrorKind, ScanValues};

/// Which of the value tables to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueTable {
    Metrics,
    Params,
    Tags,
}

impl ValueTable {
    pub const ALL: [Self; 3] = [Self::Params, Self::Metrics, Self::Tags];

    pub fn name(self) -> &'static str {
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

    pub fn keys(self, values: &ScanValues) -> Option<&[String]> {
        match (values, self) {
            (ScanValues::All, _) => None,
            (ScanValues::Only { metrics, .. }, Self::Metrics) => Some(metrics),
            (ScanValues::Only { params, .. }, Self::Params) => Some(params),
            (ScanValues::Only { tags, .. }, Self::Tags) => Some(tags),
        }
    }
}

/// A run's id as it takes the least room.
pub enum Id {
    Hex(u128),
    Other(String),
}

impl Id {
    pub fn new(id: &str) -> Self {
        Numbers::hex(id).map_or_else(|| Self::Other(id.to_owned()), Self::Hex)
    }

    pub fn number(&self, numbers: &Numbers) -> Option<u32> {
        match self {
            Self::Hex(hex) => numbers.by_hex.get(hex).copied(),
            Self::Other(id) => numbers.others.get(id).copied(),
        }
    }
}

/// Who takes values, and knows their runs.
pub trait Taker {
    /// The number of a run, asked for once for all rows of it that follow each other; none if they are not wanted.
    fn number(&mut self, id: &str) -> Option<u32>;
    /// The batch holds much text; false ends the reading.
    fn spill(&mut self, writer: &mut BatchWriter) -> bool;
}

/// Reads the cells of a table that a condition lets through. Only where one of them is too long to be read at all, they
/// are looked at one by one before they are read: that takes longer.
pub fn select(
    connection: &Connection,
    table: ValueTable,
    condition: &str,
    values: &[&dyn rusqlite::ToSql],
    writer: &mut BatchWriter,
    taker: &mut impl Taker,
) -> Inner<()> {
    let name = table.name();
    let mut read = |columns: &str| {
        let sql = format!("SELECT {columns} FROM {name} WHERE {condition}");
        let mut statement = connection.db.prepare_cached(&sql)?;
        cells(statement.query(values)?, table, writer, taker)
    };
    match read(table.columns()) {
        Err(ErrorKind::TooMuch(_)) if table != ValueTable::Metrics => {
            read(&format!("key, {}, run_uuid", bounded("value")))
        }
        result => result,
    }
}

/// Turns rows of `key, value, run_uuid, …` into cells. Rows of one run mostly follow each other.
fn cells(
    mut rows: rusqlite::Rows<'_>,
    table: ValueTable,
    writer: &mut BatchWriter,
    taker: &mut impl Taker,
) -> Inner<()> {
    let mut last_id = String::new();
    let mut number = None;
    let mut order = KeyOrder::default();
    while let Some(row) = rows.next()? {
        let id = text(row, 2);
        if *id != *last_id {
            last_id.clear();
            last_id.push_str(&id);
            number = taker.number(&id);
        }
        let Some(run) = number else { continue };
        let key = writer.key(&text(row, 0), run, &mut order);
        match table {
            ValueTable::Metrics => {
                let value = metric_value(row, 1, 3);
                writer.batch.metrics.push(MetricCell { run, key, value });
            }
            ValueTable::Params | ValueTable::Tags => {
                let value = writer.value(&limits::cut(&text(row, 1), WHOLE), &mut order);
                let cell = TextCell { run, key, value };
                if table == ValueTable::Params { &mut writer.batch.params } else { &mut writer.batch.tags }
                    .push(cell);
                if writer.batch.text.len() > BATCH && !taker.spill(writer) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
