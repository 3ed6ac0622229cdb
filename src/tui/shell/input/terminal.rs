//! The thread that reads the terminal. It reads all that is there, ends when the terminal goes away, and never keeps
//! the program from ending.

use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::stdio::stdin;
use tokio::sync::mpsc::Sender;

use super::Input;
use super::decode::Decoder;
use crate::tui::core::msg::Msg;

/// What is read at once, in bytes.
const PIECE: usize = 16 * 1024;

/// Forwards what comes until the terminal goes away or nobody listens.
pub fn forward(sender: Sender<Input>) -> io::Result<Reader> {
    let reader = thread::Builder::new().name("terminal input".into());
    let (mut words, tell) = io::pipe()?;
    let (answer, held) = io::pipe()?;
    reader.spawn(move || {
        if read_all(&sender, &mut words, held).is_none() {
            return;
        }
        // The terminal went away. If nobody listens any more, the program is leaving already.
        let _ = sender.blocking_send(Input::Msg(Msg::Terminate));
    })?;
    Ok(Reader { tell, answer })
}

/// The thread that reads, as others know it.
pub struct Reader {
    tell: PipeWriter,
    answer: PipeReader,
}

impl Reader {
    /// Asks the thread to read no more until it is released.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn hold(&mut self) -> io::Result<()> {
        self.tell.write_all(&[0])
    }

    /// Whether it reads no more; waits a moment for that.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn is_held(&mut self) -> io::Result<bool> {
        let moment = Timespec::try_from(Duration::from_millis(5)).ok();
        match poll(&mut [PollFd::new(&self.answer, PollFlags::IN)], moment.as_ref()) {
            Ok(0) | Err(Errno::INTR | Errno::AGAIN) => Ok(false),
            Ok(_) => self.answer.read_exact(&mut [0]).map(|()| true),
            Err(error) => Err(error.into()),
        }
    }

    pub fn release(&mut self) {
        // A thread that is gone has told so itself.
        let _ = self.tell.write_all(&[0]);
    }
}

/// None when nobody listens any more.
fn read_all(sender: &Sender<Input>, words: &mut PipeReader, mut held: PipeWriter) -> Option<()> {
    let mut decoder = Decoder::default();
    let mut piece = vec![0; PIECE];
    loop {
        let inputs = match wait(decoder.patience(), words) {
            Waited::Held => {
                words.read_exact(&mut [0]).ok()?;
                held.write_all(&[0]).ok()?;
                // Until it is released.
                words.read_exact(&mut [0]).ok()?;
                decoder = Decoder::default();
                continue;
            }
            Waited::Came => match read(stdin(), &mut piece) {
                Ok(0) => return Some(()),
                Ok(length) => decoder.feed(&piece[..length]),
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(_) => return Some(()),
            },
            Waited::Nothing => decoder.pause(),
            Waited::Interrupted => continue,
            Waited::Gone => return Some(()),
        };
        for input in inputs {
            sender.blocking_send(input).ok()?;
        }
    }
}

enum Waited {
    Came,
    Nothing,
    Interrupted,
    Held,
    Gone,
}

fn wait(patience: Option<Duration>, words: &PipeReader) -> Waited {
    let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let stdin = stdin();
    let mut ends = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(words, PollFlags::IN)];
    match poll(&mut ends, timeout.as_ref()) {
        Ok(0) => Waited::Nothing,
        Ok(_) if ends[1].revents().contains(PollFlags::IN) => Waited::Held,
        // What was typed before the terminal hung up is of no use to anybody.
        Ok(_) if ends[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
            Waited::Gone
        }
        Ok(_) if ends[0].revents().contains(PollFlags::IN) => Waited::Came,
        Err(Errno::INTR | Errno::AGAIN) => Waited::Interrupted,
        Ok(_) | Err(_) => Waited::Gone,
    }
}
