//! The commands of Slurm: run within bounds, and what their failures mean.

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::text;

/// How long a command may take: Slurm's own gives a controller that does not answer about 10 s, and some try again.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same of accounting, which nobody has to wait for.
const PATIENCE_WITH_ACCOUNTING: Duration = Duration::from_secs(15);
/// The same of `scancel`, which tries for minutes to end a job that is about to change: it is asked again.
const PATIENCE_WITH_ENDING: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of an answer: some 100,000 jobs.
const MOST: u64 = 16 << 20;
/// Ids on one command line.
pub const AT_ONCE: usize = 500;
/// Characters of what a command complains of.
const COMPLAINT: usize = 500;

/// What passes by itself, as Slurm's commands say it: the controller is away, or busy.
const AWAY: [&str; 13] = [
    "Unable to contact slurm controller",
    "Unable to contact slurmdbd",
    "Socket timed out",
    "Connection refused",
    "Connection timed out",
    "Connection reset",
    "Zero Bytes were transmitted",
    "Resource temporarily unavailable",
    "Transport endpoint is not connected",
    "Unexpected message received",
    "Slurm backup controller in standby mode",
    "in standby mode",
    "Message receive failure",
];
/// The same of what may be in the queue: `AssocMaxSubmitJobLimit`, `QOSGrpSubmitJobsLimit`, `MaxSubmitJobsPerAccount`; and of a
/// partition that takes nothing for now.
const LIMITS: [&str; 3] = ["SubmitJob", RETRYING, "Required partition not available"];
/// What it says of these limits, and of those of a single job, which it will never meet. Which one it is stands before it, if
/// anywhere.
const POLICY: &str = "Job violates accounting/QOS policy";
/// Limits of what a single user has in the queue.
const LIMITS_OF_USER: [&str; 2] = ["AssocMaxSubmitJobLimit", "QOSMaxSubmitJobPerUserLimit"];
/// What sbatch says where Slurm has no room for a job, as more are there than it keeps: it would try again for minutes, as a
/// whole array.
const RETRYING: &str = "sleeping and retrying";

/// Why a command of Slurm did not do what it should.
#[derive(Debug, Error)]
pub enum SlurmError {
    /// It is not there.
    #[error(
        "cannot run {program}: {cause}; sweeps with --executor slurm are started where Slurm's commands are"
    )]
    Missing {
        /// Its name.
        program: &'static str,
        /// Why.
        cause: io::Error,
    },
    /// The controller does not answer, or not now.
    #[error("Slurm does not answer: {0}")]
    Away(String),
    /// No more jobs may be submitted now.
    #[error("Slurm takes no more jobs for now: {0}")]
    Limit(String),
    /// It says no.
    #[error("{program}: {message}")]
    Refused {
        /// Its name.
        program: &'static str,
        /// Its words.
        message: String,
    },
}

impl SlurmError {
    /// What a command means by its words.
    pub(super) fn of(program: &'static str, complaint: &str) -> Self {
        let message = in_a_line(program, complaint);
        let has = |known: &[&str]| known.iter().any(|words| complaint.contains(words));
        // A limit is often told with a line that the submission failed for a reason that passes.
        if has(&LIMITS) || (complaint.contains(POLICY) && !names_a_limit(complaint)) {
            Self::Limit(message)
        } else if has(&AWAY) {
            Self::Away(message)
        } else {
            Self::Refused { program, message }
        }
    }

    /// Whether it is a limit of what this user has in the queue, which others do not count in.
    pub(super) fn is_of_user(&self) -> bool {
        matches!(self, Self::Limit(message) if LIMITS_OF_USER.iter().any(|words| message.contains(words)))
    }

    /// Whether it passes by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Limit(_))
    }
}

impl From<SlurmError> for io::Error {
    fn from(error: SlurmError) -> Self {
        Self::other(error)
    }
}

/// What a line of a command says, without its name.
fn said<'a>(program: &str, line: &'a str) -> &'a str {
    let line = line.trim();
    let named = line.strip_prefix(program).and_then(|rest| rest.strip_prefix(": "));
    named.map_or(line, |rest| rest.strip_prefix("error: ").unwrap_or(rest))
}

/// Whether a complaint says which limit it is of: `sbatch: error: QOSMaxWallDurationPerJobLimit`, as its table of reasons has it.
fn names_a_limit(complaint: &str) -> bool {
    let mut lines = complaint.lines().map(|line| said("sbatch", line));
    lines.any(|line| !line.is_empty() && line.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// Lines as one, without what would harm a terminal.
fn in_a_line(program: &str, text: &str) -> String {
    let lines: Vec<&str> =
        text.lines().map(|line| said(program, line)).filter(|line| !line.is_empty()).collect();
    text::clean(&lines.join("; ")).chars().take(COMPLAINT).collect()
}

/// Runs a command of Slurm, and returns what it prints.
///
/// # Errors
/// Where it is not there, does not answer in time, or fails.
pub fn ask(program: &'static str, words: &[String]) -> Result<String, SlurmError> {
    run(program, words, None, &Surroundings::default())
}

/// What a command finds in its environment besides what this process has.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// What is set.
    pub variables: Vec<(String, String)>,
    /// What is not there.
    pub removed: Vec<String>,
}

/// Runs a command of Slurm on an input.
///
/// # Errors
/// As [`ask`].
pub fn run(
    program: &'static str,
    words: &[String],
    input: Option<&str>,
    surroundings: &Surroundings,
) -> Result<String, SlurmError> {
    let missing = |cause| SlurmError::Missing { program, cause };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Within a job this process has variables that say which job it is: those of another are not that job's. Others narrow down
    // what is shown of jobs, and a job that is not shown is taken for lost.
    for name in std::env::vars_os().map(|(name, _)| name).filter(is_left_out) {
        command.env_remove(name);
    }
    for name in &surroundings.removed {
        command.env_remove(name);
    }
    // Its words are looked at, and read to their end.
    command.envs(surroundings.variables.iter().map(|(name, value)| (name, value))).env("LC_ALL", "C");
    if program == "sacct" {
        command.env("SLURM_BITSTR_LEN", "0");
    }
    restore_locale(&mut command, program);
    // What a site has in its place may start others, which end with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(missing)?;
    if let (Some(mut pipe), Some(text)) = (child.stdin.take(), input) {
        // One that ended early says why.
        let _ = pipe.write_all(text.as_bytes());
    }
    let (out, err) = (Heard::of(child.stdout.take()), Heard::of(child.stderr.take()));
    let begun = Instant::now();
    let patience = match program {
        "sacct" => PATIENCE_WITH_ACCOUNTING,
        "scancel" => PATIENCE_WITH_ENDING,
        _ => PATIENCE,
    };
    let status = loop {
        if let Some(status) = child.try_wait().map_err(missing)? {
            break status;
        }
        if err.has(RETRYING) {
            // It sleeps, and nothing is under way.
            end(&mut child);
            break child.wait().map_err(missing)?;
        }
        if begun.elapsed() > patience {
            end(&mut child);
            let _ = child.wait();
            return Err(SlurmError::Away(format!("{program} took more than {} s", patience.as_secs())));
        }
        std::thread::sleep(LOOK);
    };
    let (out, err) = (out.all(), err.all());
    if status.success() {
        Ok(out)
    } else {
        Err(SlurmError::of(program, if err.trim().is_empty() { &out } else { &err }))
    }
}

/// Ends a command with all that it started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    let _ = rustix::process::kill_process_group(
        rustix::process::Pid::from_child(child),
        rustix::process::Signal::KILL,
    );
    let _ = child.kill();
}

/// A job gets the environment of who submits it, with its own language.
fn restore_locale(command: &mut Command, program: &str) {
    if program == "sbatch" {
        match std::env::var_os("LC_ALL") {
            Some(value) => command.env("LC_ALL", value),
            None => command.env_remove("LC_ALL"),
        };
    }
}

fn is_left_out(name: &OsString) -> bool {
    let starts = ["SLURM_", "SQUEUE_", "SACCT_", "SCANCEL_"];
    name.to_str()
        .is_some_and(|name| starts.iter().any(|start| name.starts_with(start)) && name != "SLURM_CONF")
}

/// What a command says, as it comes.
struct Heard {
    said: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Heard {
    fn of<R: Read + Send + 'static>(pipe: Option<R>) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&said);
        let reader = std::thread::spawn(move || {
            // What is behind that is not read, and the command fails by itself.
            let Some(mut pipe) = pipe.map(|pipe| pipe.take(MOST)) else { return };
            let mut block = [0; 8192];
            while let Ok(length @ 1..) = pipe.read(&mut block) {
                into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&block[..length]);
            }
        });
        Self { said, reader }
    }

    /// Whether it has said that by now.
    fn has(&self, words: &str) -> bool {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.windows(words.len()).any(|part| part == words.as_bytes())
    }

    /// All of it, when it has ended.
    fn all(self) -> String {
        let _ = self.reader.join();
        String::from_utf8_lossy(&self.said.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As sbatch of 20.11, 22.05, 24.11 and 26.05 says it.
    #[test]
    fn failures_are_known_by_their_words() {
        for (words, expected) in [
            (
                "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
                "limit",
            ),
            (
                "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy\n",
                "limit",
            ),
            (
                "sbatch: error: AssocGrpSubmitJobsLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
                "limit",
            ),
            (
                "sbatch: error: MaxSubmitJobsPerAccount\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
                "limit",
            ),
            ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n", "limit"),
            ("sbatch: error: Slurm job queue full, sleeping and retrying\n", "limit"),
            (
                "sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)\n",
                "limit",
            ),
            // Which one is not told.
            (
                "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
                "limit",
            ),
            // No job of that kind will ever be taken.
            (
                "sbatch: error: QOSMaxWallDurationPerJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
                "refused",
            ),
            (
                "sbatch: error: QOSMaxCpuPerJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n",
                "refused",
            ),
            (
                "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)\n",
                "away",
            ),
            ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", "away"),
            ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n", "away"),
            (
                "sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: Invalid partition name specified\n",
                "refused",
            ),
            (
                "sbatch: error: Batch job submission failed: Requested node configuration is not available\n",
                "refused",
            ),
        ] {
            let error = SlurmError::of("sbatch", words);
            let kind = match &error {
                SlurmError::Limit(_) => "limit",
                SlurmError::Away(_) => "away",
                SlurmError::Refused { .. } => "refused",
                SlurmError::Missing { .. } => "missing",
            };
            assert_eq!(kind, expected, "{words}");
            assert_eq!(error.is_transient(), expected != "refused");
            assert!(!error.to_string().contains('\n'), "{error}");
            assert_eq!(error.is_of_user(), words.contains("MaxSubmitJobLimit") || words.contains("PerUser"));
            assert!(!error.to_string().contains("sbatch: error: "), "its name is said once: {error}");
        }
    }

    #[test]
    fn a_command_is_read_within_bounds_and_its_complaint_is_told() {
        let words = |text: &str| vec!["-c".to_owned(), text.to_owned()];
        assert_eq!(ask("sh", &words("echo out; echo no >&2")).unwrap(), "out\n");
        let refused = ask("sh", &words("echo 'one\x1b[31m'; echo two; exit 3")).unwrap_err();
        assert!(!refused.to_string().contains('\x1b') && refused.to_string().contains("; two"), "{refused}");
        assert_eq!(run("cat", &[], Some("in"), &Surroundings::default()).unwrap(), "in");
        // Nor is it waited for one that tries again by itself.
        let retries =
            ask("sh", &words("echo 'sbatch: error: no room, sleeping and retrying' >&2; exec sleep 50"));
        assert!(matches!(retries, Err(SlurmError::Limit(_))), "{retries:?}");
        let missing = ask("no-such-program-of-slurm", &[]).unwrap_err().to_string();
        assert!(missing.contains("where Slurm's commands are"), "{missing}");
    }
}
