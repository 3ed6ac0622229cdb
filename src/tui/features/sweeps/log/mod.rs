//! What a trial says, as it says it.

pub mod effects;
pub mod update;
pub mod view;

use crate::text;
use crate::tui::core::remote::{Remote, Ticket};

/// Lines that are kept: of a longer log the last.
const MOST: usize = 20_000;
/// Characters of a line.
const LINE: usize = 4_000;

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    pub text: String,
    /// Bytes before it that are left out.
    pub skipped: u64,
    /// Where the next part begins.
    pub to: u64,
    /// What was read before is no part of it any more.
    pub replaces: bool,
}

#[derive(Debug)]
pub struct LogScreen {
    pub sweep: String,
    pub trial: usize,
    pub title: String,
    /// Whole lines, clean; the last may still go on.
    pub lines: Vec<String>,
    /// The last line as it was written, while it goes on.
    open: String,
    pub position: u64,
    pub skipped: u64,
    /// The first line that is seen.
    pub top: usize,
    /// Whether the end is seen, and stays so.
    pub follows: bool,
    pub fetched: Remote<(), String>,
}

impl LogScreen {
    pub fn new(sweep: String, trial: usize, title: String) -> Self {
        Self {
            sweep,
            trial,
            title,
            lines: Vec::new(),
            open: String::new(),
            position: 0,
            skipped: 0,
            top: 0,
            follows: true,
            fetched: Remote::default(),
        }
    }

    /// Takes what was read; false if it comes too late.
    pub fn take(&mut self, ticket: Ticket, result: Result<LogPart, String>, now: i64) -> bool {
        let (part, outcome) = match result {
            Ok(part) => (Some(part), Ok(())),
            Err(error) => (None, Err(error)),
        };
        if !self.fetched.take(ticket, outcome, now) {
            return false;
        }
        let Some(part) = part else { return true };
        if part.replaces {
            self.lines.clear();
            self.open.clear();
            self.skipped = 0;
        }
        self.skipped += part.skipped;
        self.position = part.to;
        self.add(&part.text);
        true
    }

    fn add(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        // The line that went on is written anew.
        if !self.open.is_empty() {
            self.lines.pop();
        }
        let whole = format!("{}{text}", std::mem::take(&mut self.open));
        let mut lines = whole.split('\n').peekable();
        while let Some(line) = lines.next() {
            let is_last = lines.peek().is_none();
            if is_last && line.is_empty() {
                break;
            }
            self.lines.push(seen(line));
            if is_last {
                self.open = line.chars().rev().take(LINE).collect::<Vec<_>>().into_iter().rev().collect();
            }
        }
        let more = self.lines.len().saturating_sub(MOST);
        self.lines.drain(..more);
        self.top = self.top.saturating_sub(more);
    }

    /// Moves by so many lines; the end is followed again as soon as it is reached.
    pub fn step(&mut self, by: isize, height: usize) {
        let last = self.lines.len().saturating_sub(height);
        let from = if self.follows { last } else { self.top };
        self.top = from.saturating_add_signed(by).min(last);
        self.follows = self.top == last && by >= 0;
    }

    /// The first line that is seen in so many rows.
    pub fn first(&self, height: usize) -> usize {
        let last = self.lines.len().saturating_sub(height);
        if self.follows { last } else { self.top.min(last) }
    }
}

/// A line as a terminal would show it in the end: a bar of progress is written over and over.
fn seen(line: &str) -> String {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let last = line.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default();
    let short: String = last.chars().take(LINE).collect();
    text::clean(&text::uncoloured(&short)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, to: u64) -> LogPart {
        LogPart { text: text.into(), skipped: 0, to, replaces: false }
    }

    #[test]
    fn a_log_grows_by_what_is_new_and_shows_what_a_terminal_would() {
        let mut log = LogScreen::new("s".into(), 3, "trial 3".into());
        let take = |log: &mut LogScreen, text: &str, to| {
            let ticket = log.fetched.ask();
            assert!(log.take(ticket, Ok(part(text, to)), 0));
        };
        take(&mut log, "one\n 10%\r 50%", 12);
        assert_eq!(log.lines, ["one", " 50%"]);
        take(&mut log, "\r100%\r\n\u{1b}[31mred\u{1b}[0m \u{7}\n", 40);
        assert_eq!(log.lines, ["one", "100%", "red ^G"]);
        let late = log.fetched.ticket();
        assert!(!log.take(late, Ok(part("late", 1)), 0), "no answer is due");
        assert_eq!(log.position, 40);
        let ticket = log.fetched.ask();
        let other = LogPart { text: "anew\n".into(), skipped: 7, to: 5, replaces: true };
        log.take(ticket, Ok(other), 0);
        assert_eq!((log.lines.clone(), log.skipped), (vec!["anew".to_owned()], 7));
        take(&mut log, &"x\n".repeat(MOST + 5), 99);
        assert_eq!(log.lines.len(), MOST);
    }

    #[test]
    fn the_end_is_followed_until_somebody_looks_back() {
        let mut log = LogScreen::new("s".into(), 3, "trial 3".into());
        log.lines = (0..100).map(|line| line.to_string()).collect();
        assert_eq!(log.first(10), 90);
        log.step(-5, 10);
        log.lines.push("more".into());
        assert_eq!((log.first(10), log.follows), (85, false));
        log.step(100, 10);
        assert_eq!((log.first(10), log.follows), (91, true));
        log.step(isize::MIN / 2, 10);
        assert_eq!(log.first(10), 0);
    }
}
