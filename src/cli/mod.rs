//! The command line: what the screen shows, as text, CSV or JSON, for scripts.
//!
//! Data goes to standard output, messages to standard error. Exit codes: 0 done; 1 something failed; 2 the command
//! line or the settings are wrong; 3 what was asked for does not exist, or no run is eligible; 4 a run that was
//! waited for did not finish, or a model is not better; 5 timeout; 6 a copy is not the same.

mod artifacts;
mod best;
mod choosing;
mod compare;
mod config;
mod doctor;
mod doctor_slurm;
mod download;
mod exec;
pub(crate) mod experiments;
mod finding;
mod history;
mod mark_best;
mod migrate;
mod model_folder;
mod model_versions;
mod models;
mod opening;
mod out;
mod output;
mod promote;
mod reading;
mod report;
mod run_json;
mod runs;
mod siblings;
mod sweep;
mod sweep_arguments;
mod sweep_changes;
mod sweep_command;
mod sweep_file;
mod sweep_report;
mod sweep_slurm;
mod sweeps;
mod transferring;
mod trial_log;
mod upload;
mod wait;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::error::ContextValue;
use clap::{CommandFactory, Parser, Subcommand};
use thiserror::Error;

use self::opening::{open, open_existing, open_or_begin};
use self::out::Out;
use crate::config::{ConfigError, Environment, Flags, Folders, Settings};
use crate::files::TransferError;
use crate::learn::data::DataError;
use crate::migrate::MigrateError;
use crate::mlflow::filter::{Filter, ParseError};
use crate::mlflow::{Experiment, NoExperiment};
use crate::select::PolicyError;
use crate::store::secrets::hide;
use crate::store::{ErrorKind, Store, StoreError};
use crate::sweep::run::RunError;
use crate::text::clean_lines;
use crate::tui::{Elsewhere, Keymap, OpenStore, last_workspace, remember_workspace};

const EXIT_CODES: &str = "Exit codes: 0 success; 1 failure; 2 wrong command line or settings; 3 not found, or no run is eligible; 4 a run waited for did not finish, or the run or \
    version is not better than the champion; 5 timeout; 6 a copy of a store is not the same.";

/// See, compare, choose and train MLflow runs in the terminal.
///
/// Without a command, opens the explorer on a server (`http://…`) or directly on a local `mlflow.db`.
#[derive(Debug, Parser)]
#[command(name = "mltui", bin_name = "mltui", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(flatten)]
    pub flags: Flags,
    /// Open the explorer with this view, as saved there
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List experiments
    Experiments(experiments::Arguments),
    /// List the runs of an experiment, sorted and filtered
    Runs(runs::Arguments),
    /// Compare runs: what differs, how much, and which value is best
    Compare(compare::Arguments),
    /// Print every point of a run's metric
    History(history::Arguments),
    /// Choose the best run of an experiment, and explain the choice
    Best(best::Arguments),
    /// Mark the best run, register its model and move the alias, optionally only if it beats the champion
    MarkBest(mark_best::Arguments),
    /// Report on an experiment: the best run and why, against the champion, the best runs, the params that matter
    Report(report::Arguments),
    /// List registered models, or the versions of one with their runs and values
    Models(models::Arguments),
    /// Promote a version of a registered model to an alias or a stage, if the gate lets it through
    Promote(promote::Arguments),
    /// Download a file, folder or model, resuming what broke off
    Download(download::Arguments),
    /// List and print the files of a run or model
    #[command(subcommand)]
    Artifacts(artifacts::ArtifactsCommand),
    /// Log a file or folder to a run
    Upload(upload::Arguments),
    /// Copy experiments, runs, models and the registry from one store to another, and compare; once more goes on
    Migrate(migrate::Arguments),
    /// Train: search over model families, or over the params of any command, logging each trial as a run
    Sweep(Box<sweep_arguments::Arguments>),
    /// List, pause, continue or cancel the sweeps of this machine
    Sweeps(sweeps::Arguments),
    /// Wait for runs to finish
    Wait(wait::Arguments),
    /// Run a command of your own, such as a training script, in the environment in which MLflow finds this store
    Exec(exec::ExecArguments),
    /// Print the environment in which MLflow finds this store, for a shell: eval "$(mltui --profile P env)"
    Env(exec::EnvArguments),
    /// Show which store would be opened and why, and check that it works
    Doctor,
    /// Show the settings and where they come from
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print a shell completion script
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
    /// Give the terminal back when the explorer, which starts this, ends without doing so
    #[cfg(unix)]
    #[command(hide = true)]
    TerminalGuard {
        /// How the terminal was found: its input, output, control and local modes
        modes: Vec<u32>,
    },
    /// Carry a trial of a sweep out, which starts this, and leave nothing of it behind
    #[cfg(unix)]
    #[command(hide = true)]
    TrialGuard {
        /// The folder of the trial
        folder: std::path::PathBuf,
        /// The number of the attempt
        attempt: u32,
        /// Seconds that the command has to end
        grace: f64,
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Carry a trial of a sweep out as a job of a cluster, which starts this
    #[cfg(unix)]
    #[command(hide = true)]
    TrialJob {
        /// The folder of the sweep
        folder: std::path::PathBuf,
        /// The number of the trial
        trial: usize,
        /// The number of the attempt
        attempt: u32,
    },
}

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
    #[error("cancelled; `mltui sweep --resume {0}` continues it")]
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
    #[error("{0} runs are still running")]
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
    fn of_filter(error: StoreError, filter: &Filter) -> Self {
        match error.kind {
            ErrorKind::Invalid(message) if !filter.is_empty() => {
                Self::Usage(format!("the server rejects this filter: {message}"))
            }
            _ => Self::Store(error),
        }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Language { .. }
            | Self::Usage(_)
            | Self::Policy(_)
            | Self::Data(_)
            | Self::Migrate(MigrateError::Taken(_) | MigrateError::Lacks(_))
            | Self::Transfer(TransferError::Address(_)) => 2,
            Self::Store(error)
            | Self::Transfer(TransferError::Store(error))
            | Self::Migrate(MigrateError::Store(error))
                if matches!(error.kind, ErrorKind::Address(_)) =>
            {
                2
            }
            Self::NoExperiment(_)
            | Self::Migrate(MigrateError::NoExperiment(_))
            | Self::NoRun(_)
            | Self::NoneEligible(_)
            | Self::NoFile(_)
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
}

pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(error),
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough of it.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        // The command has said what there was to say.
        Err(Failure::Ended(code)) => ExitCode::from(code),
        Err(failure) => {
            let mut text = format!("mltui: {}\n", clean_lines(&hide(&failure.to_string())));
            if let Some(hint) = failure.hint() {
                text.push_str(&format!("  {hint}\n"));
            }
            // Nothing is left to tell it to if standard error is closed as well.
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Says what is wrong with the command line; or prints the help, or the version, that was requested.
fn refused(mut error: clap::Error) -> ExitCode {
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
    let text = clean_lines(&hide(&error.to_string())) + "\n";
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn cleaned(value: &ContextValue) -> Option<ContextValue> {
    let clean = |text: &String| crate::text::clean(text).into_owned();
    match value {
        ContextValue::String(text) => Some(ContextValue::String(clean(text))),
        ContextValue::Strings(texts) => Some(ContextValue::Strings(texts.iter().map(clean).collect())),
        _ => None,
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.view.is_some() && arguments.command.is_some() {
        let words = "--view in front of a command is for the explorer; `mltui runs` takes it behind its name";
        return Err(Failure::Usage(words.into()));
    }
    let mut out = Out::open();
    match &arguments.command {
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "mltui", &mut script);
            return Ok(out.write_all(&script)?);
        }
        Some(Command::Man) => {
            return Ok(clap_mangen::Man::new(Arguments::command()).render(&mut out)?);
        }
        #[cfg(unix)]
        Some(Command::TerminalGuard { modes }) => {
            drop(out);
            return Ok(crate::tui::guard_terminal(modes)?);
        }
        #[cfg(unix)]
        Some(Command::TrialGuard { folder, attempt, grace, command }) => {
            drop(out);
            let grace = std::time::Duration::try_from_secs_f64(*grace).unwrap_or_default();
            return Ok(crate::sweep::objective::command::guard(folder, *attempt, grace, command)?);
        }
        #[cfg(unix)]
        Some(Command::TrialJob { folder, trial, attempt }) => {
            drop(out);
            return match crate::sweep::run::trial_job(folder, *trial, *attempt) {
                Ok(0) => Ok(()),
                Ok(code) => Err(Failure::TrialJob(code)),
                Err(cause) => Err(Failure::State { what: "cannot carry the trial out", cause }),
            };
        }
        _ => {}
    }
    let settings = Settings::load(&arguments.flags, &Environment::of_this_process(), &Folders::find())?;
    crate::state::tighten(&settings.state_folder);
    match arguments.command {
        Some(Command::Experiments(command)) => block_on(experiments::run(&settings, &command, &mut out)),
        Some(Command::Runs(command)) => block_on(runs::run(&settings, &command, &mut out)),
        Some(Command::Compare(command)) => block_on(compare::run(&settings, &command, &mut out)),
        Some(Command::History(command)) => block_on(history::run(&settings, &command, &mut out)),
        Some(Command::Best(command)) => block_on(best::run(&settings, &command, &mut out)),
        Some(Command::MarkBest(command)) => block_on(mark_best::run(&settings, &command, &mut out)),
        Some(Command::Report(command)) => block_on(report::run(&settings, &command, &mut out)),
        Some(Command::Models(command)) => block_on(models::run(&settings, &command, &mut out)),
        Some(Command::Promote(command)) => block_on(promote::run(&settings, &command, &mut out)),
        Some(Command::Download(command)) => block_on(download::run(&settings, &command, &mut out)),
        Some(Command::Artifacts(command)) => block_on(artifacts::run(&settings, &command, &mut out)),
        Some(Command::Upload(command)) => block_on(upload::run(&settings, &command, &mut out)),
        Some(Command::Migrate(command)) => {
            block_on(migrate::run(&settings, &arguments.flags, &command, &mut out))
        }
        Some(Command::Sweep(command)) => block_on(sweep::run(&settings, &command, &mut out)),
        Some(Command::Sweeps(command)) => block_on(sweeps::run(&settings, &command, &mut out)),
        Some(Command::Wait(command)) => block_on(wait::run(&settings, &command, &mut out)),
        Some(Command::Exec(command)) => {
            drop(out);
            exec::exec(&settings, &command)
        }
        Some(Command::Env(command)) => exec::env(&settings, &command, &mut out),
        Some(Command::Doctor) => block_on(doctor::run(&settings, &mut out)),
        Some(Command::Config(command)) => config::run(&settings, &command, &mut out),
        Some(Command::Completions { .. } | Command::Man) => Ok(()),
        #[cfg(unix)]
        Some(Command::TerminalGuard { .. } | Command::TrialGuard { .. } | Command::TrialJob { .. }) => Ok(()),
        None => {
            drop(out);
            if !(io::stdout().is_terminal() && io::stdin().is_terminal()) {
                return Err(Failure::Usage(
                    "the explorer needs a terminal; in scripts use `mltui experiments`, `mltui runs` and others, see `mltui --help`"
                        .into(),
                ));
            }
            let opened = explore(settings, arguments.view)?;
            let flags = arguments.flags;
            let connect = move |there: &Elsewhere| {
                let (profile, workspace) = match there {
                    Elsewhere::Profile(name) => (Some(name), None),
                    Elsewhere::Workspace { name, profile } => (profile.as_ref(), Some(name)),
                };
                let flags = match profile {
                    Some(name) => Flags { profile: Some(name.clone()), tracking_uri: None, ..flags.clone() },
                    None => flags.clone(),
                };
                let settings = Settings::load(&flags, &Environment::of_this_process(), &Folders::find());
                settings
                    .map_err(Failure::from)
                    .and_then(|mut settings| {
                        if let (Some(name), Ok(location)) = (workspace, &settings.location) {
                            remember_workspace(&settings.state_folder, &location.name(), name);
                            settings.rest.workspace = Some(name.clone());
                        }
                        explore(settings, None)
                    })
                    .map_err(|error| error.to_string())
            };
            Ok(crate::tui::run(opened, &connect)?)
        }
    }
}

/// The store that the settings name, to be explored.
fn explore(mut settings: Settings, view: Option<String>) -> Result<OpenStore, Failure> {
    // On the screen the watch itself tries again and says so; silent attempts would only hide the trouble.
    settings.rest.max_retries = 0;
    if let (None, Ok(location)) = (&settings.rest.workspace, &settings.location) {
        settings.rest.workspace = last_workspace(&settings.state_folder, &location.name());
    }
    let store = open_or_begin(&settings)?;
    let keymap = Keymap::with(settings.keys())
        .map_err(|message| ConfigError::Keys { path: settings.config_file.clone(), message })?;
    Ok(OpenStore { settings, store, keymap, view })
}

/// Runs a command to its end on this thread.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// The experiment of that name or id.
async fn find_experiment(store: &Store, name: &str) -> Result<Experiment, Failure> {
    Ok(store.find_experiment(name).await??)
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
}
