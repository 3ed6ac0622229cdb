//! The plans that were made for experiments, by store: what `T` does again.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::Wish;
use crate::mlflow::ExperimentId;
use crate::state::{file_of, replace};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    /// For people who look into the file.
    store: String,
    experiments: BTreeMap<String, Wish>,
}

#[derive(Debug, Clone)]
pub struct Plans {
    path: PathBuf,
    store: String,
}

impl Plans {
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self { path: file_of(state_folder, "plans", store), store: store.to_owned() }
    }

    fn read(&self) -> File {
        let Ok(text) = std::fs::read_to_string(&self.path) else { return File::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!("{} is not read: {error}", self.path.display());
            File::default()
        })
    }

    pub fn all(&self) -> HashMap<ExperimentId, Wish> {
        self.read().experiments.into_iter().map(|(id, wish)| (ExperimentId(id), wish)).collect()
    }

    pub fn keep(&self, experiment: &ExperimentId, wish: &Wish) -> std::io::Result<()> {
        let mut file = self.read();
        file.store.clone_from(&self.store);
        file.experiments.insert(experiment.0.clone(), wish.clone());
        replace(&self.path, serde_json::to_string_pretty(&file)?.as_bytes())
    }
}
