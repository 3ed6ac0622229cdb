//! What can go wrong with a store, in the three parts that a reader needs: what failed, why, what to do.

use std::borrow::Cow;
use std::path::PathBuf;

use thiserror::Error;

use super::secrets::hide;
use crate::mlflow::limits::LimitError;

/// A failed operation on a store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot {operation}: {kind}")]
pub struct StoreError {
    /// What was tried, as a verb phrase: `list experiments`, `read run 3f…`.
    pub operation: String,
    /// Why it failed.
    pub kind: ErrorKind,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ErrorKind {
    /// Nobody answers at the address, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// No answer came in time: so many seconds.
    #[error("no answer within {0} s")]
    Timeout(u64),
    /// The server's certificate, or the one that it wants: the same the next time.
    #[error("{0}")]
    Tls(String),
    /// The proxy on the way refuses.
    #[error("{0}")]
    Proxy(String),
    /// The server knows no such user, or wants one.
    #[error("the server rejects the credentials (401)")]
    Unauthorized,
    /// It got none, and those that there are belong to another server.
    #[error("the server requires credentials (401); {0}")]
    Withheld(String),
    /// This user may not do that.
    #[error("permission denied (403): {0}")]
    Forbidden(String),
    /// A database server knows no such user, or not with this password; or Databricks no such token.
    #[error("{0}")]
    Login(String),
    /// A user of a database may not do that.
    #[error("{0}")]
    Denied(String),
    /// What a database answers.
    #[error("the database answers: {0}")]
    Database(String),
    /// What was named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// A tracking URI that cannot be opened.
    #[error("{0}")]
    Address(String),
    /// The name is taken.
    #[error("{0}")]
    AlreadyExists(String),
    /// Of several things that were asked, some are done.
    #[error("{0}")]
    Partly(String),
    /// The store does not take what was asked, whoever asks.
    #[error("{0}")]
    Invalid(String),
    /// Somebody else holds the write lock, for longer than it is waited for.
    #[error("the database is locked by another program")]
    Locked,
    /// Nothing can be written, or is to be.
    #[error("cannot write to the store: {0}")]
    ReadOnly(String),
    /// It is no store of MLflow's, or a damaged one.
    #[error("{0}")]
    NotAStore(String),
    /// A file that was there when it was last looked at. It may come back, with its volume for one.
    #[error("{} no longer exists", .0.display())]
    Gone(PathBuf),
    /// There is no room.
    #[error("the disk is full")]
    DiskFull,
    /// The place does not have such a thing.
    #[error("this store has no {0}")]
    Unsupported(String),
    /// A server failed.
    #[error("the server answered {status}: {message}")]
    Server {
        /// Of the HTTP answer.
        status: u16,
        /// What it says of it.
        message: String,
    },
    /// It answers, but not as MLflow does.
    #[error("not an MLflow answer: {0}")]
    Protocol(String),
    /// There is more of something than is ever read at once.
    #[error("{0}")]
    TooMuch(String),
    /// A file system that does not answer, and for how many seconds it was waited for.
    #[error("{0} does not answer within {1} s")]
    Hung(String, u64),
    /// Files lie where only the store's own server gets at them.
    #[error("{0}")]
    Elsewhere(String),
    /// An object store refuses, or cannot be asked: why, and what to do.
    #[error("{0}")]
    ObjectStore(String, &'static str),
    /// The operating system refuses.
    #[error("{0}")]
    Io(String),
    /// It is over one of MLflow's limits.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

/// What a store sends can stand in an error, whatever its length. Of each part no more is kept, in bytes.
const LONGEST: usize = 2_000;

fn shorten(words: &mut String) {
    if words.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| words.is_char_boundary(*at));
        words.truncate(end.unwrap_or(0));
        words.push('…');
    }
}

/// How it is said of a certificate that its authority is not known.
pub(super) const UNTRUSTED: &str = "it is signed by an unknown authority";

const CHECK_URI: &str = "check the tracking URI: `mltui doctor` shows where it comes from";

/// How a 404 begins that no MLflow server meant.
pub(super) const NO_ROUTE: &str = "the server answered 404";

impl ErrorKind {
    /// A 404 of a server that does not know the path at all says that it has no such thing.
    pub(super) fn no_route(self, what: &str) -> Self {
        match self {
            Self::NotFound(message) if message.starts_with(NO_ROUTE) => Self::Unsupported(what.to_owned()),
            Self::Server { status: 405, .. } => Self::Unsupported(what.to_owned()),
            other => other,
        }
    }

    /// Whether the same may succeed later without anybody changing anything.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::Timeout(_)
                | Self::Proxy(_)
                | Self::Locked
                | Self::Gone(_)
                | Self::Server { .. }
                | Self::Protocol(_)
        )
    }

    /// Without any password or token that a server may have sent back, and no longer than is ever read.
    fn fit_to_be_shown(mut self) -> Self {
        match &mut self {
            Self::Unreachable(words)
            | Self::Tls(words)
            | Self::Proxy(words)
            | Self::Withheld(words)
            | Self::Forbidden(words)
            | Self::Login(words)
            | Self::Denied(words)
            | Self::Database(words)
            | Self::NotFound(words)
            | Self::Address(words)
            | Self::Elsewhere(words)
            | Self::AlreadyExists(words)
            | Self::Partly(words)
            | Self::Invalid(words)
            | Self::ReadOnly(words)
            | Self::NotAStore(words)
            | Self::Unsupported(words)
            | Self::Server { message: words, .. }
            | Self::Protocol(words)
            | Self::TooMuch(words)
            | Self::Hung(words, _)
            | Self::ObjectStore(words, _)
            | Self::Io(words) => {
                if let Cow::Owned(hidden) = hide(words) {
                    *words = hidden;
                }
                shorten(words);
            }
            Self::Timeout(_)
            | Self::Unauthorized
            | Self::Locked
            | Self::Gone(_)
            | Self::DiskFull
            | Self::Limit(_) => {}
        }
        self
    }
}

impl StoreError {
    /// An operation, as a verb phrase, that failed. Secrets are taken out, and endless texts cut.
    pub fn new(operation: impl Into<String>, kind: ErrorKind) -> Self {
        let mut operation = operation.into();
        shorten(&mut operation);
        Self { operation, kind: kind.fit_to_be_shown() }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match &self.kind {
            ErrorKind::Unreachable(_) | ErrorKind::Timeout(_) => {
                "check that the server is running and the address is right"
            }
            ErrorKind::Tls(words) if words.contains("sslmode") => {
                "sslmode and sslrootcert in the address say how TLS is used and whom to trust; `mltui doctor` shows them"
            }
            ErrorKind::Tls(words) if words.contains("ssl_") => {
                "ssl_mode and ssl_ca in the address say how TLS is used and whom to trust; `mltui doctor` shows them"
            }
            ErrorKind::Tls(words) if !words.contains(UNTRUSTED) => {
                "ask the server's administrator; MLFLOW_TRACKING_INSECURE_TLS=true disables verification"
            }
            ErrorKind::Tls(_) => {
                "set MLFLOW_TRACKING_SERVER_CERT_PATH (a profile's ca_file) to the authority to trust; MLFLOW_TRACKING_INSECURE_TLS=true disables verification"
            }
            ErrorKind::Proxy(_) => {
                "check the proxy that the variable names; NO_PROXY lists the hosts that bypass it"
            }
            ErrorKind::Unauthorized => {
                "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            }
            ErrorKind::Withheld(_) => "`mltui doctor` shows which credentials are used",
            ErrorKind::Address(_) => "`mltui doctor` shows where the address comes from",
            ErrorKind::Forbidden(message) if message.contains("Host header") => {
                "use a host name that the server allows, or start it with --allowed-hosts"
            }
            ErrorKind::Forbidden(_) => "ask the server's administrator for permission",
            ErrorKind::Login(words) if words.contains("Databricks") => {
                "put another one where it came from (DATABRICKS_TOKEN, ~/.databrickscfg); `mltui doctor` shows what is used"
            }
            ErrorKind::Login(words) if words.contains("MySQL") => {
                "put user and password into ~/.my.cnf ([client]) or into the address; `mltui doctor` shows what is used"
            }
            ErrorKind::Login(_) => {
                "set PGPASSWORD, or add a line HOST:PORT:DATABASE:USER:PASSWORD to ~/.pgpass; `mltui doctor` shows what is used"
            }
            ErrorKind::Denied(_) => {
                "ask the database's administrator for the right (GRANT), or use --read-only"
            }
            ErrorKind::Database(_) => "see the database server's log",
            ErrorKind::Locked => "another program holds the write lock",
            ErrorKind::ReadOnly(_) => "check the file's permissions, or whether the profile is read_only",
            ErrorKind::NotAStore(_) => CHECK_URI,
            ErrorKind::NotFound(message) if message.starts_with(NO_ROUTE) => CHECK_URI,
            ErrorKind::Gone(_) => "mount its volume or put the file back",
            ErrorKind::DiskFull => "free some space; nothing was partially written",
            ErrorKind::Unsupported(what) if what.starts_with("table") => {
                "upgrade the store with a newer MLflow (`mlflow db upgrade`)"
            }
            ErrorKind::Unsupported(what) if what.starts_with("driver") => "use its MLflow server",
            ErrorKind::Unsupported(what) if what.starts_with("artifact") => {
                "start the MLflow server with --serve-artifacts"
            }
            ErrorKind::Unsupported(what) if what.contains("Unity Catalog") => {
                "MLFLOW_REGISTRY_URI says which registry is used: databricks-uc or databricks"
            }
            ErrorKind::Unsupported(_) => "use a newer MLflow server",
            ErrorKind::Server { .. } => "see the server's log",
            ErrorKind::Protocol(_) => "check that the address is an MLflow server, not a proxy or login page",
            ErrorKind::TooMuch(_) => {
                "MLflow has no such limit; ask the store's administrator what is so large"
            }
            ErrorKind::ObjectStore(_, hint) => hint,
            ErrorKind::Hung(what, _) if what.contains("://") => {
                "check that the object store can be reached from here; MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT sets how long it is waited for"
            }
            ErrorKind::Hung(..) => "check whether it is on an unavailable network file system",
            ErrorKind::NotFound(_) => "check the name or id",
            ErrorKind::AlreadyExists(_) => "choose another name",
            ErrorKind::Partly(_) => "the rest can be done by the same again",
            ErrorKind::Invalid(_) | ErrorKind::Limit(_) => "correct that, and try again",
            ErrorKind::Elsewhere(_) => {
                "point --tracking-uri at the MLflow server; a sweep can go to another experiment"
            }
            ErrorKind::Io(_) => "check the path and its permissions",
        }
    }

    /// What is said of a write that failed: whether it left everything as it was, and what can be done.
    pub fn of_write(&self) -> String {
        let hint = self.hint();
        match &self.kind {
            ErrorKind::Partly(_) => format!("{self}; {hint}"),
            _ => format!("nothing was changed: {self}; {hint}"),
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        self.kind.may_pass()
    }
}

/// Names the operation of a failure.
pub trait During<T> {
    fn during(self, operation: impl Into<String>) -> Result<T, StoreError>;
}

impl<T, E: Into<ErrorKind>> During<T> for Result<T, E> {
    fn during(self, operation: impl Into<String>) -> Result<T, StoreError> {
        self.map_err(|kind| StoreError::new(operation, kind.into()))
    }
}

/// What was found, or nothing where it is gone.
///
/// # Errors
/// Any other that there is.
pub fn if_there<T>(found: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match found {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_) | ErrorKind::Unsupported(_)) => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_sends_makes_no_endless_error() {
        let long = "é".repeat(100_000);
        let error =
            StoreError::new(format!("read run {long}"), ErrorKind::Protocol(long.clone())).to_string();
        assert!(error.len() < 3 * LONGEST && error.ends_with('…'), "{} bytes", error.len());
        let short = StoreError::new("read run 1", ErrorKind::Protocol("é".into()));
        assert_eq!(short.to_string(), "cannot read run 1: not an MLflow answer: é");
    }

    #[test]
    fn what_is_done_in_part_is_not_said_to_have_changed_nothing() {
        let of = |kind| StoreError::new("delete experiment 1", kind).of_write();
        assert!(!of(ErrorKind::Partly("2 of 3".into())).contains("nothing was changed"));
        assert!(of(ErrorKind::DiskFull).starts_with("nothing was changed"));
    }
}
