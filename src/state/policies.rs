//! The policies that the user chose, by store and experiment.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{file_of, replace};
use crate::mlflow::ExperimentId;
use crate::select::Policy;
use crate::select::policy::WrittenPolicy;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    /// For people who look into the file.
    store: String,
    experiments: BTreeMap<String, WrittenPolicy>,
}

#[derive(Debug, Clone)]
pub struct Policies {
    path: PathBuf,
    store: String,
}

impl Policies {
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self { path: file_of(state_folder, "policies", store), store: store.to_owned() }
    }

    fn read(&self) -> File {
        let Ok(text) = std::fs::read_to_string(&self.path) else { return File::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!("{} is not read: {error}", self.path.display());
            File::default()
        })
    }

    pub fn all(&self) -> HashMap<ExperimentId, Policy> {
        let written = self.read().experiments;
        written
            .iter()
            .filter_map(|(id, policy)| Some((ExperimentId::from(id.as_str()), policy.policy()?)))
            .collect()
    }

    pub fn get(&self, experiment: &ExperimentId) -> Option<Policy> {
        self.read().experiments.get(experiment.as_str())?.policy()
    }

    /// Keeps a policy for an experiment, or forgets the one that there is.
    pub fn set(&self, experiment: &ExperimentId, policy: Option<&Policy>) -> std::io::Result<()> {
        let mut file = self.read();
        file.store.clone_from(&self.store);
        match policy {
            Some(policy) => drop(file.experiments.insert(experiment.0.clone(), WrittenPolicy::of(policy))),
            None => drop(file.experiments.remove(experiment.as_str())),
        }
        replace(&self.path, serde_json::to_string_pretty(&file)?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::{Goal, Objective};

    #[test]
    fn policies_are_kept_by_store_and_experiment() {
        let folder = tempfile::tempdir().unwrap();
        let here = Policies::new(folder.path(), "sqlite:///a.db");
        let policy = Policy::new(Objective::new("rmse", Goal::Minimize));
        let one = ExperimentId::from("1");
        assert_eq!(here.get(&one), None);
        here.set(&one, Some(&policy)).unwrap();
        assert_eq!(Policies::new(folder.path(), "sqlite:///a.db").get(&one), Some(policy));
        assert_eq!(here.get(&ExperimentId::from("2")), None);
        assert_eq!(Policies::new(folder.path(), "sqlite:///b.db").get(&one), None);
        here.set(&one, None).unwrap();
        assert_eq!(here.get(&one), None);
    }
}
