//! The log of a registered model: the marks of an experiment, and those of other experiments that register in the same
//! model. However many those are, they are read with one listing, and only where something tells that there are any.

use super::plan::is_refused;
use super::record::{MarkEvent, VERSION_OF, events};
use crate::mlflow::{ExperimentId, ModelVersion, ViewType};
use crate::store::{ErrorKind, Result, Store};

/// So many other experiments are noted with a mark.
const MOST_BESIDE: usize = 20;

/// Marks and undoings of all experiments that register in a model.
#[derive(Debug)]
pub struct Shared {
    /// The oldest first.
    pub log: Vec<MarkEvent>,
    /// The other experiments.
    pub others: Vec<ExperimentId>,
}

impl Shared {
    /// What is noted of the others with a mark: their ids.
    pub fn beside(self) -> Vec<String> {
        self.others.into_iter().take(MOST_BESIDE).map(|id| id.0).collect()
    }
}

/// Reads it as it is now. What this user may not look at is not in it.
///
/// # Errors
/// If the store does not answer.
pub async fn shared(
    store: &Store,
    experiment: &ExperimentId,
    name: &str,
    versions: &[ModelVersion],
) -> Result<Shared> {
    let mut log = events(&store.get_experiment(experiment).await?.tags);
    let mut others = Vec::new();
    if has_others(&log, experiment, name, versions) {
        let all = unless_lost(store.search_experiments(ViewType::All).await)?.unwrap_or_default();
        for other in all.into_iter().filter(|other| other.experiment_id != *experiment) {
            let its = events(&other.tags);
            if its.iter().filter_map(MarkEvent::model).any(|model| model.name == name) {
                log.extend(its);
                others.push(other.experiment_id);
            }
        }
        log.sort_by(|a, b| a.id().cmp(b.id()));
    }
    Ok(Shared { log, others })
}

/// Whether earlier marks noted others, or a version was made for a mark that is not in the log of this experiment.
fn has_others(log: &[MarkEvent], own: &ExperimentId, name: &str, versions: &[ModelVersion]) -> bool {
    let models = log.iter().filter_map(MarkEvent::model).filter(|model| model.name == name);
    let is_known =
        |mark: &str| log.iter().any(|event| matches!(event, MarkEvent::Marked(it) if it.id == mark));
    let mut made_for = versions.iter().flat_map(|it| &it.tags).filter(|tag| tag.key == VERSION_OF);
    models.flat_map(|model| &model.beside).any(|id| *id != own.0) || made_for.any(|tag| !is_known(&tag.value))
}

/// The newest mark or undoing of the experiments that register in a model, as far as this user may look.
///
/// # Errors
/// If the store does not answer.
pub async fn newest(store: &Store, experiment: &ExperimentId, name: &str) -> Result<Option<String>> {
    let versions = unless_lost(store.model_versions(name).await)?.unwrap_or_default();
    let log = shared(store, experiment, name, &versions).await?.log;
    Ok(log.last().map(|event| event.id().to_owned()))
}

/// Nothing, where it is not there or this user may not look.
fn unless_lost<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) || is_refused(&error.kind) => Ok(None),
        found => found.map(Some),
    }
}
