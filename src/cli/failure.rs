//! How commands fail: exit codes, kinds, and what is said on standard error.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ContextValue;
use serde_json::json;
use thiserror::Error;

use crate::config::ConfigError;
use crate::files::TransferError;
use crate::learn::data::DataError;
use crate::migrate::MigrateError;
use crate::mlflow::NoExperiment;
use crate::mlflow::filter::{Filter, ParseError};
use crate::select::PolicyError;
use crate::store::secrets::hide;
use crate::store::{ErrorKind, StoreError};
use crate::sweep::run::RunError;
use crate::text::{self, clean_lines};

/// What a command ends with.
pub const EXIT_CODES: [(u8, &str); 7] = [
    (0, "success"),
    (1, "failure"),
    (2, "wrong command line or settings"),
    (3, "not found, or no run is eligible"),
    (
        4,
        "a run waited for did not finish, or the run or version is not better than the champion or does not pass its gate",
    ),
    (5, "timeout"),
    (6, "a copy of a store is not the same"),
];

/// The codes in a line, for the help.
pub fn exit_codes() -> String {
    let each: Vec<String> = EXIT_CODES.iter().map(|(code, words)| format!("{code} {words}")).collect();
    format!("Exit codes: {}.", each.join("; "))
}

/// What `kind` of an error says in JSON, with the exit code and what it means. A test compares the documentation with it.
pub const KINDS: [(&str, &str, &str); 26] = [
    ("usage", "2", "the command line is wrong"),
    ("settings", "2", "the config file, a profile or a variable is wrong"),
    ("expression", "2", "a filter, an order or a column cannot be understood"),
    ("address", "2", "an address of a store or of files cannot be"),
    ("data", "2", "the training data cannot be read or used"),
    ("not_found", "3", "what was named is not there: an experiment, a run, a model, a file"),
    ("no_store", "3", "the database that was named is not there"),
    ("none_eligible", "3", "no run is eligible, or there is nothing of what was requested"),
    ("not_better", "4", "the run or version is not better than the champion, or does not pass its gate"),
    ("runs_failed", "4", "runs that were waited for failed or were killed"),
    ("timeout", "5", "runs that were waited for go on"),
    ("differs", "6", "what was copied is not the same"),
    ("taken", "2", "something of that name is there already, from elsewhere"),
    ("unreachable", "1", "the store does not answer"),
    ("tls", "1", "a certificate is not accepted"),
    ("denied", "1", "credentials are missing or rejected, or something is not allowed"),
    ("locked", "1", "another program holds the database"),
    ("unsupported", "1, 2", "the store has no such thing"),
    ("rejected", "1", "the store does not take what was requested"),
    ("server", "1", "the server failed, or does not answer as MLflow does"),
    ("damaged", "1", "what is at the address is no store of MLflow's, or a damaged one"),
    ("files", "1", "files are in the way, or are not what they were"),
    ("disk", "1", "a file of this machine cannot be read or written"),
    ("sweep", "1", "the sweep cannot go on; what there is of it is kept"),
    ("cancelled", "1", "somebody stopped it"),
    ("command", "126, 127", "the command of `mltui exec` cannot be started"),
];

/// Why a command ended badly.
#[derive(Debug, Error)]
pub enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("in the {what}:\n{}", error.report(text))]
    Language { what: &'static str, text: String, error: ParseError },
    #[error("{0}; see `mltui experiments`")]
    NoExperiment(#[from] NoExperiment),
    #[error("no run has the id or name {0:?}; see `mltui runs`")]
    NoRun(String),
    /// The database that was requested is not there.
    #[error("{0}")]
    NoFile(String),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error("{0}")]
    NoneEligible(String),
    #[error("{0}")]
    NotBetter(String),
    /// A cluster does not take it.
    #[error("the sweep's process cannot be submitted: {0}")]
    NotSubmitted(String),
    /// A trial of a cluster came to nothing, which whoever waits for it says.
    #[error("the trial ended with code {0}")]
    TrialJob(u8),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Sweep(#[from] RunError),
    /// With the command that goes on.
    #[error("cancelled; `{0}` continues it")]
    Cancelled(String),
    /// Ctrl-c.
    #[error("{0}")]
    Stopped(String),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// What was copied is not the same.
    #[error("{0}")]
    Differs(String),
    #[error("{failed} of {of} runs failed or were killed")]
    RunsFailed { failed: usize, of: usize },
    #[error("{} still running", if *.0 == 1 { "1 run is".to_owned() } else { format!("{} are", text::runs(*.0)) })]
    TimedOut(usize),
    /// The command that was to be run, with its exit code, which says what there is to say.
    #[error("the command ended with code {0}")]
    Ended(u8),
    #[error("cannot run {command}: {cause}")]
    NotRun { command: String, cause: io::Error },
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// Something of the program's own, which names its path.
    #[error("{what}: {cause}")]
    State { what: &'static str, cause: io::Error },
}

impl Failure {
    /// A filter that the server does not take is a mistake of who wrote it.
    pub(super) fn of_filter(error: StoreError, filter: &Filter) -> Self {
        match error.kind {
            ErrorKind::Invalid(message) if !filter.is_empty() => {
                Self::Usage(format!("the server rejects this filter: {message}"))
            }
            _ => Self::Store(error),
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Language { .. }
            | Self::Usage(_)
            | Self::Policy(_)
            | Self::Data(_)
            | Self::Migrate(MigrateError::Taken(_) | MigrateError::Lacks(_) | MigrateError::Same(_))
            | Self::Transfer(TransferError::Address(_)) => 2,
            Self::Store(error)
            | Self::Transfer(TransferError::Store(error))
            | Self::Migrate(MigrateError::Store(error))
                if matches!(error.kind, ErrorKind::Address(_)) =>
            {
                2
            }
            Self::NoExperiment(_)
            | Self::NoRun(_)
            | Self::NoneEligible(_)
            | Self::NoFile(_)
            | Self::Migrate(MigrateError::NoExperiment(_))
            | Self::Transfer(TransferError::Nothing(_)) => 3,
            Self::Store(error)
            | Self::Transfer(TransferError::Store(error))
            | Self::Migrate(MigrateError::Store(error))
                if matches!(error.kind, ErrorKind::NotFound(_)) =>
            {
                3
            }
            Self::RunsFailed { .. } | Self::NotBetter(_) => 4,
            Self::TimedOut(_) => 5,
            Self::Differs(_) => 6,
            Self::TrialJob(code) | Self::Ended(code) => *code,
            // As shells have it.
            Self::NotRun { cause, .. } if cause.kind() == io::ErrorKind::NotFound => 127,
            Self::NotRun { .. } => 126,
            Self::Store(_)
            | Self::Output(_)
            | Self::State { .. }
            | Self::Sweep(_)
            | Self::Cancelled(_)
            | Self::Stopped(_)
            | Self::Transfer(_)
            | Self::Migrate(_)
            | Self::NotSubmitted(_) => 1,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) | Self::Migrate(MigrateError::Store(error)) => Some(error.hint()),
            Self::Transfer(error) => error.hint(),
            Self::NoFile(_) => Some(
                "`mltui doctor` shows where the address comes from; the file is created when the first run is logged",
            ),
            Self::State { .. } => Some(
                "`mltui doctor` shows the state folder; make sure that it is writable and its disk not full",
            ),
            _ => None,
        }
    }

    /// What is wrong, in a word for programs: one of [`KINDS`].
    fn kind(&self) -> &'static str {
        match self {
            Self::Store(error)
            | Self::Transfer(TransferError::Store(error))
            | Self::Migrate(MigrateError::Store(error)) => store_kind(&error.kind),
            Self::Migrate(MigrateError::Taken(_)) => "taken",
            Self::Migrate(MigrateError::Lacks(_)) => "unsupported",
            Self::Differs(_) => "differs",
            Self::Config(_) => "settings",
            Self::Language { .. } | Self::Policy(PolicyError::Constraint { .. }) => "expression",
            Self::NoExperiment(_)
            | Self::NoRun(_)
            | Self::Migrate(MigrateError::NoExperiment(_))
            | Self::Transfer(TransferError::Nothing(_)) => "not_found",
            Self::NoFile(_) => "no_store",
            Self::Usage(_) | Self::Policy(_) | Self::Migrate(MigrateError::Same(_)) => "usage",
            Self::NoneEligible(_) => "none_eligible",
            Self::NotBetter(_) => "not_better",
            Self::RunsFailed { .. } => "runs_failed",
            Self::TimedOut(_) => "timeout",
            Self::Data(_) => "data",
            Self::Cancelled(_) | Self::Stopped(_) => "cancelled",
            Self::Sweep(_) | Self::NotSubmitted(_) | Self::TrialJob(_) => "sweep",
            Self::Transfer(TransferError::Address(_)) => "address",
            Self::Transfer(TransferError::Local(_))
            | Self::Migrate(MigrateError::Local(_))
            | Self::Output(_)
            | Self::State { .. } => "disk",
            Self::Transfer(_) => "files",
            Self::Ended(_) | Self::NotRun { .. } => "command",
        }
    }

    /// Says it on standard error, and what to end with.
    pub fn tell(&self, as_json: bool) -> ExitCode {
        let message = hide(&self.to_string()).into_owned();
        let text = if as_json {
            in_json(self.kind(), &message, self.hint(), self.exit_code())
        } else {
            let mut text = format!("mltui: {}\n", clean_lines(&message));
            if let Some(hint) = self.hint() {
                let _ = writeln!(text, "  {hint}");
            }
            text
        };
        // Nothing is left to tell it to if standard error is closed as well.
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(self.exit_code())
    }
}

/// The kind of a store's failure.
fn store_kind(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unreachable(_)
        | ErrorKind::Timeout(_)
        | ErrorKind::Proxy(_)
        | ErrorKind::Gone(_)
        | ErrorKind::Hung(..) => "unreachable",
        ErrorKind::Tls(_) => "tls",
        ErrorKind::Unauthorized
        | ErrorKind::Withheld(_)
        | ErrorKind::Forbidden(_)
        | ErrorKind::Login(_)
        | ErrorKind::Denied(_)
        | ErrorKind::ReadOnly(_) => "denied",
        ErrorKind::NotFound(_) => "not_found",
        ErrorKind::Address(_) => "address",
        ErrorKind::Locked => "locked",
        ErrorKind::AlreadyExists(_)
        | ErrorKind::Partly(_)
        | ErrorKind::Invalid(_)
        | ErrorKind::Limit(_)
        | ErrorKind::Database(_) => "rejected",
        ErrorKind::NotAStore(_) => "damaged",
        ErrorKind::DiskFull | ErrorKind::Io(_) => "disk",
        // Of an object store the words say which it is.
        ErrorKind::ObjectStore(..) => "files",
        ErrorKind::Unsupported(_) | ErrorKind::Elsewhere(_) => "unsupported",
        ErrorKind::Server { .. } | ErrorKind::Protocol(_) | ErrorKind::TooMuch(_) => "server",
    }
}

/// An error in one line of JSON.
fn in_json(kind: &str, message: &str, hint: Option<&str>, exit_code: u8) -> String {
    let told = json!({
        "error": { "kind": kind, "message": message, "hint": hint, "exit_code": exit_code },
    });
    let line = text::json::compact(&told).unwrap_or_default();
    String::from_utf8(line).unwrap_or_default() + "\n"
}

/// Says what is wrong with the command line; or prints the help, or the version, that was requested.
pub fn refused(mut error: clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Whoever reads it may have seen enough of it.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    // What was written on the command line is repeated in it, in one line each.
    let repeated: Vec<_> =
        error.context().filter_map(|(kind, value)| Some((kind, cleaned(value)?))).collect();
    for (kind, value) in repeated {
        error.insert(kind, value);
    }
    let message = hide(&error.to_string()).into_owned();
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    let mut words = std::env::args_os().skip(1).take_while(|word| word != "--");
    let text = if words.any(|word| word == "--json") {
        in_json("usage", message.trim_start_matches("error: ").trim_end(), None, code)
    } else {
        clean_lines(&message) + "\n"
    };
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(code)
}

fn cleaned(value: &ContextValue) -> Option<ContextValue> {
    let clean = |text: &String| crate::text::clean(text).into_owned();
    match value {
        ContextValue::String(text) => Some(ContextValue::String(clean(text))),
        ContextValue::Strings(texts) => Some(ContextValue::Strings(texts.iter().map(clean).collect())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_refused_is_a_wrong_command_line_and_nothing_else_is() {
        let refused = || StoreError::new("search runs", ErrorKind::Invalid("too long".into()));
        let filter = crate::mlflow::filter::parse("metrics.a > 1").unwrap();
        assert_eq!(Failure::of_filter(refused(), &filter).exit_code(), 2);
        assert_eq!(Failure::of_filter(refused(), &Filter::default()).exit_code(), 1);
        let broken = StoreError::new("search runs", ErrorKind::Io("broken".into()));
        assert_eq!(Failure::of_filter(broken, &filter).exit_code(), 1);
    }

    #[test]
    fn a_store_fails_with_the_same_code_while_files_are_moved() {
        for (kind, code) in [
            (ErrorKind::Address("no such scheme".into()), 2),
            (ErrorKind::NotFound("no run".into()), 3),
            (ErrorKind::Io("broken".into()), 1),
        ] {
            let error = || StoreError::new("list files", kind.clone());
            assert_eq!(Failure::Store(error()).exit_code(), code);
            assert_eq!(Failure::Transfer(TransferError::Store(error())).exit_code(), code);
        }
    }

    #[test]
    fn one_is_told_in_the_singular() {
        assert_eq!(Failure::TimedOut(1).to_string(), "1 run is still running");
        assert_eq!(Failure::TimedOut(2).to_string(), "2 runs are still running");
        assert_eq!(Failure::RunsFailed { failed: 1, of: 1 }.to_string(), "1 of 1 runs failed or were killed");
    }

    #[test]
    fn an_error_is_a_line_of_json_with_a_kind_that_is_listed() {
        let failures = [
            Failure::Usage("x".into()),
            Failure::NoRun("a".into()),
            Failure::NoFile("x".into()),
            Failure::NoneEligible("x".into()),
            Failure::NotBetter("x".into()),
            Failure::RunsFailed { failed: 1, of: 2 },
            Failure::TimedOut(1),
            Failure::Cancelled("x".into()),
            Failure::NotSubmitted("x".into()),
            Failure::NotRun { command: "x".into(), cause: io::ErrorKind::NotFound.into() },
            Failure::Output(io::ErrorKind::StorageFull.into()),
            Failure::Transfer(TransferError::Address("x".into())),
            Failure::Transfer(TransferError::Exists(Vec::new())),
            Failure::Store(StoreError::new("list", ErrorKind::Locked)),
            Failure::Store(StoreError::new("list", ErrorKind::Address("x".into()))),
            Failure::Store(StoreError::new("list", ErrorKind::NotFound("x".into()))),
        ];
        for failure in failures {
            let (kind, code) = (failure.kind(), failure.exit_code());
            let listed = KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
            assert!(listed.1.split(", ").any(|known| known == code.to_string()), "{kind}: {code}");
            let line = in_json(kind, &failure.to_string(), failure.hint(), code);
            assert_eq!(line.matches('\n').count(), 1);
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&read["error"]["kind"], &read["error"]["exit_code"]), (&json!(kind), &json!(code)));
        }
        let steering = in_json("usage", "a\u{1b}[31m\u{202e}\nb", None, 2);
        assert!(steering.contains(r"a\u001b[31m\u202e\nb"), "{steering}");
    }
}
