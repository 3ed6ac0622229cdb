//! The terminal is lent to a program of the user: a pager, an editor.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::input::{Input, Inputs};
use super::{Session, TerminalScreen};
use crate::tui::core::msg::Msg;
use crate::tui::features::files;
use crate::tui::features::files::programs::Program;

/// Runs a program in the terminal until it ends; meanwhile nothing is drawn, and what comes from the store is taken in. False
/// when this program shall end as well.
pub async fn run(
    session: &mut Session,
    inputs: &mut Inputs,
    screen: &mut TerminalScreen,
    program: Program,
) -> io::Result<bool> {
    if let Err(error) = inputs.hold() {
        close(session, program, Err(format!("nothing was opened: {error}")), false);
        return Ok(true);
    }
    screen.lend()?;
    let begun = Instant::now();
    let ended = match start(&program) {
        Ok(child) => wait(session, inputs, child).await,
        Err(error) => Ok(Err(error)),
    };
    let at_once = begun.elapsed() < AT_ONCE;
    screen.take_back()?;
    inputs.release();
    let ended = match ended {
        Ok(ended) => ended,
        Err(Ended) => {
            // What an editor has not been asked for yet may be in its folder.
            if !program.is_editor {
                close(session, program, Ok(()), false);
            }
            return Ok(false);
        }
    };
    let result = match ended {
        Ok(status) if status.success() || is_interrupted(status) => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", program.name())),
        Err(error) => Err(format!("cannot start {}: {error}", program.words.join(" "))),
    };
    close(session, program, result, at_once);
    let (columns, rows) = screen.size()?;
    screen.resized();
    session.feed(Msg::Resize { columns, rows });
    // What was meant for the other program may come behind its end.
    tokio::time::sleep(BEHIND).await;
    Ok(inputs.forget_interrupts())
}

/// A program that ends sooner has perhaps only told another one to begin.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long a signal may be on its way.
const BEHIND: Duration = Duration::from_millis(30);

/// This program shall end.
struct Ended;

fn start(program: &Program) -> io::Result<Child> {
    let (name, arguments) = program
        .words
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no command"))?;
    Command::new(name).args(arguments).arg(&program.file).spawn()
}

fn close(session: &mut Session, program: Program, result: Result<(), String>, at_once: bool) {
    session.feed(files::Msg::Closed { program, result, at_once }.into());
}

async fn wait(
    session: &mut Session,
    inputs: &mut Inputs,
    mut child: Child,
) -> Result<io::Result<ExitStatus>, Ended> {
    let id = child.id();
    let mut ended = tokio::task::spawn_blocking(move || wait_for(&mut child));
    let mut is_asked_to_end = false;
    loop {
        tokio::select! {
            biased;
            Some(input) = inputs.signal() => match input {
                // That was for the other program, as was what is typed; when it stops, this one does, too.
                Input::Interrupt | Input::Suspend | Input::Answer(_) => {}
                Input::Msg(Msg::Terminate) => {
                    is_asked_to_end = true;
                    end(id);
                }
                Input::Msg(msg) => drop(session.feed(msg)),
            },
            status = &mut ended => {
                if is_asked_to_end {
                    return Err(Ended);
                }
                return Ok(status.unwrap_or_else(|error| Err(io::Error::other(error))));
            }
            Some(msg) = session.messages.recv() => drop(session.feed(msg)),
        }
    }
}

/// Waits for the end of a program. When it stops, all of the job does: whoever has started this program has the terminal then,
/// and lets both go on.
#[cfg(unix)]
fn wait_for(child: &mut Child) -> io::Result<ExitStatus> {
    use std::os::unix::process::ExitStatusExt as _;

    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, WaitOptions, kill_current_process_group, waitpid};
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    loop {
        match waitpid(id, WaitOptions::UNTRACED) {
            Ok(Some((_, status))) if status.stopped() => kill_current_process_group(Signal::STOP)?,
            Ok(Some((_, status))) => return Ok(ExitStatus::from_raw(status.as_raw())),
            Ok(None) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
fn wait_for(child: &mut Child) -> io::Result<ExitStatus> {
    child.wait()
}

/// Ended by `ctrl-c`, which is an end like any other.
#[cfg(unix)]
fn is_interrupted(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal() == Some(rustix::process::Signal::INT.as_raw())
}

#[cfg(not(unix))]
fn is_interrupted(_: ExitStatus) -> bool {
    false
}

#[cfg(unix)]
fn end(id: u32) {
    if let Some(process) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    }
}

#[cfg(not(unix))]
fn end(_: u32) {}
