//! A question before something is written that is not easily taken back. `y` means it; Enter does not, for it runs
//! through dialogs by itself.

pub mod view;

use std::fmt;

use crate::tui::core::action::{ActionRow, DIALOGS, always, rows_of};
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::layer::Scope;

type Yes = Box<dyn FnOnce(&mut App, &mut Effects)>;

pub struct Confirm {
    pub question: String,
    /// What happens to whom, a line each.
    pub lines: Vec<String>,
    /// All lines count, and not only the first of them.
    pub is_long: bool,
    yes: Yes,
    /// What it lies over, and what is there again when it is answered.
    behind: Option<Box<Overlay>>,
}

impl Confirm {
    /// A question; `yes` is what is done then.
    pub fn new(
        question: impl Into<String>,
        lines: Vec<String>,
        yes: impl FnOnce(&mut App, &mut Effects) + 'static,
    ) -> Self {
        Self { question: question.into(), lines, is_long: false, yes: Box::new(yes), behind: None }
    }

    /// The same, with room for more lines.
    pub fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    /// Puts the question in the place of what lies over the screen.
    pub fn open(self, app: &mut App) {
        app.overlay = Some(Overlay::Confirm(self));
    }

    /// Puts the question over everything else, which is there again afterwards.
    pub fn open_over(mut self, app: &mut App) {
        self.behind = app.overlay.take().map(Box::new);
        self.open(app);
    }
}

impl fmt::Debug for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirm")
            .field("question", &self.question)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Yes,
    No,
}

rows_of!(row: Confirm, DIALOGS, &[Scope::Confirm]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Yes, "yes", &["y", "Y"], "yes", "question: yes", always),
    row(Action::No, "no", &["n", "N", "q", "esc", "ctrl-c"], "no", "question: no", always),
];

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    let Some(Overlay::Confirm(confirm)) = app.overlay.take() else { return };
    app.overlay = confirm.behind.map(|behind| *behind);
    match action {
        Action::Yes => (confirm.yes)(app, effects),
        Action::No => {}
    }
}
