//! What is remembered, in files: one for each store, in the state directory. Two programs that write to the same one keep
//! what the other wrote of other experiments. What cannot be read or written is told.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use crate::mlflow::ExperimentId;
use crate::state::document::Document;
use crate::tui::core::memory::{Layout, Remembered, UiMemory};
use crate::tui::core::msg::{Announcement, Msg};

/// How long changes are collected before they are written.
const PAUSE: Duration = Duration::from_secs(1);

/// The memory of a store.
#[derive(Debug, Clone)]
pub struct Keeper {
    document: Document<UiMemory>,
    pending: Arc<Mutex<Pending>>,
    /// It is said once that nothing can be written.
    has_told: Arc<AtomicBool>,
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
            document: Document::new(state_folder, "stores", store),
            pending: Arc::default(),
            has_told: Arc::default(),
        }
    }

    pub fn load(&self) -> io::Result<UiMemory> {
        self.document.load()
    }

    /// Takes a change, to be written soon; whoever listens is told if that fails.
    pub fn remember(
        &self,
        experiment: Option<(ExperimentId, Box<Remembered>)>,
        layout: Layout,
        sender: &UnboundedSender<Msg>,
    ) {
        if self.take(experiment, layout) {
            let (keeper, sender) = (self.clone(), sender.clone());
            tokio::spawn(async move {
                tokio::time::sleep(PAUSE).await;
                let flushed = tokio::task::spawn_blocking(move || (keeper.flush(), keeper)).await;
                if let Ok((Err(error), keeper)) = flushed
                    && !keeper.has_told.swap(true, Ordering::Relaxed)
                {
                    let _ = sender.send(Announcement(unwritten(&error)).into());
                }
            });
        }
    }

    /// Takes a change; whether somebody has to write it.
    fn take(&self, experiment: Option<(ExperimentId, Box<Remembered>)>, layout: Layout) -> bool {
        let mut pending = self.lock();
        pending.layout = Some(layout);
        if let Some((id, remembered)) = experiment {
            pending.last_experiment = Some(id.0.clone());
            pending.experiments.retain(|(known, _)| *known != id.0);
            pending.experiments.push((id.0, *remembered));
        }
        !std::mem::replace(&mut pending.is_scheduled, true)
    }

    /// Writes what is not written yet. What cannot be written waits for the next time.
    pub fn flush(&self) -> io::Result<()> {
        let pending = std::mem::take(&mut *self.lock());
        let written = self.write(&pending);
        if written.is_ok() {
            self.has_told.store(false, Ordering::Relaxed);
        } else {
            let mut now = self.lock();
            now.layout = now.layout.or(pending.layout);
            now.last_experiment = now.last_experiment.take().or(pending.last_experiment);
            // The newer ones come last, and win.
            now.experiments.splice(0..0, pending.experiments);
        }
        written
    }

    fn write(&self, pending: &Pending) -> io::Result<()> {
        let Some(layout) = pending.layout else { return Ok(()) };
        self.document.change(|memory| {
            memory.layout = layout;
            if pending.last_experiment.is_some() {
                memory.last_experiment.clone_from(&pending.last_experiment);
            }
            memory.experiments.extend(pending.experiments.iter().cloned());
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The workspace of a store that was chosen last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Chosen {
    workspace: Option<String>,
}

fn chosen(state_folder: &Path, store: &str) -> Document<Chosen> {
    Document::new(state_folder, "workspaces", store)
}

/// The workspace of a store that was chosen last, if any was.
pub fn last_workspace(state_folder: &Path, store: &str) -> Option<String> {
    chosen(state_folder, store)
        .load()
        .ok()
        .and_then(|chosen| chosen.workspace)
        .filter(|name| !name.is_empty())
}

/// Keeps a workspace for the next visit. Where that cannot be, the next visit begins where it would have without it.
pub fn remember_workspace(state_folder: &Path, store: &str, name: &str) {
    let kept = chosen(state_folder, store).change(|chosen| chosen.workspace = Some(name.to_owned()));
    if let Err(error) = kept {
        tracing::warn!(%error, "the workspace is not remembered");
    }
}

/// What is lost where nothing can be written.
pub fn unwritten(error: &io::Error) -> String {
    format!("cannot save columns, order and borders: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered(words: &str) -> Box<Remembered> {
        Box::new(Remembered { words: words.into(), ..Remembered::default() })
    }

    #[test]
    fn two_programs_keep_what_the_other_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (Keeper::new(folder.path(), "s"), Keeper::new(folder.path(), "s"));
        one.take(Some((ExperimentId::from("1"), remembered("a"))), Layout::default());
        two.take(
            Some((ExperimentId::from("2"), remembered("b"))),
            Layout { list_width: Some(40), details_share: Some(50), ..Layout::default() },
        );
        one.flush().unwrap();
        two.flush().unwrap();
        let memory = Keeper::new(folder.path(), "s").load().unwrap();
        assert_eq!(memory.experiments["1"].words, "a");
        assert_eq!(memory.experiments["2"].words, "b");
        assert_eq!(memory.layout.list_width, Some(40));
        assert_eq!(memory.last_experiment.as_deref(), Some("2"));
        assert_eq!(Keeper::new(folder.path(), "another").load().unwrap(), UiMemory::default());
    }

    #[test]
    fn the_workspace_of_each_store_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(last_workspace(folder.path(), "http://a"), None);
        remember_workspace(folder.path(), "http://a", "team");
        assert_eq!(last_workspace(folder.path(), "http://a").as_deref(), Some("team"));
        assert_eq!(last_workspace(folder.path(), "http://b"), None);
    }

    #[test]
    fn what_cannot_be_written_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        std::fs::write(&state, "a file where the folder should be").unwrap();
        let keeper = Keeper::new(&state, "s");
        keeper.take(Some((ExperimentId::from("1"), remembered("a"))), Layout::default());
        let error = unwritten(&keeper.flush().unwrap_err());
        assert!(error.contains(state.to_str().unwrap()), "{error}");
        keeper.take(
            Some((ExperimentId::from("1"), remembered("b"))),
            Layout { list_width: Some(40), details_share: Some(50), ..Layout::default() },
        );
        std::fs::remove_file(&state).unwrap();
        keeper.flush().unwrap();
        let memory = keeper.load().unwrap();
        assert_eq!((memory.experiments["1"].words.as_str(), memory.layout.list_width), ("b", Some(40)));
    }

    #[test]
    fn a_damaged_file_is_told_and_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(folder.path(), "s");
        let path = keeper.document.path();
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        std::fs::write(path, "{ broken").unwrap();
        assert!(keeper.load().unwrap_err().to_string().contains(path.to_str().unwrap()));
        keeper.take(Some((ExperimentId::from("1"), remembered("a"))), Layout::default());
        keeper.flush().unwrap();
        assert_eq!(keeper.load().unwrap().experiments["1"].words, "a");
        let aside = format!("{}.damaged", path.display());
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "{ broken");
    }
}
