//! What downloads and uploads have in common: how far they are on standard error, ctrl-c, and the question before something
//! is replaced.

use std::io::{self, BufRead as _, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use super::Failure;
use crate::files::{Progress, Result, Snapshot, TransferError};
use crate::text;

/// How often the line is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// Nothing is drawn of what is over sooner.
const PATIENCE: Duration = Duration::from_millis(300);

/// Carries a transfer out, and says how far it is where somebody looks. Ctrl-c ends it; `cancelled` says then what stays.
pub async fn watched<T>(
    work: impl Future<Output = Result<T>>,
    progress: &Progress,
    cancelled: &str,
) -> std::result::Result<T, Failure> {
    seen(work, |elapsed| line(&progress.snapshot(), elapsed), cancelled).await
}

/// The same for any work, with a line that says how far it is.
pub async fn seen<T, E: Into<Failure>>(
    work: impl Future<Output = std::result::Result<T, E>>,
    line: impl Fn(Duration) -> String,
    cancelled: &str,
) -> std::result::Result<T, Failure> {
    let is_seen = io::stderr().is_terminal();
    let started = Instant::now();
    let mut work = std::pin::pin!(work);
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut drawn = false;
    let result = loop {
        tokio::select! {
            biased;
            result = &mut work => break result.map_err(Into::into),
            Ok(()) = &mut interrupt => break Err(Failure::Stopped(cancelled.to_owned())),
            _ = frames.tick(), if is_seen => {
                let elapsed = started.elapsed();
                if elapsed > PATIENCE {
                    drawn = true;
                    draw(&line(elapsed));
                }
            }
        }
    };
    if drawn {
        draw("");
    }
    result
}

fn draw(line: &str) {
    let width = crossterm::terminal::size().map_or(80, |(columns, _)| columns as usize);
    // Nobody is left to be told if this fails.
    let _ = write!(io::stderr(), "\r{}\u{1b}[K", text::cut(line, width.saturating_sub(1), "…"));
    let _ = io::stderr().flush();
}

/// How far a transfer is: `12 of 1,000 files, 34.5 MB of 1.2 GB, 40.0 MB/s`.
fn line(now: &Snapshot, elapsed: Duration) -> String {
    if !now.is_listed {
        return format!("listing: {}, {}", text::counted(now.files as usize, "file"), text::bytes(now.bytes));
    }
    let speed = now.bytes_done as f64 / elapsed.as_secs_f64().max(0.001);
    format!(
        "{} of {}, {} of {}, {}/s",
        text::count(now.files_done as usize),
        text::counted(now.files as usize, "file"),
        text::bytes(now.bytes_done),
        text::bytes(now.bytes.max(now.bytes_done)),
        text::bytes(speed as u64)
    )
}

/// Whether what is in the way may be replaced: asked where somebody sits there, and no otherwise. Ctrl-c ends the program.
pub async fn may_replace(error: &TransferError, is_json: bool) -> bool {
    if !matches!(error, TransferError::Exists(_) | TransferError::InRun(_))
        || is_json
        || !(io::stdin().is_terminal() && io::stderr().is_terminal())
    {
        return false;
    }
    let _ = write!(io::stderr(), "{}; replace? [y/N] ", text::clean(&error.to_string()));
    let _ = io::stderr().flush();
    let reading = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = reading => answer.is_ok_and(|read| read.is_ok_and(|answer| is_yes(&answer))),
        // Once it was listened to, ctrl-c does nothing of its own any more. The line that is read cannot be given up, and
        // would be waited for.
        Ok(()) = tokio::signal::ctrl_c() => {
            let stopped = Failure::Stopped("cancelled".to_owned());
            let _ = write!(io::stderr(), "\nmltui: {stopped}\n");
            std::process::exit(stopped.exit_code().into())
        }
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is() {
        let mut now = Snapshot { files: 1_000, bytes: 2_000_000, ..Snapshot::default() };
        assert_eq!(line(&now, Duration::from_secs(1)), "listing: 1,000 files, 2.0 MB");
        now = Snapshot { is_listed: true, files_done: 12, bytes_done: 1_000_000, ..now };
        let told = line(&now, Duration::from_secs(2));
        assert_eq!(told, "12 of 1,000 files, 1.0 MB of 2.0 MB, 500.0 kB/s");
    }
}
