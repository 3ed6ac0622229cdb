//! `mltui exec` and `mltui env`: a command, or a shell, that reaches the store that the settings name.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Command;

use super::Failure;
use super::opening::tell_new;
use crate::config::{Settings, ShellVariable};
use crate::store::StoreError;
use crate::store::tunnel::Tunnel;
use crate::store::uri::Location;
use crate::text::shell::quoted;

#[derive(Debug, clap::Args)]
pub struct ExecArguments {
    /// The command and its arguments, run without a shell
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub struct EnvArguments {
    /// The shell that is to read it
    #[arg(long, value_enum, default_value_t)]
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// sh, bash, zsh and the like
    #[default]
    Sh,
    /// fish
    Fish,
}

/// Becomes the command, or ends with its exit code.
pub fn exec(settings: &Settings, arguments: &ExecArguments) -> Result<(), Failure> {
    // Whatever was wrong with the address is told by us, not by the command.
    if let Err(error) = &settings.location {
        return Err(error.clone().into());
    }
    let Some((program, words)) = arguments.command.split_first() else {
        return Err(Failure::Usage("exec needs a command, as in `mltui exec -- python train.py`".into()));
    };
    tell_new(settings);
    if let Some(tunnel) = &settings.rest.tunnel {
        way(tunnel, settings)?;
    }
    let access = settings.script_access();
    let mut command = Command::new(program);
    command.args(words);
    access.removed.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.envs(access.variables).envs(settings.script_experiment());
    if settings.rest.tunnel.is_some() {
        return beside(command);
    }
    let failed =
        |cause: io::Error| Failure::NotRun { command: program.to_string_lossy().into_owned(), cause };
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        Err(failed(command.exec()))
    }
    #[cfg(not(unix))]
    match command.status().map_err(failed)?.code() {
        Some(0) => Ok(()),
        code => std::process::exit(code.unwrap_or(1)),
    }
}

/// Waits for the way through another machine: only then it is known what a command is told.
fn way(tunnel: &Tunnel, settings: &Settings) -> Result<(), Failure> {
    if matches!(&settings.location, Ok(Location::Server(url)) if url.scheme() != "http") {
        return Err(Failure::Usage(
            "a command cannot reach an https server through ssh: its certificate is for another name than this machine's"
                .into(),
        ));
    }
    tunnel.wait().map_err(|kind| StoreError::new("reach the server", kind))?;
    Ok(())
}

/// Runs a command beside this process, whose tunnel stays as long as it runs, and ends with its exit code.
fn beside(command: Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|cause| Failure::NotRun { command: program, cause })?;
        // The terminal sends ctrl-c to the command as well, whose business it is.
        loop {
            tokio::select! {
                status = child.wait() => return Ok::<_, Failure>(status?),
                _ = tokio::signal::ctrl_c() => {}
                () = terminated() => end(&child),
            }
        }
    })?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::Ended(u8::try_from(code).unwrap_or(1))),
        None => Err(Failure::Ended(ended_by(status))),
    }
}

/// Somebody asks this process to end.
#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

/// Asks the command to end, too.
#[cfg(unix)]
fn end(child: &tokio::process::Child) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(process) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        let _ = kill_process(process, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn end(_: &tokio::process::Child) {}

/// The exit code of what a signal ended, as shells have it.
#[cfg(unix)]
fn ended_by(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal().and_then(|signal| u8::try_from(128 + signal).ok()).unwrap_or(1)
}

#[cfg(not(unix))]
fn ended_by(_: std::process::ExitStatus) -> u8 {
    1
}

/// Prints what a shell reads to reach the store. No secret is printed.
pub fn env(settings: &Settings, arguments: &EnvArguments, out: &mut impl Write) -> Result<(), Failure> {
    if let Err(error) = &settings.location {
        return Err(error.clone().into());
    }
    if settings.rest.tunnel.is_some() {
        let words =
            "a server behind ssh_host has no address of its own here; `mltui exec` keeps a way to it open";
        return Err(Failure::Usage(words.into()));
    }
    tell_new(settings);
    let variables = settings.shell_variables(|name| std::env::var(name).ok());
    // A shell that is told the rest alone would go on with another store.
    if let Some((name, _)) = variables.iter().find(|(_, value)| *value == ShellVariable::Secret) {
        return Err(Failure::Usage(format!(
            "{name} would hold a secret, which is not printed: use `mltui exec`, or let the profile name the variable that \
             holds it (password_env, token_env)"
        )));
    }
    for (name, value) in variables {
        match (value, arguments.shell) {
            (ShellVariable::Plain(value), Shell::Sh) => writeln!(out, "export {name}={}", quoted(&value))?,
            (ShellVariable::Plain(value), Shell::Fish) => {
                writeln!(out, "set -gx {name} {}", quoted_in_fish(&value))?;
            }
            (ShellVariable::Of(variable), Shell::Sh) => writeln!(out, "export {name}=\"${variable}\"")?,
            (ShellVariable::Of(variable), Shell::Fish) => writeln!(out, "set -gx {name} \"${variable}\"")?,
            (ShellVariable::Unset, Shell::Sh) => writeln!(out, "unset {name}")?,
            (ShellVariable::Unset, Shell::Fish) => writeln!(out, "set -e {name}")?,
            (ShellVariable::Secret, _) => {}
        }
    }
    Ok(())
}

/// A word that fish reads as it is.
fn quoted_in_fish(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}
