//! `mltui config`

use std::io::Write;

use super::Failure;
use crate::config::Settings;

#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Print the path of the config file
    Path,
    /// Print the effective settings and their origin, without secrets
    Show,
}

pub fn run(settings: &Settings, command: &ConfigCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        ConfigCommand::Path => writeln!(out, "{}", settings.config_file.display())?,
        ConfigCommand::Show => write!(out, "{}", crate::text::clean_lines(&settings.show()) + "\n")?,
    }
    Ok(())
}
