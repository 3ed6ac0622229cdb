//! What every database of MLflow's has in common: its tables, statements on them, and the store that is made of both. Knows no
//! driver: whoever has one carries a statement out ([`Link`]), and says where it is and how it is read fast ([`Place`]).
//!
//! Statements have `?1`, `?2`, … in the place of values, and say the same to every database; where that cannot be, the
//! [`Dialect`] has the words. The schema is probed ([`Layout`]), never altered.

pub mod address;
pub mod artifacts;
mod dialect;
pub mod histories;
mod importing;
mod imports;
mod inputs;
mod layout;
mod logged_models;
mod logging;
pub mod models;
mod numbers;
mod paging;
mod place;
mod pool;
pub mod reading;
mod registry;
mod roots;
pub mod search;
mod served;
mod store;
#[cfg(test)]
mod tests;
mod there;
mod writing;

use std::borrow::Cow;

use super::{ErrorKind, Inner};
use crate::mlflow::infinity::logged;

pub use dialect::{Dialect, NEWEST, insert_new, upsert};
pub use layout::Layout;
pub use numbers::{Numbers, head_hash};
pub use place::{Place, behind};
pub use pool::{ALIVE, FRESH, Lent, Pool, Pooled, within};
pub use roots::Home;
pub use served::{OnServer, Served, ServerAddress, Standing};
pub use store::SqlStore;

/// A value in the place of a placeholder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Bool(bool),
    Int(Option<i64>),
    Real(f64),
    Text(Option<&'a str>),
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

/// The values of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::sql::Value::from($value)),*]
    };
}
pub(crate) use values;

/// The cells of a row, read without trust: what a database holds is not always what its tables say.
pub trait Cells {
    /// A text; numbers as text, nothing as the empty text.
    fn text(&self, column: usize) -> Cow<'_, str>;
    fn is_null(&self, column: usize) -> bool;
    /// A whole number; 0 and 1 for a truth.
    fn int(&self, column: usize) -> Option<i64>;
    /// A number as it is stored; NaN where there is none.
    fn real(&self, column: usize) -> f64;

    fn string(&self, column: usize) -> String {
        self.text(column).into_owned()
    }

    fn optional_string(&self, column: usize) -> Option<String> {
        if self.is_null(column) { None } else { Some(self.string(column)) }
    }

    /// A number as it was logged.
    fn number(&self, column: usize) -> f64 {
        logged(self.real(column))
    }

    /// A metric's value: MLflow keeps NaN as 0 with `is_nan` set, and the infinities as the greatest numbers.
    fn metric_value(&self, value: usize, is_nan: usize) -> f64 {
        if self.int(is_nan) == Some(1) { f64::NAN } else { self.number(value) }
    }
}

/// A connection that carries statements out.
pub trait Link {
    fn dialect(&self) -> Dialect;
    fn layout(&self) -> &Layout;
    /// Behind the name of the table of metrics: the index by which one history is read.
    fn history_index(&self) -> String {
        String::new()
    }
    /// The workspace that is open.
    fn workspace(&self) -> &str;
    /// Carries out what changes rows, and returns how many.
    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Inner<u64>;
    /// Adds a row, and returns the number that it was given in a column.
    fn insert_numbered(&mut self, statement: &str, values: &[Value<'_>], column: &str) -> Inner<Option<i64>>
    where
        Self: Sized,
    {
        let statement = format!("{statement} RETURNING {column}");
        Ok(self.one(&statement, values, |row| row.int(0))?.flatten())
    }
    /// Hands on the rows of an answer.
    fn each(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&dyn Cells) -> Inner<()>,
    ) -> Inner<()>;

    /// What all rows come to.
    fn all<T>(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
        mut of: impl FnMut(&dyn Cells) -> T,
    ) -> Inner<Vec<T>>
    where
        Self: Sized,
    {
        let mut found = Vec::new();
        self.each(statement, values, &mut |row| {
            found.push(of(row));
            Ok(())
        })?;
        Ok(found)
    }

    /// What the first row comes to, if there is one.
    fn one<T>(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
        of: impl Fn(&dyn Cells) -> T,
    ) -> Inner<Option<T>>
    where
        Self: Sized,
    {
        let mut found = None;
        self.each(statement, values, &mut |row| {
            if found.is_none() {
                found = Some(of(row));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Texts as one value, which [`Dialect::among`] takes apart.
pub fn as_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.collect::<serde_json::Value>().to_string()
}

/// Rows of so many placeholders each: `(?1, ?2), (?3, ?4)`.
fn rows_of(count: usize, width: usize) -> String {
    let row = |row: usize| {
        let cells: Vec<String> = (1..=width).map(|cell| format!("?{}", row * width + cell)).collect();
        format!("({})", cells.join(", "))
    };
    (0..count).map(row).collect::<Vec<_>>().join(", ")
}

/// What a database lacks that MLflow makes in newer versions.
fn unsupported(table: &str) -> ErrorKind {
    ErrorKind::Unsupported(format!("table of {table}"))
}
