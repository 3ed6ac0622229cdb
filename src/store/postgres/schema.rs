//! What the server is and which tables its database has.

use rustc_hash::FxHashSet;

use super::connection::Connection;
use crate::store::Inner;
use crate::store::sql::{Layout, Link, Standing, values};

/// What is known of a server and its database, as long as a connection lasts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    pub standing: Standing,
    /// Its version as a number: 180004.
    pub number: i64,
    /// Texts of params and tags are no longer than they are read.
    pub texts_are_short: bool,
    /// Another connection can be shown the database as one sees it.
    pub shares_snapshots: bool,
}

/// Looks at the tables that a statement without a schema's name finds.
pub fn probe(connection: &mut Connection) -> Inner<Server> {
    let tables: Vec<String> = Layout::TABLES.iter().map(|name| format!("'{name}'")).collect();
    let statement = format!(
        "SELECT c.relname::text, a.attname::text, CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
         AND NOT a.attisdropped WHERE pg_catalog.pg_table_is_visible(c.oid) AND c.relkind IN ('r', 'p', 'v', 'f') \
         AND c.relname IN ({})",
        tables.join(", ")
    );
    let mut known = FxHashSet::default();
    let mut lengths = Vec::new();
    connection.each(&statement, &[], &mut |row| {
        let (table, column) = (row.string(0), row.string(1));
        if column == "value" && (table == "params" || table == "tags") {
            lengths.push(row.int(2));
        }
        known.insert(format!("{table}.{column}"));
        known.insert(table);
        Ok(())
    })?;
    let name = format!("database {:?} at {}", connection.database.database(), connection.database.server());
    let mut layout = Layout::of(&name, |name| known.contains(name))?;
    // Who may only read some tables may not see this one.
    if known.contains("alembic_version") {
        let found = connection.one("SELECT version_num FROM alembic_version", &[], |row| row.string(0));
        layout.revision = found.ok().flatten();
    }
    let statement = "SELECT current_setting('server_version'), \
                     has_table_privilege('runs', 'INSERT') AND has_table_privilege('runs', 'UPDATE') \
                     AND has_table_privilege('metrics', 'INSERT'), \
                     current_setting('default_transaction_read_only') = 'on' OR pg_is_in_recovery(), \
                     current_setting('server_version_num')::int8, \
                     has_function_privilege(to_regprocedure('pg_catalog.pg_export_snapshot()')::oid, 'EXECUTE')";
    let server = connection.one(statement, values![], |row| Server {
        standing: Standing {
            version: format!("PostgreSQL {}", row.text(0).split(' ').next().unwrap_or_default()),
            layout: layout.clone(),
            may_write: row.int(1) == Some(1),
            is_read_only: row.int(2) == Some(1),
        },
        texts_are_short: lengths.len() == 2
            && lengths.iter().all(|most| most.is_some_and(|most| most <= 8_000)),
        number: row.int(3).unwrap_or(0),
        // A server that follows another may not let it be had.
        shares_snapshots: row.int(4) == Some(1) && row.int(2) != Some(1),
    })?;
    Ok(server.unwrap_or_default())
}
