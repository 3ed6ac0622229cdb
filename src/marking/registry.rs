//! The model registry: registering the model of a mark, and bringing versions and aliases in line with the log.

use super::chain::Chain;
use super::plan::{is_refused, taken_by_prompt};
use super::record::{MarkEvent, Model, Record, VERSION_OF, events, holder, is_amid};
use super::shared::shared;
use super::work::keep;
use super::{Journal, settle::ROUNDS};
use crate::mlflow::{ExperimentId, ModelVersion, RegisteredModel, Tag};
use crate::store::{ErrorKind, Result, Store, StoreError};

/// Registers the model and moves the aliases, where no newer mark holds them. Says what could not be done of that.
pub async fn register(
    store: &Store,
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
    let versions = unless_hidden(store.model_versions(&model.name).await)?;
    // Somebody may have deleted it since it was found.
    let is_there = match &versions {
        Some(versions) => versions.iter().any(|version| model.is_version(&record.id, version)),
        None => model.version.is_some(),
    };
    if !is_there {
        let is_ours = |tag: &Tag| tag.key == VERSION_OF && tag.value == record.id;
        let is_made = |it: &&ModelVersion| !it.has_failed() && it.tags.iter().any(is_ours);
        let made = versions.iter().flatten().find(is_made);
        model.created_version = true;
        // The version that it had is gone, and perhaps the model with it: what the aliases pointed to was another time.
        model.moved = false;
        model.version = Some(match made {
            Some(made) => {
                store.complete_model_version(made).await?;
                made.version
            }
            None => {
                let tag = Tag::new(VERSION_OF, record.id.clone());
                let run = record.run();
                store.create_model_version(&model.name, &model.source, Some(&run), &[tag]).await?.version
            }
        });
        keep(store, journal, experiment, record, model).await?;
    }
    model.unaliased = false;
    if !model.moved {
        // As of now, not as of the plan: somebody may have moved it.
        let versions = versions.unwrap_or_default();
        let mut first = shared(store, experiment, &model.name, &versions).await?;
        let log = std::mem::take(&mut first.log);
        model.beside = first.beside();
        model.alone = versions.iter().all(|version| model.version == Some(version.version));
        let chain = Chain::new(&log, model, &versions);
        let follows = chain.last_done(&record.id).unwrap_or_default().to_owned();
        (model.older, model.follows) = (Some(chain.older(&record.id)), Some(follows));
        let known = unless_hidden(store.get_registered_model(&model.name).await)?;
        let points_to = |alias: &str| known.as_ref().and_then(|known| known.alias(alias));
        let now = points_to(&model.alias);
        (model.alias_before, model.previous_before) = (now, points_to(&model.previous_alias));
        let then = shared(store, experiment, &model.name, &versions).await?.log;
        let ids = |log: &[MarkEvent]| log.iter().map(|event| event.id().to_owned()).collect::<Vec<_>>();
        model.amid = is_amid(&log, record) || is_amid(&then, record) || ids(&log) != ids(&then);
        model.by_hand =
            !model.amid && now.is_some_and(|now| Chain::new(&log, model, &versions).gave_way(now));
        model.moved = true;
        keep(store, journal, experiment, record, model).await?;
    }
    match move_aliases(store, experiment, record, model).await {
        Err(error) if is_refused(&error.kind) => {
            // The version is there all the same.
            (model.moved, model.unaliased) = (false, true);
            Ok(Some(format!("the alias {} is not set: {}", model.alias, error.kind)))
        }
        moved => moved,
    }
}

async fn move_aliases(
    store: &Store,
    experiment: &ExperimentId,
    record: &Record,
    model: &Model,
) -> Result<Option<String>> {
    let mut aligned = align(store, experiment, model, Hand { undone: None, moved: [true; 2] }).await?;
    let is_it = |(alias, _): &(Option<String>, StoreError)| alias.as_ref() == Some(&model.alias);
    if let Some(at) = aligned.refused.iter().position(is_it) {
        return Err(aligned.refused.swap_remove(at).1);
    }
    // Who may not look may write all the same.
    if aligned.is_hidden
        && let Some(version) = model.version
        && holder(&events(&store.get_experiment(experiment).await?.tags)).is_some_and(|it| it.id == record.id)
    {
        store.set_model_alias(&model.name, &model.alias, version).await?;
    }
    let left = aligned.refused.first().and_then(|(alias, error)| Some((alias.as_ref()?, error)));
    Ok(left.map(|(alias, error)| format!("the alias {alias} is not set: {}", error.kind)))
}

/// Nothing, where this user may not look.
fn unless_hidden<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if matches!(error.kind, ErrorKind::Forbidden(_) | ErrorKind::Denied(_)) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether the version of a mark is there; yes, where that may not be looked at.
pub async fn is_registered(store: &Store, mark: &str, model: &Model) -> Result<bool> {
    if model.version.is_none() {
        return Ok(false);
    }
    match store.model_versions(&model.name).await {
        Err(error) if is_refused(&error.kind) => Ok(true),
        found => Ok(found?.iter().any(|version| model.is_version(mark, version))),
    }
}

/// Who brings the registry in line.
#[derive(Debug, Clone, Copy)]
pub struct Hand<'a> {
    /// Whoever undoes this mark may take its own aliases back.
    pub undone: Option<&'a Record>,
    /// This process moved the alias, and the one before it, itself.
    pub moved: [bool; 2],
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Aligned {
    /// What the alias pointed to, and then.
    pub before: Option<u64>,
    pub after: Option<u64>,
    /// Somebody else moved the alias by hand, and it stays.
    pub left: bool,
    pub deleted: Vec<u64>,
    /// Versions of marks that are undone and that stay all the same, and why, in words.
    pub kept: Vec<(u64, String)>,
    /// What this user may not do: of which alias, if it is one, and why.
    pub refused: Vec<(Option<String>, StoreError)>,
    /// This user may not look at the registry.
    pub is_hidden: bool,
}

/// Brings the aliases, versions and the model that marks made in line with the log, until nothing is left to do. What
/// somebody else moved by hand stays.
pub async fn align(
    store: &Store,
    experiment: &ExperimentId,
    model: &Model,
    mut hand: Hand<'_>,
) -> Result<Aligned> {
    let mut done = Aligned::default();
    for round in 0..ROUNDS {
        let known = match store.get_registered_model(&model.name).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => return Ok(done),
            Err(error) if is_refused(&error.kind) => return Ok(Aligned { is_hidden: true, ..done }),
            known => known?,
        };
        let before = known.alias(&model.alias);
        if round == 0 {
            done.before = before;
        }
        done.after = before;
        (done.left, done.refused, done.kept) = (false, Vec::new(), Vec::new());
        if !align_once(store, experiment, model, &known, &mut hand, &mut done).await? {
            break;
        }
    }
    Ok(done)
}

/// One round; true if something was written.
async fn align_once(
    store: &Store,
    experiment: &ExperimentId,
    model: &Model,
    known: &RegisteredModel,
    hand: &mut Hand<'_>,
    done: &mut Aligned,
) -> Result<bool> {
    let versions = store.model_versions(&model.name).await?;
    let log = shared(store, experiment, &model.name, &versions).await?.log;
    let chain = Chain::new(&log, model, &versions);
    let is_there = |wanted: u64| versions.iter().any(|version| version.version == wanted);
    let mut wrote = false;
    if let Some(wanted) = chain.expected_aliases(is_there) {
        let own = hand.undone.and_then(|record| record.model.as_ref()).filter(|model| model.moved);
        // Before it was undone, marks had led them there.
        let as_if_held = hand.undone.and_then(|record| {
            let log: Vec<MarkEvent> = log.iter().filter(|event| !undoes(event, record)).cloned().collect();
            Chain::new(&log, model, &versions).expected_aliases(is_there)
        });
        let led = as_if_held.unwrap_or_default();
        let (own_before, own_best) = own.map_or((None, None), |own| (own.alias_before, own.version));
        for (i, alias, to, own) in [
            (1, &model.previous_alias, wanted.previous, [own_before, led.previous]),
            (0, &model.alias, wanted.best, [own_best, led.best]),
        ] {
            let now = known.alias(alias);
            let to = to.filter(|it| is_there(*it));
            if now == to {
                continue;
            }
            if (now.is_some() && own.contains(&now)) || (hand.moved[i] && chain.led_to(now)) {
                match put(store, model, alias, to).await {
                    Err(error) if is_refused(&error.kind) => done.refused.push((Some(alias.clone()), error)),
                    put => {
                        put?;
                        hand.moved[i] = true;
                        wrote = true;
                    }
                }
            } else if i == 0 {
                done.left = true;
            }
        }
    }
    // Whoever marks takes nothing away; and what an alias points to is somebody's.
    if wrote || hand.undone.is_none() {
        return Ok(wrote);
    }
    let mut left = versions.len();
    for version in versions.iter().filter(|version| chain.is_stale(version)) {
        if let Some(why) = kept_for(version, known) {
            done.kept.push((version.version, why));
            continue;
        }
        match ignore_missing(store.delete_model_version(&model.name, version.version).await) {
            Err(error) if is_refused(&error.kind) => done.refused.push((None, error)),
            deleted => {
                deleted?;
                done.deleted.push(version.version);
                left -= 1;
                wrote = true;
            }
        }
    }
    let is_blank = known.description.is_empty() && known.tags.is_empty();
    if left == 0 && is_blank && chain.made_model() && is_left_over(store, experiment, model).await? {
        match ignore_missing(store.delete_registered_model(&model.name).await) {
            Err(error) if is_refused(&error.kind) => done.refused.push((None, error)),
            deleted => deleted?,
        }
    }
    Ok(wrote)
}

fn undoes(event: &MarkEvent, record: &Record) -> bool {
    matches!(event, MarkEvent::Undone(undone) if undone.mark == record.id)
}

/// Why a version is somebody's by now.
fn kept_for(version: &ModelVersion, known: &RegisteredModel) -> Option<String> {
    let mut to_it = known.aliases.iter().filter(|(_, at)| *at == version.version);
    if let Some((alias, _)) = to_it.next() {
        return Some(format!("alias {alias} points to it"));
    }
    is_written_on(version).then(|| "it was edited since".to_owned())
}

/// Whether somebody has described, tagged or promoted a version that a mark made.
fn is_written_on(version: &ModelVersion) -> bool {
    let is_promoted = !matches!(version.current_stage.as_str(), "" | "None");
    is_promoted || !version.description.is_empty() || version.tags.iter().any(|tag| tag.key != VERSION_OF)
}

/// Whether nobody registered anything in a model since, or is about to.
async fn is_left_over(store: &Store, experiment: &ExperimentId, model: &Model) -> Result<bool> {
    let versions = store.model_versions(&model.name).await?;
    let log = shared(store, experiment, &model.name, &versions).await?.log;
    Ok(versions.is_empty() && Chain::new(&log, model, &versions).made_model())
}

fn ignore_missing(result: Result<()>) -> Result<()> {
    match result {
        // Somebody else was faster.
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Ok(()),
        result => result,
    }
}

async fn put(store: &Store, model: &Model, alias: &str, version: Option<u64>) -> Result<()> {
    ignore_missing(match version {
        Some(version) => store.set_model_alias(&model.name, alias, version).await,
        None => store.delete_model_alias(&model.name, alias).await,
    })
}
