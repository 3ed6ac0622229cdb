//! The log file. Nothing is ever logged to the screen.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

/// Starts logging to `mltui.log` in the state folder, as far as `MLTUI_LOG` says (`info`, `mltui=trace`, …). Without
/// the variable nothing is written and no file is made.
pub fn start(folder: &Path) -> Option<WorkerGuard> {
    let filter = std::env::var("MLTUI_LOG").ok().filter(|filter| !filter.is_empty())?;
    std::fs::create_dir_all(folder).ok()?;
    let (writer, guard) =
        tracing_appender::non_blocking(tracing_appender::rolling::never(folder, "mltui.log"));
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(writer)
        .with_ansi(false)
        .try_init()
        .ok()?;
    Some(guard)
}
