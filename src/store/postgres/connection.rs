//! A connection to the server, with what is known of the tables behind it. Whoever asks waits on the thread that asks.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::runtime::Runtime;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error};

use super::address::{PgDatabase, TlsMode};
use super::failure::{failure, is_conflict, is_lost, lost, refuses_options, unconnected};
use super::rows::{RowCells, bounded, type_of};
use super::schema::{self, Server};
use super::tls::Tls;
use crate::store::sql::{Cells, Dialect, Layout, Link, Value, insert_new, upsert};
use crate::store::{ErrorKind, Inner};

/// How long the server works on a statement before it gives up.
pub const STATEMENT_SECONDS: u64 = 60;
/// How long an answer is waited for, should the server not give up by itself.
const ANSWER: Duration = Duration::from_secs(STATEMENT_SECONDS + 15);
/// How long connecting may take where nothing else is said.
const CONNECT: Duration = Duration::from_secs(10);

const POSTGRES: Dialect = Dialect {
    bounded,
    among: |list| format!("(SELECT json_array_elements_text({list}::json))"),
    insert_new,
    upsert,
    by_bytes: " COLLATE \"C\"",
    no_escape: " ESCAPE ''",
    runs_at_once: 200,
    latest_experiment: "SELECT experiment_id FROM runs ORDER BY start_time DESC NULLS LAST LIMIT 1",
    defer_references: None,
};

/// A connection.
pub struct Connection {
    /// None once it is dropped.
    runtime: Option<Runtime>,
    pub(super) client: Client,
    pub(super) database: Arc<PgDatabase>,
    pub server: Arc<Server>,
    workspace: String,
    /// Others wrote the same since this was last looked at.
    conflict: bool,
    lost: bool,
    /// Something that nobody wants is still on its way here.
    abandoned: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Nobody is waited for, wherever this is dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How the server is asked for a connection.
fn configuration(database: &PgDatabase, with_options: bool) -> Config {
    let mut config = Config::new();
    for (host, port) in database.places() {
        config.host(&host).port(port);
    }
    config.user(database.user()).dbname(database.database());
    if let Some(password) = database.password() {
        config.password(password);
    }
    config.application_name(database.application_name.as_deref().unwrap_or("mltui"));
    config.connect_timeout(database.connect_timeout.unwrap_or(CONNECT));
    config.keepalives_idle(Duration::from_secs(30)).keepalives_interval(Duration::from_secs(10));
    config.keepalives_retries(3);
    // There is no encryption on this machine's own sockets.
    let is_local = database.places().iter().all(|(host, _)| host.starts_with('/'));
    config.ssl_mode(match database.tls_mode() {
        _ if is_local => SslMode::Disable,
        TlsMode::Disable => SslMode::Disable,
        TlsMode::Prefer => SslMode::Prefer,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
    });
    if database.wants_writable {
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

impl Connection {
    pub fn open(database: &Arc<PgDatabase>, workspace: &str) -> Inner<Self> {
        let io = |error: std::io::Error| ErrorKind::Io(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
        let tls = Tls::new(database)?;
        let patience = database.connect_timeout.unwrap_or(CONNECT);
        let connect = async |with_options: bool| {
            // The time to reach the server is limited by itself, the time of its answers here.
            let config = configuration(database, with_options);
            tokio::time::timeout(patience.saturating_mul(2), config.connect(tls.clone())).await
        };
        let connected = runtime.block_on(async {
            match connect(true).await {
                Ok(Err(error)) if refuses_options(&error) => connect(false).await,
                result => result,
            }
        });
        let server = database.server();
        let (client, connection) = connected
            .map_err(|_| ErrorKind::Unreachable(format!("{server} does not answer as a PostgreSQL server")))?
            .map_err(|error| unconnected(&error, database))?;
        runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let mut opened = Self {
            runtime: Some(runtime),
            client,
            database: Arc::clone(database),
            server: Arc::new(Server::default()),
            workspace: workspace.to_owned(),
            conflict: false,
            lost: false,
            abandoned: false,
        };
        opened.server = Arc::new(schema::probe(&mut opened)?);
        Ok(opened)
    }

    /// Waits for an answer.
    pub(super) fn wait<T>(&mut self, answer: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Inner<T> {
        let Some(runtime) = &self.runtime else { return Err(lost(&self.database)) };
        let client = &self.client;
        let answered = runtime.block_on(async { tokio::time::timeout(ANSWER, answer(client)).await });
        match answered {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => {
                self.lost = true;
                Err(ErrorKind::Timeout(ANSWER.as_secs()))
            }
        }
    }

    /// The same for as long as it takes.
    pub(super) fn wait_long<T>(&mut self, answer: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Inner<T> {
        let Some(runtime) = &self.runtime else { return Err(lost(&self.database)) };
        let answered = runtime.block_on(answer(&self.client));
        answered.map_err(|error| self.failed(&error))
    }

    fn failed(&mut self, error: &Error) -> ErrorKind {
        self.conflict |= is_conflict(error);
        self.lost |= is_lost(error);
        failure(error, &self.database)
    }

    /// Whether it can be used again. What came from the server meanwhile is looked at, such as its end.
    pub fn is_alive(&mut self) -> bool {
        let Some(runtime) = &self.runtime else { return false };
        runtime.block_on(async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        });
        !self.lost && !self.client.is_closed()
    }

    /// Gives it up: something is still on its way here.
    pub fn give_up(&mut self) {
        self.abandoned = true;
    }

    /// Whether it was given up, or broke.
    pub fn is_spent(&self) -> bool {
        self.abandoned || self.lost
    }

    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether others wrote the same since this was last asked.
    pub fn met_others(&mut self) -> bool {
        std::mem::take(&mut self.conflict)
    }

    /// Carries out statements without values.
    pub fn run(&mut self, statements: &str) -> Inner<()> {
        self.wait(async |client| client.batch_execute(statements).await)
    }

    /// Ends a transaction that is to leave nothing behind. Where that fails the connection is of no use.
    pub fn roll_back(&mut self) {
        if !self.is_spent() && self.run("ROLLBACK").is_err() {
            self.lost = true;
        }
    }

    /// Does something within one transaction that sees the database at one time, and changes nothing.
    pub fn at_one_time<T>(&mut self, work: impl FnOnce(&mut Self) -> Inner<T>) -> Inner<T> {
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let result = work(self);
        self.roll_back();
        result
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
        &self.server.layout
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
        self.wait(async |client| {
            let values = values.iter().map(|value| (value, type_of(value)));
            let mut rows = pin!(client.query_typed_raw(&statement, values).await?);
            while let Some(row) = rows.try_next().await? {
                if let Err(error) = take(&RowCells(&row)) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })?
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
