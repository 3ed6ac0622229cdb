//! Attempts that are processes of this machine.

use std::io;
use std::time::Duration;

use super::guarded::{Guarded, Start};
#[cfg(unix)]
use super::leftovers::end_leftovers;
use crate::disk;
use crate::sweep::engine::attempts::TrialFolder;
use crate::sweep::engine::trial::Trial;
use crate::sweep::objective::launch::{AssignedWork, Assignment, Following, Launched, Launcher};

/// This machine.
#[derive(Debug)]
pub struct Here {
    /// What must not stand in the environment of a command.
    pub removed: Vec<String>,
}

struct GuardedHere {
    guarded: Guarded,
    folder: TrialFolder,
}

impl Launcher for Here {
    fn is_elsewhere(&self) -> bool {
        false
    }

    fn take_up(
        &self,
        folder: &TrialFolder,
        _: &Trial,
        _: &dyn Fn() -> bool,
    ) -> io::Result<Option<Box<dyn Launched + '_>>> {
        // Nobody waits for what goes on.
        end_left_of(folder).map(|()| None)
    }

    fn launch(
        &self,
        folder: &TrialFolder,
        assignment: &Assignment,
        _: &Following<'_>,
        _: &dyn Fn() -> bool,
    ) -> io::Result<Option<Box<dyn Launched + '_>>> {
        let AssignedWork::Command { command, working_folder, variables, grace, .. } = &assignment.work else {
            return Err(io::Error::other("only commands are processes of their own"));
        };
        let guarded = Guarded::start(Start {
            folder: &folder.path,
            attempt: assignment.attempt,
            grace: *grace,
            command,
            working_folder,
            variables: variables.clone(),
            removed: self.removed.clone(),
            log: begin_log(folder, assignment.attempt)?,
        })?;
        Ok(Some(Box::new(GuardedHere { guarded, folder: folder.clone() })))
    }
}

impl Launched for GuardedHere {
    fn is_over_in(&mut self, patience: Duration) -> io::Result<bool> {
        if !self.guarded.is_over_in(patience) {
            return Ok(false);
        }
        end_left_of(&self.folder).map(|()| true)
    }

    fn stop(&mut self) {
        self.guarded.stop();
    }
}

/// The log of a trial, at the beginning of an attempt.
///
/// # Errors
/// Where it cannot be written.
pub fn begin_log(folder: &TrialFolder, attempt: u32) -> io::Result<std::fs::File> {
    let mut log = disk::open_to_append(&folder.log())?;
    if attempt > 1 {
        io::Write::write_all(&mut log, format!("--- attempt {attempt} ---\n").as_bytes())?;
    }
    Ok(log)
}

fn end_left_of(folder: &TrialFolder) -> io::Result<()> {
    #[cfg(unix)]
    return end_leftovers(folder);
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}
