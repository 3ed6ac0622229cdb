//! What is read of the registry and written to it, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::sync::Arc;

use super::kept::{KeptEdit, KeptEdits};
use super::{Done, Msg};
use crate::files::{self, Address};
use crate::marking::{self, Journal, ModelBy};
use crate::mlflow::{ExperimentId, ModelId, ModelVersion, RunId};
use crate::promotion::{self, Promotion, PromotionRequest};
use crate::registry::edit::{Applied, Edit, apply, undo};
use crate::registry::history::Author;
use crate::registry::{measured_model, origins};
use crate::select::Patterns;
use crate::store::{ErrorKind, Result, Store, now_ms};
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
    /// Read the names of all registered models.
    ReadNames {
        ticket: Ticket,
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
    /// Look into the files of a version.
    ReadFolder {
        ticket: Ticket,
        model: String,
        version: u64,
    },
    /// Read which versions runs have.
    ReadOfRuns {
        ticket: Ticket,
        runs: Vec<RunId>,
    },
    Change(Box<Edit>),
    TakeBack(Box<Done>),
    /// Find out what a promotion would write, and what the gate says.
    PlanPromotion(Box<PromotionRequest>),
    Promote(Box<Promotion>),
    /// Find the run of a champion, to compare another with it.
    ReadChampion(Box<Challenged>),
}

/// A run that is compared with a champion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenged {
    pub run: RunId,
    pub experiment: ExperimentId,
    /// The registered model.
    pub model: String,
    /// Of the champion.
    pub alias: String,
    /// Which logged model of the run is compared.
    pub chosen: ChosenModel,
    /// The metric that decides.
    pub deciding: Option<String>,
}

/// Which logged model of a run is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChosenModel {
    /// The one that the version was made from, if it was.
    OfVersion(Option<ModelId>),
    /// The one that a mark would register.
    OfRun(Option<ModelBy>),
}

/// A champion, and the models of both that have values of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundChampion {
    pub experiment: ExperimentId,
    pub run: RunId,
    pub model: Option<ModelId>,
    /// The model of the run that is compared with it.
    pub own: Option<ModelId>,
}

/// What is written with.
#[derive(Debug, Clone)]
pub struct Services {
    /// That of marks: an alias is not moved while a mark moves it.
    pub turn: Arc<tokio::sync::Mutex<()>>,
    pub journal: Journal,
    pub patterns: Arc<Patterns>,
    /// Who changes things, and takes promotions back.
    pub user: String,
    /// Where changes are kept in mind.
    pub kept: Option<KeptEdits>,
}

pub fn perform(effect: Effect, tasks: &mut Tasks, services: &Services) {
    let store = tasks.store.clone();
    let Services { turn, journal, patterns, user, kept } = services.clone();
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
        Effect::ReadNames { ticket } => tasks.answer(Slot("names of models"), async move {
            let mut names = Vec::new();
            let read = store.each_registered_models(|models| {
                names.extend(models.into_iter().map(|model| model.name));
            });
            let result = read.await.map(|()| names);
            Msg::Names { ticket, result }
        }),
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
        Effect::ReadFolder { ticket, model, version } => tasks.answer(Slot("model folder"), async move {
            let address = Address::Version(model, version.to_string(), String::new());
            let folder = files::model_folder(&store, &address).await;
            Msg::Folder {
                ticket,
                result: folder.map(Box::new).map_err(|error| error.in_store("read the files of the version")),
            }
        }),
        Effect::ReadOfRuns { ticket, runs } => tasks.answer(Slot("versions of runs"), async move {
            let result = store.model_versions_of(&runs).await;
            Msg::OfRuns { ticket, runs, result }
        }),
        Effect::Change(edit) => tasks.write(async move {
            let _turn = turn.lock().await;
            let result = apply(&store, &edit, &author(user.clone())).await;
            if let (Ok(applied), Some(kept)) = (&result, kept) {
                let edit = KeptEdit::new(&edit, applied.undo.as_ref(), &applied.words, (&user, now_ms()));
                keep(move || kept.add(edit)).await;
            }
            Msg::Edited(result)
        }),
        Effect::TakeBack(done) => tasks.write(async move {
            let _turn = turn.lock().await;
            let result = match done.as_ref() {
                Done::Edit(edit) => {
                    let result = undo(&store, edit, &author(user)).await;
                    if let (Ok(_), Some(kept)) = (&result, kept) {
                        let edit = edit.clone();
                        keep(move || kept.undone(&edit)).await;
                    }
                    result
                }
                Done::Promotion(promotion) => {
                    let taken_back = marking::demote(&store, &journal, promotion, &user, now_ms()).await;
                    let model = Some(promotion.model.clone());
                    taken_back.map(|it| Applied {
                        words: it.messages.join("; "),
                        undo: None,
                        model,
                        is_deletion: false,
                    })
                }
            };
            Msg::Undone { result, done }
        }),
        Effect::PlanPromotion(request) => tasks.answer(Slot("plan"), async move {
            let request = Box::new(PromotionRequest { random: fastrand::u32(..), ..*request });
            let result = promotion::plan(&store, &request, &patterns).await.map(Box::new);
            Msg::PromotionPlanned { request, result }
        }),
        Effect::Promote(promotion) => tasks.write(async move {
            let _turn = turn.lock().await;
            Msg::Promoted(marking::promote(&store, &journal, &promotion).await.map(Box::new))
        }),
        Effect::ReadChampion(challenged) => tasks.answer(Slot("champion"), async move {
            let result = champion(&store, &challenged).await;
            Msg::Champion { challenged, result }
        }),
    }
}

/// The change itself counts: where it cannot be kept in mind, that is no more than a pity.
async fn keep(write: impl FnOnce() -> std::io::Result<()> + Send + 'static) {
    let kept = tokio::task::spawn_blocking(write).await;
    if let Ok(Err(error)) = kept {
        tracing::warn!(%error, "a change of the registry is not kept in mind");
    }
}

fn author(by: String) -> Author {
    Author { by, now: now_ms(), random: fastrand::u32(..) }
}

/// The run of a champion; none where there is no champion, or its run is gone.
pub async fn champion(store: &Store, challenged: &Challenged) -> Result<Option<FoundChampion>> {
    let version = match store.model_version_by_alias(&challenged.model, &challenged.alias).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => return Ok(None),
        version => version?,
    };
    let Some(run) = &version.run_id else { return Ok(None) };
    let run = match store.get_run(run).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => return Ok(None),
        run => run?.info,
    };
    let own = match &challenged.chosen {
        ChosenModel::OfVersion(model) => model.clone(),
        ChosenModel::OfRun(by) => {
            let own = store.get_run(&challenged.run).await?;
            let source = marking::source(store, &own, by.as_ref()).await?;
            source.ok().and_then(|source| ModelVersion::model_of_source(&source.address))
        }
    };
    let measured = async |id: Option<ModelId>| {
        let model = measured_model(store, id.as_ref(), challenged.deciding.as_deref()).await?;
        Ok(model.map(|model| model.model_id))
    };
    let (model, own) = (measured(version.logged_model()).await?, measured(own).await?);
    Ok(Some(FoundChampion { experiment: run.experiment_id, run: run.run_id, model, own }))
}
