//! The whole state of the explorer.

use super::keymap::{Chord, Keymap};
use super::layout::{Geometry, geometry};
use super::panes::details::Details;
use super::panes::experiments::Experiments;
use super::panes::runs::Runs;
use crate::config::Glyphs;
use crate::store::StoreError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Focus {
    Experiments,
    Runs,
    Details,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlay {
    Help {
        scroll: usize,
    },
    /// The filter of the runs is being typed: text keys are its letters.
    Filter,
}

/// How it stands with the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Connection {
    /// Nothing was answered yet.
    Connecting,
    /// The last answer came at this time (milliseconds).
    Live { since: i64 },
    /// The store does not answer; it is asked again at `retry_at`. What was known stays, as of its last answer.
    Failing { error: StoreError, retry_at: i64, last_answer: Option<i64> },
}

#[derive(Debug)]
pub struct App {
    /// Milliseconds since the epoch, as the last message had it.
    pub now: i64,
    pub size: (u16, u16),
    pub store: String,
    pub is_local: bool,
    pub read_only: bool,
    pub poll_seconds: f64,
    pub glyphs: Glyphs,
    pub keymap: Keymap,
    /// Keys pressed of an action that has several.
    pub pending: Vec<Chord>,
    /// The experiment that the settings want opened first.
    pub wanted_experiment: Option<String>,
    pub focus: Focus,
    pub zoomed: bool,
    pub overlay: Option<Overlay>,
    pub connection: Connection,
    pub paused: bool,
    pub experiments: Experiments,
    pub runs: Runs,
    pub details: Details,
    /// The last thing to say, until something else is said.
    pub status: Option<String>,
    /// When the list of experiments was asked for last.
    pub experiments_asked: i64,
    pub quitting: bool,
}

/// What the state machine has to know from outside.
#[derive(Debug, Clone)]
pub struct Setup {
    pub store: String,
    pub is_local: bool,
    pub read_only: bool,
    pub poll_seconds: f64,
    pub glyphs: Glyphs,
    pub experiment: Option<String>,
    pub size: (u16, u16),
    pub now: i64,
}

impl App {
    pub fn new(setup: Setup) -> Self {
        Self {
            now: setup.now,
            size: setup.size,
            store: setup.store,
            is_local: setup.is_local,
            read_only: setup.read_only,
            poll_seconds: setup.poll_seconds,
            glyphs: setup.glyphs,
            keymap: Keymap::defaults(),
            pending: Vec::new(),
            wanted_experiment: setup.experiment,
            focus: Focus::Runs,
            zoomed: false,
            overlay: None,
            connection: Connection::Connecting,
            paused: false,
            experiments: Experiments::default(),
            runs: Runs::default(),
            details: Details::default(),
            status: None,
            experiments_asked: setup.now,
            quitting: false,
        }
    }

    /// Where everything is on the screen.
    pub fn geometry(&self) -> Geometry {
        geometry(self.size, self.focus, self.zoomed)
    }

    /// Whether everything that the screen shows first has been answered, so that a first frame would be complete.
    pub fn is_settled(&self) -> bool {
        let is_shown = self.runs.loaded
            && !self.runs.sparks_pending
            && (self.runs.rows.is_empty() || self.details.run.is_some() || self.details.error.is_some());
        is_shown || self.experiments.is_empty_store() || matches!(self.connection, Connection::Failing { .. })
    }
}
