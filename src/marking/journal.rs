//! Steps that were begun and not finished, in a file of the state directory: one for each store.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::record::{Record, Undone};
use crate::mlflow::ExperimentId;
use crate::state::{file_of, replace};
use crate::text::json;

/// A step under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Mark(Box<Record>),
    Undo { undone: Undone, record: Box<Record> },
}

impl Step {
    pub fn id(&self) -> &str {
        match self {
            Self::Mark(record) => &record.id,
            Self::Undo { undone, .. } => &undone.id,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub experiment: ExperimentId,
    pub step: Step,
    /// The process that is at it.
    pub process: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    store: String,
    open: Vec<Open>,
}

#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
    store: String,
}

impl Journal {
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self { path: file_of(state_folder, "journal", store), store: store.to_owned() }
    }

    fn read(&self) -> std::io::Result<File> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => serde_json::from_str(&text).map_err(std::io::Error::other),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
            Err(error) => Err(error),
        }
    }

    /// Changes the file; other processes wait for their turn.
    fn change(&self, change: impl FnOnce(&mut Vec<Open>)) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let lock = std::fs::File::create(self.path.with_extension("lock"))?;
        lock.lock()?;
        let mut file = self.read()?;
        file.store.clone_from(&self.store);
        change(&mut file.open);
        replace(&self.path, &json::pretty(&file)?)
    }

    /// Notes a step, or how far it has come.
    pub fn note(&self, experiment: &ExperimentId, step: &Step) -> std::io::Result<()> {
        let open = Open { experiment: experiment.clone(), step: step.clone(), process: std::process::id() };
        self.change(|all| match all.iter_mut().find(|known| known.step.id() == step.id()) {
            Some(known) => *known = open,
            None => all.push(open),
        })
    }

    pub fn end(&self, id: &str) -> std::io::Result<()> {
        self.change(|all| all.retain(|known| known.step.id() != id))
    }

    /// The steps that broke off: those of processes that are still there are under way.
    pub fn broken_off(&self) -> std::io::Result<Vec<Open>> {
        let open = self.read()?.open;
        Ok(open.into_iter().filter(|open| !is_at_work(open.process)).collect())
    }
}

/// Whether another process of that number is there. Where that cannot be told, it is not.
fn is_at_work(process: u32) -> bool {
    let name = |process: &str| std::fs::read(Path::new("/proc").join(process).join("comm")).ok();
    // The number may be another program's by now.
    process != std::process::id()
        && name(&process.to_string()).is_some_and(|other| name("self") == Some(other))
}
