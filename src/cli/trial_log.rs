//! What the command of a trial said, as it lies in its folder, and as it comes.

use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::time::Duration;

use super::Failure;
use crate::disk;
use crate::store::now_ms;
use crate::sweep::engine::attempts::TrialFolder;
use crate::sweep::engine::journal::SweepFolder;
use crate::sweep::engine::state::SweepStates;
use crate::sweep::header::SweepHeader;
use crate::sweep::progress::Progress;
use crate::text;

/// Between looks for more.
const LOOK: Duration = Duration::from_millis(200);
const CHUNK: usize = 64 << 10;
/// Bytes of a line that are shown at once.
const LONGEST_LINE: usize = 1 << 20;

/// Prints the log of a trial; with `follows` until the trial has ended, or nobody is at the sweep.
pub fn print(
    folder: &SweepFolder,
    header: &SweepHeader,
    trial: usize,
    follows: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if header.plan.trial.command().is_none() {
        return Err(Failure::Usage(format!(
            "trials of {} are no commands and have no logs; `mltui sweeps log {}` shows the sweep's",
            header.id, header.id
        )));
    }
    let unread = |cause| Failure::State { what: "cannot read the log", cause };
    let mut states = SweepStates::default();
    let begun = states.of(&header.id, folder).map_err(unread)?.trials.len();
    if trial >= begun {
        return Err(Failure::NoneEligible(format!(
            "no trial {trial} in {}; it has begun {begun}",
            header.id
        )));
    }
    let mut lines = Lines::new(folder.trial_folder(trial));
    loop {
        // Looked at first: what was said before the end is there when it is read.
        let state = states.of(&header.id, folder).map_err(unread)?;
        let has_ended = state.trials.get(trial).is_some_and(|trial| trial.outcome.is_some());
        let is_over = !follows || has_ended || {
            let progress = Progress::read(folder, header, &mut states, now_ms()).map_err(unread)?;
            !progress.state.is_active()
        };
        lines.print(out)?;
        if is_over {
            lines.finish(out)?;
            return Ok(());
        }
        out.flush()?;
        std::thread::sleep(LOOK);
    }
}

/// Whole lines of a file that grows.
struct Lines {
    folder: TrialFolder,
    at: u64,
    line: Vec<u8>,
}

impl Lines {
    fn new(folder: TrialFolder) -> Self {
        Self { folder, at: 0, line: Vec::new() }
    }

    /// Prints what has come since.
    fn print(&mut self, out: &mut impl Write) -> Result<(), Failure> {
        let unread = |cause| Failure::State { what: "cannot read the log", cause };
        let mut file = match disk::open(&self.folder.log()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            file => file.map_err(unread)?,
        };
        // One whose middle was left out meanwhile goes on at its end.
        self.at = self.at.min(file.metadata().map_err(unread)?.len());
        file.seek(SeekFrom::Start(self.at)).map_err(unread)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = file.read(&mut chunk).map_err(unread)?;
            if count == 0 {
                return Ok(());
            }
            self.at += count as u64;
            for byte in &chunk[..count] {
                // A bar of progress is written over with carriage returns.
                if matches!(byte, b'\n' | b'\r') {
                    self.put(out)?;
                } else {
                    self.line.push(*byte);
                    if self.line.len() >= LONGEST_LINE {
                        self.put(out)?;
                    }
                }
            }
        }
    }

    fn put(&mut self, out: &mut impl Write) -> Result<(), Failure> {
        let line = std::mem::take(&mut self.line);
        Ok(writeln!(out, "{}", text::clean(&String::from_utf8_lossy(&line)))?)
    }

    /// The last line, which may have no end.
    fn finish(&mut self, out: &mut impl Write) -> Result<(), Failure> {
        if self.line.is_empty() { Ok(()) } else { self.put(out) }
    }
}
