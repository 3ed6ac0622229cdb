//! Connections: opened late, few, and dropped when they break.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::address::PgDatabase;
use super::connection::Connection;
use crate::store::{ErrorKind, Inner};

/// Connections at the same time.
const MOST: usize = 4;
/// Connections that are kept when nobody uses them.
const AT_REST: usize = 2;
/// How long one of them is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often what is written is tried, where others write the same.
const ATTEMPTS: u32 = 6;

pub struct Pool {
    database: Arc<PgDatabase>,
    workspace: String,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    open: usize,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({:?})", self.database)
    }
}

/// A connection that is given back by itself.
pub struct Lent<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Deref for Lent<'_> {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "it is taken only when this is dropped")]
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a connection that is lent")
    }
}

impl DerefMut for Lent<'_> {
    #[expect(clippy::expect_used, reason = "it is taken only when this is dropped")]
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a connection that is lent")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // What was half done when something broke is not found out: such a connection is not used again.
        let is_good = !connection.is_spent() && !std::thread::panicking();
        let is_lost = connection.is_lost();
        let mut state = self.pool.state();
        if is_good && state.idle.len() < AT_REST {
            state.idle.push(connection);
        } else {
            state.open -= 1;
            if is_lost {
                // The others broke with it, most likely; those that did not are opened again.
                state.open -= state.idle.len();
                state.idle.clear();
            }
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

impl Pool {
    pub fn new(database: PgDatabase, workspace: String) -> Self {
        Self { database: Arc::new(database), workspace, state: Mutex::default(), freed: Condvar::new() }
    }

    pub fn database(&self) -> &PgDatabase {
        &self.database
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was good when it was last looked at.
    pub fn take(&self) -> Inner<Lent<'_>> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            if let Some(mut connection) = state.idle.pop() {
                drop(state);
                if connection.is_alive() {
                    return Ok(Lent { pool: self, connection: Some(connection) });
                }
                drop(connection);
                state = self.state();
                state.open -= 1;
                continue;
            }
            if state.open < MOST {
                state.open += 1;
                drop(state);
                return self.open();
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::Timeout(PATIENCE.as_secs()));
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Another connection, where there is one at once.
    pub fn take_another(&self) -> Option<Lent<'_>> {
        let state = self.state();
        let is_one = !state.idle.is_empty() || state.open < MOST;
        drop(state);
        if is_one { self.take().ok() } else { None }
    }

    fn open(&self) -> Inner<Lent<'_>> {
        match Connection::open(&self.database, &self.workspace) {
            Ok(connection) => Ok(Lent { pool: self, connection: Some(connection) }),
            Err(error) => {
                self.state().open -= 1;
                self.freed.notify_one();
                Err(error)
            }
        }
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut Connection) -> Inner<T>) -> Inner<T> {
        work(&mut *self.take()?)
    }

    /// One transaction, done anew where others wrote the same at the same time: two who register a version both take the
    /// next number, and one of them is refused.
    pub fn write<T>(&self, work: impl Fn(&mut Connection) -> Inner<T>) -> Inner<T> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut connection = self.take()?;
            // One that broke unnoticed has done nothing yet.
            if let Err(error) = connection.run("BEGIN") {
                if connection.is_lost() && attempt == 1 {
                    continue;
                }
                return Err(error);
            }
            connection.met_others();
            let error = match work(&mut connection) {
                Ok(value) => match connection.run("COMMIT") {
                    Ok(()) => return Ok(value),
                    Err(error) if connection.is_lost() || matches!(error, ErrorKind::Timeout(_)) => {
                        return Err(ErrorKind::Database(format!(
                            "no answer came to the last step ({error}): it may be written or not; look before you do it again"
                        )));
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            connection.roll_back();
            if !connection.met_others() || attempt >= ATTEMPTS {
                return Err(error);
            }
            drop(connection);
            std::thread::sleep(Duration::from_millis(fastrand::u64(1..=10) * u64::from(attempt)));
        }
    }
}
