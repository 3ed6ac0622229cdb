//! Values on their way to the server, and the cells of its answers.

use std::borrow::Cow;
use std::error::Error;

use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::mlflow::limits::{CUT, TAG_VALUE_CHARS};
use crate::store::sql::{Cells, Value};

/// Bytes of a text that is read as it is: the longest that MLflow keeps in a tag has no more.
const WHOLE: usize = TAG_VALUE_CHARS * 4;

/// A column as SQL, cut where it is too long to be read, with [`CUT`] behind what there is: too long to be written back.
pub fn bounded(column: &str) -> String {
    format!(
        "CASE WHEN octet_length({column}) <= {WHOLE} THEN {column} ELSE left({column}, {TAG_VALUE_CHARS}) || '{CUT}' END"
    )
}

/// The type that a value is sent as; the server makes the column's own of it.
pub fn type_of(value: &Value<'_>) -> Type {
    match value {
        Value::Bool(_) => Type::BOOL,
        Value::Int(_) => Type::INT8,
        Value::Real(_) => Type::FLOAT8,
        Value::Text(_) => Type::TEXT,
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Bool(value) => value.to_sql(kind, out),
            Self::Int(value) => value.to_sql(kind, out),
            Self::Real(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A cell of any type.
enum Cell<'a> {
    Int(i64),
    Real(f64),
    Bytes(&'a [u8]),
}

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *kind {
            Type::BOOL => Self::Int(bool::from_sql(kind, raw)?.into()),
            Type::INT2 => Self::Int(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Self::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Self::Int(i64::from_sql(kind, raw)?),
            Type::OID => Self::Int(u32::from_sql(kind, raw)?.into()),
            Type::FLOAT4 => Self::Real(f32::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => Self::Real(f64::from_sql(kind, raw)?),
            _ => Self::Bytes(raw),
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row of an answer.
pub struct RowCells<'a>(pub &'a Row);

impl RowCells<'_> {
    fn cell(&self, column: usize) -> Option<Cell<'_>> {
        self.0.try_get::<_, Option<Cell<'_>>>(column).ok().flatten()
    }
}

impl Cells for RowCells<'_> {
    fn text(&self, column: usize) -> Cow<'_, str> {
        match self.cell(column) {
            None => Cow::Borrowed(""),
            Some(Cell::Int(int)) => Cow::Owned(int.to_string()),
            Some(Cell::Real(real)) => Cow::Owned(real.to_string()),
            Some(Cell::Bytes(bytes)) => String::from_utf8_lossy(bytes),
        }
    }

    fn is_null(&self, column: usize) -> bool {
        self.cell(column).is_none()
    }

    fn int(&self, column: usize) -> Option<i64> {
        match self.cell(column)? {
            Cell::Int(int) => Some(int),
            Cell::Real(real) => Some(real as i64),
            Cell::Bytes(_) => None,
        }
    }

    fn real(&self, column: usize) -> f64 {
        match self.cell(column) {
            Some(Cell::Int(int)) => int as f64,
            Some(Cell::Real(real)) => real,
            Some(Cell::Bytes(_)) | None => f64::NAN,
        }
    }
}
