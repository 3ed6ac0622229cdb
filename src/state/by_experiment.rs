//! What is kept for experiments, one thing each, by store: a file of JSON that people can look into.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{file_of, replace};
use crate::mlflow::ExperimentId;
use crate::text::json;

#[derive(Debug, Serialize, Deserialize)]
struct File<T> {
    /// For people who look into the file.
    store: String,
    experiments: BTreeMap<String, T>,
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

    fn read(&self) -> BTreeMap<String, T> {
        let Ok(text) = std::fs::read_to_string(&self.path) else { return BTreeMap::new() };
        match serde_json::from_str::<File<T>>(&text) {
            Ok(file) => file.experiments,
            Err(error) => {
                tracing::warn!("{} is not read: {error}", self.path.display());
                BTreeMap::new()
            }
        }
    }

    pub fn all(&self) -> HashMap<ExperimentId, T> {
        self.read().into_iter().map(|(id, thing)| (ExperimentId(id), thing)).collect()
    }

    /// Keeps something for an experiment, or forgets what there is.
    pub fn set(&self, experiment: &ExperimentId, thing: Option<T>) -> std::io::Result<()> {
        let mut experiments = self.read();
        match thing {
            Some(thing) => drop(experiments.insert(experiment.0.clone(), thing)),
            None => drop(experiments.remove(experiment.as_str())),
        }
        let file = File { store: self.store.clone(), experiments };
        replace(&self.path, &json::pretty(&file)?)
    }
}
