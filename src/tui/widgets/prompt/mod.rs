//! A line to be typed, with what is wrong with it and what could come next. What it comes to goes to whoever asked, as a
//! value of its own type.

pub mod actions;
pub mod complete;
pub mod correct;
pub mod view;

use std::fmt;
use std::ops::Range;

use crate::mlflow::filter::Expression;
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::widgets::input;
use crate::tui::widgets::input::Input;
use complete::completions;
use correct::{Correction, correction};

/// Cells of the text in a prompt, where there are so many.
const WIDTH: usize = 76;

/// The same on a screen of that width.
pub fn width(screen: u16) -> usize {
    WIDTH.min((screen as usize).saturating_sub(6)).max(2)
}

/// What is wrong with a text, and where in it (in bytes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptError {
    pub message: String,
    pub span: Range<usize>,
}

impl From<String> for PromptError {
    fn from(message: String) -> Self {
        Self { message, span: 0..0 }
    }
}

impl From<&str> for PromptError {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

type Read<T> = fn(&str) -> Result<T, PromptError>;
type Owner<T> = Box<dyn Fn(&mut App, T, &mut Effects) -> Result<(), PromptError>>;

/// A line that is read as a value.
pub struct Prompt<T> {
    line: PromptLine,
    read: Read<T>,
    owner: Owner<T>,
}

/// What is seen of a prompt.
#[derive(Debug)]
pub struct PromptLine {
    pub title: String,
    /// What to type.
    pub hint: String,
    pub input: Input,
    /// Several lines can be typed: notes are such texts.
    pub has_lines: bool,
    /// Tells prompts apart.
    pub number: u64,
    /// What stood there first.
    pub before: String,
    /// It is a filter in MLflow's language, checked and completed with every letter.
    pub is_filter: bool,
    /// What is wrong, and where (in bytes).
    pub error: Option<(String, Range<usize>)>,
    /// What puts that right.
    pub correction: Option<Correction>,
    /// What could stand in place of the word under the cursor, and where that begins.
    pub completions: Vec<String>,
    pub word: usize,
    /// The completion that Tab takes.
    pub chosen: usize,
    /// What was typed here before, the newest last.
    pub earlier: Vec<String>,
    /// How far back it was gone among these, and what stood there before.
    pub recalled: Option<(usize, String)>,
}

/// A prompt, whatever its value is.
pub trait Ask: fmt::Debug {
    fn line(&self) -> &PromptLine;
    fn line_mut(&mut self) -> &mut PromptLine;
    /// Reads what was typed, and gives the value to the owner.
    ///
    /// # Errors
    /// What is wrong with the text; the prompt stays open then.
    fn entered(&self, app: &mut App, text: &str, effects: &mut Effects) -> Result<(), PromptError>;
}

impl<T> Prompt<T> {
    /// A line that begins with a text; `read` makes a value of it, and the owner takes that.
    pub fn new(
        title: impl Into<String>,
        hint: impl Into<String>,
        text: &str,
        read: Read<T>,
        owner: impl Fn(&mut App, T, &mut Effects) -> Result<(), PromptError> + 'static,
    ) -> Self {
        let line = PromptLine {
            title: title.into(),
            hint: hint.into(),
            input: Input::new(text.to_owned()),
            has_lines: false,
            number: 0,
            before: text.to_owned(),
            is_filter: false,
            error: None,
            correction: None,
            completions: Vec::new(),
            word: 0,
            chosen: 0,
            earlier: Vec::new(),
            recalled: None,
        };
        Self { line, read, owner: Box::new(owner) }
    }

    /// The same for several lines.
    pub fn of_lines(mut self) -> Self {
        self.line.has_lines = true;
        self
    }

    /// The same for a filter.
    pub fn of_filter(mut self) -> Self {
        self.line.is_filter = true;
        self
    }

    /// The same, where earlier texts can be taken again, the newest of them last.
    pub fn with_earlier(mut self, earlier: Vec<String>) -> Self {
        self.line.earlier = earlier;
        self
    }

    /// Puts the prompt over everything else.
    pub fn open(mut self, app: &mut App)
    where
        T: 'static,
    {
        app.prompts += 1;
        self.line.number = app.prompts;
        app.overlay = Some(Overlay::Prompt(Box::new(self)));
    }
}

impl<T> fmt::Debug for Prompt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.line.fmt(f)
    }
}

impl<T> Ask for Prompt<T> {
    fn line(&self) -> &PromptLine {
        &self.line
    }

    fn line_mut(&mut self) -> &mut PromptLine {
        &mut self.line
    }

    fn entered(&self, app: &mut App, text: &str, effects: &mut Effects) -> Result<(), PromptError> {
        (self.owner)(app, (self.read)(text)?, effects)
    }
}

/// What is wrong with the text so far, and what could come next.
pub fn changed(app: &mut App) {
    let Some(Overlay::Prompt(prompt)) = &mut app.overlay else { return };
    let line = prompt.line_mut();
    line.error = None;
    line.correction = None;
    line.recalled = None;
    if !line.is_filter {
        return;
    }
    let cursor = input::cursor(&line.input);
    let text = line.input.value();
    if let Err(error) = Expression::parse(text) {
        line.error = Some((error.message, error.span));
    }
    let (word, offered) = completions(&app.runs.catalog, text, cursor);
    line.word = word;
    line.chosen = 0;
    line.completions = offered;
    if line.completions.is_empty() {
        line.correction = correction(&app.runs.catalog, text);
    }
}

impl PromptLine {
    /// Goes on to another completion.
    pub fn step(&mut self, by: usize) {
        self.chosen = (self.chosen + by) % self.completions.len().max(1);
    }

    /// Goes on to an earlier text, or back to a later one and at last to what was typed.
    pub fn recall(&mut self, is_back: bool) {
        let (back, typed) = match self.recalled.take() {
            None if is_back => (1, self.input.value().to_owned()),
            None => return,
            Some((back, typed)) if is_back => ((back + 1).min(self.earlier.len()), typed),
            Some((back, typed)) => (back - 1, typed),
        };
        self.completions.clear();
        self.error = None;
        self.correction = None;
        let text = self.earlier.len().checked_sub(back).and_then(|at| self.earlier.get(at));
        match text.filter(|_| back > 0) {
            Some(text) => {
                self.input = Input::new(text.clone());
                self.recalled = Some((back, typed));
            }
            None => self.input = Input::new(typed),
        }
    }

    /// Whether the arrows go through earlier texts: not where they go through completions.
    fn recalls(&self) -> bool {
        !self.earlier.is_empty() && self.completions.is_empty()
    }

    /// Puts the chosen completion in place of the word under the cursor.
    pub fn complete(&mut self) {
        if let Some(correction) = self.correction.take().filter(|_| self.completions.is_empty()) {
            let whole = correction.applied(self.input.value());
            // The cursor is behind what it was behind of.
            let at = input::cursor(&self.input);
            let at = if at >= correction.span.end {
                at - correction.span.len() + correction.text.len()
            } else {
                at.min(correction.span.start)
            };
            let cursor = whole.get(..at).map_or(0, |before| before.chars().count());
            self.input = Input::new(whole).with_cursor(cursor);
            return;
        }
        let Some(completion) = self.completions.get(self.chosen) else { return };
        let end = input::cursor(&self.input);
        let text = self.input.value();
        let start = format!("{}{completion}", &text[..self.word.min(end)]);
        let cursor = start.chars().count();
        let whole = format!("{start}{}", &text[end..]);
        self.input = Input::new(whole).with_cursor(cursor);
    }
}
