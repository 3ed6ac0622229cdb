//! The terminal's input where there is no Unix: crossterm's events.

use std::io;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;

use super::Input;
use crate::tui::core::msg::Msg;

/// Forwards what comes until the terminal goes away or nobody listens.
pub fn forward(sender: Sender<Input>) -> io::Result<Reader> {
    tokio::spawn(async move {
        let mut events = EventStream::new();
        while let Some(event) = events.next().await {
            let msg = match event {
                Ok(Event::Key(key)) => Msg::Key(key),
                Ok(Event::Mouse(mouse)) => Msg::Mouse(mouse),
                Ok(Event::Paste(text)) => Msg::Paste(text),
                Ok(Event::FocusGained) => Msg::Focused(true),
                Ok(Event::FocusLost) => Msg::Focused(false),
                Ok(Event::Resize(columns, rows)) => Msg::Resize { columns, rows },
                Err(_) => break,
            };
            if sender.send(Input::Msg(msg)).await.is_err() {
                return;
            }
        }
        let _ = sender.send(Input::Msg(Msg::Terminate)).await;
    });
    Ok(Reader)
}

/// The one who reads.
pub struct Reader;

impl Reader {
    /// Reads on: here the terminal is not left to others.
    pub fn hold(&mut self) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "programs in the terminal work on Unix only"))
    }

    pub fn is_held(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    pub fn release(&mut self) {}
}
