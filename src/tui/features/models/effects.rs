//! What is read of the registry and written to it, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use super::Msg;
use crate::mlflow::{ModelVersion, RunId};
use crate::registry::edit::{Edit, Undo, apply, undo};
use crate::registry::origins;
use crate::tui::core::msg::Msg as Any;
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks};

#[derive(Debug, Clone)]
pub enum Effect {
    /// Read all registered models; the first ones are shown before the others are there.
    ReadModels {
        ticket: Ticket,
        is_first: bool,
    },
    ReadVersions {
        ticket: Ticket,
        model: String,
    },
    /// Read the runs and logged models that versions were made from.
    ReadOrigins {
        ticket: Ticket,
        versions: Vec<ModelVersion>,
    },
    /// Read which versions runs have.
    ReadOfRuns {
        ticket: Ticket,
        runs: Vec<RunId>,
    },
    Change(Box<Edit>),
    TakeBack(Box<Undo>),
}

/// `turn` is that of marks: an alias is not moved while a mark moves it.
pub fn perform(effect: Effect, tasks: &mut Tasks, turn: &Arc<tokio::sync::Mutex<()>>) {
    let store = tasks.store.clone();
    let turn = Arc::clone(turn);
    match effect {
        Effect::ReadModels { ticket, is_first } => {
            let sender = tasks.sender();
            tasks.answer(Slot("models"), async move {
                let mut all = Vec::new();
                let read = store.each_registered_models(|models| {
                    all.extend(models);
                    if is_first {
                        let msg = Msg::Models { ticket, is_whole: false, result: Ok(all.clone()) };
                        let _ = sender.send(Any::from(msg));
                    }
                });
                let result = read.await.map(|()| all);
                Msg::Models { ticket, is_whole: true, result }
            });
        }
        Effect::ReadVersions { ticket, model } => tasks.answer(Slot("versions"), async move {
            Msg::Versions { ticket, result: store.model_versions(&model).await }
        }),
        Effect::ReadOrigins { ticket, versions } => tasks.answer(Slot("origins"), async move {
            let result = origins(&store, &versions).await;
            Msg::Origins {
                ticket,
                versions: versions.iter().map(|version| version.version).collect(),
                result,
            }
        }),
        Effect::ReadOfRuns { ticket, runs } => tasks.answer(Slot("versions of runs"), async move {
            let result = store.model_versions_of(&runs).await;
            Msg::OfRuns { ticket, runs, result }
        }),
        Effect::Change(edit) => tasks.write(async move {
            let _turn = turn.lock().await;
            Msg::Edited(apply(&store, &edit).await)
        }),
        Effect::TakeBack(done) => tasks.write(async move {
            let _turn = turn.lock().await;
            Msg::Undone { result: undo(&store, &done).await, done }
        }),
    }
}
