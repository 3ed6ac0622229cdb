//! Experiments, away from the loop: listed, counted, written to.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::Msg;
use crate::mlflow::{Experiment, ExperimentId, Tag, ViewType};
use crate::store::{ErrorKind, Result, RunSearch, Store};
use crate::tui::core::msg::Msg as Any;
use crate::tui::core::tasks::{Slot, Tasks};

/// Runs that are looked at where a store does not count: for how many go with an experiment, and for when the newest began.
const COUNTED: usize = 1_000;
const NEWEST: usize = 200;
/// Experiments that one search names.
const NAMED: usize = 1_000;

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read the list, again and again until the store answers and has runs to show.
    Load,
    /// Find out how many runs an experiment has, where the list does not say it.
    CountRuns(ExperimentId),
    /// Find out which of these the newest runs are in.
    ReadNewest(Vec<ExperimentId>),
    Create(String),
    Write(Write),
}

/// Something to be written to an experiment.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    Rename { id: ExperimentId, name: String },
    Delete { id: ExperimentId, name: String },
    Restore { id: ExperimentId, name: String },
    SetTag { id: ExperimentId, tag: Tag },
    DeleteTag { id: ExperimentId, key: String },
}

impl Write {
    /// What was done, for people.
    pub fn done(&self) -> String {
        match self {
            Self::Rename { name, .. } => format!("renamed the experiment to {name}"),
            Self::Delete { name, .. } => {
                format!("deleted {name}; g d shows deleted experiments, D restores them")
            }
            Self::Restore { name, .. } => format!("restored {name} and its runs"),
            Self::SetTag { tag, .. } => format!("set {} on the experiment", tag.key),
            Self::DeleteTag { key, .. } => format!("removed {key} from the experiment"),
        }
    }
}

/// Carries an effect out; `every` is how often a store is asked that does not answer.
pub fn perform(effect: Effect, tasks: &mut Tasks, every: Duration) {
    let store = tasks.store.clone();
    match effect {
        Effect::Load => {
            let sender = tasks.sender();
            tasks.start(Slot("experiments"), async move { load(store, sender, every).await });
        }
        Effect::CountRuns(id) => tasks.answer(Slot("runs of an experiment"), async move {
            let search =
                RunSearch { experiment_ids: vec![id.clone()], max_results: COUNTED, ..RunSearch::default() };
            let runs = store.search_runs(&search).await;
            let runs = runs.map(|page| (page.runs.len(), page.next_page_token.is_some()));
            Msg::RunsFound { id, runs }
        }),
        Effect::ReadNewest(ids) => tasks.answer(Slot("newest runs"), async move {
            // Without it experiments stand by when they were created; the poll reports what is wrong with the store.
            Msg::Began(newest(&store, &ids).await.unwrap_or_default())
        }),
        Effect::Create(name) => tasks.write(async move {
            let result = store.create_experiment(&name, &[]).await;
            let is_taken = matches!(&result, Err(error) if matches!(error.kind, ErrorKind::AlreadyExists(_)));
            let all = if is_taken { store.search_experiments(ViewType::All).await.ok() } else { None };
            let holder = all.and_then(|all| all.into_iter().find(|known| known.name == name));
            Msg::Created { name, result, holder: holder.map(Box::new) }
        }),
        Effect::Write(write) => tasks.write(async move {
            let result = match &write {
                Write::Rename { id, name } => store.rename_experiment(id, name).await,
                Write::Delete { id, .. } => store.delete_experiment(id).await,
                Write::Restore { id, .. } => store.restore_experiment(id).await,
                Write::SetTag { id, tag } => store.set_experiment_tag(id, tag).await,
                Write::DeleteTag { id, key } => store.delete_experiment_tag(id, key).await,
            };
            Msg::Written { write, result }
        }),
    }
}

/// When the newest runs of all began, by their experiments.
async fn newest(store: &Store, ids: &[ExperimentId]) -> Result<HashMap<ExperimentId, i64>> {
    let mut starts: HashMap<ExperimentId, i64> = HashMap::new();
    for ids in ids.chunks(NAMED) {
        let search = RunSearch { experiment_ids: ids.to_vec(), max_results: NEWEST, ..RunSearch::default() };
        for run in store.search_runs(&search).await?.runs {
            if let Some(start) = run.info.start_time {
                let newest = starts.entry(run.info.experiment_id).or_insert(start);
                *newest = start.max(*newest);
            }
        }
    }
    Ok(starts)
}

/// The watch takes over once there are runs.
async fn load(store: Store, sender: UnboundedSender<Any>, every: Duration) {
    loop {
        let listed = list(&store).await;
        let is_listed = listed.is_ok();
        let retry_ms = every.as_millis() as u64;
        if sender.send(Msg::Listed { result: listed, retry_ms }.into()).is_err() {
            return;
        }
        // Counting takes longer than listing; a count that fails is made up for by the next.
        if is_listed && let Ok(counts) = store.run_counts().await {
            let has_runs = counts.as_ref().is_none_or(|counts| counts.values().any(|runs| runs.active > 0));
            if sender.send(Msg::Counted(counts).into()).is_err() || has_runs {
                return;
            }
        }
        tokio::time::sleep(every).await;
    }
}

async fn list(store: &Store) -> Result<(Vec<Experiment>, Option<ExperimentId>)> {
    Ok((store.search_experiments(ViewType::All).await?, store.latest_experiment().await?))
}
