//! Cells of result rows, read without trust: SQLite lets any column hold any type.

use std::borrow::Cow;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::mlflow::infinity::logged;
use crate::mlflow::limits::{CUT, TAG_VALUE_CHARS};

/// Bytes of a text that is read as it is: the longest that MLflow keeps in a tag has no more.
pub const WHOLE: usize = TAG_VALUE_CHARS * 4;
/// Of a text with more bytes than this, not even the beginning is read: SQLite fetches all of it for that.
const BEGUN: usize = 16 << 20;

/// A column as SQL, cut where it is too long to be read, with [`CUT`] behind what there is: too long to be written back.
pub fn bounded(column: &str) -> String {
    format!(
        "CASE WHEN octet_length({column}) <= {WHOLE} THEN {column} \
         WHEN octet_length({column}) <= {BEGUN} THEN substr({column}, 1, {TAG_VALUE_CHARS}) || '{CUT}' \
         WHEN {column} IS NULL THEN NULL ELSE '{CUT}' END"
    )
}

/// A text; numbers as text, nothing as the empty text, bytes as far as they are UTF-8.
pub fn text<'a>(row: &'a Row<'_>, column: usize) -> Cow<'a, str> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(bytes),
        },
        Ok(ValueRef::Integer(int)) => Cow::Owned(int.to_string()),
        Ok(ValueRef::Real(real)) => Cow::Owned(real.to_string()),
        _ => Cow::Borrowed(""),
    }
}

pub fn int(row: &Row<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(int)) => Some(int),
        Ok(ValueRef::Real(real)) => Some(real as i64),
        _ => None,
    }
}

/// A metric's value: MLflow keeps NaN as 0 with `is_nan` set, and the infinities as the greatest numbers.
pub fn metric_value(row: &Row<'_>, value: usize, is_nan: usize) -> f64 {
    if int(row, is_nan) == Some(1) {
        return f64::NAN;
    }
    number(row, value)
}

/// A number as it was logged; NaN where there is none.
fn number(row: &Row<'_>, column: usize) -> f64 {
    logged(real(row, column))
}

/// A number as it is stored; NaN where there is none.
pub fn real(row: &Row<'_>, column: usize) -> f64 {
    match row.get_ref(column) {
        Ok(ValueRef::Real(real)) => real,
        Ok(ValueRef::Integer(int)) => int as f64,
        _ => f64::NAN,
    }
}
