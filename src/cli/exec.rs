//! `mltui exec` and `mltui env`: a command, or a shell, that reaches the store that the settings name.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Command;

use super::Failure;
use crate::config::{Settings, ShellVariable};
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
    let access = settings.script_access();
    let mut command = Command::new(program);
    command.args(words);
    access.removed.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.envs(access.variables).envs(settings.script_experiment());
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

/// Prints what a shell reads to reach the store. No secret is printed.
pub fn env(settings: &Settings, arguments: &EnvArguments, out: &mut impl Write) -> Result<(), Failure> {
    if let Err(error) = &settings.location {
        return Err(error.clone().into());
    }
    for (name, value) in settings.shell_variables(|name| std::env::var(name).ok()) {
        match (value, arguments.shell) {
            (ShellVariable::Plain(value), Shell::Sh) => writeln!(out, "export {name}={}", quoted(&value))?,
            (ShellVariable::Plain(value), Shell::Fish) => {
                writeln!(out, "set -gx {name} {}", quoted_in_fish(&value))?;
            }
            (ShellVariable::Of(variable), Shell::Sh) => writeln!(out, "export {name}=\"${variable}\"")?,
            (ShellVariable::Of(variable), Shell::Fish) => writeln!(out, "set -gx {name} \"${variable}\"")?,
            (ShellVariable::Unset, Shell::Sh) => writeln!(out, "unset {name}")?,
            (ShellVariable::Unset, Shell::Fish) => writeln!(out, "set -e {name}")?,
            (ShellVariable::Secret, _) => {
                writeln!(out, "# {name} is a secret and not printed; `mltui exec` hands it on")?;
            }
        }
    }
    Ok(())
}

/// A word that fish reads as it is.
fn quoted_in_fish(word: &str) -> String {
    format!("'{}'", word.replace('\\', "\\\\").replace('\'', "\\'"))
}
