//! `mltui promote MODEL`: promotes a version to an alias or a stage, if the gate lets it through.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::choosing::{self, PolicyFlags};
use super::finding::find_run;
use super::mark_best::finish_interrupted;
use super::metric_names::{missing_or, no_metric};
use super::output::print_json;
use super::reading::newest;
use super::{Failure, best, find_experiment, open};
use crate::config::Settings;
use crate::marking::{self, Journal, ModelBy};
use crate::mlflow::limits::check_model_name;
use crate::mlflow::{ModelStage, ModelVersion, RunId};
use crate::promotion::{self, Log, ModelPolicy, NewVersion, PromotionPlan, PromotionRequest, Role, Verdict};
use crate::registry::aliased;
use crate::select::{Goal, MetricGoal, reason};
use crate::sheet::json_number;
use crate::store::{ErrorKind, Store, now_ms};
use crate::text;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are")]
pub struct Arguments {
    /// Name of the registered model
    model: String,
    /// The version to promote [default: the one that holds the role below, if the config file has roles for the model]
    #[arg(long, value_name = "N", conflicts_with_all = ["run", "best"])]
    version: Option<u64>,
    /// Promote the version of this run, which is registered if there is none
    #[arg(long, value_name = "RUN", conflicts_with = "best")]
    run: Option<String>,
    /// Promote the version of the best run of this experiment, which is registered if there is none
    #[arg(long, value_name = "EXPERIMENT")]
    best: Option<String>,
    /// Register the model of the run under MODEL even if it is registered under another name
    #[arg(long, conflicts_with = "version")]
    register: bool,
    /// What to promote to: an alias such as champion, or Staging or Production
    #[arg(long, value_name = "ROLE")]
    to: String,
    /// Promote only a version that beats the holder of the role; otherwise exit with code 4
    #[arg(long)]
    if_better: bool,
    /// Minimum improvement, instead of the configured one
    #[arg(long, value_name = "X", requires = "if_better")]
    min_delta: Option<f64>,
    /// The metric to compare and choose by, instead of the configured one; append :min or :max if its name does not imply
    /// the direction
    #[arg(long, value_name = "METRIC")]
    metric: Option<String>,
    /// Promote even if the gate does not pass
    #[arg(long, conflicts_with = "if_better")]
    force: bool,
    /// Print what the gate says and what would be written, without writing
    #[arg(long)]
    dry_run: bool,
    /// Undo the last promotion to the role
    #[arg(long, conflicts_with_all = ["version", "run", "best", "if_better", "force", "dry_run", "register"])]
    undo: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How often it is looked again where others promote at the same time.
const TRIES: usize = 5;

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let usage = |what: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("{what}: {error}"));
    let role = Role::parse(&arguments.to).map_err(|error| usage("--to", &error))?;
    if let Role::Alias(alias) = &role
        && !arguments.to.starts_with('@')
        && alias.parse::<ModelStage>().is_ok()
    {
        let words = "a version is not promoted to that stage; @NAME is an alias of that name";
        return Err(usage("--to", &words));
    }
    check_model_name(&arguments.model).map_err(|error| usage("MODEL", &error))?;
    if arguments.register && arguments.run.is_none() && arguments.best.is_none() {
        return Err(usage("--register", &"it goes with --run or --best"));
    }
    let store = open(settings)?;
    let journal = Journal::new(&settings.state_folder, &settings.store_name());
    if !settings.read_only && !arguments.dry_run {
        finish_interrupted(&store, &journal).await?;
    }
    if arguments.undo {
        return undo(settings, arguments, &store, &journal, &role, out).await;
    }
    let mut tries = TRIES;
    loop {
        let request = request(settings, arguments, &store, role.clone()).await?;
        match attempt(settings, arguments, &store, &journal, &request, out).await {
            // Somebody else promoted between the look and the write: all is judged anew.
            Err(Failure::Store(error)) if tries > 0 && promotion::is_outdated(&error) => tries -= 1,
            done => return done,
        }
    }
}

async fn attempt(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
    journal: &Journal,
    request: &PromotionRequest,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let plan = promotion::plan(store, request, &settings.selecting.patterns).await?;
    if !plan.is_held && !plan.verdict.is_passed() && !arguments.force {
        if arguments.json {
            print_json(&told(&plan, arguments, false, &[]), out)?;
        } else if arguments.dry_run {
            print_plan(&plan, "Would not promote", out)?;
        }
        let model = format!("{} {}", arguments.model, named(&plan));
        return Err(Failure::NotBetter(format!("{model} is not promoted: {}", plan.verdict.against())));
    }
    if arguments.dry_run {
        if arguments.json {
            return Ok(print_json(&told(&plan, arguments, false, &[]), out)?);
        }
        return Ok(print_plan(&plan, "Would promote", out)?);
    }
    let said = if plan.is_held {
        vec![format!("{} {} is {} already", arguments.model, named(&plan), request.role)]
    } else {
        let done = marking::promote(store, journal, &plan.promotion).await?;
        if arguments.json {
            let plan = PromotionPlan { promotion: done.promotion, ..plan };
            print_json(&told(&plan, arguments, done.holds, &done.messages), out)?;
            return if done.holds { Ok(()) } else { Err(Failure::NotBetter(done.messages.join("; "))) };
        }
        if !done.holds {
            return Err(Failure::NotBetter(done.messages.join("; ")));
        }
        done.messages
    };
    if arguments.json {
        return Ok(print_json(&told(&plan, arguments, false, &said), out)?);
    }
    if !plan.is_held {
        print_lines(&plan.verdict.lines(), out)?;
    }
    Ok(print_lines(&said, out)?)
}

fn print_lines(lines: &[String], out: &mut impl Write) -> std::io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{}", text::clean(line)))
}

fn named(plan: &PromotionPlan) -> String {
    plan.promotion.version.map_or("the new version".into(), |version| format!("v{version}"))
}

async fn undo(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
    journal: &Journal,
    role: &Role,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let model = &arguments.model;
    let log = Log::of(&store.get_registered_model(model).await?.tags);
    let Some(last) = log.holder(role) else {
        return Err(Failure::NoneEligible(format!("no version of {model:?} was promoted to {role}")));
    };
    let undone = marking::demote(store, journal, last, &settings.user, now_ms()).await?;
    if arguments.json {
        let told = json!({
            "model": model, "role": role.name(), "version": last.version, "said": undone.messages,
        });
        return Ok(print_json(&told, out)?);
    }
    Ok(print_lines(&undone.messages, out)?)
}

/// The policy of the settings, with what the command line says otherwise.
fn policy(settings: &Settings, arguments: &Arguments) -> Result<(ModelPolicy, Option<MetricGoal>), Failure> {
    let mut policy = settings.selecting.policy(&arguments.model);
    if let Some(least) = arguments.min_delta {
        if !(least.is_finite() && least >= 0.0) {
            return Err(Failure::Usage("--min-delta must be a number of at least 0".into()));
        }
        policy.min_delta = least;
    }
    if let Some(named) = &arguments.metric {
        let (metric, goal) = metric_named(settings, named);
        let goal = goal.ok_or_else(|| Failure::Usage(undirected(metric)))?;
        let named = MetricGoal::new(metric, goal);
        if policy.metric.as_ref().is_some_and(|known| *known != named) {
            policy.metric = Some(named.clone());
            // What is configured is for values of the other.
            policy.min_delta = arguments.min_delta.unwrap_or(0.0);
        }
        return Ok((policy, Some(named)));
    }
    Ok((policy, None))
}

fn undirected(metric: &str) -> String {
    format!("unknown whether lower or higher {metric:?} is better; write {metric}:min or {metric}:max")
}

/// A metric as it is written behind `--metric`, and its direction.
fn metric_named<'a>(settings: &Settings, words: &'a str) -> (&'a str, Option<Goal>) {
    let (metric, goal) = choosing::named(words);
    (metric, goal.or_else(|| settings.selecting.patterns.goal(&[], metric)))
}

/// Where nobody knows the direction of the metric: whether it is there at all.
async fn check_metric(settings: &Settings, arguments: &Arguments, store: &Store) -> Result<(), Failure> {
    let Some((metric, None)) = arguments.metric.as_deref().map(|words| metric_named(settings, words)) else {
        return Ok(());
    };
    if let Some(experiment) = &arguments.best {
        let experiment = find_experiment(store, experiment).await?;
        let newest = newest(store, &experiment).await?;
        return Err(missing_or(undirected(metric), &newest, &experiment, metric));
    }
    let run = if let Some(id) = &arguments.run {
        find_run(store, id).await?
    } else {
        let versions = store.model_versions(&arguments.model).await?;
        let version = versions.iter().find(|version| Some(version.version) == arguments.version);
        let Some(id) = version.and_then(|version| version.run_id.clone()) else { return Ok(()) };
        store.get_run(&id).await?
    };
    let known: Vec<&str> = run.metrics.iter().map(|metric| metric.key.as_str()).collect();
    if known.contains(&metric) {
        return Ok(());
    }
    Err(no_metric(&format!("run {} has no metric", run.info.run_name), metric, &known))
}

/// What to promote: the version that is named, or that of a run, or of the best run.
async fn request(
    settings: &Settings,
    arguments: &Arguments,
    store: &Store,
    role: Role,
) -> Result<PromotionRequest, Failure> {
    check_metric(settings, arguments, store).await?;
    let (policy, compare_by) = policy(settings, arguments)?;
    let mut why = "chosen by hand".to_owned();
    let version = if let Some(version) = arguments.version {
        Ok(version)
    } else if let Some(id) = &arguments.run {
        let run = find_run(store, id).await?.info.run_id;
        of_run(store, arguments, &run, None).await?
    } else if let Some(experiment) = &arguments.best {
        let experiment = find_experiment(store, experiment).await?;
        let metric = compare_by.as_ref().or(policy.metric.as_ref());
        let metric = metric.map(|metric| format!("{}:{}", metric.metric, metric.goal.short()));
        let chosen = PolicyFlags::by(metric).choose(settings, store, &experiment, 2).await?;
        let Some(found) = chosen.selection.best() else {
            return Err(best::none_eligible(store, &experiment, &chosen).await);
        };
        why = if chosen.is_counted {
            reason::why(&chosen.selection)
        } else {
            format!("{} of all eligible runs", reason::aim(&chosen.selection.policy))
        };
        let run = RunId::from(chosen.catalog.run_id(found.row));
        of_run(store, arguments, &run, Some(&ModelBy::of(&chosen.selection.policy))).await?
    } else {
        Ok(of_role_below(store, &arguments.model, &policy, &role).await?)
    };
    let first_earlier = settings.selecting.first_earlier(&role);
    Ok(PromotionRequest {
        model: arguments.model.clone(),
        version,
        role,
        policy,
        must_beat: arguments.if_better,
        compare_by,
        first_earlier,
        by: settings.user.clone(),
        now: now_ms(),
        random: fastrand::u32(..),
        why,
    })
}

/// The version of a run, or what one is registered from.
async fn of_run(
    store: &Store,
    arguments: &Arguments,
    id: &RunId,
    by: Option<&ModelBy>,
) -> Result<Result<u64, NewVersion>, Failure> {
    let run = store.get_run(id).await?;
    let versions = store.model_versions_of(std::slice::from_ref(id)).await?;
    let (versions, others): (Vec<_>, Vec<_>) =
        versions.into_iter().partition(|version| version.name == arguments.model);
    let source = marking::source(store, &run, by).await?;
    // One of several models of the run is the one that is meant; the newest version where none can be told.
    let same = versions.iter().find(|version| source.as_ref().is_ok_and(|source| source.is_of(version)));
    if let Some(version) = same.or(versions.first().filter(|_| source.is_err() || by.is_none())) {
        return Ok(Ok(version.version));
    }
    let of_others = || {
        let is_it = |version: &&ModelVersion| source.as_ref().is_ok_and(|source| source.is_of(version));
        others.iter().find(is_it).or(others.first().filter(|_| versions.is_empty()))
    };
    if let Some(other) = of_others().filter(|_| !arguments.register) {
        let (run, name, to) = (&run.info.run_name, &other.name, &arguments.to);
        return Err(Failure::NoneEligible(format!(
            "the model of run {run} is registered already, as {name} version {}: `mltui promote {} --version {} --to {}` \
             promotes it there, --register registers it under {} too",
            other.version,
            text::shell::quoted(name),
            other.version,
            text::shell::quoted(to),
            arguments.model
        )));
    }
    match source {
        Ok(source) => Ok(Err(NewVersion { run: run.info.run_id, source: source.address })),
        Err(note) => Err(Failure::NoneEligible(format!("nothing to promote: {note}"))),
    }
}

/// The version that holds the role below.
async fn of_role_below(
    store: &Store,
    model: &str,
    policy: &ModelPolicy,
    role: &Role,
) -> Result<u64, Failure> {
    let Some(from) = policy.comes_from(role) else {
        return Err(Failure::Usage("which version? name it with --version, --run or --best".into()));
    };
    let versions = store.model_versions(model).await?;
    let found = match from {
        Role::Alias(alias) => aliased(&versions, alias),
        Role::Stage(stage) => versions.iter().find(|version| version.current_stage == stage.as_str()),
    };
    match found {
        Some(found) => Ok(found.version),
        None => {
            // A model that is not there is told as such.
            match store.get_registered_model(model).await {
                Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => Err(error.into()),
                _ => Err(Failure::NoneEligible(format!("no version of {model:?} is {from}"))),
            }
        }
    }
}

fn print_plan(plan: &PromotionPlan, would: &str, out: &mut impl Write) -> std::io::Result<()> {
    let role = plan.promotion.role();
    let model = text::clean(&plan.promotion.model);
    if plan.is_held {
        return writeln!(out, "{model} {} is {role} already", named(plan));
    }
    writeln!(out, "{would} {model} {} to {role}:", named(plan))?;
    let lines = plan.writes.iter().cloned().chain(plan.difference()).chain(plan.verdict.lines());
    lines.into_iter().try_for_each(|line| writeln!(out, "  {}", text::clean(&line)))
}

/// The checks of a gate as JSON.
pub fn checks(verdict: &Verdict) -> Json {
    let number = |value: Option<f64>| value.map_or(Json::Null, json_number);
    let each = verdict.checks.iter().map(|check| {
        json!({
            "check": check.of.kind(), "name": check.of.name(), "outcome": check.outcome.as_str(),
            "own": number(check.own), "other": number(check.other), "words": check.words,
        })
    });
    Json::Array(each.collect())
}

fn told(plan: &PromotionPlan, arguments: &Arguments, promoted: bool, said: &[String]) -> Json {
    let number = |value: Option<f64>| value.map_or(Json::Null, json_number);
    let metric = plan.measured.as_ref().map(|(objective, own, other)| {
        json!({
            "name": objective.metric, "direction": objective.goal.short(), "own": number(*own),
            "holder": number(*other),
            "difference": number(own.zip(*other).map(|(own, other)| own - other)),
        })
    });
    let promotion = &plan.promotion;
    json!({
        "model": arguments.model, "version": promotion.version, "role": promotion.role, "holder": plan.holder,
        "promoted": promoted, "already": plan.is_held, "dry_run": arguments.dry_run, "by": promotion.by,
        "why": promotion.why, "promotion": promotion.id, "metric": metric,
        "gate": plan.verdict.outcome().as_str(), "checks": checks(&plan.verdict), "writes": plan.writes,
        "said": said,
    })
}
