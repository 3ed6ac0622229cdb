//! What the executor would bring back of the registry, from a store in memory.

use super::registry::block_on;
use super::*;
use crate::store::Store;
use crate::tui::features::models;
use crate::tui::features::models::effects::Effect as ModelEffect;

fn author() -> crate::registry::history::Author {
    crate::registry::history::Author { by: "ana".into(), now: NOW, random: 7 }
}

/// What the executor would bring back of the registry.
pub fn answered(effect: ModelEffect, store: &Store) -> models::Msg {
    block_on(async {
        match effect {
            ModelEffect::ReadModels { ticket, .. } => {
                models::Msg::Models { ticket, is_whole: true, result: store.registered_models().await }
            }
            ModelEffect::ReadNames { ticket } => {
                let models = store.registered_models().await;
                let names = |models: Vec<crate::mlflow::RegisteredModel>| {
                    models.into_iter().map(|model| model.name).collect()
                };
                models::Msg::Names { ticket, result: models.map(names) }
            }
            ModelEffect::ReadVersions { ticket, model } => {
                models::Msg::Versions { ticket, result: store.model_versions(&model).await }
            }
            ModelEffect::ReadOrigins { ticket, versions } => models::Msg::Origins {
                ticket,
                result: crate::registry::origins(store, &versions).await,
                versions: versions.iter().map(|version| version.version).collect(),
            },
            ModelEffect::ReadOfRuns { ticket, runs } => {
                let result = store.model_versions_of(&runs).await;
                models::Msg::OfRuns { ticket, runs, result }
            }
            ModelEffect::ReadFolder { ticket, model, version } => {
                let address = crate::files::Address::Version(model, version.to_string(), String::new());
                let folder = crate::files::model_folder(store, &address).await;
                let result = folder.map(Box::new).map_err(|error| error.in_store("read"));
                models::Msg::Folder { ticket, result }
            }
            ModelEffect::Change(edit) => {
                models::Msg::Edited(crate::registry::edit::apply(store, &edit, &author()).await)
            }
            ModelEffect::TakeBack(done) => {
                let folder = tempfile::tempdir().unwrap();
                let journal = crate::marking::Journal::new(folder.path(), "memory");
                let result = match done.as_ref() {
                    models::Done::Edit(undo) => crate::registry::edit::undo(store, undo, &author()).await,
                    models::Done::Promotion(promotion) => {
                        let it = crate::marking::demote(store, &journal, promotion, "ana", NOW).await;
                        let words = it.unwrap().messages.join("; ");
                        Ok(crate::registry::edit::Applied {
                            words,
                            undo: None,
                            model: None,
                            is_deletion: false,
                        })
                    }
                };
                models::Msg::Undone { result, done }
            }
            ModelEffect::PlanPromotion(request) => {
                let patterns = crate::select::Patterns::default();
                let result = crate::promotion::plan(store, &request, &patterns).await.map(Box::new);
                models::Msg::PromotionPlanned { request, result }
            }
            ModelEffect::Promote(promotion) => {
                let folder = tempfile::tempdir().unwrap();
                let journal = crate::marking::Journal::new(folder.path(), "memory");
                let done = crate::marking::promote(store, &journal, &promotion).await;
                models::Msg::Promoted(done.map(Box::new))
            }
            ModelEffect::ReadChampion(challenged) => {
                let mut result = models::effects::champion(store, &challenged).await;
                if let Ok(Some(found)) = &mut result {
                    found.experiment = "1".into();
                }
                models::Msg::Champion { challenged, result }
            }
        }
    })
}
