//! A list to pick from, narrowed by typing: columns, actions, statistics, profiles, tags.

pub mod view;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::catalog::ColumnSpec;
use crate::mlflow::{RunId, Statistic};
use crate::select::Goal;
use crate::tui::core::action::Action;
use crate::tui::core::form::Form;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::input;
use crate::tui::widgets::input::Input;

/// What is picked.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    Column(ColumnSpec),
    Action(Action),
    Statistic(Statistic),
    /// The step is still to be typed.
    StatisticAtStep,
    Profile(String),
    /// The form in which what is shown leaves the program, and whether into a file.
    Export(Form, bool),
    /// A column for an axis, and which one.
    Axis(Action, ColumnSpec),
    /// A run to go to.
    GoTo(RunId),
    /// A part of the policy.
    Way(Way),
    Marking(Marking),
    NewTag,
    Tag {
        key: String,
        value: String,
    },
}

/// What the best run is chosen by.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    Metric(String),
    Directed(String, Goal),
    Turn,
    Value,
    Constraint,
    Weights,
    Automatic,
}

/// What is done with marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marking {
    Best,
    Selected,
    PlanBest,
    PlanSelected,
    Undo,
    History,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub label: String,
    pub note: String,
    /// Whether it is on, where that can be.
    pub on: Option<bool>,
    pub choice: Choice,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    Columns,
    Palette,
    Statistic,
    Profiles,
    Axis,
    Export,
    Leaderboard,
    Ways,
    Marks,
    /// The tags of these runs.
    Tags(Vec<RunId>),
}

#[derive(Debug, Clone)]
pub struct Picker {
    pub purpose: Purpose,
    pub title: String,
    pub items: Vec<Item>,
    pub query: Input,
    /// The items that match, the best first, or in their order where nothing is typed.
    pub found: Vec<u32>,
    pub cursor: Cursor,
}

/// What came of a key.
#[derive(Debug, PartialEq)]
pub enum Picked {
    Nothing,
    Closed,
    /// Enter on an item.
    Chosen(Choice),
    /// Space on an item that can be on or off.
    Toggled(Choice, bool),
    /// The item shall go.
    Removed(Choice),
}

impl Picker {
    pub fn new(purpose: Purpose, title: impl Into<String>, items: Vec<Item>) -> Self {
        let found = (0..items.len() as u32).collect();
        Self {
            purpose,
            title: title.into(),
            items,
            query: Input::default(),
            found,
            cursor: Cursor::default(),
        }
    }

    pub fn selected(&self) -> Option<&Item> {
        self.found.get(self.cursor.at).map(|at| &self.items[*at as usize])
    }

    /// Takes a key; `height` is how many items the list shows.
    pub fn key(&mut self, event: KeyEvent, height: usize) -> Picked {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let step = match event.code {
            KeyCode::Esc => return Picked::Closed,
            KeyCode::Char('c') if control => return Picked::Closed,
            KeyCode::Enter => {
                return self.selected().map_or(Picked::Nothing, |item| Picked::Chosen(item.choice.clone()));
            }
            KeyCode::Char(' ') | KeyCode::Tab if self.selected().is_some_and(|item| item.on.is_some()) => {
                let at = self.found[self.cursor.at] as usize;
                let item = &mut self.items[at];
                let on = !item.on.unwrap_or_default();
                item.on = Some(on);
                let toggled = Picked::Toggled(item.choice.clone(), on);
                self.step(1, height);
                return toggled;
            }
            KeyCode::Char('x') if control => {
                return self.selected().map_or(Picked::Nothing, |item| Picked::Removed(item.choice.clone()));
            }
            KeyCode::Down => 1,
            KeyCode::Up => -1,
            KeyCode::Char('n' | 'j') if control => 1,
            KeyCode::Char('p' | 'k') if control => -1,
            KeyCode::PageDown => height as isize,
            KeyCode::PageUp => -(height as isize),
            _ => {
                if input::edit(&mut self.query, event) {
                    self.search();
                }
                return Picked::Nothing;
            }
        };
        self.step(step, height);
        Picked::Nothing
    }

    pub fn step(&mut self, by: isize, height: usize) {
        self.cursor.step(by, self.found.len(), height);
    }

    pub fn search(&mut self) {
        let pattern = Pattern::parse(self.query.value(), CaseMatching::Smart, Normalization::Smart);
        self.cursor = Cursor::default();
        if pattern.atoms.is_empty() {
            self.found = (0..self.items.len() as u32).collect();
            return;
        }
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, u32)> = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            if let Some(score) = pattern.score(Utf32Str::new(&item.label, &mut buffer), &mut matcher) {
                scored.push((score, at as u32));
            }
        }
        // The best first; of several the shorter name, then the order of the list.
        let length = |at: u32| self.items[at as usize].label.len();
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), length(*at), *at));
        self.found = scored.into_iter().map(|(_, at)| at).collect();
    }

    /// The places of the letters, as characters, that make a label match.
    pub fn letters(&self, label: &str) -> Vec<usize> {
        let pattern = Pattern::parse(self.query.value(), CaseMatching::Smart, Normalization::Smart);
        let (mut buffer, mut places) = (Vec::new(), Vec::new());
        let mut matcher = Matcher::new(Config::DEFAULT);
        let text = Utf32Str::new(label, &mut buffer);
        // Only items that match are drawn.
        let _ = pattern.indices(text, &mut matcher, &mut places);
        let mut places: Vec<usize> = places.into_iter().map(|place| place as usize).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// Items that the list shows on a screen of that many rows.
pub fn height(rows: u16) -> usize {
    (rows as usize).saturating_sub(8).clamp(1, 24)
}
