//! What came of an attempt: the value of its metric, or why it has none, with the last words of the command.

use std::collections::HashMap;
use std::io;

use super::printed::Printed;
use super::{Came, Commands};
use crate::disk;
use crate::mlflow::Run;
use crate::sweep::engine::attempts::{Attempt, AttemptEnd, TrialFolder};
use crate::text;

/// Of the output of a command that fails: so many lines, of so many characters, out of so many bytes.
const LAST_LINES: usize = 10;
const LINE: usize = 300;
const LAST_BYTES: u64 = 16 << 10;
/// Metrics that are named where the one that is optimised is missing.
const NAMED: usize = 10;

impl Commands {
    /// How an attempt failed that did not come to its end as it should, with its last words.
    pub(super) fn failure(&self, folder: &TrialFolder, attempt: &Attempt, came: &Came) -> io::Result<String> {
        let what = match came {
            Came::Ended(AttemptEnd::Exited(code)) => format!("exit code {code}"),
            Came::Ended(AttemptEnd::Signalled(signal)) => format!("ended by signal {signal}"),
            Came::Ended(AttemptEnd::Unstarted(why)) => return Ok(why.clone()),
            Came::Ended(AttemptEnd::Stopped) => "ended from outside".to_owned(),
            Came::Ended(AttemptEnd::OutOfTime) => "the time limit of its job was reached".to_owned(),
            Came::Ended(AttemptEnd::Cancelled) => "its job was cancelled".to_owned(),
            Came::Ended(AttemptEnd::Lost(why)) => format!("its job was lost too often: {why}"),
            Came::Ended(AttemptEnd::Failed(why)) => why.clone(),
            Came::TimedOut | Came::Ended(AttemptEnd::TimedOut) => {
                let seconds = self.plan.timeout.unwrap_or_default();
                format!("timeout after {}", text::duration((seconds * 1000.0) as i64))
            }
            Came::Pruned => "pruned".to_owned(),
            Came::CalledOff => "called off".to_owned(),
        };
        Ok(with_lines(&what, &last_lines(folder, attempt.log_start)?))
    }

    /// The value of a trial: that of the run which its script made, or what was printed.
    pub(super) fn judge(run: Option<&Run>, printed: &Printed, metric: &str) -> Result<f64, String> {
        let logged: HashMap<&str, f64> = run.map_or_else(HashMap::new, |run| {
            run.metrics.iter().map(|metric| (metric.key.as_str(), metric.value)).collect()
        });
        match logged.get(metric).copied().or_else(|| printed.value(metric)) {
            Some(value) if value.is_finite() => Ok(value),
            Some(value) if value.is_nan() => Err(format!("{metric} is NaN")),
            Some(value) => {
                Err(format!("{metric} is {}", if value > 0.0 { "infinite" } else { "minus infinity" }))
            }
            None => {
                let mut known: Vec<&str> = logged.into_keys().chain(printed.keys()).collect();
                known.sort_unstable();
                known.dedup();
                let more = known.len().saturating_sub(NAMED);
                known.truncate(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let of = if run.is_some() { "its run" } else { "it made no run, and its output" };
                Err(if known.is_empty() {
                    format!("no metric {metric}: {of} has none")
                } else {
                    format!("no metric {metric}: {of} has {}{more}", known.join(", "))
                })
            }
        }
    }
}

/// A sentence, the last word of a command behind it, and below what came before.
pub(super) fn with_lines(what: &str, lines: &[String]) -> String {
    match lines.last() {
        Some(last) if lines.len() > 1 => format!("{what}: {last}\n{}", lines.join("\n")),
        Some(last) => format!("{what}: {last}"),
        None => what.to_owned(),
    }
}

/// The last lines that an attempt printed.
pub(super) fn last_lines(folder: &TrialFolder, from: u64) -> io::Result<Vec<String>> {
    let path = folder.log();
    let length = path.metadata().map_or(0, |metadata| metadata.len());
    // Of one that was made shorter all that is left may be meant.
    let said = if from > length { length } else { length - from };
    if said == 0 {
        return Ok(Vec::new());
    }
    let end = disk::read_end(&path, said.min(LAST_BYTES))?;
    let lines = end.split(['\n', '\r']).map(|line| text::clean(line.trim_end()));
    let mut lines: Vec<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("--- attempt "))
        .map(|line| line.chars().take(LINE).collect())
        .collect();
    Ok(lines.split_off(lines.len().saturating_sub(LAST_LINES)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::engine::journal::SweepFolder;

    #[test]
    fn the_last_words_of_a_command_stand_first() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(0);
        folder.make().unwrap();
        let lines = |from| last_lines(&folder, from).unwrap();
        assert_eq!(with_lines("exit code 1", &lines(0)), "exit code 1");
        std::fs::write(
            folder.log(),
            "before\nTraceback\n  File \"x\"\n\u{1b}[31mError: no\u{1b}[0m 12%\rModuleNotFoundError: x\n\n",
        )
        .unwrap();
        let words = with_lines("exit code 1", &lines(7));
        assert!(words.starts_with("exit code 1: ModuleNotFoundError: x\nTraceback\n"), "{words}");
        assert!(!words.contains('\u{1b}') && !words.contains("before"), "{words}");
        std::fs::write(folder.log(), "x\n".repeat(100_000)).unwrap();
        assert_eq!(lines(0).len(), LAST_LINES);
    }
}
