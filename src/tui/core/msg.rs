//! What happens to the program: input, time, and what tasks bring back, by the feature that it is for.

use crossterm::event::{KeyEvent, MouseEvent};

use crate::tui::features::{
    best, charts, compare, datasets, details, experiments, files, models, runs, session, sweeps,
};

/// Something that happened, and when.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// Milliseconds since the epoch.
    pub now: i64,
    pub msg: Msg,
}

#[derive(Debug, Clone)]
pub enum Msg {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// A text that the terminal pasted.
    Paste(String),
    /// The terminal got or lost the focus.
    Focused(bool),
    Resize {
        columns: u16,
        rows: u16,
    },
    /// Whether the terminal shows charts in pixels.
    Pixels(bool),
    /// Time passes.
    Tick,
    /// A frame is about to be drawn.
    Frame,
    /// The program is asked to end: a signal, or the terminal went away.
    Terminate,
    /// Something outside did not work out, or did and says so.
    Announcement(String),
    /// No browser opened an address.
    NoBrowser(String),
    /// A task broke off with a panic.
    TaskFailed(String),
    Experiments(experiments::Msg),
    Runs(runs::Msg),
    Details(details::Msg),
    Charts(charts::Msg),
    Compare(compare::Msg),
    Best(best::Msg),
    Sweeps(sweeps::Msg),
    Models(models::Msg),
    Datasets(datasets::Msg),
    Files(files::Msg),
    Session(session::Msg),
}

/// Something outside did not work out, or did and says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement(pub String);

impl From<Announcement> for Msg {
    fn from(Announcement(words): Announcement) -> Self {
        Self::Announcement(words)
    }
}

impl Msg {
    /// Whether it is what somebody waits for who pressed a key.
    pub fn is_awaited(&self) -> bool {
        matches!(self, Self::Runs(runs::Msg::Projected { .. }))
    }

    /// The same, at a time.
    pub fn at(self, now: i64) -> Stamped {
        Stamped { now, msg: self }
    }
}

macro_rules! is_part {
    ($($variant:ident: $part:ty),* $(,)?) => {
        $(impl From<$part> for Msg {
            fn from(msg: $part) -> Self {
                Self::$variant(msg)
            }
        })*
    };
}

is_part! {
    Experiments: experiments::Msg,
    Runs: runs::Msg,
    Details: details::Msg,
    Charts: charts::Msg,
    Compare: compare::Msg,
    Best: best::Msg,
    Sweeps: sweeps::Msg,
    Models: models::Msg,
    Datasets: datasets::Msg,
    Files: files::Msg,
    Session: session::Msg,
}
