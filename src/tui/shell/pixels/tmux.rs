//! Where a pane of tmux is on the terminal behind it.

use std::process::{Command, Stdio};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What tmux is asked: whether it passes words on, which terminal is behind it, and where the pane is.
const ASKED: &str =
    "#{allow-passthrough}|#{client_termtype}|#{pane_left}|#{pane_top}|#{status}|#{status-position}";

/// A pane that can send pictures to iTerm2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TmuxPane {
    /// Cells to its left, and lines above it.
    pub left: u16,
    pub top: u16,
}

impl TmuxPane {
    /// The pane of this program; none where tmux passes nothing on, or the terminal is another one.
    pub fn of_this_process() -> Option<Self> {
        let mut command = Command::new("tmux");
        command.arg("display-message").arg("-p");
        if let Ok(pane) = std::env::var("TMUX_PANE") {
            command.args(["-t", &pane]);
        }
        let output = command.arg(ASKED).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        Self::read(std::str::from_utf8(&output.stdout).ok()?)
    }

    fn read(answer: &str) -> Option<Self> {
        let parts: Vec<&str> = answer.trim().split('|').collect();
        let [passes, terminal, left, top, status, position] = parts.as_slice() else { return None };
        // A tmux that was asked nothing by it does not know which terminal it is.
        let is_iterm2 = terminal.is_empty() || terminal.contains("iTerm2");
        if !matches!(*passes, "on" | "all" | "1" | "2") || !is_iterm2 {
            return None;
        }
        let lines = match (*position, *status) {
            ("top", "on") => 1,
            ("top", lines) => lines.parse().unwrap_or(0),
            _ => 0,
        };
        Some(Self { left: left.parse().ok()?, top: top.parse::<u16>().ok()?.checked_add(lines)? })
    }
}

/// Asks tmux where the pane is, while the screen goes on: one question at a time.
#[derive(Debug)]
pub struct TmuxQuestions {
    answered: UnboundedSender<Option<TmuxPane>>,
    answers: UnboundedReceiver<Option<TmuxPane>>,
    is_asking: bool,
    /// The pane may have moved since.
    is_to_ask: bool,
}

impl TmuxQuestions {
    pub fn new() -> Self {
        let (answered, answers) = unbounded_channel();
        Self { answered, answers, is_asking: false, is_to_ask: false }
    }

    /// Asks; needs a runtime.
    pub fn ask(&mut self) {
        self.is_to_ask = self.is_asking;
        if !self.is_asking {
            self.is_asking = true;
            let answered = self.answered.clone();
            // Nobody listens any more at the end.
            tokio::task::spawn_blocking(move || answered.send(TmuxPane::of_this_process()));
        }
    }

    /// The next answer; none within where tmux passes nothing on.
    pub async fn answer(&mut self) -> Option<TmuxPane> {
        let pane = self.answers.recv().await.flatten();
        self.is_asking = false;
        if self.is_to_ask {
            self.ask();
        }
        pane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_is_where_tmux_says() {
        let pane = |left, top| Some(TmuxPane { left, top });
        assert_eq!(TmuxPane::read("on|iTerm2 3.5.4|40|12|on|bottom\n"), pane(40, 12));
        assert_eq!(TmuxPane::read("all||0|0|on|top"), pane(0, 1));
        assert_eq!(TmuxPane::read("on|iTerm2 3.6|0|3|2|top"), pane(0, 5));
        for other in ["off|iTerm2 3.5|0|0|on|top", "on|XTerm(390)|0|0|on|top", "", "on|iTerm2|x|0|on|top"] {
            assert_eq!(TmuxPane::read(other), None, "{other}");
        }
    }
}
