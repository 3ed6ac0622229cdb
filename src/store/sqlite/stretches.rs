//! The rows of a table in stretches of rowids, so that no statement stays open for long. Gaps are stepped over: whoever
//! wrote the file may have given rows any number that there is.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection as Db;

use super::Inner;

/// From one rowid to another, both among them.
pub type Stretch = (i64, i64);

/// Stretches of a table from the first row to what is the last when they are begun, taken by one or by several connections.
#[derive(Debug)]
pub struct Stretches {
    table: &'static str,
    /// The least number that was not among any yet; none when there is no further.
    from: Mutex<Option<i64>>,
    last: i64,
    length: i64,
}

impl Stretches {
    pub fn new(db: &Db, table: &'static str, length: i64) -> Inner<Self> {
        let last: Option<i64> =
            db.query_row(&format!("SELECT max(rowid) FROM {table}"), [], |row| row.get(0))?;
        let from = Mutex::new(last.map(|_| i64::MIN));
        Ok(Self { table, from, last: last.unwrap_or(i64::MIN), length })
    }

    /// The next stretch that holds a row.
    pub fn next(&self, db: &Db) -> Inner<Option<Stretch>> {
        let mut next = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(from) = *next else { return Ok(None) };
        let mut statement =
            db.prepare_cached(&format!("SELECT min(rowid) FROM {} WHERE rowid >= ?1", self.table))?;
        let first: Option<i64> = statement.query_row([from], |row| row.get(0))?;
        let Some(first) = first.filter(|first| *first <= self.last) else {
            *next = None;
            return Ok(None);
        };
        let end = first.saturating_add(self.length - 1).min(self.last);
        *next = end.checked_add(1);
        Ok(Some((first, end)))
    }
}

/// Stretches from the last row backwards, each twice as long as the one before it, up to a length.
#[derive(Debug)]
pub struct Backwards<'a> {
    db: &'a Db,
    table: &'static str,
    to: Option<i64>,
    length: i64,
    most: i64,
}

impl<'a> Backwards<'a> {
    pub fn new(db: &'a Db, table: &'static str, length: i64, most: i64) -> Self {
        Self { db, table, to: Some(i64::MAX), length: length.clamp(1, most), most }
    }

    pub fn next(&mut self) -> Inner<Option<Stretch>> {
        let Some(to) = self.to else { return Ok(None) };
        let mut statement =
            self.db.prepare_cached(&format!("SELECT max(rowid) FROM {} WHERE rowid <= ?1", self.table))?;
        let last: Option<i64> = statement.query_row([to], |row| row.get(0))?;
        let Some(last) = last else {
            self.to = None;
            return Ok(None);
        };
        let start = last.saturating_sub(self.length - 1);
        self.to = start.checked_sub(1);
        self.length = self.length.saturating_mul(2).min(self.most);
        Ok(Some((start, last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [i64; 8] = [i64::MIN, -7, 0, 1, 2, 40_000, i64::MAX - 1, i64::MAX];

    fn table(rows: &[i64]) -> Db {
        let db = Db::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (x)").unwrap();
        for row in rows {
            db.execute("INSERT INTO t (rowid, x) VALUES (?1, 1)", [row]).unwrap();
        }
        db
    }

    fn among(rows: &[i64], (from, to): Stretch) -> Vec<i64> {
        rows.iter().copied().filter(|row| (from..=to).contains(row)).collect()
    }

    #[test]
    fn every_row_is_in_one_stretch_whatever_its_number() {
        for rows in [&HOSTILE[..], &HOSTILE[..1], &HOSTILE[7..], &HOSTILE[3..5], &[]] {
            let db = table(rows);
            let (mut found, mut count) = (Vec::new(), 0);
            let stretches = Stretches::new(&db, "t", 3).unwrap();
            while let Some(stretch) = stretches.next(&db).unwrap() {
                found.extend(among(rows, stretch));
                count += 1;
            }
            assert_eq!(found, rows);
            assert!(count <= rows.len());
            let (mut found, mut count) = (Vec::new(), 0);
            let mut backwards = Backwards::new(&db, "t", 1, 4);
            while let Some(stretch) = backwards.next().unwrap() {
                found.extend(among(rows, stretch).into_iter().rev());
                count += 1;
            }
            found.reverse();
            assert_eq!(found, rows);
            assert!(count <= rows.len());
        }
    }
}
