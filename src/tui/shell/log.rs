//! The log file. Nothing is ever logged to the screen.

use std::io::{self, Write};
use std::path::Path;

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::disk::{self, Care};
use crate::store::secrets::hide;
use crate::text::clean_lines;

/// Starts logging to `mltui.log` in the state folder, as far as `MLTUI_LOG` says (`info`, `mltui=trace`, …). Without
/// the variable nothing is written and no file is made.
pub fn start(folder: &Path) -> io::Result<Option<WorkerGuard>> {
    let Some(filter) = std::env::var("MLTUI_LOG").ok().filter(|filter| !filter.is_empty()) else {
        return Ok(None);
    };
    disk::make_folder(folder, Care::Private)?;
    let (writer, guard) = tracing_appender::non_blocking(disk::open_to_append(&folder.join("mltui.log"))?);
    let started = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(move || Discreet(writer.clone()))
        .with_ansi(false)
        .try_init();
    started.map(|()| Some(guard)).map_err(io::Error::other)
}

/// A writer that takes known secrets out, and shows what would steer the terminal of who reads it. Each event comes in
/// one piece.
struct Discreet(NonBlocking);

impl Write for Discreet {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(fit_to_be_read(event).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn fit_to_be_read(event: &[u8]) -> String {
    clean_lines(&hide(&String::from_utf8_lossy(event))) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_log_steers_the_terminal_of_who_reads_it() {
        let event = "2026-11-23 WARN run \u{1b}[31m\u{202e}x\u{9b}2J failed\n  second line\n";
        let shown = "2026-11-23 WARN run ^[[31m<202e>x<9b>2J failed\n  second line\n";
        assert_eq!(fit_to_be_read(event.as_bytes()), shown);
    }
}
