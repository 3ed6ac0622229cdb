//! What is kept for experiments, one thing each, by store: a file of JSON that people can look into.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{file_of, load, load_to_change, save};
use crate::mlflow::ExperimentId;

#[derive(Debug, Serialize, Deserialize)]
struct File<T> {
    /// For people who look into the file.
    store: String,
    experiments: BTreeMap<String, T>,
}

impl<T> Default for File<T> {
    fn default() -> Self {
        Self { store: String::new(), experiments: BTreeMap::new() }
    }
}

#[derive(Debug, Clone)]
pub struct ByExperiment<T> {
    path: PathBuf,
    store: String,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> ByExperiment<T> {
    /// `kind` is the folder of the state directory where files of such things lie.
    pub fn new(state_folder: &Path, kind: &str, store: &str) -> Self {
        Self { path: file_of(state_folder, kind, store), store: store.to_owned(), of: PhantomData }
    }

    pub fn all(&self) -> std::io::Result<HashMap<ExperimentId, T>> {
        let file: File<T> = load(&self.path)?.unwrap_or_default();
        Ok(file.experiments.into_iter().map(|(id, thing)| (ExperimentId(id), thing)).collect())
    }

    /// Keeps something for an experiment, or forgets what there is.
    pub fn set(&self, experiment: &ExperimentId, thing: Option<T>) -> std::io::Result<()> {
        let mut file: File<T> = load_to_change(&self.path)?;
        file.store.clone_from(&self.store);
        match thing {
            Some(thing) => drop(file.experiments.insert(experiment.0.clone(), thing)),
            None => drop(file.experiments.remove(experiment.as_str())),
        }
        save(&self.path, &file)
    }
}
