//! What is remembered, in files: one for each store, in the state directory. A file that cannot be read is as good as
//! none; two programs that write to the same one keep what the other wrote of other experiments.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mlflow::ExperimentId;
use crate::state::{file_of, replace};
use crate::text::json;
use crate::tui::memory::{Layout, Memory, Remembered};

/// How long changes are collected before they are written.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct File {
    /// For people who look into the file.
    store: String,
    #[serde(flatten)]
    memory: Memory,
}

/// The memory of a store.
#[derive(Debug, Clone)]
pub struct Keeper {
    path: PathBuf,
    store: String,
    pending: Arc<Mutex<Pending>>,
}

#[derive(Debug, Default)]
struct Pending {
    layout: Option<Layout>,
    last_experiment: Option<String>,
    experiments: Vec<(String, Remembered)>,
    is_scheduled: bool,
}

impl Keeper {
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self {
            path: file_of(state_folder, "stores", store),
            store: store.to_owned(),
            pending: Arc::default(),
        }
    }

    pub fn load(&self) -> Memory {
        self.read().memory
    }

    fn read(&self) -> File {
        let Ok(text) = std::fs::read_to_string(&self.path) else { return File::default() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!("{} is not read: {error}", self.path.display());
            File::default()
        })
    }

    /// Takes a change, to be written soon.
    pub fn remember(&self, experiment: Option<(ExperimentId, Box<Remembered>)>, layout: Layout) {
        let mut pending = self.lock();
        pending.layout = Some(layout);
        if let Some((id, remembered)) = experiment {
            pending.last_experiment = Some(id.0.clone());
            pending.experiments.retain(|(known, _)| *known != id.0);
            pending.experiments.push((id.0, *remembered));
        }
        if !std::mem::replace(&mut pending.is_scheduled, true) {
            let keeper = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PAUSE).await;
                let _ = tokio::task::spawn_blocking(move || keeper.flush()).await;
            });
        }
    }

    /// Writes what is not written yet.
    pub fn flush(&self) {
        let pending = std::mem::take(&mut *self.lock());
        if let Some(layout) = pending.layout {
            let mut file = self.read();
            file.store.clone_from(&self.store);
            file.memory.layout = layout;
            if pending.last_experiment.is_some() {
                file.memory.last_experiment = pending.last_experiment;
            }
            file.memory.experiments.extend(pending.experiments);
            if let Err(error) = self.write(&file) {
                tracing::warn!("{} is not written: {error}", self.path.display());
            }
        }
    }

    /// The new file takes the place of the old one at once, or not at all.
    fn write(&self, file: &File) -> std::io::Result<()> {
        replace(&self.path, &json::pretty(file)?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_programs_keep_what_the_other_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Keeper::new(folder.path(), "s"), Keeper::new(folder.path(), "s"));
        let remembered = |words: &str| Box::new(Remembered { words: words.into(), ..Remembered::default() });
        one.remember(Some((ExperimentId::from("1"), remembered("a"))), Layout::default());
        two.remember(
            Some((ExperimentId::from("2"), remembered("b"))),
            Layout { experiments_width: 40, details_share: 50 },
        );
        one.flush();
        two.flush();
        let memory = Keeper::new(folder.path(), "s").load();
        assert_eq!(memory.experiments["1"].words, "a");
        assert_eq!(memory.experiments["2"].words, "b");
        assert_eq!(memory.layout.experiments_width, 40);
        assert_eq!(memory.last_experiment.as_deref(), Some("2"));
        assert_eq!(Keeper::new(folder.path(), "another").load(), Memory::default());
        std::fs::write(&one.path, "{ broken").unwrap();
        assert_eq!(one.load(), Memory::default());
    }
}
