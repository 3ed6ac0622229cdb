//! What went wrong, in words that say what to do.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::address::PgDatabase;
use crate::store::ErrorKind;

/// Whether others wrote the same at the same time: what was done is done anew.
pub fn is_conflict(error: &Error) -> bool {
    let conflicts = [
        &SqlState::UNIQUE_VIOLATION,
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
        &SqlState::FOREIGN_KEY_VIOLATION,
    ];
    error.code().is_some_and(|code| conflicts.contains(&code))
}

/// Whether the connection is of no use any more: it broke, or the server ends it.
pub fn is_lost(error: &Error) -> bool {
    error.is_closed()
        || error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).is_some()
        || error.as_db_error().is_some_and(|error| {
            let is_end = matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
            let ends = [
                &SqlState::ADMIN_SHUTDOWN,
                &SqlState::CRASH_SHUTDOWN,
                &SqlState::CANNOT_CONNECT_NOW,
                &SqlState::DATABASE_DROPPED,
                &SqlState::IDLE_SESSION_TIMEOUT,
                &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            ];
            is_end || ends.contains(&error.code())
        })
}

/// Whether the server takes no writes.
pub fn takes_no_writes(error: &Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// Whether the tables are not as they were when the connection was made.
pub fn is_outdated(error: &Error) -> bool {
    let signs =
        [&SqlState::UNDEFINED_TABLE, &SqlState::UNDEFINED_COLUMN, &SqlState::INVALID_COLUMN_REFERENCE];
    error.code().is_some_and(|code| signs.contains(&code))
}

/// Whether a handshake fails, or the server lets nobody in who encrypts, or nobody who does not.
pub fn refuses_tls(error: &Error) -> bool {
    error.to_string().contains("TLS handshake")
        || error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
}

/// Whether a proxy, or an old server, does not take options with the connection.
pub fn refuses_options(error: &Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        *error.code() == SqlState::UNDEFINED_OBJECT
            || (*error.code() == SqlState::PROTOCOL_VIOLATION
                && error.message().contains("startup parameter"))
    })
}

/// A failure to connect.
pub fn unconnected(error: &Error, to: &PgDatabase) -> ErrorKind {
    if error.as_db_error().is_some() {
        return failure(error, to, Duration::ZERO);
    }
    let server = to.server();
    let (cause, io) = root(error);
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return ErrorKind::Tls(untrusted(tls, to));
    }
    let words = cause.to_string();
    if words.contains("does not support TLS") {
        return ErrorKind::Tls(format!(
            "the database server at {server} does not offer TLS, which sslmode={} requires",
            to.tls_mode().as_str()
        ));
    }
    if words.contains("password missing") {
        return ErrorKind::Login(format!("the server at {server} wants a password of user {:?}", to.user()));
    }
    ErrorKind::Unreachable(match io {
        Some(io::ErrorKind::ConnectionRefused) => {
            format!("no PostgreSQL server listens at {server} (connection refused)")
        }
        Some(io::ErrorKind::NotFound) => format!("no PostgreSQL server listens at {server} (no such socket)"),
        // That is how ssh says that it comes to nobody.
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) if to.tunnel.is_some() => {
            format!("no PostgreSQL server answers at {server}")
        }
        Some(io::ErrorKind::UnexpectedEof) => {
            format!("{server} closes the connection at once: it may not be a PostgreSQL server")
        }
        Some(io::ErrorKind::TimedOut) => format!("{server} does not answer"),
        _ if words.contains("lookup address") => {
            format!("no host is known by the name in {server} ({words})")
        }
        _ => format!("cannot connect to {server}: {words}"),
    })
}

/// The error at the bottom, and the kind of the last one of the system's on the way there.
fn root(error: &Error) -> (&(dyn std::error::Error + 'static), Option<io::ErrorKind>) {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    let mut kind = None;
    loop {
        let io = cause.downcast_ref::<io::Error>();
        kind = io.map(io::Error::kind).or(kind);
        // What an error of the system wraps is told by `get_ref` alone.
        let inner = io.and_then(io::Error::get_ref).map(|inner| inner as &(dyn std::error::Error + 'static));
        match inner.or_else(|| cause.source()) {
            Some(inner) => cause = inner,
            None => return (cause, kind),
        }
    }
}

fn untrusted(error: &rustls::Error, to: &PgDatabase) -> String {
    use rustls::CertificateError as Bad;
    let server = to.server();
    let mode = to.tls_mode().as_str();
    match error {
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => format!(
            "the certificate of {server} is signed by an unknown authority; sslrootcert=FILE names one to trust (sslmode={mode})"
        ),
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            format!("the certificate of {server} is for another name (sslmode={mode})")
        }
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            format!("the certificate of {server} has expired (sslmode={mode})")
        }
        error => format!("no TLS connection to {server}: {error} (sslmode={mode})"),
    }
}

/// A failure of something that was asked, after so long.
pub fn failure(error: &Error, of: &PgDatabase, took: Duration) -> ErrorKind {
    if let Some(error) = error.as_db_error() {
        return answered(error, of, took);
    }
    if is_lost(error) {
        return lost(of);
    }
    ErrorKind::Database(error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
}

pub fn lost(of: &PgDatabase) -> ErrorKind {
    ErrorKind::Unreachable(format!("the connection to {} broke", of.server()))
}

/// What the server says.
fn answered(error: &DbError, of: &PgDatabase, took: Duration) -> ErrorKind {
    let message = error.message().to_owned();
    let (user, database, server) = (of.user(), of.database(), of.server());
    let code = error.code();
    if *code == SqlState::INVALID_PASSWORD {
        let from = of.password_from;
        return ErrorKind::Login(if of.password().is_none() {
            format!("the server at {server} wants a password of user {user:?}")
        } else {
            format!("the server at {server} rejects user {user:?} or the password (from {from})")
        });
    }
    if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        if message.contains("no encryption") || message.contains("SSL off") {
            return ErrorKind::Tls(format!("the server at {server} wants TLS: sslmode=require ({message})"));
        }
        return ErrorKind::Login(format!("the server at {server} does not let user {user:?} in: {message}"));
    }
    if *code == SqlState::INVALID_CATALOG_NAME {
        return ErrorKind::NotAStore(format!("the server at {server} has no database {database:?}"));
    }
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return ErrorKind::Denied(format!("{message} (user {user:?} of database {database:?})"));
    }
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return ErrorKind::ReadOnly(format!("the database takes no writes now: {message}"));
    }
    if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::UNDEFINED_COLUMN {
        return ErrorKind::NotAStore(format!("database {database:?} is not as MLflow makes it: {message}"));
    }
    // By the time that somebody set, us or another; or by somebody's hand.
    if *code == SqlState::QUERY_CANCELED && !message.contains("user request") {
        return ErrorKind::Timeout(took.as_secs());
    }
    // The last of several attempts that others came in between.
    if *code == SqlState::LOCK_NOT_AVAILABLE || code.code().starts_with("40") {
        return ErrorKind::Locked;
    }
    if *code == SqlState::DISK_FULL {
        return ErrorKind::DiskFull;
    }
    if *code == SqlState::UNIQUE_VIOLATION {
        return ErrorKind::AlreadyExists(message);
    }
    // Too long a text, a letter that the database does not know, and the like.
    if code.code().starts_with("22") || code.code().starts_with("23") {
        return ErrorKind::Invalid(format!("the database does not take it: {message}"));
    }
    // It starts, ends, or has no connection left.
    if code.code().starts_with("57P") || code.code().starts_with("53") || code.code().starts_with("08") {
        return ErrorKind::Unreachable(format!("the server at {server}: {message}"));
    }
    ErrorKind::Database(message)
}
