//! A line to be typed, with what is wrong with it and what could come next.

pub mod complete;
pub mod view;

use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::mlflow::{ExperimentId, RunId};
use crate::tui::core::form::Form;
use crate::tui::widgets::input;
use crate::tui::widgets::input::Input;

/// What the line is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Purpose {
    /// A filter in MLflow's language.
    Expression,
    RenameRun(RunId),
    RenameExperiment(ExperimentId),
    Note(RunId),
    /// `key=value`, or the value of a known key.
    Tag {
        ids: Vec<RunId>,
        key: Option<String>,
    },
    /// The step whose value a metric's column shows.
    Step(String),
    /// Which value of a metric counts for the best run, which runs it is among, and the weights of several metrics.
    Value,
    Constraint,
    Weights,
    /// Seconds between looks for changes.
    Interval,
    /// The file that what is shown is saved as.
    Save(Form),
}

#[derive(Debug, Clone)]
pub struct Prompt {
    pub purpose: Purpose,
    pub title: String,
    /// What to type.
    pub hint: String,
    pub input: Input,
    /// What is wrong, and where (in bytes).
    pub error: Option<(String, Range<usize>)>,
    /// What could stand in place of the word under the cursor, and where that begins.
    pub completions: Vec<String>,
    pub word: usize,
    /// The completion that Tab takes.
    pub chosen: usize,
}

/// What came of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    Nothing,
    /// The text is another one.
    Changed,
    Closed,
    Entered,
}

impl Prompt {
    pub fn new(purpose: Purpose, title: impl Into<String>, hint: impl Into<String>, text: &str) -> Self {
        Self {
            purpose,
            title: title.into(),
            hint: hint.into(),
            input: Input::new(text.to_owned()),
            error: None,
            completions: Vec::new(),
            word: 0,
            chosen: 0,
        }
    }

    /// Whether several lines can be typed: notes are such texts.
    pub fn has_lines(&self) -> bool {
        matches!(self.purpose, Purpose::Note(_))
    }

    pub fn key(&mut self, event: KeyEvent) -> Typed {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        match event.code {
            KeyCode::Esc => Typed::Closed,
            KeyCode::Char('c') if control => Typed::Closed,
            KeyCode::Enter => Typed::Entered,
            KeyCode::Char('j' | 'o') if control && self.has_lines() => {
                input::break_line(&mut self.input);
                Typed::Changed
            }
            KeyCode::Tab if !self.completions.is_empty() => {
                self.complete();
                Typed::Changed
            }
            KeyCode::Down if !self.completions.is_empty() => {
                self.chosen = (self.chosen + 1) % self.completions.len();
                Typed::Nothing
            }
            KeyCode::Up if !self.completions.is_empty() => {
                self.chosen = (self.chosen + self.completions.len() - 1) % self.completions.len();
                Typed::Nothing
            }
            _ if input::edit(&mut self.input, event) => Typed::Changed,
            _ => Typed::Nothing,
        }
    }

    /// Puts the chosen completion in place of the word under the cursor.
    fn complete(&mut self) {
        let Some(completion) = self.completions.get(self.chosen) else { return };
        let end = input::cursor(&self.input);
        let text = self.input.value();
        let start = format!("{}{completion}", &text[..self.word.min(end)]);
        let cursor = start.chars().count();
        let whole = format!("{start}{}", &text[end..]);
        self.input = Input::new(whole).with_cursor(cursor);
    }
}
