//! Who owns the keyboard: the one place that says which layer of the screen takes keys, and what they mean there.

use super::app::{App, Overlay, Screen};
use super::layout::Focus;

/// Where the keys of a row mean it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// What leads up and down, and out.
    Move,
    /// What leads across and deeper: columns, tabs, what can be opened, the search.
    Go,
    /// Wherever nothing is typed.
    Everywhere,
    /// The explorer's panes.
    Panes,
    /// The list of experiments.
    Experiments,
    /// Charts, in a pane or as a screen.
    Charts,
    /// One chart as a screen.
    Chart,
    /// Runs side by side.
    Compare,
    /// The list of sweeps.
    Sweeps,
    /// A sweep with its trials.
    Sweep,
    /// The log of a trial.
    Log,
    /// Registered models and their versions.
    Models,
    /// The data sets of an experiment.
    Datasets,
    /// The form of a sweep.
    Plan,
    /// What is only read.
    Read,
    Help,
    Picker,
    Prompt,
    /// Words that narrow what is shown.
    Search,
    /// A question.
    Confirm,
}

/// What has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Help,
    Messages,
    Report,
    Search,
    Prompt,
    Picker,
    Confirm,
    Plan,
    SweepList,
    Sweep,
    Log,
    Chart,
    Compare,
    Models,
    Datasets,
    /// The charts of a run, in their pane.
    Dashboard,
    /// The list of experiments, in its pane.
    Experiments,
    Panes,
}

impl Layer {
    /// Where keys mean what they mean; the first of these that knows a key has the word.
    pub fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Help => &[Scope::Help],
            Self::Messages | Self::Report => &[Scope::Read, Scope::Move, Scope::Everywhere],
            Self::SweepList => &[Scope::Sweeps, Scope::Move, Scope::Everywhere],
            Self::Sweep => &[Scope::Sweep, Scope::Go, Scope::Move, Scope::Everywhere],
            Self::Log => &[Scope::Log, Scope::Move, Scope::Everywhere],
            Self::Search => &[Scope::Search],
            Self::Prompt => &[Scope::Prompt],
            Self::Picker => &[Scope::Picker],
            Self::Confirm => &[Scope::Confirm],
            Self::Plan => &[Scope::Plan],
            Self::Chart => &[Scope::Chart, Scope::Charts, Scope::Go, Scope::Move, Scope::Everywhere],
            Self::Compare => &[Scope::Compare, Scope::Go, Scope::Move, Scope::Everywhere],
            Self::Models => &[Scope::Models, Scope::Go, Scope::Move, Scope::Everywhere],
            Self::Datasets => &[Scope::Datasets, Scope::Go, Scope::Move, Scope::Everywhere],
            Self::Dashboard => &[Scope::Charts, Scope::Panes, Scope::Go, Scope::Move, Scope::Everywhere],
            Self::Experiments => {
                &[Scope::Experiments, Scope::Panes, Scope::Go, Scope::Move, Scope::Everywhere]
            }
            Self::Panes => &[Scope::Panes, Scope::Go, Scope::Move, Scope::Everywhere],
        }
    }

    /// Whether it is only read: keys that mean nothing there close it.
    pub fn is_read(self) -> bool {
        matches!(self, Self::Messages | Self::Report)
    }

    /// Whether keys that mean nothing else are typed.
    pub fn is_typing(self) -> bool {
        matches!(self, Self::Help | Self::Search | Self::Prompt | Self::Picker | Self::Plan)
    }
}

impl Scope {
    /// Whether letters are typed where this is in force.
    pub fn is_typing(self) -> bool {
        matches!(self, Self::Help | Self::Search | Self::Prompt | Self::Picker | Self::Plan)
    }

    /// Whether both can be in force at once.
    pub fn meets(self, other: Self) -> bool {
        LAYERS.iter().any(|layer| layer.scopes().contains(&self) && layer.scopes().contains(&other))
    }
}

pub const LAYERS: [Layer; 18] = [
    Layer::Help,
    Layer::Messages,
    Layer::Report,
    Layer::Search,
    Layer::Prompt,
    Layer::Picker,
    Layer::Confirm,
    Layer::Plan,
    Layer::SweepList,
    Layer::Sweep,
    Layer::Log,
    Layer::Chart,
    Layer::Compare,
    Layer::Models,
    Layer::Datasets,
    Layer::Dashboard,
    Layer::Experiments,
    Layer::Panes,
];

impl App {
    /// What has the keys now.
    pub fn layer(&self) -> Layer {
        if self.help.is_some() { Layer::Help } else { self.layer_below_help() }
    }

    /// What the help is about.
    pub fn layer_below_help(&self) -> Layer {
        match &self.overlay {
            Some(Overlay::Messages { .. }) => Layer::Messages,
            Some(Overlay::Report(_)) => Layer::Report,
            Some(Overlay::Search) => Layer::Search,
            Some(Overlay::Prompt(_)) => Layer::Prompt,
            Some(Overlay::Picker(_)) => Layer::Picker,
            Some(Overlay::Confirm(_)) => Layer::Confirm,
            Some(Overlay::Plan(_) | Overlay::Command(_)) => Layer::Plan,
            Some(Overlay::Sweeps { .. }) => Layer::SweepList,
            None => match self.screens.last() {
                Some(Screen::Chart(_)) => Layer::Chart,
                Some(Screen::Compare(_)) => Layer::Compare,
                Some(Screen::Sweep(_)) => Layer::Sweep,
                Some(Screen::Log(_)) => Layer::Log,
                Some(Screen::Models(_)) => Layer::Models,
                Some(Screen::Datasets(_)) => Layer::Datasets,
                None if self.is_on_charts() => Layer::Dashboard,
                None if self.focus == Focus::Experiments => Layer::Experiments,
                None => Layer::Panes,
            },
        }
    }
}
