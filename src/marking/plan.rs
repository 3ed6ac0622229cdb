//! What a mark would write, before anything is written.

use super::checkpoint::ModelBy;
use super::model::ModelSource;
use super::record::{Model, Record, VERSION_OF, events, holder, is_mark};
use super::{model, record, shared};
use crate::mlflow::{Experiment, ExperimentId, RunId};
use crate::store::{ErrorKind, Result, Store};

/// Under which name and alias a model is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Of the registered model.
    pub name: String,
    /// Points to the version of the newest mark.
    pub alias: String,
    /// Points to what the alias pointed to before.
    pub previous_alias: String,
}

/// Whom to mark, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkRequest {
    /// Of the run.
    pub experiment: ExperimentId,
    /// The run to mark.
    pub run: RunId,
    /// What the run was chosen by; empty where it was chosen by hand.
    pub metric: String,
    /// Its value of that.
    pub value: Option<f64>,
    /// `min` or `max`.
    pub direction: String,
    /// `latest`, `best`, `last:5`.
    pub value_of: String,
    /// The reason, in words.
    pub why: String,
    /// The user who marks.
    pub by: String,
    /// Milliseconds since the epoch.
    pub now: i64,
    /// Tells marks of one millisecond apart.
    pub random: u32,
    /// By what one of several models of the run is chosen.
    pub model_by: Option<ModelBy>,
    /// Nothing is registered without it.
    pub registration: Option<Registration>,
}

/// A mark that is decided, and not begun.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkPlan {
    /// As it was when this was planned.
    pub experiment: Experiment,
    /// What is to be written to the log.
    pub record: Record,
    /// The writes, in their order, in words.
    pub writes: Vec<String>,
}

pub async fn plan(store: &Store, request: &MarkRequest) -> Result<MarkPlan> {
    let experiment = store.get_experiment(&request.experiment).await?;
    let run = store.get_run(&request.run).await?;
    let log = events(&experiment.tags);
    let elsewhere = match &request.registration {
        Some(registration) => shared::newest(store, &request.experiment, &registration.name).await?,
        None => None,
    };
    let newest = log.last().map(|event| event.id().to_owned()).max(elsewhere);
    let mut record = Record {
        id: later_id(newest.as_deref().unwrap_or_default(), request),
        run_id: request.run.0.clone(),
        run_name: run.info.run_name.clone(),
        metric: request.metric.clone(),
        value: request.value,
        direction: request.direction.clone(),
        value_of: request.value_of.clone(),
        by: request.by.clone(),
        at: request.now,
        why: request.why.clone(),
        model: None,
        note: None,
        done: false,
    };
    let mut writes = vec![
        format!("experiment {}: set tag {}", experiment.name, record.entry().key),
        format!("run {}: set {}", record.run_name, keys(&record)),
    ];
    if let Some(holder) = holder(&log).filter(|holder| holder.run_id != record.run_id) {
        writes.push(format!("run {}: remove the tags of its mark", holder.run_name));
    }
    let stale = run.tags.iter().any(|tag| is_mark(&tag.key));
    if stale {
        writes.push(format!("run {}: replace the tags of its earlier mark", record.run_name));
    }
    writes.push(format!("experiment {}: set {} = {}", experiment.name, record::MARK, record.run_id));
    if let Some(registration) = &request.registration {
        match model::source(store, &run, request.model_by.as_ref()).await? {
            Err(note) => record.note = Some(note),
            Ok(source) => registered(store, registration, source, &mut record, &mut writes).await?,
        }
    }
    Ok(MarkPlan { experiment, record, writes })
}

/// An id behind all that are there, also where another clock is ahead of this one.
fn later_id(newest: &str, request: &MarkRequest) -> String {
    let own = record::new_id(request.now, request.random);
    if own.as_str() > newest {
        return own;
    }
    let time = newest.split('-').next().and_then(|time| time.parse::<i64>().ok()).unwrap_or(request.now);
    record::new_id(time.saturating_add(1), request.random)
}

fn keys(record: &Record) -> String {
    let tags = record.run_tags();
    let value = |key: &str| tags.iter().find(|tag| tag.key.ends_with(key)).map(|tag| tag.value.clone());
    match (value(".metric"), value(".value")) {
        (Some(metric), Some(value)) => {
            format!("{} tags: {}, {metric} = {value}, …", tags.len(), record::MARK)
        }
        _ => format!("{} tags: {}, …", tags.len(), record::MARK),
    }
}

async fn registered(
    store: &Store,
    registration: &Registration,
    source: ModelSource,
    record: &mut Record,
    writes: &mut Vec<String>,
) -> Result<()> {
    let Registration { name, alias, previous_alias } = registration.clone();
    let mut is_hidden = false;
    let known = match store.get_registered_model(&name).await {
        Ok(model) if model.is_prompt() => {
            record.note = Some(format!("not registered: {}", taken_by_prompt(&name)));
            return Ok(());
        }
        Ok(model) => Some(model),
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => None,
        // Who may not read it may still be allowed to register: a server tells no more of a model that is not there.
        Err(error) if matches!(error.kind, ErrorKind::Forbidden(_) | ErrorKind::Denied(_)) => {
            is_hidden = true;
            None
        }
        Err(error) if is_refused(&error.kind) => {
            record.note = Some(format!("not registered: {}", error.kind));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let versions = match known {
        Some(_) => store.model_versions(&name).await?,
        None => Vec::new(),
    };
    let found = versions.iter().find(|version| version.is_whole() && source.is_of(version));
    let existing = found.map(|version| version.version);
    if existing.is_none()
        && let Err(error) = store.check_registering(&name, &source.address).await
    {
        if !matches!(error.kind, ErrorKind::Invalid(_)) && !is_refused(&error.kind) {
            return Err(error);
        }
        record.note = Some(format!("not registered: {}", error.kind));
        return Ok(());
    }
    let points_to = |alias: &str| known.as_ref().and_then(|model| model.alias(alias));
    let alias_before = points_to(&alias).filter(|version| existing != Some(*version));
    let model = Model {
        created_model: known.is_none() && !is_hidden,
        created_version: existing.is_none(),
        version: existing,
        previous_before: points_to(&previous_alias),
        alias_before,
        follows: None,
        older: None,
        alone: false,
        beside: Vec::new(),
        amid: false,
        by_hand: false,
        moved: false,
        unaliased: !store.has_aliases().await?,
        name,
        // A version that is there may name the same in another way.
        source: found.map_or(source.address, |version| version.source.clone()),
        why: source.why,
        of: source.of,
        alias,
        previous_alias,
    };
    if !model.why.is_empty() {
        writes.push(format!("model: {}", model.why));
    }
    if model.created_model {
        writes.push(format!("registry: create model {}", model.name));
    } else if is_hidden {
        writes.push(format!("registry: create model {}, unless one exists that you cannot read", model.name));
    }
    match existing {
        Some(version) => {
            writes.push(format!("registry: version {version} of {} is already this model", model.name));
        }
        None => {
            writes.push(format!(
                "registry: add a version of {} from {}, tag {VERSION_OF}",
                model.name, model.source
            ));
        }
    }
    let from = if is_hidden { String::new() } else { format!("from {} ", told(points_to(&model.alias))) };
    aliased(&model, points_to(&model.alias), &from, writes);
    record.model = Some(model);
    Ok(())
}

fn told(version: Option<u64>) -> String {
    version.map_or("none".to_owned(), |version| format!("v{version}"))
}

/// Where aliases go, in the words of a promotion; `now` and `from` are of the champion's.
fn aliased(model: &Model, now: Option<u64>, from: &str, writes: &mut Vec<String>) {
    if model.unaliased {
        writes.push("registry: no alias, as this store does not support them (MLflow 2.3 does)".to_owned());
        return;
    }
    let name = &model.name;
    if let Some(before) = model.alias_before.filter(|before| Some(*before) != model.previous_before) {
        let from = told(model.previous_before);
        writes.push(format!("@{} of {name}: from {from} to v{before}", model.previous_alias));
    }
    let own = model.version.map_or("the new version".to_owned(), |version| format!("v{version}"));
    let champion = if now.is_some() && now == model.version {
        format!("@{} of {name}: {own} already", model.alias)
    } else {
        format!("@{} of {name}: {from}to {own}", model.alias)
    };
    // What matters most to others stands first.
    writes.insert(0, champion);
}

pub fn taken_by_prompt(name: &str) -> String {
    format!(
        "{name} is a prompt in the registry: register under another name (--register NAME, or model_name)"
    )
}

/// The registry is not there, or not for this user: what can be done without it is done all the same.
pub fn is_refused(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unsupported(_)
            | ErrorKind::Forbidden(_)
            | ErrorKind::Denied(_)
            | ErrorKind::Invalid(_)
            | ErrorKind::Limit(_)
            | ErrorKind::Unauthorized
            | ErrorKind::Withheld(_)
    )
}
