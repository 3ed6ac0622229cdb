//! A small process that gives the terminal back whatever ends this one: a signal that nobody can catch, an abort, no
//! memory left. It waits for the end of a pipe and does nothing before.

use std::io::{self, Read, Write, stdin, stdout};
use std::process::{Child, ChildStdin, Command, Stdio};

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, Termios, tcgetattr, tcsetattr,
};

/// What this process tells the guard: from now on the terminal is taken over, or it is given back.
const TAKEN: u8 = b't';
const GIVEN_BACK: u8 = b'g';

/// The guard of a terminal; it ends when this is dropped.
pub struct Guard {
    process: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts the guard of a terminal that is still as it was found.
    pub fn start() -> io::Result<Self> {
        let modes = modes(&tcgetattr(stdin())?).map(|bits| bits.to_string());
        let mut command = Command::new(crate::program::current_executable()?);
        command.arg("terminal-guard").args(modes);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::inherit()).stderr(Stdio::null()).spawn()?;
        let pipe = process.stdin.take();
        Ok(Self { process, pipe })
    }

    pub fn taken(&mut self) {
        self.tell(TAKEN);
    }

    pub fn given_back(&mut self) {
        self.tell(GIVEN_BACK);
    }

    fn tell(&mut self, word: u8) {
        if let Some(pipe) = &mut self.pipe {
            // Without its guard the program goes on.
            let _ = pipe.write_all(&[word]);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.process.wait();
    }
}

/// What the guard does: until the pipe ends it listens, and then gives back what is still taken.
pub fn watch(found: &[u64]) -> io::Result<()> {
    // In a session of its own no signal meant for the program reaches it, and it may set the terminal from behind.
    let _ = rustix::process::setsid();
    let mut is_taken = false;
    let mut word = [0];
    while stdin().lock().read(&mut word)? == 1 {
        is_taken = word[0] == TAKEN;
    }
    let terminal = stdout();
    let mut now = tcgetattr(&terminal)?;
    // A shell that has set the terminal up for itself meanwhile is not disturbed: none leaves output as it is taken over.
    let is_still_taken = is_taken && !now.output_modes.contains(OutputModes::OPOST);
    if is_still_taken {
        crate::tui::shell::terminal::show_as_found();
        if set_modes(&mut now, found) {
            tcsetattr(&terminal, OptionalActions::Now, &now)?;
        }
    }
    Ok(())
}

/// Systems have them in words of different lengths.
fn modes(terminal: &Termios) -> [u64; 4] {
    let Termios { input_modes, output_modes, control_modes, local_modes, .. } = terminal;
    [input_modes.bits(), output_modes.bits(), control_modes.bits(), local_modes.bits()].map(Into::into)
}

fn set_modes(terminal: &mut Termios, found: &[u64]) -> bool {
    let words = found.iter().map(|bits| (*bits).try_into()).collect::<Result<Vec<_>, _>>();
    let Ok(&[input, output, control, local]) = words.as_deref() else { return false };
    terminal.input_modes = InputModes::from_bits_retain(input);
    terminal.output_modes = OutputModes::from_bits_retain(output);
    terminal.control_modes = ControlModes::from_bits_retain(control);
    terminal.local_modes = LocalModes::from_bits_retain(local);
    true
}
