//! The whole state of the explorer.

use std::collections::{HashMap, VecDeque};

use crossterm::event::KeyEvent;

use super::keymap::{Chord, Keymap};
use super::layout::{Content, Focus, Geometry, Tab, geometry};
use super::memory::UiMemory;
use super::poll_interval::PollInterval;
use crate::config::{DefaultColumn, Glyphs, Selecting};
use crate::mlflow::{ExperimentId, Metric};
use crate::select::Policy;
use crate::store::{Capabilities, StoreError};
use crate::tui::features::best::Best;
use crate::tui::features::charts::dashboard::Dashboard;
use crate::tui::features::charts::histories::Histories;
use crate::tui::features::charts::screen::ChartScreen;
use crate::tui::features::compare::CompareScreen;
use crate::tui::features::compare::opening::LeftComparison;
use crate::tui::features::datasets::DatasetsScreen;
use crate::tui::features::details::{Details, metrics};
use crate::tui::features::experiments::{Experiments, ListedExperiment};
use crate::tui::features::files::Saving;
use crate::tui::features::models::Models;
use crate::tui::features::models::screen::ModelsScreen;
pub use crate::tui::features::runs::Runs;
use crate::tui::features::runs::views::NamedViews;
use crate::tui::features::sweeps::Sweeps;
use crate::tui::features::sweeps::log::LogScreen;
use crate::tui::features::sweeps::plan::PlanForm;
use crate::tui::features::sweeps::plan::command::CommandForm;
use crate::tui::features::sweeps::screen::SweepScreen;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::help::Help;
use crate::tui::widgets::input::Input;
use crate::tui::widgets::messages::{Message, note};
use crate::tui::widgets::picker::Pick;
use crate::tui::widgets::prompt::Ask;
use crate::tui::widgets::report::Report;

/// What stands over the panes and owns the keyboard.
#[derive(Debug)]
pub enum Overlay {
    Messages {
        scroll: usize,
    },
    /// Words are being typed in the status line, and narrow the runs with every letter.
    Search,
    Prompt(Box<dyn Ask>),
    Picker(Box<dyn Pick>),
    Confirm(Confirm),
    Report(Report),
    Plan(Box<PlanForm>),
    Command(Box<CommandForm>),
    /// The sweeps of this machine, and the one under the cursor.
    Sweeps {
        at: usize,
    },
}

/// What stands in place of the panes.
#[derive(Debug)]
pub enum Screen {
    Chart(Box<ChartScreen>),
    Compare(Box<CompareScreen>),
    /// A sweep with its trials.
    Sweep(Box<SweepScreen>),
    /// What a trial says.
    Log(Box<LogScreen>),
    /// Registered models and their versions.
    Models(Box<ModelsScreen>),
    /// The data sets of an experiment.
    Datasets(Box<DatasetsScreen>),
}

/// How it stands with the store.
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectionState {
    /// Nothing was answered yet.
    Connecting,
    /// The last answer came at this time (milliseconds).
    Live { since: i64 },
    /// The store was asked at a time, and has not answered yet. What is known is as of its last answer.
    Silent { asked: i64, last_answer: i64 },
    /// The store does not answer; it is asked again at `retry_at`. What was known stays, as of its last answer.
    Failing { error: StoreError, retry_at: i64, last_answer: Option<i64> },
}

/// A border that the mouse has hold of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dragged {
    Side,
    Middle,
}

/// What comes from the keyboard.
#[derive(Debug, Clone, PartialEq)]
pub enum Typed {
    Key(KeyEvent),
    Pasted(String),
}

#[derive(Debug)]
pub struct App {
    /// Milliseconds since the epoch, as the last message had it.
    pub now: i64,
    pub size: (u16, u16),
    pub store: String,
    /// What there was to say of a file that was requested and was not there.
    pub absent: Option<String>,
    pub capabilities: Capabilities,
    pub read_only: bool,
    pub glyphs: Glyphs,
    /// Whether charts are drawn in pixels.
    pub has_pixels: bool,
    pub keymap: Keymap,
    /// Names of the profiles, with their addresses, and the one that is open.
    pub profiles: Vec<(String, String)>,
    pub profile: Option<String>,
    /// The workspace that was chosen.
    pub workspace: Option<String>,
    /// The address of the server's page, where there is one.
    pub page: Option<String>,
    pub memory: UiMemory,
    /// Keys pressed of an action that has several.
    pub pending: Vec<Chord>,
    /// When the first of them was.
    pub pending_since: i64,
    /// When the program started, or an experiment was opened.
    pub opened_at: i64,
    /// What was typed, and waits for the view that was asked for before.
    pub held: VecDeque<Typed>,
    /// The experiment that the settings want opened first.
    pub wanted_experiment: Option<String>,
    pub focus: Focus,
    pub zoomed: bool,
    /// What stands in place of the panes, the last on top.
    pub screens: Vec<Screen>,
    /// A comparison that a run was shown from.
    pub left_comparison: Option<LeftComparison>,
    pub overlay: Option<Overlay>,
    /// The help stands over everything else.
    pub help: Option<Help>,
    pub dragged: Option<Dragged>,
    pub connection: ConnectionState,
    pub paused: bool,
    pub poll_interval: PollInterval,
    pub experiments: Experiments,
    pub runs: Runs,
    /// The views that the user named.
    pub views: NamedViews,
    pub details: Details,
    /// The charts of the shown run.
    pub charts: Dashboard,
    /// Which run is best.
    pub best: Best,
    /// How the settings want it chosen and marked.
    pub selecting: Selecting,
    pub sweeps: Sweeps,
    /// The model registry.
    pub models: Models,
    /// Who writes.
    pub user: String,
    pub histories: Histories,
    /// Counts how often somebody wrote to the store, where that is seen.
    pub writes: u64,
    /// The last thing to say, until something else is said.
    pub status: Option<String>,
    /// What is being saved into files, and how often something was.
    pub saving: Option<Saving>,
    pub saves: u64,
    /// How many prompts were opened.
    pub prompts: u64,
    /// A run that ended while nobody looked at it, until a key is pressed.
    pub notice: Option<String>,
    pub messages: Vec<Message>,
    /// When the list of experiments was requested last.
    pub experiments_asked: i64,
    pub quitting: bool,
}

/// What the state machine has to know from outside.
#[derive(Debug)]
pub struct Setup {
    pub store: String,
    /// What there is to say of a file that was requested and is not there.
    pub absent: Option<String>,
    pub capabilities: Capabilities,
    pub read_only: bool,
    pub poll_seconds: f64,
    pub glyphs: Glyphs,
    pub experiment: Option<String>,
    pub keymap: Keymap,
    pub profiles: Vec<(String, String)>,
    pub profile: Option<String>,
    pub workspace: Option<String>,
    pub page: Option<String>,
    pub memory: UiMemory,
    pub selecting: Selecting,
    pub policies: HashMap<ExperimentId, Policy>,
    pub sweeps: Sweeps,
    pub views: NamedViews,
    pub user: String,
    /// The columns of runs, before anybody chose others.
    pub columns: Vec<DefaultColumn>,
    pub size: (u16, u16),
    pub now: i64,
}

impl App {
    /// Whether the store is known to hold no run at all. A server does not count; that its only experiment is empty shows
    /// once that is open.
    pub fn is_empty_store(&self) -> bool {
        let is_open = |id: &ExperimentId| self.runs.experiment.as_ref() == Some(id);
        self.experiments.are_empty()
            || self.experiments.only().is_some_and(|only| is_open(only.id()))
                && self.runs.complete
                && self.runs.catalog.count == 0
    }

    pub fn new(setup: Setup) -> Self {
        Self {
            now: setup.now,
            size: setup.size,
            store: setup.store,
            absent: setup.absent,
            capabilities: setup.capabilities,
            read_only: setup.read_only,
            glyphs: setup.glyphs,
            has_pixels: false,
            keymap: setup.keymap,
            profiles: setup.profiles,
            profile: setup.profile,
            workspace: setup.workspace,
            page: setup.page,
            memory: setup.memory,
            pending: Vec::new(),
            opened_at: setup.now,
            held: VecDeque::new(),
            pending_since: 0,
            wanted_experiment: setup.experiment,
            focus: Focus::Runs,
            zoomed: false,
            screens: Vec::new(),
            left_comparison: None,
            overlay: None,
            help: None,
            dragged: None,
            connection: ConnectionState::Connecting,
            paused: false,
            poll_interval: PollInterval::new(setup.poll_seconds, setup.capabilities.cheap_polls, setup.now),
            experiments: Experiments::default(),
            runs: Runs::of(&setup.user, setup.columns),
            views: setup.views,
            details: Details::default(),
            charts: Dashboard::default(),
            best: Best::new(setup.policies),
            selecting: setup.selecting,
            sweeps: setup.sweeps,
            models: Models::default(),
            user: setup.user,
            histories: Histories::default(),
            writes: 0,
            status: None,
            saving: None,
            saves: 0,
            prompts: 0,
            notice: None,
            messages: Vec::new(),
            experiments_asked: setup.now,
            quitting: false,
        }
    }

    /// Where everything is on the screen.
    pub fn geometry(&self) -> Geometry {
        geometry(self.size, self.focus, self.zoomed, self.content(), self.memory.layout)
    }

    /// How the experiments stand beside the runs: as wide as their names need, and not at all where there is nothing to
    /// choose from, unless the user wants it otherwise.
    pub fn content(&self) -> Content {
        let is_hidden = self.memory.layout.experiments_hidden.unwrap_or(self.experiments.are_few());
        let runs = &self.runs;
        // All of them, whatever is filtered: panes that move with every letter are no help.
        let lines = runs.catalog.count.max(runs.length());
        Content {
            experiments: self.experiments.width(),
            hides_experiments: is_hidden,
            runs: (runs.loaded && runs.complete && lines > 0)
                .then(|| u16::try_from(lines).unwrap_or(u16::MAX)),
        }
    }

    /// Whether the experiment that is open is deleted.
    pub fn has_deleted_experiment(&self) -> bool {
        let listed = self.runs.experiment.as_ref().and_then(|id| self.experiments.find(id));
        listed.is_some_and(ListedExperiment::is_deleted)
    }

    /// Whether experiments, or the runs of one, are read for the first time.
    pub fn is_opening(&self) -> bool {
        let is_awaited = self.runs.experiment.is_some() || !self.experiments.loaded;
        let is_failing = matches!(self.connection, ConnectionState::Failing { .. });
        is_awaited && !self.runs.loaded && self.runs.newest.error().is_none() && !is_failing
    }

    /// The metrics of the shown run that stand in a table on the screen.
    pub fn metrics_on_screen(&self) -> Vec<&Metric> {
        metrics::on_screen(self)
    }

    /// Whether the dashboard has the keys.
    pub fn is_on_charts(&self) -> bool {
        self.screens.is_empty() && self.focus == Focus::Details && self.details.tab == Tab::Charts
    }

    /// The words that the search types.
    pub fn searched(&mut self) -> &mut Input {
        let is_on_charts = self.is_on_charts();
        let is_on_experiments = self.searches_experiments();
        let is_in_details = self.searches_details();
        match self.screens.last_mut() {
            Some(Screen::Compare(screen)) => &mut screen.words,
            Some(Screen::Models(screen)) => screen.searched_mut(),
            _ if is_on_charts => &mut self.charts.words,
            _ if is_on_experiments => &mut self.experiments.words,
            _ if is_in_details => &mut self.details.find.words,
            Some(Screen::Chart(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Datasets(_)) | None => {
                &mut self.runs.words
            }
        }
    }

    /// Whether the search is about runs.
    pub fn searches_runs(&self) -> bool {
        self.screens.is_empty() && self.focus == Focus::Runs
    }

    /// Whether it is about the lines of a tab, or of a file that is looked into.
    pub fn searches_details(&self) -> bool {
        self.screens.is_empty() && self.focus == Focus::Details && !self.is_on_charts()
    }

    /// Whether it is about experiments.
    pub fn searches_experiments(&self) -> bool {
        self.screens.is_empty() && self.focus == Focus::Experiments
    }

    /// The same, to be looked at.
    pub fn search_words(&self) -> &Input {
        match self.screens.last() {
            Some(Screen::Compare(screen)) => &screen.words,
            Some(Screen::Models(screen)) => screen.searched(),
            _ if self.is_on_charts() => &self.charts.words,
            _ if self.searches_experiments() => &self.experiments.words,
            _ if self.searches_details() => &self.details.find.words,
            Some(Screen::Chart(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Datasets(_)) | None => {
                &self.runs.words
            }
        }
    }

    /// Says something in the status line.
    pub fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        note(&mut self.messages, self.now, text.clone());
        self.status = Some(text);
    }
}
