//! The policies that the user chose, by store and experiment.

use std::collections::HashMap;
use std::path::Path;

use super::by_experiment::ByExperiment;
use crate::mlflow::ExperimentId;
use crate::select::Policy;
use crate::select::policy::WrittenPolicy;

#[derive(Debug, Clone)]
pub struct Policies(ByExperiment<WrittenPolicy>);

impl Policies {
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self(ByExperiment::new(state_folder, "policies", store))
    }

    pub fn all(&self) -> std::io::Result<HashMap<ExperimentId, Policy>> {
        let all = self.0.all()?;
        Ok(all.into_iter().filter_map(|(id, policy)| Some((id, policy.policy()?))).collect())
    }

    pub fn get(&self, experiment: &ExperimentId) -> std::io::Result<Option<Policy>> {
        Ok(self.0.all()?.get(experiment).and_then(WrittenPolicy::policy))
    }

    /// Keeps a policy for an experiment, or forgets the one that there is.
    pub fn set(&self, experiment: &ExperimentId, policy: Option<&Policy>) -> std::io::Result<()> {
        self.0.set(experiment, policy.map(WrittenPolicy::of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::{Goal, MetricGoal};

    #[test]
    fn policies_are_kept_by_store_and_experiment() {
        let folder = tempfile::tempdir().unwrap();
        let here = Policies::new(folder.path(), "sqlite:///a.db");
        let policy = Policy::new(MetricGoal::new("rmse", Goal::Minimize));
        let one = ExperimentId::from("1");
        assert_eq!(here.get(&one).unwrap(), None);
        here.set(&one, Some(&policy)).unwrap();
        assert_eq!(Policies::new(folder.path(), "sqlite:///a.db").get(&one).unwrap(), Some(policy));
        assert_eq!(here.get(&ExperimentId::from("2")).unwrap(), None);
        assert_eq!(Policies::new(folder.path(), "sqlite:///b.db").get(&one).unwrap(), None);
        here.set(&one, None).unwrap();
        assert_eq!(here.get(&one).unwrap(), None);
    }
}
