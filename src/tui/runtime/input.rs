//! Keys, mouse, size and signals, forwarded by one task that owns the terminal's input.

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedSender;

use crate::tui::msg::Msg;

pub fn forward(sender: UnboundedSender<Msg>) {
    tokio::spawn(signals(sender.clone()));
    tokio::spawn(async move {
        let mut events = EventStream::new();
        while let Some(event) = events.next().await {
            let msg = match event {
                Ok(Event::Key(key)) => Msg::Key(key),
                Ok(Event::Mouse(mouse)) => Msg::Mouse(mouse),
                Ok(Event::Resize(columns, rows)) => Msg::Resize { columns, rows },
                Ok(_) => continue,
                // The terminal went away.
                Err(_) => break,
            };
            if sender.send(msg).is_err() {
                return;
            }
        }
        let _ = sender.send(Msg::Terminate);
    });
}

#[cfg(unix)]
async fn signals(sender: UnboundedSender<Msg>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hangup), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::hangup()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        _ = interrupt.recv() => {}
    }
    // If nobody listens any more, the program is leaving already.
    let _ = sender.send(Msg::Terminate);
}

#[cfg(not(unix))]
async fn signals(sender: UnboundedSender<Msg>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        let _ = sender.send(Msg::Terminate);
    }
}
