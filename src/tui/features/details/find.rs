//! Words that are searched in a tab of the details, or in the file that is looked into: the next line that holds them is gone to.

use regex::{Regex, RegexBuilder};
use tui_input::Input;

use super::preview::Preview;
use crate::tui::core::app::App;
use crate::tui::core::layout::{Focus, Tab};

#[derive(Debug, Default)]
pub struct Find {
    pub words: Input,
    /// The line that the search began at.
    from: usize,
    /// The line of the file that was found.
    pub at: Option<usize>,
}

/// The search begins where the cursor is.
pub fn begin(app: &mut App) {
    app.details.find.from = place(app);
}

/// The words are other ones: the first line that holds them, from where the search began.
pub fn searched(app: &mut App) {
    go_to(app, app.details.find.from, 1);
}

/// The next line that holds the words, or the one before.
pub fn next(app: &mut App, by: isize) {
    let at = place(app);
    go_to(app, if by > 0 { at.saturating_add(1) } else { at.wrapping_sub(1) }, by);
}

/// Forgets the words, and goes back to where the search began.
pub fn clear(app: &mut App) {
    let from = app.details.find.from;
    app.details.find = Find::default();
    stand_at(app, from);
}

fn place(app: &App) -> usize {
    let details = &app.details;
    match details.artifacts.preview.as_ref().filter(|_| details.tab == Tab::Artifacts) {
        Some(opened) => details.find.at.unwrap_or(opened.top),
        None => details.cursor.at,
    }
}

/// Lower-case words find upper-case ones too.
fn pattern(words: &str) -> Option<Regex> {
    let is_lower = !words.chars().any(char::is_uppercase);
    let pattern = RegexBuilder::new(&regex::escape(words)).case_insensitive(is_lower).build();
    pattern.ok().filter(|_| !words.is_empty())
}

/// The lines of the tab that hold the words.
fn found(app: &App) -> Vec<usize> {
    let details = &app.details;
    let Some(pattern) = pattern(details.find.words.value()) else { return Vec::new() };
    let numbers =
        |holds: &dyn Fn(usize) -> bool, length: usize| (0..length).filter(|at| holds(*at)).collect();
    match details.artifacts.preview.as_ref().filter(|_| details.tab == Tab::Artifacts) {
        Some(opened) => match opened.content.value() {
            Some(Preview::Text { lines, .. }) => {
                numbers(&|at| pattern.is_match(&lines[at].words), lines.len())
            }
            Some(Preview::Table { table, .. }) => {
                let holds = |at: usize| table.rows[at].iter().any(|cell| pattern.is_match(cell));
                numbers(&holds, table.rows.len())
            }
            Some(Preview::Image { .. } | Preview::Nothing(_)) | None => Vec::new(),
        },
        None => {
            let lines = details.window(0..details.length(), &app.runs.name, app.now);
            let holds = |at: usize| {
                let line = &lines[at];
                pattern.is_match(&line.key) || pattern.is_match(line.exact.as_ref().unwrap_or(&line.value))
            };
            numbers(&holds, lines.len())
        }
    }
}

/// Goes to the first found line from `at` on, in a direction, and round where there is none.
fn go_to(app: &mut App, at: usize, by: isize) {
    let found = found(app);
    let next = if by > 0 {
        found.iter().find(|line| **line >= at).or(found.first())
    } else {
        found.iter().rfind(|line| **line <= at).or(found.last())
    };
    let told = next.and_then(|next| found.iter().position(|line| line == next));
    match next {
        Some(next) => stand_at(app, *next),
        None => app.details.find.at = None,
    }
    app.status = match told {
        Some(told) => Some(format!("{} of {} lines", told + 1, found.len())),
        None if app.details.find.words.value().is_empty() => None,
        None => Some("no line holds that".into()),
    };
}

fn stand_at(app: &mut App, at: usize) {
    let height = app.geometry().rows(Focus::Details);
    let length = app.details.length();
    match app.details.artifacts.preview.as_mut().filter(|_| app.details.tab == Tab::Artifacts) {
        Some(opened) => {
            app.details.find.at = Some(at).filter(|_| !app.details.find.words.value().is_empty());
            // Some of what is before it stays in sight.
            opened.top = at.saturating_sub(height / 3);
            opened.step(0, height);
        }
        None => {
            let by = at as isize - app.details.cursor.at as isize;
            app.details.step(by, length, height);
        }
    }
}
