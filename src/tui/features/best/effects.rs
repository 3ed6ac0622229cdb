//! Selecting and marking, away from the loop.

use std::path::Path;
use std::sync::Arc;

use crate::marking::{self, Journal, Request, Resumed, Undoing};
use crate::mlflow::ExperimentId;
use crate::select::Patterns;
use crate::state::policies::Policies;
use crate::store::{Store, now_ms};
use crate::tui::core::msg::{Msg, Unmarked};

/// What is kept for selections and marks.
#[derive(Debug, Clone)]
pub struct Kept {
    pub patterns: Arc<Patterns>,
    pub policies: Policies,
    pub journal: Journal,
    /// One mark at a time: a second waits for the first.
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

impl Kept {
    pub fn new(patterns: Patterns, state_folder: &Path, store: &str) -> Self {
        Self {
            patterns: Arc::new(patterns),
            policies: Policies::new(state_folder, store),
            journal: Journal::new(state_folder, store),
            turn: Arc::default(),
        }
    }
}

pub async fn mark(store: &Store, journal: &Journal, mut request: Request) -> Result<Vec<String>, Unmarked> {
    request.random = fastrand::u32(..);
    let failed = |error, is_begun| Unmarked { error, is_undo: false, is_begun };
    let plan = marking::plan(store, &request).await.map_err(|error| failed(error, false))?;
    match marking::mark(store, journal, &plan).await {
        Ok(marked) => Ok(marked.said),
        Err(error) => Err(failed(error, journal.has_mark(&plan.record.id))),
    }
}

pub async fn undo(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    undoing: &Undoing,
) -> Result<Vec<String>, Unmarked> {
    match marking::undo(store, journal, experiment, undoing, fastrand::u32(..)).await {
        Ok(Some(undone)) => Ok(undone.said),
        Ok(None) => Ok(vec!["no run of this experiment is marked best".into()]),
        Err(error) => Err(Unmarked { error, is_undo: true, is_begun: journal.has_undo(experiment) }),
    }
}

/// Finishes what broke off at an earlier time; a store that is away is asked again.
pub async fn resume(store: &Store, journal: &Journal, turn: &tokio::sync::Mutex<()>) -> Option<Msg> {
    let pause = std::time::Duration::from_secs(5);
    let begun = now_ms();
    if let Err(error) = journal.broken_off() {
        return Some(Msg::Said(format!(
            "whether a mark broke off is not known: {}",
            crate::state::told(&error)
        )));
    }
    loop {
        let resumed = {
            let _turn = turn.lock().await;
            marking::resume(store, journal).await
        };
        match resumed {
            Ok(Resumed { outcomes, failed }) => {
                let failed = failed.iter().map(|error| {
                    format!("what broke off earlier is not finished: {error}; {}", error.hint())
                });
                let mut lines: Vec<String> = failed.collect();
                if !outcomes.is_empty() {
                    lines.push("what broke off earlier is finished".to_owned());
                }
                lines.extend(outcomes.into_iter().flat_map(|outcome| outcome.said));
                return (!lines.is_empty()).then_some(Msg::Marked(Ok(lines)));
            }
            // For an hour; the next start tries again.
            Err(error) if now_ms() - begun > 3_600_000 => {
                return Some(Msg::Said(format!(
                    "what broke off earlier is not finished: {error}; the next start tries again"
                )));
            }
            Err(error) => {
                tracing::warn!(%error, "a mark that broke off is not finished yet");
                tokio::time::sleep(pause).await;
            }
        }
    }
}
