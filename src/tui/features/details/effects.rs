//! What the details of a run need, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::glance::{GlanceAt, Glanced, PIECE, WHOLE, piece};
use super::models::{ModelPlace, RunModel};
use super::preview::{FilePart, LARGEST, Preview};
use super::{Msg, address_of, glance, is_of_model};
use crate::files::{self, Address, Entries};
use crate::mlflow::{LoggedModel, RunId};
use crate::registry::find_nan;
use crate::store::{ArtifactList, ErrorKind, Result, Store, StoreError};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks};

/// Models that are read at once.
const SIDE_BY_SIDE: usize = 4;
const GLANCE: Slot = Slot("glance");

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    LoadRun {
        ticket: Ticket,
        id: RunId,
    },
    ListArtifacts {
        id: RunId,
        path: String,
        ticket: Ticket,
    },
    Preview {
        id: RunId,
        path: String,
        part: FilePart,
        ticket: Ticket,
    },
    /// Looks at what the cursor is on, as soon as it has rested there for a while.
    Glance {
        id: RunId,
        path: String,
        what: GlanceAt,
        patience: Duration,
        ticket: Ticket,
    },
    /// The cursor is on nothing to look at any more.
    DropGlance,
    /// The models of a run; with `whole` with what is in their folders.
    LoadModels {
        id: RunId,
        models: Vec<ModelPlace>,
        whole: bool,
        ticket: Ticket,
    },
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
        Effect::Preview { id, path, part, ticket } => tasks.answer(Slot("preview"), async move {
            let result = match part {
                FilePart::Beginning => preview(&store, &id, &path).await,
                FilePart::End => preview_end(&store, &id, &path).await,
            };
            Msg::Preview { run: id, path, ticket, result }
        }),
        // What is looked at next takes its place, and with it whatever is being fetched.
        Effect::Glance { id, path, what, patience, ticket } => tasks.answer(GLANCE, async move {
            tokio::time::sleep(patience).await;
            let result = glance_at(&store, &id, &path, what).await;
            Msg::Glance { run: id, path, ticket, result }
        }),
        Effect::DropGlance => tasks.start(GLANCE, async {}),
        Effect::LoadModels { id, models, whole, ticket } => {
            tasks.answer(Slot("models of the run"), async move {
                let result = load_models(&store, &id, models, whole).await;
                Msg::Models { run: id, ticket, result }
            });
        }
    }
}

/// The models of a run. One that is gone is told as such, beside the others.
async fn load_models(
    store: &Store,
    run: &RunId,
    places: Vec<ModelPlace>,
    whole: bool,
) -> Result<Vec<RunModel>> {
    let models = places.into_iter().map(async |place| {
        let (logged, address) = match &place {
            ModelPlace::Logged(id) => {
                let logged = match store.get_logged_model(id).await {
                    Err(error) if error.is_transient() => return Err(error),
                    Err(error) => Err(error.kind.to_string()),
                    Ok(model) if whole => Ok(with_nan(store, model).await?),
                    Ok(model) => Ok(model),
                };
                (Some(logged), Address::Model(id.clone(), String::new()))
            }
            ModelPlace::Artifact(path) => (None, Address::Run(run.clone(), path.clone())),
        };
        let is_there = logged.as_ref().is_none_or(Result::is_ok);
        let folder = if whole && is_there {
            Some(files::model_folder(store, &address).await.map_err(|error| error.to_string()))
        } else {
            None
        };
        Ok(RunModel::new(run, place, logged, folder))
    });
    futures_util::stream::iter(models).buffered(SIDE_BY_SIDE).collect::<Vec<_>>().await.into_iter().collect()
}

/// A model whose zeros are found out of that are none.
async fn with_nan(store: &Store, model: LoggedModel) -> Result<LoggedModel> {
    let zeros = model.metrics.iter().filter(|metric| metric.point.value == 0.0);
    let keys: BTreeSet<String> = zeros.map(|metric| metric.key.clone()).collect();
    let mut models = [model];
    for key in keys {
        find_nan(store, &mut models, &key).await?;
    }
    let [model] = models;
    Ok(model)
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

/// Looks at a folder, or at the beginning of a file.
async fn glance_at(store: &Store, id: &RunId, path: &str, what: GlanceAt) -> Result<Glanced> {
    let size = match what {
        GlanceAt::Folder => return list(store, id, path).await.map(Glanced::Folder),
        GlanceAt::File(size) => size,
    };
    let most = if glance::is_needed_whole(path) { WHOLE } else { PIECE };
    let (content, is_whole) = read(store, id, path, (most, size)).await?;
    let name = path.to_owned();
    let decoding = tokio::task::spawn_blocking(move || piece(&name, content, is_whole, size));
    let preview = decoding.await;
    preview
        .map(Glanced::File)
        .map_err(|error| StoreError::new("preview the file", ErrorKind::Io(error.to_string())))
}

/// Reads so many bytes from the beginning of a file of the run, or of a logged model, and whether that is all of it.
async fn read(
    store: &Store,
    id: &RunId,
    path: &str,
    (most, size): (usize, Option<u64>),
) -> Result<(Vec<u8>, bool)> {
    let is_larger = size.is_some_and(|size| size > most as u64);
    if !is_of_model(path) && !is_larger {
        match store.read_artifact(id, path, most).await {
            Err(StoreError { kind: ErrorKind::TooMuch(_), .. }) => {}
            whole => return Ok((whole?, true)),
        }
    }
    let read = async {
        let source = files::resolve(store, &address_of(id, path).parse()?).await?;
        let mut content = Vec::new();
        files::read_range(&source.files, &source.path, (0, most as u64 + 1), |part| {
            content.extend_from_slice(part);
            Ok(())
        })
        .await?;
        files::Result::Ok(content)
    };
    let mut content = read.await.map_err(|error| error.in_store("read the file"))?;
    let is_whole = content.len() <= most;
    content.truncate(most);
    Ok((content, is_whole))
}

/// Reads the end of a large text and makes it fit to be looked at.
async fn preview_end(store: &Store, id: &RunId, path: &str) -> Result<Preview> {
    let read = async {
        let source = files::resolve(store, &address_of(id, path).parse()?).await?;
        files::read_end(&source.files, &source.path, LARGEST as u64).await
    };
    let content = read.await.map_err(|error| error.in_store("read the end of the file"))?;
    let name = path.to_owned();
    let decoding = tokio::task::spawn_blocking(move || Preview::of_end(&name, content));
    decoding.await.map_err(|error| StoreError::new("preview the file", ErrorKind::Io(error.to_string())))
}

/// Reads a file and makes it fit to be looked at; one that is too large, whatever it was said to be, is not read to its end.
async fn preview(store: &Store, id: &RunId, path: &str) -> Result<Preview> {
    let (content, is_whole) = read(store, id, path, (LARGEST, None)).await?;
    let (name, address) = (path.to_owned(), address_of(id, path));
    let decoding = tokio::task::spawn_blocking(move || {
        if is_whole { Preview::of(&name, content) } else { Preview::of_beginning(&name, content, &address) }
    });
    decoding.await.map_err(|error| StoreError::new("preview the file", ErrorKind::Io(error.to_string())))
}
