//! What a promotion would write, and what the gate says of it, before anything is written.

use super::facts::{Facts, facts, facts_of_new, read_nan};
use super::gate::{Verdict, judge, told_apart};
use super::log::{Log, Promotion, VERSION_OF};
use super::policy::{ModelPolicy, Role};
use crate::mlflow::filter::Asker;
use crate::mlflow::{ModelVersion, RegisteredModel, RunId};
use crate::registry::history::later_id;
use crate::registry::metric_of;
use crate::select::{MetricGoal, Patterns};
use crate::store::{ErrorKind, Result, Store, StoreError, if_there};
use crate::text::number;

/// Characters of a reason that are kept: MLflow 2 takes no long tags.
const WHY_CHARS: usize = 300;

/// A version that is still to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// Of the run that made the model.
    pub run: RunId,
    /// `models:/m-…`, or the address of a model artifact.
    pub source: String,
}

/// What to promote, and to what.
#[derive(Debug, Clone, PartialEq)]
pub struct PromotionRequest {
    /// The registered model.
    pub model: String,
    /// One of its versions, or one to be registered.
    pub version: std::result::Result<u64, NewVersion>,
    /// What it is promoted to.
    pub role: Role,
    /// What it must show.
    pub policy: ModelPolicy,
    /// It must beat the holder of the role, in some metric if the policy names none.
    pub must_beat: bool,
    /// The metric that both are compared by where the policy names none.
    pub compare_by: Option<MetricGoal>,
    /// The alias of the holder before, where it is an alias.
    pub first_earlier: String,
    /// The user who promotes.
    pub by: String,
    /// Milliseconds since the epoch.
    pub now: i64,
    /// Tells promotions of one millisecond apart.
    pub random: u32,
    /// The reason, in words.
    pub why: String,
}

/// A promotion that is decided, and not begun.
#[derive(Debug, Clone, PartialEq)]
pub struct PromotionPlan {
    /// What is to be written to the log.
    pub promotion: Promotion,
    /// The version that holds the role now.
    pub holder: Option<u64>,
    /// The version holds it already: there is nothing to write.
    pub is_held: bool,
    /// What the gate says.
    pub verdict: Verdict,
    /// The metric that both are compared by, and their values.
    pub measured: Option<(MetricGoal, Option<f64>, Option<f64>)>,
    /// The writes, in their order, in words.
    pub writes: Vec<String>,
}

impl PromotionPlan {
    /// The metric of both, in words.
    pub fn difference(&self) -> Option<String> {
        let (objective, own, other) = self.measured.as_ref()?;
        let told = |value: Option<f64>| value.map_or("unknown".to_owned(), number);
        let apart = own.zip(*other).map(|(own, other)| told_apart(own, other));
        let (own_value, other_value) = apart.unwrap_or_else(|| (told(*own), told(*other)));
        let metric = &objective.metric;
        let own_words = format!("{metric}: {own_value}");
        let Some(holder) = self.holder else { return Some(own_words) };
        let difference = own
            .zip(*other)
            .map_or(String::new(), |(own, other)| format!(", a difference of {}", number(own - other)));
        Some(format!("{own_words}, v{holder} has {other_value}{difference}"))
    }
}

fn invalid(words: impl Into<String>) -> StoreError {
    StoreError::new("promote", ErrorKind::Invalid(words.into()))
}

/// Plans a promotion, and judges the version. Patterns tell directions of metrics by their names. Nothing is written.
///
/// # Errors
/// If the model or the version is not there, the store has no aliases, or it does not answer.
pub async fn plan(store: &Store, request: &PromotionRequest, patterns: &Patterns) -> Result<PromotionPlan> {
    let PromotionRequest { model, role, policy, .. } = request;
    let known = match &request.version {
        Ok(_) => Some(store.get_registered_model(model).await?),
        Err(_) => if_there(store.get_registered_model(model).await)?,
    };
    if known.as_ref().is_some_and(RegisteredModel::is_prompt) {
        return Err(invalid(format!("{model} is a prompt")));
    }
    if matches!(role, Role::Alias(_)) && !store.has_aliases().await? {
        return Err(invalid("this store has no aliases (MLflow 2.3 does); promote to Production"));
    }
    if matches!(role, Role::Stage(_)) && !store.capabilities().stages {
        return Err(invalid("models in Unity Catalog have no stages; promote to an alias, such as champion"));
    }
    if let Err(new) = &request.version {
        store.check_registering(model, &new.source).await?;
    }
    let metric =
        policy.metric.as_ref().or(request.compare_by.as_ref()).map(|objective| objective.metric.as_str());
    let mut candidate = match &request.version {
        Ok(version) => {
            let version = store.get_model_version(model, *version).await?;
            facts(store, &version, metric).await?
        }
        Err(new) => facts_of_new(store, &new.run, &new.source, metric).await?,
    };
    let known = known.unwrap_or_else(|| RegisteredModel { name: model.clone(), ..Default::default() });
    let in_stage = in_stage(store, &known, role).await?;
    let holder = match role {
        Role::Alias(alias) => match known.alias(alias) {
            Some(version) => if_there(store.get_model_version(model, version).await)?,
            None => None,
        },
        Role::Stage(_) => in_stage.iter().max_by_key(|version| version.version).cloned(),
    };
    let is_held = candidate.version.is_some()
        && match role {
            Role::Alias(alias) => known.alias(alias) == candidate.version,
            Role::Stage(stage) => candidate.stage == stage.as_str() && in_stage.len() == 1,
        };
    let mut held = match &holder {
        Some(holder) => Some(facts(store, holder, metric).await?),
        None => None,
    };
    let mut judged_by = policy.clone();
    judged_by.constraint = policy.constraint.at(Asker { now: request.now, user: &request.by }).into();
    let usual =
        || metric_of(&[candidate.origin(), held.as_ref().map(Facts::origin).unwrap_or_default()], patterns);
    let objective = policy.metric.clone().or_else(|| request.compare_by.clone()).or_else(usual);
    if let (Some(objective), None) = (&objective, metric) {
        // What MLflow keeps as 0 may be NaN.
        for facts in std::iter::once(&mut candidate).chain(&mut held) {
            read_nan(store, facts, &objective.metric).await?;
        }
    }
    if request.must_beat {
        if objective.is_none() {
            return Err(invalid("no metric tells which version is better; name one with --metric"));
        }
        judged_by.metric.clone_from(&objective);
    }
    let verdict = judge(&judged_by, role, &candidate, held.as_ref());
    let measured = objective.map(|objective| {
        let checked = verdict.checks.iter().find(|check| check.of.kind() == "better");
        let metric = objective.metric.clone();
        let own = checked.map_or_else(|| candidate.value(&metric), |check| check.own);
        let other =
            held.as_ref().and_then(|held| checked.map_or_else(|| held.value(&metric), |check| check.other));
        (objective, own, other)
    });
    let promotion = promotion(request, &known, &candidate, &in_stage, &verdict);
    let writes = words(&promotion, &known);
    let holder = holder.map(|holder| holder.version);
    Ok(PromotionPlan { promotion, holder, is_held, verdict, measured, writes })
}

/// The versions that are in the stage of a role.
async fn in_stage(store: &Store, known: &RegisteredModel, role: &Role) -> Result<Vec<ModelVersion>> {
    let Role::Stage(stage) = role else { return Ok(Vec::new()) };
    if !known.latest.iter().any(|(name, _)| name == stage.as_str()) {
        return Ok(Vec::new());
    }
    let mut versions = store.model_versions(&known.name).await?;
    versions.retain(|version| version.current_stage == stage.as_str());
    Ok(versions)
}

fn promotion(
    request: &PromotionRequest,
    known: &RegisteredModel,
    candidate: &Facts,
    in_stage: &[ModelVersion],
    verdict: &Verdict,
) -> Promotion {
    let PromotionRequest { role, policy, .. } = request;
    let log = Log::of(&known.tags);
    let leaves = match policy.comes_from(role) {
        Some(Role::Alias(alias)) if candidate.aliases.contains(alias) => Some(alias.clone()),
        _ => None,
    };
    let mut stages = Vec::new();
    if let Role::Stage(_) = role {
        let own = if candidate.stage.is_empty() { "None" } else { candidate.stage.as_str() };
        stages.extend(candidate.version.map(|version| (version, own.to_owned())));
        let others = in_stage.iter().filter(|it| Some(it.version) != candidate.version);
        stages.extend(others.map(|it| (it.version, it.current_stage.clone())));
    }
    let gate = if verdict.checks.is_empty() { "" } else { verdict.outcome().as_str() };
    let new = request.version.as_ref().err();
    let mut promotion = Promotion {
        id: later_id(log.newest(), request.now, request.random),
        model: request.model.clone(),
        version: candidate.version,
        source: new.map_or_else(String::new, |new| new.source.clone()),
        run_id: new.map(|new| new.run.0.clone()),
        role: role.name().to_owned(),
        is_stage: matches!(role, Role::Stage(_)),
        earlier: policy.earlier(role, &request.first_earlier),
        leaves,
        before: Vec::new(),
        stages,
        follows: String::new(),
        open: Vec::new(),
        by_hand: false,
        by: request.by.clone(),
        at: request.now,
        why: request.why.chars().take(WHY_CHARS).collect(),
        gate: gate.to_owned(),
        done: false,
    };
    found(&mut promotion, known, &log);
    promotion
}

/// Notes what a promotion finds.
pub(super) fn found(promotion: &mut Promotion, known: &RegisteredModel, log: &Log) {
    let role = (!promotion.is_stage).then_some(&promotion.role);
    let aliases = role.into_iter().chain(&promotion.earlier).chain(&promotion.leaves);
    promotion.before = aliases.map(|alias| (alias.clone(), known.alias(alias))).collect();
    log.newest().clone_into(&mut promotion.follows);
    promotion.open = log.open(promotion.at);
    promotion.by_hand = log.is_by_hand(&promotion.role(), promotion.alias_before(&promotion.role));
}

fn words(promotion: &Promotion, known: &RegisteredModel) -> Vec<String> {
    let model = &promotion.model;
    // What matters most to others stands first: who gets the role.
    let mut writes = moves(promotion, known);
    if known.creation_time.is_none() && known.latest.is_empty() && promotion.version.is_none() {
        writes.push(format!("registry: create model {model}, unless it is there"));
    }
    writes.push(format!("model {model}: set tag {}", promotion.entry().key));
    if promotion.version.is_none() {
        writes
            .push(format!("registry: add a version of {model} from {}, tag {VERSION_OF}", promotion.source));
    }
    writes
}

/// Which aliases and stages go where, the role itself first.
fn moves(promotion: &Promotion, known: &RegisteredModel) -> Vec<String> {
    let model = &promotion.model;
    let mut writes = Vec::new();
    let told = |version: Option<u64>| version.map_or("none".to_owned(), |version| format!("v{version}"));
    let own = promotion.version.map_or("the new version".to_owned(), |version| format!("v{version}"));
    let mut log = Log::of(&[promotion.entry()]);
    // The number of a version that is still to be registered is not known.
    let new = u64::MAX;
    log.promotions[0].version = Some(promotion.version.unwrap_or(new));
    let expected = log.expected(&promotion.role());
    let names = |version: Option<u64>| if version == Some(new) { own.clone() } else { told(version) };
    let role = (!promotion.is_stage).then_some(&promotion.role);
    for alias in role.into_iter().chain(promotion.earlier.iter().rev()) {
        let to = expected.get(alias).copied().flatten();
        if to != known.alias(alias) {
            let from = told(known.alias(alias));
            writes.push(format!("@{alias} of {model}: from {from} to {}", names(to)));
        }
    }
    if let Some(alias) = &promotion.leaves {
        writes.push(format!("@{alias} of {model}: from {own} to none"));
    }
    if promotion.is_stage {
        let own_stage = promotion.stages.iter().find(|(version, _)| Some(*version) == promotion.version);
        let from = own_stage.map_or("None", |(_, stage)| stage.as_str());
        writes.push(format!("stage of {model} {own}: from {from} to {}", promotion.role));
        for (version, stage) in promotion.stages.iter().filter(|(it, _)| Some(*it) != promotion.version) {
            writes.push(format!("stage of {model} v{version}: from {stage} to Archived"));
        }
    }
    writes
}
