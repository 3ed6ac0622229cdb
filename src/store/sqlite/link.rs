//! Statements that any database understands, carried out here.

use std::borrow::Cow;

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, params_from_iter};

use super::Inner;
use super::connection::Connection;
use super::rows::{self, bounded};
use crate::store::sql::{Cells, Dialect, Layout, Link, NEWEST, Value, insert_new, upsert};

const SQLITE: Dialect = Dialect {
    bounded,
    among: |list| format!("(SELECT value FROM json_each({list}))"),
    insert_new,
    upsert,
    newest: NEWEST,
    exactly: str::to_owned,
    // One who writes is alone.
    for_update: "",
    folds_case: false,
    by_bytes: "",
    no_escape: "",
    runs_at_once: 1,
    sorts_groups: true,
    latest_experiment: "SELECT experiment_id FROM runs WHERE rowid = (SELECT max(rowid) FROM runs)",
    experiment_ids: (0, i64::MAX),
    skip_experiment_ids: None,
    defer_references: Some("PRAGMA defer_foreign_keys = ON"),
};

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Bool(bool) => ValueRef::Integer((*bool).into()),
            Self::Int(Some(int)) => ValueRef::Integer(*int),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Int(None) | Self::Text(None) => ValueRef::Null,
        }))
    }
}

impl Cells for Row<'_> {
    fn text(&self, column: usize) -> Cow<'_, str> {
        rows::text(self, column)
    }

    fn is_null(&self, column: usize) -> bool {
        matches!(self.get_ref(column), Ok(ValueRef::Null) | Err(_))
    }

    fn int(&self, column: usize) -> Option<i64> {
        rows::int(self, column)
    }

    fn real(&self, column: usize) -> f64 {
        rows::real(self, column)
    }
}

impl Link for Connection {
    fn dialect(&self) -> Dialect {
        SQLITE
    }

    fn layout(&self) -> &Layout {
        &self.schema.layout
    }

    fn history_index(&self) -> String {
        self.schema.history_index.map_or(String::new(), |index| format!("INDEXED BY {index}"))
    }

    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Inner<u64> {
        let changed = self.db.prepare_cached(statement)?.execute(params_from_iter(values))?;
        Ok(changed as u64)
    }

    fn each(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&dyn Cells) -> Inner<()>,
    ) -> Inner<()> {
        let mut statement = self.db.prepare_cached(statement)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    }
}
