//! The list of experiments, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::Msg;
use crate::mlflow::{Experiment, ExperimentId, ViewType};
use crate::store::{Result, Store};
use crate::tui::core::msg::Msg as Any;
use crate::tui::core::tasks::{Slot, Tasks};

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read the list, again and again until the store answers and has runs to show.
    Load,
    Rename {
        id: ExperimentId,
        name: String,
    },
}

/// Carries an effect out; `every` is how often a store is asked that does not answer.
pub fn perform(effect: Effect, tasks: &mut Tasks, every: Duration) {
    let store = tasks.store.clone();
    match effect {
        Effect::Load => {
            let sender = tasks.sender();
            tasks.start(Slot("experiments"), async move { load(store, sender, every).await });
        }
        Effect::Rename { id, name } => tasks.write(async move {
            let result = store.rename_experiment(&id, &name).await;
            Msg::Renamed { name, result }
        }),
    }
}

/// The watch takes over once there are runs.
async fn load(store: Store, sender: UnboundedSender<Any>, every: Duration) {
    loop {
        let listed = list(&store).await;
        let is_listed = listed.is_ok();
        let retry_ms = every.as_millis() as u64;
        if sender.send(Msg::Listed { result: listed, retry_ms }.into()).is_err() {
            return;
        }
        // Counting takes longer than listing; a count that fails is made up for by the next.
        if is_listed && let Ok(counts) = store.run_counts().await {
            let has_runs = counts.as_ref().is_none_or(|counts| counts.values().any(|runs| *runs > 0));
            if sender.send(Msg::Counted(counts).into()).is_err() || has_runs {
                return;
            }
        }
        tokio::time::sleep(every).await;
    }
}

async fn list(store: &Store) -> Result<(Vec<Experiment>, Option<ExperimentId>)> {
    Ok((store.search_experiments(ViewType::ActiveOnly).await?, store.latest_experiment().await?))
}
