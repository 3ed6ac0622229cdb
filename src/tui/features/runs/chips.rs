//! Filters that one key switches on and off: they stand in the frame above the table, and in the text of the filter.

#![deny(clippy::wildcard_enum_match_arm)]

use ratatui::layout::Rect;

use super::actions::Action;
use super::filters;
use crate::mlflow::filter::Expression;
use crate::mlflow::filter::narrowing::{has_condition, with_condition, without_condition};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::effect::Effects;
use crate::tui::core::requests::view_changed;

/// A condition that one key switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chip {
    Mine,
    LastDay,
    Running,
    Failed,
}

/// From this width on a table has room for them.
const ROOM: u16 = 76;

impl Chip {
    pub const ALL: [Self; 4] = [Self::Mine, Self::LastDay, Self::Running, Self::Failed];

    pub fn label(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::LastDay => "24h",
            Self::Running => "running",
            Self::Failed => "failed",
        }
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Mine => "user = me",
            Self::LastDay => "age < 1d",
            Self::Running => "status = running",
            Self::Failed => "status = failed",
        }
    }

    /// What no run is at the same time.
    fn other(self) -> Option<Self> {
        match self {
            Self::Running => Some(Self::Failed),
            Self::Failed => Some(Self::Running),
            Self::Mine | Self::LastDay => None,
        }
    }

    /// Whether a filter says it.
    pub fn is_on(self, filter: &Expression) -> bool {
        Expression::parse(self.condition()).is_ok_and(|condition| has_condition(filter, &condition))
    }
}

/// Switches a condition of the filter.
pub fn switch(app: &mut App, chip: Chip, effects: &mut Effects) {
    let text = app.runs.filter_text.clone();
    let changed = if chip.is_on(&app.runs.view.filter) {
        without_condition(&text, chip.condition())
    } else {
        let other = chip.other().filter(|other| other.is_on(&app.runs.view.filter));
        let text = other.map_or(Ok(Some(text.clone())), |other| without_condition(&text, other.condition()));
        text.and_then(|text| text.map(|text| with_condition(&text, chip.condition())).transpose())
    };
    match changed {
        Ok(Some(text)) if text.is_empty() => filters::clear(app, effects),
        Ok(Some(text)) => match Expression::parse(&text) {
            Ok(filter) => {
                app.runs.set_filter(text, filter);
                view_changed(app, effects);
            }
            Err(error) => app.say(error.message),
        },
        Ok(None) => app.say("the filter says it in its own words; f edits it"),
        Err(error) => app.say(error.message),
    }
}

/// The chips of a table in their order, with what is written for each, and where: in the upper border of its pane, at the right
/// end. None where there is no room.
pub fn places(app: &App, pane: Rect) -> Vec<(Chip, String, Rect)> {
    if pane.width < ROOM || !app.runs.loaded {
        return Vec::new();
    }
    let words = |chip: Chip| {
        let keys = app.keymap.keys_of(Action::Chip(chip).into());
        let key = keys.first().map_or(String::new(), |key| format!("{key} "));
        format!("{key}{}", chip.label())
    };
    let all = Chip::ALL.map(|chip| (chip, words(chip)));
    let mut x = pane.x + pane.width.saturating_sub(width(&all) + 1);
    let mut placed = Vec::new();
    for (chip, words) in all {
        let width = text::width(&words) as u16;
        placed.push((chip, words, Rect { x: x + 1, y: pane.y, width, height: 1 }));
        x += width + 2;
    }
    placed
}

fn width(all: &[(Chip, String)]) -> u16 {
    all.iter().map(|(_, words)| text::width(words) as u16 + 2).sum()
}
