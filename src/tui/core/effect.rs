//! What the program wants done outside of itself, by the feature that it is for. Plain data: it can be printed.

use crate::tui::features::files::programs::Program;
use crate::tui::features::session::Elsewhere;
use crate::tui::features::{
    best, charts, compare, datasets, details, experiments, export, files, models, runs, session, sweeps,
};

#[derive(Debug, Clone)]
pub enum Effect {
    Experiments(experiments::effects::Effect),
    Runs(runs::effects::Effect),
    Details(details::effects::Effect),
    Charts(charts::effects::Effect),
    Compare(compare::effects::Effect),
    Best(best::effects::Effect),
    Sweeps(sweeps::effects::Effect),
    Export(export::effects::Effect),
    Files(files::effects::Effect),
    Models(models::effects::Effect),
    Datasets(datasets::effects::Effect),
    Session(session::effects::Effect),
    Shell(Shell),
}

/// What belongs to whoever has the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shell {
    /// Into the clipboard of whoever sits before the terminal.
    Copy(String),
    /// Raise attention beyond the screen.
    Notify(String),
    /// Open another profile or workspace.
    Switch(Elsewhere),
    /// Give the terminal to a program until it ends.
    Run(Program),
    Suspend,
    Quit,
}

/// Effects in their order.
#[derive(Debug, Default)]
pub struct Effects(Vec<Effect>);

impl Effects {
    pub fn push(&mut self, effect: impl Into<Effect>) {
        self.0.push(effect.into());
    }

    pub fn extend<E: Into<Effect>>(&mut self, effects: impl IntoIterator<Item = E>) {
        self.0.extend(effects.into_iter().map(Into::into));
    }

    pub fn into_vec(self) -> Vec<Effect> {
        self.0
    }
}

macro_rules! is_part {
    ($($variant:ident: $part:ty),* $(,)?) => {
        $(impl From<$part> for Effect {
            fn from(effect: $part) -> Self {
                Self::$variant(effect)
            }
        })*
    };
}

is_part! {
    Experiments: experiments::effects::Effect,
    Runs: runs::effects::Effect,
    Details: details::effects::Effect,
    Charts: charts::effects::Effect,
    Compare: compare::effects::Effect,
    Best: best::effects::Effect,
    Sweeps: sweeps::effects::Effect,
    Export: export::effects::Effect,
    Files: files::effects::Effect,
    Models: models::effects::Effect,
    Datasets: datasets::effects::Effect,
    Session: session::effects::Effect,
    Shell: Shell,
}
