//! An attempt as the sweep sees it: a guard that carries it out, is told when it is not wanted any more, and tells its end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::program;

/// The subcommand that is a guard.
pub const GUARD: &str = "trial-guard";

/// What a command is started with.
#[derive(Debug)]
pub struct Start<'a> {
    /// The folder of its trial.
    pub folder: &'a Path,
    /// The number of the attempt.
    pub attempt: u32,
    /// Seconds that it has to end by itself.
    pub grace: f64,
    /// The words of the command.
    pub command: &'a [String],
    /// The folder that it runs in.
    pub working_folder: &'a Path,
    /// What stands in its environment besides what stands in that of this process.
    pub variables: Vec<(String, String)>,
    /// What does not stand there.
    pub removed: Vec<String>,
    /// Where its output goes.
    pub log: File,
}

/// An attempt that is under way. Dropped, it is ended.
#[derive(Debug)]
pub struct Guarded {
    guard: Child,
    /// Closed when the attempt is not wanted any more, by the system if this process dies.
    input: Option<ChildStdin>,
    over: Receiver<()>,
}

impl Guarded {
    /// Starts it.
    ///
    /// # Errors
    /// Where no process can be started; what is wrong with the command itself is how the attempt ends.
    pub fn start(start: Start<'_>) -> io::Result<Self> {
        let mut guard = Command::new(program::current_executable()?);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut guard, "mltui");
        for name in &start.removed {
            guard.env_remove(name);
        }
        guard.envs(start.variables).current_dir(start.working_folder);
        guard.arg(GUARD).arg(start.folder).arg(start.attempt.to_string()).arg(start.grace.to_string());
        guard.arg("--").args(start.command);
        let mut guard = guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(start.log).spawn()?;
        let (input, output) = (guard.stdin.take(), guard.stdout.take());
        let (sender, over) = channel();
        // A guard says nothing; its output closes when it ends, however it ends.
        std::thread::spawn(move || {
            let mut output = output;
            if let Some(output) = &mut output {
                let _ = output.read_to_end(&mut Vec::new());
            }
            let _ = sender.send(());
        });
        Ok(Self { guard, input, over })
    }

    /// Waits for so long; whether nothing is left of the attempt.
    pub fn is_over_in(&mut self, patience: Duration) -> bool {
        !matches!(self.over.recv_timeout(patience), Err(RecvTimeoutError::Timeout))
    }

    /// Ends the attempt, which takes some time.
    pub fn stop(&mut self) {
        self.input = None;
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
        // A guard ends by itself as soon as nothing is left of its command, and in any case some time behind the grace.
        let _ = self.guard.wait();
    }
}
