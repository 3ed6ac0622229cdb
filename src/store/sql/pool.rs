//! Connections to a database server: opened late, few, and dropped when they break.

use std::fmt::Debug;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{ErrorKind, Inner};

/// Connections at the same time.
const MOST: usize = 4;
/// Connections that are kept when nobody uses them.
const AT_REST: usize = 2;
/// How long one of them is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server that is only asked whether it is there may take.
pub const ALIVE: Duration = Duration::from_secs(5);
/// Whoever was used a moment ago is there.
pub const FRESH: Duration = Duration::from_secs(1);
/// How often what is written is tried, where others write the same.
const ATTEMPTS: u32 = 6;

/// A connection as its pool sees it.
pub trait Pooled: Sized + Send {
    type Address: Debug + Send + Sync;

    fn open(address: &Arc<Self::Address>, workspace: &str) -> Inner<Self>;
    /// Itself, if it can be used again: what came from the server meanwhile is looked at, such as its end, and one that was not
    /// used within a moment asks the server, which has [`ALIVE`] for an answer.
    fn checked(self) -> Option<Self>;
    /// Whether it was given up, or broke.
    fn is_spent(&self) -> bool;
    /// Whether it broke.
    fn is_lost(&self) -> bool;
    /// Whether others wrote the same since this was last asked.
    fn met_others(&mut self) -> bool;
    /// Whether a statement failed since the last transaction began: then none of it can be kept.
    fn has_failed(&self) -> bool;
    /// Carries out statements without values.
    fn run(&mut self, statements: &str) -> Inner<()>;

    /// Notes that it broke.
    fn lose(&mut self);

    /// Ends a transaction that is to leave nothing behind. Where that fails the connection is of no use.
    fn roll_back(&mut self) {
        if !self.is_spent() && self.run("ROLLBACK").is_err() {
            self.lose();
        }
    }
}

pub struct Pool<C: Pooled> {
    address: Arc<C::Address>,
    workspace: String,
    state: Mutex<State<C>>,
    freed: Condvar,
}

struct State<C> {
    idle: Vec<C>,
    open: usize,
}

impl<C> State<C> {
    /// One broke, and the others with it, most likely; those that did not are opened again.
    fn forget_idle(&mut self) {
        self.open -= self.idle.len();
        self.idle.clear();
    }
}

impl<C: Pooled> Debug for Pool<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({:?})", self.address)
    }
}

/// A connection that is given back by itself.
pub struct Lent<'a, C: Pooled> {
    pool: &'a Pool<C>,
    connection: Option<C>,
}

impl<C: Pooled> Deref for Lent<'_, C> {
    type Target = C;

    #[expect(clippy::expect_used, reason = "it is taken only when this is dropped")]
    fn deref(&self) -> &C {
        self.connection.as_ref().expect("a connection that is lent")
    }
}

impl<C: Pooled> DerefMut for Lent<'_, C> {
    #[expect(clippy::expect_used, reason = "it is taken only when this is dropped")]
    fn deref_mut(&mut self) -> &mut C {
        self.connection.as_mut().expect("a connection that is lent")
    }
}

impl<C: Pooled> Drop for Lent<'_, C> {
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
                state.forget_idle();
            }
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

/// What `work` comes to within the time; else it goes on by itself, and nobody waits for it.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, answer) = std::sync::mpsc::sync_channel(1);
    let work = move || drop(sender.send(work()));
    std::thread::Builder::new().name("asking a database".into()).spawn(work).ok()?;
    answer.recv_timeout(limit).ok()
}

impl<C: Pooled> Pool<C> {
    pub fn new(address: C::Address, workspace: String) -> Self {
        let state = Mutex::new(State { idle: Vec::new(), open: 0 });
        Self { address: Arc::new(address), workspace, state, freed: Condvar::new() }
    }

    pub fn address(&self) -> &C::Address {
        &self.address
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was good when it was last looked at.
    pub fn take(&self) -> Inner<Lent<'_, C>> {
        self.take_until(Instant::now() + PATIENCE)
    }

    /// Another connection, where there is one at once.
    pub fn take_another(&self) -> Option<Lent<'_, C>> {
        self.take_until(Instant::now()).ok()
    }

    fn take_until(&self, end: Instant) -> Inner<Lent<'_, C>> {
        let mut state = self.state();
        loop {
            if let Some(connection) = state.idle.pop() {
                drop(state);
                if let Some(connection) = connection.checked() {
                    return Ok(Lent { pool: self, connection: Some(connection) });
                }
                state = self.state();
                state.open -= 1;
                state.forget_idle();
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

    fn open(&self) -> Inner<Lent<'_, C>> {
        match C::open(&self.address, &self.workspace) {
            Ok(connection) => Ok(Lent { pool: self, connection: Some(connection) }),
            Err(error) => {
                self.state().open -= 1;
                self.freed.notify_one();
                Err(error)
            }
        }
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut C) -> Inner<T>) -> Inner<T> {
        work(&mut *self.take()?)
    }

    /// One transaction, done anew where others wrote the same at the same time: two who register a version both take the
    /// next number, and one of them is refused.
    pub fn write<T>(&self, work: impl Fn(&mut C) -> Inner<T>) -> Inner<T> {
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
                // A server may say that it keeps what it throws away.
                Ok(_) if connection.has_failed() => ErrorKind::Database("a statement failed".into()),
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
