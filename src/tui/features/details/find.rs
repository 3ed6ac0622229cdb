//! Words that are searched in a tab of the details, or in the file that is looked into: the next line that holds them is gone to.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use tui_input::Input;

use super::DetailLine;
use super::artifacts::OpenFile;
use super::preview::Preview;
use super::view::file_area;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::layout::{Focus, Tab};

#[derive(Debug, Default)]
pub struct Find {
    pub words: Input,
    /// Where the search began: the line under the cursor, or the first one of the file on the screen and how far to the right.
    from: (usize, usize),
    /// The line of the file that was found.
    pub at: Option<usize>,
}

/// The search begins where the cursor is.
pub fn begin(app: &mut App) {
    let details = &app.details;
    let opened = opened(app).map(|opened| (opened.top, opened.left));
    app.details.find.from = opened.unwrap_or((details.cursor.at, 0));
}

/// The words are other ones: the first line that holds them, from where the search began.
pub fn searched(app: &mut App) {
    go_to(app, app.details.find.from.0, 1);
}

/// The next line that holds the words, or the one before.
pub fn next(app: &mut App, by: isize) {
    let at = place(app);
    go_to(app, if by > 0 { at.saturating_add(1) } else { at.wrapping_sub(1) }, by);
}

/// Forgets the words, and goes back to where the search began.
pub fn clear(app: &mut App) {
    let (from, left) = std::mem::take(&mut app.details.find).from;
    let height = app.geometry().rows(Focus::Details);
    match opened_mut(app) {
        Some(opened) => {
            (opened.top, opened.left) = (from, left);
            opened.step(0, height);
        }
        None => stand_at(app, from),
    }
}

fn opened(app: &App) -> Option<&OpenFile> {
    app.details.artifacts.preview.as_ref().filter(|_| app.details.tab == Tab::Artifacts)
}

fn opened_mut(app: &mut App) -> Option<&mut OpenFile> {
    app.details.artifacts.preview.as_mut().filter(|_| app.details.tab == Tab::Artifacts)
}

/// The line to go on from: what was found, as long as it is on the screen.
fn place(app: &App) -> usize {
    let Some(opened) = opened(app) else { return app.details.cursor.at };
    let seen = opened.top..opened.top + app.geometry().rows(Focus::Details);
    app.details.find.at.filter(|at| seen.contains(at)).unwrap_or(opened.top)
}

/// Lower-case words find upper-case ones too.
fn pattern(words: &str) -> Option<Regex> {
    let is_lower = !words.chars().any(char::is_uppercase);
    let pattern = RegexBuilder::new(&regex::escape(words)).case_insensitive(is_lower).build();
    pattern.ok().filter(|_| !words.is_empty())
}

/// Whether what is on the screen of a line holds the words.
fn holds(line: &DetailLine, pattern: &Regex) -> bool {
    let styled: String = line.styled.iter().map(|(words, _)| words.as_str()).collect();
    [&line.key, &line.value, &styled].into_iter().any(|words| pattern.is_match(words))
}

/// The lines that hold the words; why there are none, where that says nothing of all that there is.
fn found(app: &App, pattern: &Regex) -> Result<Vec<usize>, &'static str> {
    let numbers =
        |holds: &dyn Fn(usize) -> bool, length: usize| (0..length).filter(|at| holds(*at)).collect();
    let Some(opened) = opened(app) else {
        let lines = app.details.window(0..app.details.length(), &app.runs.name, app.now);
        return Ok(numbers(&|at| holds(&lines[at], pattern), lines.len()));
    };
    let (found, is_part): (Vec<usize>, bool) = match opened.content.value() {
        Some(Preview::Text { lines, cut, .. }) => {
            (numbers(&|at| pattern.is_match(&lines[at].words), lines.len()), *cut)
        }
        Some(Preview::Table { table, .. }) => {
            let holds = |at: usize| table.rows[at].iter().any(|cell| pattern.is_match(cell));
            (numbers(&holds, table.rows.len()), table.is_part)
        }
        Some(Preview::Image { .. } | Preview::Nothing(_)) => return Err("there are no words in this"),
        None if opened.content.error().is_some() => return Err("the file is not read"),
        None => return Err("still loading"),
    };
    if found.is_empty() && is_part {
        return Err("no line of the part that is shown holds that");
    }
    Ok(found)
}

/// Goes to the first found line from `at` on, in a direction, and round where there is none.
fn go_to(app: &mut App, at: usize, by: isize) {
    app.details.find.at = None;
    let Some(pattern) = pattern(app.details.find.words.value()) else {
        app.status = None;
        return;
    };
    let found = match found(app, &pattern) {
        Ok(found) => found,
        Err(why) => {
            app.status = Some(why.into());
            return;
        }
    };
    let next = if by > 0 {
        found.iter().position(|line| *line >= at).or(Some(0))
    } else {
        found.iter().rposition(|line| *line <= at).or(found.len().checked_sub(1))
    };
    let Some((next, line)) = next.and_then(|next| Some((next, *found.get(next)?))) else {
        app.status = Some("no line holds that".into());
        return;
    };
    stand_at(app, line);
    look_at(app, line, &pattern);
    app.status = Some(format!("{} of {}", text::count(next + 1), text::counted(found.len(), "line")));
}

fn stand_at(app: &mut App, at: usize) {
    let height = app.geometry().rows(Focus::Details);
    let length = app.details.length();
    match opened_mut(app) {
        Some(opened) => {
            // Some of what is before it stays in sight.
            opened.top = at.saturating_sub(height / 3);
            opened.step(0, height);
            app.details.find.at = Some(at);
        }
        None => {
            let by = at as isize - app.details.cursor.at as isize;
            app.details.step(by, length, height);
        }
    }
}

/// Scrolls to a side where what was found in a line of the file is not seen.
fn look_at(app: &mut App, line: usize, pattern: &Regex) {
    let room = file_area(app).map_or(0, |area| area.width as usize);
    let Some(opened) = opened_mut(app) else { return };
    let left = match opened.content.value() {
        Some(Preview::Text { lines, .. }) => {
            let words = &lines[line].words;
            let Some(Range { start, end }) = pattern.find(words).map(|found| found.range()) else { return };
            let (start, end) = (text::width(&words[..start]), text::width(&words[..end]));
            let is_seen = opened.left <= start && end <= opened.left + room.saturating_sub(1);
            if is_seen { opened.left } else { start.saturating_sub(room / 3) }
        }
        Some(Preview::Table { table, .. }) => {
            let Some(column) = table.rows[line].iter().position(|cell| pattern.is_match(cell)) else {
                return;
            };
            let is_seen = table.shown(opened.left, room).iter().any(|(shown, _)| *shown == column);
            if is_seen { opened.left } else { column }
        }
        Some(Preview::Image { .. } | Preview::Nothing(_)) | None => return,
    };
    let furthest = opened.content.value().map_or(0, |content| content.furthest(room));
    opened.left = left.min(furthest);
}
