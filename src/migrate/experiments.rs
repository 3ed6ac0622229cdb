//! Experiments, with all that is in them.

use std::collections::HashMap;

use super::error::Result;
use super::job::{Job, Placed};
use super::known::{Known, known_runs};
use super::marks::{Origin, is_own};
use super::models::Models;
use super::plan::{Place, Planned};
use super::runs::{each_page, view};
use crate::mlflow::{Experiment, ExperimentId, LifecycleStage, RunId, Tag};

/// An experiment that is being copied.
pub struct Work {
    pub target: ExperimentId,
    /// The runs that are there, by the ids that they had.
    pub known: HashMap<RunId, Known>,
    pub models: Models,
}

/// Runs that are looked at in one go.
const AT_ONCE: usize = 100;

impl Job<'_> {
    pub async fn experiment(&self, planned: &Planned) -> Result<Placed> {
        let source = &planned.source;
        let target = match &planned.place {
            Place::New => self.new_experiment(source).await?,
            Place::Known(known) | Place::Joined(known) => known.experiment_id.clone(),
        };
        self.state().ids.experiments.insert(source.experiment_id.clone(), target.clone());
        let placed = Placed { source: source.clone(), target: target.clone(), place: planned.place.clone() };
        let known = match &planned.place {
            Place::New => HashMap::new(),
            Place::Known(known) | Place::Joined(known) => {
                let is_deleted = known.lifecycle_stage == LifecycleStage::Deleted;
                if is_deleted && source.lifecycle_stage == LifecycleStage::Active {
                    self.problem(
                        format!("experiment {:?}", source.name),
                        "it is deleted in the target, where nothing is added to it; restore it there first",
                    );
                    return Ok(placed);
                }
                if !is_deleted {
                    let joined = matches!(planned.place, Place::Joined(_));
                    self.mark_experiment(source, known, joined).await?;
                }
                known_runs(self.to, &target).await?
            }
        };
        let models = Models::find(self, &source.experiment_id, &target, &planned.place).await?;
        let work = Work { target, known, models };
        let mut is_open = !matches!(&planned.place, Place::Known(known) if known.lifecycle_stage == LifecycleStage::Deleted);
        each_page(self.from, &source.experiment_id, view(self.request), async |mut runs| {
            while !runs.is_empty() {
                let rest = runs.split_off(runs.len().min(AT_ONCE));
                let todo = self.not_there(&work, self.whole_ones(std::mem::replace(&mut runs, rest)));
                if !todo.is_empty() && !is_open {
                    // It was finished before, and something is new.
                    self.to.restore_experiment(&work.target).await?;
                    is_open = true;
                }
                self.runs(&work, todo).await?;
            }
            Ok(())
        })
        .await?;
        if is_open {
            self.other_models(&work).await?;
        }
        Ok(placed)
    }

    async fn new_experiment(&self, source: &Experiment) -> Result<ExperimentId> {
        let mut tags = self.experiment_tags(source);
        tags.push(Origin::of_experiment(source, &self.request.origin).as_tag());
        let id = if self.keeps {
            self.to.import_experiment(&Experiment { tags, ..source.clone() }).await?
        } else {
            self.to.create_experiment(&source.name, &tags).await?
        };
        self.state().copied.experiments += 1;
        Ok(id)
    }

    /// The tags that an experiment is to have, but for those that name runs, which are not there yet.
    fn experiment_tags(&self, source: &Experiment) -> Vec<Tag> {
        let kept = source.tags.iter().filter(|tag| !is_own(&tag.key));
        let state = self.state();
        kept.map(|tag| state.ids.tag(tag)).collect()
    }

    /// Gives an experiment that takes another one in the tags that it lacks.
    async fn mark_experiment(&self, source: &Experiment, known: &Experiment, joined: bool) -> Result<()> {
        let origin = Origin { joined, ..Origin::of_experiment(source, &self.request.origin) };
        let mut tags = self.experiment_tags(source);
        // One that took another one in before stays marked as that.
        tags.push(origin.as_tag());
        for tag in tags {
            if !known.tags.iter().any(|own| own.key == tag.key) {
                self.to.set_experiment_tag(&known.experiment_id, &tag).await?;
            }
        }
        Ok(())
    }
}
