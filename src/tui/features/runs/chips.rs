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
use crate::tui::widgets::theme::Symbols;

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
/// And from this one on for all of them, beside what is filtered by.
const SPACIOUS: u16 = 100;
/// Cells of the name of a view.
const VIEW_NAME: usize = 20;

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

/// What stands in the upper border of a table: a filter to switch, or the named view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Above {
    View,
    Chip(Chip),
}

/// Something there, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub above: Above,
    pub key: String,
    pub label: String,
    pub is_on: bool,
    pub place: Rect,
}

impl Placed {
    fn width(&self) -> u16 {
        let between = usize::from(!self.key.is_empty());
        (text::width(&self.key) + between + text::width(&self.label)) as u16
    }
}

/// The chips of a table in their order, and where each stands: in the upper border of its pane, at the right end. None where
/// there is no room; those that are off leave it to what is filtered by.
pub fn places(app: &App, pane: Rect) -> Vec<Placed> {
    if pane.width < ROOM || !app.runs.loaded {
        return Vec::new();
    }
    let ellipsis = Symbols::of(app.glyphs).ellipsis;
    let view = app.runs.picked_view();
    let is_filtered = app.runs.shown_view.is_filtered() || view.is_some();
    let view_label = view.map_or_else(
        || "view".to_owned(),
        |(name, is_changed)| {
            let name = text::without_middle(&text::clean(name), VIEW_NAME, ellipsis);
            format!("view {name}{}", if is_changed { " (changed)" } else { "" })
        },
    );
    let of_view = (Above::View, Action::Views, view_label, view.is_some());
    let of_chip = |chip: Chip| {
        (Above::Chip(chip), Action::Chip(chip), chip.label().to_owned(), chip.is_on(&app.runs.view.filter))
    };
    let all = std::iter::once(of_view).chain(Chip::ALL.into_iter().map(of_chip));
    let has_room = pane.width >= SPACIOUS;
    let shown = all.filter(|(above, .., is_on)| *is_on || has_room || !is_filtered && *above != Above::View);
    let mut placed: Vec<Placed> = shown
        .map(|(above, action, label, is_on)| {
            let key = app.keymap.keys_of(action.into()).first().map_or(String::new(), ToString::to_string);
            Placed { above, key, label, is_on, place: Rect::default() }
        })
        .collect();
    let width: u16 = placed.iter().map(|placed| placed.width() + 2).sum();
    let mut x = pane.x + pane.width.saturating_sub(width + 1);
    for placed in &mut placed {
        let width = placed.width();
        placed.place = Rect { x: x + 1, y: pane.y, width, height: 1 };
        x += width + 2;
    }
    placed
}
