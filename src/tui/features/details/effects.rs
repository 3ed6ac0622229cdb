//! What the details of a run need, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeSet;

use futures_util::StreamExt as _;

use super::models::{ModelPlace, RunModel};
use super::preview::{LARGEST, Preview};
use super::{Msg, address_of, is_of_model};
use crate::files::{self, Address, Entries};
use crate::mlflow::RunId;
use crate::registry::find_nan;
use crate::store::{ArtifactList, ErrorKind, Result, Store, StoreError};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks};

/// Models that are read at once.
const SIDE_BY_SIDE: usize = 4;

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    LoadRun { ticket: Ticket, id: RunId },
    ListArtifacts { id: RunId, path: String, ticket: Ticket },
    Preview { id: RunId, path: String, ticket: Ticket },
    LoadModels { id: RunId, models: Vec<ModelPlace>, ticket: Ticket },
}

pub fn perform(effect: Effect, tasks: &mut Tasks) {
    let store = tasks.store.clone();
    match effect {
        Effect::LoadRun { ticket, id } => tasks.answer(Slot("run"), async move {
            let result = store.get_run(&id).await.map(Box::new);
            Msg::Run { ticket, result }
        }),
        Effect::ListArtifacts { id, path, ticket } => tasks.spawn(async move {
            let result = list(&store, &id, &path).await;
            Msg::Artifacts { run: id, path, ticket, result }
        }),
        Effect::Preview { id, path, ticket } => tasks.answer(Slot("preview"), async move {
            let result = preview(&store, &id, &path).await;
            Msg::Preview { run: id, path, ticket, result }
        }),
        Effect::LoadModels { id, models, ticket } => tasks.spawn(async move {
            let result = load_models(&store, &id, models).await;
            Msg::Models { run: id, ticket, result }
        }),
    }
}

/// The models of a run with their folders.
async fn load_models(store: &Store, run: &RunId, places: Vec<ModelPlace>) -> Result<Vec<RunModel>> {
    let models = places.into_iter().map(async |place| {
        let (logged, address) = match &place {
            ModelPlace::Logged(id) => {
                let mut models = vec![store.get_logged_model(id).await?];
                let zeros = models[0].metrics.iter().filter(|metric| metric.point.value == 0.0);
                let keys: BTreeSet<String> = zeros.map(|metric| metric.key.clone()).collect();
                for key in keys {
                    find_nan(store, &mut models, &key).await?;
                }
                (models.pop(), Address::Model(id.clone(), String::new()))
            }
            ModelPlace::Artifact(path) => (None, Address::Run(run.clone(), path.clone())),
        };
        let folder = files::model_folder(store, &address).await.map_err(|error| error.to_string());
        Ok(RunModel { place, logged, folder })
    });
    futures_util::stream::iter(models).buffered(SIDE_BY_SIDE).collect::<Vec<_>>().await.into_iter().collect()
}

/// Lists a folder of the run, or of a logged model.
async fn list(store: &Store, id: &RunId, path: &str) -> Result<ArtifactList> {
    if !is_of_model(path) {
        return store.list_artifacts(id, path).await;
    }
    let list = async {
        let source = files::resolve(store, &path.parse()?).await?;
        files::entries(&source).await
    };
    let Entries { mut files, is_cut, .. } =
        list.await.map_err(|error| error.in_store("list the files of the model"))?;
    for file in &mut files {
        file.path = format!("{path}/{}", file.path);
    }
    Ok(ArtifactList { files, is_cut })
}

/// Reads a file of the run, or of a logged model, if it is not too large.
async fn read(store: &Store, id: &RunId, path: &str) -> Result<Vec<u8>> {
    if !is_of_model(path) {
        return store.read_artifact(id, path, LARGEST).await;
    }
    let read = async {
        let source = files::resolve(store, &path.parse()?).await?;
        let mut content = Vec::new();
        files::read_range(&source.files, &source.path, (0, LARGEST as u64 + 1), |part| {
            content.extend_from_slice(part);
            Ok(())
        })
        .await?;
        files::Result::Ok(content)
    };
    let content = read.await.map_err(|error| error.in_store("read the file of the model"))?;
    if content.len() > LARGEST {
        return Err(StoreError::new("read the file", ErrorKind::TooMuch(String::new())));
    }
    Ok(content)
}

/// Reads a file and makes it fit to be looked at; one that is too large, whatever it was said to be, is not read to its end.
async fn preview(store: &Store, id: &RunId, path: &str) -> Result<Preview> {
    let content = match read(store, id, path).await {
        Err(StoreError { kind: ErrorKind::TooMuch(_), .. }) => {
            let words = format!(
                "too large to preview (more than {}); `mltui download {}` fetches the file",
                crate::text::bytes(LARGEST as u64),
                address_of(id, path)
            );
            return Ok(Preview::Nothing(words));
        }
        content => content?,
    };
    let name = path.to_owned();
    let decoding = tokio::task::spawn_blocking(move || Preview::of(&name, content));
    decoding.await.map_err(|error| StoreError::new("preview the file", ErrorKind::Io(error.to_string())))
}
