//! What went wrong, in words that say what to do.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use mysql::{DriverError, Error, MySqlError};

use super::address::MyDatabase;
use crate::store::ErrorKind;

fn code(error: &Error) -> Option<u16> {
    if let Error::MySqlError(error) = error { Some(error.code) } else { None }
}

/// Whether others wrote the same at the same time: what was done is done anew. A name that is there, a run that went away, a
/// deadlock, a record that changed.
pub fn is_conflict(error: &Error) -> bool {
    code(error).is_some_and(|code| [1_062, 1_452, 1_213, 1_020].contains(&code))
}

/// Whether the connection is of no use any more.
pub fn is_lost(error: &Error) -> bool {
    match error {
        Error::IoError(_) | Error::CodecError(_) | Error::TlsError(_) => true,
        Error::DriverError(error) => !matches!(error, DriverError::MismatchedStmtParams(..)),
        // The server ends, or ends it.
        Error::MySqlError(error) => [1_053, 1_079, 1_080, 1_152, 1_184, 1_927, 4_031].contains(&error.code),
        Error::UrlError(_) | Error::FromValueError(_) | Error::FromRowError(_) => false,
    }
}

/// Whether the tables are not as they were when the connection was made.
pub fn is_outdated(error: &Error) -> bool {
    code(error).is_some_and(|code| [1_054, 1_146].contains(&code))
}

/// Whether a server offers no encryption, or none that comes about.
pub fn refuses_tls(error: &Error) -> bool {
    match error {
        Error::DriverError(DriverError::TlsNotSupported) | Error::TlsError(_) => true,
        error => io_of(error).and_then(tls).is_some(),
    }
}

/// What the system says, wherever the driver keeps it.
fn io_of(error: &Error) -> Option<&io::Error> {
    match error {
        Error::IoError(error) => Some(error),
        Error::CodecError(error) => error.source()?.downcast_ref(),
        _ => None,
    }
}

fn tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// A failure to connect.
pub fn unconnected(error: &Error, to: &MyDatabase) -> ErrorKind {
    let server = to.server();
    if let Some(io) = io_of(error) {
        return match tls(io) {
            Some(tls) => ErrorKind::Tls(untrusted(tls, to)),
            None => unreachable(io.kind(), &io.to_string(), to),
        };
    }
    match error {
        Error::MySqlError(error) => answered(error, to, Duration::ZERO),
        Error::DriverError(DriverError::TlsNotSupported) => ErrorKind::Tls(format!(
            "the MySQL server at {server} does not offer TLS, which {} requires",
            to.tls_words()
        )),
        Error::TlsError(error) => {
            ErrorKind::Tls(format!("no TLS connection to {server}: {error:?} ({})", to.tls_words()))
        }
        Error::DriverError(DriverError::CouldNotConnect(Some((_, words, kind)))) => {
            unreachable(*kind, words, to)
        }
        Error::DriverError(DriverError::ConnectTimeout | DriverError::Timeout) => {
            ErrorKind::Unreachable(format!("{server} does not answer"))
        }
        error => ErrorKind::Unreachable(format!("cannot connect to {server}: {error}")),
    }
}

fn unreachable(kind: io::ErrorKind, words: &str, to: &MyDatabase) -> ErrorKind {
    let server = to.server();
    ErrorKind::Unreachable(match kind {
        // That is how ssh says that it comes to nobody.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset if to.tunnel.is_some() => {
            format!("no MySQL server answers at {server}")
        }
        io::ErrorKind::ConnectionRefused => {
            format!("no MySQL server listens at {server} (connection refused)")
        }
        io::ErrorKind::NotFound => format!("no MySQL server listens at {server} (no such socket)"),
        io::ErrorKind::UnexpectedEof => {
            format!("{server} closes the connection at once: it may not be a MySQL server")
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => format!("{server} does not answer"),
        _ if words.contains("lookup address") => {
            format!("no host is known by the name in {server} ({words})")
        }
        _ => format!("cannot connect to {server}: {words}"),
    })
}

fn untrusted(error: &rustls::Error, to: &MyDatabase) -> String {
    use rustls::CertificateError as Bad;
    let (server, how) = (to.server(), to.tls_words());
    match error {
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => format!(
            "the certificate of {server} is signed by an unknown authority; ssl_ca=FILE names one to trust ({how})"
        ),
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            format!(
                "the certificate of {server} is for another name, which is always verified ({how}); ssl_verify_cert=false encrypts \
                 without verifying"
            )
        }
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            format!("the certificate of {server} has expired ({how})")
        }
        error => format!("no TLS connection to {server}: {error} ({how})"),
    }
}

/// A failure of something that was asked, after so long.
pub fn failure(error: &Error, of: &MyDatabase, took: Duration) -> ErrorKind {
    let is_silent =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
    if io_of(error).is_some_and(is_silent) {
        return ErrorKind::Timeout(took.as_secs());
    }
    match error {
        Error::MySqlError(error) => answered(error, of, took),
        Error::DriverError(DriverError::PacketTooLarge) => {
            ErrorKind::TooMuch("the server takes no statement of that size (max_allowed_packet)".into())
        }
        error if is_lost(error) => ErrorKind::Unreachable(format!("the connection to {} broke", of.server())),
        error => ErrorKind::Database(error.to_string()),
    }
}

/// What the server says.
fn answered(error: &MySqlError, of: &MyDatabase, took: Duration) -> ErrorKind {
    let message = error.message.clone();
    let (user, database, server) = (of.user(), of.database(), of.server());
    match error.code {
        1_045 | 1_698 => ErrorKind::Login(if of.password().is_none() {
            format!("the MySQL server at {server} does not let user {user:?} in without a password")
        } else {
            format!(
                "the MySQL server at {server} rejects user {user:?} or the password (from {})",
                of.password_from
            )
        }),
        1_049 => ErrorKind::NotAStore(format!("the MySQL server at {server} has no database {database:?}")),
        1_044 | 1_142 | 1_143 | 1_227 => {
            ErrorKind::Denied(format!("{message} (user {user:?} of database {database:?})"))
        }
        1_290 | 1_792 | 1_836 => ErrorKind::ReadOnly(format!("the database takes no writes now: {message}")),
        1_054 | 1_146 => {
            ErrorKind::NotAStore(format!("database {database:?} is not as MLflow makes it: {message}"))
        }
        // Time is up: of MySQL, and of MariaDB.
        3_024 | 1_969 => ErrorKind::Timeout(took.as_secs()),
        // The last of several attempts that others came in between.
        1_205 | 1_213 | 1_020 => ErrorKind::Locked,
        1_021 | 1_114 => ErrorKind::DiskFull,
        1_062 => ErrorKind::AlreadyExists(message),
        // Too long a text, a letter that the table does not know, and the like.
        1_048 | 1_264 | 1_265 | 1_366 | 1_406 | 1_451 | 1_452 | 3_819 | 4_025 => {
            ErrorKind::Invalid(format!("the database does not take it: {message}"))
        }
        1_153 => ErrorKind::TooMuch(format!("the server takes no statement of that size: {message}")),
        3_159 => {
            ErrorKind::Tls(format!("the MySQL server at {server} wants TLS: ssl_mode=REQUIRED ({message})"))
        }
        // It starts, ends, or has no connection left.
        1_040 | 1_053 | 1_129 | 1_130 | 1_203 | 1_226 | 1_927 => {
            ErrorKind::Unreachable(format!("the MySQL server at {server}: {message}"))
        }
        _ => ErrorKind::Database(message),
    }
}
