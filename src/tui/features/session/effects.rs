//! What the program keeps, and time.

#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use super::keeping::Keeper;
use crate::mlflow::ExperimentId;
use crate::tui::core::memory::{Layout, Remembered};
use crate::tui::core::msg::Msg;
use crate::tui::core::tasks::{Slot, Tasks};

#[derive(Debug, Clone)]
pub enum Effect {
    /// Look at the state again after a while.
    Wake(Duration),
    /// The same, for keys that were begun.
    ShowKeys(Duration),
    /// The same, for keys that wait.
    ReleaseKeys(Duration),
    /// Look which workspaces the store has.
    FindWorkspaces,
    Remember {
        experiment: Option<(ExperimentId, Box<Remembered>)>,
        layout: Layout,
    },
}

pub fn perform(effect: Effect, tasks: &mut Tasks, keeper: &Keeper) {
    match effect {
        Effect::Wake(after) => tasks.answer(Slot("wake"), async move {
            tokio::time::sleep(after).await;
            Msg::Tick
        }),
        Effect::ShowKeys(after) => tasks.answer(Slot("keys"), async move {
            tokio::time::sleep(after).await;
            Msg::Tick
        }),
        Effect::ReleaseKeys(after) => tasks.answer(Slot("held keys"), async move {
            tokio::time::sleep(after).await;
            Msg::Tick
        }),
        Effect::FindWorkspaces => {
            let store = tasks.store.clone();
            tasks.answer(Slot("workspaces"), async move { super::Msg::Workspaces(store.workspaces().await) });
        }
        Effect::Remember { experiment, layout } => keeper.remember(experiment, layout, &tasks.sender()),
    }
}
