//! A connection to the server, with what is known of the tables behind it.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql::consts::CapabilityFlags;
use mysql::prelude::Queryable;
use mysql::{ClientIdentity, Conn, DriverError, Error, OptsBuilder, Row, SslOpts};

use super::address::{MyDatabase, TlsUse};
use super::failure::{failure, is_conflict, is_lost, is_outdated, refuses_tls, unconnected};
use super::rows::bounded;
use super::schema::{self, Server};
use super::statement::{LIST, translated};
use crate::store::sql::{ALIVE, Cells, Dialect, FRESH, Layout, Link, Pooled, Value, within};
use crate::store::tunnel::{End, Tunnel};
use crate::store::{ErrorKind, Inner};

/// How long the server works on a statement before it gives up.
pub const STATEMENT_SECONDS: u64 = 60;
/// A scan takes as long as it takes, within reason.
pub const SCAN_SECONDS: u64 = 1_800;
/// How long an answer is waited for, should the server not give up by itself.
const ANSWER: Duration = Duration::from_secs(STATEMENT_SECONDS + 15);
/// How long connecting may take where nothing else is said.
const CONNECT: Duration = Duration::from_secs(10);

const MYSQL: Dialect = Dialect {
    bounded,
    among: |list| format!("{LIST}{list}"),
    insert_new,
    upsert,
    // One after the other, each in sight of those before: what decides changes last, and to what it is compared with.
    newest: "ON DUPLICATE KEY UPDATE \
        is_nan = if((values(step), values(timestamp), values(value)) > (step, timestamp, value), values(is_nan), is_nan), \
        value = if((values(step), values(timestamp), values(value)) > (step, timestamp, value), values(value), value), \
        timestamp = if((values(step), values(timestamp)) > (step, timestamp), values(timestamp), timestamp), \
        step = if(values(step) > step, values(step), step)",
    exactly: |column| format!("CAST({column} AS BINARY)"),
    for_update: " FOR UPDATE",
    folds_case: true,
    by_bytes: "",
    no_escape: " ESCAPE ''",
    runs_at_once: 200,
    sorts_groups: false,
    latest_experiment: "SELECT experiment_id FROM runs ORDER BY start_time DESC LIMIT 1",
    // 0 would stand for the next one.
    experiment_ids: (1, i32::MAX as i64),
    skip_experiment_ids: None,
    defer_references: None,
};

/// The table of `table (column, …)`, and its first column.
fn first_column(into: &str) -> (&str, &str) {
    let (table, columns) = into.split_once(" (").unwrap_or((into, ""));
    (table, columns.split([',', ')']).next().unwrap_or_default())
}

/// Adds rows, but for those that are there already. `INSERT IGNORE` would also cut what is too long.
fn insert_new(into: &str, rows: &str) -> String {
    let (table, column) = first_column(into);
    format!("INSERT INTO {into} {rows} ON DUPLICATE KEY UPDATE {column} = {table}.{column}")
}

/// A key that differs in upper and lower case alone is written anew, as MLflow has it.
fn upsert(into: &str, rows: &str, key: &str, column: &str) -> String {
    let own = if key.split(", ").any(|part| part == "key") { ", key = values(key)" } else { "" };
    format!("INSERT INTO {into} {rows} ON DUPLICATE KEY UPDATE {column} = values({column}){own}")
}

/// A connection.
pub struct Connection {
    db: Conn,
    pub(super) database: Arc<MyDatabase>,
    pub server: Arc<Server>,
    workspace: String,
    /// Others wrote the same since this was last looked at.
    conflict: bool,
    /// When it was used last.
    used: Instant,
    /// A statement failed since the last transaction began.
    failed: bool,
    lost: bool,
    /// Something that nobody wants is still on its way here, or the tables are not as they were.
    abandoned: bool,
}

/// How the server is asked for a connection, which the end of a tunnel leads to.
fn options(database: &MyDatabase, end: Option<&End>, tls: TlsUse) -> OptsBuilder {
    let connect = database.connect_timeout.unwrap_or(CONNECT);
    let options = OptsBuilder::new()
        .user(Some(database.user()))
        .pass(database.password())
        .db_name(Some(database.database()))
        .prefer_socket(false)
        .tcp_connect_timeout(Some(connect))
        .tcp_keepalive_time_ms(Some(30_000))
        .read_timeout(Some(ANSWER))
        .write_timeout(Some(ANSWER))
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS);
    let options = match (end, database.socket()) {
        (Some(End::Port(port)), _) => options.ip_or_hostname(Some("127.0.0.1")).tcp_port(*port),
        (Some(End::Socket(socket)), _) => return options.socket(Some(socket.to_string_lossy())),
        (None, Some(socket)) => return options.socket(Some(socket.to_string_lossy())),
        (None, None) => {
            let (host, port) = database.place();
            options.ip_or_hostname(Some(host)).tcp_port(port)
        }
    };
    let identity = database.certificate.clone().map(|certificate| {
        let key = database.key.clone().unwrap_or_else(|| certificate.clone());
        ClientIdentity::new(certificate, key)
    });
    let encrypted = SslOpts::default().with_client_identity(identity);
    options.ssl_opts(match tls {
        TlsUse::Disabled => None,
        TlsUse::Preferred | TlsUse::Required => Some(encrypted.with_danger_accept_invalid_certs(true)),
        TlsUse::Verified => Some(encrypted.with_root_cert_path(database.authority.clone())),
    })
}

/// Connects; without encryption where that was only preferred and does not come about.
fn connect(database: &MyDatabase) -> Inner<Conn> {
    let tls = database.tls_use();
    if tls != TlsUse::Disabled {
        let files = [
            ("ssl_ca", &database.authority),
            ("ssl_cert", &database.certificate),
            ("ssl_key", &database.key),
        ];
        for (name, path) in files.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?))) {
            std::fs::File::open(path)
                .map_err(|error| ErrorKind::Tls(format!("cannot read {name} {}: {error}", path.display())))?;
        }
    }
    // The driver limits the time to reach the server, not that of its first words.
    let limit = database.connect_timeout.unwrap_or(CONNECT).saturating_mul(2);
    let ends = database.tunnel.as_ref().map(Tunnel::wait).transpose()?;
    let end = ends.as_ref().and_then(|ends| ends.targets.first());
    let open = |tls| {
        let options = options(database, end, tls);
        within(limit, move || Conn::new(options)).unwrap_or(Err(Error::DriverError(DriverError::Timeout)))
    };
    let connected = match open(tls) {
        Err(error) if tls == TlsUse::Preferred && refuses_tls(&error) => open(TlsUse::Disabled),
        connected => connected,
    };
    connected.map_err(|error| unconnected(&error, database))
}

impl Connection {
    /// Asks, and notes what a failure means for the connection.
    fn ask<T>(&mut self, work: impl FnOnce(&mut Conn) -> Result<T, Error>) -> Inner<T> {
        let begin = Instant::now();
        let answer = work(&mut self.db);
        self.used = Instant::now();
        answer.map_err(|error| self.failed(&error, begin.elapsed()))
    }

    fn failed(&mut self, error: &Error, took: Duration) -> ErrorKind {
        self.failed = true;
        self.conflict |= is_conflict(error);
        self.lost |= is_lost(error);
        self.abandoned |= is_outdated(error);
        failure(error, &self.database, took)
    }

    /// The rows of an answer as they are. Whoever stops early leaves the rest on its way: nobody waits for it.
    pub fn rows(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
        mut take: impl FnMut(&Row) -> Inner<bool>,
    ) -> Inner<bool> {
        let (statement, values) = translated(statement, values);
        let begin = Instant::now();
        // Where an answer is dropped, all of it is read.
        let mut answer = match self.db.exec_iter(statement, values).map(ManuallyDrop::new) {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(&error, begin.elapsed())),
        };
        let end = loop {
            match answer.next() {
                None => break Ok(None),
                Some(Err(error)) => break Err(error),
                Some(Ok(row)) => match take(&row) {
                    Ok(true) => {}
                    stop => break Ok(Some(stop)),
                },
            }
        };
        match end {
            Ok(Some(stop)) => {
                self.abandoned = true;
                stop
            }
            Ok(None) => {
                drop(ManuallyDrop::into_inner(answer));
                self.used = Instant::now();
                Ok(true)
            }
            Err(error) => {
                drop(ManuallyDrop::into_inner(answer));
                Err(self.failed(&error, begin.elapsed()))
            }
        }
    }

    /// Does something within one transaction that sees the database at one time, and changes nothing; so many seconds are allowed
    /// for a statement.
    pub fn at_one_time<T>(&mut self, seconds: u64, work: impl FnOnce(&mut Self) -> Inner<T>) -> Inner<T> {
        self.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        self.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
        let limit = self.server.limit(seconds);
        let result = if seconds == STATEMENT_SECONDS { Ok(()) } else { self.run(&limit) };
        let result = result.and_then(|()| work(self));
        self.roll_back();
        if seconds != STATEMENT_SECONDS && !self.is_spent() {
            let usual = self.server.limit(STATEMENT_SECONDS);
            // Nobody gets a connection that works on without an end.
            self.abandoned |= self.run(&usual).is_err();
        }
        result
    }
}

impl Pooled for Connection {
    type Address = MyDatabase;

    fn open(database: &Arc<MyDatabase>, workspace: &str) -> Inner<Self> {
        let mut opened = Self {
            db: connect(database)?,
            database: Arc::clone(database),
            server: Arc::new(Server::default()),
            workspace: workspace.to_owned(),
            conflict: false,
            used: Instant::now(),
            failed: false,
            lost: false,
            abandoned: false,
        };
        for statement in [
            // Some servers take the letters of a client for others than it said, and times for those of their own zone.
            "SET NAMES utf8mb4",
            "SET SESSION time_zone = '+00:00'",
            "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
            "SET SESSION autocommit = 1, innodb_lock_wait_timeout = 20, net_write_timeout = 600",
        ] {
            opened.run(statement)?;
        }
        // A server that logs statements and not rows takes no writes at a lower level than its own.
        let logs = "SELECT @@global.log_bin = 1 AND @@session.binlog_format = 'STATEMENT'";
        if opened.one(logs, &[], |row| row.int(0))?.flatten() != Some(1) {
            opened.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
        }
        opened.server = Arc::new(schema::probe(&mut opened)?);
        opened.run(&opened.server.limit(STATEMENT_SECONDS))?;
        // Only MySQL has it, and tells when tables were written no more than once a day without it.
        let _ = opened.db.query_drop("SET SESSION information_schema_stats_expiry = 0");
        opened.failed = false;
        Ok(opened)
    }

    fn checked(mut self) -> Option<Self> {
        if self.lost || self.used.elapsed() < FRESH {
            return (!self.lost).then_some(self);
        }
        let limit = self.database.connect_timeout.unwrap_or(ALIVE).min(ALIVE);
        within(limit, move || {
            self.lost |= self.db.ping().is_err();
            (!self.lost).then_some(self)
        })?
    }

    fn is_spent(&self) -> bool {
        self.abandoned || self.lost
    }

    fn is_lost(&self) -> bool {
        self.lost
    }

    fn met_others(&mut self) -> bool {
        std::mem::take(&mut self.conflict)
    }

    fn has_failed(&self) -> bool {
        self.failed
    }

    fn run(&mut self, statement: &str) -> Inner<()> {
        self.failed &= statement != "BEGIN";
        self.ask(|db| db.query_drop(statement))
    }

    fn lose(&mut self) {
        self.lost = true;
    }
}

impl Link for Connection {
    fn dialect(&self) -> Dialect {
        Dialect { folds_case: self.server.folds_case, ..MYSQL }
    }

    fn layout(&self) -> &Layout {
        &self.server.standing.layout
    }

    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Inner<u64> {
        let (statement, values) = translated(statement, values);
        self.ask(|db| {
            db.exec_drop(statement, values)?;
            Ok(db.affected_rows())
        })
    }

    fn insert_numbered(&mut self, statement: &str, values: &[Value<'_>], _: &str) -> Inner<Option<i64>> {
        let (statement, values) = translated(statement, values);
        self.ask(|db| {
            db.exec_drop(statement, values)?;
            Ok(i64::try_from(db.last_insert_id()).ok().filter(|number| *number > 0))
        })
    }

    fn each(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&dyn Cells) -> Inner<()>,
    ) -> Inner<()> {
        self.rows(statement, values, |row| take(row).map(|()| true)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_there_are_left_or_changed() {
        assert_eq!(
            insert_new("inputs (input_uuid, step)", "VALUES (?1, ?2)"),
            "INSERT INTO inputs (input_uuid, step) VALUES (?1, ?2) ON DUPLICATE KEY UPDATE input_uuid = inputs.input_uuid"
        );
        assert_eq!(
            upsert("tags (key, value, run_uuid)", "VALUES (?1, ?2, ?3)", "key, run_uuid", "value"),
            "INSERT INTO tags (key, value, run_uuid) VALUES (?1, ?2, ?3) \
             ON DUPLICATE KEY UPDATE value = values(value), key = values(key)"
        );
        assert!(upsert("a (tag_key)", "", "model_id, tag_key", "b").ends_with("b = values(b)"));
    }
}
