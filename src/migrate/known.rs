//! What is in the target already.

use std::collections::{HashMap, HashSet};

use tokio::sync::mpsc;

use super::error::Result;
use super::marks::{FROM, UNFINISHED};
use crate::mlflow::{ExperimentId, RunId, ViewType};
use crate::store::{RunBatch, Scan, ScanValues, Store};

/// Batches that wait.
const WAITING: usize = 4;

/// A run in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub id: RunId,
    /// Not all of it is there yet.
    pub is_unfinished: bool,
}

/// The runs of an experiment by the ids that they had where they came from.
pub async fn known_runs(to: &Store, experiment: &ExperimentId) -> Result<HashMap<RunId, Known>> {
    let scan = Scan {
        experiment_id: experiment.clone(),
        view: ViewType::All,
        first: 1,
        values: ScanValues::Only {
            metrics: Vec::new(),
            params: Vec::new(),
            tags: vec![FROM.to_owned(), UNFINISHED.to_owned()],
            bare: true,
        },
    };
    let (sender, mut batches) = mpsc::channel(WAITING);
    let taking = async {
        let mut gathered = Gathered::default();
        while let Some(batch) = batches.recv().await {
            gathered.take(&batch);
        }
        gathered
    };
    let (read, gathered) = tokio::join!(to.scan(&scan, sender), taking);
    read?;
    Ok(gathered.known())
}

#[derive(Debug, Default)]
struct Gathered {
    /// The texts of each part.
    texts: Vec<Vec<String>>,
    ids: Vec<String>,
    from: HashMap<u32, String>,
    unfinished: HashSet<u32>,
}

impl Gathered {
    fn take(&mut self, batch: &RunBatch) {
        if self.texts.len() <= batch.part {
            self.texts.resize_with(batch.part + 1, Vec::new);
        }
        let texts = &mut self.texts[batch.part];
        texts.extend(batch.texts().map(str::to_owned));
        let text = |id: u32| texts.get(id as usize).map_or("", String::as_str);
        self.ids.extend(batch.heads.iter().map(|head| text(head.run_id).to_owned()));
        for tag in &batch.tags {
            match text(tag.key) {
                FROM => drop(self.from.insert(tag.run, text(tag.value).to_owned())),
                UNFINISHED => drop(self.unfinished.insert(tag.run)),
                _ => {}
            }
        }
    }

    fn known(self) -> HashMap<RunId, Known> {
        let mut known = HashMap::with_capacity(self.ids.len());
        for (number, id) in self.ids.into_iter().enumerate() {
            let number = number as u32;
            let was = self.from.get(&number).cloned().unwrap_or_else(|| id.clone());
            let is_unfinished = self.unfinished.contains(&number);
            known.insert(RunId(was), Known { id: RunId(id), is_unfinished });
        }
        known
    }
}
