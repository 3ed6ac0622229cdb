//! What keys do on the log of a trial, and what comes back of it.

#![deny(clippy::wildcard_enum_match_arm)]

use super::{LogPart, LogScreen};
use crate::tui::core::app::{App, Screen};
use crate::tui::core::effect::Effects;
use crate::tui::core::go;
use crate::tui::core::remote::Ticket;
use crate::tui::features::sweeps::effects::Effect;
use crate::tui::features::sweeps::screen::update::screen;

/// The log on the screen.
pub fn log(app: &App) -> Option<&LogScreen> {
    match app.screens.last() {
        Some(Screen::Log(log)) => Some(log),
        Some(
            Screen::Chart(_)
            | Screen::Compare(_)
            | Screen::Sweep(_)
            | Screen::Models(_)
            | Screen::Datasets(_),
        )
        | None => None,
    }
}

fn log_mut(app: &mut App) -> Option<&mut LogScreen> {
    match app.screens.last_mut() {
        Some(Screen::Log(log)) => Some(log),
        Some(
            Screen::Chart(_)
            | Screen::Compare(_)
            | Screen::Sweep(_)
            | Screen::Models(_)
            | Screen::Datasets(_),
        )
        | None => None,
    }
}

/// Rows of lines: the frame takes two.
fn rows(app: &App) -> usize {
    app.geometry().body.height.saturating_sub(2) as usize
}

/// Opens the log of the trial under the cursor.
pub fn open(app: &mut App, effects: &mut Effects) {
    let Some((trial, of)) = screen(app).and_then(|screen| Some((screen.chosen()?, screen))) else { return };
    let title = format!("Log of trial {trial} of {}", of.progress.name);
    let log = LogScreen::new(of.progress.id.clone(), trial, title);
    app.screens.push(Screen::Log(Box::new(log)));
    read_on(app, effects);
}

pub fn go(app: &mut App, action: go::Action) {
    let height = rows(app);
    let Some(log) = log_mut(app) else { return };
    if let Some(by) = action.lines((height / 2).max(1) as isize) {
        log.step(by, height);
    }
    match action {
        go::Action::Back => drop(app.screens.pop()),
        go::Action::Down
        | go::Action::Up
        | go::Action::PageDown
        | go::Action::PageUp
        | go::Action::Top
        | go::Action::Bottom
        | go::Action::Left
        | go::Action::Right
        | go::Action::Open
        | go::Action::NextTab
        | go::Action::PreviousTab
        | go::Action::Search => {}
    }
}

/// Follows the end, or stays where it is.
pub fn follow(app: &mut App) {
    let height = rows(app);
    if let Some(log) = log_mut(app) {
        log.top = log.first(height);
        log.follows = !log.follows;
    }
}

/// Asks for what is new.
pub fn read_on(app: &mut App, effects: &mut Effects) {
    let Some(log) = log_mut(app).filter(|log| !log.fetched.is_waiting()) else { return };
    let (ticket, from) = (log.fetched.ask(), log.position);
    effects.push(Effect::FollowLog { ticket, sweep: log.sweep.clone(), trial: log.trial, from });
}

pub fn read(app: &mut App, ticket: Ticket, result: Result<LogPart, String>) {
    let now = app.now;
    if let Some(log) = log_mut(app) {
        log.take(ticket, result, now);
    }
}
