//! The data sets of an experiment, with the runs that were given them.

use std::collections::HashMap;

use super::{DatasetUse, UsedDataset};
use crate::mlflow::{Run, tags};

/// Gathers data sets from runs.
#[derive(Debug, Default)]
pub struct Gathering {
    found: Vec<UsedDataset>,
    places: HashMap<(String, String), usize>,
}

impl Gathering {
    /// Takes in what a run was given.
    pub fn add(&mut self, run: &Run) {
        for input in &run.inputs {
            let key = (input.dataset.name.clone(), input.dataset.digest.clone());
            let at = *self.places.entry(key).or_insert_with(|| {
                self.found.push(UsedDataset { dataset: input.dataset.clone(), uses: Vec::new() });
                self.found.len() - 1
            });
            let context = input.tags.iter().find(|tag| tag.key == tags::DATA_CONTEXT);
            let context = context.map_or(String::new(), |tag| tag.value.clone());
            self.found[at].uses.push(DatasetUse { run: run.info.run_id.clone(), context });
        }
    }

    /// What was found, by name and digest.
    pub fn finish(self) -> Vec<UsedDataset> {
        in_order(self.found)
    }
}

/// Data sets by name and digest; those that no run was given are left out.
pub fn in_order(mut found: Vec<UsedDataset>) -> Vec<UsedDataset> {
    found.retain(|used| !used.uses.is_empty());
    let key = |used: &UsedDataset| (used.dataset.name.clone(), used.dataset.digest.clone());
    found.sort_by_cached_key(key);
    found
}
