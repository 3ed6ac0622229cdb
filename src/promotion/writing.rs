//! Writing a promotion, step by step: each write can be repeated, and what broke off is carried on.

use super::log::{Log, Promotion, VERSION_OF};
use super::plan::found;
use super::policy::Role;
use crate::mlflow::{ModelStage, RegisteredModel, RunId, Tag};
use crate::store::{ErrorKind, Result, Store, StoreError};

/// Somebody else who promotes all the time is not waited for for ever.
const ROUNDS: usize = 8;

/// What came of a promotion, or of undoing one.
#[derive(Debug, Clone, PartialEq)]
pub struct Promoted {
    /// As it was made, or taken back.
    pub promotion: Promotion,
    /// Whether it holds.
    pub holds: bool,
    /// In words.
    pub messages: Vec<String>,
}

fn refused(words: impl Into<String>) -> StoreError {
    StoreError::new("promote", ErrorKind::Invalid(words.into()))
}

/// Writes a promotion, or what is missing of one that broke off. `note` is told how far it has come.
///
/// # Errors
/// What the store says. [`ErrorKind::Invalid`], and [`is_outdated`], if the model is not as it was when this was planned; nothing
/// is written then.
pub async fn carry_out(
    store: &Store,
    promotion: &Promotion,
    mut note: impl FnMut(&Promotion) -> Result<()> + Send,
) -> Result<Promoted> {
    let mut promotion = promotion.clone();
    begin(store, &mut promotion).await?;
    note(&promotion)?;
    if promotion.version.is_none() {
        promotion.version = Some(registered(store, &promotion).await?);
        store.set_registered_model_tag(&promotion.model, &promotion.entry()).await?;
        note(&promotion)?;
    }
    // It may be gone by now; nothing points to what is not there.
    let version = promotion.version.unwrap_or_default();
    store.get_model_version(&promotion.model, version).await?;
    let mut left = align(store, &promotion).await?;
    promotion.done = true;
    store.set_registered_model_tag(&promotion.model, &promotion.entry()).await?;
    // Whoever came in between may have written what was true before.
    left.extend(align(store, &promotion).await?);
    left.dedup();
    let known = store.get_registered_model(&promotion.model).await?;
    let log = Log::of(&known.tags);
    let role = promotion.role();
    let holder = log.holder(&role);
    let is_last = holder.is_some_and(|holder| holder.id == promotion.id);
    let is_there = holds(store, &promotion, version).await?;
    let mut messages = Vec::new();
    match holder {
        Some(other) if !is_last => messages.push(format!(
            "{} promoted v{} to {role} meanwhile; that one holds",
            other.by,
            other.version.unwrap_or_default()
        )),
        None => {
            messages.push(format!("the promotion of {} v{version} was undone meanwhile", promotion.model));
        }
        Some(_) if !is_there => {
            messages
                .push(format!("{} v{version} is not {role}: somebody moved it meanwhile", promotion.model));
        }
        Some(_) => {
            let from = before(&promotion).map_or(String::new(), |from| format!(", which was v{from}"));
            messages.push(format!("{} v{version} is {role}{from}", promotion.model));
        }
    }
    messages.extend(left);
    Ok(Promoted { promotion, holds: is_last && is_there, messages })
}

/// Whether a version has the role of a promotion.
async fn holds(store: &Store, promotion: &Promotion, version: u64) -> Result<bool> {
    match promotion.role() {
        Role::Alias(alias) => {
            Ok(store.get_registered_model(&promotion.model).await?.alias(&alias) == Some(version))
        }
        Role::Stage(stage) => match store.get_model_version(&promotion.model, version).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Ok(false),
            known => Ok(known?.current_stage == stage.as_str()),
        },
    }
}

/// What is said where a model is not as it was when a promotion was planned.
const OUTDATED: &str = "the model has changed since this was planned; look again";

/// Whether a promotion was refused because the model is not as it was when it was planned: another plan may do.
pub fn is_outdated(error: &StoreError) -> bool {
    matches!(&error.kind, ErrorKind::Invalid(words) if words == OUTDATED)
}

/// Whether aliases, stages or promotions are other ones than when a promotion was planned.
async fn has_changed(
    store: &Store,
    promotion: &Promotion,
    known: &RegisteredModel,
    log: &Log,
) -> Result<bool> {
    let has_moved = |(alias, at): &(String, Option<u64>)| known.alias(alias) != *at;
    if log.newest() != promotion.follows || promotion.before.iter().any(has_moved) {
        return Ok(true);
    }
    if !promotion.is_stage {
        return Ok(false);
    }
    let versions = store.model_versions(&promotion.model).await?;
    Ok(versions.iter().any(|version| {
        let now = if version.current_stage.is_empty() { "None" } else { version.current_stage.as_str() };
        match promotion.stages.iter().find(|(number, _)| *number == version.version) {
            Some((_, then)) => now != then,
            None => now == promotion.role,
        }
    }))
}

fn before(promotion: &Promotion) -> Option<u64> {
    let of_stage =
        || promotion.stages.iter().map(|(version, _)| *version).find(|it| Some(*it) != promotion.version);
    if promotion.is_stage { of_stage() } else { promotion.alias_before(&promotion.role) }
}

/// Writes the entry in the log, with what is found then.
async fn begin(store: &Store, promotion: &mut Promotion) -> Result<()> {
    let known = match store.get_registered_model(&promotion.model).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) && promotion.version.is_none() => {
            match store.create_registered_model(&promotion.model).await {
                Err(error) if !matches!(error.kind, ErrorKind::AlreadyExists(_)) => return Err(error),
                _ => store.get_registered_model(&promotion.model).await?,
            }
        }
        known => known?,
    };
    let log = Log::of(&known.tags);
    if let Some(entry) = log.find(&promotion.id) {
        // As far as it had come.
        *promotion = entry.clone();
        return Ok(());
    }
    if has_changed(store, promotion, &known, &log).await? {
        return Err(refused(OUTDATED));
    }
    found(promotion, &known, &log);
    make_room(store, &promotion.model, &log).await?;
    store.set_registered_model_tag(&promotion.model, &promotion.entry()).await
}

/// Forgets the oldest promotions that are done, where a model has few tags.
async fn make_room(store: &Store, model: &str, log: &Log) -> Result<()> {
    let most = store.capabilities().model_tags / 4;
    let more = (log.promotions.len() + 1).saturating_sub(most);
    for old in log.promotions.iter().take(more).filter(|old| old.done) {
        if log.is_undone(&old.id) {
            store.delete_registered_model_tag(model, &old.undone("").key).await?;
        }
        store.delete_registered_model_tag(model, &old.entry().key).await?;
    }
    Ok(())
}

/// The version that is registered for a promotion; made, where there is none.
async fn registered(store: &Store, promotion: &Promotion) -> Result<u64> {
    let is_ours = |tag: &Tag| tag.key == VERSION_OF && tag.value == promotion.id;
    let versions = store.model_versions(&promotion.model).await?;
    // Somebody may have registered the same since.
    let run = promotion.run_id.as_deref().map(RunId::from);
    let is_same =
        versions.iter().find(|it| it.is_whole() && it.source == promotion.source && it.run_id == run);
    let made = versions.iter().find(|it| !it.has_failed() && it.tags.iter().any(is_ours)).or(is_same);
    if let Some(made) = made {
        store.complete_model_version(made).await?;
        return Ok(made.version);
    }
    let tag = Tag::new(VERSION_OF, promotion.id.clone());
    Ok(store.create_model_version(&promotion.model, &promotion.source, run.as_ref(), &[tag]).await?.version)
}

/// Brings aliases and stages in line with the log, until nothing is left to do; what somebody moved by hand stays, and is
/// told.
async fn align(store: &Store, mine: &Promotion) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for _ in 0..ROUNDS {
        let known = store.get_registered_model(&mine.model).await?;
        left.clear();
        if !round(store, mine, &known, &mut left).await? {
            break;
        }
    }
    Ok(left)
}

/// One round; true if something was written.
async fn round(
    store: &Store,
    mine: &Promotion,
    known: &RegisteredModel,
    left: &mut Vec<String>,
) -> Result<bool> {
    let log = Log::of(&known.tags);
    let role = mine.role();
    let is_undone = log.is_undone(&mine.id);
    let mut wrote = false;
    let expected = log.expected(&role);
    // Those further back first, so that nobody is forgotten on the way.
    let mut aliases: Vec<&String> = expected.keys().filter(|alias| **alias != mine.role).collect();
    let held = log.expected_if_held(&role, &mine.id);
    aliases.sort_by_key(|alias| std::cmp::Reverse((alias.len(), (*alias).clone())));
    for alias in aliases.into_iter().chain(expected.keys().filter(|alias| **alias == mine.role)) {
        let (now, to) = (known.alias(alias), expected[alias]);
        if now == to {
            continue;
        }
        if now.is_none()
            && let Some(version) = to
            && is_gone(store, &mine.model, version).await?
        {
            continue;
        }
        // One that somebody deleted stays deleted where the promotion is taken back.
        let is_deleted = is_undone && now.is_none() && held.get(alias).copied().flatten().is_some();
        let may = log.led_to(&role, alias, now) && !is_deleted;
        if may {
            let is_put = put(store, &mine.model, alias, to).await?;
            // Where the version is gone by now, nothing is what it was called.
            wrote |= is_put || (now.is_some() && put(store, &mine.model, alias, None).await?);
        } else {
            left.push(format!("@{alias} was moved by somebody else; left unchanged"));
        }
    }
    if let (Some(alias), Some(version)) = (&mine.leaves, mine.version) {
        let now = known.alias(alias);
        if !is_undone && now == Some(version) {
            wrote |= put(store, &mine.model, alias, None).await?;
        } else if is_undone && now.is_none() && mine.alias_before(alias) == Some(version) {
            wrote |= put(store, &mine.model, alias, Some(version)).await?;
        }
    }
    if let Role::Stage(_) = role {
        wrote |= stages(store, mine, &log, left).await?;
    }
    Ok(wrote)
}

async fn stages(store: &Store, mine: &Promotion, log: &Log, left: &mut Vec<String>) -> Result<bool> {
    let mut wrote = false;
    for (version, wanted, led) in log.expected_stages(&mine.role(), mine) {
        let known = match store.get_model_version(&mine.model, version).await {
            Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => continue,
            known => known?,
        };
        let now = if known.current_stage.is_empty() { "None" } else { known.current_stage.as_str() };
        let Ok(stage) = wanted.parse::<ModelStage>() else { continue };
        if now == wanted {
            continue;
        }
        // One that is registered for it has no stage yet.
        if led.iter().any(|led| led == now) || now == "None" && mine.version == Some(version) {
            match store.set_model_stage(&mine.model, version, stage, false).await {
                Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {}
                set => {
                    set?;
                    wrote = true;
                }
            }
        } else {
            left.push(format!("v{version} was moved to {now} by somebody else; left unchanged"));
        }
    }
    Ok(wrote)
}

async fn is_gone(store: &Store, model: &str, version: u64) -> Result<bool> {
    match store.get_model_version(model, version).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Ok(true),
        known => known.map(|_| false),
    }
}

/// Sets an alias, or takes it away; false where the version, or the alias, is gone.
async fn put(store: &Store, model: &str, alias: &str, version: Option<u64>) -> Result<bool> {
    let written = match version {
        Some(version) => store.set_model_alias(model, alias, version).await,
        None => store.delete_model_alias(model, alias).await,
    };
    match written {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Ok(false),
        written => written.map(|()| true),
    }
}

/// Whether a promotion is in the log of its model.
///
/// # Errors
/// If the store does not answer.
pub async fn is_in_log(store: &Store, promotion: &Promotion) -> Result<bool> {
    match store.get_registered_model(&promotion.model).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Ok(false),
        known => Ok(Log::of(&known?.tags).find(&promotion.id).is_some()),
    }
}

/// Takes a promotion back, or what is missing of that where it broke off. What a version was registered for stays.
///
/// # Errors
/// What the store says. [`ErrorKind::Invalid`] if somebody has promoted another version since, or moved this one; nothing
/// is written then.
pub async fn take_back(store: &Store, promotion: &Promotion, by: &str) -> Result<Promoted> {
    let known = store.get_registered_model(&promotion.model).await?;
    let log = Log::of(&known.tags);
    let role = promotion.role();
    if !log.is_undone(&promotion.id) {
        let undo = |words: &str| StoreError::new("undo the promotion", ErrorKind::Invalid(words.into()));
        if log.holder(&role).is_none_or(|holder| holder.id != promotion.id) {
            return Err(undo("somebody has promoted another version since"));
        }
        let is_moved = match &role {
            Role::Alias(alias) => known.alias(alias) != promotion.version,
            Role::Stage(stage) => {
                let version = promotion.version.unwrap_or_default();
                store.get_model_version(&promotion.model, version).await?.current_stage != stage.as_str()
            }
        };
        if is_moved {
            return Err(undo("somebody has moved it since"));
        }
    }
    withdraw(store, promotion, by).await
}

/// Takes a promotion back, whoever has moved what since: that stays.
///
/// # Errors
/// What the store says.
pub async fn withdraw(store: &Store, promotion: &Promotion, by: &str) -> Result<Promoted> {
    store.set_registered_model_tag(&promotion.model, &promotion.undone(by)).await?;
    let left = align(store, promotion).await?;
    let (model, role) = (&promotion.model, promotion.role());
    let version = promotion.version.unwrap_or_default();
    let again = match before(promotion) {
        Some(before) if holds(store, promotion, before).await? => format!("; v{before} is again"),
        Some(before) => format!("; v{before}, which was before, is not"),
        None => String::new(),
    };
    let mut messages = vec![format!("{model} v{version} is no longer {role}{again}")];
    messages.extend(left);
    Ok(Promoted { promotion: promotion.clone(), holds: false, messages })
}
