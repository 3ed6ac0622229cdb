//! Marking and undoing, step by step: each write can be repeated, and the journal knows of the step until it is over.

use super::journal::{Journal, Open, Step};
use super::plan::{self, MarkPlan, MarkRequest, is_refused};
use super::promoting;
use super::record::{MarkEvent, Model, Record, Undone, events, holder, is_undone, new_id};
use super::registry::{Aligned, Hand, align, is_registered, register};
use super::settle::{ROUNDS, settle};
use crate::mlflow::{ExperimentId, LifecycleStage};
use crate::promotion::Promoted;
use crate::store::{ErrorKind, Result, Store, StoreError};

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkOutcome {
    /// The mark that was made, or taken back.
    pub record: Record,
    /// Somebody else marked another run meanwhile, and that mark holds.
    pub superseded: Option<Record>,
    /// In words.
    pub messages: Vec<String>,
}

/// What marking a run would write. Nothing is written.
///
/// # Errors
/// If the run or the experiment is not there, or the store does not answer.
pub async fn plan(store: &Store, request: &MarkRequest) -> Result<MarkPlan> {
    plan::plan(store, request).await
}

pub fn journalled<T>(result: std::io::Result<T>) -> Result<T> {
    let operation = "note in the journal what is being written";
    result.map_err(|error| StoreError::new(operation, ErrorKind::Io(error.to_string())))
}

/// Marks a run as planned.
///
/// # Errors
/// If the run is deleted, the journal cannot be written, or the store fails or refuses. What was begun then is in the
/// journal, and [`resume`] finishes it.
pub async fn mark(store: &Store, journal: &Journal, plan: &MarkPlan) -> Result<MarkOutcome> {
    let run = store.get_run(&plan.record.run()).await?;
    if run.info.lifecycle_stage == LifecycleStage::Deleted {
        let kind = ErrorKind::Invalid("the run is deleted: restore it first".into());
        return Err(StoreError::new("mark the run", kind));
    }
    let _held = journalled(journal.hold(&plan.record.id))?;
    journalled(journal.note(&plan.experiment.experiment_id, &Step::Mark(Box::new(plan.record.clone()))))?;
    let result = carry_out(store, journal, &plan.experiment.experiment_id, plan.record.clone()).await;
    end_if_unwritten(store, journal, &plan.experiment.experiment_id, &plan.record.id, &result).await?;
    result
}

/// What was refused and never written needs no finishing.
async fn end_if_unwritten(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    id: &str,
    result: &Result<MarkOutcome>,
) -> Result<()> {
    if let Err(error) = result
        && matches!(
            error.kind,
            ErrorKind::ReadOnly(_)
                | ErrorKind::Forbidden(_)
                | ErrorKind::Denied(_)
                | ErrorKind::Login(_)
                | ErrorKind::Unauthorized
                | ErrorKind::Withheld(_)
                | ErrorKind::Invalid(_)
                | ErrorKind::Limit(_)
        )
        && !is_in_log(store, experiment, id).await
    {
        journalled(journal.end(id))?;
    }
    Ok(())
}

async fn is_in_log(store: &Store, experiment: &ExperimentId, id: &str) -> bool {
    match store.get_experiment(experiment).await {
        Ok(known) => events(&known.tags).iter().any(|event| event.id() == id),
        Err(_) => true,
    }
}

async fn carry_out(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    mut record: Record,
) -> Result<MarkOutcome> {
    store.set_experiment_tag(experiment, &record.entry()).await?;
    let mut log = settle(store, experiment).await?;
    let mut unaligned = None;
    for round in 0..ROUNDS {
        let undone = is_undone(&log, &record.id);
        if undone {
            // Somebody took it back while the model was being registered.
            unaligned = match align_undone(store, experiment, &record).await {
                Err(error) if is_refused(&error.kind) => Some(format!("the registry is unchanged: {error}")),
                aligned => aligned.map(|()| None)?,
            };
        } else if let Some(mut model) = record.model.clone() {
            let result = register(store, journal, experiment, &mut record, &mut model).await;
            record.model = Some(model);
            match result {
                Ok(note) => record.note = note,
                Err(error) if is_refused(&error.kind) => {
                    record.note = Some(format!("not registered: {error}"));
                }
                // Somebody takes a mark back, and the model or the version that it made.
                Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) && round + 1 < ROUNDS => {
                    log = settle(store, experiment).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        record.done = true;
        store.set_experiment_tag(experiment, &record.entry()).await?;
        log = settle(store, experiment).await?;
        if undone || !is_undone(&log, &record.id) && !is_missed(store, &log, &record).await? {
            break;
        }
        record.done = false;
        store.set_experiment_tag(experiment, &record.entry()).await?;
    }
    journalled(journal.end(&record.id))?;
    let superseded = holder(&log).filter(|holder| holder.id != record.id).cloned();
    let mut messages = told(&record, superseded.as_ref());
    messages.extend(unaligned);
    Ok(MarkOutcome { record, superseded, messages })
}

fn is_holder(log: &[MarkEvent], record: &Record) -> bool {
    holder(log).is_some_and(|holder| holder.id == record.id)
}

async fn align_undone(store: &Store, experiment: &ExperimentId, record: &Record) -> Result<()> {
    let Some(model) = &record.model else { return Ok(()) };
    align(store, experiment, model, Hand { undone: Some(record), moved: [model.moved; 2] }).await.map(|_| ())
}

/// Whether a mark holds whose model is not registered any more: somebody took away what it was registered in.
async fn is_missed(store: &Store, log: &[MarkEvent], record: &Record) -> Result<bool> {
    match &record.model {
        Some(model) if record.note.is_none() && is_holder(log, record) => {
            Ok(!is_registered(store, &record.id, model).await?)
        }
        _ => Ok(false),
    }
}

fn told(record: &Record, superseded: Option<&Record>) -> Vec<String> {
    if let Some(other) = superseded {
        return vec![format!("{} marked {} meanwhile; that mark wins", other.by, other.run_name)];
    }
    let mut messages = vec![format!("{} is marked best", record.run_name)];
    if let Some(Model { name, version: Some(version), alias, unaliased, moved, why, of, .. }) = &record.model
    {
        let which = if *of > 1 { format!(": {why}") } else { String::new() };
        if *unaliased {
            messages.push(format!("registered as {name} version {version}{which}"));
        } else if *moved || record.note.is_none() {
            messages.push(format!("registered as {name} version {version}, alias {alias}{which}"));
        }
    }
    messages.extend(record.note.clone());
    messages
}

/// Notes how far it has come, here and in the log.
pub async fn keep(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    record: &mut Record,
    model: &Model,
) -> Result<()> {
    record.model = Some(model.clone());
    journalled(journal.note(experiment, &Step::Mark(Box::new(record.clone()))))?;
    store.set_experiment_tag(experiment, &record.entry()).await
}

/// Who undoes a mark, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoing {
    /// The user who undoes.
    pub by: String,
    /// Milliseconds since the epoch.
    pub now: i64,
    /// A mark of somebody else too.
    pub of_others: bool,
}

/// Undoes the mark that holds in an experiment; none where none does. That of somebody else is only named, unless asked for.
///
/// # Errors
/// As [`mark`].
pub async fn undo(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    undoing: &Undoing,
    random: u32,
) -> Result<Option<MarkOutcome>> {
    let Undoing { by, now, of_others } = undoing;
    let log = events(&store.get_experiment(experiment).await?.tags);
    let Some(record) = holder(&log).cloned() else { return Ok(None) };
    if record.by != *by && !of_others {
        let messages =
            vec![format!("{} was marked best by {}; repeat to undo it anyway", record.run_name, record.by)];
        return Ok(Some(MarkOutcome { record, superseded: None, messages }));
    }
    let newest = log
        .last()
        .map_or(0, |event| event.id().split('-').next().and_then(|time| time.parse().ok()).unwrap_or(0));
    let id = new_id((*now).max(newest + 1), random);
    let undone = Undone { id, mark: record.id.clone(), by: by.clone(), at: *now, open: true };
    let _held = journalled(journal.hold(&undone.id))?;
    journalled(
        journal.note(experiment, &Step::Undo { undone: undone.clone(), record: Box::new(record.clone()) }),
    )?;
    let result = take_back(store, journal, experiment, &undone, record, false).await;
    end_if_unwritten(store, journal, experiment, &undone.id, &result).await?;
    result.map(Some)
}

async fn take_back(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    undone: &Undone,
    record: Record,
    was_begun: bool,
) -> Result<MarkOutcome> {
    store.set_experiment_tag(experiment, &undone.entry()).await?;
    settle(store, experiment).await?;
    let mut messages = Vec::new();
    if let Some(model) = &record.model {
        match align(store, experiment, model, Hand { undone: Some(&record), moved: [was_begun; 2] }).await {
            Ok(aligned) => messages.extend(taken_back(model, &aligned)),
            Err(error) if is_refused(&error.kind) => {
                messages.push(format!("the registry is unchanged: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    let log = settle(store, experiment).await?;
    let holder = holder(&log);
    let run = &record.run_name;
    let is_same = holder.is_some_and(|holder| holder.run_id == record.run_id);
    let first = if is_same {
        "the last mark of {} is undone; an earlier one of it is current again"
    } else {
        "{} is no longer marked best"
    };
    messages.insert(0, first.replace("{}", run));
    if let Some(holder) = holder {
        if !is_same {
            messages.push(format!("{} is again", holder.run_name));
        }
        if holder.done && is_missed(store, &log, holder).await? {
            let _held = journalled(journal.hold(&holder.id))?;
            messages.extend(
                carry_out(store, journal, experiment, holder.clone()).await?.messages.into_iter().skip(1),
            );
        }
    }
    store.set_experiment_tag(experiment, &Undone { open: false, ..undone.clone() }.entry()).await?;
    journalled(journal.end(&undone.id))?;
    Ok(MarkOutcome { record, superseded: None, messages })
}

/// What became of the registry, in words.
fn taken_back(model: &Model, aligned: &Aligned) -> Vec<String> {
    let mut messages = Vec::new();
    if aligned.is_hidden {
        messages.push(format!("the registry is unchanged: no permission to read {}", model.name));
    } else if model.moved && aligned.before == model.version {
        messages.extend(match aligned.after {
            after if after == model.version => None,
            Some(after) => Some(format!("alias {} is version {after} again", model.alias)),
            None => Some(format!("alias {} is removed", model.alias)),
        });
    } else if model.moved && aligned.left {
        messages.push(match aligned.before {
            Some(_) => format!("alias {} was moved by somebody else since; left unchanged", model.alias),
            None => format!("alias {} was deleted by somebody else since", model.alias),
        });
    }
    messages.extend(aligned.refused.iter().map(|(_, error)| error.to_string()));
    let deleted = aligned.deleted.iter();
    messages.extend(deleted.map(|version| format!("version {version} of {} is deleted", model.name)));
    let kept = aligned.kept.iter();
    messages.extend(kept.map(|(version, why)| format!("version {version} of {} is kept: {why}", model.name)));
    messages
}

/// What came of the steps that broke off.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Of those that are finished, or taken back.
    pub outcomes: Vec<MarkOutcome>,
    /// Of promotions that are finished, or taken back.
    pub promotions: Vec<Promoted>,
    /// Why some are not finished; they stay in the journal.
    pub failed: Vec<StoreError>,
}

/// Finishes what broke off, or takes it back where it cannot be finished any more. A step that fails keeps no other from
/// being finished.
///
/// # Errors
/// If the journal cannot be read, or the store does not answer.
pub async fn resume(store: &Store, journal: &Journal) -> Result<Resumed> {
    let broken_off = journal
        .broken_off()
        .map_err(|error| StoreError::new("read the journal", ErrorKind::Io(error.to_string())))?;
    // An empty store that stands for a file that is not there knows nothing of what broke off.
    if !broken_off.is_empty() && !store.is_begun() {
        let missing = "its store does not exist".to_owned();
        return Err(StoreError::new("finish an interrupted mark", ErrorKind::Io(missing)));
    }
    let mut resumed = Resumed::default();
    for Open { experiment, step, .. } in broken_off {
        // Another window was faster.
        let Some(_held) = journalled(journal.take(step.id()))? else { continue };
        let done = match step.clone() {
            Step::Mark(record) => {
                finish(store, journal, &experiment, *record).await.map(|it| resumed.outcomes.push(it))
            }
            Step::Undo { undone, record } => {
                let taken_back = take_back(store, journal, &experiment, &undone, *record, true).await;
                taken_back.map(|it| resumed.outcomes.push(it))
            }
            Step::Promote(promotion) => {
                promoting::finish(store, journal, &promotion).await.map(|it| resumed.promotions.push(it))
            }
            Step::Demote { id, promotion, by, .. } => {
                let taken_back = promoting::take_back_again(store, journal, &id, &promotion, &by).await;
                taken_back.map(|it| resumed.promotions.push(it))
            }
        };
        match done {
            Ok(()) => {}
            // The experiment is not there any more: there is nothing to bring in line.
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => journalled(journal.end(step.id()))?,
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => resumed.failed.push(error),
        }
    }
    Ok(resumed)
}

async fn finish(
    store: &Store,
    journal: &Journal,
    experiment: &ExperimentId,
    record: Record,
) -> Result<MarkOutcome> {
    let run = store.get_run(&record.run()).await;
    let is_there = match &run {
        Ok(run) => run.info.lifecycle_stage == LifecycleStage::Active,
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => false,
        Err(error) => return Err(error.clone()),
    };
    let log = events(&store.get_experiment(experiment).await?.tags);
    // As far as the log has come, where it has come further than the journal.
    let known = log.iter().find_map(|event| match event {
        MarkEvent::Marked(known) if known.id == record.id => {
            Some(Record { done: true, ..known.as_ref().clone() })
        }
        _ => None,
    });
    if is_undone(&log, &record.id) {
        settle(store, experiment).await?;
        match align_undone(store, experiment, &record).await {
            Err(error) if !is_refused(&error.kind) => return Err(error),
            _ => {}
        }
        if let Some(known) = known {
            store.set_experiment_tag(experiment, &known.entry()).await?;
        }
        journalled(journal.end(&record.id))?;
        let messages = vec![format!("the mark of {} was undone meanwhile", record.run_name)];
        return Ok(MarkOutcome { record, superseded: None, messages });
    }
    if is_there {
        return carry_out(store, journal, experiment, record).await;
    }
    let Some(known) = known else {
        journalled(journal.end(&record.id))?;
        let messages = vec![format!("the mark of {} was dropped: the run is deleted", record.run_name)];
        return Ok(MarkOutcome { record, superseded: None, messages });
    };
    let undone = Undone {
        id: new_id(record.at.saturating_add(1), 0),
        mark: record.id.clone(),
        by: record.by.clone(),
        at: record.at,
        open: true,
    };
    store.set_experiment_tag(experiment, &known.entry()).await?;
    let outcome = take_back(store, journal, experiment, &undone, known, true).await?;
    journalled(journal.end(&record.id))?;
    Ok(outcome)
}
