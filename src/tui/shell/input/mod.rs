//! Keys, mouse, pastes, size and signals: read by one thread that owns the terminal's input.

#[cfg(unix)]
mod answers;
#[cfg(unix)]
mod decode;
#[cfg(unix)]
mod terminal;
#[cfg(not(unix))]
#[path = "console.rs"]
mod terminal;

#[cfg(unix)]
pub use decode::Decoder;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};

use crate::tui::core::msg::Msg;
use crate::tui::shell::pixels::TmuxPane;

/// Keys that may wait to be taken in; whoever sends more waits, in the end the terminal.
const WAITING: usize = 512;

/// What comes from the terminal and from the system.
#[derive(Debug)]
pub enum Input {
    Msg(Msg),
    Answer(TerminalAnswer),
    /// Somebody wants the program stopped for a while.
    Suspend,
    /// Somebody interrupts what is before the terminal.
    Interrupt,
}

/// What the terminal says of itself when it is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TerminalAnswer {
    /// Its background: shares of red, green and blue, 0 to 1.
    Background([f64; 3]),
    /// It draws pictures by kitty's protocol.
    Kitty,
    /// It draws sixels.
    Sixel,
    /// The width and height of a cell in pixels.
    Cell((u16, u16)),
    /// Where the pane of tmux is, if pictures get through it.
    Pane(Option<TmuxPane>),
}

/// What was read and not yet taken in.
pub struct Inputs {
    terminal: Receiver<Input>,
    reader: terminal::Reader,
    /// Never behind a flood of keys.
    signals: UnboundedReceiver<Input>,
}

impl Inputs {
    /// Starts reading; needs a runtime.
    pub fn start() -> std::io::Result<Self> {
        let (keys, terminal) = channel(WAITING);
        let (sender, signals) = unbounded_channel();
        tokio::spawn(watch_signals(sender));
        let reader = terminal::forward(keys)?;
        Ok(Self { terminal, reader, signals })
    }

    /// The next one; none when nothing can come any more.
    pub async fn next(&mut self) -> Option<Input> {
        tokio::select! {
            biased;
            Some(input) = self.signals.recv() => Some(input),
            input = self.terminal.recv() => input,
        }
    }

    /// Leaves the terminal's input to another program.
    ///
    /// # Errors
    /// Where it cannot be left.
    pub fn hold(&mut self) -> std::io::Result<()> {
        self.reader.hold()?;
        // What was typed before is for nobody; the thread may be waiting for room.
        while !self.reader.is_held()? {
            while self.terminal.try_recv().is_ok() {}
        }
        Ok(())
    }

    /// Reads the terminal again.
    pub fn release(&mut self) {
        self.reader.release();
    }

    /// What the system says next, while another program has the terminal; none when it says nothing any more.
    pub async fn signal(&mut self) -> Option<Input> {
        self.signals.recv().await
    }

    /// Forgets interrupts and stops that were meant for another program. False if this one shall end.
    pub fn forget_interrupts(&mut self) -> bool {
        let mut goes_on = true;
        while let Ok(input) = self.signals.try_recv() {
            goes_on &= !matches!(input, Input::Msg(Msg::Terminate));
        }
        goes_on
    }

    /// The next one, if it is there already.
    pub fn waiting(&mut self) -> Option<Input> {
        self.signals.try_recv().or_else(|_| self.terminal.try_recv()).ok()
    }
}

#[cfg(unix)]
async fn watch_signals(sender: UnboundedSender<Input>) {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    const STOP: i32 = 20;
    let (Ok(mut terminate), Ok(mut hangup), Ok(mut interrupt), Ok(mut stop), Ok(mut resized)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::from_raw(if cfg!(target_os = "linux") { STOP } else { 18 })),
        signal(SignalKind::window_change()),
    ) else {
        return;
    };
    loop {
        let input = tokio::select! {
            _ = terminate.recv() => Input::Msg(Msg::Terminate),
            _ = hangup.recv() => Input::Msg(Msg::Terminate),
            _ = interrupt.recv() => Input::Interrupt,
            _ = stop.recv() => Input::Suspend,
            _ = resized.recv() => match crossterm::terminal::size() {
                Ok((columns, rows)) => Input::Msg(Msg::Resize { columns, rows }),
                Err(_) => continue,
            },
        };
        // If nobody listens any more, the program is leaving already.
        if sender.send(input).is_err() {
            return;
        }
    }
}

#[cfg(not(unix))]
async fn watch_signals(sender: UnboundedSender<Input>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        let _ = sender.send(Input::Msg(Msg::Terminate));
    }
}
