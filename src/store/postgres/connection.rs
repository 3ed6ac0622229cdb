//! A connection to the server, with what is known of the tables behind it. Whoever asks waits on the thread that asks.

use std::net::Ipv4Addr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error, Socket};

use super::address::PgDatabase;
use super::failure::{
    failure, is_conflict, is_lost, is_outdated, lost, refuses_options, refuses_tls, takes_no_writes,
    unconnected,
};
use super::rows::{RowCells, bounded, type_of};
use super::schema::{self, Server};
use super::tls::{Stream, Tls};
use super::tls_mode::TlsMode;
use crate::store::sql::{
    ALIVE, Cells, Dialect, FRESH, Layout, Link, NEWEST, Pooled, Value, insert_new, upsert,
};
use crate::store::tunnel::End;
use crate::store::{ErrorKind, Inner};

/// How long the server works on a statement before it gives up.
pub const STATEMENT_SECONDS: u64 = 60;
/// How long an answer is waited for, should the server not give up by itself.
const ANSWER: Duration = Duration::from_secs(STATEMENT_SECONDS + 15);
/// How long connecting may take where nothing else is said.
const CONNECT: Duration = Duration::from_secs(10);
/// How long leave is taken.
const LEAVE: Duration = Duration::from_secs(1);
/// Begins a transaction that sees the database at one time, and changes nothing.
pub const READ_ONLY: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

const POSTGRES: Dialect = Dialect {
    bounded,
    among: |list| format!("(SELECT json_array_elements_text({list}::json))"),
    insert_new,
    upsert,
    newest: NEWEST,
    exactly: str::to_owned,
    for_update: " FOR UPDATE",
    folds_case: false,
    by_bytes: " COLLATE \"C\"",
    no_escape: " ESCAPE ''",
    runs_at_once: 200,
    sorts_groups: false,
    latest_experiment: "SELECT experiment_id FROM runs ORDER BY start_time DESC NULLS LAST LIMIT 1",
    experiment_ids: (0, i32::MAX as i64),
    // Never back: somebody may just have been given the next one.
    skip_experiment_ids: Some(
        "SELECT setval(s, greatest(nextval(s), (SELECT max(experiment_id) FROM experiments))) \
         FROM (SELECT pg_get_serial_sequence('experiments', 'experiment_id')::regclass AS s) q WHERE s IS NOT NULL",
    ),
    defer_references: None,
};

/// What carries a connection. Nobody waits for it, wherever it is dropped.
struct Reactor(Option<Runtime>);

impl Reactor {
    fn new() -> Inner<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| Self(Some(runtime))).map_err(|error| ErrorKind::Io(error.to_string()))
    }

    #[expect(clippy::expect_used, reason = "it is taken only when this is dropped")]
    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("a reactor that runs")
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The way to the server.
struct Wire {
    client: Client,
    /// Sends and receives.
    task: JoinHandle<()>,
    reactor: Reactor,
}

impl Wire {
    /// Takes leave of the server.
    fn end(self) {
        let Self { client, task, reactor } = self;
        drop(client);
        // Whoever drops a connection may be one who must not wait.
        let leave = move || {
            let _ = reactor.runtime().block_on(async { tokio::time::timeout(LEAVE, task).await });
        };
        let _ = std::thread::Builder::new().name("leaving".into()).spawn(leave);
    }
}

/// A connection.
pub struct Connection {
    /// None once it is dropped.
    wire: Option<Wire>,
    pub(super) database: Arc<PgDatabase>,
    pub server: Arc<Server>,
    workspace: String,
    /// When it was used last.
    used: Instant,
    /// Others wrote the same since this was last looked at.
    conflict: bool,
    /// A statement failed since the last transaction began.
    failed: bool,
    lost: bool,
    /// Something that nobody wants is still on its way here, or the tables are not as they were.
    abandoned: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let is_spent = self.is_spent();
        if let Some(wire) = self.wire.take()
            && !is_spent
        {
            wire.end();
        }
    }
}

/// How the server is asked for a connection, which `ends` of a tunnel lead to.
fn configuration(database: &PgDatabase, ends: &[End], with_options: bool, mode: TlsMode) -> Config {
    let mut config = Config::new();
    for (at, (host, port)) in database.places().into_iter().enumerate() {
        match ends.get(at) {
            None => match database.addresses.get(at) {
                Some(address) => config.host(&host).hostaddr(*address).port(port),
                None => config.host(&host).port(port),
            },
            // The name is that of its certificate all the same.
            Some(End::Port(end)) => config.host(&host).hostaddr(Ipv4Addr::LOCALHOST.into()).port(*end),
            Some(End::Socket(path)) => {
                config.host(path.parent().unwrap_or(Path::new("/")).to_string_lossy()).port(port)
            }
        };
    }
    config.user(database.user()).dbname(database.database());
    if let Some(password) = database.password() {
        config.password(password);
    }
    config.application_name(database.application_name.as_deref().unwrap_or("mltui"));
    config.connect_timeout(database.connect_timeout.unwrap_or(CONNECT));
    config.keepalives_idle(Duration::from_secs(30)).keepalives_interval(Duration::from_secs(10));
    config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(60));
    config.ssl_mode(match mode {
        TlsMode::Disable => SslMode::Disable,
        TlsMode::Prefer => SslMode::Prefer,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
    });
    if database.wants_writable == Some(true) {
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    let milliseconds = STATEMENT_SECONDS * 1_000;
    let ours = format!(
        "-cstatement_timeout={milliseconds} -clock_timeout=20000 -cidle_in_transaction_session_timeout=300000 \
         -cmax_parallel_workers_per_gather=0 -cjit=off"
    );
    match (&database.options, with_options) {
        (Some(own), true) => drop(config.options(format!("{ours} {own}"))),
        (None, true) => drop(config.options(ours)),
        (Some(own), false) => drop(config.options(own)),
        (None, false) => {}
    }
    config
}

type Connected = (Client, tokio_postgres::Connection<Socket, Stream>);

/// Connects, as it is wanted and as it may be: without our options where a server takes none, and without encryption where that
/// was only preferred and does not come about.
async fn connect(database: &PgDatabase) -> Inner<Connected> {
    let ends = match &database.tunnel {
        Some(tunnel) => tunnel.ready().await?.targets,
        None => Vec::new(),
    };
    let mut mode = if database.is_local() { TlsMode::Disable } else { database.tls_mode() };
    let tls = Tls::new(database, mode)?;
    // The time to reach each server is limited by itself, the time of their answers here.
    let places = u32::try_from(database.places().len()).unwrap_or(1);
    let patience = database.connect_timeout.unwrap_or(CONNECT).saturating_mul(2).saturating_mul(places);
    let mut with_options = true;
    let mut unencrypted = None;
    loop {
        let config = configuration(database, &ends, with_options, mode);
        let connected = tokio::time::timeout(patience, config.connect(tls.clone())).await;
        let silent = || format!("{} does not answer as a PostgreSQL server", database.server());
        let error = match connected.map_err(|_| ErrorKind::Unreachable(silent()))? {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        if with_options && refuses_options(&error) {
            with_options = false;
        } else if mode == TlsMode::Prefer && refuses_tls(&error) {
            unencrypted = Some(unconnected(&error, database));
            mode = TlsMode::Disable;
        } else {
            // A server that wants encryption says more of why there is none when it is tried.
            let first = unencrypted.filter(|_| refuses_tls(&error));
            return Err(first.unwrap_or_else(|| unconnected(&error, database)));
        }
    }
}

impl Connection {
    /// Waits for an answer.
    pub(super) fn wait<T>(&mut self, answer: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Inner<T> {
        let limited = async |client: &Client| tokio::time::timeout(ANSWER, answer(client)).await;
        match self.ask(limited)? {
            (Ok(Ok(value)), _) => Ok(value),
            (Ok(Err(error)), took) => Err(self.failed(&error, took)),
            (Err(_), _) => {
                self.lost = true;
                Err(ErrorKind::Timeout(ANSWER.as_secs()))
            }
        }
    }

    /// The same for as long as it takes.
    pub(super) fn wait_long<T>(&mut self, answer: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Inner<T> {
        let (answered, took) = self.ask(answer)?;
        answered.map_err(|error| self.failed(&error, took))
    }

    fn ask<T>(&mut self, answer: impl AsyncFnOnce(&Client) -> T) -> Inner<(T, Duration)> {
        let Some(wire) = &self.wire else { return Err(lost(&self.database)) };
        let begin = Instant::now();
        let answered = wire.reactor.runtime().block_on(answer(&wire.client));
        self.used = Instant::now();
        Ok((answered, begin.elapsed()))
    }

    fn failed(&mut self, error: &Error, took: Duration) -> ErrorKind {
        self.failed = true;
        self.conflict |= is_conflict(error);
        self.lost |= is_lost(error);
        // One that is to take writes is looked for anew.
        self.lost |= self.database.wants_writable == Some(true) && takes_no_writes(error);
        self.abandoned |= is_outdated(error);
        failure(error, &self.database, took)
    }

    /// Gives it up: something is still on its way here.
    pub fn give_up(&mut self) {
        self.abandoned = true;
    }

    /// Does something within one transaction that sees the database at one time, and changes nothing.
    pub fn at_one_time<T>(&mut self, work: impl FnOnce(&mut Self) -> Inner<T>) -> Inner<T> {
        let milliseconds = STATEMENT_SECONDS * 1_000;
        self.run(&format!("{READ_ONLY}; SET LOCAL statement_timeout = {milliseconds}"))?;
        let result = work(self);
        self.roll_back();
        result
    }
}

impl Pooled for Connection {
    type Address = PgDatabase;

    fn open(database: &Arc<PgDatabase>, workspace: &str) -> Inner<Self> {
        let reactor = Reactor::new()?;
        let (client, connection) = reactor.runtime().block_on(connect(database))?;
        let task = reactor.runtime().spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let mut opened = Self {
            wire: Some(Wire { client, task, reactor }),
            database: Arc::clone(database),
            server: Arc::new(Server::default()),
            workspace: workspace.to_owned(),
            used: Instant::now(),
            conflict: false,
            failed: false,
            lost: false,
            abandoned: false,
        };
        opened.server = Arc::new(schema::probe(&mut opened)?);
        Ok(opened)
    }

    fn checked(mut self) -> Option<Self> {
        let wire = self.wire.as_ref()?;
        let limit = self.database.connect_timeout.unwrap_or(ALIVE).min(ALIVE);
        let is_fresh = self.used.elapsed() < FRESH;
        let is_alive = wire.reactor.runtime().block_on(async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            is_fresh || matches!(tokio::time::timeout(limit, wire.client.batch_execute("")).await, Ok(Ok(())))
        });
        self.lost |= !is_alive || wire.client.is_closed();
        (!self.lost).then_some(self)
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

    fn run(&mut self, statements: &str) -> Inner<()> {
        self.failed &= !statements.starts_with("BEGIN");
        self.wait(async |client| client.batch_execute(statements).await)
    }

    fn lose(&mut self) {
        self.lost = true;
    }
}

/// A statement with `$1` for `?1`.
fn with_dollars(statement: &str) -> String {
    let mut text = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(at) = rest.find('?') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        text.push(if rest.starts_with(|next: char| next.is_ascii_digit()) { '$' } else { '?' });
    }
    text.push_str(rest);
    text
}

impl Link for Connection {
    fn dialect(&self) -> Dialect {
        POSTGRES
    }

    fn layout(&self) -> &Layout {
        &self.server.standing.layout
    }

    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Inner<u64> {
        let statement = with_dollars(statement);
        self.wait(async |client| {
            let values: Vec<_> = values.iter().map(|value| (value as &_, type_of(value))).collect();
            client.execute_typed(&statement, &values).await
        })
    }

    fn each(
        &mut self,
        statement: &str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&dyn Cells) -> Inner<()>,
    ) -> Inner<()> {
        let statement = with_dollars(statement);
        let taken = self.wait(async |client| {
            let values = values.iter().map(|value| (value, type_of(value)));
            let mut rows = pin!(client.query_typed_raw(&statement, values).await?);
            while let Some(row) = rows.try_next().await? {
                if let Err(error) = take(&RowCells(&row)) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })?;
        if taken.is_err() {
            // The rest is still to come.
            self.give_up();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_written_as_postgresql_wants_them() {
        assert_eq!(with_dollars("a = ?1 AND b ? c AND d IN (?12)"), "a = $1 AND b ? c AND d IN ($12)");
    }
}
