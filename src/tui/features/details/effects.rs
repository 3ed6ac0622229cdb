//! What the details of a run need, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use super::Msg;
use super::preview::{LARGEST, Preview};
use crate::mlflow::{ModelId, RunId};
use crate::store::{ErrorKind, Result, Store, StoreError};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks};

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    LoadRun { ticket: Ticket, id: RunId },
    ListArtifacts { id: RunId, path: String, ticket: Ticket },
    Preview { id: RunId, path: String, ticket: Ticket },
    LoadModels { id: RunId, models: Vec<ModelId>, ticket: Ticket },
}

pub fn perform(effect: Effect, tasks: &mut Tasks) {
    let store = tasks.store.clone();
    match effect {
        Effect::LoadRun { ticket, id } => tasks.answer(Slot("run"), async move {
            let result = store.get_run(&id).await.map(Box::new);
            Msg::Run { ticket, result }
        }),
        Effect::ListArtifacts { id, path, ticket } => tasks.spawn(async move {
            let result = store.list_artifacts(&id, &path).await;
            Msg::Artifacts { run: id, path, ticket, result }
        }),
        Effect::Preview { id, path, ticket } => tasks.answer(Slot("preview"), async move {
            let result = preview(&store, &id, &path).await;
            Msg::Preview { run: id, path, ticket, result }
        }),
        Effect::LoadModels { id, models, ticket } => tasks.spawn(async move {
            let models =
                futures_util::future::join_all(models.iter().map(|model| store.get_logged_model(model)));
            let result = models.await.into_iter().collect();
            Msg::Models { run: id, ticket, result }
        }),
    }
}

/// Reads a file and makes it fit to be looked at; one that is too large, whatever it was said to be, is not read to its end.
async fn preview(store: &Store, id: &RunId, path: &str) -> Result<Preview> {
    let content = match store.read_artifact(id, path, LARGEST).await {
        Err(StoreError { kind: ErrorKind::TooMuch(_), .. }) => {
            let words = format!(
                "too large to preview (more than {}); `mltui download runs:/{id}/{path}` fetches the file",
                crate::text::bytes(LARGEST as u64)
            );
            return Ok(Preview::Nothing(words));
        }
        content => content?,
    };
    let name = path.to_owned();
    let decoding = tokio::task::spawn_blocking(move || Preview::of(&name, content));
    decoding.await.map_err(|error| StoreError::new("preview the file", ErrorKind::Io(error.to_string())))
}
