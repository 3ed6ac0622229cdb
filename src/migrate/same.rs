//! Whether both stores are one under two names. Copied into itself, a store would have everything twice.
//!
//! Files and databases tell it by themselves. What a server has is known to nobody but the server, which may be reached by several
//! names, and have a database that is opened itself as well: there what both hold is compared. A copy that was made by this program
//! is told from what it is of by its marks.

use std::collections::HashMap;

use super::error::{MigrateError, Result};
use crate::mlflow::filter::{Attribute, Direction, Field, OrderBy};
use crate::mlflow::{Experiment, ExperimentId, LifecycleStage, RegisteredModel, RunId, ViewType};
use crate::store::{DAMAGED, RunCount, RunSearch, Store};

/// How often it is looked again where something changes meanwhile.
const LOOKS: usize = 5;
/// Experiments whose runs are looked at, and runs.
const EXPERIMENTS: usize = 50;
const RUNS: usize = 100;

/// Refuses two stores that are one.
pub async fn keep_apart(from: &Store, to: &Store) -> Result<()> {
    match from.is_same_place(to).await? {
        Some(true) => Err(MigrateError::Same("FROM and TO are the same store: nothing is copied")),
        Some(false) => Ok(()),
        None => match hold_the_same(from, to).await? {
            Some(false) => Ok(()),
            Some(true) => Err(MigrateError::Same(
                "FROM and TO are the same store, or one is an exact copy of the other: both hold the same experiments and runs, by \
                 the same ids, and nothing is copied",
            )),
            None => Err(MigrateError::Same(
                "FROM and TO may be the same store: both hold the same experiments, and more is logged all the time, so that they \
                 cannot be told apart; nothing is copied: try again when nothing is logged",
            )),
        },
    }
}

/// Whether both hold the same, by ids and times that nobody gives out twice; none where too much is logged to tell.
async fn hold_the_same(from: &Store, to: &Store) -> Result<Option<bool>> {
    let mut before = Content::of(from).await?;
    for _ in 0..LOOKS {
        if before.experiments.is_empty() {
            return Ok(Some(false));
        }
        let there = Content::of(to).await?;
        if before == there {
            let (one, other) = (before.counts(from).await?, there.counts(to).await?);
            if one.is_none() || other.is_none() || one == other {
                return Ok(Some(before.is_telling() && have_the_same_models(from, to).await));
            }
            if one == before.counts(from).await? {
                return Ok(Some(false));
            }
            continue;
        }
        // Somebody may have logged in between.
        let after = Content::of(from).await?;
        if before == after || !there.has_what_stays(&before, &after) {
            return Ok(Some(false));
        }
        before = after;
    }
    Ok(None)
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

    /// How many runs there are in each experiment that has some, where that is known without reading them.
    async fn counts(&self, store: &Store) -> Result<Option<HashMap<ExperimentId, RunCount>>> {
        let mut counts = store.run_counts().await?;
        if let Some(counts) = &mut counts {
            let is_known = |id: &ExperimentId| self.experiments.iter().any(|one| one.experiment_id == *id);
            counts.retain(|id, count| count.active + count.deleted > 0 && is_known(id));
        }
        Ok(counts)
    }

    /// Whether it holds what a store did both before and after: it does if it is that store.
    fn has_what_stays(&self, before: &Self, after: &Self) -> bool {
        let mut experiments = before.experiments.iter().filter(|one| after.experiments.contains(one));
        let mut runs = before.runs.iter().filter(|one| after.runs.contains(one));
        experiments.all(|one| self.experiments.contains(one)) && runs.all(|one| self.runs.contains(one))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_holds_all_the_time_tells_it_from_another() {
        let of = |runs: &[&str]| Content {
            experiments: Vec::new(),
            runs: runs.iter().copied().map(RunId::from).collect(),
        };
        let (before, after) = (of(&["a", "b"]), of(&["b", "c"]));
        assert!(of(&["b", "x"]).has_what_stays(&before, &after));
        assert!(!of(&["a", "c"]).has_what_stays(&before, &after));
    }
}
