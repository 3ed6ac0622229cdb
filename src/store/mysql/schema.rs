//! What the server is and which tables its database has.

use rustc_hash::FxHashSet;

use super::connection::Connection;
use crate::store::Inner;
use crate::store::sql::{Layout, Link, Standing};

/// What is known of a server and its database, as long as a connection lasts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// `MariaDB 10.11.19`, `MySQL 8.4.3`
    pub standing: Standing,
    pub is_mariadb: bool,
    /// Texts of params and tags are no longer than they are read.
    pub texts_are_short: bool,
    /// Keys that differ in upper and lower case alone are one.
    pub folds_case: bool,
}

impl Server {
    /// Limits the time that the server works on a statement.
    pub fn limit(&self, seconds: u64) -> String {
        if self.is_mariadb {
            format!("SET SESSION max_statement_time = {seconds}")
        } else {
            format!("SET SESSION max_execution_time = {}", seconds * 1_000)
        }
    }
}

/// Looks at the tables of the database.
pub fn probe(connection: &mut Connection) -> Inner<Server> {
    let tables: Vec<String> = Layout::TABLES.iter().map(|name| format!("'{name}'")).collect();
    let statement = format!(
        "SELECT table_name, column_name, character_maximum_length, collation_name FROM information_schema.columns \
         WHERE table_schema = database() AND table_name IN ({})",
        tables.join(", ")
    );
    let mut known = FxHashSet::default();
    let mut lengths = Vec::new();
    let mut folds_case = true;
    connection.each(&statement, &[], &mut |row| {
        let (table, column) = (row.text(0).to_lowercase(), row.string(1));
        if column == "value" && (table == "params" || table == "tags") {
            lengths.push(row.int(2));
        }
        if column == "key" && table == "params" {
            let collation = row.text(3).to_lowercase();
            folds_case = !(collation.ends_with("_bin") || collation.contains("_cs"));
        }
        known.insert(format!("{table}.{column}"));
        known.insert(table);
        Ok(())
    })?;
    let name = format!("database {:?} at {}", connection.database.database(), connection.database.server());
    let mut layout = Layout::of(&name, |name| known.contains(name))?;
    if known.contains("alembic_version") {
        let found = connection.one("SELECT version_num FROM alembic_version", &[], |row| row.string(0));
        layout.revision = found.ok().flatten();
    }
    // What cannot be asked is found out when it is written.
    let may_write = connection.all("SHOW GRANTS", &[], |row| allows_writing(&row.text(0)));
    let may_write = may_write.map_or(true, |grants| grants.into_iter().any(|allows| allows));
    let server = connection.one("SELECT version(), @@global.read_only", &[], |row| {
        let version = row.string(0);
        let is_mariadb = version.contains("MariaDB");
        let kind = if is_mariadb { "MariaDB" } else { "MySQL" };
        let number = version.split('-').next().unwrap_or_default();
        Server {
            standing: Standing {
                version: format!("{kind} {number}"),
                layout: layout.clone(),
                may_write,
                is_read_only: !matches!(&*row.text(1), "0" | "OFF" | ""),
            },
            is_mariadb,
            texts_are_short: lengths.len() == 2
                && lengths.iter().all(|most| most.is_some_and(|most| most <= 8_000)),
            folds_case,
        }
    })?;
    Ok(server.unwrap_or_default())
}

/// Whether what a user is granted allows to write; a role may.
fn allows_writing(grant: &str) -> bool {
    let Some((rights, _)) = grant.split_once(" ON ") else { return true };
    rights.contains("ALL PRIVILEGES") || (rights.contains("INSERT") && rights.contains("UPDATE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_may_do_is_read_from_grants() {
        for (grant, allows) in [
            ("GRANT USAGE ON *.* TO `a`@`%`", false),
            ("GRANT SELECT ON `ml`.* TO `a`@`%`", false),
            ("GRANT SELECT, INSERT, UPDATE, DELETE ON `ml`.* TO `a`@`%`", true),
            ("GRANT ALL PRIVILEGES ON *.* TO `a`@`%`", true),
            ("GRANT `writers` TO `a`@`%`", true),
        ] {
            assert_eq!(allows_writing(grant), allows, "{grant}");
        }
    }
}
