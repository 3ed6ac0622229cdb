//! Keys, mouse, size and signals, forwarded by one task that owns the terminal's input.

use std::time::{Duration, Instant};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyModifiers};
use futures_util::StreamExt;
use tokio::sync::mpsc::UnboundedSender;

use crate::tui::msg::Msg;

/// How long the pieces of a terminal's answer may take; what comes later was typed.
const ANSWER: Duration = Duration::from_millis(150);
/// Longer than any answer.
const LONGEST: usize = 48;

/// What comes from the terminal and from the system.
#[derive(Debug)]
pub enum Input {
    Msg(Msg),
    /// The terminal's background: shares of red, green and blue, 0 to 1.
    Background([f64; 3]),
    /// Somebody wants the program stopped for a while.
    Suspend,
}

pub fn forward(sender: UnboundedSender<Input>) {
    tokio::spawn(signals(sender.clone()));
    tokio::spawn(async move {
        let mut events = EventStream::new();
        let mut answer = Answer::default();
        while let Some(event) = events.next().await {
            let msg = match event {
                Ok(Event::Key(key)) => match answer.take(key, Instant::now()) {
                    Taken::No => Msg::Key(key),
                    Taken::Part => continue,
                    Taken::Whole(background) => {
                        let _ = sender.send(Input::Background(background));
                        continue;
                    }
                },
                Ok(Event::Mouse(mouse)) => Msg::Mouse(mouse),
                Ok(Event::Paste(text)) => Msg::Paste(text),
                Ok(Event::FocusGained) => Msg::Focused(true),
                Ok(Event::FocusLost) => Msg::Focused(false),
                Ok(Event::Resize(columns, rows)) => Msg::Resize { columns, rows },
                // The terminal went away.
                Err(_) => break,
            };
            if sender.send(Input::Msg(msg)).is_err() {
                return;
            }
        }
        let _ = sender.send(Input::Msg(Msg::Terminate));
    });
}

/// The answer to the question for the background, which arrives among the keys: `ESC ] 11 ; rgb:1e1e/1e1e/1e1e` and
/// an end. Its pieces must not count as keys.
#[derive(Debug, Default)]
struct Answer {
    begun: Option<Instant>,
    text: String,
}

enum Taken {
    /// It is a key of the user.
    No,
    Part,
    Whole([f64; 3]),
}

impl Answer {
    fn take(&mut self, key: KeyEvent, now: Instant) -> Taken {
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        if key.code == KeyCode::Char(']') && alt {
            *self = Self { begun: Some(now), text: String::new() };
            return Taken::Part;
        }
        let Some(begun) = self.begun else { return Taken::No };
        if now - begun > ANSWER || self.text.len() > LONGEST {
            self.begun = None;
            return Taken::No;
        }
        let is_end = match key.code {
            KeyCode::Char('\\') => alt,
            KeyCode::Char('g') => key.modifiers.contains(KeyModifiers::CONTROL),
            _ => false,
        };
        if is_end {
            self.begun = None;
            return parse_background(&self.text).map_or(Taken::Part, Taken::Whole);
        }
        match key.code {
            KeyCode::Char(letter) => self.text.push(letter),
            _ => {
                self.begun = None;
                return Taken::No;
            }
        }
        Taken::Part
    }
}

/// Reads `11;rgb:RRRR/GGGG/BBBB`, with one to four digits a colour.
fn parse_background(text: &str) -> Option<[f64; 3]> {
    let colors = text.strip_prefix("11;rgb:")?;
    let shares: Vec<f64> = colors
        .split('/')
        .map(|digits| {
            let value = u32::from_str_radix(digits, 16).ok()?;
            let most = 16_u32.checked_pow(digits.len() as u32)? - 1;
            Some(f64::from(value) / f64::from(most))
        })
        .collect::<Option<_>>()?;
    shares.try_into().ok()
}

#[cfg(unix)]
async fn signals(sender: UnboundedSender<Input>) {
    use tokio::signal::unix::{SignalKind, signal};
    const STOP: i32 = 20;
    let (Ok(mut terminate), Ok(mut hangup), Ok(mut interrupt), Ok(mut stop)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::from_raw(if cfg!(target_os = "linux") { STOP } else { 18 })),
    ) else {
        return;
    };
    loop {
        let input = tokio::select! {
            _ = terminate.recv() => Input::Msg(Msg::Terminate),
            _ = hangup.recv() => Input::Msg(Msg::Terminate),
            _ = interrupt.recv() => Input::Msg(Msg::Terminate),
            _ = stop.recv() => Input::Suspend,
        };
        // If nobody listens any more, the program is leaving already.
        if sender.send(input).is_err() {
            return;
        }
    }
}

#[cfg(not(unix))]
async fn signals(sender: UnboundedSender<Input>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        let _ = sender.send(Input::Msg(Msg::Terminate));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(text: &str, last: KeyEvent, late: Duration) -> (Answer, Taken) {
        let mut answer = Answer::default();
        let now = Instant::now();
        answer.take(KeyEvent::new(KeyCode::Char(']'), KeyModifiers::ALT), now);
        for letter in text.chars() {
            answer.take(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE), now);
        }
        let taken = answer.take(last, now + late);
        (answer, taken)
    }

    #[test]
    fn the_terminals_answer_is_no_key() {
        let bell = KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL);
        let end = KeyEvent::new(KeyCode::Char('\\'), KeyModifiers::ALT);
        for last in [bell, end] {
            let (_, taken) = feed("11;rgb:ffff/8080/0000", last, Duration::ZERO);
            let Taken::Whole([red, green, blue]) = taken else { panic!("an answer") };
            assert!((red - 1.0).abs() < 1e-9 && (green - 0.502).abs() < 0.001 && blue.abs() < 1e-9);
        }
        assert!(matches!(feed("11;rgb:f/8/0", bell, Duration::ZERO).1, Taken::Whole(_)));
        assert!(matches!(feed("nonsense", bell, Duration::ZERO).1, Taken::Part));
        let typed = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert!(matches!(feed("", typed, Duration::from_secs(1)).1, Taken::No), "typed a second later");
        assert!(matches!(
            feed("", KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE), Duration::ZERO).1,
            Taken::No
        ));
    }
}
