//! What keys do to data sets, and what tasks bring back of them.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::Action;
use super::effects::Effect;
use super::{DatasetsScreen, Msg, contexts, source, view};
use crate::store::UsedDataset;
use crate::text;
use crate::tui::core::app::{App, Overlay, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::remote::Remote;
use crate::tui::core::requests::filter_runs;
use crate::tui::widgets::cursor::Cursor;
use crate::tui::widgets::report::Report;

/// A list that is on the screen is read again after a write, but no sooner than after so many milliseconds.
const AGE: i64 = 5_000;

/// The screen, where it is on top.
pub fn screen(app: &App) -> Option<&DatasetsScreen> {
    match app.screens.last() {
        Some(Screen::Datasets(screen)) => Some(screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_),
        )
        | None => None,
    }
}

fn screen_mut(app: &mut App) -> Option<&mut DatasetsScreen> {
    match app.screens.last_mut() {
        Some(Screen::Datasets(screen)) => Some(screen),
        Some(
            Screen::Chart(_) | Screen::Compare(_) | Screen::Sweep(_) | Screen::Log(_) | Screen::Models(_),
        )
        | None => None,
    }
}

pub fn perform(app: &mut App, action: Action) {
    match action {
        Action::Open => {
            let Some(experiment) = app.runs.experiment.clone() else { return };
            app.screens.push(Screen::Datasets(Box::new(DatasetsScreen {
                experiment,
                name: app.runs.name.clone(),
                deleted: app.runs.deleted,
                sets: Remote::default(),
                cursor: Cursor::default(),
                asked: 0,
                writes: app.writes,
            })));
        }
        Action::Describe => {
            let Some(used) = screen(app).and_then(DatasetsScreen::under_cursor) else { return };
            let report = Report::new(text::clean(&used.dataset.name), about(used));
            app.overlay = Some(Overlay::Report(report));
        }
    }
}

/// Asks for the list where it is not known, or somebody wrote since.
pub fn follow_up(app: &mut App, effects: &mut Effects) {
    let (now, writes) = (app.now, app.writes);
    let Some(screen) = screen_mut(app) else { return };
    let is_outdated = screen.writes != writes && now - screen.asked >= AGE && !screen.sets.is_waiting();
    if screen.sets.is_asked() && !is_outdated {
        return;
    }
    (screen.asked, screen.writes) = (now, writes);
    let ticket = screen.sets.ask();
    let (experiment, deleted) = (screen.experiment.clone(), screen.deleted);
    effects.push(Effect::List { ticket, experiment, deleted });
}

pub fn answered(app: &mut App, msg: Msg) {
    let now = app.now;
    let body = app.geometry().body;
    let Some(screen) = screen_mut(app) else { return };
    match msg {
        Msg::Listed { ticket, result } => {
            let before = screen.under_cursor().map(|used| used.dataset.digest.clone());
            screen.sets.take(ticket, result, now);
            let sets = screen.sets.value().map_or(&[][..], Vec::as_slice);
            if let Some(at) =
                before.and_then(|digest| sets.iter().position(|used| used.dataset.digest == digest))
            {
                screen.cursor.at = at;
            }
            let height = view::places(body, screen.length()).rows();
            screen.cursor.show(screen.length(), height);
        }
    }
}

pub fn go(app: &mut App, action: go::Action, effects: &mut Effects) {
    let body = app.geometry().body;
    let Some(screen) = screen_mut(app) else { return };
    let height = view::places(body, screen.length()).rows();
    if let Some(by) = action.lines((height / 2).max(1) as isize) {
        screen.cursor.step(by, screen.length(), height);
        return;
    }
    match action {
        go::Action::Open => show_runs(app, effects),
        go::Action::Back => drop(app.screens.pop()),
        go::Action::Down
        | go::Action::Up
        | go::Action::PageDown
        | go::Action::PageUp
        | go::Action::Top
        | go::Action::Bottom
        | go::Action::Left
        | go::Action::Right
        | go::Action::NextTab
        | go::Action::PreviousTab
        | go::Action::Search => {}
    }
}

/// A click puts the cursor on a line; one more goes to the runs.
pub fn click(app: &mut App, row: u16, effects: &mut Effects) {
    let body = app.geometry().body;
    let Some(screen) = screen_mut(app) else { return };
    let places = view::places(body, screen.length());
    let Some(line) = row.checked_sub(places.list.y + 2) else { return };
    let at = screen.cursor.top + line as usize;
    if line as usize >= places.rows() || at >= screen.length() {
        return;
    }
    let is_again = screen.cursor.at == at;
    screen.cursor.jump(at, screen.length(), places.rows());
    if is_again {
        show_runs(app, effects);
    }
}

/// Goes to the runs that were given the data set: as a filter, which can be changed and taken away.
fn show_runs(app: &mut App, effects: &mut Effects) {
    let Some(used) = screen(app).and_then(DatasetsScreen::under_cursor) else { return };
    let data = &used.dataset;
    let parts = [("dataset.name", &data.name), ("dataset.digest", &data.digest)];
    // What stands in no quotes is left out: the digest alone tells which it is.
    let parts = parts.iter().filter_map(|(field, value)| {
        let quote = ['\'', '"'].into_iter().find(|quote| !value.contains(*quote))?;
        Some(format!("{field} = {quote}{value}{quote}"))
    });
    let filter = parts.collect::<Vec<_>>().join(" AND ");
    app.screens.pop();
    filter_runs(app, filter, effects);
}

/// All that is known of a data set.
pub fn about(used: &UsedDataset) -> Vec<String> {
    let data = &used.dataset;
    let mut lines = vec![
        format!("digest   {}", data.digest),
        format!("runs     {}", text::count(used.uses.len())),
        format!("context  {}", contexts(used)),
        format!("source   {}", source(used)),
    ];
    let is_told = |value: &&String| !value.is_empty();
    lines.extend(data.profile.as_ref().filter(is_told).map(|profile| format!("profile  {profile}")));
    if let Some(schema) = data.schema.as_ref().filter(is_told) {
        lines.extend([String::new(), "Schema".to_owned()]);
        lines.extend(text::readable(schema).into_iter().map(|line| format!("  {line}")));
    }
    lines
}
