//! What is kept for experiments, one thing each, by store.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::document::Document;
use crate::mlflow::ExperimentId;

#[derive(Debug, Serialize, Deserialize)]
struct ByExperimentFile<T> {
    experiments: BTreeMap<String, T>,
}

impl<T> Default for ByExperimentFile<T> {
    fn default() -> Self {
        Self { experiments: BTreeMap::new() }
    }
}

#[derive(Debug, Clone)]
pub struct ByExperiment<T>(Document<ByExperimentFile<T>>);

impl<T: Serialize + DeserializeOwned> ByExperiment<T> {
    /// `kind` is the folder of the state directory where files of such things lie.
    pub fn new(state_folder: &Path, kind: &str, store: &str) -> Self {
        Self(Document::new(state_folder, kind, store))
    }

    pub fn all(&self) -> std::io::Result<HashMap<ExperimentId, T>> {
        let things = self.0.load()?.experiments;
        Ok(things.into_iter().map(|(id, thing)| (ExperimentId(id), thing)).collect())
    }

    /// Keeps something for an experiment, or forgets what there is.
    pub fn set(&self, experiment: &ExperimentId, thing: Option<T>) -> std::io::Result<()> {
        self.0.change(|all| match thing {
            Some(thing) => drop(all.experiments.insert(experiment.0.clone(), thing)),
            None => drop(all.experiments.remove(experiment.as_str())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_windows_keep_the_plans_of_different_experiments() {
        let folder = tempfile::tempdir().unwrap();
        let window = || ByExperiment::new(folder.path(), "plans", "s");
        std::thread::scope(|scope| {
            for id in 0..8 {
                let plans = window();
                scope.spawn(move || plans.set(&ExperimentId(id.to_string()), Some(id)).unwrap());
            }
        });
        assert_eq!(window().all().unwrap(), (0..8).map(|id| (ExperimentId(id.to_string()), id)).collect());
        window().set(&ExperimentId::from("3"), None).unwrap();
        assert_eq!(window().all().unwrap().len(), 7);
    }
}
