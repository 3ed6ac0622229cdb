//! The gate: whether a version may be promoted, check by check, each with its numbers. Pure.

use super::facts::{Facts, Measured};
use super::policy::{ModelPolicy, Required, Role};
use crate::mlflow::filter::{Asker, Attribute, Clause, Field, Filter, in_words};
use crate::mlflow::{Param, Run, Tag};
use crate::select::margin::is_better_by;
use crate::select::{Goal, MetricGoal};
use crate::text::{exact, number};

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It cannot be told.
    Unknown,
    /// It does not hold.
    Failed,
}

impl Outcome {
    /// `passed`, `unknown`, `failed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
        }
    }

    fn of(holds: bool) -> Self {
        if holds { Self::Passed } else { Self::Failed }
    }
}

/// What is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOf {
    /// The version holds the role below.
    Role(String),
    /// It beats the holder of the role in this metric.
    Better(String),
    /// Both were measured on the same data set.
    Data,
    /// It has a tag.
    Tag(String),
    /// It has a param.
    Param(String),
    /// Its run matches a part of the constraint.
    Where(String),
}

impl CheckOf {
    /// `role`, `better`, `data`, `tag`, `param`, `where`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Role(_) => "role",
            Self::Better(_) => "better",
            Self::Data => "data",
            Self::Tag(_) => "tag",
            Self::Param(_) => "param",
            Self::Where(_) => "where",
        }
    }

    /// The role, metric, tag, param or field; empty where there is only one.
    pub fn name(&self) -> &str {
        match self {
            Self::Data => "",
            Self::Role(name)
            | Self::Better(name)
            | Self::Tag(name)
            | Self::Param(name)
            | Self::Where(name) => name,
        }
    }
}

/// A check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What is checked.
    pub of: CheckOf,
    /// What came of it.
    pub outcome: Outcome,
    /// The reason, with the numbers.
    pub words: String,
    /// The version's own number.
    pub own: Option<f64>,
    /// The holder's.
    pub other: Option<f64>,
}

/// All checks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// In the order of the policy.
    pub checks: Vec<Check>,
}

impl Verdict {
    /// Failed if any check is; else unknown if any is.
    pub fn outcome(&self) -> Outcome {
        self.checks.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Passed)
    }

    /// Whether nothing is against it.
    pub fn is_passed(&self) -> bool {
        self.outcome() == Outcome::Passed
    }

    /// A line for each check.
    pub fn lines(&self) -> Vec<String> {
        self.checks.iter().map(|check| format!("{}: {}", check.outcome.as_str(), check.words)).collect()
    }

    /// What is against it, in a sentence.
    pub fn against(&self) -> String {
        let against = self.checks.iter().filter(|check| check.outcome != Outcome::Passed);
        against.map(|check| check.words.as_str()).collect::<Vec<_>>().join("; ")
    }
}

/// Judges a version; none holds the role where there is no `holder`.
pub fn judge(policy: &ModelPolicy, role: &Role, candidate: &Facts, holder: Option<&Facts>) -> Verdict {
    let mut checks = Vec::new();
    if let Some(from) = policy.comes_from(role) {
        checks.push(of_role(from, candidate));
    }
    if let Some(objective) = &policy.metric {
        checks.extend(of_metric(policy, objective, role, candidate, holder));
    }
    checks.extend(policy.tags.iter().map(|required| of_tag(required, candidate)));
    checks.extend(policy.params.iter().map(|required| of_param(required, candidate)));
    let constraint = policy.constraint.at(Asker::default());
    checks.extend(constraint.clauses.iter().map(|clause| of_clause(clause, candidate)));
    checks.extend(constraint.alternatives.iter().map(|any| of_any(any, candidate)));
    Verdict { checks }
}

/// Whether it beats the holder, and whether both were measured on the same data where that is asked for.
fn of_metric(
    policy: &ModelPolicy,
    objective: &MetricGoal,
    role: &Role,
    candidate: &Facts,
    holder: Option<&Facts>,
) -> Vec<Check> {
    let metric = objective.metric.as_str();
    let own = candidate.value(metric);
    let Some(holder) = holder else {
        return vec![first(objective, role, (&candidate.name(), own))];
    };
    let (data, common) = if policy.same_data {
        let (check, common) = same_data(policy, objective, candidate, holder);
        (Some(check), common)
    } else {
        (None, None)
    };
    let values = common.as_ref().map_or((own, holder.value(metric)), |it| (Some(it.own), Some(it.other)));
    let names = (candidate.name(), format!("{} ({role})", holder.name()));
    let mut check = better(objective, policy.min_delta, (&names.0, values.0), (&names.1, values.1));
    if let Some(common) = &common {
        check.words += &format!(", on {}", on_set(&common.data));
    }
    std::iter::once(check).chain(data).collect()
}

fn of_role(from: &Role, candidate: &Facts) -> Check {
    let holds = match from {
        Role::Alias(alias) => candidate.aliases.contains(alias),
        Role::Stage(stage) => candidate.stage.eq_ignore_ascii_case(stage.as_str()),
    };
    let verb = if holds { "is" } else { "is not" };
    let words = format!("{} {verb} {from}", candidate.name());
    check(CheckOf::Role(from.name().to_owned()), Outcome::of(holds), words)
}

fn check(of: CheckOf, outcome: Outcome, words: String) -> Check {
    Check { of, outcome, words, own: None, other: None }
}

/// Nobody is to be beaten, but a value has to be there.
fn first(objective: &MetricGoal, role: &Role, (name, own): (&str, Option<f64>)) -> Check {
    let metric = &objective.metric;
    let (outcome, words) = match own {
        None => (Outcome::Unknown, format!("{name} has no {metric}")),
        Some(own) if !own.is_finite() => (Outcome::Failed, format!("{name} has {metric} {}", exact(own))),
        Some(own) => {
            (Outcome::Passed, format!("{name} has {metric} {}, and no version is {role}", number(own)))
        }
    };
    Check { own, ..check(CheckOf::Better(metric.clone()), outcome, words) }
}

/// Whether one value beats another, by `least` at least; each with the name of whose it is.
pub fn better(
    objective: &MetricGoal,
    least: f64,
    (name, own): (&str, Option<f64>),
    (held, other): (&str, Option<f64>),
) -> Check {
    let metric = &objective.metric;
    let (outcome, words) = match (own, other) {
        (None, _) => (Outcome::Unknown, format!("{name} has no {metric}")),
        (Some(own), _) if !own.is_finite() => {
            (Outcome::Failed, format!("{name} has {metric} {}", exact(own)))
        }
        (Some(_), None) => (Outcome::Unknown, format!("{held} has no {metric} to compare with")),
        (Some(own), Some(other)) => {
            // Whatever is a number is better than what is none.
            let is_better = !other.is_finite() || is_better_by(objective.goal, own, other, least);
            let (own_words, other_words) = told_apart(own, other);
            let both = format!("{name} has {metric} {own_words}, {held} has {other_words}");
            (Outcome::of(is_better), format!("{both}{}", apart(objective, own, other, least)))
        }
    };
    Check { own, other, ..check(CheckOf::Better(metric.clone()), outcome, words) }
}

/// Two values with as many digits as tell them apart.
pub(super) fn told_apart(own: f64, other: f64) -> (String, String) {
    let short = (number(own), number(other));
    let long = (exact(own), exact(other));
    if short.0 != short.1 || long.0 == long.1 { short } else { long }
}

fn apart(objective: &MetricGoal, own: f64, other: f64, least: f64) -> String {
    if !other.is_finite() {
        return String::new();
    }
    let difference = (own - other).abs();
    let wanted = if least > 0.0 { format!("; {} is required", exact(least)) } else { String::new() };
    if difference == 0.0 {
        return format!(": the same{wanted}");
    }
    let is_ahead = is_better_by(objective.goal, own, other, 0.0);
    let verb = if is_ahead { "better" } else { "worse" };
    format!(": {verb} by {}{wanted}", number(difference))
}

/// What a data set is called in a sentence.
fn on_set((digest, name): &(String, String)) -> String {
    format!("data set {name} ({digest})")
}

/// Whether both have a value on one data set at least, and on which: of all that both were measured on the one where the version
/// does worst, so that it is better on each where it is better there.
fn same_data(
    policy: &ModelPolicy,
    objective: &MetricGoal,
    candidate: &Facts,
    holder: &Facts,
) -> (Check, Option<Common>) {
    let metric = &objective.metric;
    let (own, other) = (candidate.measured(metric), holder.measured(metric));
    let common: Vec<Common> = own
        .iter()
        .filter_map(|a| {
            let data = a.data.clone()?;
            let b = other.iter().find(|b| b.data.as_ref().is_some_and(|it| it.0 == data.0))?;
            Some(Common { data, own: a.value, other: b.value })
        })
        .collect();
    if !common.is_empty() {
        let sets = common.iter().map(|it| on_set(&it.data)).collect::<Vec<_>>().join(", ");
        let words = format!("both were measured on {sets}");
        let rank = |it: &Common| it.rank(objective.goal, policy.min_delta);
        let worst = common.into_iter().min_by(|a, b| {
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        return (check(CheckOf::Data, Outcome::Passed, words), worst);
    }
    let digest = |it: &Measured| it.data.as_ref().map(|(digest, _)| digest.clone());
    let sets = |all: &[Measured]| all.iter().filter_map(digest).collect::<Vec<_>>().join(", ");
    for (of, all) in [(candidate, &own), (holder, &other)] {
        if all.iter().all(|it| it.data.is_none()) {
            let words = format!("no data set is logged for {metric} of {}", of.name());
            return (check(CheckOf::Data, Outcome::Unknown, words), None);
        }
    }
    let words = format!(
        "other data sets: {} has {}, {} has {}",
        candidate.name(),
        sets(&own),
        holder.name(),
        sets(&other)
    );
    (check(CheckOf::Data, Outcome::Failed, words), None)
}

/// A data set that both were measured on, and what they are worth there.
struct Common {
    data: (String, String),
    own: f64,
    other: f64,
}

impl Common {
    /// The lower, the worse for the version: whether it is better, and by how much.
    fn rank(&self, goal: Goal, least: f64) -> (bool, f64) {
        if !self.own.is_finite() {
            return (false, f64::NEG_INFINITY);
        }
        if !self.other.is_finite() {
            return (true, f64::INFINITY);
        }
        let ahead = match goal {
            Goal::Minimize => self.other - self.own,
            Goal::Maximize => self.own - self.other,
        };
        (is_better_by(goal, self.own, self.other, least), ahead)
    }
}

/// Something of a version that must be there. What could have it and is gone tells nothing.
fn required(of: CheckOf, kind: &str, required: &Required, found: Option<&str>, is_gone: bool) -> Check {
    let key = &required.key;
    let (outcome, words) = match (found, &required.value) {
        (Some(found), Some(wanted)) if found != wanted => {
            (Outcome::Failed, format!("{kind} {key} is {found:?}, not {wanted:?}"))
        }
        (Some(found), _) => (Outcome::Passed, format!("{kind} {key} is {found:?}")),
        (None, _) if is_gone => (Outcome::Unknown, format!("{kind} {key}: its run cannot be read")),
        (None, _) => (Outcome::Failed, format!("{kind} {key} is missing")),
    };
    check(of, outcome, words)
}

fn of_tag(wanted: &Required, candidate: &Facts) -> Check {
    let of = |tags: &[Tag]| tags.iter().find(|tag| tag.key == wanted.key).map(|tag| tag.value.clone());
    let found = of(&candidate.tags).or_else(|| candidate.run.as_ref().and_then(|run| of(&run.tags)));
    let kind = CheckOf::Tag(wanted.key.clone());
    required(kind, "tag", wanted, found.as_deref(), candidate.run.is_none())
}

fn of_param(wanted: &Required, candidate: &Facts) -> Check {
    let of =
        |params: &[Param]| params.iter().find(|param| param.key == wanted.key).map(|it| it.value.clone());
    let model = candidate.model.as_ref().and_then(|model| of(&model.params));
    let found = model.or_else(|| candidate.run.as_ref().and_then(|run| of(&run.params)));
    let kind = CheckOf::Param(wanted.key.clone());
    required(kind, "param", wanted, found.as_deref(), candidate.run.is_none())
}

fn of_clause(clause: &Clause, candidate: &Facts) -> Check {
    let of = CheckOf::Where(clause.field.to_string());
    let Some(run) = &candidate.run else {
        return check(of, Outcome::Unknown, format!("{}: its run cannot be read", clause.field));
    };
    let has = told_of(run, &clause.field);
    let own = match &clause.field {
        Field::Metric(key) => run.metrics.iter().find(|metric| metric.key == *key).map(|it| it.value),
        _ => None,
    };
    let passes = clause.matches(run);
    let told = has.unwrap_or_else(|| "missing".into());
    let verb = if passes { "passes" } else { "does not pass" };
    let words = format!("{} is {told}, which {verb} {}", clause.field, clause.test);
    Check { own, ..check(of, Outcome::of(passes), words) }
}

/// Conditions of which one has to hold.
fn of_any(any: &[Filter], candidate: &Facts) -> Check {
    let wanted = in_words(any);
    let of = CheckOf::Where(wanted.clone());
    let Some(run) = &candidate.run else {
        return check(of, Outcome::Unknown, format!("{wanted}: its run cannot be read"));
    };
    let mut has = Vec::new();
    for field in any.iter().flat_map(Filter::fields) {
        let told = told_of(run, field).unwrap_or_else(|| "missing".into());
        let words = format!("{field} is {told}");
        if !has.contains(&words) {
            has.push(words);
        }
    }
    let passes = any.iter().any(|filter| filter.matches(run));
    let verb = if passes { "passes" } else { "does not pass" };
    check(of, Outcome::of(passes), format!("{}, which {verb} {wanted}", has.join(", ")))
}

/// What a run has, in words.
fn told_of(run: &Run, field: &Field) -> Option<String> {
    match field {
        Field::Metric(key) => run.metrics.iter().find(|metric| metric.key == *key).map(|it| exact(it.value)),
        field => text_of(run, field),
    }
}

fn text_of(run: &Run, field: &Field) -> Option<String> {
    match field {
        Field::Param(key) => run.params.iter().find(|param| param.key == *key).map(|it| it.value.clone()),
        Field::Tag(key) => run.tag(key).map(str::to_owned),
        Field::Attribute(attribute) => match attribute {
            Attribute::RunId => Some(run.info.run_id.0.clone()),
            Attribute::RunName => Some(run.info.run_name.clone()),
            Attribute::Status => Some(run.info.status.as_str().to_owned()),
            Attribute::UserId => Some(run.info.user_id.clone()),
            Attribute::ArtifactUri => Some(run.info.artifact_uri.clone()),
            Attribute::StartTime => run.info.start_time.map(|time| time.to_string()),
            Attribute::EndTime => run.info.end_time.map(|time| time.to_string()),
        },
        Field::Metric(_) | Field::Dataset(_) => None,
    }
}
