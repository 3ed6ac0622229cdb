//! Selecting and marking, away from the loop.

#![deny(clippy::wildcard_enum_match_arm)]

use std::path::Path;
use std::sync::Arc;

use super::leaderboard::{TREND_POINTS, Trends};
use super::{Champion, Marked, Msg, Preview, Unmarked, choose};
use crate::catalog::view::Projection;
use crate::catalog::{Catalog, gather};
use crate::config::Selecting;
use crate::marking::{self, Journal, MarkRequest, Resumed, Undoing};
use crate::mlflow::filter::Asker;
use crate::mlflow::{ExperimentId, RunId, Tag};
use crate::promotion;
use crate::select::{Ancestors, Patterns, Policy};
use crate::state::policies::Policies;
use crate::store::{Store, StoreError, now_ms};
use crate::tui::core::msg::{Announcement, Msg as Any};
use crate::tui::core::remote::Ticket;
use crate::tui::core::tasks::{Slot, Tasks, blocking};

#[derive(Debug, Clone)]
pub enum Effect {
    /// Resolve the policy and choose the best run.
    Select {
        ticket: Ticket,
        catalog: Arc<Catalog>,
        tags: Vec<Tag>,
        chosen: Option<Box<Policy>>,
        ancestors: Arc<Ancestors>,
        /// The lines whose runs are chosen among too.
        among: Option<Arc<Projection>>,
    },
    /// Read runs above others that are not in the table, such as deleted ones.
    ReadAncestors {
        experiment: ExperimentId,
        runs: Vec<RunId>,
    },
    /// Read how the metric of ranked runs went.
    ReadTrends {
        ticket: Ticket,
        ids: Vec<RunId>,
        key: String,
    },
    /// Keep a policy for an experiment, or forget the one that there is.
    KeepPolicy {
        experiment: ExperimentId,
        policy: Option<Box<Policy>>,
    },
    /// Find out what a mark would write.
    PlanMark(Box<MarkRequest>),
    /// Mark a run best, and register its model.
    Mark(Box<MarkRequest>),
    UndoMark {
        experiment: ExperimentId,
        undoing: Undoing,
    },
}

/// What selections and marks are made with.
#[derive(Debug, Clone)]
pub struct Services {
    pub patterns: Arc<Patterns>,
    pub selecting: Arc<Selecting>,
    /// Who writes.
    pub user: String,
    pub policies: Policies,
    pub journal: Journal,
    /// One mark at a time: a second waits for the first.
    pub turn: Arc<tokio::sync::Mutex<()>>,
}

impl Services {
    pub fn new(selecting: &Selecting, user: &str, state_folder: &Path, store: &str) -> Self {
        Self {
            patterns: Arc::new(selecting.patterns.clone()),
            selecting: Arc::new(selecting.clone()),
            user: user.to_owned(),
            policies: Policies::new(state_folder, store),
            journal: Journal::new(state_folder, store),
            turn: Arc::default(),
        }
    }
}

pub fn perform(effect: Effect, tasks: &mut Tasks, services: &Services) {
    let store = tasks.store.clone();
    match effect {
        Effect::Select { ticket, catalog, tags, chosen, ancestors, among } => {
            let patterns = Arc::clone(&services.patterns);
            let asker = Asker { now: now_ms(), user: &services.user };
            let chosen = chosen.map(|chosen| chosen.at(asker));
            let select = move || {
                let among = among.as_ref().and_then(|lines| lines.passed.as_ref());
                choose(ticket, catalog, chosen, &tags, &patterns, &ancestors, among)
            };
            tasks.answer(Slot("select"), blocking(select));
        }
        Effect::ReadAncestors { experiment, runs } => tasks.answer(Slot("ancestors"), async move {
            let wanted: Vec<_> = runs.iter().map(|run| (experiment.clone(), run.clone())).collect();
            let result = gather::runs(&store, &wanted).await.map(Arc::new);
            Msg::Ancestors { experiment, asked: runs, result }
        }),
        Effect::ReadTrends { ticket, ids, key } => tasks.answer(Slot("trends"), async move {
            // A trend that cannot be read leaves a gap; the poll reports what is wrong with the store.
            let points = store.sampled_history(&ids, &key, TREND_POINTS).await.unwrap_or_default();
            Msg::Trends { ticket, trends: Trends::new(key, points) }
        }),
        Effect::KeepPolicy { experiment, policy } => {
            if let Err(error) = services.policies.set(&experiment, policy.as_deref()) {
                tasks.send(Announcement(format!("cannot save your choice: {error}")));
            }
        }
        Effect::PlanMark(request) => {
            let selecting = Arc::clone(&services.selecting);
            tasks.answer(Slot("plan"), async move {
                Msg::Planned(preview(&store, *request, &selecting).await.map(Box::new))
            });
        }
        Effect::Mark(request) => {
            let (journal, turn) = (services.journal.clone(), Arc::clone(&services.turn));
            tasks.write(async move {
                let _turn = turn.lock().await;
                Msg::Marked(mark(&store, &journal, *request).await)
            });
        }
        Effect::UndoMark { experiment, undoing } => {
            let (journal, turn) = (services.journal.clone(), Arc::clone(&services.turn));
            tasks.write(async move {
                let _turn = turn.lock().await;
                Msg::Marked(undo(&store, &journal, &experiment, &undoing).await)
            });
        }
    }
}

/// Finishes marks that broke off at an earlier time. Nobody who leaves waits for it: the journal knows how far it has come.
pub fn resume_marks(tasks: &mut Tasks, services: &Services) {
    let store = tasks.store.clone();
    let (journal, turn) = (services.journal.clone(), Arc::clone(&services.turn));
    let sender = tasks.sender();
    tasks.start(Slot("resume"), async move {
        if let Some(msg) = resume(&store, &journal, &turn).await {
            let _ = sender.send(msg);
        }
    });
}

/// What a mark would write, and what the gate says of it.
async fn preview(
    store: &Store,
    mut request: MarkRequest,
    selecting: &Selecting,
) -> Result<Preview, StoreError> {
    if let Some(registration) = &mut request.registration {
        let by = request.model_by.as_ref();
        registration.name = marking::registered_name(store, &request.run, &registration.name, by).await?;
    }
    let plan = marking::plan(store, &request).await?;
    let mut judged = Vec::new();
    if let Some(asked) = marking::promotion_of(&plan, &request, |model| selecting.policy(model)) {
        match promotion::plan(store, &asked, &selecting.patterns).await {
            Ok(plan) => {
                if !plan.verdict.is_passed() {
                    judged.push("The policy of the model is not met; y marks it all the same.".into());
                }
                judged.extend(plan.difference().into_iter().chain(plan.verdict.lines()));
            }
            Err(error) => judged.push(format!("not compared with the champion: {error}")),
        }
    }
    Ok(Preview { request, plan, judged })
}

async fn mark(store: &Store, journal: &Journal, mut request: MarkRequest) -> Result<Marked, Unmarked> {
    request.random = fastrand::u32(..);
    let failed = |error, is_begun| Unmarked { error, is_undo: false, is_begun };
    let plan = marking::plan(store, &request).await.map_err(|error| failed(error, false))?;
    match marking::mark(store, journal, &plan).await {
        Ok(outcome) => Ok(Marked {
            champion: Some(Champion { run: outcome.record.run(), holds: outcome.superseded.is_none() }),
            messages: outcome.messages,
        }),
        Err(error) => Err(failed(error, journal.has_mark(&plan.record.id))),
    }
}

async fn undo(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    undoing: &Undoing,
) -> Result<Marked, Unmarked> {
    match marking::undo(store, journal, experiment, undoing, fastrand::u32(..)).await {
        Ok(Some(outcome)) => Ok(Marked {
            champion: Some(Champion { run: outcome.record.run(), holds: outcome.superseded.is_some() }),
            messages: outcome.messages,
        }),
        Ok(None) => {
            Ok(Marked { champion: None, messages: vec!["no run of this experiment is marked best".into()] })
        }
        Err(error) => Err(Unmarked { error, is_undo: true, is_begun: journal.has_undo(experiment) }),
    }
}

/// Finishes what broke off at an earlier time; a store that is away is asked again.
async fn resume(store: &Store, journal: &Journal, turn: &tokio::sync::Mutex<()>) -> Option<Any> {
    let pause = std::time::Duration::from_secs(5);
    let begun = now_ms();
    if let Err(error) = journal.broken_off() {
        return Some(
            Announcement(format!(
                "cannot tell whether a mark was interrupted: {}",
                crate::state::in_words(&error)
            ))
            .into(),
        );
    }
    loop {
        let resumed = {
            let _turn = turn.lock().await;
            marking::resume(store, journal).await
        };
        match resumed {
            Ok(Resumed { outcomes, promotions, failed }) => {
                let failed = failed
                    .iter()
                    .map(|error| format!("cannot finish an interrupted mark: {error}; {}", error.hint()));
                let mut lines: Vec<String> = failed.collect();
                if !outcomes.is_empty() {
                    lines.push("finished an interrupted mark".to_owned());
                }
                lines.extend(outcomes.into_iter().flat_map(|outcome| outcome.messages));
                if !promotions.is_empty() {
                    lines.push("finished an interrupted promotion".to_owned());
                }
                lines.extend(promotions.into_iter().flat_map(|promoted| promoted.messages));
                return (!lines.is_empty())
                    .then(|| Msg::Marked(Ok(Marked { champion: None, messages: lines })).into());
            }
            // For an hour; the next start tries again.
            Err(error) if now_ms() - begun > 3_600_000 => {
                return Some(
                    Announcement(format!(
                        "cannot finish an interrupted mark: {error}; the next start tries again"
                    ))
                    .into(),
                );
            }
            Err(error) => {
                tracing::warn!(%error, "a mark that broke off is not finished yet");
                tokio::time::sleep(pause).await;
            }
        }
    }
}
