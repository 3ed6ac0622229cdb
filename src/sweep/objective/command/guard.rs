//! The process between a sweep and a command: it starts the command in a session of its own, and ends all that came of it,
//! when the command ends, when it is told to, and when the sweep dies, however that dies. It is told by its standard input,
//! which the sweep holds open: a system closes that in any case.

use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, kill_process_group, test_kill_process_group, wait,
};

use super::leftovers::ProcessRecord;
use super::processes::Process;
use crate::sweep::engine::attempts::{AttemptEnd, TrialFolder};

/// Between looks at what is left, and between blows.
const LOOK: Duration = Duration::from_millis(20);
/// How long what was begun beside a command may take to end with it, before anybody looks for it.
const MOMENT: Duration = Duration::from_millis(2);
/// How long the system may take to end what was killed.
const LAST: Duration = Duration::from_secs(10);

/// What happens to a guard.
enum Happened {
    /// The command ended.
    Ended(AttemptEnd),
    /// It is to be ended, or nobody wants it any more.
    Unwanted,
    /// No process is left of what it began.
    NoneLeft,
}

/// Carries an attempt of a trial out: a command, whose output goes to this process's standard error. Returns when nothing is
/// left of it.
///
/// # Errors
/// Where nobody can be told how it ended.
pub fn guard(folder: &Path, attempt: u32, grace: Duration, command: &[String]) -> io::Result<()> {
    let folder = TrialFolder { path: folder.to_owned() };
    // No signal of a terminal comes here. It is a session's first process already where this fails.
    let _ = rustix::process::setsid();
    // What loses its parent becomes a child of this process, however deep it lies.
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let (sender, happening) = channel();
    listen(&sender)?;
    // Known before it begins: whoever is killed then, by its mark it is found again.
    ProcessRecord::of_this_process(None).write(&folder)?;
    let group = match start(command) {
        Ok(group) => group,
        Err(error) => {
            let program = command.first().map_or("", String::as_str);
            ProcessRecord::forget(&folder)?;
            return folder
                .set_end(attempt, &AttemptEnd::Unstarted(format!("cannot start {program}: {error}")));
        }
    };
    watch(group, sender);
    // Where nobody could find the command again it does not go on.
    let recorded = ProcessRecord::of_this_process(Some(group)).write(&folder);
    let end = loop {
        if recorded.is_err() {
            break AttemptEnd::Stopped;
        }
        match happening.recv() {
            Ok(Happened::Ended(end)) => break end,
            Ok(Happened::NoneLeft) => {}
            Ok(Happened::Unwanted) | Err(_) => break AttemptEnd::Stopped,
        }
    };
    // Known before anything else is waited for: who begins the sweep anew goes by it.
    let noted = folder.set_end(attempt, &end);
    end_all(group, &happening, end != AttemptEnd::Stopped, grace);
    ProcessRecord::forget(&folder)?;
    recorded.and(noted)
}

/// Starts the command in a group of its own.
fn start(command: &[String]) -> io::Result<Pid> {
    let (program, words) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
    let output = || io::stderr().as_fd().try_clone_to_owned();
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(output()?).stderr(output()?).process_group(0);
    let child = command.spawn()?;
    Pid::from_raw(child.id() as i32).ok_or_else(|| io::Error::other("no process"))
}

/// Takes note of a signal, which a cluster sends to all processes of a job: this one is to outlive those that it watches over.
fn listen(sender: &Sender<Happened>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    if std::env::var_os("SLURM_JOB_ID").is_none() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut terminate = {
        let _within = runtime.enter();
        signal(SignalKind::terminate())?
    };
    let unwanted = sender.clone();
    std::thread::spawn(move || {
        while runtime.block_on(terminate.recv()).is_some() && unwanted.send(Happened::Unwanted).is_ok() {}
    });
    Ok(())
}

/// Takes note of all that ends, and of the end of the input.
fn watch(group: Pid, sender: Sender<Happened>) {
    let unwanted = sender.clone();
    std::thread::spawn(move || {
        let mut word = [0; 64];
        loop {
            match io::stdin().read(&mut word) {
                Ok(0) => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        let _ = unwanted.send(Happened::Unwanted);
    });
    std::thread::spawn(move || {
        loop {
            let told = match wait(WaitOptions::empty()) {
                Ok(Some((process, status))) if process == group => {
                    let signal = status.terminating_signal().map(AttemptEnd::Signalled);
                    let end = status.exit_status().map(AttemptEnd::Exited).or(signal);
                    end.is_none_or(|end| sender.send(Happened::Ended(end)).is_ok())
                }
                Ok(_) | Err(Errno::INTR) => true,
                Err(_) => {
                    let _ = sender.send(Happened::NoneLeft);
                    false
                }
            };
            if !told {
                return;
            }
        }
    });
}

/// Ends what is left of a command: asks, waits, and kills.
fn end_all(group: Pid, happening: &Receiver<Happened>, has_ended: bool, grace: Duration) {
    let mut is_none_left = has_ended && is_none_left_in(happening, MOMENT);
    if is_none_left && test_kill_process_group(group).is_err() {
        return;
    }
    signal_all(group, Signal::TERM);
    // What was stopped takes note of it only then.
    signal_all(group, Signal::CONT);
    let begun = Instant::now();
    while !(is_none_left && test_kill_process_group(group).is_err()) {
        let lasted = begun.elapsed();
        if lasted > grace.saturating_add(LAST) {
            return;
        }
        if lasted >= grace {
            signal_all(group, Signal::KILL);
        }
        let rest = grace.saturating_sub(lasted);
        // Where none is left of the group alone, nobody tells of it.
        let look = if is_none_left || rest.is_zero() { LOOK } else { rest };
        if is_none_left {
            std::thread::sleep(LOOK);
        } else {
            is_none_left = is_none_left_in(happening, look);
        }
    }
}

/// Whether it is told in that time that no process is left.
fn is_none_left_in(happening: &Receiver<Happened>, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        match happening.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Happened::NoneLeft) | Err(RecvTimeoutError::Disconnected) => return true,
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Sends a signal to the group, and to whatever else came of the command and left the group.
fn signal_all(group: Pid, signal: Signal) {
    // What has ended meanwhile needs none.
    let _ = kill_process_group(group, signal);
    for process in descendants(rustix::process::getpid().as_raw_nonzero().get()) {
        if process.group != group.as_raw_nonzero().get()
            && let Some(id) = Pid::from_raw(process.id)
        {
            let _ = kill_process(id, signal);
        }
    }
}

/// All that came of a process.
fn descendants(of: i32) -> Vec<Process> {
    let all = Process::all();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|process| process.parent == parent && process.id != of) {
            if !found.contains(child) {
                found.push(*child);
                parents.push(child.id);
            }
        }
    }
    found
}
