//! What keys do about the program as a whole, and about polling.

#![deny(clippy::wildcard_enum_match_arm)]

use super::actions::Action;
use crate::tui::core::action::{MOVE, possible, rows};
use crate::tui::core::app::{App, Overlay};
use crate::tui::core::effect::{Effects, Shell};
use crate::tui::core::go::close;
use crate::tui::core::requests::{pause, quit, refresh};
use crate::tui::core::update::perform as perform_any;
use crate::tui::widgets::picker::{Item, Picked, Picker};
use crate::tui::widgets::prompt::{Prompt, PromptError};

pub fn perform(app: &mut App, action: Action, effects: &mut Effects) {
    match action {
        Action::Refresh => refresh(app, effects),
        Action::Pause => pause(app, effects),
        Action::Interval => interval(app),
        Action::Profiles => profiles(app),
        Action::Palette => palette(app),
        Action::Messages => app.overlay = Some(Overlay::Messages { scroll: 0 }),
        Action::Suspend => effects.push(Shell::Suspend),
        Action::Close => close(app),
        Action::Quit => quit(app, effects),
        // Again closes it.
        Action::Help => app.help = if app.help.is_some() { None } else { Some(0) },
    }
}

fn interval(app: &mut App) {
    let hint = "at least 0.1; slower automatically while unfocused";
    let read = |text: &str| {
        let seconds = text.trim().parse::<f64>().ok();
        let fits = |seconds: &f64| seconds.is_finite() && (0.1..=86_400.0).contains(seconds);
        seconds.filter(fits).ok_or(PromptError::from("must be a number of seconds, at least 0.1"))
    };
    let text = app.poll_interval.seconds.to_string();
    Prompt::new("Refresh interval, in seconds", hint, &text, read, |app, seconds, _| {
        app.poll_interval.seconds = seconds;
        Ok(())
    })
    .open(app);
}

fn profiles(app: &mut App) {
    let items: Vec<_> = app
        .profiles
        .iter()
        .map(|(name, address)| Item {
            label: name.clone(),
            note: if app.profile.as_ref() == Some(name) {
                format!("{address} (open)")
            } else {
                address.clone()
            },
            on: None,
            value: name.clone(),
        })
        .collect();
    Picker::new("Profiles", items, |_, picked, effects| match picked {
        Picked::Chosen(name) => effects.push(Shell::SwitchProfile(name)),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}

/// Every action that can be done now, by its name.
fn palette(app: &mut App) {
    (app.help, app.overlay) = (None, None);
    let is_palette = |action| action == Action::Palette.into();
    let mut known: Vec<_> =
        rows().filter(|row| possible(app, row).is_ok() && !is_palette(row.action)).collect();
    // Nobody looks up how to move.
    known.sort_by_key(|row| row.group == MOVE);
    let items: Vec<_> = known
        .into_iter()
        .map(|row| Item {
            label: format!("{}: {}", row.name, row.help),
            note: app.keymap.keys_of(row.action).join(", "),
            on: None,
            value: row.action,
        })
        .collect();
    Picker::new("Actions", items, |app, picked, effects| match picked {
        Picked::Chosen(action) => perform_any(app, action, effects),
        Picked::Toggled(..) | Picked::Removed(_) => {}
    })
    .open(app);
}
