//! The terminal is lent to a program of the user: a pager, an editor.

use std::io;
use std::process::{Child, Command, ExitStatus};

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
        close(session, program, Err(format!("nothing was opened: {error}")));
        return Ok(true);
    }
    screen.lend()?;
    let ended = match start(&program) {
        Ok(child) => wait(session, inputs, child).await,
        Err(error) => Ok(Err(error)),
    };
    screen.take_back()?;
    inputs.release();
    let ended = match ended {
        Ok(ended) => ended,
        Err(Ended) => {
            close(session, program, Ok(()));
            return Ok(false);
        }
    };
    let result = match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", program.name())),
        Err(error) => Err(format!("cannot start {}: {error}", program.words.join(" "))),
    };
    close(session, program, result);
    let (columns, rows) = screen.size()?;
    screen.resized();
    session.feed(Msg::Resize { columns, rows });
    Ok(true)
}

/// This program shall end.
struct Ended;

fn start(program: &Program) -> io::Result<Child> {
    let (name, arguments) = program
        .words
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no command"))?;
    Command::new(name).args(arguments).arg(&program.file).spawn()
}

fn close(session: &mut Session, program: Program, result: Result<(), String>) {
    session.feed(files::Msg::Closed { program, result }.into());
}

async fn wait(
    session: &mut Session,
    inputs: &mut Inputs,
    mut child: Child,
) -> Result<io::Result<ExitStatus>, Ended> {
    let id = child.id();
    let mut ended = tokio::task::spawn_blocking(move || child.wait());
    let mut is_asked_to_end = false;
    loop {
        tokio::select! {
            status = &mut ended => {
                if is_asked_to_end {
                    return Err(Ended);
                }
                return Ok(status.unwrap_or_else(|error| Err(io::Error::other(error))));
            }
            Some(input) = inputs.signal() => match input {
                // That was for the other program, as was what is typed.
                Input::Interrupt | Input::Answer(_) => {}
                Input::Suspend => stop_all(),
                Input::Msg(Msg::Terminate) => {
                    is_asked_to_end = true;
                    end(id);
                }
                Input::Msg(msg) => drop(session.feed(msg)),
            },
            Some(msg) = session.messages.recv() => drop(session.feed(msg)),
        }
    }
}

/// The other program stops as well, if it has not stopped already: they belong to one job.
#[cfg(unix)]
fn stop_all() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::STOP);
}

#[cfg(not(unix))]
fn stop_all() {}

#[cfg(unix)]
fn end(id: u32) {
    if let Some(process) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    }
}

#[cfg(not(unix))]
fn end(_: u32) {}
