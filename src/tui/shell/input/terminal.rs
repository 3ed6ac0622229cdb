//! The thread that reads the terminal. It reads all that is there, ends when the terminal goes away, and never keeps
//! the program from ending.

use std::time::Duration;
use std::{io, thread};

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
pub fn forward(sender: Sender<Input>) -> io::Result<()> {
    let reader = thread::Builder::new().name("terminal input".into());
    reader.spawn(move || {
        if read_all(&sender).is_none() {
            return;
        }
        // The terminal went away. If nobody listens any more, the program is leaving already.
        let _ = sender.blocking_send(Input::Msg(Msg::Terminate));
    })?;
    Ok(())
}

/// None when nobody listens any more.
fn read_all(sender: &Sender<Input>) -> Option<()> {
    let mut decoder = Decoder::default();
    let mut piece = vec![0; PIECE];
    loop {
        let inputs = match wait(decoder.patience()) {
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
    Gone,
}

fn wait(patience: Option<Duration>) -> Waited {
    let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let stdin = stdin();
    let mut ends = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut ends, timeout.as_ref()) {
        Ok(0) => Waited::Nothing,
        // What was typed before the terminal hung up is of no use to anybody.
        Ok(_) if ends[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
            Waited::Gone
        }
        Ok(_) => Waited::Came,
        Err(Errno::INTR | Errno::AGAIN) => Waited::Interrupted,
        Err(_) => Waited::Gone,
    }
}
