//! The command line: what the screen shows, as text, CSV or JSON, for scripts.
//!
//! Data goes to standard output, messages to standard error; [`failure`] has the exit codes.

mod artifacts;
mod best;
mod choosing;
mod compare;
mod config;
mod crash;
mod doctor;
mod doctor_report;
mod doctor_slurm;
mod download;
mod exec;
pub(crate) mod experiments;
mod failure;
mod finding;
mod history;
mod mark_best;
mod metric_names;
mod migrate;
mod migrate_sides;
mod model_edit;
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

use clap::{ArgMatches, CommandFactory, FromArgMatches as _, Parser, Subcommand};

use self::failure::exit_codes;
pub use self::failure::{EXIT_CODES, Failure, KINDS};
use self::opening::{open, open_existing, open_for_screen};
use self::out::Out;
use crate::config::{ConfigError, Environment, Flags, Folders, Settings};
use crate::mlflow::Experiment;
use crate::store::Store;
use crate::tui::{Elsewhere, Keymap, OpenStore, RegistryPlace, last_workspace, remember_workspace};

/// See, compare, choose and train MLflow runs in the terminal.
///
/// Without a command, opens the explorer: on a server (`http://…`), or directly on a database (SQLite, PostgreSQL, MySQL), on a
/// folder of files (`./mlruns`) or on a Databricks workspace.
#[derive(Debug, Parser)]
#[command(name = "mltui", bin_name = "mltui", version, max_term_width = 100, after_help = exit_codes())]
pub struct Arguments {
    #[command(flatten)]
    pub flags: Flags,
    /// Open the explorer with this view, as saved there
    #[arg(long, value_name = "NAME")]
    pub view: Option<String>,
    /// Open the explorer on the model registry (`models`), on a model (`models:/NAME`) or on a version of it
    /// (`models:/NAME/3`, `models:/NAME@champion`)
    #[arg(long, value_name = "WHERE")]
    pub open: Option<RegistryPlace>,
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
    Doctor(doctor::Arguments),
    /// Show the settings and where they come from
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print a shell completion script
    Completions { shell: clap_complete::Shell },
    /// Print the manual page, or write those of all commands
    Man {
        /// Write all pages into this folder instead
        #[arg(long, value_name = "FOLDER")]
        to: Option<std::path::PathBuf>,
    },
    /// Give the terminal back when the explorer, which starts this, ends without doing so
    #[cfg(unix)]
    #[command(hide = true)]
    TerminalGuard {
        /// How the terminal was found: its input, output, control and local modes
        modes: Vec<u64>,
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

pub fn main() -> ExitCode {
    let read = Arguments::command().try_get_matches().and_then(|mut matches| {
        let as_json = is_json(&matches);
        Arguments::from_arg_matches_mut(&mut matches).map(|arguments| (arguments, as_json))
    });
    let (arguments, as_json) = match read {
        Ok(read) => read,
        Err(error) => return failure::refused(error),
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough of it.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        // The command has said what there was to say.
        Err(Failure::Ended(code)) => ExitCode::from(code),
        Err(failure) => failure.tell(as_json),
    }
}

/// Whether the command that was requested prints JSON.
fn is_json(matches: &ArgMatches) -> bool {
    let own = matches.try_get_one::<bool>("json").is_ok_and(|flag| flag.is_some_and(|is_set| *is_set));
    own || matches.subcommand().is_some_and(|(_, below)| is_json(below))
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.open.is_some() && arguments.command.is_some() {
        return Err(Failure::Usage("--open is for the explorer, and goes with no command".into()));
    }
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
        Some(Command::Man { to: None }) => {
            return Ok(clap_mangen::Man::new(Arguments::command()).render(&mut out)?);
        }
        Some(Command::Man { to: Some(folder) }) => {
            let named = |cause| Failure::State { what: "write the pages", cause };
            let at =
                |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
            std::fs::create_dir_all(folder).map_err(at).map_err(named)?;
            return clap_mangen::generate_to(Arguments::command(), folder).map_err(at).map_err(named);
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
    let folders = Folders::find();
    crash::keep_in(&folders.state);
    let settings = Settings::load(&arguments.flags, &Environment::of_this_process(), &folders);
    let settings = match (settings, &arguments.command) {
        // Of settings that cannot be read there is something to report, too.
        (Err(error), Some(Command::Doctor(doctor))) if doctor.report.is_some() => {
            return doctor::report_unread(&error, &folders, doctor, &mut out);
        }
        (settings, _) => settings?,
    };
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
        Some(Command::Doctor(command)) => block_on(doctor::run(&settings, &command, &mut out)),
        Some(Command::Config(command)) => config::run(&settings, &command, &mut out),
        Some(Command::Completions { .. } | Command::Man { .. }) => Ok(()),
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
            run_explorer(settings, (arguments.view, arguments.open), arguments.flags)
        }
    }
}

/// The explorer, until the user leaves it.
fn run_explorer(
    settings: Settings,
    (view, place): (Option<String>, Option<RegistryPlace>),
    flags: Flags,
) -> Result<(), Failure> {
    let opened = OpenStore { place, ..explore(settings, view)? };
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
                if let (Some(name), Ok(_)) = (workspace, &settings.location) {
                    remember_workspace(&settings.state_folder, &settings.store_name(), name);
                    settings.enter_workspace(name);
                    return explore_as_set(settings, None);
                }
                explore(settings, None)
            })
            .map_err(|error| error.to_string())
    };
    Ok(crate::tui::run(opened, &connect)?)
}

/// The store that the settings name, to be explored; where they name no workspace, the one that was chosen last.
fn explore(mut settings: Settings, view: Option<String>) -> Result<OpenStore, Failure> {
    if let (None, Ok(_)) = (&settings.rest.workspace, &settings.location) {
        settings.rest.workspace = last_workspace(&settings.state_folder, &settings.store_name());
    }
    explore_as_set(settings, view)
}

fn explore_as_set(mut settings: Settings, view: Option<String>) -> Result<OpenStore, Failure> {
    // On the screen the watch itself tries again and says so; silent attempts would only hide the trouble.
    settings.rest.max_retries = 0;
    let store = open_for_screen(&settings)?;
    let keymap = Keymap::with(settings.keys())
        .map_err(|message| ConfigError::Keys { path: settings.config_file.clone(), message })?;
    Ok(OpenStore { settings, store, keymap, view, place: None })
}

/// Runs a command to its end on this thread.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let result = command.await;
        crate::store::settled().await;
        result
    })
}

/// The experiment of that name or id.
async fn find_experiment(store: &Store, name: &str) -> Result<Experiment, Failure> {
    Ok(store.find_experiment(name).await??)
}
