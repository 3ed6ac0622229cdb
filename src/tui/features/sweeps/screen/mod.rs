//! A sweep on the whole screen: its trials in a table, and how they came out on a chart, live.

pub mod cells;
pub mod effects;
mod follow;
pub mod layout;
pub mod legend;
pub mod plot;
pub mod update;
pub mod view;

use rustc_hash::FxHashMap;

use crate::compare::importance::Matters;
use crate::sweep::progress::Progress;
use crate::tui::core::remote::Remote;
use crate::tui::widgets::cursor::Cursor;
use effects::TrialDetails;
pub use follow::{FollowedSweep, SweepNews};
use plot::{Coloring, Grouping};

/// What of a sweep is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SweepTab {
    #[default]
    Trials,
    Chart,
}

impl SweepTab {
    pub const ALL: [Self; 2] = [Self::Trials, Self::Chart];

    pub fn title(self) -> &'static str {
        match self {
            Self::Trials => "Trials",
            Self::Chart => "Chart",
        }
    }
}

/// A column of the table of trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrialColumn {
    Number,
    State,
    Value,
    Family,
    Param(String),
    Time,
    Attempt,
    /// Where it runs, or ran, on a cluster.
    Node,
    Job,
}

#[derive(Debug)]
pub struct SweepScreen {
    pub tab: SweepTab,
    /// The sweep that is shown, and another one that is laid over its chart.
    pub shown: FollowedSweep,
    pub other: Option<FollowedSweep>,
    /// As it was listed when the screen was opened.
    pub progress: Progress,
    /// The trials in the order of the table, by their numbers.
    pub order: Vec<u32>,
    pub cursor: Cursor,
    /// The trial under the cursor; none follows the first row.
    pub trial: Option<usize>,
    pub columns: Vec<TrialColumn>,
    /// The chosen column, and the one that is sorted by, with whether the greatest is first.
    pub column: usize,
    pub sorted: Option<(TrialColumn, bool)>,
    /// What is known of trials besides the journal.
    pub details: FxHashMap<usize, TrialDetails>,
    pub describing: Remote<(), String>,
    /// The trial whose run is to be shown as soon as it is known.
    pub leads_to: Option<usize>,
    /// When the details of what is under way were asked for last.
    pub described: i64,
    pub coloring: Coloring,
    pub grouping: Grouping,
    pub log_y: bool,
    /// Trials that are far worse than all others are drawn too.
    pub shows_all: bool,
    pub weighed: Remote<Matters, String>,
    /// So many trials had come to a result then.
    pub weighed_of: usize,
    /// What the order was made of.
    arranged: u64,
}

impl SweepScreen {
    pub fn new(progress: Progress) -> Self {
        Self {
            tab: SweepTab::default(),
            shown: FollowedSweep::new(progress.id.clone()),
            other: None,
            progress,
            order: Vec::new(),
            cursor: Cursor::default(),
            trial: None,
            columns: vec![TrialColumn::Number, TrialColumn::State, TrialColumn::Value],
            column: 0,
            sorted: None,
            details: FxHashMap::default(),
            describing: Remote::default(),
            leads_to: None,
            described: 0,
            coloring: Coloring::default(),
            grouping: Grouping::default(),
            log_y: false,
            shows_all: false,
            weighed: Remote::default(),
            weighed_of: 0,
            arranged: 0,
        }
    }

    /// The number of the trial under the cursor.
    pub fn chosen(&self) -> Option<usize> {
        self.order.get(self.cursor.at).map(|number| *number as usize)
    }

    /// Takes note of what came of the sweep.
    pub fn learnt(&mut self, height: usize) {
        if self.arranged == self.shown.version {
            return;
        }
        self.arranged = self.shown.version;
        if let Some(header) = &self.shown.header {
            let mut columns = vec![TrialColumn::Number, TrialColumn::State, TrialColumn::Value];
            if header.plan.rules.spaces.len() > 1 {
                columns.push(TrialColumn::Family);
            }
            columns.extend(self.shown.params.iter().cloned().map(TrialColumn::Param));
            columns.extend([TrialColumn::Time, TrialColumn::Attempt]);
            if !self.progress.is_command {
                columns.pop();
            }
            if header.plan.executor.slurm().is_some() {
                columns.insert(2, TrialColumn::Node);
                columns.push(TrialColumn::Job);
            }
            self.columns = columns;
        }
        self.grouping = Grouping::of(&self.shown, &self.coloring);
        self.arrange(height);
    }

    /// Puts the trials in order; the cursor stays on its trial, or on the first row where it stood there.
    pub fn arrange(&mut self, height: usize) {
        let trials = &self.shown.state.trials;
        let mut order: Vec<u32> = (0..trials.len() as u32).rev().collect();
        if let Some((column, is_down)) = &self.sorted {
            let keys: Vec<cells::TrialOrder> =
                (0..trials.len()).map(|number| cells::sort_key(self, column, number)).collect();
            order.sort_by(|a, b| {
                let (a, b) = (&keys[*a as usize], &keys[*b as usize]);
                cells::compare(a, b, *is_down)
            });
        }
        self.order = order;
        let at = self.trial.and_then(|trial| self.order.iter().position(|number| *number as usize == trial));
        self.cursor.jump(at.unwrap_or(0), self.order.len(), height);
    }

    /// Moves the cursor; on the first row it follows what is new.
    pub fn step(&mut self, by: isize, height: usize) {
        self.cursor.step(by, self.order.len(), height);
        self.trial = self.chosen().filter(|_| self.cursor.at > 0 || self.sorted.is_some());
    }

    /// To a trial by its number.
    pub fn go_to(&mut self, trial: usize, height: usize) {
        if let Some(at) = self.order.iter().position(|number| *number as usize == trial) {
            self.cursor.jump(at, self.order.len(), height);
            self.trial = Some(trial);
        }
    }

    /// Sorts by the chosen column: one way, the other way, not at all.
    pub fn sort(&mut self, height: usize) {
        let Some(column) = self.columns.get(self.column).cloned() else { return };
        let first_down = false;
        self.sorted = match self.sorted.take() {
            Some((known, is_down)) if known == column && is_down == first_down => Some((column, !is_down)),
            Some((known, _)) if known == column => None,
            _ => Some((column, first_down)),
        };
        self.trial = self.chosen();
        self.arrange(height);
    }

    pub fn step_column(&mut self, by: isize) {
        self.column = self.column.saturating_add_signed(by).min(self.columns.len().saturating_sub(1));
    }
}
