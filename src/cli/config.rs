//! `mltui config`

use std::io::Write;

use super::Failure;
use crate::config::Settings;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print where the config file is
    Path,
    /// Print the settings in force and where they come from, without secrets
    Show,
}

pub fn run(settings: &Settings, command: &Command, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Path => writeln!(out, "{}", settings.config_file.display())?,
        Command::Show => write!(out, "{}", crate::text::clean_lines(&settings.show()) + "\n")?,
    }
    Ok(())
}
