//! Whether both stores are one under two names. Copied into itself, a store would have everything twice.
//!
//! Files and databases tell it by themselves. What a server has is known to nobody but the server, which may be reached by several
//! names, and have a database that is opened itself as well: there what both hold is compared. A copy that was made by this program
//! is told from what it is of by its marks.

use super::error::{MigrateError, Result};
use crate::mlflow::filter::{Attribute, Direction, Field, OrderBy};
use crate::mlflow::{Experiment, LifecycleStage, RegisteredModel, RunId, ViewType};
use crate::store::{DAMAGED, RunSearch, Store};

/// How often it is looked again where something changes meanwhile.
const LOOKS: usize = 5;
/// Experiments whose runs are looked at, and runs.
const EXPERIMENTS: usize = 50;
const RUNS: usize = 100;

/// Refuses two stores that are one.
pub async fn keep_apart(from: &Store, to: &Store) -> Result<()> {
    match from.is_same_place(to).await? {
        Some(true) => Err(MigrateError::Same("FROM and TO are the same store: nothing is copied")),
        None if hold_the_same(from, to).await? => Err(MigrateError::Same(
            "FROM and TO are the same store, or one is an exact copy of the other: both hold the same experiments and runs, by the \
             same ids, and nothing is copied",
        )),
        Some(false) | None => Ok(()),
    }
}

/// Whether both hold the same, by ids and times that nobody gives out twice.
async fn hold_the_same(from: &Store, to: &Store) -> Result<bool> {
    for _ in 0..LOOKS {
        let before = Content::of(from).await?;
        if before.experiments.is_empty() {
            return Ok(false);
        }
        let there = Content::of(to).await?;
        if before == there {
            return Ok(before.is_telling() && have_the_same_models(from, to).await);
        }
        // Somebody may have logged in between.
        if before == Content::of(from).await? {
            return Ok(false);
        }
    }
    Ok(false)
}

/// What is looked at of a store.
#[derive(Debug, PartialEq)]
struct Content {
    experiments: Vec<Experiment>,
    /// The newest runs.
    runs: Vec<RunId>,
}

impl Content {
    async fn of(store: &Store) -> Result<Self> {
        let mut experiments = store.search_experiments(ViewType::All).await?;
        // Copies that lie in a folder beside what they are of: MLflow does not know them.
        experiments.retain(|one| !one.tags.iter().any(|tag| tag.key == DAMAGED));
        experiments.sort_by_key(|one| (std::cmp::Reverse(one.creation_time), one.experiment_id.to_string()));
        let active = experiments.iter().filter(|one| one.lifecycle_stage == LifecycleStage::Active);
        let search = RunSearch {
            experiment_ids: active.take(EXPERIMENTS).map(|one| one.experiment_id.clone()).collect(),
            view: ViewType::All,
            order_by: vec![OrderBy {
                field: Field::Attribute(Attribute::StartTime),
                direction: Direction::Descending,
            }],
            max_results: RUNS,
            ..RunSearch::default()
        };
        let is_empty = search.experiment_ids.is_empty();
        let found = if is_empty { Vec::new() } else { store.search_runs(&search).await?.runs };
        let mut runs: Vec<RunId> = found.into_iter().map(|run| run.info.run_id).collect();
        runs.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        for experiment in &mut experiments {
            experiment.tags.sort_by(|one, other| one.key.cmp(&other.key));
            // A server may tell another address of the same files, and not each tells of changes.
            experiment.artifact_location.clear();
            experiment.last_update_time = None;
        }
        Ok(Self { experiments, runs })
    }

    /// Whether no two stores come to the same by chance.
    fn is_telling(&self) -> bool {
        !self.runs.is_empty() || self.experiments.iter().any(|one| one.creation_time.is_some())
    }
}

/// Of one that was restored from a copy, the registry may have gone on.
async fn have_the_same_models(from: &Store, to: &Store) -> bool {
    let (Ok(one), Ok(other)) = (from.registered_models().await, to.registered_models().await) else {
        return true;
    };
    let told = |models: Vec<RegisteredModel>| {
        let mut told: Vec<_> = models
            .into_iter()
            .map(|model| (model.name, model.creation_time, model.last_updated_time))
            .collect();
        told.sort_unstable();
        told
    };
    told(one) == told(other)
}
