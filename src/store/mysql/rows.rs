//! The cells of a server's answers.

use std::borrow::Cow;

use mysql::{Row, Value};

use crate::mlflow::limits::{CUT, TAG_VALUE_CHARS};
use crate::store::sql::Cells;

/// Bytes of a text that is read as it is: the longest that MLflow keeps in a tag has no more.
const WHOLE: usize = TAG_VALUE_CHARS * 4;

/// A column as SQL, cut where it is too long to be read, with [`CUT`] behind what there is: too long to be written back.
pub fn bounded(column: &str) -> String {
    format!(
        "CASE WHEN octet_length({column}) <= {WHOLE} THEN {column} \
         ELSE concat(left({column}, {TAG_VALUE_CHARS}), '{CUT}') END"
    )
}

impl Cells for Row {
    fn text(&self, column: usize) -> Cow<'_, str> {
        match self.as_ref(column) {
            Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes),
            Some(Value::Int(int)) => Cow::Owned(int.to_string()),
            Some(Value::UInt(int)) => Cow::Owned(int.to_string()),
            Some(Value::Float(real)) => Cow::Owned(real.to_string()),
            Some(Value::Double(real)) => Cow::Owned(real.to_string()),
            Some(Value::NULL | Value::Date(..) | Value::Time(..)) | None => Cow::Borrowed(""),
        }
    }

    fn is_null(&self, column: usize) -> bool {
        matches!(self.as_ref(column), Some(Value::NULL) | None)
    }

    fn int(&self, column: usize) -> Option<i64> {
        match self.as_ref(column)? {
            Value::Int(int) => Some(*int),
            Value::UInt(int) => i64::try_from(*int).ok(),
            Value::Float(real) => Some(*real as i64),
            Value::Double(real) => Some(*real as i64),
            // Sums come as text.
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
            Value::NULL | Value::Date(..) | Value::Time(..) => None,
        }
    }

    fn real(&self, column: usize) -> f64 {
        match self.as_ref(column) {
            Some(Value::Int(int)) => *int as f64,
            Some(Value::UInt(int)) => *int as f64,
            Some(Value::Float(real)) => (*real).into(),
            Some(Value::Double(real)) => *real,
            Some(Value::Bytes(bytes)) => {
                std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
            }
            Some(Value::NULL | Value::Date(..) | Value::Time(..)) | None => f64::NAN,
        }
    }
}
