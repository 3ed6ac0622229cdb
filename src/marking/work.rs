//! Marking and undoing, step by step: each write can be repeated, and the journal knows of the step until it is over.

use super::journal::{Journal, Open, Step};
use super::plan::{self, Plan, Request, is_refused, taken_by_prompt};
use super::record::{Event, Model, Record, Undone, VERSION_OF, events, holder, new_id};
use super::settle::settle;
use crate::mlflow::{ExperimentId, LifecycleStage, Tag};
use crate::store::{ErrorKind, Result, StoreError, TrackingStore};

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub record: Record,
    /// Somebody else marked another run meanwhile, and that mark holds.
    pub superseded: Option<Record>,
    /// In words.
    pub said: Vec<String>,
}

pub async fn plan(store: &dyn TrackingStore, request: &Request) -> Result<Plan> {
    plan::plan(store, request).await
}

fn journalled(result: std::io::Result<()>) -> Result<()> {
    let operation = "note in the journal what is being written";
    result.map_err(|error| StoreError::new(operation, ErrorKind::Io(error.to_string())))
}

/// Marks a run as planned.
pub async fn mark(store: &dyn TrackingStore, journal: &Journal, plan: &Plan) -> Result<Outcome> {
    let run = store.get_run(&plan.record.run()).await?;
    if run.info.lifecycle_stage == LifecycleStage::Deleted {
        let kind = ErrorKind::Invalid("the run is deleted: restore it first".into());
        return Err(StoreError::new("mark the run", kind));
    }
    journalled(journal.note(&plan.experiment.experiment_id, &Step::Mark(Box::new(plan.record.clone()))))?;
    let result = carry_out(store, journal, &plan.experiment.experiment_id, plan.record.clone()).await;
    // What never was written needs no finishing.
    if let Err(error) = &result
        && matches!(
            error.kind,
            ErrorKind::ReadOnly(_)
                | ErrorKind::Forbidden(_)
                | ErrorKind::Unauthorized
                | ErrorKind::Withheld(_)
                | ErrorKind::Invalid(_)
        )
        && !is_in_log(store, &plan.experiment.experiment_id, &plan.record.id).await
    {
        journalled(journal.end(&plan.record.id))?;
    }
    result
}

async fn is_in_log(store: &dyn TrackingStore, experiment: &ExperimentId, id: &str) -> bool {
    match store.get_experiment(experiment).await {
        Ok(known) => events(&known.tags).iter().any(|event| event.id() == id),
        Err(_) => true,
    }
}

async fn carry_out(
    store: &dyn TrackingStore,
    journal: &Journal,
    experiment: &ExperimentId,
    mut record: Record,
) -> Result<Outcome> {
    store.set_experiment_tag(experiment, &record.entry()).await?;
    let log = settle(store, experiment).await?;
    let holds = |log: &[Event]| holder(log).is_some_and(|holder| holder.id == record.id);
    if holds(&log)
        && let Some(model) = record.model.clone()
    {
        let mut model = model;
        let result = register(store, journal, experiment, &mut record, &mut model).await;
        record.model = Some(model);
        match result {
            Ok(note) => record.note = note,
            Err(error) if is_refused(&error.kind) => record.note = Some(format!("not registered: {error}")),
            Err(error) => return Err(error),
        }
    }
    record.done = true;
    store.set_experiment_tag(experiment, &record.entry()).await?;
    let log = settle(store, experiment).await?;
    let mut unaligned = None;
    if is_undone(&log, &record.id) {
        // Somebody took it back while the model was being registered.
        if let Some(model) = &record.model {
            unregister(store, model, &record.id).await?;
        }
    } else {
        unaligned = match align_alias(store, &log).await {
            // All else is written: the mark is over all the same.
            Err(error) if is_refused(&error.kind) => Some(format!("the aliases stay as they are: {error}")),
            aligned => aligned.map(|()| None)?,
        };
    }
    journalled(journal.end(&record.id))?;
    let superseded = holder(&log).filter(|holder| holder.id != record.id).cloned();
    let mut said = told(&record, superseded.as_ref());
    said.extend(unaligned);
    Ok(Outcome { record, superseded, said })
}

fn is_undone(log: &[Event], mark: &str) -> bool {
    log.iter().any(|event| matches!(event, Event::Undone(undone) if undone.mark == mark))
}

fn told(record: &Record, superseded: Option<&Record>) -> Vec<String> {
    if let Some(other) = superseded {
        return vec![format!("{} marked {} meanwhile; that mark holds", other.by, other.run_name)];
    }
    let mut said = vec![format!("{} is marked best", record.run_name)];
    if let Some(Model { name, version: Some(version), alias, unaliased, why, of, .. }) = &record.model {
        let which = if *of > 1 { format!(": {why}") } else { String::new() };
        if *unaliased {
            said.push(format!("registered as {name} version {version}{which}"));
        } else if record.note.is_none() {
            said.push(format!("registered as {name} version {version}, alias {alias}{which}"));
        }
    }
    said.extend(record.note.clone());
    said
}

/// Registers the model and moves the aliases. Says what could not be done of that.
async fn register(
    store: &dyn TrackingStore,
    journal: &Journal,
    experiment: &ExperimentId,
    record: &mut Record,
    model: &mut Model,
) -> Result<Option<String>> {
    match store.create_registered_model(&model.name).await {
        Ok(()) => model.created_model = true,
        Err(error) if matches!(error.kind, ErrorKind::AlreadyExists(_)) => {
            if unless_hidden(store.get_registered_model(&model.name).await)?.is_some_and(|it| it.is_prompt())
            {
                let kind = ErrorKind::Invalid(taken_by_prompt(&model.name));
                return Err(StoreError::new("register the model", kind));
            }
        }
        Err(error) => return Err(error),
    }
    if model.version.is_none() {
        let versions = unless_hidden(store.model_versions(&model.name).await)?.unwrap_or_default();
        let is_ours = |tag: &Tag| tag.key == VERSION_OF && tag.value == record.id;
        let made = versions.iter().find(|version| version.tags.iter().any(is_ours));
        model.version = Some(match made {
            Some(made) => made.version,
            None => {
                let tag = Tag::new(VERSION_OF, record.id.clone());
                let run = record.run();
                store.create_model_version(&model.name, &model.source, Some(&run), &[tag]).await?.version
            }
        });
        keep(store, journal, experiment, record, model).await?;
    }
    model.unaliased = false;
    let Some(version) = model.version else { return Ok(None) };
    let known = unless_hidden(store.get_registered_model(&model.name).await)?;
    let aliases = known.map_or(Vec::new(), |known| known.aliases);
    let points_to = |alias: &str| aliases.iter().find(|(name, _)| name == alias).map(|(_, version)| *version);
    let now = points_to(&model.alias);
    if now == Some(version) {
        return Ok(None);
    }
    // As of now, not as of the plan: somebody may have moved it.
    if !model.moved {
        (model.alias_before, model.previous_before) = (now, points_to(&model.previous_alias));
        model.moved = true;
        keep(store, journal, experiment, record, model).await?;
    }
    if let Err(error) = move_aliases(store, model, now, version).await {
        if !is_refused(&error.kind) {
            return Err(error);
        }
        // The version is there all the same.
        (model.moved, model.unaliased) = (false, true);
        return Ok(Some(format!("the alias {} is not set: {}", model.alias, error.kind)));
    }
    Ok(None)
}

async fn move_aliases(
    store: &dyn TrackingStore,
    model: &Model,
    now: Option<u64>,
    version: u64,
) -> Result<()> {
    if let Some(before) = now {
        store.set_model_alias(&model.name, &model.previous_alias, before).await?;
    }
    store.set_model_alias(&model.name, &model.alias, version).await
}

/// Nothing, where this user may not look.
fn unless_hidden<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if matches!(error.kind, ErrorKind::Forbidden(_)) => Ok(None),
        found => found.map(Some),
    }
}

/// Notes how far it has come, here and in the log.
async fn keep(
    store: &dyn TrackingStore,
    journal: &Journal,
    experiment: &ExperimentId,
    record: &mut Record,
    model: &Model,
) -> Result<()> {
    record.model = Some(model.clone());
    journalled(journal.note(experiment, &Step::Mark(Box::new(record.clone()))))?;
    store.set_experiment_tag(experiment, &record.entry()).await
}

/// Where two marked at once, the alias goes to the version of the mark that holds.
async fn align_alias(store: &dyn TrackingStore, log: &[Event]) -> Result<()> {
    let Some(Record { model: Some(model), done: true, .. }) = holder(log) else { return Ok(()) };
    let Some(version) = model.version else { return Ok(()) };
    // What could not be set, and was told so, is not set after all: undoing would not know of it.
    if model.unaliased {
        return Ok(());
    }
    let known = match store.get_registered_model(&model.name).await {
        Err(error) if is_refused(&error.kind) || matches!(error.kind, ErrorKind::NotFound(_)) => {
            return Ok(());
        }
        known => known?,
    };
    let points_to =
        |alias: &str| known.aliases.iter().find(|(name, _)| name == alias).map(|(_, version)| *version);
    // Only a version of another mark of this log is put back: an alias that somebody moved by hand stays.
    let of_marks = |wanted: u64| {
        log.iter().any(|event| match event {
            Event::Marked(other) => {
                let other = other.model.as_ref();
                other.is_some_and(|other| other.name == model.name && other.version == Some(wanted))
            }
            Event::Undone(_) => false,
        })
    };
    if points_to(&model.alias).is_some_and(|now| now != version && of_marks(now)) {
        store.set_model_alias(&model.name, &model.alias, version).await?;
    }
    if points_to(&model.previous_alias) == Some(version) {
        match model.alias_before.filter(|before| *before != version) {
            Some(before) => store.set_model_alias(&model.name, &model.previous_alias, before).await?,
            None => store.delete_model_alias(&model.name, &model.previous_alias).await?,
        }
    }
    Ok(())
}

/// Who undoes a mark, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoing {
    pub by: String,
    /// Milliseconds since the epoch.
    pub now: i64,
    /// A mark of somebody else too.
    pub of_others: bool,
}

/// Undoes the mark that holds in an experiment.
pub async fn undo(
    store: &dyn TrackingStore,
    journal: &Journal,
    experiment: &ExperimentId,
    undoing: &Undoing,
    random: u32,
) -> Result<Option<Outcome>> {
    let Undoing { by, now, of_others } = undoing;
    let log = events(&store.get_experiment(experiment).await?.tags);
    let Some(record) = holder(&log).cloned() else { return Ok(None) };
    if record.by != *by && !of_others {
        let said =
            vec![format!("{} is marked best by {}: ask again to undo that", record.run_name, record.by)];
        return Ok(Some(Outcome { record, superseded: None, said }));
    }
    let newest = log
        .last()
        .map_or(0, |event| event.id().split('-').next().and_then(|time| time.parse().ok()).unwrap_or(0));
    let id = new_id((*now).max(newest + 1), random);
    let undone = Undone { id, mark: record.id.clone(), by: by.clone(), at: *now };
    journalled(
        journal.note(experiment, &Step::Undo { undone: undone.clone(), record: Box::new(record.clone()) }),
    )?;
    take_back(store, journal, experiment, &undone, record).await.map(Some)
}

async fn take_back(
    store: &dyn TrackingStore,
    journal: &Journal,
    experiment: &ExperimentId,
    undone: &Undone,
    record: Record,
) -> Result<Outcome> {
    store.set_experiment_tag(experiment, &undone.entry()).await?;
    let log = settle(store, experiment).await?;
    let mut said = vec![format!("{} is not marked best any more", record.run_name)];
    if let Some(model) = &record.model {
        match unregister(store, model, &record.id).await {
            Ok(words) => said.extend(words),
            Err(error) if is_refused(&error.kind) => {
                said.push(format!("the registry stays as it is: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(holder) = holder(&log) {
        said.push(format!("{} is again", holder.run_name));
    }
    settle(store, experiment).await?;
    journalled(journal.end(&undone.id))?;
    Ok(Outcome { record, superseded: None, said })
}

/// Puts the registry back: the aliases as they were, and away with the version and the model that the mark made.
async fn unregister(store: &dyn TrackingStore, model: &Model, mark: &str) -> Result<Vec<String>> {
    let known = match store.get_registered_model(&model.name).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => return Ok(Vec::new()),
        known => known?,
    };
    let versions = store.model_versions(&model.name).await?;
    let is_made = |tag: &Tag| tag.key == VERSION_OF && tag.value == mark;
    let made =
        versions.iter().find(|version| version.tags.iter().any(is_made)).map(|version| version.version);
    let version = model.version.or(made);
    let points_to =
        |alias: &str| known.aliases.iter().find(|(name, _)| name == alias).map(|(_, version)| *version);
    let exists = |wanted: &u64| versions.iter().any(|version| version.version == *wanted);
    let mut said = Vec::new();
    if model.moved {
        let now = points_to(&model.alias);
        if now.is_some() && now == version {
            put_back(store, model, &model.alias, model.alias_before.filter(exists)).await?;
            said.push(match model.alias_before {
                Some(before) => format!("alias {} is version {before} again", model.alias),
                None => format!("alias {} is gone", model.alias),
            });
        } else if now != model.alias_before {
            said.push(format!("alias {} was moved by somebody else since, and stays", model.alias));
        }
        let previous = points_to(&model.previous_alias);
        if previous.is_some() && previous == model.alias_before && previous != model.previous_before {
            put_back(store, model, &model.previous_alias, model.previous_before.filter(exists)).await?;
        }
    }
    if let Some(made) = made.filter(|_| model.created_version) {
        match store.delete_model_version(&model.name, made).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {}
            result => result?,
        }
        said.push(format!("version {made} of {} is deleted", model.name));
    }
    if model.created_model && store.model_versions(&model.name).await?.is_empty() {
        match store.delete_registered_model(&model.name).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {}
            result => result?,
        }
    }
    Ok(said)
}

async fn put_back(store: &dyn TrackingStore, model: &Model, alias: &str, version: Option<u64>) -> Result<()> {
    match version {
        Some(version) => store.set_model_alias(&model.name, alias, version).await,
        None => store.delete_model_alias(&model.name, alias).await,
    }
}

/// Finishes what broke off, or takes it back where it cannot be finished any more.
pub async fn resume(store: &dyn TrackingStore, journal: &Journal) -> Result<Vec<Outcome>> {
    let broken_off = journal
        .broken_off()
        .map_err(|error| StoreError::new("read the journal", ErrorKind::Io(error.to_string())))?;
    // An empty store that stands for a file that is not there knows nothing of what broke off.
    if !broken_off.is_empty() && !store.is_begun() {
        let missing = "its store is not there, and nothing is begun anew for it".to_owned();
        return Err(StoreError::new("finish what broke off", ErrorKind::Io(missing)));
    }
    let mut outcomes = Vec::new();
    for Open { experiment, step, .. } in broken_off {
        let outcome = match step.clone() {
            Step::Mark(record) => finish(store, journal, &experiment, *record).await,
            Step::Undo { undone, record } => take_back(store, journal, &experiment, &undone, *record).await,
        };
        match outcome {
            Ok(outcome) => outcomes.push(outcome),
            // The experiment is not there any more: there is nothing to bring in line.
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => journalled(journal.end(step.id()))?,
            Err(error) => return Err(error),
        }
    }
    Ok(outcomes)
}

async fn finish(
    store: &dyn TrackingStore,
    journal: &Journal,
    experiment: &ExperimentId,
    record: Record,
) -> Result<Outcome> {
    let run = store.get_run(&record.run()).await;
    let is_there = match &run {
        Ok(run) => run.info.lifecycle_stage == LifecycleStage::Active,
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => false,
        Err(error) => return Err(error.clone()),
    };
    let log = events(&store.get_experiment(experiment).await?.tags);
    if is_undone(&log, &record.id) {
        settle(store, experiment).await?;
        journalled(journal.end(&record.id))?;
        let said = vec![format!("the mark of {} was undone meanwhile", record.run_name)];
        return Ok(Outcome { record, superseded: None, said });
    }
    // As far as the log has come, where it has come further than the journal.
    let known = log.into_iter().find_map(|event| match event {
        Event::Marked(known) if known.id == record.id => Some(*known),
        _ => None,
    });
    if is_there {
        return carry_out(store, journal, experiment, record).await;
    }
    let Some(known) = known else {
        journalled(journal.end(&record.id))?;
        let said = vec![format!("the mark of {} was given up: the run is deleted", record.run_name)];
        return Ok(Outcome { record, superseded: None, said });
    };
    let undone = Undone {
        id: new_id(record.at.saturating_add(1), 0),
        mark: record.id.clone(),
        by: record.by.clone(),
        at: record.at,
    };
    let outcome = take_back(store, journal, experiment, &undone, known).await?;
    journalled(journal.end(&record.id))?;
    Ok(outcome)
}
