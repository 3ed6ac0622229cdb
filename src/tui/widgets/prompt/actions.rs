//! What keys do where a line is typed; other keys are typed.

#![deny(clippy::wildcard_enum_match_arm)]

use super::correct::correction;
use super::{PromptError, width};
use crate::tui::core::action::{ActionRow, DIALOGS, Possible, always, given, rows_of};
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::Effects;
use crate::tui::core::layer::Scope;
use crate::tui::core::requests::edit_text;
use crate::tui::widgets::confirm::Confirm;
use crate::tui::widgets::input;
use crate::tui::widgets::view::move_lines;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Apply,
    NewLine,
    LineDown,
    LineUp,
    Editor,
    Complete,
    NextCompletion,
    PreviousCompletion,
    Leave,
}

rows_of!(row: Prompt, DIALOGS, &[Scope::Prompt]);

pub const ROWS: &[ActionRow] = &[
    row(Action::Apply, "apply", &["enter"], "apply", "prompt: apply what is typed", always),
    row(
        Action::NewLine,
        "new-line",
        &["ctrl-j", "ctrl-o", "alt-enter"],
        "new line",
        "prompt: start a new line",
        has_lines,
    ),
    row(Action::LineDown, "line-down", &["down"], "", "prompt: to the next line", has_lines),
    row(Action::LineUp, "line-up", &["up"], "", "prompt: to the line before", has_lines),
    row(
        Action::Editor,
        "prompt-editor",
        &["alt-e"],
        "$EDITOR",
        "prompt: write the text in $EDITOR",
        has_lines,
    ),
    row(
        Action::Complete,
        "complete",
        &["tab"],
        "complete",
        "prompt: complete the word, or put a mistake right",
        has_completions,
    ),
    row(
        Action::NextCompletion,
        "next-completion",
        &["down"],
        "",
        "prompt: next completion, or a later filter",
        has_list,
    ),
    row(
        Action::PreviousCompletion,
        "previous-completion",
        &["up"],
        "",
        "prompt: previous completion, or an earlier filter",
        has_list,
    ),
    row(Action::Leave, "leave", &["esc", "ctrl-c"], "leave", "prompt: cancel", always),
];

fn in_line(app: &App, holds: impl Fn(&super::PromptLine) -> bool) -> bool {
    matches!(&app.overlay, Some(Overlay::Prompt(prompt)) if holds(prompt.line()))
}

fn has_lines(app: &App) -> Possible {
    given(in_line(app, |line| line.has_lines), "only one line here")
}

fn has_completions(app: &App) -> Possible {
    let has_some = |line: &super::PromptLine| !line.completions.is_empty() || line.correction.is_some();
    given(in_line(app, has_some), "no completion")
}

fn has_list(app: &App) -> Possible {
    given(
        in_line(app, |line| !line.completions.is_empty() || !line.earlier.is_empty()),
        "no completion, and no earlier text",
    )
}

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    let Some(Overlay::Prompt(mut prompt)) = app.overlay.take() else { return };
    let line = prompt.line_mut();
    let mut is_other = false;
    match action {
        // A long text is not thrown away by a key.
        Action::Leave if line.has_lines && line.input.value() != line.before => {
            app.overlay = Some(Overlay::Prompt(prompt));
            Confirm::new("Leave without applying it?", vec!["What you typed is lost.".into()], |app, _| {
                app.overlay = None;
            })
            .open_over(app);
            return;
        }
        Action::Leave => return,
        Action::Apply => {
            let text = line.input.value().to_owned();
            let Err(PromptError { message, span }) = prompt.entered(app, &text, effects) else { return };
            // It stays open, with the caret under what is wrong.
            let line = prompt.line_mut();
            line.completions.clear();
            line.error = Some((message, span));
            if line.is_filter {
                line.correction = correction(&app.runs.catalog, line.input.value());
            }
        }
        Action::NewLine => {
            input::break_line(&mut line.input);
            is_other = true;
        }
        Action::LineDown | Action::LineUp => {
            let by = if action == Action::LineDown { 1 } else { -1 };
            move_lines(&mut line.input, by, width(app.size.0));
        }
        Action::Editor => edit_text(line.number, line.input.value().to_owned(), effects),
        Action::Complete => {
            line.complete();
            is_other = true;
        }
        Action::NextCompletion | Action::PreviousCompletion if line.recalls() => {
            line.recall(action == Action::PreviousCompletion);
        }
        Action::NextCompletion => line.step(1),
        Action::PreviousCompletion => line.step(line.completions.len().saturating_sub(1)),
    }
    app.overlay = Some(Overlay::Prompt(prompt));
    if is_other {
        super::changed(app);
    }
}
